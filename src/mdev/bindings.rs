// SPDX-License-Identifier: GPL-2.0

//! Everything of C that this crate calls: mdev and VFIO from our own bindgen run, the rest from
//! the kernel's. Private, so that no driver can reach it.
//!
//! C headers: [`include/linux/mdev.h`](srctree/include/linux/mdev.h),
//! [`include/linux/vfio.h`](srctree/include/linux/vfio.h)

// Generated code, which has no comments of ours and is not ours to shape.
#![allow(
    clippy::all,
    clippy::cast_lossless,
    clippy::undocumented_unsafe_blocks,
    clippy::ptr_as_ptr,
    clippy::ref_as_ptr,
    dead_code,
    improper_ctypes,
    missing_docs,
    non_camel_case_types,
    non_snake_case,
    non_upper_case_globals,
    unnameable_types,
    unreachable_pub,
    unsafe_op_in_unsafe_fn
)]

pub(crate) use kernel::bindings::*;
use kernel::ffi;

// Exported by Kbuild; depends on the configuration of the kernel that is built for.
include!(env!("MDEV_BINDINGS"));
