// SPDX-License-Identifier: GPL-2.0

//! The log of guest memory that a device wrote, while its user asks for one.
//!
//! # Locks
//!
//! The lock is a last one: nothing is called with it held, but the allocator. It is taken after
//! that of the pinned ranges.

use kernel::{
    new_mutex,
    page::PAGE_SIZE,
    prelude::*,
    sync::Mutex, //
};
use migcore::dirty::{
    self,
    Run,
    Span, //
};

/// The bits of a span.
struct Words(KVVec<u64>);

impl AsRef<[u64]> for Words {
    fn as_ref(&self) -> &[u64] {
        &self.0
    }
}

impl AsMut<[u64]> for Words {
    fn as_mut(&mut self) -> &mut [u64] {
        &mut self.0
    }
}

/// The log of a device. There is one in it while the user has started it.
#[pin_data]
pub(crate) struct Log {
    #[pin]
    spans: Mutex<Option<KVec<Span<Words>>>>,
}

impl Log {
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            spans <- new_mutex!(None),
        })
    }

    /// Starts to log writes to these addresses, in pages of the size asked for, or the smallest
    /// there is. Gives the size.
    ///
    /// # Errors
    ///
    /// `EINVAL` if it is started already, for a size that is no power of two, and for ranges that
    /// have pages in common; `E2BIG` if they have more than [`dirty::MAX_PAGES`]; `ENOMEM`.
    pub(crate) fn start(&self, runs: &mut [Run], page_size: u64) -> Result<u64> {
        let shift = dirty::page_shift(page_size, PAGE_SIZE as u64).ok_or(EINVAL)?;
        runs.sort_unstable();
        let page = |address: u64| address >> shift;
        if runs
            .windows(2)
            .any(|two| page(two[0].last()) >= page(two[1].first()))
        {
            return Err(EINVAL);
        }
        let pages = runs.iter().fold(0, |sum: u64, run| {
            sum.saturating_add(dirty::count(*run, shift))
        });
        if pages > dirty::MAX_PAGES {
            return Err(E2BIG);
        }
        if self.spans.lock().is_some() {
            return Err(EINVAL);
        }
        // Nobody is kept waiting while memory is looked for.
        let mut spans = KVec::with_capacity(runs.len(), GFP_KERNEL_ACCOUNT)?;
        for run in runs {
            // CAST: at most `MAX_PAGES` pages.
            let words = dirty::words(dirty::count(*run, shift)) as usize;
            let words = Words(KVVec::from_elem(0, words, GFP_KERNEL_ACCOUNT)?);
            let span = Span::new(*run, shift, words).ok_or(EINVAL)?;
            spans.push(span, GFP_KERNEL_ACCOUNT)?;
        }
        let mut now = self.spans.lock();
        if now.is_some() {
            return Err(EINVAL);
        }
        *now = Some(spans);
        Ok(1 << shift)
    }

    /// Logs no more, and forgets what was logged.
    pub(crate) fn stop(&self) {
        let spans = self.spans.lock().take();
        // Without the lock: it can be much.
        drop(spans);
    }

    /// So many bytes were written, or could have been.
    ///
    /// Called after the fact, while whoever wrote still keeps the device from stopping. In the
    /// other order a report between the two would forget the write.
    pub(crate) fn mark(&self, iova: u64, len: usize) {
        let Some(written) = Run::new(iova, len as u64) else {
            return;
        };
        if let Some(spans) = &mut *self.spans.lock() {
            dirty::mark(spans, written);
        }
    }

    /// Says which of these addresses were written, and forgets it.
    ///
    /// # Errors
    ///
    /// `EINVAL` unless it was started for all of them.
    pub(crate) fn report(&self, asked: Run, mut say: impl FnMut(Run)) -> Result {
        let mut rest = Some(asked);
        while let Some(run) = rest {
            let dirty = {
                let mut spans = self.spans.lock();
                let spans = (*spans).as_mut().ok_or(EINVAL)?;
                if !dirty::covers(spans, run) {
                    return Err(EINVAL);
                }
                dirty::take(spans, run)
            };
            let Some(dirty) = dirty else {
                break;
            };
            // Without the lock: it may touch memory of the user's.
            say(dirty);
            rest = dirty
                .last()
                .checked_add(1)
                .and_then(|next| Run::between(next, run.last()));
        }
        Ok(())
    }
}
