// SPDX-License-Identifier: GPL-2.0

//! Reading, writing and mapping regions: widths, ends, holes, bad buffers.

use crate::{
    case::{must, Case, Done, Stop, Test},
    device::{Device, Region},
    sys::{self, Mapping, Pages, PAGE},
};
use nix::errno::Errno;
use std::os::fd::AsFd;
use vfio_bindings::bindings::vfio as uapi;

const BOUNDS: &str = "accesses past a region's end read or write the driver's memory";

/// The tests of this group.
pub(crate) const TESTS: &[Test] = &[
    Test::new(
        "regions.config-widths",
        "any width at any offset of the configuration space gives the same bytes",
        config_widths,
    ),
    Test::new(
        "regions.config-read-only",
        "ids, class and header type cannot be written",
        config_read_only,
    ),
    Test::new(
        "regions.config-bars",
        "all ones in a BAR give the size of its region",
        config_bars,
    ),
    Test::new(
        "regions.config-capabilities",
        "the list of capabilities ends, inside the configuration space",
        config_capabilities,
    ),
    Test::new(
        "regions.bar-ends",
        "the last bytes of each region can be read, up to the end",
        bar_ends,
    ),
    Test::new(
        "regions.past-end",
        "no access reaches past the end of a region",
        past_end,
    )
    .risky(BOUNDS),
    Test::new(
        "regions.far-offsets",
        "no access far behind a region, up to the next one, does anything",
        far,
    )
    .risky(BOUNDS),
    Test::new(
        "regions.empty",
        "regions without a size cannot be accessed",
        empty,
    )
    .risky(BOUNDS),
    Test::new(
        "regions.positions",
        "negative positions and those of no region are refused",
        positions,
    ),
    Test::new("regions.nothing", "an access of 0 bytes gives 0", nothing),
    Test::new(
        "regions.huge",
        "a length of 2^31 ends at the region's end",
        huge,
    )
    .risky(BOUNDS),
    Test::new(
        "regions.bad-buffers",
        "a buffer that ends early: a short count, or EFAULT and nothing done",
        bad_buffers,
    ),
    Test::new(
        "regions.mmap",
        "only areas that are offered can be mapped, and shared only",
        mmap,
    ),
];

fn region(device: &Device, index: u32) -> Result<Region, Stop> {
    must(format!("region {index}"), device.region(index))
}

/// All regions of PCI, with their numbers; not those that a device adds.
fn regions(device: &Device) -> Result<Vec<(u32, Region)>, Stop> {
    (0..=uapi::VFIO_PCI_CONFIG_REGION_INDEX)
        .map(|index| Ok((index, region(device, index)?)))
        .collect()
}

fn config(device: &Device) -> Result<Region, Stop> {
    region(device, uapi::VFIO_PCI_CONFIG_REGION_INDEX)
}

/// The whole configuration space, read byte by byte.
fn config_bytes(device: &Device, config: &Region) -> Result<Vec<u8>, Stop> {
    let mut bytes = vec![0; config.size as usize];
    for (offset, byte) in bytes.iter_mut().enumerate() {
        let mut one = [0];
        must(
            format!("configuration byte {offset:#x}"),
            device.read(config, offset as u64, &mut one),
        )?;
        *byte = one[0];
    }
    Ok(bytes)
}

fn config_widths(case: &mut Case<'_>) -> Done {
    let device = case.open()?;
    let config = config(&device)?;
    let bytes = config_bytes(&device, &config)?;
    for width in [1_usize, 2, 3, 4, 5, 8, 64] {
        for offset in 0..bytes.len().saturating_sub(width - 1) {
            let mut part = vec![0xee; width];
            let answer = device.read(&config, offset as u64, &mut part);
            // A short count is right, as long as what it counts is.
            let Some(count) = case.fine(format!("{width} bytes at {offset:#x}"), answer) else {
                continue;
            };
            case.check(
                count > 0 && part[..count] == bytes[offset..offset + count],
                || {
                    format!(
                        "{count} of {width} bytes at {offset:#x}: {:02x?}, byte by byte {:02x?}",
                        &part[..count],
                        &bytes[offset..offset + count]
                    )
                },
            );
        }
    }
    Ok(())
}

