// SPDX-License-Identifier: GPL-2.0

//! What a driver says of its function, once, as data.

use super::{image, offset};

/// What a base address leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bar {
    /// Nothing; or the upper half of the wide one before it.
    None,
    /// I/O ports.
    Io {
        /// How many: a power of two, 4 to 256.
        size: u32,
    },
    /// Memory.
    Memory {
        /// Bytes: a power of two from 16, up to 2 GiB, or 1 TiB if wide.
        size: u64,
        /// Whether the address has 64 bits; the next BAR is then `None`.
        wide: bool,
        /// Whether reading has no effect and writes may be merged.
        prefetchable: bool,
    },
}

/// Where the structures of MSI-X are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Msix {
    /// 1 to 2048.
    pub vectors: u32,
    /// The memory BAR that has them.
    pub bar: usize,
    /// The table's offset in it: 16 bytes for each vector.
    pub table: u32,
    /// The pending bits' offset in it: 8 bytes for each 64 vectors.
    pub pba: u32,
}

/// A PCI function, as static data. Power management it always has.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// Vendor id.
    pub vendor: u16,
    /// Device id.
    pub device: u16,
    /// Subsystem vendor id.
    pub subsystem_vendor: u16,
    /// Subsystem id.
    pub subsystem: u16,
    /// Class, subclass and programming interface: 24 bits.
    pub class: u32,
    /// Revision.
    pub revision: u8,
    /// The base addresses.
    pub bars: [Bar; 6],
    /// Whether it has an INTx line.
    pub pin: bool,
    /// How many vectors of MSI it has, if any: a power of two, up to 32.
    pub msi: Option<u32>,
    /// MSI-X, if it has it.
    pub msix: Option<Msix>,
}

/// The largest memory BAR: what fits between the offsets of two regions in a VFIO device's file.
const MAX_WIDE: u64 = 1 << 40;

impl Layout {
    /// A function without anything, to be filled in.
    pub const NONE: Layout = Layout {
        vendor: 0,
        device: 0,
        subsystem_vendor: 0,
        subsystem: 0,
        class: 0,
        revision: 0,
        bars: [Bar::None; 6],
        pin: false,
        msi: None,
        msix: None,
    };

    /// Refuses a function that cannot be. Meant for a `const`, so that a driver with such a
    /// function does not compile.
    ///
    /// # Panics
    ///
    /// On the first rule of the fields above that is broken.
    // Inline: for constants only, so the object of this crate has no copy that can panic.
    #[inline]
    pub const fn check(&self) {
        assert!(
            self.vendor != 0 && self.vendor != 0xffff,
            "vendor id is 0 or 0xffff, which mean that there is no device"
        );
        assert!(self.class >> 24 == 0, "class has more than 24 bits");
        let mut i = 0;
        while i < self.bars.len() {
            self.check_bar(i);
            i += 1;
        }
        if let Some(vectors) = self.msi {
            assert!(
                vectors.is_power_of_two() && vectors <= 32,
                "MSI has a power of two of vectors, up to 32"
            );
        }
        if let Some(msix) = &self.msix {
            self.check_msix(msix);
        }
    }

    #[inline]
    const fn check_bar(&self, i: usize) {
        match self.bars[i] {
            Bar::None => {}
            Bar::Io { size } => assert!(
                size.is_power_of_two() && size >= 4 && size <= 256,
                "size of an I/O BAR: a power of two from 4 to 256"
            ),
            Bar::Memory { size, wide, .. } => {
                assert!(
                    size.is_power_of_two() && size >= 16,
                    "size of a memory BAR: a power of two from 16"
                );
                if wide {
                    assert!(size <= MAX_WIDE, "a wide memory BAR is larger than 1 TiB");
                    assert!(
                        i + 1 < self.bars.len() && matches!(self.bars[i + 1], Bar::None),
                        "the BAR after a wide one must be None"
                    );
                } else {
                    assert!(size <= 1 << 31, "a memory BAR over 2 GiB must be wide");
                }
            }
        }
    }

    #[inline]
    const fn check_msix(&self, msix: &Msix) {
        assert!(
            msix.vectors >= 1 && msix.vectors <= 2048,
            "MSI-X has 1 to 2048 vectors"
        );
        assert!(msix.bar < self.bars.len(), "MSI-X is in a BAR from 0 to 5");
        let Bar::Memory { size, .. } = self.bars[msix.bar] else {
            panic!("MSI-X is in a memory BAR");
        };
        assert!(
            msix.table % 8 == 0 && msix.pba % 8 == 0,
            "table and pending bits of MSI-X are at multiples of 8"
        );
        let (table, pba) = (msix.table as u64, msix.pba as u64);
        let table_end = table + 16 * msix.vectors as u64;
        let pba_end = pba + 8 * msix.vectors.div_ceil(64) as u64;
        assert!(
            table_end <= size && pba_end <= size,
            "table and pending bits of MSI-X lie inside its BAR"
        );
        assert!(
            table_end <= pba || pba_end <= table,
            "table and pending bits of MSI-X overlap"
        );
    }

    /// The bits of a byte whose values are not all possible.
    pub(super) fn field(at: usize) -> u8 {
        let [low, _] = match at {
            offset::PM_CONTROL => image::PM_STATE.to_le_bytes(),
            offset::MSI_CONTROL => image::MSI_GRANTED.to_le_bytes(),
            _ => [0, 0],
        };
        low
    }

    /// Whether a byte can have that value, as far as its bits depend on each other.
    pub(super) fn admits(&self, at: usize, value: u8) -> bool {
        match at {
            // D0 and D3hot; there is no D1 nor D2.
            offset::PM_CONTROL => matches!(u16::from(value) & image::PM_STATE, 0 | 3),
            // Not more vectors than there are.
            offset::MSI_CONTROL => {
                let granted = (u16::from(value) & image::MSI_GRANTED) >> 4;
                self.msi
                    .is_none_or(|own| u32::from(granted) <= own.trailing_zeros())
            }
            _ => true,
        }
    }
}
