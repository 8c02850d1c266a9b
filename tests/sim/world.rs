// SPDX-License-Identifier: GPL-2.0

//! Two hosts, a guest, and whatever happens to them.

use crate::chance::Chance;
use crate::device::Dev;
use crate::guest::{Counts, Guest, MEMORY};
use crate::host::Host;
use crate::store::Trouble;
use crate::vmm::{Migration, Over};
use guest_ram::Ram;
use migcore::migration::{Front, State};
use nvme::outside::Signal;
use nvme::{BlockSize, Config, Optional};
use std::cell::Cell;

thread_local! {
    /// The step that is being made, for whoever asks why it failed.
    pub(crate) static STEP: Cell<(u64, u64)> = const { Cell::new((0, 0)) };
}

/// What has happened.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Happened {
    pub(crate) worlds: u64,
    pub(crate) steps: u64,
    pub(crate) guest: Counts,
    pub(crate) begun: u64,
    pub(crate) by_v1: u64,
    pub(crate) by_v2: u64,
    pub(crate) cancelled: u64,
    pub(crate) refused: u64,
    pub(crate) again: u64,
    pub(crate) initial_done: u64,
    pub(crate) pending_checked: u64,
    pub(crate) store_failures: u64,
    pub(crate) memory_failures: u64,
}

struct World {
    chance: Chance,
    /// Where the guest is, and where it is not.
    here: Host,
    there: Host,
    ram: Ram,
    guest: Guest,
    /// The guest's processors run.
    runs: bool,
    migration: Option<Migration>,
    happened: Happened,
}

/// A world of a seed, for so many steps.
pub(crate) fn run(seed: u64, steps: u64) -> Happened {
    let mut world = World::new(seed);
    for step in 0..steps {
        STEP.set((seed, step));
        world.step();
    }
    STEP.set((seed, steps));
    world.end();
    let mut happened = world.happened;
    (happened.worlds, happened.steps) = (1, steps);
    happened.guest = world.guest.counts;
    happened
}

impl World {
    fn new(seed: u64) -> Self {
        let mut chance = Chance::new(seed);
        let block_size = chance.pick(&[BlockSize::B512, BlockSize::B4096]);
        let pages = chance.pick(&[20, 64, 200, 400]) + chance.below(8);
        let config = Config {
            blocks: pages * 4096 / block_size.bytes() as u64 - chance.below(2),
            block_size,
            queues: chance.within(1, 16) as u16,
            vectors: chance.within(1, 17) as u16,
            optional: Optional::ALL,
            vendor: 0x1234,
            subsystem_vendor: 0x5678,
            model: "A model",
            firmware: "1.0",
        };
        // What moves to where there is more does not get more, so that it can go back.
        let small = Config {
            queues: chance.within(1, config.queues.into()) as u16,
            vectors: chance.within(1, config.vectors.into()) as u16,
            optional: Optional {
                compare: !chance.once_in(8),
                deallocate: !chance.once_in(8),
                write_zeroes: !chance.once_in(8),
            },
            ..config
        };
        let signal = chance.pick(&[Signal::MsiX, Signal::MsiX, Signal::Msi, Signal::Line]);
        let mut host = |uuid: u8, config| {
            let dev = Dev::new(config, [uuid; 16], signal, chance.next());
            Host::new(dev)
        };
        let (here, there) = (host(1, small), host(2, config));
        let guest = Guest::new(small, signal, chance.next());
        Self {
            chance,
            here,
            there,
            ram: Ram::new(MEMORY),
            guest,
            runs: true,
            migration: None,
            happened: Happened::default(),
        }
    }

    fn step(&mut self) {
        match self.chance.below(64) {
            0..=31 if self.runs => {
                for _ in 0..self.chance.within(1, 8) {
                    self.guest.step(&mut self.here.dev, &mut self.ram);
                }
            }
            0..=47 => {
                let budget = self.chance.pick(&[1, 2, 7, 64, 64]);
                self.here.dev.work(&mut self.ram, budget);
            }
            48..=59 => self.migrate(),
            60 => self.trouble(),
            61 if self.chance.once_in(40) => self.break_memory(),
            62 if self.chance.once_in(60) => self.reset_function(),
            63 if self.chance.once_in(20) => {
                self.here.dev.no_memory = true;
                self.there.dev.no_memory = true;
            }
            63 if self.chance.once_in(20) && self.runs && self.migration.is_none() => {
                self.guest.settle(&mut self.here.dev, &mut self.ram);
            }
            _ => {}
        }
    }

    /// Stores fail, or do so no more.
    fn trouble(&mut self) {
        let any = |chance: &mut Chance, few| match chance.below(4) {
            0 => Some(chance.pick(&[few, 10 * few])),
            _ => None,
        };
        for store in [self.here.dev.store(), self.there.dev.store()] {
            store.trouble = Trouble {
                allocations: any(&mut self.chance, 20),
                reads: any(&mut self.chance, 50),
            };
        }
    }

