// SPDX-License-Identifier: GPL-2.0

//! Whole migrations as QEMU 7.2 makes them, and where they are cancelled.

use super::client::{Host, ALL};
use super::model::Model;
use super::qemu::{Qemu, Stop};
use migcore::migration::{Flags, State};
use migcore::stream::MAX_PAYLOAD;
use migcore::Errno;

/// Every set of flags with which the region is offered.
const OFFERS: [Flags; 2] = [Flags::STOP_COPY.with(Flags::PRE_COPY), ALL];

fn small(flags: Flags) -> Host {
    Host::new(flags)
}

/// One whose state takes several chunks.
fn large(flags: Flags) -> Host {
    Host::with(flags, Model::new(20, MAX_PAYLOAD - 2))
}

/// A migration of a VM that runs, up to the switchover; some iterations, with the guest at work.
fn save(qemu: &mut Qemu, iterations: usize) -> Result<(), Stop> {
    qemu.save_setup()?;
    for turn in 0..iterations {
        let pending = qemu.save_pending()?;
        qemu.save_iterate(pending)?;
        qemu.host.dev.work(turn);
    }
    qemu.vm(false)?;
    qemu.save_complete()
}

/// All that is on the wire, and the VM goes on.
fn load(source: &mut Qemu, target: &mut Qemu) -> Result<(), Stop> {
    target.load_setup()?;
    for chunk in std::mem::take(&mut source.wire) {
        target.load_buffer(&chunk)?;
    }
    target.vm(true)
}

fn assert_moved(source: &Qemu, target: &Qemu) {
    assert!(target.host.dev.contents() == source.host.dev.contents());
    assert_eq!(source.host.state(), State::Stop);
    assert_eq!(target.host.state(), State::Running);
    source.host.check();
    target.host.check();
}

#[test]
fn back_and_forth() {
    for flags in OFFERS {
        for (make, mapped) in [(small as fn(Flags) -> Host, false), (large, true)] {
            let mut here = Qemu::new(make(flags), mapped);
            let mut there = Qemu::new(make(flags), mapped);
            for turn in 0..6 {
                save(&mut here, turn).expect("migrates");
                load(&mut here, &mut there).expect("is loaded");
                assert_moved(&here, &there);
                std::mem::swap(&mut here, &mut there);
                // Where it came from is used again.
                there.host.reset();
                there.vm_runs = true;
            }
        }
    }
}

#[test]
fn without_a_mapping_data_goes_by_eight_bytes() {
    let mut source = Qemu::new(Host::with(ALL, Model::new(2, 70_001)), false);
    let mut target = Qemu::new(Host::with(ALL, Model::new(2, 70_001)), false);
    save(&mut source, 3).expect("migrates");
    load(&mut source, &mut target).expect("is loaded");
    assert_moved(&source, &target);
}

#[test]
fn the_states_written_are_those_that_it_writes() {
    let mut source = Qemu::new(small(ALL), true);
    save(&mut source, 2).expect("migrates");
    assert_eq!(source.written, [3, 2, 2, 0]);
    let mut target = Qemu::new(small(ALL), true);
    load(&mut source, &mut target).expect("is loaded");
    assert_eq!(target.written, [4, 1]);
}

#[test]
fn chunks_longer_than_the_section_are_split_at_its_end() {
    let mut source = Qemu::new(large(ALL), true);
    save(&mut source, 1).expect("migrates");
    // As from a source with a larger region.
    let whole: Vec<u8> = std::mem::take(&mut source.wire)
        .into_iter()
        .flatten()
        .collect();
    assert!(whole.len() > 1 << 21);
    source.wire.push_back(whole);
    let mut target = Qemu::new(large(ALL), true);
    load(&mut source, &mut target).expect("is loaded");
    assert_moved(&source, &target);
}

#[test]
fn a_snapshot_stops_and_saves_at_once() {
    let mut source = Qemu::new(small(ALL), false);
    source.stop_to_save().expect("1 to 2");
    source.save_setup().expect("2 over 2");
    let pending = source.save_pending().expect("a save");
    source.save_iterate(pending).expect("a save");
    source.save_complete().expect("a save");
    assert_eq!(source.written, [2, 2, 2, 0]);
    let mut target = Qemu::new(small(ALL), false);
    load(&mut source, &mut target).expect("is loaded");
    assert_moved(&source, &target);
    source.vm(true).expect("0 to 1: it goes on");
    assert_eq!(source.host.state(), State::Running);
}

#[test]
fn a_paused_vm_is_migrated() {
    let mut source = Qemu::new(small(ALL), false);
    source.vm(false).expect("1 to 0");
    save(&mut source, 2).expect("migrates");
    assert_eq!(source.written, [0, 2, 2, 0]);
    let mut target = Qemu::new(small(ALL), false);
    load(&mut source, &mut target).expect("is loaded");
    assert_moved(&source, &target);
}

