// SPDX-License-Identifier: GPL-2.0

//! A computer with a controller in it: guest memory with holes, a disk that can fail, interrupts
//! that are noted, and a clock.

use guest_ram::Ram;
use nvme::outside::{Clock, Interrupts, Media, MediaError, Outside, Scratch, Signal, SCRATCH};
use nvme::{BlockSize, Config, Controller, Identity, Optional};

/// The disk: the plainest there can be.
pub(crate) struct Disk {
    pub(crate) bytes: Vec<u8>,
    pub(crate) block: usize,
    /// What the next calls fail with.
    pub(crate) broken: Option<MediaError>,
    pub(crate) flushes: usize,
    /// Calls to deallocate, and blocks.
    pub(crate) deallocated: (usize, u64),
}

impl Disk {
    fn range(&self, lba: u64, len: usize) -> Result<std::ops::Range<usize>, MediaError> {
        assert_eq!(len % self.block, 0, "whole blocks");
        let start = lba as usize * self.block;
        assert!(start + len <= self.bytes.len(), "within the namespace");
        self.broken.map_or(Ok(start..start + len), Err)
    }
}

impl Media for Disk {
    fn read(&mut self, lba: u64, data: &mut [u8]) -> Result<(), MediaError> {
        let range = self.range(lba, data.len())?;
        data.copy_from_slice(&self.bytes[range]);
        Ok(())
    }

    fn write(&mut self, lba: u64, data: &[u8]) -> Result<(), MediaError> {
        let range = self.range(lba, data.len())?;
        self.bytes[range].copy_from_slice(data);
        Ok(())
    }

    fn deallocate(&mut self, lba: u64, blocks: u64) -> Result<(), MediaError> {
        let range = self.range(lba, blocks as usize * self.block)?;
        self.bytes[range].fill(0);
        self.deallocated.0 += 1;
        self.deallocated.1 += blocks;
        Ok(())
    }

    fn flush(&mut self) -> Result<(), MediaError> {
        self.flushes += 1;
        self.broken.map_or(Ok(()), Err)
    }
}

/// Interrupts as they arrive.
pub(crate) struct Wires {
    pub(crate) signal: Signal,
    pub(crate) messages: Vec<u16>,
    pub(crate) line: bool,
}

impl Interrupts for Wires {
    fn signal(&self) -> Signal {
        self.signal
    }

    fn message(&mut self, vector: u16) {
        self.messages.push(vector);
    }

    fn line(&mut self, high: bool) {
        self.line = high;
    }
}

/// A clock that stands still unless it is told.
pub(crate) struct Time(pub(crate) u64);

impl Clock for Time {
    fn now(&self) -> u64 {
        self.0
    }
}

/// All of it.
pub(crate) struct Computer {
    pub(crate) controller: Controller,
    pub(crate) ram: Ram,
    pub(crate) disk: Disk,
    pub(crate) wires: Wires,
    pub(crate) time: Time,
    pub(crate) scratch: Box<Scratch>,
    /// Bus Master Enable: whether the controller may use memory.
    pub(crate) master: bool,
    /// The budget of each piece of work.
    pub(crate) budget: u32,
    /// Somebody said that there is work.
    pub(crate) awake: bool,
}

pub(crate) const UUID: [u8; 16] =
    *b"\x6b\xa7\xb8\x10\x9d\xad\x41\xd1\x80\xb4\x00\xc0\x4f\xd4\x30\xc8";

pub(crate) fn config(blocks: u64, block_size: BlockSize) -> Config {
    Config {
        blocks,
        block_size,
        queues: 16,
        vectors: 17,
        optional: Optional::ALL,
        vendor: 0x1234,
        subsystem_vendor: 0x5678,
        model: "A model",
        firmware: "1.0",
    }
}

impl Computer {
    pub(crate) fn new(config: Config, pages: u64) -> Self {
        let disk = Disk {
            bytes: vec![0; config.blocks as usize * config.block_size.bytes()],
            block: config.block_size.bytes(),
            broken: None,
            flushes: 0,
            deallocated: (0, 0),
        };
        Self {
            controller: Controller::new(config, Identity::from_uuid(UUID)).expect("a controller"),
            ram: Ram::new(pages),
            disk,
            wires: Wires {
                signal: Signal::MsiX,
                messages: Vec::new(),
                line: false,
            },
            time: Time(1_000_000),
            scratch: Box::new([0; SCRATCH]),
            master: true,
            budget: 64,
            awake: false,
        }
    }

    pub(crate) fn write(&mut self, offset: u64, data: &[u8]) {
        self.awake |= self.controller.write(offset, data, &mut self.wires);
    }

    pub(crate) fn write32(&mut self, offset: u64, value: u32) {
        self.write(offset, &value.to_le_bytes());
    }

    pub(crate) fn read64(&self, offset: u64) -> u64 {
        let mut data = [0; 8];
        self.controller.read(offset, &mut data);
        u64::from_le_bytes(data)
    }

    pub(crate) fn read32(&self, offset: u64) -> u32 {
        let mut data = [0; 4];
        self.controller.read(offset, &mut data);
        u32::from_le_bytes(data)
    }

    /// A piece of work. Whether there is more.
    pub(crate) fn process(&mut self) -> bool {
        if !self.master {
            self.controller.attend(&mut self.disk, &mut self.wires);
            return false;
        }
        let mut out = Outside {
            memory: &mut self.ram,
            media: &mut self.disk,
            interrupts: &mut self.wires,
            clock: &self.time,
            scratch: &mut self.scratch,
        };
        self.controller.process(&mut out, self.budget)
    }

    /// Sets Bus Master Enable, upon which the controller goes on by itself.
    pub(crate) fn set_master(&mut self) {
        self.master = true;
        self.awake = true;
        self.run();
    }

    /// Works until there is nothing more to do, and returns in how many pieces.
    pub(crate) fn run(&mut self) -> usize {
        let mut pieces = 0;
        if !std::mem::take(&mut self.awake) {
            return pieces;
        }
        loop {
            pieces += 1;
            assert!(pieces < 1_000_000, "it never ends");
            if !self.process() {
                return pieces;
            }
        }
    }
}
