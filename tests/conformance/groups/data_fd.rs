// SPDX-License-Identifier: GPL-2.0

//! The file that a state is read from and written to.

use crate::{
    case::{enter_with_file, load, must, saved, Case, Done, Load, Stop, Test},
    device::{precopy_info, read_all, write_all, GET_PRECOPY_INFO},
    sys::{self, Pages},
    table,
};
use nix::{
    errno::Errno,
    fcntl::{fcntl, FcntlArg, FdFlag, OFlag},
    poll::{poll, PollFd, PollFlags},
    unistd::{lseek, Whence},
};
use std::os::fd::AsFd;

/// The tests of this group.
pub(crate) const TESTS: &[Test] = &[
    Test::new(
        "data-fd.read-sizes",
        "byte by byte, in odd pieces and at once: the same stream",
        read_sizes,
    ),
    Test::new(
        "data-fd.read-nothing",
        "a read of 0 bytes gives 0 and takes nothing",
        read_nothing,
    ),
    Test::new(
        "data-fd.end",
        "at the end of STOP_COPY a read gives 0, and again",
        end,
    ),
    Test::new(
        "data-fd.bad-buffers",
        "a read into a bad buffer: EFAULT or a short count, and no byte is lost",
        bad_buffers,
    ),
    Test::new("data-fd.seek", "pread, pwrite and lseek are ESPIPE", seek),
    Test::new(
        "data-fd.direction",
        "writing what is read, reading what is written: EBADF",
        direction,
    ),
    Test::new(
        "data-fd.flags",
        "close-on-exec is set; O_NONBLOCK changes nothing but EAGAIN",
        flags,
    ),
    Test::new("data-fd.poll", "in STOP_COPY it is always readable", polled),
    Test::new(
        "data-fd.two-readers",
        "two threads on one file, and on a dup, get each byte once",
        two_readers,
    ),
    Test::new(
        "data-fd.dead",
        "after each way out of a session its file is ENODEV, for ever",
        dead,
    ),
    Test::new(
        "data-fd.closed-early",
        "a session goes on without its file, and its state can be left",
        closed_early,
    ),
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
    Test::new(
        "data-fd.write-pieces",
        "a stream written in pieces of 1, 3, 4095, 32768 bytes and 1 MiB loads",
        pieces,
    ),
    Test::new(
        "data-fd.write-bad-buffer",
        "a write from a bad buffer takes nothing that it does not count",
        bad_write,
    ),
    Test::new(
        "data-fd.write-too-long",
        "more than a stream is refused",
        too_long,
    ),
    Test::new(
        "data-fd.write-cut",
        "a stream cut anywhere: RESUMING -> STOP is EINVAL, RESUMING stays",
        cut,
    ),
    Test::new(
        "data-fd.two-writers",
        "two threads writing to one file crash nothing",
        two_writers,
    )
    .risky("two writers pass the driver's check of the position and write behind its buffer"),
];

fn read_sizes(case: &mut Case<'_>) -> Done {
    let (device, _) = case.open_v2()?;
    let whole = saved(&device)?;
    case.check(!whole.is_empty(), || "the stream is empty".to_owned());
    case.note(format!("the stream has {} bytes", whole.len()));
    for piece in [1, 3, 4095, 1 << 20, 16 << 20] {
        // A long stream byte by byte would say no more than its start does.
        if whole.len() / piece > 1 << 17 {
            continue;
        }
        let file = enter_with_file(&device, table::STOP_COPY)?;
        let stream = must(
            format!("reading {piece} at once"),
            read_all(file.as_fd(), piece, false),
        )?;
        case.check(stream == whole, || {
            difference(&format!("read {piece} at once"), &stream, &whole)
        });
        must("-> RUNNING", device.set_state(table::RUNNING))?;
    }
    Ok(())
}

