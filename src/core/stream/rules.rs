// SPDX-License-Identifier: GPL-2.0

//! Which record may stand where, and how long it may be: one truth for writer and reader.

use super::{Fault, Kind, END_PAYLOAD, MAX_PAYLOAD, MAX_VERSION};

/// How far a stream has come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Progress {
    /// Whole records so far.
    pub(super) records: u64,
    /// Bytes of payload in them.
    pub(super) bytes: u64,
}

impl Progress {
    /// Of a stream that has not begun.
    pub(super) const NONE: Self = Self {
        records: 0,
        bytes: 0,
    };

    /// The number that the next header bears. It wraps, as a long stream may.
    pub(super) fn sequence(&self) -> u32 {
        self.records as u32
    }

    pub(super) fn count(&mut self, length: usize) {
        self.records = self.records.wrapping_add(1);
        self.bytes = self.bytes.wrapping_add(length as u64);
    }

    /// Whether a record of this kind may come next. That nothing follows END is for the caller.
    pub(super) fn order(&self, kind: Kind) -> Result<(), Fault> {
        let (first, plain) = (self.records == 0, kind.mandatory());
        if first && kind != Kind::VERSION {
            Err(Fault::NotVersion { found: kind })
        } else if !first && plain == Kind::VERSION {
            Err(Fault::SecondVersion)
        } else if plain == Kind::END && kind.is_skippable() {
            Err(Fault::SkippableEnd)
        } else {
            Ok(())
        }
    }

    /// What END says of all before it.
    pub(super) fn end(&self) -> [u8; END_PAYLOAD] {
        let mut payload = [0; END_PAYLOAD];
        let (records, bytes) = payload.split_at_mut(END_PAYLOAD / 2);
        records.copy_from_slice(&self.records.to_le_bytes());
        bytes.copy_from_slice(&self.bytes.to_le_bytes());
        payload
    }

    /// Whether that is what `payload` says.
    pub(super) fn totals(&self, payload: &[u8]) -> Result<(), Fault> {
        let mut totals = payload.chunks(8).map(number);
        let (records, bytes) = (totals.next().unwrap_or(0), totals.next().unwrap_or(0));
        if records != self.records {
            let (found, wanted) = (records, self.records);
            Err(Fault::TotalRecords { found, wanted })
        } else if bytes != self.bytes {
            let (found, wanted) = (bytes, self.bytes);
            Err(Fault::TotalBytes { found, wanted })
        } else {
            Ok(())
        }
    }
}

/// A little-endian number of at most eight bytes.
fn number(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |n, &b| (n << 8) | u64::from(b))
}

/// The text of a version string's payload.
pub(super) fn line(payload: &[u8]) -> Result<&str, Fault> {
    let mut bytes = (0..payload.len()).zip(payload);
    if let Some((at, &byte)) = bytes.find(|(_, b)| !(0x20..=0x7e).contains(*b)) {
        return Err(Fault::Unprintable { byte, at });
    }
    // Printable ASCII is UTF-8, so that this cannot fail.
    core::str::from_utf8(payload).map_err(|_| Fault::Unprintable { byte: 0, at: 0 })
}

/// Whether a payload of this kind can be so long, in a buffer of `room` bytes.
pub(super) fn length(kind: Kind, length: u32, room: usize) -> Result<usize, Fault> {
    let (min, max) = match kind.mandatory() {
        Kind::VERSION => (1, MAX_VERSION),
        Kind::END => (END_PAYLOAD, END_PAYLOAD),
        _ => (0, MAX_PAYLOAD),
    };
    let max = max.min(room);
    let found = length as usize;
    if (min..=max).contains(&found) {
        Ok(found)
    } else {
        Err(Fault::Length {
            kind,
            found: length,
            min,
            max,
        })
    }
}
