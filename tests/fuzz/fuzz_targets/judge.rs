// SPDX-License-Identifier: GPL-2.0

//! Two lines: an accepts line, and the source that is held against it.

#![no_main]

#[path = "../checks/judge.rs"]
mod judge;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| judge::check(bytes));
