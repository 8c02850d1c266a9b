// SPDX-License-Identifier: GPL-2.0

//! Any bytes as the records of an NVMe drive.

#![no_main]

#[path = "../checks/disk.rs"]
mod disk;
#[path = "../checks/records.rs"]
mod records;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| records::check(bytes));
