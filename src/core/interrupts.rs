// SPDX-License-Identifier: GPL-2.0

//! What a device has raised and nobody has heard yet, as the payload of an INTERRUPTS record.
//!
//! | bytes | field |
//! |---|---|
//! | 0 to 3 | how many vectors the device has, at most [`MAX_VECTORS`] |
//! | 4 to 7 | bit 0: INTA# is driven; the others are 0 |
//! | 8 and on | a bit for each vector that is pending, from bit 0 of the first byte up; the rest of the last byte is 0 |
//!
//! Numbers are little-endian. Who listens is not part of it: that is between a device and the
//! host it is on.

use core::fmt;

/// The most vectors that a function can have, by MSI-X.
pub const MAX_VECTORS: usize = 2048;

/// The longest payload, in bytes.
pub const MAX_BYTES: usize = HEAD + MAX_VECTORS / 8;

const HEAD: usize = 8;

/// What a device has raised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Raised {
    line: bool,
    vectors: usize,
    bits: [u8; MAX_VECTORS / 8],
}

/// Why a payload is none of this device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RaisedError {
    /// Not as many bytes as so many vectors take.
    Length {
        /// How many there are.
        found: usize,
        /// How many there should be.
        wanted: usize,
    },
    /// Another number of vectors.
    Vectors {
        /// The source's.
        found: u32,
        /// The device's.
        wanted: usize,
    },
    /// A bit is set that stands for nothing.
    Reserved,
}

impl Raised {
    /// Nothing, of a device with so many vectors (no more than [`MAX_VECTORS`]).
    pub const fn none(vectors: usize) -> Self {
        let vectors = if vectors < MAX_VECTORS {
            vectors
        } else {
            MAX_VECTORS
        };
        Self {
            line: false,
            vectors,
            bits: [0; MAX_VECTORS / 8],
        }
    }

    /// Whether INTA# is driven.
    pub const fn line(&self) -> bool {
        self.line
    }

    /// Sets whether INTA# is driven.
    pub fn set_line(&mut self, line: bool) {
        self.line = line;
    }

    /// Whether a vector is pending. One that there is not never is.
    pub fn is_pending(&self, vector: usize) -> bool {
        let (byte, bit) = (vector / 8, 1u8 << (vector % 8));
        vector < self.vectors && self.bits.get(byte).is_some_and(|b| b & bit != 0)
    }

    /// Notes that a vector is pending, if there is such a vector.
    pub fn set_pending(&mut self, vector: usize) {
        if vector < self.vectors {
            if let Some(byte) = self.bits.get_mut(vector / 8) {
                *byte |= 1 << (vector % 8);
            }
        }
    }

    /// The bytes of the payload of a device with so many vectors.
    pub const fn len_of(vectors: usize) -> usize {
        HEAD.saturating_add(vectors.div_ceil(8))
    }

    /// Writes the payload, and returns its length; 0 if there is no room.
    pub fn save(&self, out: &mut [u8]) -> usize {
        let len = Self::len_of(self.vectors);
        let Some(out) = out.get_mut(..len) else {
            return 0;
        };
        // CAST: at most `MAX_VECTORS`.
        let head = [self.vectors as u32, u32::from(self.line)].map(u32::to_le_bytes);
        let bytes = head.as_flattened().iter().chain(&self.bits);
        for (to, from) in out.iter_mut().zip(bytes) {
            *to = *from;
        }
        len
    }

    /// Reads a payload for a device with `vectors` vectors.
    ///
    /// # Errors
    ///
    /// The first thing about it that cannot be.
    pub fn load(vectors: usize, payload: &[u8]) -> Result<Self, RaisedError> {
        let mut raised = Self::none(vectors);
        let wanted = Self::len_of(raised.vectors);
        let length = RaisedError::Length {
            found: payload.len(),
            wanted,
        };
        let (count, rest) = payload.split_first_chunk().ok_or(length)?;
        let (flags, bits) = rest.split_first_chunk().ok_or(length)?;
        let found = u32::from_le_bytes(*count);
        if usize::try_from(found) != Ok(raised.vectors) {
            return Err(RaisedError::Vectors {
                found,
                wanted: raised.vectors,
            });
        }
        if payload.len() != wanted {
            return Err(length);
        }
        raised.line = match u32::from_le_bytes(*flags) {
            0 => false,
            1 => true,
            _ => return Err(RaisedError::Reserved),
        };
        for (to, from) in raised.bits.iter_mut().zip(bits) {
            *to = *from;
        }
        let spare = raised.vectors % 8;
        let last = bits.last().copied().unwrap_or(0);
        if spare != 0 && last.checked_shr(spare as u32).unwrap_or(0) != 0 {
            return Err(RaisedError::Reserved);
        }
        Ok(raised)
    }
}

impl fmt::Display for RaisedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length { found, wanted } => {
                write!(f, "interrupts in {found} bytes, must be {wanted}")
            }
            Self::Vectors { found, wanted } => {
                write!(f, "interrupts of {found} vectors, the device has {wanted}")
            }
            Self::Reserved => f.write_str("interrupts with a reserved bit that is set"),
        }
    }
}

impl core::error::Error for RaisedError {}
