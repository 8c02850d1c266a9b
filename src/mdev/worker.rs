// SPDX-License-Identifier: GPL-2.0

//! The thread in which an open device does work of its own.
//!
//! C header: [`include/linux/kthread.h`](srctree/include/linux/kthread.h)
//!
//! It is in the control groups of whoever opened the device, so that its time is theirs. What it
//! does comes in pieces, [`Device::work`](crate::Device::work); between two of them it can be
//! told to pause, which it does at once.

use crate::{
    bindings,
    driver::Driver,
    function::Device as _,
    state::State, //
};
use core::ptr::NonNull;
use kernel::{
    error::from_err_ptr,
    new_condvar, new_spinlock,
    prelude::*,
    sync::{
        CondVar,
        CondVarTimeoutResult,
        SpinLock, //
    },
    time::{
        delay::fsleep,
        msecs_to_jiffies,
        Delta,
        Msecs, //
    },
};

/// How often a pause looks whether somebody is left who could give what the thread waits for, in
/// milliseconds.
const STEP: Msecs = 20;

/// How often it does so before it ends the thread's wait.
const PATIENCE: u32 = 50;

/// A thread that is at work.
#[derive(Clone, Copy)]
struct AtWork(NonNull<bindings::task_struct>);

// SAFETY: Only used to send a signal, which may be done from any thread.
unsafe impl Send for AtWork {}

/// What thread and user say to each other.
///
/// # Invariants
///
/// A thread that is at work does not end before it has said so here.
struct Inner {
    /// Whether somebody has rung since the last piece of work began, or there was more to do.
    rung: bool,
    /// Whether the device may be at work.
    allowed: bool,
    at_work: Option<AtWork>,
    /// How many pieces of work have begun.
    pieces: u64,
    /// How many wait for the end of one.
    waiting: usize,
    /// Whether the thread is to end.
    ending: bool,
}

impl Inner {
    /// The thread, if it is at that piece of work.
    fn at_piece(&self, piece: u64) -> Option<NonNull<bindings::task_struct>> {
        let AtWork(task) = *self.at_work.as_ref()?;
        (self.pieces == piece).then_some(task)
    }
}

/// What wakes a device's thread, and lets it pause. There is one whether or not there is a thread.
#[pin_data]
pub(crate) struct Bell {
    /// No mutex: devices ring with spinlocks of their own held.
    #[pin]
    inner: SpinLock<Inner>,
    /// There may be something to do, or the end has come.
    #[pin]
    news: CondVar,
    /// A piece of work is over.
    #[pin]
    rested: CondVar,
}

impl Bell {
    /// A bell of a device that may not work yet.
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            inner <- new_spinlock!(Inner {
                rung: false,
                allowed: false,
                at_work: None,
                pieces: 0,
                waiting: 0,
                ending: false,
            }),
            news <- new_condvar!(),
            rested <- new_condvar!(),
        })
    }

    /// Lets the thread work as soon as it may.
    pub(crate) fn ring(&self) {
        let mut inner = self.inner.lock();
        inner.rung = true;
        if inner.allowed {
            self.news.notify_one();
        }
    }

    /// The device may work from now on; the thread looks whether there is something to do.
    pub(crate) fn allow(&self) {
        self.inner.lock().allowed = true;
        self.ring();
    }

    /// It may no more. Waits as [`Self::wait`] does.
    pub(crate) fn pause(&self) {
        self.inner.lock().allowed = false;
        self.wait();
    }

    /// Waits for the end of the piece of work that the thread is at, if it is at one.
    ///
    /// The thread may itself wait for the user's memory, which comes when the user likes
    /// (userfaultfd, FUSE). While the user could still give it, so does this. But if who waits here
    /// is on its way out, nobody may be left to give it: then the thread's wait is ended, and what it
    /// was about fails.
    pub(crate) fn wait(&self) {
        let mut inner = self.inner.lock();
        let piece = inner.pieces;
        inner.waiting += 1;
        let mut looks = 0;
        while let Some(task) = inner.at_piece(piece) {
            let step = msecs_to_jiffies(STEP);
            if let CondVarTimeoutResult::Signal { .. } =
                self.rested.wait_interruptible_timeout(&mut inner, step)
            {
                // It stays pending, so that nothing else is waited for now.
                drop(inner);
                fsleep(Delta::from_millis(STEP.into()));
                inner = self.inner.lock();
            }
            looks += 1;
            // SAFETY: Only looks at the current task.
            let leaving = looks > PATIENCE && unsafe { bindings::mdev_helper_is_leaving() };
            if leaving && inner.at_piece(piece).is_some() {
                // SAFETY: A device has one thread at a time, and it is at the piece of work at which `task`
                // was found: so it is that one still. By the invariant it has not ended, and cannot while the
                // lock is held.
                unsafe { bindings::mdev_helper_wake_up(task.as_ptr()) };
                self.rested.wait(&mut inner);
            }
        }
        inner.waiting -= 1;
    }

    /// Waits until there may be something to do. Whether there is, and not the end.
    fn begin(&self) -> bool {
        let mut inner = self.inner.lock();
        while !(inner.ending || (inner.rung && inner.allowed)) {
            // A thread of the kernel gets no signals; this way its sleep is no load.
            let _ = self.news.wait_interruptible(&mut inner);
        }
        if inner.ending {
            return false;
        }
        inner.rung = false;
        inner.pieces = inner.pieces.wrapping_add(1);
        // SAFETY: Only looks at the current task.
        inner.at_work = NonNull::new(unsafe { bindings::get_current() }).map(AtWork);
        true
    }

    /// A piece of work is over, and maybe there is more.
    fn end(&self, more: bool) {
        let mut inner = self.inner.lock();
        inner.at_work = None;
        inner.rung |= more;
        if inner.waiting > 0 {
            self.rested.notify_all();
        }
    }
}

