// SPDX-License-Identifier: GPL-2.0

//! The interrupts of a device: what the device raises, and what of it the user hears.
//!
//! C headers: [`include/linux/eventfd.h`](srctree/include/linux/eventfd.h),
//! [`include/linux/vfio.h`](srctree/include/linux/vfio.h)
//!
//! Nothing that a device raises is lost: while it cannot be delivered (nobody is attached, the
//! device is stopped, INTx is masked) it stays pending, and goes out when that has changed. Only a
//! reset forgets it. So it is with a message without Bus Master Enable, as a message is a write to
//! memory (PCI Local Bus 3.0, 6.8): the function may not send it, and its cause is still there.
//!
//! An eventfd is signalled with the lock held under which it is replaced, so that it cannot be put
//! away in between. [`crate::set_irqs`] is how the user attaches and detaches.

use crate::bindings;
use core::{
    mem::swap,
    ptr::NonNull, //
};
use kernel::{
    error::{
        from_err_ptr,
        to_result, //
    },
    new_mutex, new_spinlock,
    prelude::*,
    sync::{
        Mutex,
        SpinLock, //
    },
    types::Opaque,
};
use migcore::{
    config::Layout as PciFunction,
    interrupts::{
        Raised,
        RaisedError, //
    },
};

/// An eventfd that the user gave us.
pub(crate) struct EventFd(NonNull<bindings::eventfd_ctx>);

// SAFETY: A counted reference, which may be signalled and put on any thread.
unsafe impl Send for EventFd {}

impl EventFd {
    /// Looks a descriptor up.
    ///
    /// # Errors
    ///
    /// `EBADF` if there is no such descriptor, `EINVAL` if it is no eventfd.
    pub(crate) fn from_fd(fd: i32) -> Result<Self> {
        // SAFETY: Any number may be asked for.
        let ctx = from_err_ptr(unsafe { bindings::eventfd_ctx_fdget(fd) })?;
        NonNull::new(ctx).map(Self).ok_or(EINVAL)
    }

    fn signal(&self) {
        // SAFETY: We have a reference; a mask of 0 is what `eventfd_signal` passes.
        unsafe { bindings::eventfd_signal_mask(self.0.as_ptr(), 0) };
    }
}

impl Drop for EventFd {
    fn drop(&mut self) {
        // SAFETY: Our reference, which nobody else drops.
        unsafe { bindings::eventfd_ctx_put(self.0.as_ptr()) };
    }
}

/// A kind of interrupts, of which a device uses one at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The line INTA#.
    Intx,
    /// Messages, as many as the function's layout says.
    Msi,
    /// Messages of MSI-X.
    Msix,
}

/// An event that is about the device, not from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// Something is wrong with the device beyond repair.
    Error,
    /// The device should be given back.
    Request,
}

struct Vector {
    eventfd: Option<EventFd>,
    pending: bool,
}

struct Inner {
    mode: Option<Mode>,
    /// As many as the mode with the most of them has.
    vectors: KVec<Vector>,
    /// What the device drives INTA# to.
    line: bool,
    /// Whether INTx is sent once although the line may be low: after a load. A client carries the
    /// state of its own interrupt line over, QEMU in the configuration of the PCI device, and takes
    /// it back when the guest has answered an INTx that it had heard of itself. Without one, a line
    /// that was high at the source for a cause which had just gone would stay high for good.
    recall: bool,
    /// Whether INTx waits for the user: after each signal, or as asked for.
    masked: bool,
    /// Whether the command register forbids INTx.
    disabled: bool,
    /// Whether the command register allows messages: Bus Master Enable.
    master: bool,
    /// Whether the device is stopped.
    held: bool,
    error: Option<EventFd>,
    request: Option<EventFd>,
}

impl Inner {
    fn event(&mut self, event: Event) -> &mut Option<EventFd> {
        match event {
            Event::Error => &mut self.error,
            Event::Request => &mut self.request,
        }
    }

    /// Sends INTx, if it has to be sent.
    fn send_line(&mut self) {
        if self.held || self.masked || self.disabled || !(self.line || self.recall) {
            return;
        }
        if self.mode != Some(Mode::Intx) {
            return;
        }
        if let Some(eventfd) = self.vectors.first().and_then(|v| v.eventfd.as_ref()) {
            eventfd.signal();
            self.masked = true;
            self.recall = false;
        }
    }

    /// Sends a message, if it has to be sent.
    fn send_message(&mut self, vector: usize) {
        if self.held || !self.master || !matches!(self.mode, Some(Mode::Msi | Mode::Msix)) {
            return;
        }
        let Some(vector) = self.vectors.get_mut(vector) else {
            return;
        };
        if let (true, Some(eventfd)) = (vector.pending, &vector.eventfd) {
            eventfd.signal();
            vector.pending = false;
        }
    }

    /// Sends all that has to be sent.
    fn send(&mut self) {
        self.send_line();
        for vector in 0..self.vectors.len() {
            self.send_message(vector);
        }
    }
}

