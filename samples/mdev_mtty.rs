// SPDX-License-Identifier: GPL-2.0

//! Serial ports as mediated devices, shaped as the kernel's `samples/vfio-mdev/mtty.c`: the class
//! and the device `mtty`, the types `mtty-1` and `mtty-2`, the PCI ids that Linux's own driver for
//! PCI serial cards binds.
//!
//! The smallest complete vendor driver on the framework: tables, a device, and two registrations.
//! It cannot be loaded beside the C sample, whose class it shares; either refuses then.

mod uart;
mod uart_state;

use kernel::{prelude::*, str::CString};
use mdev::{Bar, Card, Cell, Contract, Driver, Identity, Param, ParamRule, PciFunction};
use mdev::{Protocols, Registration, Total, Type, VirtualParents, Whole};
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
    let port = Bar::Io { size: 8 };
    let second = if ports > 1 { port } else { Bar::None };
    PciFunction {
        vendor: 0x4348,
        device: 0x3253,
        subsystem_vendor: 0x4348,
        subsystem: 0x3253,
        class: 0x07_00_02,
        revision: 0x10,
        bars: [port, second, Bar::None, Bar::None, Bar::None, Bar::None],
        pin: true,
        msi: Some(1),
        msix: None,
    }
}

static CELL: Cell<Mtty> = Cell::new();

struct Mtty;

#[vtable]
impl Driver for Mtty {
    type Device = Whole<Card<Uart>>;

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

struct MttyModule {
    // Dropped top down: the parents, with their devices, go before the devices' driver.
    _parents: VirtualParents<Mtty>,
    _devices: Registration<Mtty>,
}

impl kernel::Module for MttyModule {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let name = |n| match n {
            0 => CString::try_from_fmt(fmt!("mtty")),
            n => CString::try_from_fmt(fmt!("mtty{n}")),
        };
        let count = module_parameters::parents.value().into();
        Ok(Self {
            _devices: Registration::new()?,
            _parents: VirtualParents::new(c"mtty", count, 1..=8, name, Total::Fixed(PORTS), || ())?,
        })
    }
}
