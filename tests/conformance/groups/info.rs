// SPDX-License-Identifier: GPL-2.0

//! The info ioctls: sizes, indexes, capability lists, and what clients cannot do without.

use crate::{
    case::{must, Case, Done, Stop, Test},
    device::{GET_INFO, GET_IRQ_INFO, GET_REGION_INFO},
    sys::{self, Pages, PAGE},
};
use nix::errno::Errno;
use std::os::fd::AsFd;
use vfio_bindings::bindings::vfio as uapi;

/// The tests of this group.
pub(crate) const TESTS: &[Test] = &[
    Test::new(
        "info.device",
        "GET_INFO says PCI, at least the regions and interrupts of PCI",
        device,
    ),
    Test::new(
        "info.reset-flag",
        "FLAGS_RESET is set, and RESET succeeds",
        reset_flag,
    ),
    Test::new(
        "info.device-sizes",
        "GET_INFO: short argsz EINVAL, any longer one succeeds",
        device_sizes,
    ),
    Test::new(
        "info.region-sizes",
        "GET_REGION_INFO at argsz 0, 31, 32, exact, one less, 4 GiB",
        region_sizes,
    ),
    Test::new(
        "info.region-indexes",
        "regions past the last are EINVAL, those before are told",
        region_indexes,
    ),
    Test::new(
        "info.region-capabilities",
        "each capability list is well formed, areas lie inside",
        capabilities,
    ),
    Test::new(
        "info.region-overlap",
        "no two regions share a part of the device's file",
        overlap,
    ),
    Test::new(
        "info.config-size",
        "the configuration region has 256 bytes at least",
        config_size,
    ),
    Test::new(
        "info.irq-indexes",
        "each interrupt index below num_irqs is told or refused, none above",
        irqs,
    ),
    Test::new(
        "info.irq-before-info",
        "interrupts are told also before GET_INFO was asked",
        irq_first,
    ),
    Test::new(
        "info.bad-pointers",
        "an argument that cannot be read or written is EFAULT",
        bad_pointers,
    ),
    Test::new(
        "info.unknown-ioctl",
        "an ioctl that nobody knows is ENOTTY",
        unknown,
    ),
    Test::new(
        "info.protocols",
        "the protocols offered are those that --protocols names",
        protocols,
    ),
    Test::new(
        "info.dirty-tracking",
        "the container tracks dirty pages, as QEMU 7.2 demands",
        dirty_tracking,
    ),
];

fn device(case: &mut Case<'_>) -> Done {
    let device = case.open()?;
    let info = must("GET_INFO", device.info(16))?;
    case.note(format!(
        "flags {:#x}, {} regions, {} kinds of interrupt",
        info.flags, info.regions, info.irqs
    ));
    case.check(info.flags & uapi::VFIO_DEVICE_FLAGS_PCI != 0, || {
        "VFIO_DEVICE_FLAGS_PCI is not set".to_owned()
    });
    case.check(info.regions > uapi::VFIO_PCI_CONFIG_REGION_INDEX, || {
        format!("only {} regions", info.regions)
    });
    case.check(info.irqs > uapi::VFIO_PCI_MSIX_IRQ_INDEX, || {
        format!("only {} kinds of interrupt", info.irqs)
    });
    Ok(())
}

fn reset_flag(case: &mut Case<'_>) -> Done {
    let device = case.open()?;
    let info = must("GET_INFO", device.info(16))?;
    // Without the flag a client never resets it; migration's recovery does all the same.
    case.check(info.flags & uapi::VFIO_DEVICE_FLAGS_RESET != 0, || {
        "VFIO_DEVICE_FLAGS_RESET is not set".to_owned()
    });
    case.fine("RESET", device.reset());
    Ok(())
}

fn device_sizes(case: &mut Case<'_>) -> Done {
    let device = case.open()?;
    for argsz in [0, 4, 15] {
        case.refused(
            format!("argsz {argsz}"),
            device.info(argsz),
            &[Errno::EINVAL],
        );
    }
    for argsz in [16, 17, 24, 4096, u32::MAX] {
        case.fine(format!("argsz {argsz}"), device.info(argsz));
    }
    Ok(())
}

