// SPDX-License-Identifier: GPL-2.0

//! What SET_IRQS takes and refuses.

use super::{
    count, disable, enable, eventfd, having, signals, trigger, BOOL, EVENTFD, INTX, MASK, MSI,
    MSIX, NONE, TRIGGER, UNMASK,
};
use crate::case::{must, Case, Done, Stop, Test};
use nix::errno::Errno;
use std::os::fd::{AsFd, AsRawFd};

/// The tests of this part.
pub(in crate::groups) const TESTS: &[Test] = &[
    Test::new(
        "irqs.arguments",
        "sizes, indexes, ranges and flags that cannot be: EINVAL",
        arguments,
    ),
    Test::new(
        "irqs.actions",
        "no action, two actions, two data types, unknown bits: EINVAL",
        actions,
    ),
    Test::new(
        "irqs.disable-disabled",
        "disabling an index that is not enabled succeeds",
        disable_disabled,
    ),
    Test::new(
        "irqs.before-info",
        "SET_IRQS works before GET_INFO was asked",
        before_info,
    ),
    Test::new(
        "irqs.bad-eventfds",
        "closed, of another kind, below -1: EBADF or EINVAL, nothing is enabled",
        bad_eventfds,
    ),
    Test::new(
        "irqs.midway",
        "a bad eventfd among good ones: refused, and none of them is left",
        midway,
    ),
];

fn arguments(case: &mut Case<'_>) -> Done {
    let device = case.open()?;
    let event = eventfd()?;
    let fd = event.as_fd().as_raw_fd().to_ne_bytes();
    let invalid = [Errno::EINVAL];
    for index in having(&device, &[INTX, MSI, MSIX])? {
        let vectors = count(&device, index);
        let set = |argsz, start, count, data: &[u8]| {
            device.set_irqs_sized(argsz, [EVENTFD | TRIGGER, index, start, count], data)
        };
        for argsz in [0, 19, 20, 23] {
            case.refused(
                format!("index {index}, argsz {argsz}"),
                set(argsz, 0, 1, &fd),
                &invalid,
            );
        }
        case.refused(
            format!("index {index}, start {vectors}"),
            set(24, vectors, 1, &fd),
            &invalid,
        );
        case.refused(
            format!("index {index}, start {vectors}, count 0"),
            set(20, vectors, 0, &[]),
            &invalid,
        );
        case.refused(
            format!("index {index}, one vector too many"),
            set(
                4096,
                0,
                vectors + 1,
                &vec![0xff; 4 * (vectors as usize + 1)],
            ),
            &invalid,
        );
        case.refused(
            format!("index {index}, count 2^32-1"),
            set(u32::MAX, 0, u32::MAX, &fd),
            &invalid,
        );
        case.refused(
            format!("index {index}, start 2^32-1"),
            set(24, u32::MAX, 1, &fd),
            &invalid,
        );
        case.refused(
            format!("index {index}, start and count that wrap"),
            set(24, u32::MAX, 2, &fd),
            &invalid,
        );
    }
    for index in [5, 6, 255, u32::MAX] {
        case.refused(
            format!("index {index}"),
            enable(&device, index, 0, &[-1]),
            &invalid,
        );
    }
    Ok(())
}

fn actions(case: &mut Case<'_>) -> Done {
    let device = case.open()?;
    let event = eventfd()?;
    for index in having(&device, &[INTX, MSI, MSIX])? {
        must(
            "enabling",
            enable(&device, index, 0, &[event.as_fd().as_raw_fd()]),
        )?;
        let fd = event.as_fd().as_raw_fd().to_ne_bytes();
        for flags in [
            0,
            NONE,
            TRIGGER,
            NONE | MASK | UNMASK,
            NONE | TRIGGER | MASK,
            NONE | TRIGGER | UNMASK,
            NONE | MASK | UNMASK | TRIGGER,
            NONE | BOOL | TRIGGER,
            NONE | EVENTFD | TRIGGER,
            BOOL | EVENTFD | TRIGGER,
            NONE | TRIGGER | (1 << 6),
            NONE | TRIGGER | (1 << 31),
        ] {
            let answer = device.set_irqs(flags, index, 0, 1, &fd);
            case.refused(
                format!("index {index}, flags {flags:#x}"),
                answer,
                &[Errno::EINVAL, Errno::ENOTTY],
            );
        }
        case.equal(
            format!("index {index}: signals from refused requests"),
            signals(&event),
            0,
        );
        must("disabling", disable(&device, index))?;
    }
    Ok(())
}

fn disable_disabled(case: &mut Case<'_>) -> Done {
    let device = case.open()?;
    for index in having(&device, &[INTX, MSI, MSIX])? {
        case.fine(format!("index {index}"), disable(&device, index));
        case.fine(format!("index {index} again"), disable(&device, index));
    }
    Ok(())
}

fn before_info(case: &mut Case<'_>) -> Done {
    let index = having(&case.open()?, &[INTX, MSI, MSIX])?[0];
    let device = case.settings().target.open().map_err(Stop::Fail)?;
    let event = eventfd()?;
    case.fine(
        "enabling right after opening",
        enable(&device, index, 0, &[event.as_fd().as_raw_fd()]),
    );
    Ok(())
}

fn bad_eventfds(case: &mut Case<'_>) -> Done {
    let device = case.open()?;
    let other = must(
        "a file",
        std::fs::File::open("/dev/null").map_err(|_| Errno::ENOENT),
    )?;
    // Descriptors are given from the lowest: this number is free and stays so here.
    let closed = 900;
    for index in having(&device, &[INTX, MSI, MSIX])? {
        case.refused(
            format!("index {index}, closed"),
            enable(&device, index, 0, &[closed]),
            &[Errno::EBADF],
        );
        case.refused(
            format!("index {index}, of another kind"),
            enable(&device, index, 0, &[other.as_raw_fd()]),
            &[Errno::EINVAL],
        );
        for below in [-2, i32::MIN] {
            case.refused(
                format!("index {index}, {below}"),
                enable(&device, index, 0, &[below]),
                &[Errno::EINVAL],
            );
        }
        case.refused(
            format!("index {index}, triggering what was refused"),
            trigger(&device, index, 0),
            &[Errno::EINVAL],
        );
        // The eventfd may be closed by its owner as soon as it was given.
        let event = eventfd()?;
        case.fine(
            format!("index {index}, good"),
            enable(&device, index, 0, &[event.as_fd().as_raw_fd()]),
        );
        drop(event);
        case.fine(
            format!("index {index}, triggering with the eventfd closed"),
            trigger(&device, index, 0),
        );
        case.fine(format!("index {index}, disabling"), disable(&device, index));
    }
    Ok(())
}

fn midway(case: &mut Case<'_>) -> Done {
    let device = case.open()?;
    let index = [MSIX, MSI]
        .into_iter()
        .find(|index| count(&device, *index) >= 2);
    let Some(index) = index else {
        return Err(Stop::Skip("no interrupt has two vectors".to_owned()));
    };
    let event = eventfd()?;
    let answer = enable(&device, index, 0, &[event.as_fd().as_raw_fd(), 900]);
    case.refused("a good one and a closed one", answer, &[Errno::EBADF]);
    let _ = trigger(&device, index, 0);
    case.equal("signals of the good one", signals(&event), 0);
    case.fine(
        "two good ones then",
        enable(&device, index, 0, &[event.as_fd().as_raw_fd(), -1]),
    );
    case.fine("trigger", trigger(&device, index, 0));
    case.equal("signals", signals(&event), 1);
    Ok(())
}