/// Where two streams differ first.
pub(crate) fn difference(what: &str, got: &[u8], wanted: &[u8]) -> String {
    let at = got.iter().zip(wanted).position(|(one, other)| one != other);
    let at = at.unwrap_or(got.len().min(wanted.len()));
    format!(
        "{what}: {} bytes, wanted {}; they differ from byte {at}",
        got.len(),
        wanted.len()
    )
}

fn read_nothing(case: &mut Case<'_>) -> Done {
    let (device, _) = case.open_v2()?;
    let whole = saved(&device)?;
    let file = enter_with_file(&device, table::STOP_COPY)?;
    case.equal("reading nothing", sys::read(file.as_fd(), &mut []), Ok(0));
    case.equal(
        "reading nothing, no buffer",
        sys::read_at_address(file.as_fd(), 0, 0),
        Ok(0),
    );
    let stream = must("reading", read_all(file.as_fd(), 4096, false))?;
    case.check(stream == whole, || difference("after it", &stream, &whole));
    Ok(())
}

fn end(case: &mut Case<'_>) -> Done {
    let (device, _) = case.open_v2()?;
    let file = enter_with_file(&device, table::STOP_COPY)?;
    must("reading", read_all(file.as_fd(), 4096, false))?;
    for _ in 0..3 {
        case.equal("reading on", sys::read(file.as_fd(), &mut [0; 64]), Ok(0));
    }
    case.fine("STOP_COPY again", device.set_state(table::STOP_COPY));
    case.equal(
        "reading on after that",
        sys::read(file.as_fd(), &mut [0; 64]),
        Ok(0),
    );
    Ok(())
}

fn bad_buffers(case: &mut Case<'_>) -> Done {
    let (device, _) = case.open_v2()?;
    let whole = saved(&device)?;
    let pages = must("pages", Pages::new())?;
    let file = enter_with_file(&device, table::STOP_COPY)?;
    let mut stream = Vec::new();
    for (place, address) in [
        ("null", 0),
        ("forbidden", pages.forbidden()),
        ("read-only", pages.read_only()),
    ] {
        let answer = sys::read_at_address(file.as_fd(), address, 16);
        case.refused(
            format!("reading to a {place} address"),
            answer,
            &[Errno::EFAULT],
        );
    }
    // Eight bytes fit, then the rest does not.
    let edge = pages.put_at_edge(&[0; 8]);
    match sys::read_at_address(file.as_fd(), edge, 64) {
        Ok(count @ 1..=8) => stream.extend(pages.get_at_edge(edge, count)),
        Err(Errno::EFAULT) => {}
        answer => case.problem(format!("reading half into a forbidden page: {answer:?}")),
    }
    stream.extend(must(
        "reading the rest",
        read_all(file.as_fd(), 4096, false),
    )?);
    case.check(stream == whole, || difference("after it", &stream, &whole));
    Ok(())
}

fn seek(case: &mut Case<'_>) -> Done {
    let (device, _) = case.open_v2()?;
    for state in [table::STOP_COPY, table::RESUMING] {
        let file = enter_with_file(&device, state)?;
        let name = table::name(state);
        let wrong = [Errno::ESPIPE];
        if state == table::RESUMING {
            case.refused(
                format!("{name}: pwrite"),
                sys::pwrite(file.as_fd(), &[0; 4], 0),
                &wrong,
            );
        } else {
            case.refused(
                format!("{name}: pread"),
                sys::pread(file.as_fd(), &mut [0; 4], 0),
                &wrong,
            );
        }
        case.refused(
            format!("{name}: lseek"),
            lseek(file.as_fd(), 0, Whence::SeekSet),
            &wrong,
        );
        must("reset", device.reset())?;
    }
    Ok(())
}

fn direction(case: &mut Case<'_>) -> Done {
    let (device, _) = case.open_v2()?;
    let file = enter_with_file(&device, table::STOP_COPY)?;
    case.refused(
        "writing in STOP_COPY",
        sys::write(file.as_fd(), &[0; 4]),
        &[Errno::EBADF],
    );
    must("reset", device.reset())?;
    let file = enter_with_file(&device, table::RESUMING)?;
    case.refused(
        "reading in RESUMING",
        sys::read(file.as_fd(), &mut [0; 4]),
        &[Errno::EBADF],
    );
    Ok(())
}

