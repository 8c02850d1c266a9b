// SPDX-License-Identifier: GPL-2.0

//! How the program ends: the numbers that scripts rely on.

use std::fmt;
use std::process::ExitCode;

/// The exit codes. `Documentation/mdev-migrate.md` and [`crate::args`] say the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// The question was answered; for `check` and `explain` with an acceptance.
    Accepted = 0,
    /// The target refuses the source, or one of the two is not migratable.
    Refused = 1,
    /// The arguments make no question. clap uses the same number.
    Usage = 2,
    /// Something could not be read or written.
    Io = 3,
    /// There is no place at all, or none that accepts.
    NothingFound = 4,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}

/// Why there is no answer. The message is ready for a terminal: foreign text in it is escaped.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    message: String,
}

impl Failure {
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self {
            exit: Exit::Usage,
            message: message.into(),
        }
    }

    pub(crate) fn nothing(message: impl Into<String>) -> Self {
        Self {
            exit: Exit::NothingFound,
            message: message.into(),
        }
    }

    pub(crate) fn io(message: impl Into<String>) -> Self {
        Self {
            exit: Exit::Io,
            message: message.into(),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
