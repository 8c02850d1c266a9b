// SPDX-License-Identifier: GPL-2.0

//! The first protocol: the migration region, as QEMU 7.2 uses it.

use crate::{
    device::{Device, Region},
    sys::Answer,
};
use nix::errno::Errno;
use vfio_bindings::bindings::vfio as uapi;

/// Where the state is: 4 bytes.
pub const STATE: u64 = 0;
/// Where the pending bytes are: 8 bytes.
pub const PENDING: u64 = 8;
/// Where the place of the data is: 8 bytes.
pub const DATA_OFFSET: u64 = 16;
/// Where the length of the data is: 8 bytes.
pub const DATA_SIZE: u64 = 24;

/// The migration region of a device.
#[derive(Debug)]
pub struct Window<'a> {
    /// The device.
    pub device: &'a Device,
    /// The region.
    pub region: Region,
}

impl<'a> Window<'a> {
    /// Finds it; none if the device has none.
    pub fn of(device: &'a Device) -> Answer<Option<Self>> {
        let wanted = (
            uapi::VFIO_REGION_TYPE_MIGRATION_DEPRECATED,
            uapi::VFIO_REGION_SUBTYPE_MIGRATION_DEPRECATED,
        );
        let count = device.info(16)?.regions;
        let mut all = (0..count).filter_map(|index| device.region(index).ok());
        let region = all.find(|region| region.kind == Some(wanted));
        Ok(region.map(|region| Self { device, region }))
    }

    /// A register of 8 bytes.
    pub fn get(&self, register: u64) -> Answer<u64> {
        let mut value = [0; 8];
        match self.device.read(&self.region, register, &mut value)? {
            8 => Ok(u64::from_ne_bytes(value)),
            // To clients a short count is an error.
            _ => Err(Errno::EIO),
        }
    }

    /// Writes a register.
    pub fn put(&self, register: u64, bytes: &[u8]) -> Answer<()> {
        let count = self.device.write(&self.region, register, bytes)?;
        if count == bytes.len() {
            Ok(())
        } else {
            Err(Errno::EIO)
        }
    }

    /// The state.
    pub fn state(&self) -> Answer<u32> {
        let mut value = [0; 4];
        self.device.read(&self.region, STATE, &mut value)?;
        Ok(u32::from_ne_bytes(value))
    }

    /// Requests a state.
    pub fn set(&self, state: u32) -> Answer<()> {
        self.put(STATE, &state.to_ne_bytes())
    }

    /// Where the next chunk is and how long; none when nothing is pending. `ERANGE` if it cannot be
    /// there.
    pub fn next(&self) -> Answer<Option<(u64, usize)>> {
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
        Ok(Some((offset, size as usize)))
    }

    /// The next chunk, as a client fetches it; none when nothing is pending.
    pub fn chunk(&self) -> Answer<Option<Vec<u8>>> {
        let Some((offset, size)) = self.next()? else {
            return Ok(None);
        };
        let mut data = vec![0; size];
        self.fetch(offset, &mut data)?;
        Ok(Some(data))
    }

    /// Reads at an offset of the region, whatever the counts.
    pub fn fetch(&self, offset: u64, data: &mut [u8]) -> Answer<()> {
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

    /// Writes at an offset of the region, whatever the counts.
    pub fn store(&self, offset: u64, data: &[u8]) -> Answer<()> {
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

    /// Loads in chunks of at most this size, in state 4.
    pub fn feed(&self, stream: &[u8], chunk: usize) -> Answer<()> {
        for part in stream.chunks(chunk) {
            let offset = self.get(DATA_OFFSET)?;
            let room = self.region.size.saturating_sub(offset);
            if (part.len() as u64) > room {
                return Err(Errno::ENOSPC);
            }
            self.store(offset, part)?;
            self.taken(part.len())?;
        }
        Ok(())
    }

    /// Says that so many bytes were put into the section.
    pub fn taken(&self, bytes: usize) -> Answer<()> {
        self.put(DATA_SIZE, &(bytes as u64).to_ne_bytes())
    }

    /// The bytes that a chunk can have.
    pub fn room(&self) -> Answer<usize> {
        Ok(self.region.size.saturating_sub(self.get(DATA_OFFSET)?) as usize)
    }
}