fn flags(case: &mut Case<'_>) -> Done {
    let (device, _) = case.open_v2()?;
    let whole = saved(&device)?;
    let file = enter_with_file(&device, table::STOP_COPY)?;
    let set = must("F_GETFD", fcntl(&file, FcntlArg::F_GETFD))?;
    case.check(set & FdFlag::FD_CLOEXEC.bits() != 0, || {
        "close-on-exec is not set".to_owned()
    });
    must(
        "O_NONBLOCK",
        fcntl(&file, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)),
    )?;
    let mut stream = Vec::new();
    let mut buffer = [0; 512];
    loop {
        match sys::read(file.as_fd(), &mut buffer) {
            Ok(0) => break,
            Ok(count) => stream.extend(&buffer[..count]),
            Err(Errno::EAGAIN) => {
                let _ = poll(&mut [PollFd::new(file.as_fd(), PollFlags::POLLIN)], 100_u16);
            }
            Err(errno) => return Err(Stop::Fail(format!("reading with O_NONBLOCK: {errno}"))),
        }
    }
    case.check(stream == whole, || {
        difference("with O_NONBLOCK", &stream, &whole)
    });
    Ok(())
}

fn polled(case: &mut Case<'_>) -> Done {
    let (device, _) = case.open_v2()?;
    let file = enter_with_file(&device, table::STOP_COPY)?;
    for when in ["before reading", "at the end"] {
        let mut files = [PollFd::new(file.as_fd(), PollFlags::POLLIN)];
        must("poll", poll(&mut files, 0_u16))?;
        let readable = files[0]
            .revents()
            .is_some_and(|events| events.contains(PollFlags::POLLIN));
        case.check(readable, || format!("not readable {when}"));
        must("reading", read_all(file.as_fd(), 4096, false))?;
    }
    Ok(())
}

fn two_readers(case: &mut Case<'_>) -> Done {
    let (device, _) = case.open_v2()?;
    let whole = saved(&device)?;
    let sum = |bytes: &[u8]| bytes.iter().map(|byte| u64::from(*byte)).sum::<u64>();
    for round in 0..case.settings().rounds.min(50) {
        let file = enter_with_file(&device, table::STOP_COPY)?;
        let second = must("dup", nix::unistd::dup(&file))?;
        let (one, other) = std::thread::scope(|scope| {
            let other = scope.spawn(|| read_all(second.as_fd(), 7, false));
            (read_all(file.as_fd(), 5, false), other.join())
        });
        let other = other.map_err(|_| Stop::Fail("a thread panicked".to_owned()))?;
        let (one, other) = (must("one reader", one)?, must("the other", other)?);
        // Which got what is theirs to say; that nothing is lost or doubled is ours.
        case.equal(
            format!("round {round}: bytes and their sum"),
            (one.len() + other.len(), sum(&one) + sum(&other)),
            (whole.len(), sum(&whole)),
        );
        must("-> RUNNING", device.set_state(table::RUNNING))?;
    }
    Ok(())
}

