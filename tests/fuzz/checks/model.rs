// SPDX-License-Identifier: GPL-2.0

//! The stream format once more, written down in the plainest way: over all bytes at once, with
//! a checksum bit by bit. What the reader is held against.

use migcore::Errno;

/// What a stream is, in the order in which it is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Version(String),
    Record(u32, Vec<u8>),
    End,
}

/// The record where a stream ends too early, and the name of what is wrong.
pub(crate) type Wrong = (u64, &'static str);

/// What a target says to an event: what `Sink` is asked.
pub(crate) trait Judge {
    fn judge(&self, event: &Event) -> Result<bool, Errno>;
}

/// The kinds as numbers, written out.
pub(crate) const VERSION: u32 = 1;
pub(crate) const END: u32 = 2;
pub(crate) const SKIPPABLE: u32 = 0x8000_0000;
const LONGEST: usize = 131_072;

/// The checksum, a bit at a time.
pub(crate) fn sum(bytes: &[u8]) -> u32 {
    let mut crc = !0u32;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 {
                (crc >> 1) ^ 0x82f6_3b78
            } else {
                crc >> 1
            };
        }
    }
    !crc
}

/// The number in four or eight bytes.
pub(crate) fn number(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |n, b| n * 256 + u64::from(*b))
}

fn word(bytes: &[u8], index: usize) -> u32 {
    number(&bytes[4 * index..4 * index + 4]) as u32
}

/// All that a stream tells, and why it ends too early if it does.
pub(crate) fn read(stream: &[u8], judge: &impl Judge) -> (Vec<Event>, Result<(), Wrong>) {
    let mut events = Vec::new();
    let result = walk(stream, judge, &mut events);
    (events, result)
}

fn walk(stream: &[u8], judge: &impl Judge, events: &mut Vec<Event>) -> Result<(), Wrong> {
    let (mut left, mut record, mut total) = (stream, 0u64, 0u64);
    if stream.is_empty() {
        return Err((0, "empty"));
    }
    loop {
        let fault = |name| Err((record, name));
        if left.len() < 24 {
            return fault("cut");
        }
        let (header, after) = left.split_at(24);
        let (number_of, length) = (word(header, 0), word(header, 1) as usize);
        let kind = number_of & !SKIPPABLE;
        if word(header, 5) != sum(&header[..20]) {
            return fault("header checksum");
        }
        if word(header, 4) != 0 {
            return fault("reserved");
        }
        if u64::from(word(header, 2)) != record {
            return fault("sequence");
        }
        if record == 0 && number_of != VERSION {
            return fault("not VERSION");
        }
        if record > 0 && kind == VERSION {
            return fault("second VERSION");
        }
        if number_of == END | SKIPPABLE {
            return fault("skippable END");
        }
        let allowed = match kind {
            VERSION => 1..=4094,
            END => 16..=16,
            _ => 0..=LONGEST,
        };
        if !allowed.contains(&length) {
            return fault("length");
        }
        if after.len() < length {
            return fault("cut");
        }
        let (payload, after) = after.split_at(length);
        if word(header, 3) != sum(payload) {
            return fault("payload checksum");
        }
        let event = match kind {
            VERSION => {
                if payload.iter().any(|b| !(b' '..=b'~').contains(b)) {
                    return fault("unprintable");
                }
                Event::Version(payload.iter().map(|b| char::from(*b)).collect())
            }
            END => {
                if number(&payload[..8]) != record {
                    return fault("total of records");
                }
                if number(&payload[8..]) != total {
                    return fault("total of bytes");
                }
                Event::End
            }
            _ => Event::Record(kind, payload.to_vec()),
        };
        let known = match &event {
            Event::Record(kind, _) if *kind < 0x100 => false,
            event => {
                events.push(event.clone());
                match judge.judge(event) {
                    Ok(known) => known,
                    Err(_) => return fault("refused"),
                }
            }
        };
        if !known && number_of & SKIPPABLE == 0 {
            return fault("unknown");
        }
        if event == Event::End {
            return if after.is_empty() {
                Ok(())
            } else {
                Err((record + 1, "after END"))
            };
        }
        record += 1;
        total += length as u64;
        left = after;
    }
}
