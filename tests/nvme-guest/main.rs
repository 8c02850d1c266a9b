// SPDX-License-Identifier: GPL-2.0

//! `nvme-guest`: one thing that a guest does with an NVMe controller behind VFIO, or a client with
//! its migration. It says what it saw, and ends with status 1 if that was not as it must be.
//!
//! What can be asked for is in [`TASKS`], in files by what they are about.

#![forbid(unsafe_code)]

mod basic;
mod hostile;
mod inherited;
mod interrupting;
mod logged;
mod mastering;
mod media;
mod moves;
mod refused;

use clap::{Parser, ValueEnum};
use nvme_guest::{controller::Guest, interrupts::Kind, migration::Protocol, Result};
use std::process::ExitCode;
use vfio_client::target::Target;

/// One thing that can be asked for.
struct Task {
    name: &'static str,
    says: &'static str,
    run: fn(&Settings) -> Result,
}

const TASKS: &[&[Task]] = &[
    basic::TASKS,
    interrupting::TASKS,
    mastering::TASKS,
    media::TASKS,
    moves::TASKS,
    inherited::TASKS,
    logged::TASKS,
    refused::TASKS,
    hostile::TASKS,
];

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Interrupts {
    Intx,
    Msi,
    Msix,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum By {
    V1,
    V2,
}

/// Drives an NVMe controller behind VFIO without an operating system.
#[derive(Parser, Debug)]
#[command(version)]
struct Arguments {
    /// What to do (--list shows all)
    #[arg(required_unless_present = "list")]
    task: Option<String>,
    /// The device: its path in sysfs, or the UUID of a mediated device
    #[arg(required_unless_present = "list")]
    device: Option<String>,
    /// A second device
    #[arg(long, value_name = "DEVICE")]
    peer: Option<String>,
    /// Open devices by /dev/vfio/devices and iommufd
    #[arg(long)]
    iommufd: bool,
    /// The kind of interrupts
    #[arg(long, value_enum, default_value = "msix")]
    interrupts: Interrupts,
    /// The protocol of a migration
    #[arg(long, value_enum, default_value = "v2")]
    protocol: By,
    /// What contents and choices follow from
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How long something that has no end of its own goes on
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// How much of the media is meant, in KiB
    #[arg(long, default_value_t = 4096)]
    kib: u64,
    /// Print what can be asked for
    #[arg(long)]
    list: bool,
}

/// What was asked for.
struct Settings {
    target: Target,
    peer: Option<Target>,
    kind: Kind,
    protocol: Protocol,
    seed: u64,
    seconds: u64,
    bytes: u64,
}

impl Settings {
    fn of(arguments: &Arguments) -> Result<Self> {
        let find = |text: &str| Target::find(text, arguments.iommufd);
        Ok(Self {
            target: find(arguments.device.as_deref().unwrap_or_default())?,
            peer: arguments.peer.as_deref().map(find).transpose()?,
            kind: match arguments.interrupts {
                Interrupts::Intx => Kind::Intx,
                Interrupts::Msi => Kind::Msi,
                Interrupts::Msix => Kind::Msix,
            },
            protocol: match arguments.protocol {
                By::V1 => Protocol::V1,
                By::V2 => Protocol::V2,
            },
            seed: arguments.seed,
            seconds: arguments.seconds,
            bytes: arguments.kib << 10,
        })
    }

    /// The device with its controller brought up.
    fn guest(&self) -> Result<Guest> {
        Guest::up(&self.target, self.kind, 64)
    }

    fn peer(&self) -> Result<&Target> {
        self.peer
            .as_ref()
            .ok_or_else(|| "no second device (--peer)".to_owned())
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut all = TASKS.iter().copied().flatten();
    if arguments.list {
        all.for_each(|task| println!("{:<14} {}", task.name, task.says));
        return ExitCode::SUCCESS;
    }
    let name = arguments.task.clone().unwrap_or_default();
    let Some(task) = all.find(|task| task.name == name) else {
        eprintln!("nvme-guest: nothing is called {name} (--list shows what there is)");
        return ExitCode::from(2);
    };
    match Settings::of(&arguments).and_then(|settings| (task.run)(&settings)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => {
            eprintln!("nvme-guest: {name}: {text}");
            ExitCode::FAILURE
        }
    }
}
