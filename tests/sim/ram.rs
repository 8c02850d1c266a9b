// SPDX-License-Identifier: GPL-2.0

//! The guest's memory: from address 0 on, with nothing behind its end, and sometimes broken.

use nvme::outside::{Fault, Memory};

pub(crate) const PAGE: u64 = 4096;

/// An address at which there is never anything, page after page.
pub(crate) const NOWHERE: u64 = 1 << 40;

#[derive(Debug)]
pub(crate) struct Ram {
    pub(crate) bytes: Vec<u8>,
    /// After so many more accesses all fail.
    pub(crate) breaks_in: Option<u64>,
    /// All accesses so far.
    pub(crate) accesses: u64,
}

impl Ram {
    pub(crate) fn new(pages: u64) -> Self {
        Self {
            bytes: vec![0; (pages * PAGE) as usize],
            breaks_in: None,
            accesses: 0,
        }
    }

    fn range(&mut self, iova: u64, len: usize) -> Result<std::ops::Range<usize>, Fault> {
        self.accesses += 1;
        match &mut self.breaks_in {
            Some(0) => return Err(Fault),
            Some(n) => *n -= 1,
            None => {}
        }
        let end = iova.checked_add(len as u64).ok_or(Fault)?;
        if end > self.bytes.len() as u64 {
            return Err(Fault);
        }
        Ok(iova as usize..end as usize)
    }

    /// The guest's own accesses, which never fail.
    pub(crate) fn at(&self, address: u64, len: usize) -> &[u8] {
        &self.bytes[address as usize..][..len]
    }

    pub(crate) fn at_mut(&mut self, address: u64, len: usize) -> &mut [u8] {
        &mut self.bytes[address as usize..][..len]
    }

    pub(crate) fn load(&self, address: u64) -> u32 {
        u32::from_le_bytes(self.at(address, 4).try_into().expect("four bytes"))
    }

    pub(crate) fn put(&mut self, address: u64, bytes: &[u8]) {
        self.at_mut(address, bytes.len()).copy_from_slice(bytes);
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
