// SPDX-License-Identifier: GPL-2.0

//! Measures, in one process and one run of a virtual machine, what the nodes and the life of a
//! device cost, as ratios to what the mdev core's own files and the kernel's C sample cost.
//!
//! Documentation/bench.md says how it is done and what came out. To be run as root in a virtual
//! machine that counts instructions, by scripts/bench.sh.

mod growth;
mod lifecycle;
mod nodes;
mod report;

use measuring::machine::{Fleet, Loaded, Result, Type};
use report::Report;
use std::process::ExitCode;

/// Parents of ours without hardware: one that gets crowded, one that stays empty.
const PARENTS: &str = "virtual_parents=2";

/// What the crowded parent has, in bytes: room for a device of the smallest type for each that
/// is ever made.
const CAPACITY: &str = "1099511627776";

/// How many devices there are while nodes and creations are measured.
const CROWDS: [usize; 4] = [10, 100, 1_000, 4_000];

/// How many while whole lives are compared with those in the C sample, which has 24 ports.
const FEW: [usize; 4] = [0, 5, 10, 20];

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (Some(modules), Some(peer), None) = (arguments.next(), arguments.next(), arguments.next())
    else {
        eprintln!("usage: mdev-bench FOLDER-OF-OUR-MODULES PATH-OF-THE-C-SAMPLE");
        return ExitCode::from(2);
    };
    let mut report = Report::default();
    match run(&modules, &peer, &mut report) {
        Ok(()) => report.finish(),
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(modules: &str, peer: &str, report: &mut Report) -> Result<()> {
    report.method();
    let nvme = Loaded::new(&format!("{modules}/mdev-nvme.ko"), &[PARENTS])?;
    let c_mtty = Loaded::new(peer, &[])?;
    let crowded = Type::find("mdev_nvme0", "mdev_nvme-16m")?;
    let empty = Type::find("mdev_nvme1", "mdev_nvme-16m")?;
    let local = Type::find("mdev_nvme0", "mdev_nvme-64m_local")?;
    let theirs = Type::find("mtty", "mtty-1")?;
    crowded.set_parent("settings/capacity", CAPACITY)?;

    let mut lives = lifecycle::compare(&[&theirs, &crowded, &local], &FEW)?;

    let mut fleet = Fleet::new(&crowded);
    let mut crowds = Vec::new();
    for count in CROWDS {
        fleet.grow(count)?;
        crowds.push((
            nodes::measure(&crowded, &fleet)?,
            growth::measure(&fleet, &crowded, &empty, &theirs)?,
        ));
    }
    fleet.clear()?;
    c_mtty.unload()?;

    // Both are called mtty, so that they cannot be there together.
    let ours = Loaded::new(&format!("{modules}/mdev-mtty.ko"), &[])?;
    let sample = Type::find("mtty", "mtty-1")?;
    lives.extend(lifecycle::compare(&[&sample], &FEW)?);
    ours.unload()?;
    nvme.unload()?;

    report.nodes(&CROWDS, &crowds);
    report.lives(&FEW, &lives);
    report.growth(&CROWDS, &crowds);
    Ok(())
}
