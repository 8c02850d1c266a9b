// SPDX-License-Identifier: GPL-2.0

//! The region while a device is saved.

use super::client::{Host, ALL, OFFERS, OFFSET, PENDING, SIZE};
use super::model::Model;
use migcore::migration::v1::DATA_OFFSET;
use migcore::migration::{Flags, State};
use migcore::stream::MAX_PAYLOAD;
use migcore::Errno;

/// Loads a stream through v2, which cuts nothing, and compares the devices.
fn assert_brings_over(bytes: &[u8], source: &Host) {
    let mut target = Host::with(
        ALL,
        Model::new(source.dev.blocks.len(), source.dev.blocks[0].len()),
    );
    let id = target.open(State::Resuming);
    assert_eq!(
        target.push(id, bytes),
        Ok(()),
        "{:?}",
        target.machine.refusal()
    );
    target.request(State::Stop).expect("is whole");
    assert_eq!(target.dev.contents(), source.dev.contents());
}

#[test]
fn chunks_are_the_bytes_of_the_data_file() {
    for (_, flags) in OFFERS {
        let mut file = Host::new(flags);
        let id = file.open(State::StopCopy);
        let mut region = Host::new(flags);
        region.set(2).expect("legal");
        assert_eq!(region.chunks(), file.drain(id));
        assert_eq!(region.register(PENDING), Ok(0), "for good");
    }
}

#[test]
fn many_chunks_make_one_stream() {
    let mut host = Host::with(ALL, Model::new(20, MAX_PAYLOAD - 2));
    host.set(3).expect("legal");
    let mut bytes = host.chunks();
    for index in [3, 19, 3] {
        host.dev.work(index);
        let chunk = host.chunk().expect("a save");
        bytes.extend(chunk);
    }
    host.dev.work(4);
    host.set(2).expect("legal");
    let rest = host.chunks();
    assert!(bytes.len() > 20 * MAX_PAYLOAD && rest.len() < 2 * MAX_PAYLOAD);
    bytes.extend(rest);
    assert_brings_over(&bytes, &host);
}

#[test]
fn pending_counts_the_chunk_and_repeating_it_does_nothing() {
    let mut host = Host::new(ALL);
    host.set(2).expect("legal");
    let first = host.register(PENDING).expect("a save");
    for _ in 0..3 {
        assert_eq!(host.register(PENDING), Ok(first));
    }
    let size = host.register(SIZE).expect("a save");
    assert!(size > 0 && first >= size);
    assert_eq!(host.register(PENDING), Ok(0), "that was all");
    assert_eq!(host.register(SIZE), Ok(0));
}

#[test]
fn offset_and_size_give_the_same_chunk_until_pending_is_read() {
    let mut host = Host::with(ALL, Model::new(20, MAX_PAYLOAD - 2));
    host.set(2).expect("legal");
    let mut seen = Vec::new();
    while host.register(PENDING).expect("a save") > 0 {
        let size = host.register(SIZE).expect("a save");
        let mut chunk = vec![0; size as usize];
        host.read(DATA_OFFSET, &mut chunk).expect("is memory");
        for _ in 0..3 {
            assert_eq!(host.register(OFFSET), Ok(DATA_OFFSET));
            assert_eq!(host.register(SIZE), Ok(size));
            let mut again = vec![0; size as usize];
            host.read(DATA_OFFSET, &mut again).expect("is memory");
            assert!(again == chunk);
        }
        seen.extend(chunk);
    }
    assert_brings_over(&seen, &host);
}

#[test]
fn size_is_never_nothing_while_something_is_pending() {
    let mut host = Host::new(ALL);
    host.set(3).expect("legal");
    for turn in 0..12 {
        if turn % 3 == 0 {
            host.dev.work(turn);
        }
        if turn == 9 {
            host.set(2).expect("legal");
        }
        let pending = host.register(PENDING).expect("a save");
        let size = host.register(SIZE).expect("a save");
        assert_eq!(pending > 0, size > 0);
    }
}

