// SPDX-License-Identifier: GPL-2.0

//! A save as the data file reads it.

use super::client::{assert_loads, Host, ALL};
use super::model::{Model, LINE};
use migcore::migration::{Filled, Pending, State};
use migcore::stream::{Kind, HEADER, MAX_RECORD};
use migcore::Errno;

#[test]
fn the_first_record_is_the_version_string() {
    for to in [State::PreCopy, State::PreCopyP2p, State::StopCopy] {
        let mut host = Host::new(ALL);
        let id = host.open(to);
        let (_, bytes) = host.fill(id).expect("a save");
        assert_eq!(&bytes[HEADER..HEADER + LINE.len()], LINE.as_bytes());
        assert_eq!(bytes[..4], Kind::VERSION.number().to_le_bytes());
    }
}

#[test]
fn pre_copy_says_nothing_and_the_end_is_the_end() {
    let mut host = Host::new(ALL);
    let id = host.open(State::PreCopy);
    host.drain(id);
    for _ in 0..2 {
        assert_eq!(host.fill(id).map(|f| f.0), Ok(Filled::Nothing));
    }
    host.dev.work(1);
    assert!(!host.drain(id).is_empty());
    host.request(State::StopCopy).expect("legal");
    assert!(!host.drain(id).is_empty(), "the rest and END");
    for _ in 0..2 {
        assert_eq!(host.fill(id).map(|f| f.0), Ok(Filled::End));
    }
}

#[test]
fn a_buffer_that_is_no_record_s_is_refused() {
    let mut host = Host::new(ALL);
    let id = host.open(State::StopCopy);
    for len in [0, 1, HEADER, MAX_RECORD - 1] {
        let short = host.fill_into(id, &mut vec![0; len]);
        assert_eq!(short, Err(Errno::Inval), "{len} bytes");
    }
    assert_loads(&host.drain(id));
}

#[test]
fn what_a_device_cannot_produce_is_asked_for_again() {
    let mut host = Host::new(ALL);
    let id = host.open(State::PreCopy);
    let mut bytes = Vec::new();
    for turn in 0..4 {
        host.dev.work(turn);
        host.dev.no_produce = Some(Errno::NoMem);
        match host.fill(id) {
            // The version string was there before anything was asked for.
            Ok((Filled::Bytes(_), first)) if turn == 0 => bytes.extend(first),
            other => assert_eq!(other, Err(Errno::NoMem)),
        }
        assert_eq!(host.fill(id), Err(Errno::NoMem), "not for good, but still");
        host.dev.no_produce = None;
        if turn == 3 {
            host.request(State::StopCopy).expect("legal");
        }
        bytes.extend(host.drain(id));
    }
    assert_loads(&bytes);
}

#[test]
fn pre_copy_estimates_fall_to_nothing_as_they_are_read() {
    let mut host = Host::new(ALL);
    let id = host.open(State::PreCopy);
    let pending = |host: &mut Host| host.machine.precopy(id, &mut host.dev);
    let first = pending(&mut host).expect("a save");
    assert!(first.initial > 0 && first.dirty == 0);
    let mut left = first.total();
    while let Ok((Filled::Bytes(_), _)) = host.fill(id) {
        let now = pending(&mut host).expect("a save").total();
        assert!(now < left);
        left = now;
    }
    assert_eq!(pending(&mut host), Ok(Pending::default()));
    host.dev.work(0);
    assert!(pending(&mut host).expect("a save").dirty > 0);
    host.request(State::PreCopyP2p).expect("legal");
    assert!(pending(&mut host).is_ok());
    host.request(State::StopCopy).expect("legal");
    assert_eq!(pending(&mut host), Err(Errno::Inval));
    // Of a device that has nothing to say before it is stopped, the version string is.
    let mut empty = Host::with(ALL, Model::new(0, 0));
    let id = empty.open(State::PreCopy);
    assert!(
        empty
            .machine
            .precopy(id, &mut empty.dev)
            .expect("a save")
            .initial
            > 0
    );
}

#[test]
fn the_size_is_never_nothing() {
    for (count, size) in [(0, 0), (3, 5)] {
        let mut host = Host::with(ALL, Model::new(count, size));
        assert!(host.machine.size(&mut host.dev) > 0);
        let id = host.open(State::StopCopy);
        host.drain(id);
        assert!(host.machine.size(&mut host.dev) > 0);
    }
}
