// SPDX-License-Identifier: GPL-2.0

//! Fields as bytes, little-endian, one after the other; the same calls write and read them.

use core::fmt;

/// Why bytes are no state of a controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// They end too early.
    Short,
    /// There are more of them.
    Long {
        /// How many.
        more: usize,
    },
    /// A value that no controller, or not this one, can have.
    Value {
        /// Of what.
        what: &'static str,
        /// The value.
        found: u64,
    },
    /// A value that this controller has otherwise.
    Differs {
        /// Of what.
        what: &'static str,
        /// The value.
        found: u64,
        /// The value here.
        here: u64,
    },
}

impl Refusal {
    /// What is wrong, in short.
    pub const fn what(&self) -> &'static str {
        match self {
            Self::Short => "the controller's state ends too early",
            Self::Long { .. } => "bytes behind the controller's state",
            Self::Value { what, .. } | Self::Differs { what, .. } => what,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Short => f.write_str(self.what()),
            Self::Long { more } => write!(f, "{more} {}", self.what()),
            Self::Value { what, found } => {
                write!(
                    f,
                    "{what} is {found:#x}, which cannot be in this controller"
                )
            }
            Self::Differs { what, found, here } => {
                write!(f, "{what} is {found}, here it is {here}")
            }
        }
    }
}

impl core::error::Error for Refusal {}

/// Refuses a value unless it is sound.
pub(super) fn sound(ok: bool, what: &'static str, found: impl Into<u64>) -> Result<(), Refusal> {
    if ok {
        return Ok(());
    }
    let found = found.into();
    Err(Refusal::Value { what, found })
}

/// Takes fields one after the other: to write them, or to put there what was read.
pub(super) trait Codec: Sized {
    /// Some bytes.
    fn bytes(&mut self, value: &mut [u8]) -> Result<(), Refusal>;

    /// A field that can be absent: `blank` is what its value is read into.
    fn option<T: Copy>(
        &mut self,
        value: &mut Option<T>,
        blank: T,
        field: impl FnOnce(&mut T, &mut Self) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        let mut there = value.is_some();
        there.field(self)?;
        if !there {
            *value = None;
            return Ok(());
        }
        field(value.get_or_insert(blank), self)
    }
}

/// What is written as it is.
pub(super) trait Plain {
    fn field(&mut self, codec: &mut impl Codec) -> Result<(), Refusal>;
}

macro_rules! plain {
    ($($number:ty),*) => {$(
        impl Plain for $number {
            fn field(&mut self, codec: &mut impl Codec) -> Result<(), Refusal> {
                let mut bytes = self.to_le_bytes();
                codec.bytes(&mut bytes)?;
                *self = Self::from_le_bytes(bytes);
                Ok(())
            }
        }
    )*};
}
plain!(u8, u16, u32, u64);

impl Plain for bool {
    fn field(&mut self, codec: &mut impl Codec) -> Result<(), Refusal> {
        let mut byte = u8::from(*self);
        byte.field(codec)?;
        sound(byte <= 1, "a flag", byte)?;
        *self = byte == 1;
        Ok(())
    }
}

impl<const N: usize> Plain for [u8; N] {
    fn field(&mut self, codec: &mut impl Codec) -> Result<(), Refusal> {
        codec.bytes(self)
    }
}

/// Writes fields.
pub(super) struct Save<'a> {
    out: &'a mut [u8],
    len: usize,
}

impl<'a> Save<'a> {
    pub(super) fn new(out: &'a mut [u8]) -> Self {
        Self { out, len: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }
}

impl Codec for Save<'_> {
    fn bytes(&mut self, value: &mut [u8]) -> Result<(), Refusal> {
        let end = self.len.checked_add(value.len()).ok_or(Refusal::Short)?;
        let places = self.out.get_mut(self.len..end).ok_or(Refusal::Short)?;
        for (place, &mut byte) in places.iter_mut().zip(value) {
            *place = byte;
        }
        self.len = end;
        Ok(())
    }
}

/// Counts the bytes of fields.
pub(super) struct Count(pub(super) usize);

impl Codec for Count {
    fn bytes(&mut self, value: &mut [u8]) -> Result<(), Refusal> {
        self.0 = self.0.saturating_add(value.len());
        Ok(())
    }
}

/// Reads fields.
pub(super) struct Load<'a> {
    rest: &'a [u8],
}

impl<'a> Load<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Nothing is left.
    pub(super) fn end(&self) -> Result<(), Refusal> {
        match self.rest.len() {
            0 => Ok(()),
            more => Err(Refusal::Long { more }),
        }
    }
}

impl Codec for Load<'_> {
    fn bytes(&mut self, value: &mut [u8]) -> Result<(), Refusal> {
        let split = self.rest.split_at_checked(value.len());
        let (now, later) = split.ok_or(Refusal::Short)?;
        for (place, &byte) in value.iter_mut().zip(now) {
            *place = byte;
        }
        self.rest = later;
        Ok(())
    }
}
