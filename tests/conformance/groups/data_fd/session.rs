// SPDX-License-Identifier: GPL-2.0

//! The life of the file, and that of its session.

use crate::{
    case::{enter_with_file, must, saved, Case, Done, Stop, Test},
    device::{precopy_info, write_all},
    sys::{self},
    table,
};
use nix::errno::Errno;
use std::os::fd::AsFd;

/// The tests of this part.
pub(in crate::groups) const TESTS: &[Test] = &[
    Test::new(
        "data-fd.dead",
        "after each way out of a session its file is ENODEV, for ever",
        dead,
    ),
    Test::new(
        "data-fd.closed-early",
        "a session goes on without its file, and its state can be left",
        closed_early,
    ),
];

fn dead(case: &mut Case<'_>) -> Done {
    let (device, flags) = case.open_v2()?;
    let saving = [table::STOP_COPY, table::PRE_COPY, table::PRE_COPY_P2P];
    for from in saving.into_iter().filter(|state| table::has(*state, flags)) {
        for to in table::states(flags) {
            if table::expected(from, to, flags)
                != (table::Expected::Moved {
                    file: to == table::RESUMING,
                    keeps: false,
                })
            {
                continue;
            }
            must("reset", device.reset())?;
            let file = enter_with_file(&device, from)?;
            let _new = must(
                format!("{} -> {}", table::name(from), table::name(to)),
                device.set_state(to),
            )?;
            let what = format!("the file of {} in {}", table::name(from), table::name(to));
            for _ in 0..2 {
                case.refused(
                    format!("reading {what}"),
                    sys::read(file.as_fd(), &mut [0; 4]),
                    &[Errno::ENODEV],
                );
            }
            if from != table::STOP_COPY {
                let answer = precopy_info(file.as_fd(), 24, 0).map(drop);
                case.refused(
                    format!("GET_PRECOPY_INFO of {what}"),
                    answer,
                    &[Errno::ENODEV, Errno::EINVAL],
                );
            }
            // A new session is not its session.
            must("reset", device.reset())?;
            let fresh = enter_with_file(&device, from)?;
            case.refused(
                format!("reading {what}, a new session open"),
                sys::read(file.as_fd(), &mut [0; 4]),
                &[Errno::ENODEV],
            );
            case.fine("reading the new one", sys::read(fresh.as_fd(), &mut [0; 4]));
        }
    }
    must("reset", device.reset())?;
    let stream = saved(&device)?;
    let file = enter_with_file(&device, table::RESUMING)?;
    write_all(file.as_fd(), &stream, 4096)
        .map_err(|(at, errno)| Stop::Fail(format!("own stream at {at}: {errno}")))?;
    must("RESUMING -> STOP", device.set_state(table::STOP))?;
    case.refused(
        "writing after RESUMING",
        sys::write(file.as_fd(), &stream[..1]),
        &[Errno::ENODEV],
    );
    Ok(())
}

fn closed_early(case: &mut Case<'_>) -> Done {
    let (device, flags) = case.open_v2()?;
    let stream = saved(&device)?;
    for state in [table::PRE_COPY, table::PRE_COPY_P2P, table::STOP_COPY] {
        if !table::has(state, flags) {
            continue;
        }
        let name = table::name(state);
        drop(enter_with_file(&device, state)?);
        case.equal(
            format!("state after closing the file of {name}"),
            device.state(),
            Ok(state),
        );
        if state != table::STOP_COPY {
            let answer = case.fine(
                format!("{name} -> STOP_COPY without a file"),
                device.set_state(table::STOP_COPY),
            );
            case.check(answer.is_none_or(|file| file.is_none()), || {
                "a new file came".to_owned()
            });
        }
        case.fine(
            format!("{name}: leaving it"),
            device.set_state(table::RUNNING),
        );
        let again = saved(&device)?;
        case.equal(
            format!("length of the stream after {name}"),
            again.len(),
            stream.len(),
        );
    }
    // All was written before it is closed: that is a whole load.
    let file = enter_with_file(&device, table::RESUMING)?;
    write_all(file.as_fd(), &stream, 4096)
        .map_err(|(at, errno)| Stop::Fail(format!("own stream at {at}: {errno}")))?;
    drop(file);
    case.fine(
        "RESUMING -> RUNNING with the file closed",
        device.set_state(table::RUNNING),
    );
    let file = enter_with_file(&device, table::RESUMING)?;
    drop(file);
    case.refused(
        "RESUMING -> STOP, closed with nothing written",
        device.set_state(table::STOP),
        &[Errno::EINVAL],
    );
    case.fine("reset", device.reset());
    Ok(())
}
