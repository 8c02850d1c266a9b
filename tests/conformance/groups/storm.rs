// SPDX-License-Identifier: GPL-2.0

//! A storm: several threads do to one device, at once and at random, whatever there is to do:
//! states, resets, data, registers, interrupts, mappings, logs, and closing it under each other.
//!
//! What can be wrong is little: a state that is none, a device that does not work afterwards, a
//! thread that does not come back. The rest is the kernel's to say, in its log.

use super::races::{sound, step, touch, Noise, Shared};
use crate::{
    case::{must, saved, v2_flags, Case, Done, Stop, Test},
    device::{Device, Region},
    sys::{self, Mapping, Pages},
    table,
};
use nix::sys::eventfd::{EfdFlags, EventFd};
use std::{
    os::fd::{AsFd, AsRawFd},
    sync::{
        atomic::{AtomicBool, AtomicUsize, Ordering},
        Arc,
    },
};
use vfio_bindings::bindings::vfio as uapi;
use vfio_client::log;

/// The tests of this group.
pub(crate) const TESTS: &[Test] = &[
    Test::new(
        "storm.v1",
        "anything at once, the migration region in it: a sound device, no complaint",
        |case| storm(case, true, false),
    )
    .risky(RISK),
    Test::new(
        "storm.v2",
        "anything at once, states by FEATURE and data files in it",
        |case| storm(case, false, true),
    )
    .risky(RISK),
    Test::new(
        "storm.both",
        "anything at once, by both protocols against each other",
        |case| storm(case, true, true),
    )
    .risky(RISK),
];

/// What a driver must not have here.
const RISK: &str = "checks outside of the lock that guards what is checked";

/// Threads beside the one that has only data files.
const THREADS: u64 = 4;
/// How often the device is opened and left to the threads.
const TIMES: u64 = 5;
/// Where the device sees the memory that is mapped and unmapped.
const IOVA: u64 = 0x10_0000;

/// What the threads have in common. Who drops it last closes the device.
struct Target {
    device: Device,
    flags: Option<u64>,
    window: Option<Region>,
    bars: Vec<Region>,
    config: Region,
    events: Vec<EventFd>,
    /// Address of a page that can be mapped.
    page: usize,
    /// A good stream.
    stream: Vec<u8>,
}

impl Target {
    fn new(device: Device, (v1, v2): (bool, bool), page: usize) -> Result<Self, Stop> {
        // If it cannot be had, anything will do.
        let stream = saved(&device).unwrap_or_else(|_| vec![0x5a; 4096]);
        let count = must("GET_INFO", device.info(16))?.regions;
        let all: Vec<_> = (0..count)
            .filter_map(|index| device.region(index).ok())
            .collect();
        let wanted = (
            uapi::VFIO_REGION_TYPE_MIGRATION_DEPRECATED,
            uapi::VFIO_REGION_SUBTYPE_MIGRATION_DEPRECATED,
        );
        let event = || EventFd::from_value_and_flags(0, EfdFlags::EFD_NONBLOCK);
        Ok(Self {
            flags: v2.then(|| v2_flags(&device)).transpose()?,
            window: all
                .iter()
                .find(|region| v1 && region.kind == Some(wanted))
                .cloned(),
            bars: (0..6)
                .filter_map(|bar| all.get(bar))
                .filter(|bar| bar.size > 0)
                .cloned()
                .collect(),
            config: must("configuration space", device.region(7))?,
            events: must("eventfds", (0..4).map(|_| event()).collect())?,
            page,
            stream,
            device,
        })
    }

    /// One thing at random.
    fn act(&self, noise: &mut Noise, files: &Shared) {
        match noise.next(20) {
            0..5 => self.protocols(noise, files),
            5..8 => self.interrupt(noise),
            8..12 => self.access(noise),
            12..14 => touch(files),
            14 => self.second(noise),
            15 => self.memory(noise),
            16 => self.log(noise),
            17 => {
                let _ = self.device.info(16);
                let _ = self.device.irq(noise.next(6) as u32, 16);
                let _ = self.device.data_size();
            }
            18 => self.load(noise, files),
            _ => {
                if noise.next(3) == 0 {
                    let _ = self.device.reset();
                }
            }
        }
    }

