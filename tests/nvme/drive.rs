// SPDX-License-Identifier: GPL-2.0

//! A drive as records, and a drive from records: complete, exact, and safe against any of them.

use super::computer::{config, UUID};
use super::guest::{Cmd, Guest, DATA};
use super::media::Pages;
use super::state::save as state_of;
use crate::cases;
use migcore::migration::{Borrower, Filled, Phase, Put};
use migcore::stream::{crc32c, Kind, Taken, Writer, HEADER, MAX_PAYLOAD, MAX_RECORD};
use nvme::media::{Bitmap, Tracker, PAGE, RUN};
use nvme::migration::{Unfit, GONE, IDENTITY, PAGES, STATE};
use nvme::outside::{Media, MediaError};
use nvme::spec::opcode::nvm;
use nvme::spec::status::Status;
use nvme::{BlockSize, Controller, Drive, Identity};
use proptest::prelude::*;
use std::path::Path;

type Disk = Drive<Pages, Vec<u64>, Box<Controller>>;
type Record = (Kind, Vec<u8>);

/// Pages of all drives here.
const COUNT: u64 = 600;

fn drive(uuid: [u8; 16]) -> Disk {
    let config = config(COUNT, BlockSize::B4096);
    let controller = Controller::new(config, Identity::from_uuid(uuid)).expect("a controller");
    Drive::new(Box::new(controller), Pages::default())
}

/// One that a load begins in.
fn target(uuid: [u8; 16]) -> Disk {
    let mut target = drive(uuid);
    begin_load(&mut target);
    target
}

fn begin_load(drive: &mut Disk) {
    drive.begin_load(Box::new(*drive.controller()));
}

fn tracker() -> Tracker<Vec<u64>> {
    let words = Bitmap::<Vec<u64>>::words(COUNT) as usize;
    Tracker::new(vec![u64::MAX; words], vec![1; words], COUNT).expect("enough words")
}

fn write(drive: &mut Disk, page: u64, byte: u8) {
    assert_eq!(drive.media_mut().write(page, &[byte; PAGE]), Ok(()));
}

/// The next record, if it is lent.
fn lent(drive: &mut Disk, payload: &mut [u8]) -> Option<(Kind, usize)> {
    let mut writer = Writer::new(crc32c);
    let mut out = vec![0; MAX_RECORD];
    assert!(writer.version("any", &mut out) > 0);
    let mut borrower = Borrower::new(&mut writer, &mut out, None);
    drive.lend(&mut borrower);
    let made = borrower.made()?;
    assert_eq!(out[..4], PAGES.number().to_le_bytes(), "nothing else");
    payload.copy_from_slice(&out[HEADER..]);
    match made {
        Put::Here(Filled::Bytes(len)) => Some((PAGES, len - HEADER)),
        other => panic!("{other:?}"),
    }
}

/// The next record, whose bytes are exactly what was pending.
fn next(drive: &mut Disk, phase: Phase) -> Option<Record> {
    let mut payload = vec![0xee; MAX_PAYLOAD];
    let (before, size) = (drive.pending(phase), drive.size());
    let made = lent(drive, &mut payload).or_else(|| {
        let made = drive.produce(phase, &mut payload);
        made.expect("a store that works")
    });
    let after = drive.pending(phase);
    let len = made.map_or(0, |(_, len)| (len + HEADER) as u64);
    assert_eq!(before.total() - after.total(), len, "{made:?}");
    assert_eq!(size - drive.size(), len);
    assert!(after.initial <= before.initial);
    let (kind, len) = made?;
    payload.truncate(len);
    Some((kind, payload))
}

fn all(drive: &mut Disk, phase: Phase) -> Vec<Record> {
    let all: Vec<_> = std::iter::from_fn(|| next(drive, phase)).collect();
    assert_eq!(drive.pending(phase).total(), 0);
    all
}

fn accept(drive: &mut Disk, records: &[Record]) -> Result<(), Unfit> {
    for (kind, payload) in records {
        assert_eq!(drive.accept(*kind, payload)?, Taken::Yes);
    }
    Ok(())
}

fn kinds(records: &[Record]) -> Vec<Kind> {
    records.iter().map(|(kind, _)| *kind).collect()
}