fn config_read_only(case: &mut Case<'_>) -> Done {
    let device = case.open()?;
    let config = config(&device)?;
    let before = config_bytes(&device, &config)?;
    // Vendor and device, revision and class, header type, subsystem, capability pointer, pin.
    for range in [
        0..4_usize,
        8..12,
        14..15,
        0x2c..0x30,
        0x34..0x35,
        0x3d..0x3e,
    ] {
        let flipped: Vec<u8> = before[range.clone()].iter().map(|byte| !byte).collect();
        // Ignored or refused: both are right.
        let _ = device.write(&config, range.start as u64, &flipped);
    }
    let after = config_bytes(&device, &config)?;
    for (offset, (was, is)) in before.iter().zip(&after).enumerate() {
        case.check(was == is, || {
            format!("byte {offset:#x} was {was:#04x}, is {is:#04x}")
        });
    }
    Ok(())
}

fn config_bars(case: &mut Case<'_>) -> Done {
    let device = case.open()?;
    let config = config(&device)?;
    let mut upper = false;
    for bar in 0..6_u32 {
        let at = u64::from(0x10 + 4 * bar);
        let mut before = [0; 4];
        must(format!("BAR {bar}"), device.read(&config, at, &mut before))?;
        if upper {
            upper = false;
            continue;
        }
        let size = region(&device, bar)?.size;
        case.fine(
            format!("BAR {bar}: writing"),
            device.write(&config, at, &[0xff; 4]),
        );
        let mut told = [0; 4];
        case.fine(
            format!("BAR {bar}: reading"),
            device.read(&config, at, &mut told),
        );
        case.fine(
            format!("BAR {bar}: restoring"),
            device.write(&config, at, &before),
        );
        let told = u32::from_le_bytes(told);
        let io = told & 1 != 0;
        upper = !io && told & 6 == 4;
        let mask = if io { told & !3 } else { told & !15 };
        if size == 0 {
            case.equal(format!("BAR {bar} without a region"), mask, 0);
        } else if size <= 1 << 31 {
            // An I/O BAR may leave the upper half at zero.
            let found = mask & mask.wrapping_neg();
            case.equal(
                format!("BAR {bar}: size by its mask {mask:#x}"),
                u64::from(found),
                size.next_power_of_two(),
            );
        }
    }
    Ok(())
}

fn config_capabilities(case: &mut Case<'_>) -> Done {
    let device = case.open()?;
    let config = config(&device)?;
    let bytes = config_bytes(&device, &config)?;
    let byte = |at: usize| bytes.get(at).copied().unwrap_or(0);
    if byte(6) & 0x10 == 0 {
        return Err(Stop::Skip(
            "the status register says that there is no list".to_owned(),
        ));
    }
    let mut at = usize::from(byte(0x34));
    let mut seen = Vec::new();
    while at != 0 {
        if !(0x40..0xff).contains(&at) || at % 4 != 0 || seen.contains(&at) {
            return Err(Stop::Fail(format!(
                "capability at {at:#x}, after {seen:02x?}"
            )));
        }
        seen.push(at);
        case.note(format!("capability {:#04x} at {at:#x}", byte(at)));
        at = usize::from(byte(at + 1));
    }
    Ok(())
}

fn bar_ends(case: &mut Case<'_>) -> Done {
    let device = case.open()?;
    for (index, region) in regions(&device)?
        .into_iter()
        .filter(|(_, region)| region.size > 0)
    {
        for width in [1_u64, 2, 4] {
            if width > region.size || (region.size - width) % width != 0 {
                continue;
            }
            let answer = device.read(&region, region.size - width, &mut vec![0; width as usize]);
            case.equal(
                format!("region {index}: the last {width} bytes"),
                answer,
                Ok(width as usize),
            );
        }
    }
    Ok(())
}

/// No access there may take more bytes than the region still has.
fn bounded(
    case: &mut Case<'_>,
    device: &Device,
    index: u32,
    region: &Region,
    offset: u64,
    width: usize,
) {
    let room = region.size.saturating_sub(offset);
    let got = device.read(region, offset, &mut vec![0; width]);
    case.check(got.map_or(true, |count| count as u64 <= room), || {
        format!(
            "region {index} of {:#x} bytes: reading {width} at {offset:#x} gave {got:?}",
            region.size
        )
    });
    if room == 0 {
        let got = device.write(region, offset, &vec![0; width]);
        case.check(got.map_or(true, |count| count == 0), || {
            format!(
                "region {index} of {:#x} bytes: writing {width} at {offset:#x} gave {got:?}",
                region.size
            )
        });
    }
}

