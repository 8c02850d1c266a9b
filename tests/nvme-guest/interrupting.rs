// SPDX-License-Identifier: GPL-2.0

//! Interrupts: each kind brings every completion, and waits while it is masked.

use crate::{Settings, Task};
use nvme::spec::opcode::nvm;
use nvme_guest::{
    blocks::Place,
    controller::{Guest, LIMIT},
    ensure, equal,
    interrupts::{Interrupts, Kind},
    Result,
};
use std::time::{Duration, Instant};

pub(crate) const TASKS: &[Task] = &[
    Task {
        name: "interrupts",
        says: "every completion is told by an interrupt of that kind",
        run: told,
    },
    Task {
        name: "masked",
        says: "INTMS keeps an interrupt back and INTMC lets it go (INTx, MSI)",
        run: masked,
    },
    Task {
        name: "vectors",
        says: "MSI-X has a vector for each queue",
        run: vectors,
    },
];

fn told(settings: &Settings) -> Result {
    let mut guest = settings.guest()?;
    for round in 0..20 {
        for queue in 1..=guest.io_queues() {
            let lba = u64::from(queue) + round;
            let place = Place {
                slot: usize::from(queue),
                ..Place::default()
            };
            let command = guest.with_data(nvm::READ, lba, guest.namespace.block, place);
            guest.submit(queue, command)?;
        }
        for queue in 1..=guest.io_queues() {
            guest.wait(queue)?.good(format!("queue {queue}"))?;
        }
    }
    // Completions that are there before anybody waits.
    let queue = guest.io_queues();
    for _ in 0..10 {
        let command = guest.with_data(nvm::READ, 0, guest.namespace.block, Place::default());
        guest.submit(queue, command)?;
    }
    while guest.queues[usize::from(queue)].in_flight() > 0 {
        guest.wait(queue)?.good("one of ten")?;
    }
    Ok(())
}

/// Waits until the device has completed so many commands of a queue, without any interrupt: the
/// SMART log would need one too, so the entry itself is looked at.
pub(crate) fn completed(guest: &Guest, queue: u16, count: u16) -> Result {
    let end = Instant::now() + LIMIT;
    while !guest.queues[usize::from(queue)].is_there(&guest.memory, count - 1) {
        ensure(Instant::now() < end, || {
            format!("no completion in {LIMIT:?}")
        })?;
        std::thread::yield_now();
    }
    Ok(())
}

fn masked(settings: &Settings) -> Result {
    ensure(settings.kind != Kind::Msix, || {
        "INTMS is not for MSI-X".to_owned()
    })?;
    let mut guest = settings.guest()?;
    guest.mask(true)?;
    let command = guest.with_data(nvm::READ, 0, guest.namespace.block, Place::default());
    guest.submit(1, command)?;
    completed(&guest, 1, 1)?;
    let vector = guest.queues[1].vector;
    let came = |guest: &Guest, limit| match &guest.interrupts {
        Some(interrupts) => interrupts.wait(vector, limit),
        None => Err("no interrupts".to_owned()),
    };
    // What the admin queue's last completion left is taken first; then there is nothing.
    let stale = came(&guest, Duration::ZERO)?;
    if let (true, Some(interrupts)) = (stale, &guest.interrupts) {
        interrupts.served(&guest.device)?;
        equal(
            "an interrupt that is masked",
            came(&guest, Duration::ZERO)?,
            false,
        )?;
    }
    guest.mask(false)?;
    equal(
        "the interrupt once it is unmasked",
        came(&guest, LIMIT)?,
        true,
    )?;
    if let Some(interrupts) = &guest.interrupts {
        interrupts.served(&guest.device)?;
    }
    guest.wait(1)?.good("the command")?;
    Ok(())
}

fn vectors(settings: &Settings) -> Result {
    let guest = settings.guest()?;
    let count = Interrupts::count(&guest.device, Kind::Msix)?;
    equal("vectors of MSI-X", count, u32::from(guest.io_queues()) + 1)
}