#[test]
fn a_client_that_does_not_ask_for_pending_gets_a_chunk_too() {
    let mut host = Host::new(ALL);
    host.set(2).expect("legal");
    assert_eq!(host.register(OFFSET), Ok(DATA_OFFSET));
    let size = host.register(SIZE).expect("a save");
    let mut bytes = vec![0; size as usize];
    host.read(DATA_OFFSET, &mut bytes).expect("is memory");
    assert_brings_over(&bytes, &host);
}

/// Told but not read is read: the driver cannot see a mapping. The target will see what is missing.
#[test]
fn data_that_is_skipped_is_missed_at_the_target() {
    let mut host = Host::new(ALL);
    host.set(3).expect("legal");
    assert!(host.register(PENDING).expect("a save") > 0);
    assert!(host.register(SIZE).expect("a save") > 0);
    host.set(2).expect("legal");
    let bytes = host.chunks();
    let mut target = Host::new(ALL);
    let id = target.open(State::Resuming);
    assert_eq!(target.push(id, &bytes), Err(Errno::Inval));
}

#[test]
fn a_chunk_that_was_offered_survives_the_stop() {
    for told in [false, true] {
        let mut host = Host::new(ALL);
        host.set(3).expect("legal");
        let pending = host.register(PENDING).expect("a save");
        assert_eq!(host.register(OFFSET), Ok(DATA_OFFSET));
        let mut bytes = Vec::new();
        if told {
            bytes = vec![0; host.register(SIZE).expect("a save") as usize];
            let half = bytes.len() / 2;
            host.read(DATA_OFFSET, &mut bytes[..half])
                .expect("is memory");
        }
        host.dev.work(1);
        host.set(2).expect("legal");
        host.set(2).expect("again");
        if told {
            // Read partway before: the rest is still where it was.
            assert_eq!(host.register(SIZE), Ok(bytes.len() as u64));
            let half = bytes.len() / 2;
            host.read(DATA_OFFSET + half as u64, &mut bytes[half..])
                .expect("is memory");
        } else {
            assert!(host.register(PENDING).expect("a save") >= pending);
        }
        bytes.extend(host.chunks());
        assert_brings_over(&bytes, &host);
    }
}

#[test]
fn unread_data_blocks_no_transition() {
    for from in [2, 3] {
        for to in [0, 1, 4] {
            for reads in 0..4 {
                let mut host = Host::new(ALL);
                host.set(from).expect("legal");
                for register in [PENDING, OFFSET, SIZE].into_iter().take(reads) {
                    host.register(register).expect("a save");
                }
                host.set(to).expect("legal");
                assert_eq!(host.register(PENDING), Ok(0), "nothing outside a save");
                assert_eq!(host.register(OFFSET), Ok(DATA_OFFSET));
                assert_eq!(host.register(SIZE), Ok(0));
                host.check();
                host.reset();
                host.set(2).expect("legal");
                let bytes = host.chunks();
                assert_brings_over(&bytes, &host);
            }
        }
    }
}

#[test]
fn outside_a_save_the_registers_are_calm() {
    for state in [0, 1, 4] {
        let mut host = Host::new(ALL);
        host.set(state).expect("can be reached");
        for _ in 0..2 {
            assert_eq!(host.register(PENDING), Ok(0));
            assert_eq!(host.register(OFFSET), Ok(DATA_OFFSET));
            assert_eq!(host.register(SIZE), Ok(0));
        }
    }
    let mut host = Host::new(ALL);
    host.machine.fail(&mut host.dev);
    assert_eq!(host.register(PENDING), Ok(0));
    assert_eq!(host.set_size(0), Err(Errno::Inval));
}

