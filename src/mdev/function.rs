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
};
use kernel::{
    prelude::*,
    sync::Arc, //
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
}

impl Context {
    pub(crate) fn new(
        vdev: *mut bindings::vfio_device,
        function: Option<&'static PciFunction>,
    ) -> Result<Self> {
        let core = try_pin_init!(Core {
            interrupts <- Interrupts::new(function),
            memory <- Memory::new(vdev),
        });
        Ok(Self(Arc::pin_init(core, GFP_KERNEL)?))
    }

    /// The device's interrupts.
    pub fn interrupts(&self) -> &Interrupts {
        &self.0.interrupts
    }

    /// The guest's memory, while the device is open and allowed to use it. As long as the result
    /// lives, nobody can stop or close the device: get it for a piece of work, not for good.
    pub fn memory(&self) -> Option<GuestMemory<'_>> {
        self.0.memory.enter()
    }

    pub(crate) fn memory_of_device(&self) -> &Memory {
        &self.0.memory
    }
}

/// The device behind the registers: what a driver writes.
///
/// It is made when the mdev is opened for the first time, with the parameters of that moment, and
/// lives until the mdev is removed. All methods may be called by several threads at once.
pub trait Device: Send + Sync + Sized + 'static {
    /// Makes the device, as it is after power-on.
    fn new(kind: &'static Type, values: &[u64]) -> impl PinInit<Self, Error>;

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
}

/// The device of a driver whose types have no [`Type::pci`]: it cannot be opened.
pub enum NoDevice {}

impl Device for NoDevice {
    fn new(_kind: &'static Type, _values: &[u64]) -> impl PinInit<Self, Error> {
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
