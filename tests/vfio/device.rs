// SPDX-License-Identifier: GPL-2.0

//! An open device, and the requests that it takes.

use crate::{
    states::{self, State},
    sys::{self, Answer, Plain},
    target::Space,
};
use nix::errno::Errno;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use vfio_bindings::bindings::vfio as uapi;

/// The number of a VFIO request, from its distance to the first.
pub const fn request(number: u8) -> u64 {
    nix::request_code_none!(uapi::VFIO_TYPE, uapi::VFIO_BASE as u8 + number)
}

/// VFIO_DEVICE_GET_INFO.
pub const GET_INFO: u64 = request(7);
/// VFIO_DEVICE_GET_REGION_INFO.
pub const GET_REGION_INFO: u64 = request(8);
/// VFIO_DEVICE_GET_IRQ_INFO.
pub const GET_IRQ_INFO: u64 = request(9);
/// VFIO_DEVICE_SET_IRQS.
pub const SET_IRQS: u64 = request(10);
/// VFIO_DEVICE_RESET.
pub const RESET: u64 = request(11);
/// VFIO_DEVICE_FEATURE.
pub const FEATURE: u64 = request(17);
/// VFIO_MIG_GET_PRECOPY_INFO.
pub const GET_PRECOPY_INFO: u64 = request(21);

/// Bits of a feature's flags.
pub const GET: u32 = uapi::VFIO_DEVICE_FEATURE_GET;
/// As above.
pub const SET: u32 = uapi::VFIO_DEVICE_FEATURE_SET;
/// As above.
pub const PROBE: u32 = uapi::VFIO_DEVICE_FEATURE_PROBE;
/// The feature whose value is the state.
pub const MIG_STATE: u32 = uapi::VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE;

/// An open device. Fields are dropped in order: the device before its address space.
#[derive(Debug)]
pub struct Device {
    fd: OwnedFd,
    space: Space,
    name: String,
}

/// What GET_INFO says.
#[derive(Clone, Copy, Debug)]
pub struct Info {
    /// VFIO_DEVICE_FLAGS_*.
    pub flags: u32,
    /// How many regions.
    pub regions: u32,
    /// How many kinds of interrupt.
    pub irqs: u32,
}

/// What GET_REGION_INFO says.
#[derive(Clone, Debug)]
pub struct Region {
    /// VFIO_REGION_INFO_FLAG_*.
    pub flags: u32,
    /// Bytes.
    pub size: u64,
    /// Where it begins in the device's file.
    pub offset: u64,
    /// Type and subtype, if it has a type.
    pub kind: Option<(u32, u32)>,
    /// Parts that can be mapped, as offset and size; none without the capability.
    pub areas: Option<Vec<(u64, u64)>>,
    /// What is wrong with its list of capabilities.
    pub faults: Vec<String>,
}

impl Region {
    fn parse(bytes: &[u8]) -> Self {
        let info = uapi::vfio_region_info::of(bytes);
        let mut region = Self {
            flags: info.flags,
            size: info.size,
            offset: info.offset,
            kind: None,
            areas: None,
            faults: Vec::new(),
        };
        let word = |at: usize| {
            bytes
                .get(at..at + 4)
                .map(|part| u32::from_ne_bytes([part[0], part[1], part[2], part[3]]))
        };
        let wide = |at: usize| Some(u64::from(word(at)?) | (u64::from(word(at + 4)?) << 32));
        let mut at = if info.flags & uapi::VFIO_REGION_INFO_FLAG_CAPS != 0 {
            info.cap_offset as usize
        } else {
            0
        };
        let mut seen = Vec::new();
        while at != 0 {
            if at < 32 || at + 8 > bytes.len() || seen.contains(&at) {
                region.faults.push(format!(
                    "a capability at {at} of {} bytes, after {seen:?}",
                    bytes.len()
                ));
                break;
            }
            seen.push(at);
            let header = uapi::vfio_info_cap_header::of(&bytes[at..]);
            match u32::from(header.id) {
                uapi::VFIO_REGION_INFO_CAP_TYPE => region.kind = word(at + 8).zip(word(at + 12)),
                uapi::VFIO_REGION_INFO_CAP_SPARSE_MMAP => {
                    let count = word(at + 8).unwrap_or(0) as usize;
                    let areas = (0..count)
                        .map(|n| Some((wide(at + 16 + 16 * n)?, wide(at + 24 + 16 * n)?)));
                    region.areas = areas.collect();
                    if region.areas.is_none() {
                        region.faults.push(format!(
                            "{count} areas do not fit into {} bytes",
                            bytes.len()
                        ));
                    }
                }
                _ => {}
            }
            at = header.next as usize;
        }
        region
    }
}

