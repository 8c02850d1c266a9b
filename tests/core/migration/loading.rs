// SPDX-License-Identifier: GPL-2.0

//! The region while a device is loaded.

use super::client::{stream, Host, ALL, OFFSET, SIZE};
use super::model::Model;
use migcore::migration::v1::{DATA_OFFSET, REGION, SECTION};
use migcore::migration::State;
use migcore::stream::MAX_PAYLOAD;
use migcore::Errno;

fn resuming() -> Host {
    let mut host = Host::new(ALL);
    host.set(4).expect("legal");
    host
}

#[test]
fn there_is_always_room() {
    let (whole, _) = stream();
    let mut host = resuming();
    for byte in whole.chunks(1) {
        let offset = host.register(OFFSET).expect("can always be read");
        assert!(offset > 0 && offset < REGION && offset % 4096 == 0);
        host.give(byte).expect("is a stream");
    }
    assert!(host.register(OFFSET).expect("can always be read") < REGION);
    host.set(1).expect("is whole");
}

#[test]
fn a_stream_in_any_two_pieces_is_taken() {
    let (whole, contents) = stream();
    for cut in 0..=whole.len() {
        let mut host = resuming();
        let (head, tail) = whole.split_at(cut);
        host.give(head).expect("is a stream");
        host.give(tail).expect("is a stream");
        host.set(0).expect("is whole");
        assert_eq!(
            (host.state(), host.dev.contents()),
            (State::Stop, contents.clone())
        );
    }
}

#[test]
fn a_stream_in_pieces_of_any_size_is_taken() {
    let mut source = Host::with(ALL, Model::new(20, MAX_PAYLOAD - 2));
    source.set(2).expect("legal");
    let whole = source.chunks();
    for size in [7919, MAX_PAYLOAD, SECTION - 1, SECTION] {
        let mut host = Host::with(ALL, Model::new(20, MAX_PAYLOAD - 2));
        host.set(4).expect("legal");
        for piece in whole.chunks(size) {
            host.give(piece).expect("is a stream");
        }
        host.set(1).expect("is whole");
        assert!(host.dev.contents() == source.dev.contents());
    }
}

#[test]
fn a_size_of_nothing_does_nothing() {
    let (whole, _) = stream();
    let mut host = resuming();
    host.set_size(0).expect("before anything");
    host.give(&whole[..10]).expect("is a stream");
    host.set_size(0).expect("in the middle");
    host.give(&whole[10..]).expect("is a stream");
    host.set_size(0).expect("after the end");
    host.set(1).expect("is whole");
}

#[test]
fn a_size_beyond_the_section_is_refused_and_nothing_is_lost() {
    let (whole, contents) = stream();
    let mut host = resuming();
    for size in [SECTION as u64 + 1, 1 << 32, u64::MAX] {
        assert_eq!(host.set_size(size), Err(Errno::Inval));
    }
    host.give(&whole).expect("is a stream");
    host.set(1).expect("is whole");
    assert_eq!(host.dev.contents(), contents);
}

/// Size before data is what stands there, and twice is the data twice: no stream.
#[test]
fn size_before_data_or_twice_is_no_stream() {
    let (whole, _) = stream();
    let mut host = resuming();
    assert_eq!(host.set_size(64), Err(Errno::Inval));
    assert_refused(&mut host, &whole);

    let (head, _) = whole.split_at(whole.len() / 2);
    let mut host = resuming();
    host.give(head).expect("is a stream");
    assert_eq!(host.set_size(head.len() as u64), Err(Errno::Inval));
    assert_refused(&mut host, &whole);
}

/// A source that ran in between is saved twice, and its client sends both.
#[test]
fn a_load_begins_again_where_a_stream_begins() {
    let (whole, contents) = stream();
    let mut source = Host::new(ALL);
    source.dev.work(1);
    source.set(3).expect("legal");
    let mut early = source.chunks();
    source.dev.work(2);
    early.extend(source.chunks());
    // Wherever the first stream stops between two records, and however the second is cut.
    let mut ends = vec![early.len(), whole.len()];
    while let Some(end) = ends.pop() {
        for size in [1, 5, 24, usize::MAX] {
            let first = if end == whole.len() { &whole } else { &early };
            let mut host = resuming();
            for stream in [first, &whole] {
                for piece in stream.chunks(size.min(stream.len())) {
                    host.give(piece).expect("is a stream");
                }
            }
            host.set(1).expect("is whole");
            assert_eq!(host.dev.contents(), contents);
        }
    }
    // Within a record it is no beginning, nor through the data file.
    let mut host = resuming();
    host.give(&early[..early.len() - 1]).expect("is a stream");
    assert_eq!(host.give(&whole), Err(Errno::Inval));
    assert_refused(&mut host, &whole);
    let mut host = Host::new(ALL);
    let id = host.open(State::Resuming);
    host.push(id, &whole).expect("is a stream");
    assert_eq!(host.push(id, &whole), Err(Errno::Inval));
}

#[test]
fn a_load_that_begins_again_is_void_until_it_is_whole() {
    let (whole, _) = stream();
    for cut in 1..whole.len() {
        let mut host = resuming();
        let before = host.dev.contents();
        host.give(&whole).expect("is a stream");
        host.give(&whole[..cut]).expect("nothing is wrong so far");
        assert_eq!(host.set(1), Err(Errno::Inval), "{cut}");
        assert_eq!((host.value(), host.dev.contents()), (4, before));
        host.check();
        host.reset();
        host.check();
    }
}

