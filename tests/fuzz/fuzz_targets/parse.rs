// SPDX-License-Identifier: GPL-2.0

//! Any bytes as a write, and as a version string.

#![no_main]

#[path = "../checks/parse.rs"]
mod parse;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| parse::check(bytes));
