// SPDX-License-Identifier: GPL-2.0

//! The guest's memory, and what is where in it.

use crate::{during, Result};
use nvme::spec::PAGE;
use std::sync::Arc;
use vfio_client::{device::Device, sys::Mapping};

/// Where the memory begins, as the device sees it: not at 0, so that an address that was never set
/// leads nowhere.
pub const BASE: u64 = 0x1_0000_0000;
/// How much there is, in bytes.
pub const SIZE: usize = 16 << 20;

/// The admin submission queue.
pub const ADMIN_SQ: usize = 0;
/// The admin completion queue.
pub const ADMIN_CQ: usize = 0x1000;
/// Shadows of the doorbells.
pub const SHADOW: usize = 0x4000;
/// Event indices of the doorbells.
pub const EVENTS: usize = 0x5000;
/// Data of commands of administration.
pub const ADMIN_DATA: usize = 0x8000;
/// The room for it, in bytes.
pub const ADMIN_ROOM: usize = 0x8000;

/// The submission queue of an I/O queue pair.
pub const fn sq(id: u16) -> usize {
    0x10_0000 + id as usize * 0x2_0000
}

/// Its completion queue.
pub const fn cq(id: u16) -> usize {
    sq(id) + 0x1_0000
}

const SLOTS: usize = 0x40_0000;
const SLOT: usize = 0x9_0000;
/// How many commands on the media can have their data in memory at once.
pub const SLOT_COUNT: usize = (SIZE - SLOTS) / SLOT;

/// The data of a command on the media.
pub const fn slot(number: usize) -> usize {
    SLOTS + number * SLOT
}

/// The PRP lists of that command.
pub const fn lists(number: usize) -> usize {
    slot(number) + nvme::MAX_TRANSFER
}

/// Memory that the device may use.
#[derive(Debug)]
pub struct Memory {
    mapping: Arc<Mapping>,
}

impl Memory {
    /// New memory, all 0, mapped for a device.
    ///
    /// # Errors
    ///
    /// There is none, or it cannot be mapped.
    pub fn new(device: &Device) -> Result<Self> {
        let mapping = Mapping::anonymous(SIZE).map_err(during("guest memory"))?;
        let mapping = Arc::new(mapping);
        let memory = Self { mapping };
        memory.map(device)?;
        Ok(memory)
    }

    /// Maps it for the device.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn map(&self, device: &Device) -> Result {
        let size = SIZE as u64;
        let answer = device.space().map(self.mapping.address(), BASE, size);
        answer.map_err(during("mapping guest memory"))
    }

    /// Takes the mapping away, under whatever the device does.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn unmap(&self, device: &Device) -> Result {
        let answer = device.space().unmap(BASE, SIZE as u64);
        answer.map_err(during("unmapping guest memory"))
    }

    /// The device's address of an offset.
    pub const fn address(offset: usize) -> u64 {
        BASE + offset as u64
    }

    /// The bytes themselves.
    pub fn bytes(&self) -> &Arc<Mapping> {
        &self.mapping
    }

    /// Makes bytes 0.
    pub fn clear(&self, offset: usize, length: usize) {
        self.mapping.copy_in(offset, &vec![0; length]);
    }

    /// `length` bytes at `offset`.
    pub fn get(&self, offset: usize, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.mapping.copy_out(offset, &mut bytes);
        bytes
    }

    /// Puts bytes at `offset`.
    pub fn put(&self, offset: usize, bytes: &[u8]) {
        self.mapping.copy_in(offset, bytes);
    }

    /// The two PRP entries of the command that uses a slot, for `length` bytes from `start` in its
    /// first page. Lists are written where they are needed; `chained` makes it two where
    /// possible.
    pub fn prps(&self, number: usize, start: usize, length: usize, chained: bool) -> (u64, u64) {
        let at = slot(number);
        let first = Self::address(at + start);
        let pages = (start + length).div_ceil(PAGE);
        let page = |index: usize| Self::address(at + index * PAGE);
        match pages {
            0 | 1 => (first, 0),
            2 => (first, page(1)),
            _ => {
                let entries: Vec<u64> = (1..pages).map(page).collect();
                (first, self.list(lists(number), &entries, chained))
            }
        }
    }

    /// Writes a PRP list; its address. A chained one has three entries at the end of its first
    /// page, then the address of the next page, which has the others from its start (4.3).
    fn list(&self, at: usize, entries: &[u64], chained: bool) -> u64 {
        // A single entry that is left has its place where the pointer would be.
        let (first, rest) = match entries.split_at_checked(3) {
            Some((first, rest)) if chained && rest.len() > 1 => (first, rest),
            _ => (entries, [].as_slice()),
        };
        let next = at + PAGE;
        let pointer = (!rest.is_empty()).then(|| Self::address(next));
        let begin = if chained {
            next - 8 * (first.len() + pointer.iter().len())
        } else {
            at
        };
        for (n, entry) in first.iter().chain(pointer.iter()).enumerate() {
            self.put(begin + n * 8, &entry.to_le_bytes());
        }
        for (n, entry) in rest.iter().enumerate() {
            self.put(next + n * 8, &entry.to_le_bytes());
        }
        Self::address(begin)
    }
}
