// SPDX-License-Identifier: GPL-2.0

//! The regions of a device, and every access to them: bounds, and the split into accesses that a
//! device understands, are here and nowhere else.
//!
//! An access that starts inside of a region and passes its end is cut there, as with a file. So
//! is one whose memory turns out bad midway: what was done counts.

use crate::{
    bindings,
    driver::Driver,
    function::Device as _,
    state::State,
    v1, //
};
use kernel::{
    current,
    page::PAGE_SHIFT,
    prelude::*,
    uaccess::{
        UserSliceReader,
        UserSliceWriter, //
    },
};
use migcore::config::{
    self,
    Bar, //
};

/// Where a region starts in the device's file: its index, shifted by so much.
const SHIFT: u32 = 40;

/// Every so many bytes a long access looks whether it should end.
const BREATH: u64 = 4096;

/// How many regions there are.
pub(crate) fn count<T: Driver>(state: &State<T>) -> u32 {
    match state.has_region() {
        true => v1::INDEX + 1,
        false => bindings::VFIO_PCI_NUM_REGIONS,
    }
}

/// Where a region starts in the device's file.
pub(crate) fn start(index: u32) -> u64 {
    u64::from(index) << SHIFT
}

/// A region.
#[derive(Clone, Copy)]
pub(crate) enum Region {
    Bar(usize),
    Config,
    /// One that PCI devices can have, and that ours never have: ROM and VGA.
    Absent,
    /// The migration region.
    Migration,
}

impl Region {
    /// The region with this index.
    ///
    /// # Errors
    ///
    /// `EINVAL` if there is none.
    pub(crate) fn new<T: Driver>(state: &State<T>, index: u32) -> Result<Self> {
        if index >= count(state) {
            return Err(EINVAL);
        }
        Ok(match index {
            bindings::VFIO_PCI_BAR0_REGION_INDEX..=bindings::VFIO_PCI_BAR5_REGION_INDEX => {
                Self::Bar(index as usize)
            }
            bindings::VFIO_PCI_CONFIG_REGION_INDEX => Self::Config,
            v1::INDEX => Self::Migration,
            _ => Self::Absent,
        })
    }

    /// Its size, 0 if it is not there.
    pub(crate) fn size<T: Driver>(self, state: &State<T>) -> u64 {
        match self {
            Self::Bar(bar) => bar_size(state, bar),
            Self::Config => config::SIZE as u64,
            Self::Absent => 0,
            Self::Migration => migcore::migration::v1::REGION,
        }
    }

    /// The widest access that it takes.
    fn widest(self) -> u64 {
        match self {
            Self::Config => 4,
            Self::Bar(_) | Self::Absent | Self::Migration => 8,
        }
    }

    /// Reads. `data` is all zeroes, and stays so where nothing answers.
    fn read<T: Driver>(self, state: &State<T>, offset: u64, data: &mut [u8]) -> Result {
        match self {
            Self::Bar(bar) if !is_msix(state, bar, offset, data.len()) => {
                let _inside = state.access()?;
                if let Some(device) = state.device() {
                    device.read(state.context(), bar, offset, data);
                }
            }
            // CAST: inside of the region.
            Self::Config => state.config().read(state.context(), offset as usize, data),
            Self::Bar(_) | Self::Absent | Self::Migration => {}
        }
        Ok(())
    }

    fn write<T: Driver>(self, state: &State<T>, offset: u64, data: &[u8]) -> Result {
        match self {
            Self::Bar(bar) if !is_msix(state, bar, offset, data.len()) => {
                let _inside = state.access()?;
                if let Some(device) = state.device() {
                    device.write(state.context(), bar, offset, data);
                }
            }
            // CAST: inside of the region.
            Self::Config => state.config().write(state.context(), offset as usize, data),
            Self::Bar(_) | Self::Absent | Self::Migration => {}
        }
        Ok(())
    }
}

fn bar_size<T: Driver>(state: &State<T>, bar: usize) -> u64 {
    let function = state.kind().pci;
    match function.and_then(|function| function.bars.get(bar)) {
        Some(&Bar::Memory { size, .. }) => size,
        Some(&Bar::Io { size }) => size.into(),
        Some(Bar::None) | None => 0,
    }
}

