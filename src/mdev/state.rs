// SPDX-License-Identifier: GPL-2.0

//! What of a device is ours, and how it is opened, closed, reset and stopped.

use crate::{
    bindings,
    config::Config,
    driver::Driver,
    function::{
        Context,
        Device as _, //
    },
    irq::Event,
    limit::Limit,
    mtype::Row,
};
use core::ptr::NonNull;
use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        Mutex,
        SetOnce, //
    },
};
use migcore::{
    migration::Activity,
    MAX_PARAMS, //
};

/// All of a device that is ours.
///
/// # Invariants
///
/// `row` is that of the mdev's type, which outlives the device: the parent waits for the release
/// of all its devices before it frees its rows.
#[pin_data]
pub(crate) struct State<T: Driver> {
    row: NonNull<Row<T>>,
    /// For verdicts.
    #[pin]
    pub(crate) limit: Limit,
    /// For everything else that is logged.
    #[pin]
    pub(crate) notices: Limit,
    /// Locked before the parent's lock, never after.
    #[pin]
    pub(crate) values: Mutex<Values>,
    /// What the device may do now. Held while that changes, so that changes come one by one.
    #[pin]
    activity: Mutex<Activity>,
    #[pin]
    config: Config,
    context: Context,
    /// Made when the mdev is opened for the first time.
    device: SetOnce<Pin<KBox<T::Device>>>,
}

/// The effective parameters.
pub(crate) struct Values {
    pub(crate) now: [u64; MAX_PARAMS],
    /// Whether a device was made with them.
    pub(crate) used: bool,
}

// SAFETY: The row is `Sync` (the core's part of it is used under locks of the core's, ours never
// changes) and outlives the device by the invariant; all else may be sent and shared.
unsafe impl<T: Driver> Send for State<T> {}
// SAFETY: As above.
unsafe impl<T: Driver> Sync for State<T> {}

impl<T: Driver> State<T> {
    /// What is ours of a new device.
    ///
    /// # Safety
    ///
    /// `row` must outlive the result, and `vdev` be that of the device.
    pub(crate) unsafe fn new(
        row: &Row<T>,
        vdev: *mut bindings::vfio_device,
    ) -> Result<impl PinInit<Self, Error> + use<'_, T>> {
        let function = row.kind().pci;
        let context = Context::new(vdev, function)?;
        let mut now = [0; MAX_PARAMS];
        for (value, &param) in now.iter_mut().zip(row.kind().params) {
            *value = param;
        }
        // INVARIANT: As the caller promises.
        let config = Config::new(function)?;
        Ok(try_pin_init!(Self {
            row: NonNull::from(row),
            limit <- Limit::new(),
            notices <- Limit::new(),
            values <- new_mutex!(Values { now, used: false }),
            activity <- new_mutex!(Activity::Stopped),
            config <- config,
            context,
            device: SetOnce::new(),
        }))
    }

    pub(crate) fn row(&self) -> &Row<T> {
        // SAFETY: By the invariant.
        unsafe { self.row.as_ref() }
    }

    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    pub(crate) fn context(&self) -> &Context {
        &self.context
    }

    /// The driver's device, if the mdev was ever opened.
    pub(crate) fn device(&self) -> Option<&T::Device> {
        self.device.as_ref().map(|device| &**device)
    }

    /// The driver's device, made now if need be. The parameters stay as they are from now on.
    fn make_device(&self) -> Result<&T::Device> {
        let mut values = self.values.lock();
        if self.device().is_none() {
            let kind = self.row().kind();
            let device = T::Device::new(kind, &values.now[..kind.params.len()]);
            self.device.populate(KBox::pin_init(device, GFP_KERNEL)?);
        }
        values.used = true;
        self.device().ok_or(EIO)
    }

    /// The device is opened, by its first user.
    ///
    /// # Safety
    ///
    /// The device must be open until [`Self::close`] was called, unless this fails.
    pub(crate) unsafe fn open(&self) -> Result {
        if self.row().kind().pci.is_none() {
            // There is nothing behind it, and a device that only seems to work is worse.
            return Err(EOPNOTSUPP);
        }
        let device = self.make_device()?;
        let mut activity = self.activity.lock();
        self.config.reset(&self.context);
        device.reset(&self.context);
        device.open(&self.context)?;
        // SAFETY: As the caller promises.
        unsafe { self.enter(&mut activity, Activity::Running) };
        Ok(())
    }

    /// The last user is gone.
    ///
    /// # Safety
    ///
    /// [`Self::open`] must have succeeded, and the device be open still.
    pub(crate) unsafe fn close(&self) {
        let mut activity = self.activity.lock();
        self.context.memory_of_device().forbid();
        if let Some(device) = self.device() {
            device.close(&self.context);
        }
        // SAFETY: As the caller promises.
        unsafe { self.context.memory_of_device().unpin_all() };
        self.context.interrupts().close();
        *activity = Activity::Stopped;
    }

    /// The user resets the function: it is as after power-on, and runs. Eventfds stay attached.
    ///
    /// # Safety
    ///
    /// As [`Self::open`].
    pub(crate) unsafe fn reset(&self) {
        let mut activity = self.activity.lock();
        self.context.memory_of_device().forbid();
        self.config.reset(&self.context);
        // After the interrupts: what another thread makes it raise meanwhile must not be forgotten.
        if let Some(device) = self.device() {
            device.reset(&self.context);
        }
        // SAFETY: As the caller promises.
        unsafe { self.enter(&mut activity, Activity::Running) };
    }

    /// Allows the device more, or less.
    ///
    /// # Safety
    ///
    /// As [`Self::open`].
    unsafe fn enter(&self, now: &mut Activity, next: Activity) {
        let interrupts = self.context.interrupts();
        let memory = self.context.memory_of_device();
        if next != Activity::Running {
            memory.forbid();
        }
        if next != Activity::Stopped {
            interrupts.hold(false);
        }
        if next == Activity::Running {
            // SAFETY: As the caller promises.
            unsafe { memory.allow() };
        }
        if let Some(device) = self.device() {
            device.activity(&self.context, next);
        }
        if next == Activity::Stopped {
            interrupts.hold(true);
        }
        *now = next;
    }

    /// Somebody wants to remove the device. Whether its user was told.
    pub(crate) fn request(&self) -> bool {
        self.context.interrupts().notify(Event::Request)
    }
}
