// SPDX-License-Identifier: GPL-2.0

//! Write Zeroes and Dataset Management (6.17, 6.7), whose size has no limit but the namespace's:
//! they are done a piece at a time.

use super::Range;
use crate::command::{Command, Failure};
use crate::controller::Controller;
use crate::outside::Outside;
use crate::process::Outcome;
use crate::prp::Prps;
use crate::spec::command::dataset::{AD, LENGTH, NR, RANGE, START};
use crate::spec::command::{CDW10, CDW11};
use crate::spec::opcode::nvm;
use crate::spec::status::Status;

/// What is deallocated for a unit of the budget, in bytes.
const UNIT: u64 = 64 << 10;

/// A command that is at it. What it has done so far follows from its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Job {
    /// The submission queue that it came from.
    pub(crate) queue: u16,
    pub(crate) command: Command,
    /// Ranges that are done.
    pub(crate) range: u16,
    /// Blocks of the next one that are done.
    pub(crate) blocks: u64,
}

impl Job {
    /// The most ranges that its command can have.
    pub(crate) fn ranges(&self) -> u16 {
        match self.command.opcode() {
            // CAST: 8 bits.
            nvm::DATASET => (NR.of(self.command.get(CDW10)) as u16).wrapping_add(1),
            _ => 1,
        }
    }
}

impl Controller {
    fn start(&mut self, queue: u16, command: &Command) -> Result<Outcome, Failure> {
        self.job = Some(Job {
            queue,
            command: *command,
            range: 0,
            blocks: 0,
        });
        Ok(Outcome::Later)
    }

    /// Write Zeroes (6.17): with or without permission to deallocate, as what is deallocated
    /// reads as zeroes.
    pub(super) fn write_zeroes(
        &mut self,
        queue: u16,
        command: &Command,
    ) -> Result<Outcome, Failure> {
        self.range(command)?;
        self.start(queue, command)
    }

    /// Dataset Management (6.7): deallocation; all else are hints.
    pub(super) fn manage(
        &mut self,
        out: &mut Outside<'_>,
        queue: u16,
        command: &Command,
    ) -> Result<Outcome, Failure> {
        if !AD.any(command.get(CDW11)) {
            return Ok(Outcome::Done(0));
        }
        // CAST: 8 bits.
        let ranges = (NR.of(command.get(CDW10)) as usize).wrapping_add(1);
        let len = ranges.saturating_mul(RANGE);
        let table = out.scratch.get_mut(..len).unwrap_or_default();
        Prps::new(command.prps(), len)?.read(out.memory, table)?;
        for entry in table.chunks_exact(RANGE) {
            self.entry(entry)?;
        }
        self.start(queue, command)
    }

    /// An entry of a table of ranges.
    fn entry(&self, entry: &[u8]) -> Result<Range, Failure> {
        let (lba, blocks) = (START.get(entry), LENGTH.get(entry));
        if self.config.contains(lba, blocks) {
            Ok(Range { lba, blocks })
        } else {
            Err(Failure::new(Status::LBA_RANGE))
        }
    }

    /// The range that is next. The table is read again, entry by entry: the guest may have
    /// changed it, which is its own business, but not without another look at it.
    fn next_range(&self, out: &mut Outside<'_>, job: &Job) -> Result<Range, Failure> {
        if job.command.opcode() != nvm::DATASET {
            return self.range(&job.command);
        }
        let ranges = usize::from(job.ranges());
        let mut prps = Prps::new(job.command.prps(), ranges.saturating_mul(RANGE))?;
        prps.skip(out.memory, usize::from(job.range).saturating_mul(RANGE))?;
        let mut entry = [0; RANGE];
        prps.read(out.memory, &mut entry)?;
        self.entry(&entry)
    }

    /// Goes on with the command that is at it, as far as the budget goes.
    pub(crate) fn go_on_with_job(&mut self, out: &mut Outside<'_>, left: &mut u32) {
        let Some(mut job) = self.job.take() else {
            return;
        };
        let result = loop {
            if job.range >= job.ranges() {
                break Ok(0);
            }
            if *left == 0 {
                self.job = Some(job);
                return;
            }
            if let Err(failure) = self.work(out, &mut job, left) {
                self.note(job.queue, &job.command, failure);
                break Err(failure);
            }
        };
        self.complete(out, job.queue, job.command.id(), result);
    }

    /// A range, or as much of it as the budget allows.
    fn work(
        &mut self,
        out: &mut Outside<'_>,
        job: &mut Job,
        left: &mut u32,
    ) -> Result<(), Failure> {
        let Range { lba, blocks } = self.next_range(out, job)?;
        let shift = u32::from(self.config.block_size.shift());
        let rest = blocks.saturating_sub(job.blocks);
        let most = u64::from(*left).saturating_mul(UNIT.wrapping_shr(shift));
        let now = rest.min(most);
        if now > 0 {
            let gone = out.media.deallocate(lba.wrapping_add(job.blocks), now);
            gone.map_err(|error| self.write_failed(error))?;
        }
        let units = self.config.bytes(now).div_ceil(UNIT).max(1);
        *left = left.saturating_sub(u32::try_from(units).unwrap_or(u32::MAX));
        if now == rest {
            job.range = job.range.saturating_add(1);
            job.blocks = 0;
        } else {
            job.blocks = job.blocks.saturating_add(now);
        }
        Ok(())
    }
}
