// SPDX-License-Identifier: GPL-2.0

//! The second client interface: the migration features of a device, and its data files.
//!
//! C header: [`include/linux/vfio.h`](srctree/include/linux/vfio.h),
//! `struct vfio_migration_ops`; what they must do is above `enum vfio_device_mig_state` in
//! [`include/uapi/linux/vfio.h`](srctree/include/uapi/linux/vfio.h)

use crate::{
    bindings,
    data_file::{
        self,
        Session, //
    },
    device::Device,
    driver::Driver,
    migration::{
        error_of,
        FLAGS, //
    },
    state::{
        State,
        Step, //
    },
};
use core::{
    marker::PhantomData,
    ptr::null_mut, //
};
use kernel::{
    error::from_result,
    prelude::*, //
};
use migcore::{
    migration::{
        self,
        Direct,
        Direction,
        Front,
        Pending,
        Put,
        Refused,
        SessionId, //
    },
    Errno, //
};

/// The callbacks of `struct vfio_migration_ops`.
struct Operations<T>(PhantomData<T>);

/// Makes a device offer this interface.
///
/// # Safety
///
/// `vdev` must start a `Device<T>` whose `init` callback runs.
pub(crate) unsafe fn offer<T: Driver>(vdev: *mut bindings::vfio_device) {
    // SAFETY: As the caller promises, nobody else knows the device yet.
    unsafe {
        (*vdev).mig_ops = &Operations::<T>::TABLE;
        (*vdev).migration_flags = FLAGS.bits();
    }
}

impl<T: Driver> Operations<T> {
    const TABLE: bindings::vfio_migration_ops = bindings::vfio_migration_ops {
        migration_set_state: Some(Self::set_state),
        migration_get_state: Some(Self::get_state),
        migration_get_data_size: Some(Self::get_data_size),
    };

    /// What is ours of a device.
    ///
    /// # Safety
    ///
    /// `vdev` must be a device of `T`, which is not released while the result lives.
    unsafe fn state<'a>(vdev: *mut bindings::vfio_device) -> &'a State<T> {
        // SAFETY: As the caller promises; `vdev` starts a `Device<T>`.
        unsafe { &(*vdev.cast::<Device<T>>()).state }
    }

    /// Goes to a state. Gives the file of the session that this opened, if it did.
    ///
    /// # Safety
    ///
    /// `vdev` must be open.
    unsafe extern "C" fn set_state(
        vdev: *mut bindings::vfio_device,
        state: bindings::vfio_device_mig_state,
    ) -> *mut bindings::file {
        // SAFETY: As the caller promises.
        let device = unsafe { Self::state(vdev) };
        let next = |from: migration::State, to: migration::State| {
            let mut step = 0;
            // SAFETY: The device is open; the helper only looks at its flags, and writes to `step`.
            let ret = unsafe {
                bindings::vfio_mig_get_next_state(vdev, from.number(), to.number(), &mut step)
            };
            match migration::State::from_number(step) {
                Some(step) if ret == 0 => Ok(step),
                _ => Err(Errno::Inval),
            }
        };
        migration::State::from_number(state)
            .ok_or(EINVAL)
            .and_then(|to| device.go(to, next))
            .unwrap_or_else(|errno| errno.to_ptr())
    }

    /// Says which state it is. Also for a device that is closed, in debugfs.
    ///
    /// # Safety
    ///
    /// `vdev` must be a registered device of `T`, `state` valid.
    unsafe extern "C" fn get_state(
        vdev: *mut bindings::vfio_device,
        state: *mut bindings::vfio_device_mig_state,
    ) -> c_int {
        // SAFETY: As the caller promises.
        let now = unsafe { Self::state(vdev) }.step(|step| step.machine.state());
        // SAFETY: As the caller promises.
        unsafe { *state = now.number() };
        0
    }

    /// Says how long the stream would be if the device were stopped now.
    ///
    /// # Safety
    ///
    /// `vdev` must be open, `length` valid.
    unsafe extern "C" fn get_data_size(
        vdev: *mut bindings::vfio_device,
        length: *mut c_ulong,
    ) -> c_int {
        from_result(|| {
            // SAFETY: As the caller promises.
            let device = unsafe { Self::state(vdev) };
            let size = device.step(|mut step| step.machine.size(&mut step.dev));
            // SAFETY: As the caller promises.
            unsafe { *length = usize::try_from(size)? };
            Ok(0)
        })
    }
}

