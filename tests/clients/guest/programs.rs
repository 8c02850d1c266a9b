// SPDX-License-Identifier: GPL-2.0
//! The disk with programs, which becomes the root of the guest.

use std::ffi::CStr;
use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::mount::MountFlags;

use crate::{mount_at, mount_system, Failure};

/// Names of the modules to load, by order, and where the disk is mounted before it is entered.
const ORDER: &str = "/order";
const PROGRAMS: &str = "/programs";
/// A disk is there some moments after its driver is.
const APPEARS: Duration = Duration::from_secs(60);

/// Loads what finds the disk, mounts it and makes it the root. The disk is never written.
pub(crate) fn enter(disk: &str) -> Result<(), Failure> {
    for path in fs::read_to_string(ORDER)?.lines() {
        load(path).map_err(|error| format!("{path}: {error}"))?;
    }
    let begin = Instant::now();
    while !Path::new(disk).exists() {
        if begin.elapsed() > APPEARS {
            return Err(format!("no {disk} after {} s", APPEARS.as_secs()).into());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let root = Path::new(PROGRAMS);
    mount_at(disk, "ext4", root, MountFlags::RDONLY)?;
    mount_system(root)?;
    for folder in ["tmp", "run", "mnt"] {
        mount_at("tmpfs", "tmpfs", &root.join(folder), MountFlags::empty())?;
    }
    rustix::process::chroot(root)?;
    std::env::set_current_dir("/")?;
    Ok(())
}

fn load(path: &str) -> Result<(), Failure> {
    const NO_PARAMETERS: &CStr = c"";
    rustix::system::finit_module(File::open(path)?, NO_PARAMETERS, 0)?;
    Ok(())
}
