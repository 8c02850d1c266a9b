// SPDX-License-Identifier: GPL-2.0

//! The log of memory that a device wrote, where it keeps one itself.

use crate::{
    device::{Device, GET, SET},
    sys::{Answer, Plain},
};
use vfio_bindings::bindings::vfio as uapi;

/// The feature that starts a log.
pub const START: u32 = uapi::VFIO_DEVICE_FEATURE_DMA_LOGGING_START;
/// The feature that ends it.
pub const STOP: u32 = uapi::VFIO_DEVICE_FEATURE_DMA_LOGGING_STOP;
/// The feature that reads and clears it.
pub const REPORT: u32 = uapi::VFIO_DEVICE_FEATURE_DMA_LOGGING_REPORT;

/// Starts a log of these ranges, each an address and a length, in pages of this size; the size that
/// the device took.
pub fn start(device: &Device, page_size: u64, ranges: &[(u64, u64)]) -> Answer<u64> {
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
    let mut control = uapi::vfio_device_feature_dma_logging_control {
        page_size,
        num_ranges: ranges.len() as u32,
        ranges: list.as_ptr() as u64,
        ..Default::default()
    }
    .bytes();
    device.feature(SET | START, &mut control)?;
    Ok(uapi::vfio_device_feature_dma_logging_control::of(&control).page_size)
}

/// Ends the log.
pub fn stop(device: &Device) -> Answer<()> {
    device.feature(SET | STOP, &mut [])
}

/// The addresses of the pages of this size that are dirty in a range, which has 2^16 pages at the
/// most. A bit behind those of the range counts too.
pub fn report(device: &Device, page_size: u64, iova: u64, length: u64) -> Answer<Vec<u64>> {
    let bitmap = vec![0_u64; 1 + (1 << 16) / 64];
    let mut ask = uapi::vfio_device_feature_dma_logging_report {
        iova,
        length,
        page_size,
        bitmap: bitmap.as_ptr() as u64,
    }
    .bytes();
    device.feature(GET | REPORT, &mut ask)?;
    let set = |number: &u64| (bitmap[*number as usize / 64] >> (number % 64)) & 1 == 1;
    let numbers = 0..bitmap.len() as u64 * 64;
    Ok(numbers
        .filter(set)
        .map(|number| iova.wrapping_add(number.wrapping_mul(page_size)))
        .collect())
}
