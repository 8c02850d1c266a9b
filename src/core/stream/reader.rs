// SPDX-License-Identifier: GPL-2.0

//! Takes a stream apart, and lets nothing through that is not as it was written.

use super::header::Header;
use super::rules::{self, Progress};
use super::{sum_of, Checksum, Fault, Kind, Refusal, HEADER};
use crate::Errno;

/// Who takes the records. Whatever it refuses ends the stream.
pub trait Sink {
    /// The first record: the source's version string, of printable ASCII, without newline.
    ///
    /// # Errors
    ///
    /// The verdict's errno.
    fn version(&mut self, line: &str) -> Result<(), Errno>;

    /// Any record between the first and the last. `kind` never has the bit of
    /// [`Kind::skippable`]: what is known is taken, whether it could be skipped or not.
    ///
    /// # Errors
    ///
    /// The payload is no state that a device can have.
    fn record(&mut self, kind: Kind, payload: &[u8]) -> Result<Taken, Errno>;

    /// The source has begun again: another stream follows, and what came so far is void. Comes
    /// only if the reader [allows](Reader::restartable) it.
    ///
    /// # Errors
    ///
    /// The sink cannot begin again.
    fn restart(&mut self) -> Result<(), Errno> {
        Err(Errno::Inval)
    }

    /// END came, and everything that it counts.
    ///
    /// # Errors
    ///
    /// Something is missing, or does not fit together.
    fn end(&mut self) -> Result<(), Errno>;
}

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is known and was taken.
    Yes,
    /// It is not known: it is skipped if it may be, or ends the stream.
    Unknown,
}

/// Reads a stream in whatever pieces it comes: how it is cut changes no outcome.
///
/// `B` holds the payload of a record that comes in pieces. A refusal is for good: each later call
/// gives the same one.
#[derive(Debug)]
pub struct Reader<B> {
    checksum: Checksum,
    buffer: B,
    header: [u8; HEADER],
    progress: Progress,
    state: State,
    restartable: bool,
    /// END came; only a stream that begins again may follow.
    ended: bool,
    /// The last record was a long one.
    long: bool,
}

/// A payload of so many bytes is worth that a piece ends where its record does.
const LONG: u32 = 16 << 10;

#[derive(Clone, Copy, Debug)]
enum State {
    /// So many bytes of a header are there.
    Header(usize),
    /// A header, the length of its payload, and how much of that is there.
    Payload(Header, usize, usize),
    /// All was said.
    Ended,
    Refused(Refusal),
}

impl<B: AsRef<[u8]> + AsMut<[u8]>> Reader<B> {
    /// A reader of a stream from its start. `buffer` is [`MAX_RECORD`](super::MAX_RECORD) bytes
    /// long; a record that does not fit into a shorter one is refused.
    pub fn new(buffer: B, checksum: Checksum) -> Self {
        Self {
            checksum,
            buffer,
            header: [0; HEADER],
            progress: Progress::NONE,
            state: State::Header(0),
            restartable: false,
            ended: false,
            long: false,
        }
    }

    /// Allows the stream to begin again after any whole record, END included: for a client that
    /// joins what several saves of one source gave it.
    #[must_use]
    pub fn restartable(self) -> Self {
        Self {
            restartable: true,
            ..self
        }
    }

    /// How many bytes are best pushed next, of at least one and at most `room`: a payload that comes
    /// whole is taken from where it is, any other is put together first. So long records, of which
    /// mostly many follow each other, are asked for in two pieces, header and payload.
    pub fn wanted(&self, room: usize) -> usize {
        let wanted = match self.state {
            State::Header(have) if self.long => HEADER.saturating_sub(have),
            State::Payload(_, length, have) => length.saturating_sub(have),
            _ => room,
        };
        wanted.min(room).max(1)
    }

    /// Takes more of the stream.
    ///
    /// # Errors
    ///
    /// The first fault, as soon as it can be known; from then on always that.
    pub fn push(&mut self, bytes: &[u8], sink: &mut impl Sink) -> Result<(), Refusal> {
        let mut left = bytes;
        while !left.is_empty() {
            left = self.step(left, sink)?;
        }
        self.refused()
    }

    /// Whether the whole stream was there and was taken.
    ///
    /// # Errors
    ///
    /// It was refused, is empty, or lacks something.
    pub fn finish(&self) -> Result<(), Refusal> {
        let missing = match self.state {
            State::Ended => return Ok(()),
            State::Refused(refusal) => return Err(refusal),
            State::Header(0) if self.progress.records == 0 => {
                return Err(self.refusal(Fault::Empty));
            }
            State::Header(0) => 0,
            State::Header(have) => HEADER.saturating_sub(have),
            State::Payload(_, length, have) => length.saturating_sub(have),
        };
        Err(self.refusal(Fault::Cut { missing }))
    }

    /// Whether END was taken.
    pub fn is_complete(&self) -> bool {
        matches!(self.state, State::Ended)
    }

