// SPDX-License-Identifier: GPL-2.0

//! A drive for the checks: some blocks in a map of pages.

use nvme::media::{Store, PAGE};
use nvme::outside::{Interrupts, MediaError, Signal};
use nvme::state::MAX_SIZE;
use nvme::{BlockSize, Config, Controller, Drive, Identity, Optional};
use std::collections::BTreeMap;

pub(crate) const BLOCKS: u64 = 600;

pub(crate) type Disk = Drive<Pages, Vec<u64>, Box<Controller>>;

#[derive(Debug, Default)]
pub(crate) struct Pages(BTreeMap<u64, Vec<u8>>);

impl Store for Pages {
    fn read(&mut self, page: u64, offset: usize, data: &mut [u8]) -> Result<bool, MediaError> {
        let Some(page) = self.0.get(&page) else {
            return Ok(false);
        };
        data.copy_from_slice(&page[offset..offset + data.len()]);
        Ok(true)
    }

    fn write(&mut self, page: u64, offset: usize, data: &[u8]) -> Result<(), MediaError> {
        assert!(page < BLOCKS, "within the namespace");
        let page = self.0.entry(page).or_insert_with(|| vec![0; PAGE]);
        page[offset..offset + data.len()].copy_from_slice(data);
        Ok(())
    }

    fn discard(&mut self, page: u64) -> Result<bool, MediaError> {
        Ok(self.0.remove(&page).is_some())
    }

    fn next(&self, from: u64) -> Option<u64> {
        self.0.range(from..).next().map(|(page, _)| *page)
    }

    fn count(&self) -> u64 {
        self.0.len() as u64
    }

    fn flush(&mut self) -> Result<(), MediaError> {
        Ok(())
    }
}

pub(crate) struct Wires(Signal);

impl Wires {
    pub(crate) fn new(signal: Signal) -> Self {
        Self(signal)
    }
}

impl Interrupts for Wires {
    fn signal(&self) -> Signal {
        self.0
    }

    fn message(&mut self, vector: u16) {
        assert!(vector < 17, "a vector that is there");
    }

    fn line(&mut self, _: bool) {}
}

/// A drive of [`BLOCKS`] blocks of 4 KiB.
pub(crate) fn drive() -> Disk {
    let config = Config {
        blocks: BLOCKS,
        block_size: BlockSize::B4096,
        queues: 16,
        vectors: 17,
        optional: Optional::ALL,
        vendor: 0x1234,
        subsystem_vendor: 0x5678,
        model: "A model",
        firmware: "1.0",
    };
    let controller = Controller::new(config, Identity::from_uuid([1; 16]));
    Drive::new(
        Box::new(controller.expect("a controller")),
        Pages::default(),
    )
}

/// The drive is loaded from now on.
pub(crate) fn begin_load(drive: &mut Disk) {
    drive.begin_load(Box::new(*drive.controller()));
}

/// The state of a drive's controller.
pub(crate) fn state(drive: &Disk) -> Vec<u8> {
    let mut bytes = vec![0; MAX_SIZE];
    let len = drive.controller().save(&mut bytes).expect("room enough");
    bytes.truncate(len);
    bytes
}
