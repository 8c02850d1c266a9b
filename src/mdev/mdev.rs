// SPDX-License-Identifier: GPL-2.0

//! Mediated devices with `migration_version`: what a vendor driver is built on.
//!
//! C headers: [`include/linux/mdev.h`](srctree/include/linux/mdev.h),
//! [`include/linux/vfio.h`](srctree/include/linux/vfio.h)
//!
//! A driver is a table and a registration. From the table come the types, their files at both
//! nodes, the budget that `available_instances` is computed from, the settable parameters and all
//! verdicts; there is no code of the driver in any of them.
//!
//! This is a whole one, the sample that comes with the framework:
//!
//! ```ignore
#![doc = include_str!("../../samples/mdev_mtty.rs")]
//! ```
//!
//! | module | what it is |
//! |---|---|
//! | `driver` | the table a driver writes, and its registration on the mdev bus |
//! | `parent` | a device that devices can be made on, and what they share |
//! | `mtype` | the types of a parent and their files |
//! | `seat` | a row of the table on a parent: what a type and its devices have in common |
//! | `device`, `device_files` | a created device and its files |
//! | `stated` | what a device states and accepts |
//! | `function` | what a driver writes of a device that can be opened |
//! | `vfio`, `info` | what VFIO calls and asks of an open device |
//! | `state`, `gate` | opening, closing, reset, and what a device may do when |
//! | `migrate`, `snapshot` | what a driver writes so that its devices can be migrated |
//! | `protocols` | through which client interfaces |
//! | `migration` | the machine of a device, and what it asks of it |
//! | `v1`, `v2`, `data_file` | the two client interfaces |
//! | `region`, `config` | accesses to BARs and configuration space |
//! | `irq`, `set_irqs` | interrupts, and how the user attaches to them |
//! | `memory` | guest memory |
//! | `log`, `logging` | what a device wrote of it, for whoever migrates it |
//! | `worker` | the thread of an open device |
//! | `pages`, `opener` | memory for what a device holds, and who pays for it |
//! | `question` | a write to `migration_version`, from bytes to errno and log line |
//! | `settings` | what a tester can make a parent say of itself |
//! | `whole` | a parent offered whole, without mdev |
//! | `class`, `pci` | parents without hardware, and what a PCI function has to offer |
//! | `names` | whether a table's texts can be names and contents of files |
//! | `sysfs`, `kobject`, `limit` | files, lifetimes, and rate limits, as the above need them |
//! | `residence` | what must be gone before the module's code is |

/// For the few lines that have no device to name.
const __LOG_PREFIX: &[u8] = b"mdev\0";

mod bindings;
mod class;
mod config;
mod data_file;
mod device;
mod device_files;
mod driver;
mod function;
mod gate;
mod info;
mod irq;
mod kobject;
mod limit;
#[cfg_attr(not(CONFIG_IOMMUFD_DRIVER), path = "log_absent.rs")]
mod log;
#[cfg(CONFIG_IOMMUFD_DRIVER)]
mod logging;
mod memory;
mod migrate;
mod migration;
mod mtype;
mod names;
mod opener;
mod pages;
mod parent;
pub mod pci;
mod protocols;
mod question;
mod region;
mod registers;
mod residence;
mod seat;
mod set_irqs;
mod settings;
mod shared;
mod snapshot;
mod state;
mod stated;
mod sysfs;
mod v1;
mod v2;
mod vfio;
mod whole;
mod worker;

pub use self::class::{
    Class,
    VirtualParent,
    VirtualParents, //
};
pub use self::driver::{
    Cell,
    Driver,
    Registration,
    Type, //
};
pub use self::function::{
    Context,
    Device,
    New,
    NoDevice, //
};
pub use self::irq::{
    Interrupts,
    Mode as InterruptMode, //
};
pub use self::memory::{
    GuestMemory,
    Pinned,
    MAX_PINNED, //
};
pub use self::migrate::{
    Migrate,
    Unfit, //
};
pub use self::pages::{
    copy_page,
    Pages, //
};
pub use self::parent::{
    Parent,
    Total, //
};
pub use self::protocols::Protocols;
pub use self::registers::{
    Card,
    Registers,
    Stored, //
};
pub use self::snapshot::{
    Snapshot,
    Whole, //
};
pub use migcore::config::{
    Bar,
    Layout as PciFunction,
    Msix, //
};
pub use migcore::migration::{
    Activity,
    Borrower,
    Pending,
    Phase, //
};
pub use migcore::stream::{
    Kind,
    Taken, //
};
pub use migcore::{
    Contract,
    Identity,
    Param,
    ParamRule,
    Source, //
};
