// SPDX-License-Identifier: GPL-2.0

//! A device on this machine: where it is, and how it is opened.

use crate::{
    device::{request, Device},
    sys::{self, Answer, Plain},
};
use nix::errno::Errno;
use std::{
    ffi::CString,
    fs::{self, File, OpenOptions},
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
    path::{Path, PathBuf},
};
use vfio_bindings::bindings::vfio as uapi;

/// A device's place in sysfs.
#[derive(Clone, Debug)]
pub struct Target {
    folder: PathBuf,
    iommufd: bool,
}

/// What holds a device's address space: closed after the device.
#[derive(Debug)]
pub enum Space {
    /// A container of the legacy interface, and the group in it.
    Container(File, #[allow(dead_code, reason = "kept open")] File),
    /// An iommufd, and the number of its address space.
    Iommufd(File, u32),
}

const IOMMU_IOAS_ALLOC: u8 = 0x81;
const TYPE1_CAP_MIGRATION: u16 = uapi::VFIO_IOMMU_TYPE1_INFO_CAP_MIGRATION as u16;

fn opened(path: &str) -> Answer<File> {
    let file = OpenOptions::new().read(true).write(true).open(path);
    file.map_err(|error| Errno::from_raw(error.raw_os_error().unwrap_or(libc::EIO)))
}

impl Target {
    /// The device of this path in sysfs, or of this UUID among the mediated devices.
    pub fn find(text: &str, iommufd: bool) -> Result<Self, String> {
        let path = if text.contains('/') {
            PathBuf::from(text)
        } else {
            Path::new("/sys/bus/mdev/devices").join(text)
        };
        let folder = fs::canonicalize(&path)
            .map_err(|error| format!("{}: {error}: no such device", path.display()))?;
        let target = Self { folder, iommufd };
        if iommufd {
            target.character_device()?;
        } else if target.group().is_none() {
            return Err(format!(
                "{}: no iommu_group: not bound to a VFIO driver",
                target.folder.display()
            ));
        }
        Ok(target)
    }

    /// The device's name on its bus.
    pub fn name(&self) -> String {
        self.folder
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned()
    }

    /// A file of the device in sysfs.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn group(&self) -> Option<String> {
        let link = fs::read_link(self.folder.join("iommu_group")).ok()?;
        Some(format!("/dev/vfio/{}", link.file_name()?.to_string_lossy()))
    }

    fn character_device(&self) -> Result<String, String> {
        let folder = self.folder.join("vfio-dev");
        let mut entries =
            fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let name = entries
            .next()
            .and_then(Result::ok)
            .map(|entry| entry.file_name());
        let name = name.ok_or_else(|| format!("{}: no character device", folder.display()))?;
        let path = format!("/dev/vfio/devices/{}", name.to_string_lossy());
        Path::new(&path).exists().then_some(path).ok_or_else(|| {
            format!(
                "{}: no /dev/vfio/devices: this kernel lacks VFIO character devices",
                self.folder.display()
            )
        })
    }

    /// Opens the device with an address space of its own.
    ///
    /// # Errors
    ///
    /// What could not be done, and why.
    pub fn open(&self) -> Result<Device, String> {
        let answer = if self.iommufd {
            self.open_by_iommufd()
        } else {
            self.open_by_group()
        };
        answer.map_err(|(what, errno)| format!("{}: {what}: {errno}", self.name()))
    }

    fn open_by_group(&self) -> Result<Device, (String, Errno)> {
        let path = self
            .group()
            .ok_or_else(|| ("no group any more".to_owned(), Errno::ENODEV))?;
        let container =
            opened("/dev/vfio/vfio").map_err(|errno| ("open /dev/vfio/vfio".to_owned(), errno))?;
        let group = opened(&path).map_err(|errno| (format!("open {path}"), errno))?;
        let number = container.as_raw_fd().to_ne_bytes();
        sys::ioctl(group.as_fd(), request(4), &mut number.clone())
            .map_err(|errno| ("VFIO_GROUP_SET_CONTAINER".to_owned(), errno))?;
        sys::ioctl_number(
            container.as_fd(),
            request(2),
            uapi::VFIO_TYPE1v2_IOMMU.into(),
        )
        .map_err(|errno| ("VFIO_SET_IOMMU type1v2".to_owned(), errno))?;
        let fd = device_of(group.as_fd(), &self.name())
            .map_err(|errno| ("VFIO_GROUP_GET_DEVICE_FD".to_owned(), errno))?;
        Ok(Device::new(
            fd,
            Space::Container(container, group),
            self.name(),
        ))
    }

