// SPDX-License-Identifier: GPL-2.0

//! The registers: their layout, widths, and what they tell.

use super::{DATA_OFFSET, DATA_SIZE, INVALID, PENDING, V1};
use crate::case::{must, Case, Done, Stop, Test};
use crate::groups::data_fd::difference;
use vfio_bindings::bindings::vfio as uapi;

/// The tests of this part.
pub(in crate::groups) const TESTS: &[Test] = &[
    Test::new(
        "v1.layout",
        "registers are trapped, the data section lies behind them",
        layout,
    ),
    Test::new(
        "v1.widths",
        "reads and writes of 1, 2, 3, 5 and 8 bytes at each offset, over ends: no wrong byte",
        widths,
    ),
    Test::new(
        "v1.read-only",
        "writes to what cannot be written change nothing",
        read_only,
    ),
    Test::new(
        "v1.repeated-reads",
        "pending_bytes, data_offset and data_size tell the same twice",
        repeated,
    ),
    Test::new(
        "v1.data-when-not-saving",
        "in states 0 and 1 pending_bytes is 0, data_size 0, nothing fails",
        not_saving,
    ),
    Test::new(
        "v1.data-size",
        "data_size 0 is taken, more than the section, or outside state 4, EINVAL",
        data_size,
    ),
];

fn layout(case: &mut Case<'_>) -> Done {
    let device = case.open()?;
    let v1 = V1::of(&device)?;
    let region = &v1.region;
    let both = uapi::VFIO_REGION_INFO_FLAG_READ | uapi::VFIO_REGION_INFO_FLAG_WRITE;
    case.equal("READ and WRITE", region.flags & both, both);
    case.equal("offset of the region modulo 8", region.offset % 8, 0);
    if region.flags & uapi::VFIO_REGION_INFO_FLAG_MMAP != 0 {
        case.check(region.areas.is_some(), || {
            "it can be mapped as a whole, the registers too".to_owned()
        });
    }
    for (offset, size) in region.areas.clone().unwrap_or_default() {
        case.check(offset >= 32, || {
            format!("area {offset:#x}+{size:#x} has the registers in it")
        });
    }
    for state in [1, 0, 2, 3, 4] {
        v1.enter(state)?;
        let offset = must("data_offset", v1.get(DATA_OFFSET))?;
        case.check(offset >= 32 && offset < region.size, || {
            format!(
                "state {state}: data_offset {offset:#x} of {:#x}",
                region.size
            )
        });
        let areas = region.areas.clone().unwrap_or_default();
        let page = areas.is_empty() || areas.iter().any(|(start, _)| *start == offset);
        case.check(page, || {
            format!("state {state}: data_offset {offset:#x} is not where an area begins")
        });
    }
    Ok(())
}

fn widths(case: &mut Case<'_>) -> Done {
    let device = case.open()?;
    let v1 = V1::of(&device)?;
    // As clients read them: each register whole.
    let mut registers = [0; 32];
    for (start, end) in [(0, 4), (4, 8), (8, 16), (16, 24), (24, 32)] {
        let register = &mut registers[start..end];
        let count = must(
            "a register",
            device.read(&v1.region, start as u64, register),
        )?;
        case.equal(
            format!("bytes of the register at {start:#x}"),
            count,
            end - start,
        );
    }
    for width in [1_usize, 2, 3, 4, 5, 8] {
        for offset in 0..0x20_u64 {
            let mut part = vec![0xee; width];
            // Refused or right.
            if let Ok(count) = device.read(&v1.region, offset, &mut part) {
                let at = offset as usize;
                let end = (at + count).min(registers.len());
                case.check(part[..end - at] == registers[at..end], || {
                    format!(
                        "{width} bytes at {offset:#x}: {part:02x?}, of whole registers {:02x?}",
                        &registers[at..end]
                    )
                });
            }
            // A write that is not of a register's shape must not do half of it.
            let _ = device.write(&v1.region, offset, &vec![0xff; width]);
            case.equal(
                format!("state after writing {width} bytes at {offset:#x}"),
                v1.state(),
                Ok(1),
            );
        }
        let end = v1.region.size;
        for offset in [end - 1, end, end + 1] {
            let got = device.read(&v1.region, offset, &mut vec![0; width]);
            let room = end.saturating_sub(offset);
            case.check(got.map_or(true, |count| count as u64 <= room), || {
                format!("{width} bytes at {offset:#x} of {end:#x}: {got:?}")
            });
        }
    }
    Ok(())
}

