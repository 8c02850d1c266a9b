// SPDX-License-Identifier: GPL-2.0

//! An NVMe controller as a mediated device.
//!
//! | module | what it is |
//! |---|---|
//! | `types` | the static table: namespace, keys, types, interchangeable sets |
//! | `function` | what a device is on its PCI bus |
//! | `parents` | what devices are made on: PCI functions, and parents without hardware |
//! | `store` | where a device's blocks are: in RAM, or in the parent's BAR |
//! | `disk`, `disk::migration` | a device: the drive, and how it is migrated |
//! | `surroundings` | guest memory, interrupts and time, as the controller sees them |
//!
//! What the controller does is in the crate `nvme`.

mod disk;
mod function;
mod parents;
mod store;
mod surroundings;
mod types;

use kernel::prelude::*;

module! {
    type: parents::NvmeModule,
    name: "mdev_nvme",
    authors: ["mdev-migration project"],
    description: "NVMe controllers as mediated devices that say what they can be migrated to",
    license: "GPL",
    params: {
        virtual_parents: u32 {
            default: 1,
            description: "Parents without hardware, 0 to 256 (class mdev_nvme)",
        },
    },
}
