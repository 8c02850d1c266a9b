// SPDX-License-Identifier: GPL-2.0

//! Migrations of a device that is at work.

use crate::{Settings, Task};
use nvme::{
    spec::{feature, identify, log::health, opcode::nvm, PAGE},
    MAX_TRANSFER,
};
use nvme_guest::{
    blocks::Place,
    content::Random,
    controller::Guest,
    during, ensure, equal,
    migration::{Client, Protocol, Read},
    Result,
};
use std::{collections::BTreeSet, rc::Rc};
use vfio_client::{sys::Pages, target::Target};

pub(crate) const TASKS: &[Task] = &[
    Task {
        name: "move",
        says: "to --peer and back while the media is written: media, log, identity, commands in flight",
        run: there_and_back,
    },
    Task {
        name: "save",
        says: "reads the contents out, as often as a first pass is worth, and says how long it took",
        run: save,
    },
    Task {
        name: "exact",
        says: "stop-and-copy has the pages that are dirty, and no others",
        run: exact,
    },
    Task {
        name: "initial",
        says: "the first pass ends however fast the guest writes, and what is dirty is told truly (v2)",
        run: initial,
    },
];

/// A guest, and what its media must be.
pub(crate) struct Busy {
    pub(crate) guest: Guest,
    pub(crate) media: Vec<u8>,
    random: Random,
    /// The first number of pages of the media, in which it writes.
    span: u64,
}

impl Busy {
    /// Brings a controller up and writes here and there in the first bytes of its media, whose other
    /// contents must be zeroes.
    pub(crate) fn new(settings: &Settings, writes: usize) -> Result<Self> {
        let mut guest = settings.guest()?;
        let size = guest.namespace.bytes().min(settings.bytes.max(1 << 20));
        let blocks = guest.namespace.blocks;
        guest.deallocate(1, &[(0, u32::try_from(blocks).unwrap_or(u32::MAX))])?;
        let mut busy = Self {
            guest,
            media: vec![0; size as usize],
            random: Random::new(settings.seed),
            span: size / PAGE as u64,
        };
        for _ in 0..writes {
            busy.write()?;
        }
        Ok(busy)
    }

    /// Does something to the media: mostly writes a few blocks.
    pub(crate) fn write(&mut self) -> Result {
        let block = self.guest.namespace.block;
        let longest = if self.random.once_in(8) {
            MAX_TRANSFER
        } else {
            4 * PAGE
        };
        let longest = longest.min(self.media.len() / 2);
        let length = (1 + self.random.below((longest / block) as u64)) as usize * block;
        let at = self
            .random
            .below(((self.media.len() - length) / block) as u64 + 1) as usize
            * block;
        let lba = (at / block) as u64;
        let queue = 1 + self.random.below(self.guest.io_queues().into()) as u16;
        let part = &mut self.media[at..at + length];
        match self.random.below(8) {
            0 => {
                part.fill(0);
                self.guest
                    .deallocate(queue, &[(lba, (length / block) as u32)])
            }
            1 => {
                part.fill(0);
                self.guest.write_zeroes(queue, lba, (length / block) as u64)
            }
            _ => {
                self.random.fill(part);
                self.guest.write_at(queue, lba, part, Place::default())
            }
        }
    }

    /// Wrong unless the media is what it must be.
    pub(crate) fn check(&mut self) -> Result {
        self.guest.check_media(&self.media)
    }
}

/// What a guest knows its controller by.
fn identity(guest: &mut Guest) -> Result<Vec<u8>> {
    let mut bytes = guest.identify(identify::CONTROLLER, 0)?;
    let mut space = guest.identify(identify::NAMESPACE, 1)?;
    // What is in use changes as it is used.
    identify::namespace::NUSE.put(&mut space, 0);
    bytes.extend(space);
    bytes.extend(guest.identify(identify::DESCRIPTORS, 1)?);
    Ok(bytes)
}

fn save(settings: &Settings) -> Result {
    let guest = settings.guest()?;
    let mut client = Client::new(&guest.device, settings.protocol)?;
    let mut buffer = vec![0; client.chunk()];
    for _ in 0..3 {
        let (start, mut sent) = (std::time::Instant::now(), 0);
        client.begin_save().map_err(during("begin a save"))?;
        while let Read::Bytes(count) = client.read(&mut buffer).map_err(during("pre-copy"))? {
            sent += count;
        }
        println!("{sent} bytes in {:?}", start.elapsed());
        client.run().map_err(during("end a save"))?;
    }
    Ok(())
}

