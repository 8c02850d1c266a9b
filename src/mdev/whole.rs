// SPDX-License-Identifier: GPL-2.0

//! A parent that is offered whole: one device of VFIO on all that it has, without mdev.
//!
//! C header: [`include/linux/auxiliary_bus.h`](srctree/include/linux/auxiliary_bus.h)
//!
//! VFIO gives each device without an IOMMU of its own an IOMMU group, and a PCI function may have
//! one already: where the machine has an IOMMU, each function has. So the device of VFIO is not
//! the parent's, but that of a child of it, on the auxiliary bus, which no IOMMU looks at; with
//! the child are its files. It is so on every machine, also on those without an IOMMU, so that
//! there is one place to look at.
//!
//! The child has a driver of this module, without which VFIO would not keep the module loaded
//! while the device is open.

use crate::{
    bindings,
    device::Device,
    device_files,
    driver::{
        Driver,
        Type, //
    },
    kobject,
    parent::Parent,
    seat::Seat,
};
use core::{
    marker::PhantomData,
    pin::Pin,
    ptr::NonNull, //
};
use kernel::{
    container_of,
    error::to_result,
    module::this_module,
    prelude::*,
    sync::atomic::{
        Atomic,
        Relaxed, //
    },
    types::Opaque, //
};

/// The driver of the children, registered with that of the mdevs.
pub(crate) struct WholeDriver<T: Driver> {
    raw: Opaque<bindings::auxiliary_driver>,
    _driver: PhantomData<fn() -> T>,
}

impl<T: Driver> WholeDriver<T> {
    pub(crate) const fn new() -> Self {
        Self {
            raw: Opaque::uninit(),
            _driver: PhantomData,
        }
    }

    /// What the children are called, without their number.
    const IDS: &'static [bindings::auxiliary_device_id; 2] = &{
        // SAFETY: Integers: zeroes are valid, and end the table.
        let mut ids: [bindings::auxiliary_device_id; 2] = unsafe { core::mem::zeroed() };
        if let Some(kind) = T::WHOLE {
            let module = <T::OwnerModule as kernel::ModuleMetadata>::NAME;
            let parts = [module.to_bytes(), b".", kind.sysfs_name.to_bytes()];
            let mut len = 0;
            let mut i = 0;
            while i < parts.len() {
                let mut j = 0;
                while j < parts[i].len() {
                    assert!(len + 1 < ids[0].name.len(), "too long a name for a bus");
                    ids[0].name[len] = parts[i][j];
                    len += 1;
                    j += 1;
                }
                i += 1;
            }
        }
        ids
    };

    /// Registers the driver, if any parent can be offered whole.
    ///
    /// # Safety
    ///
    /// It must not be registered, and nobody else may register or unregister it meanwhile.
    pub(crate) unsafe fn register(&'static self) -> Result {
        let Some(kind) = T::WHOLE else {
            return Ok(());
        };
        let driver = self.raw.get();
        // SAFETY: The caller keeps everybody else away, and the C structure may be all zeroes.
        unsafe {
            driver.write_bytes(0, 1);
            (*driver).name = kind.sysfs_name.as_char_ptr();
            (*driver).id_table = Self::IDS.as_ptr();
            (*driver).probe = Some(Self::probe);
            (*driver).remove = Some(Self::remove);
            (*driver).driver.dev_groups = device_files::groups::<T>();
            // A child comes and goes with its device of VFIO, by the parent's setting alone.
            (*driver).driver.suppress_bind_attrs = true;
            // Who adds a child wants to know what came of it.
            (*driver).driver.probe_type = bindings::probe_type_PROBE_FORCE_SYNCHRONOUS;
        }
        let owner = this_module::<T::OwnerModule>().as_ptr();
        let module = <T::OwnerModule as kernel::ModuleMetadata>::NAME;
        // SAFETY: The structure is filled in, static, and stays until it is unregistered.
        to_result(unsafe {
            bindings::__auxiliary_driver_register(driver, owner, module.as_char_ptr())
        })
    }

    /// Undoes [`Self::register`].
    ///
    /// # Safety
    ///
    /// It must be registered, have no devices, and nobody else may do the same.
    pub(crate) unsafe fn unregister(&'static self) {
        if T::WHOLE.is_some() {
            // SAFETY: As the caller promises.
            unsafe { bindings::auxiliary_driver_unregister(self.raw.get()) };
        }
    }

    /// Makes the device of VFIO of a child.
    ///
    /// # Safety
    ///
    /// `child` must be the `raw` of a `WholeDevice<T>`, of which all else is initialised, and just
    /// be being probed.
    unsafe extern "C" fn probe(
        child: *mut bindings::auxiliary_device,
        _id: *const bindings::auxiliary_device_id,
    ) -> c_int {
        // SAFETY: Only children of ours have the name that the driver is for.
        let (outcome, parent, dev) = unsafe {
            let whole = container_of!(Opaque::cast_from(child), WholeDevice<T>, raw);
            // The parent waits for its child.
            let parent = Pin::new_unchecked((*whole).parent.as_ref());
            (&(*whole).outcome, parent, &raw mut (*child).dev)
        };
        let made = parent.whole_seat().ok_or(ENODEV).and_then(|seat| {
            // SAFETY: It is being probed; a parent waits for the memory of all its devices.
            unsafe { Device::<T>::register(dev, seat, identity()) }
        });
        let outcome_of = made.map_or_else(Error::to_errno, |()| 0);
        outcome.store(outcome_of, Relaxed);
        outcome_of
    }

    /// Undoes [`Self::probe`]. Waits until nobody has the device open.
    ///
    /// # Safety
    ///
    /// `child` must have been probed with success, and not have been removed.
    unsafe extern "C" fn remove(child: *mut bindings::auxiliary_device) {
        // SAFETY: As the caller promises.
        unsafe { Device::<T>::unregister(&raw mut (*child).dev) };
    }
}

