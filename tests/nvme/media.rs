// SPDX-License-Identifier: GPL-2.0

//! Sparse media and its tracker, against a plain disk and a second one that is kept up to date by
//! nothing but what the tracker says.

use crate::cases;
use nvme::media::{Amount, Bitmap, Run, Sparse, Store, Tracker, PAGE, RUN};
use nvme::outside::{Media, MediaError};
use nvme::BlockSize;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// Pages, of which there can be so many, and which are lent or not.
#[derive(Default)]
pub(crate) struct Pages {
    pub(crate) pages: BTreeMap<u64, Box<[u8; PAGE]>>,
    pub(crate) most: Option<usize>,
    pub(crate) lent: Range<u64>,
}

impl Store for Pages {
    fn read(&mut self, page: u64, offset: usize, data: &mut [u8]) -> Result<bool, MediaError> {
        let Some(page) = self.pages.get(&page) else {
            return Ok(false);
        };
        data.copy_from_slice(&page[offset..offset + data.len()]);
        Ok(true)
    }

    fn lend(&self, page: u64) -> Option<&[u8; PAGE]> {
        let page = Some(page).filter(|page| self.lent.contains(page))?;
        self.pages.get(&page).map(|page| &**page)
    }

    fn write(&mut self, page: u64, offset: usize, data: &[u8]) -> Result<(), MediaError> {
        let full = self.most.is_some_and(|most| self.pages.len() >= most);
        if full && !self.pages.contains_key(&page) {
            return Err(MediaError::Full);
        }
        let page = self.pages.entry(page).or_insert(Box::new([0; PAGE]));
        page[offset..offset + data.len()].copy_from_slice(data);
        Ok(())
    }

    fn discard(&mut self, page: u64) -> Result<bool, MediaError> {
        Ok(self.pages.remove(&page).is_some())
    }

    fn next(&self, from: u64) -> Option<u64> {
        self.pages.range(from..).next().map(|(page, _)| *page)
    }

    /// Cut at an odd place, so that runs of it join.
    fn next_run(&self, from: u64) -> Option<Run> {
        let first = self.next(from)?;
        let end = first + 5 - first % 5;
        let there = |page: &u64| self.pages.contains_key(page);
        let count = (first..end).take_while(there).count() as u64;
        Some(Run { first, count })
    }

    fn count(&self) -> u64 {
        self.pages.len() as u64
    }

    fn flush(&mut self) -> Result<(), MediaError> {
        Ok(())
    }
}

#[derive(Clone, Debug)]
enum Step {
    Write(u64, u64, u8),
    Deallocate(u64, u64),
    Track,
    See(usize),
}

const PAGES: u64 = 130;

fn step(blocks: u64) -> impl Strategy<Value = Step> {
    let range = (0..blocks, 1..40_u64).prop_map(move |(lba, n)| (lba, n.min(blocks - lba)));
    prop_oneof![
        6 => (range.clone(), 1..=255_u8).prop_map(|((lba, n), byte)| Step::Write(lba, n, byte)),
        3 => range.prop_map(|(lba, n)| Step::Deallocate(lba, n)),
        1 => Just(Step::Track),
        5 => (1..20_usize).prop_map(Step::See),
    ]
}

fn steps() -> impl Strategy<Value = (BlockSize, Vec<Step>)> {
    let of = |size: BlockSize| {
        let blocks = PAGES * PAGE as u64 / size.bytes() as u64;
        prop::collection::vec(step(blocks), 1..120).prop_map(move |steps| (size, steps))
    };
    prop_oneof![of(BlockSize::B512), of(BlockSize::B4096)]
}

fn tracker() -> Tracker<Vec<u64>> {
    let words = Bitmap::<Vec<u64>>::words(PAGES) as usize;
    Tracker::new(vec![1; words], vec![u64::MAX; words], PAGES).expect("enough words")
}

type Target = BTreeMap<u64, Box<[u8; PAGE]>>;

