// SPDX-License-Identifier: GPL-2.0

//! An NVMe controller as a mediated device.
//!
//! | module | what it is |
//! |---|---|
//! | `types` | the static table: namespace, keys, types, interchangeable set |
//! | `parents` | what devices are made on: PCI functions, and parents without hardware |
//!
//! So far the devices can be made, found, compared and removed; they cannot be opened.

mod parents;
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
