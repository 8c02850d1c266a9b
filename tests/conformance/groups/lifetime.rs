// SPDX-License-Identifier: GPL-2.0

//! Files that outlive what they belong to, processes that end, devices that are removed.

use crate::{
    case::{enter, enter_with_file, load, must, saved, Case, Done, Load, Stop, Test},
    device::{self, precopy_info, read_all},
    sys::{self, Answer},
    table,
    target::device_of,
};
use nix::{
    errno::Errno,
    poll::{poll, PollFd, PollFlags},
    sys::{
        eventfd::EventFd,
        signal::{kill, Signal},
        socket::{
            recvmsg, sendmsg, socketpair, AddressFamily, ControlMessage, ControlMessageOwned,
            MsgFlags, SockFlag, SockType,
        },
        wait::{waitpid, WaitStatus},
    },
    unistd::Pid,
};
use std::{
    io::{IoSlice, IoSliceMut, Read, Write},
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
};

const FREED: &str = "requests of a file that outlived its device use freed memory";

/// The tests of this group.
pub(crate) const TESTS: &[Test] = &[
    Test::new(
        "lifetime.reopened",
        "closed in any state, a device runs when it is opened again, and migrates",
        reopened,
    ),
    Test::new(
        "lifetime.file-after-close",
        "a data file is dead after the device was closed, also when it is open again",
        after_close,
    ),
    Test::new(
        "lifetime.file-after-removal",
        "a data file is dead and harmless after its device was removed",
        after_removal,
    )
    .risky(FREED),
    Test::new(
        "lifetime.passed-file",
        "a data file works in another process, passed by a socket",
        passed,
    ),
    Test::new(
        "lifetime.passed-device",
        "a device's descriptor works in another process",
        passed_device,
    ),
    Test::new(
        "lifetime.forked",
        "a child that closes its copies changes nothing",
        forked,
    ),
    Test::new(
        "lifetime.killed",
        "a process killed in any state leaves a device that runs",
        killed,
    ),
    Test::new(
        "lifetime.many",
        "opened and closed many times, no descriptor is lost",
        many,
    ),
    Test::new(
        "lifetime.many-sessions",
        "many sessions one after another",
        many_sessions,
    ),
    Test::new(
        "lifetime.last-close",
        "the last of several descriptors ends the session, not the first",
        last_close,
    ),
    Test::new(
        "lifetime.removed-while-open",
        "removal asks by the REQ interrupt, and returns after the close",
        removed,
    ),
];

fn reopened(case: &mut Case<'_>) -> Done {
    let (device, flags) = case.open_v2()?;
    drop(device);
    for state in table::states(flags) {
        let name = table::name(state);
        let device = case.open()?;
        let file = enter(&device, state)?;
        drop(file);
        drop(device);
        let device = case.settings().target.open().map_err(Stop::Fail)?;
        must("GET_INFO", device.info(16))?;
        case.equal(
            format!("state at opening, closed in {name}"),
            device.state(),
            Ok(table::RUNNING),
        );
        must("reset", device.reset())?;
        let stream = saved(&device)?;
        case.equal(
            format!("a load after it was closed in {name}"),
            load(&device, &stream, 4096)?,
            Load::Taken,
        );
    }
    Ok(())
}

/// What a dead file answers.
fn dead(case: &mut Case<'_>, what: &str, file: BorrowedFd<'_>, state: u32) {
    let gone = [Errno::ENODEV];
    if state == table::RESUMING {
        case.refused(format!("{what}: write"), sys::write(file, &[0; 16]), &gone);
    } else {
        case.refused(
            format!("{what}: read"),
            sys::read(file, &mut [0; 16]),
            &gone,
        );
    }
    let wanted = [Errno::ENODEV, Errno::EINVAL, Errno::ENOTTY];
    case.refused(
        format!("{what}: GET_PRECOPY_INFO"),
        precopy_info(file, 24, 0).map(drop),
        &wanted,
    );
}

fn after_close(case: &mut Case<'_>) -> Done {
    let (device, flags) = case.open_v2()?;
    drop(device);
    for state in [
        table::STOP_COPY,
        table::PRE_COPY,
        table::PRE_COPY_P2P,
        table::RESUMING,
    ] {
        if !table::has(state, flags) {
            continue;
        }
        let name = table::name(state);
        let device = case.open()?;
        let file = enter_with_file(&device, state)?;
        drop(device);
        dead(case, &format!("{name}, device closed"), file.as_fd(), state);
        let device = case.open()?;
        dead(
            case,
            &format!("{name}, device open again"),
            file.as_fd(),
            state,
        );
        let fresh = enter_with_file(&device, state)?;
        dead(case, &format!("{name}, a new session"), file.as_fd(), state);
        if state != table::RESUMING {
            case.fine("reading the new one", sys::read(fresh.as_fd(), &mut [0; 8]));
        }
    }
    Ok(())
}

