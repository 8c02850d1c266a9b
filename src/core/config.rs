// SPDX-License-Identifier: GPL-2.0

//! The configuration space of a PCI function: what the guest sees of it and may change.
//!
//! A [`Layout`] is a driver's static description. [`Config`] is one device's 256 bytes made from
//! it: each bit is fixed, writable, cleared by writing 1, or the device's own. All else about the
//! space (where it is mapped, who signals an interrupt) is for others.
//!
//! ```
//! use migcore::config::{offset, Bar, Config, Layout};
//!
//! static UART: Layout = Layout {
//!     vendor: 0x4348,
//!     device: 0x3253,
//!     bars: [Bar::Io { size: 8 }, Bar::None, Bar::None, Bar::None, Bar::None, Bar::None],
//!     pin: true,
//!     ..Layout::NONE
//! };
//! const _: () = UART.check();
//!
//! let mut config = Config::new(&UART);
//! config.write(offset::BAR, &[0xff; 4]);
//! let mut bar = [0; 4];
//! config.read(offset::BAR, &mut bar);
//! assert_eq!(u32::from_le_bytes(bar), 0xffff_fff9, "8 ports");
//! ```

mod image;
mod layout;
mod load;
pub mod offset;

pub use layout::{Bar, Layout, Msix};
pub use load::LoadError;

use image::Image;

/// The size of the space, in bytes.
pub const SIZE: usize = 256;

/// What a write may have changed, for who acts on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Changed {
    /// COMMAND: decoding, bus mastering, INTx.
    pub command: bool,
    /// An address of a BAR.
    pub bars: bool,
    /// The power state.
    pub power: bool,
    /// The control word, address, data or masks of MSI.
    pub msi: bool,
    /// The control word of MSI-X.
    pub msix: bool,
}

/// The message of MSI, as the guest set it up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Msi {
    /// How many vectors the guest gave the device, not more than it has.
    pub vectors: u32,
    /// Where the message is written.
    pub address: u64,
    /// What is written there for vector 0.
    pub data: u16,
    /// The vectors that are masked.
    pub masked: u32,
    /// The vectors that wait for their mask to go.
    pub pending: u32,
}

/// The configuration space of one device.
#[derive(Clone, Debug)]
pub struct Config {
    layout: &'static Layout,
    image: Image,
    bytes: [u8; SIZE],
}

impl Config {
    /// The space of a device that was just reset.
    pub fn new(layout: &'static Layout) -> Self {
        let image = Image::new(layout);
        let bytes = image.initial;
        Self {
            layout,
            image,
            bytes,
        }
    }