/// A drive with something in it, and all records of it.
fn moved() -> (Disk, Vec<Record>) {
    let mut source = drive(UUID);
    for (page, byte) in [(3, 1), (4, 2), (5, 3), (100, 4), (599, 5)] {
        write(&mut source, page, byte);
    }
    source.begin_save(tracker());
    let mut records = all(&mut source, Phase::PreCopy);
    assert_eq!(source.media_mut().deallocate(4, 1), Ok(()));
    write(&mut source, 100, 6);
    records.extend(all(&mut source, Phase::PreCopy));
    write(&mut source, 7, 7);
    records.extend(all(&mut source, Phase::Stopped));
    assert!(source.end_save().is_some());
    (source, records)
}

#[test]
fn what_a_drive_holds_arrives() {
    let (mut source, records) = moved();
    assert_eq!(
        kinds(&records),
        [IDENTITY, PAGES, PAGES, PAGES, GONE, PAGES, PAGES, STATE]
    );
    assert_eq!(
        records[1].1.len(),
        8 + 3 * PAGE,
        "what is in a row goes in a row"
    );
    assert_eq!(records[4].1, [4_u64, 1].map(u64::to_le_bytes).concat());
    let mut target = target([9; 16]);
    write(&mut target, 0, 9);
    write(&mut target, 4, 9);
    assert_eq!(accept(&mut target, &records), Ok(()));
    let before = state_of(target.controller());
    assert_eq!(target.complete(), Ok(()));
    assert_eq!(state_of(target.controller()), before, "not yet");
    target.commit(&mut Guest::off().pc.wires);
    assert!(target.media_mut().store().pages == source.media_mut().store().pages);
    assert_eq!(state_of(target.controller()), state_of(source.controller()));
    assert_eq!(target.controller().identity(), &Identity::from_uuid(UUID));
}

#[test]
fn what_is_lent_is_what_is_copied() {
    let records = |lent: std::ops::Range<u64>| {
        let mut source = drive(UUID);
        source.media_mut().store().lent = lent;
        (0..100).for_each(|page| write(&mut source, page, page as u8));
        source.begin_save(tracker());
        let mut records = all(&mut source, Phase::PreCopy);
        (40..45).for_each(|page| write(&mut source, page, 0xaa));
        assert_eq!(source.media_mut().deallocate(60, 5), Ok(()));
        records.extend(all(&mut source, Phase::PreCopy));
        write(&mut source, 99, 0xbb);
        records.extend(all(&mut source, Phase::Stopped));
        (source, records)
    };
    let (_, copied) = records(0..0);
    // A run of which not all is lent is copied.
    for lent in [0..COUNT, 0..10, 10..COUNT, 42..43, 31..62, 90..99] {
        let (mut source, records) = records(lent);
        assert!(records == copied);
        let mut target = target([9; 16]);
        assert_eq!(accept(&mut target, &records), Ok(()));
        assert_eq!(target.complete(), Ok(()));
        assert!(target.media_mut().store().pages == source.media_mut().store().pages);
    }
}

/// What could not be sent is not seen: it comes with the next one.
#[test]
fn what_is_not_taken_is_lent_again() {
    let mut source = drive(UUID);
    source.media_mut().store().lent = 0..COUNT;
    (3..6).for_each(|page| write(&mut source, page, 1));
    source.begin_save(tracker());
    let (identity, before) = (next(&mut source, Phase::PreCopy), source.size());
    assert_eq!(identity.map(|(kind, _)| kind), Some(IDENTITY));
    let mut writer = Writer::new(crc32c);
    let mut borrower = Borrower::new(&mut writer, &mut [], None);
    source.lend(&mut borrower);
    assert_eq!(borrower.made(), None);
    assert_eq!(source.size(), before);
    let (kind, payload) = next(&mut source, Phase::PreCopy).expect("three pages");
    assert_eq!((kind, payload.len()), (PAGES, 8 + 3 * PAGE));
}

