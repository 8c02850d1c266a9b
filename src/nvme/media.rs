// SPDX-License-Identifier: GPL-2.0

//! Media that takes memory only for what was written, and knows what has changed.
//!
//! [`Sparse`] keeps blocks in pages of a [`Store`], which a driver has: memory that is allocated
//! at the first write, or something that is always there. While [`Sparse::track`] is in force,
//! each page that changes is noted by a [`Tracker`], for a migration that reads the media while
//! the guest writes it. A migration takes [runs](Run) of pages out of the one and puts them into
//! the other.

mod bitmap;
mod tracker;

pub use bitmap::Bitmap;
pub use tracker::{Amount, Run, Tracker};

use crate::config::BlockSize;
use crate::outside::{Media, MediaError};
use tracker::Mark;

/// The size of a page, which is what is allocated and tracked.
pub const PAGE: usize = 4096;

/// The most pages with contents that are seen at once: what goes into a record of a migration.
pub const RUN: u64 = ((migcore::stream::MAX_PAYLOAD - size_of::<u64>()) / PAGE) as u64;

/// Pages of a run that are looked at one by one.
const FEW: u64 = 64;

const ZEROES: [u8; PAGE] = [0; PAGE];

/// Pages, by their numbers. Parts of pages do not reach beyond their page.
pub trait Store {
    /// Reads a part of a page. Whether the page is there; `data` is left alone if it is not.
    ///
    /// # Errors
    ///
    /// It failed; `data` holds anything.
    fn read(&mut self, page: u64, offset: usize, data: &mut [u8]) -> Result<bool, MediaError>;

    /// The memory that a page is in, if it is there and this store has it in memory: what would be
    /// copied elsewhere anyway need not be read before.
    fn lend(&self, page: u64) -> Option<&[u8; PAGE]> {
        let _ = page;
        None
    }

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

    /// Whether a page is there. A store can tell sooner than by looking for the next one.
    fn contains(&self, page: u64) -> bool {
        self.next(page) == Some(page)
    }

    /// The first page that is there, from one on.
    fn next(&self, from: u64) -> Option<u64>;

    /// The first pages that are there, from one on: some that follow each other, at least one.
    /// Worth more than [`next`](Store::next) where it is no harder to find out.
    fn next_run(&self, from: u64) -> Option<Run> {
        self.next(from).map(|first| Run { first, count: 1 })
    }

    /// How many pages are there.
    fn count(&self) -> u64;

