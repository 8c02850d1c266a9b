// SPDX-License-Identifier: GPL-2.0

//! Where a device's blocks are: in RAM, or in the parent's BAR.

#![forbid(unsafe_code)]

mod bar;
mod ram;

pub(crate) use bar::BarMedia;

use bar::Slice;
use kernel::{
    prelude::*,
    sync::Arc, //
};
use nvme::{
    media::{
        Run,
        Store as Pages,
        PAGE, //
    },
    outside::MediaError, //
};
use ram::Ram;

/// What the blocks of a parent's devices are in.
pub(crate) enum Media {
    /// Memory of the kernel, page by page.
    Ram,
    /// A BAR.
    Bar(Arc<BarMedia>),
}

impl Media {
    /// A store of so many bytes, empty.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; `ENOSPC` if the BAR has no more, which the parent's budget rules out.
    pub(crate) fn store(&self, bytes: u64) -> Result<Store> {
        Ok(match self {
            Self::Ram => Store::Ram(Ram::new(bytes / PAGE as u64)?),
            Self::Bar(media) => Store::Bar(Slice::new(media.clone(), bytes)?),
        })
    }
}

/// The pages of one device.
pub(crate) enum Store {
    Ram(Ram),
    Bar(Slice),
}

impl Store {
    fn pages(&mut self) -> &mut dyn Pages {
        match self {
            Self::Ram(ram) => ram,
            Self::Bar(slice) => slice,
        }
    }
}

impl Pages for Store {
    fn read(&mut self, page: u64, offset: usize, data: &mut [u8]) -> Result<bool, MediaError> {
        self.pages().read(page, offset, data)
    }

    fn lend(&self, page: u64) -> Option<&[u8; PAGE]> {
        match self {
            Self::Ram(ram) => ram.lend(page),
            Self::Bar(slice) => slice.lend(page),
        }
    }

    fn write(&mut self, page: u64, offset: usize, data: &[u8]) -> Result<(), MediaError> {
        self.pages().write(page, offset, data)
    }

    fn discard(&mut self, page: u64) -> Result<bool, MediaError> {
        self.pages().discard(page)
    }

    fn contains(&self, page: u64) -> bool {
        match self {
            Self::Ram(ram) => ram.contains(page),
            Self::Bar(slice) => slice.contains(page),
        }
    }

    fn next(&self, from: u64) -> Option<u64> {
        match self {
            Self::Ram(ram) => ram.next(from),
            Self::Bar(slice) => slice.next(from),
        }
    }

    fn next_run(&self, from: u64) -> Option<Run> {
        match self {
            Self::Ram(ram) => ram.next_run(from),
            Self::Bar(slice) => slice.next_run(from),
        }
    }

    fn count(&self) -> u64 {
        match self {
            Self::Ram(ram) => ram.count(),
            Self::Bar(slice) => slice.count(),
        }
    }

    fn flush(&mut self) -> Result<(), MediaError> {
        self.pages().flush()
    }
}

/// Words for sets of pages.
pub(crate) struct Words(KVVec<u64>);

impl Words {
    /// So many, all zeroes.
    pub(crate) fn new(count: u64) -> Result<Self> {
        let count = usize::try_from(count)?;
        Ok(Self(KVVec::from_elem(0, count, GFP_KERNEL)?))
    }
}

impl AsRef<[u64]> for Words {
    fn as_ref(&self) -> &[u64] {
        &self.0
    }
}

impl AsMut<[u64]> for Words {
    fn as_mut(&mut self) -> &mut [u64] {
        &mut self.0
    }
}
