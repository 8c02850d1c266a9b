// SPDX-License-Identifier: GPL-2.0

//! The v1 protocol: the migration region, its registers and its data section.

pub(super) mod both;
pub(super) mod registers;
pub(super) mod section;
pub(super) mod states;

use crate::{
    case::{must, Done, Stop},
    device::Device,
};
use nix::errno::Errno;
use vfio_client::v1::{Window, DATA_OFFSET, DATA_SIZE, PENDING, STATE};

const INVALID: [Errno; 1] = [Errno::EINVAL];

/// The migration region of a device.
#[derive(Debug)]
pub(crate) struct V1<'a>(Window<'a>);

impl<'a> std::ops::Deref for V1<'a> {
    type Target = Window<'a>;

    fn deref(&self) -> &Window<'a> {
        &self.0
    }
}

impl<'a> V1<'a> {
    /// Finds it; skips without it.
    pub(crate) fn of(device: &'a Device) -> Result<Self, Stop> {
        match must("finding the migration region", Window::of(device))? {
            Some(window) => Ok(Self(window)),
            None => Err(Stop::Skip("the device has no migration region".to_owned())),
        }
    }

    /// All that is pending.
    pub(crate) fn drain(&self) -> Result<Vec<u8>, Stop> {
        let mut stream = Vec::new();
        while let Some(chunk) = must("a chunk", self.chunk())? {
            stream.extend(chunk);
        }
        Ok(stream)
    }

    /// Takes the whole state of a device that runs; then it runs again.
    fn saved(&self) -> Result<Vec<u8>, Stop> {
        must("1 -> 2", self.set(2))?;
        let stream = self.drain()?;
        must("2 -> 0", self.set(0))?;
        must("0 -> 1", self.set(1))?;
        Ok(stream)
    }

    /// Brings a device that runs to a state.
    fn enter(&self, state: u32) -> Done {
        must("reset", self.device.reset())?;
        if state != 1 {
            must(format!("1 -> {state}"), self.set(state))?;
        }
        Ok(())
    }
}
