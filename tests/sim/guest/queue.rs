// SPDX-License-Identifier: GPL-2.0

//! Queues in the guest's memory, their doorbells, and shadows of those.

use super::{Guest, Sent};
use crate::device::Dev;
use guest_ram::{Ram, PAGE};
use nvme::spec::status::Status;
use std::collections::BTreeMap;

/// Where shadow doorbells and event indices are.
pub(super) const SHADOWS: u64 = 35 * PAGE;
pub(super) const EVENTS: u64 = 36 * PAGE;

const DOORBELLS: u64 = 0x1000;

pub(super) fn sq_page(id: u16) -> u64 {
    (1 + u64::from(id)) * PAGE
}

pub(super) fn cq_page(id: u16) -> u64 {
    (18 + u64::from(id)) * PAGE
}

#[derive(Clone, Debug)]
pub(super) struct Sq {
    pub(super) size: u16,
    pub(super) cq: u16,
    head: u16,
    tail: u16,
    /// The tail that the controller was told.
    rung: u16,
    pub(super) deleting: bool,
    pub(super) sent: BTreeMap<u16, Sent>,
}

impl Sq {
    pub(super) fn new(size: u16, cq: u16) -> Self {
        Self {
            size,
            cq,
            head: 0,
            tail: 0,
            rung: 0,
            deleting: false,
            sent: BTreeMap::new(),
        }
    }

    pub(super) fn has_room(&self) -> bool {
        !self.deleting && (self.tail + 1) % self.size != self.head
    }
}

#[derive(Clone, Debug)]
pub(super) struct Cq {
    pub(super) size: u16,
    pub(super) vector: u16,
    pub(super) interrupts: bool,
    pub(super) head: u16,
    /// The head that the controller was told.
    pub(super) rung: u16,
    phase: bool,
    /// An interrupt came, and the queue was not emptied since.
    told: bool,
}

impl Cq {
    pub(super) fn new(size: u16, vector: u16, interrupts: bool) -> Self {
        Self {
            size,
            vector,
            interrupts,
            head: 0,
            rung: 0,
            phase: true,
            told: false,
        }
    }
}

/// Whether a doorbell must be rung, by the rule that drivers have of virtio.
fn passes(event: u16, new: u16, old: u16) -> bool {
    new.wrapping_sub(event).wrapping_sub(1) < new.wrapping_sub(old)
}

impl Guest {
    /// Puts a command into a queue that has room, and rings or not.
    pub(super) fn send(
        &mut self,
        id: u16,
        mut command: [u8; 64],
        sent: Sent,
        dev: &mut Dev,
        ram: &mut Ram,
    ) -> u16 {
        let sq = self.sqs.get_mut(&id).expect("a queue");
        assert!(sq.has_room());
        loop {
            self.next_id = self.next_id.wrapping_add(1);
            if !sq.sent.contains_key(&self.next_id) {
                break;
            }
        }
        let cid = self.next_id;
        command[2..4].copy_from_slice(&cid.to_le_bytes());
        ram.put(sq_page(id) + u64::from(sq.tail) * 64, &command);
        sq.tail = (sq.tail + 1) % sq.size;
        sq.sent.insert(cid, sent);
        if self.chance.once_in(2) {
            self.ring(id, dev, ram);
        }
        cid
    }

    /// Tells the controller of what was put into a queue.
    pub(super) fn ring(&mut self, id: u16, dev: &mut Dev, ram: &mut Ram) {
        let held = self.shadow_due && id != 0;
        let due = |sq: &&mut Sq| sq.rung != sq.tail && !sq.deleting && !held;
        let Some(sq) = self.sqs.get_mut(&id).filter(due) else {
            return;
        };
        let (old, new) = (sq.rung, sq.tail);
        sq.rung = new;
        self.bell(u64::from(id) * 8, old, new, dev, ram);
    }

    pub(super) fn ring_head(&mut self, id: u16, dev: &mut Dev, ram: &mut Ram) {
        let held = self.shadow_due && id != 0;
        let Some(cq) = self
            .cqs
            .get_mut(&id)
            .filter(|cq| cq.rung != cq.head && !held)
        else {
            return;
        };
        let (old, new) = (cq.rung, cq.head);
        cq.rung = new;
        self.bell(u64::from(id) * 8 + 4, old, new, dev, ram);
    }

