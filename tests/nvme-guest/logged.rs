// SPDX-License-Identifier: GPL-2.0

//! Whether the device's log of written memory is true: the pages of what it read from the media and of
//! its completions, and no others.

use crate::{Settings, Task};
use nvme::spec::{completion, PAGE};
use nvme_guest::{
    blocks::Place,
    controller::Guest,
    during, equal,
    memory::{self, Memory, BASE, SIZE},
    migration::Client,
    Result,
};
use std::{
    collections::BTreeSet,
    fmt::Display,
    rc::Rc,
    time::{Duration, Instant},
};
use vfio_client::{
    device::{PROBE, SET},
    log,
};

pub(crate) const TASKS: &[Task] = &[Task {
    name: "logged",
    says: "the device's log has the pages that it wrote, and no others",
    run: logged,
}];

/// How long the device may take to enter what it wrote.
const LIMIT: Duration = Duration::from_secs(20);

/// The pages that a write of so many bytes at an offset of the guest's memory touches.
fn pages(offset: usize, length: usize) -> impl Iterator<Item = u64> {
    let page = |at: usize| Memory::address(at / PAGE * PAGE);
    (page(offset)..=page(offset + length - 1)).step_by(PAGE)
}

/// What is dirty in all of the guest's memory, in pages of 4 KiB.
fn dirty(guest: &Guest) -> Result<BTreeSet<u64>> {
    let found = log::report(&guest.device, PAGE as u64, BASE, SIZE as u64);
    Ok(found.map_err(during("REPORT"))?.into_iter().collect())
}

/// Wrong unless these pages are what becomes dirty. What is written can be seen before it is in the
/// log, where a later report has it.
fn becomes_dirty(guest: &Guest, what: impl Display, wanted: BTreeSet<u64>) -> Result {
    let end = Instant::now() + LIMIT;
    let mut found = dirty(guest)?;
    while !found.is_superset(&wanted) && Instant::now() < end {
        found.extend(dirty(guest)?);
    }
    equal(what, found, wanted)?;
    equal("asked again", dirty(guest)?, BTreeSet::new())
}

/// Where the next completion of a queue will be.
fn next_completion(guest: &Guest, queue: u16) -> BTreeSet<u64> {
    let pair = &guest.queues[usize::from(queue)];
    let at = pair.cq + usize::from(pair.head()) * completion::SIZE;
    pages(at, completion::SIZE).collect()
}

fn logged(settings: &Settings) -> Result {
    let mut guest = settings.guest()?;
    if guest
        .device
        .feature(PROBE | SET | log::START, &mut [])
        .is_err()
    {
        return Err("the device keeps no log".to_owned());
    }
    let whole = [(BASE, SIZE as u64)];
    let start =
        |guest: &Guest, size: u64| log::start(&guest.device, size, &whole).map_err(during("START"));
    let stop = |guest: &Guest| log::stop(&guest.device).map_err(during("STOP"));

    equal(
        "the page size taken",
        start(&guest, PAGE as u64)?,
        PAGE as u64,
    )?;
    equal("before anything", dirty(&guest)?, BTreeSet::new())?;
    reads(&mut guest, settings)?;

    // What the device only reads is clean.
    let mut wanted = next_completion(&guest, 1);
    guest.write_at(
        1,
        0,
        &vec![0x77; 8 * PAGE],
        Place {
            slot: 2,
            ..Place::default()
        },
    )?;
    becomes_dirty(&guest, "a write to the media", wanted)?;

    // Commands of administration.
    wanted = next_completion(&guest, 0);
    wanted.extend(pages(memory::ADMIN_DATA, PAGE));
    guest.identify_namespace()?;
    becomes_dirty(&guest, "Identify", wanted)?;
    wanted = next_completion(&guest, 0);
    wanted.extend(pages(memory::ADMIN_DATA, 512));
    guest.health()?;
    becomes_dirty(&guest, "Get Log Page", wanted)?;

    stopped(&mut guest, settings)?;
    stop(&guest)?;

    // In larger pages, and reported in smaller ones: all of the large page.
    let large = 1 << 16;
    equal("the page size taken", start(&guest, large)?, large)?;
    guest.read_at(
        1,
        0,
        PAGE,
        Place {
            slot: 3,
            ..Place::default()
        },
    )?;
    let wanted: BTreeSet<u64> = [memory::cq(1), memory::slot(3)]
        .into_iter()
        .flat_map(|at| pages(at / (1 << 16) * (1 << 16), 1 << 16))
        .collect();
    becomes_dirty(&guest, "a log in pages of 64 KiB", wanted)?;
    stop(&guest)?;

    // What is not asked for is not lost.
    start(&guest, PAGE as u64)?;
    guest.read_at(
        1,
        0,
        PAGE,
        Place {
            slot: 4,
            ..Place::default()
        },
    )?;
    let here = Memory::address(memory::slot(4));
    let answer = log::report(&guest.device, PAGE as u64, here, PAGE as u64);
    equal("REPORT of one page", answer, Ok(vec![here]))?;
    let rest = pages(memory::cq(1), 1).collect();
    becomes_dirty(&guest, "REPORT of the rest", rest)?;
    stop(&guest)
}

