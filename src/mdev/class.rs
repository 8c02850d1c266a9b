// SPDX-License-Identifier: GPL-2.0

//! Parents without hardware: devices of a class of the driver's own.
//!
//! C header: [`include/linux/device/class.h`](srctree/include/linux/device/class.h)

use crate::{
    bindings,
    driver::Driver,
    function::Device,
    kobject,
    parent::{
        Announce,
        Parent,
        Total, //
    },
    residence::Resident,
};
use core::{
    ops::RangeInclusive,
    ptr::NonNull, //
};
use kernel::{
    device,
    error::{
        from_err_ptr,
        to_result, //
    },
    prelude::*,
    str::CString,
    sync::Arc,
    types::Opaque, //
};

/// A class in `/sys/class`. Types are named after it: on a device without driver, the mdev core
/// takes the class's name for that of the driver.
///
/// Stays until the last of its devices is gone.
#[derive(Clone)]
pub struct Class(Arc<Inner>);

struct Inner {
    class: NonNull<bindings::class>,
    // The class keeps its name, which is the module's.
    _resident: Resident,
}

// SAFETY: A class is used by the driver core under locks of its own, from any thread.
unsafe impl Send for Inner {}
// SAFETY: As above.
unsafe impl Sync for Inner {}

impl Class {
    /// Makes the class.
    ///
    /// # Errors
    ///
    /// `EEXIST` if there is one of this name, with a line in the log: whoever has it is a driver
    /// that this one cannot be loaded beside. (Who loads the module sees `EBUSY`: the module
    /// loader keeps `EEXIST` for a module of the same name.) `ENOMEM`.
    pub fn new(name: &'static CStr) -> Result<Self> {
        let resident = Resident::new()?;
        // Asked beforehand, since sysfs answers a second directory of a name with a stack dump.
        // Two modules that ask at once can both go on; the later one then fails with that dump.
        // SAFETY: A NUL-terminated string.
        if unsafe { bindings::mdev_helper_class_exists(name.as_char_ptr()) } {
            let text = name.to_str().map_err(|_| EINVAL)?;
            kernel::pr_err!(
                "EEXIST: /sys/class/{text} is there: another driver has that class, unload it first\n"
            );
            return Err(EEXIST);
        }
        // SAFETY: A NUL-terminated, static string, which the class keeps.
        let class = from_err_ptr(unsafe { bindings::class_create(name.as_char_ptr()) })?;
        let class = Inner {
            class: NonNull::new(class).ok_or(ENOMEM)?,
            _resident: resident,
        };
        Ok(Self(Arc::new(class, GFP_KERNEL)?))
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // SAFETY: Made by `class_create`, and all devices, which hold a reference, are gone.
        unsafe { bindings::class_destroy(self.class.as_ptr()) };
    }
}

/// A registered device of a class, without driver.
#[pin_data(PinnedDrop)]
struct ClassDevice {
    #[pin]
    dev: Opaque<bindings::device>,
    _class: Class,
}

// SAFETY: Only adding and removing touch the device without a lock of the driver core, and they
// are the constructor and the destructor.
unsafe impl Send for ClassDevice {}
// SAFETY: As above.
unsafe impl Sync for ClassDevice {}

impl ClassDevice {
    /// Adds a device whose uevents are suppressed.
    fn new(class: &Class, name: CString) -> impl PinInit<Self, Error> {
        let class = class.clone();
        let raw_class = class.0.class.as_ptr();
        try_pin_init!(Self {
            dev <- Opaque::try_ffi_init(move |slot: *mut bindings::device| {
                // SAFETY: `slot` is valid for writes of a whole device; zeroes are what
                // `device_initialize` asks for.
                unsafe {
                    slot.write_bytes(0, 1);
                    bindings::device_initialize(slot);
                    bindings::mdev_helper_set_release(slot);
                    (*slot).class = raw_class;
                    bindings::mdev_helper_suppress_uevents(slot, true);
                }
                // SAFETY: The device is initialised; the format takes one string, which is copied.
                let named = to_result(unsafe {
                    bindings::dev_set_name(slot, c"%s".as_char_ptr(), name.as_char_ptr())
                });
                // SAFETY: Initialised and named; the memory is pinned.
                named.and_then(|()| to_result(unsafe { bindings::device_add(slot) })).inspect_err(
                    |_| {
                        // SAFETY: The device is not in sysfs, its first reference is ours, and
                        // its release frees nothing.
                        unsafe { kobject::put_last(&raw mut (*slot).kobj) }
                    },
                )
            }),
            _class: class,
        })
    }

