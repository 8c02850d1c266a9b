// SPDX-License-Identifier: GPL-2.0

//! The types that every parent offers, and how what they state is judged.

#![forbid(unsafe_code)]

use crate::{
    disk::Disk,
    function::FUNCTION, //
};
use kernel::prelude::*;
use mdev::{
    Cell,
    Contract,
    Identity,
    Param,
    ParamRule,
    Protocols,
    Type, //
};

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// Optional commands, as bits of `features` (NVM Express 1.4, figure 247, ONCS).
pub(crate) mod feature {
    use nvme::Optional;

    /// Compare.
    pub(crate) const COMPARE: u64 = 1 << 0;
    /// Dataset Management with deallocation.
    pub(crate) const DEALLOCATE: u64 = 1 << 1;
    /// Write Zeroes.
    pub(crate) const WRITE_ZEROES: u64 = 1 << 2;

    /// The commands that there are by these bits.
    pub(crate) const fn commands(features: u64) -> Optional {
        Optional {
            compare: features & COMPARE != 0,
            deallocate: features & DEALLOCATE != 0,
            write_zeroes: features & WRITE_ZEROES != 0,
        }
    }

    /// The bits of these commands.
    pub(crate) fn of(optional: &Optional) -> u64 {
        let Optional {
            compare,
            deallocate,
            write_zeroes,
        } = *optional;
        let bit = |there, bit| if there { bit } else { 0 };
        bit(compare, COMPARE) | bit(deallocate, DEALLOCATE) | bit(write_zeroes, WRITE_ZEROES)
    }
}

/// I/O queue pairs of a device.
const QUEUES: u64 = nvme::MAX_IO_QUEUES as u64;

/// The types of one contract, which differ only in capacity.
const BY_CAPACITY: &[&str] = &["whole", "16m", "64m", "256m", "1g", "4g"];

/// The same with larger blocks, which no guest could take one for the other.
const BY_CAPACITY_4K: &[&str] = &["64m_4k", "1g_4k"];

static CELL: Cell<Nvme> = Cell::new();

/// The driver of the devices.
pub(crate) struct Nvme;

/// The capacity of the smallest type: what a BAR must hold to be media.
pub(crate) const SMALLEST: u64 = 16 * MIB;

/// A type that can be migrated, of the set `like`.
const fn migratable(
    sysfs_name: &'static CStr,
    pretty_name: &'static CStr,
    name: &'static str,
    like: &'static [&'static str],
    params: &'static [u64],
) -> Type {
    Type {
        sysfs_name,
        pretty_name,
        description: match params {
            [_, 4096, ..] => {
                c"NVMe 1.4 controller with one namespace, 4096-byte blocks, 16 I/O queue pairs"
            }
            _ => c"NVMe 1.4 controller with one namespace, 512-byte blocks, 16 I/O queue pairs",
        },
        name,
        migration: Some(Protocols::Both),
        like,
        params,
        pci: Some(&FUNCTION),
    }
}

#[vtable]
impl mdev::Driver for Nvme {
    type Device = Disk;

    const NAME: &'static CStr = c"mdev_nvme";

    const CONTRACT: &'static Contract = &Contract {
        namespace: "mdev_nvme",
        params: &[
            Param {
                key: "capacity",
                rule: ParamRule::Settable,
            },
            Param {
                key: "lba",
                rule: ParamRule::Equal,
            },
            Param {
                key: "queues",
                rule: ParamRule::AtMost { min: 1 },
            },
        ],
        features: true,
    };

    /// Capacity, in bytes.
    const BUDGET: usize = 0;

    const TYPES: &'static [Type] = &[
        migratable(
            c"16m",
            c"NVMe 16 MiB",
            "16m",
            BY_CAPACITY,
            &[16 * MIB, 512, QUEUES],
        ),
        migratable(
            c"64m",
            c"NVMe 64 MiB",
            "64m",
            BY_CAPACITY,
            &[64 * MIB, 512, QUEUES],
        ),
        migratable(
            c"256m",
            c"NVMe 256 MiB",
            "256m",
            BY_CAPACITY,
            &[256 * MIB, 512, QUEUES],
        ),
        migratable(c"1g", c"NVMe 1 GiB", "1g", BY_CAPACITY, &[GIB, 512, QUEUES]),
        migratable(
            c"4g",
            c"NVMe 4 GiB",
            "4g",
            BY_CAPACITY,
            &[4 * GIB, 512, QUEUES],
        ),
        migratable(
            c"64m_4k",
            c"NVMe 64 MiB, 4096-byte blocks",
            "64m_4k",
            BY_CAPACITY_4K,
            &[64 * MIB, 4096, QUEUES],
        ),
        migratable(
            c"1g_4k",
            c"NVMe 1 GiB, 4096-byte blocks",
            "1g_4k",
            BY_CAPACITY_4K,
            &[GIB, 4096, QUEUES],
        ),
        Type {
            sysfs_name: c"64m_local",
            pretty_name: c"NVMe 64 MiB, local",
            description: c"NVMe 1.4 controller with one namespace that cannot be migrated",
            name: "64m_local",
            migration: None,
            like: &["64m_local"],
            params: &[64 * MIB, 512, QUEUES],
            pci: Some(&FUNCTION),
        },
    ];

    /// A parent as one device, as large as it is: of the same contract as the types by capacity.
    const WHOLE: Option<&'static Type> = Some(
        const {
            &migratable(
                c"whole",
                c"NVMe, whole",
                "whole",
                BY_CAPACITY,
                &[SMALLEST, 512, QUEUES],
            )
        },
    );

    const IDENTITY: Identity<'static> = Identity {
        model: "nvme1",
        state: 1,
        reads: (1, 1),
        features: feature::COMPARE | feature::DEALLOCATE | feature::WRITE_ZEROES,
    };

    fn cell() -> &'static Cell<Self> {
        &CELL
    }
}
