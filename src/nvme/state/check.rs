// SPDX-License-Identifier: GPL-2.0

//! Whether a state that was read is one that a controller can be in.

use super::codec::{sound, Refusal};
use crate::controller::Controller;
use crate::events::MAX_REQUESTS;
use crate::queue::{Queues, Ring, MAX_ENTRIES, MIN_ENTRIES, QUEUES};
use crate::spec::command::dataset::AD;
use crate::spec::command::CDW11;
use crate::spec::event::{INVALID_REGISTER, INVALID_VALUE, TEMPERATURE};
use crate::spec::feature::{ARBITRATION_ALL, POWER_ALL, POWER_STATE};
use crate::spec::opcode::nvm;
use crate::spec::registers::csts;
use crate::spec::{ADMIN_QUEUE, PAGE};

pub(super) fn all(staged: &Controller) -> Result<(), Refusal> {
    config(staged)?;
    let text = staged.identity.is_sound();
    sound(text, "a character of the serial number", 0_u8)?;
    let registers = &staged.registers;
    sound(registers.fit_together(), "CSTS", registers.csts)?;
    sound(
        usize::from(staged.turn) < QUEUES,
        "the queue in turn",
        staged.turn,
    )?;
    let ready = registers.is(csts::RDY);
    if !ready {
        let idle = staged.queues == Queues::NONE && staged.events.requests == [None; MAX_REQUESTS];
        let idle = idle && staged.shadow.is_none() && staged.job.is_none();
        sound(idle, "CSTS with something at work", registers.csts)?;
    }
    queues(staged, ready)?;
    if let Some(shadow) = staged.shadow {
        for page in [shadow.doorbells, shadow.events] {
            sound(page % PAGE as u64 == 0, "a page of doorbells", page)?;
        }
    }
    features(staged)?;
    events(staged)?;
    errors(staged)?;
    job(staged)
}

fn config(staged: &Controller) -> Result<(), Refusal> {
    let (here, found) = (&staged.own, &staged.config);
    let most = |found: u16, here: u16, what| sound((1..=here).contains(&found), what, found);
    most(found.queues, here.queues, "the number of queues")?;
    most(found.vectors, here.vectors, "the number of vectors")?;
    let (found, here) = (&found.optional, &here.optional);
    for (found, here, what) in [
        (found.compare, here.compare, "Compare"),
        (found.deallocate, here.deallocate, "Dataset Management"),
        (found.write_zeroes, here.write_zeroes, "Write Zeroes"),
    ] {
        sound(here || !found, what, found)?;
    }
    Ok(())
}

fn ring(ring: &Ring) -> Result<(), Refusal> {
    let Ring {
        base,
        size,
        head,
        tail,
    } = *ring;
    sound(base % PAGE as u64 == 0, "the address of a queue", base)?;
    let enough = u32::from(size) >= MIN_ENTRIES;
    sound(enough, "the size of a queue", size)?;
    sound(head < size, "the head of a queue", head)?;
    sound(tail < size, "the tail of a queue", tail)
}

fn queues(staged: &Controller, ready: bool) -> Result<(), Refusal> {
    let queues = &staged.queues;
    let last = usize::from(staged.config.queues);
    for (id, queue) in (0_u16..).zip(&queues.submission) {
        let Some(queue) = queue else {
            sound(id != ADMIN_QUEUE || !ready, "the admin queue", id)?;
            continue;
        };
        sound(usize::from(id) <= last, "the id of a queue", id)?;
        ring(&queue.ring)?;
        size(id, &queue.ring)?;
        let admin = (id == ADMIN_QUEUE) == (queue.completion == ADMIN_QUEUE);
        let completion = queues.completion.get(usize::from(queue.completion));
        let there = admin && completion.is_some_and(Option::is_some);
        sound(there, "the completion queue of a queue", queue.completion)?;
    }
    for (id, queue) in (0_u16..).zip(&queues.completion) {
        let Some(queue) = queue else {
            sound(id != ADMIN_QUEUE || !ready, "the admin queue", id)?;
            continue;
        };
        sound(usize::from(id) <= last, "the id of a queue", id)?;
        ring(&queue.ring)?;
        size(id, &queue.ring)?;
        let known = queue.vector < staged.config.vectors;
        sound(known, "the vector of a queue", queue.vector)?;
    }
    Ok(())
}

fn size(id: u16, ring: &Ring) -> Result<(), Refusal> {
    let most = match id {
        ADMIN_QUEUE => MAX_ADMIN_ENTRIES,
        _ => MAX_ENTRIES,
    };
    sound(
        u32::from(ring.size) <= most,
        "the size of a queue",
        ring.size,
    )
}

/// As many as AQA can name (3.1.8).
const MAX_ADMIN_ENTRIES: u32 = crate::spec::registers::aqa::ASQS.max() as u32 + 1;

fn features(staged: &Controller) -> Result<(), Refusal> {
    let features = &staged.features;
    let arbitration = u64::from(features.arbitration);
    sound(
        arbitration & !ARBITRATION_ALL == 0,
        "arbitration",
        arbitration,
    )?;
    let power = u64::from(features.power);
    let known = power & !POWER_ALL == 0 && !POWER_STATE.any(power);
    sound(known, "power management", power)?;
    let vectors = u32::MAX.wrapping_shr(u32::from(32_u16.saturating_sub(staged.config.vectors)));
    let off = features.not_coalesced;
    sound(off & !vectors == 0, "vectors without coalescing", off)
}

fn events(staged: &Controller) -> Result<(), Refusal> {
    let events = &staged.events;
    let gap = events.requests.iter().skip_while(|place| place.is_some());
    let packed = gap.into_iter().all(Option::is_none);
    sound(packed, "the order of requests for events", 0_u8)?;
    let [error, health] = events.pending;
    if let Some(what) = error {
        let known = [INVALID_REGISTER, INVALID_VALUE].contains(&what);
        sound(known, "an error event", what)?;
    }
    if let Some(what) = health {
        sound(what == TEMPERATURE, "a health event", what)?;
    }
    Ok(())
}

fn errors(staged: &Controller) -> Result<(), Refusal> {
    let mut wanted = staged.errors.count;
    for entry in &staged.errors.entries {
        sound(entry.count == wanted, "the number of an error", entry.count)?;
        wanted = wanted.saturating_sub(1);
    }
    Ok(())
}

fn job(staged: &Controller) -> Result<(), Refusal> {
    let Some(job) = &staged.job else {
        return Ok(());
    };
    let opcode = job.command.opcode();
    let known = match opcode {
        nvm::WRITE_ZEROES => true,
        nvm::DATASET => AD.any(job.command.get(CDW11)),
        _ => false,
    };
    let known = known && staged.changes_contents(opcode).is_some();
    sound(known, "a command at work", opcode)?;
    let queue = staged.queues.submission.get(usize::from(job.queue));
    let queue = queue
        .copied()
        .flatten()
        .filter(|_| job.queue != ADMIN_QUEUE);
    let room = queue.is_some_and(|queue| staged.queues.has_room(queue.completion));
    sound(room, "the queue of a command at work", job.queue)?;
    sound(job.range <= job.ranges(), "ranges that are done", job.range)?;
    let inside = job.blocks <= staged.config.blocks;
    sound(inside, "blocks that are done", job.blocks)
}
