// SPDX-License-Identifier: GPL-2.0

//! A serial port as a mediated device, shaped as the kernel's `samples/vfio-mdev/mtty.c`: the
//! class and the device `mtty`, the types `mtty-1` and `mtty-2`.
//!
//! The smallest complete vendor driver on the framework: a table, and two registrations. It
//! cannot be loaded beside the C sample, whose class it shares; either refuses then.

use kernel::{
    prelude::*,
    str::CString, //
};
use mdev::{
    Cell,
    Class,
    Contract,
    Identity,
    Param,
    ParamRule,
    Registration,
    Total,
    Type,
    VirtualParent, //
};

module! {
    type: MttyModule,
    name: "mdev_mtty",
    authors: ["mdev-migration project"],
    description: "Sample: serial ports as mediated devices that say what they can be migrated to",
    license: "GPL",
}

/// Serial ports that there are in all, as in the C sample.
const PORTS: u64 = 24;

static CELL: Cell<Mtty> = Cell::new();

struct Mtty;

#[vtable]
impl mdev::Driver for Mtty {
    type Device = mdev::NoDevice;

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

    // The strictest a driver can be, which is the default: each type is compatible with itself
    // alone, every parameter equal, one state version.
    const TYPES: &'static [Type] = &[
        Type {
            sysfs_name: c"1",
            pretty_name: c"Single port serial",
            description: c"16550 UART behind PCI, one port",
            name: "mtty-1",
            migratable: true,
            like: &["mtty-1"],
            params: &[1],
            pci: None,
        },
        Type {
            sysfs_name: c"2",
            pretty_name: c"Dual port serial",
            description: c"16550 UART behind PCI, two ports",
            name: "mtty-2",
            migratable: true,
            like: &["mtty-2"],
            params: &[2],
            pci: None,
        },
    ];

    const IDENTITY: Identity<'static> = Identity {
        model: "pci16550",
        state: 1,
        reads: (1, 1),
        features: 0,
    };

    fn cell() -> &'static Cell<Self> {
        &CELL
    }
}

#[pin_data]
struct MttyModule {
    // Dropped top down: the parent, with its devices, goes before the devices' driver.
    #[pin]
    _parent: VirtualParent<Mtty>,
    _devices: Registration<Mtty>,
}

impl kernel::InPlaceModule for MttyModule {
    fn init(_module: &'static ThisModule) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            _devices: Registration::new()?,
            _parent <- VirtualParent::new(
                &Class::new(c"mtty")?,
                CString::try_from_fmt(fmt!("mtty"))?,
                Total::Fixed(PORTS),
            ),
        })
    }
}
