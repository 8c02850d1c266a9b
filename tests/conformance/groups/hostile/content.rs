// SPDX-License-Identifier: GPL-2.0

//! What is in records that are whole, and streams that have none.

use super::format::{joined, parse, renumbered, END, HEADER};
use super::{ours, refused, sound};
use crate::{
    case::{enter_with_file, load, must, saved, Case, Done, Load, Stop, Test},
    device::write_all,
    sys, table,
};
use std::os::fd::AsFd;

const UNCHECKED: &str = "indexes of a loaded state are used without a check";

/// The tests of this part.
pub(in crate::groups) const TESTS: &[Test] = &[
    Test::new(
        "hostile.version",
        "another namespace, no version, a version too long: refused at its write",
        version,
    ),
    Test::new(
        "hostile.payloads",
        "each byte of each payload changed, checksums right: refused, or a device that loads again",
        payloads,
    ),
    Test::new(
        "hostile.sticky",
        "after a refusal each write is refused in the same way, and so is STOP",
        sticky,
    ),
    Test::new(
        "hostile.bytes",
        "each byte changed: whatever is taken, a reset gives a device that works",
        bytes,
    )
    .risky(UNCHECKED),
    Test::new(
        "hostile.garbage",
        "zeroes, ones, text and noise are refused",
        garbage,
    ),
];

fn version(case: &mut Case<'_>) -> Done {
    let (device, records) = ours(case)?;
    let line = records[0].payload.clone();
    let mut lines: Vec<(String, Vec<u8>)> = vec![
        ("nothing".to_owned(), Vec::new()),
        ("a line end".to_owned(), [line.as_slice(), b"\n"].concat()),
        (
            "another namespace".to_owned(),
            [b"other_".as_slice(), &line].concat(),
        ),
        (
            "a later format".to_owned(),
            String::from_utf8_lossy(&line)
                .replacen("/1", "/2", 1)
                .into_bytes(),
        ),
        ("a NUL".to_owned(), [line.as_slice(), b"\0"].concat()),
        ("text".to_owned(), b"hello".to_vec()),
        ("4095 bytes".to_owned(), vec![b'a'; 4095]),
        ("128 KiB".to_owned(), vec![b'a'; 128 * 1024]),
        (
            "an unknown key".to_owned(),
            [line.as_slice(), b",unheard=1"].concat(),
        ),
    ];
    // Each value of the line made another one, unless it is optional.
    let text = String::from_utf8_lossy(&line).into_owned();
    for field in text
        .split(',')
        .skip(1)
        .filter(|field| !field.starts_with("x-"))
    {
        lines.push((
            format!("without {field}"),
            text.replacen(&format!(",{field}"), "", 1).into_bytes(),
        ));
        lines.push((
            format!("{field} twice"),
            format!("{text},{field}").into_bytes(),
        ));
    }
    for (what, line) in lines {
        let mut wrong = records.clone();
        wrong[0].payload = line;
        let stream = joined(&renumbered(&wrong));
        let done = refused(case, &device, &format!("version: {what}"), &stream)?;
        // The target says no before it has taken anything else, while the source still runs.
        let early = matches!(done, Load::AtWrite(0, _));
        case.check(early, || {
            format!("version: {what}: {done:?}, not by the write that brought it")
        });
    }
    sound(case, &device, &records)
}

fn payloads(case: &mut Case<'_>) -> Done {
    let (device, records) = ours(case)?;
    let (mut taken, mut no) = (0, 0);
    for (number, record) in records
        .iter()
        .enumerate()
        .filter(|(_, record)| record.kind != END)
    {
        let step = record.payload.len().div_ceil(256).max(1);
        for at in (0..record.payload.len()).step_by(step) {
            for change in [0xff_u8, 0x01, 0x80] {
                let mut changed = records.clone();
                changed[number].payload[at] ^= change;
                let stream = joined(&renumbered(&changed));
                if load(&device, &stream, 4096)?.committed() {
                    taken += 1;
                    // It is a state now: it must run, be saved and be loaded like any other.
                    must("-> RUNNING", device.set_state(table::RUNNING))?;
                    let what = format!("byte {at} of record {number} ^ {change:#x} was taken");
                    match saved(&device) {
                        Ok(again) => case.equal(
                            format!("{what}: loading what it gives"),
                            load(&device, &again, 4096)?,
                            Load::Taken,
                        ),
                        Err(Stop::Fail(why) | Stop::Skip(why)) => {
                            case.problem(format!("{what}: {why}"))
                        }
                    }
                } else {
                    no += 1;
                }
                must("reset", device.reset())?;
            }
        }
        for length in [
            0,
            1,
            record.payload.len() / 2,
            record.payload.len() + 1,
            record.payload.len() + 4096,
        ] {
            let mut changed = records.clone();
            changed[number].payload.resize(length, 0);
            if changed != records {
                refused(
                    case,
                    &device,
                    &format!("record {number} of {length} bytes"),
                    &joined(&renumbered(&changed)),
                )?;
            }
        }
    }
    case.note(format!("{taken} other states were taken, {no} refused"));
    sound(case, &device, &records)
}

