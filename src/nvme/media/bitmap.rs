// SPDX-License-Identifier: GPL-2.0

//! A set of page numbers, in memory that somebody else has.

use super::Run;
use core::ops::Range;

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

    /// Puts a number into the set, or takes it out.
    pub(super) fn put(&mut self, number: u64, contained: bool) {
        if contained {
            self.insert(number);
        } else {
            self.remove(number);
        }
    }

    /// Puts the numbers from `first` up to, but without, `end` into the set.
    pub(super) fn insert_all(&mut self, first: u64, end: u64) {
        self.each_word(first, end, |word, mask, count| {
            let new = u64::from((mask & !*word).count_ones());
            *count = count.saturating_add(new);
            *word |= mask;
        });
    }

    /// Takes the numbers from `first` up to, but without, `end` out of the set.
    pub(super) fn remove_all(&mut self, first: u64, end: u64) {
        self.each_word(first, end, |word, mask, count| {
            let gone = u64::from((mask & *word).count_ones());
            *count = count.saturating_sub(gone);
            *word &= !mask;
        });
    }

    /// Calls `f` with each word that has some of the numbers, their bits there, and the count.
    fn each_word(&mut self, first: u64, end: u64, f: impl Fn(&mut u64, u64, &mut u64)) {
        let mut at = first;
        let end = end.min(self.len);
        while at < end {
            let in_word = at % BITS;
            let count = BITS.wrapping_sub(in_word).min(end.wrapping_sub(at));
            let word = usize::try_from(at / BITS).unwrap_or(usize::MAX);
            if let Some(word) = self.words.as_mut().get_mut(word) {
                // CAST: less than 64 of them, 64 at most.
                let mask = ones(count as u32).wrapping_shl(in_word as u32);
                f(word, mask, &mut self.count);
            }
            at = at.saturating_add(count);
        }
    }

    /// The first number in the set, from one on.
    pub fn next(&self, from: u64) -> Option<u64> {
        if self.count == 0 {
            return None;
        }
        self.find(self, from..self.len, |word, _| word)
    }

    /// The first numbers in the set, from one on, that follow each other.
    pub fn next_run(&self, from: u64) -> Option<Run> {
        let first = self.next(from)?;
        let end = self.find(self, first..self.len, |word, _| !word);
        let end = end.unwrap_or(self.len).min(self.len);
        let count = end.saturating_sub(first);
        Some(Run { first, count })
    }

    /// The first number, of those in the words that hold `range`, from its start on, that `select`
    /// finds in a word of this set and the word of `other` beside it. It may be beyond the last
    /// number, if `select` looks for what is not there.
    pub(super) fn find(
        &self,
        other: &Self,
        range: Range<u64>,
        select: impl Fn(u64, u64) -> u64,
    ) -> Option<u64> {
        let (first, bit) = self.place(range.start)?;
        // All bits from that of the start on.
        let mut mask = !bit.wrapping_sub(1);
        // CAST: what is more than a `usize` is behind all words.
        let words = range.end.div_ceil(BITS) as usize;
        let words = words.min(self.words.as_ref().len());
        let ours = self.words.as_ref().get(first..words)?;
        let theirs = other.words.as_ref().get(first..words)?;
        for (at, (&ours, &theirs)) in (first..).zip(ours.iter().zip(theirs)) {
            let found = select(ours, theirs) & mask;
            if found != 0 {
                let base = (at as u64).checked_mul(BITS)?;
                return base.checked_add(u64::from(found.trailing_zeros()));
            }
            mask = u64::MAX;
        }
        None
    }
}

/// So many bits from the lowest on, at most 64.
const fn ones(count: u32) -> u64 {
    match u64::MAX.checked_shr(u64::BITS.saturating_sub(count)) {
        Some(ones) => ones,
        None => 0,
    }
}
