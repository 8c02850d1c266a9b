// SPDX-License-Identifier: GPL-2.0

//! The tables, and the goals that they are held against.

use crate::{
    downtime::{Stop, DIRTY},
    footprint::{Footprint, Full},
    throughput::{Way, WRITTEN},
};
use measuring::{
    goals::Goals,
    table::{heading, line},
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
#[derive(Default)]
pub(crate) struct Report {
    goals: Goals,
}

impl Report {
    pub(crate) fn method(&self) {
        println!(
            "\n# What it costs to move the contents of an NVMe device

One process is the guest and the client of the devices, without a virtual machine monitor; one
processor, whose clock advances by 1 ns with each instruction. Not in it: cache misses, and what
processors do with several instructions at once."
        );
    }

    pub(crate) fn throughput(&mut self, ways: &[Way]) {
        println!(
            "\n## Contents of {:.0} MiB, beside a memfd of the same size\n",
            WRITTEN as f64 / MIB
        );
        heading(
            "",
            &[
                "instructions a 4 KiB page",
                "of a memfd",
                "rate, memfd = 1",
                "lowest..highest",
            ],
        );
        for way in ways {
            let page = |sample: f64| sample / (way.bytes as f64 / 4096.0);
            let cells = [
                format!("{:.0}", page(way.ours.median)),
                format!("{:.0}", page(way.memfd.median)),
                format!("{:.3}", way.memfd.median / way.ours.median),
                format!("{:.0}..{:.0}", page(way.ours.low), page(way.ours.high)),
            ];
            line(way.what, cells);
        }
        println!();
        for way in ways {
            self.goals
                .at_least(way.what, way.memfd.median / way.ours.median, RATE);
        }
    }

    pub(crate) fn downtime(&mut self, all: &[(Protocol, Vec<Stop>)]) {
        println!("\n## Stopped, with {DIRTY} pages dirty of what the device holds\n");
        heading(
            "",
            &[
                "holds, MiB",
                "stopped, ms",
                "of that moving the rest",
                "bytes sent for each dirty",
            ],
        );
        let dirty = (DIRTY * 4096) as f64;
        for (protocol, stops) in all {
            for stop in stops {
                let cells = [
                    format!("{:.0}", stop.written as f64 / MIB),
                    format!("{:.2}", stop.time / 1e6),
                    format!("{:.2}", stop.moving / 1e6),
                    format!("{:.4}", stop.bytes as f64 / dirty),
                ];
                line(&format!("{protocol:?}"), cells);
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
            let what = format!("sent for each dirty byte by {protocol:?}, the most");
            self.goals.at_most(&what, sent, SENT);
            let what = format!("stopped by {protocol:?}, with most contents over with least");
            self.goals.at_most(&what, most.time / least.time, FLAT);
        }
    }

    pub(crate) fn footprint(&mut self, (empty, full): &(Vec<Footprint>, Full)) {
        println!("\n## Memory of a device that holds nothing: KiB\n");
        heading("type", &["made", "and opened"]);
        for one in empty {
            let cells = [one.made, one.open].map(|bytes| format!("{:.0}", bytes / 1024.0));
            line(one.kind, cells);
        }
        println!(
            "\nOne that holds {:.0} MiB takes {:.1} MiB more: {:.2} % over what it holds.\n",
            full.capacity as f64 / MIB,
            full.taken / MIB,
            (full.taken / full.capacity as f64 - 1.0) * 100.0
        );
        let most = empty.iter().map(|one| one.open).fold(0.0, f64::max);
        let what = "KiB of an empty device that is open, the most";
        self.goals.at_most(what, most / 1024.0, EMPTY / 1024.0);
    }

    pub(crate) fn finish(self) -> ExitCode {
        self.goals.finish()
    }
}
