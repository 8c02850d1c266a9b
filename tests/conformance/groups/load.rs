// SPDX-License-Identifier: GPL-2.0

//! A state that goes from one device to another, and arrives.

use super::data_fd::difference;
use crate::{
    case::{enter_with_file, load, must, saved, Case, Done, Load, Stop, Test},
    device::{read_all, write_all, Device},
    sys, table,
};
use std::os::fd::AsFd;
use vfio_bindings::bindings::vfio as uapi;

/// The tests of this group.
pub(crate) const TESTS: &[Test] = &[
    Test::new(
        "load.repeatable",
        "a device that does nothing gives the same stream twice",
        repeatable,
    ),
    Test::new(
        "load.own",
        "a device takes its own stream, and gives it again",
        own,
    ),
    Test::new(
        "load.peer",
        "another device takes it, gives the same, and the first takes that back",
        peer,
    ),
    Test::new(
        "load.peer-config",
        "the second device's configuration space is then the first's",
        peer_config,
    ),
    Test::new(
        "load.through-stop",
        "RESUMING -> STOP_COPY and -> RUNNING commit what was written",
        through_stop,
    ),
    Test::new(
        "load.abandoned",
        "a load given up by a reset leaves a device that works",
        abandoned,
    ),
    Test::new(
        "load.concatenated",
        "what was read in PRE_COPY and in STOP_COPY is one stream",
        concatenated,
    ),
    Test::new(
        "load.clients-in-resuming",
        "in RESUMING the command register and interrupts can be set",
        clients,
    ),
    Test::new(
        "load.line-recalled",
        "after a load INTx is sent once, so that a client takes back a line that it carried over",
        line_recalled,
    ),
    Test::new(
        "load.both-protocols",
        "the v1 region and the data's file give the same stream",
        both,
    ),
];

/// Gives a device a state of its own: what a driver of it would have written.
pub(crate) fn stir(device: &Device, seed: u8) -> Done {
    let config = must(
        "configuration region",
        device.region(uapi::VFIO_PCI_CONFIG_REGION_INDEX),
    )?;
    // Decoding and bus mastering, and the interrupt line.
    must("command register", device.write(&config, 4, &[7, 0]))?;
    must("interrupt line", device.write(&config, 0x3c, &[seed]))?;
    let mut class = [0; 3];
    must("class", device.read(&config, 9, &mut class[..1]))?;
    must("class", device.read(&config, 10, &mut class[1..]))?;
    // A serial port of the usual kind: its scratch register, FIFOs on, and bytes in loopback.
    let bar = must("BAR 0", device.region(0))?;
    if class[1..] == [0x00, 0x07] && bar.size >= 8 {
        for (register, value) in [
            (7, seed),
            (2, 0x07),
            (2, 0x01),
            (3, 0x03),
            (4, 0x13),
            (0, b'v'),
            (0, seed),
        ] {
            must(
                format!("register {register}"),
                device.write(&bar, register, &[value]),
            )?;
        }
    }
    Ok(())
}

fn repeatable(case: &mut Case<'_>) -> Done {
    let (device, _) = case.open_v2()?;
    stir(&device, 0x21)?;
    let (first, second) = (saved(&device)?, saved(&device)?);
    case.check(first == second, || {
        difference("the second time", &second, &first)
    });
    Ok(())
}

fn own(case: &mut Case<'_>) -> Done {
    let (device, _) = case.open_v2()?;
    stir(&device, 0x31)?;
    let stream = saved(&device)?;
    must("reset", device.reset())?;
    stir(&device, 0x52)?;
    case.check(saved(&device)? != stream, || {
        "another state gives the same stream: this proves nothing".to_owned()
    });
    must("loading", load(&device, &stream, 4096)?.answer())?;
    must("-> RUNNING", device.set_state(table::RUNNING))?;
    let again = saved(&device)?;
    case.check(again == stream, || {
        difference("saved again", &again, &stream)
    });
    Ok(())
}

fn peer(case: &mut Case<'_>) -> Done {
    let other = case.open_peer()?;
    let (device, _) = case.open_v2()?;
    crate::case::v2_flags(&other)?;
    stir(&device, 0x41)?;
    let stream = saved(&device)?;
    for round in 0..3 {
        must(
            format!("round {round}: there"),
            load(&other, &stream, 32 * 1024)?.answer(),
        )?;
        must("-> RUNNING", other.set_state(table::RUNNING))?;
        let there = saved(&other)?;
        case.check(there == stream, || {
            difference(&format!("round {round}: there"), &there, &stream)
        });
        must(
            format!("round {round}: back"),
            load(&device, &there, 777)?.answer(),
        )?;
        must("-> RUNNING", device.set_state(table::RUNNING))?;
        let back = saved(&device)?;
        case.check(back == stream, || {
            difference(&format!("round {round}: back"), &back, &stream)
        });
    }
    Ok(())
}

