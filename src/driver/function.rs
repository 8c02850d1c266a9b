// SPDX-License-Identifier: GPL-2.0

//! What a device is on its PCI bus: the same for all types, as `model` promises.

#![forbid(unsafe_code)]

use mdev::{
    Bar,
    Msix,
    PciFunction, //
};
use nvme::{
    MAX_IO_QUEUES,
    REGISTERS, //
};

/// Interrupt vectors: one for each completion queue that there can be.
pub(crate) const VECTORS: u16 = MAX_IO_QUEUES + 1;

/// Where the table of MSI-X is: behind the registers, in a page of its own.
const TABLE: u32 = REGISTERS as u32;

/// Where its pending bits are.
const PENDING: u32 = TABLE + 0x1000;

/// The function. Guests bind it by its class: the ids, of a range that no vendor has, are in no
/// driver's table.
pub(crate) const FUNCTION: PciFunction = PciFunction {
    vendor: 0x1234,
    device: 0x4e56,
    subsystem_vendor: 0x1234,
    subsystem: 0x0001,
    // Mass storage, non-volatile memory, NVM Express (PCI Code and ID Assignment, 1.2).
    class: 0x01_08_02,
    revision: 0x01,
    bars: [
        Bar::Memory {
            size: REGISTERS + 0x2000,
            wide: true,
            prefetchable: false,
        },
        Bar::None,
        Bar::None,
        Bar::None,
        Bar::None,
        Bar::None,
    ],
    pin: true,
    msi: Some(1),
    msix: Some(Msix {
        vectors: VECTORS as u32,
        bar: 0,
        table: TABLE,
        pba: PENDING,
    }),
};
