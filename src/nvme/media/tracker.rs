// SPDX-License-Identifier: GPL-2.0

//! What has changed since somebody has seen it.
//!
//! Each page has a mark of two bits. Pages that were there at the beginning are *initial* until
//! they are seen, however often they change meanwhile, so that there are only ever fewer of them
//! and a migration comes to the end of them. Any other page that changes is *dirty* if it is
//! there afterwards, or *gone*.
//!
//! What is seen at once is a run: pages that follow each other and have the same mark. How many
//! runs there are is kept with each change, so that what is left is known exactly at any time.

use super::bitmap::Bitmap;
use super::RUN;
use core::ops::Range;

/// What is known of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// It was seen, or has never been there.
    Clean,
    /// It was there at the beginning and nobody has seen it.
    Initial,
    /// It is there and has changed.
    Dirty,
    /// It is there no more.
    Gone,
}

/// Pages that follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// The first one.
    pub first: u64,
    /// How many, at least 1.
    pub count: u64,
}

/// How many pages there are of a kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amount {
    /// The pages.
    pub pages: u64,
    /// The runs that they will be seen in, if nothing changes meanwhile.
    pub runs: u64,
}

/// Pages that nobody has seen since they changed.
#[derive(Debug)]
pub struct Tracker<B> {
    initial: Bitmap<B>,
    changed: Bitmap<B>,
    pages: u64,
    unseen: Amount,
    dirty: Amount,
    gone: Amount,
    /// Where to look next: all sides of the media have their turn.
    at: u64,
}

impl<B: AsRef<[u64]> + AsMut<[u64]>> Tracker<B> {
    /// Nothing has changed yet; `None` if there are too few words in either of the two, which need
    /// [`Bitmap::words`] of them.
    pub fn new(initial: B, changed: B, pages: u64) -> Option<Self> {
        Some(Self {
            initial: Bitmap::new(initial, pages)?,
            changed: Bitmap::new(changed, pages)?,
            pages,
            unseen: Amount::default(),
            dirty: Amount::default(),
            gone: Amount::default(),
            at: 0,
        })
    }

    /// The pages of the beginning that were not seen yet.
    pub fn initial(&self) -> Amount {
        self.unseen
    }

    /// The other pages that are there and have changed since they were seen.
    pub fn dirty(&self) -> Amount {
        self.dirty
    }

    /// Pages that are there no more.
    pub fn gone(&self) -> Amount {
        self.gone
    }

    /// These are there at the beginning; none of them has a mark yet.
    pub(super) fn begin_with(&mut self, run: Run) {
        let (first, end) = (
            run.first,
            run.first.saturating_add(run.count).min(self.pages),
        );
        let Some(last) = end.checked_sub(1).filter(|last| *last >= first) else {
            return;
        };
        self.initial.insert_all(first, end);
        let joined = [first, end].map(|page| u64::from(self.goes_on(Mark::Initial, page)));
        let joined = joined.iter().sum();
        let groups = (last / RUN).saturating_sub(first / RUN).saturating_add(1);
        let Amount { pages, runs } = &mut self.unseen;
        *pages = pages.saturating_add(end.saturating_sub(first));
        *runs = runs.saturating_add(groups).saturating_sub(joined);
    }

    /// A page was written.
    pub(super) fn written(&mut self, page: u64) {
        if self.mark(page) != Mark::Initial {
            self.set(page, Mark::Dirty);
        }
    }

    /// A page that was there is so no more.
    pub(super) fn discarded(&mut self, page: u64) {
        match self.mark(page) {
            // Nobody has heard of it.
            Mark::Initial => self.set(page, Mark::Clean),
            _ => self.set(page, Mark::Gone),
        }
    }

    /// The pages that are to be seen next, at most [`RUN`], and how they are marked.
    pub(super) fn next(&self) -> Option<(Mark, Run)> {
        let mark = match (self.unseen.pages, self.dirty.pages) {
            (0, 0) => return None,
            (0, _) => Mark::Dirty,
            _ => Mark::Initial,
        };
        let from = self.find(mark, self.at).or_else(|| self.find(mark, 0))?;
        let first = self.start(mark, from);
        // Such runs end at multiples of `RUN`, at the latest.
        let most = first.saturating_add(RUN.wrapping_sub(first % RUN));
        let count = self.find_end(mark, first..most).saturating_sub(first);
        Some((mark, Run { first, count }))
    }

    /// These pages, all of which have this mark, were seen; `first` is where their run begins. So
    /// are all before them, for now.
    pub(super) fn seen(&mut self, mark: Mark, run: Run) {
        let end = run.first.saturating_add(run.count);
        let ends = !self.goes_on(mark, end);
        self.initial.remove_all(run.first, end);
        self.changed.remove_all(run.first, end);
        if let Some(amount) = self.amount(mark) {
            amount.pages = amount.pages.saturating_sub(run.count);
            amount.runs = amount.runs.saturating_sub(u64::from(ends));
        }
        self.at = end;
    }

