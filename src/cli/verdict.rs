// SPDX-License-Identifier: GPL-2.0

//! A verdict of `migcore`, in a form that can be kept and printed.

use crate::output;
use crate::subject::Subject;
use migcore::{
    judge, AcceptsLine, Entry, Errno, Head, Line, LineError, Refusal, Rule, Target, Version,
    GRAMMAR,
};
use serde::Serialize;

/// Why a source's bytes are refused.
#[derive(Debug)]
pub(crate) enum Why<'a> {
    /// They are not a question: refused before any rule.
    Line(LineError),
    /// By a rule.
    Rule(Refusal<'a>),
}

/// A target's line, as far as its grammar is known.
pub(crate) enum TargetLine<'a> {
    /// Its entries are taken apart once: a hostile line has a thousand of them, and the
    /// comparator asks for each again and again.
    Accepts {
        line: AcceptsLine<'a>,
        entries: Vec<Entry<'a>>,
    },
    /// Of another grammar: only the head can be compared.
    Head(Head<'a>),
}

impl<'a> TargetLine<'a> {
    /// # Errors
    ///
    /// Why it is no accepts line, ready for a terminal.
    pub(crate) fn parse(text: &'a str) -> Result<Self, String> {
        let (head, _) = Head::split(text).map_err(|e| e.to_string())?;
        if head.grammar != GRAMMAR {
            return Ok(TargetLine::Head(head));
        }
        let line = AcceptsLine::parse(text).map_err(|e| e.to_string())?;
        // The state is always a range there, so that dots tell the two kinds of line apart.
        if !text.contains("..") {
            return Err(
                "it is a version string, which says what a source is; what a target takes is in migration_accepts"
                    .to_owned(),
            );
        }
        let entries = line.entries().collect();
        Ok(TargetLine::Accepts { line, entries })
    }

    pub(crate) fn accepts(&self) -> Option<&AcceptsLine<'a>> {
        match self {
            TargetLine::Accepts { line, .. } => Some(line),
            TargetLine::Head(_) => None,
        }
    }
}

impl Target for TargetLine<'_> {
    fn head(&self) -> Head<'_> {
        match self {
            TargetLine::Accepts { line, .. } => line.head(),
            TargetLine::Head(head) => *head,
        }
    }

    fn entry(&self, index: usize) -> Option<Entry<'_>> {
        match self {
            TargetLine::Accepts { entries, .. } => entries.get(index).copied(),
            TargetLine::Head(_) => None,
        }
    }
}

/// The verdict that a write of `bytes` to the target's `migration_version` would get.
///
/// # Errors
///
/// The outer one if source and target share a grammar that this program does not know.
pub(crate) fn ask<'a>(
    bytes: &'a [u8],
    target: &'a TargetLine<'a>,
) -> Result<Result<Version<'a>, Why<'a>>, String> {
    let line = match Line::from_write(bytes) {
        Ok(line) => line.as_str(),
        Err(e) => return Ok(Err(Why::Line(e))),
    };
    match target {
        TargetLine::Head(head) if Head::split(line).is_ok_and(|(source, _)| source == *head) => {
            Err(format!(
                "grammar {} of namespace {} is not known here: use a newer mdev-migrate",
                head.grammar,
                output::text(head.namespace)
            ))
        }
        _ => Ok(judge(line, target).map_err(Why::Rule)),
    }
}

/// A rule by number and name. Number 0, `line`, stands before the rules: the bytes of the write
/// are not a question at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct RuleName {
    pub(crate) number: u8,
    pub(crate) name: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct ErrnoName {
    pub(crate) number: i32,
    pub(crate) name: &'static str,
    pub(crate) message: &'static str,
}

impl From<Errno> for ErrnoName {
    fn from(errno: Errno) -> Self {
        Self {
            number: errno.number(),
            name: errno.name(),
            message: errno.message(),
        }
    }
}

/// A refusal. Texts in it are those of the line; `reason` is ready for a terminal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Refused {
    /// `None` if one of the two is not migratable: there is nothing to compare then.
    pub(crate) rule: Option<RuleName>,
    pub(crate) errno: Option<ErrnoName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) source: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) target: Option<String>,
    pub(crate) reason: String,
}

impl Refused {
    /// The refusal if a side has no line, as its place is not migratable.
    pub(crate) fn not_migratable(source: &Subject, target: &Subject) -> Option<Self> {
        let side = [source, target].into_iter().find(|s| s.bytes.is_none())?;
        let label = side.place.as_ref().map(crate::place::Place::label)?;
        Some(Self {
            rule: None,
            errno: None,
            key: None,
            source: None,
            target: None,
            reason: format!(
                "{label} is not migratable: it has neither migration_version nor migration_accepts"
            ),
        })
    }

    /// What stands between `refused` and the reason, for example ` by rule 7 (state)`.
    pub(crate) fn by(&self) -> String {
        match self.rule {
            Some(RuleName { number: 0, .. }) => " before any rule".to_owned(),
            Some(rule) => format!(" by rule {} ({})", rule.number, rule.name),
            None => String::new(),
        }
    }
}

impl From<&Why<'_>> for Refused {
    fn from(why: &Why<'_>) -> Self {
        let (rule, errno) = match why {
            Why::Line(_) => (
                RuleName {
                    number: 0,
                    name: "line",
                },
                Errno::Inval,
            ),
            Why::Rule(refusal) => {
                let rule = refusal.rule();
                let name = RuleName {
                    number: rule.number(),
                    name: rule.name(),
                };
                (name, refusal.errno())
            }
        };
        let (key, source, target) = match why {
            Why::Line(_) | Why::Rule(Refusal::Malformed(_)) => (None, None, None),
            Why::Rule(Refusal::Namespace { source, target }) => {
                (None, Some(source.to_string()), Some(target.to_string()))
            }
            Why::Rule(Refusal::UnknownKey { key, value }) => {
                (Some((*key).to_owned()), Some((*value).to_owned()), None)
            }
            Why::Rule(Refusal::Value {
                key,
                source,
                target,
            }) => (
                Some((*key).to_owned()),
                Some((*source).to_owned()),
                Some(target.to_string()),
            ),
        };
        let reason = match why {
            Why::Line(e) => e.to_string(),
            Why::Rule(refusal) => refusal.to_string(),
        };
        Self {
            rule: Some(rule),
            errno: Some(errno.into()),
            key,
            source,
            target,
            reason,
        }
    }
}

/// Whether a refusal was by rule 6, which alone a place of another type can get past.
pub(crate) fn is_type(why: &Why<'_>) -> bool {
    matches!(why, Why::Rule(refusal) if refusal.rule() == Rule::Type)
}
