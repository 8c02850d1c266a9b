// SPDX-License-Identifier: GPL-2.0

//! A host: a drive, its migration machine, and both client interfaces in front of it.

use crate::device::Dev;
use migcore::migration::v1::{Region, Section, DATA_OFFSET, SECTION};
use migcore::migration::{Direct, Filled, Flags, Front, Machine, Opened, Pending, Put};
use migcore::migration::{Refused, SessionId, State};
use migcore::stream::{crc32c, MAX_RECORD};
use migcore::Errno;
use std::cell::RefCell;

const STATE: u64 = 0;
const PENDING: u64 = 8;
const OFFSET: u64 = 16;
const SIZE: u64 = 24;

pub(crate) const ALL: Flags = Flags::STOP_COPY.with(Flags::P2P).with(Flags::PRE_COPY);

struct Memory(RefCell<Vec<u8>>);

impl Section for Memory {
    fn load(&self, at: usize, out: &mut [u8]) {
        out.copy_from_slice(&self.0.borrow()[at..at + out.len()]);
    }

    fn store(&self, at: usize, bytes: &[u8]) {
        self.0.borrow_mut()[at..at + bytes.len()].copy_from_slice(bytes);
    }
}

/// The memory that a client reads into: some of it is too small, some goes away in between.
struct Client {
    bytes: Vec<u8>,
    pieces: usize,
}

impl Client {
    /// Another one at each read.
    fn of_read(number: usize) -> Self {
        let room = [2 * MAX_RECORD, MAX_RECORD, MAX_RECORD / 2, 100, 0];
        let pieces = [usize::MAX, 40, usize::MAX, 5, 1, 0, 2];
        Self {
            bytes: vec![0xdd; room[number % room.len()]],
            pieces: pieces[number % pieces.len()],
        }
    }
}

impl Direct for Client {
    fn room(&self) -> usize {
        self.bytes.len()
    }

    fn put(&mut self, at: usize, bytes: &[u8]) -> bool {
        let Some(left) = self.pieces.checked_sub(1) else {
            return false;
        };
        self.pieces = left;
        self.bytes[at..at + bytes.len()].copy_from_slice(bytes);
        true
    }
}

pub(crate) struct Host {
    pub(crate) machine: Machine<Vec<u8>>,
    pub(crate) dev: Dev,
    region: Region<Vec<u8>>,
    memory: Memory,
    /// What is read at once: a few records.
    room: Vec<u8>,
    reads: usize,
}

impl Host {
    pub(crate) fn new(dev: Dev) -> Self {
        let mut host = Self {
            machine: Machine::new(ALL, crc32c),
            dev,
            region: Region::new(),
            memory: Memory(RefCell::new(vec![0; SECTION])),
            room: vec![0; 2 * MAX_RECORD],
            reads: 0,
        };
        host.reset();
        host
    }

    /// A reset of the function.
    pub(crate) fn reset(&mut self) {
        self.machine.reset(&mut self.dev);
    }

    /// The last close, and an open by somebody else.
    pub(crate) fn reopen(&mut self) {
        self.machine.close(&mut self.dev);
        self.dev.drive.power_cycle(&mut self.dev.wires);
        self.reset();
    }

    pub(crate) fn state(&self) -> State {
        self.machine.state()
    }

    // v2

    pub(crate) fn request(&mut self, to: State) -> Result<Option<Opened>, Refused> {
        let path = self.machine.path();
        self.machine.request(Front::V2, to, &mut self.dev, path)
    }

    pub(crate) fn fill(&mut self, id: SessionId) -> Result<(Filled, Vec<u8>), Errno> {
        self.reads += 1;
        let mut client = Client::of_read(self.reads);
        let (room, dev) = (&mut self.room, &mut self.dev);
        Ok(match self.machine.put(id, room, &mut client, dev)? {
            Put::There(len) => (Filled::Bytes(len), client.bytes[..len].to_vec()),
            Put::Here(Filled::Bytes(len)) => (Filled::Bytes(len), room[..len].to_vec()),
            Put::Here(nothing) => (nothing, Vec::new()),
        })
    }

    pub(crate) fn push(&mut self, id: SessionId, bytes: &[u8]) -> Result<(), Errno> {
        self.machine.push(id, bytes, &mut self.dev)
    }

    pub(crate) fn precopy(&mut self, id: SessionId) -> Result<Pending, Errno> {
        self.machine.precopy(id, &mut self.dev)
    }

    // v1

    fn read(&mut self, offset: u64, out: &mut [u8]) -> Result<(), Errno> {
        self.region
            .read(offset, out, &mut self.machine, &mut self.dev, &self.memory)
    }

    fn write(&mut self, offset: u64, bytes: &[u8]) -> Result<(), Errno> {
        self.region.write(
            offset,
            bytes,
            &mut self.machine,
            &mut self.dev,
            &self.memory,
        )
    }

    pub(crate) fn set(&mut self, value: u32) -> Result<(), Errno> {
        self.write(STATE, &value.to_ne_bytes())
    }

    fn register(&mut self, offset: u64) -> Result<u64, Errno> {
        let mut out = [0xff; 8];
        self.read(offset, &mut out)?;
        Ok(u64::from_ne_bytes(out))
    }

    pub(crate) fn pending(&mut self) -> Result<u64, Errno> {
        self.register(PENDING)
    }

    /// One iteration of a save: nothing if nothing is pending.
    pub(crate) fn chunk(&mut self) -> Result<Vec<u8>, Errno> {
        if self.pending()? == 0 {
            return Ok(Vec::new());
        }
        let offset = self.register(OFFSET)?;
        let mut bytes = vec![0; self.register(SIZE)? as usize];
        assert!(!bytes.is_empty(), "something was pending");
        self.read(offset, &mut bytes)?;
        Ok(bytes)
    }

    /// One chunk of a load.
    pub(crate) fn give(&mut self, bytes: &[u8]) -> Result<(), Errno> {
        assert_eq!(self.register(OFFSET)?, DATA_OFFSET);
        self.write(DATA_OFFSET, bytes)?;
        self.write(SIZE, &(bytes.len() as u64).to_ne_bytes())
    }
}
