// SPDX-License-Identifier: GPL-2.0

//! Blocks in RAM, of which each page is allocated when it is first written.

#![forbid(unsafe_code)]

use kernel::prelude::*;
use mdev::{
    copy_page,
    Pages, //
};
use nvme::{
    media::{
        Run,
        Store,
        PAGE, //
    },
    outside::MediaError, //
};

/// Pages of the kernel's memory.
pub(crate) struct Ram(Pages);

impl Ram {
    /// Room for so many pages.
    pub(super) fn new(pages: u64) -> Result<Self> {
        Ok(Self(Pages::new(pages)?))
    }
}

impl Store for Ram {
    fn read(&mut self, page: u64, offset: usize, data: &mut [u8]) -> Result<bool, MediaError> {
        let Some(bytes) = self.0.get(page) else {
            return Ok(false);
        };
        if let Ok(data) = <&mut [u8; PAGE]>::try_from(&mut *data) {
            copy_page(data, bytes);
            return Ok(true);
        }
        let from = bytes.get(offset..).and_then(|rest| rest.get(..data.len()));
        data.copy_from_slice(from.ok_or(MediaError::Failed)?);
        Ok(true)
    }

    fn lend(&self, page: u64) -> Option<&[u8; PAGE]> {
        self.0.get(page)
    }

    fn write(&mut self, page: u64, offset: usize, data: &[u8]) -> Result<(), MediaError> {
        // The guest has been promised the room; that there is no memory now is an error of ours.
        let bytes = self.0.get_mut(page).map_err(|_| MediaError::Failed)?;
        if let Ok(data) = data.try_into() {
            copy_page(bytes, data);
            return Ok(());
        }
        let to = bytes
            .get_mut(offset..)
            .and_then(|rest| rest.get_mut(..data.len()));
        to.ok_or(MediaError::Failed)?.copy_from_slice(data);
        Ok(())
    }

    fn discard(&mut self, page: u64) -> Result<bool, MediaError> {
        Ok(self.0.remove(page))
    }

    fn contains(&self, page: u64) -> bool {
        self.0.get(page).is_some()
    }

    fn next(&self, from: u64) -> Option<u64> {
        self.0.next(from)
    }

    fn next_run(&self, from: u64) -> Option<Run> {
        let (first, count) = self.0.next_run(from)?;
        Some(Run { first, count })
    }

    fn count(&self) -> u64 {
        self.0.count()
    }

    fn flush(&mut self) -> Result<(), MediaError> {
        Ok(())
    }
}