/// Paused, migrated, and continued while that goes on, after any access: the client still asks for
/// data then, stops the device again at the switchover, and sends both saves as one.
#[test]
fn a_paused_vm_is_migrated_and_continued() {
    for make in [small as fn(Flags) -> Host, large] {
        for continued in 2.. {
            let mut source = Qemu::new(make(ALL), true);
            source.vm(false).expect("1 to 0");
            source.accesses_left = Some(continued);
            let paused = (|| {
                source.save_setup()?;
                while !source.save_pending().and_then(|p| source.save_iterate(p))? {}
                Ok::<(), Stop>(())
            })();
            source.accesses_left = None;
            if source.host.value() != 2 {
                continue;
            }
            // It sees no state change between the registers of one chunk.
            let whole = paused.is_ok();
            source.vm(true).expect("2 to 1");
            source.host.dev.work(1);
            for _ in 0..2 {
                assert_eq!(source.save_pending(), Ok(0), "in state 1");
                assert_eq!(source.save_iterate(0), Ok(true));
            }
            source.vm(false).expect("1 to 0");
            source.save_complete().expect("0 to 2");
            assert_eq!(source.written, [0, 2, 1, 0, 2, 0]);
            let mut target = Qemu::new(make(ALL), true);
            load(&mut source, &mut target).expect("begins again");
            assert_moved(&source, &target);
            if whole {
                break;
            }
        }
    }
}

/// Cancelled after each access in turn, then migrated again.
#[test]
fn cancelled_anywhere_it_migrates_again() {
    for flags in OFFERS {
        for (make, mapped) in [(small as fn(Flags) -> Host, false), (large, true)] {
            for accesses in 0.. {
                let mut source = Qemu::new(make(flags), mapped);
                source.accesses_left = Some(accesses);
                let saved = save(&mut source, 3);
                if saved.is_ok() {
                    assert!(accesses > 20);
                    break;
                }
                assert_eq!(saved, Err(Stop::Asked));
                source.cancel();
                assert_eq!(source.host.state(), State::Running, "after {accesses}");
                source.host.check();
                source.host.dev.work(accesses);
                save(&mut source, 1).expect("migrates");
                let mut target = Qemu::new(make(flags), mapped);
                load(&mut source, &mut target).expect("is loaded");
                assert_moved(&source, &target);
            }
        }
    }
}

#[test]
fn a_source_whose_target_failed_goes_on() {
    let mut source = Qemu::new(small(ALL), true);
    let before = {
        save(&mut source, 2).expect("migrates");
        source.host.dev.contents()
    };
    // After the switchover: 0, and back.
    source.cancel();
    assert_eq!(source.host.state(), State::Running);
    assert_eq!(source.host.dev.contents(), before);
    save(&mut source, 2).expect("migrates");
    let mut target = Qemu::new(small(ALL), true);
    load(&mut source, &mut target).expect("is loaded");
    assert_moved(&source, &target);
}

#[test]
fn chunks_lost_swapped_or_doubled_are_never_a_device() {
    let whole = || {
        let mut source = Qemu::new(large(ALL), true);
        save(&mut source, 3).expect("migrates");
        source
    };
    let count = whole().wire.len();
    assert!(count > 3);
    for at in 0..count {
        for damage in 0..3 {
            let mut source = whole();
            match damage {
                0 => drop(source.wire.remove(at)),
                1 if at + 1 < count => source.wire.swap(at, at + 1),
                1 => continue,
                _ => source.wire.insert(at, source.wire[at].clone()),
            }
            let mut target = Qemu::new(large(ALL), true);
            let before = target.host.dev.contents();
            let refused = load(&mut source, &mut target);
            // A doubled first chunk is a save that begins again, as it may.
            if (at, damage) == (0, 2) {
                refused.expect("begins again");
                assert_moved(&source, &target);
                continue;
            }
            assert_eq!(refused, Err(Stop::Refused(Errno::Inval)), "{at}, {damage}");
            assert_eq!(target.host.value(), 4);
            assert!(target.host.dev.contents() == before);
            target.host.reset();
            load(&mut whole(), &mut target).expect("after a reset");
        }
    }
}

#[test]
fn a_reset_of_the_guest_in_pre_copy_ends_the_save_and_no_more() {
    let mut source = Qemu::new(small(ALL), true);
    source.save_setup().expect("1 to 3");
    let pending = source.save_pending().expect("a save");
    source.save_iterate(pending).expect("a save");
    source.host.reset();
    // It still believes in 3, and reads 1 before it writes.
    assert_eq!(source.save_pending(), Ok(0));
    source.host.dev.work(1);
    source.vm(false).expect("1 to 0");
    source.save_complete().expect("0 to 2");
    let mut target = Qemu::new(small(ALL), true);
    load(&mut source, &mut target).expect("begins again");
    assert_moved(&source, &target);
}
