// SPDX-License-Identifier: GPL-2.0

//! Writing a state.

use crate::{
    case::{enter_with_file, load, must, saved, Case, Done, Load, Stop, Test},
    device::write_all,
    sys::{self, Pages},
    table,
};
use nix::errno::Errno;
use std::os::fd::AsFd;

/// The tests of this part.
pub(in crate::groups) const TESTS: &[Test] = &[
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