fn peer_config(case: &mut Case<'_>) -> Done {
    let other = case.open_peer()?;
    let (device, _) = case.open_v2()?;
    stir(&device, 0x61)?;
    let stream = saved(&device)?;
    must("loading", load(&other, &stream, 4096)?.answer())?;
    let bytes = |device: &Device| {
        let config = must(
            "configuration region",
            device.region(uapi::VFIO_PCI_CONFIG_REGION_INDEX),
        )?;
        let mut bytes = vec![0; config.size as usize];
        for (offset, byte) in bytes.iter_mut().enumerate() {
            must(
                "a byte",
                device.read(&config, offset as u64, std::slice::from_mut(byte)),
            )?;
        }
        Ok(bytes)
    };
    let (ours, theirs) = (bytes(&device)?, bytes(&other)?);
    for (offset, (one, two)) in ours.iter().zip(&theirs).enumerate() {
        case.check(one == two, || {
            format!("byte {offset:#x}: {one:#04x} before, {two:#04x} there")
        });
    }
    Ok(())
}

fn through_stop(case: &mut Case<'_>) -> Done {
    let (device, flags) = case.open_v2()?;
    stir(&device, 0x71)?;
    let stream = saved(&device)?;
    for to in [
        table::STOP_COPY,
        table::RUNNING,
        table::RUNNING_P2P,
        table::PRE_COPY,
    ] {
        if !table::has(to, flags) {
            continue;
        }
        must("reset", device.reset())?;
        let file = enter_with_file(&device, table::RESUMING)?;
        write_all(file.as_fd(), &stream, 4096)
            .map_err(|(at, errno)| Stop::Fail(format!("at {at}: {errno}")))?;
        let file = must(
            format!("RESUMING -> {}", table::name(to)),
            device.set_state(to),
        )?;
        let again = if to == table::STOP_COPY {
            let file = file.ok_or_else(|| Stop::Fail("no file".to_owned()))?;
            must("reading", read_all(file.as_fd(), 4096, false))?
        } else {
            must("-> RUNNING", device.set_state(table::RUNNING))?;
            saved(&device)?
        };
        case.check(again == stream, || {
            difference(&format!("by {}", table::name(to)), &again, &stream)
        });
    }
    Ok(())
}

fn abandoned(case: &mut Case<'_>) -> Done {
    let (device, _) = case.open_v2()?;
    stir(&device, 0x15)?;
    let stream = saved(&device)?;
    must("reset", device.reset())?;
    let fresh = saved(&device)?;
    for part in [1, stream.len() / 2, stream.len() - 1, stream.len()] {
        let file = enter_with_file(&device, table::RESUMING)?;
        let _ = write_all(file.as_fd(), &stream[..part], 4096);
        must("reset", device.reset())?;
        let now = saved(&device)?;
        case.check(now == fresh, || {
            difference(&format!("after {part} bytes and a reset"), &now, &fresh)
        });
    }
    case.equal(
        "a whole load then",
        load(&device, &stream, 4096)?,
        Load::Taken,
    );
    Ok(())
}

fn concatenated(case: &mut Case<'_>) -> Done {
    let other = case.open_peer()?;
    let (device, _) = case.open_pre_copy()?;
    stir(&device, 0x18)?;
    let file = enter_with_file(&device, table::PRE_COPY)?;
    let mut stream = must("PRE_COPY", read_all(file.as_fd(), 4096, true))?;
    // What happens meanwhile must arrive too.
    stir(&device, 0x19)?;
    must("-> STOP_COPY", device.set_state(table::STOP_COPY))?;
    stream.extend(must("STOP_COPY", read_all(file.as_fd(), 4096, false))?);
    must("-> RUNNING", device.set_state(table::RUNNING))?;
    must("loading", load(&other, &stream, 4096)?.answer())?;
    must("-> RUNNING", other.set_state(table::RUNNING))?;
    let (here, there) = (saved(&device)?, saved(&other)?);
    case.check(here == there, || {
        difference("the device that loaded", &there, &here)
    });
    Ok(())
}

