// SPDX-License-Identifier: GPL-2.0

//! Devices that are registers of a byte and one interrupt, all of it under one lock.
//!
//! A driver writes [`Registers`] and [`Stored`] for a plain value; a [`Card`] of it is the device.

use crate::{
    driver::Type,
    function::{
        Context,
        Device,
        New, //
    },
    snapshot::Snapshot,
};
use kernel::{
    new_mutex,
    prelude::*,
    sync::Mutex, //
};
use migcore::Source;

/// A device as its registers: what a driver writes for a [`Card`].
///
/// All methods are called under the card's lock, so they must not sleep for long.
pub trait Registers: Sized + Send + Unpin + 'static {
    /// The device as it is after power-on; `values` are its type's parameters.
    fn new(kind: &'static Type, values: &[u64]) -> Self;

    /// Reads the register at `offset` of `bar`, which may change it.
    fn read(&mut self, bar: usize, offset: u64) -> u8;

    /// Writes the register at `offset` of `bar`.
    fn write(&mut self, bar: usize, offset: u64, value: u8);

    /// Puts all registers to what they are after power-on.
    fn reset(&mut self);

    /// Whether it interrupts. INTx follows this; the first vector of MSI is sent whenever it
    /// becomes true.
    fn interrupt(&self) -> bool;
}

/// Registers that a state record carries.
pub trait Stored: Registers {
    /// As [`Migrate::check_version`](crate::Migrate::check_version).
    fn check_version(&self, version: u64) -> Result<(), &'static str>;

    /// As [`Snapshot::len`].
    fn len(&self, version: u64) -> usize;

    /// As [`Snapshot::save`].
    fn save(&self, version: u64, out: &mut [u8]);

    /// The device as these bytes say. They may be anything, and any number.
    ///
    /// # Errors
    ///
    /// What is wrong with them.
    fn load(&self, version: u64, bytes: &[u8]) -> Result<Self, &'static str>;
}

/// A device of [`Registers`]. An access of several bytes is one to each register in turn.
#[pin_data]
pub struct Card<R: Registers> {
    #[pin]
    registers: Mutex<R>,
}

impl<R: Registers> Card<R> {
    /// Does something to the registers, and raises or ends what they interrupt for then.
    fn with(&self, cx: &Context, f: impl FnOnce(&mut R)) {
        let mut registers = self.registers.lock();
        let before = registers.interrupt();
        f(&mut registers);
        let after = registers.interrupt();
        // Under the lock: two accesses must not tell of their interrupts the other way round.
        cx.interrupts().line(after);
        if after && !before {
            cx.interrupts().trigger(0);
        }
    }
}

impl<R: Registers> Device for Card<R> {
    type Parent = ();

    fn new(new: New<'_, ()>) -> impl PinInit<Self, Error> {
        try_pin_init!(Self { registers <- new_mutex!(R::new(new.kind, new.values)) })
    }

    fn read(&self, cx: &Context, bar: usize, offset: u64, data: &mut [u8]) {
        self.with(cx, |registers| {
            for (byte, offset) in data.iter_mut().zip(offset..) {
                *byte = registers.read(bar, offset);
            }
        });
    }

    fn write(&self, cx: &Context, bar: usize, offset: u64, data: &[u8]) {
        self.with(cx, |registers| {
            for (&byte, offset) in data.iter().zip(offset..) {
                registers.write(bar, offset, byte);
            }
        });
    }

    fn reset(&self, cx: &Context) {
        self.with(cx, R::reset);
    }
}

impl<R: Stored> Snapshot for Card<R> {
    type Loaded = R;

    fn check_version(&self, version: u64) -> Result<(), &'static str> {
        self.registers.lock().check_version(version)
    }

    fn len(&self, version: u64) -> usize {
        self.registers.lock().len(version)
    }

    fn save(&self, version: u64, out: &mut [u8]) {
        self.registers.lock().save(version, out);
    }

    fn load(&self, version: u64, bytes: &[u8]) -> Result<R, &'static str> {
        self.registers.lock().load(version, bytes)
    }

    fn commit(&self, cx: &Context, loaded: R, _source: &Source<'_>) {
        // After a reset nothing interrupts, so that a cause that was loaded is raised anew: the
        // source's client may not have passed it on.
        self.reset(cx);
        self.with(cx, |registers| *registers = loaded);
    }
}
