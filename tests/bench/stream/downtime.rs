// SPDX-License-Identifier: GPL-2.0

//! How long a device is stopped, and how much is sent meanwhile, against how much it holds.

use crate::{
    meminfo::Meminfo,
    world::{fill, World},
};
use measuring::{machine::Result, sample::nanoseconds};
use nvme_guest::{
    blocks::Place,
    content::Random,
    migration::{Client, Protocol, Read},
};
use std::{collections::BTreeSet, rc::Rc, time::Instant};
use vfio_client::sys::Answer;

const MIB: u64 = 1 << 20;
const PAGE: usize = 4096;

/// Types, and how much of each is written.
const SIZES: [(&str, u64); 3] = [("256m", 256 * MIB), ("1g", 1024 * MIB), ("4g", 4096 * MIB)];

/// Memory beside the contents of source and target.
const BESIDE: u64 = 512 * MIB;

/// Pages that are written after they were sent, anywhere in the media.
pub(crate) const DIRTY: usize = 1024;

/// What came out for a device.
pub(crate) struct Stop {
    /// How much it holds.
    pub(crate) written: u64,
    /// From the request to stop until the target runs.
    pub(crate) time: f64,
    /// What of it is reading and writing the rest.
    pub(crate) moving: f64,
    /// How much was sent meanwhile.
    pub(crate) bytes: usize,
}

/// # Errors
///
/// Something failed, or there is too little memory for the largest device twice: what is flat cannot
/// be told without it.
pub(crate) fn measure(world: &World) -> Result<Vec<(Protocol, Vec<Stop>)>> {
    let most = SIZES.iter().map(|(_, written)| written).max();
    let needed = 2 * most.unwrap_or(&0) + BESIDE;
    // CAST: below 2^53.
    let free = Meminfo::read()?.bytes("MemAvailable")? as u64;
    if free < needed {
        return Err(format!(
            "how long devices are stopped is not measured: that takes {} MiB of memory, and {} are \
             free; give the machine more by VM_MEM",
            needed / MIB,
            free / MIB
        ));
    }
    let all = Protocol::BOTH.into_iter().map(|protocol| {
        let of = |(kind, written)| stop(world, protocol, kind, written);
        Ok((protocol, SIZES.into_iter().map(of).collect::<Result<_>>()?))
    });
    all.collect()
}

fn stop(world: &World, protocol: Protocol, kind: &str, written: u64) -> Result<Stop> {
    let (source, target) = (world.device(kind, 1)?, world.device(kind, 2)?);
    let mut guest = source.guest()?;
    fill(&mut guest, written)?;
    let device = Rc::clone(&guest.device);
    let other = target.target()?.open()?;
    guest.memory.map(&other)?;
    let mut saving = Client::new(&device, protocol)?;
    let mut loading = Client::new(&other, protocol)?;
    let mut buffer = vec![0; saving.chunk().max(loading.chunk())];
    let mut pass = |saving: &mut Client<'_>, loading: &mut Client<'_>| -> Answer<usize> {
        let mut sent = 0;
        while let Read::Bytes(count) = saving.read(&mut buffer)? {
            loading.write(&buffer[..count], count)?;
            sent += count;
        }
        Ok(sent)
    };
    let failed = |what: &'static str| move |errno: nix::errno::Errno| format!("{what}: {errno}");
    loading.begin_load().map_err(failed("begin a load"))?;
    saving.begin_save().map_err(failed("begin a save"))?;
    pass(&mut saving, &mut loading).map_err(failed("pre-copy"))?;

    let mut random = Random::new(written);
    let mut pages = BTreeSet::new();
    while pages.len() < DIRTY {
        pages.insert(random.below(written / PAGE as u64));
    }
    let data = random.bytes(PAGE);
    let blocks = (PAGE / guest.namespace.block) as u64;
    for page in pages {
        guest.write_at(1, page * blocks, &data, Place::default())?;
    }

    let start = Instant::now();
    saving.stop_and_copy().map_err(failed("stop"))?;
    let between = Instant::now();
    let bytes = pass(&mut saving, &mut loading).map_err(failed("stop-and-copy"))?;
    let moving = nanoseconds(between.elapsed());
    loading.stop().map_err(failed("commit"))?;
    loading.run().map_err(failed("run"))?;
    let time = nanoseconds(start.elapsed());
    saving.stop().map_err(failed("end a save"))?;
    Ok(Stop {
        written,
        time,
        moving,
        bytes,
    })
}
