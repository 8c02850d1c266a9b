// SPDX-License-Identifier: GPL-2.0
//! Serial ports of PCI devices: finding, opening, sending, receiving, counting.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::frame::{frame, Checker, Fault};
use crate::Failure;
use rustix::termios::{speed, tcgetattr, tcsetattr, OptionalActions};

/// One port that is sent to and received from.
pub(crate) struct Port {
    /// `ttyS4`
    pub(crate) name: String,
    /// The PCI function: `0000:00:02.0`
    pub(crate) device: String,
    lane: u8,
    file: File,
    outgoing: VecDeque<u8>,
    blocked: bool,
    sent: u32,
    written: u64,
    checker: Checker,
    faults: u64,
    last_byte: Instant,
    told: (u64, u64),
}

/// All ports that belong to PCI devices, by number, opened.
pub(crate) fn all(trigger: Option<&str>) -> Result<Vec<Port>, Failure> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/sys/class/tty")? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(number) = name
            .strip_prefix("ttyS")
            .and_then(|n| n.parse::<u32>().ok())
        else {
            continue;
        };
        // The last part of the path that looks like a PCI function; ports of the board have none.
        let path = fs::canonicalize(entry.path())?;
        let function = path
            .iter()
            .map(|part| part.to_string_lossy())
            .filter(|part| part.len() == 12 && part.contains('.') && part.starts_with("0000:"))
            .last();
        if let Some(function) = function {
            found.push((number, name, function.into_owned()));
        }
    }
    found.sort();
    let mut ports = Vec::new();
    for (lane, (_, name, device)) in found.into_iter().enumerate() {
        ports.push(Port::open(u8::try_from(lane)?, name, device, trigger)?);
    }
    Ok(ports)
}

/// How many frames and bytes of this lane have arrived, at whichever port.
pub(crate) fn arrived(ports: &[Port], lane: usize) -> (u32, u64) {
    ports
        .iter()
        .filter(|port| port.checker.lane().map(usize::from) == Some(lane))
        .map(|port| (port.checker.next(), port.checker.bytes))
        .max()
        .unwrap_or_default()
}

impl Port {
    fn open(
        lane: u8,
        name: String,
        device: String,
        trigger: Option<&str>,
    ) -> Result<Self, Failure> {
        let nonblocking = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY;
        let file = File::options()
            .read(true)
            .write(true)
            .custom_flags(nonblocking.bits() as i32)
            .open(Path::new("/dev").join(&name))
            .map_err(|error| format!("{name}: {error}"))?;
        let mut settings = tcgetattr(&file)?;
        settings.make_raw();
        settings.set_speed(speed::B115200)?;
        tcsetattr(&file, OptionalActions::Flush, &settings)?;
        stay_awake(&name)?;
        if let Some(level) = trigger {
            let path = format!("/sys/class/tty/{name}/rx_trig_bytes");
            fs::write(&path, level).map_err(|error| format!("{level} > {path}: {error}"))?;
        }
        Ok(Self {
            name,
            device,
            lane,
            file,
            outgoing: VecDeque::new(),
            blocked: false,
            sent: 0,
            written: 0,
            checker: Checker::default(),
            faults: 0,
            last_byte: Instant::now(),
            told: (u64::MAX, 0),
        })
    }

    pub(crate) fn lane(&self) -> u8 {
        self.lane
    }

    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    /// Whether the driver has not yet taken all that may be sent.
    pub(crate) fn waits_to_send(&self) -> bool {
        self.blocked
    }

