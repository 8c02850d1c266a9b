// SPDX-License-Identifier: GPL-2.0

//! Whether the texts of a driver's table can be what the framework makes of them: names of
//! directories and files, and contents of files. Checked while the driver is compiled.

use crate::driver::{
    self,
    Driver, //
};

/// The most that a file shows, in bytes, its newline included: a page wherever pages are smallest.
const SHOWN: usize = 4096;

/// What else is in a device's directory: of the driver core, the mdev core, VFIO and ours.
const OF_DEVICE: &[&str] = &[
    "consumers",
    "dev",
    "driver",
    "driver_override",
    "firmware_node",
    "iommu",
    "iommu_group",
    "irqs",
    "mdev_type",
    "migration_accepts",
    "migration_version",
    "of_node",
    "online",
    "power",
    "removable",
    "remove",
    "state_version",
    "subsystem",
    "suppliers",
    "uevent",
    "vfio-dev",
    "waiting_for_supplier",
];

/// What else is in a parent's `settings`.
const OF_SETTINGS: &[&str] = &[
    "features",
    "model",
    "protocols",
    "state",
    "state_range",
    "whole",
];

/// Checks the names and texts of a driver's table.
pub(crate) const fn check<T: Driver>() {
    let budget = T::CONTRACT.params[T::BUDGET].key;
    assert!(
        !migcore::lists(OF_SETTINGS, budget),
        "the budget has the name of a setting"
    );
    assert!(
        !driver::settable::<T>() || !migcore::lists(OF_DEVICE, budget),
        "a settable parameter has the name of a file of every device"
    );
    let mut i = 0;
    while i < driver::rows::<T>() {
        let kind = driver::row::<T>(i);
        check_directory(kind.sysfs_name.to_bytes());
        let mut j = 0;
        while j < i {
            assert!(
                !same(
                    kind.sysfs_name.to_bytes(),
                    driver::row::<T>(j).sysfs_name.to_bytes()
                ),
                "two types have one sysfs_name"
            );
            j += 1;
        }
        let pretty_name = kind.pretty_name.to_bytes();
        check_text(pretty_name);
        assert!(
            !contains(pretty_name, b'\n'),
            "a pretty_name of more than one line"
        );
        check_text(kind.description.to_bytes());
        i += 1;
    }
}

/// Refuses what is no plain name of a directory.
const fn check_directory(name: &[u8]) {
    assert!(!name.is_empty(), "an empty sysfs_name");
    let mut i = 0;
    while i < name.len() {
        assert!(
            name[i].is_ascii_graphic() && name[i] != b'/',
            "a sysfs_name with a byte other than printable ASCII without space and /"
        );
        i += 1;
    }
}

/// Refuses what a file cannot show as a whole.
const fn check_text(text: &[u8]) {
    assert!(!text.is_empty(), "an empty pretty_name or description");
    assert!(
        text.len() < SHOWN,
        "a pretty_name or description that does not fit in a page"
    );
    assert!(
        core::str::from_utf8(text).is_ok(),
        "a pretty_name or description that is not UTF-8"
    );
}

const fn contains(text: &[u8], byte: u8) -> bool {
    let mut i = 0;
    while i < text.len() {
        if text[i] == byte {
            return true;
        }
        i += 1;
    }
    false
}

const fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let mut i = 0;
    while i < a.len() {
        if a[i] != b[i] {
            return false;
        }
        i += 1;
    }
    true
}
