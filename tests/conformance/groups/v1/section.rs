// SPDX-License-Identifier: GPL-2.0

//! The data section: whole streams through it, trapped and mapped; bad ones.

use super::{DATA_OFFSET, DATA_SIZE, INVALID, PENDING, V1};
use crate::groups::data_fd::difference;
use crate::{
    case::{must, Case, Done, Stop, Test},
    sys::Mapping,
};
use std::os::fd::AsFd;

/// The tests of this part.
pub(in crate::groups) const TESTS: &[Test] = &[
    Test::new(
        "v1.chunks",
        "a stream loads in chunks of 1, 7, 4096 bytes and the whole section",
        chunks,
    ),
    Test::new(
        "v1.mapped",
        "mapped and trapped access show the same data",
        mapped,
    ),
    Test::new(
        "v1.mapping-kept",
        "a mapping outlives states, reset and the device's descriptor",
        mapping_kept,
    ),
    Test::new(
        "v1.nothing-left",
        "nothing of what one user saved is in the section when the next one opens the device",
        nothing_left,
    ),
    Test::new(
        "v1.cut",
        "a stream cut short: 4 -> 1 is EINVAL and 4 stays, reset revives",
        cut,
    ),
    Test::new(
        "v1.garbage",
        "garbage is refused by the data_size write, never shows ERROR",
        garbage,
    ),
    Test::new(
        "v1.savevm",
        "1 -> 2 without pre-copy gives a whole stream",
        savevm,
    ),
];

fn chunks(case: &mut Case<'_>) -> Done {
    let device = case.open()?;
    let v1 = V1::of(&device)?;
    let stream = v1.saved()?;
    v1.enter(4)?;
    let room = must("data_offset", v1.room())?;
    for chunk in [1, 7, 4095, 4096, room.saturating_sub(1).max(1), room] {
        if stream.len() / chunk > 1 << 16 {
            continue;
        }
        v1.enter(4)?;
        case.fine(format!("chunks of {chunk}"), v1.feed(&stream, chunk));
        case.fine("4 -> 1", v1.set(1));
        let again = v1.saved()?;
        case.check(again == stream, || {
            difference(&format!("by chunks of {chunk}"), &again, &stream)
        });
    }
    Ok(())
}

/// The first area that can be mapped, mapped.
fn map(v1: &V1<'_>) -> Result<(u64, Mapping), Stop> {
    let area = v1
        .region
        .areas
        .as_ref()
        .and_then(|areas| areas.first().copied());
    let Some((offset, size)) = area else {
        return Err(Stop::Skip("nothing of it can be mapped".to_owned()));
    };
    let mapping = Mapping::new(
        v1.device.as_fd(),
        (v1.region.offset + offset) as i64,
        size as usize,
        false,
    );
    Ok((offset, must("mapping", mapping)?))
}

fn mapped(case: &mut Case<'_>) -> Done {
    let device = case.open()?;
    let v1 = V1::of(&device)?;
    let (area, mapping) = map(&v1)?;
    let stream = v1.saved()?;
    must("1 -> 2", v1.set(2))?;
    let mut read = Vec::new();
    while must("pending_bytes", v1.get(PENDING))? > 0 {
        let offset = must("data_offset", v1.get(DATA_OFFSET))?;
        let size = must("data_size", v1.get(DATA_SIZE))? as usize;
        let by_map = mapping.get((offset - area) as usize, size);
        let mut trapped = vec![0; size];
        must("data", v1.fetch(offset, &mut trapped))?;
        case.check(by_map == trapped, || {
            difference("mapped", &by_map, &trapped)
        });
        read.extend(by_map);
    }
    case.check(read == stream, || {
        difference("read by the mapping", &read, &stream)
    });
    v1.enter(4)?;
    // Half of each chunk through the mapping, half trapped.
    for part in stream.chunks(4096) {
        let offset = must("data_offset", v1.get(DATA_OFFSET))?;
        let half = part.len() / 2;
        mapping.put((offset - area) as usize, &part[..half]);
        must("store", v1.store(offset + half as u64, &part[half..]))?;
        must(
            "data_size",
            v1.put(DATA_SIZE, &(part.len() as u64).to_ne_bytes()),
        )?;
    }
    case.fine("4 -> 1", v1.set(1));
    let again = v1.saved()?;
    case.check(again == stream, || {
        difference("loaded by the mapping", &again, &stream)
    });
    Ok(())
}

