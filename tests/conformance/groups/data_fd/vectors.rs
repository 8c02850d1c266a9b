// SPDX-License-Identifier: GPL-2.0

//! A state that goes through several buffers at once, or through none of the client's.

use super::difference;
use crate::{
    case::{enter_with_file, must, saved, Case, Done, Test},
    table,
};
use nix::{
    errno::Errno,
    fcntl::{splice, SpliceFFlags},
    sys::uio::{readv, writev},
    unistd::{pipe, read},
};
use std::{
    io::{IoSlice, IoSliceMut},
    os::fd::AsFd,
};

/// The tests of this part.
pub(in crate::groups) const TESTS: &[Test] = &[
    Test::new(
        "data-fd.readv",
        "read into several buffers at once: the same stream",
        vectors_read,
    ),
    Test::new(
        "data-fd.writev",
        "written from several buffers at once, a stream loads",
        vectors_written,
    ),
    Test::new(
        "data-fd.splice",
        "spliced into a pipe: the same stream, or EINVAL and no byte is lost",
        spliced,
    ),
];

fn vectors_read(case: &mut Case<'_>) -> Done {
    let (device, _) = case.open_v2()?;
    let wanted = saved(&device)?;
    let file = enter_with_file(&device, table::STOP_COPY)?;
    let mut stream = Vec::new();
    loop {
        let (mut one, mut two, mut three) = ([0; 7], [0; 0], [0; 61]);
        let mut parts = [
            IoSliceMut::new(&mut one),
            IoSliceMut::new(&mut two),
            IoSliceMut::new(&mut three),
        ];
        let count = must("readv", readv(&file, &mut parts))?;
        if count == 0 {
            break;
        }
        stream.extend(one.iter().chain(&three).take(count));
    }
    case.check(stream == wanted, || difference("stream", &stream, &wanted));
    Ok(())
}

fn vectors_written(case: &mut Case<'_>) -> Done {
    let (device, _) = case.open_v2()?;
    let stream = saved(&device)?;
    let file = enter_with_file(&device, table::RESUMING)?;
    let mut rest = &stream[..];
    while !rest.is_empty() {
        let (one, more) = rest.split_at(rest.len().min(5));
        let two = &more[..more.len().min(100)];
        let parts = [one, &[], two].map(IoSlice::new);
        let count = must("writev", writev(&file, &parts))?;
        if count == 0 {
            case.problem("writev took nothing");
            return Ok(());
        }
        rest = &rest[count..];
    }
    must("RESUMING -> STOP", device.set_state(table::STOP))?;
    must("STOP -> RUNNING", device.set_state(table::RUNNING))?;
    let now = saved(&device)?;
    case.check(now == stream, || {
        difference("after the load", &now, &stream)
    });
    Ok(())
}

fn spliced(case: &mut Case<'_>) -> Done {
    let (device, _) = case.open_v2()?;
    let wanted = saved(&device)?;
    let file = enter_with_file(&device, table::STOP_COPY)?;
    let (reader, writer) = must("pipe", pipe())?;
    let mut stream = Vec::new();
    loop {
        match splice(&file, None, &writer, None, 4096, SpliceFFlags::empty()) {
            Ok(0) => break,
            Ok(count) => {
                let mut bytes = vec![0; count];
                must("reading the pipe", read(&reader, &mut bytes))?;
                stream.extend(bytes);
            }
            Err(errno) => {
                case.equal("splice", errno, Errno::EINVAL);
                let rest = crate::device::read_all(file.as_fd(), 4096, false);
                stream.extend(must("reading what was not spliced", rest)?);
                break;
            }
        }
    }
    case.check(stream == wanted, || difference("stream", &stream, &wanted));
    Ok(())
}
