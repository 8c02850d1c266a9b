// SPDX-License-Identifier: GPL-2.0

//! Read, Write and Compare (6.9, 6.15, 6.6): data between guest memory and media, through the
//! scratch room, in whole blocks.

use crate::command::{Command, Failure};
use crate::controller::Controller;
use crate::outside::{Outside, SCRATCH};
use crate::prp::Prps;
use crate::spec::command::io::FUA;
use crate::spec::command::CDW12;
use crate::spec::status::Status;
use crate::spec::PAGE;

// Pieces are whole blocks of any size that there is.
const _: () = assert!(SCRATCH % (2 * PAGE) == 0);

/// The units that a piece takes of the budget.
fn units(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(PAGE)).unwrap_or(u32::MAX)
}

impl Controller {
    /// The data of a command in pieces of at most `most` bytes: the first block and the size of
    /// each.
    fn pieces(&self, lba: u64, bytes: usize, most: usize) -> impl Iterator<Item = (u64, usize)> {
        let shift = u32::from(self.config.block_size.shift());
        (0..bytes).step_by(most.max(1)).map(move |at| {
            let first = lba.wrapping_add((at as u64).wrapping_shr(shift));
            (first, bytes.wrapping_sub(at).min(most))
        })
    }

    /// Read (6.9).
    pub(super) fn read_blocks(
        &mut self,
        out: &mut Outside<'_>,
        command: &Command,
        left: &mut u32,
    ) -> Result<(), Failure> {
        let (range, bytes) = self.range_of_data(command)?;
        let mut prps = Prps::new(command.prps(), bytes)?;
        for (lba, len) in self.pieces(range.lba, bytes, SCRATCH) {
            let data = out.scratch.get_mut(..len).unwrap_or_default();
            let read = out.media.read(lba, data);
            read.map_err(|error| self.read_failed(error))?;
            prps.write(out.memory, data)?;
            *left = left.saturating_sub(units(len));
        }
        self.health.read(bytes as u64);
        Ok(())
    }

    /// Write (6.15).
    pub(super) fn write_blocks(
        &mut self,
        out: &mut Outside<'_>,
        command: &Command,
        left: &mut u32,
    ) -> Result<(), Failure> {
        let (range, bytes) = self.range_of_data(command)?;
        let mut prps = Prps::new(command.prps(), bytes)?;
        for (lba, len) in self.pieces(range.lba, bytes, SCRATCH) {
            let data = out.scratch.get_mut(..len).unwrap_or_default();
            prps.read(out.memory, data)?;
            let written = out.media.write(lba, data);
            written.map_err(|error| self.write_failed(error))?;
            *left = left.saturating_sub(units(len));
        }
        if FUA.any(command.get(CDW12)) || !self.features.cache {
            let flushed = out.media.flush();
            flushed.map_err(|error| self.write_failed(error))?;
        }
        self.health.written(bytes as u64);
        Ok(())
    }

    /// Compare (6.6).
    pub(super) fn compare(
        &mut self,
        out: &mut Outside<'_>,
        command: &Command,
        left: &mut u32,
    ) -> Result<(), Failure> {
        let (range, bytes) = self.range_of_data(command)?;
        let mut prps = Prps::new(command.prps(), bytes)?;
        for (lba, len) in self.pieces(range.lba, bytes, SCRATCH / 2) {
            let (ours, theirs) = out.scratch.split_at_mut(SCRATCH / 2);
            let ours = ours.get_mut(..len).unwrap_or_default();
            let theirs = theirs.get_mut(..len).unwrap_or_default();
            let read = out.media.read(lba, ours);
            read.map_err(|error| self.read_failed(error))?;
            prps.read(out.memory, theirs)?;
            *left = left.saturating_sub(units(len));
            if ours != theirs {
                return Err(Failure::new(Status::COMPARE));
            }
        }
        self.health.read(bytes as u64);
        Ok(())
    }
}
