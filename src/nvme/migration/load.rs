// SPDX-License-Identifier: GPL-2.0

//! A drive from records, which may come from anybody.

use super::records::{decode_run, Who, GONE_RUN, PAGES_HEAD};
use super::{GONE, IDENTITY, PAGES, STATE};
use crate::controller::Controller;
use crate::drive::Drive;
use crate::media::{Store, PAGE};
use crate::outside::{Interrupts, MediaError};
use crate::state::Refusal;
use core::{fmt, ops::DerefMut};
use migcore::stream::{Kind, Taken};

/// Why a record, or all of them together, cannot be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// No drive like this one can be in such a state; what is wrong with it.
    Invalid(&'static str),
    /// The controller cannot be in such a state.
    State(Refusal),
    /// The store failed, or has no room.
    Failed(MediaError),
}

impl Unfit {
    /// What is wrong, in short.
    pub const fn what(&self) -> &'static str {
        match self {
            Self::Invalid(what) => what,
            Self::State(refusal) => refusal.what(),
            Self::Failed(MediaError::Failed) => "the media failed",
            Self::Failed(MediaError::Full) => "the media has no more room",
        }
    }
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::State(refusal) => refusal.fmt(f),
            _ => f.pad(self.what()),
        }
    }
}

impl core::error::Error for Unfit {}

impl From<MediaError> for Unfit {
    fn from(error: MediaError) -> Self {
        Self::Failed(error)
    }
}

/// How far a load has come, apart from the pages.
#[derive(Debug)]
pub(crate) enum Load<C> {
    /// There is none.
    None,
    /// It has begun, and nothing has come.
    Begun {
        /// Where the controller will be staged.
        spare: C,
    },
    /// IDENTITY has come, and maybe pages.
    Named { who: Who, spare: C },
    /// STATE has come: all that can.
    Staged { controller: C, complete: bool },
}

impl<C> Load<C> {
    fn take(&mut self) -> Self {
        core::mem::replace(self, Self::None)
    }
}

const fn invalid<T>(what: &'static str) -> Result<T, Unfit> {
    Err(Unfit::Invalid(what))
}