impl AsFd for Device {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Device {
    /// A device that has just been opened.
    pub fn new(fd: OwnedFd, space: Space, name: String) -> Self {
        Self { fd, space, name }
    }

    /// Its address space.
    pub fn space(&self) -> &Space {
        &self.space
    }

    /// The same device, opened once more; none where it can be opened only once.
    pub fn again(&self) -> Option<Answer<OwnedFd>> {
        self.space
            .group()
            .map(|group| crate::target::device_of(group, &self.name))
    }

    /// Closes the device and keeps its group and container.
    pub fn into_space(self) -> Space {
        self.space
    }

    /// GET_INFO with this size.
    pub fn info(&self, argsz: u32) -> Answer<Info> {
        let mut bytes = [0; 24];
        bytes[..4].copy_from_slice(&argsz.to_ne_bytes());
        sys::ioctl(self.as_fd(), GET_INFO, &mut bytes)?;
        let word = |at: usize| {
            u32::from_ne_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
        };
        Ok(Info {
            flags: word(4),
            regions: word(8),
            irqs: word(12),
        })
    }

    /// GET_REGION_INFO with this size: all that came back, of at least 32 bytes.
    pub fn region_bytes(&self, index: u32, argsz: u32) -> Answer<Vec<u8>> {
        let mut bytes = uapi::vfio_region_info {
            argsz,
            index,
            ..Default::default()
        }
        .bytes();
        bytes.resize((argsz as usize).clamp(bytes.len(), 2048), 0);
        sys::ioctl(self.as_fd(), GET_REGION_INFO, &mut bytes)?;
        Ok(bytes)
    }

    /// A region with its capabilities, asked as a client does: first with 32 bytes, then with as
    /// many as the kernel wants.
    pub fn region(&self, index: u32) -> Answer<Region> {
        let first = self.region_bytes(index, 32)?;
        let wanted = uapi::vfio_region_info::of(&first).argsz;
        let bytes = if wanted > 32 {
            self.region_bytes(index, wanted)?
        } else {
            first
        };
        Ok(Region::parse(&bytes))
    }

    /// GET_IRQ_INFO with this size.
    pub fn irq(&self, index: u32, argsz: u32) -> Answer<uapi::vfio_irq_info> {
        let mut bytes = uapi::vfio_irq_info {
            argsz,
            index,
            ..Default::default()
        }
        .bytes();
        sys::ioctl(self.as_fd(), GET_IRQ_INFO, &mut bytes)?;
        Ok(uapi::vfio_irq_info::of(&bytes))
    }

    /// SET_IRQS with a header of these words (argsz is the true one) and this payload.
    pub fn set_irqs(
        &self,
        flags: u32,
        index: u32,
        start: u32,
        count: u32,
        data: &[u8],
    ) -> Answer<()> {
        self.set_irqs_sized(20 + data.len() as u32, [flags, index, start, count], data)
    }

    /// SET_IRQS with any size: flags, index, start, count.
    pub fn set_irqs_sized(&self, argsz: u32, words: [u32; 4], data: &[u8]) -> Answer<()> {
        let mut bytes = argsz.to_ne_bytes().to_vec();
        bytes.extend(words.iter().flat_map(|word| word.to_ne_bytes()));
        bytes.extend(data);
        sys::ioctl(self.as_fd(), SET_IRQS, &mut bytes).map(drop)
    }

    /// RESET.
    pub fn reset(&self) -> Answer<()> {
        sys::ioctl_number(self.as_fd(), RESET, 0).map(drop)
    }

    /// A FEATURE request, of the true size.
    pub fn feature(&self, flags: u32, payload: &mut [u8]) -> Answer<()> {
        self.feature_sized(8 + payload.len() as u32, flags, payload)
    }

    /// A FEATURE request of any size.
    pub fn feature_sized(&self, argsz: u32, flags: u32, payload: &mut [u8]) -> Answer<()> {
        feature(self.as_fd(), argsz, flags, payload)
    }

    /// The flags of the MIGRATION feature; ENOTTY without it.
    pub fn migration_flags(&self) -> Answer<u64> {
        let mut flags = [0; 8];
        self.feature(GET | uapi::VFIO_DEVICE_FEATURE_MIGRATION, &mut flags)?;
        Ok(u64::from_ne_bytes(flags))
    }