fn there_and_back(settings: &Settings) -> Result {
    let mut busy = Busy::new(settings, 40)?;
    let peer = settings.peer()?;
    for (round, target) in [peer, &settings.target, peer].into_iter().enumerate() {
        let round = round as u64;
        if round == 1 {
            busy.guest.shadow()?;
        }
        travel(&mut busy, target, settings.protocol, 300 + round)
            .map_err(|text| format!("journey {round}: {text}"))?;
        for _ in 0..20 {
            busy.write()?;
        }
    }
    busy.check()
}

fn travel(busy: &mut Busy, target: &Target, protocol: Protocol, threshold: u64) -> Result {
    busy.guest
        .set_feature(feature::TEMPERATURE, feature::THRESHOLD.with(threshold))?;
    let who = identity(&mut busy.guest)?;
    let source = Rc::clone(&busy.guest.device);
    let mut stream = Vec::new();
    let mut saving = Client::new(&source, protocol)?;
    saving.begin_save().map_err(during("begin a save"))?;
    let mut buffer = vec![0; saving.chunk()];
    let pages = Pages::new().map_err(during("bad memory"))?;
    // The guest writes all the while; at last nothing is read in vain any more.
    for round in 0..200 {
        // What does not reach the client is not lost.
        if round % 3 == 1 {
            let read = saving.read_to_edge(&pages);
            stream.extend(read.map_err(during("reading to where nothing is"))?);
        }
        match saving.read(&mut buffer).map_err(during("pre-copy"))? {
            Read::Bytes(count) => stream.extend(&buffer[..count]),
            Read::Nothing if round > 20 => break,
            Read::Nothing => {}
        }
        if round < 30 {
            busy.write()?;
        }
    }
    let health_before = busy.guest.health()?;
    // Commands that nobody waits for: whichever device completes them.
    let queues = busy.guest.io_queues();
    let block = busy.guest.namespace.block;
    let mut flying = 0;
    for queue in 1..=queues {
        for n in 0..8 {
            let at = usize::from(queue - 1) * 8 + n;
            let data = busy.random.bytes(block);
            let place = nvme_guest::memory::slot(1) + at * PAGE;
            busy.guest.memory.put(place, &data);
            let at = at * block;
            if at + block > busy.media.len() {
                continue;
            }
            busy.media[at..at + block].copy_from_slice(&data);
            let command = busy.guest.on_blocks(nvm::WRITE, (at / block) as u64, 1);
            busy.guest.submit(
                queue,
                command.data((nvme_guest::memory::Memory::address(place), 0)),
            )?;
            flying += 1;
        }
    }
    saving.stop_and_copy().map_err(during("stop"))?;
    saving.drain(&mut stream).map_err(during("stop-and-copy"))?;
    saving.stop().map_err(during("end a save"))?;
    drop(saving);

    // Both devices have the guest's memory, as it would have been sent; then the old one goes.
    let other = match target.open() {
        Ok(device) => Rc::new(device),
        Err(text) => return Err(text),
    };
    busy.guest.memory.map(&other)?;
    let mut loading = Client::new(&other, protocol)?;
    loading.begin_load().map_err(during("begin a load"))?;
    loading.write(&stream, 100_000).map_err(during("load"))?;
    drop(busy.guest.adopt(Rc::clone(&other))?);
    drop(source);
    loading.stop().map_err(during("commit"))?;
    loading.run().map_err(during("run"))?;
    drop(loading);

    for queue in 1..=queues {
        while busy.guest.queues[usize::from(queue)].in_flight() > 0 {
            busy.guest
                .wait(queue)?
                .good(format!("a command of queue {queue} that was in flight"))?;
        }
    }
    busy.check()?;
    equal(
        "what Identify says is the same",
        identity(&mut busy.guest)? == who,
        true,
    )?;
    let threshold_after = busy.guest.feature(feature::TEMPERATURE)?;
    equal(
        "the temperature threshold",
        u64::from(threshold_after),
        threshold,
    )?;
    let health_after = busy.guest.health()?;
    let writes = health::WRITES.get(&health_after) - health::WRITES.get(&health_before);
    equal("host writes since before the stop", writes, flying)?;
    for (what, field) in [
        ("power cycles", health::POWER_CYCLES),
        ("errors", health::ERRORS),
    ] {
        equal(what, field.get(&health_after), field.get(&health_before))?;
    }
    println!("{} bytes, {flying} commands in flight", stream.len());
    Ok(())
}

