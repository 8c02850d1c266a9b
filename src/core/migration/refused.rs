// SPDX-License-Identifier: GPL-2.0

//! Why a state was not reached.

use super::session::Front;
use super::state::State;
use crate::errno::Errno;
use crate::stream::Refusal;
use core::fmt;

/// Why a request for a state failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The device is in ERROR, which only a reset leaves.
    Failed {
        /// Who asked.
        front: Front,
    },
    /// There is no way from the one state to the other.
    Illegal {
        /// The state.
        from: State,
        /// The state asked for.
        to: State,
    },
    /// A session of the other client interface is open.
    Busy {
        /// Whose it is.
        by: Front,
    },
    /// The device refused an arc.
    Device {
        /// Where the arc starts, and the device still is.
        from: State,
        /// Where it leads.
        to: State,
        /// The device's errno.
        errno: Errno,
    },
    /// What was loaded is not whole, or was refused before.
    Stream(Refusal),
}

impl Refused {
    /// The errno that the request fails with.
    pub const fn errno(&self) -> Errno {
        match self {
            Refused::Failed { front: Front::V1 } => Errno::Io,
            Refused::Failed { front: Front::V2 } | Refused::Illegal { .. } => Errno::Inval,
            Refused::Busy { .. } => Errno::Busy,
            Refused::Device { errno, .. } => *errno,
            Refused::Stream(refusal) => refusal.errno(),
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refused::Failed { .. } => f.write_str("the device is in ERROR: reset it"),
            Refused::Illegal { from, to } => write!(f, "there is no way from {from} to {to}"),
            Refused::Busy { by } => write!(f, "a session of {by} is open: end it there first"),
            Refused::Device { from, to, errno } => {
                write!(f, "the device refuses {from} to {to} with {errno}")
            }
            Refused::Stream(refusal) => write!(f, "the stream was not taken: {refusal}"),
        }
    }
}

impl core::error::Error for Refused {}