fn dead(case: &mut Case<'_>) -> Done {
    let (device, flags) = case.open_v2()?;
    let saving = [table::STOP_COPY, table::PRE_COPY, table::PRE_COPY_P2P];
    for from in saving.into_iter().filter(|state| table::has(*state, flags)) {
        for to in table::states(flags) {
            if table::expected(from, to, flags)
                != (table::Expected::Moved {
                    file: to == table::RESUMING,
                    keeps: false,
                })
            {
                continue;
            }
            must("reset", device.reset())?;
            let file = enter_with_file(&device, from)?;
            let _new = must(
                format!("{} -> {}", table::name(from), table::name(to)),
                device.set_state(to),
            )?;
            let what = format!("the file of {} in {}", table::name(from), table::name(to));
            for _ in 0..2 {
                case.refused(
                    format!("reading {what}"),
                    sys::read(file.as_fd(), &mut [0; 4]),
                    &[Errno::ENODEV],
                );
            }
            if from != table::STOP_COPY {
                let answer = precopy_info(file.as_fd(), 24, 0).map(drop);
                case.refused(
                    format!("GET_PRECOPY_INFO of {what}"),
                    answer,
                    &[Errno::ENODEV, Errno::EINVAL],
                );
            }
            // A new session is not its session.
            must("reset", device.reset())?;
            let fresh = enter_with_file(&device, from)?;
            case.refused(
                format!("reading {what}, a new session open"),
                sys::read(file.as_fd(), &mut [0; 4]),
                &[Errno::ENODEV],
            );
            case.fine("reading the new one", sys::read(fresh.as_fd(), &mut [0; 4]));
        }
    }
    must("reset", device.reset())?;
    let stream = saved(&device)?;
    let file = enter_with_file(&device, table::RESUMING)?;
    write_all(file.as_fd(), &stream, 4096)
        .map_err(|(at, errno)| Stop::Fail(format!("own stream at {at}: {errno}")))?;
    must("RESUMING -> STOP", device.set_state(table::STOP))?;
    case.refused(
        "writing after RESUMING",
        sys::write(file.as_fd(), &stream[..1]),
        &[Errno::ENODEV],
    );
    Ok(())
}

fn closed_early(case: &mut Case<'_>) -> Done {
    let (device, flags) = case.open_v2()?;
    let stream = saved(&device)?;
    for state in [table::PRE_COPY, table::PRE_COPY_P2P, table::STOP_COPY] {
        if !table::has(state, flags) {
            continue;
        }
        let name = table::name(state);
        drop(enter_with_file(&device, state)?);
        case.equal(
            format!("state after closing the file of {name}"),
            device.state(),
            Ok(state),
        );
        if state != table::STOP_COPY {
            let answer = case.fine(
                format!("{name} -> STOP_COPY without a file"),
                device.set_state(table::STOP_COPY),
            );
            case.check(answer.is_none_or(|file| file.is_none()), || {
                "a new file came".to_owned()
            });
        }
        case.fine(
            format!("{name}: leaving it"),
            device.set_state(table::RUNNING),
        );
        let again = saved(&device)?;
        case.equal(
            format!("length of the stream after {name}"),
            again.len(),
            stream.len(),
        );
    }
    // All was written before it is closed: that is a whole load.
    let file = enter_with_file(&device, table::RESUMING)?;
    write_all(file.as_fd(), &stream, 4096)
        .map_err(|(at, errno)| Stop::Fail(format!("own stream at {at}: {errno}")))?;
    drop(file);
    case.fine(
        "RESUMING -> RUNNING with the file closed",
        device.set_state(table::RUNNING),
    );
    let file = enter_with_file(&device, table::RESUMING)?;
    drop(file);
    case.refused(
        "RESUMING -> STOP, closed with nothing written",
        device.set_state(table::STOP),
        &[Errno::EINVAL],
    );
    case.fine("reset", device.reset());
    Ok(())
}

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

fn pieces(case: &mut Case<'_>) -> Done {
    let (device, _) = case.open_v2()?;
    let stream = saved(&device)?;
    for piece in [1, 3, 7, 4095, 32 * 1024, 1 << 20] {
        if stream.len() / piece > 1 << 17 {
            continue;
        }
        case.equal(
            format!("in pieces of {piece}"),
            load(&device, &stream, piece)?,
            Load::Taken,
        );
        case.equal("state", device.state(), Ok(table::STOP));
        must("-> RUNNING", device.set_state(table::RUNNING))?;
    }
    Ok(())
}

