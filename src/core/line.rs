// SPDX-License-Identifier: GPL-2.0

//! Bytes from outside, before anything is read into them.

use core::fmt;

/// The longest write that is a question, in bytes, its newline included.
///
/// kernfs cuts a write at one page, so that anything longer than this can be told from what was
/// cut only because the limit is one byte below it.
pub const MAX_WRITE: usize = 4095;

/// One line of printable ASCII: what a write to `migration_version` asks about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a>(&'a str);

impl<'a> Line<'a> {
    /// Takes the bytes of one write; a single trailing newline is dropped.
    ///
    /// # Errors
    ///
    /// Nothing but a newline, more than [`MAX_WRITE`] bytes, or a byte that is not printable
    /// ASCII (0x20 to 0x7e).
    pub fn from_write(bytes: &'a [u8]) -> Result<Self, LineError> {
        if bytes.len() > MAX_WRITE {
            return Err(LineError::TooLong { len: bytes.len() });
        }
        let line = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        if line.is_empty() {
            return Err(LineError::Empty);
        }
        if let Some((at, byte)) = unprintable(line) {
            return Err(LineError::Unprintable { byte, at });
        }
        // Printable ASCII is UTF-8, so that this cannot fail.
        core::str::from_utf8(line)
            .map(Self)
            .map_err(|_| LineError::Empty)
    }

    /// The text, without newline.
    pub fn as_str(self) -> &'a str {
        self.0
    }
}

/// The first byte that is not printable ASCII, and its offset.
fn unprintable(line: &[u8]) -> Option<(usize, u8)> {
    let mut rest = line;
    // Eight at a time as long as they all are: one by one, this is a tenth of what a question costs.
    while let Some((word, after)) = rest.split_first_chunk() {
        if !are_printable(*word) {
            break;
        }
        rest = after;
    }
    let before = line.len().saturating_sub(rest.len());
    let within = rest.iter().position(|b| !(0x20..=0x7e).contains(b))?;
    // No sum of offsets into one line wraps.
    Some((before.wrapping_add(within), *rest.get(within)?))
}

/// Whether eight bytes are printable ASCII.
///
/// The top bit of a byte shows that one is not: it is set before anything is done to a byte above
/// 0x7f, by adding 1 in 0x7f, and by taking 0x20 away from less than that. What carries or borrows
/// changes bytes above one that has shown itself already.
fn are_printable(bytes: [u8; 8]) -> bool {
    let word = u64::from_le_bytes(bytes);
    let each = |byte| u64::from_le_bytes([byte; 8]);
    let shown = word | word.wrapping_add(each(1)) | word.wrapping_sub(each(0x20));
    shown & each(0x80) == 0
}

/// Why bytes are not a [`Line`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineError {
    /// There is nothing, or nothing but a newline.
    Empty,
    /// More than [`MAX_WRITE`] bytes.
    TooLong {
        /// How many there are, as far as the writer showed them.
        len: usize,
    },
    /// A byte that is not printable ASCII.
    Unprintable {
        /// That byte.
        byte: u8,
        /// Its offset from the start.
        at: usize,
    },
}

impl fmt::Display for LineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LineError::Empty => f.write_str("the line is empty"),
            LineError::TooLong { len } => {
                write!(f, "{len} bytes, at most {MAX_WRITE} are taken")
            }
            LineError::Unprintable { byte, at } => {
                write!(f, "byte {byte:#04x} at offset {at} is not printable ASCII")
            }
        }
    }
}

impl core::error::Error for LineError {}

/// Bytes as they may stand in a log line: cut, and with nothing that could forge another line.
///
/// Printable ASCII other than `\` and `"` stands for itself, the rest is `\xNN`.
#[derive(Clone, Copy, Debug)]
pub struct Escaped<'a> {
    bytes: &'a [u8],
    limit: usize,
}

impl<'a> Escaped<'a> {
    /// Shows at most `limit` of `bytes`, then `...` if there were more.
    pub fn new(bytes: &'a [u8], limit: usize) -> Self {
        Self { bytes, limit }
    }
}

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for &byte in self.bytes.iter().take(self.limit) {
            match byte {
                b'\\' | b'"' => write!(f, "\\{}", byte as char)?,
                0x20..=0x7e => write!(f, "{}", byte as char)?,
                _ => write!(f, "\\x{byte:02x}")?,
            }
        }
        if self.bytes.len() > self.limit {
            f.write_str("...")?;
        }
        Ok(())
    }
}
