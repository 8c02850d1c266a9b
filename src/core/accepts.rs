// SPDX-License-Identifier: GPL-2.0

//! What a place accepts, key by key, and the accepts line that says so.

use crate::fields::{Field, Fields, ParseError, Problem};
use crate::value::{is_value, parse_mask, parse_number};
use crate::verdict::Target;
use crate::version::{Head, GRAMMAR};
use core::fmt;

/// Numbers from `min` to `max`, both included, that are a multiple of `step` above `min`.
///
/// With `min` above `max` it holds nothing: so says a type that is too large for its parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Steps {
    /// The lowest number.
    pub min: u64,
    /// The highest.
    pub max: u64,
    /// The distance of neighbours, at least 1.
    pub step: u64,
}

impl Steps {
    /// Whether `number` is one of them.
    pub const fn contains(&self, number: u64) -> bool {
        self.min <= number
            && number <= self.max
            // Written so that nothing here can panic, whatever the bounds and the step.
            && matches!(number.wrapping_sub(self.min).checked_rem(self.step), Some(0))
    }
}

impl fmt::Display for Steps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.min, self.max)?;
        match self.step {
            1 => Ok(()),
            step => write!(f, "/{step}"),
        }
    }
}

/// Words of which one must be met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Words<'a> {
    /// A single one.
    One(&'a str),
    /// A driver's static set.
    List(&'a [&'a str]),
    /// As an accepts line has them, with `|` between them.
    Text(&'a str),
}

impl<'a> Words<'a> {
    /// The words, one by one.
    pub fn iter(self) -> impl Iterator<Item = &'a str> {
        let (one, list, text) = match self {
            Words::One(word) => (Some(word), None, None),
            Words::List(list) => (None, Some(list), None),
            Words::Text(text) => (None, None, Some(text)),
        };
        one.into_iter()
            .chain(list.into_iter().flatten().copied())
            .chain(text.into_iter().flat_map(|t| t.split('|')))
    }
}

impl fmt::Display for Words<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, word) in self.iter().enumerate() {
            if i > 0 {
                f.write_str("|")?;
            }
            f.write_str(word)?;
        }
        Ok(())
    }
}

/// What is accepted for one key. `Display` writes it as in an accepts line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accept<'a> {
    /// One of some words.
    Words(Words<'a>),
    /// One of some decimal numbers.
    Numbers(Words<'a>),
    /// Exactly this number.
    Number(u64),
    /// A number of a range.
    Steps(Steps),
    /// A mask without a bit outside this one.
    Mask(u64),
}

impl<'a> Accept<'a> {
    /// Reads one entry of an accepts line.
    fn parse(text: &'a str) -> Option<Self> {
        if let Some(mask) = text.strip_prefix('&') {
            return parse_mask(mask).map(Accept::Mask);
        }
        if let Some((min, rest)) = text.split_once("..") {
            let (max, step) = match rest.split_once('/') {
                Some((max, step)) => (max, parse_number(step).filter(|&s| s > 1)?),
                None => (rest, 1),
            };
            let (min, max) = (parse_number(min)?, parse_number(max)?);
            return Some(Accept::Steps(Steps { min, max, step }));
        }
        if !text.split('|').all(is_value) {
            return None;
        }
        Some(match parse_number(text) {
            Some(number) => Accept::Number(number),
            None if text.split('|').all(|w| parse_number(w).is_some()) => {
                Accept::Numbers(Words::Text(text))
            }
            None => Accept::Words(Words::Text(text)),
        })
    }

    /// Whether a source's value has the form that this entry compares with.
    pub(crate) fn check_form(&self, field: Field<'a>) -> Result<(), ParseError<'a>> {
        let problem = match self {
            Accept::Words(_) => return Ok(()),
            Accept::Mask(_) if parse_mask(field.value).is_none() => {
                Problem::Mask(field.key, field.value)
            }
            Accept::Number(_) | Accept::Numbers(_) | Accept::Steps(_)
                if parse_number(field.value).is_none() =>
            {
                Problem::Number(field.key, field.value)
            }
            _ => return Ok(()),
        };
        Err(ParseError {
            at: field.value_at(),
            problem,
        })
    }

    /// Whether a source's value is accepted. One of the wrong form is not.
    pub fn admits(&self, value: &str) -> bool {
        match self {
            Accept::Words(words) | Accept::Numbers(words) => words.iter().any(|w| w == value),
            Accept::Number(number) => parse_number(value) == Some(*number),
            Accept::Steps(steps) => parse_number(value).is_some_and(|n| steps.contains(n)),
            Accept::Mask(mask) => parse_mask(value).is_some_and(|m| m & !mask == 0),
        }
    }
}

impl fmt::Display for Accept<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Accept::Words(words) | Accept::Numbers(words) => words.fmt(f),
            Accept::Number(number) => number.fmt(f),
            Accept::Steps(steps) => steps.fmt(f),
            Accept::Mask(mask) => write!(f, "&{mask:#x}"),
        }
    }
}

/// One key that a target knows, and what it accepts for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The key.
    pub key: &'a str,
    /// What is accepted.
    pub accept: Accept<'a>,
}

/// An accepts line: what a place of this or another host accepts, as read from
/// `migration_accepts`. `Display` gives back exactly the text parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AcceptsLine<'a> {
    head: Head<'a>,
    fields: Fields<'a>,
}

impl<'a> AcceptsLine<'a> {
    /// Parses a whole line, without newline.
    ///
    /// # Errors
    ///
    /// The first part, from the left, that breaks the syntax. Also a grammar other than
    /// [`GRAMMAR`], as nothing is known of the rest then.
    pub fn parse(line: &'a str) -> Result<Self, ParseError<'a>> {
        let (head, body) = Head::split(line)?;
        if head.grammar != GRAMMAR {
            return Err(ParseError {
                at: head.namespace.len() + 1,
                problem: Problem::Head,
            });
        }
        let fields = Fields::check(body, line.len() - body.len(), |value| {
            Accept::parse(value).is_some()
        })?;
        Ok(Self { head, fields })
    }

    /// Namespace and grammar.
    pub fn head(&self) -> Head<'a> {
        self.head
    }

    /// All fields as text, `x-` keys included.
    pub fn fields(&self) -> Fields<'a> {
        self.fields
    }

    /// The entries that decide, in canonical order.
    pub fn entries(&self) -> impl Iterator<Item = Entry<'a>> {
        self.fields.iter().filter(|f| !f.informs()).filter_map(|f| {
            Some(Entry {
                key: f.key,
                accept: Accept::parse(f.value)?,
            })
        })
    }

    /// The words of an `x-` key, for example of `x-like`.
    pub fn information(&self, key: &str) -> Option<Words<'a>> {
        self.fields
            .find(key)
            .filter(Field::informs)
            .map(|f| Words::Text(f.value))
    }
}

impl Target for AcceptsLine<'_> {
    fn head(&self) -> Head<'_> {
        self.head
    }

    fn entry(&self, index: usize) -> Option<Entry<'_>> {
        self.entries().nth(index)
    }
}

impl fmt::Display for AcceptsLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.head.fmt(f)?;
        for (key, value) in self.fields {
            write!(f, ",{key}={value}")?;
        }
        Ok(())
    }
}
