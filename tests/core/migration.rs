// SPDX-License-Identifier: GPL-2.0

//! The migration machine and the region in front of it, over a device that watches its calls.
//!
//! | module | what it does |
//! |---|---|
//! | `model` | the device: blocks of bytes that can be saved, and every call checked for its order |
//! | `client` | a host for it, with both client interfaces at hand |
//! | `qemu` | what QEMU 7.2 does to the region, access by access |
//! | `path` | the paths, against a search over the arcs that the kernel's header lists |
//! | `table` | every state x request x flags x failing call, whole, in `tests/golden/migration` |
//! | `machine` | sessions: who owns them, when they end, what a dead one says |
//! | `reading` | a save as the data file reads it |
//! | `lending` | the same, of a device that lends what it would have to copy |
//! | `script` | what the fuzzer runs: both clients and the device in any order |
//! | `registers`, `saving`, `loading` | the region, rule by rule |
//! | `sequences` | whole migrations as QEMU 7.2 makes them, and where they are cancelled |
//! | `random` | both interfaces and resets in any order, and what must hold after each step |

mod client;
mod lending;
mod loading;
mod machine;
mod model;
mod path;
mod qemu;
mod random;
mod reading;
mod registers;
mod saving;
#[path = "../fuzz/checks/script.rs"]
pub(crate) mod script;
mod sequences;
mod table;
