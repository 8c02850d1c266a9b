// SPDX-License-Identifier: GPL-2.0

//! A set of page numbers, in memory that somebody else has.

const BITS: u64 = u64::BITS as u64;

/// The numbers below `len` that are in the set, a bit each.
#[derive(Debug)]
pub struct Bitmap<B> {
    words: B,
    len: u64,
    count: u64,
}

impl<B: AsRef<[u64]> + AsMut<[u64]>> Bitmap<B> {
    /// The words that so many numbers need.
    pub const fn words(len: u64) -> u64 {
        len.div_ceil(BITS)
    }

    /// An empty set of numbers below `len`; `None` if there are too few words.
    pub fn new(mut words: B, len: u64) -> Option<Self> {
        if (words.as_ref().len() as u64) < Self::words(len) {
            return None;
        }
        words.as_mut().fill(0);
        Some(Self {
            words,
            len,
            count: 0,
        })
    }

    /// How many are in the set.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The word of a number, and its bit there.
    fn place(&self, number: u64) -> Option<(usize, u64)> {
        if number >= self.len {
            return None;
        }
        let word = usize::try_from(number / BITS).ok()?;
        // CAST: below 64.
        Some((word, 1_u64.wrapping_shl((number % BITS) as u32)))
    }

    /// Whether a number is in the set.
    pub fn contains(&self, number: u64) -> bool {
        let bit = self.place(number);
        bit.is_some_and(|(word, bit)| self.words.as_ref().get(word).is_some_and(|w| w & bit != 0))
    }

    /// Puts a number into the set.
    pub fn insert(&mut self, number: u64) {
        if let Some((word, bit)) = self.place(number) {
            if let Some(word) = self.words.as_mut().get_mut(word) {
                self.count = self.count.saturating_add(u64::from(*word & bit == 0));
                *word |= bit;
            }
        }
    }

    /// Takes a number out of the set.
    pub fn remove(&mut self, number: u64) {
        if let Some((word, bit)) = self.place(number) {
            if let Some(word) = self.words.as_mut().get_mut(word) {
                self.count = self.count.saturating_sub(u64::from(*word & bit != 0));
                *word &= !bit;
            }
        }
    }

    /// The first number in the set, from one on.
    pub fn next(&self, from: u64) -> Option<u64> {
        if self.count == 0 {
            return None;
        }
        let (first, bit) = self.place(from)?;
        // All bits from that of `from` on.
        let mut mask = !bit.wrapping_sub(1);
        let words = self.words.as_ref().iter().enumerate().skip(first);
        for (at, word) in words {
            let found = word & mask;
            if found != 0 {
                let base = (at as u64).checked_mul(BITS)?;
                return base.checked_add(u64::from(found.trailing_zeros()));
            }
            mask = u64::MAX;
        }
        None
    }
}
