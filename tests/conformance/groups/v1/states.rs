// SPDX-License-Identifier: GPL-2.0

//! States: each pair of them, cancelling, and what becomes of a chunk then.

use super::{DATA_OFFSET, DATA_SIZE, INVALID, PENDING, STATE, V1};
use crate::groups::data_fd::difference;
use crate::{
    case::{must, Case, Done, Stop, Test},
    sys::{self},
};
use std::os::fd::AsFd;

/// The tests of this part.
pub(in crate::groups) const TESTS: &[Test] = &[
    Test::new(
        "v1.states",
        "each of the eight values in each state, and X over X",
        states,
    ),
    Test::new(
        "v1.reserved-bits",
        "bits 3 to 31 are refused and change nothing",
        reserved_bits,
    ),
    Test::new(
        "v1.skipped-data",
        "data that is not fetched is offered again or superseded; the state can be left",
        skipped,
    ),
    Test::new(
        "v1.mid-chunk",
        "a state written in the middle of a chunk; what follows is whole",
        mid_chunk,
    ),
    Test::new("v1.reset", "reset in every state gives state 1", reset),
    Test::new(
        "v1.paused-migration",
        "migrated while paused, then continued: 0, 2, 1, then 0, 2",
        paused,
    ),
    Test::new(
        "v1.cancel",
        "cancelled at each phase, then migrated again",
        cancel,
    ),
    Test::new(
        "v1.two-descriptors",
        "one descriptor changes the state while another reads",
        two_descriptors,
    ),
];

/// What this protocol allows: all that the other one's states have a path for, and a restart.
fn allowed(from: u32, to: u32) -> bool {
    let valid = |state| matches!(state, 0..=4);
    valid(to) && valid(from) && !(from == 4 && (to == 2 || to == 3))
}

fn states(case: &mut Case<'_>) -> Done {
    let device = case.open()?;
    let v1 = V1::of(&device)?;
    let stream = v1.saved()?;
    for from in [0, 1, 2, 3, 4] {
        for to in 0..8 {
            v1.enter(from)?;
            if from == 4 {
                must("loading", v1.feed(&stream, 4096))?;
            }
            let answer = v1.set(to);
            let what = format!("{from} -> {to}");
            if from == to || allowed(from, to) {
                case.fine(&what, answer);
                case.equal(format!("{what}: state"), v1.state(), Ok(to));
            } else {
                case.refused(&what, answer, &INVALID);
                case.equal(format!("{what}: state"), v1.state(), Ok(from));
            }
            if from == to && from == 2 {
                let again = v1.drain()?;
                case.check(again == stream, || difference("2 over 2", &again, &stream));
            }
        }
    }
    Ok(())
}

fn reserved_bits(case: &mut Case<'_>) -> Done {
    let device = case.open()?;
    let v1 = V1::of(&device)?;
    for from in [1, 0, 2, 4] {
        v1.enter(from)?;
        for bit in 3..32 {
            case.refused(
                format!("{from} with bit {bit}"),
                v1.set(from | (1 << bit)),
                &INVALID,
            );
            case.equal("state", v1.state(), Ok(from));
        }
    }
    Ok(())
}

fn skipped(case: &mut Case<'_>) -> Done {
    let device = case.open()?;
    let v1 = V1::of(&device)?;
    for from in [2, 3] {
        // Offered and not fetched, then each way out.
        for to in [0, 1, 2, 4] {
            v1.enter(from)?;
            must("pending_bytes", v1.get(PENDING))?;
            must("data_offset", v1.get(DATA_OFFSET))?;
            case.fine(format!("{from} -> {to} with a chunk unread"), v1.set(to));
        }
        v1.enter(from)?;
        must("pending_bytes", v1.get(PENDING))?;
        must("data_offset", v1.get(DATA_OFFSET))?;
        must("-> 2", v1.set(2))?;
        let stream = v1.drain()?;
        must("-> 0", v1.set(0))?;
        must("-> 4", v1.set(4))?;
        case.fine(
            format!("from {from}: loading what came after a chunk that was offered only"),
            v1.feed(&stream, 4096),
        );
        case.fine(format!("from {from}: 4 -> 1"), v1.set(1));
    }
    Ok(())
}

fn mid_chunk(case: &mut Case<'_>) -> Done {
    let device = case.open()?;
    let v1 = V1::of(&device)?;
    must("1 -> 3", v1.set(3))?;
    let mut stream = Vec::new();
    if must("pending_bytes", v1.get(PENDING))? > 0 {
        let offset = must("data_offset", v1.get(DATA_OFFSET))?;
        let mut data = vec![0; must("data_size", v1.get(DATA_SIZE))? as usize];
        let half = data.len() / 2;
        must("the first half", v1.fetch(offset, &mut data[..half]))?;
        must("3 -> 2", v1.set(2))?;
        // A client finishes the chunk that it is in.
        must(
            "the second half",
            v1.fetch(offset + half as u64, &mut data[half..]),
        )?;
        stream.extend(data);
    } else {
        must("3 -> 2", v1.set(2))?;
    }
    stream.extend(v1.drain()?);
    must("2 -> 0", v1.set(0))?;
    must("0 -> 4", v1.set(4))?;
    case.fine("loading it", v1.feed(&stream, 4096));
    case.fine("4 -> 1", v1.set(1));
    Ok(())
}

