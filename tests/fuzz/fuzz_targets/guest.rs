// SPDX-License-Identifier: GPL-2.0

//! Any bytes as what a hostile guest does to an NVMe drive.

#![no_main]

// What the other check needs of it.
#[allow(dead_code)]
#[path = "../checks/disk.rs"]
mod disk;
#[path = "../checks/guest.rs"]
mod guest;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| guest::check(bytes));
