// SPDX-License-Identifier: GPL-2.0

//! Any bytes as a stream: the reader and a plain model of it tell the same, however the bytes
//! are cut; and what is accepted is exactly what the writer makes.

use super::model::{self, Event, Judge, END, SKIPPABLE, VERSION};
use migcore::stream::{crc32c, Fault, Kind, Reader, Refusal, Sink, Taken, Writer};
use migcore::stream::{HEADER, MAX_RECORD};
use migcore::Errno;

/// A device that knows some kinds, and refuses some of what they may hold.
struct Device;

impl Judge for Device {
    fn judge(&self, event: &Event) -> Result<bool, Errno> {
        match event {
            Event::Version(line) if line.contains("other") => Err(Errno::Xdev),
            Event::Record(0x1001, payload) if payload.first() == Some(&0xff) => Err(Errno::Range),
            Event::Record(kind, _) => Ok(matches!(kind, 0x100..=0x101 | 0x1000..=0x1003)),
            _ => Ok(true),
        }
    }
}

/// A sink that writes down what it is told, and asks the device.
struct Notes(Vec<Event>);

impl Notes {
    fn note(&mut self, event: Event) -> Result<bool, Errno> {
        self.0.push(event);
        self.0.last().map_or(Ok(true), |event| Device.judge(event))
    }
}

impl Sink for Notes {
    fn version(&mut self, line: &str) -> Result<(), Errno> {
        self.note(Event::Version(line.to_owned())).map(drop)
    }

    fn record(&mut self, kind: Kind, payload: &[u8]) -> Result<Taken, Errno> {
        let event = Event::Record(kind.number(), payload.to_vec());
        self.note(event).map(|known| match known {
            true => Taken::Yes,
            false => Taken::Unknown,
        })
    }

    fn end(&mut self) -> Result<(), Errno> {
        self.note(Event::End).map(drop)
    }
}

/// The model's name of a fault.
fn name(fault: Fault) -> &'static str {
    match fault {
        Fault::HeaderSum { .. } => "header checksum",
        Fault::Reserved { .. } => "reserved",
        Fault::Sequence { .. } => "sequence",
        Fault::NotVersion { .. } => "not VERSION",
        Fault::SecondVersion => "second VERSION",
        Fault::SkippableEnd => "skippable END",
        Fault::Length { .. } => "length",
        Fault::PayloadSum { .. } => "payload checksum",
        Fault::Unprintable { .. } => "unprintable",
        Fault::Unknown { .. } => "unknown",
        Fault::TotalRecords { .. } => "total of records",
        Fault::TotalBytes { .. } => "total of bytes",
        Fault::AfterEnd => "after END",
        Fault::Empty => "empty",
        Fault::Cut { .. } => "cut",
        Fault::Refused { .. } => "refused",
    }
}

/// What a reader tells of a stream that comes in pieces of these sizes, again and again.
fn told(stream: &[u8], sizes: &[usize]) -> (Vec<Event>, Result<(), Refusal>) {
    let mut reader = Reader::new(vec![0; MAX_RECORD], crc32c);
    let mut notes = Notes(Vec::new());
    let (mut left, mut result) = (stream, Ok(()));
    for size in sizes.iter().cycle() {
        if left.is_empty() {
            break;
        }
        let (piece, after) = left.split_at(left.len().min(*size));
        left = after;
        let now = reader.push(piece, &mut notes);
        if result.is_err() {
            assert_eq!(now, result, "a refusal is for good");
        }
        result = now;
    }
    let told = notes.0.len();
    // Whatever comes then changes nothing.
    if result.is_err() {
        assert_eq!(reader.push(stream, &mut notes), result);
        assert_eq!(reader.finish(), result);
    }
    assert_eq!(notes.0.len(), told);
    assert_eq!(reader.finish().is_ok(), reader.is_complete());
    (notes.0, reader.finish())
}

/// Sizes of pieces that follow from the stream, so that a failure repeats.
fn sizes(stream: &[u8]) -> Vec<usize> {
    let mut seed = model::number(&model::sum(stream).to_le_bytes());
    let mut sizes = Vec::new();
    for _ in 0..8 {
        seed = seed
            .wrapping_mul(0x5851_f42d_4c95_7f2d)
            .wrapping_add(0x1405_7b7e_f767_814f);
        sizes.push(1 + (seed >> 33) as usize % [3, 24, 60, 5000][(seed >> 62) as usize]);
    }
    sizes
}

/// What must hold of any bytes.
pub(crate) fn check(stream: &[u8]) {
    let whole = told(stream, &[usize::MAX]);
    assert_eq!(told(stream, &sizes(stream)), whole);
    if stream.len() < 4096 {
        assert_eq!(told(stream, &[1]), whole);
    }
    let (events, result) = model::read(stream, &Device);
    assert_eq!(whole.0, events);
    let wrong = whole.1.map_err(|refusal| {
        let text = refusal.to_string();
        assert!(text.bytes().all(|b| (b' '..=b'~').contains(&b)), "{text:?}");
        (refusal.record(), name(refusal.fault()))
    });
    assert_eq!(wrong, result, "{}", stream.len());
    if result.is_ok() {
        assert_eq!(rewritten(stream), stream);
    }
}

/// An accepted stream, taken apart and written again.
fn rewritten(stream: &[u8]) -> Vec<u8> {
    let (mut writer, mut room) = (Writer::new(crc32c), vec![0; MAX_RECORD]);
    let (mut left, mut out) = (stream, Vec::new());
    while let Some((header, after)) = left.split_at_checked(HEADER) {
        let kind = model::number(&header[..4]) as u32;
        let (payload, after) = after.split_at(model::number(&header[4..8]) as usize);
        left = after;
        let made = match kind {
            VERSION => {
                let line = String::from_utf8_lossy(payload);
                writer.version(&line, &mut room)
            }
            END => writer.end(&mut room),
            _ => {
                room[HEADER..HEADER + payload.len()].copy_from_slice(payload);
                let plain = Kind::from_number(kind & !SKIPPABLE);
                let skips = kind & SKIPPABLE != 0;
                let kind = if skips { plain.skippable() } else { plain };
                writer.frame(kind, &mut room, payload.len())
            }
        };
        out.extend_from_slice(&room[..made]);
    }
    out
}