fn mapping_kept(case: &mut Case<'_>) -> Done {
    let device = case.open()?;
    let v1 = V1::of(&device)?;
    let (_, mapping) = map(&v1)?;
    for state in [2, 3, 0, 1, 4] {
        must("reset", device.reset())?;
        must("state", v1.set(state))?;
        let _ = mapping.get(0, 8);
        mapping.put(0, &[state as u8; 8]);
    }
    must("reset", device.reset())?;
    mapping.put(0, &[0x77; 8]);
    case.equal(
        "the mapping after a reset",
        mapping.get(0, 8),
        vec![0x77; 8],
    );
    drop(v1);
    drop(device);
    mapping.put(0, &[0x78; 8]);
    case.equal(
        "the mapping after closing the device",
        mapping.get(0, 8),
        vec![0x78; 8],
    );
    // As long as it stands the device is open; then it can be opened anew.
    drop(mapping);
    let device = case.open()?;
    case.equal("state after reopening", V1::of(&device)?.state(), Ok(1));
    Ok(())
}

fn nothing_left(case: &mut Case<'_>) -> Done {
    let device = case.open()?;
    let v1 = V1::of(&device)?;
    v1.saved()?;
    let offset = must("data_offset", v1.get(DATA_OFFSET))?;
    must("store", v1.store(offset, &[0x5a; 4096]))?;
    drop(v1);
    drop(device);
    let device = case.open()?;
    let v1 = V1::of(&device)?;
    let mut data = vec![0; must("data_offset", v1.room())?];
    must("the section", v1.fetch(offset, &mut data))?;
    let left = data.iter().filter(|byte| **byte != 0).count();
    case.equal("bytes that are not 0", left, 0);
    Ok(())
}

fn cut(case: &mut Case<'_>) -> Done {
    let device = case.open()?;
    let v1 = V1::of(&device)?;
    let stream = v1.saved()?;
    let step = stream.len().div_ceil(64).max(1);
    for length in (0..stream.len()).step_by(step).chain([stream.len() - 1]) {
        for to in [1, 0] {
            v1.enter(4)?;
            must("loading", v1.feed(&stream[..length], 4096))?;
            case.refused(
                format!("cut after {length}: 4 -> {to}"),
                v1.set(to),
                &INVALID,
            );
            case.equal(format!("cut after {length}: state"), v1.state(), Ok(4));
        }
    }
    v1.enter(4)?;
    case.fine("the whole stream then", v1.feed(&stream, 4096));
    case.fine("4 -> 1", v1.set(1));
    Ok(())
}

fn garbage(case: &mut Case<'_>) -> Done {
    let device = case.open()?;
    let v1 = V1::of(&device)?;
    for byte in [0, 0xff, 0x5a] {
        v1.enter(4)?;
        case.check(v1.feed(&[byte; 4096], 4096).is_err(), || {
            format!("4096 bytes of {byte:#x} were taken")
        });
        case.equal("state after it", v1.state(), Ok(4));
        case.check(v1.feed(&[byte; 64], 64).is_err(), || {
            "and so were more".to_owned()
        });
        case.check(v1.set(1).is_err(), || "4 -> 1 succeeded".to_owned());
        case.equal("state after 4 -> 1", v1.state(), Ok(4));
        case.fine("reset", device.reset());
        case.equal("state after the reset", v1.state(), Ok(1));
    }
    Ok(())
}

fn savevm(case: &mut Case<'_>) -> Done {
    let device = case.open()?;
    let v1 = V1::of(&device)?;
    crate::groups::load::stir(&device, 0x44)?;
    let stream = v1.saved()?;
    case.check(!stream.is_empty(), || "nothing was pending".to_owned());
    must("reset", device.reset())?;
    must("1 -> 4", v1.set(4))?;
    case.fine("loading", v1.feed(&stream, 4096));
    case.fine("4 -> 1", v1.set(1));
    let again = v1.saved()?;
    case.check(again == stream, || {
        difference("saved again", &again, &stream)
    });
    Ok(())
}
