// SPDX-License-Identifier: GPL-2.0

//! One migration machine, which every client interface of a device stands on.
//!
//! A [`Machine`] holds the state of a migration and its session, and calls a [`Device`] at the
//! arcs between states. The v2 interface (ioctls, a data file) needs nothing but its methods: a
//! state is asked for with [`Machine::request`], the data file reads with [`Machine::put`] and
//! writes with [`Machine::push`]. The v1 interface is a region of registers and data:
//! [`v1::Region`] turns accesses to it into the same calls. So there is one truth, whoever asks.
//!
//! | module | what it holds |
//! |---|---|
//! | `state` | the states, the flags that offer them, what a device does in each |
//! | `path` | which state comes next on the way to another |
//! | `device` | what the machine asks of a device |
//! | `borrower` | payloads that a device lends instead of copying them |
//! | `session` | what is open between two states: a save or a load |
//! | `machine` | requests, arc by arc; reset, failure, close |
//! | `transfer` | the bytes of a session, out and in |
//! | [`v1`] | the region |
//!
//! Source: `include/uapi/linux/vfio.h` of the kernel, the text from
//! `VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE` to `VFIO_MIG_GET_PRECOPY_INFO`.

mod borrower;
mod device;
mod machine;
mod path;
mod refused;
mod session;
mod state;
mod transfer;
pub mod v1;

pub use borrower::{Borrower, Direct};
pub use device::{Device, Pending, Phase};
pub use machine::Machine;
pub use path::next;
pub use refused::Refused;
pub use session::{Direction, Front, Opened, SessionId};
pub use state::{Activity, Flags, State};
pub use transfer::{Filled, Put};
