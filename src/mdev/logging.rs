// SPDX-License-Identifier: GPL-2.0

//! How the user starts, reads and ends the log of what a device wrote. Only where the kernel has
//! the bitmaps that it is reported by: elsewhere they are stubs, and each report would fail.
//!
//! C header: [`include/linux/vfio.h`](srctree/include/linux/vfio.h), `struct vfio_log_ops`; what
//! they must do is above `VFIO_DEVICE_FEATURE_DMA_LOGGING_START` in
//! [`include/uapi/linux/vfio.h`](srctree/include/uapi/linux/vfio.h)
//!
//! The log has nothing to do with the state of a migration, and goes on over a reset: what was
//! written before is written.

use crate::{
    bindings,
    device::Device,
    driver::Driver,
    memory::Memory, //
};
use core::marker::PhantomData;
use kernel::{
    error::from_result,
    prelude::*, //
};
use migcore::dirty::Run;

/// The callbacks of `struct vfio_log_ops`.
struct Operations<T>(PhantomData<T>);

/// Makes a device offer its log.
///
/// # Safety
///
/// `vdev` must start a `Device<T>` whose `init` callback runs.
pub(crate) unsafe fn offer<T: Driver>(vdev: *mut bindings::vfio_device) {
    // SAFETY: As the caller promises, nobody else knows the device yet.
    unsafe { (*vdev).log_ops = &Operations::<T>::TABLE };
}

/// The ranges of a tree.
///
/// # Safety
///
/// `tree` must be a valid interval tree that nobody changes while this runs.
unsafe fn runs(tree: *mut bindings::rb_root_cached, count: u32) -> Result<KVec<Run>> {
    let mut runs = KVec::with_capacity(count as usize, GFP_KERNEL)?;
    // SAFETY: As the caller promises; these are all that there can be.
    let mut node = unsafe { bindings::interval_tree_iter_first(tree, 0, c_ulong::MAX) };
    while !node.is_null() {
        // SAFETY: The tree gave this node, and stays as it is.
        let (first, last) = unsafe { ((*node).start, (*node).last) };
        // The core lets a length of zero by: from an address to the one before it, around all of
        // them. No other range reaches the last address.
        if last == c_ulong::MAX {
            return Err(EINVAL);
        }
        runs.push(
            Run::between(first as u64, last as u64).ok_or(EINVAL)?,
            GFP_KERNEL,
        )?;
        // SAFETY: As above.
        node = unsafe { bindings::interval_tree_iter_next(node, 0, c_ulong::MAX) };
    }
    Ok(runs)
}

impl<T: Driver> Operations<T> {
    const TABLE: bindings::vfio_log_ops = bindings::vfio_log_ops {
        log_start: Some(Self::start),
        log_stop: Some(Self::stop),
        log_read_and_clear: Some(Self::report),
    };

    /// What of a device has to do with guest memory.
    ///
    /// # Safety
    ///
    /// `vdev` must be a device of `T`, which is not released while the result lives.
    unsafe fn memory<'a>(vdev: *mut bindings::vfio_device) -> &'a Memory {
        // SAFETY: As the caller promises; `vdev` starts a `Device<T>`.
        let device: &'a Device<T> = unsafe { &*vdev.cast() };
        device.state.context().memory_of_device()
    }

    /// Starts the log for ranges of guest memory.
    ///
    /// # Safety
    ///
    /// `vdev` must be open, `ranges` an interval tree of this call's own, and `page_size` valid.
    unsafe extern "C" fn start(
        vdev: *mut bindings::vfio_device,
        ranges: *mut bindings::rb_root_cached,
        count: u32,
        page_size: *mut u64,
    ) -> c_int {
        from_result(|| {
            // SAFETY: The core calls this for open devices, with structures of its own.
            let (memory, mut runs) = unsafe { (Self::memory(vdev), runs(ranges, count)?) };
            // SAFETY: As above.
            unsafe { *page_size = memory.log().start(&mut runs, *page_size)? };
            Ok(0)
        })
    }

    /// Ends the log. Without one nothing is done.
    ///
    /// # Safety
    ///
    /// `vdev` must be open.
    unsafe extern "C" fn stop(vdev: *mut bindings::vfio_device) -> c_int {
        // SAFETY: As the caller promises.
        unsafe { Self::memory(vdev) }.log().stop();
        0
    }

    /// Reports what was written of a range, and forgets it.
    ///
    /// # Safety
    ///
    /// `vdev` must be open, and `bitmap` valid, for this range.
    unsafe extern "C" fn report(
        vdev: *mut bindings::vfio_device,
        iova: c_ulong,
        length: c_ulong,
        bitmap: *mut bindings::iova_bitmap,
    ) -> c_int {
        from_result(|| {
            // The core lets a length of zero by.
            let asked = Run::new(iova as u64, length as u64).ok_or(EINVAL)?;
            // SAFETY: The core calls this for open devices.
            let memory = unsafe { Self::memory(vdev) };
            memory.log_pinned();
            memory.log().report(asked, |run| {
                let length = (run.last() - run.first()) as usize + 1;
                // SAFETY: The core's bitmap is for what is asked, and a report says nothing of
                // other addresses. What cannot be written to the user's memory is left out there.
                unsafe { bindings::iova_bitmap_set(bitmap, run.first() as c_ulong, length) }
            })?;
            Ok(0)
        })
    }
}
