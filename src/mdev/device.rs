// SPDX-License-Identifier: GPL-2.0

//! A created device: its life.
//!
//! C header: [`include/linux/vfio.h`](srctree/include/linux/vfio.h)

use crate::{
    bindings,
    driver::Driver,
    mtype::Row,
    seat::Seat,
    state::State,
    vfio::Operations, //
};
use core::mem::{
    offset_of,
    size_of, //
};
use kernel::{
    error::{
        from_err_ptr,
        to_result, //
    },
    prelude::*,
    types::{
        Opaque,
        ScopeGuard, //
    },
};

/// A device. Lives in memory of the VFIO core, from its `init` to its `release` callback.
#[repr(C)]
pub(crate) struct Device<T: Driver> {
    vdev: Opaque<bindings::vfio_device>,
    pub(crate) state: State<T>,
}

impl<T: Driver> Device<T> {
    /// Makes the device for an mdev that was just created.
    ///
    /// # Safety
    ///
    /// `mdev` must be of a type of `T`, registered, and not have been probed.
    pub(crate) unsafe fn probe(mdev: *mut bindings::mdev_device) -> Result {
        // The VFIO core frees from this address.
        const { assert!(offset_of!(Self, vdev) == 0) };
        // SAFETY: As the caller promises; the type outlives its devices.
        let row: &Row<T> = unsafe { Row::from_raw((*mdev).type_) };
        // SAFETY: Only the address of a field is taken.
        let dev = unsafe { &raw mut (*mdev).dev };
        // SAFETY: As the caller promises; the parent waits for the memory of its devices.
        unsafe { Self::register(dev, row.seat()) }
    }

    /// Registers a device on `dev`.
    ///
    /// # Safety
    ///
    /// `dev` must be being probed by a driver of `T`'s.
    unsafe fn register(dev: *mut bindings::device, seat: Seat<'_, T>) -> Result {
        let parent = seat.parent;
        // A type's directory is there before its files and its parent are ready.
        parent.check_ready()?;
        let cost = seat.kind.params[T::BUDGET];
        parent.take(seat.kind, cost)?;
        let undo = ScopeGuard::new(|| parent.shared.lock().give_back(cost));

        // For `Operations::init`, which is called while the device is allocated, and sees `dev` alone.
        // SAFETY: Nobody else uses the driver's data of a device that is being probed.
        unsafe { bindings::dev_set_drvdata(dev, (&raw const seat).cast_mut().cast()) };
        let undo_seat = ScopeGuard::new(|| {
            // SAFETY: As above.
            unsafe { bindings::dev_set_drvdata(dev, core::ptr::null_mut()) }
        });
        // SAFETY: `dev` lives as long as the device is bound, the operations are static, and the
        // size is that of a structure which starts with the `vfio_device`.
        let vdev = from_err_ptr(unsafe {
            bindings::_vfio_alloc_device(size_of::<Self>(), dev, &Operations::<T>::TABLE)
        })?;
        // SAFETY: `vdev` was allocated, and is not registered unless this succeeds.
        unsafe {
            bindings::dev_set_drvdata(dev, vdev.cast());
            to_result(bindings::vfio_register_emulated_iommu_dev(vdev)).inspect_err(|_| {
                bindings::mdev_helper_put_vfio_device(vdev);
            })?;
        }
        undo_seat.dismiss();
        undo.dismiss();
        Ok(())
    }

    /// Undoes [`Self::probe`]. Waits until nobody has the device open.
    ///
    /// # Safety
    ///
    /// `mdev` must have been probed with success, and not have been removed.
    pub(crate) unsafe fn remove(mdev: *mut bindings::mdev_device) {
        // SAFETY: `probe` stored the device that it registered; our files, the only other users
        // of the pointer, were removed before.
        let (vdev, device) = unsafe {
            let vdev =
                bindings::dev_get_drvdata(&raw mut (*mdev).dev).cast::<bindings::vfio_device>();
            bindings::vfio_unregister_group_dev(vdev);
            (vdev, &*vdev.cast::<Self>())
        };
        let cost = device.state.values.lock().now[T::BUDGET];
        device.state.seat().parent.shared.lock().give_back(cost);
        // SAFETY: The reference of `_vfio_alloc_device`, which nobody else drops.
        unsafe { bindings::mdev_helper_put_vfio_device(vdev) };
    }
}
