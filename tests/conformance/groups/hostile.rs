// SPDX-License-Identifier: GPL-2.0

//! Streams that nobody saved: every field of every record changed, records lost, doubled, swapped.
//!
//! A stream whose records can be told apart (header with a checksum, then payload) is changed field
//! by field, and nothing that is no longer a whole stream may be taken. Another is changed byte by
//! byte; what is taken then is the device's affair, but it must be a device after it.

use crate::{
    case::{enter_with_file, load, must, saved, Case, Done, Load, Stop, Test},
    device::{write_all, Device},
    sys, table,
};
use std::os::fd::AsFd;

const UNCHECKED: &str = "indexes of a loaded state are used without a check";

/// The tests of this group.
pub(crate) const TESTS: &[Test] = &[
    Test::new(
        "hostile.records",
        "the stream is one of records, first a version, last an end",
        records,
    ),
    Test::new(
        "hostile.headers",
        "each field of each header changed, its checksum made right again: refused",
        headers,
    ),
    Test::new(
        "hostile.checksums",
        "each byte of the stream changed alone: refused",
        checksums,
    ),
    Test::new(
        "hostile.order",
        "each record lost, doubled, swapped with the next; one after the end: refused",
        order,
    ),
    Test::new(
        "hostile.unknown-records",
        "an unknown record: refused if mandatory, passed over if skippable",
        unknown,
    ),
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

const HEADER: usize = 24;

/// CRC-32C of `bytes`, bit by bit.
fn checksum(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 0 {
                crc >> 1
            } else {
                (crc >> 1) ^ 0x82f6_3b78
            };
        }
    }
    !crc
}

/// One record, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Record {
    kind: u32,
    sequence: u32,
    reserved: u32,
    payload: Vec<u8>,
}

const VERSION: u32 = 1;
const END: u32 = 2;

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

impl Record {
    fn bytes(&self) -> Vec<u8> {
        let length = self.payload.len() as u32;
        header(
            &[
                self.kind,
                length,
                self.sequence,
                checksum(&self.payload),
                self.reserved,
            ],
            &self.payload,
        )
    }
}

/// A record of these five words, with a right checksum of them, whatever they say.
fn header(words: &[u32; 5], payload: &[u8]) -> Vec<u8> {
    let mut bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    bytes.extend(checksum(&bytes).to_le_bytes());
    bytes.extend(payload);
    bytes
}

/// The records of a stream, if it is one of records.
fn parse(mut stream: &[u8]) -> Option<Vec<Record>> {
    let mut records = Vec::new();
    while !stream.is_empty() {
        let length = word(stream.get(..HEADER)?, 4) as usize;
        let payload = stream.get(HEADER..HEADER.checked_add(length)?)?;
        if word(stream, 20) != checksum(&stream[..20]) || word(stream, 12) != checksum(payload) {
            return None;
        }
        records.push(Record {
            kind: word(stream, 0),
            sequence: word(stream, 8),
            reserved: word(stream, 16),
            payload: payload.to_vec(),
        });
        stream = &stream[HEADER + length..];
    }
    let first = records.first()?;
    (first.kind == VERSION && first.payload.contains(&b'/')).then_some(records)
}

fn joined(records: &[Record]) -> Vec<u8> {
    records.iter().flat_map(Record::bytes).collect()
}

/// The same with sequence numbers and the end's totals made right again.
fn renumbered(records: &[Record]) -> Vec<Record> {
    let mut records = records.to_vec();
    let bytes: usize = records
        .iter()
        .filter(|record| record.kind != END)
        .map(|record| record.payload.len())
        .sum();
    let count = records.iter().filter(|record| record.kind != END).count();
    for (number, record) in records.iter_mut().enumerate() {
        record.sequence = number as u32;
        if record.kind == END {
            record.payload = [count as u64, bytes as u64]
                .iter()
                .flat_map(|total| total.to_le_bytes())
                .collect();
        }
    }
    records
}

