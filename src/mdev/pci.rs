// SPDX-License-Identifier: GPL-2.0

//! What a PCI function has to offer as a parent.
//!
//! C header: [`include/linux/pci.h`](srctree/include/linux/pci.h)

use crate::bindings;
use kernel::{
    device,
    pci,
    prelude::*, //
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
