// SPDX-License-Identifier: GPL-2.0

//! A question: a write to `migration_version`, or the start of a stream. Its answer, and the
//! reason in the log.

use crate::limit::Limit;
use core::fmt;
use kernel::{
    device,
    prelude::*, //
};
use migcore::{
    judge,
    Errno,
    Escaped,
    Line,
    Place,
    Rule, //
};

/// How much of a source's string a log line shows, in bytes.
const SHOWN: usize = 128;

/// Where a question was asked.
pub(crate) struct Asked<'a> {
    /// The device that the log line names.
    pub(crate) dev: &'a device::Device,
    /// What keeps the log short.
    pub(crate) limit: &'a Limit,
    /// What is described by `place`, for the log.
    pub(crate) place: Place<'a>,
}

impl Asked<'_> {
    /// Answers one write. Changes nothing, whatever the answer.
    pub(crate) fn answer(&self, bytes: &[u8], offset: u64) -> Result {
        if offset != 0 {
            return self.refuse(bytes, &"one line", Errno::Inval, &NotAtStart(offset));
        }
        let line = match Line::from_write(bytes) {
            Ok(line) => line,
            Err(error) => return self.refuse(bytes, &"one line", Errno::Inval, &error),
        };
        self.judge(line.as_str())
            .map_err(|errno| Error::from_errno(-errno.number()))
    }

    /// Answers the same question at the start of a stream.
    pub(crate) fn judge(&self, line: &str) -> Result<(), Errno> {
        judge(line, &self.place).map(drop).map_err(|refusal| {
            let rule = Numbered(refusal.rule());
            self.log(line.as_bytes(), &rule, refusal.errno(), &refusal);
            refusal.errno()
        })
    }

    fn refuse(
        &self,
        source: &[u8],
        rule: &dyn fmt::Display,
        errno: Errno,
        why: &dyn fmt::Display,
    ) -> Result {
        self.log(source, rule, errno, why);
        Err(Error::from_errno(-errno.number()))
    }

    fn log(&self, source: &[u8], rule: &dyn fmt::Display, errno: Errno, why: &dyn fmt::Display) {
        if self.limit.allows() {
            self.dev.pr_warn(format_args!(
                "migration_version of {}: {rule}, {errno}: {why}; source is \"{}\"\n",
                self.place.type_name,
                Escaped::new(source.strip_suffix(b"\n").unwrap_or(source), SHOWN),
            ));
        }
    }
}

/// A write that is no question, because it does not start at the start.
struct NotAtStart(u64);

impl fmt::Display for NotAtStart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "written at offset {}, a question is one write at offset 0",
            self.0
        )
    }
}

/// A rule by number and name.
struct Numbered(Rule);

impl fmt::Display for Numbered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rule {} ({})", self.0.number(), self.0)
    }
}