/// An open device, its stream and the records of it; skips where the stream has none.
fn ours(case: &mut Case<'_>) -> Result<(Device, Vec<Record>), Stop> {
    let (device, _) = case.open_v2()?;
    super::load::stir(&device, 0x33)?;
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

fn records(case: &mut Case<'_>) -> Done {
    let (device, records) = ours(case)?;
    for (number, record) in records.iter().enumerate() {
        case.note(format!(
            "record {number}: kind {:#x}, {} bytes",
            record.kind,
            record.payload.len()
        ));
        case.equal(
            format!("sequence of record {number}"),
            record.sequence,
            number as u32,
        );
        case.equal(
            format!("reserved word of record {number}"),
            record.reserved,
            0,
        );
    }
    case.equal(
        "kind of the last",
        records.last().map(|record| record.kind),
        Some(END),
    );
    case.check(renumbered(&records) == records, || {
        "the end's totals are not those of the records".to_owned()
    });
    let line = String::from_utf8_lossy(&records[0].payload).into_owned();
    case.note(format!("version: {line}"));
    let path = case.settings().target.file("migration_version");
    if let Ok(told) = std::fs::read_to_string(&path) {
        case.equal(
            "the version and the device's migration_version",
            line.as_str(),
            told.trim_end(),
        );
    }
    sound(case, &device, &records)
}

fn headers(case: &mut Case<'_>) -> Done {
    let (device, records) = ours(case)?;
    for (number, record) in records.iter().enumerate() {
        let length = record.payload.len() as u32;
        let true_words = [
            record.kind,
            length,
            record.sequence,
            checksum(&record.payload),
            record.reserved,
        ];
        let names = ["kind", "length", "sequence", "payload checksum", "reserved"];
        for (field, name) in names.iter().enumerate() {
            let value = true_words[field];
            let mut wrong = vec![
                value.wrapping_add(1),
                value.wrapping_sub(1),
                u32::MAX,
                !value,
                value ^ 0x100,
                value ^ 0x8000_0000,
            ];
            if field == 1 {
                wrong.extend([0, 24, 4095, 4096, 128 * 1024, 128 * 1024 + 1, 1 << 31]);
            }
            if field == 0 {
                wrong.extend([0, 1, 2, 3, 0xff, 0x100, 0x101, 0x1000, 0x7fff_ffff]);
            }
            wrong.retain(|other| *other != value);
            for other in wrong {
                let mut words = true_words;
                words[field] = other;
                let mut stream = joined(&records[..number]);
                stream.extend(header(&words, &record.payload));
                stream.extend(joined(&records[number + 1..]));
                // What is left out of a record that may be skipped can be a whole stream still.
                let skipped = field == 0
                    && other & 0x8000_0000 != 0
                    && record.kind != VERSION
                    && record.kind != END;
                let what = format!("record {number}, {name} {other:#x} for {value:#x}");
                if skipped {
                    let _ = load(&device, &stream, 4096)?;
                    must("reset", device.reset())?;
                } else {
                    refused(case, &device, &what, &stream)?;
                }
            }
        }
    }
    sound(case, &device, &records)
}

fn checksums(case: &mut Case<'_>) -> Done {
    let (device, records) = ours(case)?;
    let stream = joined(&records);
    // Every byte of headers; of a long stream's payloads, as many as the time allows.
    let step = stream.len().div_ceil(2048);
    for at in (0..stream.len()).step_by(step) {
        let mut changed = stream.clone();
        changed[at] ^= 1 << (at % 8);
        refused(
            case,
            &device,
            &format!("bit {} of byte {at}", at % 8),
            &changed,
        )?;
    }
    sound(case, &device, &records)
}

fn order(case: &mut Case<'_>) -> Done {
    let (device, records) = ours(case)?;
    for number in 0..records.len() {
        let mut lost = records.clone();
        let record = lost.remove(number);
        refused(
            case,
            &device,
            &format!("record {number} lost"),
            &joined(&lost),
        )?;
        // With all numbers made right only the device can know; skippable ones need not be there.
        if record.kind & 0x8000_0000 == 0 {
            refused(
                case,
                &device,
                &format!("record {number} lost, the rest renumbered"),
                &joined(&renumbered(&lost)),
            )?;
        }
        let mut doubled = records.clone();
        doubled.insert(number, record.clone());
        refused(
            case,
            &device,
            &format!("record {number} twice"),
            &joined(&doubled),
        )?;
        refused(
            case,
            &device,
            &format!("record {number} twice, renumbered"),
            &joined(&renumbered(&doubled)),
        )?;
        if number + 1 < records.len() {
            let mut swapped = records.clone();
            swapped.swap(number, number + 1);
            refused(
                case,
                &device,
                &format!("records {number} and the next swapped"),
                &joined(&swapped),
            )?;
        }
    }
    let mut long = records.clone();
    long.push(Record {
        sequence: records.len() as u32,
        ..records[records.len() - 1].clone()
    });
    refused(case, &device, "a record after the end", &joined(&long))?;
    for totals in [[0_u64, 0], [records.len() as u64, 0], [u64::MAX, u64::MAX]] {
        let mut wrong = records.clone();
        let last = wrong.len() - 1;
        wrong[last].payload = totals
            .iter()
            .flat_map(|total| total.to_le_bytes())
            .collect();
        refused(
            case,
            &device,
            &format!("totals {totals:?}"),
            &joined(&wrong),
        )?;
    }
    for length in [0, 8, 15, 17, 32] {
        let mut wrong = records.clone();
        let last = wrong.len() - 1;
        wrong[last].payload.resize(length, 0);
        refused(
            case,
            &device,
            &format!("an end of {length} bytes"),
            &joined(&wrong),
        )?;
    }
    sound(case, &device, &records)
}

fn unknown(case: &mut Case<'_>) -> Done {
    let (device, records) = ours(case)?;
    for place in 1..records.len() {
        for (kind, length) in [
            (0x0fff_ffff, 0),
            (0x0fff_ffff, 100),
            (0x7fff_fffe, 8),
            (0x8fff_ffff, 0),
            (0x8fff_ffff, 4096),
            (0xffff_fffe, 128 * 1024),
        ] {
            let mut more = records.clone();
            more.insert(
                place,
                Record {
                    kind,
                    sequence: 0,
                    reserved: 0,
                    payload: vec![0x5a; length],
                },
            );
            let stream = joined(&renumbered(&more));
            let what = format!("kind {kind:#x} of {length} bytes before record {place}");
            if kind & 0x8000_0000 == 0 {
                let done = refused(case, &device, &what, &stream)?;
                let told = matches!(done, Load::AtWrite(_, nix::errno::Errno::EOPNOTSUPP));
                case.check(told, || {
                    format!("{what}: wanted EOPNOTSUPP from write, got {done:?}")
                });
            } else {
                case.equal(&what, load(&device, &stream, 4096)?, Load::Taken);
                must("reset", device.reset())?;
            }
        }
    }
    sound(case, &device, &records)
}

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
                super::load::stir(&device, change)?;
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
