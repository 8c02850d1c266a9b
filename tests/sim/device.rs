// SPDX-License-Identifier: GPL-2.0

//! A drive as the migration machine sees it, with its worker: what the kernel driver is to it.

use crate::store::Pages;
use guest_ram::Ram;
use migcore::migration::{Activity, Borrower, Device, Pending, Phase};
use migcore::stream::{Kind, Taken, MAX_RECORD};
use migcore::Errno;
use nvme::media::{Bitmap, Tracker};
use nvme::migration::Unfit;
use nvme::outside::{Clock, Interrupts, MediaError, Scratch, Signal, SCRATCH};
use nvme::state::MAX_SIZE;
use nvme::{Config, Controller, Drive, Identity};

/// Interrupts on their way to the guest.
#[derive(Debug)]
pub(crate) struct Wires {
    pub(crate) signal: Signal,
    /// The vectors with messages that the guest has not seen.
    pub(crate) messages: u32,
    pub(crate) line: bool,
    pub(crate) sent: u64,
}

impl Interrupts for Wires {
    fn signal(&self) -> Signal {
        self.signal
    }

    fn message(&mut self, vector: u16) {
        self.messages |= 1 << vector;
        self.sent += 1;
    }

    fn line(&mut self, high: bool) {
        self.line = high;
    }
}

#[derive(Debug)]
pub(crate) struct Time(pub(crate) u64);

impl Clock for Time {
    fn now(&self) -> u64 {
        self.0
    }
}

pub(crate) struct Dev {
    pub(crate) drive: Drive<Pages, Vec<u64>, Box<Controller>>,
    pub(crate) wires: Wires,
    pub(crate) time: Time,
    pub(crate) activity: Activity,
    /// Bus Master Enable: whether it may use memory, and messages arrive.
    master: bool,
    /// The worker is to work.
    pub(crate) awake: bool,
    /// What it says of itself, and accepts.
    line: String,
    scratch: Box<Scratch>,
    saving: bool,
    frozen: bool,
    loading: bool,
    /// The next call that needs memory fails.
    pub(crate) no_memory: bool,
    /// How often such a call has failed.
    pub(crate) denied: u64,
    /// The last load was committed.
    pub(crate) committed: bool,
    /// Why the last record was refused.
    pub(crate) unfit: Option<Unfit>,
}

impl Dev {
    pub(crate) fn new(config: Config, uuid: [u8; 16], signal: Signal, seed: u64) -> Self {
        let controller = Controller::new(config, Identity::from_uuid(uuid)).expect("a controller");
        let pages = (config.blocks * config.block_size.bytes() as u64).div_ceil(4096);
        let line = format!("sim/1,model=s1,blocks={},state=1", config.blocks);
        Self {
            drive: Drive::new(Box::new(controller), Pages::new(pages, seed)),
            wires: Wires {
                signal,
                messages: 0,
                line: false,
                sent: 0,
            },
            time: Time(seed >> 20),
            activity: Activity::Stopped,
            master: false,
            awake: false,
            line,
            scratch: Box::new([0; SCRATCH]),
            saving: false,
            frozen: false,
            loading: false,
            no_memory: false,
            denied: 0,
            committed: false,
            unfit: None,
        }
    }

    pub(crate) fn store(&mut self) -> &mut Pages {
        self.drive.media_mut().store()
    }

    /// The state of the controller.
    pub(crate) fn state(&self) -> Vec<u8> {
        let mut bytes = vec![0; MAX_SIZE];
        let len = self
            .drive
            .controller()
            .save(&mut bytes)
            .expect("room enough");
        assert_eq!(len, self.drive.controller().saved_len());
        bytes.truncate(len);
        bytes
    }

    pub(crate) fn write(&mut self, offset: u64, data: &[u8]) {
        assert_ne!(self.activity, Activity::Stopped, "the guest stands still");
        self.awake |= self.drive.write(offset, data, &mut self.wires);
    }

    pub(crate) fn write32(&mut self, offset: u64, value: u32) {
        self.write(offset, &value.to_le_bytes());
    }

    pub(crate) fn read32(&self, offset: u64) -> u32 {
        let mut data = [0; 4];
        self.drive.read(offset, &mut data);
        u32::from_le_bytes(data)
    }

    pub(crate) fn is_master(&self) -> bool {
        self.master
    }

    /// The command register is written: with Bus Master Enable, what waited for it goes on.
    pub(crate) fn set_master(&mut self, master: bool) {
        self.awake |= master;
        self.master = master;
    }

    /// The messages that arrive now.
    pub(crate) fn messages(&mut self) -> u32 {
        match self.master {
            true => std::mem::take(&mut self.wires.messages),
            false => 0,
        }
    }

