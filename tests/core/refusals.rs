// SPDX-License-Identifier: GPL-2.0

//! Each refusal of a stream: its bytes, its errno and its text, whole.

use crate::golden::golden;
use crate::streams::{end, header, outcome, record, Target, LINE};
use migcore::stream::Fault;
use migcore::Errno;
use std::collections::HashSet;
use std::fmt::Write;
use std::mem::discriminant;

#[test]
fn refusals_of_a_stream() {
    let version = || record(0, 1, LINE.as_bytes());
    let line = LINE.len() as u64;
    let after = |more: Vec<u8>| [version(), more].concat();
    let flipped = |mut bytes: Vec<u8>, at: usize| {
        bytes[at] ^= 0x10;
        bytes
    };
    let no = |errno| Target {
        version: Some(errno),
        ..Target::default()
    };
    let mut out = String::new();
    let mut seen = HashSet::new();
    let mut show = |name: &str, stream: Vec<u8>, mut target: Target| {
        let refusal = outcome(&stream, usize::MAX, &mut target).expect_err(name);
        seen.insert(discriminant(&refusal.fault()));
        writeln!(out, "{name}\n  {} {refusal}\n", refusal.errno()).expect("a String takes all");
    };
    let mut plain = |name, stream| show(name, stream, Target::default());
    plain("no byte", vec![]);
    plain("half a header", version()[..10].to_vec());
    plain("half a payload", version()[..34].to_vec());
    plain("no END", version());
    plain("a damaged header", flipped(version(), 3));
    plain("a damaged payload", flipped(version(), 24));
    plain("a reserved field", header(1, 4, 0, 0, 7));
    plain("a record missing", after(record(2, 0x1000, b"")));
    plain("no version string", record(0, 0x1002, b""));
    plain(
        "a second version string",
        after(record(1, 1, b"acme/1,a=1")),
    );
    plain("a skippable END", after(record(1, 0x8000_0002, &[0; 16])));
    plain("an empty version string", header(1, 0, 0, 0, 0));
    plain("a long version string", header(1, 4095, 0, 0, 0));
    plain("a short END", after(header(2, 8, 1, 0, 0)));
    plain("a long record", after(header(0x1000, 131_073, 1, 0, 0)));
    plain(
        "a version string with a newline",
        record(0, 1, b"acme/1,a=1\n"),
    );
    plain(
        "an unknown record of the namespace",
        after(record(1, 0x1234, b"")),
    );
    plain(
        "an unknown record of the format",
        after(record(1, 0x7, b"")),
    );
    plain("an unknown number", after(record(1, 0x7fff_0000, b"")));
    plain("too many records counted", after(end(1, 2, line)));
    plain("too few bytes counted", after(end(1, 1, 1)));
    plain(
        "a byte after END",
        [version(), end(1, 1, line), vec![0]].concat(),
    );
    show("another device", version(), no(Errno::Xdev));
    show(
        "bad state",
        after(record(1, 0x100, b"")),
        Target {
            record: Some(Errno::Inval),
            ..Target::default()
        },
    );
    show(
        "missing state",
        after(end(1, 1, line)),
        Target {
            end: Some(Errno::Inval),
            ..Target::default()
        },
    );
    golden("stream-refusals", &out);
    // A new fault fails to compile here, and is to be shown above.
    let known = |fault: Fault| match fault {
        Fault::HeaderSum { .. }
        | Fault::Reserved { .. }
        | Fault::Sequence { .. }
        | Fault::NotVersion { .. }
        | Fault::SecondVersion
        | Fault::SkippableEnd
        | Fault::Length { .. }
        | Fault::PayloadSum { .. }
        | Fault::Unprintable { .. }
        | Fault::Unknown { .. }
        | Fault::TotalRecords { .. }
        | Fault::TotalBytes { .. }
        | Fault::AfterEnd
        | Fault::Empty
        | Fault::Cut { .. }
        | Fault::Refused { .. } => 16,
    };
    assert_eq!(seen.len(), known(Fault::Empty));
}
