// SPDX-License-Identifier: GPL-2.0

//! The comparator, and the rules in the order in which it looks at them.

use crate::accepts::{Accept, Entry};
use crate::errno::Errno;
use crate::fields::{Field, Fields, ParseError, Problem, Stands, Walk};
use crate::line::Escaped;
use crate::value::is_value;
use crate::version::{Head, Version};
use core::fmt;

/// How much of a source's value a refusal shows, in bytes.
const SHOWN: usize = 64;

/// What a source string is compared with: a place described by a driver's table
/// ([`Place`](crate::Place)), or by its accepts line ([`AcceptsLine`](crate::AcceptsLine)).
pub trait Target {
    /// Namespace and grammar, which the source's must equal.
    fn head(&self) -> Head<'_>;

    /// The entries that decide, in canonical order; `None` after the last.
    fn entry(&self, index: usize) -> Option<Entry<'_>>;
}

/// The rules, in the order in which they are looked at: the first that fails decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// 1: the line starts with a namespace, a grammar and at least one byte more.
    Head,
    /// 2: namespace, then grammar, are the target's.
    Namespace,
    /// 3: the fields are well-formed, complete, in order, and their numbers canonical.
    Form,
    /// 4: the target knows each key, those apart that start with `x-`.
    UnknownKey,
    /// 5: the model is the target's.
    Model,
    /// 6: the type is the target's, or at a device one of the same interchangeable set.
    Type,
    /// 7: the target reads this version of the state format.
    State,
    /// 8: each parameter is within what the target accepts.
    Parameter,
    /// 9: the source has no feature that the target lacks.
    Features,
}

impl Rule {
    /// Every rule, in order.
    pub const ALL: [Rule; 9] = [
        Rule::Head,
        Rule::Namespace,
        Rule::Form,
        Rule::UnknownKey,
        Rule::Model,
        Rule::Type,
        Rule::State,
        Rule::Parameter,
        Rule::Features,
    ];

    /// Its number in the contract, from 1.
    pub const fn number(self) -> u8 {
        self as u8 + 1
    }

    /// Its name, in lower case.
    pub const fn name(self) -> &'static str {
        match self {
            Rule::Head => "head",
            Rule::Namespace => "namespace",
            Rule::Form => "form",
            Rule::UnknownKey => "unknown-key",
            Rule::Model => "model",
            Rule::Type => "type",
            Rule::State => "state",
            Rule::Parameter => "parameter",
            Rule::Features => "features",
        }
    }

    /// The errno of a refusal by it.
    pub const fn errno(self) -> Errno {
        match self {
            Rule::Head | Rule::Form => Errno::Inval,
            Rule::Namespace | Rule::Model => Errno::Xdev,
            Rule::UnknownKey | Rule::Features => Errno::OpNotSupp,
            Rule::Type => Errno::MediumType,
            Rule::State => Errno::ProtoNoSupport,
            Rule::Parameter => Errno::Range,
        }
    }

    /// The rule that a known key is judged by.
    pub fn of_key(key: &str) -> Self {
        match key {
            "model" => Rule::Model,
            "type" => Rule::Type,
            "state" => Rule::State,
            "features" => Rule::Features,
            _ => Rule::Parameter,
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The first rule that refuses, with the two values that differ. `Display` names both values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal<'a> {
    /// Rules 1 and 3: not a version string, or not one with the target's keys.
    Malformed(ParseError<'a>),
    /// Rule 2.
    Namespace {
        /// The source's.
        source: Head<'a>,
        /// The target's.
        target: Head<'a>,
    },
    /// Rule 4.
    UnknownKey {
        /// The key.
        key: &'a str,
        /// Its value.
        value: &'a str,
    },
    /// Rules 5 to 9.
    Value {
        /// The key.
        key: &'a str,
        /// The source's value of it.
        source: &'a str,
        /// What the target accepts.
        target: Accept<'a>,
    },
}

impl Refusal<'_> {
    /// The rule that refuses.
    pub fn rule(&self) -> Rule {
        match self {
            Refusal::Malformed(ParseError {
                problem: Problem::Head,
                ..
            }) => Rule::Head,
            Refusal::Malformed(_) => Rule::Form,
            Refusal::Namespace { .. } => Rule::Namespace,
            Refusal::UnknownKey { .. } => Rule::UnknownKey,
            Refusal::Value { key, .. } => Rule::of_key(key),
        }
    }

    /// What a write of this source string fails with.
    pub fn errno(&self) -> Errno {
        self.rule().errno()
    }
}

impl fmt::Display for Refusal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown =
            |text: &str, f: &mut fmt::Formatter<'_>| Escaped::new(text.as_bytes(), SHOWN).fmt(f);
        match self {
            Refusal::Malformed(error) => error.fmt(f),
            Refusal::Namespace { source, target } => {
                f.write_str("namespace/grammar: source is ")?;
                shown(source.namespace, f)?;
                write!(f, "/{}, target is {target}", source.grammar)
            }
            Refusal::UnknownKey { key, value } => {
                f.write_str("key `")?;
                shown(key, f)?;
                f.write_str("`: source has ")?;
                shown(value, f)?;
                f.write_str(", target does not know the key")
            }
            Refusal::Value {
                key,
                source,
                target,
            } => {
                let rule = Rule::of_key(key);
                if rule == Rule::Parameter {
                    write!(f, "parameter `{key}`: source has ")?;
                } else {
                    write!(f, "{rule}: source has ")?;
                }
                shown(source, f)?;
                write!(f, ", target accepts {target}")
            }
        }
    }
}

