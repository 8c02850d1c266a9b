// SPDX-License-Identifier: GPL-2.0

//! Where something is: bits of a number, bytes of a structure. All numbers are little-endian.

/// Some bits of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bits {
    low: u32,
    width: u32,
}

impl Bits {
    /// The bits `high` to `low`, both included.
    pub const fn new(high: u32, low: u32) -> Self {
        let width = high.wrapping_sub(low).wrapping_add(1);
        Self { low, width }
    }

    /// A single bit.
    pub const fn bit(at: u32) -> Self {
        Self::new(at, at)
    }

    /// The greatest value that they can have.
    pub const fn max(self) -> u64 {
        u64::MAX.wrapping_shr(u64::BITS.wrapping_sub(self.width))
    }

    /// The bits themselves.
    pub const fn mask(self) -> u64 {
        self.max().wrapping_shl(self.low)
    }

    /// What they are in `number`.
    pub const fn of(self, number: u64) -> u64 {
        number.wrapping_shr(self.low) & self.max()
    }

    /// A number in which they are `value` and all others 0.
    pub const fn with(self, value: u64) -> u64 {
        (value & self.max()).wrapping_shl(self.low)
    }

    /// Whether any of them is 1 in `number`.
    pub const fn any(self, number: u64) -> bool {
        self.of(number) != 0
    }

    /// The lowest of them.
    pub const fn low(self) -> u32 {
        self.low
    }
}

/// Some bytes of a structure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// The first of them.
    pub at: usize,
    /// How many.
    pub len: usize,
}

impl Field {
    /// `len` bytes at `at`.
    pub const fn new(at: usize, len: usize) -> Self {
        Self { at, len }
    }

    /// The bytes behind it; all 0 of what is not there.
    pub fn get(self, structure: &[u8]) -> u64 {
        let mut number = [0; 8];
        let bytes = structure.iter().skip(self.at).take(self.len);
        for (place, &byte) in number.iter_mut().zip(bytes) {
            *place = byte;
        }
        u64::from_le_bytes(number)
    }

    /// Puts a number there.
    pub fn put(self, structure: &mut [u8], number: u128) {
        self.put_bytes(structure, &number.to_le_bytes());
    }

    /// Puts bytes there, as many as there are and fit.
    pub fn put_bytes(self, structure: &mut [u8], bytes: &[u8]) {
        let places = structure.iter_mut().skip(self.at).take(self.len);
        for (place, &byte) in places.zip(bytes) {
            *place = byte;
        }
    }

    /// Puts a text there, with spaces behind it (1.5: ASCII strings).
    pub fn put_text(self, structure: &mut [u8], text: &[u8]) {
        let places = structure.iter_mut().skip(self.at).take(self.len);
        for (place, &byte) in places.zip(text.iter().chain(core::iter::repeat(&b' '))) {
            *place = byte;
        }
    }
}
