// SPDX-License-Identifier: GPL-2.0

//! What the controller is and what its commands do.

use crate::{Settings, Task};
use nvme::{
    spec::{
        identify::{self, controller, descriptor, namespace},
        log::health,
        registers::{cap, VERSION},
        status::Status,
    },
    MAX_TRANSFER,
};
use nvme_guest::{
    blocks::Place,
    command::Command,
    content::{difference, Random},
    controller::Guest,
    during, ensure, equal,
    memory::{self, Memory},
    Result,
};
use std::time::{Duration, Instant};
use vfio_client::target::Target;

pub(crate) const TASKS: &[Task] = &[
    Task {
        name: "identify",
        says: "registers, Identify and the device's migration_version agree",
        run: identify,
    },
    Task {
        name: "transfers",
        says: "data of every length comes back, wherever it is in memory",
        run: transfers,
    },
    Task {
        name: "commands",
        says: "Flush, Write Zeroes, Compare and Dataset Management do what they say",
        run: commands,
    },
    Task {
        name: "queues",
        says: "all queues at once, each filled to the brim and wrapped",
        run: queues,
    },
    Task {
        name: "load",
        says: "all queues at once, for --seconds",
        run: load,
    },
    Task {
        name: "shadow",
        says: "shadow doorbells: the same with hardly any doorbell rung",
        run: shadow,
    },
    Task {
        name: "counters",
        says: "the SMART log counts what was done",
        run: counters,
    },
];

/// A device's version string.
pub(crate) fn line(target: &Target) -> Result<String> {
    let file = target.file("migration_version");
    let line = std::fs::read_to_string(&file).map_err(during(file.display()))?;
    Ok(line.trim_end().to_owned())
}

/// The value of a key of a version string.
pub(crate) fn value<'a>(line: &'a str, key: &str) -> Result<&'a str> {
    let mut fields = line.split(',').filter_map(|field| field.split_once('='));
    let found = fields.find(|(name, _)| *name == key);
    let found = found.ok_or_else(|| format!("no {key} in {line:?}"))?;
    Ok(found.1)
}

/// The number that the device states for a key.
fn stated(settings: &Settings, key: &str) -> Result<u64> {
    let line = line(&settings.target)?;
    let number = value(&line, key)?;
    number.parse().map_err(during(format!("{key} of {line:?}")))
}

fn identify(settings: &Settings) -> Result {
    let mut guest = settings.guest()?;
    let (capabilities, version) = guest.capabilities()?;
    equal("VS", version, VERSION.into())?;
    ensure(cap::CSS_NVM.any(capabilities), || {
        format!("CAP is {capabilities:#x}: no NVM command set")
    })?;
    equal("entries of a queue", cap::MQES.of(capabilities) + 1, 1024)?;

    let whole = guest.identify(identify::CONTROLLER, 0)?;
    let printable = |field: nvme::spec::Field, what: &str| {
        let bytes = &whole[field.at..field.at + field.len];
        let text = String::from_utf8_lossy(bytes).into_owned();
        let good =
            text.trim_end().len() > 3 && bytes.iter().all(|byte| (b' '..=b'~').contains(byte));
        ensure(good, || format!("{what} is {text:?}"))?;
        Ok::<_, String>(text)
    };
    let serial = printable(controller::SN, "the serial number")?;
    let model = printable(controller::MN, "the model")?;
    equal(
        "MDTS",
        4096 << controller::MDTS.get(&whole),
        MAX_TRANSFER as u64,
    )?;
    equal("VER", controller::VER.get(&whole), VERSION.into())?;
    equal("namespaces", controller::NN.get(&whole), 1)?;
    let features = controller::ONCS.get(&whole);
    for (what, bit) in [
        ("Compare", controller::ONCS_COMPARE),
        ("Dataset Management", controller::ONCS_DATASET),
        ("Write Zeroes", controller::ONCS_WRITE_ZEROES),
    ] {
        ensure(u128::from(features) & bit != 0, || {
            format!("no {what}: ONCS is {features:#x}")
        })?;
    }

    let space = guest.identify(identify::NAMESPACE, 1)?;
    equal(
        "bytes of the namespace",
        guest.namespace.bytes(),
        stated(settings, "capacity")?,
    )?;
    equal(
        "bytes of a block",
        guest.namespace.block as u64,
        stated(settings, "lba")?,
    )?;
    equal(
        "I/O queues",
        u64::from(guest.io_queues()),
        stated(settings, "queues")?,
    )?;
    let nguid = namespace::NGUID;
    let nguid = &space[nguid.at..nguid.at + nguid.len];
    ensure(nguid.iter().any(|byte| *byte != 0), || {
        "the NGUID is 0".to_owned()
    })?;
    let active = guest.identify(identify::ACTIVE, 0)?;
    equal("active namespaces", &active[..8], &[1, 0, 0, 0, 0, 0, 0, 0])?;
    let list = guest.identify(identify::DESCRIPTORS, 1)?;
    equal(
        "the first descriptor",
        descriptor::NIDT.get(&list),
        descriptor::NGUID as u64,
    )?;
    let id = descriptor::NID;
    equal("its NGUID", &list[id.at..id.at + id.len], nguid)?;
    println!(
        "{} {}, {:?}",
        model.trim_end(),
        serial.trim_end(),
        guest.namespace
    );
    Ok(())
}

