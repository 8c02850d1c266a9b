// SPDX-License-Identifier: GPL-2.0

//! Commands on the media.

use crate::{
    command::{Command, Completion},
    content::difference,
    controller::Guest,
    memory, Result,
};
use nvme::{
    spec::{command as field, opcode::nvm},
    MAX_TRANSFER,
};

/// Where the data of a command is in the guest's memory.
#[derive(Clone, Copy, Debug, Default)]
pub struct Place {
    /// The slot.
    pub slot: usize,
    /// Where in its first page the data begins: a multiple of 4.
    pub start: usize,
    /// Whether the PRP list is cut into many.
    pub chained: bool,
}

impl Place {
    fn at(&self) -> usize {
        memory::slot(self.slot) + self.start
    }
}

impl Guest {
    /// A command on so many blocks.
    pub fn on_blocks(&self, opcode: u8, lba: u64, blocks: u64) -> Command {
        Command::new(opcode)
            .namespace()
            .with(field::io::SLBA, lba)
            .with(field::CDW12, field::io::NLB.with(blocks - 1))
    }

    /// The same, with data.
    pub fn with_data(&self, opcode: u8, lba: u64, length: usize, place: Place) -> Command {
        let blocks = (length / self.namespace.block) as u64;
        let prps = self
            .memory
            .prps(place.slot, place.start, length, place.chained);
        self.on_blocks(opcode, lba, blocks).data(prps)
    }

    /// Writes blocks by a single command, whatever comes of it.
    ///
    /// # Errors
    ///
    /// It is not completed.
    pub fn try_write(
        &mut self,
        queue: u16,
        lba: u64,
        data: &[u8],
        place: Place,
    ) -> Result<Completion> {
        self.memory.put(place.at(), data);
        let command = self.with_data(nvm::WRITE, lba, data.len(), place);
        self.command(queue, command)
    }

    /// Writes blocks by a single command.
    ///
    /// # Errors
    ///
    /// It fails.
    pub fn write_at(&mut self, queue: u16, lba: u64, data: &[u8], place: Place) -> Result {
        let what = format!("writing {} bytes to block {lba}", data.len());
        self.try_write(queue, lba, data, place)?
            .good(what)
            .map(drop)
    }

    /// Reads blocks by a single command.
    ///
    /// # Errors
    ///
    /// It fails.
    pub fn read_at(
        &mut self,
        queue: u16,
        lba: u64,
        length: usize,
        place: Place,
    ) -> Result<Vec<u8>> {
        // What is not read is to be seen.
        self.memory.put(place.at(), &vec![0xee; length]);
        let command = self.with_data(nvm::READ, lba, length, place);
        let what = format!("reading {length} bytes from block {lba}");
        self.command(queue, command)?.good(what)?;
        Ok(self.memory.get(place.at(), length))
    }

    /// Writes any number of bytes, whole blocks, from a byte on.
    ///
    /// # Errors
    ///
    /// It fails.
    pub fn write_media(&mut self, queue: u16, at: u64, data: &[u8]) -> Result {
        let block = self.namespace.block as u64;
        for (index, part) in data.chunks(MAX_TRANSFER).enumerate() {
            let lba = at / block + (index * MAX_TRANSFER) as u64 / block;
            self.write_at(queue, lba, part, Place::default())?;
        }
        Ok(())
    }

    /// Reads any number of bytes.
    ///
    /// # Errors
    ///
    /// It fails.
    pub fn read_media(&mut self, queue: u16, at: u64, length: usize) -> Result<Vec<u8>> {
        let block = self.namespace.block as u64;
        let mut data = Vec::with_capacity(length);
        while data.len() < length {
            let part = MAX_TRANSFER.min(length - data.len());
            let lba = (at + data.len() as u64) / block;
            data.extend(self.read_at(queue, lba, part, Place::default())?);
        }
        Ok(data)
    }

    /// Wrong unless the media is that, from its first byte on; what lies behind `wanted` must be
    /// zeroes.
    ///
    /// # Errors
    ///
    /// It is not.
    pub fn check_media(&mut self, wanted: &[u8]) -> Result {
        let size = self.namespace.bytes();
        let zeroes = vec![0; MAX_TRANSFER];
        let mut at = 0;
        while at < size {
            let length = MAX_TRANSFER.min((size - at) as usize);
            let got = self.read_media(1, at, length)?;
            let known = wanted.get(at as usize..).unwrap_or_default();
            let known = &known[..known.len().min(length)];
            let rest = &zeroes[..length - known.len()];
            let (front, back) = got.split_at(known.len());
            if let Some(text) = difference(front, known).or_else(|| difference(back, rest)) {
                return Err(format!("media from byte {at:#x} on: {text}"));
            }
            at += length as u64;
        }
        Ok(())
    }

    /// Flush.
    ///
    /// # Errors
    ///
    /// It fails.
    pub fn flush(&mut self, queue: u16) -> Result {
        let command = Command::new(nvm::FLUSH).namespace();
        self.command(queue, command)?.good("Flush").map(drop)
    }

    /// Write Zeroes.
    ///
    /// # Errors
    ///
    /// It fails.
    pub fn write_zeroes(&mut self, queue: u16, lba: u64, blocks: u64) -> Result {
        let command = self.on_blocks(nvm::WRITE_ZEROES, lba, blocks);
        self.command(queue, command)?.good("Write Zeroes").map(drop)
    }

    /// Compare, whatever comes of it.
    ///
    /// # Errors
    ///
    /// It is not completed.
    pub fn compare(&mut self, queue: u16, lba: u64, data: &[u8]) -> Result<Completion> {
        let place = Place::default();
        self.memory.put(place.at(), data);
        let command = self.with_data(nvm::COMPARE, lba, data.len(), place);
        self.command(queue, command)
    }

    /// Dataset Management: deallocates ranges of blocks, given by their first and number.
    ///
    /// # Errors
    ///
    /// It fails.
    pub fn deallocate(&mut self, queue: u16, ranges: &[(u64, u32)]) -> Result {
        self.try_deallocate(queue, ranges)?
            .good("Dataset Management")
            .map(drop)
    }

    /// The same, whatever comes of it.
    ///
    /// # Errors
    ///
    /// It is not completed.
    pub fn try_deallocate(&mut self, queue: u16, ranges: &[(u64, u32)]) -> Result<Completion> {
        let mut bytes = vec![0; ranges.len() * field::dataset::RANGE];
        for ((lba, blocks), range) in ranges.iter().zip(bytes.chunks_mut(field::dataset::RANGE)) {
            field::dataset::START.put(range, (*lba).into());
            field::dataset::LENGTH.put(range, (*blocks).into());
        }
        self.memory.put(memory::slot(0), &bytes);
        let count = ranges.len() as u64;
        let command = Command::new(nvm::DATASET)
            .namespace()
            .data(self.memory.prps(0, 0, bytes.len(), false))
            .with(field::CDW10, field::dataset::NR.with(count - 1))
            .with(field::CDW11, field::dataset::AD.with(1));
        self.command(queue, command)
    }
}
