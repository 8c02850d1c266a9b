// SPDX-License-Identifier: GPL-2.0

//! Media that takes memory only for what was written, and knows what has changed.
//!
//! [`Sparse`] keeps blocks in pages of a [`Store`], which a driver has: memory that is allocated
//! at the first write, or something that is always there. While [`Sparse::track`] is in force,
//! each page that changes is noted by a [`Tracker`], for a migration that reads the media while
//! the guest writes it.

mod bitmap;
mod tracker;

pub use bitmap::Bitmap;
pub use tracker::{Change, Tracker};

use crate::config::BlockSize;
use crate::outside::{Media, MediaError};

/// The size of a page, which is what is allocated and tracked.
pub const PAGE: usize = 4096;

const ZEROES: [u8; PAGE] = [0; PAGE];

/// Pages, by their numbers. Parts of pages do not reach beyond their page.
pub trait Store {
    /// Reads a part of a page. Whether the page is there; `data` is left alone if it is not.
    ///
    /// # Errors
    ///
    /// It failed; `data` holds anything.
    fn read(&mut self, page: u64, offset: usize, data: &mut [u8]) -> Result<bool, MediaError>;

    /// Writes a part of a page, as a whole or not at all. A page that is not there appears, with
    /// zeroes where nothing is written.
    ///
    /// # Errors
    ///
    /// It failed, or there is no room for another page.
    fn write(&mut self, page: u64, offset: usize, data: &[u8]) -> Result<(), MediaError>;

    /// Makes a page one that is not there: it reads as zeroes. Whether it was there.
    ///
    /// # Errors
    ///
    /// It failed; nothing has changed.
    fn discard(&mut self, page: u64) -> Result<bool, MediaError>;

    /// The first page that is there, from one on.
    fn next(&self, from: u64) -> Option<u64>;

    /// Makes durable what was written.
    ///
    /// # Errors
    ///
    /// It failed.
    fn flush(&mut self) -> Result<(), MediaError>;
}

/// A part of a page.
struct Part {
    page: u64,
    offset: usize,
    len: usize,
}

/// Blocks in the pages of a store.
#[derive(Debug)]
pub struct Sparse<S, B> {
    store: S,
    block_size: BlockSize,
    tracker: Option<Tracker<B>>,
}

impl<S: Store, B: AsRef<[u64]> + AsMut<[u64]>> Sparse<S, B> {
    /// Blocks of a size, in a store.
    pub fn new(store: S, block_size: BlockSize) -> Self {
        Self {
            store,
            block_size,
            tracker: None,
        }
    }

    /// The pages.
    pub fn store(&mut self) -> &mut S {
        &mut self.store
    }

    /// Notes from now on what changes; all pages that are there count as not seen yet.
    pub fn track(&mut self, mut tracker: Tracker<B>) {
        let mut from = 0;
        while let Some(page) = self.store.next(from) {
            tracker.begin_with(page);
            let Some(next) = page.checked_add(1) else {
                break;
            };
            from = next;
        }
        self.tracker = Some(tracker);
    }

    /// What is noted, if anything is.
    pub fn tracker(&self) -> Option<&Tracker<B>> {
        self.tracker.as_ref()
    }

    /// Notes nothing any more; gives the tracker back.
    pub fn untrack(&mut self) -> Option<Tracker<B>> {
        self.tracker.take()
    }

    /// The next page that has changed since it was seen; its contents, if it is there, are put
    /// into `data`. It is seen with that.
    ///
    /// # Errors
    ///
    /// The store failed; the page has not been seen.
    pub fn next_change(&mut self, data: &mut [u8; PAGE]) -> Result<Option<Change>, MediaError> {
        let Some(tracker) = &mut self.tracker else {
            return Ok(None);
        };
        while let Some((page, first)) = tracker.next() {
            let there = self.store.read(page, 0, data)?;
            tracker.seen(page);
            match (there, first) {
                (true, _) => return Ok(Some(Change::Written(page))),
                (false, false) => return Ok(Some(Change::Deallocated(page))),
                // Gone before anybody has heard of it.
                (false, true) => {}
            }
        }
        Ok(None)
    }

    /// The parts of pages that bytes are in.
    fn parts(at: u64, len: u64) -> impl Iterator<Item = Part> {
        let end = at.saturating_add(len);
        let mut at = at;
        core::iter::from_fn(move || {
            if at >= end {
                return None;
            }
            // CAST: an offset in a page.
            let offset = (at % PAGE as u64) as usize;
            let room = PAGE.wrapping_sub(offset) as u64;
            let len = room.min(end.wrapping_sub(at));
            let page = at / PAGE as u64;
            at = at.saturating_add(len);
            // CAST: at most a page.
            let len = len as usize;
            Some(Part { page, offset, len })
        })
    }

    fn bytes(&self, blocks: u64) -> u64 {
        blocks.wrapping_shl(u32::from(self.block_size.shift()))
    }

    fn changed(&mut self, page: u64) {
        if let Some(tracker) = &mut self.tracker {
            tracker.changed(page);
        }
    }

    fn zero(&mut self, part: &Part) -> Result<(), MediaError> {
        if part.len == PAGE {
            if self.store.discard(part.page)? {
                self.changed(part.page);
            }
        } else if self.store.next(part.page) == Some(part.page) {
            let zeroes = ZEROES.get(..part.len).unwrap_or_default();
            self.store.write(part.page, part.offset, zeroes)?;
            self.changed(part.page);
        }
        Ok(())
    }
}

impl<S: Store, B: AsRef<[u64]> + AsMut<[u64]>> Media for Sparse<S, B> {
    fn read(&mut self, lba: u64, data: &mut [u8]) -> Result<(), MediaError> {
        let mut rest = data;
        for part in Self::parts(self.bytes(lba), rest.len() as u64) {
            let split = core::mem::take(&mut rest).split_at_mut_checked(part.len);
            let (now, later) = split.ok_or(MediaError::Failed)?;
            if !self.store.read(part.page, part.offset, now)? {
                now.fill(0);
            }
            rest = later;
        }
        Ok(())
    }

    fn write(&mut self, lba: u64, data: &[u8]) -> Result<(), MediaError> {
        let mut rest = data;
        for part in Self::parts(self.bytes(lba), rest.len() as u64) {
            let split = rest.split_at_checked(part.len);
            let (now, later) = split.ok_or(MediaError::Failed)?;
            self.store.write(part.page, part.offset, now)?;
            self.changed(part.page);
            rest = later;
        }
        Ok(())
    }

    fn deallocate(&mut self, lba: u64, blocks: u64) -> Result<(), MediaError> {
        for part in Self::parts(self.bytes(lba), self.bytes(blocks)) {
            self.zero(&part)?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), MediaError> {
        self.store.flush()
    }
}
