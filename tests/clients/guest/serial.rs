// SPDX-License-Identifier: GPL-2.0
//! What a guest with serial ports does: it sends checked frames through all of them for ever; the device
//! loops them back, to the same port or to another. What comes back must be what was sent, byte by byte.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use rustix::event::{poll, PollFd, PollFlags, Timespec};

use crate::events::{Events, REPORT};
use crate::port::{self, Port};
use crate::Failure;

/// So many frames of a port may be on their way: enough that the device is never idle.
const WINDOW: u32 = 8;
/// A port from which nothing came for so long has lost a byte or an interrupt.
const STALL: Duration = Duration::from_secs(30);

/// Finds the ports and begins. `trigger` is the receive trigger level to set, `burst` how many bytes
/// of a port may be on their way.
pub(crate) fn run(
    trigger: Option<&str>,
    burst: usize,
    events: &Events,
) -> Result<Infallible, Failure> {
    let mut ports = port::all(trigger)?;
    for port in &ports {
        events.say(&format!(
            "port name={} device={} lane={}",
            port.name,
            port.device,
            port.lane()
        ))?;
    }
    if ports.is_empty() {
        return Err("no PCI device has a serial port".into());
    }
    events.say(&format!("ready ports={}", ports.len()))?;
    exchange(&mut ports, burst, events)
}

/// Sends and checks for ever.
fn exchange(ports: &mut [Port], burst: usize, events: &Events) -> Result<Infallible, Failure> {
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
                events.say(&format!("fault port={} {fault}", port.name))?;
            }
        }
        if now - reported < REPORT {
            continue;
        }
        reported = now;
        let time = (now - start).as_secs_f64();
        for port in ports.iter_mut() {
            if let Some(line) = port.progress()? {
                events.say(&format!("progress time={time:.3} {line}"))?;
            }
        }
        let stalled: Vec<String> = ports
            .iter_mut()
            .filter_map(|port| port.stalled(now, STALL))
            .collect();
        for line in stalled {
            // A port waits for what another sends.
            let all: Vec<String> = ports.iter().map(Port::of_driver).collect();
            events.say(&format!("stall {line}; {}", all.join("; ")))?;
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
