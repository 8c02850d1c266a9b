// SPDX-License-Identifier: GPL-2.0

//! What a guest's driver does: it starts the controller, has queues in its memory, sends commands
//! and takes what they are completed with.

use super::computer::{config, Computer};
use guest_ram::PAGE;
use nvme::spec::completion::{CID, DW0, PHASE, SQHD, SQID, STATUS};
use nvme::spec::opcode::admin;
use nvme::spec::registers::{cc, csts, ACQ, AQA, ASQ, CC, CSTS, DOORBELLS};
use nvme::spec::status::Status;
use nvme::{BlockSize, Config};
use std::collections::BTreeMap;

/// A command in the making.
#[derive(Clone, Copy)]
pub(crate) struct Cmd(pub(crate) [u8; 64]);

impl Cmd {
    pub(crate) fn new(opcode: u8) -> Self {
        let mut bytes = [0; 64];
        bytes[0] = opcode;
        Self(bytes)
    }

    fn set(mut self, at: usize, bytes: &[u8]) -> Self {
        self.0[at..at + bytes.len()].copy_from_slice(bytes);
        self
    }

    pub(crate) fn flags(self, flags: u8) -> Self {
        self.set(1, &[flags])
    }

    pub(crate) fn id(self, id: u16) -> Self {
        self.set(2, &id.to_le_bytes())
    }

    pub(crate) fn nsid(self, nsid: u32) -> Self {
        self.set(4, &nsid.to_le_bytes())
    }

    pub(crate) fn prp(self, first: u64, second: u64) -> Self {
        self.set(24, &first.to_le_bytes())
            .set(32, &second.to_le_bytes())
    }

    /// A dword, 10 to 15.
    pub(crate) fn dw(self, number: usize, value: u32) -> Self {
        self.set(number * 4, &value.to_le_bytes())
    }

    /// An I/O command on blocks of namespace 1.
    pub(crate) fn io(opcode: u8, lba: u64, blocks: u32) -> Self {
        Self::new(opcode)
            .nsid(1)
            .dw(10, lba as u32)
            .dw(11, (lba >> 32) as u32)
            .dw(12, blocks.wrapping_sub(1) & 0xffff)
    }
}

/// What a command was completed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cqe {
    pub(crate) dw0: u32,
    pub(crate) head: u16,
    pub(crate) queue: u16,
    pub(crate) id: u16,
    pub(crate) status: Status,
}

/// A queue pair as the guest sees it.
#[derive(Clone, Debug)]
pub(crate) struct Queue {
    pub(crate) sq: u64,
    pub(crate) cq: u64,
    pub(crate) size: u16,
    pub(crate) tail: u16,
    pub(crate) head: u16,
    pub(crate) phase: bool,
}

/// The guest and its computer.
pub(crate) struct Guest {
    pub(crate) pc: Computer,
    pub(crate) queues: BTreeMap<u16, Queue>,
    pub(crate) next_id: u16,
    free: u64,
}

/// Entries of the admin queues, and of I/O queues.
pub(crate) const ADMIN_ENTRIES: u16 = 16;
pub(crate) const IO_ENTRIES: u16 = 8;

/// A page for data, and one behind it.
pub(crate) const DATA: u64 = 0x10_0000;
/// A page for lists.
pub(crate) const LIST: u64 = 0x8_0000;

impl Guest {
    /// 1024 blocks of 512 bytes, 4 MiB of memory, not started yet.
    pub(crate) fn off() -> Self {
        Self::with(config(1024, BlockSize::B512))
    }

    pub(crate) fn with(config: Config) -> Self {
        Self {
            pc: Computer::new(config, 1024),
            queues: BTreeMap::new(),
            next_id: 0,
            free: PAGE,
        }
    }

    /// Started, with admin queues only.
    pub(crate) fn new() -> Self {
        let mut guest = Self::off();
        guest.start();
        guest
    }

    /// Started, with an I/O queue pair 1, of vector 1.
    pub(crate) fn with_io() -> Self {
        Self::started(config(1024, BlockSize::B512))
    }

    pub(crate) fn started(config: Config) -> Self {
        let mut guest = Self::with(config);
        guest.start();
        guest.create(1, IO_ENTRIES, 1);
        guest
    }

    /// A page that is used by nothing else.
    pub(crate) fn page(&mut self) -> u64 {
        let page = self.free;
        self.free += PAGE;
        assert!(self.free <= LIST, "too many queues");
        page
    }

    pub(crate) fn enable(&mut self) {
        self.pc.write32(CC.at as u64, cc_value());
    }

    /// Starts the controller.
    pub(crate) fn start(&mut self) {
        let queue = self.pair(ADMIN_ENTRIES);
        let last = u32::from(ADMIN_ENTRIES) - 1;
        self.pc.write32(AQA.at as u64, (last << 16) | last);
        self.pc.write(ASQ.at as u64, &queue.sq.to_le_bytes());
        self.pc.write(ACQ.at as u64, &queue.cq.to_le_bytes());
        self.enable();
        assert_eq!(self.pc.read32(CSTS.at as u64), csts::RDY.mask() as u32);
        self.queues.insert(0, queue);
    }

