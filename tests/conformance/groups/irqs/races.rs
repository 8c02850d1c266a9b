// SPDX-License-Identifier: GPL-2.0

//! Interrupts while eventfds change, the device is reset or closed.

use super::{
    disable, enable, eventfd, having, signals, trigger, INTX, MASK, MSI, MSIX, NONE, UNMASK,
};
use crate::case::{must, Case, Done, Test};
use std::os::fd::{AsFd, AsRawFd};

/// The tests of this part.
pub(in crate::groups) const TESTS: &[Test] = &[
    Test::new(
        "irqs.replaced-while-firing",
        "an eventfd is replaced while it fires",
        replaced,
    ),
    Test::new(
        "irqs.close-enabled",
        "closing the device with interrupts enabled, pending, its eventfd closed",
        close_enabled,
    ),
    Test::new(
        "irqs.reset-storm",
        "resets in a storm of accesses and triggers",
        storm,
    ),
];

fn replaced(case: &mut Case<'_>) -> Done {
    let device = case.open()?;
    let rounds = case.settings().rounds;
    for index in having(&device, &[INTX, MSI, MSIX])? {
        let events = [eventfd()?, eventfd()?];
        must(
            "enabling",
            enable(&device, index, 0, &[events[0].as_fd().as_raw_fd()]),
        )?;
        let failed = std::thread::scope(|scope| {
            let firing = scope.spawn(|| {
                for _ in 0..rounds * 4 {
                    let _ = trigger(&device, index, 0);
                    if index == INTX {
                        let _ = device.set_irqs(NONE | UNMASK, INTX, 0, 1, &[]);
                    }
                }
            });
            let failed = (0..rounds).filter(|round| {
                enable(&device, index, 0, &[events[round % 2].as_fd().as_raw_fd()]).is_err()
            });
            let failed = failed.count();
            (firing.join().is_err(), failed)
        });
        case.equal(
            format!("index {index}: a thread panicked, replacements refused"),
            failed,
            (false, 0),
        );
        case.fine(format!("index {index}: disabling"), disable(&device, index));
    }
    Ok(())
}

fn close_enabled(case: &mut Case<'_>) -> Done {
    let found = having(&case.open()?, &[INTX, MSI, MSIX])?;
    for index in found {
        let device = case.open()?;
        let event = eventfd()?;
        must(
            "enabling",
            enable(&device, index, 0, &[event.as_fd().as_raw_fd()]),
        )?;
        if index == INTX {
            must("masking", device.set_irqs(NONE | MASK, INTX, 0, 1, &[]))?;
        }
        let _ = trigger(&device, index, 0);
        drop(event);
        drop(device);
        // Nothing of it is left in the next one's way.
        let device = case.open()?;
        let event = eventfd()?;
        case.fine(
            format!("index {index}: enabling after reopening"),
            enable(&device, index, 0, &[event.as_fd().as_raw_fd()]),
        );
        case.fine(
            format!("index {index}: trigger"),
            trigger(&device, index, 0),
        );
        case.equal(format!("index {index}: signals"), signals(&event), 1);
    }
    Ok(())
}

fn storm(case: &mut Case<'_>) -> Done {
    let device = case.open()?;
    let rounds = case.settings().rounds;
    let index = having(&device, &[INTX, MSI, MSIX])?[0];
    let event = eventfd()?;
    let fd = event.as_fd().as_raw_fd();
    let bars: Vec<_> = (0..6)
        .filter_map(|bar| device.region(bar).ok())
        .filter(|bar| bar.size > 0)
        .collect();
    let panicked = std::thread::scope(|scope| {
        let firing = scope.spawn(|| {
            for _ in 0..rounds * 4 {
                let _ = enable(&device, index, 0, &[fd]);
                let _ = trigger(&device, index, 0);
            }
        });
        let reading = scope.spawn(|| {
            for round in 0..rounds as u64 * 4 {
                for bar in &bars {
                    let _ = device.read(bar, round % bar.size, &mut [0; 1]);
                    let _ = device.write(bar, round % bar.size, &[round as u8]);
                }
            }
        });
        let failed = (0..rounds).filter(|_| device.reset().is_err()).count();
        (firing.join().is_err(), reading.join().is_err(), failed)
    });
    case.equal(
        "a thread panicked, another, resets that failed",
        panicked,
        (false, false, 0),
    );
    must("the last reset", device.reset())?;
    case.fine("enabling after it", enable(&device, index, 0, &[fd]));
    Ok(())
}
