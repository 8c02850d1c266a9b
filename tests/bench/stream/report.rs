// SPDX-License-Identifier: GPL-2.0

//! The tables, and the goals that they are held against.

use crate::{
    downtime::{Stop, DIRTY},
    footprint::{Footprint, Full},
    throughput::{Way, WRITTEN},
};
use nvme_guest::migration::Protocol;
use std::process::ExitCode;

/// Contents may move at so much of a memfd's rate, at least.
const RATE: f64 = 0.9;

/// So many bytes may be sent while a device is stopped, for each that is dirty.
const SENT: f64 = 1.02;

/// A device that holds most may be stopped so much longer than one that holds least.
const FLAT: f64 = 1.05;

/// A device that holds nothing may take so much memory, in bytes.
const EMPTY: f64 = 300.0 * 1024.0;

const MIB: f64 = 1_048_576.0;

/// Which goals were missed.
pub(crate) struct Report {
    missed: Vec<String>,
}

impl Report {
    pub(crate) fn new() -> Self {
        Self { missed: Vec::new() }
    }

    pub(crate) fn method(&self) {
        println!(
            "\n# What it costs to move the contents of an NVMe device

One process is the guest and the client of the devices, without a virtual machine monitor; one
processor, whose clock advances by 1 ns with each instruction. Not in it: cache misses, and what
processors do with several instructions at once."
        );
    }

    fn goal(&mut self, what: &str, value: f64, limit: f64, least: bool) {
        let (good, word) = if least {
            (value >= limit, "at least")
        } else {
            (value <= limit, "at most")
        };
        let verdict = if good { "met" } else { "MISSED" };
        if !good {
            self.missed.push(what.to_owned());
        }
        println!("goal: {what}: {value:.3}, {word} {limit:.2}: {verdict}");
    }

    pub(crate) fn throughput(&mut self, ways: &[Way]) {
        println!(
            "\n## Contents of {:.0} MiB, beside a memfd of the same size\n",
            WRITTEN as f64 / MIB
        );
        println!(
            "| | instructions a 4 KiB page | of a memfd | rate, memfd = 1 | lowest..highest |"
        );
        println!("|---|---:|---:|---:|---:|");
        for way in ways {
            let page = |sample: f64| sample / (way.bytes as f64 / 4096.0);
            println!(
                "| {} | {:.0} | {:.0} | {:.3} | {:.0}..{:.0} |",
                way.what,
                page(way.ours.median),
                page(way.memfd.median),
                way.memfd.median / way.ours.median,
                page(way.ours.low),
                page(way.ours.high),
            );
        }
        println!();
        for way in ways {
            self.goal(way.what, way.memfd.median / way.ours.median, RATE, true);
        }
    }

    pub(crate) fn downtime(&mut self, all: &[(Protocol, Vec<Stop>)]) {
        println!("\n## Stopped, with {DIRTY} pages dirty of what the device holds\n");
        println!(
            "| | holds, MiB | stopped, ms | of that moving the rest | bytes sent for each dirty |"
        );
        println!("|---|---:|---:|---:|---:|");
        let dirty = (DIRTY * 4096) as f64;
        for (protocol, stops) in all {
            for stop in stops {
                println!(
                    "| {protocol:?} | {:.0} | {:.2} | {:.2} | {:.4} |",
                    stop.written as f64 / MIB,
                    stop.time / 1e6,
                    stop.moving / 1e6,
                    stop.bytes as f64 / dirty
                );
            }
        }
        println!();
        for (protocol, stops) in all {
            let (Some(least), Some(most)) = (stops.first(), stops.last()) else {
                continue;
            };
            let sent = stops
                .iter()
                .map(|stop| stop.bytes as f64 / dirty)
                .fold(0.0, f64::max);
            self.goal(
                &format!("sent for each dirty byte by {protocol:?}, the most"),
                sent,
                SENT,
                false,
            );
            let what = format!("stopped by {protocol:?}, with most contents over with least");
            self.goal(&what, most.time / least.time, FLAT, false);
        }
    }

    pub(crate) fn footprint(&mut self, (empty, full): &(Vec<Footprint>, Full)) {
        println!("\n## Memory of a device that holds nothing: KiB\n");
        println!("| type | made | and opened |");
        println!("|---|---:|---:|");
        for one in empty {
            println!(
                "| {} | {:.0} | {:.0} |",
                one.kind,
                one.made / 1024.0,
                one.open / 1024.0
            );
        }
        println!(
            "\nOne that holds {:.0} MiB takes {:.1} MiB more: {:.2} % over what it holds.\n",
            full.capacity as f64 / MIB,
            full.taken / MIB,
            (full.taken / full.capacity as f64 - 1.0) * 100.0
        );
        let most = empty.iter().map(|one| one.open).fold(0.0, f64::max);
        self.goal(
            "KiB of an empty device that is open, the most",
            most / 1024.0,
            EMPTY / 1024.0,
            false,
        );
    }

    pub(crate) fn finish(self) -> ExitCode {
        if self.missed.is_empty() {
            println!("\nall goals met");
            ExitCode::SUCCESS
        } else {
            println!("\n{} goals missed", self.missed.len());
            ExitCode::FAILURE
        }
    }
}
