// SPDX-License-Identifier: GPL-2.0

//! Where things are in the space.
//!
//! A capability is at the same place whatever others there are, so that a driver that gains one
//! does not move the rest.

/// Vendor and device id.
pub const VENDOR: usize = 0x00;
/// What the guest allows the device.
pub const COMMAND: usize = 0x04;
pub(super) const COMMAND_HIGH: usize = COMMAND + 1;
/// What the device tells of itself.
pub const STATUS: usize = 0x06;
/// Revision, then 24 bits of class.
pub const REVISION: usize = 0x08;
/// A byte for the guest's own use.
pub const CACHE_LINE: usize = 0x0c;
/// How long the device may hold the bus; without effect here.
pub const LATENCY: usize = 0x0d;
/// The first of six base addresses, of 32 bits each.
pub const BAR: usize = 0x10;
pub(super) const BARS_END: usize = 0x28;
/// Subsystem vendor and subsystem id.
pub const SUBSYSTEM: usize = 0x2c;
/// Where the first capability is.
pub const CAPABILITIES: usize = 0x34;
/// A byte for the guest's own use: where INTx is routed.
pub const LINE: usize = 0x3c;
/// 1 if the device has INTx.
pub const PIN: usize = 0x3d;
/// Power management: 8 bytes.
pub const PM: usize = 0x40;
/// The power state.
pub const PM_CONTROL: usize = PM + 4;
/// MSI, with 64-bit address and a mask per vector: 24 bytes.
pub const MSI: usize = 0x48;
/// The control word of MSI.
pub const MSI_CONTROL: usize = MSI + 2;
/// Where a message is written, 64 bits.
pub const MSI_ADDRESS: usize = MSI + 4;
/// What a message is, 16 bits.
pub const MSI_DATA: usize = MSI + 12;
/// A bit for each vector that is masked.
pub const MSI_MASK: usize = MSI + 16;
/// A bit for each vector that waits for its mask to go.
pub const MSI_PENDING: usize = MSI + 20;
/// MSI-X: 12 bytes.
pub const MSIX: usize = 0x60;
/// The control word of MSI-X.
pub const MSIX_CONTROL: usize = MSIX + 2;
/// Where the table is: a BAR in the low three bits, an offset in it.
pub const MSIX_TABLE: usize = MSIX + 4;
/// Where the pending bits are, in the same form.
pub const MSIX_PBA: usize = MSIX + 8;
/// Behind the last capability.
pub const END: usize = 0x6c;