fn clients(case: &mut Case<'_>) -> Done {
    let (device, _) = case.open_v2()?;
    let stream = saved(&device)?;
    let config = must(
        "configuration region",
        device.region(uapi::VFIO_PCI_CONFIG_REGION_INDEX),
    )?;
    let file = enter_with_file(&device, table::RESUMING)?;
    write_all(file.as_fd(), &stream, 4096)
        .map_err(|(at, errno)| Stop::Fail(format!("at {at}: {errno}")))?;
    case.equal(
        "the command register",
        device.write(&config, 4, &[7, 0]),
        Ok(2),
    );
    case.fine("reading it", device.read(&config, 4, &mut [0; 2]));
    let event = must("eventfd", nix::sys::eventfd::EventFd::new())?;
    let fd = std::os::fd::AsRawFd::as_raw_fd(&event.as_fd()).to_ne_bytes();
    let flags = uapi::VFIO_IRQ_SET_DATA_EVENTFD | uapi::VFIO_IRQ_SET_ACTION_TRIGGER;
    for index in 0..=2 {
        if device.irq(index, 16).is_ok_and(|info| info.count > 0) {
            case.fine(
                format!("interrupt {index}"),
                device.set_irqs(flags, index, 0, 1, &fd),
            );
            let none = uapi::VFIO_IRQ_SET_DATA_NONE | uapi::VFIO_IRQ_SET_ACTION_TRIGGER;
            case.fine(
                format!("interrupt {index} off"),
                device.set_irqs(none, index, 0, 0, &[]),
            );
        }
    }
    case.fine("RESUMING -> RUNNING", device.set_state(table::RUNNING));
    Ok(())
}

fn line_recalled(case: &mut Case<'_>) -> Done {
    use nix::sys::eventfd::{EfdFlags, EventFd};
    let (device, _) = case.open_v2()?;
    if !device.irq(0, 16).is_ok_and(|info| info.count > 0) {
        return Err(Stop::Skip("the device has no INTx".to_owned()));
    }
    let stream = saved(&device)?;
    let event = must(
        "eventfd",
        EventFd::from_value_and_flags(0, EfdFlags::EFD_NONBLOCK),
    )?;
    let fd = std::os::fd::AsRawFd::as_raw_fd(&event.as_fd()).to_ne_bytes();
    let flags = uapi::VFIO_IRQ_SET_DATA_EVENTFD | uapi::VFIO_IRQ_SET_ACTION_TRIGGER;
    let unmask = uapi::VFIO_IRQ_SET_DATA_NONE | uapi::VFIO_IRQ_SET_ACTION_UNMASK;
    let file = enter_with_file(&device, table::RESUMING)?;
    write_all(file.as_fd(), &stream, 4096)
        .map_err(|(at, errno)| Stop::Fail(format!("at {at}: {errno}")))?;
    must("INTx", device.set_irqs(flags, 0, 0, 1, &fd))?;
    case.check(event.read().is_err(), || {
        "INTx was sent in RESUMING".to_owned()
    });
    must("RESUMING -> RUNNING", device.set_state(table::RUNNING))?;
    case.equal("INTx after the load", event.read(), Ok(1));
    must("unmasking", device.set_irqs(unmask, 0, 0, 1, &[]))?;
    case.check(event.read().is_err(), || {
        "INTx was sent once more, with nothing raised".to_owned()
    });
    Ok(())
}

fn both(case: &mut Case<'_>) -> Done {
    let (device, _) = case.open_v2()?;
    let v1 = super::v1::V1::of(&device)?;
    stir(&device, 0x28)?;
    let by_file = saved(&device)?;
    must("1 -> 0", v1.set(0))?;
    must("0 -> 2", v1.set(2))?;
    let by_region = v1.drain()?;
    must("2 -> 1", v1.set(1))?;
    case.check(by_file == by_region, || {
        difference("by the region", &by_region, &by_file)
    });
    must("1 -> 4", v1.set(4))?;
    must("loading by the region", v1.feed(&by_file, 4096))?;
    must("4 -> 1", v1.set(1))?;
    let file = enter_with_file(&device, table::STOP_COPY)?;
    let again = must("reading", read_all(file.as_fd(), 4096, false))?;
    case.check(again == by_file, || {
        difference("loaded by the region", &again, &by_file)
    });
    let _ = sys::read(file.as_fd(), &mut [0; 1]);
    Ok(())
}
