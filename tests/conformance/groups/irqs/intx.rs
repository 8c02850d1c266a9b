// SPDX-License-Identifier: GPL-2.0

//! INTx: masks, and an eventfd that unmasks.

use super::{
    count, disable, enable, eventfd, having, BOOL, EVENTFD, INTX, MASK, MSI, NONE, UNMASK,
};
use crate::case::{must, Case, Done, Stop, Test};
use nix::errno::Errno;
use std::os::fd::{AsFd, AsRawFd};

/// The tests of this part.
pub(in crate::groups) const TESTS: &[Test] = &[
    Test::new(
        "irqs.intx-masks",
        "MASK and UNMASK are EINVAL while INTx is off, and work while it is on",
        intx_masks,
    ),
    Test::new(
        "irqs.intx-unmask-fd",
        "an eventfd that unmasks: taken, a second one EBUSY, taken away by -1",
        unmask_fd,
    ),
];

fn intx_masks(case: &mut Case<'_>) -> Done {
    let device = case.open()?;
    having(&device, &[INTX])?;
    for action in [MASK, UNMASK] {
        let answer = device.set_irqs(NONE | action, INTX, 0, 1, &[]);
        case.refused(
            format!("action {action:#x} while off"),
            answer,
            &[Errno::EINVAL],
        );
    }
    let event = eventfd()?;
    must(
        "enabling",
        enable(&device, INTX, 0, &[event.as_fd().as_raw_fd()]),
    )?;
    for action in [MASK, UNMASK] {
        for (data, byte) in [(NONE, [].as_slice()), (BOOL, &[1]), (BOOL, &[0])] {
            case.fine(
                format!("action {action:#x}, data {data:#x} {byte:?}"),
                device.set_irqs(data | action, INTX, 0, 1, byte),
            );
        }
        case.refused(
            format!("action {action:#x}, count 0"),
            device.set_irqs(NONE | action, INTX, 0, 0, &[]),
            &[Errno::EINVAL],
        );
    }
    if count(&device, MSI) > 0 {
        must("disabling", disable(&device, INTX))?;
        must(
            "enabling MSI",
            enable(&device, MSI, 0, &[event.as_fd().as_raw_fd()]),
        )?;
        let answer = device.set_irqs(NONE | UNMASK, INTX, 0, 1, &[]);
        case.refused("UNMASK of INTx while MSI is on", answer, &[Errno::EINVAL]);
    }
    Ok(())
}

fn unmask_fd(case: &mut Case<'_>) -> Done {
    let device = case.open()?;
    having(&device, &[INTX])?;
    let (event, unmask, second) = (eventfd()?, eventfd()?, eventfd()?);
    must(
        "enabling",
        enable(&device, INTX, 0, &[event.as_fd().as_raw_fd()]),
    )?;
    let set = |fd: i32| device.set_irqs(EVENTFD | UNMASK, INTX, 0, 1, &fd.to_ne_bytes());
    match set(unmask.as_fd().as_raw_fd()) {
        Err(Errno::ENOTTY) => {
            return Err(Stop::Skip(
                "the device takes no eventfd to unmask".to_owned(),
            ))
        }
        answer => must("an eventfd to unmask", answer)?,
    }
    case.refused(
        "a second one",
        set(second.as_fd().as_raw_fd()),
        &[Errno::EBUSY],
    );
    case.fine("taking it away", set(-1));
    // It goes away behind the call.
    let taken = (0..1000).any(|_| {
        std::thread::yield_now();
        set(second.as_fd().as_raw_fd()).is_ok()
    });
    case.check(taken, || "another one is not taken after that".to_owned());
    must("disabling", disable(&device, INTX))?;
    // The old descriptor must be without effect, and without harm.
    case.fine("writing to it after INTx is off", second.write(1));
    Ok(())
}
