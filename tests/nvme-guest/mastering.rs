// SPDX-License-Identifier: GPL-2.0

//! Bus Master Enable: without it no command is fetched, no completion posted and no message sent;
//! with it all that waited is done, and once.

use crate::{interrupting::completed, Settings, Task};
use nvme::spec::{
    command as field, feature,
    opcode::{admin, nvm},
    registers::CSTS,
    ADMIN_QUEUE,
};
use nvme_guest::{
    blocks::Place,
    command::Command,
    controller::{Guest, LIMIT},
    during, ensure, equal,
    interrupts::Kind,
    migration, Result,
};
use std::{rc::Rc, time::Duration};

pub(crate) const TASKS: &[Task] = &[
    Task {
        name: "mastering",
        says: "without Bus Master Enable nothing is done or told of, with it all that waited",
        run: mastering,
    },
    Task {
        name: "move-still",
        says: "to --peer without Bus Master Enable, which moves: commands wait there, too",
        run: move_still,
    },
];

/// How long a device that must stay still is looked at.
const STILL: Duration = Duration::from_millis(300);

/// Commands that each I/O queue is given.
const EACH: u16 = 3;

fn mastering(settings: &Settings) -> Result {
    let mut guest = settings.guest()?;
    for shadowed in [false, true] {
        if shadowed {
            guest.shadow()?;
        }
        for _ in 0..5 {
            taken_away(&mut guest).map_err(|text| format!("shadows {shadowed}: {text}"))?;
        }
        told_late(&mut guest).map_err(|text| format!("shadows {shadowed}: {text}"))?;
    }
    // A reset of the function takes it away. The registers work without it.
    quiet(&guest)?;
    guest.queues.clear();
    guest.device.reset().map_err(during("VFIO_DEVICE_RESET"))?;
    guest.enable(settings.kind)?;
    let command = Command::new(admin::GET_FEATURES).with(
        field::CDW10,
        field::features::FID.with(feature::QUEUES.into()),
    );
    guest.submit(ADMIN_QUEUE, command)?;
    stays_still(&guest, ADMIN_QUEUE)?;
    guest.decode(true)?;
    guest.wait(ADMIN_QUEUE)?.good("Get Features")?;
    guest.bring_up(settings.kind, 16)?;
    taken_away(&mut guest)
}

/// Commands that are rung for without Bus Master Enable wait for it.
fn taken_away(guest: &mut Guest) -> Result {
    quiet(guest)?;
    guest.decode(false)?;
    submit(guest)?;
    for queue in 1..=guest.io_queues() {
        stays_still(guest, queue)?;
    }
    guest.decode(true)?;
    finish(guest)
}

/// The first completion of two is taken without Bus Master Enable: of the second the line tells at
/// once, MSI only with it; MSI-X has told of both.
fn told_late(guest: &mut Guest) -> Result {
    quiet(guest)?;
    let read = guest.with_data(nvm::READ, 0, guest.namespace.block, Place::default());
    guest.submit_all(1, &[read, read])?;
    completed(guest, 1, 2)?;
    // A register answers after the piece of work that posted them, at whose end they are told of.
    guest.read(CSTS)?;
    guest.decode(false)?;
    let vector = guest.queues[1].vector;
    let came = |guest: &Guest, limit| match &guest.interrupts {
        Some(interrupts) => interrupts.wait(vector, limit),
        None => Err("no interrupts".to_owned()),
    };
    equal("told of both", came(guest, LIMIT)?, true)?;
    let first = guest.poll(1)?.ok_or("no first completion")?;
    first.good("the first command")?;
    let Some(interrupts) = &guest.interrupts else {
        return Err("no interrupts".to_owned());
    };
    interrupts.served(&guest.device)?;
    let kind = interrupts.kind();
    let at_once = came(guest, if kind == Kind::Intx { LIMIT } else { STILL })?;
    equal("told of the second at once", at_once, kind == Kind::Intx)?;
    guest.decode(true)?;
    if kind == Kind::Msi {
        equal("told of the second", came(guest, LIMIT)?, true)?;
    }
    let second = guest.poll(1)?.ok_or("no second completion")?;
    second.good("the second command")?;
    match &guest.interrupts {
        Some(interrupts) => interrupts.served(&guest.device),
        None => Ok(()),
    }
}

/// Gives commands to each I/O queue.
fn submit(guest: &mut Guest) -> Result {
    for queue in 1..=guest.io_queues() {
        let place = Place {
            slot: usize::from(queue),
            ..Place::default()
        };
        let read = guest.with_data(nvm::READ, queue.into(), guest.namespace.block, place);
        guest.submit_all(queue, &[read; EACH as usize])?;
    }
    Ok(())
}

/// All that was given is completed, each command once, and told of by interrupts.
fn finish(guest: &mut Guest) -> Result {
    for queue in 1..=guest.io_queues() {
        for _ in 0..EACH {
            guest.wait(queue)?.good(format!("queue {queue}"))?;
        }
        equal(
            "commands in flight",
            guest.queues[usize::from(queue)].in_flight(),
            0,
        )?;
        ensure(guest.poll(queue)?.is_none(), || {
            format!("queue {queue}: a completion of no command")
        })?;
    }
    Ok(())
}

/// Takes the interrupts of what was served already.
fn quiet(guest: &Guest) -> Result {
    // Whoever comes behind a register access comes behind what was at work before.
    guest.read(CSTS)?;
    if let Some(interrupts) = &guest.interrupts {
        for vector in 0..interrupts.vectors() {
            while interrupts.wait(vector, Duration::ZERO)? {
                interrupts.served(&guest.device)?;
            }
        }
    }
    Ok(())
}

/// A queue gets no completion and its vector no interrupt for some time; the registers answer.
fn stays_still(guest: &Guest, queue: u16) -> Result {
    let pair = &guest.queues[usize::from(queue)];
    let interrupts = guest.interrupts.as_ref().ok_or("no interrupts")?;
    let limit = if queue <= 1 { STILL } else { Duration::ZERO };
    let told = interrupts.wait(pair.vector, limit)?;
    equal(format!("an interrupt of queue {queue}"), told, false)?;
    equal(
        format!("a completion of queue {queue}"),
        pair.is_there(&guest.memory, 0),
        false,
    )?;
    equal("CSTS", guest.read(CSTS)?, 1)
}

fn move_still(settings: &Settings) -> Result {
    let mut guest = settings.guest()?;
    let peer = settings.peer()?;
    for (journey, target) in [peer, &settings.target].into_iter().enumerate() {
        quiet(&guest)?;
        guest.decode(false)?;
        submit(&mut guest)?;
        let stream = migration::save(&guest.device, settings.protocol)?;
        let other = Rc::new(target.open()?);
        guest.memory.map(&other)?;
        drop(guest.adopt(Rc::clone(&other))?);
        migration::load(&other, settings.protocol, &stream)?;
        for queue in 1..=guest.io_queues() {
            stays_still(&guest, queue).map_err(|text| format!("journey {journey}: {text}"))?;
        }
        guest.decode(true)?;
        finish(&mut guest).map_err(|text| format!("journey {journey}: {text}"))?;
    }
    Ok(())
}
