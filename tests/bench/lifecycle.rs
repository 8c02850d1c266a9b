// SPDX-License-Identifier: GPL-2.0

//! What making a device and removing it costs.

use measuring::{
    machine::{device, during, open_to_write, Fleet, Result, Type},
    sample::{nanoseconds, Cost},
};
use std::{
    io::Write,
    thread,
    time::{Duration, Instant},
};

/// How many lives are timed.
const LIVES: usize = 101;

/// The rest before each life. What a life leaves for later (read-copy-update frees in batches,
/// workers release) runs in it, where nothing is timed, instead of in some life after it.
const REST: Duration = Duration::from_millis(5);

/// A device's two events.
#[derive(Clone, Copy)]
pub(crate) struct Life {
    /// The write to `create`.
    pub(crate) create: Cost,
    /// The write to `remove`.
    pub(crate) remove: Cost,
    /// Both.
    pub(crate) both: Cost,
}

/// Times lives of one more device of each type, in turn. Nothing but the two writes is timed:
/// opening and closing the files that take them is not.
pub(crate) fn lives(types: &[&Type], uuid: &str) -> Result<Vec<Life>> {
    let mut samples = vec![[Vec::new(), Vec::new(), Vec::new()]; types.len()];
    for round in 0..=LIVES {
        for (kind, samples) in types.iter().zip(&mut samples) {
            let (create, remove) = life(kind, uuid)?;
            // The first life fills caches.
            if round > 0 {
                for (list, sample) in samples.iter_mut().zip([create, remove, create + remove]) {
                    list.push(nanoseconds(sample));
                }
            }
        }
    }
    let costs = samples.into_iter().map(|[create, remove, both]| Life {
        create: Cost::of(create),
        remove: Cost::of(remove),
        both: Cost::of(both),
    });
    Ok(costs.collect())
}

/// How long creating one device takes, and removing it.
fn life(kind: &Type, uuid: &str) -> Result<(Duration, Duration)> {
    thread::sleep(REST);
    let doing = || format!("one more device in {}", kind.directory.display());
    let start = Instant::now();
    kind.create(uuid).map_err(during(doing()))?;
    let create = start.elapsed();

    let path = device(uuid).join("remove");
    let mut file = open_to_write(&path)?;
    let start = Instant::now();
    file.write_all(b"1").map_err(during(path.display()))?;
    Ok((create, start.elapsed()))
}

/// For each type, its lives at each of some numbers of existing devices of that same type, which
/// are the only ones.
pub(crate) fn compare(types: &[&Type], counts: &[usize]) -> Result<Vec<Vec<Life>>> {
    let mut results = Vec::new();
    for kind in types {
        let mut fleet = Fleet::new(kind);
        let mut of_type = Vec::new();
        for &count in counts {
            fleet.grow(count)?;
            of_type.extend(lives(&[kind], &fleet.unused())?);
        }
        fleet.clear()?;
        results.push(of_type);
    }
    Ok(results)
}
