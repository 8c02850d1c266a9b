// SPDX-License-Identifier: GPL-2.0

//! Any bytes as what two clients and a device do.

#![no_main]

// What the other tests need of them is of no use here.
#[allow(dead_code)]
#[path = "../../core/migration/client.rs"]
mod client;
#[allow(dead_code)]
#[path = "../../core/migration/model.rs"]
mod model;
#[path = "../checks/script.rs"]
mod script;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| script::check(bytes));
