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
        let Ok(length) = u32::try_from(len) else {
            return 0;
        };
        let fits = self.progress.order(kind).is_ok()
            && rules::length(kind, length, body.len()).is_ok()
            && !self.ended;
        let Some(payload) = body.get(..len).filter(|_| fits) else {
            return 0;
        };
        let sequence = self.progress.sequence();
        let sum = sum_of(self.checksum, payload);
        *header = Header {
            kind,
            length,
            sequence,
            sum,
        }
        .write(self.checksum);
        self.progress.count(len);
        self.ended = kind == Kind::END;
        HEADER + len
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
