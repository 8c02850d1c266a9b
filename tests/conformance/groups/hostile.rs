// SPDX-License-Identifier: GPL-2.0

//! Streams that nobody saved: every field of every record changed, records lost, doubled, swapped.
//!
//! A stream whose records can be told apart (header with a checksum, then payload) is changed field
//! by field, and nothing that is no longer a whole stream may be taken. Another is changed byte by
//! byte; what is taken then is the device's affair, but it must be a device after it.

pub(super) mod content;
mod format;
pub(super) mod framing;

use crate::{
    case::{load, must, saved, Case, Done, Load, Stop},
    device::Device,
    table,
};
use format::{joined, parse, Record};

/// An open device, its stream and the records of it; skips where the stream has none.
fn ours(case: &mut Case<'_>) -> Result<(Device, Vec<Record>), Stop> {
    let (device, _) = case.open_v2()?;
    crate::groups::load::stir(&device, 0x33)?;
    let stream = saved(&device)?;
    match parse(&stream) {
        Some(records) => Ok((device, records)),
        None => Err(Stop::Skip(
            "the stream is of another format: see hostile.bytes".to_owned(),
        )),
    }
}

/// A stream that must not be taken; the device is reset after it.
fn refused(case: &mut Case<'_>, device: &Device, what: &str, stream: &[u8]) -> Result<Load, Stop> {
    let done = load(device, stream, 32 * 1024)?;
    case.check(!done.committed(), || format!("{what}: {done:?}"));
    let state = device.state();
    case.check(done.committed() || state == Ok(table::RESUMING), || {
        format!(
            "{what}: state after the refusal: {}",
            crate::device::named(state)
        )
    });
    must(format!("reset after {what}"), device.reset())?;
    Ok(done)
}

/// The device must still be what it was.
fn sound(case: &mut Case<'_>, device: &Device, records: &[Record]) -> Done {
    let done = load(device, &joined(records), 4096)?;
    case.equal("the true stream after all this", done, Load::Taken);
    Ok(())
}
