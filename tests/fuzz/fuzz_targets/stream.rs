// SPDX-License-Identifier: GPL-2.0

//! Any bytes as a stream, and streams changed by someone who knows what they are made of.

#![no_main]

#[path = "../checks/edit.rs"]
mod edit;
#[path = "../checks/model.rs"]
mod model;
#[path = "../checks/stream.rs"]
mod stream;

use edit::{change, Chance};
use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};

fuzz_target!(|bytes: &[u8]| stream::check(bytes));

fuzz_mutator!(|data: &mut [u8], size: usize, limit: usize, seed: u32| {
    let mut chance = Chance::new(seed.into());
    // Now and then any change, for what has no place in a record.
    if chance.below(8) == 0 {
        return fuzzer_mutate(data, size, limit);
    }
    let changed = change(&data[..size], &mut chance, limit);
    data[..changed.len()].copy_from_slice(&changed);
    changed.len()
});
