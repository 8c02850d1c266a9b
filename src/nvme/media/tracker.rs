// SPDX-License-Identifier: GPL-2.0

//! What has changed since somebody has seen it.
//!
//! Pages that were there at the beginning are one set, pages that changed since then the other:
//! the first only gets smaller, so that a migration comes to the end of it. A page that changes
//! while it is in the first is in no other; it will be seen with the change.

use super::bitmap::Bitmap;

/// A page that was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is there, and holds something else than before.
    Written(u64),
    /// It is there no more.
    Deallocated(u64),
}

/// Pages that nobody has seen since they changed.
#[derive(Debug)]
pub struct Tracker<B> {
    first: Bitmap<B>,
    again: Bitmap<B>,
    /// Where to look next: all sides of the media have their turn.
    at: u64,
}

impl<B: AsRef<[u64]> + AsMut<[u64]>> Tracker<B> {
    /// Nothing has changed yet; `None` if there are too few words in either of the two.
    pub fn new(first: B, again: B, pages: u64) -> Option<Self> {
        Some(Self {
            first: Bitmap::new(first, pages)?,
            again: Bitmap::new(again, pages)?,
            at: 0,
        })
    }

    /// The pages of the beginning that were not seen yet.
    pub fn initial(&self) -> u64 {
        self.first.count()
    }

    /// The other pages that changed since they were seen.
    pub fn dirty(&self) -> u64 {
        self.again.count()
    }

    pub(super) fn begin_with(&mut self, page: u64) {
        self.first.insert(page);
    }

    pub(super) fn changed(&mut self, page: u64) {
        if !self.first.contains(page) {
            self.again.insert(page);
        }
    }

    /// A page to be seen, and whether it is one of the beginning.
    pub(super) fn next(&mut self) -> Option<(u64, bool)> {
        let around = |set: &Bitmap<B>, at| set.next(at).or_else(|| set.next(0));
        if let Some(page) = around(&self.first, self.at) {
            return Some((page, true));
        }
        around(&self.again, self.at).map(|page| (page, false))
    }

    pub(super) fn seen(&mut self, page: u64) {
        self.first.remove(page);
        self.again.remove(page);
        self.at = page.wrapping_add(1);
    }
}
