// SPDX-License-Identifier: GPL-2.0

//! Threads that do to one device at once what clients do one after another.

use crate::{
    case::{load, must, saved, Case, Done, Load, Stop, Test},
    device::{self, precopy_info, Device},
    sys, table,
};
use std::{
    os::fd::{AsFd, OwnedFd},
    sync::{
        atomic::{AtomicBool, Ordering},
        Arc, Mutex, PoisonError,
    },
};

/// The tests of this group.
pub(crate) const TESTS: &[Test] = &[
    Test::new(
        "races.states",
        "two threads request states: each is told the truth, the device stays sound",
        states,
    ),
    Test::new(
        "races.reset",
        "resets amid requests for states and reads of the data",
        resets,
    ),
    Test::new(
        "races.everything",
        "states, reset, data, registers, info and closes of copies, all at once",
        everything,
    ),
    Test::new(
        "races.close",
        "the data's file is closed while it is read and its state is left",
        closes,
    ),
    Test::new(
        "races.open",
        "two threads open and close the device's descriptors while a third migrates it",
        opens,
    ),
];

/// Numbers without a pattern, the same in each run.
pub(super) struct Noise(u64);

impl Noise {
    /// Other numbers for each number of a seed.
    pub(super) fn new(seed: u64, number: u64) -> Self {
        // Any odd factor will do; zero alone would stay zero.
        Self((seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15)) | 1)
    }

    /// A number below this one.
    pub(super) fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % below
    }
}

type Job<'a> = Box<dyn FnMut() + Send + 'a>;

/// Runs the first job to its end and all others again and again until then.
fn together(main: impl FnOnce(), others: Vec<Job<'_>>) -> Result<(), Stop> {
    let done = AtomicBool::new(false);
    let panicked = std::thread::scope(|scope| {
        let threads: Vec<_> = others
            .into_iter()
            .map(|mut job| {
                let done = &done;
                scope.spawn(move || {
                    while !done.load(Ordering::Acquire) {
                        job();
                    }
                })
            })
            .collect();
        main();
        done.store(true, Ordering::Release);
        threads
            .into_iter()
            .map(|thread| thread.join().is_err())
            .filter(|bad| *bad)
            .count()
    });
    if panicked > 0 {
        return Err(Stop::Fail(format!("{panicked} threads panicked")));
    }
    Ok(())
}

/// The latest file of the device, for whoever wants to use it.
#[derive(Clone, Default)]
pub(super) struct Shared(Arc<Mutex<Option<Arc<OwnedFd>>>>);

impl Shared {
    pub(super) fn put(&self, file: OwnedFd) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(file));
    }

    pub(super) fn get(&self) -> Option<Arc<OwnedFd>> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// One random request for a state.
pub(super) fn step(device: &Device, flags: u64, noise: &mut Noise, shared: &Shared) {
    let states = table::states(flags);
    if let Ok(Some(file)) = device.set_state(states[noise.next(states.len())]) {
        shared.put(file);
    }
}

/// Uses the latest file in every way.
pub(super) fn touch(shared: &Shared) {
    if let Some(file) = shared.get() {
        let _ = sys::read(file.as_fd(), &mut [0; 64]);
        let _ = sys::write(file.as_fd(), &[0; 64]);
        let _ = precopy_info(file.as_fd(), 24, 0);
    }
}

/// After all this it is a device that migrates.
pub(super) fn sound(case: &mut Case<'_>, device: &Device) -> Done {
    must("reset at the end", device.reset())?;
    case.equal("state at the end", device.state(), Ok(table::RUNNING));
    let stream = saved(device)?;
    case.equal(
        "a load at the end",
        load(device, &stream, 4096)?,
        Load::Taken,
    );
    Ok(())
}

