// SPDX-License-Identifier: GPL-2.0

//! `mdev-migrate`: will it migrate, and if not, why.
//!
//! A front to `migcore`: it finds the places of this host in sysfs, or lines saved from other
//! hosts, and lets [`migcore::judge`] decide, as the kernel modules do. It writes nothing to
//! sysfs. The manual is `Documentation/mdev-migrate.md`.
//!
//! | module | what it holds |
//! |---|---|
//! | `args` | the command line, from which help, man pages and completions are made |
//! | `place`, `sysfs`, `saved` | a place, where it is found on this host, and how it is saved |
//! | `subject` | what an argument names: a line, a file, a place |
//! | `verdict` | a verdict of `migcore` as text and JSON |
//! | `fit`, `create` | how a place fits a source, and the commands that make a device there |
//! | `advice` | what would make a refusal an acceptance |
//! | `list`, `show`, `check`, `explain`, `find`, `manual` | one verb each |
//! | `output`, `exit` | how results and failures leave the program |

#![forbid(unsafe_code)]

mod advice;
mod args;
mod check;
mod create;
mod exit;
mod explain;
mod find;
mod fit;
mod list;
mod manual;
mod output;
mod place;
mod saved;
mod show;
mod subject;
mod sysfs;
mod verdict;

use args::{Arguments, Verb};
use clap::Parser;
use exit::{Exit, Failure};
use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    // A wrong command line ends in here, with clap's text and `Exit::Usage`'s number.
    let arguments = Arguments::parse();
    let done = run(&arguments).and_then(|(text, exit)| {
        std::io::stdout()
            .write_all(text.as_bytes())
            .map_err(|e| Failure::io(format!("standard output: {e}")))?;
        Ok(exit)
    });
    match done {
        Ok(exit) => exit.into(),
        Err(failure) => {
            // If standard error is closed too, the exit code is all that can be said.
            let _ = writeln!(std::io::stderr(), "error: {failure}");
            failure.exit.into()
        }
    }
}

/// What goes to standard output, and how the program ends then.
fn run(arguments: &Arguments) -> Result<(String, Exit), Failure> {
    let host = sysfs::Host::new(&arguments.sysfs);
    match &arguments.verb {
        Verb::List => list::run(&host, arguments.json),
        Verb::Show { place } => show::run(&host, place, arguments.json),
        Verb::Check(pair) => check::run(&host, pair, arguments.json),
        Verb::Explain(pair) => explain::run(&host, pair, arguments.json),
        Verb::Find(question) => find::run(&host, question, arguments.json),
        Verb::Man { folder } => manual::man(folder),
        Verb::Completions { shell, folder } => manual::completions(*shell, folder),
    }
}
