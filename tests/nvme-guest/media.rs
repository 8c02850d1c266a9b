// SPDX-License-Identifier: GPL-2.0

//! The life of the media: what is there when the device is opened again, and what memory it takes.

use crate::{Settings, Task};
use nvme::MAX_TRANSFER;
use nvme_guest::{
    blocks::Place,
    content::{difference, Random},
    controller::Guest,
    during, ensure, Result,
};

pub(crate) const TASKS: &[Task] = &[
    Task {
        name: "fill",
        says: "writes the contents of --seed to the first --kib",
        run: fill,
    },
    Task {
        name: "verify",
        says: "the first --kib are the contents of --seed",
        run: verify,
    },
    Task {
        name: "blank",
        says: "all of the media reads as zeroes",
        run: blank,
    },
    Task {
        name: "free",
        says: "deallocates all of the media",
        run: free,
    },
    Task {
        name: "reset",
        says: "contents survive resets of the controller and of the device",
        run: reset,
    },
    Task {
        name: "refuses",
        says: "writes --kib, of which some fail for want of room; what was written can be read",
        run: refuses,
    },
];

/// The contents of a part of the media, which has a number.
pub(crate) fn part(seed: u64, number: u64) -> Vec<u8> {
    Random::new(seed ^ (number << 32)).bytes(MAX_TRANSFER)
}

/// The parts that the first bytes of the media have; the last may be shorter.
fn parts(settings: &Settings, guest: &Guest) -> Result<Vec<(u64, usize)>> {
    let size = guest.namespace.bytes();
    ensure(settings.bytes <= size, || {
        format!("the media has {size} bytes")
    })?;
    let count = settings.bytes.div_ceil(MAX_TRANSFER as u64);
    let length =
        |number: u64| (settings.bytes - number * MAX_TRANSFER as u64).min(MAX_TRANSFER as u64);
    Ok((0..count)
        .map(|number| (number, length(number) as usize))
        .collect())
}

fn lba(guest: &Guest, number: u64) -> u64 {
    number * (MAX_TRANSFER / guest.namespace.block) as u64
}

fn fill(settings: &Settings) -> Result {
    let mut guest = settings.guest()?;
    for (number, length) in parts(settings, &guest)? {
        let data = &part(settings.seed, number)[..length];
        let lba = lba(&guest, number);
        guest.write_at(1, lba, data, Place::default())?;
    }
    guest.flush(1)
}

fn verify_with(settings: &Settings, guest: &mut Guest) -> Result {
    for (number, length) in parts(settings, guest)? {
        let got = guest.read_at(1, lba(guest, number), length, Place::default())?;
        let wanted = &part(settings.seed, number)[..length];
        difference(&got, wanted).map_or(Ok(()), |text| Err(format!("part {number}: {text}")))?;
    }
    Ok(())
}

fn verify(settings: &Settings) -> Result {
    verify_with(settings, &mut settings.guest()?)
}

fn blank(settings: &Settings) -> Result {
    settings.guest()?.check_media(&[])
}

fn free(settings: &Settings) -> Result {
    let mut guest = settings.guest()?;
    let blocks = guest.namespace.blocks;
    let mut at = 0;
    while at < blocks {
        let count = (blocks - at).min(u32::MAX.into());
        guest.deallocate(1, &[(at, count as u32)])?;
        at += count;
    }
    Ok(())
}

fn reset(settings: &Settings) -> Result {
    fill(settings)?;
    let mut guest = settings.guest()?;
    guest.bring_up(settings.kind, 16)?;
    verify_with(settings, &mut guest)?;
    guest.device.reset().map_err(during("VFIO_DEVICE_RESET"))?;
    guest.decode(true)?;
    guest.bring_up(settings.kind, 16)?;
    verify_with(settings, &mut guest)
}

fn refuses(settings: &Settings) -> Result {
    let mut guest = settings.guest()?;
    let all = parts(settings, &guest)?;
    let mut good = Vec::with_capacity(all.len());
    let mut bad = None;
    for &(number, length) in &all {
        let data = &part(settings.seed, number)[..length];
        let status = guest
            .try_write(1, lba(&guest, number), data, Place::default())?
            .status();
        if status.is_error() {
            bad = Some((number, status));
            break;
        }
        good.push(number);
    }
    // This process may have no more memory now either, so before it asks for any, some is given back;
    // which can be used again then.
    let mut freed = Vec::with_capacity(4);
    while freed.len() < 4 {
        let Some(number) = good.pop() else { break };
        let blocks = MAX_TRANSFER / guest.namespace.block;
        guest.deallocate(1, &[(lba(&guest, number), blocks as u32)])?;
        freed.push(number);
    }
    let (number, status) = bad.ok_or("all of it could be written")?;
    println!("{number} parts written, then {status:?}");
    ensure(good.len() > 4, || {
        format!("only {} parts could be written", good.len())
    })?;
    for number in freed {
        let zeroes = guest.read_at(1, lba(&guest, number), MAX_TRANSFER, Place::default())?;
        difference(&zeroes, &vec![0; MAX_TRANSFER]).map_or(Ok(()), Err)?;
    }
    for number in good {
        let got = guest.read_at(1, lba(&guest, number), MAX_TRANSFER, Place::default())?;
        difference(&got, &part(settings.seed, number))
            .map_or(Ok(()), |text| Err(format!("part {number}: {text}")))?;
    }
    guest.write_at(
        1,
        lba(&guest, number),
        &part(settings.seed, number)[..MAX_TRANSFER / 2],
        Place::default(),
    )
}
