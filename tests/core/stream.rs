// SPDX-License-Identifier: GPL-2.0

//! The stream: what comes back of what was written, and every way in which it can be damaged.

use crate::cases;
use crate::streams::{end, goldens, header, outcome, record, sum, written, Target, LINE};
use migcore::stream::{crc32c, Fault, Kind, Reader, Refusal, Sink, Taken, Writer};
use migcore::stream::{HEADER, MAX_PAYLOAD, MAX_RECORD, MAX_VERSION};
use migcore::Errno;
use proptest::collection::vec;
use proptest::prelude::*;

/// What a sound stream of a few records tells.
fn sound() -> (Vec<u8>, Target) {
    let stream = written(
        LINE,
        &[(Kind::own(0), b"ab"), (Kind::own(1).skippable(), b"c")],
    );
    let mut target = Target::default();
    outcome(&stream, usize::MAX, &mut target).expect("it is sound");
    (stream, target)
}

fn refused(stream: &[u8]) -> Refusal {
    outcome(stream, usize::MAX, &mut Target::default()).expect_err("it is not sound")
}

/// The fault of a stream whose first record is sound and whose others are `more`.
fn fault_after_version(more: &[Vec<u8>]) -> (u64, Fault) {
    let refusal = refused(&[record(0, 1, LINE.as_bytes()), more.concat()].concat());
    (refusal.record(), refusal.fault())
}

#[test]
fn checksum_of_the_standard() {
    // The check value, and those of the iSCSI standard, appendix B.4.
    assert_eq!(sum(b"123456789"), 0xe306_9283);
    assert_eq!(sum(&[0; 32]), 0x8a91_36aa);
    assert_eq!(sum(&[0xff; 32]), 0x62a8_ab43);
    let rising: Vec<u8> = (0..32).collect();
    assert_eq!(sum(&rising), 0x46dd_794e);
    // Whichever part is done eight bytes at a time.
    for cut in 0..=32 {
        let (a, b) = rising.split_at(cut);
        assert_eq!(!crc32c(crc32c(!0, a), b), 0x46dd_794e, "cut at {cut}");
    }
}

#[test]
fn nothing_is_lost() {
    let (stream, target) = sound();
    let wanted = [
        Some((LINE.to_owned(), Vec::new())),
        Some(("own 0".to_owned(), b"ab".to_vec())),
        Some(("own 1".to_owned(), b"c".to_vec())),
        None,
    ];
    assert_eq!(target.told, wanted);
    for size in 1..stream.len() {
        let mut again = Target::default();
        assert_eq!(
            outcome(&stream, size, &mut again),
            Ok(()),
            "pieces of {size}"
        );
        assert_eq!(again, target);
    }
}

/// Each is one that a reader must take, its unknown records skipped.
#[test]
fn each_form_is_taken() {
    for (name, stream) in goldens() {
        let mut target = Target::default();
        assert_eq!(outcome(&stream, 7, &mut target), Ok(()), "{name}");
        let skipped = target
            .told
            .iter()
            .flatten()
            .any(|(_, p)| p.starts_with(b"not known"));
        assert!(!skipped, "{name}");
    }
}

/// No single changed bit leaves a stream that is taken.
#[test]
fn every_flipped_bit_is_seen() {
    let (stream, _) = sound();
    for bit in 0..8 * stream.len() {
        let mut damaged = stream.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        let refusal = refused(&damaged);
        // A length that grew is a header's fault, never a wait for bytes that do not come.
        assert_eq!(refusal.errno(), Errno::Inval, "bit {bit}");
        assert!(
            !matches!(refusal.fault(), Fault::Cut { .. }),
            "bit {bit}: {refusal}"
        );
    }
}

#[test]
fn every_truncation_is_seen() {
    let (stream, whole) = sound();
    for length in 0..stream.len() {
        let mut target = Target::default();
        let refusal = outcome(&stream[..length], 5, &mut target).expect_err("cut");
        assert_eq!(refusal.errno(), Errno::Inval, "{length} bytes");
        match refusal.fault() {
            Fault::Empty => assert_eq!(length, 0),
            Fault::Cut { .. } => assert!(length > 0),
            other => panic!("{length} bytes: {other}"),
        }
        assert!(whole.told.starts_with(&target.told) && target.told.len() < whole.told.len());
    }
}