/// What a guest knows the device by as long as it has not come from another: a new random UUID. What
/// it holds is as new, and the whole device of another host has one of its own, should a guest ever
/// have both.
fn identity() -> [u8; 16] {
    let mut uuid = [0; 16];
    // SAFETY: So many bytes are written there.
    unsafe { bindings::generate_random_uuid(uuid.as_mut_ptr()) };
    uuid
}

/// The number of a child: the lowest that is free in this module.
struct Number(u32);

impl Number {
    fn new() -> Result<Self> {
        // SAFETY: May be called wherever one can sleep.
        let number = unsafe { bindings::mdev_helper_number_get() };
        u32::try_from(number)
            .map(Self)
            .map_err(|_| Error::from_errno(number))
    }
}

impl Drop for Number {
    fn drop(&mut self) {
        // SAFETY: Undoes the call in `new`.
        unsafe { bindings::mdev_helper_number_put(self.0) };
    }
}

/// The child of a parent that is offered whole, with its device of VFIO. Dropping it removes both
/// and waits until nobody has the device open.
///
/// # Invariants
///
/// `parent` is pinned and outlives this.
#[pin_data(PinnedDrop)]
pub(crate) struct WholeDevice<T: Driver> {
    #[pin]
    raw: Opaque<bindings::auxiliary_device>,
    parent: NonNull<Parent<T>>,
    /// What became of the last probe: 0, or an errno.
    outcome: Atomic<i32>,
    _number: Number,
}

// SAFETY: Adding and removing, which are the constructor and the destructor, may happen on any
// thread, and so may all else that is done with a device; the parent is `Sync`.
unsafe impl<T: Driver> Send for WholeDevice<T> {}
// SAFETY: As above.
unsafe impl<T: Driver> Sync for WholeDevice<T> {}

impl<T: Driver> WholeDevice<T> {
    /// Adds the child of `parent`, and its device of VFIO, of this row of the table.
    ///
    /// # Safety
    ///
    /// The parent must outlive the result.
    pub(crate) unsafe fn new<'a>(
        parent: Pin<&'a Parent<T>>,
        kind: &'static Type,
    ) -> Result<impl PinInit<Self, Error> + use<'a, T>> {
        let number = Number::new()?;
        let id = number.0;
        let above = parent.dev_raw();
        // INVARIANT: As the caller promises.
        Ok(try_pin_init!(&this in Self {
            parent: NonNull::from(parent.get_ref()),
            // Until the driver was asked.
            outcome: Atomic::new(ENODEV.to_errno()),
            _number: number,
            raw <- Opaque::try_ffi_init(move |slot: *mut bindings::auxiliary_device| {
                // SAFETY: `slot` is valid for writes of a whole device; zeroes are what
                // `auxiliary_device_init` asks for, with a parent, a name and a release.
                unsafe {
                    slot.write_bytes(0, 1);
                    (*slot).dev.parent = above;
                    (*slot).name = kind.sysfs_name.as_char_ptr();
                    (*slot).id = id;
                    bindings::mdev_helper_set_release(&raw mut (*slot).dev);
                    to_result(bindings::auxiliary_device_init(slot))?;
                }
                let module = <T::OwnerModule as kernel::ModuleMetadata>::NAME;
                // SAFETY: Initialised; the memory is pinned, and all else of it that the driver's
                // probe looks at is there.
                let added = to_result(unsafe {
                    bindings::__auxiliary_device_add(slot, module.as_char_ptr())
                });
                // SAFETY: The device is ours.
                if added.is_ok() && unsafe { bindings::device_is_bound(&raw mut (*slot).dev) } {
                    return Ok(());
                }
                // SAFETY: If it was added, it is removed; either way it is in no list then, the
                // first reference is ours and the release frees nothing.
                unsafe {
                    if added.is_ok() {
                        bindings::device_del(&raw mut (*slot).dev);
                    }
                    kobject::put_last(&raw mut (*slot).dev.kobj);
                }
                added?;
                // SAFETY: Initialised before; nobody else has a reference.
                let outcome = unsafe { (*this.as_ptr()).outcome.load(Relaxed) };
                // With a device and not bound: there was no memory for its files.
                to_result(outcome).and(Err(ENOMEM))
            }),
        }))
    }

    /// Refuses to be opened from now on, to be removed.
    ///
    /// # Errors
    ///
    /// `EBUSY` if somebody has it open.
    pub(crate) fn retire(&self) -> Result {
        // SAFETY: Bound, as `new` has seen, until this is dropped: only the driver's end or the
        // child's takes the driver away.
        let device = unsafe {
            let dev = &raw mut (*self.raw.get()).dev;
            &*bindings::dev_get_drvdata(dev).cast::<Device<T>>()
        };
        device.state.retire()
    }
}

#[pinned_drop]
impl<T: Driver> PinnedDrop for WholeDevice<T> {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: Added in `new`, the first reference is ours and its release frees nothing.
        unsafe {
            let dev = &raw mut (*self.raw.get()).dev;
            bindings::device_del(dev);
            kobject::put_last(&raw mut (*dev).kobj);
        }
    }
}

impl<T: Driver> Parent<T> {
    /// The seat of its whole device, if the driver has one.
    pub(crate) fn whole_seat(self: Pin<&Self>) -> Option<Seat<'_, T>> {
        let kind = T::WHOLE?;
        Some(Seat {
            parent: self,
            kind,
            whole: true,
        })
    }
}
