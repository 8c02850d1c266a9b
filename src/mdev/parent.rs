// SPDX-License-Identifier: GPL-2.0

//! A parent: a device that devices can be made on.
//!
//! C header: [`include/linux/mdev.h`](srctree/include/linux/mdev.h)

use crate::{
    bindings,
    driver::{
        Driver,
        Hold,
        Type, //
    },
    function::Device,
    kobject::{
        self,
        Directory, //
    },
    limit::Limit,
    mtype::Row,
    settings,
    shared::{
        Settings,
        Shared, //
    },
    whole::WholeDevice, //
};
use core::ptr::null_mut;
use kernel::{
    device, devres,
    error::to_result,
    new_condvar, new_mutex, new_spinlock,
    prelude::*,
    sync::{
        aref::ARef,
        atomic::{
            Acquire,
            Atomic,
            Release, //
        },
        CondVar,
        Mutex,
        SpinLock, //
    },
    types::{
        Opaque,
        ScopeGuard, //
    },
};

/// What a parent has of the budgeted parameter.
#[derive(Clone, Copy)]
pub enum Total {
    /// As much as its hardware has.
    Fixed(u64),
    /// As much as it is told to have, through its settings; at first this.
    Settable(u64),
}

/// A registered parent: while it exists, devices can be made on it.
///
/// Dropping it removes all its devices, waiting for those that are open, and then the types.
#[pin_data(PinnedDrop)]
pub struct Parent<T: Driver> {
    /// Its files use what stands below it, and stay until after the types are gone.
    #[pin]
    pub(crate) settings: Directory,
    #[pin]
    pub(crate) raw: Opaque<bindings::mdev_parent>,
    pub(crate) dev: ARef<device::Device>,
    #[pin]
    pub(crate) shared: Mutex<Shared>,
    /// For the verdicts of the types' nodes.
    #[pin]
    pub(crate) limit: Limit,
    /// For everything else that is logged, so that it cannot crowd out verdicts.
    #[pin]
    pub(crate) notices: Limit,
    /// Whether the total is not the hardware's.
    pub(crate) total_settable: bool,
    /// The child with the whole device, while there is one.
    #[pin]
    whole: Mutex<Option<Pin<KBox<WholeDevice<T>>>>>,
    /// Whether the types have all their files.
    ready: Atomic<bool>,
    /// How many devices' memory refers to this. No mutex, as unlocking one may touch it after
    /// somebody else could lock it, and the last device's release is followed by our end.
    #[pin]
    allocated: SpinLock<usize>,
    #[pin]
    released: CondVar,
    /// What the core is given. Neither vector grows once it is.
    rows: KVec<Row<T>>,
    types: KVec<*mut bindings::mdev_type>,
    /// After all that the driver's callbacks use.
    hold: Hold<T>,
    /// What the driver's devices here share.
    data: <T::Device as Device>::Parent,
}

// SAFETY: The pointers are to parts of `rows`, which the core uses under locks of its own;
// registering and unregistering may happen on any thread.
unsafe impl<T: Driver> Send for Parent<T> {}
// SAFETY: As above; all that changes is behind a lock or atomic.
unsafe impl<T: Driver> Sync for Parent<T> {}

impl<T: Driver> Parent<T> {
    /// Registers `dev` as a parent of `T`'s types, until its driver is unbound. Its devices share
    /// `data`, which goes after the last of them.
    ///
    /// There is nothing to keep, hence nothing that could be kept beyond the device: the parent is
    /// the device's, which drops it after the driver's own data, or if the probe fails after this.
    /// The types have their files before the core's `MDEV_STATE=registered` is announced.
    ///
    /// # Errors
    ///
    /// `ENODEV` if `T` is not registered, `ENOMEM`, and whatever sysfs answers. Nothing is left
    /// registered then.
    pub fn register(
        dev: &device::Device<device::Bound>,
        total: Total,
        data: <T::Device as Device>::Parent,
    ) -> Result {
        let parent = Self::new(dev, total, data, Announce::Types);
        devres::register(dev, parent, GFP_KERNEL)
    }