#[test]
fn going_back_to_pre_copy_starts_the_save_again() {
    for reads in 0..4 {
        let mut host = Host::new(ALL);
        host.set(2).expect("legal");
        for register in [PENDING, OFFSET, SIZE].into_iter().take(reads) {
            host.register(register).expect("a save");
        }
        host.set(3).expect("a save that starts again");
        assert_eq!(host.state(), State::PreCopy);
        let mut bytes = host.chunks();
        host.dev.work(1);
        host.set(2).expect("legal");
        bytes.extend(host.chunks());
        assert_brings_over(&bytes, &host);
    }
    let mut host = Host::new(Flags::STOP_COPY);
    host.set(2).expect("legal");
    assert_eq!(
        host.set(3),
        Err(Errno::Inval),
        "no pre-copy, no way back to it"
    );
    let bytes = host.chunks();
    assert_brings_over(&bytes, &host);
}

/// A save that had to be ended for another session which then failed: the state is as before, the
/// data is not there, and who asks for it is told so. Nothing that is left out looks like an end.
#[test]
fn a_save_that_cannot_be_had_back_says_so() {
    for (from, to) in [(2, 3), (2, 4), (3, 4)] {
        for reads in 0..4 {
            for failing in 1..3 {
                let mut host = Host::new(ALL);
                host.set(from).expect("legal");
                for register in [PENDING, OFFSET, SIZE].into_iter().take(reads) {
                    host.register(register).expect("a save");
                }
                host.dev.fails_in = Some(failing);
                let Err(errno) = host.set(to) else {
                    assert_eq!((to, failing), (3, 2), "has fewer calls that can fail");
                    continue;
                };
                assert_eq!(host.value(), from);
                for _ in 0..2 {
                    for register in [PENDING, SIZE, OFFSET] {
                        assert_eq!(host.register(register), Err(errno));
                    }
                }
                if from == 3 {
                    assert_eq!(host.set(2), Err(errno), "there is nothing to go on with");
                    assert_eq!(host.value(), 3);
                }
                host.set(from).expect("is what it has");
                host.check();
                // Every way out works, and then all is new.
                host.set(1).expect("legal");
                host.check();
                host.set(2).expect("legal");
                let bytes = host.chunks();
                assert_brings_over(&bytes, &host);
            }
        }
    }
}

#[test]
fn a_device_that_cannot_produce_fails_the_read() {
    let mut host = Host::new(ALL);
    host.set(2).expect("legal");
    host.dev.no_produce = Some(Errno::Io);
    // The version string alone is a chunk.
    let mut bytes = host.chunk().expect("a save");
    for register in [PENDING, OFFSET, SIZE] {
        assert_eq!(host.register(register), Err(Errno::Io));
    }
    host.dev.no_produce = None;
    bytes.extend(host.chunks());
    assert_brings_over(&bytes, &host);
}

#[test]
fn a_reset_ends_the_save_and_the_next_is_whole() {
    let mut host = Host::new(ALL);
    host.set(3).expect("legal");
    host.chunk().expect("a save");
    host.register(PENDING).expect("a save");
    host.reset();
    assert_eq!(host.value(), 1);
    assert_eq!(host.register(PENDING), Ok(0));
    host.region.release();
    host.set(3).expect("legal");
    host.set(2).expect("legal");
    let bytes = host.chunks();
    assert_brings_over(&bytes, &host);
    // Let go of in the middle, it has nothing to read with, and says so.
    host.set(1).expect("legal");
    host.set(2).expect("legal");
    host.region.release();
    assert!(host.register(PENDING).is_err());
}

#[test]
fn what_the_version_cannot_carry_keeps_the_state() {
    // At the start, or at the stop if it happened later.
    let mut host = Host::new(ALL);
    host.dev.fails_in = Some(1);
    assert_eq!(host.set(3), Err(Errno::Range));
    assert_eq!(host.state(), State::Running);
    host.set(3).expect("legal");
    let mut bytes = host.chunks();
    host.dev.work(2);
    host.dev.fails_in = Some(0);
    assert_eq!(host.set(2), Err(Errno::Range));
    assert_eq!(
        host.state(),
        State::PreCopy,
        "goes on, with the same session"
    );
    host.dev.work(1);
    bytes.extend(host.chunks());
    host.set(2).expect("legal now");
    bytes.extend(host.chunks());
    assert_brings_over(&bytes, &host);
}