/// Two records, and each way to double, drop or swap what a stream consists of.
#[test]
fn every_other_sequence_is_seen() {
    let parts = [
        record(0, 1, LINE.as_bytes()),
        record(1, 0x1000, b"ab"),
        record(2, 0x1001, b"c"),
        end(3, 3, LINE.len() as u64 + 3),
    ];
    assert_eq!(outcome(&parts.concat(), 9, &mut Target::default()), Ok(()));
    // All sequences of up to five of the four parts.
    for count in 0..=5u32 {
        for number in 0..4usize.pow(count) {
            let chosen = (0..count).map(|i| number / 4usize.pow(i) % 4);
            let chosen: Vec<_> = chosen.collect();
            let stream: Vec<u8> = chosen.iter().flat_map(|&i| parts[i].clone()).collect();
            let right = chosen == [0, 1, 2, 3];
            let result = outcome(&stream, usize::MAX, &mut Target::default());
            assert_eq!(result.is_ok(), right, "{chosen:?}");
        }
    }
}

#[test]
fn order() {
    let line = LINE.len() as u64;
    for kind in [0, 2, 3, 0x100, 0x1000, 0x8000_0001, 0x8000_1000] {
        let stream = record(0, kind, &[b'a'; 16]);
        let fault = refused(&stream).fault();
        assert!(
            matches!(fault, Fault::NotVersion { .. }),
            "{kind:#x}: {fault}"
        );
    }
    for kind in [1, 0x8000_0001] {
        let second = record(1, kind, LINE.as_bytes());
        assert_eq!(fault_after_version(&[second]), (1, Fault::SecondVersion));
    }
    let skippable = record(1, 0x8000_0002, &[0; 16]);
    assert_eq!(fault_after_version(&[skippable]), (1, Fault::SkippableEnd));
    for more in [vec![0], record(2, 0x1000, b""), end(2, 2, line + 16)] {
        assert_eq!(
            fault_after_version(&[end(1, 1, line), more]),
            (2, Fault::AfterEnd)
        );
    }
}

#[test]
fn unknown_kinds() {
    let line = LINE.len() as u64;
    for kind in [0, 3, 0xff, 0x1008, 0xffff, 0x7fff_ffff] {
        let refusal = refused(&[record(0, 1, LINE.as_bytes()), record(1, kind, b"x")].concat());
        let found = Kind::from_number(kind);
        assert_eq!(refusal.fault(), Fault::Unknown { found });
        assert_eq!((refusal.record(), refusal.errno()), (1, Errno::OpNotSupp));

        let skipped = record(1, kind | (1 << 31), b"x");
        let stream = [record(0, 1, LINE.as_bytes()), skipped, end(2, 2, line + 1)].concat();
        let mut target = Target::default();
        assert_eq!(outcome(&stream, 3, &mut target), Ok(()), "{kind:#x}");
        assert_eq!(target.told.len(), 2, "{kind:#x}");
    }
}

#[test]
fn lengths_at_their_limits() {
    for (kind, lengths, min, max) in [
        (1, &[0, 4095, 131_072, u32::MAX][..], 1, MAX_VERSION),
        (2, &[0, 15, 17, u32::MAX], 16, 16),
        (0x1000, &[131_073, 1 << 31, u32::MAX], 0, MAX_PAYLOAD),
        (0x8000_0005, &[131_073, u32::MAX], 0, MAX_PAYLOAD),
    ] {
        for &found in lengths {
            let first = kind == 1;
            // The header alone says so: no reader waits for such a payload.
            let head = header(kind, found, u32::from(!first), 0, 0);
            let before = if first {
                Vec::new()
            } else {
                record(0, 1, LINE.as_bytes())
            };
            let kind = Kind::from_number(kind);
            let fault = Fault::Length {
                kind,
                found,
                min,
                max,
            };
            assert_eq!(refused(&[before, head].concat()).fault(), fault);
        }
    }
    let longest = ["a", &"b".repeat(MAX_VERSION - 1)].concat();
    let payload = vec![7; MAX_PAYLOAD];
    for line in ["a", &longest] {
        let stream = written(line, &[(Kind::own(0), &payload), (Kind::own(0), b"")]);
        for size in [usize::MAX, MAX_RECORD, 4096, 1000] {
            assert_eq!(outcome(&stream, size, &mut Target::default()), Ok(()));
        }
    }
}

