// SPDX-License-Identifier: GPL-2.0

//! Every bit of the space after a reset, and who may change it.

use super::{offset, Bar, Layout, SIZE};

pub(super) const COMMAND_IO: u16 = 1 << 0;
pub(super) const COMMAND_MEMORY: u16 = 1 << 1;
pub(super) const COMMAND_MASTER: u16 = 1 << 2;
pub(super) const COMMAND_NO_INTX: u16 = 1 << 10;
const STATUS_INTERRUPT: u16 = 1 << 3;
const STATUS_CAPABILITIES: u16 = 1 << 4;
/// Parity errors, aborts and system errors: the guest clears each by writing 1.
pub(super) const STATUS_ERRORS: u16 = 0xf900;

const PM_ID: u8 = 0x01;
/// Version 3 of the interface, neither D1 nor D2, no PME.
const PM_ABILITIES: u16 = 3;
pub(super) const PM_STATE: u16 = 0x3;
/// D3hot loses nothing.
const PM_KEEPS: u16 = 1 << 3;

const MSI_ID: u8 = 0x05;
pub(super) const MSI_ENABLE: u16 = 1 << 0;
pub(super) const MSI_GRANTED: u16 = 0x7 << 4;
const MSI_WIDE: u16 = 1 << 7;
const MSI_MASKS: u16 = 1 << 8;

const MSIX_ID: u8 = 0x11;
pub(super) const MSIX_MASK: u16 = 1 << 14;
pub(super) const MSIX_ENABLE: u16 = 1 << 15;

/// What may become of a byte's bits; those in none of the masks are fixed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rights {
    /// The guest sets and clears them.
    pub(super) write: u8,
    /// The device sets them, the guest clears them by writing 1.
    pub(super) clear: u8,
    /// The device sets and clears them.
    pub(super) live: u8,
}

/// A layout, bit by bit.
#[derive(Clone, Debug)]
pub(super) struct Image {
    pub(super) initial: [u8; SIZE],
    write: [u8; SIZE],
    clear: [u8; SIZE],
    live: [u8; SIZE],
}

impl Image {
    pub(super) fn new(layout: &Layout) -> Self {
        let mut image = Self {
            initial: [0; SIZE],
            write: [0; SIZE],
            clear: [0; SIZE],
            live: [0; SIZE],
        };
        image.header(layout);
        image.bars(layout);
        image.capabilities(layout);
        image
    }

    pub(super) fn rights(&self, at: usize) -> Option<Rights> {
        Some(Rights {
            write: *self.write.get(at)?,
            clear: *self.clear.get(at)?,
            live: *self.live.get(at)?,
        })
    }

    fn header(&mut self, layout: &Layout) {
        put(
            &mut self.initial,
            offset::VENDOR,
            &layout.vendor.to_le_bytes(),
        );
        put(
            &mut self.initial,
            offset::VENDOR + 2,
            &layout.device.to_le_bytes(),
        );
        let class = (layout.class << 8) | u32::from(layout.revision);
        put(&mut self.initial, offset::REVISION, &class.to_le_bytes());
        let subsystem = [layout.subsystem_vendor, layout.subsystem];
        for (at, id) in [offset::SUBSYSTEM, offset::SUBSYSTEM + 2]
            .into_iter()
            .zip(subsystem)
        {
            put(&mut self.initial, at, &id.to_le_bytes());
        }
        put(
            &mut self.initial,
            offset::STATUS,
            &STATUS_CAPABILITIES.to_le_bytes(),
        );
        put(
            &mut self.clear,
            offset::STATUS,
            &STATUS_ERRORS.to_le_bytes(),
        );
        put(&mut self.initial, offset::PIN, &[u8::from(layout.pin)]);
        for at in [offset::CACHE_LINE, offset::LATENCY, offset::LINE] {
            put(&mut self.write, at, &[0xff]);
        }
        let mut command = COMMAND_MASTER;
        for bar in &layout.bars {
            command |= match bar {
                Bar::None => 0,
                Bar::Io { .. } => COMMAND_IO,
                Bar::Memory { .. } => COMMAND_MEMORY,
            };
        }
        if layout.pin {
            command |= COMMAND_NO_INTX;
            put(
                &mut self.live,
                offset::STATUS,
                &STATUS_INTERRUPT.to_le_bytes(),
            );
        }
        put(&mut self.write, offset::COMMAND, &command.to_le_bytes());
    }

