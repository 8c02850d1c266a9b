// SPDX-License-Identifier: GPL-2.0

//! Migrations that come to nothing.

use crate::{moves::Busy, Settings, Task};
use nvme_guest::{
    content::Random,
    controller::Guest,
    during, ensure,
    migration::{self, Client},
    Result,
};
use std::rc::Rc;

pub(crate) const TASKS: &[Task] = &[
    Task {
        name: "cancelled",
        says: "a save given up at any point leaves the source as it was",
        run: cancelled,
    },
    Task {
        name: "damaged",
        says: "a load that is cut short, damaged or given up leaves the target empty; a good one then is whole",
        run: damaged,
    },
];

fn cancelled(settings: &Settings) -> Result {
    let mut busy = Busy::new(settings, 30)?;
    for round in 0..6 {
        let source = Rc::clone(&busy.guest.device);
        let mut client = Client::new(&source, settings.protocol)?;
        client.begin_save().map_err(during("begin a save"))?;
        let mut buffer = vec![0; client.chunk()];
        for _ in 0..round {
            client.read(&mut buffer).map_err(during("pre-copy"))?;
            busy.write()?;
        }
        if round % 2 == 1 {
            client.stop_and_copy().map_err(during("stop"))?;
            client.read(&mut buffer).map_err(during("stop-and-copy"))?;
        }
        client.run().map_err(during("cancel"))?;
        for _ in 0..5 {
            busy.write()?;
        }
        busy.check()
            .map_err(|text| format!("cancelled {round}: {text}"))?;
    }
    Ok(())
}

/// One way to spoil a stream.
fn spoil(stream: &mut Vec<u8>, round: u64, random: &mut Random) -> String {
    let at = random.below(stream.len() as u64) as usize;
    match round % 3 {
        0 => {
            stream.truncate(at);
            format!("cut after {at} bytes")
        }
        1 => {
            stream[at] ^= 1 << random.below(8);
            format!("byte {at} changed")
        }
        _ => {
            let length = (1 + random.below(5000)) as usize;
            let end = stream.len().min(at + length);
            stream.drain(at..end);
            format!("bytes {at} to {end} missing")
        }
    }
}

fn damaged(settings: &Settings) -> Result {
    let mut busy = Busy::new(settings, 40)?;
    let stream = migration::save(&busy.guest.device, settings.protocol)?;
    let mut random = Random::new(settings.seed);
    for round in 0..9 {
        // The target has contents of its own, which must not be there afterwards either.
        let mut target = Guest::up(settings.peer()?, settings.kind, 16)?;
        target.write_media(1, 0, &random.bytes(256 << 10))?;
        let mut bad = stream.clone();
        let how = spoil(&mut bad, round, &mut random);
        let device = Rc::clone(&target.device);
        let mut client = Client::new(&device, settings.protocol)?;
        client.begin_load().map_err(during("begin a load"))?;
        let written = client.write(&bad, 1 << 20);
        let stopped = client.stop();
        ensure(stopped.is_err(), || {
            format!("{how}: taken (write: {written:?})")
        })?;
        drop(client);
        device.reset().map_err(during("reset"))?;
        drop(device);
        target.decode(true)?;
        target.bring_up(settings.kind, 16)?;
        target
            .check_media(&[])
            .map_err(|text| format!("{how}: {text}"))?;
    }
    // Given up by a reset after all of it came; then by closing the device.
    for reset in [true, false] {
        let mut target = Guest::up(settings.peer()?, settings.kind, 16)?;
        target.write_media(1, 0, &random.bytes(64 << 10))?;
        let device = Rc::clone(&target.device);
        let mut client = Client::new(&device, settings.protocol)?;
        client.begin_load().map_err(during("begin a load"))?;
        client.write(&stream, 1 << 20).map_err(during("load"))?;
        drop(client);
        if reset {
            device.reset().map_err(during("reset"))?;
        }
        drop(device);
        drop(target);
        let mut target = Guest::up(settings.peer()?, settings.kind, 16)?;
        target
            .check_media(&[])
            .map_err(|text| format!("given up, reset {reset}: {text}"))?;
    }
    // A good load is whole, whatever was there.
    let mut target = Guest::up(settings.peer()?, settings.kind, 16)?;
    target.write_media(1, 512 << 10, &random.bytes(256 << 10))?;
    target.disable()?;
    // What it is loaded with goes on in the source's memory, until another guest takes it.
    target.memory.unmap(&target.device)?;
    busy.guest.memory.map(&target.device)?;
    migration::load(&target.device, settings.protocol, &stream)?;
    target.disable()?;
    busy.guest.memory.unmap(&target.device)?;
    target.memory.map(&target.device)?;
    // The source is unharmed: it goes on where it was.
    Client::new(&busy.guest.device, settings.protocol)?
        .run()
        .map_err(during("the source runs again"))?;
    busy.check().map_err(|text| format!("the source: {text}"))?;
    target.bring_up(settings.kind, 16)?;
    target
        .check_media(&busy.media)
        .map_err(|text| format!("the target: {text}"))
}
