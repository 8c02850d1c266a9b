// SPDX-License-Identifier: GPL-2.0

//! Records: headers, checksums, order, and those that nobody knows.

use super::format::{checksum, header, joined, renumbered, Record, END, VERSION};
use super::{ours, refused, sound};
use crate::case::{load, must, Case, Done, Load, Test};

/// The tests of this part.
pub(in crate::groups) const TESTS: &[Test] = &[
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
];

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