#[test]
fn a_long_run_fills_records() {
    let mut source = drive(UUID);
    (0..COUNT).for_each(|page| write(&mut source, page, 1));
    let size = source.size();
    source.begin_save(tracker());
    assert!(source.size() <= size, "it was said to be no more");
    let records = all(&mut source, Phase::Stopped);
    let full = 8 + RUN as usize * PAGE;
    assert!(full + PAGE > MAX_PAYLOAD);
    let count = COUNT.div_ceil(RUN) as usize;
    assert_eq!(records.len(), count + 2);
    assert!(records[1..count]
        .iter()
        .all(|(_, payload)| payload.len() == full));
}

#[test]
fn the_first_pass_comes_to_an_end() {
    let mut source = drive(UUID);
    (0..200).for_each(|page| write(&mut source, page, 1));
    source.begin_save(tracker());
    let mut rounds = 0;
    while source.pending(Phase::PreCopy).initial > 0 {
        rounds += 1;
        assert!(
            rounds < 20,
            "the guest is faster, but there is only so much"
        );
        assert!(next(&mut source, Phase::PreCopy).is_some());
        (0..200).for_each(|page| write(&mut source, page, rounds));
    }
    assert!(source.pending(Phase::PreCopy).dirty > 190 * PAGE as u64);
    // What was never seen and is gone is nothing to speak of.
    let mut source = drive(UUID);
    (0..200).for_each(|page| write(&mut source, page, 1));
    source.begin_save(tracker());
    assert_eq!(source.media_mut().deallocate(0, 200), Ok(()));
    assert_eq!(kinds(&all(&mut source, Phase::Stopped)), [IDENTITY, STATE]);
}

#[test]
fn many_runs_of_pages_that_went() {
    let mut source = drive(UUID);
    (0..COUNT).for_each(|page| write(&mut source, page, 1));
    source.begin_save(tracker());
    let mut target = target([9; 16]);
    assert_eq!(
        accept(&mut target, &all(&mut source, Phase::PreCopy)),
        Ok(())
    );
    for page in (0..COUNT).step_by(2) {
        assert_eq!(source.media_mut().deallocate(page, 1), Ok(()));
    }
    let records = all(&mut source, Phase::PreCopy);
    assert_eq!(kinds(&records), [GONE]);
    assert_eq!(records[0].1.len(), COUNT as usize / 2 * 16);
    assert_eq!(accept(&mut target, &records), Ok(()));
    assert_eq!(source.media_mut().deallocate(0, COUNT), Ok(()));
    write(&mut source, 300, 3);
    assert_eq!(
        accept(&mut target, &all(&mut source, Phase::Stopped)),
        Ok(())
    );
    assert_eq!(target.complete(), Ok(()));
    assert!(target.media_mut().store().pages == source.media_mut().store().pages);
}

