// SPDX-License-Identifier: GPL-2.0

//! What a user of VFIO devices does with them: opening by group or by iommufd, regions,
//! interrupts, address spaces, both migration protocols. One function is one system call, with the
//! kernel's own answer.
//!
//! All `unsafe` of the programs that test devices from user space is in [`sys`].

pub mod device;
pub mod log;
pub mod states;
pub mod sys;
pub mod target;
pub mod v1;
