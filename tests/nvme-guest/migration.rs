// SPDX-License-Identifier: GPL-2.0

//! A migration as a client makes it, by either protocol.

use crate::{during, Result};
use nix::errno::Errno;
use std::os::fd::{AsFd, OwnedFd};
use vfio_client::{
    device::{precopy_info, Device},
    states,
    sys::{self, Answer, Mapping, Pages, PAGE},
    v1::{Window, DATA_OFFSET, PENDING},
};

/// How a client talks to a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// The migration region.
    V1,
    /// States by FEATURE, bytes by a data file.
    V2,
}

impl Protocol {
    /// Both.
    pub const BOTH: [Self; 2] = [Self::V1, Self::V2];
}

/// What a client had to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    /// So many bytes.
    Bytes(usize),
    /// Nothing for now, or for good once the device is stopped.
    Nothing,
}

/// The client's end of a device that migrates.
#[derive(Debug)]
pub struct Client<'a> {
    device: &'a Device,
    way: Way<'a>,
}

#[derive(Debug)]
enum Way<'a> {
    V1 {
        window: Window<'a>,
        /// Where the data section begins in the region, and the section.
        section: (u64, Mapping),
    },
    V2 {
        file: Option<OwnedFd>,
    },
}

/// State of the first protocol: stopped.
const STOPPED: u32 = 0;
const RUNNING: u32 = 1;
const SAVING: u32 = 2;
const RESUMING: u32 = 4;

impl<'a> Client<'a> {
    /// Nothing has begun.
    ///
    /// # Errors
    ///
    /// The device does not offer that protocol.
    pub fn new(device: &'a Device, protocol: Protocol) -> Result<Self> {
        let way = match protocol {
            Protocol::V2 => Way::V2 { file: None },
            Protocol::V1 => {
                let window = Window::of(device).map_err(during("migration region"))?;
                let window = window.ok_or("no migration region")?;
                let areas = window.region.areas.as_ref();
                let area = areas.and_then(|areas| areas.first().copied());
                let (offset, size) = area.ok_or("nothing of the migration region can be mapped")?;
                let place = (window.region.offset + offset) as i64;
                let section = Mapping::new(device.as_fd(), place, size as usize, false);
                let section = (offset, section.map_err(during("mapping the section"))?);
                Way::V1 { window, section }
            }
        };
        Ok(Self { device, way })
    }

    fn enter(&mut self, v1: u32, v2: states::State) -> Answer<()> {
        match &mut self.way {
            Way::V1 { window, .. } => window.set(v1),
            Way::V2 { file } => {
                if let Some(new) = self.device.set_state(v2)? {
                    *file = Some(new);
                }
                Ok(())
            }
        }
    }

    /// The device is saved while it runs.
    ///
    /// # Errors
    ///
    /// The device's.
    pub fn begin_save(&mut self) -> Answer<()> {
        self.enter(RUNNING | SAVING, states::PRE_COPY)
    }

    /// It is stopped, to read what is left.
    ///
    /// # Errors
    ///
    /// The device's.
    pub fn stop_and_copy(&mut self) -> Answer<()> {
        self.enter(SAVING, states::STOP_COPY)
    }

    /// The source is done with; or a target that was loaded becomes what it loaded.
    ///
    /// # Errors
    ///
    /// The device's.
    pub fn stop(&mut self) -> Answer<()> {
        self.enter(STOPPED, states::STOP)
    }

    /// It runs: also after a load, and where a save is cancelled.
    ///
    /// # Errors
    ///
    /// The device's.
    pub fn run(&mut self) -> Answer<()> {
        self.enter(RUNNING, states::RUNNING)
    }

    /// The device is loaded from now on.
    ///
    /// # Errors
    ///
    /// The device's.
    pub fn begin_load(&mut self) -> Answer<()> {
        self.enter(RESUMING, states::RESUMING)
    }

    /// Reads once, into a buffer that is long enough for any chunk of the first protocol.
    ///
    /// # Errors
    ///
    /// The device's.
    pub fn read(&mut self, buffer: &mut [u8]) -> Answer<Read> {
        match &mut self.way {
            Way::V1 { window, section } => {
                let Some((offset, size)) = window.next()? else {
                    return Ok(Read::Nothing);
                };
                let room = buffer.get_mut(..size).ok_or(Errno::ENOSPC)?;
                section.1.copy_out((offset - section.0) as usize, room);
                Ok(Read::Bytes(size))
            }
            Way::V2 { file } => {
                let file = file.as_ref().ok_or(Errno::EBADF)?;
                match sys::read(file.as_fd(), buffer) {
                    Ok(0) | Err(Errno::ENOMSG) => Ok(Read::Nothing),
                    Ok(count) => Ok(Read::Bytes(count)),
                    Err(errno) => Err(errno),
                }
            }
        }
    }

