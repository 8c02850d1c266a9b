// SPDX-License-Identifier: GPL-2.0

//! The bytes of a session, out and in.

use super::borrower::{Borrower, Direct};
use super::device::{Device, Pending, Phase};
use super::machine::Machine;
use super::session::{Direction, Load, Loading, Save, SessionId, Transfer};
use super::state::State;
use crate::errno::Errno;
use crate::stream::{Kind, HEADER, MAX_PAYLOAD, MAX_RECORD, MAX_VERSION};

#[cfg(doc)]
use crate::stream::Reader;

/// What a save had to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filled {
    /// So many bytes, a whole record.
    Bytes(usize),
    /// Nothing for now (`ENOMSG`): the device is at work, and all that it has to say was said.
    Nothing,
    /// Nothing more: the stream is whole.
    End,
}

/// What a save had to say, and where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// One record of so many bytes, where it goes.
    There(usize),
    /// Bytes of one record in the buffer, or none.
    Here(Filled),
}

impl<B: AsRef<[u8]> + AsMut<[u8]>> Machine<B> {
    /// Makes the next record of a save: puts it into `direct` if the device lends its payload and
    /// it fits there, or else writes it into `out`, which must hold at least [`MAX_RECORD`] bytes.
    ///
    /// # Errors
    ///
    /// `ENODEV`: the session is over. `EINVAL`: `out` is too short. Otherwise the device's; the
    /// stream then goes on where it was.
    pub fn put<D: Device<Buffer = B>>(
        &mut self,
        id: SessionId,
        out: &mut [u8],
        direct: &mut dyn Direct,
        dev: &mut D,
    ) -> Result<Put, Errno> {
        let phase = self.phase();
        let save = self.saving(id)?;
        if out.len() < MAX_RECORD && !save.ended {
            return Err(Errno::Inval);
        }
        save.record(phase, out, direct, dev)
    }

    /// Takes more bytes of a load, in whatever pieces they come.
    ///
    /// # Errors
    ///
    /// `ENODEV`: the session is over. Otherwise the errno of the first fault, as soon as it can be
    /// known, and from then on always that; [`refusal`](Machine::refusal) says what it was. The
    /// state stays.
    pub fn push<D: Device<Buffer = B>>(
        &mut self,
        id: SessionId,
        bytes: &[u8],
        dev: &mut D,
    ) -> Result<(), Errno> {
        match self.live(id)? {
            Transfer::Load(Load { reader, begun }) => reader
                .push(bytes, &mut Loading { dev, begun })
                .map_err(|refusal| refusal.errno()),
            _ => Err(Errno::NoDev),
        }
    }

    /// How many bytes a client's piece of a load is best cut at, of at least one and at most `room`:
    /// see [`Reader::wanted`]. It changes no outcome.
    ///
    /// # Errors
    ///
    /// `ENODEV`: the session is over.
    pub fn wanted(&mut self, id: SessionId, room: usize) -> Result<usize, Errno> {
        Ok(match self.live(id)? {
            Transfer::Load(load) => load.reader.wanted(room),
            _ => room.max(1),
        })
    }

    /// An estimate of what a read would give in pre-copy. What was filled but not read yet is the
    /// caller's to add.
    ///
    /// # Errors
    ///
    /// `ENODEV`: the session is over. `EINVAL`: the device is stopped.
    pub fn precopy<D: Device<Buffer = B>>(
        &mut self,
        id: SessionId,
        dev: &mut D,
    ) -> Result<Pending, Errno> {
        self.live(id)?;
        if !self.state.is_precopy() {
            return Err(Errno::Inval);
        }
        Ok(self.estimate(dev))
    }

    /// An estimate of what is left to fill in the current phase of the save that is open; nothing
    /// if none is.
    pub(super) fn estimate<D: Device<Buffer = B>>(&mut self, dev: &mut D) -> Pending {
        match self.session.as_ref().map(|s| &s.transfer) {
            Some(Transfer::Save(save)) if !save.ended => {
                let mut pending = dev.pending();
                if !save.named {
                    let first = HEADER.saturating_add(dev.version_len()) as u64;
                    pending.initial = pending.initial.saturating_add(first);
                }
                pending
            }
            _ => Pending::default(),
        }
    }

    /// An estimate of the whole stream of a device that is stopped; never 0, since a client makes
    /// a buffer of it.
    pub fn size<D: Device<Buffer = B>>(&self, dev: &mut D) -> u64 {
        dev.size().saturating_add(MAX_VERSION as u64)
    }

    /// Which phase a save is in.
    fn phase(&self) -> Phase {
        match self.state {
            State::StopCopy => Phase::Stopped,
            _ => Phase::PreCopy,
        }
    }

    /// The save that is open, if it is the session that was asked for.
    pub(super) fn saving(&mut self, id: SessionId) -> Result<&mut Save, Errno> {
        match self.live(id)? {
            Transfer::Save(save) => Ok(save),
            Transfer::Spent(errno) => Err(*errno),
            Transfer::Load(_) => Err(Errno::NoDev),
        }
    }

    /// What is open, if it is the session that was asked for.
    fn live(&mut self, id: SessionId) -> Result<&mut Transfer<B>, Errno> {
        match &mut self.session {
            Some(session) if session.id == id => Ok(&mut session.transfer),
            _ => Err(Errno::NoDev),
        }
    }
}

impl Direction {
    /// Whether a client reads.
    pub const fn is_save(self) -> bool {
        matches!(self, Direction::Save)
    }
}

impl Save {
    /// Makes one record, if there is one.
    fn record<D: Device>(
        &mut self,
        phase: Phase,
        out: &mut [u8],
        direct: &mut dyn Direct,
        dev: &mut D,
    ) -> Result<Put, Errno> {
        if self.ended {
            return Ok(Put::Here(Filled::End));
        }
        if !self.named {
            let line = out.get_mut(HEADER..).and_then(|o| o.get_mut(..MAX_VERSION));
            let len = dev.version(line.ok_or(Errno::Inval)?);
            let version = self.frame(Kind::VERSION, out, len)?;
            self.named = true;
            return Ok(version);
        }
        let mut borrower = Borrower::new(&mut self.writer, out, Some(direct));
        let lent = dev.lend(phase, &mut borrower);
        if let Some(record) = borrower.made() {
            return Ok(record);
        }
        lent?;
        let payload = out.get_mut(HEADER..MAX_RECORD).ok_or(Errno::Inval)?;
        match (dev.produce(phase, payload)?, phase) {
            (Some((kind, len)), _) => self.frame(kind, out, len),
            (None, Phase::PreCopy) => Ok(Put::Here(Filled::Nothing)),
            (None, Phase::Stopped) => match self.writer.end(out) {
                0 => Err(Errno::Io),
                len => {
                    self.ended = true;
                    Ok(Put::Here(Filled::Bytes(len)))
                }
            },
        }
    }

    /// Makes a record of a payload that is in place. It must be one: a device that says it has
    /// written more than there was room for has failed.
    fn frame(&mut self, kind: Kind, out: &mut [u8], len: usize) -> Result<Put, Errno> {
        match self.writer.frame(kind, out, len.min(MAX_PAYLOAD + 1)) {
            0 => Err(Errno::Io),
            len => Ok(Put::Here(Filled::Bytes(len))),
        }
    }
}