/// The runs that pages make, of which those with contents are cut at multiples of [`RUN`].
fn amount(pages: impl Iterator<Item = u64>, cut: bool) -> Amount {
    let (mut amount, mut last) = (Amount::default(), None);
    for page in pages {
        let joins = last.is_some_and(|last| last + 1 == page) && !(cut && page % RUN == 0);
        amount.pages += 1;
        amount.runs += u64::from(!joins);
        last = Some(page);
    }
    amount
}

/// What must be seen, kept in the plainest way.
#[derive(Default)]
struct Unseen {
    initial: BTreeSet<u64>,
    dirty: BTreeSet<u64>,
    gone: BTreeSet<u64>,
}

impl Unseen {
    fn check(&self, media: &Sparse<Pages, Vec<u64>>) {
        let tracker = media.tracker().expect("it is tracked");
        for (found, wanted, cut) in [
            (tracker.initial(), &self.initial, true),
            (tracker.dirty(), &self.dirty, true),
            (tracker.gone(), &self.gone, false),
        ] {
            assert_eq!(found, amount(wanted.iter().copied(), cut), "{wanted:?}");
        }
    }

    fn wrote(&mut self, page: u64) {
        self.gone.remove(&page);
        if !self.initial.contains(&page) {
            self.dirty.insert(page);
        }
    }

    fn discarded(&mut self, page: u64) {
        self.dirty.remove(&page);
        if !self.initial.remove(&page) {
            self.gone.insert(page);
        }
    }
}

/// Sees so many changes, and makes the target follow.
fn see(
    media: &mut Sparse<Pages, Vec<u64>>,
    target: &mut Target,
    unseen: &mut Unseen,
    count: usize,
) -> bool {
    for round in 0..count {
        unseen.check(media);
        if round % 3 == 0 {
            if let Some(Run { first, count }) = media.take_gone() {
                for page in first..first + count {
                    assert!(unseen.gone.remove(&page));
                    target.remove(&page);
                }
                continue;
            }
        }
        let mut data = [0xee; RUN as usize * PAGE];
        let room = if round % 4 == 0 { PAGE } else { data.len() };
        let found = media.take_pages(&mut data[..room]);
        let Some(Run { first, count }) = found.expect("media that does not fail") else {
            if unseen.gone.is_empty() {
                return true;
            }
            continue;
        };
        let set = match unseen.initial.is_empty() {
            true => &mut unseen.dirty,
            false => &mut unseen.initial,
        };
        for (page, data) in (first..first + count).zip(data.chunks_exact(PAGE)) {
            assert!(set.remove(&page), "only what has changed");
            target.insert(page, Box::new(data.try_into().expect("a page")));
        }
    }
    false
}