fn sticky(case: &mut Case<'_>) -> Done {
    let (device, records) = ours(case)?;
    let stream = joined(&records);
    for at in [0, 20, HEADER, stream.len() - 1] {
        let mut changed = stream.clone();
        changed[at] ^= 0x10;
        let file = enter_with_file(&device, table::RESUMING)?;
        let Err((_, first)) = write_all(file.as_fd(), &changed, 1 << 20) else {
            case.problem(format!("byte {at} changed: no write was refused"));
            must("reset", device.reset())?;
            continue;
        };
        for bytes in [&stream[..1], &stream[..], &[0; 4096]] {
            case.refused(
                format!("byte {at} changed: writing on"),
                sys::write(file.as_fd(), bytes),
                &[first],
            );
        }
        case.refused(
            format!("byte {at} changed: STOP"),
            device.set_state(table::STOP).map(drop),
            &[first],
        );
        case.equal("state", device.state(), Ok(table::RESUMING));
        must("reset", device.reset())?;
    }
    sound(case, &device, &records)
}

fn bytes(case: &mut Case<'_>) -> Done {
    let (device, _) = case.open_v2()?;
    let stream = saved(&device)?;
    if parse(&stream).is_some() {
        return Err(Stop::Skip(
            "the stream is one of records: see the other tests of this group".to_owned(),
        ));
    }
    let step = stream.len().div_ceil(4096);
    let mut taken = Vec::new();
    for at in (0..stream.len()).step_by(step) {
        for change in [0xff_u8, 0x01, 0x80] {
            let mut changed = stream.clone();
            changed[at] ^= change;
            let done = load(&device, &changed, 4096)?;
            // A write said no, and then the state was taken: nobody checked it.
            case.check(!matches!(done, Load::TakenAfterRefusal(..)), || {
                format!("byte {at} ^ {change:#04x}: {done:?}")
            });
            if done.committed() {
                taken.push(at);
                must("-> RUNNING", device.set_state(table::RUNNING))?;
                // It is a state now; using it must be harmless.
                crate::groups::load::stir(&device, change)?;
                let bar = must("BAR 0", device.region(0))?;
                for offset in 0..bar.size.min(8) {
                    let _ = device.read(&bar, offset, &mut [0; 1]);
                }
            }
            must("reset", device.reset())?;
        }
    }
    taken.dedup();
    case.note(format!(
        "changes of {} bytes of {} were taken: {taken:?}",
        taken.len(),
        stream.len()
    ));
    case.equal(
        "the true stream after all this",
        load(&device, &stream, 4096)?,
        Load::Taken,
    );
    Ok(())
}

fn garbage(case: &mut Case<'_>) -> Done {
    let (device, _) = case.open_v2()?;
    let stream = saved(&device)?;
    let length = stream.len().max(4096);
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    let noise: Vec<u8> = (0..length)
        .map(|_| {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            seed as u8
        })
        .collect();
    let text = b"It was the best of times, it was the worst of times. ".repeat(length / 50);
    for (what, bytes) in [
        ("zeroes", vec![0; length]),
        ("ones", vec![0xff; length]),
        ("text", text),
        ("noise", noise),
    ] {
        for count in [bytes.len(), stream.len()] {
            refused(
                case,
                &device,
                &format!("{count} bytes of {what}"),
                &bytes[..count],
            )?;
        }
        // After a good start too.
        let half = stream.len() / 2;
        let mixed = [&stream[..half], &bytes[..stream.len() - half]].concat();
        if mixed != stream && parse(&stream).is_some() {
            refused(
                case,
                &device,
                &format!("half a stream, then {what}"),
                &mixed,
            )?;
        }
    }
    case.equal(
        "a good stream then",
        load(&device, &stream, 4096)?,
        Load::Taken,
    );
    Ok(())
}
