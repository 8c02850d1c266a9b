// SPDX-License-Identifier: GPL-2.0

//! Puts headers before payloads.

use super::header::Header;
use super::rules::{self, Progress};
use super::{sum_of, Checksum, Kind, HEADER};

/// Writes a stream, record by record, into buffers of the caller's.
///
/// Each method returns how many bytes of the buffer are the record. 0 means that there is none:
/// it may not stand here (the version string first, nothing after END), or it is too long for its
/// kind or the buffer. The stream then goes on as if it had not been asked for.
#[derive(Clone, Debug)]
pub struct Writer {
    checksum: Checksum,
    progress: Progress,
    ended: bool,
}

impl Writer {
    /// A stream of which nothing is written yet.
    pub const fn new(checksum: Checksum) -> Self {
        Self {
            checksum,
            progress: Progress::NONE,
            ended: false,
        }
    }

    /// Makes a record of the payload that stands at `out[HEADER..HEADER + len]`.
    #[must_use]
    pub fn frame(&mut self, kind: Kind, out: &mut [u8], len: usize) -> usize {
        let Some((header, body)) = out.split_first_chunk_mut::<HEADER>() else {
            return 0;
        };
        let Some(payload) = body.get(..len) else {
            return 0;
        };
        if !self.admits(kind, len, body.len()) {
            return 0;
        }
        let sum = sum_of(self.checksum, payload);
        *header = self.header(kind, len, sum);
        self.made(kind, len)
    }

    /// Makes a record of a payload that is somewhere else: `head`, and `parts` one behind the
    /// other. `put` copies bytes to a place of the record, so many bytes from its start; each part
    /// is in the processor's cache then, and the header comes last. Also 0 if `put` says that it
    /// could not: the record's place then holds anything.
    #[must_use]
    pub fn gather(
        &mut self,
        kind: Kind,
        head: &[u8],
        parts: &[&[u8]],
        mut put: impl FnMut(usize, &[u8]) -> bool,
    ) -> usize {
        let len = length(head, parts);
        if !self.admits(kind, len, usize::MAX) {
            return 0;
        }
        let (mut at, mut crc) = (HEADER, !0);
        for part in core::iter::once(head).chain(parts.iter().copied()) {
            // A shared slice does not change, so what is summed is what is copied.
            crc = (self.checksum)(crc, part);
            if !put(at, part) {
                return 0;
            }
            at = at.saturating_add(part.len());
        }
        if !put(0, &self.header(kind, len, !crc)) {
            return 0;
        }
        self.made(kind, len)
    }

    /// The first record: the source's version string, without newline.
    #[must_use]
    pub fn version(&mut self, line: &str, out: &mut [u8]) -> usize {
        self.copy(Kind::VERSION, line.as_bytes(), out)
    }

    /// The last record.
    #[must_use]
    pub fn end(&mut self, out: &mut [u8]) -> usize {
        let totals = self.progress.end();
        self.copy(Kind::END, &totals, out)
    }

    /// Whether such a record may come next, where there is room for a payload of `room` bytes.
    fn admits(&self, kind: Kind, len: usize, room: usize) -> bool {
        let long = u32::try_from(len).map(|length| rules::length(kind, length, room));
        self.progress.order(kind).is_ok() && matches!(long, Ok(Ok(_))) && !self.ended
    }

    /// The header of the next record, which is admitted.
    fn header(&self, kind: Kind, len: usize, sum: u32) -> [u8; HEADER] {
        Header {
            kind,
            // CAST: at most `MAX_PAYLOAD`.
            length: len as u32,
            sequence: self.progress.sequence(),
            sum,
        }
        .write(self.checksum)
    }

    /// The next record is made, and has that length.
    fn made(&mut self, kind: Kind, len: usize) -> usize {
        self.progress.count(len);
        self.ended = kind == Kind::END;
        HEADER.saturating_add(len)
    }

    fn copy(&mut self, kind: Kind, payload: &[u8], out: &mut [u8]) -> usize {
        match out
            .get_mut(HEADER..)
            .and_then(|b| b.get_mut(..payload.len()))
        {
            Some(place) => place.copy_from_slice(payload),
            None => return 0,
        }
        self.frame(kind, out, payload.len())
    }
}

/// The length of a payload in parts.
pub(crate) fn length(head: &[u8], parts: &[&[u8]]) -> usize {
    let parts = parts.iter().map(|part| part.len());
    parts.fold(head.len(), usize::saturating_add)
}
