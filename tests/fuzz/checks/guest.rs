// SPDX-License-Identifier: GPL-2.0

//! Any bytes as what a hostile guest does to an NVMe drive: registers and doorbells of any width and
//! value, commands, queues and lists that overlap, memory that is not there, and moves to another
//! drive in between. Nothing panics, work is bounded, and a reset always brings it back.

use super::disk::{drive, state, Disk, Wires, BLOCKS};
use guest_ram::{Ram, PAGE};
use nvme::outside::{Clock, Scratch, Signal, SCRATCH};

/// The pages of memory that there are.
const PAGES: u64 = 16;

/// Of the registers (3.1), the first bytes.
const REGISTERS: [u64; 12] = [
    0x00, 0x08, 0x0c, 0x10, 0x14, 0x1c, 0x20, 0x24, 0x28, 0x2c, 0x30, 0x34,
];
const CC: u64 = 0x14;
const CSTS: u64 = 0x1c;
const DOORBELLS: u64 = 0x1000;
const ENABLED: u32 = 0x0046_0001;

/// The script, byte by byte; zeroes behind its end.
struct Script<'a>(&'a [u8]);

impl Script<'_> {
    fn next(&mut self) -> u64 {
        let Some((first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        u64::from(*first)
    }

    /// A number, often one at which something begins or ends.
    fn number(&mut self) -> u64 {
        match self.next() {
            small @ 0..=127 => small,
            128..=159 => (self.next() << 8) | self.next(),
            160..=175 => (0..8).fold(0, |n, _| (n << 8) | self.next()),
            176..=191 => BLOCKS.wrapping_add(self.next()).wrapping_sub(2),
            192..=207 => 0xffff,
            208..=223 => u64::from(u32::MAX),
            224..=239 => 1 << (self.next() % 64),
            _ => u64::MAX,
        }
    }

    /// An address, mostly one where memory is.
    fn address(&mut self) -> u64 {
        match self.next() {
            page @ 0..=191 => page % PAGES * PAGE,
            192..=207 => self.next() % PAGES * PAGE + PAGE - 8,
            208..=231 => self.next() % PAGES * PAGE + self.next() * 4,
            232..=247 => PAGES * PAGE + self.next() * 8,
            _ => self.number(),
        }
    }
}

/// The guest's own writes, as far as there is memory.
fn put(ram: &mut Ram, at: u64, bytes: &[u8]) {
    let at = at.min(ram.size());
    let there = (ram.size() - at).min(bytes.len() as u64);
    ram.put(at, &bytes[..there as usize]);
}

struct Time;

impl Clock for Time {
    fn now(&self) -> u64 {
        1
    }
}

struct Machine {
    drive: Disk,
    other: Disk,
    ram: Ram,
    wires: Wires,
    scratch: Box<Scratch>,
    /// Where the guest keeps each queue, its size and its tail.
    queues: [(u64, u64, u64); 4],
}

impl Machine {
    fn write(&mut self, offset: u64, bytes: &[u8]) {
        let _ = self.drive.write(offset, bytes, &mut self.wires);
    }

    fn write32(&mut self, offset: u64, value: u32) {
        self.write(offset, &value.to_le_bytes());
    }

    fn status(&self) -> u32 {
        let mut bytes = [0; 4];
        self.drive.read(CSTS, &mut bytes);
        u32::from_le_bytes(bytes)
    }

    /// A piece of work, which is bounded by its budget and the size of a command.
    fn process(&mut self, budget: u32) -> bool {
        let before = self.ram.accesses;
        let Machine {
            drive,
            ram,
            wires,
            scratch,
            ..
        } = self;
        let more = drive.process(ram, wires, &Time, scratch, budget);
        let most = 8 * (u64::from(budget) + 300) + 400;
        assert!(self.ram.accesses - before < most, "unbounded work");
        more
    }

    fn enable(&mut self, submission: u64, completion: u64, size: u64) {
        let last = (size - 1) as u32;
        self.write32(0x24, (last << 16) | last);
        self.write(0x28, &submission.to_le_bytes());
        self.write(0x30, &completion.to_le_bytes());
        self.write32(CC, ENABLED);
        self.queues[0] = (submission, size, 0);
    }

    fn put(&mut self, id: usize, command: &[u8; 64]) {
        let (base, size, tail) = &mut self.queues[id];
        put(&mut self.ram, base.wrapping_add(*tail * 64), command);
        *tail = (*tail + 1) % *size;
    }

    fn ring(&mut self, id: usize) {
        let tail = self.queues[id].2;
        self.write32(DOORBELLS + id as u64 * 8, tail as u32);
    }

    /// To another drive, with the media as it is.
    fn go_elsewhere(&mut self) {
        let state = state(&self.drive);
        let other = self.other.controller_mut();
        other.load(&state).expect("what was saved can be loaded");
        other.resume(&mut self.wires);
        std::mem::swap(&mut self.drive, &mut self.other);
        assert_eq!(self::state(&self.drive), state);
    }
}

fn command(script: &mut Script<'_>) -> [u8; 64] {
    let mut command = [0; 64];
    let known = [
        0x00, 0x01, 0x02, 0x04, 0x05, 0x06, 0x08, 0x09, 0x0a, 0x0c, 0x7c, 0x01, 0x02, 0x05, 0x08,
        0x09,
    ];
    command[0] = match script.next() {
        any @ 240.. => any as u8 ^ 0x55,
        choice => known[choice as usize % 16],
    };
    command[1] = match script.next() {
        flags @ 250.. => flags as u8,
        _ => 0,
    };
    command[2] = script.next() as u8;
    let nsid = [1, 1, 1, 0, u32::MAX, 2][script.next() as usize % 6];
    command[4..8].copy_from_slice(&nsid.to_le_bytes());
    command[24..32].copy_from_slice(&script.address().to_le_bytes());
    command[32..40].copy_from_slice(&script.address().to_le_bytes());
    for dword in 10..14 {
        let low = script.number() as u16;
        let high = match script.next() {
            some @ 128.. => some as u16 & 0xf,
            _ => 0,
        };
        command[dword * 4..dword * 4 + 2].copy_from_slice(&low.to_le_bytes());
        command[dword * 4 + 2..dword * 4 + 4].copy_from_slice(&high.to_le_bytes());
    }
    command
}

/// What must hold of any script.
pub(crate) fn check(bytes: &[u8]) {
    let mut script = Script(bytes);
    let signals = [Signal::MsiX, Signal::Msi, Signal::Line];
    let mut machine = Machine {
        drive: drive(),
        other: drive(),
        ram: Ram::new(PAGES),
        wires: Wires::new(signals[script.next() as usize % 3]),
        scratch: Box::new([0; SCRATCH]),
        queues: [
            (PAGE, 8, 0),
            (3 * PAGE, 8, 0),
            (5 * PAGE, 4, 0),
            (7 * PAGE, 64, 0),
        ],
    };
    while !script.0.is_empty() {
        step(&mut machine, &mut script);
    }
    revive(&mut machine);
}

fn step(machine: &mut Machine, script: &mut Script<'_>) {
    match script.next() % 20 {
        0 => {
            let (submission, completion) = (script.address(), script.address());
            let size = 2 + script.next() % 16;
            machine.write32(CC, 0);
            machine.enable(submission & !0xfff, completion & !0xfff, size);
        }
        1 => {
            machine.write32(CC, 0);
            machine.enable(PAGE, 2 * PAGE, 16);
        }
        2 | 3 => {
            let offset = match script.next() {
                choice @ 0..=159 => REGISTERS[choice as usize % 12],
                at @ 160..=223 => DOORBELLS + at % 64 * 4,
                _ => script.number(),
            };
            let width = [4, 8, 4, 1, 2, 3, 0, 16][script.next() as usize % 8];
            let value = [script.number(), script.number()];
            let bytes: Vec<u8> = value.into_iter().flat_map(u64::to_le_bytes).collect();
            machine.write(offset, &bytes[..width]);
        }
        4 => {
            let mut data = vec![0; script.next() as usize];
            let offset = script.number();
            machine.drive.read(offset, &mut data);
        }
        5..=9 => {
            let id = script.next() as usize;
            let command = command(script);
            machine.put(id % 4, &command);
            if id < 192 {
                machine.ring(id % 4);
            }
        }
        10 => {
            let at = DOORBELLS + script.next() % 40 * 4;
            let value = script.number() as u32;
            machine.write32(at, value);
        }
        11 => {
            let at = script.address();
            let count = script.next() % 32;
            let bytes: Vec<u8> = (0..count).map(|_| script.next() as u8).collect();
            put(&mut machine.ram, at, &bytes);
        }
        12 => {
            let at = script.address();
            for entry in 0..script.next() % 64 {
                let page = script.address();
                let at = at.wrapping_add(entry * 8);
                put(&mut machine.ram, at, &page.to_le_bytes());
            }
        }
        13 | 14 => {
            let budget = script.next() as u32;
            let _ = machine.process(budget);
        }
        15 | 16 => {
            for _ in 0..64 {
                if !machine.process(64) {
                    break;
                }
            }
        }
        17 => {
            // A pair of queues, as a driver makes it, or nearly so.
            let id = 1 + script.next() % 3;
            let (base, size, tail) = &mut machine.queues[id as usize];
            (*base, *size, *tail) = (script.address() & !0xfff, 2 + script.next() % 62, 0);
            let (base, size) = (*base, *size);
            let place = (id | ((size - 1) << 16)) as u32;
            let completion = script.address() & !0xfff;
            let more = (id << 16) as u32;
            for (opcode, at, more) in [(5, completion, more | 3), (1, base, more | 1)] {
                let mut command = [0; 64];
                command[0] = opcode;
                command[24..32].copy_from_slice(&at.to_le_bytes());
                command[40..44].copy_from_slice(&place.to_le_bytes());
                command[44..48].copy_from_slice(&more.to_le_bytes());
                machine.put(0, &command);
            }
            machine.ring(0);
        }
        18 => {
            let page = script.next();
            machine.ram.holes.clear();
            machine
                .ram
                .holes
                .extend((page < 128).then_some(page % PAGES));
        }
        _ => machine.go_elsewhere(),
    }
}

/// Whatever happened, a reset brings it back, and a driver finds it as it must be.
fn revive(machine: &mut Machine) {
    machine.write32(CC, 0);
    assert_eq!(machine.status(), 0, "a reset resets");
    machine.ram = Ram::new(PAGES);
    machine.enable(PAGE, 2 * PAGE, 4);
    assert_eq!(machine.status(), 1, "ready again");
    let mut identify = [0; 64];
    identify[0] = 6;
    identify[2] = 0x77;
    identify[24..32].copy_from_slice(&(3 * PAGE).to_le_bytes());
    identify[40] = 1;
    machine.put(0, &identify);
    machine.ring(0);
    assert!(!machine.process(64), "idle again");
    let entry = machine.ram.at(2 * PAGE, 16);
    assert_eq!(entry[8..16], [1, 0, 0, 0, 0x77, 0, 1, 0], "{entry:02x?}");
    assert_eq!(machine.ram.at(3 * PAGE + 4, 4), *b"0101");
    machine.drive.reset(&mut machine.wires);
    assert_eq!(machine.status(), 0);
}
