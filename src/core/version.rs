// SPDX-License-Identifier: GPL-2.0

//! The version string: what a source device is.

use crate::fields::{Fields, ParseError, Problem};
use crate::value::{is_namespace, is_value, parse_number, split_once};
use core::fmt::{self, Write};

/// The only grammar there is today.
pub const GRAMMAR: u64 = 1;

/// `<namespace>/<grammar>,`: what says whether the rest can be read at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head<'a> {
    /// Who defines the state format.
    pub namespace: &'a str,
    /// How the rest of the line is written.
    pub grammar: u64,
}

impl<'a> Head<'a> {
    /// Splits a line into its head and what stands after the first comma. The latter is not
    /// looked at, but there is at least one byte of it.
    ///
    /// # Errors
    ///
    /// [`Problem::Head`] if `line` does not start so.
    pub fn split(line: &'a str) -> Result<(Self, &'a str), ParseError<'a>> {
        let bad = ParseError {
            at: 0,
            problem: Problem::Head,
        };
        let (head, body) = split_once(line, b',').ok_or(bad)?;
        let (namespace, grammar) = split_once(head, b'/').ok_or(bad)?;
        let grammar = parse_number(grammar).ok_or(bad)?;
        if !is_namespace(namespace) || body.is_empty() {
            return Err(bad);
        }
        Ok((Self { namespace, grammar }, body))
    }
}

impl fmt::Display for Head<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.namespace)?;
        f.write_char('/')?;
        self.grammar.fmt(f)
    }
}

/// A version string of well-formed fields. `Display` gives back exactly the text parsed.
///
/// Whether its keys and values mean anything is for a target to say: see [`judge`](crate::judge).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version<'a> {
    head: Head<'a>,
    fields: Fields<'a>,
}

impl<'a> Version<'a> {
    /// Parses a whole line, without newline.
    ///
    /// # Errors
    ///
    /// The first part, from the left, that breaks the syntax.
    ///
    /// ```
    /// let version = migcore::Version::parse("acme/1,model=a1,state=3")?;
    /// assert_eq!(version.get("state"), Some("3"));
    /// let error = migcore::Version::parse("acme/1,model=,state=3").unwrap_err();
    /// assert_eq!(error.at, 13);
    /// # Ok::<(), migcore::ParseError<'static>>(())
    /// ```
    pub fn parse(line: &'a str) -> Result<Self, ParseError<'a>> {
        let (head, body) = Head::split(line)?;
        let fields = Fields::new(line, body);
        fields.check(is_value)?;
        Ok(Self::checked(head, fields))
    }

    /// A string whose fields have been checked.
    pub(crate) fn checked(head: Head<'a>, fields: Fields<'a>) -> Self {
        Self { head, fields }
    }

    /// Namespace and grammar.
    pub fn head(&self) -> Head<'a> {
        self.head
    }

    /// All fields, in the order in which they stand.
    pub fn fields(&self) -> Fields<'a> {
        self.fields
    }

    /// The value of `key`, if it is there.
    pub fn get(&self, key: &str) -> Option<&'a str> {
        self.fields.find(key).map(|f| f.value)
    }
}

impl fmt::Display for Version<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.head.fmt(f)?;
        for (key, value) in self.fields {
            write!(f, ",{key}={value}")?;
        }
        Ok(())
    }
}
