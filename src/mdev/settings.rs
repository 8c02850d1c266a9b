// SPDX-License-Identifier: GPL-2.0

//! What a tester can make a parent say of itself: an older, newer or other host.
//!
//! The files are root's, in the directory `settings` of the parent's device. They change what the
//! parent's places state and accept, hence only while it has no device; `whole` alone can be
//! taken back while the whole device is there.

use crate::{
    bindings,
    driver::{
        self,
        Driver, //
    },
    kobject::Directory,
    parent::Parent,
    protocols::Protocols,
    shared::{
        Model,
        Shared, //
    },
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
    pin::Pin, //
};
use kernel::{
    container_of,
    error::to_result,
    prelude::*, //
};

/// A setting: how it reads, and how it is set from text.
trait Setting: 'static {
    const NAME: &'static CStr;

    /// Whether it cannot be set on a parent whose total is that of its hardware.
    const OF_HARDWARE: bool = false;

    fn show(shared: &Shared, out: &mut dyn Write) -> fmt::Result;

    /// Sets it. The error says what the text should have been.
    fn set(shared: &mut Shared, text: &str) -> Result<(), &'static str>;
}

struct ModelName;

impl Setting for ModelName {
    const NAME: &'static CStr = c"model";

    fn show(shared: &Shared, out: &mut dyn Write) -> fmt::Result {
        writeln!(out, "{}", shared.settings.model.as_str())
    }

    fn set(shared: &mut Shared, text: &str) -> Result<(), &'static str> {
        shared.settings.model = Model::new(text)
            .map_err(|_| "a word of at most 63 bytes of A-Za-z0-9._:+-, not a number")?;
        Ok(())
    }
}

struct State;

impl Setting for State {
    const NAME: &'static CStr = c"state";

    fn show(shared: &Shared, out: &mut dyn Write) -> fmt::Result {
        writeln!(out, "{}", shared.settings.state)
    }

    fn set(shared: &mut Shared, text: &str) -> Result<(), &'static str> {
        let state = migcore::parse_number(text).ok_or("a decimal number")?;
        let (min, max) = shared.settings.reads;
        if !(min..=max).contains(&state) {
            return Err("a version within state_range, which may have to be widened first");
        }
        shared.settings.state = state;
        Ok(())
    }
}

struct StateRange;

impl Setting for StateRange {
    const NAME: &'static CStr = c"state_range";

    fn show(shared: &Shared, out: &mut dyn Write) -> fmt::Result {
        let (min, max) = shared.settings.reads;
        writeln!(out, "{min}..{max}")
    }

    fn set(shared: &mut Shared, text: &str) -> Result<(), &'static str> {
        let range = text.split_once("..").and_then(|(min, max)| {
            Some((migcore::parse_number(min)?, migcore::parse_number(max)?))
        });
        let (min, max) = range.ok_or("<lowest>..<highest>, two decimal numbers")?;
        if !(min..=max).contains(&shared.settings.state) {
            return Err("a range that contains the version in `state`");
        }
        shared.settings.reads = (min, max);
        Ok(())
    }
}

struct Features;

impl Setting for Features {
    const NAME: &'static CStr = c"features";

    fn show(shared: &Shared, out: &mut dyn Write) -> fmt::Result {
        writeln!(out, "{:#x}", shared.settings.features)
    }

    fn set(shared: &mut Shared, text: &str) -> Result<(), &'static str> {
        shared.settings.features =
            migcore::parse_mask(text).ok_or("a lower-case mask such as 0x5")?;
        Ok(())
    }
}

/// The interfaces through which devices can be migrated at the most.
struct Interfaces<T>(PhantomData<T>);

impl<T: Driver> Setting for Interfaces<T> {
    const NAME: &'static CStr = c"protocols";

    fn show(shared: &Shared, out: &mut dyn Write) -> fmt::Result {
        writeln!(out, "{}", shared.settings.protocols)
    }

    fn set(shared: &mut Shared, text: &str) -> Result<(), &'static str> {
        let wanted = Protocols::parse(text).ok_or("`v1`, `v2` or `v1 v2`")?;
        let offered = T::TYPES.iter().filter_map(|kind| kind.migration);
        if offered.into_iter().any(|own| own.and(wanted).is_none()) {
            return Err("what leaves each type that can be migrated an interface");
        }
        shared.settings.protocols = wanted;
        Ok(())
    }
}

/// The parent's total of the budgeted parameter, in a file of that parameter's name.
struct Budget<T>(PhantomData<T>);

impl<T: Driver> Setting for Budget<T> {
    const NAME: &'static CStr = driver::BudgetName::<T>::TEXT;
    const OF_HARDWARE: bool = true;

    fn show(shared: &Shared, out: &mut dyn Write) -> fmt::Result {
        writeln!(out, "{}", shared.total)
    }

    fn set(shared: &mut Shared, text: &str) -> Result<(), &'static str> {
        shared.total = migcore::parse_number(text)
            .filter(|&total| total > 0)
            .ok_or("a decimal number above 0")?;
        Ok(())
    }
}

/// The file of a setting.
struct SettingFile<T, S>(PhantomData<(T, S)>);

