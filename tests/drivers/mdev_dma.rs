// SPDX-License-Identifier: GPL-2.0

//! A driver for tests alone: its devices do to the guest's memory what their registers say, so that
//! each way to that memory can be tried, and what came of it be seen.
//!
//! | BAR 0 | register, 8 bytes |
//! |---|---|
//! | 0x00 | an address, as the device sees it; of pinned memory, an offset |
//! | 0x08 | how many bytes, at most 4096; of pins, pages |
//! | 0x10 | the byte that is written, and what was read: the sum of all bytes |
//! | 0x18 | written: a command. Read: what came of the last one, 0 or an errno |
//!
//! | command | does |
//! |---|---|
//! | 1, 2 | reads, writes |
//! | 3, 4 | pins to read, to write too |
//! | 5, 6 | reads pinned memory, writes it |
//! | 7 | unpins |
//! | 8 | forgets the pin, which stays |

use kernel::{new_mutex, prelude::*, str::CString, sync::Mutex};
use mdev::{
    Bar, Cell, Context, Contract, Device, Driver, GuestMemory, Identity, New, Param, ParamRule,
    PciFunction, Pinned, Protocols, Registration, Snapshot, Source, Total, Type, VirtualParents,
    Whole,
};

module! {
    type: DmaModule,
    name: "mdev_dma",
    authors: ["mdev-migration project"],
    description: "For tests: devices that access memory as they are told",
    license: "GPL",
}

/// The most bytes of a command.
const BYTES: usize = 4096;

static CELL: Cell<Dma> = Cell::new();

struct Dma;

#[vtable]
impl Driver for Dma {
    type Device = Whole<Engine>;

    const NAME: &'static CStr = c"mdev_dma";

    const CONTRACT: &'static Contract = &Contract {
        namespace: "mdev_dma",
        params: &[Param {
            key: "engines",
            rule: ParamRule::Equal,
        }],
        features: false,
    };

    const BUDGET: usize = 0;

    const TYPES: &'static [Type] = &[Type {
        sysfs_name: c"1",
        pretty_name: c"Engine",
        description: c"Accesses memory as it is told",
        name: "dma-1",
        migration: Some(Protocols::Both),
        like: &["dma-1"],
        params: &[1],
        pci: Some(&PciFunction {
            vendor: 0x1b36,
            device: 0x00ff,
            class: 0x08_80_00,
            bars: [
                Bar::Memory {
                    size: 4096,
                    wide: false,
                    prefetchable: false,
                },
                Bar::None,
                Bar::None,
                Bar::None,
                Bar::None,
                Bar::None,
            ],
            ..PciFunction::NONE
        }),
    }];

    const IDENTITY: Identity<'static> = Identity {
        model: "dma1",
        state: 1,
        reads: (1, 1),
        features: 0,
    };

    fn cell() -> &'static Cell<Self> {
        &CELL
    }
}

struct Registers {
    address: u64,
    length: u64,
    byte: u64,
    result: u64,
    pin: Option<Pinned>,
}

/// A device.
#[pin_data]
struct Engine {
    #[pin]
    registers: Mutex<Registers>,
}

impl Registers {
    const fn new() -> Self {
        Self {
            address: 0,
            length: 0,
            byte: 0,
            result: 0,
            pin: None,
        }
    }

    fn sum(&mut self, data: &[u8]) {
        self.byte = data.iter().map(|&byte| u64::from(byte)).sum();
    }

    fn act(&mut self, memory: &GuestMemory<'_>, command: u64) -> Result {
        let length = self.length as usize;
        let mut buffer = [0; BYTES];
        // Of pins, a number of pages.
        let data = match command {
            3 | 4 => &mut [],
            _ => buffer.get_mut(..length).ok_or(E2BIG)?,
        };
        // CAST: what is written is a byte.
        match command {
            2 | 6 => data.fill(self.byte as u8),
            _ => {}
        }
        match (command, &self.pin) {
            (1, _) => memory.read(self.address, data)?,
            (2, _) => memory.write(self.address, data)?,
            (3 | 4, None) => self.pin = Some(memory.pin(self.address, length, command == 4)?),
            (5, Some(pin)) => memory.read_pinned(pin, self.address as usize, data)?,
            (6, Some(pin)) => memory.write_pinned(pin, self.address as usize, data)?,
            (7, Some(_)) => self
                .pin
                .take()
                .into_iter()
                .for_each(|pin| memory.unpin(pin)),
            (8, Some(_)) => self.pin = None,
            _ => return Err(EINVAL),
        }
        if let 1 | 5 = command {
            self.sum(data);
        }
        Ok(())
    }
}

impl Device for Engine {
    type Parent = ();

    fn new(_new: New<'_, ()>) -> impl PinInit<Self, Error> {
        try_pin_init!(Self { registers <- new_mutex!(Registers::new()) })
    }

    fn read(&self, _cx: &Context, _bar: usize, offset: u64, data: &mut [u8]) {
        let registers = self.registers.lock();
        let value = match offset {
            0x00 => registers.address,
            0x08 => registers.length,
            0x10 => registers.byte,
            0x18 => registers.result,
            _ => 0,
        };
        for (to, from) in data.iter_mut().zip(value.to_le_bytes()) {
            *to = from;
        }
    }

    fn write(&self, cx: &Context, _bar: usize, offset: u64, data: &[u8]) {
        let Ok(value) = data.try_into().map(u64::from_le_bytes) else {
            return;
        };
        let mut registers = self.registers.lock();
        match offset {
            0x00 => registers.address = value,
            0x08 => registers.length = value,
            0x10 => registers.byte = value,
            0x18 => {
                let answer = match cx.memory() {
                    Some(memory) => registers.act(&memory, value),
                    None => Err(EAGAIN),
                };
                // CAST: an errno is negative.
                registers.result = answer.map_or_else(|error| -error.to_errno() as u64, |()| 0);
            }
            _ => {}
        }
    }

    fn reset(&self, _cx: &Context) {
        // A pin stays, as if the device had lost it: what is pinned goes with the last close.
        *self.registers.lock() = Registers::new();
    }
}

impl Snapshot for Engine {
    type Loaded = u64;

    fn check_version(&self, _version: u64) -> Result<(), &'static str> {
        Ok(())
    }

    fn len(&self, _version: u64) -> usize {
        8
    }

    fn save(&self, _version: u64, out: &mut [u8]) {
        out.copy_from_slice(&self.registers.lock().address.to_le_bytes());
    }

    fn load(&self, _version: u64, bytes: &[u8]) -> Result<u64, &'static str> {
        let bytes = bytes.try_into().map_err(|_| "not of 8 bytes")?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn commit(&self, _cx: &Context, loaded: u64, _source: &Source<'_>) {
        self.registers.lock().address = loaded;
    }
}

struct DmaModule {
    _parents: VirtualParents<Dma>,
    _devices: Registration<Dma>,
}

impl kernel::Module for DmaModule {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let name = |_| CString::try_from_fmt(fmt!("mdev_dma"));
        Ok(Self {
            _devices: Registration::new()?,
            _parents: VirtualParents::new(c"mdev_dma", 1, 1..=1, name, Total::Fixed(8), || ())?,
        })
    }
}
