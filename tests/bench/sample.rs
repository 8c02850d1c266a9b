// SPDX-License-Identifier: GPL-2.0

//! Repeated, interleaved timing, and the median.

use std::{
    env, io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// What one operation costs, in nanoseconds; a machine that counts instructions takes one for
/// each of them.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    /// The middle one of the samples.
    pub median: f64,
    /// The lowest.
    pub low: f64,
    /// The highest.
    pub high: f64,
}

impl Cost {
    /// The cost of samples, of which there is at least one.
    pub fn of(mut samples: Vec<f64>) -> Self {
        samples.sort_by(f64::total_cmp);
        let at = |index: usize| samples.get(index).copied().unwrap_or(f64::NAN);
        let last = samples.len().saturating_sub(1);
        Self {
            median: (at(last / 2) + at(last.div_ceil(2))) / 2.0,
            low: at(0),
            high: at(last),
        }
    }
}

/// A duration as samples are kept.
pub fn nanoseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e9
}

/// An operation to be timed. It fails if it did not do what it is timed for.
pub struct Subject<'a> {
    directory: PathBuf,
    operation: Box<dyn FnMut() -> io::Result<()> + 'a>,
}

impl<'a> Subject<'a> {
    /// `operation`, run inside `directory`: so that opening a file costs one step of a path,
    /// wherever the file is.
    pub fn new(directory: &Path, operation: impl FnMut() -> io::Result<()> + 'a) -> Self {
        Self {
            directory: directory.to_path_buf(),
            operation: Box::new(operation),
        }
    }

    fn batch(&mut self, size: u32) -> io::Result<f64> {
        env::set_current_dir(&self.directory)?;
        let start = Instant::now();
        for _ in 0..size {
            (self.operation)()?;
        }
        Ok(nanoseconds(start.elapsed()) / f64::from(size))
    }
}

/// How many samples, of how many operations each.
const ROUNDS: u32 = 15;
const BATCH: u32 = 40;

/// Times all subjects in turn, again and again, so that whatever drifts meets all alike.
pub fn interleaved(subjects: &mut [Subject<'_>]) -> io::Result<Vec<Cost>> {
    let mut samples = vec![Vec::new(); subjects.len()];
    for round in 0..=ROUNDS {
        for (subject, samples) in subjects.iter_mut().zip(&mut samples) {
            let sample = subject.batch(BATCH)?;
            // The first round fills caches.
            if round > 0 {
                samples.push(sample);
            }
        }
    }
    Ok(samples.into_iter().map(Cost::of).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_is_the_middle_whatever_the_order() {
        let odd = Cost::of(vec![9.0, 1.0, 2.0]);
        assert_eq!((odd.low, odd.median, odd.high), (1.0, 2.0, 9.0));
        assert_eq!(Cost::of(vec![4.0, 1.0, 2.0, 9.0]).median, 3.0);
    }

    #[test]
    fn failing_operation_is_not_timed() {
        let fails = Subject::new(Path::new("/"), || Err(io::Error::other("no")));
        assert!(interleaved(&mut [fails]).is_err());
    }

    #[test]
    fn every_subject_gets_its_samples() {
        let mut runs = 0;
        let costs = interleaved(&mut [Subject::new(Path::new("/"), || {
            runs += 1;
            Ok(())
        })]);
        assert_eq!(costs.map(|c| c.len()).ok(), Some(1));
        assert_eq!(runs, (ROUNDS + 1) * BATCH);
    }
}
