// SPDX-License-Identifier: GPL-2.0

//! All fields of the state, in their order. Each structure is taken apart whole: one that gets
//! another field does not compile until the field is here.

use super::codec::{Codec, Plain, Refusal};
use super::VERSION;
use crate::command::Command;
use crate::config::{Config, Identity, Optional};
use crate::controller::Controller;
use crate::doorbell::Shadow;
use crate::errors::{Entry, ErrorLog};
use crate::events::Events;
use crate::features::Features;
use crate::health::Health;
use crate::interrupt::Raised;
use crate::io::Job;
use crate::queue::{Completion, Queues, Ring, Submission};
use crate::registers::Registers;
use crate::spec::command::SIZE;

/// Refuses what is not as it is here.
fn same(codec: &mut impl Codec, what: &'static str, here: u64) -> Result<(), Refusal> {
    let mut found = here;
    found.field(codec)?;
    if found == here {
        Ok(())
    } else {
        Err(Refusal::Differs { what, found, here })
    }
}

macro_rules! fields {
    ($codec:expr, $($field:expr),+ $(,)?) => {{ $( $field.field($codec)?; )+ }};
}

pub(super) fn all(controller: &mut Controller, codec: &mut impl Codec) -> Result<(), Refusal> {
    let Controller {
        own: _,
        config,
        born: _,
        identity,
        registers,
        queues,
        shadow,
        features,
        events,
        errors,
        health,
        job,
        turn,
        raised,
    } = controller;
    same(codec, "the version of the state", VERSION.into())?;
    // What was raised has been delivered; the line follows from the rest.
    *raised = Raised::default();
    fields_of_config(config, codec)?;
    let Identity {
        serial,
        nguid,
        uuid,
    } = identity;
    fields!(codec, serial, nguid, uuid);
    let Registers {
        cc,
        csts,
        aqa,
        asq,
        acq,
        masked,
    } = registers;
    fields!(codec, cc, csts, aqa, asq, acq, masked, turn);
    fields_of_queues(queues, codec)?;
    let blank = Shadow {
        doorbells: 0,
        events: 0,
    };
    codec.option(shadow, blank, |shadow, codec| {
        let Shadow { doorbells, events } = shadow;
        fields!(codec, doorbells, events);
        Ok(())
    })?;
    fields_of_features(features, codec)?;
    fields_of_events(events, codec)?;
    fields_of_errors(errors, codec)?;
    fields_of_health(health, codec)?;
    let blank = Job {
        queue: 0,
        command: Command([0; SIZE]),
        range: 0,
        blocks: 0,
    };
    codec.option(job, blank, |job, codec| {
        let Job {
            queue,
            command: Command(command),
            range,
            blocks,
        } = job;
        fields!(codec, queue, command, range, blocks);
        Ok(())
    })
}

fn fields_of_config(config: &mut Config, codec: &mut impl Codec) -> Result<(), Refusal> {
    let Config {
        blocks,
        block_size,
        queues,
        vectors,
        optional,
        vendor: _,
        subsystem_vendor: _,
        model: _,
        firmware: _,
    } = config;
    same(codec, "the namespace's size in blocks", *blocks)?;
    same(codec, "the size of a block", block_size.bytes() as u64)?;
    let Optional {
        compare,
        deallocate,
        write_zeroes,
    } = optional;
    fields!(codec, queues, vectors, compare, deallocate, write_zeroes);
    Ok(())
}

fn ring(ring: &mut Ring, codec: &mut impl Codec) -> Result<(), Refusal> {
    let Ring {
        base,
        size,
        head,
        tail,
    } = ring;
    fields!(codec, base, size, head, tail);
    Ok(())
}

fn fields_of_queues(queues: &mut Queues, codec: &mut impl Codec) -> Result<(), Refusal> {
    let Queues {
        submission,
        completion,
    } = queues;
    for queue in submission {
        codec.option(queue, Submission::new(0, 0, 0), |queue, codec| {
            let Submission {
                ring: entries,
                completion,
                refused,
                told,
            } = queue;
            *told = None;
            ring(entries, codec)?;
            fields!(codec, completion, refused);
            Ok(())
        })?;
    }
    for queue in completion {
        codec.option(queue, Completion::new(0, 0, 0, false), |queue, codec| {
            let Completion {
                ring: entries,
                phase,
                vector,
                interrupts,
                refused,
                told,
            } = queue;
            *told = None;
            ring(entries, codec)?;
            fields!(codec, phase, vector, interrupts, refused);
            Ok(())
        })?;
    }
    Ok(())
}

fn fields_of_features(features: &mut Features, codec: &mut impl Codec) -> Result<(), Refusal> {
    let Features {
        arbitration,
        power,
        over,
        under,
        recovery,
        cache,
        coalescing,
        not_coalesced,
        atomicity,
        events,
    } = features;
    fields!(
        codec,
        arbitration,
        power,
        over,
        under,
        recovery,
        cache,
        coalescing
    );
    fields!(codec, not_coalesced, atomicity, events);
    Ok(())
}

fn fields_of_events(events: &mut Events, codec: &mut impl Codec) -> Result<(), Refusal> {
    let Events {
        requests,
        pending,
        masked,
    } = events;
    for request in requests {
        codec.option(request, 0, |request, codec| request.field(codec))?;
    }
    for (what, masked) in pending.iter_mut().zip(masked) {
        codec.option(what, 0, |what, codec| what.field(codec))?;
        masked.field(codec)?;
    }
    Ok(())
}

fn fields_of_errors(errors: &mut ErrorLog, codec: &mut impl Codec) -> Result<(), Refusal> {
    let ErrorLog {
        entries,
        count: all,
    } = errors;
    all.field(codec)?;
    for entry in entries {
        let Entry {
            count,
            queue,
            command,
            status,
            location,
            lba,
            namespace,
        } = entry;
        fields!(codec, count, queue, command, status, location, lba, namespace);
    }
    Ok(())
}

fn fields_of_health(health: &mut Health, codec: &mut impl Codec) -> Result<(), Refusal> {
    let Health {
        read,
        written,
        reads,
        writes,
        power_cycles,
        unsafe_shutdowns,
        media_errors,
        busy,
        on,
        at,
    } = health;
    *at = None;
    fields!(codec, read, written, reads, writes, power_cycles);
    fields!(codec, unsafe_shutdowns, media_errors, busy, on);
    Ok(())
}
