// SPDX-License-Identifier: GPL-2.0

//! The error log (5.14.1.1): the latest errors, and how many there ever were.

use crate::command::{Command, Failure};
use crate::spec::command::io::SLBA;
use crate::spec::completion::MORE;
use crate::spec::log::error::{CID, COUNT, LBA, LOCATION, NONE, NSID, SIZE, SQID, STATUS};
use crate::spec::ADMIN_QUEUE;

/// The entries that are kept.
pub(crate) const ENTRIES: usize = 16;

/// An entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Its number; 0 is none.
    pub(crate) count: u64,
    pub(crate) queue: u16,
    pub(crate) command: u16,
    pub(crate) status: u16,
    pub(crate) location: u16,
    pub(crate) lba: u64,
    pub(crate) namespace: u32,
}

/// The log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ErrorLog {
    /// The latest first.
    pub(crate) entries: [Entry; ENTRIES],
    /// All that there ever were.
    pub(crate) count: u64,
}

impl ErrorLog {
    pub(crate) const EMPTY: Self = Self {
        entries: [Entry {
            count: 0,
            queue: 0,
            command: 0,
            status: 0,
            location: 0,
            lba: 0,
            namespace: 0,
        }; ENTRIES],
        count: 0,
    };

    /// A command failed.
    pub(crate) fn add(&mut self, queue: u16, command: &Command, failure: Failure) {
        self.push(Entry {
            count: 0,
            queue,
            command: command.id(),
            // CAST: a bit of 16.
            status: failure.status.bits() | MORE.mask() as u16,
            location: failure.location,
            lba: if queue == ADMIN_QUEUE {
                0
            } else {
                command.get(SLBA)
            },
            namespace: command.namespace(),
        });
    }

    /// Something is wrong, but with no command.
    pub(crate) fn add_event(&mut self) {
        self.push(Entry {
            queue: NONE,
            command: NONE,
            location: NONE,
            ..Entry::default()
        });
    }

    fn push(&mut self, entry: Entry) {
        self.count = self.count.saturating_add(1);
        self.entries.rotate_right(1);
        let [first, ..] = &mut self.entries;
        *first = Entry {
            count: self.count,
            ..entry
        };
    }

    /// The log page.
    pub(crate) fn show(&self, page: &mut [u8]) {
        for (entry, place) in self.entries.iter().zip(page.chunks_exact_mut(SIZE)) {
            COUNT.put(place, entry.count.into());
            SQID.put(place, entry.queue.into());
            CID.put(place, entry.command.into());
            STATUS.put(place, entry.status.into());
            LOCATION.put(place, entry.location.into());
            LBA.put(place, entry.lba.into());
            NSID.put(place, entry.namespace.into());
        }
    }
}