    fn open_by_iommufd(&self) -> Result<Device, (String, Errno)> {
        let path = self
            .character_device()
            .map_err(|text| (text, Errno::ENODEV))?;
        let file = opened(&path).map_err(|errno| (format!("open {path}"), errno))?;
        let iommufd =
            opened("/dev/iommu").map_err(|errno| ("open /dev/iommu".to_owned(), errno))?;
        let bind = uapi::vfio_device_bind_iommufd {
            argsz: 16,
            iommufd: iommufd.as_raw_fd(),
            ..Default::default()
        };
        sys::ioctl(file.as_fd(), request(18), &mut bind.bytes())
            .map_err(|errno| ("VFIO_DEVICE_BIND_IOMMUFD".to_owned(), errno))?;
        // struct iommu_ioas_alloc: size, flags, out_ioas_id.
        let mut alloc = [12_u32, 0, 0]
            .iter()
            .flat_map(|word| word.to_ne_bytes())
            .collect::<Vec<_>>();
        let number = nix::request_code_none!(b';', IOMMU_IOAS_ALLOC);
        sys::ioctl(iommufd.as_fd(), number, &mut alloc)
            .map_err(|errno| ("IOMMU_IOAS_ALLOC".to_owned(), errno))?;
        let ioas = u32::from_ne_bytes([alloc[8], alloc[9], alloc[10], alloc[11]]);
        let attach = uapi::vfio_device_attach_iommufd_pt {
            argsz: 12,
            pt_id: ioas,
            ..Default::default()
        };
        sys::ioctl(file.as_fd(), request(19), &mut attach.bytes())
            .map_err(|errno| ("VFIO_DEVICE_ATTACH_IOMMUFD_PT".to_owned(), errno))?;
        Ok(Device::new(
            file.into(),
            Space::Iommufd(iommufd, ioas),
            self.name(),
        ))
    }
}

/// Opens a device of a group: possible more than once.
pub fn device_of(group: BorrowedFd<'_>, name: &str) -> Answer<OwnedFd> {
    let text = CString::new(name).map_err(|_| Errno::EINVAL)?;
    let fd = sys::ioctl(group, request(6), &mut text.into_bytes_with_nul())?;
    sys::owned(fd).ok_or(Errno::EBADF)
}

impl Space {
    /// The group, where there is one.
    pub fn group(&self) -> Option<BorrowedFd<'_>> {
        match self {
            Self::Container(_, group) => Some(group.as_fd()),
            Self::Iommufd(..) => None,
        }
    }

    /// Maps memory of this process for the device.
    pub fn map(&self, address: usize, iova: u64, size: u64) -> Answer<()> {
        match self {
            Self::Container(container, _) => {
                let mut map = uapi::vfio_iommu_type1_dma_map {
                    argsz: 32,
                    flags: uapi::VFIO_DMA_MAP_FLAG_READ | uapi::VFIO_DMA_MAP_FLAG_WRITE,
                    vaddr: address as u64,
                    iova,
                    size,
                }
                .bytes();
                sys::ioctl(container.as_fd(), request(13), &mut map).map(drop)
            }
            Self::Iommufd(file, ioas) => {
                // struct iommu_ioas_map: size, flags (fixed IOVA, writable, readable), ioas, reserved, then three u64.
                let mut map: Vec<u8> = [40_u32, 7, *ioas, 0]
                    .iter()
                    .flat_map(|word| word.to_ne_bytes())
                    .collect();
                map.extend(
                    [address as u64, size, iova]
                        .iter()
                        .flat_map(|word| word.to_ne_bytes()),
                );
                sys::ioctl(file.as_fd(), nix::request_code_none!(b';', 0x85), &mut map).map(drop)
            }
        }
    }

    /// Takes a mapping away.
    pub fn unmap(&self, iova: u64, size: u64) -> Answer<()> {
        match self {
            Self::Container(container, _) => {
                // struct vfio_iommu_type1_dma_unmap: argsz, flags, iova, size.
                let mut unmap: Vec<u8> = [24_u32, 0]
                    .iter()
                    .flat_map(|word| word.to_ne_bytes())
                    .collect();
                unmap.extend([iova, size].iter().flat_map(|word| word.to_ne_bytes()));
                sys::ioctl(container.as_fd(), request(14), &mut unmap).map(drop)
            }
            Self::Iommufd(file, ioas) => {
                // struct iommu_ioas_unmap: size, ioas, then two u64.
                let mut unmap: Vec<u8> = [24_u32, *ioas]
                    .iter()
                    .flat_map(|word| word.to_ne_bytes())
                    .collect();
                unmap.extend([iova, size].iter().flat_map(|word| word.to_ne_bytes()));
                sys::ioctl(
                    file.as_fd(),
                    nix::request_code_none!(b';', 0x86),
                    &mut unmap,
                )
                .map(drop)
            }
        }
    }

    /// Whether the container can track what mediated devices write, as QEMU 7.2 demands; none
    /// without a container.
    pub fn tracks_dirty(&self) -> Option<Answer<bool>> {
        let Self::Container(container, _) = self else {
            return None;
        };
        let mut info = vec![0_u8; 512];
        info[..4].copy_from_slice(&512_u32.to_ne_bytes());
        if let Err(errno) = sys::ioctl(container.as_fd(), request(12), &mut info) {
            return Some(Err(errno));
        }
        // struct vfio_iommu_type1_info: argsz, flags, iova_pgsizes, cap_offset.
        let mut at = u32::from_ne_bytes([info[16], info[17], info[18], info[19]]) as usize;
        while at != 0 && at + 8 <= info.len() {
            let header = uapi::vfio_info_cap_header::of(&info[at..]);
            if header.id == TYPE1_CAP_MIGRATION {
                return Some(Ok(true));
            }
            at = header.next as usize;
        }
        Some(Ok(false))
    }
}
