// SPDX-License-Identifier: GPL-2.0

//! The way from one state to another.
//!
//! Source: the text above `enum vfio_device_mig_state` in the kernel's
//! `include/uapi/linux/vfio.h`, which gives the arcs and how a path over them is chosen.
//! `vfio_mig_get_next_state` in its `drivers/vfio/vfio_main.c` answers alike.

use super::state::{Flags, State};
use crate::errno::Errno;

/// The next state on the way from `from` to `to`, for a device that offers `flags`.
///
/// The states that carry no session lie on a line, RUNNING, RUNNING_P2P, STOP, and each state with
/// a session beside one of them:
///
/// ```text
/// PRE_COPY   PRE_COPY_P2P   STOP_COPY  RESUMING
///    |            |                 \  /
/// RUNNING --- RUNNING_P2P --------- STOP
/// ```
///
/// A path leaves its session first, then walks the line, and enters the new session last; so no
/// session is opened on the way only to be dropped again. Within the saving group, whose states
/// share a session, it goes directly.
///
/// # Errors
///
/// `EINVAL`: one of the two is ERROR or not offered, or the path would lead from STOP_COPY back to
/// pre-copy.
pub fn next(from: State, to: State, flags: Flags) -> Result<State, Errno> {
    let offered = |s: State| s != State::Error && flags.has(s.needs());
    if !offered(from) || !offered(to) {
        return Err(Errno::Inval);
    }
    if from == to {
        return Ok(to);
    }
    if from.is_saving() && to.is_saving() {
        return match (from, to) {
            (State::StopCopy, _) => Err(Errno::Inval),
            // The device is quiet before it stops, where it knows how to be.
            (State::PreCopy, State::StopCopy) if flags.has(Flags::P2P) => Ok(State::PreCopyP2p),
            _ => Ok(to),
        };
    }
    let (here, there) = (ground(from), ground(to));
    Ok(if here != from {
        here
    } else if there == from {
        to
    } else {
        along(from, there, flags)
    })
}

/// The state of the line that `state` lies beside, itself if it is of the line.
const fn ground(state: State) -> State {
    match state {
        State::PreCopy => State::Running,
        State::PreCopyP2p => State::RunningP2p,
        State::StopCopy | State::Resuming => State::Stop,
        other => other,
    }
}

/// One step on the line.
const fn along(from: State, to: State, flags: Flags) -> State {
    match (from, to) {
        (State::RunningP2p, _) => to,
        _ if flags.has(Flags::P2P) => State::RunningP2p,
        _ => to,
    }
}
