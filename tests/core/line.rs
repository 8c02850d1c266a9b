// SPDX-License-Identifier: GPL-2.0

//! What a write may look like, and how bytes appear in logs.

use crate::cases;
use migcore::line::MAX_WRITE;
use migcore::{Escaped, Line, LineError};
use proptest::collection::vec;
use proptest::prelude::*;

fn text(bytes: &[u8]) -> Result<&str, LineError> {
    Line::from_write(bytes).map(Line::as_str)
}

#[test]
fn one_newline_is_dropped() {
    assert_eq!(text(b"a"), Ok("a"));
    assert_eq!(text(b"a\n"), Ok("a"));
    assert_eq!(text(b" \n"), Ok(" "));
    assert_eq!(
        text(b"a\n\n"),
        Err(LineError::Unprintable { byte: b'\n', at: 1 })
    );
    assert_eq!(
        text(b"a\nb"),
        Err(LineError::Unprintable { byte: b'\n', at: 1 })
    );
    assert_eq!(
        text(b"a\r\n"),
        Err(LineError::Unprintable { byte: b'\r', at: 1 })
    );
    assert_eq!(
        text(b"\n\n"),
        Err(LineError::Unprintable { byte: b'\n', at: 0 })
    );
}

#[test]
fn nothing_is_no_line() {
    assert_eq!(text(b""), Err(LineError::Empty));
    assert_eq!(text(b"\n"), Err(LineError::Empty));
}

#[test]
fn the_longest_write_counts_its_newline() {
    assert_eq!(MAX_WRITE, 4095);
    let full = [b'a'; 4097];
    for len in [1, 4094, 4095] {
        assert_eq!(text(&full[..len]).map(str::len), Ok(len));
    }
    for len in [4096, 4097] {
        assert_eq!(text(&full[..len]), Err(LineError::TooLong { len }));
    }
    let with_newline = |len: usize| {
        let mut bytes = vec![b'a'; len - 1];
        bytes.push(b'\n');
        bytes
    };
    assert_eq!(text(&with_newline(4095)).map(str::len), Ok(4094));
    assert_eq!(
        text(&with_newline(4096)),
        Err(LineError::TooLong { len: 4096 })
    );
}

#[test]
fn each_byte_is_taken_or_named() {
    for byte in 0..=u8::MAX {
        let bytes = [b'a', byte, b'b'];
        match text(&bytes) {
            Ok(line) => {
                assert!((b' '..=b'~').contains(&byte), "{byte:#x} was taken");
                assert_eq!(line.as_bytes(), bytes);
            }
            Err(error) => {
                assert!(!(b' '..=b'~').contains(&byte), "{byte:#x} was not taken");
                assert_eq!(error, LineError::Unprintable { byte, at: 1 });
            }
        }
    }
}

#[test]
fn each_byte_is_named_wherever_it_stands() {
    for (len, at) in (1..=25).flat_map(|len| (0..len).map(move |at| (len, at))) {
        for byte in 0..=u8::MAX {
            // With each neighbour that what is done to one byte could reach.
            for others in [b' ', b'a', b'~'] {
                let mut bytes = vec![others; len];
                bytes[at] = byte;
                let newline = byte == b'\n' && at == len - 1;
                match text(&bytes) {
                    Ok(line) if newline => assert_eq!(line.len(), at),
                    Err(LineError::Empty) => assert!(newline && at == 0),
                    Ok(_) => assert!((b' '..=b'~').contains(&byte), "{byte:#x} was taken"),
                    Err(error) => {
                        assert!(!(b' '..=b'~').contains(&byte), "{byte:#x} was not taken");
                        assert_eq!(error, LineError::Unprintable { byte, at });
                    }
                }
            }
        }
    }
}

#[test]
fn the_first_of_two_bytes_is_named() {
    let bad = [0, 0x1f, 0x7f, 0x80, 0xff];
    for (first, second) in (0..25).flat_map(|at| (0..at).map(move |first| (first, at))) {
        for (byte, other) in bad.into_iter().flat_map(|a| bad.map(|b| (a, b))) {
            let mut bytes = [b'a'; 25];
            bytes[first] = byte;
            bytes[second] = other;
            assert_eq!(
                text(&bytes),
                Err(LineError::Unprintable { byte, at: first })
            );
        }
    }
}

/// What the escaped text stands for.
fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'\\' => match rest.next().expect("a byte after the backslash") {
                b'x' => {
                    let hex: String = rest.by_ref().take(2).map(char::from).collect();
                    u8::from_str_radix(&hex, 16).expect("two hexadecimal digits")
                }
                other => other,
            },
            b'"' => panic!("a bare quote in {text}"),
            other => other,
        });
    }
    bytes
}

proptest! {
    #![proptest_config(cases(2000))]

    #[test]
    fn any_bytes_are_a_line_or_not(bytes in vec(any::<u8>(), 0..40), newline: bool) {
        let mut write = bytes.clone();
        if newline {
            write.push(b'\n');
        }
        let line = write.strip_suffix(b"\n").unwrap_or(&write);
        let good = !line.is_empty() && line.iter().all(|b| (b' '..=b'~').contains(b));
        match text(&write) {
            Ok(taken) => prop_assert!(good && taken.as_bytes() == line),
            Err(_) => prop_assert!(!good),
        }
    }

    #[test]
    fn escaped_bytes_cannot_forge_a_line(bytes in vec(any::<u8>(), 0..40), limit in 0usize..50) {
        let shown = Escaped::new(&bytes, limit).to_string();
        prop_assert!(shown.bytes().all(|b| (b' '..=b'~').contains(&b)), "{}", shown);
        let (kept, cut) = match bytes.len() > limit {
            true => (shown.strip_suffix("...").expect("says that it was cut"), &bytes[..limit]),
            false => (&shown[..], &bytes[..]),
        };
        prop_assert_eq!(unescape(kept), cut);
    }
}
