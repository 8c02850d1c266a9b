// SPDX-License-Identifier: GPL-2.0

//! The first client interface: the migration region, and the memory of its data section, which
//! the client can map.
//!
//! C header: [`include/uapi/linux/vfio.h`](srctree/include/uapi/linux/vfio.h),
//! `struct vfio_device_migration_info`. What the registers do is the core's:
//! [`migcore::migration::v1`].

use crate::{
    bindings,
    driver::Driver,
    migration::error_of,
    state::State, //
};
use core::{
    mem::size_of,
    ptr::NonNull, //
};
use kernel::{
    current,
    error::to_result,
    mm::virt::{
        flags,
        VmaRef, //
    },
    page::PAGE_SIZE,
    prelude::*,
    uaccess::{
        UserSliceReader,
        UserSliceWriter, //
    },
};
use migcore::migration::v1::{
    Section,
    DATA_OFFSET,
    REGION,
    SECTION, //
};

/// Its index: the first after those of PCI.
pub(crate) const INDEX: u32 = bindings::VFIO_PCI_NUM_REGIONS;

/// Bytes that are copied at once where the data section is not mapped.
const PIECE: usize = 512;

/// The memory of a data section: [`SECTION`] bytes that user space may have mapped, and change at
/// any time. So nobody gets a reference to them; they are copied.
///
/// # Invariants
///
/// The pointer is from `mdev_helper_alloc_shared`, for [`SECTION`] bytes.
pub(crate) struct SharedSection(NonNull<c_void>);

// SAFETY: Plain memory, which is only copied from and to.
unsafe impl Send for SharedSection {}
// SAFETY: As above; who copies at the same time gets some mixture of bytes.
unsafe impl Sync for SharedSection {}

impl SharedSection {
    /// A section that is all zeroes.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new() -> Result<Self> {
        // SAFETY: Any size may be asked for.
        let memory = unsafe { bindings::mdev_helper_alloc_shared(SECTION) };
        // INVARIANT: As allocated just now.
        NonNull::new(memory).map(Self).ok_or(ENOMEM)
    }

    /// `len` bytes from `at`, cut to what there is.
    fn part(&self, at: usize, len: usize) -> (*mut c_void, usize) {
        let at = at.min(SECTION);
        (self.0.as_ptr().wrapping_byte_add(at), len.min(SECTION - at))
    }

    /// Maps the part of the region that `vma` asks for.
    ///
    /// # Errors
    ///
    /// `EINVAL` unless that is in the data section, and shared.
    ///
    /// # Safety
    ///
    /// `vma` must be a new mapping, whose offset is `offset` in the region.
    unsafe fn map(&self, vma: *mut bindings::vm_area_struct, offset: u64) -> Result {
        // SAFETY: As the caller promises.
        let (start, end, mapping) = unsafe {
            let vma = VmaRef::from_raw(vma);
            (vma.start(), vma.end(), vma.flags())
        };
        let len = end.checked_sub(start).ok_or(EINVAL)?;
        let at = offset.checked_sub(DATA_OFFSET).ok_or(EINVAL)?;
        let at = usize::try_from(at).map_err(|_| EINVAL)?;
        let room = SECTION.checked_sub(at).ok_or(EINVAL)?;
        if len > room || mapping & flags::SHARED == 0 {
            return Err(EINVAL);
        }
        // SAFETY: The memory is from `vmalloc_user` there, and the range inside of it. The mapping holds
        // the pages by itself: they may stay in it longer than this lives.
        to_result(unsafe { bindings::remap_vmalloc_range(vma, self.0.as_ptr(), at / PAGE_SIZE) })
    }
}

impl Section for SharedSection {
    fn load(&self, at: usize, out: &mut [u8]) {
        let (from, len) = self.part(at, out.len());
        // SAFETY: So many bytes are there by the invariant, and in `out`. C's function, as user
        // space may write to them meanwhile.
        unsafe { bindings::mdev_helper_copy_shared(out.as_mut_ptr().cast(), from, len) };
    }

    fn store(&self, at: usize, bytes: &[u8]) {
        let (to, len) = self.part(at, bytes.len());
        // SAFETY: As in `load`.
        unsafe { bindings::mdev_helper_copy_shared(to, bytes.as_ptr().cast_mut().cast(), len) };
    }
}

impl Drop for SharedSection {
    fn drop(&mut self) {
        // SAFETY: By the invariant. Mappings have references to the pages of their own.
        unsafe { bindings::mdev_helper_free_shared(self.0.as_ptr()) };
    }
}

/// Reads from the region. Gives the number of bytes read.
///
/// # Errors
///
/// What the register says; `EFAULT`.
pub(crate) fn read<T: Driver>(
    state: &State<T>,
    user: &mut UserSliceWriter,
    offset: u64,
    len: usize,
) -> Result<usize> {
    let section = state.section()?;
    if let Some(at) = data(offset) {
        return pieces(at, len, |at, len| {
            let mut piece = [0; PIECE];
            let piece = piece.get_mut(..len).ok_or(EINVAL)?;
            section.load(at, piece);
            user.write_slice(piece)
        });
    }
    let mut value = register(len)?;
    state.step(|mut step| {
        step.region
            .read(offset, &mut value, step.machine, &mut step.dev, &*section)
            .map_err(error_of)
    })?;
    user.write_slice(&value)?;
    Ok(len)
}

