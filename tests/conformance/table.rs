// SPDX-License-Identifier: GPL-2.0

//! The states of a migration and what each request must do, from the rules of the interface's
//! description: the arcs that a set of flags has, the shortest path over them, and no saving state
//! inside a path unless both its ends are. Shares nothing with the code under test.

use std::collections::VecDeque;
use vfio_bindings::bindings::vfio as uapi;

/// Number of a state.
pub(crate) type State = u32;
/// The device cannot go on until it is reset.
#[cfg(test)]
const ERROR: State = uapi::vfio_device_mig_state_VFIO_DEVICE_STATE_ERROR;
/// Does not run.
pub(crate) const STOP: State = uapi::vfio_device_mig_state_VFIO_DEVICE_STATE_STOP;
/// Runs.
pub(crate) const RUNNING: State = uapi::vfio_device_mig_state_VFIO_DEVICE_STATE_RUNNING;
/// Stopped, its state can be read.
pub(crate) const STOP_COPY: State = uapi::vfio_device_mig_state_VFIO_DEVICE_STATE_STOP_COPY;
/// Stopped, a state can be written.
pub(crate) const RESUMING: State = uapi::vfio_device_mig_state_VFIO_DEVICE_STATE_RESUMING;
/// Runs, but begins nothing towards other devices.
pub(crate) const RUNNING_P2P: State = uapi::vfio_device_mig_state_VFIO_DEVICE_STATE_RUNNING_P2P;
/// Runs, and its state can be read.
pub(crate) const PRE_COPY: State = uapi::vfio_device_mig_state_VFIO_DEVICE_STATE_PRE_COPY;
/// Both of the last two.
pub(crate) const PRE_COPY_P2P: State = uapi::vfio_device_mig_state_VFIO_DEVICE_STATE_PRE_COPY_P2P;
/// How many there are.
pub(crate) const COUNT: State = uapi::vfio_device_mig_state_VFIO_DEVICE_STATE_NR;

const FLAG_P2P: u64 = uapi::VFIO_MIGRATION_P2P as u64;
const FLAG_PRE_COPY: u64 = uapi::VFIO_MIGRATION_PRE_COPY as u64;

/// A state's name.
pub(crate) fn name(state: State) -> String {
    let names = [
        "ERROR",
        "STOP",
        "RUNNING",
        "STOP_COPY",
        "RESUMING",
        "RUNNING_P2P",
        "PRE_COPY",
        "PRE_COPY_P2P",
    ];
    names
        .get(state as usize)
        .map_or_else(|| format!("state {state:#x}"), |name| (*name).to_owned())
}

/// Whether a device's state can be read out in this state.
pub(crate) fn saving(state: State) -> bool {
    matches!(state, STOP_COPY | PRE_COPY | PRE_COPY_P2P)
}

/// Whether a device with these flags has this state.
pub(crate) fn has(state: State, flags: u64) -> bool {
    match state {
        STOP | RUNNING | STOP_COPY | RESUMING => true,
        RUNNING_P2P => flags & FLAG_P2P != 0,
        PRE_COPY => flags & FLAG_PRE_COPY != 0,
        PRE_COPY_P2P => flags & FLAG_P2P != 0 && flags & FLAG_PRE_COPY != 0,
        _ => false,
    }
}

/// The states that a request can be made in.
pub(crate) fn states(flags: u64) -> Vec<State> {
    (0..COUNT).filter(|state| has(*state, flags)).collect()
}

fn arcs(flags: u64) -> Vec<(State, State)> {
    let mut arcs = vec![
        (RESUMING, STOP),
        (STOP, RESUMING),
        (STOP, STOP_COPY),
        (STOP_COPY, STOP),
    ];
    let mut both = |one, other| arcs.extend([(one, other), (other, one)]);
    let p2p = flags & FLAG_P2P != 0;
    if p2p {
        both(RUNNING, RUNNING_P2P);
        both(RUNNING_P2P, STOP);
    } else {
        both(RUNNING, STOP);
    }
    if flags & FLAG_PRE_COPY != 0 {
        both(RUNNING, PRE_COPY);
        if p2p {
            both(PRE_COPY, PRE_COPY_P2P);
            both(RUNNING_P2P, PRE_COPY_P2P);
            arcs.push((PRE_COPY_P2P, STOP_COPY));
        } else {
            arcs.push((PRE_COPY, STOP_COPY));
        }
    }
    arcs
}