/// Whether an access touches the structures of MSI-X. They read as zero and take no write: the
/// interrupts are set up by `VFIO_DEVICE_SET_IRQS`.
fn is_msix<T: Driver>(state: &State<T>, bar: usize, offset: u64, len: usize) -> bool {
    let function = state.kind().pci;
    let Some(msix) = function.and_then(|function| function.msix) else {
        return false;
    };
    let touches = |start: u32, bytes: u32| {
        // NO-OVERFLOW: all of it is inside of the BAR.
        offset < u64::from(start) + u64::from(bytes) && u64::from(start) < offset + len as u64
    };
    bar == msix.bar
        && (touches(msix.table, msix.vectors * 16)
            || touches(msix.pba, msix.vectors.div_ceil(64) * 8))
}

/// An access, cut at the end of its region.
struct Access {
    region: Region,
    offset: u64,
    len: usize,
}

impl Access {
    fn new<T: Driver>(state: &State<T>, position: i64, len: usize) -> Result<Self> {
        let position = u64::try_from(position).map_err(|_| EINVAL)?;
        let index = u32::try_from(position >> SHIFT).map_err(|_| EINVAL)?;
        let offset = position & ((1 << SHIFT) - 1);
        let region = Region::new(state, index)?;
        let left = region.size(state).saturating_sub(offset);
        if left == 0 {
            return Err(EINVAL);
        }
        Ok(Self {
            region,
            offset,
            len: usize::try_from(left).map_or(len, |left| left.min(len)),
        })
    }

    /// Does `one` for each part that the device understands: offset, length.
    fn each(self, mut one: impl FnMut(u64, usize) -> Result) -> Result<usize> {
        let mut done = 0;
        while done < self.len {
            let offset = self.offset + done as u64;
            let len = part(offset, (self.len - done) as u64, self.region.widest());
            match one(offset, len) {
                Ok(()) => done += len,
                Err(_) if done > 0 => break,
                Err(errno) => return Err(errno),
            }
            // Each boundary is met, as every part is aligned.
            if (self.offset + done as u64) % BREATH == 0 && current!().signal_pending() {
                break;
            }
        }
        Ok(done)
    }
}

/// The widest naturally aligned access, of at most `most` bytes.
fn part(offset: u64, left: u64, most: u64) -> usize {
    [8, 4, 2]
        .into_iter()
        .find(|&len| len <= most && len <= left && offset & (len - 1) == 0)
        // CAST: at most 8.
        .map_or(1, |len| len as usize)
}

/// Reads at a position of the device's file. Gives the number of bytes read.
///
/// # Errors
///
/// `EINVAL` for a position in no region; `EFAULT` if not a single access could be copied out;
/// `EBUSY` for a BAR of a device that is stopped, as nothing of what it holds may change; for the
/// migration region, what its registers say.
pub(crate) fn read<T: Driver>(
    state: &State<T>,
    user: &mut UserSliceWriter,
    position: i64,
) -> Result<usize> {
    let access = Access::new(state, position, user.len())?;
    let region = access.region;
    if let Region::Migration = region {
        return v1::read(state, user, access.offset, access.len);
    }
    access.each(|offset, len| {
        let mut data = [0; 8];
        let data = &mut data[..len];
        region.read(state, offset, data)?;
        user.write_slice(data)
    })
}

/// Writes at a position of the device's file. Gives the number of bytes written.
///
/// # Errors
///
/// As [`read`].
pub(crate) fn write<T: Driver>(
    state: &State<T>,
    user: &mut UserSliceReader,
    position: i64,
) -> Result<usize> {
    let access = Access::new(state, position, user.len())?;
    let region = access.region;
    if let Region::Migration = region {
        return v1::write(state, user, access.offset, access.len);
    }
    access.each(|offset, len| {
        let mut data = [0; 8];
        let data = &mut data[..len];
        user.read_slice(data)?;
        region.write(state, offset, data)
    })
}

/// Maps a part of the device's file: of the migration region's data section, as nothing else can
/// be mapped.
///
/// # Errors
///
/// `EINVAL`.
///
/// # Safety
///
/// `vma` must be a new mapping of the device's file.
pub(crate) unsafe fn map<T: Driver>(
    state: &State<T>,
    vma: *mut bindings::vm_area_struct,
) -> Result {
    // SAFETY: As the caller promises.
    let page = unsafe { (*vma).vm_pgoff } as u64;
    let pages_shift = SHIFT - PAGE_SHIFT as u32;
    let index = u32::try_from(page >> pages_shift).map_err(|_| EINVAL)?;
    let offset = (page & ((1 << pages_shift) - 1)) << PAGE_SHIFT;
    match Region::new(state, index)? {
        // SAFETY: As the caller promises; the offset is the vma's.
        Region::Migration => unsafe { v1::map(state, vma, offset) },
        _ => Err(EINVAL),
    }
}
