// SPDX-License-Identifier: GPL-2.0

//! Who hears of completions, and when (7.5).
//!
//! Completions of one piece of work are one interrupt for each vector: the guest's wishes for
//! coalescing (5.21.1.8), which are recommendations, delay none beyond that.

use crate::controller::Controller;
use crate::outside::{Interrupts, Signal};

/// What was raised so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Raised {
    /// Vectors with completions that nobody was told of.
    pub(crate) fresh: u32,
    /// What the line was driven to, if it is known.
    pub(crate) line: Option<bool>,
}

fn bit(vector: u16) -> u32 {
    1_u32.checked_shl(vector.into()).unwrap_or(0)
}

fn send(vectors: u32, interrupts: &mut dyn Interrupts) {
    let mut left = vectors;
    while left != 0 {
        // CAST: below 32.
        interrupts.message(left.trailing_zeros() as u16);
        left &= left.wrapping_sub(1);
    }
}

impl Controller {
    /// Vectors whose completion queues hold something (7.5.1, the status of interrupts).
    fn waiting(&self) -> u32 {
        let queues = self.queues.completion.iter().flatten();
        queues
            .filter(|queue| queue.interrupts && queue.ring.used() > 0)
            .fold(0, |vectors, queue| vectors | bit(queue.vector))
    }

    /// Something was put into a completion queue.
    pub(crate) fn raise(&mut self, vector: u16) {
        self.raised.fresh |= bit(vector);
    }

    /// Tells the guest of all that was raised.
    pub(crate) fn deliver(&mut self, interrupts: &mut dyn Interrupts) {
        let fresh = core::mem::take(&mut self.raised.fresh);
        match interrupts.signal() {
            Signal::MsiX => send(fresh, interrupts),
            Signal::Msi => send(fresh & !self.registers.masked, interrupts),
            Signal::Line => {}
        }
        self.update_line(interrupts);
    }

    /// The guest has taken entries from a completion queue. With MSI it hears at once of those
    /// that are left.
    pub(crate) fn consumed(&mut self, id: u16, interrupts: &mut dyn Interrupts) {
        if interrupts.signal() == Signal::Msi {
            let masked = self.registers.masked;
            if let Some(queue) = self.queues.completion(id) {
                let again = queue.interrupts && queue.ring.used() > 0;
                if again && bit(queue.vector) & !masked != 0 {
                    interrupts.message(queue.vector);
                }
            }
        }
        self.update_line(interrupts);
    }

    /// Vectors were masked or unmasked.
    pub(crate) fn masks_changed(&mut self, old: u32, interrupts: &mut dyn Interrupts) {
        if interrupts.signal() == Signal::Msi {
            send(old & !self.registers.masked & self.waiting(), interrupts);
        }
        self.update_line(interrupts);
    }

    /// Makes the line what it has to be.
    pub(crate) fn update_line(&mut self, interrupts: &mut dyn Interrupts) {
        let high =
            interrupts.signal() == Signal::Line && self.waiting() & !self.registers.masked != 0;
        if self.raised.line != Some(high) {
            self.raised.line = Some(high);
            interrupts.line(high);
        }
    }
}
