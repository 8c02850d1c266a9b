// SPDX-License-Identifier: GPL-2.0

//! What a place accepts, key by key, and the accepts line that says so.

use crate::fields::{Field, Fields, ParseError, Problem};
use crate::value::{is_value, parse_mask, parse_number, split_once, words};
use crate::verdict::Target;
use crate::version::{Head, GRAMMAR};
use core::fmt::{self, Write};

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
        // Piece by piece, here and below: `write!` costs several times as much.
        self.min.fmt(f)?;
        f.write_str("..")?;
        self.max.fmt(f)?;
        if self.step != 1 {
            f.write_char('/')?;
            self.step.fmt(f)?;
        }
        Ok(())
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
    /// Whether `word` is one of them.
    pub fn contains(self, word: &str) -> bool {
        match self {
            Words::One(one) => one == word,
            Words::List(list) => list.contains(&word),
            Words::Text(text) => words(text).any(|one| one == word),
        }
    }

    /// The words, one by one.
    pub fn iter(self) -> impl Iterator<Item = &'a str> {
        let (one, list, text) = match self {
            Words::One(word) => (Some(word), None, None),
            Words::List(list) => (None, Some(list), None),
            Words::Text(text) => (None, None, Some(text)),
        };
        one.into_iter()
            .chain(list.into_iter().flatten().copied())
            .chain(text.into_iter().flat_map(words))
    }
}

impl fmt::Display for Words<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Words::One(text) | Words::Text(text) => f.write_str(text),
            Words::List(list) => {
                let (first, others) = list.split_first().unwrap_or((&"", &[]));
                f.write_str(first)?;
                others.iter().try_for_each(|word| {
                    f.write_char('|')?;
                    f.write_str(word)
                })
            }
        }
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
        if let Some((min, rest)) = split_at_dots(text) {
            let (max, step) = match split_once(rest, b'/') {
                Some((max, step)) => (max, parse_number(step).filter(|&s| s > 1)?),
                None => (rest, 1),
            };
            let (min, max) = (parse_number(min)?, parse_number(max)?);
            return Some(Accept::Steps(Steps { min, max, step }));
        }
        if !words(text).all(is_value) {
            return None;
        }
        Some(match parse_number(text) {
            Some(number) => Accept::Number(number),
            None if words(text).all(|w| parse_number(w).is_some()) => {
                Accept::Numbers(Words::Text(text))
            }
            None => Accept::Words(Words::Text(text)),
        })
    }

    /// Whether a source's value is accepted; `None` for one that is no number or no mask where
    /// this entry compares with such.
    pub(crate) fn compare(&self, value: &str) -> Option<bool> {
        Some(match self {
            Accept::Words(words) => words.contains(value),
            Accept::Numbers(words) => parse_number(value).map(|_| words.contains(value))?,
            Accept::Number(number) => parse_number(value)? == *number,
            Accept::Steps(steps) => steps.contains(parse_number(value)?),
            Accept::Mask(mask) => parse_mask(value)? & !mask == 0,
        })
    }

    /// What is wrong with a field that cannot be compared with this entry.
    pub(crate) fn problem<'f>(&self, field: Field<'f>) -> ParseError<'f> {
        ParseError {
            at: field.value_at(),
            problem: match self {
                Accept::Mask(_) => Problem::Mask(field.key, field.value),
                _ => Problem::Number(field.key, field.value),
            },
        }
    }

    /// Whether a source's value is accepted. One of the wrong form is not.
    pub fn admits(&self, value: &str) -> bool {
        self.compare(value) == Some(true)
    }
}

impl fmt::Display for Accept<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Accept::Words(words) | Accept::Numbers(words) => words.fmt(f),
            Accept::Number(number) => number.fmt(f),
            Accept::Steps(steps) => steps.fmt(f),
            Accept::Mask(mask) => {
                f.write_str("&0x")?;
                fmt::LowerHex::fmt(mask, f)
            }
        }
    }
}

/// The text before and after the first `..`.
fn split_at_dots(text: &str) -> Option<(&str, &str)> {
    let at = text.as_bytes().windows(2).position(|two| two == b"..")?;
    let (before, rest) = text.split_at_checked(at)?;
    let (_, after) = rest.split_at_checked(2)?;
    Some((before, after))
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
                at: head.namespace.len().saturating_add(1),
                problem: Problem::Head,
            });
        }
        let fields = Fields::new(line, body);
        fields.check(|value| Accept::parse(value).is_some())?;
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
