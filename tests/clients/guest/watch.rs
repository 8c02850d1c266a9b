// SPDX-License-Identifier: GPL-2.0
//! Reports of a block device: what it has done so far, and if nothing comes of what it was asked.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::events::{Events, REPORT};
use crate::Failure;

/// A device that has requests and completes none for so long has lost one. The driver itself waits
/// as long before it asks the controller.
const STALL: Duration = Duration::from_secs(30);

/// Reports, until it is ended.
pub(crate) struct Watch {
    ended: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

/// What a device has done.
#[derive(Clone, Copy, PartialEq)]
struct Done {
    reads: u64,
    writes: u64,
    irqs: u64,
    in_flight: u64,
}

impl Watch {
    /// `name` is the block device's: `nvme0n1`.
    pub(crate) fn begin(name: &str, events: Events) -> Self {
        let ended = Arc::new(AtomicBool::new(false));
        let (name, flag) = (name.to_owned(), ended.clone());
        let thread = thread::spawn(move || {
            if let Err(error) = report(&name, &flag, &events) {
                // The port may be what has failed.
                let _ = events.say(&format!("fault of={name}: {error}"));
            }
        });
        Self { ended, thread }
    }

    /// When it returns, nothing more is said.
    pub(crate) fn end(self) {
        self.ended.store(true, Ordering::Relaxed);
        // A thread that has panicked has said so on the console.
        let _ = self.thread.join();
    }
}

fn report(name: &str, ended: &AtomicBool, events: &Events) -> Result<(), Failure> {
    let start = Instant::now();
    let mut told = None;
    let mut moved = start;
    while !ended.load(Ordering::Relaxed) {
        let done = Done::of(name)?;
        if told != Some(done) {
            told = Some(done);
            moved = Instant::now();
            events.say(&format!(
                "progress time={:.3} of={name} reads={} writes={} irqs={}",
                start.elapsed().as_secs_f64(),
                done.reads,
                done.writes,
                done.irqs
            ))?;
        } else if done.in_flight > 0 && moved.elapsed() > STALL {
            moved = Instant::now();
            events.say(&format!(
                "stall of={name}: {} requests wait, none was completed for {} s",
                done.in_flight,
                STALL.as_secs()
            ))?;
        }
        thread::sleep(REPORT);
    }
    Ok(())
}

impl Done {
    /// The kernel's counts (its Documentation/block/stat.rst): completed reads are the first, completed
    /// writes the fifth, requests in flight the ninth.
    fn of(name: &str) -> Result<Self, Failure> {
        let path = format!("/sys/block/{name}/stat");
        let text = fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
        let numbers: Vec<u64> = text
            .split_whitespace()
            .map_while(|word| word.parse().ok())
            .collect();
        let at = |place: usize| numbers.get(place).copied().unwrap_or_default();
        // Vectors are named by the controller and the queue: nvme0q1.
        let controller = name.rsplit_once('n').map_or(name, |(front, _)| front);
        Ok(Self {
            reads: at(0),
            writes: at(4),
            irqs: interrupts(&format!("{controller}q"))?,
            in_flight: at(8),
        })
    }
}

/// Interrupts of all processors on all vectors whose name begins so.
fn interrupts(begin: &str) -> Result<u64, Failure> {
    let table = fs::read_to_string("/proc/interrupts")?;
    Ok(table
        .lines()
        .filter(|line| line.split_whitespace().any(|word| word.starts_with(begin)))
        .flat_map(|line| {
            line.split_whitespace()
                .skip(1)
                .map_while(|word| word.parse::<u64>().ok())
        })
        .sum())
}
