// SPDX-License-Identifier: GPL-2.0

//! A created device: its life and its files.
//!
//! C header: [`include/linux/vfio.h`](srctree/include/linux/vfio.h)

use crate::{
    bindings,
    driver::{
        self,
        Driver, //
    },
    mtype::Row,
    question::Asked,
    state::State,
    sysfs::{
        self,
        File,
        Writable, //
    },
    vfio::Operations, //
};
use core::{
    fmt::{
        self,
        Write, //
    },
    marker::PhantomData,
    mem::{
        offset_of,
        size_of, //
    },
    ptr::null,
};
use kernel::{
    container_of, device,
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
use migcore::{
    Node,
    Place, //
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
        let parent = row.parent();
        // A type's directory is there before its files and its parent are ready.
        parent.check_ready()?;
        let cost = row.kind().params[T::BUDGET];
        parent.take(row, cost)?;
        let undo = ScopeGuard::new(|| parent.shared.lock().give_back(cost));

        // SAFETY: Only the address of a field is taken.
        let dev = unsafe { &raw mut (*mdev).dev };
        // SAFETY: `dev` lives as long as the device is bound, the operations are static, and the
        // size is that of a structure which starts with the `vfio_device`.
        let vdev = from_err_ptr(unsafe {
            bindings::_vfio_alloc_device(size_of::<Self>(), dev, &Operations::<T>::TABLE)
        })?;
        // SAFETY: `vdev` was allocated, and is not registered unless this succeeds.
        unsafe {
            bindings::dev_set_drvdata(dev, vdev.cast());
            to_result(bindings::vfio_register_emulated_iommu_dev(vdev)).inspect_err(|_| {
                bindings::dev_set_drvdata(dev, core::ptr::null_mut());
                bindings::mdev_helper_put_vfio_device(vdev);
            })?;
        }
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
        device.state.row().parent().shared.lock().give_back(cost);
        // SAFETY: The reference of `_vfio_alloc_device`, which nobody else drops.
        unsafe { bindings::mdev_helper_put_vfio_device(vdev) };
    }

    /// The device's files, for `struct device_driver`.
    pub(crate) fn groups() -> *mut *const bindings::attribute_group {
        // CAST: The driver core does not write to it; the C structure only lacks the `const`.
        core::ptr::from_ref(Groups::<T>::ALL).cast_mut().cast()
    }

    /// The mdev, for logs.
    fn dev(&self) -> &device::Device {
        // SAFETY: Only called from the device's files, which go before the mdev does.
        unsafe { device::Device::from_raw((*self.vdev.get()).dev) }
    }

    fn with_place<R>(&self, f: impl FnOnce(Place<'_>) -> R) -> R {
        let row = self.state.row();
        let values = self.state.values.lock().now;
        row.with_place(Node::Device, &values[..T::CONTRACT.params.len()], f)
    }

    /// Sets the budgeted parameter, the only one that can be settable.
    fn set_parameter(&self, text: &str) -> Result {
        let key = T::CONTRACT.params[T::BUDGET].key;
        let refuse = |errno, why: core::fmt::Arguments<'_>| {
            if self.state.notices.allows() {
                self.dev().pr_warn(format_args!("{key}: {why}\n"));
            }
            Err(errno)
        };
        let Some(value) = migcore::parse_number(text) else {
            let text = migcore::Escaped::new(text.as_bytes(), 64);
            return refuse(EINVAL, format_args!("\"{text}\" is no decimal number"));
        };
        let row = self.state.row();
        let parent = row.parent();
        let mut values = self.state.values.lock();
        if values.used {
            let why = "the device was opened: fixed until it is removed";
            return refuse(EBUSY, format_args!("{why}"));
        }
        let mut shared = parent.shared.lock();
        let range = row.range(T::BUDGET, shared.total);
        if !range.contains(value) {
            drop(shared);
            return refuse(EINVAL, format_args!("{value} is not one of {range}"));
        }
        let before = values.now[T::BUDGET];
        let left = shared.left();
        if let Err(errno) = shared.resize(before, value) {
            drop(shared);
            let more = value.saturating_sub(before);
            return refuse(
                errno,
                format_args!("{value} needs {more} more, the parent has {left} left"),
            );
        }
        values.now[T::BUDGET] = value;
        Ok(())
    }
}

/// The device of an mdev's directory.
///
/// # Safety
///
/// `kobj` must be that of a probed mdev of `T`, which is not removed as long as the result lives.
unsafe fn device<'a, T: Driver>(kobj: *mut bindings::kobject) -> &'a Device<T> {
    // SAFETY: As the caller promises, a `struct device` whose data `probe` set. The driver core
    // adds the files after the probe and removes them, with their callbacks, before `remove`.
    unsafe {
        let dev = container_of!(kobj, bindings::device, kobj);
        &*bindings::dev_get_drvdata(dev).cast::<Device<T>>()
    }
}

