// SPDX-License-Identifier: GPL-2.0

//! The states of a migration and what each request must do, from the rules of the interface's
//! description: the arcs that a set of flags has, the shortest path over them, and no saving state
//! inside a path unless both its ends are. Shares nothing with the code under test.

use std::collections::VecDeque;

#[cfg(test)]
pub(crate) use vfio_client::states::ERROR;
pub(crate) use vfio_client::states::{
    has, name, saving, State, COUNT, FLAG_P2P, FLAG_PRE_COPY, PRE_COPY, PRE_COPY_P2P, RESUMING,
    RUNNING, RUNNING_P2P, STOP, STOP_COPY,
};

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
