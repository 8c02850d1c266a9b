// SPDX-License-Identifier: GPL-2.0

//! `key=value` fields, as version strings and accepts lines share them.

use crate::line::Escaped;
use crate::value::{is_key, MAX_VALUE};
use core::fmt;

/// How much of a foreign text an error shows, in bytes.
const SHOWN: usize = 64;

/// Why a text is not a line of the form it should have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseError<'a> {
    /// Offset of the part that is wrong, in bytes from the start of the line.
    pub at: usize,
    /// What is wrong with it.
    pub problem: Problem<'a>,
}

/// What is wrong with a part of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem<'a> {
    /// The head is not `<namespace>/<grammar>,` with at least one byte after it.
    Head,
    /// A field has no `=`.
    NoEquals(&'a str),
    /// A key has a byte that no key has, or is empty.
    Key(&'a str),
    /// The value of this key is empty, too long, or has a byte that no value has.
    Value(&'a str, &'a str),
    /// This key stands twice.
    Twice(&'a str),
    /// This key must be there and is not.
    Missing(&'a str),
    /// This key stands before the second, and should stand after it.
    Order(&'a str, &'a str),
    /// A key that is no `x-` key stands after one.
    AfterInformation(&'a str),
    /// The value of this key should be a decimal number.
    Number(&'a str, &'a str),
    /// The value of this key should be a mask.
    Mask(&'a str, &'a str),
}

impl fmt::Display for ParseError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.problem {
            Problem::Head => f.write_str("the line does not start with `<namespace>/<number>,` and a field")?,
            Problem::NoEquals(field) => write!(f, "field `{}` has no `=`", show(field))?,
            Problem::Key(key) => write!(f, "`{}` is no key (a-z first, then a-z 0-9 _ -)", show(key))?,
            Problem::Value(key, value) => write!(
                f,
                "value `{}` of key `{}` is empty, longer than {MAX_VALUE} bytes or has a byte that is not allowed",
                show(value),
                show(key)
            )?,
            Problem::Twice(key) => write!(f, "key `{}` stands twice", show(key))?,
            Problem::Missing(key) => write!(f, "key `{}` is missing", show(key))?,
            Problem::Order(key, other) => {
                write!(f, "key `{}` must stand after `{}`", show(key), show(other))?
            }
            Problem::AfterInformation(key) => {
                write!(f, "key `{}` stands after an `x-` key, which must be last", show(key))?
            }
            Problem::Number(key, value) => write!(
                f,
                "value `{}` of key `{}` is no canonical decimal number below 2^64",
                show(value),
                show(key)
            )?,
            Problem::Mask(key, value) => write!(
                f,
                "value `{}` of key `{}` is no canonical lower-case mask such as 0x5",
                show(value),
                show(key)
            )?,
        }
        write!(f, ", at byte {}", self.at)
    }
}

impl core::error::Error for ParseError<'_> {}

/// A text from outside as it may stand in an error.
fn show(text: &str) -> Escaped<'_> {
    Escaped::new(text.as_bytes(), SHOWN)
}

/// One `key=value`, and where its key stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Field<'a> {
    pub(crate) key: &'a str,
    pub(crate) value: &'a str,
    pub(crate) at: usize,
}

impl Field<'_> {
    /// Where the value starts.
    pub(crate) fn value_at(&self) -> usize {
        self.at + self.key.len() + 1
    }

    /// Whether the key only informs.
    pub(crate) fn informs(&self) -> bool {
        self.key.starts_with("x-")
    }
}

/// The checked fields of a line, as (key, value), in the order in which they stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fields<'a> {
    rest: Option<&'a str>,
    at: usize,
}

impl<'a> Fields<'a> {
    /// Checks all fields of `body`, which starts at byte `at` of its line. What a value may be is
    /// `is_value`'s to say, as the two kinds of line differ in it.
    ///
    /// # Errors
    ///
    /// The first field, from the left, that breaks the syntax, stands twice, or stands after an
    /// `x-` key without being one, or before one that sorts lower.
    pub(crate) fn check(
        body: &'a str,
        at: usize,
        is_value: impl Fn(&str) -> bool,
    ) -> Result<Self, ParseError<'a>> {
        let fields = Self {
            rest: Some(body),
            at,
        };
        let mut last_information: Option<&str> = None;
        let mut raw = fields;
        while let Some((text, at)) = raw.next_text() {
            let fail = |at, problem| Err(ParseError { at, problem });
            let Some((key, value)) = text.split_once('=') else {
                return fail(at, Problem::NoEquals(text));
            };
            let field = Field { key, value, at };
            if !is_key(key) {
                return fail(at, Problem::Key(key));
            }
            if !is_value(value) {
                return fail(field.value_at(), Problem::Value(key, value));
            }
            if fields
                .iter()
                .take_while(|f| f.at < at)
                .any(|f| f.key == key)
            {
                return fail(at, Problem::Twice(key));
            }
            match last_information {
                Some(_) if !field.informs() => return fail(at, Problem::AfterInformation(key)),
                Some(last) if key < last => return fail(at, Problem::Order(last, key)),
                _ => {}
            }
            if field.informs() {
                last_information = Some(key);
            }
        }
        Ok(fields)
    }

    fn next_text(&mut self) -> Option<(&'a str, usize)> {
        let rest = self.rest?;
        let at = self.at;
        let (text, after) = match rest.split_once(',') {
            Some((text, after)) => (text, Some(after)),
            None => (rest, None),
        };
        self.rest = after;
        self.at = at + text.len() + 1;
        Some((text, at))
    }

    /// The fields with their positions. Only those that were checked come out.
    pub(crate) fn iter(self) -> impl Iterator<Item = Field<'a>> {
        let mut raw = self;
        core::iter::from_fn(move || {
            let (text, at) = raw.next_text()?;
            let (key, value) = text.split_once('=')?;
            Some(Field { key, value, at })
        })
    }

    pub(crate) fn find(self, key: &str) -> Option<Field<'a>> {
        self.iter().find(|f| f.key == key)
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        self.next_text()?.0.split_once('=')
    }
}
