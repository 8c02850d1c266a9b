// SPDX-License-Identifier: GPL-2.0

//! The end of kobjects that live in memory of ours.
//!
//! C header: [`include/linux/kobject.h`](srctree/include/linux/kobject.h)
//!
//! The mdev core embeds kobjects in structures of the driver, which must stay until the last
//! reference is gone and the release has run; the core does not say when. So we hold a reference
//! of our own until it is the only one. Nobody can get another then: the kobject has left sysfs
//! and every list.

use crate::bindings;
use kernel::{
    container_of,
    prelude::*,
    time::{
        delay::fsleep,
        Delta, //
    },
    types::Opaque, //
};

/// How long a wait sleeps between two looks. References of others go within a grace period.
const NAP: Delta = Delta::from_millis(2);

/// Waits until `kobj` has no reference but `ours`.
fn wait_for_refs(kobj: *mut bindings::kobject, ours: u32) {
    // SAFETY: The callers pass a kobject in memory that they own, initialised.
    while unsafe { bindings::mdev_helper_kobject_refs(kobj) } > ours {
        fsleep(NAP);
    }
}

/// Drops the last reference of `kobj`, after waiting for all others, and waits for the release.
///
/// # Safety
///
/// `kobj` must be initialised, removed from sysfs and every list, the caller must own one
/// reference and use it up with this call; its release must not free `kobj`.
pub(crate) unsafe fn put_last(kobj: *mut bindings::kobject) {
    wait_for_refs(kobj, 1);
    // SAFETY: The caller owns this reference. The memory stays, as the release does not free it.
    unsafe { bindings::kobject_put(kobj) };
    // SAFETY: As above; the reference count is zero, so that the release was run or scheduled.
    unsafe { bindings::mdev_helper_kobject_await_release(kobj) };
}

/// Waits for the release of a kobject that somebody else has put, if it ever was initialised.
///
/// # Safety
///
/// `kobj` must be zeroed memory or a kobject that was initialised, whose own reference was put,
/// and whose release does not free it.
pub(crate) unsafe fn await_release(kobj: *mut bindings::kobject) {
    // SAFETY: Zeroed memory is a valid, uninitialised kobject.
    if unsafe { bindings::mdev_helper_kobject_initialized(kobj) } {
        wait_for_refs(kobj, 0);
        // SAFETY: The reference count is zero, so that the release was run or scheduled.
        unsafe { bindings::mdev_helper_kobject_await_release(kobj) };
    }
}

/// A directory of ours in sysfs. Removed, with its files, when dropped.
#[pin_data(PinnedDrop)]
pub(crate) struct Directory {
    #[pin]
    kobj: Opaque<bindings::kobject>,
}

// SAFETY: The only method hands out a pointer; kobjects are removed from any thread.
unsafe impl Send for Directory {}
// SAFETY: As above.
unsafe impl Sync for Directory {}

impl Directory {
    /// Makes the directory `name` in that of `parent`.
    ///
    /// # Safety
    ///
    /// `parent` must be in sysfs, and stay there until the result is dropped.
    pub(crate) unsafe fn new(
        parent: *mut bindings::kobject,
        name: &'static CStr,
    ) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            kobj <- Opaque::try_ffi_init(move |slot: *mut bindings::kobject| {
                // SAFETY: `slot` is valid for writes of a whole kobject, of which zeroes are the
                // uninitialised state that `kobject_init` asks for.
                unsafe { slot.write_bytes(0, 1) };
                // SAFETY: `slot` is pinned, `parent` is in sysfs as the caller promises, and the
                // name is copied.
                let ret = unsafe {
                    bindings::mdev_helper_kobject_add(slot, parent, name.as_char_ptr())
                };
                kernel::error::to_result(ret).inspect_err(|_| {
                    // SAFETY: It was initialised, is not in sysfs, the reference is ours, and its
                    // release frees nothing.
                    unsafe { put_last(slot) }
                })
            }),
        })
    }

    /// The directory whose kobject this is.
    ///
    /// # Safety
    ///
    /// `kobj` must be that of a `Directory`.
    pub(crate) unsafe fn from_raw(kobj: *mut bindings::kobject) -> *mut Self {
        // SAFETY: As the caller promises.
        unsafe { container_of!(Opaque::cast_from(kobj).cast_mut(), Self, kobj) }
    }

    /// The directory's kobject, for files to be made in it.
    pub(crate) fn as_raw(&self) -> *mut bindings::kobject {
        self.kobj.get()
    }
}

#[pinned_drop]
impl PinnedDrop for Directory {
    fn drop(self: Pin<&mut Self>) {
        let kobj = self.kobj.get();
        // SAFETY: It was added in `new`. This waits for callbacks of its files that still run.
        unsafe { bindings::kobject_del(kobj) };
        // SAFETY: It has just left sysfs, `new` left us its first reference, and its release
        // frees nothing.
        unsafe { put_last(kobj) };
    }
}