/// The interrupts of a device.
#[pin_data]
pub struct Interrupts {
    function: Option<&'static PciFunction>,
    /// Held while the user changes what is attached; taken before `inner`. The callback of
    /// `unmask_event` must never take it: whoever disables that waits for the callback.
    #[pin]
    attaching: Mutex<()>,
    /// Not taken in interrupt context. No mutex, so that devices may raise interrupts with
    /// spinlocks of their own held.
    #[pin]
    inner: SpinLock<Inner>,
    /// The eventfd that unmasks INTx. VFIO's lock guards it.
    #[pin]
    unmask_event: Opaque<*mut bindings::virqfd>,
}

// SAFETY: All but `unmask_event` is `Send` and `Sync`, and that is only handed to VFIO.
unsafe impl Send for Interrupts {}
// SAFETY: As above.
unsafe impl Sync for Interrupts {}

impl Interrupts {
    pub(crate) fn new(function: Option<&'static PciFunction>) -> impl PinInit<Self, Error> {
        let most = function.map_or(0, |function| {
            [Mode::Intx, Mode::Msi, Mode::Msix]
                .into_iter()
                .map(|mode| vectors(function, mode))
                .fold(0, usize::max)
        });
        try_pin_init!(Self {
            function,
            attaching <- new_mutex!(()),
            inner <- new_spinlock!(Inner {
                mode: None,
                vectors: {
                    let mut vectors = KVec::with_capacity(most, GFP_KERNEL)?;
                    for _ in 0..most {
                        vectors.push(Vector { eventfd: None, pending: false }, GFP_KERNEL)?;
                    }
                    vectors
                },
                line: false,
                recall: false,
                masked: false,
                disabled: false,
                master: false,
                held: false,
                error: None,
                request: None,
            }),
            unmask_event: Opaque::new(core::ptr::null_mut()),
        })
    }

    /// How many vectors there are, of the kind with the most of them.
    pub(crate) fn vectors(&self) -> usize {
        self.inner.lock().vectors.len()
    }

    /// How many interrupts of a kind there are.
    pub(crate) fn count(&self, mode: Mode) -> usize {
        self.function.map_or(0, |function| vectors(function, mode))
    }

    /// Drives INTA#: while it is high, the user hears of it, again after each time that it
    /// unmasked the interrupt.
    pub fn line(&self, high: bool) {
        let mut inner = self.inner.lock();
        inner.line = high;
        inner.send_line();
    }

    /// Sends a message, by MSI or MSI-X. Without either it stays pending until one is set up, and
    /// without Bus Master Enable until there is; while INTx is in use, it is none.
    pub fn trigger(&self, vector: usize) {
        let mut inner = self.inner.lock();
        if inner.mode == Some(Mode::Intx) {
            return;
        }
        if let Some(vector) = inner.vectors.get_mut(vector) {
            vector.pending = true;
        }
        inner.send_message(vector);
    }

    /// Keeps back what the device raises, or lets all of it go.
    pub(crate) fn hold(&self, held: bool) {
        let mut inner = self.inner.lock();
        inner.held = held;
        inner.send();
    }

    /// Follows the command register: whether it forbids INTx, and whether it has Bus Master Enable.
    pub(crate) fn follow(&self, disabled: bool, master: bool) {
        let mut inner = self.inner.lock();
        inner.disabled = disabled;
        inner.master = master;
        inner.send();
    }

    /// What INTA# is, for the status register.
    pub(crate) fn is_line_high(&self) -> bool {
        self.inner.lock().line
    }

    /// Forgets what the device raised. Who listens goes on listening.
    pub(crate) fn reset(&self) {
        let mut inner = self.inner.lock();
        inner.line = false;
        inner.recall = false;
        inner.disabled = false;
        inner.master = false;
        for vector in &mut inner.vectors {
            vector.pending = false;
        }
    }

    /// What is raised and not yet heard.
    pub(crate) fn raised(&self) -> Raised {
        let inner = self.inner.lock();
        let mut raised = Raised::none(inner.vectors.len());
        raised.set_line(inner.line);
        for (index, vector) in inner.vectors.iter().enumerate() {
            if vector.pending {
                raised.set_pending(index);
            }
        }
        raised
    }

    /// What a payload says is raised.
    ///
    /// # Errors
    ///
    /// See [`RaisedError`].
    pub(crate) fn check_raised(&self, payload: &[u8]) -> Result<Raised, RaisedError> {
        Raised::load(self.vectors(), payload)
    }

    /// Makes `raised` what is raised, in place of what was.
    pub(crate) fn raise(&self, raised: &Raised) {
        let mut inner = self.inner.lock();
        inner.line = raised.line();
        inner.recall = true;
        for (index, vector) in inner.vectors.iter_mut().enumerate() {
            vector.pending = raised.is_pending(index);
        }
        inner.send();
    }

