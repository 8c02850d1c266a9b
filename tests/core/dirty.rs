// SPDX-License-Identifier: GPL-2.0

//! The log of written memory, against a plain set of pages.

use crate::cases;
use migcore::dirty::{count, covers, mark, page_shift, take, words, Run, Span, MAX_PAGES};
use proptest::prelude::*;
use std::collections::BTreeSet;

fn run(first: u64, len: u64) -> Run {
    Run::new(first, len).expect("a run")
}

fn span(first: u64, len: u64, shift: u32) -> Span<Vec<u64>> {
    let run = run(first, len);
    // Stale bits must not be seen.
    let bits = vec![u64::MAX; words(count(run, shift)) as usize];
    Span::new(run, shift, bits).expect("enough words")
}

/// All that `take` gives of a run, as first and last addresses.
fn taken(spans: &mut [Span<Vec<u64>>], asked: Run) -> Vec<(u64, u64)> {
    let mut found = Vec::new();
    let mut rest = Some(asked);
    while let Some(dirty) = rest.and_then(|rest| take(spans, rest)) {
        found.push((dirty.first(), dirty.last()));
        let next = dirty.last().checked_add(1);
        rest = next.and_then(|next| Run::between(next, asked.last()));
    }
    found
}

#[test]
fn runs() {
    assert_eq!(Run::new(5, 0), None);
    assert_eq!(Run::new(u64::MAX, 1).map(Run::last), Some(u64::MAX));
    assert_eq!(Run::new(u64::MAX, 2), None);
    assert_eq!(Run::new(1, u64::MAX).map(Run::last), Some(u64::MAX));
    assert_eq!(Run::between(2, 1), None);
    assert_eq!(Run::between(2, 2), Run::new(2, 1));
}

#[test]
fn page_sizes() {
    for (asked, shift) in [
        (0, None),
        (3, None),
        (4097, None),
        (1, Some(12)),
        (2048, Some(12)),
        (4096, Some(12)),
        (1 << 21, Some(21)),
        (1 << 63, Some(63)),
    ] {
        assert_eq!(page_shift(asked, 4096), shift, "{asked}");
    }
}

#[test]
fn how_much_it_takes() {
    assert_eq!(count(run(0, 1), 12), 1);
    assert_eq!(count(run(4095, 2), 12), 2);
    assert_eq!(count(run(0, u64::MAX), 12), 1 << 52);
    assert_eq!(count(run(0, u64::MAX), 63), 2);
    assert_eq!(words(MAX_PAGES) * 8, 32 << 20);
    assert!(Span::new(run(0, 65 * 4096), 12, vec![0_u64; 1]).is_none());
}

#[test]
fn nothing_was_written() {
    let mut spans = [span(0, 1 << 20, 12)];
    assert_eq!(taken(&mut spans, run(0, 1 << 20)), []);
}

#[test]
fn a_write_is_said_once() {
    let mut spans = [span(0, 1 << 20, 12)];
    mark(&mut spans, run(0x3fff, 2));
    assert_eq!(taken(&mut spans, run(0, 1 << 20)), [(0x3000, 0x4fff)]);
    assert_eq!(taken(&mut spans, run(0, 1 << 20)), []);
}

#[test]
fn outside_is_not_watched() {
    let mut spans = [span(1 << 20, 1 << 20, 12)];
    mark(&mut spans, run(0, 1 << 20));
    mark(&mut spans, run(2 << 20, 1));
    assert_eq!(taken(&mut spans, run(0, 3 << 20)), []);
    mark(&mut spans, run(0, u64::MAX));
    assert_eq!(
        taken(&mut spans, run(0, 3 << 20)),
        [(1 << 20, (2 << 20) - 1)]
    );
}

#[test]
fn a_page_asked_for_in_part_stays() {
    let mut spans = [span(0, 1 << 20, 16)];
    mark(&mut spans, run(0x1_2345, 1));
    assert_eq!(
        taken(&mut spans, run(0x1_0000, 0x1000)),
        [(0x1_0000, 0x1_0fff)]
    );
    assert_eq!(
        taken(&mut spans, run(0x1_f000, 0x2000)),
        [(0x1_f000, 0x1_ffff)]
    );
    assert_eq!(
        taken(&mut spans, run(0x0_f000, 0x2_0000)),
        [(0x1_0000, 0x1_ffff)]
    );
    assert_eq!(taken(&mut spans, run(0, 1 << 20)), []);
}

#[test]
fn the_end_of_all_addresses() {
    // The last page that VFIO takes, and one that it does not.
    let top = u64::MAX << 12;
    let mut spans = [span(top - 0x1000, 0x2000, 12)];
    mark(&mut spans, run(top, 0x1000));
    assert_eq!(
        taken(&mut spans, run(top - 0x1000, 0x2000)),
        [(top, u64::MAX)]
    );
    let mut spans = [span(0, 1 << 63, 63)];
    mark(&mut spans, run(0, 1));
    assert_eq!(taken(&mut spans, run(0, 1 << 63)), [(0, (1 << 63) - 1)]);
}

#[test]
fn what_is_covered() {
    let spans = [
        span(0x1000, 0x1000, 12),
        span(0x2000, 0x1000, 12),
        span(0x8000, 0x1000, 12),
    ];
    for (first, len, covered) in [
        (0x1000, 0x2000, true),
        (0x1800, 0x1000, true),
        (0x2fff, 1, true),
        (0x2fff, 2, false),
        (0x0fff, 2, false),
        (0, 1, false),
        (0x8000, 0x1000, true),
        (0x1000, 0x8000, false),
        (0x9000, 1, false),
    ] {
        assert_eq!(
            covers(&spans, run(first, len)),
            covered,
            "{first:#x} {len:#x}"
        );
    }
}

#[derive(Clone, Debug)]
enum Step {
    Write(u64, u64),
    /// First and number of pages.
    Ask(u64, u64),
}

fn step(top: u64) -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..top << 12, prop_oneof![1..64_u64, 1..1_u64 << 21])
            .prop_map(|(at, len)| Step::Write(at, len)),
        (0..top, 1..top).prop_map(|(first, pages)| Step::Ask(first, pages)),
    ]
}

proptest! {
    #![proptest_config(cases(500))]

    /// Two spans with a gap: each page that was written since it was asked for last is said, and
    /// no other.
    #[test]
    fn as_a_set_of_pages(
        first in 1..200_u64,
        gap in 0..80_u64,
        second in 1..300_u64,
        steps in prop::collection::vec(step(600), 1..60),
    ) {
        let mut spans = [span(0, first << 12, 12), span((first + gap) << 12, second << 12, 12)];
        let watched = |page: &u64| *page < first || (first + gap..first + gap + second).contains(page);
        let mut dirty = BTreeSet::new();
        for step in steps {
            match step {
                Step::Write(at, len) => {
                    mark(&mut spans, run(at, len));
                    dirty.extend((at >> 12..=(at + len - 1) >> 12).filter(watched));
                }
                Step::Ask(page, pages) => {
                    let asked = page..page + pages;
                    let wanted: Vec<u64> = dirty.range(asked.clone()).copied().collect();
                    dirty.retain(|page| !asked.contains(page));
                    let said: Vec<u64> = taken(&mut spans, run(page << 12, pages << 12))
                        .into_iter()
                        .flat_map(|(from, to)| from >> 12..=to >> 12)
                        .collect();
                    prop_assert_eq!(said, wanted);
                }
            }
        }
    }
}
