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

/// The configuration space of a device; of one that cannot be opened, none.
#[pin_data]
pub(crate) struct Config {
    /// Taken before the lock of the interrupts.
    #[pin]
    space: Mutex<Option<KBox<config::Config>>>,
}

impl Config {
    pub(crate) fn new(
        function: Option<&'static config::Layout>,
    ) -> Result<impl PinInit<Self, Error>> {
        let space = match function {
            Some(function) => Some(KBox::new(config::Config::new(function), GFP_KERNEL)?),
            None => None,
        };
        Ok(pin_init!(Self { space <- new_mutex!(space) }? Error))
    }

    /// Reads bytes inside of it.
    pub(crate) fn read(&self, cx: &Context, offset: usize, data: &mut [u8]) {
        if let Some(space) = &mut *self.space.lock() {
            space.show_interrupt(cx.interrupts().is_line_high());
            space.read(offset, data);
        }
    }

    /// Writes bytes inside of it.
    pub(crate) fn write(&self, cx: &Context, offset: usize, data: &[u8]) {
        if let Some(space) = &mut *self.space.lock() {
            if space.write(offset, data).command {
                cx.interrupts().disable_line(space.intx_disabled());
            }
        }
    }

    /// As after power-on, together with the interrupts, which follow it.
    pub(crate) fn reset(&self, cx: &Context) {
        if let Some(space) = &mut *self.space.lock() {
            space.reset();
            cx.interrupts().reset();
        }
    }
}
