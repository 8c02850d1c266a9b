// SPDX-License-Identifier: GPL-2.0

//! Why a stream is refused.

use super::Kind;
use crate::Errno;
use core::fmt;

/// A refused stream: which record, what is wrong with it, and the errno that says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub(super) record: u64,
    pub(super) fault: Fault,
}

/// What is wrong with a record, or with the stream where it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A header's checksum is not that of its bytes.
    HeaderSum {
        /// What the header says.
        found: u32,
        /// What its bytes give.
        wanted: u32,
    },
    /// A header's reserved field is not 0.
    Reserved {
        /// What it is.
        found: u32,
    },
    /// Records are missing, doubled or in another order.
    Sequence {
        /// The header's number.
        found: u32,
        /// The number of the record that comes next.
        wanted: u32,
    },
    /// The first record is no version string.
    NotVersion {
        /// What it is.
        found: Kind,
    },
    /// A version string that is not the first record.
    SecondVersion,
    /// An END that claims to be skippable.
    SkippableEnd,
    /// A payload that is too long or too short for its kind.
    Length {
        /// The record's kind.
        kind: Kind,
        /// How long it is.
        found: u32,
        /// The shortest that it can be.
        min: usize,
        /// The longest that it can be.
        max: usize,
    },
    /// A payload's checksum is not that of its bytes.
    PayloadSum {
        /// What the header says.
        found: u32,
        /// What the payload's bytes give.
        wanted: u32,
    },
    /// A version string with a byte that is not printable ASCII.
    Unprintable {
        /// That byte.
        byte: u8,
        /// Its offset in the payload.
        at: usize,
    },
    /// A mandatory record that this reader does not know.
    Unknown {
        /// What it is.
        found: Kind,
    },
    /// END counts other records than there were.
    TotalRecords {
        /// What END says.
        found: u64,
        /// How many there were.
        wanted: u64,
    },
    /// END counts other bytes of payload than there were.
    TotalBytes {
        /// What END says.
        found: u64,
        /// How many there were.
        wanted: u64,
    },
    /// There are bytes after END.
    AfterEnd,
    /// There is not a single byte.
    Empty,
    /// The stream stops before END is complete.
    Cut {
        /// The bytes that the record where it stops lacks, as far as is known; 0 between two.
        missing: usize,
    },
    /// The device refuses what a sound record holds.
    Refused {
        /// The record's kind.
        kind: Kind,
        /// The device's errno.
        errno: Errno,
    },
}

impl Refusal {
    /// The errno that the write which brought the fault fails with, and each later one.
    pub const fn errno(&self) -> Errno {
        match self.fault {
            Fault::Refused { errno, .. } => errno,
            Fault::Unknown { .. } => Errno::OpNotSupp,
            _ => Errno::Inval,
        }
    }

    /// The record's number in the stream, from 0.
    pub const fn record(&self) -> u64 {
        self.record
    }

    /// What is wrong.
    pub const fn fault(&self) -> Fault {
        self.fault
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "record {}: {}", self.record, self.fault)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Fault::HeaderSum { found, wanted } => write!(
                f,
                "header checksum is {found:#010x}, but its bytes give {wanted:#010x}"
            ),
            Fault::Reserved { found } => write!(f, "reserved field is {found:#x}, must be 0"),
            Fault::Sequence { found, wanted } => {
                write!(f, "sequence number is {found}, but {wanted} comes next")
            }
            Fault::NotVersion { found } => {
                write!(f, "kind is {found}, but a stream starts with VERSION")
            }
            Fault::SecondVersion => f.write_str("kind is VERSION, which only comes first"),
            Fault::SkippableEnd => f.write_str("END is marked as skippable, which it cannot be"),
            Fault::Length {
                kind,
                found,
                min,
                max,
            } if min == max => write!(f, "payload of {kind} is {found} bytes, must be {max}"),
            Fault::Length {
                kind,
                found,
                min,
                max,
            } => write!(
                f,
                "payload of {kind} is {found} bytes, must be {min} to {max}"
            ),
            Fault::PayloadSum { found, wanted } => write!(
                f,
                "payload checksum is {found:#010x}, but its bytes give {wanted:#010x}"
            ),
            Fault::Unprintable { byte, at } => write!(
                f,
                "version string has byte {byte:#04x} at offset {at}, which is not printable ASCII"
            ),
            Fault::Unknown { found } => {
                write!(f, "kind is {found}, which is mandatory and not known here")
            }
            Fault::TotalRecords { found, wanted } => {
                write!(f, "END counts {found} records, but there were {wanted}")
            }
            Fault::TotalBytes { found, wanted } => write!(
                f,
                "END counts {found} bytes of payload, but there were {wanted}"
            ),
            Fault::AfterEnd => f.write_str("there are bytes after END"),
            Fault::Empty => f.write_str("the stream is empty"),
            Fault::Cut { missing: 0 } => f.write_str("the stream stops here, without END"),
            Fault::Cut { missing } => {
                write!(f, "the stream stops inside, at least {missing} bytes short")
            }
            Fault::Refused { kind, errno } => {
                write!(f, "the device refuses {kind} with {errno}")
            }
        }
    }
}

impl core::error::Error for Refusal {}
