// SPDX-License-Identifier: GPL-2.0

//! Any text as an accepts line.

use migcore::{judge, AcceptsLine, Target};

/// What must hold of any bytes that are a text.
pub(crate) fn check(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let line = match AcceptsLine::parse(text) {
        Ok(line) => line,
        Err(error) => {
            assert!(text.get(error.at..).is_some(), "{error:?}");
            return;
        }
    };
    assert_eq!(line.to_string(), text);
    let decides = line.fields().filter(|(key, _)| !key.starts_with("x-"));
    let mut count = 0;
    for (entry, (key, value)) in line.entries().zip(decides) {
        assert_eq!(
            (entry.key, entry.accept.to_string()),
            (key, value.to_owned())
        );
        assert_eq!(line.entry(count), Some(entry));
        count += 1;
    }
    assert_eq!(line.entry(count), None);
    // Each line that a place writes holds a range.
    if text.contains("..") {
        assert!(judge(text, &line).is_err());
    }
}
