// SPDX-License-Identifier: GPL-2.0

//! What the devices of a parent share: what it says of itself, and its budget.

use crate::protocols::Protocols;
use kernel::prelude::*;
use migcore::Identity;

/// The longest model, in bytes: it stands in every line.
pub(crate) const MAX_MODEL: usize = 63;

/// A contract name, kept without allocation so that settings can be copied.
#[derive(Clone, Copy)]
pub(crate) struct Model {
    bytes: [u8; MAX_MODEL],
    len: usize,
}

impl Model {
    /// Takes a word of at most [`MAX_MODEL`] bytes.
    pub(crate) fn new(text: &str) -> Result<Self> {
        if text.len() > MAX_MODEL || !migcore::is_word(text) {
            return Err(EINVAL);
        }
        let mut bytes = [0; MAX_MODEL];
        bytes[..text.len()].copy_from_slice(text.as_bytes());
        Ok(Self {
            bytes,
            len: text.len(),
        })
    }

    /// The text.
    pub(crate) fn as_str(&self) -> &str {
        // A word is ASCII, so that this cannot fail.
        core::str::from_utf8(&self.bytes[..self.len]).unwrap_or("")
    }
}

/// What a parent says of itself; by default what its driver's table says.
#[derive(Clone, Copy)]
pub(crate) struct Settings {
    pub(crate) model: Model,
    pub(crate) state: u64,
    pub(crate) reads: (u64, u64),
    pub(crate) features: u64,
    /// Through which interfaces its devices can be migrated at the most.
    pub(crate) protocols: Protocols,
}

impl Settings {
    pub(crate) fn new(identity: &Identity<'_>) -> Result<Self> {
        let Identity {
            model,
            state,
            reads,
            features,
        } = *identity;
        Ok(Self {
            model: Model::new(model)?,
            state,
            reads,
            features,
            protocols: Protocols::Both,
        })
    }

    pub(crate) fn identity(&self) -> Identity<'_> {
        let Self {
            model,
            state,
            reads,
            features,
            ..
        } = self;
        Identity {
            model: model.as_str(),
            state: *state,
            reads: *reads,
            features: *features,
        }
    }
}

/// Guarded by the parent's lock as a whole: a verdict sees the settings of one moment, and two
/// creations never both take what is left.
pub(crate) struct Shared {
    pub(crate) settings: Settings,
    /// What the parent has, in units of the budgeted parameter.
    pub(crate) total: u64,
    /// How much of it devices hold. At most `total`.
    pub(crate) used: u64,
    /// How many devices there are.
    pub(crate) devices: usize,
    /// Whether the one that there is is the parent as a whole.
    pub(crate) whole: bool,
}

impl Shared {
    /// What is left of the budget.
    pub(crate) fn left(&self) -> u64 {
        self.total.saturating_sub(self.used)
    }

    /// How many more devices of `cost` there is room for. Tools read this as a positive `int`.
    pub(crate) fn instances(&self, cost: u64) -> u32 {
        let instances = self.left().checked_div(cost).unwrap_or(0);
        // CAST: made to fit just before.
        instances.min(i32::MAX as u64) as u32
    }

    /// Takes `cost` for a new device.
    pub(crate) fn take(&mut self, cost: u64) -> Result {
        self.resize(0, cost)?;
        self.devices += 1;
        Ok(())
    }

    /// Takes all that there is for the one device that is made of it. How much that is.
    pub(crate) fn take_all(&mut self) -> Result<u64> {
        if self.devices > 0 {
            return Err(EBUSY);
        }
        self.take(self.total)?;
        Ok(self.total)
    }

    /// Gives back what a device held.
    pub(crate) fn give_back(&mut self, cost: u64) {
        self.used = self.used.saturating_sub(cost);
        self.devices = self.devices.saturating_sub(1);
    }

    /// Changes what a device holds, or nothing at all.
    pub(crate) fn resize(&mut self, from: u64, to: u64) -> Result {
        let others = self.used.saturating_sub(from);
        if to > self.total.saturating_sub(others) {
            return Err(ENOSPC);
        }
        self.used = others + to;
        Ok(())
    }
}