    /// The state.
    pub fn state(&self) -> Answer<State> {
        state(self.as_fd())
    }

    /// Requests a state: the data's file, if there is one.
    pub fn set_state(&self, to: State) -> Answer<Option<OwnedFd>> {
        set_state(self.as_fd(), to)
    }

    /// An estimate of the stream's size.
    pub fn data_size(&self) -> Answer<u64> {
        let mut size = [0; 8];
        self.feature(GET | uapi::VFIO_DEVICE_FEATURE_MIG_DATA_SIZE, &mut size)?;
        Ok(u64::from_ne_bytes(size))
    }

    /// `pread` at an offset of a region; `offset` may lie outside of it.
    pub fn read(&self, region: &Region, offset: u64, buffer: &mut [u8]) -> Answer<usize> {
        sys::pread(
            self.as_fd(),
            buffer,
            region.offset.wrapping_add(offset) as i64,
        )
    }

    /// `pwrite` at an offset of a region.
    pub fn write(&self, region: &Region, offset: u64, bytes: &[u8]) -> Answer<usize> {
        sys::pwrite(
            self.as_fd(),
            bytes,
            region.offset.wrapping_add(offset) as i64,
        )
    }
}

/// A FEATURE request by any descriptor of a device.
pub fn feature(fd: BorrowedFd<'_>, argsz: u32, flags: u32, payload: &mut [u8]) -> Answer<()> {
    let mut bytes = argsz.to_ne_bytes().to_vec();
    bytes.extend(flags.to_ne_bytes());
    bytes.extend(&*payload);
    let answer = sys::ioctl(fd, FEATURE, &mut bytes);
    payload.copy_from_slice(&bytes[8..]);
    answer.map(drop)
}

/// The state, by any descriptor of a device.
pub fn state(fd: BorrowedFd<'_>) -> Answer<State> {
    let mut payload = [0; 8];
    feature(fd, 16, GET | MIG_STATE, &mut payload)?;
    Ok(uapi::vfio_device_feature_mig_state::of(&payload).device_state)
}

/// Requests a state, by any descriptor of a device.
pub fn set_state(fd: BorrowedFd<'_>, to: State) -> Answer<Option<OwnedFd>> {
    // The descriptor that goes in means nothing; one that would be valid shows that.
    let mut payload = uapi::vfio_device_feature_mig_state {
        device_state: to,
        data_fd: 0,
    }
    .bytes();
    feature(fd, 16, SET | MIG_STATE, &mut payload)?;
    Ok(sys::owned(
        uapi::vfio_device_feature_mig_state::of(&payload).data_fd,
    ))
}

/// GET_PRECOPY_INFO of a data file, with this size and flags; then flags, initial and dirty bytes.
pub fn precopy_info(fd: BorrowedFd<'_>, argsz: u32, flags: u32) -> Answer<uapi::vfio_precopy_info> {
    let mut bytes = uapi::vfio_precopy_info {
        argsz,
        flags,
        ..Default::default()
    }
    .bytes();
    sys::ioctl(fd, GET_PRECOPY_INFO, &mut bytes)?;
    Ok(uapi::vfio_precopy_info::of(&bytes))
}

/// Reads a data file until it ends, in pieces of this size; stops at ENOMSG if `pre_copy`.
pub fn read_all(fd: BorrowedFd<'_>, piece: usize, pre_copy: bool) -> Answer<Vec<u8>> {
    let mut stream = Vec::new();
    let mut buffer = vec![0; piece];
    loop {
        match sys::read(fd, &mut buffer) {
            Ok(0) => return Ok(stream),
            Ok(count) => stream.extend(&buffer[..count]),
            Err(Errno::ENOMSG) if pre_copy => return Ok(stream),
            Err(errno) => return Err(errno),
        }
    }
}

/// Writes a stream to a data file, in pieces of at most this size. The error comes with how many
/// bytes had been taken. Nothing taken of something is an error too, EIO.
pub fn write_all(fd: BorrowedFd<'_>, stream: &[u8], piece: usize) -> Result<(), (usize, Errno)> {
    let mut done = 0;
    while done < stream.len() {
        let part = &stream[done..stream.len().min(done + piece)];
        match sys::write(fd, part) {
            Ok(0) => return Err((done, Errno::EIO)),
            Ok(count) => done += count,
            Err(errno) => return Err((done, errno)),
        }
    }
    Ok(())
}

/// What a client makes of a state's name in a message.
pub fn named(state: Answer<State>) -> String {
    state.map_or_else(|errno| format!("no state: {errno}"), states::name)
}
