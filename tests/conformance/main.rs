// SPDX-License-Identifier: GPL-2.0

//! `vfio-conform`: holds a VFIO device against what user space may expect of one that migrates.
//!
//! It opens the device itself, by its group and a type1 container or by iommufd, and makes the
//! system calls that clients make, and those that no client would make. It prints KTAP. Each test
//! runs in a process of its own, on a device that was just opened.
//!
//! The tests are in `groups`, one file for each part of the interface; `table` says what each
//! request for a state must do; `runner` runs and judges; the crate `vfio-client` has the system calls.

mod case;
mod groups;
mod ktap;
mod runner;
mod table;

use case::{Risk, Settings, Test};
use clap::Parser;
use std::{process::ExitCode, time::Duration};
use target::Target;
use vfio_client::{device, sys, target};

/// Holds a VFIO device against what user space may expect of one that migrates, and prints KTAP.
#[derive(Parser, Debug)]
#[command(version)]
struct Arguments {
    /// The device: its path in sysfs, or the UUID of a mediated device
    #[arg(required_unless_present = "list")]
    device: Option<String>,
    /// A second device of the same kind, which loads what the first saved
    #[arg(long, value_name = "DEVICE")]
    peer: Option<String>,
    /// Only tests whose name contains this; a leading ^ anchors it at the start
    #[arg(long, value_name = "PATTERN")]
    only: Vec<String>,
    /// Not the tests whose name contains this
    #[arg(long, value_name = "PATTERN")]
    except: Vec<String>,
    /// Print the names of the tests and what each says, and run none
    #[arg(long)]
    list: bool,
    /// Skip the tests that corrupt the kernel's memory if the driver has a known kind of bug
    #[arg(long)]
    spare_kernel: bool,
    /// Open devices by /dev/vfio/devices and iommufd
    #[arg(long)]
    iommufd: bool,
    /// The device may be removed and created again (mediated devices only)
    #[arg(long)]
    may_remove: bool,
    /// The protocols that the device must offer and no others: none, v1, v2 or v1,v2
    #[arg(long, value_delimiter = ',')]
    protocols: Option<Vec<String>>,
    /// Seconds that a test may take
    #[arg(long, default_value_t = 60, value_name = "SECONDS")]
    timeout: u64,
    /// How often what is repeated is repeated
    #[arg(long, default_value_t = 100, value_name = "COUNT")]
    rounds: usize,
    /// What the random numbers of the storms come from
    #[arg(long, default_value_t = 1, value_name = "NUMBER")]
    seed: u64,
}

impl Arguments {
    fn chooses(&self, test: &Test) -> bool {
        let matches = |pattern: &String| match pattern.strip_prefix('^') {
            Some(start) => test.name.starts_with(start),
            None => test.name.contains(pattern),
        };
        (self.only.is_empty() || self.only.iter().any(matches)) && !self.except.iter().any(matches)
    }

    fn settings(&self) -> Result<Settings, String> {
        let device = self.device.as_deref().unwrap_or_default();
        let peer = self
            .peer
            .as_deref()
            .map(|peer| Target::find(peer, self.iommufd))
            .transpose()?;
        Ok(Settings {
            target: Target::find(device, self.iommufd)?,
            peer,
            rounds: self.rounds,
            seed: self.seed,
            may_remove: self.may_remove,
            protocols: self.protocols.clone(),
        })
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let tests: Vec<Test> = groups::all()
        .into_iter()
        .filter(|test| arguments.chooses(test))
        .collect();
    if arguments.list {
        for test in &tests {
            println!("{:<44} {}", test.name, test.says);
            if let Risk::Memory(bug) = test.risk {
                println!("{:<44} skipped by --spare-kernel: {bug}", "");
            }
        }
        return ExitCode::SUCCESS;
    }
    let settings = match arguments.settings() {
        Ok(settings) => settings,
        Err(text) => {
            eprintln!("vfio-conform: {text}");
            return ExitCode::from(2);
        }
    };
    if tests.is_empty() {
        eprintln!("vfio-conform: no test has such a name (--list shows them)");
        return ExitCode::from(2);
    }
    // What cannot be opened at all is no finding of any test.
    for target in [Some(&settings.target), settings.peer.as_ref()]
        .into_iter()
        .flatten()
    {
        if let Err(text) = target.open() {
            eprintln!("vfio-conform: {text}");
            return ExitCode::from(2);
        }
    }
    runner::run(
        &tests,
        &settings,
        Duration::from_secs(arguments.timeout),
        arguments.spare_kernel,
    )
}
