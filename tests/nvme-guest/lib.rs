// SPDX-License-Identifier: GPL-2.0

//! A guest without an operating system: it opens an NVMe controller behind VFIO, brings it up by
//! its registers, and gives it commands through queues in memory of its own. And it is the
//! client that migrates it.
//!
//! | module | what it has |
//! |---|---|
//! | [`memory`] | the guest's memory, and what is where in it |
//! | [`command`] | entries of submission and completion queues |
//! | [`queue`] | rings, and who moves their ends |
//! | [`interrupts`] | INTx, MSI and MSI-X, waited for |
//! | [`controller`] | registers, bringing up, commands of administration |
//! | [`blocks`] | commands on the media |
//! | [`content`] | contents that can be told again |
//! | [`migration`] | both protocols, as a client uses them |

#![forbid(unsafe_code)]

pub mod blocks;
pub mod command;
pub mod content;
pub mod controller;
pub mod interrupts;
pub mod memory;
pub mod migration;
pub mod queue;

pub use nvme::MAX_TRANSFER;

/// What can go wrong, as told to people.
pub type Result<T = ()> = std::result::Result<T, String>;

/// Says what was done when it failed.
pub fn during<E: std::fmt::Display>(what: impl std::fmt::Display) -> impl FnOnce(E) -> String {
    move |error| format!("{what}: {error}")
}

/// Wrong unless they are equal.
///
/// # Errors
///
/// They are not.
pub fn equal<T: PartialEq + std::fmt::Debug>(
    what: impl std::fmt::Display,
    got: T,
    wanted: T,
) -> Result {
    if got == wanted {
        Ok(())
    } else {
        Err(format!("{what}: wanted {wanted:?}, got {got:?}"))
    }
}

/// Wrong unless it is true.
///
/// # Errors
///
/// It is not.
pub fn ensure(truth: bool, what: impl FnOnce() -> String) -> Result {
    if truth {
        Ok(())
    } else {
        Err(what())
    }
}