    fn protocols(&self, noise: &mut Noise, files: &Shared) {
        let by_v1 = self.flags.is_none() || noise.next(2) == 0;
        match (&self.window, self.flags) {
            (Some(window), _) if by_v1 => self.registers(window, noise),
            (_, Some(flags)) => step(&self.device, flags, noise, files),
            _ => {}
        }
    }

    /// The registers of the first protocol, in no order or in that of an iteration.
    fn registers(&self, window: &Region, noise: &mut Noise) {
        let mut value = [0; 8];
        if noise.next(3) > 0 {
            let state = [0_u32, 1, 2, 3, 4, 4, 6, 7][noise.next(8)];
            let _ = self.device.write(window, 0, &state.to_ne_bytes());
            return;
        }
        for register in [8, 16, 24] {
            if self.device.read(window, register, &mut value).is_err() {
                return;
            }
        }
        let mut data = vec![0; (u64::from_ne_bytes(value) as usize).min(1 << 16)];
        let _ = self.device.read(window, self.section(window), &mut data);
        if noise.next(4) == 0 {
            let (offset, size) = (self.section(window), 2 * sys::PAGE);
            let at = window.offset.wrapping_add(offset) as i64;
            if let Ok(mapping) = Mapping::new(self.device.as_fd(), at, size, false) {
                mapping.put(noise.next(size), &[1]);
            }
        }
    }

    /// Where the data is in the migration region.
    fn section(&self, window: &Region) -> u64 {
        let areas = window.areas.as_deref().unwrap_or_default();
        areas.first().map_or(4096, |(offset, _)| *offset)
    }

    /// A piece of a good stream, from its beginning or from anywhere.
    fn load(&self, noise: &mut Noise, files: &Shared) {
        let at = [0, noise.next(self.stream.len())][noise.next(2)];
        if let Some(file) = files.get() {
            let _ = sys::write(file.as_fd(), &self.stream[at..]);
        }
        if let Some(window) = &self.window {
            let part = &self.stream[at..];
            let _ = self.device.write(window, self.section(window), part);
            let size = (part.len() as u64).to_ne_bytes();
            let _ = self.device.write(window, 24, &size);
        }
    }

    fn interrupt(&self, noise: &mut Noise) {
        let index = noise.next(6) as u32;
        let fd = self.events[noise.next(self.events.len())]
            .as_fd()
            .as_raw_fd();
        let fd = [fd, fd, fd, -1][noise.next(4)].to_ne_bytes();
        let (vector, device) = (noise.next(2) as u32, &self.device);
        let _ = match noise.next(7) {
            0 | 1 => device.set_irqs(EVENTFD | TRIGGER, index, vector, 1, &fd),
            2 => device.set_irqs(NONE | TRIGGER, index, 0, 0, &[]),
            3 => device.set_irqs(NONE | TRIGGER, index, vector, 1, &[]),
            4 => device.set_irqs(NONE | MASK, index, 0, 1, &[]),
            5 => device.set_irqs(NONE | UNMASK, index, 0, 1, &[]),
            _ => device.set_irqs(EVENTFD | UNMASK, index, 0, 1, &fd),
        };
        if noise.next(4) == 0 {
            // What an eventfd that unmasks listens to.
            let _ = self.events[0].write(1);
        }
    }

    fn access(&self, noise: &mut Noise) {
        let bar = &self.bars[noise.next(self.bars.len())];
        let at = noise.next(bar.size.min(256) as usize) as u64;
        let mut bytes = vec![noise.next(256) as u8; 1 << noise.next(4)];
        let _ = match noise.next(5) {
            0 | 1 => self.device.read(bar, at, &mut bytes),
            2 | 3 => self.device.write(bar, at, &bytes),
            _ => self.device.write(&self.config, at, &bytes),
        };
    }

