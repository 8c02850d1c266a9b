// SPDX-License-Identifier: GPL-2.0

//! What is triggered arrives.

use super::{
    count, disable, enable, eventfd, having, signals, trigger, BOOL, INTX, MSI, MSIX, NONE,
    TRIGGER, UNMASK,
};
use crate::case::{must, Case, Done, Stop, Test};
use nix::errno::Errno;
use std::os::fd::{AsFd, AsRawFd};
use vfio_bindings::bindings::vfio as uapi;

/// The tests of this part.
pub(in crate::groups) const TESTS: &[Test] = &[
    Test::new(
        "irqs.loopback",
        "what is triggered arrives; only while enabled",
        loopback,
    ),
    Test::new("irqs.detach", "eventfd -1 detaches a vector", detach),
    Test::new(
        "irqs.exclusive",
        "INTx, MSI and MSI-X exclude each other, and follow each other",
        exclusive,
    ),
    Test::new(
        "irqs.shared-eventfd",
        "one eventfd serves two vectors",
        shared,
    ),
    Test::new(
        "irqs.error-and-request",
        "ERR and REQ take an eventfd and let it go",
        error_and_request,
    ),
];

fn loopback(case: &mut Case<'_>) -> Done {
    let device = case.open()?;
    for index in having(&device, &[INTX, MSI, MSIX])? {
        case.refused(
            format!("index {index}: trigger while off"),
            trigger(&device, index, 0),
            &[Errno::EINVAL],
        );
        let event = eventfd()?;
        must(
            "enabling",
            enable(&device, index, 0, &[event.as_fd().as_raw_fd()]),
        )?;
        case.equal(
            format!("index {index}: signals after enabling"),
            signals(&event),
            0,
        );
        case.fine(
            format!("index {index}: trigger"),
            trigger(&device, index, 0),
        );
        case.equal(
            format!("index {index}: signals after a trigger"),
            signals(&event),
            1,
        );
        if index == INTX {
            // It masks itself with a signal.
            case.fine("unmask", device.set_irqs(NONE | UNMASK, INTX, 0, 1, &[]));
            let _ = signals(&event);
        }
        case.fine(
            format!("index {index}: BOOL 0"),
            device.set_irqs(BOOL | TRIGGER, index, 0, 1, &[0]),
        );
        case.equal(
            format!("index {index}: signals after BOOL 0"),
            signals(&event),
            0,
        );
        case.fine(
            format!("index {index}: BOOL 1"),
            device.set_irqs(BOOL | TRIGGER, index, 0, 1, &[1]),
        );
        case.equal(
            format!("index {index}: signals after BOOL 1"),
            signals(&event),
            1,
        );
        case.fine(format!("index {index}: disabling"), disable(&device, index));
        case.refused(
            format!("index {index}: trigger after disabling"),
            trigger(&device, index, 0),
            &[Errno::EINVAL],
        );
        case.equal(
            format!("index {index}: signals after disabling"),
            signals(&event),
            0,
        );
    }
    Ok(())
}

fn detach(case: &mut Case<'_>) -> Done {
    let device = case.open()?;
    for index in having(&device, &[INTX, MSI, MSIX])? {
        let event = eventfd()?;
        must(
            "enabling",
            enable(&device, index, 0, &[event.as_fd().as_raw_fd()]),
        )?;
        case.fine(
            format!("index {index}: -1"),
            enable(&device, index, 0, &[-1]),
        );
        // INTx without its eventfd is off; MSI stays enabled. Either way nothing arrives.
        let _ = trigger(&device, index, 0);
        case.equal(
            format!("index {index}: signals after -1"),
            signals(&event),
            0,
        );
        case.fine(
            format!("index {index}: attaching again"),
            enable(&device, index, 0, &[event.as_fd().as_raw_fd()]),
        );
        case.fine(
            format!("index {index}: trigger"),
            trigger(&device, index, 0),
        );
        case.equal(format!("index {index}: signals"), signals(&event), 1);
        case.fine(format!("index {index}: disabling"), disable(&device, index));
    }
    Ok(())
}

fn exclusive(case: &mut Case<'_>) -> Done {
    let device = case.open()?;
    let found = having(&device, &[INTX, MSI, MSIX])?;
    if found.len() < 2 {
        return Err(Stop::Skip(
            "the device has one kind of interrupt only".to_owned(),
        ));
    }
    let event = eventfd()?;
    let fd = event.as_fd().as_raw_fd();
    for (one, other) in found
        .iter()
        .flat_map(|one| found.iter().map(move |other| (*one, *other)))
    {
        if one == other {
            continue;
        }
        case.fine(format!("enabling {one}"), enable(&device, one, 0, &[fd]));
        case.refused(
            format!("{other} while {one} is on"),
            enable(&device, other, 0, &[fd]),
            &[Errno::EINVAL],
        );
        case.fine(
            format!("trigger of {one} after that"),
            trigger(&device, one, 0),
        );
        case.check(signals(&event) == 1, || {
            format!("{one} is no longer signalled")
        });
        case.fine(format!("disabling {one}"), disable(&device, one));
    }
    Ok(())
}

fn shared(case: &mut Case<'_>) -> Done {
    let device = case.open()?;
    let index = [MSIX, MSI]
        .into_iter()
        .find(|index| count(&device, *index) >= 2);
    let Some(index) = index else {
        return Err(Stop::Skip("no interrupt has two vectors".to_owned()));
    };
    let event = eventfd()?;
    let fd = event.as_fd().as_raw_fd();
    must("enabling", enable(&device, index, 0, &[fd, fd]))?;
    case.fine("vector 0", trigger(&device, index, 0));
    case.fine("vector 1", trigger(&device, index, 1));
    case.equal("signals", signals(&event), 2);
    case.fine("detaching vector 0", enable(&device, index, 0, &[-1]));
    case.fine("vector 1 again", trigger(&device, index, 1));
    case.equal("signals then", signals(&event), 1);
    Ok(())
}

fn error_and_request(case: &mut Case<'_>) -> Done {
    let device = case.open()?;
    for index in having(
        &device,
        &[uapi::VFIO_PCI_ERR_IRQ_INDEX, uapi::VFIO_PCI_REQ_IRQ_INDEX],
    )? {
        let event = eventfd()?;
        case.fine(
            format!("index {index}"),
            enable(&device, index, 0, &[event.as_fd().as_raw_fd()]),
        );
        case.fine(
            format!("index {index}, trigger"),
            trigger(&device, index, 0),
        );
        case.equal(format!("index {index}, signals"), signals(&event), 1);
        case.fine(
            format!("index {index}, -1"),
            enable(&device, index, 0, &[-1]),
        );
        case.fine(format!("index {index}, disabling"), disable(&device, index));
        case.refused(
            format!("index {index}, a bad one"),
            enable(&device, index, 0, &[900]),
            &[Errno::EBADF],
        );
    }
    Ok(())
}
