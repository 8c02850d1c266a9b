// SPDX-License-Identifier: GPL-2.0

//! Which memory a device wrote: spans of addresses that are watched, with a bit for each page.
//!
//! What is said is never less than what was written: a page is dirty until all of it was asked
//! for at once. Spans are in the order of their addresses.

/// Bits of one word.
const BITS: u64 = u64::BITS as u64;

/// The most pages that can be watched at once. Their bits take 32 MiB.
pub const MAX_PAGES: u64 = 1 << 28;

/// Addresses, the last one included. There is at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Run {
    first: u64,
    last: u64,
}

impl Run {
    /// So many addresses from one on; `None` if there are none, or would be more than there are.
    pub const fn new(first: u64, len: u64) -> Option<Self> {
        if len == 0 {
            return None;
        }
        match first.checked_add(len.wrapping_sub(1)) {
            Some(last) => Some(Self { first, last }),
            None => None,
        }
    }

    /// From one to another; `None` if the first is behind the last.
    pub const fn between(first: u64, last: u64) -> Option<Self> {
        if first > last {
            return None;
        }
        Some(Self { first, last })
    }

    /// The first address.
    pub const fn first(self) -> u64 {
        self.first
    }

    /// The last address.
    pub const fn last(self) -> u64 {
        self.last
    }

    /// What both have.
    fn and(self, other: Self) -> Option<Self> {
        Self::between(self.first.max(other.first), self.last.min(other.last))
    }
}

/// The binary logarithm of the page size that is used if a user asks for this one; `None` if it is
/// no power of two. There is none below `smallest`, which is one itself.
pub const fn page_shift(asked: u64, smallest: u64) -> Option<u32> {
    if !asked.is_power_of_two() {
        return None;
    }
    let used = if asked < smallest { smallest } else { asked };
    Some(used.trailing_zeros())
}

/// A span of addresses that is watched: the pages that a run touches.
#[derive(Debug)]
pub struct Span<B> {
    /// Page numbers: addresses shifted by `shift`.
    pages: Run,
    shift: u32,
    /// A bit for each page. The others are zero.
    words: B,
}

/// The pages that a run touches.
const fn pages_of(run: Run, shift: u32) -> Run {
    // A shift is below 64, see `page_shift`.
    Run {
        first: run.first.wrapping_shr(shift),
        last: run.last.wrapping_shr(shift),
    }
}

/// How many pages a run touches.
pub const fn count(run: Run, shift: u32) -> u64 {
    let pages = pages_of(run, shift);
    // Of 4 KiB or more: far from 2^64.
    pages.last.wrapping_sub(pages.first).saturating_add(1)
}

/// The words that a span of so many pages needs.
pub const fn words(pages: u64) -> u64 {
    pages.div_ceil(BITS)
}

impl<B: AsRef<[u64]> + AsMut<[u64]>> Span<B> {
    /// Watches the pages that a run touches; `None` if there are too few words for them.
    pub fn new(run: Run, shift: u32, mut bits: B) -> Option<Self> {
        if (bits.as_ref().len() as u64) < words(count(run, shift)) {
            return None;
        }
        bits.as_mut().fill(0);
        Some(Self {
            pages: pages_of(run, shift),
            shift,
            words: bits,
        })
    }

    /// The addresses of a run of pages.
    fn addresses(&self, pages: Run) -> Run {
        // Within the pages of the span, which are those of addresses.
        let ones = !u64::MAX.wrapping_shl(self.shift);
        Run {
            first: pages.first.wrapping_shl(self.shift),
            last: pages.last.wrapping_shl(self.shift) | ones,
        }
    }

    /// Where the bit of a page of the span is.
    fn place(&self, page: u64) -> (u64, u32) {
        let bit = page.wrapping_sub(self.pages.first);
        // CAST: below 64.
        (bit / BITS, (bit % BITS) as u32)
    }

    fn word(&self, at: u64) -> u64 {
        let at = usize::try_from(at).ok();
        at.and_then(|at| self.words.as_ref().get(at))
            .copied()
            .unwrap_or(0)
    }

    /// Sets or clears the bits of pages of the span.
    fn fill(&mut self, pages: Run, dirty: bool) {
        let (first, low) = self.place(pages.first);
        let (last, high) = self.place(pages.last);
        for at in first..=last {
            let from = if at == first { low } else { 0 };
            let to = if at == last { high } else { 63 };
            let mask = u64::MAX.wrapping_shl(from) & u64::MAX.wrapping_shr(63_u32.wrapping_sub(to));
            let word = usize::try_from(at).ok();
            if let Some(word) = word.and_then(|at| self.words.as_mut().get_mut(at)) {
                *word = if dirty { *word | mask } else { *word & !mask };
            }
        }
    }

    /// The first run of dirty pages among these of the span.
    fn dirty(&self, pages: Run) -> Option<Run> {
        let (first, low) = self.place(pages.first);
        let (last, _) = self.place(pages.last);
        let masked = |at| match at == first {
            true => self.word(at) & u64::MAX.wrapping_shl(low),
            false => self.word(at),
        };
        let at = (first..=last).find(|at| masked(*at) != 0)?;
        let bit = masked(at).trailing_zeros();
        let start = at.wrapping_mul(BITS).wrapping_add(bit.into());
        let mut len = u64::from(self.word(at).wrapping_shr(bit).trailing_ones());
        if len.wrapping_add(bit.into()) == BITS {
            for next in at.wrapping_add(1)..=last {
                let ones = self.word(next).trailing_ones();
                len = len.wrapping_add(ones.into());
                if ones < u64::BITS {
                    break;
                }
            }
        }
        let start = self.pages.first.wrapping_add(start);
        let end = start.wrapping_add(len.wrapping_sub(1));
        Run::between(start, end.min(pages.last))
    }

    /// The first dirty addresses of those asked for. They are clean afterwards, but for pages of
    /// which only a part is asked for.
    fn take(&mut self, asked: Run) -> Option<Run> {
        let pages = pages_of(asked, self.shift).and(self.pages)?;
        let dirty = self.dirty(pages)?;
        let run = self.addresses(dirty);
        let (mut first, mut last) = (Some(dirty.first), Some(dirty.last));
        if run.first < asked.first {
            first = dirty.first.checked_add(1);
        }
        if run.last > asked.last {
            last = dirty.last.checked_sub(1);
        }
        if let Some(whole) = first
            .zip(last)
            .and_then(|(first, last)| Run::between(first, last))
        {
            self.fill(whole, false);
        }
        run.and(asked)
    }
}

/// Whether all of these addresses are watched.
pub fn covers<B: AsRef<[u64]> + AsMut<[u64]>>(spans: &[Span<B>], asked: Run) -> bool {
    let mut next = asked.first;
    for span in spans {
        let run = span.addresses(span.pages);
        if run.first <= next && next <= run.last {
            if asked.last <= run.last {
                return true;
            }
            // Below `asked.last`.
            next = run.last.wrapping_add(1);
        }
    }
    false
}

/// These addresses were written; those that are not watched do not matter.
pub fn mark<B: AsRef<[u64]> + AsMut<[u64]>>(spans: &mut [Span<B>], written: Run) {
    for span in spans {
        if let Some(pages) = pages_of(written, span.shift).and(span.pages) {
            span.fill(pages, true);
        }
    }
}

/// The first dirty addresses of those asked for; the next are behind them. They are clean
/// afterwards, but for pages of which only a part was asked for.
pub fn take<B: AsRef<[u64]> + AsMut<[u64]>>(spans: &mut [Span<B>], asked: Run) -> Option<Run> {
    spans.iter_mut().find_map(|span| span.take(asked))
}
