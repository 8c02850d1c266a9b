// SPDX-License-Identifier: GPL-2.0

//! How making a device grows with the number of devices that there are, and whose growth it is.
//!
//! The mdev core keeps all devices of all drivers in one list and looks through it for the UUID
//! before it calls a driver. So a device of the C sample, made while our devices fill the list,
//! costs the same scan as one of ours; what ours costs more is the driver's and the parent's.

use crate::lifecycle::{lives, Life};
use measuring::{
    machine::{during, Fleet, Result, Type},
    sample::{interleaved, Cost, Subject},
};
use std::{io, path::Path};

/// EEXIST: there is a device with this UUID.
const EXISTS: i32 = 17;

/// What one more device costs, beside a fleet of ours.
pub(crate) struct Growth {
    /// Ours, on the parent with the fleet.
    pub(crate) crowded: Life,
    /// Ours, on a parent with no other.
    pub(crate) empty: Life,
    /// The C sample's, with no other.
    pub(crate) theirs: Life,
    /// The core's look through its list alone: a UUID that is the last of it is refused, minus
    /// one that is the first.
    pub(crate) scan: f64,
}

/// Measures all four.
pub(crate) fn measure(
    fleet: &Fleet<'_>,
    crowded: &Type,
    empty: &Type,
    theirs: &Type,
) -> Result<Growth> {
    let lives = lives(&[crowded, empty, theirs], &fleet.unused())?;
    let &[crowded_life, empty_life, their_life] = lives.as_slice() else {
        return Err("lives of three types were to be measured".to_owned());
    };
    let twice = |uuid: String| Subject::new(Path::new("/"), move || exists(crowded, &uuid));
    let costs = interleaved(&mut [twice(fleet.newest()), twice(fleet.oldest())]);
    let costs = costs.map_err(during("making a device twice"))?;
    let &[Cost { median: first, .. }, Cost { median: last, .. }] = costs.as_slice() else {
        return Err("two refusals were to be measured".to_owned());
    };
    Ok(Growth {
        crowded: crowded_life,
        empty: empty_life,
        theirs: their_life,
        scan: last - first,
    })
}

fn exists(kind: &Type, uuid: &str) -> io::Result<()> {
    match kind.create(uuid) {
        Err(error) if error.raw_os_error() == Some(EXISTS) => Ok(()),
        answer => Err(io::Error::other(format!(
            "a second device {uuid} was answered {answer:?}, not EEXIST"
        ))),
    }
}
