// SPDX-License-Identifier: GPL-2.0
//! Frames: what is sent, and the strict reader of what comes back.
//!
//! A frame is the mark (2 bytes), the lane (1: the number of the port that sent it), the
//! payload's length (1), the sequence number (4, little endian), the payload and a CRC-32 of all
//! before it (4). Lane and sequence number alone decide length and payload, so that a reader
//! knows each byte that has to come.

use std::fmt;

const MARK: [u8; 2] = [0x7e, 0xa5];
const HEADER: usize = 8;
const SUM: usize = 4;
const LONGEST_PAYLOAD: usize = 40;
const LONGEST: usize = HEADER + LONGEST_PAYLOAD + SUM;

/// The frame with this number of this lane.
pub(crate) fn frame(lane: u8, number: u32) -> Vec<u8> {
    let mut state = (u64::from(number) << 8) | u64::from(lane);
    let mut next = || {
        // An additive sequence, mixed: each payload differs from its neighbours everywhere.
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    };
    let length = (next() % (LONGEST_PAYLOAD as u64 + 1)) as u8;
    let mut bytes = Vec::with_capacity(LONGEST);
    bytes.extend(MARK);
    bytes.extend([lane, length]);
    bytes.extend(number.to_le_bytes());
    for _ in 0..length {
        bytes.push(next() as u8);
    }
    bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
    bytes
}

/// Something came that was not sent, or something that was sent did not come.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// Bytes that came before it.
    pub(crate) at: u64,
    what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at={}: {}", self.at, self.what)
    }
}

/// Reads one port. The first frame decides which lane ends here; from then on every byte must
/// be the next one of that lane. After a fault it looks for a whole frame and goes on there.
#[derive(Default)]
pub(crate) struct Checker {
    lane: Option<u8>,
    /// Frames that came.
    pub(crate) frames: u32,
    /// Bytes that came.
    pub(crate) bytes: u64,
    number: u32,
    held: Vec<u8>,
    lost: bool,
}

impl Checker {
    /// The lane that ends at this port, once that is known.
    pub(crate) fn lane(&self) -> Option<u8> {
        self.lane
    }

    /// The number of the next frame.
    pub(crate) fn next(&self) -> u32 {
        self.number
    }

    /// Takes what came.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> Vec<Fault> {
        self.bytes += bytes.len() as u64;
        self.held.extend(bytes);
        if self.lane.is_none() && self.held.starts_with(&MARK) {
            self.lane = self.held.get(MARK.len()).copied();
        }
        let mut faults = Vec::new();
        while let Some(step) = self.judge() {
            let at = self.bytes - self.held.len() as u64;
            match step {
                Ok((lane, number, length)) => {
                    if (self.lane.unwrap_or(lane), self.number) != (lane, number) {
                        let what = format!(
                            "frame {} of lane {:?} was expected, {number} of lane {lane} came",
                            self.number, self.lane
                        );
                        faults.push(Fault { at, what });
                    }
                    self.lane = Some(lane);
                    self.number = number.wrapping_add(1);
                    self.frames += 1;
                    self.lost = false;
                    self.held.drain(..length);
                }
                Err(what) => {
                    // One report for each place where the thread was lost.
                    if !self.lost {
                        faults.push(Fault { at, what });
                    }
                    self.lost = true;
                    self.held.drain(..1);
                }
            }
        }
        faults
    }

    /// What stands at the front: a whole frame (lane, number, length in bytes), something that is
    /// none, or `None` while that is not decided.
    fn judge(&self) -> Option<Result<(u8, u32, usize), String>> {
        let held = &self.held;
        if let Some(lane) = self.lane {
            let wanted = frame(lane, self.number);
            let wrong = held.iter().zip(&wanted).position(|(a, b)| a != b);
            match wrong {
                None if held.len() < wanted.len() => return None,
                None => return Some(Ok((lane, self.number, wanted.len()))),
                Some(_) if self.lost => {}
                Some(n) => {
                    return Some(Err(format!(
                        "byte {n} of frame {} is {:#04x}, {:#04x} was sent; held: {:02x?}",
                        self.number, held[n], wanted[n], held
                    )))
                }
            }
        }
        if held.iter().zip(&MARK).any(|(a, b)| a != b) {
            return Some(Err(format!("no frame begins here: {held:02x?}")));
        }
        let header = held.get(..HEADER)?;
        let (lane, length) = (header[2], usize::from(header[3]));
        let number = u32::from_le_bytes([header[4], header[5], header[6], header[7]]);
        let wanted = frame(lane, number);
        if length + HEADER + SUM != wanted.len() {
            return Some(Err(format!("frame {number} cannot be so long: {length}")));
        }
        let whole = held.get(..wanted.len())?;
        Some(if *whole == wanted {
            Ok((lane, number, wanted.len()))
        } else {
            Err(format!("frame {number} came changed: {whole:02x?}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(lane: u8, count: u32) -> Vec<u8> {
        (0..count).flat_map(|number| frame(lane, number)).collect()
    }

    #[test]
    fn a_whole_stream_has_no_fault_however_it_is_cut() {
        let bytes = sent(1, 200);
        for size in [1, 2, 7, 16, 61, bytes.len()] {
            let mut checker = Checker::default();
            for piece in bytes.chunks(size) {
                assert_eq!(checker.take(piece), []);
            }
            assert_eq!((checker.frames, checker.bytes), (200, bytes.len() as u64));
            assert_eq!(checker.lane(), Some(1));
        }
    }

    #[test]
    fn each_lost_doubled_or_changed_byte_is_seen() {
        let bytes = sent(0, 40);
        // The last frame cannot show that its own end is missing.
        let end = bytes.len() - frame(0, 39).len();
        for at in 0..end {
            for kind in 0..3 {
                let mut bent = bytes.clone();
                match kind {
                    0 => drop(bent.remove(at)),
                    1 => bent.insert(at, bytes[at]),
                    _ => bent[at] ^= 0x10,
                }
                let mut checker = Checker::default();
                let faults = checker.take(&bent);
                // A byte doubled beside its equal is the same stream.
                assert!(!faults.is_empty(), "byte {at}, way {kind}");
                assert_eq!(
                    checker.next(),
                    40,
                    "byte {at}, way {kind}: it goes on after it"
                );
            }
        }
    }

    #[test]
    fn frames_of_another_lane_are_seen() {
        let mut checker = Checker::default();
        assert_eq!(checker.take(&frame(0, 0)), []);
        assert_eq!(checker.take(&frame(1, 1)).len(), 1);
        let mut checker = Checker::default();
        assert_ne!(checker.take(&frame(0, 5)), [], "the first is number 0");
    }
}
