// SPDX-License-Identifier: GPL-2.0

//! What a controller is, which is fixed, and who it is, which moves with it.

use crate::queue::MAX_IO_QUEUES;
use core::fmt;

/// The size of a logical block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockSize {
    /// 512 bytes.
    B512,
    /// 4096 bytes.
    B4096,
}

impl BlockSize {
    /// The one of so many bytes.
    pub const fn from_bytes(bytes: u64) -> Option<Self> {
        match bytes {
            512 => Some(Self::B512),
            4096 => Some(Self::B4096),
            _ => None,
        }
    }

    /// As a power of two.
    pub const fn shift(self) -> u8 {
        match self {
            Self::B512 => 9,
            Self::B4096 => 12,
        }
    }

    /// In bytes.
    pub const fn bytes(self) -> usize {
        match self {
            Self::B512 => 512,
            Self::B4096 => 4096,
        }
    }
}

/// Optional commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Optional {
    /// Compare.
    pub compare: bool,
    /// Dataset Management.
    pub deallocate: bool,
    /// Write Zeroes.
    pub write_zeroes: bool,
}

impl Optional {
    /// All of them.
    pub const ALL: Self = Self {
        compare: true,
        deallocate: true,
        write_zeroes: true,
    };
    /// None of them.
    pub const NONE: Self = Self {
        compare: false,
        deallocate: false,
        write_zeroes: false,
    };
}

/// What a controller is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// The namespace's size, in blocks.
    pub blocks: u64,
    /// The size of a block.
    pub block_size: BlockSize,
    /// I/O queue pairs, at most [`MAX_IO_QUEUES`].
    pub queues: u16,
    /// Interrupt vectors, at most 32.
    pub vectors: u16,
    /// The optional commands that it has.
    pub optional: Optional,
    /// PCI vendor id.
    pub vendor: u16,
    /// PCI subsystem vendor id.
    pub subsystem_vendor: u16,
    /// Model number, printable ASCII.
    pub model: &'static str,
    /// Firmware revision, printable ASCII.
    pub firmware: &'static str,
}

/// The most interrupt vectors: as many as INTMS and INTMC have bits.
pub const MAX_VECTORS: u16 = 32;

/// Why there can be no controller of this configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigError {
    /// No blocks, or more bytes than can be counted.
    Blocks(u64),
    /// No queues, or too many.
    Queues(u16),
    /// No vectors, or too many.
    Vectors(u16),
    /// Too long, or not printable.
    Text(&'static str),
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Blocks(found) => write!(f, "a namespace of {found} blocks"),
            Self::Queues(found) => {
                write!(f, "{found} I/O queue pairs, must be 1 to {MAX_IO_QUEUES}")
            }
            Self::Vectors(found) => {
                write!(f, "{found} interrupt vectors, must be 1 to {MAX_VECTORS}")
            }
            Self::Text(found) => write!(f, "\"{found}\" is too long or not printable"),
        }
    }
}

impl core::error::Error for ConfigError {}

impl Config {
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let bytes = self.blocks.checked_mul(self.block_size.bytes() as u64);
        if self.blocks == 0 || bytes.is_none_or(|bytes| bytes > i64::MAX as u64) {
            return Err(ConfigError::Blocks(self.blocks));
        }
        if self.queues == 0 || self.queues > MAX_IO_QUEUES {
            return Err(ConfigError::Queues(self.queues));
        }
        if self.vectors == 0 || self.vectors > MAX_VECTORS {
            return Err(ConfigError::Vectors(self.vectors));
        }
        use crate::spec::identify::controller::{FR, MN};
        for (text, field) in [(self.model, MN), (self.firmware, FR)] {
            if text.len() > field.len || !is_printable(text.as_bytes()) {
                return Err(ConfigError::Text(text));
            }
        }
        Ok(())
    }

    /// The bytes of so many blocks, which are no more than the namespace has, or a command names.
    pub(crate) fn bytes(&self, blocks: u64) -> u64 {
        blocks.wrapping_shl(u32::from(self.block_size.shift()))
    }

    /// Whether the blocks are in the namespace.
    pub(crate) fn contains(&self, lba: u64, blocks: u64) -> bool {
        lba.checked_add(blocks)
            .is_some_and(|end| end <= self.blocks)
    }
}

/// Whether it is a text of the specification (1.5).
pub(crate) fn is_printable(text: &[u8]) -> bool {
    text.iter().all(|byte| (b' '..=b'~').contains(byte))
}

/// Who a controller is: what a guest recognizes it by, wherever it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Serial number, printable ASCII, spaces behind it.
    pub serial: [u8; 20],
    /// The namespace's globally unique identifier.
    pub nguid: [u8; 16],
    /// The UUID in the subsystem's name.
    pub uuid: [u8; 16],
}

impl Identity {
    /// One that follows from a UUID: the NGUID is the same number, the serial its first half.
    pub fn from_uuid(uuid: [u8; 16]) -> Self {
        let mut serial = [b' '; 20];
        let digits = uuid.iter().flat_map(|&byte| [byte >> 4, byte & 0xf]);
        for (place, digit) in serial.iter_mut().zip(digits.take(16)) {
            *place = hex(digit);
        }
        Self {
            serial,
            nguid: uuid,
            uuid,
        }
    }

    /// Whether it can be anybody's.
    pub(crate) fn is_sound(&self) -> bool {
        is_printable(&self.serial)
    }

    /// The subsystem's name (7.9): that of a UUID, zeroes behind it.
    pub(crate) fn name(&self) -> [u8; 256] {
        let mut name = [0; 256];
        let mut places = name.iter_mut();
        let dash = |at| matches!(at, 4 | 6 | 8 | 10);
        for &byte in b"nqn.2014-08.org.nvmexpress:uuid:" {
            if let Some(place) = places.next() {
                *place = byte;
            }
        }
        for (at, byte) in self.uuid.iter().enumerate() {
            let text = [b'-', hex(byte >> 4), hex(byte & 0xf)];
            for &byte in text.iter().skip(usize::from(!dash(at))) {
                if let Some(place) = places.next() {
                    *place = byte;
                }
            }
        }
        name
    }
}

fn hex(digit: u8) -> u8 {
    match digit {
        0..=9 => b'0'.wrapping_add(digit),
        _ => b'a'.wrapping_add(digit.wrapping_sub(10)),
    }
}