/// Reads of any length to any place: what comes from the media, and its completion.
fn reads(guest: &mut Guest, settings: &Settings) -> Result {
    let mut random = nvme_guest::content::Random::new(settings.seed);
    let block = guest.namespace.block;
    for round in 0..60 {
        let queue = 1 + random.below(guest.io_queues().into()) as u16;
        let length = (1 + random.below((nvme::MAX_TRANSFER / block) as u64 / 2)) as usize * block;
        let place = Place {
            slot: random.below(memory::SLOT_COUNT as u64) as usize,
            start: random.below((PAGE / 4) as u64) as usize * 4,
            chained: random.once_in(2),
        };
        let mut wanted = next_completion(guest, queue);
        wanted.extend(pages(memory::slot(place.slot) + place.start, length));
        guest.read_at(queue, 0, length, place)?;
        let what = format!("read {round} of {length} bytes, {place:?}");
        becomes_dirty(guest, what, wanted)?;
    }
    Ok(())
}

/// A client's last look: when the device is stopped, all that it wrote is in the log, and no more comes.
fn stopped(guest: &mut Guest, settings: &Settings) -> Result {
    let device = Rc::clone(&guest.device);
    let mut client = Client::new(&device, settings.protocol)?;
    client.begin_save().map_err(during("begin a save"))?;
    let mut wanted = BTreeSet::new();
    for slot in 0..4 {
        let pair = &guest.queues[1];
        let at = pair.cq + (usize::from(pair.head()) + slot) * completion::SIZE;
        wanted.extend(pages(at, completion::SIZE));
        let place = Place {
            slot,
            ..Place::default()
        };
        wanted.extend(pages(memory::slot(slot), PAGE));
        let command = guest.with_data(nvme::spec::opcode::nvm::READ, 0, PAGE, place);
        guest.submit(1, command)?;
    }
    client.stop_and_copy().map_err(during("stop"))?;
    let first = dirty(guest)?;
    if !first.is_subset(&wanted) {
        return Err(format!("stopped: {first:x?} is dirty, of {wanted:x?}"));
    }
    equal(
        "nothing more when it is stopped",
        dirty(guest)?,
        BTreeSet::new(),
    )?;
    client.stop().map_err(during("end the save"))?;
    client.run().map_err(during("run"))?;
    for _ in 0..4 {
        guest.wait(1)?.good("a read over the stop")?;
    }
    let end = Instant::now() + LIMIT;
    let mut all = first;
    while all != wanted && Instant::now() < end {
        all.extend(dirty(guest)?);
    }
    equal("before and after the stop together", all, wanted)
}
