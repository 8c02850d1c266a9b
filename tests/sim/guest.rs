// SPDX-License-Identifier: GPL-2.0

//! The guest: its driver, what it has asked for, and what it knows that the answers must be.
//!
//! | module | what it does |
//! |---|---|
//! | `queue` | queues in memory, doorbells, shadows of them |
//! | `buffer` | memory for data, and the PRPs that lead to it |
//! | `io`, `admin` | commands, good and bad |
//! | `done` | each completion against what it must be |
//! | `known` | features, counters and events as they must be |

mod admin;
mod buffer;
mod done;
mod io;
mod known;
mod queue;

use crate::chance::Chance;
use crate::device::Dev;
use crate::disk::Disk;
use buffer::{Buffer, Buffers};
use guest_ram::{Ram, PAGE};
use known::Known;
use nvme::outside::Signal;
use nvme::spec::status::Status;
use nvme::Config;
use queue::{Cq, Sq};
use std::collections::BTreeMap;

/// The pages of memory that a guest needs.
pub(crate) const MEMORY: u64 = buffer::END;

const INTMS: u64 = 0x0c;
const INTMC: u64 = 0x10;
const CC: u64 = 0x14;
const CSTS: u64 = 0x1c;
const AQA: u64 = 0x24;
const ASQ: u64 = 0x28;
const ACQ: u64 = 0x30;
/// Enabled, entries of 64 and 16 bytes.
const CC_ENABLED: u32 = 0x0046_0001;

/// What a command was to do.
#[derive(Clone, Debug)]
enum What {
    Read(u64, u64),
    Write(u64, u64, u64),
    /// Whether the data is what the disk holds.
    Compare(u64, u64, bool),
    Zeroes(Vec<(u64, u64)>),
    Flush,
    /// Something that fails, in this way.
    Wrong(Status),
    /// A write whose data is not all there, and a read to where nothing is.
    Torn(u64, u64, u64),
    TornRead(u64, u64),
    SetFeature(u8, u32),
    GetFeature(u8, u32),
    Identify(u32),
    Smart,
    Errors(bool),
    CreateCq(u16, Cq),
    CreateSq(u16, Sq),
    DeleteCq(u16),
    DeleteSq(u16),
    Shadow,
    Event,
    /// Whether there is such a request to abort.
    Abort(u16, bool),
}

impl What {
    /// The blocks that it reads or changes, and whether it changes them.
    fn blocks(&self) -> (Vec<(u64, u64)>, bool) {
        match self {
            Self::Read(lba, count) | Self::TornRead(lba, count) | Self::Compare(lba, count, _) => {
                (vec![(*lba, *count)], false)
            }
            Self::Write(lba, count, _) | Self::Torn(lba, count, _) => (vec![(*lba, *count)], true),
            Self::Zeroes(ranges) => (ranges.clone(), true),
            _ => (Vec::new(), false),
        }
    }
}

/// A command that was not completed yet.
#[derive(Clone, Debug)]
struct Sent {
    what: What,
    buffer: Option<Buffer>,
    /// How often the store had failed when it was sent.
    failed: u64,
}

/// Numbers for people.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) commands: u64,
    pub(crate) errors: u64,
    pub(crate) bytes: u64,
    pub(crate) resets: u64,
    pub(crate) events: u64,
    /// How often Bus Master Enable was taken away.
    pub(crate) still: u64,
}

pub(crate) struct Guest {
    chance: Chance,
    config: Config,
    signal: Signal,
    pub(crate) disk: Disk,
    on: bool,
    sqs: BTreeMap<u16, Sq>,
    cqs: BTreeMap<u16, Cq>,
    buffers: Buffers,
    known: Known,
    /// Vectors that it does not want to hear of (INTMS); not with MSI-X.
    masked: u32,
    /// Vectors whose messages waited for Bus Master Enable when they were masked.
    late: u32,
    shadow: bool,
    /// Shadows are about to be in force: nothing is rung until they are.
    shadow_due: bool,
    /// A queue is being created or deleted.
    queue_due: bool,
    /// Nothing else may be sent until what was sent is done.
    alone: bool,
    next_id: u16,
    next_stamp: u64,
    pub(crate) counts: Counts,
}

