// SPDX-License-Identifier: GPL-2.0

//! The v1 protocol: the migration region, its registers and its data section.

use super::data_fd::difference;
use crate::{
    case::{must, v2_flags, Case, Done, Stop, Test},
    device::{Device, Region},
    sys::{self, Answer, Mapping},
    table,
};
use nix::errno::Errno;
use std::os::fd::AsFd;
use vfio_bindings::bindings::vfio as uapi;

/// The tests of this group.
pub(crate) const TESTS: &[Test] = &[
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
        "v1.repeated-reads",
        "pending_bytes, data_offset and data_size tell the same twice",
        repeated,
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
        "v1.cut",
        "a stream cut short: 4 -> 1 is EINVAL and 4 stays, reset revives",
        cut,
    ),
    Test::new(
        "v1.garbage",
        "garbage is refused by the data_size write, never shows ERROR",
        garbage,
    ),
    Test::new("v1.reset", "reset in every state gives state 1", reset),
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
    Test::new(
        "v1.paused-migration",
        "migrated while paused, then continued: 0, 2, 1, then 0, 2",
        paused,
    ),
    Test::new(
        "v1.savevm",
        "1 -> 2 without pre-copy gives a whole stream",
        savevm,
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

const STATE: u64 = 0;
const PENDING: u64 = 8;
const DATA_OFFSET: u64 = 16;
const DATA_SIZE: u64 = 24;
const INVALID: [Errno; 1] = [Errno::EINVAL];

/// The migration region of a device.
#[derive(Debug)]
pub(crate) struct V1<'a> {
    device: &'a Device,
    region: Region,
}

impl<'a> V1<'a> {
    /// Finds it; skips without it.
    pub(crate) fn of(device: &'a Device) -> Result<Self, Stop> {
        let wanted = (
            uapi::VFIO_REGION_TYPE_MIGRATION_DEPRECATED,
            uapi::VFIO_REGION_SUBTYPE_MIGRATION_DEPRECATED,
        );
        let count = must("GET_INFO", device.info(16))?.regions;
        let mut all = (0..count).filter_map(|index| device.region(index).ok());
        match all.find(|region| region.kind == Some(wanted)) {
            Some(region) => Ok(Self { device, region }),
            None => Err(Stop::Skip("the device has no migration region".to_owned())),
        }
    }

    fn get(&self, register: u64) -> Answer<u64> {
        let mut value = [0; 8];
        match self.device.read(&self.region, register, &mut value)? {
            8 => Ok(u64::from_ne_bytes(value)),
            // To clients a short count is an error.
            _ => Err(Errno::EIO),
        }
    }

    fn put(&self, register: u64, bytes: &[u8]) -> Answer<()> {
        let count = self.device.write(&self.region, register, bytes)?;
        if count == bytes.len() {
            Ok(())
        } else {
            Err(Errno::EIO)
        }
    }

    /// The state.
    pub(crate) fn state(&self) -> Answer<u32> {
        let mut value = [0; 4];
        self.device.read(&self.region, STATE, &mut value)?;
        Ok(u32::from_ne_bytes(value))
    }

    /// Requests a state.
    pub(crate) fn set(&self, state: u32) -> Answer<()> {
        self.put(STATE, &state.to_ne_bytes())
    }

    /// The next chunk, as a client fetches it; none when nothing is pending.
    fn chunk(&self) -> Answer<Option<Vec<u8>>> {
        if self.get(PENDING)? == 0 {
            return Ok(None);
        }
        let offset = self.get(DATA_OFFSET)?;
        let size = self.get(DATA_SIZE)?;
        if size == 0
            || offset
                .checked_add(size)
                .is_none_or(|end| end > self.region.size)
        {
            return Err(Errno::ERANGE);
        }
        let mut data = vec![0; size as usize];
        self.fetch(offset, &mut data)?;
        Ok(Some(data))
    }

    /// Reads at an offset of the region, whatever the counts.
    fn fetch(&self, offset: u64, data: &mut [u8]) -> Answer<()> {
        let mut done = 0;
        while done < data.len() {
            match self
                .device
                .read(&self.region, offset + done as u64, &mut data[done..])?
            {
                0 => return Err(Errno::EIO),
                count => done += count,
            }
        }
        Ok(())
    }

    fn store(&self, offset: u64, data: &[u8]) -> Answer<()> {
        let mut done = 0;
        while done < data.len() {
            match self
                .device
                .write(&self.region, offset + done as u64, &data[done..])?
            {
                0 => return Err(Errno::EIO),
                count => done += count,
            }
        }
        Ok(())
    }

    /// All that is pending.
    pub(crate) fn drain(&self) -> Result<Vec<u8>, Stop> {
        let mut stream = Vec::new();
        while let Some(chunk) = must("a chunk", self.chunk())? {
            stream.extend(chunk);
        }
        Ok(stream)
    }

    /// Loads in chunks of at most this size, in state 4.
    pub(crate) fn feed(&self, stream: &[u8], chunk: usize) -> Answer<()> {
        for part in stream.chunks(chunk) {
            let offset = self.get(DATA_OFFSET)?;
            let room = self.region.size.saturating_sub(offset);
            if (part.len() as u64) > room {
                return Err(Errno::ENOSPC);
            }
            self.store(offset, part)?;
            self.put(DATA_SIZE, &(part.len() as u64).to_ne_bytes())?;
        }
        Ok(())
    }

    /// The bytes that a chunk can have.
    fn room(&self) -> Answer<usize> {
        Ok(self.region.size.saturating_sub(self.get(DATA_OFFSET)?) as usize)
    }

    /// Takes the whole state of a device that runs; then it runs again.
    fn saved(&self) -> Result<Vec<u8>, Stop> {
        must("1 -> 2", self.set(2))?;
        let stream = self.drain()?;
        must("2 -> 0", self.set(0))?;
        must("0 -> 1", self.set(1))?;
        Ok(stream)
    }

    /// Brings a device that runs to a state.
    fn enter(&self, state: u32) -> Done {
        must("reset", self.device.reset())?;
        if state != 1 {
            must(format!("1 -> {state}"), self.set(state))?;
        }
        Ok(())
    }
}

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
    let mut registers = [0; 40];
    for (offset, byte) in registers.iter_mut().enumerate() {
        let _ = device.read(&v1.region, offset as u64, std::slice::from_mut(byte));
    }
    for width in [1_usize, 2, 3, 4, 5, 8] {
        for offset in 0..0x28_u64 {
            let mut part = vec![0xee; width];
            // Refused or right.
            if let Ok(count) = device.read(&v1.region, offset, &mut part) {
                let at = offset as usize;
                let end = (at + count).min(registers.len());
                case.check(part[..end - at] == registers[at..end], || {
                    format!(
                        "{width} bytes at {offset:#x}: {part:02x?}, byte by byte {:02x?}",
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
        for (name, register) in [
            ("reserved", 4),
            ("pending_bytes", PENDING),
            ("data_offset", DATA_OFFSET),
        ] {
            let before = must(name, v1.get(register & !7))?;
            let _ = device.write(&v1.region, register, &[0xff; 4]);
            if register != 4 {
                let _ = device.write(&v1.region, register, &[0xff; 8]);
            }
            case.equal(
                format!("state {state}: {name} after a write"),
                v1.get(register & !7),
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

fn savevm(case: &mut Case<'_>) -> Done {
    let device = case.open()?;
    let v1 = V1::of(&device)?;
    super::load::stir(&device, 0x44)?;
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
