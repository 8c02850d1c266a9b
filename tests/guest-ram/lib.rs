// SPDX-License-Identifier: GPL-2.0

//! A guest's memory, for whatever runs an NVMe controller on the host: the tests of the controller,
//! the simulation, the fuzzer.
//!
//! The controller sees it as [`Memory`], where pages can be missing and any access can fail. The
//! guest itself sees all of it, always.

use nvme::outside::{Fault, Memory};
use std::collections::BTreeSet;
use std::ops::Range;

/// Bytes of a page.
pub const PAGE: u64 = 4096;

/// Memory from address 0 on, with nothing behind its end.
#[derive(Debug)]
pub struct Ram {
    bytes: Vec<u8>,
    /// The numbers of pages that the controller does not find.
    pub holes: BTreeSet<u64>,
    /// After so many more of the controller's accesses all fail.
    pub breaks_in: Option<u64>,
    /// All accesses of the controller so far, those that failed too.
    pub accesses: u64,
}

impl Ram {
    /// So many pages of zeroes.
    #[must_use]
    pub fn new(pages: u64) -> Self {
        Self {
            bytes: vec![0; (pages * PAGE) as usize],
            holes: BTreeSet::new(),
            breaks_in: None,
            accesses: 0,
        }
    }

    /// Bytes that there are.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// The guest's own view of `len` bytes.
    ///
    /// # Panics
    ///
    /// They are not all in front of the end.
    #[must_use]
    pub fn at(&self, address: u64, len: usize) -> &[u8] {
        &self.bytes[address as usize..][..len]
    }

    /// The guest's own view of `len` bytes, to change them.
    ///
    /// # Panics
    ///
    /// They are not all in front of the end.
    #[must_use]
    pub fn at_mut(&mut self, address: u64, len: usize) -> &mut [u8] {
        &mut self.bytes[address as usize..][..len]
    }

    /// The guest reads a little-endian number.
    ///
    /// # Panics
    ///
    /// It is not all in front of the end.
    #[must_use]
    pub fn load(&self, address: u64) -> u32 {
        u32::from_le_bytes(self.at(address, 4).try_into().expect("four bytes"))
    }

    /// The guest writes bytes.
    ///
    /// # Panics
    ///
    /// They do not all fit in front of the end.
    pub fn put(&mut self, address: u64, bytes: &[u8]) {
        self.at_mut(address, bytes.len()).copy_from_slice(bytes);
    }

    /// What an access of the controller reaches.
    fn range(&mut self, iova: u64, len: usize) -> Result<Range<usize>, Fault> {
        self.accesses += 1;
        match &mut self.breaks_in {
            Some(0) => return Err(Fault),
            Some(n) => *n -= 1,
            None => {}
        }
        let end = iova.checked_add(len as u64).ok_or(Fault)?;
        let mut missing = self.holes.range(iova / PAGE..end.div_ceil(PAGE));
        if end > self.size() || missing.next().is_some() {
            return Err(Fault);
        }
        Ok(iova as usize..end as usize)
    }
}

impl Memory for Ram {
    fn read(&mut self, iova: u64, data: &mut [u8]) -> Result<(), Fault> {
        let range = self.range(iova, data.len())?;
        data.copy_from_slice(&self.bytes[range]);
        Ok(())
    }

    fn write(&mut self, iova: u64, data: &[u8]) -> Result<(), Fault> {
        let range = self.range(iova, data.len())?;
        self.bytes[range].copy_from_slice(data);
        Ok(())
    }
}