impl Guest {
    pub(crate) fn new(config: Config, signal: Signal, seed: u64) -> Self {
        Self {
            chance: Chance::new(seed),
            config,
            signal,
            disk: Disk::new(config.blocks, config.block_size.bytes()),
            on: false,
            sqs: BTreeMap::new(),
            cqs: BTreeMap::new(),
            buffers: Buffers::new(&mut Chance::new(seed ^ 1)),
            known: Known::default(),
            masked: 0,
            late: 0,
            shadow: false,
            shadow_due: false,
            queue_due: false,
            alone: false,
            next_id: 0,
            next_stamp: 0,
            counts: Counts::default(),
        }
    }

    /// Does something, whatever comes to its mind.
    pub(crate) fn step(&mut self, dev: &mut Dev, ram: &mut Ram) {
        self.hear(dev);
        if !self.on {
            self.start(dev, ram);
            return;
        }
        assert_eq!(dev.read32(CSTS) & 3, 1, "ready, and not failed");
        if !dev.is_master() {
            dev.set_master(self.chance.once_in(20));
        }
        match self.chance.below(64) {
            0..=21 => self.send_io(dev, ram),
            22..=25 => self.send_admin(dev, ram),
            26..=39 => self.ring_some(dev, ram),
            40..=61 => self.take(dev, ram),
            62 if self.chance.once_in(60) => self.reset(dev, ram, true),
            62 if self.chance.once_in(60) => self.reset(dev, ram, false),
            62 if self.chance.once_in(8) => self.take_master(dev),
            62 => self.bad_doorbell(dev),
            63 if self.signal != Signal::MsiX => self.mask(dev),
            _ => {}
        }
    }

    /// Interrupts arrive.
    fn hear(&mut self, dev: &mut Dev) {
        let mut vectors = dev.messages();
        // One that was sent before could have waited for Bus Master Enable.
        assert_eq!(
            vectors & self.masked & !self.late,
            0,
            "a message of a vector that is masked"
        );
        if dev.is_master() {
            self.late = 0;
        }
        if self.signal == Signal::Line && dev.wires.line {
            vectors = !self.masked;
        }
        self.told(vectors);
    }

    /// Takes Bus Master Enable away, for a while.
    fn take_master(&mut self, dev: &mut Dev) {
        self.counts.still += 1;
        dev.set_master(false);
    }

    /// Masks some vectors, or unmasks all.
    fn mask(&mut self, dev: &mut Dev) {
        match self.masked {
            0 => {
                self.late |= dev.wires.messages;
                self.masked = self.chance.next() as u32;
                dev.write32(INTMS, self.masked);
            }
            _ => self.unmask(dev),
        }
        assert_eq!(dev.read32(INTMS), self.masked);
    }

    fn unmask(&mut self, dev: &mut Dev) {
        dev.write32(INTMC, self.masked);
        self.masked = 0;
    }

    /// Starts the controller, with the admin queues alone.
    fn start(&mut self, dev: &mut Dev, ram: &mut Ram) {
        dev.set_master(!self.chance.once_in(4));
        let size = self.chance.within(4, 32) as u16;
        ram.at_mut(queue::sq_page(0), PAGE as usize).fill(0);
        ram.at_mut(queue::cq_page(0), PAGE as usize).fill(0);
        let last = u32::from(size) - 1;
        dev.write32(AQA, (last << 16) | last);
        dev.write(ASQ, &queue::sq_page(0).to_le_bytes());
        dev.write(ACQ, &queue::cq_page(0).to_le_bytes());
        dev.write32(CC, CC_ENABLED);
        assert_eq!(dev.read32(CSTS), 1, "ready");
        self.sqs.insert(0, Sq::new(size, 0));
        self.cqs.insert(0, Cq::new(size, 0, true));
        self.on = true;
    }

