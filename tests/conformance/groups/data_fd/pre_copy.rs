// SPDX-License-Identifier: GPL-2.0

//! Reading while the device runs.

use crate::{
    case::{enter_with_file, load, must, Case, Done, Load, Stop, Test},
    device::{precopy_info, read_all, GET_PRECOPY_INFO},
    sys::{self, Pages},
    table,
};
use nix::errno::Errno;
use std::os::fd::AsFd;

/// The tests of this part.
pub(in crate::groups) const TESTS: &[Test] = &[
    Test::new(
        "data-fd.pre-copy",
        "ENOMSG when all is read; the rest comes in STOP_COPY; the whole loads",
        pre_copy,
    ),
    Test::new(
        "data-fd.pre-copy-unread",
        "pre-copy left with unread data: STOP_COPY has it all",
        pre_copy_unread,
    ),
    Test::new(
        "data-fd.precopy-info",
        "sizes, pointers, states and other requests of GET_PRECOPY_INFO",
        info,
    ),
    Test::new(
        "data-fd.initial-bytes",
        "initial_bytes begins above 0, falls with reading, and is 0 at ENOMSG",
        initial,
    ),
];

fn pre_copy(case: &mut Case<'_>) -> Done {
    let (device, _) = case.open_pre_copy()?;
    let file = enter_with_file(&device, table::PRE_COPY)?;
    let mut stream = Vec::new();
    let mut buffer = [0; 4096];
    // A device that runs may have something new at any time; it must come to an end all the same.
    for _ in 0..1 << 16 {
        match sys::read(file.as_fd(), &mut buffer) {
            Ok(0) => {
                case.problem(
                    "a read in PRE_COPY gave 0, which means the end of the stream, not ENOMSG",
                );
                break;
            }
            Ok(count) => stream.extend(&buffer[..count]),
            Err(Errno::ENOMSG) => break,
            Err(errno) => return Err(Stop::Fail(format!("reading in PRE_COPY: {errno}"))),
        }
    }
    let early = stream.len();
    let new = must("PRE_COPY -> STOP_COPY", device.set_state(table::STOP_COPY))?;
    case.check(new.is_none(), || {
        "PRE_COPY -> STOP_COPY gave a new file".to_owned()
    });
    stream.extend(must(
        "reading in STOP_COPY",
        read_all(file.as_fd(), 4096, false),
    )?);
    case.note(format!("{early} of {} bytes in PRE_COPY", stream.len()));
    must("-> RUNNING", device.set_state(table::RUNNING))?;
    case.equal("loading it", load(&device, &stream, 4096)?, Load::Taken);
    Ok(())
}

fn pre_copy_unread(case: &mut Case<'_>) -> Done {
    let (device, flags) = case.open_pre_copy()?;
    for (read, p2p) in [(0, false), (1, false), (30, false), (1, true)] {
        if p2p && !table::has(table::PRE_COPY_P2P, flags) {
            continue;
        }
        let file = enter_with_file(&device, table::PRE_COPY)?;
        let mut stream = vec![0; read];
        let count = if read > 0 {
            must("reading", sys::read(file.as_fd(), &mut stream))?
        } else {
            0
        };
        stream.truncate(count);
        if p2p {
            must("-> PRE_COPY_P2P", device.set_state(table::PRE_COPY_P2P))?;
            must("-> PRE_COPY", device.set_state(table::PRE_COPY))?;
        }
        must("-> STOP_COPY", device.set_state(table::STOP_COPY))?;
        stream.extend(must("reading", read_all(file.as_fd(), 4096, false))?);
        must("-> RUNNING", device.set_state(table::RUNNING))?;
        case.equal(
            format!("loading it, {count} bytes read in PRE_COPY"),
            load(&device, &stream, 4096)?,
            Load::Taken,
        );
        must("-> RUNNING", device.set_state(table::RUNNING))?;
    }
    Ok(())
}

fn info(case: &mut Case<'_>) -> Done {
    let (device, _) = case.open_pre_copy()?;
    let file = enter_with_file(&device, table::PRE_COPY)?;
    let fd = file.as_fd();
    for argsz in [0, 16, 23] {
        case.refused(
            format!("argsz {argsz}"),
            precopy_info(fd, argsz, 0).map(drop),
            &[Errno::EINVAL],
        );
    }
    for argsz in [24, 25, 4096, u32::MAX] {
        case.fine(format!("argsz {argsz}"), precopy_info(fd, argsz, 0));
    }
    let pages = must("pages", Pages::new())?;
    for (place, address) in [("null", 0), ("forbidden", pages.forbidden())] {
        let answer = sys::ioctl_number(fd, GET_PRECOPY_INFO, address as u64);
        case.refused(format!("argument {place}"), answer, &[Errno::EFAULT]);
    }
    for request in [
        GET_PRECOPY_INFO - 1,
        GET_PRECOPY_INFO + 1,
        crate::device::FEATURE,
        u64::from(u32::MAX),
    ] {
        case.refused(
            format!("request {request:#x}"),
            sys::ioctl(fd, request, &mut [0; 64]),
            &[Errno::ENOTTY],
        );
    }
    must("-> STOP_COPY", device.set_state(table::STOP_COPY))?;
    case.refused(
        "in STOP_COPY",
        precopy_info(fd, 24, 0).map(drop),
        &[Errno::EINVAL],
    );
    must("-> RUNNING", device.set_state(table::RUNNING))?;
    case.refused(
        "after the session",
        precopy_info(fd, 24, 0).map(drop),
        &[Errno::ENODEV, Errno::EINVAL],
    );
    let file = enter_with_file(&device, table::STOP_COPY)?;
    case.refused(
        "of a session without pre-copy",
        precopy_info(file.as_fd(), 24, 0).map(drop),
        &[Errno::EINVAL],
    );
    must("-> RUNNING", device.set_state(table::RUNNING))?;
    let file = enter_with_file(&device, table::RESUMING)?;
    case.refused(
        "in RESUMING",
        precopy_info(file.as_fd(), 24, 0).map(drop),
        &[Errno::ENOTTY, Errno::EINVAL],
    );
    Ok(())
}

fn initial(case: &mut Case<'_>) -> Done {
    let (device, _) = case.open_pre_copy()?;
    let file = enter_with_file(&device, table::PRE_COPY)?;
    let first = must("GET_PRECOPY_INFO", precopy_info(file.as_fd(), 24, 0))?;
    case.check(first.initial_bytes > 0, || {
        "initial_bytes is 0 at the start".to_owned()
    });
    case.equal("dirty_bytes at the start", first.dirty_bytes, 0);
    let mut last = first.initial_bytes;
    let mut buffer = [0; 16];
    for _ in 0..1 << 16 {
        match sys::read(file.as_fd(), &mut buffer) {
            Ok(1..) => {
                let now =
                    must("GET_PRECOPY_INFO", precopy_info(file.as_fd(), 24, 0))?.initial_bytes;
                case.check(now <= last, || {
                    format!("initial_bytes rose from {last} to {now}")
                });
                last = now;
            }
            Ok(_) | Err(Errno::ENOMSG) => break,
            Err(errno) => return Err(Stop::Fail(format!("reading: {errno}"))),
        }
    }
    case.equal("initial_bytes when all is read", last, 0);
    Ok(())
}
