// SPDX-License-Identifier: GPL-2.0

//! The pages of a drive, whose memory can run out.

use crate::chance::Chance;
use nvme::media::{Run, Store, PAGE};
use nvme::outside::MediaError;

/// What can go wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Trouble {
    /// One in so many new pages finds no memory.
    pub(crate) allocations: Option<u64>,
    /// One in so many reads fails.
    pub(crate) reads: Option<u64>,
}

#[derive(Debug)]
pub(crate) struct Pages {
    pages: Vec<Option<Box<[u8; PAGE]>>>,
    count: u64,
    chance: Chance,
    pub(crate) trouble: Trouble,
    /// How often something went wrong.
    pub(crate) failed: u64,
}

impl Pages {
    pub(crate) fn new(pages: u64, seed: u64) -> Self {
        Self {
            pages: vec![None; pages as usize],
            count: 0,
            chance: Chance::new(seed),
            trouble: Trouble::default(),
            failed: 0,
        }
    }

    /// All of them, to be compared.
    pub(crate) fn all(&self) -> &[Option<Box<[u8; PAGE]>>] {
        &self.pages
    }

    fn fails(&mut self, one_in: Option<u64>) -> bool {
        let fails = one_in.is_some_and(|n| self.chance.once_in(n));
        self.failed += u64::from(fails);
        fails
    }
}

impl Store for Pages {
    fn read(&mut self, page: u64, offset: usize, data: &mut [u8]) -> Result<bool, MediaError> {
        if self.fails(self.trouble.reads) {
            data.fill(0xee);
            return Err(MediaError::Failed);
        }
        match &self.pages[page as usize] {
            Some(page) => data.copy_from_slice(&page[offset..offset + data.len()]),
            None => return Ok(false),
        }
        Ok(true)
    }

    /// Only memory that cannot fail is lent.
    fn lend(&self, page: u64) -> Option<&[u8; PAGE]> {
        let page = self.pages[page as usize].as_deref();
        page.filter(|_| self.trouble.reads.is_none())
    }

    fn write(&mut self, page: u64, offset: usize, data: &[u8]) -> Result<(), MediaError> {
        if self.pages[page as usize].is_none() {
            if self.fails(self.trouble.allocations) {
                return Err(self.chance.pick(&[MediaError::Failed, MediaError::Full]));
            }
            self.count += 1;
        }
        let page = self.pages[page as usize].get_or_insert_with(|| Box::new([0; PAGE]));
        page[offset..offset + data.len()].copy_from_slice(data);
        Ok(())
    }

    fn discard(&mut self, page: u64) -> Result<bool, MediaError> {
        let was = self.pages[page as usize].take().is_some();
        self.count -= u64::from(was);
        Ok(was)
    }

    fn next(&self, from: u64) -> Option<u64> {
        let mut pages = self.pages.iter().enumerate().skip(from as usize);
        pages
            .find(|(_, page)| page.is_some())
            .map(|(at, _)| at as u64)
    }

    fn next_run(&self, from: u64) -> Option<Run> {
        let first = self.next(from)?;
        let there = self.pages[first as usize..].iter();
        let count = there.take_while(|page| page.is_some()).count() as u64;
        Some(Run { first, count })
    }

    fn count(&self) -> u64 {
        self.count
    }

    fn flush(&mut self) -> Result<(), MediaError> {
        Ok(())
    }
}
