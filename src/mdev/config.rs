// SPDX-License-Identifier: GPL-2.0

//! The configuration space of a device: that of the core, and what a write to it does to the rest
//! of the device.

use crate::function::Context;
use kernel::{
    new_mutex,
    prelude::*,
    sync::Mutex, //
};
use migcore::config;

/// The configuration space of a device; until it is opened for the first time, none.
#[pin_data]
pub(crate) struct Config {
    /// Taken before the lock of the interrupts.
    #[pin]
    space: Mutex<Option<KBox<config::Config>>>,
}

impl Config {
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            space <- new_mutex!(None),
        })
    }

    /// Makes the space of a device that is this function, unless there is one: many devices are made
    /// long before anybody opens them.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn make(&self, function: &'static config::Layout) -> Result {
        let mut space = self.space.lock();
        if space.is_none() {
            *space = Some(KBox::new(config::Config::new(function), GFP_KERNEL)?);
        }
        Ok(())
    }

    /// Reads bytes inside of it.
    pub(crate) fn read(&self, cx: &Context, offset: usize, data: &mut [u8]) {
        if let Some(space) = &mut *self.space.lock() {
            space.show_interrupt(cx.interrupts().is_line_high());
            space.read(offset, data);
        }
    }

    /// Writes bytes inside of it. If Bus Master Enable is clear then, nobody is using guest memory any
    /// more when this returns; a message that was not sent by then waits.
    pub(crate) fn write(&self, cx: &Context, offset: usize, data: &[u8]) {
        let mut still = false;
        if let Some(space) = &mut *self.space.lock() {
            if space.write(offset, data).command {
                follow(space, cx);
            }
            // Also if it was clear before: who cleared it may be waiting still.
            still = !space.bus_master();
        }
        if still {
            // Without the lock: it can take as long as the guest's memory does.
            cx.wait_unused();
        }
    }

    /// What it holds, as it is migrated; nothing of a device that was never opened.
    pub(crate) fn save(&self) -> Option<[u8; config::SIZE]> {
        self.space.lock().as_ref().map(|space| space.save())
    }

    /// Whether it can hold `bytes`; if so, as an image of it.
    ///
    /// # Errors
    ///
    /// Why it cannot.
    pub(crate) fn check(&self, bytes: &[u8]) -> Result<[u8; config::SIZE], config::LoadError> {
        let short = config::LoadError::Length { found: bytes.len() };
        let image = bytes.try_into().map_err(|_| short)?;
        match &*self.space.lock() {
            Some(space) => space.check(bytes).map(|()| image),
            None => Err(short),
        }
    }

    /// Holds from now on what [`Self::check`] agreed to, and the interrupts follow.
    pub(crate) fn load(&self, cx: &Context, image: &[u8; config::SIZE]) {
        if let Some(space) = &mut *self.space.lock() {
            if space.load(image).is_ok() {
                follow(space, cx);
            }
        }
    }

    /// As after power-on, together with the interrupts, which follow it.
    pub(crate) fn reset(&self, cx: &Context) {
        if let Some(space) = &mut *self.space.lock() {
            space.reset();
            cx.interrupts().reset();
            follow(space, cx);
        }
    }
}

/// What the command register allows the device.
fn follow(space: &config::Config, cx: &Context) {
    cx.interrupts()
        .follow(space.intx_disabled(), space.bus_master());
    cx.set_master(space.bus_master());
}