proptest! {
    #![proptest_config(cases(100))]

    #[test]
    fn nothing_is_lost((size, steps) in steps()) {
        let mut plain = vec![0; PAGES as usize * PAGE];
        let mut media = Sparse::new(Pages::default(), size);
        let mut target = None;
        let mut unseen = Unseen::default();
        for step in steps {
            match step {
                Step::Write(lba, count, byte) => {
                    let data = vec![byte; count as usize * size.bytes()];
                    prop_assert_eq!(media.write(lba, &data), Ok(()));
                    let at = lba as usize * size.bytes();
                    plain[at..][..data.len()].fill(byte);
                    (at / PAGE..(at + data.len()).div_ceil(PAGE)).for_each(|p| unseen.wrote(p as u64));
                }
                Step::Deallocate(lba, count) => {
                    let before: Vec<u64> = media.store().pages.keys().copied().collect();
                    prop_assert_eq!(media.deallocate(lba, count), Ok(()));
                    let (at, len) = (lba as usize * size.bytes(), count as usize * size.bytes());
                    plain[at..][..len].fill(0);
                    for page in before {
                        if !media.store().pages.contains_key(&page) {
                            unseen.discarded(page);
                        } else if (page as usize + 1) * PAGE > at && page as usize * PAGE < at + len {
                            unseen.wrote(page);
                        }
                    }
                }
                Step::Track => {
                    media.track(tracker());
                    target = Some(Target::new());
                    unseen = Unseen::default();
                    unseen.initial = media.store().pages.keys().copied().collect();
                }
                Step::See(count) => {
                    if let Some(target) = &mut target {
                        see(&mut media, target, &mut unseen, count);
                    }
                }
            }
            if target.is_some() {
                unseen.check(&media);
            }
        }
        let mut data = vec![0xee; plain.len()];
        prop_assert_eq!(media.read(0, &mut data), Ok(()));
        prop_assert!(data == plain);
        if let Some(target) = &mut target {
            prop_assert!(see(&mut media, target, &mut unseen, 4 * PAGES as usize));
            prop_assert!(*target == media.store().pages);
        }
    }

    #[test]
    fn a_bitmap_is_a_set(
        len in 1..300_u64,
        steps in prop::collection::vec((any::<bool>(), 0..320_u64), 0..200),
    ) {
        let words = Bitmap::<Vec<u64>>::words(len) as usize;
        prop_assert!(Bitmap::new(vec![0; words - 1], len).is_none());
        let mut bits = Bitmap::new(vec![u64::MAX; words], len).expect("enough words");
        let mut set = BTreeSet::new();
        for (insert, number) in steps {
            if insert {
                bits.insert(number);
                if number < len {
                    set.insert(number);
                }
            } else {
                bits.remove(number);
                set.remove(&number);
            }
            prop_assert_eq!(bits.count(), set.len() as u64);
            prop_assert_eq!(bits.contains(number), set.contains(&number));
            prop_assert_eq!(bits.next(number), set.range(number..).next().copied());
            let run = bits.next(number).map(|first| Run {
                first,
                count: (first..).take_while(|at| set.contains(at)).count() as u64,
            });
            prop_assert_eq!(bits.next_run(number), run);
        }
    }
}

#[test]
fn no_room_is_no_harm() {
    let mut media = Sparse::<_, Vec<u64>>::new(Pages::default(), BlockSize::B4096);
    media.store().most = Some(2);
    media.track(tracker());
    assert_eq!(media.write(0, &[1; 2 * PAGE]), Ok(()));
    assert_eq!(media.write(1, &[2; 2 * PAGE]), Err(MediaError::Full));
    assert_eq!(media.tracker().map(|t| t.dirty().pages), Some(2));
    let mut data = [0xee; 3 * PAGE];
    assert_eq!(media.read(0, &mut data), Ok(()));
    for (page, byte) in data.chunks(PAGE).zip([1, 2, 0]) {
        assert!(page.iter().all(|&found| found == byte));
    }
    assert_eq!(media.deallocate(0, 1), Ok(()));
    assert_eq!(media.write(2, &[3; PAGE]), Ok(()));
    assert!(media.untrack().is_some());
    assert!(media.tracker().is_none());
}

#[test]
fn what_is_zero_takes_nothing() {
    let mut media = Sparse::<_, Vec<u64>>::new(Pages::default(), BlockSize::B512);
    assert_eq!(media.deallocate(0, 1000), Ok(()));
    assert!(media.store().pages.is_empty());
    assert_eq!(media.write(3, &[1; 512 * 8]), Ok(()));
    assert_eq!(media.store().pages.len(), 2);
    // A part of a page stays, a whole one goes.
    assert_eq!(media.deallocate(0, 10), Ok(()));
    assert_eq!(media.store().pages.keys().copied().collect::<Vec<_>>(), [1]);
    let mut data = [0; 512 * 16];
    assert_eq!(media.read(0, &mut data), Ok(()));
    assert!(data[..10 * 512].iter().all(|&byte| byte == 0));
    assert!(data[10 * 512..11 * 512].iter().all(|&byte| byte == 1));
}
