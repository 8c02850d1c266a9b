// SPDX-License-Identifier: GPL-2.0

//! Results as KTAP on standard output, each line at once: the next test may end the machine.

use std::io::{stdout, Write};

/// What became of a test.
#[derive(Clone, Debug)]
pub(crate) enum Verdict {
    /// As it must be.
    Passed,
    /// Could not be tried.
    Skipped(String),
    /// What was wrong.
    Failed(Vec<String>),
}

/// How many of a test's problems are printed: the rest is seldom of another kind.
const SHOWN: usize = 24;

/// Prints results and counts them.
#[derive(Debug, Default)]
pub(crate) struct Report {
    given: usize,
    failed: usize,
    skipped: usize,
}

fn line(text: &str) {
    let mut out = stdout().lock();
    // Nobody is left to tell if standard output is gone.
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}

impl Report {
    /// Begins a report of so many results.
    pub(crate) fn begin(count: usize) -> Self {
        line("KTAP version 1");
        line(&format!("1..{count}"));
        Self::default()
    }

    /// A comment of any number of lines.
    pub(crate) fn note(&self, text: &str) {
        for part in text.lines() {
            line(&format!("# {part}"));
        }
    }

    /// The next result.
    pub(crate) fn result(&mut self, name: &str, says: &str, verdict: &Verdict) {
        self.given += 1;
        let number = self.given;
        match verdict {
            Verdict::Passed => line(&format!("ok {number} - {name}: {says}")),
            Verdict::Skipped(why) => {
                self.skipped += 1;
                line(&format!("ok {number} - {name}: {says} # SKIP {why}"));
            }
            Verdict::Failed(problems) => {
                self.failed += 1;
                problems
                    .iter()
                    .take(SHOWN)
                    .for_each(|problem| self.note(problem));
                if problems.len() > SHOWN {
                    self.note(&format!("and {} more of this test", problems.len() - SHOWN));
                }
                line(&format!("not ok {number} - {name}: {says}"));
            }
        }
    }

    /// Ends the report; whether nothing failed.
    pub(crate) fn end(&self) -> bool {
        let passed = self.given - self.failed - self.skipped;
        self.note(&format!(
            "{passed} passed, {} failed, {} skipped",
            self.failed, self.skipped
        ));
        self.failed == 0
    }
}