fn region_sizes(case: &mut Case<'_>) -> Done {
    let device = case.open()?;
    let count = must("GET_INFO", device.info(16))?.regions;
    for index in 0..count {
        for argsz in [0, 31] {
            case.refused(
                format!("region {index}, argsz {argsz}"),
                device.region_bytes(index, argsz),
                &[Errno::EINVAL],
            );
        }
        let Some(bytes) = case.fine(
            format!("region {index}, argsz 32"),
            device.region_bytes(index, 32),
        ) else {
            continue;
        };
        let short: uapi::vfio_region_info = sys::Plain::of(&bytes);
        let flagged = short.flags & uapi::VFIO_REGION_INFO_FLAG_CAPS != 0;
        case.check(short.argsz >= 32, || {
            format!("region {index}: argsz came back as {}", short.argsz)
        });
        case.equal(
            format!("region {index}: CAPS is set and argsz grew"),
            flagged,
            short.argsz > 32,
        );
        case.equal(
            format!("region {index}: cap_offset where nothing fits"),
            short.cap_offset,
            0,
        );
        let exact = short.argsz;
        for argsz in [exact.saturating_sub(1).max(32), exact, exact + 1, u32::MAX] {
            let Some(bytes) = case.fine(
                format!("region {index}, argsz {argsz}"),
                device.region_bytes(index, argsz),
            ) else {
                continue;
            };
            let info: uapi::vfio_region_info = sys::Plain::of(&bytes);
            case.equal(
                format!("region {index}, argsz {argsz}: a list where it fits"),
                info.cap_offset != 0,
                flagged && argsz >= exact,
            );
            case.equal(
                format!("region {index}, argsz {argsz}: size, offset and flags"),
                (info.size, info.offset, info.flags),
                (short.size, short.offset, short.flags),
            );
        }
    }
    Ok(())
}

fn region_indexes(case: &mut Case<'_>) -> Done {
    let device = case.open()?;
    let count = must("GET_INFO", device.info(16))?.regions;
    for index in 0..count {
        let Some(region) = case.fine(format!("region {index}"), device.region(index)) else {
            continue;
        };
        case.note(format!(
            "region {index}: {:#x} bytes at {:#x}, flags {:#x}, type {:?}, areas {:?}",
            region.size, region.offset, region.flags, region.kind, region.areas
        ));
    }
    for index in [count, count + 1, 255, 65536, u32::MAX] {
        case.refused(
            format!("region {index} of {count}"),
            device.region(index),
            &[Errno::EINVAL],
        );
    }
    Ok(())
}

fn capabilities(case: &mut Case<'_>) -> Done {
    let device = case.open()?;
    let count = must("GET_INFO", device.info(16))?.regions;
    for index in 0..count {
        let Some(region) = case.fine(format!("region {index}"), device.region(index)) else {
            continue;
        };
        for fault in &region.faults {
            case.problem(format!("region {index}: {fault}"));
        }
        let mmap = region.flags & uapi::VFIO_REGION_INFO_FLAG_MMAP != 0;
        let areas = region.areas.clone().unwrap_or_default();
        case.check(areas.is_empty() || mmap, || {
            format!("region {index} has areas to map, and no MMAP flag")
        });
        let mut last = 0;
        for (offset, size) in areas {
            // A client maps pages, and drops areas of no size.
            let whole = offset % PAGE as u64 == 0 && size % PAGE as u64 == 0 && size > 0;
            let inside = offset
                .checked_add(size)
                .is_some_and(|end| end <= region.size);
            case.check(whole && inside && offset >= last, || {
                format!(
                    "region {index} of {:#x} bytes: area {offset:#x}+{size:#x} after {last:#x}",
                    region.size
                )
            });
            last = offset.saturating_add(size);
        }
        case.check(
            region.kind.is_none() || index >= uapi::VFIO_PCI_NUM_REGIONS,
            || format!("region {index} has a type, and an index that PCI gives a meaning"),
        );
    }
    Ok(())
}

fn overlap(case: &mut Case<'_>) -> Done {
    let device = case.open()?;
    let count = must("GET_INFO", device.info(16))?.regions;
    let mut ranges = Vec::new();
    for index in 0..count {
        let region = must(format!("region {index}"), device.region(index))?;
        if region.size > 0 {
            ranges.push((
                region.offset,
                region.offset.saturating_add(region.size),
                index,
            ));
        }
    }
    ranges.sort_unstable();
    for pair in ranges.windows(2) {
        case.check(pair[0].1 <= pair[1].0, || {
            format!("regions {} and {} overlap", pair[0].2, pair[1].2)
        });
    }
    case.check(
        ranges.last().is_none_or(|last| last.1 <= i64::MAX as u64),
        || "a region ends past 2^63".to_owned(),
    );
    Ok(())
}

fn config_size(case: &mut Case<'_>) -> Done {
    let device = case.open()?;
    let region = must(
        "configuration region",
        device.region(uapi::VFIO_PCI_CONFIG_REGION_INDEX),
    )?;
    case.check(region.size == 256 || region.size == 4096, || {
        format!("it has {} bytes", region.size)
    });
    let both = uapi::VFIO_REGION_INFO_FLAG_READ | uapi::VFIO_REGION_INFO_FLAG_WRITE;
    case.equal("flags READ and WRITE", region.flags & both, both);
    Ok(())
}

fn irqs(case: &mut Case<'_>) -> Done {
    let device = case.open()?;
    let count = must("GET_INFO", device.info(16))?.irqs;
    for index in 0..count {
        match device.irq(index, 16) {
            Ok(info) => case.note(format!(
                "interrupt {index}: {} of them, flags {:#x}",
                info.count, info.flags
            )),
            // Clients take this as none, for an index that a device does not have.
            Err(errno) => case.equal(format!("interrupt {index}"), errno, Errno::EINVAL),
        }
        for argsz in [0, 15] {
            case.refused(
                format!("interrupt {index}, argsz {argsz}"),
                device.irq(index, argsz),
                &[Errno::EINVAL],
            );
        }
        if device.irq(index, 16).is_ok() {
            for argsz in [17, 4096, u32::MAX] {
                case.fine(
                    format!("interrupt {index}, argsz {argsz}"),
                    device.irq(index, argsz),
                );
            }
        }
    }
    for index in [count, count + 1, u32::MAX] {
        case.refused(
            format!("interrupt {index} of {count}"),
            device.irq(index, 16),
            &[Errno::EINVAL],
        );
    }
    Ok(())
}

