// SPDX-License-Identifier: GPL-2.0

//! What must be gone before the module's code is.
//!
//! C header: [`include/linux/module.h`](srctree/include/linux/module.h)
//!
//! The kernel keeps pointers to code and data of the module without a reference to it: the driver
//! on the mdev bus, a class's name, the callbacks of files. Values that undo themselves take these
//! back, at the latest when the module's exit drops what it owns. But safe code can keep a value
//! from being dropped (`core::mem::forget`), and nothing that a type says can refuse that. So each
//! such value has a [`Resident`], the residents are counted, and a module that is left with one
//! after its exit is stopped before its code goes, by a `BUG` that says why.

use crate::bindings;
use kernel::{
    error::to_result,
    prelude::*, //
};

/// Part of a value that is registered with the kernel: while one exists, the module's code stays.
///
/// The drop of the last one waits until no task runs the module's code on its way out of a callback
/// that has already said that it is done.
pub(crate) struct Resident(());

impl Resident {
    /// One more.
    pub(crate) fn new() -> Result<Self> {
        // SAFETY: May be called from wherever one can sleep, as long as the module's code runs.
        to_result(unsafe { bindings::mdev_helper_text_get() })?;
        Ok(Self(()))
    }
}

impl Drop for Resident {
    fn drop(&mut self) {
        // SAFETY: Undoes the call in `new`.
        unsafe { bindings::mdev_helper_text_put() };
    }
}
