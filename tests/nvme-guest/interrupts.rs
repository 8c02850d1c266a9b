// SPDX-License-Identifier: GPL-2.0

//! INTx, MSI and MSI-X: set up as a client does, and waited for.

use crate::{during, Result};
use nix::{
    poll::{poll, PollFd, PollFlags, PollTimeout},
    sys::eventfd::{EfdFlags, EventFd},
};
use std::{
    os::fd::{AsFd, AsRawFd},
    time::Duration,
};
use vfio_bindings::bindings::vfio as uapi;
use vfio_client::device::Device;

/// A kind of interrupts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A line.
    Intx,
    /// Messages by the MSI capability.
    Msi,
    /// Messages by the MSI-X capability.
    Msix,
}

impl Kind {
    /// All.
    pub const ALL: [Self; 3] = [Self::Intx, Self::Msi, Self::Msix];

    const fn index(self) -> u32 {
        match self {
            Self::Intx => uapi::VFIO_PCI_INTX_IRQ_INDEX,
            Self::Msi => uapi::VFIO_PCI_MSI_IRQ_INDEX,
            Self::Msix => uapi::VFIO_PCI_MSIX_IRQ_INDEX,
        }
    }

    /// The capability, and its enable bit in the word behind its header.
    const fn capability(self) -> Option<(u8, u16)> {
        match self {
            Self::Intx => None,
            Self::Msi => Some((0x05, 1)),
            Self::Msix => Some((0x11, 1 << 15)),
        }
    }
}

/// Interrupts of a kind that are turned on.
#[derive(Debug)]
pub struct Interrupts {
    kind: Kind,
    events: Vec<EventFd>,
}

const ON: u32 = uapi::VFIO_IRQ_SET_DATA_EVENTFD | uapi::VFIO_IRQ_SET_ACTION_TRIGGER;
const OFF: u32 = uapi::VFIO_IRQ_SET_DATA_NONE | uapi::VFIO_IRQ_SET_ACTION_TRIGGER;
const UNMASK: u32 = uapi::VFIO_IRQ_SET_DATA_NONE | uapi::VFIO_IRQ_SET_ACTION_UNMASK;

/// The place of a capability in configuration space.
fn capability(device: &Device, wanted: u8) -> Result<u64> {
    let config = device.region(uapi::VFIO_PCI_CONFIG_REGION_INDEX);
    let config = config.map_err(during("configuration space"))?;
    let byte = |at: u64| {
        let mut byte = [0];
        let answer = device.read(&config, at, &mut byte);
        answer.map_err(during("configuration space"))?;
        Ok::<_, String>(byte[0])
    };
    let mut at = byte(0x34)?;
    for _ in 0..48 {
        if at == 0 {
            break;
        }
        if byte(at.into())? == wanted {
            return Ok(at.into());
        }
        at = byte(u64::from(at) + 1)?;
    }
    Err(format!("no capability {wanted:#04x}"))
}

fn set_enable(device: &Device, kind: Kind, on: bool) -> Result {
    let Some((id, bit)) = kind.capability() else {
        return Ok(());
    };
    let at = capability(device, id)? + 2;
    let config = device.region(uapi::VFIO_PCI_CONFIG_REGION_INDEX);
    let config = config.map_err(during("configuration space"))?;
    let mut word = [0; 2];
    let answer = device.read(&config, at, &mut word);
    answer.map_err(during("message control"))?;
    let old = u16::from_le_bytes(word);
    let new = if on { old | bit } else { old & !bit };
    let answer = device.write(&config, at, &new.to_le_bytes());
    answer.map_err(during("message control")).map(drop)
}

impl Interrupts {
    /// How many vectors a device has of a kind.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn count(device: &Device, kind: Kind) -> Result<u32> {
        let info = device.irq(kind.index(), 16);
        Ok(info.map_err(during("interrupts' number"))?.count)
    }

    /// Turns on all vectors of a kind.
    ///
    /// # Errors
    ///
    /// The device has none of that kind, or they cannot be turned on.
    pub fn on(device: &Device, kind: Kind) -> Result<Self> {
        let count = Self::count(device, kind)?;
        if count == 0 {
            return Err(format!("no interrupts of kind {kind:?}"));
        }
        let new = || EventFd::from_value_and_flags(0, EfdFlags::EFD_NONBLOCK);
        let events = (0..count).map(|_| new()).collect::<nix::Result<Vec<_>>>();
        let events = events.map_err(during("eventfd"))?;
        let interrupts = Self { kind, events };
        interrupts.attach(device)?;
        set_enable(device, kind, true)?;
        Ok(interrupts)
    }

    /// Has a device signal the same events: as a client does before it lets one run that it loaded.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn attach(&self, device: &Device) -> Result {
        let fds: Vec<u8> = self
            .events
            .iter()
            .flat_map(|event| event.as_fd().as_raw_fd().to_ne_bytes())
            .collect();
        let answer = device.set_irqs(ON, self.kind.index(), 0, self.vectors().into(), &fds);
        answer.map_err(during(format!("turning {:?} on", self.kind)))
    }

    /// Turns them off.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn off(self, device: &Device) -> Result {
        set_enable(device, self.kind, false)?;
        let answer = device.set_irqs(OFF, self.kind.index(), 0, 0, &[]);
        answer.map_err(during(format!("turning {:?} off", self.kind)))
    }

    /// The kind.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// How many vectors there are.
    pub fn vectors(&self) -> u16 {
        // CAST: a few.
        self.events.len() as u16
    }

    /// Waits for a vector's interrupt; whether it came in time.
    ///
    /// # Errors
    ///
    /// There is no such vector.
    pub fn wait(&self, vector: u16, limit: Duration) -> Result<bool> {
        let event = self.events.get(usize::from(vector));
        let event = event.ok_or_else(|| format!("no vector {vector}"))?;
        let mut fds = [PollFd::new(event.as_fd(), PollFlags::POLLIN)];
        let limit = PollTimeout::try_from(limit).map_err(during("limit"))?;
        poll(&mut fds, limit).map_err(during("poll"))?;
        Ok(event.read().is_ok())
    }

    /// Says that the line was served: it is sent again as long as it is high.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn served(&self, device: &Device) -> Result {
        if self.kind != Kind::Intx {
            return Ok(());
        }
        let answer = device.set_irqs(UNMASK, self.kind.index(), 0, 1, &[]);
        answer.map_err(during("unmasking INTx"))
    }
}