/// A record that does not fit into the reader's buffer is refused, not cut.
#[test]
fn short_buffers() {
    let stream = written(LINE, &[(Kind::own(0), &[1; 100])]);
    for room in [0, 1, LINE.len() - 1, LINE.len(), 99, 100] {
        let mut reader = Reader::new(vec![0; room], crc32c);
        let result = reader.push(&stream, &mut Target::default());
        assert_eq!(result.is_ok(), room == 100, "room for {room}");
    }
}

#[test]
fn totals() {
    let line = LINE.len() as u64;
    let middle = || record(1, 0x1000, b"abc");
    for (found, wanted) in [(1, 2), (3, 2), (u64::MAX, 2)] {
        let fault = fault_after_version(&[middle(), end(2, found, line + 3)]);
        assert_eq!(fault, (2, Fault::TotalRecords { found, wanted }));
    }
    let wanted = line + 3;
    for found in [0, wanted - 1, wanted + 1, wanted + 16, u64::MAX] {
        let fault = fault_after_version(&[middle(), end(2, 2, found)]);
        assert_eq!(fault, (2, Fault::TotalBytes { found, wanted }));
    }
}

#[test]
fn version_strings_are_printable() {
    for byte in (0..=255u8).filter(|b| !(b' '..=b'~').contains(b)) {
        let refusal = refused(&record(0, 1, &[b'a', byte]));
        assert_eq!(refusal.fault(), Fault::Unprintable { byte, at: 1 });
    }
}

/// What the device says is what the write says, and nothing more is asked of it.
#[test]
fn refusals_of_the_target() {
    let (stream, whole) = sound();
    for errno in Errno::ALL {
        let some = Some(errno);
        for (mut target, told, kind) in [
            (
                Target {
                    version: some,
                    ..Target::default()
                },
                1,
                Kind::VERSION,
            ),
            (
                Target {
                    record: some,
                    ..Target::default()
                },
                2,
                Kind::own(0),
            ),
            (
                Target {
                    end: some,
                    ..Target::default()
                },
                4,
                Kind::END,
            ),
        ] {
            let mut reader = Reader::new(vec![0; MAX_RECORD], crc32c);
            let refusal = reader.push(&stream, &mut target).expect_err("refused");
            assert_eq!(refusal.fault(), Fault::Refused { kind, errno });
            assert_eq!(refusal.errno(), errno);
            // For good, whatever comes, and even if nothing does.
            for bytes in [&stream[..], b"", b"x"] {
                assert_eq!(reader.push(bytes, &mut target), Err(refusal));
            }
            assert_eq!(reader.finish(), Err(refusal));
            assert!(!reader.is_complete());
            assert_eq!(target.told, whole.told[..told]);
        }
    }
}

/// The writer makes nothing that a reader would not take.
#[test]
fn writer_keeps_the_rules() {
    let mut room = vec![0; MAX_RECORD];
    let mut writer = Writer::new(crc32c);
    assert_eq!(
        writer.frame(Kind::own(0), &mut room, 1),
        0,
        "before the version"
    );
    assert_eq!(writer.end(&mut room), 0, "before the version");
    assert_eq!(writer.version("", &mut room), 0);
    assert_eq!(writer.version(&"a".repeat(MAX_VERSION + 1), &mut room), 0);
    assert_eq!(
        writer.version("acme/1,a=1", &mut room[..HEADER + 9]),
        0,
        "no room"
    );
    assert_eq!(
        writer.version("acme/1,a=1", &mut room[..HEADER + 10]),
        HEADER + 10
    );
    assert_eq!(writer.version("acme/1,a=1", &mut room), 0, "again");
    assert_eq!(
        writer.frame(Kind::own(0), &mut vec![0; 2 * MAX_RECORD], MAX_PAYLOAD + 1),
        0
    );
    assert_eq!(
        writer.frame(Kind::own(0), &mut room[..HEADER], 1),
        0,
        "no room"
    );
    assert_eq!(writer.frame(Kind::own(0), &mut room[..3], 0), 0, "no room");
    assert_eq!(writer.frame(Kind::END.skippable(), &mut room, 16), 0);
    assert_eq!(
        writer.frame(Kind::own(0), &mut room, MAX_PAYLOAD),
        MAX_RECORD
    );
    assert_eq!(writer.end(&mut room), HEADER + 16);
    assert_eq!(
        &room[HEADER..HEADER + 16],
        &[2u64, 10 + 131_072].map(u64::to_le_bytes).concat()
    );
    assert_eq!(writer.end(&mut room), 0, "again");
    assert_eq!(writer.frame(Kind::own(0), &mut room, 1), 0, "after the end");
}

