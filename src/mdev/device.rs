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

/// What a new device is told while VFIO allocates it.
pub(crate) struct Born<'a, T: Driver> {
    pub(crate) seat: Seat<'a, T>,
    /// As it is written.
    pub(crate) uuid: [u8; 16],
}

impl<T: Driver> Device<T> {
    /// Makes the device for an mdev that was just created.
    ///
    /// # Safety
    ///
    /// `mdev` must be of a type of `T`, registered, and not have been probed.
    pub(crate) unsafe fn probe(mdev: *mut bindings::mdev_device) -> Result {
        // SAFETY: As the caller promises; the type outlives its devices.
        let row: &Row<T> = unsafe { Row::from_raw((*mdev).type_) };
        let parent = row.parent();
        // A type's directory is there before its files and its parent are ready.
        parent.check_ready()?;
        let cost = row.kind().params[T::BUDGET];
        parent.take(row.kind(), cost)?;
        let undo = ScopeGuard::new(|| parent.shared.lock().give_back(cost));
        // SAFETY: As the caller promises; the parent waits for the memory of its devices.
        unsafe { Self::register(&raw mut (*mdev).dev, row.seat(), uuid(mdev))? };
        undo.dismiss();
        Ok(())
    }

    /// Undoes [`Self::probe`]. Waits until nobody has the device open.
    ///
    /// # Safety
    ///
    /// `mdev` must have been probed with success, and not have been removed.
    pub(crate) unsafe fn remove(mdev: *mut bindings::mdev_device) {
        // SAFETY: As the caller promises; the type outlives its devices.
        let row: &Row<T> = unsafe { Row::from_raw((*mdev).type_) };
        // SAFETY: `probe` has registered it.
        let cost = unsafe { Self::unregister(&raw mut (*mdev).dev) };
        row.parent().shared.lock().give_back(cost);
    }

    /// Registers a device of VFIO on `dev`.
    ///
    /// # Safety
    ///
    /// `dev` must be being probed by a driver whose files are those of `T`'s devices; the parent of
    /// `seat` must wait for the memory of its devices.
    pub(crate) unsafe fn register(
        dev: *mut bindings::device,
        seat: Seat<'_, T>,
        uuid: [u8; 16],
    ) -> Result {
        // The VFIO core frees from this address.
        const { assert!(offset_of!(Self, vdev) == 0) };
        let born = Born { seat, uuid };
        // For `Operations::init`, which sees `dev` alone.
        // SAFETY: Nobody else uses the driver's data of a device that is being probed.
        unsafe { bindings::dev_set_drvdata(dev, (&raw const born).cast_mut().cast()) };
        let undo = ScopeGuard::new(|| {
            // SAFETY: As above.
            unsafe { bindings::dev_set_drvdata(dev, core::ptr::null_mut()) }
        });
        // SAFETY: `dev` lives as long as the device is bound, the operations are static, and the
        // size is that of a structure which starts with the `vfio_device`.
        let vdev = from_err_ptr(unsafe {
            bindings::_vfio_alloc_device(size_of::<Self>(), dev, &Operations::<T>::TABLE)
        })?;
        // SAFETY: `vdev` was allocated just now, with its `device` initialised and not added yet, as registering
        // it and leaving it without power management ask for. It is put once if it does not get registered.
        unsafe {
            bindings::dev_set_drvdata(dev, vdev.cast());
            // The core's own device, a file to open, has nothing that could be suspended. Without
            // this it gets a folder of files to control that: a tenth of all that a device costs.
            bindings::mdev_helper_without_power(&raw mut (*vdev).device);
            to_result(bindings::vfio_register_emulated_iommu_dev(vdev)).inspect_err(|_| {
                bindings::mdev_helper_put_vfio_device(vdev);
            })?;
        }
        undo.dismiss();
        Ok(())
    }

    /// Undoes [`Self::register`]. Waits until nobody has the device open. What it had of the
    /// budgeted parameter.
    ///
    /// # Safety
    ///
    /// [`Self::register`] must have succeeded for `dev`, and this not have been called.
    pub(crate) unsafe fn unregister(dev: *mut bindings::device) -> u64 {
        // SAFETY: `register` stored the device that it registered; our files, the only other users
        // of the pointer, were removed before.
        let (vdev, device) = unsafe {
            let vdev = bindings::dev_get_drvdata(dev).cast::<bindings::vfio_device>();
            bindings::vfio_unregister_group_dev(vdev);
            (vdev, &*vdev.cast::<Self>())
        };
        let had = device.state.values.lock().now[T::BUDGET];
        // SAFETY: The reference of `_vfio_alloc_device`, which nobody else drops.
        unsafe { bindings::mdev_helper_put_vfio_device(vdev) };
        had
    }
}

/// The UUID of an mdev, as it is written.
///
/// # Safety
///
/// `mdev` must be one.
unsafe fn uuid(mdev: *mut bindings::mdev_device) -> [u8; 16] {
    // SAFETY: As the caller promises; it never changes.
    let mut uuid = unsafe { (*mdev).uuid }.b;
    // The kernel keeps the first three groups as little-endian numbers.
    uuid[..4].reverse();
    uuid[4..6].reverse();
    uuid[6..8].reverse();
    uuid
}