    /// Fills up to `window` frames that have not arrived, and writes what the driver takes, as long
    /// as no more than `burst` bytes are on their way.
    pub(crate) fn send(
        &mut self,
        arrived: (u32, u64),
        window: u32,
        burst: usize,
    ) -> Result<(), Failure> {
        while self.sent.wrapping_sub(arrived.0) < window {
            self.outgoing.extend(frame(self.lane, self.sent));
            self.sent = self.sent.wrapping_add(1);
        }
        loop {
            let under_way = usize::try_from(self.written.saturating_sub(arrived.1))?;
            let (front, _) = self.outgoing.as_slices();
            let most = front.len().min(burst.saturating_sub(under_way));
            self.blocked = !self.outgoing.is_empty() && most > 0;
            if !self.blocked {
                return Ok(());
            }
            match self.file.write(&front[..most]) {
                Ok(0) => return Ok(()),
                Ok(count) => {
                    self.written += count as u64;
                    self.outgoing.drain(..count);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(format!("write to {}: {error}", self.name).into()),
            }
        }
    }

    /// Reads and checks all that is there.
    pub(crate) fn receive(&mut self, now: Instant) -> Result<Vec<Fault>, Failure> {
        let mut faults = Vec::new();
        let mut buffer = [0; 4096];
        loop {
            match self.file.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => {
                    self.last_byte = now;
                    faults.extend(self.checker.take(&buffer[..count]));
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(format!("read from {}: {error}", self.name).into()),
            }
        }
        self.faults += faults.len() as u64;
        Ok(faults)
    }

    /// How far it is, if that has changed.
    pub(crate) fn progress(&mut self) -> Result<Option<String>, Failure> {
        let irqs = interrupts(&self.name)?;
        let now = (self.checker.bytes, irqs);
        if now == self.told {
            return Ok(None);
        }
        self.told = now;
        let from = self
            .checker
            .lane()
            .map_or("-".to_owned(), |lane| lane.to_string());
        Ok(Some(format!(
            "of={} from={from} frames={} bytes={} irqs={irqs} faults={}",
            self.name, self.checker.frames, self.checker.bytes, self.faults
        )))
    }

    /// Says so once each time that nothing came for `limit`.
    pub(crate) fn stalled(&mut self, now: Instant, limit: Duration) -> Option<String> {
        if now - self.last_byte < limit {
            return None;
        }
        self.last_byte = now;
        Some(format!(
            "port={}: nothing came for {} s, {} frames were sent, {} bytes wait",
            self.name,
            limit.as_secs(),
            self.sent,
            self.outgoing.len()
        ))
    }

    /// What the driver knows of the port, as the kernel tells it (`uart:16550A I/O:0xc050 irq:11
    /// tx:10 rx:10 RTS|CTS`), beside what it was given and gave.
    pub(crate) fn of_driver(&self) -> String {
        // The driver has been called both.
        let table = ["serial_8250", "serial"]
            .iter()
            .find_map(|driver| fs::read_to_string(format!("/proc/tty/driver/{driver}")).ok())
            .unwrap_or_default();
        let number = format!("{}: ", self.name.trim_start_matches("ttyS"));
        let known = table.lines().find_map(|line| line.strip_prefix(&number));
        format!(
            "{}: {} written, {} read, {}",
            self.name,
            self.written,
            self.checker.bytes,
            known.unwrap_or("of which the kernel tells nothing")
        )
    }
}

/// Keeps the kernel from suspending the port, which it does since 6.5, half a second after the driver was last
/// given something, and by which what is given just then stays unsent: `__uart_start` in `serial_core.c` leaves it
/// to the end of a suspend to start the sender, and a suspend that fails, as the port is busy after all, forgets
/// that (`rpm_suspend`, its path of failure). The bytes stay in the kernel until more are given, and who waits for
/// them gives none. Ports of a guest that was away for its migration are suspended as soon as it has arrived.
fn stay_awake(name: &str) -> Result<(), Failure> {
    let path = format!("/sys/class/tty/{name}/device/power/control");
    fs::write(&path, "on").map_err(|error| format!("on > {path}: {error}").into())
}

/// Interrupts of all processors on this port's line; ports may share one.
fn interrupts(name: &str) -> Result<u64, Failure> {
    let path = format!("/sys/class/tty/{name}/irq");
    let line = fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
    let line = format!("{}:", line.trim());
    let table = fs::read_to_string("/proc/interrupts")?;
    let counts = table
        .lines()
        .map(str::split_whitespace)
        .find_map(|mut words| (words.next() == Some(&line)).then_some(words));
    Ok(counts
        .into_iter()
        .flatten()
        .map_while(|word| word.parse::<u64>().ok())
        .sum())
}
