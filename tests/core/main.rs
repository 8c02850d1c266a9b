// SPDX-License-Identifier: GPL-2.0

//! Tests of `migcore` from outside: through what the kernel modules and the tools use of it.
//!
//! | module | what it holds migcore against |
//! |---|---|
//! | `line`, `version`, `accepts` | the grammar: every limit, and that reading loses nothing |
//! | `contract`, `place` | a driver's table and the places made from it |
//! | `verdict` | the independent evaluator, `tests/evaluate.py`, on random questions |
//! | `order` | all subsets of broken rules: the lowest must win |
//! | `stream` | every bit, byte and record of a stream damaged; any pieces |
//! | `refusals` | each refusal of a stream, its errno and its text |
//! | `replay` | the fuzzer's checks, on its corpus, with a plain model of the stream |
//! | `config`, `load` | the configuration space bit by bit; its state, sound and hostile |
//! | `migration` | the machine and the region, in every state, against tables and rules |
//! | `dirty` | a plain set of pages |
//! | `errno` | the C library's numbers and texts |
//! | `texts` | every message, whole, in `tests/golden/core` |
//!
//! `generate`, `mutate`, `evaluator`, `streams` and `golden` are what these are made of. `PROPTEST_CASES=N`
//! asks for more cases than each test does by itself; `BLESS=1` rewrites the golden texts.

mod accepts;
mod config;
mod contract;
mod dirty;
mod errno;
mod evaluator;
mod generate;
mod golden;
mod line;
mod load;
mod migration;
mod mutate;
mod order;
mod place;
mod refusals;
mod replay;
mod stream;
mod streams;
mod texts;
mod verdict;
mod version;

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
