// SPDX-License-Identifier: GPL-2.0

//! The features as values (5.21.1). All that is not reserved is kept as it was set.

use crate::health::{KELVINS, WARM};
use crate::spec::log::health::WARNING_TEMPERATURE;

/// The values in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Features {
    pub(crate) arbitration: u32,
    pub(crate) power: u8,
    /// In kelvins, as `under` is.
    pub(crate) over: u16,
    pub(crate) under: u16,
    pub(crate) recovery: u16,
    pub(crate) cache: bool,
    pub(crate) coalescing: u16,
    /// A bit for each vector.
    pub(crate) not_coalesced: u32,
    pub(crate) atomicity: bool,
    /// A bit for each critical warning.
    pub(crate) events: u8,
}

impl Features {
    /// The values after a reset.
    pub(crate) const DEFAULT: Self = Self {
        // No limit: what is fair is decided here.
        arbitration: crate::spec::feature::NO_LIMIT as u32,
        power: 0,
        over: WARM,
        under: 0,
        recovery: 0,
        cache: true,
        coalescing: 0,
        not_coalesced: 0,
        atomicity: false,
        events: 0,
    };

    /// The critical warnings (5.14.1.2).
    pub(crate) fn warning(&self) -> u8 {
        if KELVINS >= self.over || KELVINS <= self.under {
            WARNING_TEMPERATURE
        } else {
            0
        }
    }
}
