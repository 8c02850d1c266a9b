// SPDX-License-Identifier: GPL-2.0

//! Both protocols of one device: one session, one truth.

use super::{PENDING, V1};
use crate::{
    case::{must, v2_flags, Case, Done, Test},
    sys::{self},
    table,
};
use nix::errno::Errno;
use std::os::fd::AsFd;

/// The tests of this part.
pub(in crate::groups) const TESTS: &[Test] = &[
    Test::new(
        "v1.one-session",
        "a session of one protocol refuses one of the other: EBUSY",
        one_session,
    ),
    Test::new(
        "v1.one-truth",
        "what one protocol does the other shows",
        one_truth,
    ),
];

fn one_session(case: &mut Case<'_>) -> Done {
    let device = case.open()?;
    let v1 = V1::of(&device)?;
    let flags = v2_flags(&device)?;
    for mine in [2, 3, 4] {
        v1.enter(mine)?;
        let now = must("state", device.state())?;
        for to in table::states(flags).into_iter().filter(|to| *to != now) {
            case.refused(
                format!("v1 in {mine}, v2 -> {}", table::name(to)),
                device.set_state(to).map(drop),
                &[Errno::EBUSY, Errno::EINVAL],
            );
            case.equal("v1's state after it", v1.state(), Ok(mine));
        }
        case.fine(
            format!("v1 in {mine}, v2 over the same"),
            device.set_state(now),
        );
    }
    for state in [table::STOP_COPY, table::PRE_COPY, table::RESUMING] {
        if !table::has(state, flags) {
            continue;
        }
        must("reset", device.reset())?;
        let file = crate::case::enter_with_file(&device, state)?;
        let now = must("state", v1.state())?;
        for to in [0, 1, 2, 3, 4].into_iter().filter(|to| *to != now) {
            case.refused(
                format!("v2 in {}, v1 -> {to}", table::name(state)),
                v1.set(to),
                &[Errno::EBUSY, Errno::EINVAL],
            );
        }
        case.fine("v1 over the same", v1.set(now));
        case.equal("v2's state after it", device.state(), Ok(state));
        case.equal("v1's pending_bytes", v1.get(PENDING), Ok(0));
        if state != table::RESUMING {
            case.fine("reading the file", sys::read(file.as_fd(), &mut [0; 8]));
        }
    }
    Ok(())
}

fn one_truth(case: &mut Case<'_>) -> Done {
    let device = case.open()?;
    let v1 = V1::of(&device)?;
    v2_flags(&device)?;
    let pairs = [
        (0, table::STOP),
        (1, table::RUNNING),
        (2, table::STOP_COPY),
        (3, table::PRE_COPY),
        (4, table::RESUMING),
    ];
    for (mine, theirs) in pairs {
        v1.enter(mine)?;
        case.equal(
            format!("v1 in {mine}: v2's state"),
            device.state(),
            Ok(theirs),
        );
        must("reset", device.reset())?;
        let _file = must(table::name(theirs), device.set_state(theirs))?;
        case.equal(
            format!("v2 in {}: v1's state", table::name(theirs)),
            v1.state(),
            Ok(mine),
        );
    }
    // Started by one, stopped by the other.
    must("reset", device.reset())?;
    must("v1: 1 -> 0", v1.set(0))?;
    case.fine("v2: STOP -> RUNNING", device.set_state(table::RUNNING));
    case.equal("v1's state", v1.state(), Ok(1));
    Ok(())
}