fn irq_first(case: &mut Case<'_>) -> Done {
    let known = {
        let device = case.open()?;
        (0..uapi::VFIO_PCI_NUM_IRQS)
            .find(|index| device.irq(*index, 16).is_ok_and(|info| info.count > 0))
    };
    let Some(index) = known else {
        return Err(Stop::Skip("the device has no interrupts".to_owned()));
    };
    let device = case.settings().target.open().map_err(Stop::Fail)?;
    case.fine(
        format!("interrupt {index} right after opening"),
        device.irq(index, 16),
    );
    Ok(())
}

fn bad_pointers(case: &mut Case<'_>) -> Done {
    let device = case.open()?;
    let pages = must("pages", Pages::new())?;
    for (name, request, length) in [
        ("GET_INFO", GET_INFO, 16_usize),
        ("GET_IRQ_INFO", GET_IRQ_INFO, 16),
        ("GET_REGION_INFO", GET_REGION_INFO, 32),
    ] {
        for (place, address) in [
            ("null", 0),
            ("forbidden", pages.forbidden()),
            ("kernel", usize::MAX - PAGE + 1),
        ] {
            let answer = sys::ioctl_number(device.as_fd(), request, address as u64);
            case.refused(
                format!("{name}, argument {place}"),
                answer,
                &[Errno::EFAULT],
            );
        }
        let mut whole = vec![0; length];
        whole[..4].copy_from_slice(&(length as u32).to_ne_bytes());
        let answer = sys::ioctl_number(device.as_fd(), request, pages.put_at_edge(&whole) as u64);
        case.fine(
            format!("{name}, argument that ends before a forbidden page"),
            answer,
        );
        let answer = sys::ioctl_number(
            device.as_fd(),
            request,
            pages.put_at_edge(&whole[..length - 1]) as u64,
        );
        case.refused(
            format!("{name}, last byte on a forbidden page"),
            answer,
            &[Errno::EFAULT],
        );
    }
    Ok(())
}

fn unknown(case: &mut Case<'_>) -> Done {
    let device = case.open()?;
    for request in [0, 0x3b00, crate::device::request(99), u64::from(u32::MAX)] {
        let answer = sys::ioctl(device.as_fd(), request, &mut [0; 64]);
        case.refused(format!("ioctl {request:#x}"), answer, &[Errno::ENOTTY]);
    }
    Ok(())
}

fn protocols(case: &mut Case<'_>) -> Done {
    let device = case.open()?;
    let count = must("GET_INFO", device.info(16))?.regions;
    let mut offered = Vec::new();
    let kind = (
        uapi::VFIO_REGION_TYPE_MIGRATION_DEPRECATED,
        uapi::VFIO_REGION_SUBTYPE_MIGRATION_DEPRECATED,
    );
    let regions = (0..count)
        .filter(|index| {
            device
                .region(*index)
                .is_ok_and(|region| region.kind == Some(kind))
        })
        .count();
    case.check(regions <= 1, || format!("{regions} migration regions"));
    if regions > 0 {
        offered.push("v1".to_owned());
    }
    match device.migration_flags() {
        Ok(flags) => {
            offered.push("v2".to_owned());
            let known = u64::from(
                uapi::VFIO_MIGRATION_STOP_COPY
                    | uapi::VFIO_MIGRATION_P2P
                    | uapi::VFIO_MIGRATION_PRE_COPY,
            );
            case.check(flags & 1 != 0 && flags & !known == 0, || {
                format!("migration flags {flags:#x}")
            });
            case.note(format!("migration flags {flags:#x}"));
        }
        Err(errno) => case.equal("GET MIGRATION", errno, Errno::ENOTTY),
    }
    case.note(format!("protocols: {offered:?}"));
    let Some(wanted) = &case.settings().protocols else {
        return Err(Stop::Skip(format!(
            "--protocols was not given; offered are {offered:?}"
        )));
    };
    let wanted: Vec<String> = wanted
        .iter()
        .filter(|name| *name != "none")
        .cloned()
        .collect();
    case.equal("protocols", offered, wanted);
    Ok(())
}

fn dirty_tracking(case: &mut Case<'_>) -> Done {
    let device = case.open()?;
    match device.space().tracks_dirty() {
        None => Err(Stop::Skip("there is no container".to_owned())),
        Some(answer) => {
            let tracks = must("VFIO_IOMMU_GET_INFO", answer)?;
            case.check(tracks, || {
                "no MIGRATION capability: a device has demoted the container".to_owned()
            });
            Ok(())
        }
    }
}
