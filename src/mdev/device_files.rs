// SPDX-License-Identifier: GPL-2.0

//! The files of a device in sysfs.
//!
//! C header: [`include/linux/device/driver.h`](srctree/include/linux/device/driver.h),
//! `dev_groups`

use crate::{
    bindings,
    device::Device,
    driver::{
        self,
        Driver, //
    },
    question::Asked,
    state::State,
    sysfs::{
        self,
        File,
        Writable, //
    },
};
use core::{
    fmt::{
        self,
        Write, //
    },
    marker::PhantomData,
    ptr::null, //
};
use kernel::{
    container_of,
    prelude::*, //
};

/// The device's files, for `struct device_driver`.
pub(crate) fn groups<T: Driver>() -> *mut *const bindings::attribute_group {
    // CAST: The driver core does not write to it; the C structure only lacks the `const`.
    core::ptr::from_ref(Groups::<T>::ALL).cast_mut().cast()
}

/// The device of an mdev's directory.
///
/// # Safety
///
/// `kobj` must be that of a probed mdev of `T`, which is not removed as long as the result lives.
unsafe fn device<'a, T: Driver>(kobj: *mut bindings::kobject) -> &'a State<T> {
    // SAFETY: As the caller promises, a `struct device` whose data `probe` set. The driver core
    // adds the files after the probe and removes them, with their callbacks, before `remove`.
    unsafe {
        let dev = container_of!(kobj, bindings::device, kobj);
        &(*bindings::dev_get_drvdata(dev).cast::<Device<T>>()).state
    }
}

/// `migration_version` of a device.
struct Version<T>(PhantomData<T>);

impl<T: Driver> File for Version<T> {
    type Object = State<T>;
    const NAME: &'static CStr = c"migration_version";
    const MODE: u16 = 0o444;

    unsafe fn object<'a>(kobj: *mut bindings::kobject) -> &'a State<T> {
        // SAFETY: The file is in the driver's groups.
        unsafe { device(kobj) }
    }

    fn check(device: &State<T>) -> Result {
        device.check_sound()
    }

    fn read(device: &State<T>, out: &mut dyn Write) -> fmt::Result {
        device.with_stated(|place| writeln!(out, "{}", place.version()))
    }
}

impl<T: Driver> Writable for Version<T> {
    fn write(device: &State<T>, bytes: &[u8], offset: u64) -> Result {
        device.with_own(|place| {
            Asked {
                dev: device.dev(),
                limit: &device.limit,
                place,
            }
            .answer(bytes, offset)
        })
    }
}

/// `migration_accepts` of a device.
struct Accepts<T>(PhantomData<T>);

impl<T: Driver> File for Accepts<T> {
    type Object = State<T>;
    const NAME: &'static CStr = c"migration_accepts";
    const MODE: u16 = 0o444;

    unsafe fn object<'a>(kobj: *mut bindings::kobject) -> &'a State<T> {
        // SAFETY: The file is in the driver's groups.
        unsafe { device(kobj) }
    }

    fn check(device: &State<T>) -> Result {
        device.check_sound()
    }

    fn read(device: &State<T>, out: &mut dyn Write) -> fmt::Result {
        device.with_own(|place| writeln!(out, "{}", place.accepts()))
    }
}

/// `state_version`: the state versions that can be written, the one in force in brackets.
struct StateVersion<T>(PhantomData<T>);

impl<T: Driver> File for StateVersion<T> {
    type Object = State<T>;
    const NAME: &'static CStr = c"state_version";
    const MODE: u16 = 0o444;

    unsafe fn object<'a>(kobj: *mut bindings::kobject) -> &'a State<T> {
        // SAFETY: The file is in the driver's groups.
        unsafe { device(kobj) }
    }

    fn read(device: &State<T>, out: &mut dyn Write) -> fmt::Result {
        let mut gap = "";
        device.each_version(|(version, in_force)| {
            let (open, close) = if in_force { ("[", "]") } else { ("", "") };
            write!(out, "{gap}{open}{version}{close}")?;
            gap = " ";
            Ok(())
        })?;
        writeln!(out)
    }
}

