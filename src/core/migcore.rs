// SPDX-License-Identifier: GPL-2.0

//! Whether the state of one device can be loaded by another, decided from two lines of text.
//!
//! A *version string* says what a source device is, an *accepts line* what a place (a type, a
//! device) takes; [`judge`] compares the two and names the first rule that refuses. Kernel
//! modules, command-line tool and tests use this crate, so that their verdicts cannot differ.
//! The contract in words is `Documentation/version-string.md`.
//!
//! ```
//! use migcore::{judge, AcceptsLine, Rule};
//!
//! let target = AcceptsLine::parse("acme/1,model=a1,type=big|small,rings=1..8,state=2..3")?;
//! assert!(judge("acme/1,model=a1,type=big,rings=4,state=2", &target).is_ok());
//!
//! let refusal = judge("acme/1,model=a1,type=big,rings=9,state=2", &target).unwrap_err();
//! assert_eq!(refusal.rule(), Rule::Parameter);
//! assert_eq!(refusal.to_string(), "parameter `rings`: source has 9, target accepts 1..8");
//! # Ok::<(), migcore::ParseError<'static>>(())
//! ```
//!
//! | module | what it holds |
//! |---|---|
//! | [`line`](mod@line) | what a write is allowed to look like at all; escaping for logs |
//! | `fields`, `value` | the syntax that both kinds of line share |
//! | `version` | the version string as a type |
//! | `accepts` | what a place takes, key by key; the accepts line as a type |
//! | `contract`, `place` | a driver's static table, and a place described by it |
//! | `source` | what a version string says, as values |
//! | `verdict` | the comparator, its rules and their errnos |
//! | [`config`] | the configuration space of a PCI function: every bit, and who may change it |
//! | [`dirty`] | which guest memory a device wrote |
//! | [`interrupts`] | what a device has raised and nobody has heard yet |
//! | [`migration`] | the machine of a migration, and the region in front of it |
//! | [`stream`] | the bytes of a migration: records, their checks and refusals |
//!
//! The crate uses neither allocation nor unsafe code nor unstable features, and knows nothing of
//! the kernel.

// Kbuild defines MODULE and injects `no_std` by itself.
#![cfg_attr(not(MODULE), no_std)]
#![forbid(unsafe_code)]

mod accepts;
pub mod config;
mod contract;
pub mod dirty;
mod errno;
mod fields;
pub mod interrupts;
pub mod line;
pub mod migration;
mod place;
mod source;
pub mod stream;
mod value;
mod verdict;
mod version;

pub use accepts::{Accept, AcceptsLine, Entry, Steps, Words};
pub use contract::{lists, Contract, Param, ParamRule, MAX_PARAMS};
pub use errno::Errno;
pub use fields::{Fields, ParseError, Problem};
pub use line::{Escaped, Line, LineError};
pub use place::{Identity, Node, Parameter, Place};
pub use source::Source;
pub use value::{is_key, is_namespace, is_word, parse_mask, parse_number};
pub use verdict::{judge, Refusal, Rule, Target};
pub use version::{Head, Version, GRAMMAR};
