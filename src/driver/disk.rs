// SPDX-License-Identifier: GPL-2.0

//! One device: a drive behind a lock that its registers, its thread and its migration share.

#![forbid(unsafe_code)]

mod migration;

use crate::{
    function::{
        FUNCTION,
        VECTORS, //
    },
    store::{
        Media,
        Store,
        Words, //
    },
    surroundings::{
        Guest,
        Lines,
        Since, //
    },
    types::feature, //
};
use kernel::{
    new_mutex,
    prelude::*,
    sync::Mutex, //
};
use mdev::{
    Context,
    Device,
    New, //
};
use nvme::{
    media::PAGE,
    outside::{
        Scratch,
        SCRATCH, //
    },
    BlockSize,
    Config,
    Controller,
    Drive,
    Identity, //
};

/// What a piece of work may take, in commands and pages (see [`Controller::process`]): some
/// hundred microseconds.
const BUDGET: u32 = 128;

/// The same for whoever rings a doorbell, a processor of the guest, which waits meanwhile.
const AT_ONCE: u32 = 16;

/// The device.
#[pin_data]
pub(crate) struct Disk {
    #[pin]
    inner: Mutex<Inner>,
    since: Since,
    /// Pages that the namespace has.
    pub(crate) pages: u64,
}

pub(crate) struct Inner {
    pub(crate) drive: Drive<Store, Words, KBox<Controller>>,
    /// Room for data on its way.
    scratch: KVec<u8>,
}

impl Inner {
    fn new(new: &New<'_, Media>) -> Result<Self> {
        let store = new.parent.store(capacity(new)?)?;
        Ok(Self {
            drive: Drive::new(controller(new)?, store),
            scratch: KVec::from_elem(0, SCRATCH, GFP_KERNEL)?,
        })
    }
}

/// The controller, as it comes from the factory. Not inlined: it is on the stack for a moment.
#[inline(never)]
fn controller(new: &New<'_, Media>) -> Result<KBox<Controller>> {
    let identity = Identity::from_uuid(new.uuid);
    // The table of types has no configuration that cannot be.
    let controller = KBox::new_uninit(GFP_KERNEL)?;
    match Controller::new(config(new)?, identity) {
        Ok(factory) => Ok(controller.write(factory)),
        Err(_) => Err(EINVAL),
    }
}

/// The parameters, by their places in the contract.
fn capacity(new: &New<'_, Media>) -> Result<u64> {
    new.values.first().copied().ok_or(EINVAL)
}

fn config(new: &New<'_, Media>) -> Result<Config> {
    let [capacity, lba, queues] = *new.values else {
        return Err(EINVAL);
    };
    let block_size = BlockSize::from_bytes(lba).ok_or(EINVAL)?;
    Ok(Config {
        blocks: capacity >> block_size.shift(),
        block_size,
        queues: queues.try_into()?,
        vectors: VECTORS,
        optional: feature::commands(new.features),
        vendor: FUNCTION.vendor,
        subsystem_vendor: FUNCTION.subsystem_vendor,
        model: "mdev_nvme",
        firmware: "1",
    })
}

impl Disk {
    /// Does something with the drive.
    pub(crate) fn with<R>(&self, f: impl FnOnce(&mut Inner) -> R) -> R {
        f(&mut self.inner.lock())
    }

    /// Does a piece of work. Whether there is more.
    fn process(&self, cx: &Context, budget: u32) -> bool {
        let mut lines = Lines::of(cx);
        // None without Bus Master Enable, or if the device may not start accesses for a moment: it
        // will be woken when it may.
        let Some(memory) = cx.memory() else {
            self.with(|inner| inner.drive.attend(&mut lines));
            return false;
        };
        let mut guest = Guest(memory);
        cx.pay_for(|| {
            self.with(|Inner { drive, scratch }| {
                let Ok(scratch) = <&mut Scratch>::try_from(&mut scratch[..]) else {
                    return false;
                };
                drive.process(&mut guest, &mut lines, &self.since, scratch, budget)
            })
        })
    }
}

impl Device for Disk {
    type Parent = Media;
    const WORKS: bool = true;

    fn new(new: New<'_, Media>) -> impl PinInit<Self, Error> {
        pin_init::pin_init_scope(move || {
            let pages = capacity(&new)? / PAGE as u64;
            let inner = Inner::new(&new)?;
            Ok(try_pin_init!(Self {
                inner <- new_mutex!(inner),
                since: Since::now(),
                pages,
            }? Error))
        })
    }

    fn read(&self, _cx: &Context, _bar: usize, offset: u64, data: &mut [u8]) {
        self.with(|inner| inner.drive.controller().read(offset, data));
    }

    fn write(&self, cx: &Context, _bar: usize, offset: u64, data: &[u8]) {
        let mut lines = Lines::of(cx);
        let work = self.with(|inner| inner.drive.write(offset, data, &mut lines));
        // A few commands are done before a thread could even be woken.
        if work && (!cx.is_opener() || self.process(cx, AT_ONCE)) {
            cx.wake();
        }
    }

    fn reset(&self, cx: &Context) {
        self.with(|inner| inner.drive.reset(&mut Lines::of(cx)));
    }

    fn open(&self, cx: &Context) -> Result {
        self.with(|inner| inner.drive.power_cycle(&mut Lines::of(cx)));
        Ok(())
    }

    fn work(&self, cx: &Context) -> bool {
        self.process(cx, BUDGET)
    }
}
