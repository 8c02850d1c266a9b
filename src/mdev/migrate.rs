// SPDX-License-Identifier: GPL-2.0

//! What a driver writes so that its devices can be migrated: what they hold, as records.
//!
//! All else is the framework's: the states and who may ask for them, both client interfaces, the
//! stream around the records, the version string at its start and its verdict, configuration
//! space and interrupts, what is stated after a load.

use crate::function::{
    Context,
    Device,
    NoDevice, //
};
use kernel::prelude::*;
use migcore::{
    migration::{
        Borrower,
        Pending,
        Phase, //
    },
    stream::{
        Kind,
        Taken, //
    },
    Source,
};

/// Why a record, or all of them together, cannot be taken.
#[derive(Clone, Copy, Debug)]
pub enum Unfit {
    /// No device can be in such a state; what is wrong with it, for the log. `EINVAL`.
    Invalid(&'static str),
    /// The same, for a value that no device, or not this one, can have.
    Value {
        /// Of what.
        what: &'static str,
        /// The value.
        found: u64,
    },
    /// The state may be sound, but cannot be taken now.
    Failed(Error),
}

impl From<&'static str> for Unfit {
    fn from(what: &'static str) -> Self {
        Self::Invalid(what)
    }
}

impl From<Error> for Unfit {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// A device that can be migrated.
///
/// Of a device that is saved these are called, in this order: `begin_save`, `produce` with
/// [`Phase::PreCopy`] while it is at work, `produce` with [`Phase::Stopped`] until there is no more
/// after it was stopped; `end_save` comes last, maybe early. Of one that is loaded, which is
/// stopped: `begin_load`, `accept`, `complete`, `commit`; or `abandon` in place of `commit`, maybe
/// early. They are never called by two threads at once, but accesses to the device's BARs go on
/// while it is at work.
///
/// `version` is always one of the driver's own table ([`Driver::IDENTITY`](crate::Driver)): that of
/// the format to write, or the one that the source wrote. If a parent plays a host with others,
/// what is written is the nearest.
pub trait Migrate: Device {
    /// Whether all that the device holds can be written as `version`. If not, the name of what
    /// cannot: a value other than what `version` implies. Asked when a save starts, and again
    /// when the device was stopped.
    fn check_version(&self, version: u64) -> Result<(), &'static str>;

    /// A save starts. The device may be at work.
    ///
    /// # Errors
    ///
    /// Any; nothing has started then.
    fn begin_save(&self, cx: &Context, version: u64) -> Result {
        let _ = (cx, version);
        Ok(())
    }

    /// Lends one record's payload, which is then copied from where it is to where the client wants
    /// it, instead of twice: for devices that hold much in memory. Called before each `produce`,
    /// which is for whatever is not lent. What [`Borrower::take`] has taken counts as written.
    ///
    /// The payload is of the kinds from [`Kind::own`]. It is lent under the device's own lock, so
    /// that nothing of it changes meanwhile and so that it is noted as written before it does.
    ///
    /// # Errors
    ///
    /// As `produce`.
    fn lend(&self, cx: &Context, version: u64, phase: Phase, to: &mut Borrower<'_>) -> Result {
        let _ = (cx, version, phase, to);
        Ok(())
    }

    /// Writes one record's payload; what it is, of the kinds from [`Kind::own`], and its length in
    /// bytes. `None` if there is nothing to say: for now in [`Phase::PreCopy`], for good in
    /// [`Phase::Stopped`].
    ///
    /// # Errors
    ///
    /// Any; nothing counts as written then, and this may be called again.
    fn produce(
        &self,
        cx: &Context,
        version: u64,
        phase: Phase,
        payload: &mut [u8],
    ) -> Result<Option<(Kind, usize)>>;

    /// How many bytes of records `produce` would give in `phase`, their headers
    /// ([`HEADER`](migcore::stream::HEADER)) included: an estimate, and 0 only if there are none.
    fn pending(&self, version: u64, phase: Phase) -> Pending;

    /// How many bytes there would be in all if the device were stopped now.
    fn size(&self, version: u64) -> u64;

    /// The save is over, whether it was read to its end or not.
    fn end_save(&self, cx: &Context) {
        let _ = cx;
    }

    /// A load starts. What the device holds is still its own.
    ///
    /// # Errors
    ///
    /// Any; nothing has started then.
    fn begin_load(&self, cx: &Context) -> Result {
        let _ = cx;
        Ok(())
    }

    /// Takes one record from a source that writes `version`, and keeps it beside what the device
    /// holds. Its bytes may be anything.
    ///
    /// # Errors
    ///
    /// See [`Unfit`].
    fn accept(
        &self,
        cx: &Context,
        version: u64,
        kind: Kind,
        payload: &[u8],
    ) -> Result<Taken, Unfit>;

    /// All records are there. Looks at them together, and at what `source` says of itself: what it
    /// holds must be no more than that.
    ///
    /// # Errors
    ///
    /// See [`Unfit`]: something is missing, or does not fit to the rest.
    fn complete(&self, version: u64, source: &Source<'_>) -> Result<(), Unfit>;

    /// Becomes what was loaded: all at once, and without fail. From now on until it is closed, the
    /// device presents and enforces the source's parameters and features.
    fn commit(&self, cx: &Context, source: &Source<'_>);

    /// The load is given up; what was kept of it goes.
    fn abandon(&self, cx: &Context);
}

impl Migrate for NoDevice {
    fn check_version(&self, _version: u64) -> Result<(), &'static str> {
        match *self {}
    }

    fn produce(
        &self,
        _cx: &Context,
        _version: u64,
        _phase: Phase,
        _payload: &mut [u8],
    ) -> Result<Option<(Kind, usize)>> {
        match *self {}
    }

    fn pending(&self, _version: u64, _phase: Phase) -> Pending {
        match *self {}
    }

    fn size(&self, _version: u64) -> u64 {
        match *self {}
    }

    fn accept(
        &self,
        _cx: &Context,
        _version: u64,
        _kind: Kind,
        _payload: &[u8],
    ) -> Result<Taken, Unfit> {
        match *self {}
    }

    fn complete(&self, _version: u64, _source: &Source<'_>) -> Result<(), Unfit> {
        match *self {}
    }

    fn commit(&self, _cx: &Context, _source: &Source<'_>) {
        match *self {}
    }

    fn abandon(&self, _cx: &Context) {
        match *self {}
    }
}
