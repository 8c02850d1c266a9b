// SPDX-License-Identifier: GPL-2.0

//! A directory that looks like sysfs, with links where the kernel has them.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

pub(crate) const UUID_16M: &str = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001";
pub(crate) const UUID_64M: &str = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1002";
pub(crate) const UUID_LOCAL: &str = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1003";

/// The interchangeable set of the types below.
const LIKE: &str = "whole|16m|64m|1g";
const MIB: u64 = 1 << 20;

pub(crate) struct Tree {
    directory: TempDir,
}

/// The string of a type as it comes, or of a device of it with another capacity.
pub(crate) fn version(type_name: &str, capacity: u64) -> String {
    format!(
        "mdev_nvme/1,model=nvme1,type={type_name},capacity={capacity},lba=512,queues=16,state=2,features=0x7"
    )
}

/// Fields that no target of the tests knows, with a comma before each.
pub(crate) fn unknown_keys(count: u32) -> String {
    (0..count).fold(String::new(), |keys, n| keys + &format!(",k{n}=1"))
}

/// What a type accepts on a parent of this capacity.
pub(crate) fn type_accepts(type_name: &str, capacity: u64, total: u64) -> String {
    format!(
        "mdev_nvme/1,model=nvme1,type={type_name},capacity={capacity}..{total}/{capacity},lba=512,queues=1..16,state=2..3,features=&0x7,x-like={LIKE}"
    )
}

/// What a device accepts.
pub(crate) fn device_accepts(capacity: u64) -> String {
    format!(
        "mdev_nvme/1,model=nvme1,type={LIKE},capacity={capacity},lba=512,queues=1..16,state=2..3,features=&0x7"
    )
}

impl Tree {
    /// No mdev module, no VFIO.
    pub(crate) fn empty() -> Self {
        let tree = Self {
            directory: TempDir::new().expect("a temporary directory"),
        };
        fs::create_dir(tree.path().join("sys")).expect("sys");
        tree
    }

    /// Two parents with types of which one is not migratable and one is used up, mdev devices,
    /// and devices given to VFIO whole.
    pub(crate) fn host() -> Self {
        let tree = Self::empty();
        let total = 1024 * MIB;
        for (name, size, available) in [("16m", 16, 59), ("64m", 64, 14), ("1g", 1024, 0)] {
            let size = size * MIB;
            tree.mdev_type("mdev_nvme0", &format!("mdev_nvme-{name}"), available);
            tree.nodes(
                &type_path("mdev_nvme0", &format!("mdev_nvme-{name}")),
                &version(name, size),
                &type_accepts(name, size, total),
            );
        }
        tree.mdev_type("mdev_nvme0", "mdev_nvme-64m_local", 14);
        tree.mdev_type("mtty", "mtty-1", 23);
        tree.nodes(
            &type_path("mtty", "mtty-1"),
            "mdev_mtty/1,model=pci16550,type=mtty-1,ports=1,state=1",
            "mdev_mtty/1,model=pci16550,type=mtty-1,ports=1,state=1..1,x-like=mtty-1",
        );
        let mdevs = [
            (UUID_16M, "mdev_nvme-16m", Some(("16m", 64 * MIB))),
            (UUID_64M, "mdev_nvme-64m", Some(("64m", 64 * MIB))),
            (UUID_LOCAL, "mdev_nvme-64m_local", None),
        ];
        for (number, (uuid, type_id, lines)) in mdevs.into_iter().enumerate() {
            let device = tree.mdev(uuid, "mdev_nvme0", type_id, number);
            if let Some((name, capacity)) = lines {
                tree.nodes(&device, &version(name, capacity), &device_accepts(capacity));
            }
        }
        let whole = tree.vfio("devices/pci0000:00/0000:00:05.0", 7);
        tree.nodes(
            &whole,
            "acme/1,model=a1,type=whole,state=3",
            "acme/1,model=a1,type=whole|big,state=2..3",
        );
        // Given to VFIO by a driver that cannot migrate: no place.
        tree.vfio("devices/pci0000:00/0000:00:06.0", 8);
        tree
    }

    /// The same, and a function that a driver with types offers whole, on a child of its own.
    pub(crate) fn host_with_whole(capacity: u64) -> Self {
        let tree = Self::host();
        let child = "devices/pci0000:00/0000:00:07.0/mdev_nvme.whole.0";
        tree.vfio(child, 9);
        fs::create_dir_all(tree.path().join("sys/bus/auxiliary")).expect("folders");
        tree.link(&format!("sys/{child}/subsystem"), "sys/bus/auxiliary");
        tree.nodes(
            child,
            &version("whole", capacity),
            &device_accepts(capacity),
        );
        tree
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// A file of this text beside `sys`.
    pub(crate) fn file(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
        fs::write(path, text).expect("a file");
    }

    /// The two nodes of a place.
    pub(crate) fn nodes(&self, place: &str, version: &str, accepts: &str) {
        self.file(
            &format!("sys/{place}/migration_version"),
            format!("{version}\n"),
        );
        self.file(
            &format!("sys/{place}/migration_accepts"),
            format!("{accepts}\n"),
        );
    }

    /// A type, and its parent with it.
    pub(crate) fn mdev_type(&self, parent: &str, id: &str, available: u64) {
        let directory = format!("sys/{}", type_path(parent, id));
        self.file(
            &format!("{directory}/available_instances"),
            format!("{available}\n"),
        );
        self.file(&format!("{directory}/device_api"), "vfio-pci\n");
        self.file(&format!("{directory}/name"), format!("{id} namespace\n"));
        self.file(&format!("{directory}/description"), "one controller\n");
        self.link(
            &format!("sys/class/mdev_bus/{parent}"),
            &format!("sys/{}", parent_path(parent)),
        );
    }

    /// An mdev device, and its VFIO device.
    pub(crate) fn mdev(&self, uuid: &str, parent: &str, type_id: &str, number: usize) -> String {
        let device = format!("{}/{uuid}", parent_path(parent));
        self.vfio(&device, number);
        self.link(
            &format!("sys/{device}/mdev_type"),
            &format!("sys/{}", type_path(parent, type_id)),
        );
        self.link(
            &format!("sys/bus/mdev/devices/{uuid}"),
            &format!("sys/{device}"),
        );
        device
    }

    /// A device that VFIO has.
    pub(crate) fn vfio(&self, device: &str, number: usize) -> String {
        let own = format!("sys/{device}/vfio-dev/vfio{number}");
        fs::create_dir_all(self.path().join(&own)).expect("folders");
        self.link(&format!("{own}/device"), &format!("sys/{device}"));
        self.link(&format!("sys/class/vfio-dev/vfio{number}"), &own);
        device.to_owned()
    }

    fn link(&self, from: &str, to: &str) {
        let from = self.path().join(from);
        fs::create_dir_all(from.parent().expect("a folder")).expect("folders");
        if !from.exists() {
            symlink(self.path().join(to), from).expect("a link");
        }
    }
}

fn parent_path(parent: &str) -> String {
    format!("devices/virtual/mdev/{parent}")
}

/// Where a type is, below `sys`.
pub(crate) fn type_path(parent: &str, id: &str) -> String {
    format!("{}/mdev_supported_types/{id}", parent_path(parent))
}

/// The directory of a type as the program itself names it.
pub(crate) fn type_directory(tree: &Tree, parent: &str, id: &str) -> PathBuf {
    tree.path().join("sys").join(type_path(parent, id))
}