fn read_only(case: &mut Case<'_>) -> Done {
    let device = case.open()?;
    let v1 = V1::of(&device)?;
    for state in [1, 0, 2, 3, 4] {
        v1.enter(state)?;
        for (name, register, width) in [
            ("reserved", 4, 4),
            ("pending_bytes", PENDING, 8),
            ("data_offset", DATA_OFFSET, 8),
        ] {
            let read = || {
                let mut value = vec![0; width];
                device
                    .read(&v1.region, register, &mut value)
                    .map(|count| (count, value))
            };
            let before = must(name, read())?;
            let _ = device.write(&v1.region, register, &[0xff; 4]);
            if width > 4 {
                let _ = device.write(&v1.region, register, &[0xff; 8]);
            }
            case.equal(
                format!("state {state}: {name} after a write"),
                read(),
                Ok(before),
            );
            case.equal(
                format!("state {state}: the state after it"),
                v1.state(),
                Ok(state),
            );
        }
    }
    Ok(())
}

fn repeated(case: &mut Case<'_>) -> Done {
    let device = case.open()?;
    let v1 = V1::of(&device)?;
    let stream = v1.saved()?;
    must("1 -> 2", v1.set(2))?;
    let mut again = Vec::new();
    loop {
        let pending = must("pending_bytes", v1.get(PENDING))?;
        case.equal("pending_bytes again", v1.get(PENDING), Ok(pending));
        if pending == 0 {
            break;
        }
        let (offset, size) = (
            must("data_offset", v1.get(DATA_OFFSET))?,
            must("data_size", v1.get(DATA_SIZE))?,
        );
        case.equal("data_offset again", v1.get(DATA_OFFSET), Ok(offset));
        case.equal("data_size again", v1.get(DATA_SIZE), Ok(size));
        case.check(size > 0 && size <= pending, || {
            format!("data_size {size}, pending_bytes {pending}")
        });
        if size == 0 {
            return Err(Stop::Fail(
                "data_size 0 with bytes pending: a client would stop here".to_owned(),
            ));
        }
        let (mut one, mut two) = (vec![0; size as usize], vec![0; size as usize]);
        must("data", v1.fetch(offset, &mut one))?;
        must("data again", v1.fetch(offset, &mut two))?;
        case.check(one == two, || {
            "the data reads differently the second time".to_owned()
        });
        again.extend(one);
    }
    case.check(again == stream, || {
        difference("with everything read twice", &again, &stream)
    });
    Ok(())
}

fn not_saving(case: &mut Case<'_>) -> Done {
    let device = case.open()?;
    let v1 = V1::of(&device)?;
    for state in [1, 0, 4] {
        v1.enter(state)?;
        case.equal(
            format!("state {state}: pending_bytes"),
            v1.get(PENDING),
            Ok(0),
        );
        case.equal(
            format!("state {state}: data_size"),
            v1.get(DATA_SIZE),
            Ok(0),
        );
        let offset = must("data_offset", v1.get(DATA_OFFSET))?;
        case.fine(
            format!("state {state}: reading the section"),
            device.read(&v1.region, offset, &mut [0; 8]),
        );
    }
    Ok(())
}

fn data_size(case: &mut Case<'_>) -> Done {
    let device = case.open()?;
    let v1 = V1::of(&device)?;
    let stream = v1.saved()?;
    for state in [1, 0, 2, 3] {
        v1.enter(state)?;
        case.refused(
            format!("data_size 8 in state {state}"),
            v1.put(DATA_SIZE, &8_u64.to_ne_bytes()),
            &INVALID,
        );
        case.equal("state", v1.state(), Ok(state));
    }
    v1.enter(4)?;
    let room = must("data_offset", v1.room())? as u64;
    case.fine("data_size 0", v1.put(DATA_SIZE, &[0; 8]));
    for size in [room + 1, v1.region.size, 1 << 32, 1 << 63, u64::MAX] {
        case.refused(
            format!("data_size {size:#x} of {room:#x}"),
            v1.put(DATA_SIZE, &size.to_ne_bytes()),
            &INVALID,
        );
    }
    must("data_offset", v1.get(DATA_OFFSET))?;
    case.fine("data_size 0 again", v1.put(DATA_SIZE, &[0; 8]));
    case.equal("state", v1.state(), Ok(4));
    // Nothing of that was data: but the refusals may have ended this load.
    v1.enter(4)?;
    case.fine("a good load", v1.feed(&stream, 4096));
    case.fine("data_size 0 after it", v1.put(DATA_SIZE, &[0; 8]));
    case.fine("4 -> 1", v1.set(1));
    Ok(())
}
