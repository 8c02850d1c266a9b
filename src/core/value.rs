// SPDX-License-Identifier: GPL-2.0

//! Names, words and numbers: the smallest parts of a line.

/// The longest value of a version string, in bytes.
pub(crate) const MAX_VALUE: usize = 255;

/// Whether `text` may name a namespace: `[a-z][a-z0-9_]*`.
pub const fn is_namespace(text: &str) -> bool {
    is_name(text, false)
}

/// Whether `text` may be a key: `[a-z][a-z0-9_-]*`.
pub const fn is_key(text: &str) -> bool {
    is_name(text, true)
}

// `const`, hence no iterators: drivers' static tables are checked while they are compiled.
const fn is_name(text: &str, dash: bool) -> bool {
    let bytes = text.as_bytes();
    let mut i = 0;
    while i < bytes.len() {
        let ok = match bytes[i] {
            b'a'..=b'z' => true,
            b'0'..=b'9' | b'_' => i > 0,
            b'-' => i > 0 && dash,
            _ => false,
        };
        if !ok {
            return false;
        }
        i += 1;
    }
    i > 0
}

/// Whether `text` may be a value: 1 to 255 bytes of `[A-Za-z0-9._:+-]` without `..`.
pub(crate) const fn is_value(text: &str) -> bool {
    let bytes = text.as_bytes();
    if bytes.is_empty() || bytes.len() > MAX_VALUE {
        return false;
    }
    let mut i = 0;
    while i < bytes.len() {
        match bytes[i] {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'_' | b':' | b'+' | b'-' => {}
            b'.' if i == 0 || bytes[i - 1] != b'.' => {}
            _ => return false,
        }
        i += 1;
    }
    true
}

/// Whether `text` is a value that can never be taken for a number: it has a byte that no decimal
/// number has. Models and types must be words, as an accepts line does not say what a key is.
pub const fn is_word(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut i = 0;
    while i < bytes.len() {
        if !bytes[i].is_ascii_digit() {
            return is_value(text);
        }
        i += 1;
    }
    false
}

/// Reads a canonical decimal number: no sign, no leading zero, at most `u64::MAX`.
pub fn parse_number(text: &str) -> Option<u64> {
    let canonical = text == "0" || !text.starts_with('0');
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    if canonical && digits {
        text.parse().ok()
    } else {
        None
    }
}

/// Reads a canonical mask: `0x`, then lower-case digits without leading zero, at most 64 bits.
pub fn parse_mask(text: &str) -> Option<u64> {
    let digits = text.strip_prefix("0x")?;
    let canonical = digits == "0" || !digits.starts_with('0');
    let lower = digits
        .bytes()
        .all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if canonical && lower {
        u64::from_str_radix(digits, 16).ok()
    } else {
        None
    }
}