/// Refuses a write to a file, with a line in the log.
fn refuse<T: Driver>(parent: &Parent<T>, file: &CStr, errno: Error, why: &str) -> Result {
    if parent.notices.allows() {
        let name = file.to_str().unwrap_or("");
        parent.dev.pr_warn(format_args!("settings/{name}: {why}\n"));
    }
    Err(errno)
}

/// The parent whose directory this is.
///
/// # Safety
///
/// `kobj` must be that of the `settings` of a `Parent<T>`, and stay while the result lives.
unsafe fn parent<'a, T: Driver>(kobj: *mut bindings::kobject) -> &'a Parent<T> {
    // SAFETY: As the caller promises.
    unsafe { &*container_of!(Directory::from_raw(kobj), Parent<T>, settings) }
}

impl<T: Driver, S: Setting> File for SettingFile<T, S> {
    type Object = Parent<T>;
    const NAME: &'static CStr = S::NAME;
    const MODE: u16 = 0o400;

    unsafe fn object<'a>(kobj: *mut bindings::kobject) -> &'a Parent<T> {
        // SAFETY: `add_files` makes this file in the `settings` of a parent, which are removed
        // before anything else of it.
        unsafe { parent(kobj) }
    }

    fn read(parent: &Parent<T>, out: &mut dyn Write) -> fmt::Result {
        S::show(&parent.shared.lock(), out)
    }
}

impl<T: Driver, S: Setting> Writable for SettingFile<T, S> {
    fn write(parent: &Parent<T>, bytes: &[u8], offset: u64) -> Result {
        if S::OF_HARDWARE && !parent.total_settable {
            return refuse(parent, S::NAME, EPERM, "fixed by the parent's hardware");
        }
        let Ok(text) = sysfs::line(bytes, offset) else {
            let why = "not one line of printable ASCII, written at offset 0";
            return refuse(parent, S::NAME, EINVAL, why);
        };
        let mut shared = parent.shared.lock();
        if shared.devices > 0 {
            let why = "the parent has devices, or is offered whole: end that first";
            return refuse(parent, S::NAME, EBUSY, why);
        }
        match S::set(&mut shared, text) {
            Ok(()) => Ok(()),
            Err(wanted) => {
                drop(shared);
                if parent.notices.allows() {
                    let text = migcore::Escaped::new(text.as_bytes(), 64);
                    let name = S::NAME.to_str().unwrap_or("");
                    parent.dev.pr_warn(format_args!(
                        "settings/{name}: \"{text}\" is not {wanted}\n"
                    ));
                }
                Err(EINVAL)
            }
        }
    }
}

/// `whole`: whether the parent is offered as one device, without mdev.
struct WholeFile<T>(PhantomData<T>);

impl<T: Driver> File for WholeFile<T> {
    type Object = Parent<T>;
    const NAME: &'static CStr = c"whole";
    const MODE: u16 = 0o400;

    unsafe fn object<'a>(kobj: *mut bindings::kobject) -> &'a Parent<T> {
        // SAFETY: As that of a setting.
        unsafe { parent(kobj) }
    }

    fn read(parent: &Parent<T>, out: &mut dyn Write) -> fmt::Result {
        writeln!(out, "{}", u8::from(parent.shared.lock().whole))
    }
}

impl<T: Driver> Writable for WholeFile<T> {
    fn write(parent: &Parent<T>, bytes: &[u8], offset: u64) -> Result {
        let wanted = match sysfs::line(bytes, offset) {
            Ok("0") => false,
            Ok("1") => true,
            _ => {
                return refuse(
                    parent,
                    Self::NAME,
                    EINVAL,
                    "neither 0 nor 1, written at offset 0",
                )
            }
        };
        // SAFETY: A parent is pinned from its beginning.
        let pinned = unsafe { Pin::new_unchecked(parent) };
        pinned
            .set_whole(wanted)
            .or_else(|(errno, why)| refuse(parent, Self::NAME, errno, why))
    }
}

/// The files as C wants them.
struct Files<T>(PhantomData<T>);

impl<T: Driver> Files<T> {
    const ALWAYS: [&'static bindings::bin_attribute; 5] = [
        &const { sysfs::writable::<SettingFile<T, Budget<T>>>() },
        &const { sysfs::writable::<SettingFile<T, ModelName>>() },
        &const { sysfs::writable::<SettingFile<T, State>>() },
        &const { sysfs::writable::<SettingFile<T, StateRange>>() },
        &const { sysfs::writable::<SettingFile<T, Interfaces<T>>>() },
    ];
    const FEATURES: bindings::bin_attribute = sysfs::writable::<SettingFile<T, Features>>();
    const WHOLE: bindings::bin_attribute = sysfs::writable::<WholeFile<T>>();
}

/// Makes the files in a parent's directory, with which they go.
pub(crate) fn add_files<T: Driver>(directory: &Directory) -> Result {
    let features = T::CONTRACT.features.then_some(&Files::<T>::FEATURES);
    let whole = T::WHOLE.is_some().then_some(&Files::<T>::WHOLE);
    let add = |attr: &'static bindings::bin_attribute| {
        // SAFETY: The directory is in sysfs, the attribute static.
        to_result(unsafe { bindings::sysfs_create_bin_file(directory.as_raw(), attr) })
    };
    Files::<T>::ALWAYS.into_iter().try_for_each(add)?;
    [features, whole].into_iter().flatten().try_for_each(add)
}
