// SPDX-License-Identifier: GPL-2.0

//! The states of the v2 protocol: every request in every state against the table.

use crate::{
    case::{enter, load, must, saved, Case, Done, Load, Stop, Test},
    device::{self, named, write_all},
    sys,
    table::{self, Expected, State},
};
use nix::errno::Errno;
use std::os::fd::AsFd;

/// The tests of this group.
pub(crate) const TESTS: &[Test] = &[
    Test::new(
        "states.from-stop",
        "STOP: each of the eight requests as the table says",
        |case| from(case, table::STOP),
    ),
    Test::new(
        "states.from-running",
        "RUNNING: each request as the table says",
        |case| from(case, table::RUNNING),
    ),
    Test::new(
        "states.from-stop-copy",
        "STOP_COPY: each request as the table says",
        |case| from(case, table::STOP_COPY),
    ),
    Test::new(
        "states.from-resuming",
        "RESUMING with a whole stream: each request as the table says",
        |case| from(case, table::RESUMING),
    ),
    Test::new(
        "states.from-running-p2p",
        "RUNNING_P2P: each request as the table says",
        |case| from(case, table::RUNNING_P2P),
    ),
    Test::new(
        "states.from-pre-copy",
        "PRE_COPY: each request as the table says",
        |case| from(case, table::PRE_COPY),
    ),
    Test::new(
        "states.from-pre-copy-p2p",
        "PRE_COPY_P2P: each request as the table says",
        |case| from(case, table::PRE_COPY_P2P),
    ),
    Test::new(
        "states.walk",
        "a walk over all pairs in one go, with unread data left behind",
        walk,
    ),
    Test::new(
        "states.empty-load",
        "RESUMING with nothing written cannot be left for STOP: EINVAL, and it stays",
        empty_load,
    ),
    Test::new(
        "states.reset",
        "reset in every state: RUNNING, and the data's file is dead",
        reset,
    ),
    Test::new(
        "states.second-open",
        "two descriptors of one device see one state",
        second_open,
    ),
    Test::new(
        "states.dma-mapping",
        "memory can be mapped and unmapped in every state",
        dma_mapping,
    ),
];

/// Brings a device that runs to `state`; in RESUMING a whole stream is written already.
fn settle(
    device: &device::Device,
    state: State,
    stream: &[u8],
) -> Result<Option<std::os::fd::OwnedFd>, Stop> {
    let file = enter(device, state)?;
    if let (table::RESUMING, Some(file)) = (state, &file) {
        write_all(file.as_fd(), stream, 4096).map_err(|(done, errno)| {
            Stop::Fail(format!("the device's own stream, at {done}: {errno}"))
        })?;
    }
    Ok(file)
}

fn from(case: &mut Case<'_>, from: State) -> Done {
    let (device, flags) = case.open_v2()?;
    if !table::has(from, flags) {
        return Err(Stop::Skip(format!(
            "flags {flags:#x} have no {}",
            table::name(from)
        )));
    }
    let stream = saved(&device)?;
    for to in (0..table::COUNT).chain([table::COUNT]) {
        must("reset", device.reset())?;
        let file = settle(&device, from, &stream)?;
        case.equal("state before", device.state(), Ok(from));
        let what = format!("{} -> {}", table::name(from), table::name(to));
        let answer = device.set_state(to);
        let state = device.state();
        match table::expected(from, to, flags) {
            Expected::Refused => {
                case.refused(&what, answer, &[Errno::EINVAL]);
                case.equal(format!("{what}: state"), state, Ok(from));
                alive(case, &what, from, file.as_ref(), true);
            }
            Expected::Nothing => {
                let new = case.fine(&what, answer).flatten();
                case.check(new.is_none(), || format!("{what}: a file came with it"));
                case.equal(format!("{what}: state"), state, Ok(from));
                alive(case, &what, from, file.as_ref(), true);
            }
            Expected::Moved {
                file: wanted,
                keeps,
            } => {
                let Some(new) = case.fine(&what, answer) else {
                    continue;
                };
                case.equal(format!("{what}: state"), state, Ok(to));
                case.equal(
                    format!("{what}: a file came with it"),
                    new.is_some(),
                    wanted,
                );
                alive(case, &what, from, file.as_ref(), keeps);
                alive(case, &what, to, new.as_ref(), true);
            }
        }
    }
    Ok(())
}

/// Whether a file that belongs to a session answers as it must: with data, or with ENODEV.
fn alive(
    case: &mut Case<'_>,
    what: &str,
    state: State,
    file: Option<&std::os::fd::OwnedFd>,
    lives: bool,
) {
    let Some(file) = file else { return };
    let answer = if state == table::RESUMING {
        sys::write(file.as_fd(), &[])
    } else {
        sys::read(file.as_fd(), &mut [0; 1])
    };
    match answer {
        Err(Errno::ENODEV) if lives => case.problem(format!(
            "{what}: the file of {} is dead",
            table::name(state)
        )),
        Err(Errno::ENODEV) => {}
        // A write of nothing does not get as far as the driver on every kernel.
        Ok(0) if state == table::RESUMING => {}
        answer if lives => case.check(answer.is_ok() || answer == Err(Errno::ENOMSG), || {
            format!("{what}: its file: {answer:?}")
        }),
        answer => case.problem(format!(
            "{what}: the old file answers {answer:?}, not ENODEV"
        )),
    }
}