    fn calm(&mut self) {
        for dev in [&mut self.here.dev, &mut self.there.dev] {
            dev.store().trouble = Trouble::default();
            dev.no_memory = false;
        }
    }

    /// The guest's memory is not there for a moment. Whatever comes of it, the guest gives up and
    /// resets the controller.
    fn break_memory(&mut self) {
        if !self.runs || self.here.state() != State::Running {
            return;
        }
        self.here.dev.set_master(true);
        self.ram.breaks_in = Some(self.chance.below(12));
        self.here.dev.awake = true;
        self.here.dev.work(&mut self.ram, 16);
        self.ram.breaks_in = None;
        self.happened.memory_failures += 1;
        self.guest.reset(&mut self.here.dev, &mut self.ram, false);
    }

    /// The guest resets the function, which ends whatever migration there is.
    fn reset_function(&mut self) {
        if !self.runs {
            return;
        }
        self.here.reset();
        self.guest.forget();
        if self.migration.is_some() {
            self.cancel();
        }
    }

    fn migrate(&mut self) {
        let Some(migration) = &mut self.migration else {
            if self.chance.once_in(60) {
                self.begin();
            }
            return;
        };
        let calm = self.here.dev.store().trouble == Trouble::default();
        match self.chance.below(32) {
            0..=15 => {
                let gone = migration.read(&mut self.here).is_none();
                if gone && self.chance.once_in(8) {
                    self.cancel();
                }
            }
            16..=23 => {
                let most = self.chance.pick(&[1, 100, 5000, 300_000, 2_000_000]);
                if migration.give(most, &mut self.there).is_err() {
                    self.cancel();
                }
            }
            24 | 25 if calm && self.here.state().is_precopy() => {
                migration.check_pending(&mut self.here);
                self.happened.pending_checked += 1;
            }
            26 if self.here.state().is_precopy() => {
                if migration.initial(&mut self.here) == Some(0) {
                    self.happened.initial_done += 1;
                }
            }
            27 if self.chance.once_in(4) => migration.spoil(&mut self.chance),
            28 if self.chance.once_in(4) => self.cancel(),
            29 if self.chance.once_in(4) => match migration.again(&mut self.here) {
                Some(true) => {
                    self.runs = true;
                    self.happened.again += 1;
                }
                Some(false) => self.cancel(),
                None => {}
            },
            30 if migration.front == Front::V2 && self.here.state() == State::PreCopy => {
                let _ = self.here.request(State::PreCopyP2p).expect("quiet");
            }
            _ if self.chance.once_in(3) => self.switch(),
            _ => {}
        }
    }

    fn begin(&mut self) {
        let front = self.chance.pick(&[Front::V1, Front::V2]);
        let paused = self.chance.once_in(6);
        self.migration = Migration::begin(front, paused, &mut self.here, &mut self.there);
        self.runs = !(paused && self.migration.is_some());
        self.happened.begun += u64::from(self.migration.is_some());
    }

    /// The guest stops here, and goes on there.
    fn switch(&mut self) {
        let Some(mut migration) = self.migration.take() else {
            return;
        };
        self.runs = false;
        let stopped = match migration.front {
            Front::V2 => self.here.request(State::StopCopy).is_ok(),
            Front::V1 => self.here.set(2).is_ok(),
        };
        assert!(stopped);
        let done = migration.finish(&mut self.chance, &mut self.here, &mut self.there);
        if done == Err(Over) {
            self.migration = Some(migration);
            self.cancel();
            return;
        }
        match migration.front {
            Front::V2 => {
                let _ = self.there.request(State::Running).expect("goes on");
                self.happened.by_v2 += 1;
            }
            Front::V1 => {
                self.there.set(1).expect("goes on");
                self.happened.by_v1 += 1;
            }
        }
        // What was raised and not heard moves with the framework's own records, and so does the
        // command register.
        self.there.dev.wires.messages = std::mem::take(&mut self.here.dev.wires.messages);
        self.there.dev.set_master(self.here.dev.is_master());
        // So are the failures that the guest may have seen.
        let failed = self.here.dev.store().failed;
        self.there.dev.store().failed += failed;
        std::mem::swap(&mut self.here, &mut self.there);
        self.there.dev.store().failed = 0;
        self.there.reopen();
        self.runs = true;
    }

    fn cancel(&mut self) {
        if let Some(mut migration) = self.migration.take() {
            let killed = self.chance.once_in(2);
            migration.cancel(killed, &mut self.here, &mut self.there);
            self.happened.cancelled += 1;
            self.happened.refused += u64::from(migration.refused);
        }
        self.runs = true;
    }

    /// All that is under way comes to its end, and nothing was lost.
    fn end(&mut self) {
        self.calm();
        match self.migration {
            Some(_) if self.chance.once_in(2) => self.cancel(),
            Some(_) => self.switch(),
            None => {}
        }
        assert!(self.runs && self.migration.is_none());
        self.guest.look(&mut self.here.dev, &mut self.ram);
        for host in [&mut self.here, &mut self.there] {
            self.happened.store_failures += host.dev.store().failed;
        }
    }
}