/// Where a removed device is made again.
fn create_file(case: &Case<'_>) -> Result<std::path::PathBuf, Stop> {
    if !case.settings().may_remove {
        return Err(Stop::Skip(
            "removing the device was not allowed (--may-remove)".to_owned(),
        ));
    }
    let folder = std::fs::canonicalize(case.settings().target.file("mdev_type"));
    folder
        .map(|folder| folder.join("create"))
        .map_err(|_| Stop::Skip("not a mediated device".to_owned()))
}

fn put(path: &std::path::Path, text: &str) -> Answer<()> {
    let opened = std::fs::OpenOptions::new().write(true).open(path);
    let written = opened.and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| Errno::from_raw(error.raw_os_error().unwrap_or(libc::EIO)))
}

fn after_removal(case: &mut Case<'_>) -> Done {
    let create = create_file(case)?;
    let (device, flags) = case.open_v2()?;
    drop(device);
    for state in [table::STOP_COPY, table::PRE_COPY, table::RESUMING] {
        if !table::has(state, flags) {
            continue;
        }
        let device = case.open()?;
        let file = enter_with_file(&device, state)?;
        drop(device);
        let target = &case.settings().target;
        must("removal", put(&target.file("remove"), "1"))?;
        dead(
            case,
            &format!("{}, device removed", table::name(state)),
            file.as_fd(),
            state,
        );
        must("creation", put(&create, &target.name()))?;
        dead(
            case,
            &format!("{}, device made again", table::name(state)),
            file.as_fd(),
            state,
        );
        drop(file);
    }
    let device = case.open()?;
    let stream = saved(&device)?;
    case.equal(
        "a load at the end",
        load(&device, &stream, 4096)?,
        Load::Taken,
    );
    Ok(())
}

/// Runs `work` in a child, waits for it, and gives its status.
fn in_child(work: impl FnOnce() -> i32) -> Result<i32, Stop> {
    let child = must("fork", sys::fork(work))?;
    match must("waiting", waitpid(child, None))? {
        WaitStatus::Exited(_, status) => Ok(status),
        status => Err(Stop::Fail(format!("the child: {status:?}"))),
    }
}

/// A descriptor that went through a socket.
fn through_socket(file: BorrowedFd<'_>) -> Result<OwnedFd, Stop> {
    let pair = socketpair(
        AddressFamily::Unix,
        SockType::Stream,
        None,
        SockFlag::SOCK_CLOEXEC,
    );
    let (near, far) = must("socketpair", pair)?;
    let fds = [file.as_raw_fd()];
    let message = [ControlMessage::ScmRights(&fds)];
    must(
        "sendmsg",
        sendmsg::<()>(
            near.as_raw_fd(),
            &[IoSlice::new(b"x")],
            &message,
            MsgFlags::empty(),
            None,
        ),
    )?;
    let mut byte = [0];
    let mut parts = [IoSliceMut::new(&mut byte)];
    let mut space = nix::cmsg_space!([std::os::fd::RawFd; 1]);
    let received = must(
        "recvmsg",
        recvmsg::<()>(
            far.as_raw_fd(),
            &mut parts,
            Some(&mut space),
            MsgFlags::MSG_CMSG_CLOEXEC,
        ),
    )?;
    for message in must("control messages", received.cmsgs())? {
        if let ControlMessageOwned::ScmRights(fds) = message {
            if let Some(fd) = fds.first().and_then(|fd| sys::owned(*fd)) {
                return Ok(fd);
            }
        }
    }
    Err(Stop::Fail(
        "no descriptor came through the socket".to_owned(),
    ))
}

