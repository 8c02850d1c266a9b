// SPDX-License-Identifier: GPL-2.0

//! All that a guest can observe of a controller, as bytes and back.
//!
//! [`save`](Controller::save) and [`load`](Controller::load) go through the same list of fields
//! (`state::fields`), so they cannot disagree. What is loaded may come from anybody: it is looked
//! at as a whole (`state::check`) before anything of it becomes real, and a refusal changes
//! nothing.
//!
//! Not among it: what the media holds, and the time at which something was measured. What follows
//! from the rest, such as the level of the line, is found out again.

mod check;
mod codec;
mod fields;

pub use codec::Refusal;

use crate::controller::Controller;
use crate::outside::Interrupts;
use codec::{Count, Load, Save};

/// The version of the state that is written, and the only one that is read.
pub const VERSION: u16 = 1;

/// The most bytes that a state takes.
pub const MAX_SIZE: usize = 4096;

impl Controller {
    /// Writes the state, and returns how long it is; `None` if it does not fit, which it does
    /// into [`MAX_SIZE`] bytes. A command that is at it is a part of it.
    pub fn save(&self, out: &mut [u8]) -> Option<usize> {
        let mut copy = *self;
        let mut save = Save::new(out);
        fields::all(&mut copy, &mut save).ok()?;
        Some(save.len())
    }

    /// How many bytes [`save`](Controller::save) would write.
    pub fn saved_len(&self) -> usize {
        let mut count = Count(0);
        match fields::all(&mut { *self }, &mut count) {
            Ok(()) => count.0,
            // Nothing that is written is refused.
            Err(_) => MAX_SIZE,
        }
    }

    /// Becomes what was saved, or stays what it is.
    ///
    /// The namespace must be of the same size. It can come from a controller with fewer queues,
    /// vectors or optional commands; then there are no more of them until the next
    /// [`power_cycle`](Controller::power_cycle).
    ///
    /// # Errors
    ///
    /// Nothing that a controller like this one could have saved.
    pub fn load(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        let mut staged = *self;
        staged.become_like(self, bytes)?;
        *self = staged;
        Ok(())
    }

    /// Becomes what was saved, as one that is like `other` would by [`load`](Controller::load).
    ///
    /// # Errors
    ///
    /// As `load`; it can be anything then, and is good for nothing but another try.
    pub(crate) fn become_like(&mut self, other: &Self, bytes: &[u8]) -> Result<(), Refusal> {
        *self = *other;
        let mut load = Load::new(bytes);
        fields::all(self, &mut load)?;
        load.end()?;
        check::all(self)
    }

    /// Goes on after a [`load`](Controller::load): drives the line. Then
    /// [`process`](Controller::process) is due, whatever [`has_work`](Controller::has_work) says:
    /// doorbells in guest memory may have changed.
    pub fn resume(&mut self, interrupts: &mut dyn Interrupts) {
        self.raised.line = None;
        self.update_line(interrupts);
    }
}
