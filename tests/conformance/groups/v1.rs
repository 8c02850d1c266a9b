// SPDX-License-Identifier: GPL-2.0

//! The v1 protocol: the migration region, its registers and its data section.

pub(super) mod both;
pub(super) mod registers;
pub(super) mod section;
pub(super) mod states;

use crate::{
    case::{must, Done, Stop},
    device::{Device, Region},
    sys::Answer,
};
use nix::errno::Errno;
use vfio_bindings::bindings::vfio as uapi;

const STATE: u64 = 0;
const PENDING: u64 = 8;
const DATA_OFFSET: u64 = 16;
const DATA_SIZE: u64 = 24;
const INVALID: [Errno; 1] = [Errno::EINVAL];

/// The migration region of a device.
#[derive(Debug)]
pub(crate) struct V1<'a> {
    device: &'a Device,
    region: Region,
}

impl<'a> V1<'a> {
    /// Finds it; skips without it.
    pub(crate) fn of(device: &'a Device) -> Result<Self, Stop> {
        let wanted = (
            uapi::VFIO_REGION_TYPE_MIGRATION_DEPRECATED,
            uapi::VFIO_REGION_SUBTYPE_MIGRATION_DEPRECATED,
        );
        let count = must("GET_INFO", device.info(16))?.regions;
        let mut all = (0..count).filter_map(|index| device.region(index).ok());
        match all.find(|region| region.kind == Some(wanted)) {
            Some(region) => Ok(Self { device, region }),
            None => Err(Stop::Skip("the device has no migration region".to_owned())),
        }
    }

    fn get(&self, register: u64) -> Answer<u64> {
        let mut value = [0; 8];
        match self.device.read(&self.region, register, &mut value)? {
            8 => Ok(u64::from_ne_bytes(value)),
            // To clients a short count is an error.
            _ => Err(Errno::EIO),
        }
    }

    fn put(&self, register: u64, bytes: &[u8]) -> Answer<()> {
        let count = self.device.write(&self.region, register, bytes)?;
        if count == bytes.len() {
            Ok(())
        } else {
            Err(Errno::EIO)
        }
    }

    /// The state.
    pub(crate) fn state(&self) -> Answer<u32> {
        let mut value = [0; 4];
        self.device.read(&self.region, STATE, &mut value)?;
        Ok(u32::from_ne_bytes(value))
    }

    /// Requests a state.
    pub(crate) fn set(&self, state: u32) -> Answer<()> {
        self.put(STATE, &state.to_ne_bytes())
    }

    /// The next chunk, as a client fetches it; none when nothing is pending.
    fn chunk(&self) -> Answer<Option<Vec<u8>>> {
        if self.get(PENDING)? == 0 {
            return Ok(None);
        }
        let offset = self.get(DATA_OFFSET)?;
        let size = self.get(DATA_SIZE)?;
        if size == 0
            || offset
                .checked_add(size)
                .is_none_or(|end| end > self.region.size)
        {
            return Err(Errno::ERANGE);
        }
        let mut data = vec![0; size as usize];
        self.fetch(offset, &mut data)?;
        Ok(Some(data))
    }

    /// Reads at an offset of the region, whatever the counts.
    fn fetch(&self, offset: u64, data: &mut [u8]) -> Answer<()> {
        let mut done = 0;
        while done < data.len() {
            match self
                .device
                .read(&self.region, offset + done as u64, &mut data[done..])?
            {
                0 => return Err(Errno::EIO),
                count => done += count,
            }
        }
        Ok(())
    }

    fn store(&self, offset: u64, data: &[u8]) -> Answer<()> {
        let mut done = 0;
        while done < data.len() {
            match self
                .device
                .write(&self.region, offset + done as u64, &data[done..])?
            {
                0 => return Err(Errno::EIO),
                count => done += count,
            }
        }
        Ok(())
    }

    /// All that is pending.
    pub(crate) fn drain(&self) -> Result<Vec<u8>, Stop> {
        let mut stream = Vec::new();
        while let Some(chunk) = must("a chunk", self.chunk())? {
            stream.extend(chunk);
        }
        Ok(stream)
    }

    /// Loads in chunks of at most this size, in state 4.
    pub(crate) fn feed(&self, stream: &[u8], chunk: usize) -> Answer<()> {
        for part in stream.chunks(chunk) {
            let offset = self.get(DATA_OFFSET)?;
            let room = self.region.size.saturating_sub(offset);
            if (part.len() as u64) > room {
                return Err(Errno::ENOSPC);
            }
            self.store(offset, part)?;
            self.put(DATA_SIZE, &(part.len() as u64).to_ne_bytes())?;
        }
        Ok(())
    }

    /// The bytes that a chunk can have.
    fn room(&self) -> Answer<usize> {
        Ok(self.region.size.saturating_sub(self.get(DATA_OFFSET)?) as usize)
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
