// SPDX-License-Identifier: GPL-2.0

//! The queues: rings in guest memory, of which the guest moves one end and we the other (4.1).

use crate::spec::{command, completion, ADMIN_QUEUE};

/// The most I/O queue pairs.
pub const MAX_IO_QUEUES: u16 = 16;

/// The most entries of a queue.
pub(crate) const MAX_ENTRIES: u32 = 1024;

/// The fewest entries of a queue (4.1.3).
pub(crate) const MIN_ENTRIES: u32 = 2;

/// I/O queues and the admin queue.
pub(crate) const QUEUES: usize = MAX_IO_QUEUES as usize + 1;

/// A value that a doorbell cannot take (5.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BadValue;

/// A ring: where it is, and what of it is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ring {
    pub(crate) base: u64,
    /// At least [`MIN_ENTRIES`], at most what 16 bits hold (4.1.3).
    pub(crate) size: u16,
    /// Less than `size`, as is `tail`.
    pub(crate) head: u16,
    pub(crate) tail: u16,
}

impl Ring {
    pub(crate) const fn new(base: u64, size: u16) -> Self {
        Self {
            base,
            size,
            head: 0,
            tail: 0,
        }
    }

    const fn after(&self, index: u16) -> u16 {
        let next = index.wrapping_add(1);
        if next >= self.size {
            0
        } else {
            next
        }
    }

    /// How many steps it is from one entry to another.
    const fn distance(&self, from: u16, to: u16) -> u16 {
        if to >= from {
            to.wrapping_sub(from)
        } else {
            to.wrapping_add(self.size).wrapping_sub(from)
        }
    }

    /// Entries in use.
    pub(crate) const fn used(&self) -> u16 {
        self.distance(self.head, self.tail)
    }

    /// Entries that can still be put there: one less than there are places (4.1.2).
    pub(crate) const fn room(&self) -> u16 {
        self.size.wrapping_sub(1).saturating_sub(self.used())
    }

    const fn address(&self, index: u16, entry: usize) -> u64 {
        self.base
            .wrapping_add((index as u64).wrapping_mul(entry as u64))
    }
}

/// A submission queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Submission {
    pub(crate) ring: Ring,
    pub(crate) completion: u16,
    /// The shadow doorbell holds a value that was refused already.
    pub(crate) refused: bool,
    /// The event index that the guest was told last.
    pub(crate) told: Option<u16>,
}

impl Submission {
    pub(crate) const fn new(base: u64, size: u16, completion: u16) -> Self {
        Self {
            ring: Ring::new(base, size),
            completion,
            refused: false,
            told: None,
        }
    }

    /// The guest has put entries there, up to `tail`.
    pub(crate) fn submit(&mut self, tail: u32) -> Result<(), BadValue> {
        let tail = self.index(tail)?;
        let added = self.ring.distance(self.ring.tail, tail);
        if added == 0 || added > self.ring.room() {
            return Err(BadValue);
        }
        self.ring.tail = tail;
        Ok(())
    }

    fn index(&self, value: u32) -> Result<u16, BadValue> {
        let index = u16::try_from(value).map_err(|_| BadValue)?;
        if index < self.ring.size {
            Ok(index)
        } else {
            Err(BadValue)
        }
    }

    /// Where the next command is, if there is one.
    pub(crate) fn next(&self) -> Option<u64> {
        (self.ring.used() > 0).then(|| self.ring.address(self.ring.head, command::SIZE))
    }

    /// The next command was taken.
    pub(crate) fn advance(&mut self) {
        self.ring.head = self.ring.after(self.ring.head);
    }
}

/// A completion queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Completion {
    pub(crate) ring: Ring,
    /// The phase tag of what is put there next (4.6).
    pub(crate) phase: bool,
    pub(crate) vector: u16,
    pub(crate) interrupts: bool,
    /// The shadow doorbell holds a value that was refused already.
    pub(crate) refused: bool,
    /// The event index that the guest was told last.
    pub(crate) told: Option<u16>,
}

impl Completion {
    pub(crate) const fn new(base: u64, size: u16, vector: u16, interrupts: bool) -> Self {
        Self {
            ring: Ring::new(base, size),
            phase: true,
            vector,
            interrupts,
            refused: false,
            told: None,
        }
    }

    /// The guest has taken entries, up to `head`.
    pub(crate) fn consume(&mut self, head: u32) -> Result<(), BadValue> {
        let head = u16::try_from(head).map_err(|_| BadValue)?;
        if head >= self.ring.size {
            return Err(BadValue);
        }
        let taken = self.ring.distance(self.ring.head, head);
        if taken == 0 || taken > self.ring.used() {
            return Err(BadValue);
        }
        self.ring.head = head;
        Ok(())
    }

    /// Where the next entry is to be put, and its phase tag. There must be room.
    pub(crate) fn next(&self) -> (u64, bool) {
        let at = self.ring.address(self.ring.tail, completion::SIZE);
        (at, self.phase)
    }

    /// The next entry was put there.
    pub(crate) fn advance(&mut self) {
        self.ring.tail = self.ring.after(self.ring.tail);
        if self.ring.tail == 0 {
            self.phase = !self.phase;
        }
    }
}

/// All queues, by their ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Queues {
    pub(crate) submission: [Option<Submission>; QUEUES],
    pub(crate) completion: [Option<Completion>; QUEUES],
}

impl Queues {
    pub(crate) const NONE: Self = Self {
        submission: [None; QUEUES],
        completion: [None; QUEUES],
    };

    pub(crate) fn submission(&mut self, id: u16) -> Option<&mut Submission> {
        self.submission.get_mut(usize::from(id))?.as_mut()
    }

    pub(crate) fn completion(&mut self, id: u16) -> Option<&mut Completion> {
        self.completion.get_mut(usize::from(id))?.as_mut()
    }

    /// Whether what a submission queue's commands end with can be told.
    pub(crate) fn has_room(&self, completion: u16) -> bool {
        let queue = self.completion.get(usize::from(completion));
        queue.is_some_and(|queue| queue.is_some_and(|queue| queue.ring.room() > 0))
    }

    /// Whether there are I/O queues.
    pub(crate) fn has_io(&self) -> bool {
        let io = usize::from(ADMIN_QUEUE).saturating_add(1);
        self.submission.iter().skip(io).any(Option::is_some)
            || self.completion.iter().skip(io).any(Option::is_some)
    }

    /// Whether a submission queue uses the completion queue.
    pub(crate) fn is_used(&self, completion: u16) -> bool {
        let mut queues = self.submission.iter().flatten();
        queues.any(|queue| queue.completion == completion)
    }
}