fn passed(case: &mut Case<'_>) -> Done {
    let (device, _) = case.open_v2()?;
    let whole = saved(&device)?;
    let file = enter_with_file(&device, table::STOP_COPY)?;
    let copy = through_socket(file.as_fd())?;
    drop(file);
    let right = in_child(|| i32::from(read_all(copy.as_fd(), 100, false) != Ok(whole.clone())))?;
    case.equal("status of the process that read it", right, 0);
    must("-> RUNNING", device.set_state(table::RUNNING))?;
    case.refused(
        "reading it then",
        sys::read(copy.as_fd(), &mut [0; 8]),
        &[Errno::ENODEV],
    );
    let file = enter_with_file(&device, table::RESUMING)?;
    let right = in_child(|| i32::from(device::write_all(file.as_fd(), &whole, 100).is_err()))?;
    case.equal("status of the process that wrote it", right, 0);
    case.fine("RESUMING -> STOP", device.set_state(table::STOP));
    Ok(())
}

fn passed_device(case: &mut Case<'_>) -> Done {
    let (device, _) = case.open_v2()?;
    let stream = saved(&device)?;
    let copy = through_socket(device.as_fd())?;
    let right = in_child(|| {
        let Ok(Some(file)) = device::set_state(copy.as_fd(), table::STOP_COPY) else {
            return 1;
        };
        i32::from(read_all(file.as_fd(), 4096, false) != Ok(stream.clone()))
    })?;
    case.equal("status of the process that migrated it", right, 0);
    case.equal(
        "state after that process",
        device.state(),
        Ok(table::STOP_COPY),
    );
    case.fine("-> RUNNING", device.set_state(table::RUNNING));
    Ok(())
}

fn forked(case: &mut Case<'_>) -> Done {
    let (device, _) = case.open_v2()?;
    let whole = saved(&device)?;
    let file = enter_with_file(&device, table::STOP_COPY)?;
    let mut stream = vec![0; 10.min(whole.len())];
    let count = must("reading", sys::read(file.as_fd(), &mut stream))?;
    stream.truncate(count);
    // At its end all of its descriptors are closed.
    in_child(|| 0)?;
    case.equal(
        "state after the child",
        device.state(),
        Ok(table::STOP_COPY),
    );
    stream.extend(must("reading on", read_all(file.as_fd(), 64, false))?);
    case.check(stream == whole, || {
        super::data_fd::difference("over a fork", &stream, &whole)
    });
    Ok(())
}

fn killed(case: &mut Case<'_>) -> Done {
    let (device, flags) = case.open_v2()?;
    let stream = saved(&device)?;
    drop(device);
    for state in table::states(flags) {
        let name = table::name(state);
        let (reader, writer) = must("pipe", nix::unistd::pipe())?;
        let target = case.settings().target.clone();
        let child = must(
            "fork",
            sys::fork(|| {
                let Ok(device) = target.open() else { return 1 };
                if device.info(16).is_err()
                    || device.state() != Ok(table::RUNNING) && device.reset().is_err()
                {
                    return 1;
                }
                let Ok(_file) = device.set_state(state) else {
                    return 1;
                };
                if nix::unistd::write(&writer, b"x").is_err() {
                    return 1;
                }
                // Killed here; the limit of the whole test bounds it.
                nix::unistd::pause();
                0
            }),
        )?;
        drop(writer);
        let mut byte = [0];
        let there = std::fs::File::from(reader).read(&mut byte);
        let ended = kill(child, Signal::SIGKILL).and_then(|()| waitpid(child, None));
        case.check(matches!(there, Ok(1)), || {
            format!("the child did not get to {name}: {there:?}")
        });
        case.check(ended.is_ok(), || {
            format!("waiting for the child: {ended:?}")
        });
        let device = case.settings().target.open().map_err(Stop::Fail)?;
        must("GET_INFO", device.info(16))?;
        case.equal(
            format!("state after a kill in {name}"),
            device.state(),
            Ok(table::RUNNING),
        );
        must("reset", device.reset())?;
        case.equal(
            format!("a load after a kill in {name}"),
            load(&device, &stream, 4096)?,
            Load::Taken,
        );
    }
    Ok(())
}

fn many(case: &mut Case<'_>) -> Done {
    drop(case.open()?);
    let count = || std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
    let before = count();
    for _ in 0..case.settings().rounds {
        drop(case.settings().target.open().map_err(Stop::Fail)?);
    }
    case.equal("descriptors", count(), before);
    let space = case.open()?.into_space();
    // A container and a group, or one iommufd; the device's own descriptor is gone.
    let held = if space.group().is_some() { 2 } else { 1 };
    if let Some(group) = space.group() {
        for _ in 0..case.settings().rounds * 10 {
            must(
                "GET_DEVICE_FD",
                device_of(group, &case.settings().target.name()),
            )?;
        }
    }
    case.equal("descriptors of the address space", count(), before + held);
    Ok(())
}