fn transfers(settings: &Settings) -> Result {
    let mut guest = settings.guest()?;
    let mut random = Random::new(settings.seed);
    let block = guest.namespace.block;
    let mut lengths: Vec<usize> = [1, 2, 3, 7, 8].map(|count| count * block).to_vec();
    lengths.extend([
        4096,
        8192,
        12288,
        16384,
        65536,
        131072,
        MAX_TRANSFER - 4096,
        MAX_TRANSFER,
    ]);
    lengths.retain(|length| length % block == 0 && *length <= MAX_TRANSFER);
    lengths.sort_unstable();
    lengths.dedup();
    let room = guest.namespace.bytes() / block as u64;
    let mut done = 0;
    for &length in &lengths {
        for start in [0, 4, 512, 2052, 4092] {
            for chained in [false, true] {
                if start + length > MAX_TRANSFER || (chained && length < 8 * 4096) {
                    continue;
                }
                let lba = random.below(room - (length / block) as u64 + 1);
                let data = random.bytes(length);
                let out = Place {
                    slot: 1,
                    start,
                    chained,
                };
                let back = Place {
                    slot: 2,
                    start: 4096 - 4 - start,
                    chained: !chained,
                };
                let back = if back.start + length > MAX_TRANSFER {
                    Place { slot: 2, ..out }
                } else {
                    back
                };
                guest.write_at(1, lba, &data, out)?;
                let got = guest.read_at(2, lba, length, back)?;
                if let Some(text) = difference(&got, &data) {
                    return Err(format!(
                        "{length} bytes at block {lba}, {out:?}, {back:?}: {text}"
                    ));
                }
                done += 1;
            }
        }
    }
    // One block more than a command may have, and blocks that are not there.
    let too_long = guest.on_blocks(
        nvme::spec::opcode::nvm::READ,
        0,
        (MAX_TRANSFER / block) as u64 + 1,
    );
    let prps = guest.memory.prps(0, 0, MAX_TRANSFER, false);
    guest
        .command(1, too_long.data(prps))?
        .ended("more than MDTS", Status::INVALID_FIELD)?;
    for lba in [room, room + 1, u64::MAX - 1, u64::MAX] {
        let command = guest.with_data(nvme::spec::opcode::nvm::WRITE, lba, block, Place::default());
        guest
            .command(1, command)?
            .ended(format!("block {lba}"), Status::LBA_RANGE)?;
    }
    println!(
        "{done} transfers of {} to {} bytes",
        lengths[0], MAX_TRANSFER
    );
    Ok(())
}

fn commands(settings: &Settings) -> Result {
    let mut guest = settings.guest()?;
    let block = guest.namespace.block;
    let per_page = (4096 / block) as u64;
    let mut random = Random::new(settings.seed);
    let mut wanted = random.bytes(64 << 10);
    guest.write_media(1, 0, &wanted)?;
    guest.flush(1)?;
    let blocks = |bytes: usize| (bytes / block) as u64;

    // Zeroes, over parts of pages and whole ones.
    let (first, count) = (3, per_page * 2 + 1);
    guest.write_zeroes(2, first, count)?;
    let bytes = first as usize * block..(first + count) as usize * block;
    wanted[bytes].fill(0);
    check(&mut guest, &wanted, "after Write Zeroes")?;

    guest
        .compare(3, 0, &wanted)?
        .good("Compare with what is there")?;
    let mut other = wanted.clone();
    let last = other.len() - 1;
    other[last] ^= 1;
    guest
        .compare(3, 0, &other)?
        .ended("Compare with another last byte", Status::COMPARE)?;
    check(&mut guest, &wanted, "after Compare")?;

    // Two ranges, of which one has parts of pages.
    let ranges = [
        (per_page * 8, (per_page * 2) as u32),
        (per_page * 12 + 1, per_page as u32),
    ];
    guest.deallocate(4, &ranges)?;
    for (lba, count) in ranges {
        let start = lba as usize * block;
        wanted[start..start + count as usize * block].fill(0);
    }
    check(&mut guest, &wanted, "after Dataset Management")?;
    let end = guest.namespace.blocks;
    let command = guest.on_blocks(nvme::spec::opcode::nvm::WRITE_ZEROES, end - 1, 2);
    guest
        .command(1, command)?
        .ended("zeroes beyond the end", Status::LBA_RANGE)?;
    guest.deallocate(4, &[(0, blocks(wanted.len()) as u32)])?;
    wanted.fill(0);
    check(&mut guest, &wanted, "after all of it was deallocated")
}

fn check(guest: &mut Guest, wanted: &[u8], what: &str) -> Result {
    let got = guest.read_media(1, 0, wanted.len())?;
    difference(&got, wanted).map_or(Ok(()), |text| Err(format!("{what}: {text}")))
}