    /// Pages that are there no more. They are seen with that.
    pub(super) fn next_gone(&mut self) -> Option<Run> {
        if self.gone.pages == 0 {
            return None;
        }
        let first = self.find(Mark::Gone, 0)?;
        let end = self.find_end(Mark::Gone, first..self.pages);
        let run = Run {
            first,
            count: end.saturating_sub(first),
        };
        self.initial.remove_all(run.first, end);
        self.changed.remove_all(run.first, end);
        self.gone.pages = self.gone.pages.saturating_sub(run.count);
        self.gone.runs = self.gone.runs.saturating_sub(1);
        Some(run)
    }

    fn mark(&self, page: u64) -> Mark {
        match (self.initial.contains(page), self.changed.contains(page)) {
            (false, false) => Mark::Clean,
            (true, false) => Mark::Initial,
            (false, true) => Mark::Dirty,
            (true, true) => Mark::Gone,
        }
    }

    fn amount(&mut self, mark: Mark) -> Option<&mut Amount> {
        match mark {
            Mark::Clean => None,
            Mark::Initial => Some(&mut self.unseen),
            Mark::Dirty => Some(&mut self.dirty),
            Mark::Gone => Some(&mut self.gone),
        }
    }

    /// Whether a page with this mark is in a run with the page before it. Runs with contents end
    /// at multiples of [`RUN`]: so each change joins or parts only those beside it.
    fn goes_on(&self, mark: Mark, page: u64) -> bool {
        let whole = mark == Mark::Gone || page % RUN != 0;
        let before = page.checked_sub(1).filter(|_| whole);
        before.is_some_and(|before| self.mark(before) == mark && self.mark(page) == mark)
    }

    /// The first page of the run that a page with this mark is in.
    fn start(&self, mark: Mark, page: u64) -> u64 {
        let mut first = page;
        while self.goes_on(mark, first) {
            first = first.wrapping_sub(1);
        }
        first
    }

    fn set(&mut self, page: u64, mark: Mark) {
        let old = self.mark(page);
        if old == mark || page >= self.pages {
            return;
        }
        let (left, right) = self.neighbours(old, page);
        if let Some(amount) = self.amount(old) {
            amount.pages = amount.pages.saturating_sub(1);
            // One run gets shorter, ends, or becomes two.
            let runs = amount.runs.saturating_add(u64::from(left && right));
            amount.runs = runs.saturating_sub(u64::from(!left && !right));
        }
        let (initial, changed) = match mark {
            Mark::Clean => (false, false),
            Mark::Initial => (true, false),
            Mark::Dirty => (false, true),
            Mark::Gone => (true, true),
        };
        self.initial.put(page, initial);
        self.changed.put(page, changed);
        let (left, right) = self.neighbours(mark, page);
        if let Some(amount) = self.amount(mark) {
            amount.pages = amount.pages.saturating_add(1);
            let runs = amount.runs.saturating_add(u64::from(!left && !right));
            amount.runs = runs.saturating_sub(u64::from(left && right));
        }
    }

    /// Whether a page with this mark is in a run with the one before it, and the one behind it.
    fn neighbours(&self, mark: Mark, page: u64) -> (bool, bool) {
        let next = page.checked_add(1);
        (
            self.goes_on(mark, page),
            next.is_some_and(|next| self.goes_on(mark, next)),
        )
    }

    /// The first page with this mark, from one on.
    fn find(&self, mark: Mark, from: u64) -> Option<u64> {
        let select = select(mark);
        self.initial.find(&self.changed, from..self.pages, select)
    }

    /// The first page of these without it, or the end of them. No other is looked at, but for those
    /// that share a word with them: there may be millions.
    fn find_end(&self, mark: Mark, range: Range<u64>) -> u64 {
        let (end, select) = (range.end.min(self.pages), select(mark));
        let found = self
            .initial
            .find(&self.changed, range.start..end, |a, b| !select(a, b));
        found.unwrap_or(end).min(end)
    }
}

/// The pages with a mark, from two words of the bitmaps. One function for all marks, which a loop over
/// many words holds in itself instead of calling it.
fn select(mark: Mark) -> impl Fn(u64, u64) -> u64 {
    let (not_initial, not_changed) = match mark {
        Mark::Clean => (u64::MAX, u64::MAX),
        Mark::Initial => (0, u64::MAX),
        Mark::Dirty => (u64::MAX, 0),
        Mark::Gone => (0, 0),
    };
    move |initial, changed| (initial ^ not_initial) & (changed ^ not_changed)
}