fn many_sessions(case: &mut Case<'_>) -> Done {
    let (device, flags) = case.open_v2()?;
    let stream = saved(&device)?;
    for round in 0..case.settings().rounds {
        let state = if table::has(table::PRE_COPY, flags) && round % 2 == 0 {
            table::PRE_COPY
        } else {
            table::STOP_COPY
        };
        let file = enter_with_file(&device, state)?;
        let _ = sys::read(file.as_fd(), &mut [0; 16]);
        must("-> RUNNING", device.set_state(table::RUNNING))?;
        must("loading", load(&device, &stream, 4096)?.answer())?;
        must("-> RUNNING", device.set_state(table::RUNNING))?;
    }
    let again = saved(&device)?;
    case.check(again == stream, || {
        super::data_fd::difference("at the end", &again, &stream)
    });
    Ok(())
}

fn last_close(case: &mut Case<'_>) -> Done {
    let (device, _) = case.open_v2()?;
    let Some(second) = device.again() else {
        return Err(Stop::Skip("a character device is opened once".to_owned()));
    };
    let second = must("opening it again", second)?;
    let file = enter_with_file(&device, table::STOP_COPY)?;
    drop(second);
    case.equal(
        "state after one is closed",
        device.state(),
        Ok(table::STOP_COPY),
    );
    case.fine("reading on", sys::read(file.as_fd(), &mut [0; 8]));
    let second = must(
        "opening it again",
        device.again().unwrap_or(Err(Errno::ENOTTY)),
    )?;
    let _space = device.into_space();
    case.equal(
        "state after the other is closed",
        device::state(second.as_fd()),
        Ok(table::STOP_COPY),
    );
    case.fine("reading on", sys::read(file.as_fd(), &mut [0; 8]));
    drop(second);
    case.refused(
        "reading after the last",
        sys::read(file.as_fd(), &mut [0; 8]),
        &[Errno::ENODEV],
    );
    Ok(())
}

fn removed(case: &mut Case<'_>) -> Done {
    let create = create_file(case)?;
    let (device, _) = case.open_v2()?;
    let event = must("eventfd", EventFd::new())?;
    let flags = 0x24; // DATA_EVENTFD and ACTION_TRIGGER.
    let asked = device.set_irqs(flags, 4, 0, 1, &event.as_fd().as_raw_fd().to_ne_bytes());
    let file = enter_with_file(&device, table::STOP_COPY)?;
    let target = case.settings().target.clone();
    let remove = target.file("remove");
    let (reader, writer) = must("pipe", nix::unistd::pipe())?;
    // A process without the device's descriptors: they would keep it open.
    let keep = writer.as_raw_fd();
    let child: Pid = must(
        "fork",
        sys::fork(|| {
            for fd in 3..1024 {
                if fd != keep {
                    let _ = nix::unistd::close(fd);
                }
            }
            let _ = nix::unistd::write(&writer, b"x");
            i32::from(put(&remove, "1").is_err())
        }),
    )?;
    drop(writer);
    let mut byte = [0];
    let started = std::fs::File::from(reader).read(&mut byte);
    case.check(matches!(started, Ok(1)), || {
        "the process that removes it did not start".to_owned()
    });
    match asked {
        Ok(()) => {
            let mut ends = [PollFd::new(event.as_fd(), PollFlags::POLLIN)];
            let seen = must("poll", poll(&mut ends, 20_000_u16))?;
            case.check(seen == 1, || {
                "no request by the REQ interrupt within 20 s".to_owned()
            });
        }
        Err(errno) => case.problem(format!("the REQ interrupt cannot be set: {errno}")),
    }
    // It is there until it is closed.
    case.equal(
        "state while it is being removed",
        device.state(),
        Ok(table::STOP_COPY),
    );
    case.fine(
        "reading while it is being removed",
        sys::read(file.as_fd(), &mut [0; 8]),
    );
    let early = waitpid(child, Some(nix::sys::wait::WaitPidFlag::WNOHANG));
    case.equal(
        "the removal before the close",
        early,
        Ok(WaitStatus::StillAlive),
    );
    drop(device);
    case.equal(
        "the removal after the close",
        waitpid(child, None),
        Ok(WaitStatus::Exited(child, 0)),
    );
    case.refused(
        "reading after the removal",
        sys::read(file.as_fd(), &mut [0; 8]),
        &[Errno::ENODEV],
    );
    drop(file);
    must("creation", put(&create, &target.name()))?;
    drop(case.open()?);
    Ok(())
}
