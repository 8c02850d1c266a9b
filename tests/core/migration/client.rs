// SPDX-License-Identifier: GPL-2.0

//! A host: a device, its machine and its region, with both client interfaces at hand.

use super::model::Model;
use migcore::migration::v1::{Region, Section, DATA_OFFSET, SECTION};
use migcore::migration::{Direct, Direction, Filled, Flags, Front, Machine, Opened, Put, Refused};
use migcore::migration::{SessionId, State};
use migcore::stream::{crc32c, MAX_RECORD};
use migcore::Errno;
use std::cell::RefCell;

/// Every set of flags that a device can offer, with a name for a file.
pub(super) const OFFERS: [(&str, Flags); 4] = [
    ("stop-copy", Flags::STOP_COPY),
    ("p2p", Flags::STOP_COPY.with(Flags::P2P)),
    ("pre-copy", Flags::STOP_COPY.with(Flags::PRE_COPY)),
    ("all", ALL),
];
pub(super) const ALL: Flags = Flags::STOP_COPY.with(Flags::P2P).with(Flags::PRE_COPY);

pub(super) const STATE: u64 = 0;
pub(super) const PENDING: u64 = 8;
pub(super) const OFFSET: u64 = 16;
pub(super) const SIZE: u64 = 24;

/// The data section, which user space could change at any time.
#[derive(Debug)]
pub(super) struct Memory(pub(super) RefCell<Vec<u8>>);

impl Section for Memory {
    fn load(&self, at: usize, out: &mut [u8]) {
        out.copy_from_slice(&self.0.borrow()[at..at + out.len()]);
    }

    fn store(&self, at: usize, bytes: &[u8]) {
        self.0.borrow_mut()[at..at + bytes.len()].copy_from_slice(bytes);
    }
}

/// No place for records: each is made in the buffer.
struct Nowhere;

impl Direct for Nowhere {
    fn room(&self) -> usize {
        0
    }

    fn put(&mut self, _: usize, _: &[u8]) -> bool {
        unreachable!("there is no room")
    }
}

#[derive(Debug)]
pub(super) struct Host {
    pub(super) machine: Machine<Vec<u8>>,
    pub(super) region: Region<Vec<u8>>,
    pub(super) dev: Model,
    pub(super) memory: Memory,
}

impl Host {
    /// An open, running device of three short blocks.
    pub(super) fn new(flags: Flags) -> Self {
        Self::with(flags, Model::new(3, 5))
    }

    pub(super) fn with(flags: Flags, dev: Model) -> Self {
        let mut host = Self {
            machine: Machine::new(flags, crc32c),
            region: Region::new(),
            dev,
            memory: Memory(RefCell::new(vec![0; SECTION])),
        };
        host.reset();
        host.dev.work(0);
        host.dev.work(2);
        host.dev.calls.clear();
        host
    }

    pub(super) fn reset(&mut self) {
        self.machine.reset(&mut self.dev);
    }

    pub(super) fn state(&self) -> State {
        self.machine.state()
    }

    // v2

    pub(super) fn request(&mut self, to: State) -> Result<Option<Opened>, Refused> {
        let path = self.machine.path();
        self.machine.request(Front::V2, to, &mut self.dev, path)
    }

    /// A request that opens a session.
    pub(super) fn open(&mut self, to: State) -> SessionId {
        self.request(to)
            .expect("can be reached")
            .expect("opens a session")
            .id
    }

    /// What one read has to say.
    pub(super) fn fill(&mut self, id: SessionId) -> Result<(Filled, Vec<u8>), Errno> {
        let mut out = vec![0; MAX_RECORD];
        let filled = self.fill_into(id, &mut out)?;
        out.truncate(match filled {
            Filled::Bytes(len) => len,
            Filled::Nothing | Filled::End => 0,
        });
        Ok((filled, out))
    }

    /// The same, in a buffer.
    pub(super) fn fill_into(&mut self, id: SessionId, out: &mut [u8]) -> Result<Filled, Errno> {
        match self.machine.put(id, out, &mut Nowhere, &mut self.dev)? {
            Put::Here(filled) => Ok(filled),
            Put::There(_) => unreachable!("there is no room"),
        }
    }

