// SPDX-License-Identifier: GPL-2.0

//! Entries of submission and completion queues.

use crate::{ensure, Result};
use nvme::spec::{command as field, completion, status::Status, Field};

/// A command.
#[derive(Clone, Copy, Debug)]
pub struct Command(pub [u8; field::SIZE]);

impl Command {
    /// A command that is nothing but its opcode.
    pub fn new(opcode: u8) -> Self {
        let mut command = Self([0; field::SIZE]);
        command.put(field::OPCODE, opcode);
        command
    }

    /// With a field.
    #[must_use]
    pub fn with(mut self, field: Field, value: impl Into<u64>) -> Self {
        self.put(field, value);
        self
    }

    /// With the only namespace.
    #[must_use]
    pub fn namespace(self) -> Self {
        self.with(field::NSID, 1_u64)
    }

    /// With PRP entries.
    #[must_use]
    pub fn data(self, prps: (u64, u64)) -> Self {
        self.with(field::PRP1, prps.0).with(field::PRP2, prps.1)
    }

    /// Sets a field.
    pub fn put(&mut self, field: Field, value: impl Into<u64>) {
        field.put(&mut self.0, value.into().into());
    }
}

/// A completion.
#[derive(Clone, Copy, Debug)]
pub struct Completion {
    /// Dword 0.
    pub result: u32,
    /// The head of the submission queue.
    pub head: u16,
    /// The submission queue.
    pub queue: u16,
    /// The command.
    pub id: u16,
    /// Status and phase, as they stand there.
    pub status: u16,
}

impl Completion {
    /// From an entry.
    pub fn of(entry: &[u8]) -> Self {
        // CAST: the fields are as long as that.
        Self {
            result: completion::DW0.get(entry) as u32,
            head: completion::SQHD.get(entry) as u16,
            queue: completion::SQID.get(entry) as u16,
            id: completion::CID.get(entry) as u16,
            status: completion::STATUS.get(entry) as u16,
        }
    }

    /// How it ended.
    pub fn status(&self) -> Status {
        Status::from_bits(self.status)
    }

    /// Wrong unless it succeeded.
    ///
    /// # Errors
    ///
    /// It did not.
    pub fn good(self, what: impl std::fmt::Display) -> Result<Self> {
        let status = self.status();
        ensure(!status.is_error(), || format!("{what}: {status:?}"))?;
        Ok(self)
    }

    /// Wrong unless it ended so.
    ///
    /// # Errors
    ///
    /// It did not.
    pub fn ended(self, what: impl std::fmt::Display, wanted: Status) -> Result<Self> {
        crate::equal(what, self.status(), wanted)?;
        Ok(self)
    }
}
