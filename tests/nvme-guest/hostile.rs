// SPDX-License-Identifier: GPL-2.0

//! A guest that does what no driver would, for some time; then a reset must bring the device back.

use crate::{Settings, Task};
use nvme::spec::{command as field, opcode, registers::DOORBELLS, Field};
use nvme_guest::{
    command::Command,
    content::{difference, Random},
    controller::Guest,
    during,
    interrupts::{Interrupts, Kind},
    memory::{self, Memory},
    Result,
};
use std::{
    rc::Rc,
    sync::{
        atomic::{AtomicBool, Ordering},
        Arc,
    },
    time::{Duration, Instant},
};
use vfio_bindings::bindings::vfio as uapi;

pub(crate) const TASKS: &[Task] = &[Task {
    name: "hostile",
    says: "registers, doorbells, queues, commands and memory at random for --seconds; a reset brings it back",
    run: hostile,
}];

/// How many operations come between two attempts to make it work again.
const ROUND: u64 = 400;

struct Attacker {
    guest: Guest,
    random: Random,
    mapped: bool,
}

fn hostile(settings: &Settings) -> Result {
    let end = Instant::now() + Duration::from_secs(settings.seconds);
    let guest = Guest::open(&settings.target)?;
    let memory = Arc::clone(guest.memory.bytes());
    let mut attacker = Attacker {
        guest,
        random: Random::new(settings.seed),
        mapped: true,
    };
    println!("seed {}", settings.seed);
    // What the device reads changes while it reads it.
    let stop = Arc::new(AtomicBool::new(false));
    let (ends, seed) = (Arc::clone(&stop), settings.seed);
    let scribbler = std::thread::spawn(move || {
        let mut random = Random::new(!seed);
        while !ends.load(Ordering::Relaxed) {
            let at = random.below((memory::SIZE / 4) as u64) as usize * 4;
            // CAST: any part of it.
            memory.store(at, random.number() as u32);
            if random.once_in(64) {
                std::thread::yield_now();
            }
        }
    });
    let (mut rounds, mut operations) = (0, 0);
    let mut outcome = Ok(());
    while outcome.is_ok() && Instant::now() < end {
        outcome = attacker.begin();
        for _ in 0..ROUND {
            operations += 1;
            outcome = outcome.and_then(|()| attacker.attack());
            if outcome.is_err() || Instant::now() > end {
                break;
            }
        }
        rounds += 1;
    }
    stop.store(true, Ordering::Relaxed);
    scribbler.join().map_err(|_| "the scribbler died")?;
    println!("{operations} operations in {rounds} rounds");
    outcome?;
    attacker.recover(settings)
}

impl Attacker {
    /// Mostly begins with a controller that works, and I/O queues, maybe bad ones.
    fn begin(&mut self) -> Result {
        if !self.mapped {
            self.guest.memory.map(&self.guest.device)?;
            self.mapped = true;
        }
        if self.random.once_in(4) {
            return Ok(());
        }
        let kind = self.random.of(&Kind::ALL);
        let entries = self.random.of(&[2, 3, 64, 1024]);
        // The scribbler may spoil the very queues that this needs, so it may fail.
        let _ = self.try_begin(kind, entries);
        Ok(())
    }

    fn try_begin(&mut self, kind: Kind, entries: u16) -> Result {
        self.guest.queues.clear();
        self.guest.device.reset().map_err(during("reset"))?;
        self.guest.decode(true)?;
        if let Some(interrupts) = self.guest.interrupts.take() {
            interrupts.off(&self.guest.device)?;
        }
        self.guest.interrupts = Some(Interrupts::on(&self.guest.device, kind)?);
        // CC and CSTS, without waiting for what may never come.
        let device = Rc::clone(&self.guest.device);
        let write = |at: u64, bytes: &[u8]| device.write(&self.guest.bar, at, bytes);
        let _ = write(0x24, &0x000f_000f_u32.to_le_bytes());
        let _ = write(0x28, &Memory::address(memory::ADMIN_SQ).to_le_bytes());
        let _ = write(0x30, &Memory::address(memory::ADMIN_CQ).to_le_bytes());
        let _ = write(0x14, &0x0046_0001_u32.to_le_bytes());
        let mut commands = Vec::new();
        for id in 1..=3_u16 {
            // Queues that overlap with others, as often as not.
            let place = |random: &mut Random| match random.below(3) {
                0 => Memory::address(memory::sq(1)),
                1 => Memory::address(memory::ADMIN_SQ),
                _ => Memory::address(memory::sq(id)),
            };
            let size = field::queue::QID.with(id.into())
                | field::queue::QSIZE.with(u64::from(entries) - 1);
            let vector = self.random.below(3);
            let make = Command::new(opcode::admin::CREATE_CQ)
                .with(field::PRP1, place(&mut self.random))
                .with(field::CDW10, size)
                .with(
                    field::CDW11,
                    field::queue::PC.with(1)
                        | field::queue::IEN.with(1)
                        | field::queue::IV.with(vector),
                );
            commands.push(make);
            let make = Command::new(opcode::admin::CREATE_SQ)
                .with(field::PRP1, place(&mut self.random))
                .with(field::CDW10, size)
                .with(
                    field::CDW11,
                    field::queue::PC.with(1) | field::queue::CQID.with(id.into()),
                );
            commands.push(make);
        }
        for (n, command) in commands.iter().enumerate() {
            self.guest
                .memory
                .put(memory::ADMIN_SQ + n * field::SIZE, &command.0);
        }
        // CAST: a few commands.
        let _ = write(DOORBELLS, &(commands.len() as u32).to_le_bytes());
        Ok(())
    }

