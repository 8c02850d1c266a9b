// SPDX-License-Identifier: GPL-2.0

//! The paths, against a search over the arcs.

use super::client::OFFERS;
use migcore::migration::{next, Flags, State};
use migcore::Errno;
use State::{Error, PreCopy, PreCopyP2p, Resuming, Running, RunningP2p, Stop, StopCopy};

/// The arcs of a device that offers `flags`, as the text of `include/uapi/linux/vfio.h` and the
/// comment of `vfio_mig_get_next_state` list them.
fn arcs(flags: Flags) -> Vec<(State, State)> {
    let mut arcs = vec![
        (Resuming, Stop),
        (Stop, Resuming),
        (Stop, StopCopy),
        (StopCopy, Stop),
    ];
    arcs.extend(match flags.has(Flags::P2P) {
        true => vec![
            (Running, RunningP2p),
            (RunningP2p, Running),
            (RunningP2p, Stop),
            (Stop, RunningP2p),
        ],
        false => vec![(Running, Stop), (Stop, Running)],
    });
    if flags.has(Flags::PRE_COPY) {
        arcs.extend([(Running, PreCopy), (PreCopy, Running)]);
        arcs.extend(match flags.has(Flags::P2P) {
            true => vec![
                (PreCopy, PreCopyP2p),
                (PreCopyP2p, PreCopy),
                (RunningP2p, PreCopyP2p),
                (PreCopyP2p, RunningP2p),
                (PreCopyP2p, StopCopy),
            ],
            false => vec![(PreCopy, StopCopy)],
        });
    }
    arcs
}

/// All shortest paths over the arcs, start and end included, which have no state of the saving
/// group inside; but from one such state to another the session is kept, so the path stays there.
fn search(from: State, to: State, arcs: &[(State, State)]) -> Vec<Vec<State>> {
    let kept = from.is_saving() && to.is_saving();
    let mut paths = vec![vec![from]];
    // No shortest path has more states than there are.
    for _ in State::ALL {
        let done: Vec<_> = paths
            .iter()
            .filter(|p| p.last() == Some(&to))
            .cloned()
            .collect();
        if !done.is_empty() || paths.is_empty() {
            return done;
        }
        paths = paths
            .iter()
            .flat_map(|path| {
                let here = path[path.len() - 1];
                let steps = arcs
                    .iter()
                    .filter(move |arc| arc.0 == here)
                    .map(|arc| arc.1);
                steps
                    .filter(|s| !path.contains(s))
                    .filter(|s| *s == to || s.is_saving() == kept)
                    .map(|s| [path.as_slice(), &[s]].concat())
            })
            .collect();
    }
    Vec::new()
}

/// Follows the answers.
fn walk(from: State, to: State, flags: Flags) -> Result<Vec<State>, Errno> {
    let mut path = vec![from];
    while path[path.len() - 1] != to {
        assert!(path.len() <= State::ALL.len(), "{from} to {to}: {path:?}");
        path.push(next(path[path.len() - 1], to, flags)?);
    }
    Ok(path)
}

#[test]
fn every_path_is_the_only_shortest_one() {
    for (_, flags) in OFFERS {
        let arcs = arcs(flags);
        for from in State::ALL {
            for to in State::ALL {
                let wanted = search(from, to, &arcs);
                let offered = [from, to]
                    .iter()
                    .all(|s| *s != Error && flags.has(s.needs()));
                let found = next(from, to, flags);
                if !offered || wanted.is_empty() {
                    assert_eq!(found, Err(Errno::Inval), "{flags:?}: {from} to {to}");
                    continue;
                }
                assert_eq!(wanted.len(), 1, "{flags:?}: {from} to {to} is not decided");
                assert_eq!(walk(from, to, flags).as_ref(), Ok(&wanted[0]), "{flags:?}");
            }
        }
    }
}

#[test]
fn only_the_way_back_to_pre_copy_is_closed() {
    for (_, flags) in OFFERS {
        let offered = || {
            State::ALL
                .into_iter()
                .filter(|s| *s != Error && flags.has(s.needs()))
        };
        for from in offered() {
            for to in offered() {
                let closed = from == StopCopy && to.is_precopy();
                assert_eq!(next(from, to, flags).is_err(), closed, "{from} to {to}");
            }
        }
    }
}

#[test]
fn numbers_are_those_of_the_header() {
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
    for (number, name) in (0..).zip(names) {
        let state = State::from_number(number).expect("a state");
        assert_eq!((state.number(), state.to_string().as_str()), (number, name));
    }
    assert_eq!(State::from_number(8), None);
    assert_eq!(State::from_number(u32::MAX), None);
    let bits = OFFERS.map(|(_, flags)| flags.bits());
    assert_eq!(bits, [1, 3, 5, 7]);
}
