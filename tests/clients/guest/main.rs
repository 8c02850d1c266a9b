// SPDX-License-Identifier: GPL-2.0
//! Process 1 of the guest that real clients migrate.
//!
//! A line for each event goes to the virtio port `events`. By itself the guest drives the serial ports of
//! PCI devices ([`serial`]):
//!
//! ```text
//! hello boot=1f6a2b3c kernel=7.3.4+deb13-amd64
//! port name=ttyS4 device=0000:00:02.0 lane=0
//! ready ports=1
//! progress time=1.250 of=ttyS4 from=0 frames=17 bytes=612 irqs=103 faults=0
//! fault port=ttyS4 at=5321: frame 140 was expected, 142 came
//! stall port=ttyS4: nothing came for 30 s, 3 frames are on their way
//! ```
//!
//! With a disk of programs it is told what to do, by lines from the same port ([`commands`]). `<` is
//! what it is told:
//!
//! ```text
//! hello boot=1f6a2b3c kernel=7.3.4+deb13-amd64
//! ready programs=/dev/vda
//! < run 1 uname -m
//! out 1 x86_64
//! done 1 status=0
//! < watch nvme0n1
//! progress time=1.250 of=nvme0n1 reads=12 writes=7 irqs=21
//! < keep 2 fio --loops=1000000 ...
//! fault 2 ended with status 1: fio: verification failed
//! ```
//!
//! The kernel's command line may have:
//!
//! - `mdev.programs=DEVICE`: the disk of programs;
//! - `mdev.trigger=N`: the receive trigger level of serial ports;
//! - `mdev.burst=N`: how many bytes of a port may be on their way at most (as many as its FIFO's driver
//!   takes). The kernel's own C mtty loses a burst that fills its FIFO to the last byte.

#![forbid(unsafe_code)]

mod commands;
mod events;
mod frame;
mod port;
mod programs;
mod serial;
mod watch;

use std::convert::Infallible;
use std::fs;
use std::path::Path;

use events::Events;
use rustix::mount::{mount, MountFlags};

type Failure = Box<dyn std::error::Error>;

fn main() {
    let failure = match run() {
        Ok(never) => match never {},
        Err(failure) => failure,
    };
    // Whoever listens, on the port if there is one, on the console in any case.
    eprintln!("fault {failure}");
    if let Ok(events) = Events::open() {
        // The console has it; nothing is left to tell of a failure here.
        let _ = events.say(&format!("fault {failure}"));
    }
    loop {
        std::thread::park();
    }
}

fn run() -> Result<Infallible, Failure> {
    mount_system(Path::new("/"))?;
    let events = Events::open()?;
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
    let release = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let boot = boot.split('-').next().unwrap_or_default();
    events.say(&format!("hello boot={boot} kernel={}", release.trim()))?;

    if let Some(disk) = option("mdev.programs")? {
        programs::enter(&disk)?;
        events.say(&format!("ready programs={disk}"))?;
        return commands::obey(events);
    }
    let trigger = option("mdev.trigger")?;
    let burst = match option("mdev.burst")? {
        Some(number) => number
            .parse()
            .map_err(|error| format!("mdev.burst={number}: {error}"))?,
        None => usize::MAX,
    };
    serial::run(trigger.as_deref(), burst, &events)
}

/// What all programs expect of the kernel, below this folder.
fn mount_system(root: &Path) -> Result<(), Failure> {
    for (kind, at) in [("proc", "proc"), ("sysfs", "sys"), ("devtmpfs", "dev")] {
        mount_at(kind, kind, &root.join(at), MountFlags::empty())?;
    }
    Ok(())
}

fn mount_at(source: &str, kind: &str, at: &Path, flags: MountFlags) -> Result<(), Failure> {
    match mount(source, at, kind, flags, None) {
        // The kernel may have mounted /dev by itself.
        Ok(()) | Err(rustix::io::Errno::BUSY) => Ok(()),
        Err(error) => Err(format!("mount {source} at {}: {error}", at.display()).into()),
    }
}

/// An option of the kernel's command line.
fn option(name: &str) -> Result<Option<String>, Failure> {
    Ok(fs::read_to_string("/proc/cmdline")?
        .split_whitespace()
        .filter_map(|word| word.split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value.to_owned()))
}
