// SPDX-License-Identifier: GPL-2.0

//! What a driver writes of a device that can be opened: what its registers do. (What it is on
//! its PCI bus, a static [`PciFunction`], is the core's.)

use crate::{
    bindings,
    driver::Type,
    irq::Interrupts,
    memory::{
        GuestMemory,
        Memory, //
    },
    opener::Opener,
    worker::Bell,
};
use kernel::{
    new_spinlock,
    prelude::*,
    sync::{
        Arc,
        SpinLock, //
    },
};
use migcore::{
    config::Layout as PciFunction,
    migration::Activity, //
};

/// What the framework offers to a device. A clone may be kept, by a worker for example: it is
/// harmless when the device is closed or gone, as there is no guest memory and nobody to
/// interrupt then.
#[derive(Clone)]
pub struct Context(Arc<Core>);

/// What of a device outlives it as long as somebody has a [`Context`].
#[pin_data]
struct Core {
    #[pin]
    interrupts: Interrupts,
    #[pin]
    memory: Memory,
    #[pin]
    bell: Bell,
    /// Who has the device open.
    #[pin]
    opener: SpinLock<Option<Arc<Opener>>>,
}

impl Context {
    pub(crate) fn new(
        vdev: *mut bindings::vfio_device,
        function: Option<&'static PciFunction>,
    ) -> Result<Self> {
        let core = try_pin_init!(Core {
            interrupts <- Interrupts::new(function),
            memory <- Memory::new(vdev),
            bell <- Bell::new(),
            opener <- new_spinlock!(None),
        });
        Ok(Self(Arc::pin_init(core, GFP_KERNEL)?))
    }

    /// The device's interrupts.
    pub fn interrupts(&self) -> &Interrupts {
        &self.0.interrupts
    }

    /// The guest's memory, while the device is open and allowed to use it: it is not stopped, and the
    /// guest has set Bus Master Enable. As long as the result lives, nobody can stop or close the
    /// device, and who clears that bit waits: get it for a piece of work, not for good.
    pub fn memory(&self) -> Option<GuestMemory<'_>> {
        self.0.memory.enter()
    }

    /// Follows Bus Master Enable: guest memory is in reach or not, and with it the thread looks for
    /// what had to wait. Who is using memory when it goes may still do so.
    pub(crate) fn set_master(&self, master: bool) {
        self.0.memory.set_master(master);
        if master {
            self.0.bell.ring();
        }
    }

    /// Waits until nobody is using guest memory, unless the function has Bus Master Enable.
    pub(crate) fn wait_unused(&self) {
        self.0.bell.wait();
        self.0.memory.wait_unused();
    }

    /// Has [`Device::work`] called soon, if the device has a thread of its own.
    pub fn wake(&self) {
        self.0.bell.ring();
    }

    /// Calls `f`; the memory control group of who has the device open pays for what it allocates
    /// with [`Pages`](crate::Pages) or `GFP_KERNEL_ACCOUNT`.
    pub fn pay_for<R>(&self, f: impl FnOnce() -> R) -> R {
        let opener = self.0.opener.lock().clone();
        match opener {
            Some(opener) => opener.pay_for(f),
            None => f(),
        }
    }

    /// Calls `f` in the device's own thread, where guest memory is nearest.
    ///
    /// # Safety
    ///
    /// As [`Opener::in_its_space`].
    pub(crate) unsafe fn in_opener_space<R>(&self, f: impl FnOnce() -> R) -> R {
        let opener = self.0.opener.lock().clone();
        match opener {
            // SAFETY: As the caller promises.
            Some(opener) => unsafe { opener.in_its_space(f) },
            None => f(),
        }
    }

    /// Whether the current task may use guest memory as the device's own thread could. VFIO gives it
    /// to the process that mapped it: that is this one if it opened the device, and the thread has
    /// found the memory in that process's address space.
    pub fn is_opener(&self) -> bool {
        let opener = self.0.opener.lock();
        self.0.memory.is_near() && opener.as_ref().is_some_and(|opener| opener.is_here())
    }

    pub(crate) fn memory_of_device(&self) -> &Memory {
        &self.0.memory
    }

    pub(crate) fn bell(&self) -> &Bell {
        &self.0.bell
    }

    /// Who has it open from now on.
    pub(crate) fn set_opener(&self, opener: Option<Arc<Opener>>) {
        self.0.memory.forget_near();
        let before = core::mem::replace(&mut *self.0.opener.lock(), opener);
        // Put away without the lock.
        drop(before);
    }
}