    pub(crate) fn new<'a>(
        dev: &'a device::Device,
        total: Total,
        data: <T::Device as Device>::Parent,
        announce: Announce,
    ) -> impl PinInit<Self, Error> + 'a {
        let (units, total_settable) = match total {
            Total::Fixed(units) => (units, false),
            Total::Settable(units) => (units, true),
        };
        try_pin_init!(&this in Self {
            raw: Opaque::zeroed(),
            dev: dev.into(),
            shared <- new_mutex!(Shared {
                settings: Settings::new(&T::IDENTITY)?,
                total: units,
                used: 0,
                devices: 0,
                whole: false,
            }),
            limit <- Limit::new(),
            notices <- Limit::new(),
            total_settable,
            whole <- new_mutex!(None),
            ready: Atomic::new(false),
            allocated <- new_spinlock!(0),
            released <- new_condvar!(),
            rows: {
                let mut rows = KVec::with_capacity(T::TYPES.len(), GFP_KERNEL)?;
                for kind in T::TYPES {
                    rows.push(Row::new(kind), GFP_KERNEL)?;
                }
                rows
            },
            types: KVec::with_capacity(T::TYPES.len(), GFP_KERNEL)?,
            hold: T::cell().hold()?,
            data,
            // Last of the fields, so that it goes first if publishing fails: its files use the others.
            // SAFETY: The device is in sysfs, and stays there while it is bound, which is as long
            // as its resources, or, without a driver, until its owner, which drops this first,
            // removes it.
            settings <- unsafe { Directory::new(kobj(dev), c"settings") },
            _: {
                // SAFETY: All fields are initialised, and nobody else has a reference yet.
                let parent = unsafe { &mut *this.as_ptr() };
                for row in &parent.rows {
                    parent.types.push(row.as_raw(), GFP_KERNEL)?;
                }
                // SAFETY: The memory is pinned, and is dropped only through `PinnedDrop` unless
                // this fails.
                unsafe { Pin::new_unchecked(&*parent) }.publish(announce)?;
            },
        })
    }

    fn suppress_uevents(&self, suppress: bool) -> bool {
        // SAFETY: We hold the device. The bit shares a byte with others that the driver core sets
        // when it sends an event, and no lock covers both: an event that user space asks for in
        // the moment of a probe can undo this, or be undone. What can be lost is an event, or the
        // order of one; nothing relies on either for memory safety, and `check_ready` refuses
        // devices until the types are complete.
        unsafe { bindings::mdev_helper_suppress_uevents(self.dev_raw(), suppress) }
    }

    fn announce(&self, action: bindings::kobject_action, variable: Option<&'static CStr>) {
        let mut env = [
            variable.map_or(null_mut(), |v| v.as_char_ptr().cast_mut()),
            null_mut(),
        ];
        // SAFETY: The kobject is registered; the list ends with a null pointer and is only read.
        // Nobody can do anything about a failure: events may be lost at any time.
        unsafe { bindings::kobject_uevent_env(kobj(&self.dev), action, env.as_mut_ptr()) };
    }

    /// Makes the types visible. On failure nothing of it stays.
    fn publish(self: Pin<&Self>, announce: Announce) -> Result {
        // The core announces the parent before we can add files to its types. So nothing is
        // announced until they are there.
        let suppressed = self.suppress_uevents(true);
        let result = self.register_types();
        if result.is_ok() {
            self.ready.store(true, Release);
        }
        match announce {
            Announce::Device if result.is_err() => {}
            Announce::Device => {
                self.suppress_uevents(false);
                self.announce(bindings::kobject_action_KOBJ_ADD, None);
                self.announce(bindings::kobject_action_KOBJ_CHANGE, Some(REGISTERED));
            }
            Announce::Types => {
                self.suppress_uevents(suppressed);
                if result.is_ok() {
                    self.announce(bindings::kobject_action_KOBJ_CHANGE, Some(REGISTERED));
                }
                // For any event that somebody else asked for meanwhile, and which was swallowed.
                self.announce(bindings::kobject_action_KOBJ_CHANGE, None);
            }
        }
        result
    }

    fn register_types(self: Pin<&Self>) -> Result {
        // CAST: NO-OVERFLOW: a static table of a few rows.
        let count = self.types.len() as u32;
        // SAFETY: `raw` is pinned and unregistered, we hold the device, `hold` keeps the driver
        // registered, and the core does not write to the list of types.
        let ret = to_result(unsafe {
            bindings::mdev_register_parent(
                self.raw.get(),
                self.dev_raw(),
                self.hold.as_raw(),
                self.types.as_ptr().cast_mut(),
                count,
            )
        });
        if ret.is_err() {
            for row in &self.rows {
                // SAFETY: The core has put each type that it had initialised; its release puts
                // the device and frees nothing. Others may have held it: a type can be written to
                // before the next one fails.
                unsafe { kobject::await_release(row.kobj(), row.kind().sysfs_name) };
            }
            return ret;
        }
        for row in &self.rows {
            // SAFETY: Registered just now. See `kobject` for what the reference is for.
            unsafe { bindings::kobject_get(row.kobj()) };
        }
        let files = || {
            for row in &self.rows {
                row.add_files()?;
            }
            settings::add_files::<T>(&self.settings)
        };
        files().inspect_err(|_| self.unregister())
    }

    fn unregister(self: Pin<&Self>) {
        self.ready.store(false, Release);
        // Nobody makes another one. It goes with the lock released, as it may be open for long.
        let whole = self.whole.lock().take();
        if let Some(whole) = whole {
            self.remove_whole(whole);
        }
        // SAFETY: Registered, and unregistered only here. Removes all devices.
        unsafe { bindings::mdev_unregister_parent(self.raw.get()) };
        let mut allocated = self.allocated.lock();
        while *allocated > 0 {
            self.released.wait(&mut allocated);
        }
        drop(allocated);
        for row in &self.rows {
            // SAFETY: `register_types` took this reference; the core has removed the type's
            // directory, and its release frees nothing.
            unsafe { kobject::put_last(row.kobj()) };
        }
    }

    /// What the driver's devices here share.
    pub(crate) fn data(&self) -> &<T::Device as Device>::Parent {
        &self.data
    }

    /// Refuses devices while the types are not complete.
    pub(crate) fn check_ready(&self) -> Result {
        if self.ready.load(Acquire) {
            Ok(())
        } else {
            Err(ENODEV)
        }
    }

    /// Takes the budget of a device of type `kind`, and says so if there is none.
    pub(crate) fn take(&self, kind: &Type, cost: u64) -> Result {
        let (taken, left, total) = {
            let mut shared = self.shared.lock();
            let left = shared.left();
            (shared.take(cost), left, shared.total)
        };
        if taken.is_err() && self.notices.allows() {
            self.dev.pr_warn(format_args!(
                "no room for a device of type {}: {} needs {cost}, {left} of {total} left\n",
                kind.name,
                T::CONTRACT.params[T::BUDGET].key,
            ));
        }
        taken
    }

    /// Offers the parent whole, or takes that back.
    ///
    /// # Errors
    ///
    /// `EBUSY`, with the reason: the parent has devices, or the whole device is open, or somebody
    /// else is about the same. `ENOSPC` if the parent has less than the least that a device is.
    /// `ENODEV` if it is going, `ENOMEM`, and whatever VFIO and sysfs answer.
    pub(crate) fn set_whole(self: Pin<&Self>, wanted: bool) -> Result<(), (Error, &'static str)> {
        // Not waiting for it: whoever removes the parent may wait long.
        let mut whole = self.whole.try_lock().ok_or((EBUSY, "being changed"))?;
        self.check_ready()
            .map_err(|error| (error, "the parent is going"))?;
        match (&*whole, wanted) {
            (None, true) => *whole = Some(self.make_whole()?),
            (Some(child), false) => {
                let open = "the whole device is open: close it first";
                child.retire().map_err(|error| (error, open))?;
                if let Some(child) = whole.take() {
                    self.remove_whole(child);
                }
            }
            (None, false) | (Some(_), true) => {}
        }
        Ok(())
    }

    fn make_whole(self: Pin<&Self>) -> Result<Pin<KBox<WholeDevice<T>>>, (Error, &'static str)> {
        let seat = self.whole_seat().ok_or((ENODEV, "never whole"))?;
        let total = {
            let mut shared = self.shared.lock();
            if shared.total < seat.kind.params[T::BUDGET] {
                return Err((ENOSPC, "the parent has less than a device is at the least"));
            }
            let busy = "the parent has devices: remove them first";
            shared.take_all().map_err(|error| (error, busy))?
        };
        let undo = ScopeGuard::new(|| self.shared.lock().give_back(total));
        let failed = |error| (error, "no device of VFIO could be made");
        // SAFETY: Our end waits for it.
        let child = unsafe { WholeDevice::new(self, seat.kind) }.map_err(failed)?;
        let child = KBox::pin_init(child, GFP_KERNEL).map_err(failed)?;
        undo.dismiss();
        self.shared.lock().whole = true;
        Ok(child)
    }

    /// Removes the whole device, waiting until nobody has it open, and gives back what it had.
    fn remove_whole(&self, child: Pin<KBox<WholeDevice<T>>>) {
        drop(child);
        let mut shared = self.shared.lock();
        shared.whole = false;
        // It had all, and nothing else was there.
        let all = shared.used;
        shared.give_back(all);
    }

    /// The device, for C.
    pub(crate) fn dev_raw(&self) -> *mut bindings::device {
        core::ptr::from_ref::<device::Device>(&self.dev)
            .cast_mut()
            .cast()
    }

    /// Counts memory of a device that refers to this.
    pub(crate) fn device_made(&self) {
        *self.allocated.lock() += 1;
    }

    /// Counts it back.
    pub(crate) fn device_released(&self) {
        let mut allocated = self.allocated.lock();
        *allocated -= 1;
        // With the lock held, so that whoever waits does not go on, and free this, before the
        // last use of it here.
        self.released.notify_all();
    }
}

#[pinned_drop]
impl<T: Driver> PinnedDrop for Parent<T> {
    fn drop(self: Pin<&mut Self>) {
        self.as_ref().unregister();
    }
}

/// The kobject of a device.
fn kobj(dev: &device::Device) -> *mut bindings::kobject {
    // CAST: `Device` is a transparent wrapper of the C structure.
    let dev = core::ptr::from_ref(dev)
        .cast_mut()
        .cast::<bindings::device>();
    // SAFETY: Only the address of a field is taken.
    unsafe { &raw mut (*dev).kobj }
}

const REGISTERED: &CStr = c"MDEV_STATE=registered";

/// What user space is told once a parent is complete.
#[derive(Clone, Copy)]
pub(crate) enum Announce {
    /// That the device has types now.
    Types,
    /// The device itself, whose events were suppressed until now, and that it has types.
    Device,
}