    fn as_device(&self) -> &device::Device {
        // SAFETY: Added in `new`, and our reference lasts as long as `self`.
        unsafe { device::Device::from_raw(self.dev.get()) }
    }
}

#[pinned_drop]
impl PinnedDrop for ClassDevice {
    fn drop(self: Pin<&mut Self>) {
        let dev = self.dev.get();
        // SAFETY: Added in `new`, the first reference is ours and its release frees nothing.
        unsafe {
            bindings::device_del(dev);
            kobject::put_last(&raw mut (*dev).kobj);
        }
    }
}

/// A parent without hardware.
#[pin_data]
pub struct VirtualParent<T: Driver> {
    // Dropped first: types and devices go before the device that they are on.
    #[pin]
    parent: Parent<T>,
    #[pin]
    dev: ClassDevice,
}

impl<T: Driver> VirtualParent<T> {
    /// Adds a device to `class` and registers it as a parent. User space hears of the device when
    /// its types are complete.
    ///
    /// # Errors
    ///
    /// As [`Parent::register`], and `EEXIST` if the class has a device of this name.
    pub fn new(
        class: &Class,
        name: CString,
        total: Total,
        data: <T::Device as Device>::Parent,
    ) -> impl PinInit<Self, Error> {
        let dev = ClassDevice::new(class, name);
        try_pin_init!(&this in Self {
            dev <- dev,
            parent <- Parent::new(
                // SAFETY: `dev` was initialised just before, is pinned with the rest, and is dropped
                // after `parent`.
                unsafe { (*this.as_ptr()).dev.as_device() },
                total,
                data,
                Announce::Device,
            ),
        })
    }
}

/// Some parents without hardware, of one class, as many as a module parameter asks for. They go
/// in the order in which they came.
pub struct VirtualParents<T: Driver> {
    _parents: KVec<Pin<KBox<VirtualParent<T>>>>,
}

impl<T: Driver> VirtualParents<T> {
    /// Makes `count` of them, each with this `total`; `name(n)` is the name of the n-th, from 0, and
    /// `data()` what the devices of one share. No class is made for none.
    ///
    /// # Errors
    ///
    /// `EINVAL` if so many are not `allowed`, which is logged; else as [`Class::new`] and
    /// [`VirtualParent::new`], of which nothing is left then.
    pub fn new(
        class: &'static CStr,
        count: u32,
        allowed: RangeInclusive<u32>,
        name: impl Fn(u32) -> Result<CString>,
        total: Total,
        data: impl Fn() -> <T::Device as Device>::Parent,
    ) -> Result<Self> {
        if !allowed.contains(&count) {
            let (least, most) = allowed.into_inner();
            let class = class.to_str().map_err(|_| EINVAL)?;
            kernel::pr_err!(
                "EINVAL: {count} parents of class {class} were asked for, {least} to {most} can be had\n"
            );
            return Err(EINVAL);
        }
        let mut parents = KVec::new();
        if count > 0 {
            let class = Class::new(class)?;
            for n in 0..count {
                let parent = VirtualParent::new(&class, name(n)?, total, data());
                parents.push(KBox::pin_init(parent, GFP_KERNEL)?, GFP_KERNEL)?;
            }
        }
        Ok(Self { _parents: parents })
    }
}
