// SPDX-License-Identifier: GPL-2.0

//! Text and JSON that are safe to print: what comes from other hosts is hostile.

use migcore::Escaped;
use serde::Serialize;
use std::fmt::Write;

/// How much of a foreign text is shown where it is not the result itself, in bytes.
const SHOWN: usize = 128;

/// All of a text, with nothing in it that a terminal would obey.
pub(crate) fn text(text: &str) -> String {
    Escaped::new(text.as_bytes(), usize::MAX).to_string()
}

/// The start of a text from outside, as it may stand in a message.
pub(crate) fn short(bytes: &[u8]) -> String {
    Escaped::new(bytes, SHOWN).to_string()
}

/// A path as it may stand in a message.
pub(crate) fn path(path: &std::path::Path) -> String {
    text(&path.to_string_lossy())
}

/// JSON in ASCII alone: what is not is written as `\uNNNN`, so that a terminal obeys none of it.
pub(crate) fn json(value: &impl Serialize) -> String {
    // Fails only for maps with keys that are no strings; there are none.
    let plain = serde_json::to_string_pretty(value).unwrap_or_default();
    let mut out = String::with_capacity(plain.len() + 1);
    for c in plain.chars() {
        if c == '\n' || (' '..='~').contains(&c) {
            out.push(c);
            continue;
        }
        // Beyond ASCII only strings have such characters, and there an escape means the same.
        for unit in c.encode_utf16(&mut [0; 2]) {
            // Writing to a String cannot fail.
            let _ = write!(out, "\\u{unit:04x}");
        }
    }
    out.push('\n');
    out
}

/// Adds lines to a text, each indented.
pub(crate) fn indent(
    out: &mut String,
    by: usize,
    lines: impl IntoIterator<Item = impl AsRef<str>>,
) {
    for line in lines {
        for _ in 0..by {
            out.push(' ');
        }
        out.push_str(line.as_ref());
        out.push('\n');
    }
}