impl core::error::Error for Refusal<'_> {}

/// Whether a stream from a source of this version string will be accepted by `target`.
///
/// A pure function: it allocates nothing, locks nothing and looks at nothing else. `line` is the
/// whole string without newline.
///
/// It walks once along the source's fields and the target's entries together, and keeps of all
/// that it could refuse for what the lowest rule says.
///
/// # Errors
///
/// The first [`Rule`] that refuses.
pub fn judge<'a, T: Target + ?Sized>(
    line: &'a str,
    target: &'a T,
) -> Result<Version<'a>, Refusal<'a>> {
    let (source, body) = Head::split(line).map_err(Refusal::Malformed)?;
    if source != target.head() {
        return Err(Refusal::Namespace {
            source,
            target: target.head(),
        });
    }
    let fields = Fields::new(line, body);
    let mut walk = Walk::new(fields, is_value);
    let mut lowest = Lowest(None);
    let mut entries = entries(target);
    let mut due = entries.next();
    // The entry before the one due.
    let mut met = None;
    while let Some((field, stands)) = walk
        .next(due.map(|entry| entry.key))
        .map_err(Refusal::Malformed)?
    {
        let Field { key, value, .. } = field;
        match (stands, due) {
            (Stands::Due, Some(entry)) => {
                match entry.accept.compare(value) {
                    Some(true) => {}
                    Some(false) => lowest.refuse(Refusal::Value {
                        key,
                        source: value,
                        target: entry.accept,
                    }),
                    None => lowest.refuse(Refusal::Malformed(entry.accept.problem(field))),
                }
                met = due;
                due = entries.next();
            }
            (Stands::Informs, _) => {}
            // Either the target does not know the key, or it comes too early. Then it is never
            // met where it is due, as it must not stand twice, and that is of a lower rule.
            _ => lowest.refuse(Refusal::UnknownKey { key, value }),
        }
    }
    if let Some(Entry { key, .. }) = due {
        lowest.refuse(Refusal::Malformed(match (fields.find(key), met) {
            (Some(early), Some(met)) => ParseError {
                at: early.at,
                problem: Problem::Order(key, met.key),
            },
            _ => ParseError {
                at: line.len(),
                problem: Problem::Missing(key),
            },
        }));
    }
    match lowest.0 {
        None => Ok(Version::checked(source, fields)),
        Some(refusal) => Err(refusal),
    }
}

/// All entries of a target, in their order.
pub(crate) fn entries<T: Target + ?Sized>(target: &T) -> impl Iterator<Item = Entry<'_>> {
    (0..usize::MAX).map_while(|index| target.entry(index))
}

/// The refusal of the lowest rule so far, and of that rule the first.
struct Lowest<'a>(Option<Refusal<'a>>);

impl<'a> Lowest<'a> {
    fn refuse(&mut self, refusal: Refusal<'a>) {
        if self.0.is_none_or(|lowest| refusal.rule() < lowest.rule()) {
            self.0 = Some(refusal);
        }
    }
}