/// The device behind the registers: what a driver writes.
///
/// It is made when the mdev is opened for the first time, with the parameters of that moment, and
/// lives until the mdev is removed. All methods may be called by several threads at once.
pub trait Device: Send + Sync + Sized + 'static {
    /// What all devices of one parent share beside its budget, such as the memory that they are
    /// in; `()` if there is nothing.
    type Parent: Send + Sync + 'static;

    /// Whether an open device has a thread of its own, in which [`work`](Self::work) is called.
    const WORKS: bool = false;

    /// Makes the device, as it is after power-on.
    fn new(new: New<'_, Self::Parent>) -> impl PinInit<Self, Error>;

    /// Reads 1, 2, 4 or 8 bytes, naturally aligned, inside of `bar`. `data` is all zeroes before.
    fn read(&self, cx: &Context, bar: usize, offset: u64, data: &mut [u8]);

    /// Writes 1, 2, 4 or 8 bytes, naturally aligned, inside of `bar`.
    fn write(&self, cx: &Context, bar: usize, offset: u64, data: &[u8]);

    /// Puts all registers to what they are after power-on. Called after each
    /// [`open`](Self::open), before anything else, and when the user resets the function, in any
    /// state.
    fn reset(&self, cx: &Context);

    /// Somebody opened the device.
    ///
    /// # Errors
    ///
    /// What opening fails with.
    fn open(&self, cx: &Context) -> Result {
        let _ = cx;
        Ok(())
    }

    /// The last file is closed, guest memory is gone already. Work of the device's own must have
    /// ended when this returns.
    fn close(&self, cx: &Context) {
        let _ = cx;
    }

    /// The device is allowed more, or less, from now on. When it is allowed less, its work of its
    /// own must have paused when this returns; nobody is using guest memory any more when it is
    /// called with [`Activity::Stopped`].
    fn activity(&self, cx: &Context, activity: Activity) {
        let _ = (cx, activity);
    }

    /// Does a piece of the device's own work, no more than some milliseconds, in a thread of its
    /// own. Called while the device is allowed everything ([`Activity::Running`]): after
    /// [`Context::wake`], whenever it is allowed again, when the user has set up interrupts, and when
    /// the guest has set Bus Master Enable. Whether there is more to do.
    fn work(&self, cx: &Context) -> bool {
        let _ = cx;
        false
    }
}

/// What a new device is told.
pub struct New<'a, P> {
    /// Its type.
    pub kind: &'static Type,
    /// Its parameters, in the contract's order.
    pub values: &'a [u64],
    /// The features that it has, as its parent says.
    pub features: u64,
    /// Its UUID, as it is written.
    pub uuid: [u8; 16],
    /// What its parent's devices share.
    pub parent: &'a P,
}

/// The device of a driver whose types have no [`Type::pci`]: it cannot be opened.
pub enum NoDevice {}

impl Device for NoDevice {
    type Parent = ();

    fn new(_new: New<'_, ()>) -> impl PinInit<Self, Error> {
        // SAFETY: It fails always, so that there is nothing to initialise.
        unsafe { pin_init::pin_init_from_closure(|_slot: *mut Self| Err(EOPNOTSUPP)) }
    }

    fn read(&self, _cx: &Context, _bar: usize, _offset: u64, _data: &mut [u8]) {
        match *self {}
    }

    fn write(&self, _cx: &Context, _bar: usize, _offset: u64, _data: &[u8]) {
        match *self {}
    }

    fn reset(&self, _cx: &Context) {
        match *self {}
    }
}
