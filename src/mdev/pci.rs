// SPDX-License-Identifier: GPL-2.0

//! What a PCI function has to offer as a parent.
//!
//! C header: [`include/linux/pci.h`](srctree/include/linux/pci.h)

use crate::bindings;
use core::ptr::NonNull;
use kernel::{
    device,
    devres::Devres,
    pci,
    prelude::*,
    sync::aref::ARef, //
};

/// How many standard BARs a function has.
const BARS: c_int = 6;

/// The largest BAR that is memory without side effects (prefetchable, PCI Local Bus 3.0, 6.2.5.1),
/// as its index and its size in bytes, if there is one.
pub fn largest_memory_bar(pdev: &pci::Device<device::Bound>) -> Option<(u32, u64)> {
    // CAST: `pci::Device` is a transparent wrapper of the C structure.
    let raw = core::ptr::from_ref(pdev)
        .cast_mut()
        .cast::<bindings::pci_dev>();
    let size = |bar| {
        // SAFETY: The function exists as long as the reference, and `bar` is one of its BARs.
        unsafe { bindings::mdev_helper_memory_bar(raw, bar) }
    };
    (0..BARS)
        // CAST: not negative.
        .map(|bar| (bar as u32, size(bar)))
        .filter(|&(_, size)| size > 0)
        .max_by_key(|&(_, size)| size)
}

/// A BAR of a function, as memory: mapped write-combining, and nobody else's. It goes with the
/// function's driver, whoever still has this.
pub struct BarMemory {
    mapped: Devres<Mapped>,
    len: u64,
}

/// # Invariants
///
/// `base` is mapped for `len` bytes; the function is enabled, and the BAR's region ours.
struct Mapped {
    base: NonNull<c_void>,
    len: u64,
    bar: c_int,
    pdev: ARef<pci::Device>,
}

// SAFETY: Memory that may be accessed on any processor.
unsafe impl Send for Mapped {}
// SAFETY: As above. Accesses at the same time to the same place give whatever bytes, as with any
// memory of a device, and nothing is derived from them.
unsafe impl Sync for Mapped {}

impl BarMemory {
    /// Enables the function and maps its BAR `bar`, one of [`largest_memory_bar`]'s kind.
    ///
    /// # Errors
    ///
    /// `EINVAL` if it is none, `EBUSY` if somebody else has it, `ENOMEM`, and what enabling the
    /// function fails with.
    pub fn new(pdev: &pci::Device<device::Bound>, bar: u32) -> Result<Self> {
        let bar = c_int::try_from(bar).map_err(|_| EINVAL)?;
        if bar >= BARS {
            return Err(EINVAL);
        }
        // CAST: `pci::Device` is a transparent wrapper of the C structure.
        let raw = core::ptr::from_ref(pdev)
            .cast_mut()
            .cast::<bindings::pci_dev>();
        // SAFETY: The function is there as long as the reference, and `bar` is one of its BARs.
        let len = unsafe { bindings::mdev_helper_memory_bar(raw, bar) };
        if len == 0 {
            return Err(EINVAL);
        }
        // SAFETY: As above.
        let base = kernel::error::from_err_ptr(unsafe { bindings::mdev_helper_map_bar(raw, bar) })?;
        let plain: &pci::Device = pdev;
        // INVARIANT: All of the BAR was mapped just now.
        let mapped = Mapped {
            base: NonNull::new(base).ok_or(ENOMEM)?,
            len,
            bar,
            pdev: plain.into(),
        };
        Ok(Self {
            mapped: Devres::new(pdev.as_ref(), mapped)?,
            len,
        })
    }

    /// Bytes that it has.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Reads from `offset` on.
    ///
    /// # Errors
    ///
    /// `EINVAL` beyond the end, `ENODEV` if the function has no driver any more.
    pub fn read(&self, offset: u64, data: &mut [u8]) -> Result {
        let mapped = self.mapped.try_access().ok_or(ENODEV)?;
        let from = mapped.at(offset, data.len())?;
        // SAFETY: So many bytes are mapped there, by the invariant, and `data` has as many.
        unsafe { bindings::memcpy_fromio(data.as_mut_ptr().cast(), from, data.len()) };
        Ok(())
    }

    /// Writes from `offset` on.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub fn write(&self, offset: u64, data: &[u8]) -> Result {
        let mapped = self.mapped.try_access().ok_or(ENODEV)?;
        let to = mapped.at(offset, data.len())?;
        // SAFETY: As in `read`.
        unsafe { bindings::memcpy_toio(to, data.as_ptr().cast(), data.len()) };
        Ok(())
    }
}

impl Mapped {
    /// The address of `len` bytes from `offset` on, if there are so many.
    fn at(&self, offset: u64, len: usize) -> Result<*mut c_void> {
        let end = offset.checked_add(len as u64).ok_or(EINVAL)?;
        if end > self.len {
            return Err(EINVAL);
        }
        // SAFETY: Inside of what is mapped.
        // CAST: as it is mapped, it has an address.
        Ok(unsafe { self.base.as_ptr().byte_add(offset as usize) })
    }
}

impl Drop for Mapped {
    fn drop(&mut self) {
        let pdev: &pci::Device = &self.pdev;
        // SAFETY: By the invariant; nobody uses the mapping any more.
        unsafe {
            bindings::mdev_helper_unmap_bar(
                core::ptr::from_ref(pdev).cast_mut().cast(),
                self.bar,
                self.base.as_ptr(),
            );
        }
    }
}
