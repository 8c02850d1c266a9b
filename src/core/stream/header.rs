// SPDX-License-Identifier: GPL-2.0

//! The header of a record: six numbers, little-endian.

use super::{sum_of, Checksum, Fault, Kind, HEADER};

/// What stands before a payload, apart from its own checksum.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    pub(super) kind: Kind,
    pub(super) length: u32,
    pub(super) sequence: u32,
    /// The payload's checksum.
    pub(super) sum: u32,
}

/// What a header's own checksum covers.
const COVERED: usize = HEADER - 4;

impl Header {
    pub(super) fn write(&self, checksum: Checksum) -> [u8; HEADER] {
        let words = [self.kind.number(), self.length, self.sequence, self.sum, 0];
        let mut out = [0; HEADER];
        let (covered, own) = out.split_at_mut(COVERED);
        for (place, word) in covered.chunks_exact_mut(4).zip(words) {
            place.copy_from_slice(&word.to_le_bytes());
        }
        own.copy_from_slice(&sum_of(checksum, covered).to_le_bytes());
        out
    }

    /// Checks what can be checked without knowing where in the stream it stands: its own
    /// checksum first, so that a changed header is never taken for another fault.
    pub(super) fn read(bytes: &[u8; HEADER], checksum: Checksum) -> Result<Self, Fault> {
        let mut words = [0; HEADER / 4];
        for (word, place) in words.iter_mut().zip(bytes.chunks_exact(4)) {
            *word = place.iter().rev().fold(0, |w, &b| (w << 8) | u32::from(b));
        }
        let [kind, length, sequence, sum, reserved, found] = words;
        let (covered, _) = bytes.split_at(COVERED);
        let wanted = sum_of(checksum, covered);
        if found != wanted {
            return Err(Fault::HeaderSum { found, wanted });
        }
        if reserved != 0 {
            return Err(Fault::Reserved { found: reserved });
        }
        Ok(Self {
            kind: Kind::from_number(kind),
            length,
            sequence,
            sum,
        })
    }
}
