// SPDX-License-Identifier: GPL-2.0

//! How much memory devices take, by what the machine uses more.

use crate::{
    meminfo::Meminfo,
    world::{fill, Made, World},
};
use measuring::{
    machine::{during, Result},
    sample::Cost,
};
use nvme_guest::controller::Guest;
use std::{fs, thread, time::Duration};

/// Devices of each kind that are made together, so that what else goes on counts for little.
const DEVICES: usize = 32;

/// Bytes a device.
pub(crate) struct Footprint {
    pub(crate) kind: &'static str,
    /// Made and never opened.
    pub(crate) made: f64,
    /// Open, and nothing written.
    pub(crate) open: f64,
}

/// What a device takes that has all of its media written.
pub(crate) struct Full {
    pub(crate) capacity: u64,
    pub(crate) taken: f64,
}

/// What the machine uses and could not give back, in bytes, once it has come to rest.
fn used() -> Result<f64> {
    let (mut last, mut same) = (0.0, 0);
    // What is freed later, by read-copy-update or by workers: until some looks agree.
    for _ in 0..200 {
        // Pages that are kept for this processor go to the others.
        fs::write("/proc/sys/vm/compact_memory", "1").map_err(during("compact_memory"))?;
        fs::write("/proc/sys/vm/drop_caches", "3").map_err(during("drop_caches"))?;
        thread::sleep(Duration::from_millis(20));
        let memory = Meminfo::read()?;
        let field = |name| memory.bytes(name);
        let idle =
            field("MemFree")? + field("Buffers")? + field("Cached")? + field("SReclaimable")?;
        let now = field("MemTotal")? - idle;
        same = if f64::abs(now - last) <= 16.0 * 1024.0 {
            same + 1
        } else {
            0
        };
        if same == 3 {
            return Ok(now);
        }
        last = now;
    }
    Err("the memory in use does not come to rest".to_owned())
}

/// How often so many more are made. None is removed before the end: what one leaves to the kernel's
/// pools the next one would take from there, and nothing would be seen.
const ROUNDS: usize = 5;

pub(crate) fn measure(world: &World) -> Result<(Vec<Footprint>, Full)> {
    // The full one comes first, and stays: memory of devices that are gone comes back when the kernel
    // likes.
    let device = world.device("256m", 1)?;
    let (guest, full) = full(&device)?;
    let mut all = Vec::new();
    let (mut devices, mut files) = (Vec::new(), Vec::new());
    for kind in ["16m", "256m", "1g"] {
        let (mut made, mut open) = (Vec::new(), Vec::new());
        // Once more at first, as the first devices of all make pools and directories.
        for round in 0..=ROUNDS {
            let before = used()?;
            for _ in 0..DEVICES {
                devices.push(world.device(kind, devices.len() + 2)?);
            }
            let with = used()?;
            for device in &devices[files.len()..] {
                files.push(device.target()?.open()?);
            }
            let opened = used()?;
            if round > 0 {
                made.push((with - before) / DEVICES as f64);
                open.push((opened - before) / DEVICES as f64);
            }
        }
        let [made, open] = [made, open].map(|samples| Cost::of(samples).median);
        all.push(Footprint { kind, made, open });
    }
    drop(guest);
    Ok((all, full))
}

/// Fills a device, whose guest goes on.
fn full(device: &Made) -> Result<(Guest, Full)> {
    let capacity = 256 << 20;
    let mut guest = device.guest()?;
    // Once, so that this process has all that it needs for it.
    fill(&mut guest, 1 << 20)?;
    guest.deallocate(1, &[(0, guest.namespace.blocks as u32)])?;
    let before = used()?;
    fill(&mut guest, capacity)?;
    let taken = used()? - before;
    Ok((guest, Full { capacity, taken }))
}
