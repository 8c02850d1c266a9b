// SPDX-License-Identifier: GPL-2.0

//! A submission queue and its completion queue: rings in the guest's memory.

use crate::{
    command::{Command, Completion},
    memory::Memory,
    Result,
};
use nvme::spec::{command, completion};

/// A pair of queues.
#[derive(Debug)]
pub struct Pair {
    /// Its number; 0 is the admin queues'.
    pub id: u16,
    /// Where the submission queue is.
    pub sq: usize,
    /// Where the completion queue is.
    pub cq: usize,
    /// Entries of both.
    pub entries: u16,
    /// The vector of its interrupts.
    pub vector: u16,
    tail: u16,
    head: u16,
    phase: u16,
    /// Where the device is in the submission queue, as far as it has said.
    seen: u16,
    next_id: u16,
    in_flight: u16,
}

impl Pair {
    /// An empty pair, whose memory is cleared.
    pub fn new(
        memory: &Memory,
        id: u16,
        (sq, cq): (usize, usize),
        entries: u16,
        vector: u16,
    ) -> Self {
        memory.clear(sq, usize::from(entries) * command::SIZE);
        memory.clear(cq, usize::from(entries) * completion::SIZE);
        Self {
            id,
            sq,
            cq,
            entries,
            vector,
            tail: 0,
            head: 0,
            phase: 1,
            seen: 0,
            next_id: 0,
            in_flight: 0,
        }
    }

    /// How many commands have not been completed.
    pub fn in_flight(&self) -> u16 {
        self.in_flight
    }

    /// How many more commands fit in.
    pub fn room(&self) -> u16 {
        self.entries - 1 - self.in_flight
    }

    /// The end that the device hears of by the submission queue's doorbell.
    pub fn tail(&self) -> u16 {
        self.tail
    }

    /// The end that it hears of by the completion queue's.
    pub fn head(&self) -> u16 {
        self.head
    }

    /// Puts a command into the ring; its id. The doorbell is the caller's.
    ///
    /// # Errors
    ///
    /// There is no room.
    pub fn push(&mut self, memory: &Memory, mut command: Command) -> Result<u16> {
        if self.room() == 0 {
            return Err(format!("queue {} has no room", self.id));
        }
        let id = self.next_id;
        self.next_id = self.next_id.wrapping_add(1);
        command.put(command::CID, id);
        memory.put(self.sq + usize::from(self.tail) * command::SIZE, &command.0);
        self.tail = (self.tail + 1) % self.entries;
        self.in_flight += 1;
        Ok(id)
    }

    /// Whether the completion so many places behind the next one is there.
    pub fn is_there(&self, memory: &Memory, ahead: u16) -> bool {
        let place = self.head + ahead;
        let (slot, wraps) = (place % self.entries, place / self.entries);
        let at = self.cq + usize::from(slot) * completion::SIZE;
        // CAST: the upper half.
        let status = (memory.bytes().load(at + 12) >> 16) as u16;
        status & 1 == self.phase ^ (wraps & 1)
    }

    /// Takes the next completion, if there is one. The doorbell is the caller's.
    ///
    /// # Errors
    ///
    /// It is one of a command that is not in flight.
    pub fn pop(&mut self, memory: &Memory) -> Result<Option<Completion>> {
        // The dword with the phase first, and only then the others.
        if !self.is_there(memory, 0) {
            return Ok(None);
        }
        let at = self.cq + usize::from(self.head) * completion::SIZE;
        let found = Completion::of(&memory.get(at, completion::SIZE));
        if self.in_flight == 0 || found.queue != self.id {
            return Err(format!(
                "queue {} with {} commands in flight has {found:?}",
                self.id, self.in_flight
            ));
        }
        self.in_flight -= 1;
        self.seen = found.head;
        self.head += 1;
        if self.head == self.entries {
            self.head = 0;
            self.phase ^= 1;
        }
        Ok(Some(found))
    }
}