fn past_end(case: &mut Case<'_>) -> Done {
    let device = case.open()?;
    for (index, region) in regions(&device)?
        .into_iter()
        .filter(|(_, region)| region.size > 0)
    {
        for (before, width) in [
            (1, 2),
            (1, 4),
            (2, 4),
            (3, 8),
            (4, 8),
            (0, 1),
            (0, 2),
            (0, 4),
            (0, 8),
            (0, 4096),
        ] {
            bounded(case, &device, index, &region, region.size - before, width);
        }
    }
    Ok(())
}

fn far(case: &mut Case<'_>) -> Done {
    let device = case.open()?;
    let all = regions(&device)?;
    for (index, region) in &all {
        // What lies between this region and the next belongs to none.
        let next = all
            .iter()
            .map(|(_, other)| other.offset)
            .filter(|offset| *offset > region.offset)
            .min();
        let end = next.unwrap_or(region.offset.saturating_add(1 << 40)) - region.offset;
        for offset in [
            0x1_0000,
            0x1_0004,
            0x10_0000,
            1 << 32,
            end / 2,
            end - 4,
            end - 1,
        ] {
            if offset >= region.size && offset < end {
                bounded(case, &device, *index, region, offset, 1);
                if offset + 4 <= end {
                    bounded(case, &device, *index, region, offset, 4);
                }
            }
        }
    }
    Ok(())
}

fn empty(case: &mut Case<'_>) -> Done {
    let device = case.open()?;
    for (index, region) in regions(&device)?
        .into_iter()
        .filter(|(_, region)| region.size == 0)
    {
        for width in [1, 2, 4, 8] {
            bounded(case, &device, index, &region, 0, width);
        }
    }
    Ok(())
}

fn positions(case: &mut Case<'_>) -> Done {
    let device = case.open()?;
    for position in [-1_i64, -4096, i64::MIN] {
        case.refused(
            format!("read at {position}"),
            sys::pread(device.as_fd(), &mut [0; 4], position),
            &[Errno::EINVAL],
        );
        case.refused(
            format!("write at {position}"),
            sys::pwrite(device.as_fd(), &[0; 4], position),
            &[Errno::EINVAL],
        );
    }
    let count = must("GET_INFO", device.info(16))?.regions;
    let mut end = 0;
    for index in 0..count {
        let region = region(&device, index)?;
        end = end.max(region.offset.saturating_add(region.size));
    }
    for position in [(end | 0xff_ffff_ffff) + 1, 255 << 40, i64::MAX as u64 - 7] {
        let read = sys::pread(device.as_fd(), &mut [0; 4], position as i64);
        case.check(!matches!(read, Ok(1..)), || {
            format!("read at {position:#x}: {read:?}")
        });
        let write = sys::pwrite(device.as_fd(), &[0; 4], position as i64);
        case.check(!matches!(write, Ok(1..)), || {
            format!("write at {position:#x}: {write:?}")
        });
    }
    Ok(())
}

fn nothing(case: &mut Case<'_>) -> Done {
    let device = case.open()?;
    for (index, region) in regions(&device)?
        .into_iter()
        .filter(|(_, region)| region.size > 0)
    {
        case.equal(
            format!("region {index}: reading nothing"),
            device.read(&region, 0, &mut []),
            Ok(0),
        );
        case.equal(
            format!("region {index}: writing nothing"),
            device.write(&region, 0, &[]),
            Ok(0),
        );
    }
    Ok(())
}

