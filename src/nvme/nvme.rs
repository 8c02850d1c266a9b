// SPDX-License-Identifier: GPL-2.0

//! An NVM Express controller, base specification 1.4, with one namespace of the NVM command set.
//!
//! A [`Controller`] is plain data with methods. What is around it (guest memory, media,
//! interrupts, time) it sees through the traits of [`outside`]; it never waits, locks or
//! allocates. Registers are read and written by [`Controller::read`] and [`Controller::write`],
//! which are cheap; all other work is in [`Controller::process`], a bounded piece at a time. So it
//! belongs into a lock that the accesses to registers and one worker share.
//!
//! | module | what it holds |
//! |---|---|
//! | [`spec`] | what the specification defines, item by item |
//! | [`outside`] | guest memory, media, interrupts and time as traits |
//! | [`config`] | what a controller is, and who it is |
//! | `controller` | the controller: registers, enabling, reset, shutdown |
//! | `process` | the loop over the queues |
//! | `queue`, `doorbell`, `interrupt` | rings; who moves their ends; who hears of it |
//! | `command`, `prp` | an entry of a submission queue; where its data is |
//! | `admin`, `io` | the commands |
//! | `events`, `errors`, `health`, `features` | what the commands ask about |
//! | [`state`] | all that a guest can observe, as bytes and back |
//! | [`media`] | media that takes memory only for what was written, and knows what changed |
//! | `drive` | a controller and its media, as a driver has them |
//! | [`migration`] | a drive as records, and back: media that moves while the guest writes it |
//!
//! What a guest can do wrong ends with a status, an event or a fatal controller, as the
//! specification says, and hurts nobody but the guest.
//!
//! The crate uses neither allocation nor unsafe code nor unstable features, and knows nothing of
//! the kernel. Of `migcore` it uses what the records of a migration are made of. It does not have: fused operations, SGLs, metadata, firmware updates, namespace
//! management, host memory buffer, controller memory buffer.

// Kbuild defines MODULE and injects `no_std` by itself.
#![cfg_attr(not(MODULE), no_std)]
#![forbid(unsafe_code)]

mod admin;
mod command;
pub mod config;
mod controller;
mod doorbell;
mod drive;
mod errors;
mod events;
mod features;
mod health;
mod interrupt;
mod io;
pub mod media;
pub mod migration;
pub mod outside;
mod process;
mod prp;
mod queue;
mod registers;
pub mod spec;
pub mod state;

pub use command::{Command, Failure};
pub use config::{BlockSize, Config, ConfigError, Identity, Optional};
pub use controller::Controller;
pub use drive::Drive;
pub use queue::MAX_IO_QUEUES;
pub use registers::REGISTERS;

/// The largest transfer of a command, as a power of two of pages (MDTS).
pub const MAX_TRANSFER_SHIFT: u8 = 7;

/// The largest transfer of a command, in bytes.
pub const MAX_TRANSFER: usize = spec::PAGE << MAX_TRANSFER_SHIFT;