    /// Memory for a queue pair.
    pub(crate) fn pair(&mut self, size: u16) -> Queue {
        Queue {
            sq: self.page(),
            cq: self.page(),
            size,
            tail: 0,
            head: 0,
            phase: true,
        }
    }

    /// Creates an I/O queue pair.
    pub(crate) fn create(&mut self, id: u16, size: u16, vector: u16) {
        let queue = self.pair(size);
        let (qid, vector) = (
            u32::from(id) | (u32::from(size - 1) << 16),
            u32::from(vector),
        );
        let create = Cmd::new(admin::CREATE_CQ).dw(10, qid);
        let create = create.prp(queue.cq, 0).dw(11, (vector << 16) | 3);
        assert_eq!(self.admin(create).status, Status::SUCCESS);
        let create = Cmd::new(admin::CREATE_SQ).dw(10, qid);
        let create = create.prp(queue.sq, 0).dw(11, (u32::from(id) << 16) | 1);
        assert_eq!(self.admin(create).status, Status::SUCCESS);
        self.queues.insert(id, queue);
    }

    /// Puts a command into a queue, without ringing; it gets an id of its own.
    pub(crate) fn put(&mut self, id: u16, command: Cmd) -> u16 {
        self.next_id = self.next_id.wrapping_add(1) & 0x7fff;
        let cid = self.next_id;
        self.put_as(id, command.id(cid));
        cid
    }

    pub(crate) fn put_as(&mut self, id: u16, command: Cmd) {
        let queue = self.queues.get_mut(&id).expect("a queue");
        let at = queue.sq + u64::from(queue.tail) * 64;
        self.pc.ram.put(at, &command.0);
        queue.tail = (queue.tail + 1) % queue.size;
    }

    /// Rings the tail doorbell.
    pub(crate) fn ring(&mut self, id: u16) {
        let tail = self.queues[&id].tail;
        self.pc.write32(tail_doorbell(id), tail.into());
    }

    /// The next completion, without ringing.
    pub(crate) fn peek(&mut self, id: u16) -> Option<Cqe> {
        let queue = self.queues.get_mut(&id).expect("a queue");
        let at = queue.cq + u64::from(queue.head) * 16;
        let entry = self.pc.ram.at(at, 16);
        let status = STATUS.get(entry);
        if PHASE.any(status) != queue.phase {
            return None;
        }
        queue.head = (queue.head + 1) % queue.size;
        queue.phase ^= queue.head == 0;
        Some(Cqe {
            dw0: DW0.get(entry) as u32,
            head: SQHD.get(entry) as u16,
            queue: SQID.get(entry) as u16,
            id: CID.get(entry) as u16,
            status: Status::from_bits(status as u16),
        })
    }

    /// The next completion, and rings.
    pub(crate) fn reap(&mut self, id: u16) -> Option<Cqe> {
        let found = self.peek(id)?;
        self.ring_head(id);
        Some(found)
    }

    pub(crate) fn ring_head(&mut self, id: u16) {
        let head = self.queues[&id].head;
        self.pc.write32(head_doorbell(id), head.into());
    }

    /// A command from beginning to end.
    pub(crate) fn call(&mut self, id: u16, command: Cmd) -> Cqe {
        let cid = self.put(id, command);
        self.ring(id);
        self.pc.run();
        let done = self.reap(id).expect("a completion");
        assert_eq!((done.id, done.queue), (cid, id));
        assert_eq!(done.head, self.queues[&id].tail);
        done
    }

    pub(crate) fn admin(&mut self, command: Cmd) -> Cqe {
        self.call(0, command)
    }

    /// A command to queue 1.
    pub(crate) fn io(&mut self, command: Cmd) -> Status {
        self.call(1, command).status
    }

    /// Guest memory.
    pub(crate) fn bytes(&self, at: u64, len: usize) -> &[u8] {
        self.pc.ram.at(at, len)
    }

    pub(crate) fn fill(&mut self, at: u64, bytes: &[u8]) {
        self.pc.ram.put(at, bytes);
    }

    /// A list of PRPs.
    pub(crate) fn list(&mut self, at: u64, entries: &[u64]) {
        for (index, entry) in entries.iter().enumerate() {
            self.fill(at + index as u64 * 8, &entry.to_le_bytes());
        }
    }

    pub(crate) fn status(&self) -> u32 {
        self.pc.read32(CSTS.at as u64)
    }

    pub(crate) fn is_fatal(&self) -> bool {
        csts::CFS.any(self.status().into())
    }
}

/// CC of a driver that wants nothing special.
pub(crate) fn cc_value() -> u32 {
    (cc::EN.mask() | cc::IOSQES.with(6) | cc::IOCQES.with(4)) as u32
}

pub(crate) fn tail_doorbell(id: u16) -> u64 {
    DOORBELLS + u64::from(id) * 8
}

pub(crate) fn head_doorbell(id: u16) -> u64 {
    tail_doorbell(id) + 4
}