impl<S, B, C> Drive<S, B, C>
where
    S: Store,
    B: AsRef<[u64]> + AsMut<[u64]>,
    C: DerefMut<Target = Controller>,
{
    /// A load starts. `spare` is any controller: it is overwritten by what is loaded, which takes
    /// the place of the drive's own with [`commit`](Drive::commit).
    pub fn begin_load(&mut self, spare: C) {
        self.load = Load::Begun { spare };
    }

    /// Takes one record. The media is emptied by the first one, and holds afterwards what the
    /// records say; the controller stays what it is.
    ///
    /// # Errors
    ///
    /// See [`Unfit`]. The load can then only be [abandoned](Drive::abandon).
    pub fn accept(&mut self, kind: Kind, payload: &[u8]) -> Result<Taken, Unfit> {
        match kind {
            IDENTITY => self.accept_identity(payload)?,
            PAGES => self.accept_pages(payload)?,
            GONE => self.accept_gone(payload)?,
            STATE => self.accept_state(payload)?,
            _ => return Ok(Taken::Unknown),
        }
        Ok(Taken::Yes)
    }

    /// All records are there. Whether nothing is missing.
    ///
    /// # Errors
    ///
    /// See [`Unfit`].
    pub fn complete(&mut self) -> Result<(), Unfit> {
        match &mut self.load {
            Load::None | Load::Begun { .. } => invalid("there is no record of the drive"),
            Load::Named { .. } => invalid("there is no record of the controller's state"),
            Load::Staged { complete, .. } => {
                *complete = true;
                Ok(())
            }
        }
    }

    /// What the controller will be, once its state has come: how many queues and which commands it
    /// has is for who knows what the source said of itself to look at.
    pub fn staged(&self) -> Option<&Controller> {
        match &self.load {
            Load::Staged { controller, .. } => Some(controller),
            _ => None,
        }
    }

    /// Becomes what was loaded, if that is [complete](Drive::complete). As after
    /// [`Controller::resume`], [`process`](Drive::process) is due then.
    pub fn commit(&mut self, interrupts: &mut dyn Interrupts) {
        if let Load::Staged {
            controller,
            complete: true,
        } = self.load.take()
        {
            self.controller = controller;
            self.controller.resume(interrupts);
        }
    }

    /// The load is given up. What it has brought is given back, and the media is empty, if anything
    /// of it was accepted.
    pub fn abandon(&mut self) {
        if let Load::Named { .. } | Load::Staged { .. } = self.load.take() {
            // A store that cannot give back memory keeps it; there is nobody to tell.
            let _ = self.media.clear();
        }
    }

    fn accept_identity(&mut self, payload: &[u8]) -> Result<(), Unfit> {
        match &self.load {
            Load::Begun { .. } => {}
            Load::None => return invalid("a record outside of a load"),
            _ => return invalid("a second record of the drive's identity"),
        }
        let Some(who) = Who::decode(payload) else {
            return invalid("the length of the record of the drive's identity");
        };
        let here = Who::new(&self.controller.identity, &self.controller.own);
        if who.blocks != here.blocks {
            return invalid("the number of blocks is another one here");
        }
        if who.block_size != here.block_size {
            return invalid("the size of a block is another one here");
        }
        if !who.identity.is_sound() {
            return invalid("a character of the serial number");
        }
        if let Load::Begun { spare } = self.load.take() {
            self.load = Load::Named { who, spare };
        }
        Ok(self.media.clear()?)
    }

    /// Whether records with pages can come now.
    fn check_open(&self) -> Result<(), Unfit> {
        match &self.load {
            Load::None | Load::Begun { .. } => {
                invalid("a record before that of the drive's identity")
            }
            Load::Named { .. } => Ok(()),
            Load::Staged { .. } => {
                invalid("a record of pages after that of the controller's state")
            }
        }
    }

    fn accept_pages(&mut self, payload: &[u8]) -> Result<(), Unfit> {
        self.check_open()?;
        let Some((first, data)) = payload.split_first_chunk::<PAGES_HEAD>() else {
            return invalid("a record of pages that is too short");
        };
        if data.is_empty() || data.len() % PAGE != 0 {
            return invalid("a record of pages that are not whole");
        }
        let first = u64::from_le_bytes(*first);
        let end = first.checked_add((data.len() / PAGE) as u64);
        if end.is_none_or(|end| end > self.pages()) {
            return invalid("a record of pages beyond the namespace");
        }
        Ok(self.media.put_pages(first, data)?)
    }

    fn accept_gone(&mut self, payload: &[u8]) -> Result<(), Unfit> {
        self.check_open()?;
        if payload.is_empty() || payload.len() % GONE_RUN != 0 {
            return invalid("the length of a record of deallocated pages");
        }
        let (mut rest, mut from) = (payload, 0);
        while let Some((run, behind)) = decode_run(rest) {
            let end = run.first.checked_add(run.count);
            let end = end.filter(|end| *end <= self.pages());
            let Some(end) = end else {
                return invalid("a record of deallocated pages beyond the namespace");
            };
            // So that the work is bounded by the size of the namespace.
            if run.first < from || run.count == 0 {
                return invalid("the order of a record of deallocated pages");
            }
            self.media.put_gone(run)?;
            (rest, from) = (behind, end);
        }
        Ok(())
    }

    fn accept_state(&mut self, payload: &[u8]) -> Result<(), Unfit> {
        let (who, mut spare) = match self.load.take() {
            Load::Named { who, spare } => (who, spare),
            other => {
                let second = matches!(other, Load::Staged { .. });
                self.load = other;
                return invalid(match second {
                    true => "a second record of the controller's state",
                    false => "a record before that of the drive's identity",
                });
            }
        };
        let sound = spare.become_like(&self.controller, payload);
        let same = spare.identity == who.identity;
        if let (Ok(()), true) = (sound, same) {
            self.load = Load::Staged {
                controller: spare,
                complete: false,
            };
            return Ok(());
        }
        self.load = Load::Named { who, spare };
        sound.map_err(Unfit::State)?;
        invalid("the controller's state is that of another drive")
    }
}
