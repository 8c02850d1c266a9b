// SPDX-License-Identifier: GPL-2.0

//! What of a device is ours, and how it is opened, closed, reset and stopped.

use crate::{
    bindings,
    config::Config,
    driver::{
        Driver,
        Type, //
    },
    function::{
        Context,
        Device as _,
        New, //
    },
    gate::{
        Gate,
        Inside, //
    },
    irq::Event,
    limit::Limit,
    migration::{
        Adapter,
        Migration,
        Record,
        Sessions, //
    },
    opener::Opener,
    parent::Parent,
    protocols::Protocols,
    seat::Seat,
    stated::Values,
    v1::SharedSection,
    worker::Worker, //
};
use core::{
    fmt,
    pin::Pin,
    ptr::NonNull, //
};
use kernel::{
    device, new_mutex,
    prelude::*,
    static_lock_class,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc,
        Mutex,
        SetOnce, //
    },
};
use migcore::migration::{
    v1,
    Activity,
    Machine, //
};

/// All of a device that is ours.
///
/// Locks, in this order: `migration`, `values`, the parent's. Those of the configuration space, of
/// interrupts and of guest memory come last, and so do the driver's own.
///
/// # Invariants
///
/// `parent` is pinned and outlives the device: it waits for the release of all its devices. `vdev`
/// is the device that this is part of.
#[pin_data]
pub(crate) struct State<T: Driver> {
    parent: NonNull<Parent<T>>,
    kind: &'static Type,
    whole: bool,
    /// As it is written.
    uuid: [u8; 16],
    vdev: NonNull<bindings::vfio_device>,
    /// For verdicts.
    #[pin]
    pub(crate) limit: Limit,
    /// For everything else that is logged.
    #[pin]
    notices: Limit,
    #[pin]
    pub(crate) values: Mutex<Values>,
    /// Held while what the device may do changes, so that changes come one by one.
    #[pin]
    migration: Mutex<Migration<T>>,
    /// Whether the device is in ERROR.
    failed: Atomic<bool>,
    /// Passed by accesses to BARs; closed while the device is stopped.
    #[pin]
    accesses: Gate,
    #[pin]
    config: Config,
    context: Context,
    /// Whether whoever has it open finds the migration region.
    has_region: Atomic<bool>,
    /// The data section of that region, from its first use to the last close: most users never
    /// look at it.
    #[pin]
    section: Mutex<Option<Arc<SharedSection>>>,
    /// Made when the mdev is opened for the first time.
    device: SetOnce<Pin<KBox<T::Device>>>,
}

/// What a device needs of its machine for one step.
pub(crate) struct Step<'a, T: Driver> {
    pub(crate) machine: &'a mut Machine<Record>,
    pub(crate) region: &'a mut v1::Region<Record>,
    pub(crate) sessions: &'a mut Sessions<T>,
    pub(crate) dev: Adapter<'a, T>,
    pub(crate) is_open: &'a mut bool,
    pub(crate) is_retired: &'a mut bool,
    pub(crate) worker: &'a mut Option<Worker>,
}

// SAFETY: The parent is `Sync` and outlives the device by the invariant; of `vdev` only what never
// changes is used, or what may be read at any time; all else may be sent and shared.
unsafe impl<T: Driver> Send for State<T> {}
// SAFETY: As above.
unsafe impl<T: Driver> Sync for State<T> {}