/// What a request must do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expected {
    /// EINVAL, and the state stays.
    Refused,
    /// Nothing: the device is there already; no file, and an open session goes on.
    Nothing,
    /// The new state; whether a file comes with it, and whether a session that was open goes on.
    Moved {
        /// A new file descriptor.
        file: bool,
        /// The old one goes on.
        keeps: bool,
    },
}

/// What the request `to` in the state `from` must do on a device with these flags.
pub(crate) fn expected(from: State, to: State, flags: u64) -> Expected {
    if from == to {
        return Expected::Nothing;
    }
    match path(from, to, flags) {
        None => Expected::Refused,
        Some(_) => Expected::Moved {
            file: to == RESUMING || (saving(to) && !saving(from)),
            keeps: saving(from) && saving(to),
        },
    }
}

/// The states that a request passes, without the first.
pub(crate) fn path(from: State, to: State, flags: u64) -> Option<Vec<State>> {
    if !has(from, flags) || !has(to, flags) {
        return None;
    }
    // What is stopped for its last copy cannot go back to copying while it runs.
    if from == STOP_COPY && saving(to) {
        return None;
    }
    let arcs = arcs(flags);
    let mut reached = vec![None; COUNT as usize];
    let mut queue = VecDeque::from([from]);
    while let Some(at) = queue.pop_front() {
        for &(_, next) in arcs.iter().filter(|(start, _)| *start == at) {
            let inside = next != to;
            let allowed = !inside || !saving(next) || (saving(from) && saving(to));
            if next != from && allowed && reached[next as usize].is_none() {
                reached[next as usize] = Some(at);
                queue.push_back(next);
            }
        }
    }
    let mut path = vec![to];
    let mut at = to;
    while let Some(before) = reached[at as usize] {
        if before == from {
            path.reverse();
            return Some(path);
        }
        path.push(before);
        at = before;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: u64 = 7;

    #[test]
    fn long_ways() {
        assert_eq!(
            path(RUNNING, RESUMING, ALL),
            Some(vec![RUNNING_P2P, STOP, RESUMING])
        );
        assert_eq!(
            path(PRE_COPY, STOP, ALL),
            Some(vec![RUNNING, RUNNING_P2P, STOP])
        );
        assert_eq!(
            path(PRE_COPY, STOP_COPY, ALL),
            Some(vec![PRE_COPY_P2P, STOP_COPY])
        );
        assert_eq!(
            path(STOP, PRE_COPY, ALL),
            Some(vec![RUNNING_P2P, RUNNING, PRE_COPY])
        );
        assert_eq!(
            path(RUNNING, PRE_COPY_P2P, ALL),
            Some(vec![RUNNING_P2P, PRE_COPY_P2P])
        );
        assert_eq!(path(RUNNING, STOP_COPY, 1), Some(vec![STOP, STOP_COPY]));
        assert_eq!(path(PRE_COPY, STOP_COPY, 5), Some(vec![STOP_COPY]));
    }

    #[test]
    fn refused() {
        assert_eq!(expected(STOP_COPY, PRE_COPY, ALL), Expected::Refused);
        assert_eq!(expected(STOP_COPY, PRE_COPY_P2P, ALL), Expected::Refused);
        assert_eq!(expected(RUNNING, ERROR, ALL), Expected::Refused);
        assert_eq!(expected(RUNNING, PRE_COPY, 1), Expected::Refused);
        assert_eq!(expected(RUNNING, 8, ALL), Expected::Refused);
    }

    #[test]
    fn every_pair_of_full_flags() {
        let refused = (1..COUNT).flat_map(|from| (0..COUNT).map(move |to| (from, to)));
        let refused = refused
            .filter(|(from, to)| expected(*from, *to, ALL) == Expected::Refused)
            .count();
        // To ERROR from seven states, and from STOP_COPY to both kinds of pre-copy.
        assert_eq!(refused, 9);
    }
}