/// A thread. Ends when this is dropped, which waits for it.
///
/// # Invariants
///
/// `task` is a thread that [`run`] runs in, and a counted reference to it. `bell` is that of the
/// device, which outlives this.
pub(crate) struct Worker {
    task: NonNull<bindings::task_struct>,
    bell: NonNull<Bell>,
}

// SAFETY: A thread can be stopped by any other, and a bell be rung.
unsafe impl Send for Worker {}

impl Worker {
    /// Starts the thread of a device.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, `EINTR` if we are being killed; whatever keeps the thread out of our control
    /// groups.
    ///
    /// # Safety
    ///
    /// `state` must stay where it is, and alive, until the result was dropped.
    pub(crate) unsafe fn start<T: Driver>(state: &State<T>) -> Result<Self> {
        let data = core::ptr::from_ref(state).cast_mut().cast();
        // SAFETY: `run` gets what it asks for: a state that outlives the thread, as the caller
        // promises. The device's name is a string, which is copied.
        let task = from_err_ptr(unsafe {
            bindings::mdev_helper_start_thread(
                Some(run::<T>),
                data,
                state.dev().name().as_char_ptr(),
            )
        })?;
        // INVARIANT: It was made just now, with a reference for us; the state has the bell.
        Ok(Self {
            task: NonNull::new(task).ok_or(ENOMEM)?,
            bell: NonNull::from(state.context().bell()),
        })
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // SAFETY: By the invariant.
        let bell = unsafe { self.bell.as_ref() };
        bell.inner.lock().ending = true;
        bell.news.notify_all();
        // SAFETY: By the invariant. It waits until the thread has left `run`.
        unsafe { bindings::kthread_stop_put(self.task.as_ptr()) };
        // For the next one.
        let mut inner = bell.inner.lock();
        inner.ending = false;
        inner.rung = false;
    }
}

/// Does a device's work until the end.
///
/// # Safety
///
/// `data` must be a `State<T>` that lives until the thread was stopped.
unsafe extern "C" fn run<T: Driver>(data: *mut c_void) -> c_int {
    // SAFETY: As the caller promises.
    let state = unsafe { &*data.cast::<State<T>>() };
    let context = state.context();
    while context.bell().begin() {
        let work = || state.device().is_some_and(|device| device.work(context));
        // SAFETY: A thread of the kernel, which is in no address space between two pieces of work.
        let more = unsafe { context.in_opener_space(work) };
        context.bell().end(more);
        // SAFETY: A thread of the kernel, which holds no lock.
        unsafe { bindings::mdev_helper_breathe() };
    }
    0
}
