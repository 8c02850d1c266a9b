// SPDX-License-Identifier: GPL-2.0

//! Serial ports as mediated devices, shaped as the kernel's `samples/vfio-mdev/mtty.c`: the class
//! and the device `mtty`, the types `mtty-1` and `mtty-2`, the PCI ids that Linux's own driver for
//! PCI serial cards binds.
//!
//! The smallest complete vendor driver on the framework: tables, a device, and two registrations.
//! It cannot be loaded beside the C sample, whose class it shares; either refuses then.

mod uart;
mod uart_state;

use kernel::{new_mutex, prelude::*, str::CString, sync::Mutex};
use mdev::{Bar, Cell, Class, Context, Contract, Identity, Param, ParamRule, PciFunction};
use mdev::{
    Device, Driver, Protocols, Registration, Snapshot, Source, Total, Type, VirtualParent, Whole,
};
use uart::Uart;

module! {
    type: MttyModule,
    name: "mdev_mtty",
    authors: ["mdev-migration project"],
    description: "Sample: serial ports as mediated devices that say what they can be migrated to",
    license: "GPL",
    params: {
        parents: u8 {
            default: 1,
            description: "Parents, 1 to 8: mtty, mtty1, ...",
        },
    },
}

/// Serial ports that a parent has, as the C sample.
const PORTS: u64 = 24;

/// A card with so many ports, eight registers each.
const fn card(ports: usize) -> PciFunction {
    let mut bars = [Bar::None; 6];
    bars[0] = Bar::Io { size: 8 };
    if ports > 1 {
        bars[1] = Bar::Io { size: 8 };
    }
    PciFunction {
        vendor: 0x4348,
        device: 0x3253,
        subsystem_vendor: 0x4348,
        subsystem: 0x3253,
        class: 0x07_00_02,
        revision: 0x10,
        bars,
        pin: true,
        msi: Some(1),
        msix: None,
    }
}

static CELL: Cell<Mtty> = Cell::new();

struct Mtty;

#[vtable]
impl Driver for Mtty {
    type Device = Whole<Card>;

    const NAME: &'static CStr = c"mdev_mtty";

    const CONTRACT: &'static Contract = &Contract {
        namespace: "mdev_mtty",
        params: &[Param {
            key: "ports",
            rule: ParamRule::Equal,
        }],
        features: false,
    };

    /// Ports.
    const BUDGET: usize = 0;

    // Nearly the strictest that a driver can be: each type is compatible with itself alone, every
    // parameter equal.
    const TYPES: &'static [Type] = &[
        Type {
            sysfs_name: c"1",
            pretty_name: c"Single port serial",
            description: c"16550 UART behind PCI, one port",
            name: "mtty-1",
            migration: Some(Protocols::Both),
            like: &["mtty-1"],
            params: &[1],
            pci: Some(const { &card(1) }),
        },
        Type {
            sysfs_name: c"2",
            pretty_name: c"Dual port serial",
            description: c"16550 UART behind PCI, two ports",
            name: "mtty-2",
            migration: Some(Protocols::Both),
            like: &["mtty-2"],
            params: &[2],
            pci: Some(const { &card(2) }),
        },
    ];

    const IDENTITY: Identity<'static> = Identity {
        model: "pci16550",
        // Version 2 adds the trigger level of the receivers' FIFOs.
        state: 2,
        reads: (1, 2),
        features: 0,
    };

    fn cell() -> &'static Cell<Self> {
        &CELL
    }
}

/// The device: UARTs, each behind a BAR of its own.
#[pin_data]
struct Card {
    #[pin]
    uart: Mutex<Uart>,
}

impl Card {
    /// Does something to the UARTs, and raises or ends what they interrupt for then.
    fn with(&self, cx: &Context, mut f: impl FnMut(&mut Uart)) {
        let mut uart = self.uart.lock();
        let before = uart.interrupt();
        f(&mut uart);
        let after = uart.interrupt();
        cx.interrupts().line(after);
        if after && !before {
            cx.interrupts().trigger(0);
        }
    }
}

impl Device for Card {
    fn new(_kind: &'static Type, values: &[u64]) -> impl PinInit<Self, Error> {
        let two = values == [2];
        try_pin_init!(Self { uart <- new_mutex!(Uart::new(two)) })
    }

    fn read(&self, cx: &Context, bar: usize, offset: u64, data: &mut [u8]) {
        self.with(cx, |uart| {
            for (byte, register) in data.iter_mut().zip(offset..) {
                *byte = uart.read(bar, register);
            }
        });
    }

    fn write(&self, cx: &Context, bar: usize, offset: u64, data: &[u8]) {
        self.with(cx, |uart| {
            for (&byte, register) in data.iter().zip(offset..) {
                uart.write(bar, register, byte);
            }
        });
    }

    fn reset(&self, cx: &Context) {
        self.with(cx, Uart::reset);
    }
}

impl Snapshot for Card {
    type Loaded = Uart;

    fn check_version(&self, version: u64) -> Result<(), &'static str> {
        self.uart.lock().check_version(version)
    }

    fn len(&self, version: u64) -> usize {
        uart_state::len(version, self.uart.lock().ports().len())
    }

    fn save(&self, version: u64, out: &mut [u8]) {
        self.uart.lock().save(version, out);
    }

    fn load(&self, version: u64, bytes: &[u8]) -> Result<Uart, &'static str> {
        self.uart.lock().load(version, bytes)
    }

    fn commit(&self, cx: &Context, loaded: Uart, _source: &Source<'_>) {
        // After a reset nothing interrupts, so that a cause that was loaded is raised anew: the
        // source's client may not have passed it on. That a transmitter is empty is a cause only
        // until somebody looked, so this is said once more; a driver takes it for a late one.
        self.reset(cx);
        self.with(cx, |uart| {
            *uart = loaded;
            uart.tell_again();
        });
    }
}

struct MttyModule {
    // Dropped top down: the parents, with their devices, go before the devices' driver.
    _parents: KVec<Pin<KBox<VirtualParent<Mtty>>>>,
    _devices: Registration<Mtty>,
}

impl kernel::Module for MttyModule {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let devices = Registration::new()?;
        let class = Class::new(c"mtty")?;
        let mut parents = KVec::new();
        for n in 0..module_parameters::parents.value() {
            let name = match n {
                0 => CString::try_from_fmt(fmt!("mtty"))?,
                1..8 => CString::try_from_fmt(fmt!("mtty{n}"))?,
                _ => return Err(EINVAL),
            };
            let parent = VirtualParent::new(&class, name, Total::Fixed(PORTS));
            parents.push(KBox::pin_init(parent, GFP_KERNEL)?, GFP_KERNEL)?;
        }
        Ok(Self {
            _parents: parents,
            _devices: devices,
        })
    }
}
