// SPDX-License-Identifier: GPL-2.0

//! `key=value` fields, as version strings and accepts lines share them.

use crate::line::Escaped;
use crate::value::{key_len, split_once, MAX_VALUE};
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
        // No sum of offsets into one line wraps.
        self.at.wrapping_add(self.key.len()).wrapping_add(1)
    }

    /// Whether the key only informs.
    pub(crate) fn informs(&self) -> bool {
        self.key.starts_with("x-")
    }
}

/// The fields of a line, as (key, value), in the order in which they stand. They have been checked
/// before anybody outside of this crate sees them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fields<'a> {
    rest: Option<&'a str>,
    at: usize,
}

impl<'a> Fields<'a> {
    /// The fields of `body`, the rest of `line`, not checked yet.
    pub(crate) fn new(line: &str, body: &'a str) -> Self {
        Self {
            rest: Some(body),
            at: line.len().saturating_sub(body.len()),
        }
    }

    /// Checks all fields. What a value may be is `is_value`'s to say, as the two kinds of line
    /// differ in it.
    ///
    /// # Errors
    ///
    /// That of the first field, from the left, that [`Walk::next`] refuses.
    pub(crate) fn check(self, is_value: impl Fn(&str) -> bool) -> Result<(), ParseError<'a>> {
        let mut walk = Walk::new(self, is_value);
        while walk.next(None)?.is_some() {}
        Ok(())
    }

    fn next_text(&mut self) -> Option<(&'a str, usize)> {
        let rest = self.rest?;
        let at = self.at;
        let (text, after) = match split_once(rest, b',') {
            Some((text, after)) => (text, Some(after)),
            None => (rest, None),
        };
        self.rest = after;
        // No sum of offsets into one line wraps.
        self.at = at.wrapping_add(text.len()).wrapping_add(1);
        Some((text, at))
    }

    /// The fields with their positions. Only those that were checked come out.
    pub(crate) fn iter(self) -> impl Iterator<Item = Field<'a>> {
        let mut raw = self;
        core::iter::from_fn(move || {
            let (text, at) = raw.next_text()?;
            let (key, value) = split_once(text, b'=')?;
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
        split_once(self.next_text()?.0, b'=')
    }
}

/// Splits a field into its key, which has the form of one, and its value, which need not.
fn split_after_key(text: &str) -> Option<(&str, &str)> {
    let (key, rest) = text.split_at_checked(key_len(text))?;
    let value = rest.strip_prefix('=')?;
    (!key.is_empty()).then_some((key, value))
}

/// A walk along the fields of a line that checks each as it comes.
pub(crate) struct Walk<'a, V> {
    all: Fields<'a>,
    rest: Fields<'a>,
    is_value: V,
    /// The last key that informs.
    information: Option<&'a str>,
    /// Whether each key so far was the one due.
    all_due: bool,
}

/// What a field is to who walks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stands {
    /// Its key is the one due.
    Due,
    /// Its key only informs.
    Informs,
    /// Neither.
    Apart,
}

impl<'a, V: Fn(&str) -> bool> Walk<'a, V> {
    pub(crate) fn new(fields: Fields<'a>, is_value: V) -> Self {
        Self {
            all: fields,
            rest: fields,
            is_value,
            information: None,
            all_due: true,
        }
    }

    /// The next field, and how it stands to the key that is `due`, if the caller expects any;
    /// `None` after the last.
    ///
    /// A caller does not expect a key twice, nor one that informs. So while each key is the one
    /// due, none can stand twice, and what was walked is not searched for it.
    ///
    /// # Errors
    ///
    /// The field breaks the syntax, its key has stood before, or it stands after an `x-` key
    /// without being one, or after one that sorts higher.
    pub(crate) fn next(
        &mut self,
        due: Option<&str>,
    ) -> Result<Option<(Field<'a>, Stands)>, ParseError<'a>> {
        let Some((text, at)) = self.rest.next_text() else {
            return Ok(None);
        };
        let fail = |at, problem| Err(ParseError { at, problem });
        let Some((key, value)) = split_after_key(text) else {
            return fail(
                at,
                match split_once(text, b'=') {
                    Some((key, _)) => Problem::Key(key),
                    None => Problem::NoEquals(text),
                },
            );
        };
        let field = Field { key, value, at };
        if !(self.is_value)(value) {
            return fail(field.value_at(), Problem::Value(key, value));
        }
        let stands = if due == Some(key) {
            Stands::Due
        } else if field.informs() {
            Stands::Informs
        } else {
            Stands::Apart
        };
        self.all_due &= stands != Stands::Apart;
        let new = match (stands, self.information) {
            (Stands::Informs, last) => last.is_none_or(|last| last.bytes().lt(key.bytes())),
            _ => self.all_due,
        };
        if !new && self.stood(&field) {
            return fail(at, Problem::Twice(key));
        }
        match (stands, self.information) {
            (Stands::Informs, Some(last)) if !new => return fail(at, Problem::Order(last, key)),
            (Stands::Informs, _) => self.information = Some(key),
            (_, Some(_)) => return fail(at, Problem::AfterInformation(key)),
            (_, None) => {}
        }
        Ok(Some((field, stands)))
    }

    /// Whether the key of `field` has stood before.
    fn stood(&self, field: &Field<'_>) -> bool {
        let mut before = self.all.iter().take_while(|f| f.at < field.at);
        before.any(|f| f.key == field.key)
    }
}