    /// A piece of work, if there is any and the device is at work.
    pub(crate) fn work(&mut self, ram: &mut Ram, budget: u32) {
        if !self.awake || self.activity != Activity::Running {
            return;
        }
        self.time.0 += 1000;
        if !self.master {
            self.drive.attend(&mut self.wires);
            self.awake = false;
            return;
        }
        let before = ram.accesses;
        self.awake =
            self.drive
                .process(ram, &mut self.wires, &self.time, &mut self.scratch, budget);
        // A command's own size, its list, its entries; doorbells of all queues, a few times.
        let most = 8 * (u64::from(budget) + 300) + 400;
        assert!(ram.accesses - before < most, "unbounded work");
    }

    fn memory(&mut self) -> Result<(), Errno> {
        match std::mem::take(&mut self.no_memory) {
            true => {
                self.denied += 1;
                Err(Errno::NoMem)
            }
            false => Ok(()),
        }
    }

    fn phase(&self) -> Phase {
        match self.frozen {
            true => Phase::Stopped,
            false => Phase::PreCopy,
        }
    }
}

fn errno(error: MediaError) -> Errno {
    match error {
        MediaError::Failed => Errno::Io,
        MediaError::Full => Errno::NoMem,
    }
}

impl Device for Dev {
    type Buffer = Vec<u8>;

    fn buffer(&mut self) -> Result<Vec<u8>, Errno> {
        self.memory()?;
        Ok(vec![0; MAX_RECORD])
    }

    fn enter(&mut self, activity: Activity) {
        self.activity = activity;
        self.frozen = false;
    }

    fn begin_save(&mut self) -> Result<(), Errno> {
        self.memory()?;
        let pages = self.drive.pages();
        let words = Bitmap::<Vec<u64>>::words(pages) as usize;
        let tracker = Tracker::new(vec![0; words], vec![0; words], pages);
        self.drive.begin_save(tracker.expect("enough words"));
        self.saving = true;
        Ok(())
    }

    fn freeze(&mut self) -> Result<(), Errno> {
        self.frozen = true;
        Ok(())
    }

    fn version(&mut self, out: &mut [u8]) -> usize {
        out[..self.line.len()].copy_from_slice(self.line.as_bytes());
        self.line.len()
    }

    fn version_len(&mut self) -> usize {
        self.line.len()
    }

    fn lend(&mut self, phase: Phase, to: &mut Borrower<'_>) -> Result<(), Errno> {
        assert_eq!(phase, self.phase());
        self.drive.lend(to);
        Ok(())
    }

    fn produce(
        &mut self,
        phase: Phase,
        payload: &mut [u8],
    ) -> Result<Option<(Kind, usize)>, Errno> {
        assert_eq!(phase, self.phase());
        self.drive.produce(phase, payload).map_err(errno)
    }

    fn pending(&mut self) -> Pending {
        self.drive.pending(self.phase())
    }

    fn size(&mut self) -> u64 {
        self.drive.size()
    }

    fn end_save(&mut self) {
        assert!(self.saving);
        self.saving = false;
        self.frozen = false;
        assert!(self.drive.end_save().is_some());
        assert!(self.drive.end_save().is_none());
    }

    fn begin_load(&mut self) -> Result<(), Errno> {
        self.memory()?;
        self.drive.begin_load(Box::new(*self.drive.controller()));
        self.loading = true;
        self.committed = false;
        self.unfit = None;
        Ok(())
    }

    fn judge(&mut self, line: &str) -> Result<(), Errno> {
        match line == self.line {
            true => Ok(()),
            false => Err(Errno::Xdev),
        }
    }

    fn accept(&mut self, kind: Kind, payload: &[u8]) -> Result<Taken, Errno> {
        assert!(self.loading);
        self.drive.accept(kind, payload).map_err(|unfit| {
            self.unfit = Some(unfit);
            match unfit {
                Unfit::Invalid(_) | Unfit::State(_) => Errno::Inval,
                Unfit::Failed(error) => errno(error),
            }
        })
    }

    fn complete(&mut self) -> Result<(), Errno> {
        self.drive.complete().map_err(|unfit| {
            self.unfit = Some(unfit);
            Errno::Inval
        })
    }

    fn commit(&mut self) {
        self.drive.commit(&mut self.wires);
        self.loading = false;
        self.committed = true;
        // Doorbells in guest memory may have changed.
        self.awake = true;
    }

    fn abandon(&mut self) {
        self.drive.abandon();
        self.loading = false;
    }

    fn reset(&mut self) {
        self.drive.reset(&mut self.wires);
        self.wires.messages = 0;
        self.awake = false;
        self.master = false;
    }
}
