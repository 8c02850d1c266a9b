// SPDX-License-Identifier: GPL-2.0

//! What the namespace must hold, block by block.
//!
//! Each write has a stamp of its own, from which the bytes of each block follow; stamp 0 is zeroes.
//! Of a block that a failed or forgotten command may have written there are several stamps, until
//! a read says which.

use std::collections::BTreeMap;

#[derive(Debug)]
pub(crate) struct Disk {
    pub(crate) block: usize,
    stamps: Vec<u64>,
    /// Other stamps that blocks may have.
    others: BTreeMap<u64, Vec<u64>>,
}

/// What a block of a stamp holds.
pub(crate) fn fill(stamp: u64, lba: u64, block: &mut [u8]) {
    let mut word =
        stamp.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ lba.wrapping_mul(0xd6e8_feb8_6659_fd93);
    for place in block.chunks_exact_mut(8) {
        if stamp != 0 {
            word = word.rotate_left(23).wrapping_mul(0xbf58_476d_1ce4_e5b9) ^ stamp;
        } else {
            word = 0;
        }
        place.copy_from_slice(&word.to_le_bytes());
    }
}

fn holds(stamp: u64, lba: u64, block: &[u8]) -> bool {
    let mut wanted = [0; 4096];
    let wanted = &mut wanted[..block.len()];
    fill(stamp, lba, wanted);
    wanted == block
}

impl Disk {
    pub(crate) fn new(blocks: u64, block: usize) -> Self {
        Self {
            block,
            stamps: vec![0; blocks as usize],
            others: BTreeMap::new(),
        }
    }

    pub(crate) fn blocks(&self) -> u64 {
        self.stamps.len() as u64
    }

    /// Written for sure.
    pub(crate) fn write(&mut self, lba: u64, blocks: u64, stamp: u64) {
        for lba in lba..lba + blocks {
            self.stamps[lba as usize] = stamp;
            self.others.remove(&lba);
        }
    }

    /// Some of them may be written.
    pub(crate) fn maybe(&mut self, lba: u64, blocks: u64, stamp: u64) {
        for lba in lba..lba + blocks {
            self.others.entry(lba).or_default().push(stamp);
        }
    }

    /// Whether it is known what the blocks hold.
    pub(crate) fn is_sure(&self, lba: u64, blocks: u64) -> bool {
        self.others.range(lba..lba + blocks).next().is_none()
    }

    /// What the blocks hold, if that is known.
    pub(crate) fn show(&self, lba: u64, data: &mut [u8]) {
        for (lba, place) in (lba..).zip(data.chunks_exact_mut(self.block)) {
            fill(self.stamps[lba as usize], lba, place);
        }
    }

    /// This was read. It is what the blocks hold from now on.
    pub(crate) fn check(&mut self, lba: u64, data: &[u8]) {
        for (lba, found) in (lba..).zip(data.chunks_exact(self.block)) {
            let stamp = self.stamps[lba as usize];
            let others = self.others.remove(&lba).unwrap_or_default();
            let mut all = std::iter::once(stamp).chain(others.iter().copied());
            match all.find(|stamp| holds(*stamp, lba, found)) {
                Some(stamp) => self.stamps[lba as usize] = stamp,
                None => panic!(
                    "block {lba} holds {:02x?}.., but was last written with stamp {stamp}{}",
                    &found[..16],
                    if others.is_empty() {
                        String::new()
                    } else {
                        format!(" or one of {others:?}")
                    }
                ),
            }
        }
    }
}