    /// A controller reset, after a shutdown or not.
    pub(crate) fn reset(&mut self, dev: &mut Dev, ram: &mut Ram, shutdown: bool) {
        if shutdown && dev.read32(CSTS) & 2 == 0 {
            // It completes no command from now on, and says when it is done.
            dev.write32(CC, CC_ENABLED | (1 << 14));
            dev.work(ram, 1);
            if dev.activity == migcore::migration::Activity::Running {
                assert_eq!(dev.read32(CSTS) & 0xc, 8, "shutdown is complete");
            }
        }
        dev.write32(CC, 0);
        assert_eq!(dev.read32(CSTS), 0);
        self.forget();
    }

    /// The controller was reset: what was sent was done or not, and nobody will tell.
    pub(crate) fn forget(&mut self) {
        self.counts.resets += 1;
        let sent: Vec<Sent> = self
            .sqs
            .values_mut()
            .flat_map(|sq| std::mem::take(&mut sq.sent).into_values())
            .collect();
        for Sent { what, buffer, .. } in sent {
            self.known.maybe(&what, self.disk.block);
            let (ranges, changes) = what.blocks();
            if changes {
                let stamp = match what {
                    What::Write(_, _, stamp) | What::Torn(_, _, stamp) => stamp,
                    _ => 0,
                };
                for (lba, count) in ranges {
                    self.disk.maybe(lba, count, stamp);
                }
            }
            self.buffers.free(buffer);
        }
        self.sqs.clear();
        self.cqs.clear();
        self.known.reset();
        (self.on, self.masked, self.late) = (false, 0, 0);
        (self.shadow, self.shadow_due) = (false, false);
        (self.queue_due, self.alone) = (false, false);
    }

    /// Commands that must still be completed, requests for events apart.
    fn outstanding(&self) -> usize {
        let sent = self.sqs.values().flat_map(|sq| sq.sent.values());
        sent.filter(|sent| !matches!(sent.what, What::Event))
            .count()
    }

    /// Waits until all that was sent is done; panics if it never is.
    pub(crate) fn settle(&mut self, dev: &mut Dev, ram: &mut Ram) {
        if self.masked != 0 {
            self.unmask(dev);
        }
        dev.set_master(true);
        for _ in 0..20_000 {
            if !self.on {
                return;
            }
            let ids: Vec<u16> = self.sqs.keys().copied().collect();
            ids.into_iter().for_each(|id| self.ring(id, dev, ram));
            let budget = self.chance.within(1, 64) as u32;
            dev.work(ram, budget);
            self.hear(dev);
            self.take_all(dev, ram);
            if self.outstanding() == 0 && !dev.awake {
                self.check_idle(dev);
                return;
            }
        }
        let left: Vec<_> = self
            .sqs
            .iter()
            .filter(|(_, sq)| !sq.sent.is_empty())
            .collect();
        panic!("never completed: {left:#?}, worker awake: {}", dev.awake);
    }

    /// Nothing is to be done, so nothing may be left.
    fn check_idle(&mut self, dev: &Dev) {
        if self.signal == Signal::Line {
            assert!(!dev.wires.line, "the line is driven for nothing");
        }
        let waits = self.sqs.values().any(|sq| !sq.sent.is_empty());
        let (event, masked) = (self.known.event, self.known.masked);
        assert!(
            event.is_none() || masked || !waits,
            "an event that nobody heard of"
        );
    }

    /// Reads all of the disk, as far as a look at it is worth anything, and counters.
    pub(crate) fn look(&mut self, dev: &mut Dev, ram: &mut Ram) {
        for _ in 0..100 {
            self.settle(dev, ram);
            if !self.on {
                self.start(dev, ram);
            } else if self.sqs.len() > 1 {
                break;
            }
            self.send_admin(dev, ram);
        }
        let Some(id) = self.sqs.keys().copied().nth(1) else {
            return;
        };
        let step = (2 * PAGE as usize / self.disk.block) as u64;
        for lba in (0..self.disk.blocks()).step_by(step as usize) {
            let count = step.min(self.disk.blocks() - lba);
            if !self.send_read(id, lba, count, dev, ram) {
                self.settle(dev, ram);
                assert!(self.send_read(id, lba, count, dev, ram), "room enough");
            }
        }
        self.settle(dev, ram);
        self.send_smart(dev, ram);
        self.settle(dev, ram);
        self.send_errors(dev, ram);
        self.settle(dev, ram);
    }
}