impl<T: Driver> State<T> {
    /// What is ours of a new device.
    ///
    /// # Safety
    ///
    /// The parent of `seat` must outlive the result, and `vdev` be that of the device.
    pub(crate) unsafe fn new<'a>(
        seat: Seat<'a, T>,
        uuid: [u8; 16],
        vdev: NonNull<bindings::vfio_device>,
    ) -> Result<impl PinInit<Self, Error> + use<'a, T>> {
        let kind = seat.kind;
        let function = kind.pci;
        let context = Context::new(vdev.as_ptr(), function)?;
        let version = seat.parent.shared.lock().settings.state;
        // INVARIANT: As the caller promises.
        Ok(try_pin_init!(Self {
            parent: NonNull::from(seat.parent.get_ref()),
            kind,
            whole: seat.whole,
            uuid,
            vdev,
            limit <- Limit::new(),
            notices <- Limit::new(),
            values <- new_mutex!(Values::new(seat.first_values(), version)),
            migration <- new_mutex!(Migration::new()),
            failed: Atomic::new(false),
            accesses <- Gate::new(
                c"mdev accesses",
                [static_lock_class!(), static_lock_class!()],
            ),
            config <- Config::new(),
            context,
            has_region: Atomic::new(false),
            section <- new_mutex!(None),
            device: SetOnce::new(),
        }))
    }

    /// The row of the driver's table that it is a device of.
    pub(crate) fn kind(&self) -> &'static Type {
        self.kind
    }

    /// The same on its parent.
    pub(crate) fn seat(&self) -> Seat<'_, T> {
        Seat {
            // SAFETY: By the invariant.
            parent: unsafe { Pin::new_unchecked(self.parent.as_ref()) },
            kind: self.kind,
            whole: self.whole,
        }
    }

    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    pub(crate) fn context(&self) -> &Context {
        &self.context
    }

    /// Lets somebody access a BAR, and keeps the device from stopping as long as the result lives.
    ///
    /// # Errors
    ///
    /// `EBUSY` if the device is stopped: nothing of what it holds may change. Who comes while it
    /// is reset waits.
    pub(crate) fn access(&self) -> Result<Inside<'_>> {
        let enter = || self.accesses.enter();
        // Under the lock nothing is on its way to another state.
        enter().or_else(|| self.step(|_| enter())).ok_or(EBUSY)
    }

    /// Whether there is a migration region.
    pub(crate) fn has_region(&self) -> bool {
        self.has_region.load(Relaxed)
    }

    /// The data section of the migration region, made now if need be.
    ///
    /// # Errors
    ///
    /// `EINVAL` without such a region, `ENOMEM`.
    pub(crate) fn section(&self) -> Result<Arc<SharedSection>> {
        if !self.has_region() {
            return Err(EINVAL);
        }
        let mut section = self.section.lock();
        if let Some(section) = &*section {
            return Ok(section.clone());
        }
        let fresh = Arc::new(SharedSection::new()?, GFP_KERNEL)?;
        *section = Some(fresh.clone());
        Ok(fresh)
    }

    /// The driver's device, if the mdev was ever opened.
    pub(crate) fn device(&self) -> Option<&T::Device> {
        self.device.as_ref().map(|device| &**device)
    }

    /// The mdev, or the parent's child, for logs.
    pub(crate) fn dev(&self) -> &device::Device {
        // SAFETY: By the invariant; this is what the device was allocated for, and is there
        // as long as the device is registered or open, or has files.
        unsafe { device::Device::from_raw((*self.vdev.as_ptr()).dev) }
    }

    /// Whether the user knows the second form of what there is to read in pre-copy.
    pub(crate) fn knows_precopy_info_v2(&self) -> bool {
        // SAFETY: By the invariant. The core sets it once while the device is open, whenever.
        unsafe { (&raw const (*self.vdev.as_ptr()).precopy_info_v2).read_volatile() != 0 }
    }

    /// Says something about the device, unless much was said just now.
    pub(crate) fn warn(&self, what: fmt::Arguments<'_>) {
        if self.notices.allows() {
            self.dev().pr_warn(format_args!("{what}\n"));
        }
    }

    /// Through which interfaces the device can be migrated, if at all.
    pub(crate) fn protocols(&self) -> Option<Protocols> {
        let setting = self.seat().parent.shared.lock().settings.protocols;
        self.kind.migration.and_then(|own| own.and(setting))
    }

    /// Does a step of the migration, and cuts the data file of a session that has ended in it.
    pub(crate) fn step<R>(&self, f: impl FnOnce(Step<'_, T>) -> R) -> R {
        let mut migration = self.migration.lock();
        let Migration {
            machine,
            region,
            sessions,
            is_open,
            is_retired,
            worker,
            carried,
        } = &mut *migration;
        let result = f(Step {
            machine: &mut *machine,
            region,
            sessions: &mut *sessions,
            is_open,
            is_retired,
            worker,
            dev: Adapter {
                state: self,
                carried,
            },
        });
        let ended = sessions.take_ended(machine);
        drop(migration);
        if let Some(session) = ended {
            session.cut();
        }
        result
    }

    /// The driver's device, made now if need be. The parameters stay as they are from now on.
    fn make_device(&self) -> Result<&T::Device> {
        let mut values = self.values.lock();
        if self.device().is_none() {
            let seat = self.seat();
            let features = seat.parent.shared.lock().settings.features;
            let device = T::Device::new(New {
                kind: self.kind,
                values: &values.now[..self.kind.params.len()],
                features,
                uuid: self.uuid,
                parent: seat.parent.get_ref().data(),
            });
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
        // Without one there is nothing behind it, and a device that only seems to work is worse.
        let function = self.kind.pci.ok_or(EOPNOTSUPP)?;
        self.config.make(function)?;
        let has_region = self.protocols().is_some_and(Protocols::has_v1);
        self.has_region.store(has_region, Relaxed);
        let device = self.make_device()?;
        let opener = Arc::new(Opener::current(), GFP_KERNEL)?;
        self.step(|mut step| {
            if *step.is_retired {
                return Err(ENODEV);
            }
            if T::Device::WORKS {
                // SAFETY: As the caller promises, `close` is called before the device can go, and
                // drops it; if this fails, it is dropped just below.
                *step.worker = Some(unsafe { Worker::start(self) }?);
            }
            if let Err(error) = device.open(&self.context) {
                *step.worker = None;
                return Err(error);
            }
            self.context.set_opener(Some(opener));
            *step.is_open = true;
            self.failed.store(false, Relaxed);
            step.machine.reset(&mut step.dev);
            Ok(())
        })
    }

    /// The last user is gone.
    ///
    /// # Safety
    ///
    /// [`Self::open`] must have succeeded, and the device be open still.
    pub(crate) unsafe fn close(&self) {
        self.step(|mut step| {
            step.machine.close(&mut step.dev);
            step.region.release();
            // Nobody has it mapped: a mapping keeps the device open. The next user gets another.
            let section = self.section.lock().take();
            drop(section);
            *step.is_open = false;
            // It is paused, as the device is stopped.
            *step.worker = None;
            if let Some(device) = self.device() {
                device.close(&self.context);
            }
            self.context.set_opener(None);
            // SAFETY: As the caller promises.
            unsafe { self.context.memory_of_device().unpin_all() };
            self.context.memory_of_device().log().stop();
            self.context.interrupts().close();
            self.failed.store(false, Relaxed);
            self.values.lock().forget_source();
        });
    }

    /// The user resets the function: it is as after power-on, and runs. Eventfds stay attached.
    pub(crate) fn reset(&self) {
        self.step(|mut step| {
            step.machine.reset(&mut step.dev);
            // The machine may think that it never stopped.
            self.enter(&mut step.dev.carried.activity, Activity::Running);
            self.failed.store(false, Relaxed);
        });
    }

    /// The device fails for good, as hardware may: it is in ERROR until a reset.
    ///
    /// # Errors
    ///
    /// `ENODEV` if nobody has it open.
    pub(crate) fn fail(&self) -> Result {
        self.step(|mut step| {
            if !*step.is_open {
                return Err(ENODEV);
            }
            self.failed.store(true, Relaxed);
            step.machine.fail(&mut step.dev);
            self.context.interrupts().notify(Event::Error);
            Ok(())
        })
    }

    /// Refuses what cannot be said of a device in ERROR.
    pub(crate) fn check_sound(&self) -> Result {
        match self.failed.load(Relaxed) {
            false => Ok(()),
            true => Err(ENODEV),
        }
    }

    /// Allows the device more, or less.
    pub(crate) fn enter(&self, now: &mut Activity, next: Activity) {
        if *now == next {
            return;
        }
        let interrupts = self.context.interrupts();
        let memory = self.context.memory_of_device();
        if next == Activity::Stopped {
            self.accesses.close();
        }
        if next != Activity::Running {
            self.context.bell().pause();
            memory.forbid();
        }
        if next != Activity::Stopped {
            interrupts.hold(false);
        }
        if next == Activity::Running {
            // SAFETY: Only an open device is allowed anything, and `close` stops it first.
            unsafe { memory.allow() };
        }
        if let Some(device) = self.device() {
            device.activity(&self.context, next);
        }
        if next == Activity::Stopped {
            interrupts.hold(true);
        } else {
            self.accesses.open();
        }
        if next == Activity::Running {
            self.context.bell().allow();
        }
        *now = next;
    }

    /// Nobody can open the device from now on: it is about to be removed.
    ///
    /// # Errors
    ///
    /// `EBUSY` if somebody has it open.
    pub(crate) fn retire(&self) -> Result {
        self.step(|step| {
            if *step.is_open {
                return Err(EBUSY);
            }
            *step.is_retired = true;
            Ok(())
        })
    }

    /// Somebody wants to remove the device. Whether its user was told.
    pub(crate) fn request(&self) -> bool {
        self.context.interrupts().notify(Event::Request)
    }
}