#[test]
fn a_device_that_cannot_begin_again_ends_the_load() {
    let (whole, _) = stream();
    let mut host = resuming();
    host.give(&whole).expect("is a stream");
    host.dev.fails_in = Some(0);
    assert_eq!(host.give(&whole), Err(Errno::NoMem));
    assert_eq!(host.set(1), Err(Errno::NoMem));
    assert_eq!((host.value(), host.dev.is_loading()), (4, false));
    host.reset();
    host.check();
    host.set(4).expect("legal");
    host.give(&whole).expect("is a stream");
    host.set(1).expect("is whole");
}

/// A refused load: each write fails, the state stays, a reset revives.
fn assert_refused(host: &mut Host, whole: &[u8]) {
    for _ in 0..2 {
        assert_eq!(host.give(whole), Err(Errno::Inval));
        assert_eq!(host.set_size(0), Err(Errno::Inval));
        for to in [0, 1] {
            assert_eq!(host.set(to), Err(Errno::Inval));
            assert_eq!(host.value(), 4);
        }
    }
    host.set(4).expect("is what it has");
    assert_eq!(host.give(whole), Err(Errno::Inval), "the same load");
    host.check();
    host.reset();
    assert_eq!(host.value(), 1);
    host.set(4).expect("legal");
    host.give(whole).expect("is a stream");
    host.set(1).expect("is whole");
}

#[test]
fn garbage_is_refused_at_once() {
    let (whole, _) = stream();
    for garbage in [vec![0; 24], vec![0xff; 4096], whole[1..].to_vec()] {
        let mut host = resuming();
        assert_eq!(host.give(&garbage), Err(Errno::Inval));
        assert_refused(&mut host, &whole);
    }
    let mut host = resuming();
    host.give(&whole).expect("is a stream");
    host.give(b"x")
        .expect("could be a stream that begins again");
    assert_eq!(host.set(1), Err(Errno::Inval), "but is not whole");
    assert_eq!(host.give(&[0; 23]), Err(Errno::Inval), "and is none");
    assert_refused(&mut host, &whole);
    let mut host = resuming();
    host.give(&whole).expect("is a stream");
    assert_eq!(host.give(&whole[60..]), Err(Errno::Inval), "more than all");
    assert_refused(&mut host, &whole);
}

#[test]
fn every_flipped_bit_is_refused_or_missed() {
    let (whole, contents) = stream();
    for at in 0..whole.len() {
        for bit in 0..8 {
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << bit;
            let mut host = resuming();
            let before = host.dev.contents();
            let given = host.give(&bytes);
            let started = host.set(1);
            assert!(given.is_err() && started.is_err(), "bit {bit} of byte {at}");
            assert_eq!((host.value(), host.dev.contents()), (4, before));
        }
    }
    let mut host = resuming();
    host.give(&whole).expect("is a stream");
    host.set(1).expect("is whole");
    assert_eq!(host.dev.contents(), contents);
}

#[test]
fn a_stream_cut_short_shows_at_the_start_and_never_yields_a_blank_device() {
    let (whole, contents) = stream();
    for cut in 0..whole.len() {
        let mut host = resuming();
        let before = host.dev.contents();
        host.give(&whole[..cut]).expect("nothing is wrong so far");
        for to in [1, 0] {
            assert_eq!(host.set(to), Err(Errno::Inval));
            assert_eq!((host.value(), host.dev.contents()), (4, before.clone()));
        }
        host.give(&whole[cut..]).expect("the rest may still come");
        host.set(1).expect("is whole");
        assert_eq!(host.dev.contents(), contents);
    }
}

#[test]
fn data_size_is_written_only_while_loading() {
    for state in [0, 1, 2, 3] {
        let mut host = Host::new(ALL);
        host.set(state).expect("can be reached");
        for size in [0, 1, u64::MAX] {
            assert_eq!(host.set_size(size), Err(Errno::Inval), "{state}");
        }
    }
    let mut host = resuming();
    assert_eq!(host.register(SIZE), Ok(0), "and reads as nothing then");
    host.reset();
    host.open(State::Resuming);
    assert_eq!(host.set_size(0), Err(Errno::Busy), "another's load");
}

#[test]
fn a_mapping_is_the_same_section() {
    let (whole, contents) = stream();
    let mut host = resuming();
    host.memory.0.borrow_mut()[..whole.len()].copy_from_slice(&whole);
    host.set_size(whole.len() as u64).expect("is a stream");
    // What the client does to it afterwards changes nothing any more.
    host.memory.0.borrow_mut().fill(0xff);
    host.set(1).expect("is whole");
    assert_eq!(host.dev.contents(), contents);
    assert_eq!(host.register(OFFSET), Ok(DATA_OFFSET));
}

#[test]
fn a_second_try_goes_on_with_the_same_load() {
    let (whole, contents) = stream();
    let mut host = resuming();
    let (head, tail) = whole.split_at(100);
    host.give(head).expect("is a stream");
    host.set(4).expect("is what it has");
    host.give(tail).expect("is a stream");
    host.set(1).expect("is whole");
    assert_eq!(host.dev.contents(), contents);
}
