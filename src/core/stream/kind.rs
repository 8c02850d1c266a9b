// SPDX-License-Identifier: GPL-2.0

//! What a record is, as a number.

use core::fmt;

/// What a record holds. With [`skippable`](Kind::skippable), a reader that does not know it goes
/// on without it; otherwise it refuses the stream.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Kind(u32);

impl Kind {
    /// The version string of the source, without newline; first, and only there.
    pub const VERSION: Kind = Kind(1);
    /// How many records and bytes of payload there were; last, and only there.
    pub const END: Kind = Kind(2);
    /// What the framework keeps of the PCI configuration space.
    pub const CONFIG: Kind = Kind(0x100);
    /// What the framework keeps of interrupts.
    pub const INTERRUPTS: Kind = Kind(0x101);

    /// The bit of a record that may be skipped.
    const SKIPPABLE: u32 = 1 << 31;
    /// Below this, kinds belong to the stream itself.
    const FRAMEWORK: u32 = 0x100;
    /// From here on, kinds belong to the namespace.
    const OWN: u32 = 0x1000;

    /// The namespace's own kind `n`.
    pub const fn own(n: u16) -> Kind {
        Kind(Self::OWN + n as u32)
    }

    /// The same kind in a record that may be skipped.
    #[must_use]
    pub const fn skippable(self) -> Kind {
        Kind(self.0 | Self::SKIPPABLE)
    }

    /// Whether who does not know it may go on without it.
    pub const fn is_skippable(self) -> bool {
        self.0 & Self::SKIPPABLE != 0
    }

    /// The same kind without the bit of [`skippable`](Kind::skippable): what a sink looks at.
    #[must_use]
    pub const fn mandatory(self) -> Kind {
        Kind(self.0 & !Self::SKIPPABLE)
    }

    /// The number in a header.
    pub const fn number(self) -> u32 {
        self.0
    }

    /// The kind of that number in a header. Any number is one.
    pub const fn from_number(number: u32) -> Kind {
        Kind(number)
    }

    /// Whether it belongs to the stream itself, so that no sink is asked about it.
    pub(super) const fn is_of_stream(self) -> bool {
        self.mandatory().0 < Self::FRAMEWORK
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.mandatory() {
            Kind::VERSION => f.write_str("VERSION"),
            Kind::END => f.write_str("END"),
            Kind::CONFIG => f.write_str("CONFIG"),
            Kind::INTERRUPTS => f.write_str("INTERRUPTS"),
            Kind(number @ Self::OWN..=0x0001_0fff) => write!(f, "own {}", number - Self::OWN),
            Kind(number) => write!(f, "{number:#x}"),
        }?;
        if self.is_skippable() {
            f.write_str(" (skippable)")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Kind({self})")
    }
}
