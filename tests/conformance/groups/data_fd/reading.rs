// SPDX-License-Identifier: GPL-2.0

//! Reading a state.

use super::difference;
use crate::{
    case::{enter_with_file, must, saved, Case, Done, Stop, Test},
    device::read_all,
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

/// The tests of this part.
pub(in crate::groups) const TESTS: &[Test] = &[
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