impl<T: Driver> Writable for StateVersion<T> {
    fn write(device: &State<T>, bytes: &[u8], offset: u64) -> Result {
        let text = sysfs::line(bytes, offset)?;
        let set = migcore::parse_number(text)
            .ok_or(EINVAL)
            .and_then(|version| device.set_version(version));
        set.inspect_err(|&errno| {
            let text = migcore::Escaped::new(text.as_bytes(), 64);
            if errno == EBUSY {
                device.warn(format_args!(
                    "state_version: {text} is refused while a save is open: end it first"
                ));
            } else {
                device.warn(format_args!(
                    "state_version: \"{text}\" is none of those that reading lists"
                ));
            }
        })
    }
}

/// `fail`: makes an open device fail, as hardware may, for those who test what follows.
struct Fail<T>(PhantomData<T>);

impl<T: Driver> File for Fail<T> {
    type Object = State<T>;
    const NAME: &'static CStr = c"fail";
    const MODE: u16 = 0o400;

    unsafe fn object<'a>(kobj: *mut bindings::kobject) -> &'a State<T> {
        // SAFETY: The file is in the driver's groups.
        unsafe { device(kobj) }
    }

    fn read(device: &State<T>, out: &mut dyn Write) -> fmt::Result {
        writeln!(out, "{}", u8::from(device.check_sound().is_err()))
    }
}

impl<T: Driver> Writable for Fail<T> {
    fn write(device: &State<T>, bytes: &[u8], offset: u64) -> Result {
        match sysfs::line(bytes, offset)? {
            "1" => device.fail(),
            _ => Err(EINVAL),
        }
    }
}

/// Sets the budgeted parameter, the only one that can be settable.
fn set_parameter<T: Driver>(device: &State<T>, text: &str) -> Result {
    let key = T::CONTRACT.params[T::BUDGET].key;
    let refuse = |errno, why: fmt::Arguments<'_>| {
        device.warn(format_args!("{key}: {why}"));
        Err(errno)
    };
    let Some(value) = migcore::parse_number(text) else {
        let text = migcore::Escaped::new(text.as_bytes(), 64);
        return refuse(EINVAL, format_args!("\"{text}\" is no decimal number"));
    };
    let seat = device.seat();
    let mut values = device.values.lock();
    if values.used {
        let why = "the device was opened: fixed until it is removed";
        return refuse(EBUSY, format_args!("{why}"));
    }
    let mut shared = seat.parent.shared.lock();
    let range = seat.range(T::BUDGET, shared.total);
    if !range.contains(value) {
        drop(shared);
        return refuse(EINVAL, format_args!("{value} is not one of {range}"));
    }
    let before = values.now[T::BUDGET];
    let left = shared.left();
    if seat.whole {
        // Of what is the device's as a whole.
    } else if let Err(errno) = shared.resize(before, value) {
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

/// The settable parameter, in a file of its name.
struct Settable<T>(PhantomData<T>);

impl<T: Driver> File for Settable<T> {
    type Object = State<T>;
    const NAME: &'static CStr = driver::BudgetName::<T>::TEXT;
    const MODE: u16 = 0o444;

    unsafe fn object<'a>(kobj: *mut bindings::kobject) -> &'a State<T> {
        // SAFETY: The file is in the driver's groups.
        unsafe { device(kobj) }
    }

    fn read(device: &State<T>, out: &mut dyn Write) -> fmt::Result {
        let value = device.values.lock().now[T::BUDGET];
        writeln!(out, "{value}")
    }
}

impl<T: Driver> Writable for Settable<T> {
    fn write(device: &State<T>, bytes: &[u8], offset: u64) -> Result {
        set_parameter(device, sysfs::line(bytes, offset)?)
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

    const MIGRATION: [*const bindings::bin_attribute; 5] = [
        &const { sysfs::writable::<Version<T>>() },
        &const { sysfs::attribute::<Accepts<T>>() },
        &const { sysfs::writable::<StateVersion<T>>() },
        &const { sysfs::writable::<Fail<T>>() },
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
        if device.kind().migration.is_some() {
            // SAFETY: `attr` is one of the group's.
            unsafe { (*attr).attr.mode }
        } else {
            0
        }
    }
}