/// Saves with so many pages dirtied after the last read of pre-copy, and gives the bytes of both
/// passes. Every other page is written twice, the others in parts.
fn dirtied(busy: &mut Busy, protocol: Protocol, count: usize) -> Result<(usize, usize)> {
    let source = Rc::clone(&busy.guest.device);
    let mut client = Client::new(&source, protocol)?;
    let mut stream = Vec::new();
    client.begin_save().map_err(during("begin a save"))?;
    let first = client.drain(&mut stream).map_err(during("pre-copy"))?;
    let block = busy.guest.namespace.block;
    let mut pages = BTreeSet::new();
    while pages.len() < count {
        pages.insert(busy.random.below(busy.span));
    }
    for (n, page) in pages.into_iter().enumerate() {
        let (inside, length) = if n % 2 == 0 {
            (0, PAGE)
        } else {
            (PAGE - block, block)
        };
        let at = page as usize * PAGE + inside;
        for _ in 0..1 + n % 2 {
            let part = &mut busy.media[at..at + length];
            busy.random.fill(part);
            busy.guest
                .write_at(1, (at / block) as u64, part, Place::default())?;
        }
    }
    client.stop_and_copy().map_err(during("stop"))?;
    let last = client.drain(&mut stream).map_err(during("stop-and-copy"))?;
    client.run().map_err(during("cancel"))?;
    Ok((first, last))
}

fn exact(settings: &Settings) -> Result {
    let mut busy = Busy::new(settings, 60)?;
    let used = busy
        .media
        .chunks(PAGE)
        .filter(|page| page.iter().any(|byte| *byte != 0))
        .count();
    let (first, fixed) = dirtied(&mut busy, settings.protocol, 0)?;
    let most = |pages: usize| pages * PAGE * 102 / 100;
    ensure(first >= used * PAGE, || {
        format!("{used} pages hold something, the first pass had {first} bytes")
    })?;
    // A page that was written with zeroes by a write is one that was written.
    ensure(first <= most(busy.span as usize) + (64 << 10), || {
        format!("the first pass had {first} bytes")
    })?;
    println!("{used} pages: {first} bytes; nothing dirty: {fixed} bytes");
    for count in [1, 7, 100] {
        let (_, all) = dirtied(&mut busy, settings.protocol, count)?;
        let bytes = all.saturating_sub(fixed);
        println!("{count} pages dirty: {bytes} bytes more");
        ensure((count * PAGE..=most(count)).contains(&bytes), || {
            format!("{count} pages of {PAGE} bytes were dirty, {bytes} bytes came for them")
        })?;
    }
    busy.check()
}

fn initial(settings: &Settings) -> Result {
    let mut busy = Busy::new(settings, 60)?;
    let source = Rc::clone(&busy.guest.device);
    let mut client = Client::new(&source, Protocol::V2)?;
    client.begin_save().map_err(during("begin a save"))?;
    let told = |client: &Client<'_>| client.pending().map_err(during("GET_PRECOPY_INFO"));
    let (mut left, dirty) = told(&client)?;
    ensure(left > 0 && dirty == 0, || {
        format!("at the begin: {left} initial, {dirty} dirty bytes")
    })?;
    let mut buffer = vec![0; 64 << 10];
    let mut reads = 0;
    while left > 0 {
        // More is written than is read.
        for _ in 0..6 {
            busy.write()?;
        }
        client.read(&mut buffer).map_err(during("pre-copy"))?;
        let (now, _) = told(&client)?;
        ensure(now <= left, || {
            format!("initial bytes went up from {left} to {now}")
        })?;
        left = now;
        reads += 1;
        ensure(reads < 2000, || {
            format!("{left} initial bytes after {reads} reads")
        })?;
    }
    let mut rest = Vec::new();
    client.drain(&mut rest).map_err(during("pre-copy"))?;
    equal("nothing is left", told(&client)?, (0, 0))?;
    for page in 0..32 {
        let data = busy.random.bytes(PAGE);
        let at = page * PAGE;
        busy.media[at..at + PAGE].copy_from_slice(&data);
        let lba = (at / busy.guest.namespace.block) as u64;
        busy.guest.write_at(1, lba, &data, Place::default())?;
    }
    let (again, dirty) = told(&client)?;
    equal("initial bytes after it reached 0", again, 0)?;
    let pages = 32 * PAGE as u64;
    ensure((pages..=pages * 102 / 100 + 64).contains(&dirty), || {
        format!("32 pages are dirty, told were {dirty} bytes")
    })?;
    let came = client.drain(&mut rest).map_err(during("pre-copy"))? as u64;
    ensure(came.abs_diff(dirty) <= dirty / 50 + 4096, || {
        format!("told were {dirty} bytes, {came} came")
    })?;
    client.run().map_err(during("cancel"))?;
    println!("the first pass took {reads} reads");
    busy.check()
}