#[test]
fn only_what_is_whole_and_in_order() {
    let (_, records) = moved();
    let page = |first: u64, len: usize| {
        let mut payload = first.to_le_bytes().to_vec();
        payload.resize(8 + len, 1);
        (PAGES, payload)
    };
    let gone = |runs: &[u64]| {
        let payload = runs
            .iter()
            .flat_map(|n| n.to_le_bytes())
            .collect::<Vec<_>>();
        (GONE, payload)
    };
    let mut other = target([7; 16]);
    other.begin_save(tracker());
    let others = all(&mut other, Phase::Stopped);
    let changed = |index: usize, at: usize, value: u8| {
        let (kind, mut payload) = records[index].clone();
        payload[at] = value;
        (kind, payload)
    };
    let short = |index: usize| (records[index].0, records[index].1[..20].to_vec());
    let (identity, state) = (
        records[0].clone(),
        records.last().expect("it has one").clone(),
    );
    let beyond = "a record of pages beyond the namespace";
    let gone_beyond = "a record of deallocated pages beyond the namespace";
    let order = "the order of a record of deallocated pages";
    for (after, bad, why) in [
        (
            0,
            page(0, PAGE),
            "a record before that of the drive's identity",
        ),
        (
            0,
            gone(&[0, 1]),
            "a record before that of the drive's identity",
        ),
        (
            0,
            state.clone(),
            "a record before that of the drive's identity",
        ),
        (
            0,
            short(0),
            "the length of the record of the drive's identity",
        ),
        (
            0,
            changed(0, 52, 0xff),
            "the number of blocks is another one here",
        ),
        (
            0,
            changed(0, 61, 0xff),
            "the size of a block is another one here",
        ),
        (0, changed(0, 3, 0xff), "a character of the serial number"),
        (1, identity, "a second record of the drive's identity"),
        (
            1,
            (PAGES, vec![0; 7]),
            "a record of pages that is too short",
        ),
        (1, page(0, 0), "a record of pages that are not whole"),
        (1, page(0, PAGE - 1), "a record of pages that are not whole"),
        (1, page(COUNT, PAGE), beyond),
        (1, page(COUNT - 1, 2 * PAGE), beyond),
        (1, page(u64::MAX, PAGE), beyond),
        (
            1,
            (GONE, vec![]),
            "the length of a record of deallocated pages",
        ),
        (
            1,
            (GONE, vec![0; 17]),
            "the length of a record of deallocated pages",
        ),
        (1, gone(&[0, COUNT + 1]), gone_beyond),
        (1, gone(&[u64::MAX, 1]), gone_beyond),
        (1, gone(&[5, 0]), order),
        (1, gone(&[5, 2, 6, 1]), order),
        (1, gone(&[5, 2, 0, 1]), order),
        (
            1,
            short(records.len() - 1),
            "the controller's state ends too early",
        ),
        (
            1,
            others[1].clone(),
            "the controller's state is that of another drive",
        ),
        (8, state, "a second record of the controller's state"),
        (
            8,
            page(0, PAGE),
            "a record of pages after that of the controller's state",
        ),
        (
            8,
            gone(&[0, 1]),
            "a record of pages after that of the controller's state",
        ),
    ] {
        let mut target = target([9; 16]);
        write(&mut target, 0, 9);
        let before = state_of(target.controller());
        assert_eq!(accept(&mut target, &records[..after]), Ok(()));
        let refused = target.accept(bad.0, &bad.1).unwrap_err();
        assert_eq!(
            (refused.what(), refused.to_string()),
            (why, why.to_string())
        );
        assert_eq!(state_of(target.controller()), before, "{why}");
        if after == 0 {
            assert_eq!(target.media().count(), 1, "still its own");
        }
        target.abandon();
        assert_eq!(target.media().count(), u64::from(after == 0));
        assert_eq!(state_of(target.controller()), before);
    }
}

#[test]
fn nothing_half() {
    let (_, records) = moved();
    let mut target = target([9; 16]);
    let before = state_of(target.controller());
    let none = Unfit::Invalid("there is no record of the drive");
    assert_eq!(target.complete(), Err(none));
    assert_eq!(target.accept(Kind::own(4), &[]), Ok(Taken::Unknown));
    assert_eq!(accept(&mut target, &records[..7]), Ok(()));
    let none = Unfit::Invalid("there is no record of the controller's state");
    assert_eq!(target.complete(), Err(none));
    target.commit(&mut Guest::off().pc.wires);
    assert_eq!(
        state_of(target.controller()),
        before,
        "not without complete"
    );
}

#[test]
fn no_room_is_said_so() {
    let (_, records) = moved();
    let mut target = target([9; 16]);
    target.media_mut().store().most = Some(2);
    let full = Err(Unfit::Failed(MediaError::Full));
    assert_eq!(accept(&mut target, &records), full);
    target.abandon();
    begin_load(&mut target);
    assert_eq!(target.media().count(), 0);
    target.media_mut().store().most = None;
    assert_eq!(
        accept(&mut target, &records),
        Ok(()),
        "it can be tried again"
    );
    assert_eq!(target.complete(), Ok(()));
}

/// A guest's commands, carried on by the drive that was loaded.
#[test]
fn a_guest_goes_on() {
    let mut guest = super::state::busy();
    let mut source = drive([0; 16]);
    *source.controller_mut() = guest.pc.controller;
    source.begin_save(tracker());
    let records = all(&mut source, Phase::Stopped);
    let mut target = target([9; 16]);
    assert_eq!(accept(&mut target, &records), Ok(()));
    assert_eq!(target.complete(), Ok(()));
    target.commit(&mut guest.pc.wires);
    guest.pc.controller = *target.controller();
    guest.pc.awake = true;
    guest.pc.run();
    for id in [1, 1, 2] {
        assert_eq!(guest.reap(id).expect("done").status, Status::SUCCESS);
    }
    assert_eq!(
        guest.io(Cmd::io(nvm::READ, 0, 1).prp(DATA, 0)),
        Status::SUCCESS
    );
    assert_eq!(guest.reap(0).expect("an event").dw0, 0x1_0000);
}

