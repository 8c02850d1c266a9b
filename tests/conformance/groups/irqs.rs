// SPDX-License-Identifier: GPL-2.0

//! Interrupts: what SET_IRQS takes and refuses, and that what is triggered arrives.

use crate::{
    case::{must, Case, Done, Stop, Test},
    device::Device,
    sys::Answer,
};
use nix::{
    errno::Errno,
    sys::eventfd::{EfdFlags, EventFd},
};
use std::os::fd::{AsFd, AsRawFd};
use vfio_bindings::bindings::vfio as uapi;

const NONE: u32 = uapi::VFIO_IRQ_SET_DATA_NONE;
const BOOL: u32 = uapi::VFIO_IRQ_SET_DATA_BOOL;
const EVENTFD: u32 = uapi::VFIO_IRQ_SET_DATA_EVENTFD;
const MASK: u32 = uapi::VFIO_IRQ_SET_ACTION_MASK;
const UNMASK: u32 = uapi::VFIO_IRQ_SET_ACTION_UNMASK;
const TRIGGER: u32 = uapi::VFIO_IRQ_SET_ACTION_TRIGGER;
const INTX: u32 = uapi::VFIO_PCI_INTX_IRQ_INDEX;
const MSI: u32 = uapi::VFIO_PCI_MSI_IRQ_INDEX;
const MSIX: u32 = uapi::VFIO_PCI_MSIX_IRQ_INDEX;

/// The tests of this group.
pub(crate) const TESTS: &[Test] = &[
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
        "irqs.intx-masks",
        "MASK and UNMASK are EINVAL while INTx is off, and work while it is on",
        intx_masks,
    ),
    Test::new(
        "irqs.intx-unmask-fd",
        "an eventfd that unmasks: taken, a second one EBUSY, taken away by -1",
        unmask_fd,
    ),
    Test::new(
        "irqs.midway",
        "a bad eventfd among good ones: refused, and none of them is left",
        midway,
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

fn eventfd() -> Result<EventFd, Stop> {
    must(
        "eventfd",
        EventFd::from_value_and_flags(0, EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC),
    )
}

/// How often it was signalled since the last look.
fn signals(event: &EventFd) -> u64 {
    event.read().unwrap_or(0)
}

fn count(device: &Device, index: u32) -> u32 {
    device.irq(index, 16).map_or(0, |info| info.count)
}

/// The indexes of this device that have vectors, among these.
fn having(device: &Device, indexes: &[u32]) -> Result<Vec<u32>, Stop> {
    let found: Vec<u32> = indexes
        .iter()
        .copied()
        .filter(|index| count(device, *index) > 0)
        .collect();
    if found.is_empty() {
        return Err(Stop::Skip(format!(
            "the device has none of the interrupts {indexes:?}"
        )));
    }
    Ok(found)
}

fn enable(device: &Device, index: u32, start: u32, fds: &[i32]) -> Answer<()> {
    let data: Vec<u8> = fds.iter().flat_map(|fd| fd.to_ne_bytes()).collect();
    device.set_irqs(EVENTFD | TRIGGER, index, start, fds.len() as u32, &data)
}

fn disable(device: &Device, index: u32) -> Answer<()> {
    device.set_irqs(NONE | TRIGGER, index, 0, 0, &[])
}

fn trigger(device: &Device, index: u32, vector: u32) -> Answer<()> {
    device.set_irqs(NONE | TRIGGER, index, vector, 1, &[])
}

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
    let device = case.settings().target.open()?;
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
