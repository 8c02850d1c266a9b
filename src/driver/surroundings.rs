// SPDX-License-Identifier: GPL-2.0

//! What is around a controller, as the framework has it.

#![forbid(unsafe_code)]

use kernel::time::{
    Instant,
    Monotonic, //
};
use mdev::{
    Context,
    GuestMemory,
    InterruptMode,
    Interrupts, //
};
use nvme::outside::{
    self,
    Clock,
    Fault,
    Memory,
    Signal, //
};

/// The guest's memory.
pub(crate) struct Guest<'a>(pub(crate) GuestMemory<'a>);

impl Memory for Guest<'_> {
    fn read(&mut self, iova: u64, data: &mut [u8]) -> Result<(), Fault> {
        self.0.read(iova, data).map_err(|_| Fault)
    }

    fn write(&mut self, iova: u64, data: &[u8]) -> Result<(), Fault> {
        self.0.write(iova, data).map_err(|_| Fault)
    }
}

/// The interrupts that the user listens to.
pub(crate) struct Lines<'a>(&'a Interrupts);

impl<'a> Lines<'a> {
    pub(crate) fn of(cx: &'a Context) -> Self {
        Self(cx.interrupts())
    }
}

impl outside::Interrupts for Lines<'_> {
    fn signal(&self) -> Signal {
        match self.0.mode() {
            Some(InterruptMode::Intx) => Signal::Line,
            Some(InterruptMode::Msi) => Signal::Msi,
            // Nothing set up: messages wait until there is, a line would not.
            Some(InterruptMode::Msix) | None => Signal::MsiX,
        }
    }

    fn message(&mut self, vector: u16) {
        let vector = match self.0.mode() {
            // There is one message, which all vectors share.
            Some(InterruptMode::Msi) => 0,
            _ => vector.into(),
        };
        self.0.trigger(vector);
    }

    fn line(&mut self, high: bool) {
        self.0.line(high);
    }
}

/// Time since the device was made.
pub(crate) struct Since(Instant<Monotonic>);

impl Since {
    /// From now on.
    pub(crate) fn now() -> Self {
        Self(Instant::now())
    }
}

impl Clock for Since {
    fn now(&self) -> u64 {
        // Time does not go backwards.
        u64::try_from(self.0.elapsed().as_nanos()).unwrap_or(0)
    }
}