    fn bars(&mut self, layout: &Layout) {
        for (at, bar) in (offset::BAR..offset::BARS_END).step_by(4).zip(&layout.bars) {
            let (kind, address) = match *bar {
                Bar::None => continue,
                Bar::Io { size } => (0x1, u64::from(size).wrapping_neg() & !0x3),
                Bar::Memory {
                    size,
                    wide,
                    prefetchable,
                } => {
                    let kind = (u8::from(wide) << 2) | (u8::from(prefetchable) << 3);
                    (kind, size.wrapping_neg() & !0xf)
                }
            };
            put(&mut self.initial, at, &[kind]);
            let bytes = address.to_le_bytes();
            let wide = matches!(bar, Bar::Memory { wide: true, .. });
            let (low, _) = bytes.split_at(4);
            put(&mut self.write, at, if wide { &bytes } else { low });
        }
    }

    fn capabilities(&mut self, layout: &Layout) {
        let mut pointer = offset::CAPABILITIES;
        self.capability(&mut pointer, offset::PM, PM_ID);
        put(
            &mut self.initial,
            offset::PM + 2,
            &PM_ABILITIES.to_le_bytes(),
        );
        put(
            &mut self.initial,
            offset::PM_CONTROL,
            &PM_KEEPS.to_le_bytes(),
        );
        put(&mut self.write, offset::PM_CONTROL, &PM_STATE.to_le_bytes());

        if let Some(vectors) = layout.msi {
            self.capability(&mut pointer, offset::MSI, MSI_ID);
            let [own, _, _, _] = vectors.trailing_zeros().to_le_bytes();
            let control = MSI_WIDE | MSI_MASKS | (u16::from(own) << 1);
            put(
                &mut self.initial,
                offset::MSI_CONTROL,
                &control.to_le_bytes(),
            );
            let control = MSI_ENABLE | MSI_GRANTED;
            put(&mut self.write, offset::MSI_CONTROL, &control.to_le_bytes());
            // A message is of four bytes, where four bytes can be.
            put(
                &mut self.write,
                offset::MSI_ADDRESS,
                &(!0x3u64).to_le_bytes(),
            );
            put(&mut self.write, offset::MSI_DATA, &[0xff; 2]);
            let each = u32::MAX
                .checked_shr(32u32.saturating_sub(vectors))
                .unwrap_or(0);
            put(&mut self.write, offset::MSI_MASK, &each.to_le_bytes());
            put(&mut self.live, offset::MSI_PENDING, &each.to_le_bytes());
        }

        if let Some(msix) = &layout.msix {
            self.capability(&mut pointer, offset::MSIX, MSIX_ID);
            let [low, high, _, _] = msix.vectors.saturating_sub(1).to_le_bytes();
            put(&mut self.initial, offset::MSIX_CONTROL, &[low, high]);
            let control = MSIX_ENABLE | MSIX_MASK;
            put(
                &mut self.write,
                offset::MSIX_CONTROL,
                &control.to_le_bytes(),
            );
            let bar = msix.bar as u32;
            for (at, place) in [
                (offset::MSIX_TABLE, msix.table),
                (offset::MSIX_PBA, msix.pba),
            ] {
                put(&mut self.initial, at, &(place | bar).to_le_bytes());
            }
        }
    }

    /// Begins a capability, and makes the one before it lead here.
    fn capability(&mut self, pointer: &mut usize, at: usize, id: u8) {
        let [low, ..] = at.to_le_bytes();
        put(&mut self.initial, *pointer, &[low]);
        put(&mut self.initial, at, &[id]);
        *pointer = at + 1;
    }
}

fn put(space: &mut [u8; SIZE], at: usize, bytes: &[u8]) {
    let places = space.get_mut(at..).unwrap_or_default();
    for (place, byte) in places.iter_mut().zip(bytes) {
        *place = *byte;
    }
}
