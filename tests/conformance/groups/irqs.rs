// SPDX-License-Identifier: GPL-2.0

//! Interrupts: what SET_IRQS takes and refuses, and that what is triggered arrives.

pub(super) mod intx;
pub(super) mod races;
pub(super) mod requests;
pub(super) mod signals;

use crate::{
    case::{must, Stop},
    device::Device,
    sys::Answer,
};
use nix::sys::eventfd::{EfdFlags, EventFd};
use vfio_bindings::bindings::vfio as uapi;

const NONE: u32 = uapi::VFIO_IRQ_SET_DATA_NONE;
const BOOL: u32 = uapi::VFIO_IRQ_SET_DATA_BOOL;
const EVENTFD: u32 = uapi::VFIO_IRQ_SET_DATA_EVENTFD;
const MASK: u32 = uapi::VFIO_IRQ_SET_ACTION_MASK;
const UNMASK: u32 = uapi::VFIO_IRQ_SET_ACTION_UNMASK;
const TRIGGER: u32 = uapi::VFIO_IRQ_SET_ACTION_TRIGGER;
const INTX: u32 = uapi::VFIO_PCI_INTX_IRQ_INDEX;
const MSI: u32 = uapi::VFIO_PCI_MSI_IRQ_INDEX;
const MSIX: u32 = uapi::VFIO_PCI_MSIX_IRQ_INDEX;

fn eventfd() -> Result<EventFd, Stop> {
    must(
        "eventfd",
        EventFd::from_value_and_flags(0, EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC),
    )
}

/// How often it was signalled since the last look.
fn signals(event: &EventFd) -> u64 {
    event.read().unwrap_or(0)
}

fn count(device: &Device, index: u32) -> u32 {
    device.irq(index, 16).map_or(0, |info| info.count)
}

/// The indexes of this device that have vectors, among these.
fn having(device: &Device, indexes: &[u32]) -> Result<Vec<u32>, Stop> {
    let found: Vec<u32> = indexes
        .iter()
        .copied()
        .filter(|index| count(device, *index) > 0)
        .collect();
    if found.is_empty() {
        return Err(Stop::Skip(format!(
            "the device has none of the interrupts {indexes:?}"
        )));
    }
    Ok(found)
}

fn enable(device: &Device, index: u32, start: u32, fds: &[i32]) -> Answer<()> {
    let data: Vec<u8> = fds.iter().flat_map(|fd| fd.to_ne_bytes()).collect();
    device.set_irqs(EVENTFD | TRIGGER, index, start, fds.len() as u32, &data)
}

fn disable(device: &Device, index: u32) -> Answer<()> {
    device.set_irqs(NONE | TRIGGER, index, 0, 0, &[])
}

fn trigger(device: &Device, index: u32, vector: u32) -> Answer<()> {
    device.set_irqs(NONE | TRIGGER, index, vector, 1, &[])
}
