// SPDX-License-Identifier: GPL-2.0

//! A deterministic simulation: two NVMe drives, and a guest that is migrated from one to the other
//! and back, while anything goes wrong that can.
//!
//! A seed makes a world. In it a guest's driver makes queues and sends commands of all kinds, good
//! and bad, and holds every answer against what it must be: a disk that it keeps beside the real
//! one, counters, features, events. A client migrates it at any moment, by either interface of VFIO,
//! finishes it, gives it up, or spoils the bytes on their way. Memory is there or not. Nothing else
//! decides what happens, so whatever fails does so again with the same seed.
//!
//! | variable | what |
//! |---|---|
//! | `SIM_SECONDS` | how long (30) |
//! | `SIM_SEED` | only the world of that seed |
//! | `SIM_FROM` | the first seed (1) |
//!
//! | module | what it holds |
//! |---|---|
//! | `world` | the hosts, the guest, and the steps |
//! | `vmm` | a migration, as clients make it |
//! | `host`, `device` | the migration machine and a drive, with both interfaces in front |
//! | `guest` | the driver in the guest, and what it knows |
//! | `disk` | what the namespace must hold |
//! | `store` | memory of the drive, which can fail |
//!
//! The guest's memory, which can fail too, is the crate `guest_ram`.

mod chance;
mod device;
mod disk;
mod guest;
mod host;
mod store;
mod vmm;
mod world;

use std::time::{Duration, Instant};
use world::{Happened, STEP};

/// The steps of a world.
const STEPS: u64 = 6000;

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok().filter(|text| !text.is_empty())?;
    match text.parse() {
        Ok(number) => Some(number),
        Err(_) => panic!("{name} is '{text}', must be a number"),
    }
}

fn add(all: &mut Happened, one: &Happened) {
    macro_rules! sum {
        ($($field:ident $(. $more:ident)?),* $(,)?) => {
            $( all.$field $(.$more)? += one.$field $(.$more)?; )*
        };
    }
    sum!(
        worlds,
        steps,
        begun,
        by_v1,
        by_v2,
        cancelled,
        refused,
        again,
        initial_done
    );
    sum!(pending_checked, store_failures, memory_failures);
    sum!(
        guest.commands,
        guest.errors,
        guest.bytes,
        guest.resets,
        guest.events,
        guest.still
    );
}

fn show(all: &Happened, time: Duration) {
    println!(
        "sim: {} worlds, {} steps, {} commands ({} failed as they must), {} MiB checked, {} resets, \
         {} events, Bus Master Enable taken away {} times, in {:.0} s",
        all.worlds,
        all.steps,
        all.guest.commands,
        all.guest.errors,
        all.guest.bytes >> 20,
        all.guest.resets,
        all.guest.events,
        all.guest.still,
        time.as_secs_f64(),
    );
    println!(
        "sim: {} migrations: {} done by v1, {} by v2, {} given up ({} refused by the target), \
         {} begun again",
        all.begun, all.by_v1, all.by_v2, all.cancelled, all.refused, all.again,
    );
    println!(
        "sim: {} failures of stores, {} of guest memory; pending bytes held true {} times, initial \
         bytes seen at 0 {} times",
        all.store_failures, all.memory_failures, all.pending_checked, all.initial_done,
    );
}

fn main() {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        hook(info);
        let (seed, step) = STEP.get();
        eprintln!(
            "sim: FAILED in the world of seed {seed}, step {step}; again with SIM_SEED={seed}"
        );
    }));
    let begin = Instant::now();
    if let Some(seed) = number("SIM_SEED") {
        let happened = world::run(seed, STEPS);
        show(&happened, begin.elapsed());
        return;
    }
    let seconds = Duration::from_secs(number("SIM_SECONDS").unwrap_or(30));
    let mut all = Happened::default();
    let mut said = begin;
    for seed in number("SIM_FROM").unwrap_or(1).. {
        add(&mut all, &world::run(seed, STEPS));
        if begin.elapsed() >= seconds {
            break;
        }
        if said.elapsed() >= Duration::from_secs(15) {
            said = Instant::now();
            println!(
                "sim: {:4.0} s: {} worlds, {} commands, {} migrations done",
                begin.elapsed().as_secs_f64(),
                all.worlds,
                all.guest.commands,
                all.by_v1 + all.by_v2
            );
        }
    }
    show(&all, begin.elapsed());
    // A simulation in which something never happens says nothing about it.
    let never = [
        ("command", all.guest.commands),
        ("failing command", all.guest.errors),
        ("reset", all.guest.resets),
        ("event", all.guest.events),
        ("time without Bus Master Enable", all.guest.still),
        ("migration by v1", all.by_v1),
        ("migration by v2", all.by_v2),
        ("migration given up", all.cancelled),
        ("refused stream", all.refused),
        ("save begun again", all.again),
        ("failing store", all.store_failures),
        ("failing memory", all.memory_failures),
        ("check of pending bytes", all.pending_checked),
        ("first pass done", all.initial_done),
    ];
    for (what, count) in never {
        assert!(count > 0, "no {what} in {} worlds", all.worlds);
    }
}
