// SPDX-License-Identifier: GPL-2.0

//! Blocks in a BAR of the parent.
//!
//! The BAR is dealt out in chunks of the smallest type's capacity, so that what is given back in
//! any order fits again. A device knows which of its pages were written: all others read as
//! zeroes, whatever an earlier device has left there.

#![forbid(unsafe_code)]

use super::Words;
use crate::types::SMALLEST;
use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        Arc,
        Mutex, //
    },
};
use mdev::pci::BarMemory;
use nvme::{
    media::{
        Bitmap,
        Run,
        Store,
        PAGE, //
    },
    outside::MediaError, //
};

/// A BAR, and which chunks of it devices have.
#[pin_data]
pub(crate) struct BarMedia {
    memory: BarMemory,
    #[pin]
    taken: Mutex<KVVec<bool>>,
}

impl BarMedia {
    /// All of a BAR, dealt out to nobody.
    pub(crate) fn new(memory: BarMemory) -> Result<Arc<Self>> {
        let chunks = usize::try_from(memory.len() / SMALLEST)?;
        let media = try_pin_init!(Self {
            taken <- new_mutex!(KVVec::from_elem(false, chunks, GFP_KERNEL)?),
            memory,
        });
        Arc::pin_init(media, GFP_KERNEL)
    }
}

/// What a device has of a BAR.
pub(crate) struct Slice {
    media: Arc<BarMedia>,
    chunks: KVec<u64>,
    there: Bitmap<Words>,
}

impl Slice {
    /// Takes so many bytes, a multiple of a chunk.
    pub(super) fn new(media: Arc<BarMedia>, bytes: u64) -> Result<Self> {
        let pages = bytes / PAGE as u64;
        let there = Words::new(Bitmap::<Words>::words(pages))?;
        let wanted = usize::try_from(bytes / SMALLEST)?;
        let mut slice = Self {
            chunks: KVec::with_capacity(wanted, GFP_KERNEL)?,
            there: Bitmap::new(there, pages).ok_or(EINVAL)?,
            media,
        };
        let media = slice.media.clone();
        let mut taken = media.taken.lock();
        let free = taken.iter().filter(|taken| !**taken).count();
        if free < wanted {
            return Err(ENOSPC);
        }
        for (chunk, taken) in (0_u64..).zip(taken.iter_mut()) {
            if slice.chunks.len() == wanted {
                break;
            }
            if !*taken {
                // There is room, so that nothing is allocated under the lock.
                slice.chunks.push(chunk, GFP_KERNEL)?;
                *taken = true;
            }
        }
        Ok(slice)
    }

    /// Where a part of a page is in the BAR.
    fn place(&self, page: u64, offset: usize) -> Result<u64, MediaError> {
        let at = page.checked_mul(PAGE as u64).ok_or(MediaError::Failed)?;
        let index = usize::try_from(at / SMALLEST).map_err(|_| MediaError::Failed)?;
        let chunk = self.chunks.get(index).ok_or(MediaError::Failed)?;
        Ok(chunk * SMALLEST + at % SMALLEST + offset as u64)
    }
}

impl Drop for Slice {
    fn drop(&mut self) {
        let mut taken = self.media.taken.lock();
        for &chunk in &self.chunks {
            // CAST: the index of a flag.
            if let Some(taken) = taken.get_mut(chunk as usize) {
                *taken = false;
            }
        }
    }
}

impl Store for Slice {
    fn read(&mut self, page: u64, offset: usize, data: &mut [u8]) -> Result<bool, MediaError> {
        if !self.there.contains(page) {
            return Ok(false);
        }
        let at = self.place(page, offset)?;
        let read = self.media.memory.read(at, data);
        read.map_err(|_| MediaError::Failed)?;
        Ok(true)
    }

    fn write(&mut self, page: u64, offset: usize, data: &[u8]) -> Result<(), MediaError> {
        let write = |offset, data: &[u8]| {
            let at = self.place(page, offset)?;
            let written = self.media.memory.write(at, data);
            written.map_err(|_| MediaError::Failed)
        };
        if !self.there.contains(page) {
            // What somebody else has left around it goes.
            let end = offset.checked_add(data.len()).ok_or(MediaError::Failed)?;
            let before = ZEROES.get(..offset).ok_or(MediaError::Failed)?;
            let behind = ZEROES.get(end..).ok_or(MediaError::Failed)?;
            write(0, before)?;
            write(end, behind)?;
        }
        write(offset, data)?;
        self.there.insert(page);
        Ok(())
    }

    fn discard(&mut self, page: u64) -> Result<bool, MediaError> {
        let there = self.there.contains(page);
        self.there.remove(page);
        Ok(there)
    }

    fn contains(&self, page: u64) -> bool {
        self.there.contains(page)
    }

    fn next(&self, from: u64) -> Option<u64> {
        self.there.next(from)
    }

    fn next_run(&self, from: u64) -> Option<Run> {
        self.there.next_run(from)
    }

    fn count(&self) -> u64 {
        self.there.count()
    }

    fn flush(&mut self) -> Result<(), MediaError> {
        Ok(())
    }
}

static ZEROES: [u8; PAGE] = [0; PAGE];