/// The records as they stand in a stream, less what the stream adds.
fn flat(records: &[Record]) -> Vec<u8> {
    let mut out = Vec::new();
    for (kind, payload) in records {
        out.extend(kind.number().to_le_bytes());
        out.extend((payload.len() as u32).to_le_bytes());
        out.extend(payload);
    }
    out
}

fn unflat(mut bytes: &[u8]) -> Vec<Record> {
    let mut records = Vec::new();
    while let Some((head, rest)) = bytes.split_first_chunk::<8>() {
        let [kind, len] = [&head[..4], &head[4..]]
            .map(|word| u32::from_le_bytes(word.try_into().expect("four bytes")));
        let (payload, rest) = rest.split_at(len as usize);
        records.push((Kind::from_number(kind), payload.to_vec()));
        bytes = rest;
    }
    records
}

/// The bytes of the format itself: what was written once can be loaded for ever.
#[test]
fn golden_records() {
    let mut source = drive(UUID);
    *source.controller_mut() = super::state::busy().pc.controller;
    write(&mut source, 17, 0x5a);
    write(&mut source, 18, 0x5b);
    source.begin_save(tracker());
    let mut records = all(&mut source, Phase::PreCopy);
    assert_eq!(source.media_mut().deallocate(18, 1), Ok(()));
    records.extend(all(&mut source, Phase::Stopped));
    let now = flat(&records);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/nvme/state-1.bin");
    if std::env::var("BLESS").is_ok_and(|v| v == "1") {
        std::fs::write(&path, &now).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    }
    let then = std::fs::read(&path)
        .unwrap_or_else(|e| panic!("{}: {e}; BLESS=1 writes it", path.display()));
    assert!(
        then == now,
        "{}: the bytes of a record changed",
        path.display()
    );
    let mut target = target([9; 16]);
    assert_eq!(accept(&mut target, &unflat(&then)), Ok(()));
    assert_eq!(target.complete(), Ok(()));
    target.commit(&mut Guest::off().pc.wires);
    assert_eq!(state_of(target.controller()), state_of(source.controller()));
    assert_eq!(target.media().count(), 1);
}

proptest! {
    #![proptest_config(cases(100))]

    /// Records in any order, doubled, left out and changed: nothing panics, and the controller is
    /// its own until there is a commit of something that was complete.
    #[test]
    fn any_records(
        order in prop::collection::vec(0..8_usize, 1..14),
        changes in prop::collection::vec((0..14_usize, any::<prop::sample::Index>(), any::<u8>()), 0..3),
        cut in prop::option::of((0..14_usize, any::<prop::sample::Index>())),
        sorted in any::<bool>(),
    ) {
        let (_, records) = moved();
        let mut chosen: Vec<_> = if sorted {
            records.clone()
        } else {
            order.iter().map(|&index| records[index].clone()).collect()
        };
        for (index, at, value) in changes {
            let index = index % chosen.len();
            let payload = &mut chosen[index].1;
            let at = at.index(payload.len().min(200));
            payload[at] = value;
        }
        if let Some((index, at)) = cut {
            let index = index % chosen.len();
            let payload = &mut chosen[index].1;
            let at = at.index(payload.len());
            payload.truncate(at);
        }
        let mut target = target([9; 16]);
        let before = state_of(target.controller());
        let taken = accept(&mut target, &chosen).and_then(|()| target.complete());
        prop_assert_eq!(state_of(target.controller()), before.clone());
        match taken {
            Ok(()) => {
                target.commit(&mut Guest::off().pc.wires);
                let state = chosen.last().expect("complete");
                prop_assert_eq!(&state_of(target.controller()), &state.1);
            }
            Err(_) => {
                target.abandon();
                prop_assert_eq!(target.media().count(), 0);
                prop_assert_eq!(state_of(target.controller()), before);
            }
        }
    }
}