    fn attack(&mut self) -> Result {
        match self.random.below(100) {
            0..=24 => self.register(),
            25..=49 => self.doorbell(),
            50..=89 => self.command(),
            90..=93 => self.config(),
            94..=95 => self.unmap(),
            96 => self.interrupts(),
            97 => {
                let answer = self.guest.device.reset();
                answer.map_err(during("VFIO_DEVICE_RESET"))?;
                let _ = self.guest.decode(true);
                Ok(())
            }
            _ => {
                let page = self.random.below((memory::SIZE / 4096) as u64) as usize * 4096;
                let byte = self.random.of(&[0, 0xff, 0x01, 0x80]);
                self.guest.memory.put(page, &[byte; 4096]);
                Ok(())
            }
        }
    }

    /// An access of any width at any offset, of a value that means something there or not.
    fn register(&mut self) -> Result {
        let random = &mut self.random;
        let offset = match random.below(4) {
            0 | 1 => random.below(0x40),
            2 => random.below(0x2000),
            _ => random.below(self.guest.bar.size + 64),
        };
        let width = random.of(&[1, 2, 3, 4, 4, 4, 5, 7, 8, 8, 16, 64, 4096]);
        let mut bytes = match random.below(3) {
            0 => vec![0; width],
            1 => vec![0xff; width],
            _ => random.bytes(width),
        };
        // Outside of the region it may be refused.
        if random.once_in(3) {
            let _ = self.guest.device.read(&self.guest.bar, offset, &mut bytes);
        } else {
            let _ = self.guest.device.write(&self.guest.bar, offset, &bytes);
        }
        Ok(())
    }

    fn doorbell(&mut self) -> Result {
        let random = &mut self.random;
        let index = match random.below(4) {
            0 | 1 => random.below(8),
            2 => random.below(40),
            _ => random.below(0x4000),
        };
        // CAST: any part of it.
        let value = match random.below(4) {
            0 => random.number() as u32,
            1 => random.below(1024) as u32,
            _ => random.below(17) as u32,
        };
        let at = DOORBELLS + index * 4;
        let _ = self
            .guest
            .device
            .write(&self.guest.bar, at, &value.to_le_bytes());
        Ok(())
    }