/// Writes and reads by all queues at once, each kept full for some rounds. Block `n` of a queue has
/// its own content.
fn all_at_once(guest: &mut Guest, seed: u64, rounds: u64) -> Result {
    let block = guest.namespace.block;
    let queues = guest.io_queues();
    let per_queue = u64::from(guest.queues[1].entries - 1);
    let pages = ((memory::SIZE - memory::slot(0)) / 4096) as u64;
    let share = guest.namespace.blocks / u64::from(queues);
    for round in 0..rounds {
        let mut random = Random::new(seed + round);
        let mut contents = Vec::new();
        for opcode in [
            nvme::spec::opcode::nvm::WRITE,
            nvme::spec::opcode::nvm::READ,
        ] {
            let mut place = 0;
            for queue in 1..=queues {
                let mut batch = Vec::new();
                for n in 0..per_queue.min(pages / u64::from(queues)) {
                    let at = memory::slot(0) + place * 4096;
                    if opcode == nvme::spec::opcode::nvm::WRITE {
                        let data = random.bytes(block);
                        guest.memory.put(at, &data);
                        contents.push(data);
                    } else {
                        guest.memory.clear(at, block);
                    }
                    let lba = u64::from(queue - 1) * share + n;
                    let command = guest.on_blocks(opcode, lba, 1);
                    batch.push(command.data((Memory::address(at), 0)));
                    place += 1;
                }
                guest.submit_all(queue, &batch)?;
            }
            for queue in 1..=queues {
                while guest.queues[usize::from(queue)].in_flight() > 0 {
                    guest
                        .wait(queue)?
                        .good(format!("a command of queue {queue}"))?;
                }
            }
        }
        for (place, wanted) in contents.iter().enumerate() {
            let got = guest.memory.get(memory::slot(0) + place * 4096, block);
            if let Some(text) = difference(&got, wanted) {
                return Err(format!("round {round}, command {place}: {text}"));
            }
        }
    }
    Ok(())
}

fn queues(settings: &Settings) -> Result {
    // Deep queues once; short ones round and round.
    for (entries, rounds) in [(1024, 1), (2, 5), (5, 5)] {
        let mut guest = Guest::up(&settings.target, settings.kind, entries)?;
        all_at_once(&mut guest, settings.seed, rounds)
            .map_err(|text| format!("queues of {entries}: {text}"))?;
        // They can be deleted and made again.
        while guest.io_queues() > 0 {
            guest.delete_queue()?;
        }
        guest.make_queue(1, 16)?;
        all_at_once(&mut guest, settings.seed, 2)?;
    }
    Ok(())
}

/// Much more than is done where a doorbell is rung: the rest is for the device's thread.
fn load(settings: &Settings) -> Result {
    let end = Instant::now() + Duration::from_secs(settings.seconds);
    let mut guest = settings.guest()?;
    let mut rounds = 0;
    while Instant::now() < end {
        all_at_once(&mut guest, settings.seed + rounds, 1)?;
        rounds += 1;
    }
    println!("{rounds} rounds");
    Ok(())
}

fn shadow(settings: &Settings) -> Result {
    let mut guest = settings.guest()?;
    guest.shadow()?;
    all_at_once(&mut guest, settings.seed, 3)?;
    // One at a time: whether to ring is decided anew for each.
    for n in 0..200 {
        let data = Random::new(settings.seed + n).bytes(guest.namespace.block);
        let queue = (n % u64::from(guest.io_queues())) as u16 + 1;
        guest.write_at(queue, n, &data, Place::default())?;
        let got = guest.read_at(queue, n, data.len(), Place::default())?;
        difference(&got, &data).map_or(Ok(()), Err)?;
    }
    // After a reset of the controller doorbells are doorbells again.
    guest.bring_up(settings.kind, 16)?;
    all_at_once(&mut guest, settings.seed, 1)
}

fn counters(settings: &Settings) -> Result {
    let mut guest = settings.guest()?;
    let before = guest.health()?;
    let data = Random::new(settings.seed).bytes(MAX_TRANSFER);
    for _ in 0..4 {
        guest.write_at(1, 0, &data, Place::default())?;
        guest.read_at(1, 0, data.len(), Place::default())?;
    }
    guest
        .admin(Command::new(0xff))?
        .ended("opcode 0xff", Status::INVALID_OPCODE)?;
    let after = guest.health()?;
    for (what, field, more) in [
        ("host writes", health::WRITES, 4),
        ("host reads", health::READS, 4),
        ("errors", health::ERRORS, 1),
    ] {
        equal(what, field.get(&after), field.get(&before) + more)?;
    }
    // In thousands of 512 bytes, rounded up.
    let units = 4 * MAX_TRANSFER as u64 / 512 / 1000;
    for (what, field) in [
        ("written", health::UNITS_WRITTEN),
        ("read", health::UNITS_READ),
    ] {
        let more = field.get(&after) - field.get(&before);
        ensure((units..=units + 1).contains(&more), || {
            format!("data units {what}: {more} more, of {units}")
        })?;
    }
    Ok(())
}
