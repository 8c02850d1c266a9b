// SPDX-License-Identifier: GPL-2.0
//! Process 1 of the guest that real clients migrate.
//!
//! It finds the serial ports of PCI devices and sends checked frames through all of them for
//! ever; the device loops them back, to the same port or to another. What comes back must be
//! what was sent, byte by byte. A line for each event goes to the virtio port `events`:
//!
//! ```text
//! hello boot=1f6a2b3c kernel=7.3.4+deb13-amd64
//! port name=ttyS4 device=0000:00:02.0 lane=0
//! ready ports=1
//! progress time=1.250 port=ttyS4 from=0 frames=17 bytes=612 irqs=103 faults=0
//! fault port=ttyS4 at=5321: frame 140 was expected, 142 came
//! stall port=ttyS4: nothing came for 30 s, 3 frames are on their way
//! ```
//!
//! The kernel's command line may have `mdev.trigger=N`, the receive trigger level to set, and
//! `mdev.burst=N`, how many bytes of a port may be on their way at most (as many as its FIFO's
//! driver takes). The kernel's own C mtty loses a burst that fills its FIFO to the last byte.

#![forbid(unsafe_code)]

mod frame;
mod port;

use std::fs::{self, File};
use std::io::Write;
use std::time::{Duration, Instant};

use port::Port;
use rustix::event::{poll, PollFd, PollFlags, Timespec};
use rustix::mount::{mount, MountFlags};

/// So many frames of a port may be on their way: enough that the device is never idle.
const WINDOW: u32 = 8;
/// How often a port's progress is reported, while there is some.
const REPORT: Duration = Duration::from_millis(250);
/// A port from which nothing came for so long has lost a byte or an interrupt.
const STALL: Duration = Duration::from_secs(30);

type Failure = Box<dyn std::error::Error>;

fn main() {
    let failure = match run() {
        Ok(never) => match never {},
        Err(failure) => failure,
    };
    // Whoever listens, on the port if there is one, on the console in any case.
    eprintln!("fault {failure}");
    if let Ok(mut events) = open_events() {
        // The console has it; nothing is left to tell of a failure here.
        let _ = writeln!(events, "fault {failure}");
    }
    loop {
        std::thread::park();
    }
}

fn run() -> Result<std::convert::Infallible, Failure> {
    for (kind, at) in [("proc", "/proc"), ("sysfs", "/sys"), ("devtmpfs", "/dev")] {
        match mount(kind, at, kind, MountFlags::empty(), None) {
            // The kernel may have mounted /dev by itself.
            Ok(()) | Err(rustix::io::Errno::BUSY) => {}
            Err(error) => return Err(format!("mount {at}: {error}").into()),
        }
    }
    let mut events = open_events()?;
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
    let release = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let boot = boot.split('-').next().unwrap_or_default();
    writeln!(events, "hello boot={boot} kernel={}", release.trim())?;

    let trigger = option("mdev.trigger")?;
    let burst = match option("mdev.burst")? {
        Some(number) => number
            .parse()
            .map_err(|error| format!("mdev.burst={number}: {error}"))?,
        None => usize::MAX,
    };
    let mut ports = port::all(trigger.as_deref())?;
    for port in &ports {
        writeln!(
            events,
            "port name={} device={} lane={}",
            port.name,
            port.device,
            port.lane()
        )?;
    }
    if ports.is_empty() {
        return Err("no PCI device has a serial port".into());
    }
    writeln!(events, "ready ports={}", ports.len())?;
    exchange(&mut ports, burst, &mut events)
}

/// Sends and checks for ever.
fn exchange(
    ports: &mut [Port],
    burst: usize,
    events: &mut File,
) -> Result<std::convert::Infallible, Failure> {
    let start = Instant::now();
    let mut reported = start;
    loop {
        // A frame counts as arrived wherever the device delivers it.
        let arrived: Vec<(u32, u64)> = (0..ports.len())
            .map(|lane| port::arrived(ports, lane))
            .collect();
        for (port, arrived) in ports.iter_mut().zip(arrived) {
            port.send(arrived, WINDOW, burst)?;
        }
        wait(ports)?;
        let now = Instant::now();
        for port in ports.iter_mut() {
            for fault in port.receive(now)? {
                writeln!(events, "fault port={} {fault}", port.name)?;
            }
        }
        if now - reported < REPORT {
            continue;
        }
        reported = now;
        let time = (now - start).as_secs_f64();
        for port in ports.iter_mut() {
            if let Some(line) = port.progress()? {
                writeln!(events, "progress time={time:.3} {line}")?;
            }
            if let Some(line) = port.stalled(now, STALL) {
                writeln!(events, "stall {line}")?;
            }
        }
    }
}

/// Until a port has something, takes something that waits, or a report is due.
fn wait(ports: &[Port]) -> Result<(), Failure> {
    let mut polled: Vec<PollFd<'_>> = ports
        .iter()
        .map(|port| {
            let mut flags = PollFlags::IN;
            flags.set(PollFlags::OUT, port.waits_to_send());
            PollFd::new(port.file(), flags)
        })
        .collect();
    let limit = Timespec {
        tv_sec: 0,
        tv_nsec: i64::from(REPORT.subsec_nanos()),
    };
    match poll(&mut polled, Some(&limit)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(format!("poll: {error}").into()),
    }
}

/// The virtio port that the harness listens to.
fn open_events() -> Result<File, Failure> {
    for entry in fs::read_dir("/sys/class/virtio-ports")? {
        let entry = entry?;
        let name = fs::read_to_string(entry.path().join("name")).unwrap_or_default();
        if name.trim() == "events" {
            let path = std::path::Path::new("/dev").join(entry.file_name());
            return Ok(File::options().write(true).open(path)?);
        }
    }
    Err("no virtio port has the name events".into())
}

/// An option of the kernel's command line.
fn option(name: &str) -> Result<Option<String>, Failure> {
    Ok(fs::read_to_string("/proc/cmdline")?
        .split_whitespace()
        .filter_map(|word| word.split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value.to_owned()))
}