fn states(case: &mut Case<'_>) -> Done {
    let (device, flags) = case.open_v2()?;
    let rounds = case.settings().rounds * 5;
    let shared = Shared::default();
    let mut strange = 0;
    let mut other = Noise(0x9e37_79b9);
    together(
        || {
            let mut noise = Noise(0x1234_5678);
            for _ in 0..rounds {
                step(&device, flags, &mut noise, &shared);
                let state = device.state();
                strange += usize::from(!state.is_ok_and(|state| table::has(state, flags)));
            }
        },
        vec![Box::new(|| step(&device, flags, &mut other, &shared))],
    )?;
    case.equal("states that this device does not have", strange, 0);
    sound(case, &device)
}

fn resets(case: &mut Case<'_>) -> Done {
    let (device, flags) = case.open_v2()?;
    let rounds = case.settings().rounds * 2;
    let shared = Shared::default();
    let mut noise = Noise(0xdead_beef);
    let mut failed = 0;
    together(
        || (0..rounds).for_each(|_| failed += usize::from(device.reset().is_err())),
        vec![
            Box::new(|| step(&device, flags, &mut noise, &shared)),
            Box::new(|| touch(&shared)),
        ],
    )?;
    case.equal("resets that failed", failed, 0);
    sound(case, &device)
}

fn everything(case: &mut Case<'_>) -> Done {
    let (device, flags) = case.open_v2()?;
    let stream = saved(&device)?;
    let rounds = case.settings().rounds * 2;
    let shared = Shared::default();
    let bars: Vec<_> = (0..8)
        .filter_map(|bar| device.region(bar).ok())
        .filter(|bar| bar.size > 0)
        .collect();
    let (mut one, mut two, mut three) = (Noise(1), Noise(2), Noise(3));
    together(
        || {
            let mut noise = Noise(4);
            for _ in 0..rounds {
                step(&device, flags, &mut noise, &shared);
                if noise.next(8) == 0 {
                    let _ = device.reset();
                }
            }
        },
        vec![
            Box::new(|| touch(&shared)),
            Box::new(|| {
                // Pieces of a good stream, in any order.
                if let Some(file) = shared.get() {
                    let at = one.next(stream.len());
                    let _ = sys::write(file.as_fd(), &stream[at..]);
                }
            }),
            Box::new(|| {
                let bar = &bars[two.next(bars.len())];
                let at = two.next(bar.size.min(256) as usize) as u64;
                let _ = device.read(bar, at, &mut [0; 1]);
                let _ = device.write(bar, at, &[two.next(256) as u8]);
            }),
            Box::new(|| {
                let _ = device.info(16);
                let _ = device.irq(three.next(5) as u32, 16);
                let _ = device.data_size();
                let _ = device.set_irqs(0x21, three.next(3) as u32, 0, 1, &[]);
                if let Some(file) = shared.get() {
                    drop(nix::unistd::dup(&*file));
                }
            }),
        ],
    )?;
    sound(case, &device)
}

fn closes(case: &mut Case<'_>) -> Done {
    let (device, flags) = case.open_v2()?;
    let shared = Shared::default();
    let rounds = case.settings().rounds * 2;
    let from = if table::has(table::PRE_COPY, flags) {
        table::PRE_COPY
    } else {
        table::STOP_COPY
    };
    together(
        || {
            for _ in 0..rounds {
                if let Ok(Some(file)) = device.set_state(from) {
                    shared.put(file);
                }
                let _ = device.set_state(table::RUNNING);
            }
        },
        // Whoever drops the last reference to the file closes it.
        vec![Box::new(|| touch(&shared)), Box::new(|| drop(shared.get()))],
    )?;
    sound(case, &device)
}

fn opens(case: &mut Case<'_>) -> Done {
    let (device, flags) = case.open_v2()?;
    if device.again().is_none() {
        return Err(Stop::Skip("a character device is opened once".to_owned()));
    }
    let shared = Shared::default();
    let rounds = case.settings().rounds * 2;
    let open = || {
        if let Some(Ok(second)) = device.again() {
            let _ = device::state(second.as_fd());
        }
    };
    together(
        || {
            let mut noise = Noise(7);
            (0..rounds).for_each(|_| step(&device, flags, &mut noise, &shared));
        },
        vec![Box::new(open), Box::new(open)],
    )?;
    sound(case, &device)
}
