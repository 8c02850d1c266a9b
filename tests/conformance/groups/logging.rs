// SPDX-License-Identifier: GPL-2.0

//! Logging of what a device writes into memory, where the device does it itself.

use crate::{
    case::{must, Case, Done, Stop, Test},
    device::{Device, GET, PROBE, SET},
};
use nix::errno::Errno;
use vfio_client::log::{report, start, stop, REPORT, START, STOP};

/// The tests of this group.
pub(crate) const TESTS: &[Test] = &[
    Test::new(
        "logging.whole",
        "START, STOP and REPORT are there together or not at all",
        whole,
    ),
    Test::new(
        "logging.works",
        "where it is offered, it starts, reports and stops",
        works,
    ),
    Test::new(
        "logging.sizes",
        "ranges of a TiB, at any page size; larger ones work or are refused",
        sizes,
    ),
    Test::new(
        "logging.ranges",
        "0 ranges EINVAL, 257 E2BIG, overlaps and wraps refused, 256 taken",
        ranges,
    ),
    Test::new(
        "logging.order",
        "START twice, STOP without START, REPORT outside of the ranges",
        order,
    ),
    Test::new(
        "logging.odd-values",
        "a length of 0, page sizes 0 and 3: no harm, and it can be stopped",
        odd,
    ),
];

fn open(case: &mut Case<'_>) -> Result<Device, Stop> {
    let device = case.open()?;
    match device.feature(PROBE | SET | START, &mut []) {
        Ok(()) => Ok(device),
        Err(errno) => Err(Stop::Skip(format!(
            "the device does not log by itself ({errno:?})"
        ))),
    }
}

fn whole(case: &mut Case<'_>) -> Done {
    let device = open(case)?;
    case.fine("PROBE of STOP", device.feature(PROBE | SET | STOP, &mut []));
    case.fine(
        "PROBE of REPORT",
        device.feature(PROBE | GET | REPORT, &mut []),
    );
    Ok(())
}

fn works(case: &mut Case<'_>) -> Done {
    let device = open(case)?;
    must("START", start(&device, 4096, &[(0, 1 << 20)]))?;
    // A device that says it logs and fails here fails the migration of its client. It has not
    // written anything: no memory is mapped.
    let nothing = Ok(Vec::new());
    case.equal("REPORT", report(&device, 4096, 0, 1 << 20), nothing.clone());
    case.equal(
        "REPORT of a part",
        report(&device, 4096, 8192, 4096),
        nothing.clone(),
    );
    case.equal(
        "REPORT in larger pages",
        report(&device, 1 << 16, 0, 1 << 20),
        nothing.clone(),
    );
    case.fine("reset", device.reset());
    case.equal(
        "REPORT after a reset",
        report(&device, 4096, 0, 1 << 20),
        nothing,
    );
    case.fine("STOP", stop(&device));
    Ok(())
}

fn sizes(case: &mut Case<'_>) -> Done {
    let device = open(case)?;
    for page_size in [4096, 1 << 16, 1 << 21, 1 << 30] {
        let used = case.fine(
            format!("START, page size {page_size:#x}"),
            start(&device, page_size, &[(0, 1 << 40)]),
        );
        case.check(used.is_none_or(u64::is_power_of_two), || {
            format!("page size {page_size:#x}: it took {used:?}")
        });
        for asked in [4096, 1 << 21] {
            case.fine(
                format!("page size {page_size:#x}, REPORT in {asked:#x}"),
                report(&device, asked, 1 << 30, 1 << 21),
            );
        }
        case.fine("STOP", stop(&device));
    }
    // As much as there can be: whatever is not taken is refused, and the next START works.
    for range in [(0, 1 << 52), (0, 1 << 63), (1 << 63, (1 << 63) - 4096)] {
        match start(&device, 4096, &[range]) {
            Ok(_) => drop(case.fine("STOP", stop(&device))),
            Err(errno) => case.check(
                [Errno::E2BIG, Errno::ENOMEM, Errno::EINVAL].contains(&errno),
                || format!("START of {range:x?}: {errno:?}"),
            ),
        }
    }
    case.fine(
        "START of less after that",
        start(&device, 4096, &[(0, 1 << 20)]),
    );
    Ok(())
}

fn ranges(case: &mut Case<'_>) -> Done {
    let device = open(case)?;
    let many = |count: u64| (0..count).map(|n| (n << 24, 1 << 20)).collect::<Vec<_>>();
    case.refused("0 ranges", start(&device, 4096, &[]), &[Errno::EINVAL]);
    case.refused(
        "257 ranges",
        start(&device, 4096, &many(257)),
        &[Errno::E2BIG],
    );
    case.refused(
        "overlapping ranges",
        start(&device, 4096, &[(0, 8192), (4096, 8192)]),
        &[Errno::EINVAL],
    );
    case.refused(
        "an unaligned range",
        start(&device, 4096, &[(1, 4096)]),
        &[Errno::EINVAL],
    );
    case.refused(
        "a range that wraps",
        start(&device, 4096, &[(u64::MAX & !0xfff, 8192)]),
        &[Errno::EOVERFLOW],
    );
    if case
        .fine("256 ranges", start(&device, 4096, &many(256)))
        .is_some()
    {
        case.fine("STOP", stop(&device));
    }
    Ok(())
}

fn order(case: &mut Case<'_>) -> Done {
    let device = open(case)?;
    // What answer is given is the driver's; it must be the same device after it.
    let first = stop(&device);
    case.note(format!("STOP without START: {first:?}"));
    let wrong = [Errno::EINVAL, Errno::ENOENT, Errno::ENXIO];
    case.refused(
        "REPORT before START",
        report(&device, 4096, 0, 4096),
        &wrong,
    );
    must("START", start(&device, 4096, &[(0, 1 << 20)]))?;
    case.refused(
        "START again",
        start(&device, 4096, &[(1 << 21, 1 << 20)]),
        &[Errno::EINVAL, Errno::EBUSY],
    );
    // Nothing is known of it, and no answer would be true.
    for (what, iova, length) in [
        ("outside of the ranges", 1 << 30, 1 << 20),
        ("past the end of a range", (1 << 20) - 4096, 8192),
    ] {
        let answer = report(&device, 4096, iova, length);
        case.refused(format!("REPORT {what}"), answer, &wrong);
    }
    for page_size in [0, 3, 2048, 4097] {
        case.refused(
            format!("REPORT, page size {page_size}"),
            report(&device, page_size, 0, 4096),
            &[Errno::EINVAL],
        );
    }
    case.fine("STOP", stop(&device));
    case.refused("REPORT after STOP", report(&device, 4096, 0, 4096), &wrong);
    must(
        "START again after STOP",
        start(&device, 4096, &[(0, 1 << 20)]),
    )?;
    drop(device);
    let device = case.open()?;
    case.fine(
        "START after reopening while it was on",
        start(&device, 4096, &[(0, 1 << 20)]),
    );
    Ok(())
}

fn odd(case: &mut Case<'_>) -> Done {
    let device = open(case)?;
    for (page_size, range) in [
        (4096, (0, 0)),
        (0, (0, 4096)),
        (3, (0, 4096)),
        (1 << 63, (0, 4096)),
    ] {
        let answer = start(&device, page_size, &[range]);
        case.note(format!(
            "START, page size {page_size:#x}, range {range:?}: {answer:?}"
        ));
        let _ = report(&device, 4096, 0, 4096);
        let _ = report(&device, 4096, 0, 0);
        if answer.is_ok() {
            case.fine("STOP", stop(&device));
        }
    }
    Ok(())
}
