// SPDX-License-Identifier: GPL-2.0

//! Goals that figures are held against.

use std::process::ExitCode;

/// Which goals were missed.
#[derive(Debug, Default)]
pub struct Goals {
    missed: Vec<String>,
}

impl Goals {
    /// A figure may be `limit`, and no more.
    pub fn at_most(&mut self, what: &str, value: f64, limit: f64) {
        self.judge(what, value, value <= limit, "at most", limit);
    }

    /// A figure must be `limit`, or more.
    pub fn at_least(&mut self, what: &str, value: f64, limit: f64) {
        self.judge(what, value, value >= limit, "at least", limit);
    }

    fn judge(&mut self, what: &str, value: f64, good: bool, bound: &str, limit: f64) {
        let verdict = if good {
            "met"
        } else {
            self.missed.push(what.to_owned());
            "MISSED"
        };
        println!("goal: {what}: {value:.3}, {bound} {limit:.2}: {verdict}");
    }

    /// Says which goals were missed; that is a failure.
    pub fn finish(self) -> ExitCode {
        if self.missed.is_empty() {
            println!("\nall goals met");
            ExitCode::SUCCESS
        } else {
            println!("\n{} goals missed", self.missed.len());
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_itself_is_good() {
        let mut goals = Goals::default();
        goals.at_most("most", 1.5, 1.5);
        goals.at_least("least", 1.5, 1.5);
        assert!(goals.missed.is_empty());
    }

    #[test]
    fn what_is_beyond_or_no_number_is_missed() {
        let mut goals = Goals::default();
        goals.at_most("most", 1.6, 1.5);
        goals.at_least("least", 1.4, 1.5);
        goals.at_most("none", f64::NAN, 1.5);
        goals.at_least("none", f64::NAN, 1.5);
        assert_eq!(goals.missed, ["most", "least", "none", "none"]);
    }
}