    /// All that there is to read now.
    pub(super) fn drain(&mut self, id: SessionId) -> Vec<u8> {
        let mut all = Vec::new();
        loop {
            match self.fill(id).expect("a save") {
                (Filled::Bytes(_), bytes) => all.extend(bytes),
                _ => return all,
            }
        }
    }

    pub(super) fn push(&mut self, id: SessionId, bytes: &[u8]) -> Result<(), Errno> {
        self.machine.push(id, bytes, &mut self.dev)
    }

    // v1

    pub(super) fn read(&mut self, offset: u64, out: &mut [u8]) -> Result<(), Errno> {
        self.region
            .read(offset, out, &mut self.machine, &mut self.dev, &self.memory)
    }

    pub(super) fn write(&mut self, offset: u64, bytes: &[u8]) -> Result<(), Errno> {
        self.region.write(
            offset,
            bytes,
            &mut self.machine,
            &mut self.dev,
            &self.memory,
        )
    }

    pub(super) fn value(&mut self) -> u32 {
        let mut out = [0xff; 4];
        self.read(STATE, &mut out)
            .expect("device_state can always be read");
        u32::from_ne_bytes(out)
    }

    pub(super) fn set(&mut self, value: u32) -> Result<(), Errno> {
        self.write(STATE, &value.to_ne_bytes())
    }

    pub(super) fn register(&mut self, offset: u64) -> Result<u64, Errno> {
        let mut out = [0xff; 8];
        self.read(offset, &mut out)?;
        Ok(u64::from_ne_bytes(out))
    }

    pub(super) fn set_size(&mut self, size: u64) -> Result<(), Errno> {
        self.write(SIZE, &size.to_ne_bytes())
    }

    /// One iteration of a save: nothing if nothing is pending.
    pub(super) fn chunk(&mut self) -> Result<Vec<u8>, Errno> {
        if self.register(PENDING)? == 0 {
            return Ok(Vec::new());
        }
        let offset = self.register(OFFSET)?;
        let mut bytes = vec![0; self.register(SIZE)? as usize];
        assert!(!bytes.is_empty(), "something was pending");
        self.read(offset, &mut bytes)?;
        Ok(bytes)
    }

    /// All iterations that there are now.
    pub(super) fn chunks(&mut self) -> Vec<u8> {
        let mut all = Vec::new();
        loop {
            match self.chunk().expect("a save") {
                bytes if bytes.is_empty() => return all,
                bytes => all.extend(bytes),
            }
        }
    }

    /// One chunk of a load.
    pub(super) fn give(&mut self, bytes: &[u8]) -> Result<(), Errno> {
        assert_eq!(self.register(OFFSET)?, DATA_OFFSET);
        self.write(DATA_OFFSET, bytes)?;
        self.set_size(bytes.len() as u64)
    }

    // what must always hold

    /// A session is open where there is to be one, and the device does what its state says.
    pub(super) fn check(&self) {
        let state = self.state();
        let direction = self.machine.open_session().map(|(_, o)| o.direction);
        let wanted = match state {
            State::Resuming => Some(Direction::Load),
            s if s.is_saving() => Some(Direction::Save),
            _ => None,
        };
        assert_eq!(direction, wanted, "{state}");
        assert_eq!(self.machine.activity(), state.activity(), "{state}");
        assert_eq!(self.dev.activity(), state.activity(), "{state}");
        assert_eq!(self.dev.is_loading(), wanted == Some(Direction::Load));
        // A save without a device's is one that can only say why.
        assert!(!self.dev.is_saving() || wanted == Some(Direction::Save));
        assert_eq!(self.machine.is_saving(), wanted == Some(Direction::Save));
    }
}

/// A whole stream, and what the device that wrote it held.
pub(super) fn stream() -> (Vec<u8>, (Vec<Vec<u8>>, u64)) {
    let mut host = Host::new(ALL);
    let id = host.open(State::StopCopy);
    (host.drain(id), host.dev.contents())
}

/// The bytes are a whole stream.
pub(super) fn assert_loads(bytes: &[u8]) {
    let mut host = Host::new(ALL);
    let id = host.open(State::Resuming);
    host.push(id, bytes).expect("is a stream");
    host.request(State::Stop).expect("is whole");
}