    /// What it was made from.
    pub fn layout(&self) -> &'static Layout {
        self.layout
    }

    /// Back to the state after power-on.
    pub fn reset(&mut self) {
        self.bytes = self.image.initial;
    }

    /// Reads any bytes at any place. What lies outside reads as 0.
    pub fn read(&self, offset: usize, out: &mut [u8]) {
        let inside = self.bytes.get(offset..).unwrap_or_default();
        let (covered, outside) = out.split_at_mut(out.len().min(inside.len()));
        for (to, from) in covered.iter_mut().zip(inside) {
            *to = *from;
        }
        outside.fill(0);
    }

    /// Writes any bytes at any place. Only what the guest can change does; what lies outside is
    /// ignored.
    pub fn write(&mut self, offset: usize, data: &[u8]) -> Changed {
        let mut changed = Changed::default();
        for (at, &value) in (offset..SIZE).zip(data) {
            if self.write_byte(at, value) {
                changed.note(at);
            }
        }
        changed
    }

    /// One byte; whether it is another one now.
    fn write_byte(&mut self, at: usize, value: u8) -> bool {
        let Some(rights) = self.image.rights(at) else {
            return false;
        };
        let Some(byte) = self.bytes.get_mut(at) else {
            return false;
        };
        let old = *byte;
        let written = (old & !rights.write) | (value & rights.write);
        let mut new = written & !(value & rights.clear);
        if !self.layout.admits(at, new) {
            // A field takes no value that the device does not have.
            let field = Layout::field(at);
            new = (new & !field) | (old & field);
        }
        *byte = new;
        new != old
    }

    /// Sets the level that STATUS shows of the device's INTx line.
    pub fn show_interrupt(&mut self, level: bool) {
        let bit = if self.layout.pin { 1 << 3 } else { 0 };
        self.set_bits(offset::STATUS, bit, level);
    }

    /// Notes errors in STATUS, until the guest clears them: bits 8 and 11 to 15.
    pub fn report_errors(&mut self, errors: u16) {
        let [low, high] = (errors & image::STATUS_ERRORS).to_le_bytes();
        self.set_bits(offset::STATUS, low, true);
        self.set_bits(offset::STATUS + 1, high, true);
    }

    /// Sets whether a vector of MSI waits for its mask to go. A vector that there is not does not.
    pub fn set_msi_pending(&mut self, vector: u32, pending: bool) {
        let vectors = self.layout.msi.unwrap_or(0);
        if let (true, Some(mask)) = (vector < vectors, 1u32.checked_shl(vector)) {
            for (at, byte) in (offset::MSI_PENDING..).zip(mask.to_le_bytes()) {
                self.set_bits(at, byte, pending);
            }
        }
    }

    fn set_bits(&mut self, at: usize, bits: u8, on: bool) {
        if let Some(byte) = self.bytes.get_mut(at) {
            *byte = (*byte & !bits) | if on { bits } else { 0 };
        }
    }

    fn word(&self, at: usize) -> u16 {
        let mut out = [0; 2];
        self.read(at, &mut out);
        u16::from_le_bytes(out)
    }

    fn dword(&self, at: usize) -> u32 {
        let mut out = [0; 4];
        self.read(at, &mut out);
        u32::from_le_bytes(out)
    }

    fn command(&self, bit: u16) -> bool {
        self.word(offset::COMMAND) & bit != 0
    }

    /// Whether I/O BARs answer.
    pub fn io_enabled(&self) -> bool {
        self.command(image::COMMAND_IO)
    }

    /// Whether memory BARs answer.
    pub fn memory_enabled(&self) -> bool {
        self.command(image::COMMAND_MEMORY)
    }

    /// Whether the device may write and read memory, and send messages.
    pub fn bus_master(&self) -> bool {
        self.command(image::COMMAND_MASTER)
    }

    /// Whether the guest keeps the INTx line down.
    pub fn intx_disabled(&self) -> bool {
        self.command(image::COMMAND_NO_INTX)
    }

    /// Whether the device is in D0.
    pub fn is_powered(&self) -> bool {
        self.word(offset::PM_CONTROL) & image::PM_STATE == 0
    }

    /// MSI, if the device has it and the guest turned it on.
    pub fn msi(&self) -> Option<Msi> {
        let own = self.layout.msi?;
        let control = self.word(offset::MSI_CONTROL);
        if control & image::MSI_ENABLE == 0 {
            return None;
        }
        let [low, high] = [offset::MSI_ADDRESS, offset::MSI_ADDRESS + 4].map(|at| self.dword(at));
        Some(Msi {
            vectors: 1u32
                .checked_shl(u32::from(control & image::MSI_GRANTED) >> 4)
                .unwrap_or(1)
                .min(own),
            address: (u64::from(high) << 32) | u64::from(low),
            data: self.word(offset::MSI_DATA),
            masked: self.dword(offset::MSI_MASK),
            pending: self.dword(offset::MSI_PENDING),
        })
    }

    /// Whether the guest turned MSI-X on.
    pub fn msix_enabled(&self) -> bool {
        self.word(offset::MSIX_CONTROL) & image::MSIX_ENABLE != 0
    }

    /// Whether the guest masked all of MSI-X at once.
    pub fn msix_masked(&self) -> bool {
        self.word(offset::MSIX_CONTROL) & image::MSIX_MASK != 0
    }
}

impl Changed {
    fn note(&mut self, at: usize) {
        match at {
            offset::COMMAND | offset::COMMAND_HIGH => self.command = true,
            offset::BAR..offset::BARS_END => self.bars = true,
            offset::PM_CONTROL => self.power = true,
            offset::MSI..offset::MSIX => self.msi = true,
            offset::MSIX..offset::END => self.msix = true,
            _ => {}
        }
    }
}
