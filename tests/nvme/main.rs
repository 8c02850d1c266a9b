// SPDX-License-Identifier: GPL-2.0

//! Tests of the controller from outside: through its registers, and queues in guest memory.
//!
//! | module | what it holds the controller against |
//! |---|---|
//! | `registers` | the registers, enabling, reset, shutdown; doorbells right and wrong |
//! | `queues` | creating, deleting, wrapping, filling and sharing queues |
//! | `identify`, `features`, `logs`, `events` | the commands of administration, field by field |
//! | `io`, `prp` | the I/O commands, field by field; where data may be |
//! | `state` | the state as bytes: complete, exact, safe against any bytes |
//! | `media` | sparse media: what it holds, what it takes, what has changed |
//! | `drive` | a drive as records and back: complete, exact, safe against any records |
//! | `replay` | what the fuzzer runs: hostile guests and hostile records |
//! | `interrupts`, `shadow` | who hears of what; doorbells in guest memory |
//! | `mastering` | what a function without Bus Master Enable does, and what waits for it |
//!
//! `computer` and `guest` are what these are made of: what is around a controller, and what a
//! driver does. `PROPTEST_CASES=N` asks for more cases than each test does by itself.

mod computer;
mod drive;
mod events;
mod features;
mod guest;
mod identify;
mod interrupts;
mod io;
mod logs;
mod mastering;
mod media;
mod prp;
mod queues;
mod registers;
mod replay;
mod shadow;
mod state;

use proptest::test_runner::Config;

/// At least `count` cases, more if `PROPTEST_CASES` says so. Nothing is written into the tree: a
/// failure prints its smallest input, which is to become a test of its own.
fn cases(count: u32) -> Config {
    let asked = std::env::var("PROPTEST_CASES")
        .ok()
        .and_then(|n| n.parse().ok());
    Config {
        cases: asked.unwrap_or(0).max(count),
        failure_persistence: None,
        ..Config::default()
    }
}
