// SPDX-License-Identifier: GPL-2.0

//! The health of the controller (5.14.1.2): counters that are never reset, and a temperature that
//! never changes.

use crate::spec::log::health::{
    BUSY, ERRORS, HOURS, MEDIA_ERRORS, POWER_CYCLES, READS, SECTOR, SPARE, SPARE_THRESHOLD,
    TEMPERATURE, UNIT, UNITS_READ, UNITS_WRITTEN, UNSAFE_SHUTDOWNS, WARNING, WRITES,
};

/// The composite temperature, in kelvins: a room's, as there is nothing that gets warm.
pub(crate) const KELVINS: u16 = 298;
/// Where a warning would be due.
pub(crate) const WARM: u16 = 343;
/// Where it would be too hot to go on.
pub(crate) const HOT: u16 = 353;

const SPARE_PERCENT: u128 = 100;
const SPARE_THRESHOLD_PERCENT: u128 = 10;
const NS_PER_MINUTE: u64 = 60_000_000_000;
const NS_PER_HOUR: u64 = 60 * NS_PER_MINUTE;

/// The counters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Health {
    /// In bytes, as the next four are in what their names say.
    pub(crate) read: u64,
    pub(crate) written: u64,
    pub(crate) reads: u64,
    pub(crate) writes: u64,
    pub(crate) power_cycles: u64,
    pub(crate) unsafe_shutdowns: u64,
    pub(crate) media_errors: u64,
    /// In nanoseconds.
    pub(crate) busy: u64,
    /// In nanoseconds.
    pub(crate) on: u64,
    /// When `on` was true.
    pub(crate) at: Option<u64>,
}

fn count(counter: &mut u64, more: u64) {
    *counter = counter.saturating_add(more);
}

/// Data units: thousands of 512 bytes, rounded up.
fn units(bytes: u64) -> u128 {
    bytes.div_ceil(SECTOR * UNIT).into()
}

impl Health {
    /// It is `now`, and the controller works. Only such time counts (5.14.1.2: time in which it is
    /// powered and does not operate need not), so that one that nobody uses does not change.
    pub(crate) fn go_on(&mut self, now: u64) {
        if let Some(at) = self.at {
            count(&mut self.on, now.saturating_sub(at));
        }
        self.at = Some(now);
    }

    /// It does not work, until it goes on.
    pub(crate) fn rest(&mut self) {
        self.at = None;
    }

    /// There was work.
    pub(crate) fn was_busy(&mut self, from: u64, to: u64) {
        count(&mut self.busy, to.saturating_sub(from));
    }

    /// A Read or Compare of so many bytes was completed.
    pub(crate) fn read(&mut self, bytes: u64) {
        count(&mut self.reads, 1);
        count(&mut self.read, bytes);
    }

    /// A Write of so many bytes was completed.
    pub(crate) fn written(&mut self, bytes: u64) {
        count(&mut self.writes, 1);
        count(&mut self.written, bytes);
    }

    pub(crate) fn media_error(&mut self) {
        count(&mut self.media_errors, 1);
    }

    pub(crate) fn power_cycle(&mut self, unsafe_shutdown: bool) {
        count(&mut self.power_cycles, 1);
        count(&mut self.unsafe_shutdowns, unsafe_shutdown.into());
    }

    /// The log page.
    pub(crate) fn show(&self, warning: u8, errors: u64, page: &mut [u8]) {
        WARNING.put(page, warning.into());
        TEMPERATURE.put(page, KELVINS.into());
        SPARE.put(page, SPARE_PERCENT);
        SPARE_THRESHOLD.put(page, SPARE_THRESHOLD_PERCENT);
        UNITS_READ.put(page, units(self.read));
        UNITS_WRITTEN.put(page, units(self.written));
        READS.put(page, self.reads.into());
        WRITES.put(page, self.writes.into());
        BUSY.put(page, self.busy.wrapping_div(NS_PER_MINUTE).into());
        POWER_CYCLES.put(page, self.power_cycles.into());
        HOURS.put(page, self.on.wrapping_div(NS_PER_HOUR).into());
        UNSAFE_SHUTDOWNS.put(page, self.unsafe_shutdowns.into());
        MEDIA_ERRORS.put(page, self.media_errors.into());
        ERRORS.put(page, errors.into());
    }
}
