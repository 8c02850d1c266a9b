// SPDX-License-Identifier: GPL-2.0

//! Payloads that a device lends instead of copying them.
//!
//! A device that holds much has it in memory, from where it would be copied into a record, and the
//! record to where the client wants it. One that [lends](super::Device::lend) it saves the first of
//! the two: the record is put together where it goes.
//!
//! **What is sent is what was summed.** A device lends shared slices, which nobody can write to as
//! long as they are lent: it holds the lock under which its contents change, or owns them. The
//! checksum and the copies are made from the same slices, in one call that returns before the loan
//! ends. A guest that writes meanwhile waits for that lock; what it writes then is noted as changed,
//! as ever, since the device marks as sent what it has lent before it lets go of the lock.

use super::transfer::{Filled, Put};
use crate::errno::Errno;
use crate::stream::{length, Kind, Writer, HEADER};

/// Where one record can be put without being made in memory of the machine's before: memory of the
/// client's.
pub trait Direct {
    /// How many bytes there is room for. A longer record is not put here.
    fn room(&self) -> usize;

    /// Copies all of `bytes` to `at`, which is in the room. Whether it could: what the place holds
    /// does not matter if not. The device is locked: it must not wait for anybody.
    fn put(&mut self, at: usize, bytes: &[u8]) -> bool;
}

/// Takes one payload that a device lends.
pub struct Borrower<'a> {
    writer: &'a mut Writer,
    /// For a record that cannot be put where it goes.
    out: &'a mut [u8],
    direct: Option<&'a mut dyn Direct>,
    made: Option<Put>,
}

impl<'a> Borrower<'a> {
    /// One for the next record of `writer`, for a test of a device that lends: a machine makes its
    /// own. The record goes to `direct` if it can, or else to the start of `out`.
    pub fn new(
        writer: &'a mut Writer,
        out: &'a mut [u8],
        direct: Option<&'a mut dyn Direct>,
    ) -> Self {
        Self {
            writer,
            out,
            direct,
            made: None,
        }
    }

    /// Makes the next record: its payload is `head`, and `parts` one behind the other, at most
    /// [`MAX_PAYLOAD`](crate::stream::MAX_PAYLOAD) bytes. If that succeeds the record will be sent.
    ///
    /// # Errors
    ///
    /// `EIO`: there was one already, or it cannot be a record. Nothing was taken.
    pub fn take(&mut self, kind: Kind, head: &[u8], parts: &[&[u8]]) -> Result<(), Errno> {
        if self.made.is_some() {
            return Err(Errno::Io);
        }
        let made = self.put(kind, head, parts);
        self.made = made.or_else(|| self.keep(kind, head, parts));
        self.made.map(|_| ()).ok_or(Errno::Io)
    }

    /// Where the record is, if anything was lent.
    pub fn made(self) -> Option<Put> {
        self.made
    }

    /// Where it goes, if it can be put there.
    fn put(&mut self, kind: Kind, head: &[u8], parts: &[&[u8]]) -> Option<Put> {
        let direct = self.direct.as_deref_mut()?;
        if length(head, parts).saturating_add(HEADER) > direct.room() {
            return None;
        }
        let put = |at: usize, bytes: &[u8]| direct.put(at, bytes);
        match self.writer.gather(kind, head, parts, put) {
            0 => None,
            len => Some(Put::There(len)),
        }
    }

    fn keep(&mut self, kind: Kind, head: &[u8], parts: &[&[u8]]) -> Option<Put> {
        let out = &mut *self.out;
        let put = |at: usize, bytes: &[u8]| {
            let place = out.get_mut(at..).and_then(|o| o.get_mut(..bytes.len()));
            place.map(|place| place.copy_from_slice(bytes)).is_some()
        };
        match self.writer.gather(kind, head, parts, put) {
            0 => None,
            len => Some(Put::Here(Filled::Bytes(len))),
        }
    }
}
