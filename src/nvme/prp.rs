// SPDX-License-Identifier: GPL-2.0

//! Where a command's data is: two PRP entries, or one and lists of more (4.3).
//!
//! The work is bounded by the length of the data: each page of a list that is gone through has at
//! least one entry that is used, but the first.

use crate::command::Failure;
use crate::outside::Memory;
use crate::spec::command::{PRP1, PRP2};
use crate::spec::status::Status;
use crate::spec::{PAGE, PRP, PRP_ALIGN};

const PAGE_MASK: u64 = PAGE as u64 - 1;

/// Entries of a list that are read at once.
const READ: usize = 32 * PRP;

/// What comes after the page at hand.
#[derive(Clone, Copy, Debug)]
enum Next {
    /// The page of the second entry.
    Page(u64),
    /// The list's next entry.
    List(u64),
}

/// A way through the pages of a command's data.
pub(crate) struct Prps {
    /// Where in the page at hand.
    at: u64,
    /// How much of it is left.
    in_page: usize,
    /// How much there is behind the page at hand.
    behind: usize,
    next: Next,
    /// Entries from `read_at` on.
    read: [u8; READ],
    read_at: u64,
    read_len: usize,
}

const BAD_FIRST: Failure = Failure::field(Status::PRP_OFFSET, PRP1);
const BAD_SECOND: Failure = Failure::field(Status::PRP_OFFSET, PRP2);
const FAULT: Failure = Failure::new(Status::TRANSFER_ERROR);

impl Prps {
    /// The way through `len` bytes.
    ///
    /// # Errors
    ///
    /// An entry with an offset that it cannot have.
    pub(crate) fn new((first, second): (u64, u64), len: usize) -> Result<Self, Failure> {
        if first % PRP_ALIGN != 0 {
            return Err(BAD_FIRST);
        }
        // CAST: an offset in a page.
        let in_page = PAGE.wrapping_sub((first & PAGE_MASK) as usize).min(len);
        let behind = len.saturating_sub(in_page);
        let next = if behind > PAGE {
            if second % PRP as u64 != 0 {
                return Err(BAD_SECOND);
            }
            Next::List(second)
        } else {
            if behind > 0 && second & PAGE_MASK != 0 {
                return Err(BAD_SECOND);
            }
            Next::Page(second)
        };
        Ok(Self {
            at: first,
            in_page,
            behind,
            next,
            read: [0; READ],
            read_at: 0,
            read_len: 0,
        })
    }

    /// Writes to the guest.
    ///
    /// # Errors
    ///
    /// A bad entry, or memory that is not there. A part may be written.
    pub(crate) fn write(&mut self, memory: &mut dyn Memory, data: &[u8]) -> Result<(), Failure> {
        let mut rest = data;
        while !rest.is_empty() {
            let (iova, len) = self.extent(memory, rest.len())?;
            let (now, later) = rest.split_at_checked(len).unwrap_or((rest, &[]));
            memory.write(iova, now).map_err(|_| FAULT)?;
            rest = later;
        }
        Ok(())
    }

    /// Reads from the guest.
    ///
    /// # Errors
    ///
    /// As [`write`](Prps::write).
    pub(crate) fn read(&mut self, memory: &mut dyn Memory, data: &mut [u8]) -> Result<(), Failure> {
        let mut rest = data;
        while !rest.is_empty() {
            let (iova, len) = self.extent(memory, rest.len())?;
            let Some((now, later)) = rest.split_at_mut_checked(len) else {
                return Err(FAULT);
            };
            memory.read(iova, now).map_err(|_| FAULT)?;
            rest = later;
        }
        Ok(())
    }

    /// Leaves out so many bytes.
    ///
    /// # Errors
    ///
    /// As [`write`](Prps::write).
    pub(crate) fn skip(&mut self, memory: &mut dyn Memory, len: usize) -> Result<(), Failure> {
        let mut left = len;
        while left > 0 {
            left = left.saturating_sub(self.extent(memory, left)?.1);
        }
        Ok(())
    }

    /// The next bytes that follow each other, at most `most`, which must be there, and at least 1.
    fn extent(&mut self, memory: &mut dyn Memory, most: usize) -> Result<(u64, usize), Failure> {
        if self.in_page == 0 {
            self.turn(memory)?;
        }
        let start = self.at;
        let mut len = self.take(most);
        if len == 0 {
            return Err(FAULT);
        }
        while len < most && self.behind > 0 {
            self.turn(memory)?;
            if self.at != start.wrapping_add(len as u64) {
                break;
            }
            len = len.wrapping_add(self.take(most.wrapping_sub(len)));
        }
        Ok((start, len))
    }

    fn take(&mut self, most: usize) -> usize {
        let len = self.in_page.min(most);
        self.at = self.at.wrapping_add(len as u64);
        self.in_page = self.in_page.wrapping_sub(len);
        len
    }

    /// Goes on to the next page.
    fn turn(&mut self, memory: &mut dyn Memory) -> Result<(), Failure> {
        let page = match self.next {
            Next::Page(page) => page,
            Next::List(at) => self.entry(memory, at)?,
        };
        self.at = page;
        self.in_page = PAGE.min(self.behind);
        self.behind = self.behind.wrapping_sub(self.in_page);
        Ok(())
    }

    /// The entry at `at`, or that which it leads to: the last entry of a page of the list points
    /// to the next one, if there is more data than a page behind it.
    fn entry(&mut self, memory: &mut dyn Memory, at: u64) -> Result<u64, Failure> {
        let last = PAGE_MASK & !(PRP as u64 - 1);
        let mut at = at;
        if at & PAGE_MASK == last && self.behind > PAGE {
            at = self.load(memory, at)?;
            if at & PAGE_MASK != 0 {
                return Err(BAD_SECOND);
            }
        }
        let page = self.load(memory, at)?;
        if page & PAGE_MASK != 0 {
            return Err(BAD_SECOND);
        }
        self.next = Next::List(at.wrapping_add(PRP as u64));
        Ok(page)
    }

    fn load(&mut self, memory: &mut dyn Memory, at: u64) -> Result<u64, Failure> {
        let from = at.wrapping_sub(self.read_at);
        if from >= self.read_len as u64 {
            // CAST: an offset in a page. As many as the list has at most, and none of another page.
            let in_page = PAGE.wrapping_sub((at & PAGE_MASK) as usize);
            let used = self.behind.div_ceil(PAGE).saturating_mul(PRP);
            let len = READ.min(in_page).min(used);
            let room = self.read.get_mut(..len).ok_or(FAULT)?;
            self.read_len = 0;
            memory.read(at, room).map_err(|_| FAULT)?;
            (self.read_at, self.read_len) = (at, len);
        }
        // CAST: below `READ`.
        let from = at.wrapping_sub(self.read_at) as usize;
        let entry = self.read.get(from..).and_then(|rest| rest.first_chunk());
        Ok(u64::from_le_bytes(*entry.ok_or(FAULT)?))
    }
}