    /// Makes all pages ones that are not there.
    ///
    /// # Errors
    ///
    /// It failed; some pages may be gone.
    fn clear(&mut self) -> Result<(), MediaError> {
        let mut from = 0;
        while let Some(page) = self.next(from) {
            self.discard(page)?;
            match page.checked_add(1) {
                Some(next) => from = next,
                None => break,
            }
        }
        Ok(())
    }

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
        while let Some(run) = self.store.next_run(from) {
            tracker.begin_with(run);
            match run.first.checked_add(run.count.max(1)) {
                Some(next) => from = next,
                None => break,
            }
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

    /// How many pages there are in all.
    pub fn count(&self) -> u64 {
        self.store.count()
    }

    /// Puts the contents of the next pages that have changed into `data`, whole pages from its
    /// start, and says which they are. They are seen with that.
    ///
    /// # Errors
    ///
    /// The store failed, or `data` has no room for a page; nothing has been seen.
    pub fn take_pages(&mut self, data: &mut [u8]) -> Result<Option<Run>, MediaError> {
        loop {
            let Some(tracker) = &self.tracker else {
                return Ok(None);
            };
            let Some((mark, Run { first, count })) = tracker.next() else {
                return Ok(None);
            };
            let mut read = Ok(true);
            let mut taken = 0;
            for (page, place) in
                (first..first.saturating_add(count)).zip(data.chunks_exact_mut(PAGE))
            {
                read = self.store.read(page, 0, place);
                if read != Ok(true) {
                    break;
                }
                taken = page.saturating_sub(first).saturating_add(1);
            }
            let Some(tracker) = &mut self.tracker else {
                return Ok(None);
            };
            let run = Run {
                first,
                count: taken,
            };
            match (taken, read) {
                (0, Ok(true)) => return Err(MediaError::Failed),
                (0, Err(error)) => return Err(error),
                // It went without a word, so it is gone.
                (0, Ok(false)) if mark == Mark::Initial => {
                    tracker.seen(mark, Run { first, count: 1 })
                }
                (0, Ok(false)) => tracker.discarded(first),
                // Whatever was wrong with the next one will be so again.
                _ => {
                    tracker.seen(mark, run);
                    return Ok(Some(run));
                }
            }
        }
    }

    /// Lends the next pages that have changed to `take`: the first one's number, and the contents of
    /// each. If `take` says that it has taken them, they are seen with that. Does nothing if the
    /// store does not lend all of them.
    pub fn lend_pages(&mut self, take: impl FnOnce(u64, &[&[u8]]) -> bool) {
        let Some((mark, run)) = self.tracker.as_ref().and_then(Tracker::next) else {
            return;
        };
        let mut pages: [&[u8]; RUN as usize] = [&[]; RUN as usize];
        // CAST: at most `RUN`.
        let Some(pages) = pages.get_mut(..run.count as usize) else {
            return;
        };
        for (page, place) in (run.first..).zip(pages.iter_mut()) {
            match self.store.lend(page) {
                Some(page) => *place = page,
                None => return,
            }
        }
        if take(run.first, pages) {
            if let Some(tracker) = &mut self.tracker {
                tracker.seen(mark, run);
            }
        }
    }

    /// The next pages that are there no more. They are seen with that.
    pub fn take_gone(&mut self) -> Option<Run> {
        self.tracker.as_mut()?.next_gone()
    }

    /// Puts pages there: as many as `data` holds, whole.
    ///
    /// # Errors
    ///
    /// The store failed; some pages may be there.
    pub fn put_pages(&mut self, first: u64, data: &[u8]) -> Result<(), MediaError> {
        for (page, data) in (first..).zip(data.chunks_exact(PAGE)) {
            self.store.write(page, 0, data)?;
            self.written(page);
        }
        Ok(())
    }

    /// Makes pages ones that are not there.
    ///
    /// # Errors
    ///
    /// The store failed; some pages may be gone.
    pub fn put_gone(&mut self, run: Run) -> Result<(), MediaError> {
        let end = run.first.saturating_add(run.count);
        let mut from = run.first;
        // Looking for the next page that is there may take longer than looking at a few.
        let next = |store: &S, from: u64| match run.count {
            0..=FEW => (from..end).find(|page| store.contains(*page)),
            _ => store.next(from).filter(|page| *page < end),
        };
        while let Some(page) = next(&self.store, from) {
            if self.store.discard(page)? {
                self.discarded(page);
            }
            from = page.saturating_add(1);
        }
        Ok(())
    }

    /// Makes it empty.
    ///
    /// # Errors
    ///
    /// The store failed; some pages may be gone.
    pub fn clear(&mut self) -> Result<(), MediaError> {
        match self.tracker {
            Some(_) => self.put_gone(Run {
                first: 0,
                count: u64::MAX,
            }),
            None => self.store.clear(),
        }
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

    fn written(&mut self, page: u64) {
        if let Some(tracker) = &mut self.tracker {
            tracker.written(page);
        }
    }

    fn discarded(&mut self, page: u64) {
        if let Some(tracker) = &mut self.tracker {
            tracker.discarded(page);
        }
    }

    fn zero(&mut self, part: &Part) -> Result<(), MediaError> {
        if part.len == PAGE {
            if self.store.discard(part.page)? {
                self.discarded(part.page);
            }
        } else if self.store.contains(part.page) {
            let zeroes = ZEROES.get(..part.len).unwrap_or_default();
            self.store.write(part.page, part.offset, zeroes)?;
            self.written(part.page);
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
            self.written(part.page);
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
