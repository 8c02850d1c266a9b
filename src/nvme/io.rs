// SPDX-License-Identifier: GPL-2.0

//! The commands of the NVM command set (6).

mod deallocate;
mod transfer;

pub(crate) use deallocate::Job;

use crate::command::{dword12, Command, Failure, BAD_NAMESPACE, BAD_OPCODE};
use crate::controller::Controller;
use crate::outside::{MediaError, Outside};
use crate::process::Outcome;
use crate::spec::command::io::{NLB, SLBA};
use crate::spec::command::CDW12;
use crate::spec::opcode::nvm;
use crate::spec::status::Status;
use crate::spec::{ALL_NAMESPACES, NAMESPACE};
use crate::MAX_TRANSFER;

/// Blocks that a command names.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Range {
    pub(crate) lba: u64,
    pub(crate) blocks: u64,
}

impl Controller {
    /// Whether there is such a command, and it changes what the namespace holds.
    pub(crate) fn changes_contents(&self, opcode: u8) -> Option<bool> {
        let has = &self.config.optional;
        match opcode {
            nvm::FLUSH | nvm::READ => Some(false),
            nvm::WRITE => Some(true),
            nvm::COMPARE if has.compare => Some(false),
            nvm::WRITE_ZEROES if has.write_zeroes => Some(true),
            nvm::DATASET if has.deallocate => Some(true),
            _ => None,
        }
    }

    /// Executes an I/O command.
    pub(crate) fn execute(
        &mut self,
        out: &mut Outside<'_>,
        queue: u16,
        command: &Command,
        left: &mut u32,
    ) -> Result<Outcome, Failure> {
        let opcode = command.opcode();
        if self.changes_contents(opcode).is_none() {
            return Err(BAD_OPCODE);
        }
        command.check_flags()?;
        match (opcode, command.namespace()) {
            (_, NAMESPACE) | (nvm::FLUSH, ALL_NAMESPACES) => {}
            _ => return Err(BAD_NAMESPACE),
        }
        let done = Ok(Outcome::Done(0));
        match opcode {
            nvm::FLUSH => self.flush(out).and(done),
            nvm::WRITE => self.write_blocks(out, command, left).and(done),
            nvm::READ => self.read_blocks(out, command, left).and(done),
            nvm::COMPARE => self.compare(out, command, left).and(done),
            nvm::WRITE_ZEROES => self.write_zeroes(queue, command),
            _ => self.manage(out, queue, command),
        }
    }

    /// Flush (6.8).
    fn flush(&mut self, out: &mut Outside<'_>) -> Result<(), Failure> {
        out.media.flush().map_err(|error| self.write_failed(error))
    }

    /// The blocks of a command, which are in the namespace.
    fn range(&self, command: &Command) -> Result<Range, Failure> {
        let lba = command.get(SLBA);
        let blocks = NLB.of(command.get(CDW12)).wrapping_add(1);
        if self.config.contains(lba, blocks) {
            Ok(Range { lba, blocks })
        } else {
            Err(Failure::field(Status::LBA_RANGE, SLBA))
        }
    }

    /// The blocks of a command with data, of which there is not too much, and the data's size.
    fn range_of_data(&self, command: &Command) -> Result<(Range, usize), Failure> {
        let blocks = NLB.of(command.get(CDW12)).wrapping_add(1);
        // CAST: 65536 blocks are less than what any pointer can count.
        let bytes = self.config.bytes(blocks) as usize;
        if bytes > MAX_TRANSFER {
            return Err(dword12(Status::INVALID_FIELD, NLB));
        }
        Ok((self.range(command)?, bytes))
    }

    fn read_failed(&mut self, _: MediaError) -> Failure {
        self.health.media_error();
        Failure::new(Status::READ_ERROR)
    }

    fn write_failed(&mut self, error: MediaError) -> Failure {
        match error {
            MediaError::Failed => {
                self.health.media_error();
                Failure::new(Status::WRITE_FAULT)
            }
            MediaError::Full => Failure::new(Status::CAPACITY),
        }
    }
}