impl<T: Driver> State<T> {
    /// Goes to `to`, and gives the file of the session that this opened, if it did.
    fn go(
        &self,
        to: migration::State,
        next: impl Fn(migration::State, migration::State) -> Result<migration::State, Errno>,
    ) -> Result<*mut bindings::file> {
        self.step(|mut step| {
            let from = step.machine.state();
            // Made first: a state that is reached cannot be taken back for want of a file.
            let prepared = match direction(from, to) {
                Some(direction) => {
                    // SAFETY: Below it becomes the device's, which cuts it when the session ends,
                    // at the latest at the last close. Until then nobody can use its file.
                    let session = unsafe { Session::new(self)? };
                    let file = data_file::open(session.clone(), direction)?;
                    Some((session, file))
                }
                None => None,
            };
            let opened = step
                .machine
                .request(Front::V2, to, &mut step.dev, next)
                .map_err(|refused| {
                    if !matches!(refused, Refused::Illegal { .. }) {
                        self.warn(format_args!("migration by v2: {refused}"));
                    }
                    error_of(refused.errno())
                })?;
            let (Some(opened), Some((session, file))) = (opened, prepared) else {
                return Ok(null_mut());
            };
            step.sessions.open(opened.id, session);
            Ok(file.into_raw())
        })
    }

    /// Does a step of the session that `session` is the client's end of.
    ///
    /// # Errors
    ///
    /// `ENODEV` if that has ended.
    fn step_of<R>(
        &self,
        session: &Session<T>,
        f: impl FnOnce(Step<'_, T>, SessionId) -> Result<R>,
    ) -> Result<R> {
        self.step(|step| {
            let id = step.sessions.id_of(session, step.machine).ok_or(ENODEV)?;
            f(step, id)
        })
    }

    /// Whether the session is open still.
    ///
    /// # Errors
    ///
    /// `ENODEV` if not.
    pub(crate) fn check_session(&self, session: &Session<T>) -> Result {
        self.step_of(session, |_, _| Ok(()))
    }

    /// Gives the next record of a save, and whether it is among what must be read at least once.
    pub(crate) fn put(
        &self,
        session: &Session<T>,
        out: &mut [u8],
        direct: &mut dyn Direct,
    ) -> Result<(Put, bool)> {
        self.step_of(session, |mut step, id| {
            let dev = &mut step.dev;
            let pending = step.machine.precopy(id, dev);
            let initial = pending.is_ok_and(|pending| pending.initial > 0);
            let put = step.machine.put(id, out, direct, dev);
            Ok((put.map_err(error_of)?, initial))
        })
    }

    /// How many bytes of a load are best taken next, at most `room`.
    pub(crate) fn wanted(&self, session: &Session<T>, room: usize) -> Result<usize> {
        self.step_of(session, |step, id| {
            step.machine.wanted(id, room).map_err(error_of)
        })
    }

    /// Takes the next bytes of a load.
    pub(crate) fn push(&self, session: &Session<T>, bytes: &[u8]) -> Result {
        self.step_of(session, |mut step, id| {
            let known = step.machine.refusal().is_some();
            let pushed = step.machine.push(id, bytes, &mut step.dev);
            pushed.map_err(|errno| {
                if let Some(refusal) = step.machine.refusal().filter(|_| !known) {
                    self.warn(format_args!("migration by v2: {refusal}"));
                }
                error_of(errno)
            })
        })
    }

    /// What there is to read before the device stops.
    pub(crate) fn precopy(&self, session: &Session<T>) -> Result<Pending> {
        self.step_of(session, |mut step, id| {
            step.machine.precopy(id, &mut step.dev).map_err(error_of)
        })
    }
}

/// Which way the bytes of the session go that a request opens, if it opens one.
fn direction(from: migration::State, to: migration::State) -> Option<Direction> {
    match to {
        _ if from == to || (from.is_saving() && to.is_saving()) => None,
        migration::State::Resuming => Some(Direction::Load),
        to if to.is_saving() => Some(Direction::Save),
        _ => None,
    }
}