fn bad_write(case: &mut Case<'_>) -> Done {
    let (device, _) = case.open_v2()?;
    let stream = saved(&device)?;
    let pages = must("pages", Pages::new())?;
    let file = enter_with_file(&device, table::RESUMING)?;
    let fd = file.as_fd();
    case.equal("writing nothing", sys::write(fd, &[]), Ok(0));
    for (place, address) in [("null", 0), ("forbidden", pages.forbidden())] {
        case.refused(
            format!("writing from a {place} address"),
            sys::write_at_address(fd, address, 16),
            &[Errno::EFAULT],
        );
    }
    let half = stream.len().min(16);
    let edge = pages.put_at_edge(&stream[..half]);
    let done = match sys::write_at_address(fd, edge, stream.len().max(half + 1)) {
        Ok(count) if (1..=half).contains(&count) => count,
        Err(Errno::EFAULT) => 0,
        answer => {
            return Err(Stop::Fail(format!(
                "writing half from a forbidden page: {answer:?}"
            )))
        }
    };
    match write_all(fd, &stream[done..], 4096) {
        Ok(()) => drop(case.fine("RESUMING -> STOP then", device.set_state(table::STOP))),
        Err((at, errno)) => {
            case.problem(format!("writing on from byte {done}: {errno} after {at}"))
        }
    }
    Ok(())
}

fn too_long(case: &mut Case<'_>) -> Done {
    let (device, _) = case.open_v2()?;
    let stream = saved(&device)?;
    for extra in [1, 24, 4096, 1 << 20] {
        let mut long = stream.clone();
        long.resize(stream.len() + extra, 0);
        for piece in [usize::MAX >> 1, stream.len()] {
            let done = load(&device, &long, piece)?;
            case.check(!done.committed(), || {
                format!("{extra} bytes too many, at most {piece} at once, were taken")
            });
            must("reset", device.reset())?;
        }
    }
    case.equal(
        "the stream itself then",
        load(&device, &stream, 4096)?,
        Load::Taken,
    );
    Ok(())
}

fn cut(case: &mut Case<'_>) -> Done {
    let (device, _) = case.open_v2()?;
    let stream = saved(&device)?;
    let step = stream.len().div_ceil(128).max(1);
    for length in (0..stream.len()).step_by(step).chain([stream.len() - 1]) {
        let file = enter_with_file(&device, table::RESUMING)?;
        if let Err((at, errno)) = write_all(file.as_fd(), &stream[..length], 4096) {
            case.problem(format!("the first {length} bytes: {errno} after {at}"));
        }
        let what = format!(
            "cut after {length} of {} bytes: RESUMING -> STOP",
            stream.len()
        );
        case.refused(
            &what,
            device.set_state(table::STOP).map(drop),
            &[Errno::EINVAL],
        );
        case.equal(
            format!("{what}: state"),
            device.state(),
            Ok(table::RESUMING),
        );
        must("reset", device.reset())?;
    }
    Ok(())
}

fn two_writers(case: &mut Case<'_>) -> Done {
    let (device, _) = case.open_v2()?;
    let stream = saved(&device)?;
    for round in 0..case.settings().rounds {
        let file = enter_with_file(&device, table::RESUMING)?;
        let second = must("dup", nix::unistd::dup(&file))?;
        // In small pieces, and each the whole stream in one write.
        let (one, other) = if round % 2 == 0 {
            (3, 5)
        } else {
            (stream.len(), stream.len())
        };
        let start = std::sync::Barrier::new(2);
        let panicked = std::thread::scope(|scope| {
            let other = scope.spawn(|| {
                start.wait();
                let _ = write_all(second.as_fd(), &stream, other);
            });
            start.wait();
            let _ = write_all(file.as_fd(), &stream, one);
            other.join().is_err()
        });
        case.check(!panicked, || "a thread panicked".to_owned());
        must("reset", device.reset())?;
    }
    case.equal(
        "a good load then",
        load(&device, &stream, 4096)?,
        Load::Taken,
    );
    Ok(())
}