/// Writes to the region. Gives the number of bytes written.
///
/// # Errors
///
/// As [`read`].
pub(crate) fn write<T: Driver>(
    state: &State<T>,
    user: &mut UserSliceReader,
    offset: u64,
    len: usize,
) -> Result<usize> {
    let section = state.section()?;
    if let Some(at) = data(offset) {
        return pieces(at, len, |at, len| {
            let mut piece = [0; PIECE];
            let piece = piece.get_mut(..len).ok_or(EINVAL)?;
            user.read_slice(piece)?;
            section.store(at, piece);
            Ok(())
        });
    }
    let mut value = register(len)?;
    user.read_slice(&mut value)?;
    state.step(|mut step| {
        let known = step.machine.refusal().is_some();
        let written = step
            .region
            .write(offset, &value, step.machine, &mut step.dev, &*section);
        if let Some(refusal) = step.machine.refusal().filter(|_| !known) {
            state.warn(format_args!("migration by v1: {refusal}"));
        }
        written.map_err(error_of)
    })?;
    Ok(len)
}

/// Where in the data section an offset of the region is, if it is there.
fn data(offset: u64) -> Option<usize> {
    offset
        .checked_sub(DATA_OFFSET)
        .and_then(|at| usize::try_from(at).ok())
}

/// Room for an access to the page of the registers, which is never cut.
fn register(len: usize) -> Result<KVec<u8>> {
    if len as u64 > DATA_OFFSET {
        return Err(EINVAL);
    }
    Ok(KVec::from_elem(0, len, GFP_KERNEL)?)
}

/// Does `one` piece after the other. What was done before one fails counts.
fn pieces(at: usize, len: usize, mut one: impl FnMut(usize, usize) -> Result) -> Result<usize> {
    let mut done = 0;
    while done < len {
        let part = PIECE.min(len - done);
        match one(at + done, part) {
            Ok(()) => done += part,
            Err(_) if done > 0 => break,
            Err(errno) => return Err(errno),
        }
        if current!().signal_pending() {
            break;
        }
    }
    Ok(done)
}

/// Maps a part of the data section.
///
/// # Errors
///
/// `EINVAL` for anything else.
///
/// # Safety
///
/// `vma` must be a new mapping, at `offset` in the region.
pub(crate) unsafe fn map<T: Driver>(
    state: &State<T>,
    vma: *mut bindings::vm_area_struct,
    offset: u64,
) -> Result {
    let section = state.section()?;
    // SAFETY: As the caller promises.
    unsafe { section.map(vma, offset) }
}

#[repr(C)]
struct Sparse {
    head: bindings::vfio_region_info_cap_sparse_mmap,
    area: bindings::vfio_region_sparse_mmap_area,
}

/// Describes the region: what it is, and that only its data section can be mapped.
///
/// # Errors
///
/// `ENOMEM`.
pub(crate) fn describe(
    info: &mut bindings::vfio_region_info,
    caps: &mut bindings::vfio_info_cap,
) -> Result {
    info.size = REGION;
    info.flags = bindings::VFIO_REGION_INFO_FLAG_READ
        | bindings::VFIO_REGION_INFO_FLAG_WRITE
        | bindings::VFIO_REGION_INFO_FLAG_MMAP;
    let header = |id: u32| bindings::vfio_info_cap_header {
        // CAST: 1 and 2.
        id: id as u16,
        version: 1,
        next: 0,
    };
    let mut kind = bindings::vfio_region_info_cap_type {
        header: header(bindings::VFIO_REGION_INFO_CAP_TYPE),
        type_: bindings::VFIO_REGION_TYPE_MIGRATION_DEPRECATED,
        subtype: bindings::VFIO_REGION_SUBTYPE_MIGRATION_DEPRECATED,
    };
    let mut sparse = Sparse {
        head: bindings::vfio_region_info_cap_sparse_mmap {
            header: header(bindings::VFIO_REGION_INFO_CAP_SPARSE_MMAP),
            nr_areas: 1,
            reserved: 0,
            areas: bindings::__IncompleteArrayField::new(),
        },
        area: bindings::vfio_region_sparse_mmap_area {
            offset: DATA_OFFSET,
            size: SECTION as u64,
        },
    };
    // SAFETY: Both start with a header, and have the length that is given; the core copies them.
    unsafe {
        to_result(bindings::vfio_info_add_capability(
            caps,
            (&raw mut kind).cast(),
            size_of_val(&kind),
        ))?;
        to_result(bindings::vfio_info_add_capability(
            caps,
            (&raw mut sparse).cast(),
            size_of::<Sparse>(),
        ))
    }
}
