// SPDX-License-Identifier: GPL-2.0

//! Chunks: out of the machine into the section, and the other way.

use super::{Open, Region, Section, SECTION};
use crate::errno::Errno;
use crate::migration::{Device, Direct, Direction, Filled, Front, Machine, Put, SessionId};
use crate::stream::MAX_RECORD;

/// The section behind the records that it has.
struct Rest<'a, S> {
    section: &'a S,
    from: usize,
}

impl<S: Section> Direct for Rest<'_, S> {
    fn room(&self) -> usize {
        SECTION.saturating_sub(self.from)
    }

    fn put(&mut self, at: usize, bytes: &[u8]) -> bool {
        self.section.store(self.from.saturating_add(at), bytes);
        true
    }
}

impl<B: AsRef<[u8]> + AsMut<[u8]>> Region<B> {
    /// `pending_bytes` is read: what was told is taken as read, and the next chunk is offered. So
    /// it is 0 only if there is nothing to offer.
    pub(super) fn pending<D: Device<Buffer = B>>(
        &mut self,
        machine: &mut Machine<B>,
        dev: &mut D,
        section: &impl Section,
    ) -> Result<u64, Errno> {
        if let Some(open) = &mut self.session {
            if open.told {
                (open.chunk, open.told) = (0, false);
            }
        }
        match self.offer(machine, dev, section)? {
            0 => Ok(0),
            chunk => Ok(machine.estimate(dev).total().saturating_add(chunk as u64)),
        }
    }

    /// `data_size` is read.
    pub(super) fn tell<D: Device<Buffer = B>>(
        &mut self,
        machine: &mut Machine<B>,
        dev: &mut D,
        section: &impl Section,
    ) -> Result<u64, Errno> {
        let chunk = self.offer(machine, dev, section)?;
        if let Some(open) = &mut self.session {
            open.told = chunk > 0;
        }
        Ok(chunk as u64)
    }

    /// Sees to it that the section holds a chunk if there is anything to be had, and returns its
    /// length. Outside a save of this interface there is none.
    pub(super) fn offer<D: Device<Buffer = B>>(
        &mut self,
        machine: &mut Machine<B>,
        dev: &mut D,
        section: &impl Section,
    ) -> Result<usize, Errno> {
        let Some(id) = own(machine, Direction::Save) else {
            return Ok(0);
        };
        let Some(open) = self.session.as_mut().filter(|open| open.id == id) else {
            // A session without bytes, which says why.
            return machine.saving(id).and(Err(Errno::Io));
        };
        if open.chunk > 0 {
            return Ok(open.chunk);
        }
        while SECTION.saturating_sub(open.chunk) >= MAX_RECORD {
            let mut rest = Rest {
                section,
                from: open.chunk,
            };
            match machine.put(id, open.record.as_mut(), &mut rest, dev) {
                Ok(Put::There(len)) => open.chunk = open.chunk.saturating_add(len),
                Ok(Put::Here(Filled::Bytes(len))) => {
                    let record = open.record.as_ref().get(..len).ok_or(Errno::Io)?;
                    section.store(open.chunk, record);
                    open.chunk = open.chunk.saturating_add(len);
                }
                Ok(Put::Here(Filled::Nothing | Filled::End)) => break,
                Err(errno) if open.chunk == 0 => return Err(errno),
                Err(_) => break,
            }
        }
        Ok(open.chunk)
    }

    /// `data_size` is written: so many bytes of the section are the next of the stream.
    pub(super) fn take<D: Device<Buffer = B>>(
        &mut self,
        size: u64,
        machine: &mut Machine<B>,
        dev: &mut D,
        section: &impl Section,
    ) -> Result<(), Errno> {
        if machine.held_against(Front::V1).is_some() {
            return Err(Errno::Busy);
        }
        let id = own(machine, Direction::Load).ok_or(Errno::Inval)?;
        let Some(Open { record, .. }) = self.session.as_mut().filter(|open| open.id == id) else {
            return Err(Errno::Inval);
        };
        let size = usize::try_from(size).ok().filter(|s| *s <= SECTION);
        let size = size.ok_or(Errno::Inval)?;
        // Also nothing is pushed: what was refused before stays refused.
        machine.push(id, &[], dev)?;
        let mut at = 0_usize;
        while at < size {
            let len = machine.wanted(id, record.as_ref().len())?;
            let len = len.min(size.saturating_sub(at));
            let piece = record.as_mut().get_mut(..len).filter(|p| !p.is_empty());
            let piece = piece.ok_or(Errno::Inval)?;
            section.load(at, piece);
            machine.push(id, piece, dev)?;
            at = at.saturating_add(len);
        }
        Ok(())
    }
}

/// The session that is open, if it is of this interface and goes that way.
fn own<B: AsRef<[u8]> + AsMut<[u8]>>(
    machine: &Machine<B>,
    direction: Direction,
) -> Option<SessionId> {
    let (front, opened) = machine.open_session()?;
    (front == Front::V1 && opened.direction == direction).then_some(opened.id)
}