/// `migration_version` of a device.
struct Version<T>(PhantomData<T>);

impl<T: Driver> File for Version<T> {
    type Object = Device<T>;
    const NAME: &'static CStr = c"migration_version";
    const MODE: u16 = 0o444;

    unsafe fn object<'a>(kobj: *mut bindings::kobject) -> &'a Device<T> {
        // SAFETY: The file is in the driver's groups.
        unsafe { device(kobj) }
    }

    fn read(device: &Device<T>, out: &mut dyn Write) -> fmt::Result {
        device.with_place(|place| writeln!(out, "{}", place.version()))
    }
}

impl<T: Driver> Writable for Version<T> {
    fn write(device: &Device<T>, bytes: &[u8], offset: u64) -> Result {
        device.with_place(|place| {
            Asked {
                dev: device.dev(),
                limit: &device.state.limit,
                place,
            }
            .answer(bytes, offset)
        })
    }
}

/// `migration_accepts` of a device.
struct Accepts<T>(PhantomData<T>);

impl<T: Driver> File for Accepts<T> {
    type Object = Device<T>;
    const NAME: &'static CStr = c"migration_accepts";
    const MODE: u16 = 0o444;

    unsafe fn object<'a>(kobj: *mut bindings::kobject) -> &'a Device<T> {
        // SAFETY: The file is in the driver's groups.
        unsafe { device(kobj) }
    }

    fn read(device: &Device<T>, out: &mut dyn Write) -> fmt::Result {
        device.with_place(|place| writeln!(out, "{}", place.accepts()))
    }
}

/// The settable parameter, in a file of its name.
struct Settable<T>(PhantomData<T>);

impl<T: Driver> File for Settable<T> {
    type Object = Device<T>;
    const NAME: &'static CStr = driver::BudgetName::<T>::TEXT;
    const MODE: u16 = 0o444;

    unsafe fn object<'a>(kobj: *mut bindings::kobject) -> &'a Device<T> {
        // SAFETY: The file is in the driver's groups.
        unsafe { device(kobj) }
    }

    fn read(device: &Device<T>, out: &mut dyn Write) -> fmt::Result {
        let value = device.state.values.lock().now[T::BUDGET];
        writeln!(out, "{value}")
    }
}

impl<T: Driver> Writable for Settable<T> {
    fn write(device: &Device<T>, bytes: &[u8], offset: u64) -> Result {
        device.set_parameter(sysfs::line(bytes, offset)?)
    }
}

/// The device's files as C wants them: constants of the driver's type.
struct Groups<T>(PhantomData<T>);

impl<T: Driver> Groups<T> {
    const SETTABLE: [*const bindings::bin_attribute; 2] = if driver::settable::<T>() {
        [&const { sysfs::writable::<Settable<T>>() }, null()]
    } else {
        [null(), null()]
    };

    const MIGRATION: [*const bindings::bin_attribute; 3] = [
        &const { sysfs::writable::<Version<T>>() },
        &const { sysfs::attribute::<Accepts<T>>() },
        null(),
    ];

    const MIGRATION_GROUP: bindings::attribute_group = {
        // SAFETY: Pointers and optional functions: zeroes are valid.
        let mut group: bindings::attribute_group = unsafe { core::mem::zeroed() };
        group.is_bin_visible = Some(Self::migration_visible);
        group.bin_attrs = core::ptr::from_ref(&Self::MIGRATION).cast();
        group
    };

    const SETTABLE_GROUP: bindings::attribute_group = {
        // SAFETY: As above.
        let mut group: bindings::attribute_group = unsafe { core::mem::zeroed() };
        group.bin_attrs = core::ptr::from_ref(&Self::SETTABLE).cast();
        group
    };

    const ALL: &'static [*const bindings::attribute_group; 3] =
        &[&Self::MIGRATION_GROUP, &Self::SETTABLE_GROUP, null()];

    /// Shows the group only on devices that can be migrated.
    ///
    /// # Safety
    ///
    /// `kobj` must be that of a probed mdev of `T`, and `attr` one of the group's files.
    unsafe extern "C" fn migration_visible(
        kobj: *mut bindings::kobject,
        attr: *const bindings::bin_attribute,
        _index: c_int,
    ) -> bindings::umode_t {
        // SAFETY: The driver core asks before it adds the files, after the probe.
        let device = unsafe { device::<T>(kobj) };
        if device.state.row().kind().migratable {
            // SAFETY: `attr` is one of the group's.
            unsafe { (*attr).attr.mode }
        } else {
            0
        }
    }
}