fn reset(case: &mut Case<'_>) -> Done {
    let device = case.open()?;
    let v1 = V1::of(&device)?;
    for state in [0, 1, 2, 3, 4] {
        v1.enter(state)?;
        let _ = v1.get(PENDING);
        let _ = v1.get(DATA_OFFSET);
        case.fine(format!("reset in {state}"), device.reset());
        case.equal(format!("state after a reset in {state}"), v1.state(), Ok(1));
        case.equal(
            format!("pending_bytes after a reset in {state}"),
            v1.get(PENDING),
            Ok(0),
        );
    }
    Ok(())
}

fn paused(case: &mut Case<'_>) -> Done {
    let device = case.open()?;
    let v1 = V1::of(&device)?;
    must("1 -> 0", v1.set(0))?;
    must("0 -> 2", v1.set(2))?;
    let first = must("a chunk", v1.chunk())?;
    case.check(first.is_some(), || "nothing is pending in 2".to_owned());
    // `cont` while it migrates: the client goes on asking for data in state 1.
    must("2 -> 1", v1.set(1))?;
    for _ in 0..3 {
        case.equal("pending_bytes in state 1", v1.get(PENDING), Ok(0));
        case.equal("data_size in state 1", v1.get(DATA_SIZE), Ok(0));
    }
    must("1 -> 0", v1.set(0))?;
    must("0 -> 2", v1.set(2))?;
    must("2 over 2", v1.set(2))?;
    let stream = v1.drain()?;
    must("2 -> 0", v1.set(0))?;
    must("0 -> 4", v1.set(4))?;
    case.fine("loading", v1.feed(&stream, 4096));
    case.fine("4 -> 1", v1.set(1));
    Ok(())
}

fn cancel(case: &mut Case<'_>) -> Done {
    let device = case.open()?;
    let v1 = V1::of(&device)?;
    // After so many chunks of pre-copy, or in stop-and-copy after so many.
    for (early, late) in [
        (0, None),
        (1, None),
        (9, None),
        (1, Some(0)),
        (1, Some(1)),
        (0, Some(9)),
    ] {
        must("1 -> 3", v1.set(3))?;
        let mut stream = Vec::new();
        for _ in 0..early {
            stream.extend(must("a chunk", v1.chunk())?.unwrap_or_default());
        }
        if let Some(late) = late {
            must("3 -> 2", v1.set(2))?;
            must("2 over 2", v1.set(2))?;
            for _ in 0..late {
                stream.extend(must("a chunk", v1.chunk())?.unwrap_or_default());
            }
        }
        case.fine(
            format!("cancelled after {early} and {late:?} chunks"),
            v1.set(1),
        );
        case.fine("1 over 1", v1.set(1));
        case.equal("pending_bytes", v1.get(PENDING), Ok(0));
        must("1 -> 3", v1.set(3))?;
        let mut stream = v1.drain()?;
        must("3 -> 2", v1.set(2))?;
        stream.extend(v1.drain()?);
        must("2 -> 0", v1.set(0))?;
        must("0 -> 4", v1.set(4))?;
        case.fine(
            format!("loading what came after {early} and {late:?}"),
            v1.feed(&stream, 4096),
        );
        case.fine("4 -> 1", v1.set(1));
    }
    Ok(())
}

fn two_descriptors(case: &mut Case<'_>) -> Done {
    let device = case.open()?;
    let v1 = V1::of(&device)?;
    let Some(second) = device.again() else {
        return Err(Stop::Skip("a character device is opened once".to_owned()));
    };
    let second = must("opening it again", second)?;
    let rounds = case.settings().rounds;
    let base = v1.region.offset as i64;
    let panicked = std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            for _ in 0..rounds * 4 {
                for register in [STATE, PENDING, DATA_OFFSET, DATA_SIZE, 0x1000] {
                    let _ = sys::pread(second.as_fd(), &mut [0; 8], base + register as i64);
                }
            }
        });
        for _ in 0..rounds {
            for state in [3, 2, 0, 1, 4] {
                let _ = v1.set(state);
            }
            let _ = device.reset();
        }
        reader.join().is_err()
    });
    case.check(!panicked, || "a thread panicked".to_owned());
    must("reset", device.reset())?;
    let stream = v1.saved()?;
    must("1 -> 4", v1.set(4))?;
    case.fine("loading then", v1.feed(&stream, 4096));
    Ok(())
}