/// Which payloads were taken from where the client has them.
struct InPlace<'a> {
    stream: &'a [u8],
    found: Vec<bool>,
}

impl Sink for InPlace<'_> {
    fn version(&mut self, _: &str) -> Result<(), Errno> {
        Ok(())
    }

    fn record(&mut self, _: Kind, payload: &[u8]) -> Result<Taken, Errno> {
        self.found
            .push(self.stream.as_ptr_range().contains(&payload.as_ptr()));
        Ok(Taken::Yes)
    }

    fn end(&mut self) -> Result<(), Errno> {
        Ok(())
    }
}

#[test]
fn long_payloads_are_not_copied_if_pieces_are_cut_as_wanted() {
    let long = vec![7; 120_000];
    let short = [1; 100];
    let records: Vec<(Kind, &[u8])> = [&long[..], &long, &long, &short, &short, &long, &long]
        .map(|payload| (Kind::own(0), payload))
        .to_vec();
    let stream = written(LINE, &records);
    let mut reader = Reader::new(vec![0; MAX_RECORD], crc32c);
    let mut sink = InPlace {
        stream: &stream,
        found: Vec::new(),
    };
    let (mut left, mut pieces) = (&stream[..], 0);
    while !left.is_empty() {
        let wanted = reader.wanted(MAX_RECORD);
        assert!((1..=MAX_RECORD).contains(&wanted));
        let (piece, after) = left.split_at(left.len().min(wanted));
        reader.push(piece, &mut sink).expect("sound");
        left = after;
        pieces += 1;
    }
    assert_eq!(reader.finish(), Ok(()));
    // The second and the last begin at the end of a piece that was cut before anything long was seen.
    assert_eq!(sink.found, [true, false, true, true, true, true, false]);
    assert!(pieces <= 10, "{pieces} pieces");
    assert_eq!(reader.wanted(0), 1);
}

fn kinds() -> impl Strategy<Value = Kind> {
    let plain = prop_oneof![
        Just(Kind::CONFIG),
        Just(Kind::INTERRUPTS),
        (0u16..8).prop_map(Kind::own)
    ];
    let skips = (any::<u16>(), plain.clone()).prop_map(|(n, _)| Kind::own(n).skippable());
    prop_oneof![3 => plain, 1 => skips]
}

proptest! {
    #![proptest_config(cases(256))]

    /// What was written comes back, however it is cut.
    #[test]
    fn any_records_in_any_pieces(
        records in vec((kinds(), vec(any::<u8>(), 0..200)), 0..12),
        cuts in vec(1usize..300, 1..20),
    ) {
        let records: Vec<_> = records.iter().map(|(k, p)| (*k, &p[..])).collect();
        let stream = written(LINE, &records);
        let mut target = Target::default();
        let mut reader = Reader::new(vec![0; MAX_RECORD], crc32c);
        let mut left = &stream[..];
        for cut in cuts.iter().cycle() {
            let (piece, after) = left.split_at(left.len().min(*cut));
            reader.push(piece, &mut target).expect("sound");
            left = after;
            if left.is_empty() {
                break;
            }
        }
        prop_assert_eq!(reader.finish(), Ok(()));
        let known = |k: &Kind| k.mandatory().number() < 0x1008;
        let wanted = records.iter().filter(|(k, _)| known(k));
        let wanted = wanted.map(|(k, p)| Some((k.mandatory().to_string(), p.to_vec())));
        let told = &target.told[1..target.told.len() - 1];
        prop_assert_eq!(told.to_vec(), wanted.collect::<Vec<_>>());
    }
}
