// SPDX-License-Identifier: GPL-2.0

//! A driver for tests alone: its devices are migrated as those of no other driver here are. While
//! one is saved its guest can have it hold more, which is initial data anew; and there are types of
//! one client interface.
//!
//! | BAR 0 | register, 8 bytes |
//! |---|---|
//! | 0x00 | written: so many bytes more are held, at most 4096. Read: how many there are |

use core::mem::take;
use kernel::{new_mutex, prelude::*, str::CString, sync::Mutex};
use mdev::{
    Bar, Cell, Context, Contract, Device, Driver, Identity, Kind, Migrate, New, Param, ParamRule,
    PciFunction, Pending, Phase, Protocols, Registration, Source, Taken, Total, Type, Unfit,
    VirtualParents,
};
use migcore::stream::HEADER;

module! {
    type: MovesModule,
    name: "mdev_moves",
    authors: ["mdev-migration project"],
    description: "For tests: devices that are migrated as no others are",
    license: "GPL",
}

/// The most bytes that a device holds.
const MOST: u64 = 4096;

/// The most of them in one record.
const PIECE: u64 = 64;

/// The record of some of the bytes.
const BYTES: Kind = Kind::own(0);

static CELL: Cell<Moves> = Cell::new();

struct Moves;

/// A type that is migrated by `migration`.
const fn by(sysfs_name: &'static CStr, name: &'static str, migration: Protocols) -> Type {
    Type {
        sysfs_name,
        pretty_name: c"Holder",
        description: c"Holds as many bytes as it is told",
        name,
        migration: Some(migration),
        like: &["by-v1", "by-v2", "by-both"],
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
    }
}

#[vtable]
impl Driver for Moves {
    type Device = Holder;

    const NAME: &'static CStr = c"mdev_moves";

    const CONTRACT: &'static Contract = &Contract {
        namespace: "mdev_moves",
        params: &[Param {
            key: "holders",
            rule: ParamRule::Equal,
        }],
        features: false,
    };

    const BUDGET: usize = 0;

    const TYPES: &'static [Type] = &[
        by(c"v1", "by-v1", Protocols::V1),
        by(c"v2", "by-v2", Protocols::V2),
        by(c"both", "by-both", Protocols::Both),
    ];

    const IDENTITY: Identity<'static> = Identity {
        model: "moves1",
        state: 1,
        reads: (1, 1),
        features: 0,
    };

    fn cell() -> &'static Cell<Self> {
        &CELL
    }
}

struct Held {
    bytes: u64,
    /// How many of them the save that is open has not given yet.
    unsaid: u64,
    /// Whether some of those came to be after it had begun.
    anew: bool,
    is_saved: bool,
    /// What a load has brought until now.
    loaded: u64,
}

/// A device.
#[pin_data]
struct Holder {
    #[pin]
    held: Mutex<Held>,
}

impl Device for Holder {
    type Parent = ();

    fn new(_new: New<'_, ()>) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            held <- new_mutex!(Held {
                bytes: 0,
                unsaid: 0,
                anew: false,
                is_saved: false,
                loaded: 0,
            })
        })
    }

    fn read(&self, _cx: &Context, _bar: usize, offset: u64, data: &mut [u8]) {
        let value = match offset {
            0x00 => self.held.lock().bytes,
            _ => 0,
        };
        for (to, from) in data.iter_mut().zip(value.to_le_bytes()) {
            *to = from;
        }
    }

    fn write(&self, _cx: &Context, _bar: usize, offset: u64, data: &[u8]) {
        let (0x00, Ok(more)) = (offset, data.try_into().map(u64::from_le_bytes)) else {
            return;
        };
        let mut held = self.held.lock();
        let more = more.min(MOST - held.bytes);
        held.bytes += more;
        if held.is_saved && more > 0 {
            held.unsaid += more;
            held.anew = true;
        }
    }

    fn reset(&self, _cx: &Context) {
        self.held.lock().bytes = 0;
    }
}

impl Migrate for Holder {
    fn check_version(&self, _version: u64) -> Result<(), &'static str> {
        Ok(())
    }

    fn begin_save(&self, _cx: &Context, _version: u64) -> Result {
        let mut held = self.held.lock();
        held.unsaid = held.bytes;
        held.anew = false;
        held.is_saved = true;
        Ok(())
    }

    fn produce(
        &self,
        _cx: &Context,
        _version: u64,
        _phase: Phase,
        payload: &mut [u8],
    ) -> Result<Option<(Kind, usize)>> {
        let mut held = self.held.lock();
        let len = held.unsaid.min(PIECE) as usize;
        if len == 0 {
            return Ok(None);
        }
        payload.get_mut(..len).ok_or(EINVAL)?.fill(0xa5);
        held.unsaid -= len as u64;
        if held.unsaid == 0 {
            held.anew = false;
        }
        Ok(Some((BYTES, len)))
    }

    fn pending(&self, _version: u64, phase: Phase) -> Pending {
        let held = self.held.lock();
        let left = held.unsaid + held.unsaid.div_ceil(PIECE) * HEADER as u64;
        match phase {
            Phase::PreCopy => Pending {
                initial: left,
                dirty: 0,
                reinit: held.anew,
            },
            Phase::Stopped => Pending {
                dirty: left,
                ..Pending::default()
            },
        }
    }

    fn size(&self, _version: u64) -> u64 {
        let bytes = self.held.lock().bytes;
        bytes + bytes.div_ceil(PIECE) * HEADER as u64
    }

    fn end_save(&self, _cx: &Context) {
        self.held.lock().is_saved = false;
    }

    fn accept(
        &self,
        _cx: &Context,
        _version: u64,
        kind: Kind,
        payload: &[u8],
    ) -> Result<Taken, Unfit> {
        if kind != BYTES {
            return Ok(Taken::Unknown);
        }
        let mut held = self.held.lock();
        let loaded = held.loaded + payload.len() as u64;
        if loaded > MOST {
            return Err("more than a device holds".into());
        }
        held.loaded = loaded;
        Ok(Taken::Yes)
    }

    fn complete(&self, _version: u64, _source: &Source<'_>) -> Result<(), Unfit> {
        Ok(())
    }

    fn commit(&self, _cx: &Context, _source: &Source<'_>) {
        let mut held = self.held.lock();
        held.bytes = take(&mut held.loaded);
    }

    fn abandon(&self, _cx: &Context) {
        self.held.lock().loaded = 0;
    }
}

struct MovesModule {
    _parents: VirtualParents<Moves>,
    _devices: Registration<Moves>,
}

impl kernel::Module for MovesModule {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let name = |_| CString::try_from_fmt(fmt!("mdev_moves"));
        Ok(Self {
            _devices: Registration::new()?,
            _parents: VirtualParents::new(c"mdev_moves", 1, 1..=1, name, Total::Fixed(8), || ())?,
        })
    }
}