    /// Detaches everybody and forgets everything.
    pub(crate) fn close(&self) {
        let attaching = self.attaching.lock();
        self.disable(&attaching);
        for event in [Event::Error, Event::Request] {
            self.attach_event(event, None);
        }
        self.reset();
        self.inner.lock().held = false;
    }

    /// Says what happened to whoever listens for it. Whether somebody does.
    pub(crate) fn notify(&self, event: Event) -> bool {
        let mut inner = self.inner.lock();
        match inner.event(event) {
            Some(eventfd) => {
                eventfd.signal();
                true
            }
            None => false,
        }
    }

    /// Attaches somebody to an event, or detaches.
    pub(crate) fn attach_event(&self, event: Event, mut eventfd: Option<EventFd>) {
        swap(self.inner.lock().event(event), &mut eventfd);
        // What was there before is put away here, without the lock.
    }

    /// The lock that changes of what is attached are made under.
    pub(crate) fn attaching(&self) -> &Mutex<()> {
        &self.attaching
    }

    /// The kind that the user has set up, if any.
    pub fn mode(&self) -> Option<Mode> {
        self.inner.lock().mode
    }

    /// Ends the use of whatever kind is in use. What is pending stays so.
    pub(crate) fn disable(&self, _attaching: &Attaching<'_>) {
        self.disable_unmask_event();
        let mut inner = self.inner.lock();
        inner.mode = None;
        inner.masked = false;
        for index in 0..inner.vectors.len() {
            let eventfd = inner.vectors[index].eventfd.take();
            if eventfd.is_some() {
                drop(inner);
                drop(eventfd);
                inner = self.inner.lock();
            }
        }
    }

    /// Uses `mode` from now on, which must be what is in use or the first, and exchanges what is
    /// attached from vector `start` on for `eventfds`.
    pub(crate) fn attach(
        &self,
        _attaching: &Attaching<'_>,
        mode: Mode,
        start: usize,
        mut eventfds: KVec<Option<EventFd>>,
    ) {
        {
            let mut inner = self.inner.lock();
            let first = inner.mode.is_none();
            inner.mode = Some(mode);
            inner.recall &= mode == Mode::Intx;
            for (vector, eventfd) in inner.vectors.iter_mut().skip(start).zip(&mut eventfds) {
                swap(&mut vector.eventfd, eventfd);
            }
            if first && inner.line && mode != Mode::Intx {
                // The device raised it when only the line was heard, and will not again.
                if let Some(vector) = inner.vectors.first_mut() {
                    vector.pending = true;
                }
            }
            inner.send();
        }
        // What was there before is put away here, without the lock.
        drop(eventfds);
    }

    /// Signals an interrupt as if the device had raised it, for the user to test.
    pub(crate) fn loop_back(&self, vector: usize) {
        let inner = self.inner.lock();
        if let Some(eventfd) = inner.vectors.get(vector).and_then(|v| v.eventfd.as_ref()) {
            eventfd.signal();
        }
    }

    /// Masks or unmasks INTx.
    pub(crate) fn mask_line(&self, masked: bool) {
        let mut inner = self.inner.lock();
        inner.masked = masked;
        inner.send_line();
    }

    /// Lets an eventfd unmask INTx.
    pub(crate) fn enable_unmask_event(&self, _attaching: &Attaching<'_>, fd: i32) -> Result {
        // SAFETY: We are pinned, and disable this before we go, which waits for the callback.
        to_result(unsafe {
            bindings::vfio_virqfd_enable(
                core::ptr::from_ref(self).cast_mut().cast(),
                None,
                Some(unmask),
                core::ptr::null_mut(),
                self.unmask_event.get(),
                fd,
            )
        })
    }

    /// No eventfd unmasks INTx when this returns.
    pub(crate) fn disable_unmask_event(&self) {
        // SAFETY: The slot is one that only VFIO writes.
        unsafe { bindings::vfio_virqfd_disable(self.unmask_event.get()) };
    }
}

/// Proof that the lock is held which changes of what is attached are made under.
pub(crate) type Attaching<'a> =
    kernel::sync::lock::Guard<'a, (), kernel::sync::lock::mutex::MutexBackend>;

const fn vectors(function: &PciFunction, mode: Mode) -> usize {
    match mode {
        Mode::Intx => function.pin as usize,
        Mode::Msi => match function.msi {
            Some(vectors) => vectors as usize,
            None => 0,
        },
        Mode::Msix => match function.msix {
            Some(msix) => msix.vectors as usize,
            None => 0,
        },
    }
}

/// Unmasks INTx: somebody signalled the eventfd for it. From a work item, where sleeping would be
/// allowed.
///
/// # Safety
///
/// `opaque` must be the `Interrupts` that [`Interrupts::enable_unmask_event`] passed.
unsafe extern "C" fn unmask(opaque: *mut c_void, _data: *mut c_void) {
    // SAFETY: As the caller promises; it lives until the callback is disabled.
    unsafe { &*opaque.cast::<Interrupts>() }.mask_line(false);
}
