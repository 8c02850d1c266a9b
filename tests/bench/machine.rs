// SPDX-License-Identifier: GPL-2.0

//! Modules, types and devices of the machine that is measured.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    process::Command,
};

/// What can go wrong, as told to people.
pub type Result<T> = std::result::Result<T, String>;

/// Says what was done when it failed.
pub fn during(what: impl std::fmt::Display) -> impl FnOnce(io::Error) -> String {
    move |error| format!("{what}: {error}")
}

/// A module that this process has loaded.
pub struct Loaded(String);

impl Loaded {
    /// Loads the module in file `path`.
    pub fn new(path: &str, parameters: &[&str]) -> Result<Self> {
        command(Command::new("insmod").arg(path).args(parameters))?;
        let stem = Path::new(path).file_stem().unwrap_or_default();
        Ok(Self(stem.to_string_lossy().into_owned()))
    }

    /// Unloads it.
    pub fn unload(self) -> Result<()> {
        command(Command::new("rmmod").arg(&self.0))
    }
}

fn command(command: &mut Command) -> Result<()> {
    let status = command.status().map_err(during(format!("{command:?}")))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("{command:?}: {status}"))
    }
}

/// A type of devices on a parent.
pub struct Type {
    /// Its directory.
    pub directory: PathBuf,
    parent: PathBuf,
    create: File,
}

impl Type {
    /// The type `id` of the parent `parent`.
    pub fn find(parent: &str, id: &str) -> Result<Self> {
        let parent = Path::new("/sys/class/mdev_bus").join(parent);
        let parent = fs::canonicalize(&parent).map_err(during(parent.display()))?;
        let directory = parent.join("mdev_supported_types").join(id);
        let create = open_to_write(&directory.join("create"))?;
        Ok(Self {
            directory,
            parent,
            create,
        })
    }

    /// Writes a file of its parent.
    pub fn set_parent(&self, file: &str, value: &str) -> Result<()> {
        let path = self.parent.join(file);
        fs::write(&path, value).map_err(during(format!("{value} to {}", path.display())))
    }

    /// Makes a device.
    pub fn create(&self, uuid: &str) -> io::Result<()> {
        (&self.create).write_all(uuid.as_bytes())
    }
}

/// Opens a file for writing only.
pub fn open_to_write(path: &Path) -> Result<File> {
    OpenOptions::new()
        .write(true)
        .open(path)
        .map_err(during(path.display()))
}

/// The directory of a device.
pub fn device(uuid: &str) -> PathBuf {
    Path::new("/sys/bus/mdev/devices").join(uuid)
}

/// The UUID of a number.
pub fn uuid(number: usize) -> String {
    format!("00000000-0000-4000-8000-{number:012x}")
}

/// Devices that stay while something else is measured.
pub struct Fleet<'a> {
    of: &'a Type,
    count: usize,
}

impl<'a> Fleet<'a> {
    /// No device of the type `of` yet.
    pub fn new(of: &'a Type) -> Self {
        Self { of, count: 0 }
    }

    /// Makes devices until there are `count`.
    pub fn grow(&mut self, count: usize) -> Result<()> {
        for number in self.count..count {
            let doing = || format!("device {number} in {}", self.of.directory.display());
            self.of.create(&uuid(number)).map_err(during(doing()))?;
            self.count = number + 1;
        }
        Ok(())
    }

    /// The first device that was made, if there is one.
    pub fn oldest(&self) -> String {
        uuid(0)
    }

    /// The last one.
    pub fn newest(&self) -> String {
        uuid(self.count.saturating_sub(1))
    }

    /// A UUID that no device of the fleet has.
    pub fn unused(&self) -> String {
        uuid(usize::MAX >> 16)
    }

    /// Removes all, last made first removed: the core looks for a device from that end.
    pub fn clear(mut self) -> Result<()> {
        while self.count > 0 {
            self.count -= 1;
            let path = device(&uuid(self.count)).join("remove");
            fs::write(&path, "1").map_err(during(path.display()))?;
        }
        Ok(())
    }
}
