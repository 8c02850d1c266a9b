// SPDX-License-Identifier: GPL-2.0

//! What the machine asks of a device.

use super::borrower::Borrower;
use super::state::Activity;
use crate::errno::Errno;
use crate::stream::{Kind, Taken};

/// A device as the machine sees it.
///
/// The calls come in an order that is always the same:
///
/// ```text
/// save: begin_save, produce(PreCopy)*, [enter(Stopped)], freeze, produce(Stopped)* until None,
///       end_save          (end_save may come anywhere after begin_save; freeze may be refused;
///                         before each produce comes a lend, and after one that lends no produce)
/// load: buffer, begin_load, judge, accept*, complete, commit
///                         (abandon instead of commit, anywhere after begin_load; a load that
///                         begins again is abandon, begin_load)
/// ```
///
/// A call that fails must leave the device as it was before.
pub trait Device {
    /// Memory for one record.
    type Buffer: AsRef<[u8]> + AsMut<[u8]>;

    /// [`MAX_RECORD`](crate::stream::MAX_RECORD) bytes, whatever they hold.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    fn buffer(&mut self) -> Result<Self::Buffer, Errno>;

    /// Does from now on what `activity` allows, and returns when nothing else goes on any more.
    /// Called when it changes, and not for the same one twice.
    fn enter(&mut self, activity: Activity);

    /// A save starts. The device may be at work.
    ///
    /// # Errors
    ///
    /// `ERANGE`: it holds what the version in force cannot carry. The device logs what.
    fn begin_save(&mut self) -> Result<(), Errno>;

    /// It is stopped, and what it holds now is what will be read out.
    ///
    /// # Errors
    ///
    /// As [`begin_save`](Device::begin_save), which may have been long ago.
    fn freeze(&mut self) -> Result<(), Errno>;

    /// Writes the version string in force, without newline, and returns its length.
    fn version(&mut self, out: &mut [u8]) -> usize;

    /// The length of what [`version`](Device::version) would write now, in bytes.
    fn version_len(&mut self) -> usize;

    /// Writes one record's payload and returns what it is and how long; `None` if there is nothing
    /// to say: for now in [`Phase::PreCopy`], for good in [`Phase::Stopped`].
    ///
    /// # Errors
    ///
    /// The device's own. Nothing counts as produced then, and the call may be repeated.
    fn produce(&mut self, phase: Phase, payload: &mut [u8])
        -> Result<Option<(Kind, usize)>, Errno>;

    /// Lends one record's payload to `to`, if what comes next is something that it can lend; if it
    /// lends nothing, it is told to [`produce`](Device::produce). What was
    /// [taken](Borrower::take) counts as produced, whatever this returns.
    ///
    /// # Errors
    ///
    /// As [`produce`](Device::produce).
    fn lend(&mut self, phase: Phase, to: &mut Borrower<'_>) -> Result<(), Errno> {
        let _ = (phase, to);
        Ok(())
    }

    /// An estimate of what there is to produce in the current phase.
    fn pending(&mut self) -> Pending;

    /// An estimate of all that a save would produce if the device were stopped now.
    fn size(&mut self) -> u64;

    /// The save is over, whether it was read to its end or not.
    fn end_save(&mut self);

    /// A load starts; the device is stopped. What it holds is still its own.
    ///
    /// # Errors
    ///
    /// The device's own, such as `ENOMEM`.
    fn begin_load(&mut self) -> Result<(), Errno>;

    /// Compares the source's version string with what is accepted here.
    ///
    /// # Errors
    ///
    /// The verdict's.
    fn judge(&mut self, line: &str) -> Result<(), Errno>;

    /// Takes one record, and keeps it beside what the device holds.
    ///
    /// # Errors
    ///
    /// `EINVAL` if no device can be in such a state.
    fn accept(&mut self, kind: Kind, payload: &[u8]) -> Result<Taken, Errno>;

    /// All records are there. Looks at them together.
    ///
    /// # Errors
    ///
    /// `EINVAL` if something is missing or does not fit together.
    fn complete(&mut self) -> Result<(), Errno>;

    /// Becomes what was loaded. Comes only after a [`complete`](Device::complete) that agreed.
    fn commit(&mut self);

    /// The load is given up; what was kept of it goes.
    fn abandon(&mut self);

    /// Goes back to what it is after power-on. Whatever it did has stopped when this returns.
    fn reset(&mut self);
}

/// When something is produced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// While the device is at work.
    PreCopy,
    /// After it was stopped.
    Stopped,
}

/// An estimate of what there is to read, in bytes: `struct vfio_precopy_info`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pending {
    /// What must be read at least once.
    pub initial: u64,
    /// What has changed since it was read.
    pub dirty: u64,
    /// `initial` counts something that came to be after the save had begun, as when a device is
    /// configured anew, and `dirty` starts again from there. Set as long as any of that is left
    /// to read, and for nothing less: a client that knows the flag takes back that it was ready
    /// to stop the device.
    ///
    /// Only clients that asked for the second form of `struct vfio_precopy_info` are told
    /// (`VFIO_PRECOPY_INFO_REINIT`); the others see `initial` rise.
    pub reinit: bool,
}

impl Pending {
    /// All of it.
    pub const fn total(self) -> u64 {
        self.initial.saturating_add(self.dirty)
    }
}
