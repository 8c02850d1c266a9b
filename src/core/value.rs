// SPDX-License-Identifier: GPL-2.0

//! Names, words and numbers: the smallest parts of a line.

/// The longest value of a version string, in bytes.
pub(crate) const MAX_VALUE: usize = 255;

/// Whether `text` may name a namespace: `[a-z][a-z0-9_]*`.
pub const fn is_namespace(text: &str) -> bool {
    !text.is_empty() && name_len(text, false) == text.len()
}

/// Whether `text` may be a key: `[a-z][a-z0-9_-]*`.
pub const fn is_key(text: &str) -> bool {
    !text.is_empty() && key_len(text) == text.len()
}

/// How many bytes at the start of `text` may be a key.
pub(crate) const fn key_len(text: &str) -> usize {
    name_len(text, true)
}

// `const`, hence no iterators: drivers' static tables are checked while they are compiled.
const fn name_len(text: &str, dash: bool) -> usize {
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
            break;
        }
        i += 1;
    }
    i
}

/// Whether `text` may be a value: 1 to 255 bytes of `[A-Za-z0-9._:+-]` without `..`.
pub(crate) const fn is_value(text: &str) -> bool {
    let bytes = text.as_bytes();
    if bytes.is_empty() || bytes.len() > MAX_VALUE {
        return false;
    }
    let mut i = 0;
    let mut after_dot = false;
    while i < bytes.len() {
        match bytes[i] {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'_' | b':' | b'+' | b'-' => {
                after_dot = false;
            }
            b'.' if !after_dot => after_dot = true,
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

/// The text before and after the first `separator`, which is ASCII.
///
/// As `str::split_once`, whose search is made for long texts: it costs a multiple on ours, and has
/// sums and indices that the kernel checks, with a panic where one is off.
pub(crate) fn split_once(text: &str, separator: u8) -> Option<(&str, &str)> {
    let at = text.bytes().position(|byte| byte == separator)?;
    let (before, rest) = text.split_at_checked(at)?;
    let (_, after) = rest.split_at_checked(1)?;
    Some((before, after))
}

/// The words of `text`, between which `|` stands; at least one, which may be empty.
pub(crate) fn words(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    core::iter::from_fn(move || {
        let text = rest?;
        let (word, after) = match split_once(text, b'|') {
            Some((word, after)) => (word, Some(after)),
            None => (text, None),
        };
        rest = after;
        Some(word)
    })
}

/// Reads a canonical decimal number: no sign, no leading zero, at most `u64::MAX`.
pub fn parse_number(text: &str) -> Option<u64> {
    if text.is_empty() || (text.len() > 1 && text.starts_with('0')) {
        return None;
    }
    text.bytes().try_fold(0u64, |number, byte| {
        let digit = byte.checked_sub(b'0').filter(|&digit| digit < 10)?;
        number.checked_mul(10)?.checked_add(digit.into())
    })
}

/// Reads a canonical mask: `0x`, then lower-case digits without leading zero, at most 64 bits.
pub fn parse_mask(text: &str) -> Option<u64> {
    let digits = text.strip_prefix("0x")?;
    // 16 digits are 64 bits, so that no digit is shifted out.
    if !matches!(digits.len(), 1..=16) || (digits.len() > 1 && digits.starts_with('0')) {
        return None;
    }
    digits.bytes().try_fold(0u64, |mask, byte| {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            _ => return None,
        };
        Some((mask << 4) | u64::from(digit))
    })
}
