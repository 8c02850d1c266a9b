// SPDX-License-Identifier: GPL-2.0

//! The types of a parent, and the files that we add to theirs.
//!
//! C header: [`include/linux/mdev.h`](srctree/include/linux/mdev.h)

use crate::{
    bindings,
    driver::{
        Driver,
        Type, //
    },
    parent::Parent,
    question::Asked,
    seat::Seat,
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
    prelude::*,
    types::Opaque, //
};
use migcore::{
    Node,
    Place, //
};

/// A type on one parent: what the mdev core registers, and the row of the driver's table.
///
/// # Invariants
///
/// While the core knows `raw`, its `parent` is the `raw` of a `Parent<T>` that outlives the type's
/// kobject.
#[repr(C)]
pub(crate) struct Row<T: Driver> {
    raw: Opaque<bindings::mdev_type>,
    kind: &'static Type,
    _driver: PhantomData<fn() -> T>,
}

impl<T: Driver> Row<T> {
    /// A type that is not registered yet.
    pub(crate) fn new(kind: &'static Type) -> Self {
        // SAFETY: Integers, pointers and kobjects: zeroes are valid, and what the core expects.
        let mut raw: bindings::mdev_type = unsafe { core::mem::zeroed() };
        raw.sysfs_name = kind.sysfs_name.as_char_ptr();
        raw.pretty_name = kind.pretty_name.as_char_ptr();
        Self {
            raw: Opaque::new(raw),
            kind,
            _driver: PhantomData,
        }
    }

    /// The C structure.
    pub(crate) fn as_raw(&self) -> *mut bindings::mdev_type {
        self.raw.get()
    }

    /// The kobject of the type's directory.
    pub(crate) fn kobj(&self) -> *mut bindings::kobject {
        // SAFETY: Only the address of a field is taken.
        unsafe { &raw mut (*self.raw.get()).kobj }
    }

    /// The row that `raw` is in.
    ///
    /// # Safety
    ///
    /// `raw` must be the type of a `Row<T>` that is registered as long as the result lives.
    pub(crate) unsafe fn from_raw<'a>(raw: *mut bindings::mdev_type) -> &'a Self {
        // SAFETY: `raw` is the first field of a `repr(C)` structure; `Opaque` is transparent.
        unsafe { &*raw.cast::<Self>() }
    }

    /// The driver's table row.
    pub(crate) fn kind(&self) -> &'static Type {
        self.kind
    }

    /// The parent that it is registered on.
    pub(crate) fn parent(&self) -> Pin<&Parent<T>> {
        // SAFETY: By the invariant, this is the `raw` of a pinned `Parent<T>` that outlives us.
        // Rows are only reached through the mdev core, which sets the field first.
        unsafe {
            let raw = (*self.raw.get()).parent;
            let parent = container_of!(Opaque::cast_from(raw), Parent<T>, raw);
            Pin::new_unchecked(&*parent)
        }
    }

    /// The row on its parent, as a device of it has it.
    pub(crate) fn seat(&self) -> Seat<'_, T> {
        Seat {
            parent: self.parent(),
            kind: self.kind,
            whole: false,
        }
    }

    fn with_type_place<R>(&self, f: impl FnOnce(Place<'_>) -> R) -> R {
        self.seat().with_place(Node::Type, self.kind.params, f)
    }

    /// How many more devices of this type the parent has room for.
    pub(crate) fn available_instances(&self) -> u32 {
        self.parent()
            .shared
            .lock()
            .instances(self.kind.params[T::BUDGET])
    }

    /// What `description` shows, without newline.
    pub(crate) fn description(&self) -> &'static str {
        // Static text of the table; a driver that is not in UTF-8 shows nothing.
        self.kind.description.to_str().unwrap_or("")
    }

    /// Adds our files to a type that has just been registered. They go with its directory.
    pub(crate) fn add_files(&self) -> Result {
        if self.kind.migration.is_none() {
            return Ok(());
        }
        for attr in [&Version::<T>::ATTRIBUTE, &Accepts::<T>::ATTRIBUTE] {
            // SAFETY: The kobject is in sysfs, the attribute static.
            to_result(unsafe { bindings::sysfs_create_bin_file(self.kobj(), attr) })?;
        }
        Ok(())
    }
}

/// Finds a row from the type's directory.
///
/// # Safety
///
/// `kobj` must be that of a registered `Row<T>`, as long as the result lives.
unsafe fn row<'a, T: Driver>(kobj: *mut bindings::kobject) -> &'a Row<T> {
    // SAFETY: The kobject is embedded in a `struct mdev_type`.
    let raw = unsafe { container_of!(kobj, bindings::mdev_type, kobj) };
    // SAFETY: As the caller promises.
    unsafe { Row::from_raw(raw) }
}

/// `migration_version` of a type.
struct Version<T>(PhantomData<T>);

impl<T: Driver> Version<T> {
    const ATTRIBUTE: bindings::bin_attribute = sysfs::writable::<Self>();
}

impl<T: Driver> File for Version<T> {
    type Object = Row<T>;
    const NAME: &'static CStr = c"migration_version";
    const MODE: u16 = 0o444;

    unsafe fn object<'a>(kobj: *mut bindings::kobject) -> &'a Row<T> {
        // SAFETY: `add_files` makes this file in the directory of a row.
        unsafe { row(kobj) }
    }

    fn read(row: &Row<T>, out: &mut dyn Write) -> fmt::Result {
        row.with_type_place(|place| writeln!(out, "{}", place.version()))
    }
}

impl<T: Driver> Writable for Version<T> {
    fn write(row: &Row<T>, bytes: &[u8], offset: u64) -> Result {
        let parent = row.parent();
        row.with_type_place(|place| {
            Asked {
                dev: &parent.dev,
                limit: &parent.limit,
                place,
            }
            .answer(bytes, offset)
        })
    }
}

/// `migration_accepts` of a type.
struct Accepts<T>(PhantomData<T>);

impl<T: Driver> Accepts<T> {
    const ATTRIBUTE: bindings::bin_attribute = sysfs::attribute::<Self>();
}

impl<T: Driver> File for Accepts<T> {
    type Object = Row<T>;
    const NAME: &'static CStr = c"migration_accepts";
    const MODE: u16 = 0o444;

    unsafe fn object<'a>(kobj: *mut bindings::kobject) -> &'a Row<T> {
        // SAFETY: `add_files` makes this file in the directory of a row.
        unsafe { row(kobj) }
    }

    fn read(row: &Row<T>, out: &mut dyn Write) -> fmt::Result {
        row.with_type_place(|place| writeln!(out, "{}", place.accepts()))
    }
}
