// SPDX-License-Identifier: GPL-2.0

//! The tables, and the goals that they are held against.

use crate::{growth::Growth, lifecycle::Life, nodes::Measured};
use measuring::{
    goals::Goals,
    sample::Cost,
    table::{heading, line},
};
use std::process::ExitCode;

/// What was measured at one number of existing devices.
pub(crate) type Crowd = (Vec<Measured>, Growth);

/// Something that a life has a cost of.
type Part = (&'static str, fn(&Life) -> Cost);

/// A node may cost so much more than `name`.
const NODE: f64 = 1.5;

/// A node's cost may change so much from the fewest devices to the most.
const FLAT: f64 = 1.05;

/// A life may cost so much more than one in the C sample.
const LIFE: f64 = 1.0;

/// What was printed, in short: which goals were missed.
#[derive(Default)]
pub(crate) struct Report {
    goals: Goals,
}

impl Report {
    /// Says how it is measured.
    pub(crate) fn method(&self) {
        println!(
            "# What migration_version, migration_accepts and the life of a device cost

One process makes the system calls; one processor, whose clock advances by 1 ns with each
instruction, so that \"ns\" are instructions of kernel and user space together, plus the time in
which the processor had nothing to do. Each figure is the median of repeated samples. Not in it:
the cost of cache misses, and of a second processor that wants the same lock.
Nodes: 15 samples of 40 operations, those of all rows in turn; each row is divided by reading
name, an attribute of the mdev core, in the same way. Lives: 101 devices, made and removed one
after another with a rest before each; only the writes to create and remove are timed."
        );
    }

    /// The nodes, at each number of devices.
    pub(crate) fn nodes(&mut self, counts: &[usize], crowds: &[Crowd]) {
        let (Some((first, _)), Some(few), Some(most)) =
            (crowds.first(), counts.first(), counts.last())
        else {
            return;
        };
        println!("\n## Nodes, {few} devices: ns, and ratio to reading name in the same way\n");
        heading(
            "",
            &[
                "opened and closed",
                "",
                "on an open file",
                "",
                "lowest..highest",
            ],
        );
        for row in first {
            let cells = [
                format!("{:.0}", row.opened.median),
                format!("{:.2}", ratio(row.opened, first[0].opened)),
                format!("{:.0}", row.kept.median),
                format!("{:.2}", ratio(row.kept, first[0].kept)),
                format!("{:.0}..{:.0}", row.kept.low, row.kept.high),
            ];
            line(&row.what, cells);
        }
        println!(
            "\n## Nodes, by number of devices: opened and closed, ratio to reading name then\n"
        );
        heading("", counts);
        let mut growth = 0_f64;
        for (index, row) in first.iter().enumerate() {
            let ratios: Vec<_> = crowds
                .iter()
                .map(|(rows, _)| ratio(rows[index].opened, rows[0].opened))
                .collect();
            if let Some((last, _)) = crowds.last() {
                growth = growth.max(ratio(last[index].opened, row.opened));
            }
            line(&row.what, ratios.iter().map(|r| format!("{r:.2}")));
        }
        println!();
        for row in &first[1..] {
            let what = format!("{}, {few} devices", row.what);
            self.goals
                .at_most(&what, ratio(row.opened, first[0].opened), NODE);
        }
        let what = format!("the most that any node costs more with {most} devices than with {few}");
        self.goals.at_most(&what, growth, FLAT);
    }

    /// Lives of ours, the C sample's, and our sample's, at each number of devices.
    pub(crate) fn lives(&mut self, counts: &[usize], lives: &[Vec<Life>]) {
        let [theirs, nvme, local, sample] = lives else {
            return;
        };
        let ours = [
            ("mdev_nvme", nvme),
            ("mdev_nvme, type not migratable", local),
            ("mdev_mtty", sample),
        ];
        println!("\n## One more device: ns, and ratio to the C sample\n");
        heading("devices before", counts);
        let parts: [Part; 3] = [
            ("create", |l| l.create),
            ("remove", |l| l.remove),
            ("create+remove", |l| l.both),
        ];
        for (what, part) in parts {
            let cells = theirs.iter().map(|l| format!("{:.0}", part(l).median));
            line(&format!("{what}, C mtty"), cells);
            for (who, ours) in ours {
                let both = ours.iter().zip(theirs).map(|(o, t)| (part(o), part(t)));
                let cells = both.map(|(o, t)| format!("{:.0} ({:.3})", o.median, ratio(o, t)));
                line(&format!("{what}, {who}"), cells);
            }
        }
        println!();
        // Without the files of migration it is there for comparison alone.
        for (who, ours) in [("mdev_nvme", nvme), ("mdev_mtty", sample)] {
            let worst = ours.iter().zip(theirs).map(|(o, t)| ratio(o.both, t.both));
            let what = format!("create+remove of {who}, the most of C mtty's");
            self.goals.at_most(&what, worst.fold(0.0, f64::max), LIFE);
        }
    }

    /// How create grows, and whose growth it is.
    pub(crate) fn growth(&mut self, counts: &[usize], crowds: &[Crowd]) {
        let Some((_, first)) = crowds.first() else {
            return;
        };
        println!("\n## One more device beside many of mdev_nvme: ns\n");
        heading("devices before", counts);
        let row = |what: &str, value: &dyn Fn(&Growth) -> f64| {
            line(what, crowds.iter().map(|(_, g)| format!("{:.0}", value(g))));
        };
        row("create, C mtty", &|g| g.theirs.create.median);
        row("create, mdev_nvme, empty parent", &|g| {
            g.empty.create.median
        });
        row("create, mdev_nvme, parent of the many", &|g| {
            g.crowded.create.median
        });
        row("remove, C mtty", &|g| g.theirs.remove.median);
        row("remove, mdev_nvme, empty parent", &|g| {
            g.empty.remove.median
        });
        row("remove, mdev_nvme, parent of the many", &|g| {
            g.crowded.remove.median
        });
        row("the core's scan of its list", &|g| g.scan);
        let grown = |of: fn(&Growth) -> Cost| move |g: &Growth| of(g).median - of(first).median;
        let theirs = grown(|g| g.theirs.create);
        let empty = grown(|g| g.empty.create);
        let crowded = grown(|g| g.crowded.create);
        row("growth of create, C mtty", &theirs);
        row("growth beyond that, empty parent (the driver's)", &|g| {
            empty(g) - theirs(g)
        });
        row("growth beyond that, parent of the many", &|g| {
            crowded(g) - theirs(g)
        });
    }

    /// Says which goals were missed; that is a failure.
    pub(crate) fn finish(self) -> ExitCode {
        self.goals.finish()
    }
}

fn ratio(cost: Cost, base: Cost) -> f64 {
    cost.median / base.median
}