    /// Reads into memory of which only the first page is there, by the second protocol; by the first
    /// nothing. Gives what was read.
    ///
    /// # Errors
    ///
    /// The device's, other than that the memory is not there, or that there is nothing.
    pub fn read_to_edge(&self, pages: &Pages) -> Answer<Vec<u8>> {
        let Way::V2 { file: Some(file) } = &self.way else {
            return Ok(Vec::new());
        };
        let edge = pages.put_at_edge(&[0; PAGE]);
        match sys::read_at_address(file.as_fd(), edge, self.chunk()) {
            Ok(count) if count <= PAGE => Ok(pages.get_at_edge(edge, count)),
            Ok(_) => Err(Errno::EOVERFLOW),
            Err(Errno::EFAULT | Errno::ENOMSG) => Ok(Vec::new()),
            Err(errno) => Err(errno),
        }
    }

    /// Bytes that a buffer for [`Self::read`] needs.
    pub fn chunk(&self) -> usize {
        match &self.way {
            Way::V1 { section, .. } => section.1.length(),
            Way::V2 { .. } => 1 << 20,
        }
    }

    /// Reads all that there is now.
    ///
    /// # Errors
    ///
    /// The device's.
    pub fn drain(&mut self, stream: &mut Vec<u8>) -> Answer<usize> {
        let mut buffer = vec![0; self.chunk()];
        let before = stream.len();
        while let Read::Bytes(count) = self.read(&mut buffer)? {
            stream.extend(&buffer[..count]);
        }
        Ok(stream.len() - before)
    }

    /// Writes, in pieces of at most `piece` bytes.
    ///
    /// # Errors
    ///
    /// The device's.
    pub fn write(&mut self, stream: &[u8], piece: usize) -> Answer<()> {
        match &mut self.way {
            Way::V1 { window, section } => {
                let room = window.room()?.min(section.1.length());
                for part in stream.chunks(piece.min(room)) {
                    let offset = window.get(DATA_OFFSET)?;
                    section.1.copy_in((offset - section.0) as usize, part);
                    window.taken(part.len())?;
                }
                Ok(())
            }
            Way::V2 { file } => {
                let file = file.as_ref().ok_or(Errno::EBADF)?;
                let mut rest = stream;
                while !rest.is_empty() {
                    let part = &rest[..rest.len().min(piece)];
                    match sys::write(file.as_fd(), part)? {
                        0 => return Err(Errno::EIO),
                        count => rest = &rest[count..],
                    }
                }
                Ok(())
            }
        }
    }

    /// What there is to read before the device stops: the first pass, and what changed since. The
    /// first protocol knows only the sum, which comes as the second.
    ///
    /// # Errors
    ///
    /// The device's.
    pub fn pending(&self) -> Answer<(u64, u64)> {
        match &self.way {
            Way::V1 { window, .. } => Ok((0, window.get(PENDING)?)),
            Way::V2 { file } => {
                let file = file.as_ref().ok_or(Errno::EBADF)?;
                let info = precopy_info(file.as_fd(), 24, 0)?;
                Ok((info.initial_bytes, info.dirty_bytes))
            }
        }
    }
}

/// Saves a running device whole, which is stopped then.
///
/// # Errors
///
/// The device's.
pub fn save(device: &Device, protocol: Protocol) -> Result<Vec<u8>> {
    let mut client = Client::new(device, protocol)?;
    let mut stream = Vec::new();
    client.begin_save().map_err(during("begin a save"))?;
    client.drain(&mut stream).map_err(during("pre-copy"))?;
    client.stop_and_copy().map_err(during("stop"))?;
    client.drain(&mut stream).map_err(during("stop-and-copy"))?;
    client.stop().map_err(during("end a save"))?;
    Ok(stream)
}

/// Loads a device, which runs then.
///
/// # Errors
///
/// The device's.
pub fn load(device: &Device, protocol: Protocol, stream: &[u8]) -> Result {
    let mut client = Client::new(device, protocol)?;
    client.begin_load().map_err(during("begin a load"))?;
    client.write(stream, 1 << 20).map_err(during("load"))?;
    client.stop().map_err(during("commit a load"))?;
    client.run().map_err(during("run after a load"))
}