    fn refused(&self) -> Result<(), Refusal> {
        match self.state {
            State::Refused(refusal) => Err(refusal),
            _ => Ok(()),
        }
    }

    fn refusal(&self, fault: Fault) -> Refusal {
        let record = self.progress.records;
        Refusal { record, fault }
    }

    /// Takes some of `bytes`, at least one, and returns the rest.
    fn step<'a>(&mut self, bytes: &'a [u8], sink: &mut impl Sink) -> Result<&'a [u8], Refusal> {
        let done = match self.state {
            State::Refused(refusal) => return Err(refusal),
            State::Ended if !self.restartable => Err(Fault::AfterEnd),
            State::Ended => self.take_header(0, bytes, sink),
            State::Header(have) => self.take_header(have, bytes, sink),
            State::Payload(header, length, have) => {
                self.take_payload(header, length, have, bytes, sink)
            }
        };
        done.map_err(|fault| {
            let refusal = self.refusal(fault);
            self.state = State::Refused(refusal);
            refusal
        })
    }

    fn take_header<'a>(
        &mut self,
        have: usize,
        bytes: &'a [u8],
        sink: &mut impl Sink,
    ) -> Result<&'a [u8], Fault> {
        let (count, rest) = fill(self.header.get_mut(have..).unwrap_or_default(), bytes);
        let have = have.saturating_add(count);
        if have < HEADER {
            self.state = State::Header(have);
            return Ok(rest);
        }
        let header = Header::read(&self.header, self.checksum)?;
        let first = header.kind == Kind::VERSION && header.sequence == 0;
        if first && self.restartable && self.progress.records > 0 {
            let kind = Kind::VERSION;
            let refused = |errno| Fault::Refused { kind, errno };
            sink.restart().map_err(refused)?;
            (self.progress, self.ended) = (Progress::NONE, false);
        } else if self.ended {
            return Err(Fault::AfterEnd);
        }
        let wanted = self.progress.sequence();
        if header.sequence != wanted {
            let found = header.sequence;
            return Err(Fault::Sequence { found, wanted });
        }
        self.progress.order(header.kind)?;
        let room = self.buffer.as_ref().len().min(self.buffer.as_mut().len());
        self.ended = header.kind == Kind::END;
        self.long = header.length >= LONG;
        self.state = match rules::length(header.kind, header.length, room)? {
            // Nothing will come that it could be taken with.
            0 => take(&mut self.progress, self.checksum, header, &[], sink)?,
            length => State::Payload(header, length, 0),
        };
        Ok(rest)
    }

    fn take_payload<'a>(
        &mut self,
        header: Header,
        length: usize,
        have: usize,
        bytes: &'a [u8],
        sink: &mut impl Sink,
    ) -> Result<&'a [u8], Fault> {
        // A payload that comes whole is taken from where it is.
        if let (0, Some((payload, rest))) = (have, bytes.split_at_checked(length)) {
            self.state = take(&mut self.progress, self.checksum, header, payload, sink)?;
            return Ok(rest);
        }
        let place = self.buffer.as_mut().get_mut(have..length);
        let (count, rest) = fill(place.unwrap_or_default(), bytes);
        let have = have.saturating_add(count);
        self.state = match self.buffer.as_ref().get(..length) {
            Some(payload) if have == length => {
                take(&mut self.progress, self.checksum, header, payload, sink)?
            }
            _ => State::Payload(header, length, have),
        };
        Ok(rest)
    }
}

/// Checks a whole record's payload and hands it over; what comes after it.
fn take(
    progress: &mut Progress,
    checksum: Checksum,
    header: Header,
    payload: &[u8],
    sink: &mut impl Sink,
) -> Result<State, Fault> {
    let Header { kind, sum, .. } = header;
    let wanted = sum_of(checksum, payload);
    if sum != wanted {
        return Err(Fault::PayloadSum { found: sum, wanted });
    }
    let plain = kind.mandatory();
    let refused = |errno| Fault::Refused { kind: plain, errno };
    match plain {
        Kind::VERSION => sink.version(rules::line(payload)?).map_err(refused)?,
        Kind::END => {
            progress.totals(payload)?;
            sink.end().map_err(refused)?;
            progress.count(payload.len());
            return Ok(State::Ended);
        }
        _ => {
            let taken = match plain.is_of_stream() {
                // A part of the format that a later version adds.
                true => Taken::Unknown,
                false => sink.record(plain, payload).map_err(refused)?,
            };
            if taken == Taken::Unknown && !kind.is_skippable() {
                return Err(Fault::Unknown { found: kind });
            }
        }
    }
    progress.count(payload.len());
    Ok(State::Header(0))
}

/// Copies as much as fits; how much that was, and what is left.
fn fill<'a>(place: &mut [u8], bytes: &'a [u8]) -> (usize, &'a [u8]) {
    let count = place.len().min(bytes.len());
    match (place.get_mut(..count), bytes.split_at_checked(count)) {
        (Some(place), Some((taken, rest))) => {
            place.copy_from_slice(taken);
            (count, rest)
        }
        _ => (0, bytes),
    }
}