fn walk(case: &mut Case<'_>) -> Done {
    let (device, flags) = case.open_v2()?;
    let states = table::states(flags);
    // Every pair once, one after another, without a reset; data is never read. RESUMING is left by
    // reset alone, since nothing was written.
    let mut at = table::RUNNING;
    let mut left: Vec<(State, State)> = states
        .iter()
        .flat_map(|from| states.iter().map(|to| (*from, *to)))
        .collect();
    left.retain(|(from, _)| *from != table::RESUMING);
    let mut steps = 0;
    while !left.is_empty() {
        let next = left.iter().position(|(from, _)| *from == at);
        let to = match next {
            Some(index) => left.swap_remove(index).1,
            None => left[0].0,
        };
        let what = format!("step {steps}, {} -> {}", table::name(at), table::name(to));
        let answer = device.set_state(to);
        if table::expected(at, to, flags) == Expected::Refused {
            case.refused(&what, answer.map(drop), &[Errno::EINVAL]);
            if next.is_none() {
                must("RUNNING", device.set_state(table::RUNNING))?;
                at = table::RUNNING;
            }
        } else {
            must(&what, answer)?;
            at = to;
        }
        case.equal(format!("{what}: state"), device.state(), Ok(at));
        if at == table::RESUMING {
            must("reset", device.reset())?;
            at = table::RUNNING;
        }
        steps += 1;
    }
    case.note(format!("{steps} steps"));
    Ok(())
}

fn empty_load(case: &mut Case<'_>) -> Done {
    let (device, flags) = case.open_v2()?;
    for to in table::states(flags)
        .into_iter()
        .filter(|to| *to != table::RESUMING)
    {
        must("reset", device.reset())?;
        let _file = enter(&device, table::RESUMING)?;
        let what = format!("RESUMING with nothing written -> {}", table::name(to));
        case.refused(&what, device.set_state(to), &[Errno::EINVAL]);
        case.equal(
            format!("{what}: state"),
            device.state(),
            Ok(table::RESUMING),
        );
    }
    // A device that was refused is alive after a reset.
    must("reset", device.reset())?;
    let stream = saved(&device)?;
    case.equal(
        "a good stream then",
        load(&device, &stream, 4096)?,
        Load::Taken,
    );
    Ok(())
}

fn reset(case: &mut Case<'_>) -> Done {
    let (device, flags) = case.open_v2()?;
    for state in table::states(flags) {
        let name = table::name(state);
        let file = enter(&device, state)?;
        case.fine(format!("reset in {name}"), device.reset());
        case.equal(
            format!("state after a reset in {name}"),
            device.state(),
            Ok(table::RUNNING),
        );
        alive(
            case,
            &format!("reset in {name}"),
            state,
            file.as_ref(),
            false,
        );
        // And in the middle of the data.
        if table::saving(state) {
            let file = enter(&device, state)?;
            if let Some(file) = &file {
                let _ = sys::read(file.as_fd(), &mut [0; 5]);
            }
            case.fine(
                format!("reset in {name}, data read in part"),
                device.reset(),
            );
            alive(
                case,
                &format!("reset in {name}, data read in part"),
                state,
                file.as_ref(),
                false,
            );
        }
    }
    Ok(())
}

fn second_open(case: &mut Case<'_>) -> Done {
    let (device, flags) = case.open_v2()?;
    let Some(second) = device.again() else {
        return Err(Stop::Skip("a character device is opened once".to_owned()));
    };
    let second = must("opening it again", second)?;
    for state in table::states(flags) {
        must("reset", device.reset())?;
        let _file = enter(&device, state)?;
        case.equal(
            "the second descriptor's state",
            named(device::state(second.as_fd())),
            table::name(state),
        );
    }
    must("reset", device.reset())?;
    let _file = must(
        "STOP_COPY by the second",
        device::set_state(second.as_fd(), table::STOP_COPY),
    )?;
    case.equal(
        "the first descriptor's state",
        device.state(),
        Ok(table::STOP_COPY),
    );
    drop(second);
    case.equal(
        "state after the second is closed",
        device.state(),
        Ok(table::STOP_COPY),
    );
    Ok(())
}

fn dma_mapping(case: &mut Case<'_>) -> Done {
    let (device, flags) = case.open_v2()?;
    let pages = must("pages", sys::Pages::new())?;
    for state in table::states(flags) {
        must("reset", device.reset())?;
        let _file = enter(&device, state)?;
        let name = table::name(state);
        case.fine(
            format!("mapping in {name}"),
            device
                .space()
                .map(pages.writable(), 0x10_0000, sys::PAGE as u64),
        );
        case.fine(
            format!("unmapping in {name}"),
            device.space().unmap(0x10_0000, sys::PAGE as u64),
        );
    }
    Ok(())
}
