// SPDX-License-Identifier: GPL-2.0

//! The module, its parent, and devices that are made for a moment.

use measuring::machine::{device, uuid, Loaded, Result, Type};
use nvme_guest::{content::Random, controller::Guest, interrupts::Kind};
use std::fs;
use vfio_client::target::Target;

/// What the parent may give to devices, in bytes.
const CAPACITY: u64 = 1 << 40;

/// The module with a parent that has no hardware.
pub(crate) struct World {
    module: Loaded,
}

impl World {
    pub(crate) fn new(modules: &str) -> Result<Self> {
        let module = Loaded::new(&format!("{modules}/mdev-nvme.ko"), &[])?;
        let any = Type::find("mdev_nvme0", "mdev_nvme-16m")?;
        any.set_parent("settings/capacity", &CAPACITY.to_string())?;
        Ok(Self { module })
    }

    /// Makes a device.
    pub(crate) fn device(&self, kind: &str, number: usize) -> Result<Made> {
        let kind = Type::find("mdev_nvme0", &format!("mdev_nvme-{kind}"))?;
        let uuid = uuid(number);
        let made = kind.create(&uuid);
        made.map_err(|error| format!("device {uuid}: {error}"))?;
        Ok(Made(uuid))
    }

    pub(crate) fn end(self) -> Result<()> {
        self.module.unload()
    }
}

/// A device, which is removed with this.
pub(crate) struct Made(String);

impl Made {
    pub(crate) fn target(&self) -> Result<Target> {
        Target::find(&self.0, false)
    }

    /// A guest that has brought it up.
    pub(crate) fn guest(&self) -> Result<Guest> {
        Guest::up(&self.target()?, Kind::Msix, 64)
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        if let Err(error) = fs::write(device(&self.0).join("remove"), "1") {
            eprintln!("removing {}: {error}", self.0);
        }
    }
}

/// Writes all of the first bytes of the media.
pub(crate) fn fill(guest: &mut Guest, bytes: u64) -> Result<()> {
    let part = Random::new(bytes).bytes(nvme_guest::MAX_TRANSFER);
    for at in (0..bytes).step_by(part.len()) {
        guest.write_media(1, at, &part)?;
    }
    Ok(())
}
