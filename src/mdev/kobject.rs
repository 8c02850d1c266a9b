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
        Delta,
        Instant,
        Monotonic, //
    },
    types::Opaque, //
};

/// How long a wait sleeps between two looks. References of others go within a grace period.
const NAP: Delta = Delta::from_millis(2);

/// How many seconds a wait lasts before it is said for the first time, and from then on between
/// two lines. Who waits here is an unbinding or an unloading that somebody waits for.
const FIRST_WORD: i64 = 10;
/// See [`FIRST_WORD`].
const NEXT_WORD: i64 = 60;

/// Waits until `kobj`, which `what` names in the log, has no reference but `ours`. There is no
/// other way out: the memory of a kobject that somebody refers to must stay.
fn wait_for_refs(kobj: *mut bindings::kobject, ours: u32, what: &CStr) {
    let start = Instant::<Monotonic>::now();
    let mut next = FIRST_WORD;
    loop {
        // SAFETY: The callers pass a kobject in memory that they own, initialised.
        let refs = unsafe { bindings::mdev_helper_kobject_refs(kobj) };
        if refs <= ours {
            return;
        }
        if start.elapsed() > Delta::from_secs(next) {
            kernel::pr_warn!(
                "waiting for {next} s for the kobject {what:?}: {} references of others are left\n",
                refs - ours
            );
            next += NEXT_WORD;
        }
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
    // SAFETY: The caller's reference keeps the name, which a kobject has from before it is added.
    let name = unsafe { name(kobj) };
    wait_for_refs(kobj, 1, name);
    // SAFETY: The caller owns this reference. The memory stays, as the release does not free it.
    unsafe { bindings::kobject_put(kobj) };
    // SAFETY: As above; the reference count is zero, so that the release was run or scheduled.
    unsafe { bindings::mdev_helper_kobject_await_release(kobj) };
}

/// The name of a kobject, for a log line.
///
/// # Safety
///
/// `kobj` must have a reference and keep its name as long as the result lives.
unsafe fn name<'a>(kobj: *mut bindings::kobject) -> &'a CStr {
    // SAFETY: As the caller promises.
    let name = unsafe { (*kobj).name };
    if name.is_null() {
        return c"(no name)";
    }
    // SAFETY: The name of a kobject is NUL-terminated, and stays as the caller promises.
    unsafe { CStr::from_char_ptr(name) }
}

/// Waits for the release of a kobject that somebody else has put, if it ever was initialised.
/// `what` names it in the log.
///
/// # Safety
///
/// `kobj` must be zeroed memory or a kobject that was initialised, whose own reference was put,
/// and whose release does not free it.
pub(crate) unsafe fn await_release(kobj: *mut bindings::kobject, what: &CStr) {
    // SAFETY: Zeroed memory is a valid, uninitialised kobject.
    if unsafe { bindings::mdev_helper_kobject_initialized(kobj) } {
        wait_for_refs(kobj, 0, what);
        // That the count is zero does not say that who brought it there has run the release, or
        // scheduled it. It does so without sleeping: the release of a type of mdev looks at the
        // type and at its parent, and last puts the device.
        // SAFETY: May be called where one can sleep.
        unsafe { bindings::mdev_helper_quiesce() };
        // SAFETY: As was waited for, the release was run or scheduled.
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
