// SPDX-License-Identifier: GPL-2.0

//! What a PCI function has to offer as a parent.
//!
//! C header: [`include/linux/pci.h`](srctree/include/linux/pci.h)

use crate::bindings;
use core::ptr::NonNull;
use kernel::{
    device,
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

/// A BAR of a function, as memory: mapped write-combining, and nobody else's.
///
/// # Invariants
///
/// `base` is mapped for `len` bytes; the function is enabled, and the BAR's region ours.
pub struct BarMemory {
    base: NonNull<c_void>,
    len: u64,
    bar: u32,
    pdev: ARef<pci::Device>,
}

// SAFETY: Memory that may be accessed on any processor.
unsafe impl Send for BarMemory {}
// SAFETY: As above. Accesses at the same time to the same place give whatever bytes, as with any
// memory of a device, and nothing is derived from them.
unsafe impl Sync for BarMemory {}

impl BarMemory {
    /// Enables the function and maps its BAR `bar`, which has `len` bytes.
    ///
    /// # Errors
    ///
    /// `EBUSY` if somebody else has the BAR, `ENOMEM`, and what enabling the function fails with.
    pub fn new(pdev: &pci::Device<device::Bound>, bar: u32, len: u64) -> Result<Self> {
        // CAST: `pci::Device` is a transparent wrapper of the C structure; six BARs.
        let raw = core::ptr::from_ref(pdev)
            .cast_mut()
            .cast::<bindings::pci_dev>();
        // SAFETY: The function is there as long as the reference.
        let base = kernel::error::from_err_ptr(unsafe {
            bindings::mdev_helper_map_bar(raw, bar as c_int, len)
        })?;
        let pdev: &pci::Device = pdev;
        Ok(Self {
            base: NonNull::new(base).ok_or(ENOMEM)?,
            len,
            bar,
            pdev: pdev.into(),
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

    /// Reads from `offset` on.
    ///
    /// # Errors
    ///
    /// `EINVAL` beyond the end.
    pub fn read(&self, offset: u64, data: &mut [u8]) -> Result {
        let from = self.at(offset, data.len())?;
        // SAFETY: So many bytes are mapped there, by the invariant, and `data` has as many.
        unsafe { bindings::memcpy_fromio(data.as_mut_ptr().cast(), from, data.len()) };
        Ok(())
    }

    /// Writes from `offset` on.
    ///
    /// # Errors
    ///
    /// `EINVAL` beyond the end.
    pub fn write(&self, offset: u64, data: &[u8]) -> Result {
        let to = self.at(offset, data.len())?;
        // SAFETY: As in `read`.
        unsafe { bindings::memcpy_toio(to, data.as_ptr().cast(), data.len()) };
        Ok(())
    }
}

impl Drop for BarMemory {
    fn drop(&mut self) {
        let pdev: &pci::Device = &self.pdev;
        // SAFETY: By the invariant; nobody uses the mapping any more.
        // CAST: as in `new`.
        unsafe {
            bindings::mdev_helper_unmap_bar(
                core::ptr::from_ref(pdev).cast_mut().cast(),
                self.bar as c_int,
                self.base.as_ptr(),
            );
        }
    }
}