    fn bell(&mut self, at: u64, old: u16, new: u16, dev: &mut Dev, ram: &mut Ram) {
        if self.shadow && at >= 8 {
            ram.put(SHADOWS + at, &u32::from(new).to_le_bytes());
            // CAST: an index.
            let event = ram.load(EVENTS + at) as u16;
            if !passes(event, new, old) {
                return;
            }
        }
        dev.write32(DOORBELLS + at, new.into());
    }

    /// Rings some of the doorbells that are due.
    pub(super) fn ring_some(&mut self, dev: &mut Dev, ram: &mut Ram) {
        let ids: Vec<u16> = self.sqs.keys().copied().collect();
        for id in ids {
            if self.chance.once_in(2) {
                self.ring(id, dev, ram);
            }
        }
    }

    /// Shadows are in force: what was rung stands there.
    pub(super) fn shadows_are_there(&mut self, ram: &mut Ram) {
        (self.shadow, self.shadow_due) = (true, false);
        for (id, sq) in self.sqs.iter().filter(|(id, _)| **id != 0) {
            assert_eq!(ram.load(SHADOWS + u64::from(*id) * 8), sq.rung.into());
        }
        for (id, cq) in self.cqs.iter().filter(|(id, _)| **id != 0) {
            assert_eq!(ram.load(SHADOWS + u64::from(*id) * 8 + 4), cq.rung.into());
        }
    }

    /// Takes completions of some of the queues that it was told of, or looks at by itself.
    pub(super) fn take(&mut self, dev: &mut Dev, ram: &mut Ram) {
        let ids: Vec<u16> = self.cqs.keys().copied().collect();
        for id in ids {
            if self.chance.once_in(2) {
                let most = self.chance.pick(&[1, 2, 5, 2000, 2000]);
                self.take_of(id, most, dev, ram);
            }
            if self.chance.once_in(4) {
                self.ring_head(id, dev, ram);
            }
        }
    }

    pub(super) fn take_all(&mut self, dev: &mut Dev, ram: &mut Ram) {
        let ids: Vec<u16> = self.cqs.keys().copied().collect();
        for id in ids {
            self.take_of(id, 2000, dev, ram);
            self.ring_head(id, dev, ram);
        }
    }

    /// Interrupts came.
    pub(super) fn told(&mut self, vectors: u32) {
        for cq in self.cqs.values_mut() {
            cq.told |= cq.interrupts && vectors & (1 << cq.vector) != 0;
        }
    }

    /// Takes all completions of a queue, whether an interrupt came or not.
    pub(super) fn empty(&mut self, id: u16, dev: &mut Dev, ram: &mut Ram) {
        self.cqs.get_mut(&id).expect("a queue").told = true;
        self.take_of(id, usize::MAX, dev, ram);
    }

    /// Takes at most so many completions of a queue.
    pub(super) fn take_of(&mut self, id: u16, most: usize, dev: &mut Dev, ram: &mut Ram) {
        let mut left = most;
        loop {
            let Some(cq) = self.cqs.get_mut(&id).filter(|cq| cq.told || !cq.interrupts) else {
                return;
            };
            let entry = ram.at(cq_page(id) + u64::from(cq.head) * 16, 16);
            let word = |at: usize| u16::from_le_bytes([entry[at], entry[at + 1]]);
            let status = word(14);
            if (status & 1 == 1) != cq.phase {
                cq.told = false;
                break;
            }
            if left == 0 {
                break;
            }
            left -= 1;
            let dword = u32::from_le_bytes([entry[0], entry[1], entry[2], entry[3]]);
            let (head, queue, cid) = (word(8), word(10), word(12));
            cq.head = (cq.head + 1) % cq.size;
            cq.phase ^= cq.head == 0;
            let sq = self.sqs.get_mut(&queue);
            let sq =
                sq.unwrap_or_else(|| panic!("a completion of queue {queue}, which is not there"));
            assert_eq!(sq.cq, id, "a completion of queue {queue}");
            assert!(head < sq.size);
            sq.head = head;
            let sent = sq.sent.remove(&cid);
            let sent = sent.unwrap_or_else(|| {
                panic!("queue {queue} completes {cid:#x}, which is done already, or was never sent")
            });
            self.done(queue, cid, sent, Status::from_bits(status), dword, dev, ram);
        }
        if self.chance.once_in(2) || left == 0 {
            self.ring_head(id, dev, ram);
        }
    }
}