    /// One more descriptor of the device, where there can be one, closed right away.
    fn second(&self, noise: &mut Noise) {
        if let Some(Ok(second)) = self.device.again() {
            let _ = crate::device::state(second.as_fd());
        }
        if noise.next(2) == 0 {
            drop(self.device.as_fd().try_clone_to_owned());
        }
    }

    fn memory(&self, noise: &mut Noise) {
        let iova = IOVA + (noise.next(4) * sys::PAGE) as u64;
        let space = self.device.space();
        let _ = match noise.next(2) {
            0 => space.map(self.page, iova, sys::PAGE as u64),
            _ => space.unmap(iova, sys::PAGE as u64),
        };
    }

    fn log(&self, noise: &mut Noise) {
        let _ = match noise.next(4) {
            0 => log::start(&self.device, 4096, &[(0, 1 << 21)]).map(drop),
            1 => log::stop(&self.device),
            _ => log::report(&self.device, 4096, IOVA, 1 << 20).map(drop),
        };
    }

    /// Whether the state is one that nobody may see.
    fn is_strange(&self) -> bool {
        let by_v2 = self.flags.is_some_and(|flags| {
            let state = self.device.state();
            !state.is_ok_and(|state| table::has(state, flags))
        });
        let by_v1 = self.window.as_ref().is_some_and(|window| {
            let mut value = [0; 4];
            let answer = self.device.read(window, 0, &mut value);
            answer != Ok(4) || u32::from_ne_bytes(value) > 4
        });
        by_v1 || by_v2
    }
}

const NONE: u32 = uapi::VFIO_IRQ_SET_DATA_NONE;
const EVENTFD: u32 = uapi::VFIO_IRQ_SET_DATA_EVENTFD;
const MASK: u32 = uapi::VFIO_IRQ_SET_ACTION_MASK;
const UNMASK: u32 = uapi::VFIO_IRQ_SET_ACTION_UNMASK;
const TRIGGER: u32 = uapi::VFIO_IRQ_SET_ACTION_TRIGGER;

fn storm(case: &mut Case<'_>, v1: bool, v2: bool) -> Done {
    let settings = case.settings();
    let (steps, seed) = (settings.rounds, settings.seed);
    let strange = AtomicUsize::new(0);
    let mut panicked = 0;
    let pages = must("memory", Pages::new())?;
    case.note(format!(
        "{TIMES} times {THREADS} threads of {steps} steps, seed {seed}"
    ));
    for time in 0..TIMES {
        let device = case.open()?;
        let target = Target::new(device, (v1, v2), pages.writable())?;
        if v1 && target.window.is_none() {
            return Err(Stop::Skip("the device has no migration region".to_owned()));
        }
        let (target, files) = (Arc::new(target), Shared::default());
        let over = AtomicBool::new(false);
        panicked += std::thread::scope(|scope| {
            let threads: Vec<_> = (1..=THREADS)
                .map(|number| {
                    let (target, files, strange) = (target.clone(), files.clone(), &strange);
                    let mut noise = Noise::new(seed, time * THREADS + number);
                    scope.spawn(move || {
                        for _ in 0..steps / 2 + noise.next(steps / 2 + 1) {
                            target.act(&mut noise, &files);
                            strange.fetch_add(target.is_strange().into(), Ordering::Relaxed);
                        }
                    })
                })
                .collect();
            // It has the files alone, also when the device is closed.
            let files = files.clone();
            let rest = scope.spawn(|| {
                let files = files;
                while !over.load(Ordering::Acquire) {
                    touch(&files);
                }
                touch(&files);
            });
            drop(target);
            let ended = threads.into_iter().map(|thread| thread.join().is_err());
            let bad = ended.filter(|bad| *bad).count();
            over.store(true, Ordering::Release);
            bad + usize::from(rest.join().is_err())
        });
    }
    case.equal("threads that panicked", panicked, 0);
    case.equal("states that no device is in", strange.into_inner(), 0);
    let device = case.open()?;
    match v2_flags(&device) {
        Ok(_) => sound(case, &device),
        Err(_) => must("reset at the end", device.reset()),
    }
}
