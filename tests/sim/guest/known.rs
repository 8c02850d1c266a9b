// SPDX-License-Identifier: GPL-2.0

//! What the controller must say of itself.

use super::What;
use std::collections::BTreeMap;

/// A counter: what it must at least be, and what it can be at most, as commands were forgotten of
/// which nobody knows whether they were done.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counter {
    low: u64,
    high: u64,
}

impl Counter {
    pub(super) fn sure(&mut self, more: u64) {
        self.low += more;
        self.high += more;
    }

    pub(super) fn maybe(&mut self, more: u64) {
        self.high += more;
    }

    /// It was read, exactly or in `unit`s that were rounded up.
    fn check(&mut self, name: &str, found: u64, unit: u64) {
        let (low, high) = (self.low.div_ceil(unit), self.high.div_ceil(unit));
        assert!(
            (low..=high).contains(&found),
            "{name} is {found}, must be {low} to {high}"
        );
        if unit == 1 {
            *self = Self {
                low: found,
                high: found,
            };
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Known {
    reads: Counter,
    writes: Counter,
    read: Counter,
    written: Counter,
    media_errors: Counter,
    pub(super) errors: Counter,
    /// Features that are not what they are after a reset.
    features: BTreeMap<(u8, u32), u32>,
    /// An event that was not heard of.
    pub(super) event: Option<u8>,
    /// Events are not told, as the log was not read since the last one.
    pub(super) masked: bool,
    /// The structures of Identify, which never change.
    identity: BTreeMap<u32, Vec<u8>>,
}

impl Known {
    /// All that a reset of the controller resets.
    pub(super) fn reset(&mut self) {
        self.features.clear();
        (self.event, self.masked) = (None, false);
    }

    /// A command was done, or not.
    pub(super) fn maybe(&mut self, what: &What, block: usize) {
        self.errors.maybe(1);
        match what {
            What::Read(_, count) | What::TornRead(_, count) | What::Compare(_, count, _) => {
                self.reads.maybe(1);
                self.read.maybe(count * block as u64);
                self.media_errors.maybe(1);
            }
            What::Write(_, count, _) | What::Torn(_, count, _) => {
                self.writes.maybe(1);
                self.written.maybe(count * block as u64);
                self.media_errors.maybe(1);
            }
            _ => {}
        }
    }

    pub(super) fn read(&mut self, bytes: u64) {
        self.reads.sure(1);
        self.read.sure(bytes);
    }

    pub(super) fn written(&mut self, bytes: u64) {
        self.writes.sure(1);
        self.written.sure(bytes);
    }

    pub(super) fn media_error(&mut self) {
        self.media_errors.sure(1);
    }

    fn key(feature: u8, value: u32) -> (u8, u32) {
        // Each vector has its own.
        (feature, if feature == 9 { value & 0xffff } else { 0 })
    }

    pub(super) fn set_feature(&mut self, feature: u8, value: u32) {
        self.features.insert(Self::key(feature, value), value);
    }

    pub(super) fn feature(&self, feature: u8, which: u32, queues: u16) -> u32 {
        let last = u32::from(queues) - 1;
        let default = match feature {
            1 => 7,
            4 => 343,
            6 => 1,
            7 => (last << 16) | last,
            9 => which,
            _ => 0,
        };
        let set = self.features.get(&Self::key(feature, which));
        set.copied().unwrap_or(default)
    }

    /// The page of SMART.
    pub(super) fn check_smart(&mut self, page: &[u8]) {
        let number = |at: usize| u64::from_le_bytes(page[at..at + 8].try_into().expect("8 bytes"));
        assert_eq!(page[0], 0, "no warning");
        self.read.check("data units read", number(32), 512_000);
        self.written
            .check("data units written", number(48), 512_000);
        self.reads.check("reads", number(64), 1);
        self.writes.check("writes", number(80), 1);
        self.media_errors.check("media errors", number(160), 1);
        self.errors.check("errors", number(176), 1);
    }

    /// The first entry of the error log.
    pub(super) fn check_errors(&mut self, entry: &[u8]) {
        let number = u64::from_le_bytes(entry[..8].try_into().expect("8 bytes"));
        self.errors.check("errors", number, 1);
    }

    pub(super) fn check_identity(&mut self, cns: u32, page: Vec<u8>) {
        let known = self.identity.entry(cns).or_insert_with(|| page.clone());
        assert!(*known == page, "what Identify {cns} says has changed");
    }
}
