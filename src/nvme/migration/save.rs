// SPDX-License-Identifier: GPL-2.0

//! What a drive holds, as records.

use super::records::{put, Who, GONE_RUN, GONE_RUNS, IDENTITY_SIZE, PAGES_HEAD};
use super::{GONE, IDENTITY, PAGES, STATE};
use crate::controller::Controller;
use crate::drive::Drive;
use crate::media::{Amount, Store, Tracker, PAGE};
use crate::outside::MediaError;
use core::ops::DerefMut;
use migcore::migration::{Borrower, Pending, Phase};
use migcore::stream::{Kind, HEADER};

/// How far a save has come, apart from the pages.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Save {
    /// IDENTITY was produced.
    named: bool,
    /// STATE was produced.
    ended: bool,
}

/// The bytes of a record with such a payload.
const fn record(payload: u64) -> u64 {
    payload.saturating_add(HEADER as u64)
}

/// The bytes of records with pages.
fn pages(amount: Amount) -> u64 {
    let heads = amount.runs.saturating_mul(record(PAGES_HEAD as u64));
    heads.saturating_add(amount.pages.saturating_mul(PAGE as u64))
}

/// The bytes of records with runs of pages that are gone.
fn gone(amount: Amount) -> u64 {
    let records = amount.runs.div_ceil(GONE_RUNS as u64);
    let heads = records.saturating_mul(HEADER as u64);
    heads.saturating_add(amount.runs.saturating_mul(GONE_RUN as u64))
}

impl<S, B, C> Drive<S, B, C>
where
    S: Store,
    B: AsRef<[u64]> + AsMut<[u64]>,
    C: DerefMut<Target = Controller>,
{
    /// A save starts. What changes from now on is noted in `tracker`, which is a new one for
    /// [`pages`](Drive::pages) pages.
    pub fn begin_save(&mut self, tracker: Tracker<B>) {
        self.media.track(tracker);
        self.save = Some(Save::default());
    }

    /// Writes the payload of the next record: what it is and how long, in bytes. `None` if there is
    /// nothing to say, for now in [`Phase::PreCopy`], for good in [`Phase::Stopped`]; also if there
    /// is no save. `payload` is [`MAX_PAYLOAD`](migcore::stream::MAX_PAYLOAD) bytes.
    ///
    /// # Errors
    ///
    /// The store failed, or `payload` is too short. Nothing counts as produced then.
    pub fn produce(
        &mut self,
        phase: Phase,
        payload: &mut [u8],
    ) -> Result<Option<(Kind, usize)>, MediaError> {
        let Some(save) = &mut self.save else {
            return Ok(None);
        };
        if !save.named {
            let who = Who::new(&self.controller.identity, &self.controller.config);
            let place = payload.first_chunk_mut().ok_or(MediaError::Failed)?;
            *place = who.encode();
            save.named = true;
            return Ok(Some((IDENTITY, IDENTITY_SIZE)));
        }
        let room = payload.len() / GONE_RUN;
        if room == 0 {
            return Err(MediaError::Failed);
        }
        // They are few bytes, and give back memory.
        let mut len = 0_usize;
        for place in payload.chunks_exact_mut(GONE_RUN).take(GONE_RUNS) {
            let Some(run) = self.media.take_gone() else {
                break;
            };
            put(place, &[run.first, run.count]);
            len = len.saturating_add(GONE_RUN);
        }
        if len > 0 {
            return Ok(Some((GONE, len)));
        }
        let (head, data) = payload
            .split_at_mut_checked(PAGES_HEAD)
            .ok_or(MediaError::Failed)?;
        if let Some(run) = self.media.take_pages(data)? {
            put(head, &[run.first]);
            // CAST: what was put into `data`.
            let len = (run.count as usize).saturating_mul(PAGE);
            return Ok(Some((PAGES, PAGES_HEAD.saturating_add(len))));
        }
        if phase == Phase::PreCopy || save.ended {
            return Ok(None);
        }
        let len = self.controller.save(payload).ok_or(MediaError::Failed)?;
        save.ended = true;
        Ok(Some((STATE, len)))
    }

    /// Lends the pages of the next record, if that is one of pages and the store lends them. To be
    /// called before each [`produce`](Drive::produce), which is for all else.
    pub fn lend(&mut self, to: &mut Borrower<'_>) {
        // What is gone comes before what is there.
        let gone = self.media.tracker().is_none_or(|t| t.gone().pages > 0);
        if gone || !self.save.is_some_and(|save| save.named) {
            return;
        }
        self.media.lend_pages(|first, pages| {
            let head = first.to_le_bytes();
            to.take(PAGES, &head, pages).is_ok()
        });
    }

    /// How many bytes of records there are to [`produce`](Drive::produce) in this phase, headers
    /// included: exactly, if nothing changes meanwhile and the store does not fail.
    pub fn pending(&self, phase: Phase) -> Pending {
        let (Some(save), Some(tracker)) = (&self.save, self.media.tracker()) else {
            return Pending::default();
        };
        let mut initial = pages(tracker.initial());
        if !save.named {
            initial = initial.saturating_add(record(IDENTITY_SIZE as u64));
        }
        let mut dirty = pages(tracker.dirty()).saturating_add(gone(tracker.gone()));
        if phase == Phase::Stopped && !save.ended {
            dirty = dirty.saturating_add(record(self.controller.saved_len() as u64));
        }
        Pending {
            initial,
            dirty,
            reinit: false,
        }
    }

    /// How many bytes of records there would be if the device were stopped now, headers included:
    /// what is left of a save if there is one, else all that a save would produce, at most.
    pub fn size(&self) -> u64 {
        if self.save.is_some() {
            return self.pending(Phase::Stopped).total();
        }
        let count = self.media.count();
        let all = pages(Amount {
            pages: count,
            runs: count,
        });
        all.saturating_add(record(IDENTITY_SIZE as u64))
            .saturating_add(record(self.controller.saved_len() as u64))
    }

    /// The save is over, whether all was produced or not. Gives the bitmaps back.
    pub fn end_save(&mut self) -> Option<Tracker<B>> {
        self.save = None;
        self.media.untrack()
    }
}
