// SPDX-License-Identifier: GPL-2.0

//! What is open between two states: a save or a load.

use super::device::Device;
use crate::errno::Errno;
use crate::stream::{Kind, Reader, Sink, Taken, Writer};
use core::fmt;

/// A client interface. A session belongs to the one that opened it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Front {
    /// The region: `VFIO_REGION_TYPE_MIGRATION_DEPRECATED`.
    V1,
    /// The feature ioctls and the data file.
    V2,
}

impl fmt::Display for Front {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Front::V1 => "v1",
            Front::V2 => "v2",
        })
    }
}

/// Which way the bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Out of the device; a client reads.
    Save,
    /// Into the device; a client writes.
    Load,
}

/// One session of one machine; no later session has the same. It outlives the session, and what
/// is asked with it is then told so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SessionId(pub(super) u64);

/// A request opened a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    /// What its bytes are asked for with.
    pub id: SessionId,
    /// Which way they go.
    pub direction: Direction,
}

#[derive(Debug)]
pub(super) struct Session<B> {
    pub(super) id: SessionId,
    pub(super) front: Front,
    pub(super) transfer: Transfer<B>,
}

#[derive(Debug)]
pub(super) enum Transfer<B> {
    Save(Save),
    Load(Load<B>),
    /// A save that was ended for another session, which then could not be opened. It has no more
    /// bytes, only the reason.
    Spent(Errno),
}

impl<B> Transfer<B> {
    pub(super) const fn direction(&self) -> Direction {
        match self {
            Transfer::Save(_) | Transfer::Spent(_) => Direction::Save,
            Transfer::Load(_) => Direction::Load,
        }
    }

    /// Tells the device that the session is over, with nothing taken over from it.
    pub(super) fn end<D: Device>(&self, dev: &mut D) {
        match self {
            Transfer::Save(_) => dev.end_save(),
            Transfer::Load(load) if load.begun => dev.abandon(),
            Transfer::Load(_) | Transfer::Spent(_) => {}
        }
    }
}

/// How far a save has come.
#[derive(Debug)]
pub(super) struct Save {
    pub(super) writer: Writer,
    /// The first record is out.
    pub(super) named: bool,
    /// The last record is out.
    pub(super) ended: bool,
}

/// How far a load has come.
#[derive(Debug)]
pub(super) struct Load<B> {
    pub(super) reader: Reader<B>,
    /// The device is in it: not after it failed to begin again.
    pub(super) begun: bool,
}

/// A device as the reader of a stream sees it.
pub(super) struct Loading<'a, D> {
    pub(super) dev: &'a mut D,
    pub(super) begun: &'a mut bool,
}

impl<D: Device> Sink for Loading<'_, D> {
    fn version(&mut self, line: &str) -> Result<(), Errno> {
        self.dev.judge(line)
    }

    fn record(&mut self, kind: Kind, payload: &[u8]) -> Result<Taken, Errno> {
        self.dev.accept(kind, payload)
    }

    fn restart(&mut self) -> Result<(), Errno> {
        self.dev.abandon();
        *self.begun = false;
        self.dev.begin_load()?;
        *self.begun = true;
        Ok(())
    }

    fn end(&mut self) -> Result<(), Errno> {
        self.dev.complete()
    }
}
