// SPDX-License-Identifier: GPL-2.0

//! Measures, in one process and one run of a virtual machine, how fast the contents of an NVMe
//! device move, as ratios to reading and writing a memfd; how much is sent while it is stopped and
//! how long that takes; and how much memory a device takes.
//!
//! Documentation/bench.md says how it is done and what came out. To be run as root in a virtual
//! machine that counts instructions, by scripts/bench.sh.

#![forbid(unsafe_code)]

mod downtime;
mod footprint;
mod meminfo;
mod report;
mod throughput;
mod world;

use measuring::machine::Result;
use report::Report;
use std::process::ExitCode;
use world::World;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (Some(modules), None) = (arguments.next(), arguments.next()) else {
        eprintln!("usage: mdev-bench-stream FOLDER-OF-OUR-MODULES");
        return ExitCode::from(2);
    };
    let mut report = Report::default();
    match run(&modules, &mut report) {
        Ok(()) => report.finish(),
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(modules: &str, report: &mut Report) -> Result<()> {
    report.method();
    let world = World::new(modules)?;
    report.footprint(&footprint::measure(&world)?);
    report.throughput(&throughput::measure(&world)?);
    report.downtime(&downtime::measure(&world)?);
    world.end()
}