    /// A command in some ring, with fields that are good, bad or both; and its doorbell.
    fn command(&mut self) -> Result {
        let random = &mut self.random;
        let queue = random.below(4) as u16;
        let known: Vec<u8> = opcode::admin::ALL
            .into_iter()
            .chain([
                opcode::nvm::FLUSH,
                opcode::nvm::WRITE,
                opcode::nvm::READ,
                opcode::nvm::COMPARE,
                opcode::nvm::WRITE_ZEROES,
                opcode::nvm::DATASET,
            ])
            .collect();
        // CAST: any byte.
        let code = if random.once_in(6) {
            random.number() as u8
        } else {
            random.of(&known)
        };
        let mut command = Command::new(code);
        if random.once_in(8) {
            random.fill(&mut command.0[1..]);
        } else {
            command.put(field::NSID, random.of(&[1_u32, 1, 1, 0, 2, u32::MAX]));
            let blocks = self.guest.namespace.blocks.max(32768);
            let lba = random.of(&[0, 1, random.clone().below(blocks), blocks - 1, u64::MAX]);
            command.put(field::io::SLBA, lba);
            command.put(
                field::CDW12,
                random.of(&[0_u32, 7, 255, 1023, 1024, 0xffff, u32::MAX]),
            );
            if queue == 0 {
                command.put(field::CDW10, random.number() & 0x00ff_03ff);
                command.put(field::CDW11, random.number() & 0x001f_0007);
            }
            command = command.data((self.address(), self.address()));
        }
        self.lists();
        let base = if queue == 0 {
            memory::ADMIN_SQ
        } else {
            memory::sq(queue)
        };
        for n in 0..16 {
            self.guest.memory.put(base + n * field::SIZE, &command.0);
        }
        let tail = self.random.below(16) as u32;
        let at = DOORBELLS + u64::from(queue) * 8;
        let _ = self
            .guest
            .device
            .write(&self.guest.bar, at, &tail.to_le_bytes());
        // Heads, so that there is room for completions now and then.
        let head = self.random.below(16) as u32;
        let _ = self
            .guest
            .device
            .write(&self.guest.bar, at + 4, &head.to_le_bytes());
        Ok(())
    }

    fn address(&mut self) -> u64 {
        let random = &mut self.random;
        match random.below(8) {
            0 => 0,
            1 => random.number(),
            2 => u64::MAX - 4095,
            3 => Memory::address(memory::SIZE) - 4096,
            4 => Memory::address(memory::SIZE),
            5 => Memory::address(memory::lists(1)) + random.below(512) * 8,
            6 => Memory::address(random.below(memory::SIZE as u64) as usize),
            _ => Memory::address(memory::slot(1)),
        }
    }

    /// A list whose entries lead to itself, into nowhere, or to data.
    fn lists(&mut self) {
        let list = memory::lists(1);
        for n in 0..8 {
            let entry = match self.random.below(4) {
                0 => Memory::address(list),
                1 => self.address(),
                _ => Memory::address(memory::slot(1) + n * 4096),
            };
            let at = list + self.random.below(512) as usize * 8;
            self.guest.memory.put(at, &entry.to_le_bytes());
            // The last of a page leads on: to itself.
            self.guest
                .memory
                .put(list + 4088, &Memory::address(list).to_le_bytes());
        }
    }

    fn config(&mut self) -> Result {
        let config = self.guest.device.region(uapi::VFIO_PCI_CONFIG_REGION_INDEX);
        let config = config.map_err(during("configuration space"))?;
        let random = &mut self.random;
        let offset = random.below(264);
        let width = random.of(&[1, 2, 4, 8]);
        let bytes = random.bytes(width);
        let _ = self.guest.device.write(&config, offset, &bytes);
        if !random.once_in(4) {
            let _ = self.guest.decode(true);
        }
        Ok(())
    }

    fn unmap(&mut self) -> Result {
        if self.mapped {
            self.guest.memory.unmap(&self.guest.device)?;
        } else {
            self.guest.memory.map(&self.guest.device)?;
        }
        self.mapped = !self.mapped;
        Ok(())
    }

    fn interrupts(&mut self) -> Result {
        if let Some(interrupts) = self.guest.interrupts.take() {
            // The enable bit may be spoiled already, so it may fail.
            let _ = interrupts.off(&self.guest.device);
        }
        let kind = self.random.of(&Kind::ALL);
        self.guest.interrupts = Interrupts::on(&self.guest.device, kind).ok();
        Ok(())
    }

    /// A reset, and then all of it works.
    fn recover(&mut self, settings: &Settings) -> Result {
        if !self.mapped {
            self.guest.memory.map(&self.guest.device)?;
        }
        let guest = &mut self.guest;
        guest.device.reset().map_err(during("the last reset"))?;
        guest.decode(true)?;
        if let Some(interrupts) = guest.interrupts.take() {
            interrupts.off(&guest.device)?;
        }
        guest.bring_up(settings.kind, 64)?;
        let data = Random::new(settings.seed).bytes(1 << 20);
        for queue in 1..=guest.io_queues() {
            guest.write_media(queue, 0, &data)?;
            let got = guest.read_media(queue, 0, data.len())?;
            if let Some(text) = difference(&got, &data) {
                return Err(format!("after the reset, queue {queue}: {text}"));
            }
        }
        let register = Field::new(0x1c, 4);
        println!("CSTS {:#x} at the end", guest.read(register)?);
        Ok(())
    }
}