fn huge(case: &mut Case<'_>) -> Done {
    let device = case.open()?;
    let pages = must("pages", Pages::new())?;
    for (index, region) in regions(&device)?
        .into_iter()
        .filter(|(_, region)| region.size > 0)
    {
        for length in [1_usize << 31, usize::MAX >> 1] {
            let read = sys::pread_at_address(
                device.as_fd(),
                pages.writable(),
                length,
                region.offset as i64,
            );
            case.check(
                read.map_or(true, |count| count as u64 <= region.size),
                || {
                    format!(
                        "region {index} of {:#x} bytes: reading {length:#x} gave {read:?}",
                        region.size
                    )
                },
            );
        }
    }
    Ok(())
}

fn bad_buffers(case: &mut Case<'_>) -> Done {
    let device = case.open()?;
    let config = config(&device)?;
    let pages = must("pages", Pages::new())?;
    let fd = device.as_fd();
    for (place, address) in [
        ("null", 0),
        ("forbidden", pages.forbidden()),
        ("read-only", pages.read_only()),
    ] {
        let answer = sys::pread_at_address(fd, address, 4, config.offset as i64);
        case.refused(
            format!("reading to a {place} address"),
            answer,
            &[Errno::EFAULT],
        );
    }
    for (place, address) in [("null", 0), ("forbidden", pages.forbidden())] {
        let answer = sys::pwrite_at_address(fd, address, 4, config.offset as i64 + 0x3c);
        case.refused(
            format!("writing from a {place} address"),
            answer,
            &[Errno::EFAULT],
        );
    }
    // Four bytes fit, then four do not.
    let edge = pages.put_at_edge(&[0xee; 4]);
    let answer = sys::pread_at_address(fd, edge, 8, config.offset as i64);
    case.check(answer == Ok(4) || answer == Err(Errno::EFAULT), || {
        format!("reading half into a forbidden page: {answer:?}")
    });
    // The interrupt line can be written; what follows it cannot be fetched.
    let line = config.offset as i64 + 0x3c;
    must("interrupt line", device.write(&config, 0x3c, &[0x11]))?;
    let edge = pages.put_at_edge(&[0x22]);
    let answer = sys::pwrite_at_address(fd, edge, 2, line);
    let mut now = [0];
    must("interrupt line", device.read(&config, 0x3c, &mut now))?;
    let wanted = if answer == Ok(1) { 0x22 } else { 0x11 };
    case.check(answer == Ok(1) || answer == Err(Errno::EFAULT), || {
        format!("writing half from a forbidden page: {answer:?}")
    });
    case.equal("the interrupt line after it", now[0], wanted);
    Ok(())
}

fn mmap(case: &mut Case<'_>) -> Done {
    let device = case.open()?;
    let count = must("GET_INFO", device.info(16))?.regions;
    for index in 0..count {
        let region = region(&device, index)?;
        let offered = region.flags & uapi::VFIO_REGION_INFO_FLAG_MMAP != 0;
        let whole = vec![(0, region.size)];
        let areas = if offered {
            region.areas.clone().unwrap_or(whole)
        } else {
            Vec::new()
        };
        let try_at = |offset: u64, length: usize, private| {
            Mapping::new(
                device.as_fd(),
                region.offset.wrapping_add(offset) as i64,
                length,
                private,
            )
            .map(drop)
        };
        let refused = [Errno::EINVAL, Errno::ENODEV, Errno::EPERM, Errno::EOVERFLOW];
        let page = PAGE as u64;
        for at in [
            0,
            page,
            region.size & !(page - 1),
            region.size.next_multiple_of(page),
        ] {
            let inside = areas
                .iter()
                .any(|(offset, size)| *offset <= at && at + page <= offset + size);
            if !inside {
                case.refused(
                    format!("region {index}: mapping a page at {at:#x}"),
                    try_at(at, PAGE, false),
                    &refused,
                );
            }
        }
        for (offset, size) in areas {
            let name = format!("region {index}: area {offset:#x}+{size:#x}");
            case.fine(&name, try_at(offset, size as usize, false));
            case.fine(
                format!("{name}, its first page"),
                try_at(offset, PAGE, false),
            );
            case.fine(
                format!("{name}, its last page"),
                try_at(offset + size - page, PAGE, false),
            );
            case.refused(
                format!("{name}, a page too long"),
                try_at(offset, size as usize + PAGE, false),
                &refused,
            );
            case.refused(
                format!("{name}, private"),
                try_at(offset, PAGE, true),
                &refused,
            );
        }
    }
    Ok(())
}
