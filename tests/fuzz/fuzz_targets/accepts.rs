// SPDX-License-Identifier: GPL-2.0

//! Any text as an accepts line.

#![no_main]

#[path = "../checks/accepts.rs"]
mod accepts;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| accepts::check(bytes));
