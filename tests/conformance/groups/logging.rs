// SPDX-License-Identifier: GPL-2.0

//! Logging of what a device writes into memory, where the device does it itself.

use crate::{
    case::{must, Case, Done, Stop, Test},
    device::{Device, GET, PROBE, SET},
    sys::{Answer, Plain},
};
use nix::errno::Errno;
use vfio_bindings::bindings::vfio as uapi;

const START: u32 = uapi::VFIO_DEVICE_FEATURE_DMA_LOGGING_START;
const STOP: u32 = uapi::VFIO_DEVICE_FEATURE_DMA_LOGGING_STOP;
const REPORT: u32 = uapi::VFIO_DEVICE_FEATURE_DMA_LOGGING_REPORT;

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

pub(super) fn start(device: &Device, page_size: u64, ranges: &[(u64, u64)]) -> Answer<()> {
    let list: Vec<u8> = ranges
        .iter()
        .flat_map(|(iova, length)| {
            uapi::vfio_device_feature_dma_logging_range {
                iova: *iova,
                length: *length,
            }
            .bytes()
        })
        .collect();
    let control = uapi::vfio_device_feature_dma_logging_control {
        page_size,
        num_ranges: ranges.len() as u32,
        ranges: list.as_ptr() as u64,
        ..Default::default()
    };
    device.feature(SET | START, &mut control.bytes())
}

pub(super) fn stop(device: &Device) -> Answer<()> {
    device.feature(SET | STOP, &mut [])
}

/// How many pages are dirty in a range of up to 1 MiB.
pub(super) fn report(device: &Device, page_size: u64, iova: u64, length: u64) -> Answer<u32> {
    let bitmap = [0_u64; 4];
    let ask = uapi::vfio_device_feature_dma_logging_report {
        iova,
        length,
        page_size,
        bitmap: bitmap.as_ptr() as u64,
    };
    device.feature(GET | REPORT, &mut ask.bytes())?;
    Ok(bitmap.iter().map(|word| word.count_ones()).sum())
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
    // A device that says it logs and fails here fails the migration of its client.
    let dirty = case.fine("REPORT", report(&device, 4096, 0, 1 << 20));
    case.note(format!(
        "dirty pages of a device that has done nothing: {dirty:?}"
    ));
    case.fine("REPORT of a part", report(&device, 4096, 8192, 4096));
    case.fine("STOP", stop(&device));
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
    must("START", start(&device, 4096, &[(0, 1 << 20)]))?;
    let second = start(&device, 4096, &[(0, 1 << 20)]);
    let outside = report(&device, 4096, 1 << 30, 1 << 20);
    case.note(format!(
        "STOP without START {first:?}, START again {second:?}, REPORT outside {outside:?}"
    ));
    for page_size in [0, 3, 2048, 4097] {
        case.refused(
            format!("REPORT, page size {page_size}"),
            report(&device, page_size, 0, 4096),
            &[Errno::EINVAL],
        );
    }
    case.fine("STOP", stop(&device));
    case.refused(
        "REPORT after STOP",
        report(&device, 4096, 0, 4096),
        &[Errno::EINVAL, Errno::ENOENT, Errno::ENXIO],
    );
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
        if answer.is_ok() {
            case.fine("STOP", stop(&device));
        }
    }
    Ok(())
}
