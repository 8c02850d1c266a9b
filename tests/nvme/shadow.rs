// SPDX-License-Identifier: GPL-2.0

//! Doorbells in guest memory: Doorbell Buffer Config (5.7), and its use (7.13).

use super::guest::{Cmd, Guest};
use nvme::spec::opcode::{admin, nvm};
use nvme::spec::status::Status;

const DOORBELLS: u64 = 0x6_0000;
const EVENTS: u64 = 0x6_1000;

fn tail(id: u16) -> u64 {
    u64::from(id) * 8
}

fn head(id: u16) -> u64 {
    tail(id) + 4
}

fn at(guest: &Guest, page: u64, offset: u64) -> u32 {
    let bytes = guest.bytes(page + offset, 4);
    u32::from_le_bytes(bytes.try_into().expect("four bytes"))
}

fn started() -> Guest {
    let mut guest = Guest::with_io();
    assert_eq!(guest.io(Cmd::new(nvm::FLUSH).nsid(1)), Status::SUCCESS);
    let config = Cmd::new(admin::DOORBELL_BUFFER).prp(DOORBELLS, EVENTS);
    assert_eq!(guest.admin(config).status, Status::SUCCESS);
    guest
}

/// What a guest does with a doorbell: whether it rang.
fn ring(guest: &mut Guest, offset: u64, value: u16) -> bool {
    let old = at(guest, DOORBELLS, offset) as u16;
    guest.fill(DOORBELLS + offset, &u32::from(value).to_le_bytes());
    let event = at(guest, EVENTS, offset) as u16;
    let needed = value.wrapping_sub(event).wrapping_sub(1) < value.wrapping_sub(old);
    if needed {
        guest.pc.write32(0x1000 + offset, value.into());
    }
    needed
}

#[test]
fn pages_are_whole() {
    let mut guest = Guest::new();
    let config = Cmd::new(admin::DOORBELL_BUFFER);
    for (first, second) in [(DOORBELLS + 4, EVENTS), (DOORBELLS, EVENTS + 2048)] {
        let status = guest.admin(config.prp(first, second)).status;
        assert_eq!(status, Status::INVALID_FIELD);
    }
}

#[test]
fn it_begins_with_what_was_rung() {
    let guest = started();
    assert_eq!(at(&guest, DOORBELLS, tail(1)), 1);
    assert_eq!(at(&guest, DOORBELLS, head(1)), 1);
}

#[test]
fn ringing_only_when_nobody_looks() {
    let mut guest = started();
    for round in 0..20 {
        guest.put(1, Cmd::new(nvm::FLUSH).nsid(1));
        let place = guest.queues[&1].tail;
        assert!(ring(&mut guest, tail(1), place), "{round}: it sleeps");
        // More of them while it has not looked yet: nobody rings.
        guest.put(1, Cmd::new(nvm::FLUSH).nsid(1));
        let place = guest.queues[&1].tail;
        assert!(
            !ring(&mut guest, tail(1), place),
            "{round}: it was rung already"
        );
        guest.pc.run();
        for _ in 0..2 {
            assert_eq!(guest.peek(1).expect("done").status, Status::SUCCESS);
        }
        let place = guest.queues[&1].head;
        // It may ring once a round of the queue: nobody keeps this index while there is room.
        ring(&mut guest, head(1), place);
    }
}

#[test]
fn a_full_queue_asks_for_its_head() {
    let mut guest = started();
    for _ in 0..2 {
        for _ in 0..7 {
            guest.put(1, Cmd::new(nvm::FLUSH).nsid(1));
        }
        let place = guest.queues[&1].tail;
        ring(&mut guest, tail(1), place);
        guest.pc.run();
    }
    let mut done = 0;
    while guest.peek(1).is_some() {
        done += 1;
        let place = guest.queues[&1].head;
        if ring(&mut guest, head(1), place) {
            guest.pc.run();
        }
    }
    assert_eq!(done, 14);
}

#[test]
fn bad_values_are_events_once() {
    let mut guest = started();
    for _ in 0..2 {
        guest.put(0, Cmd::new(admin::EVENT_REQUEST));
    }
    guest.ring(0);
    guest.pc.run();
    guest.fill(DOORBELLS + tail(1), &100_u32.to_le_bytes());
    for _ in 0..3 {
        guest.pc.write32(0x1000 + tail(1), 100);
        guest.pc.run();
    }
    assert_eq!(guest.reap(0).expect("an event").dw0, 0x1_0100);
    let log = Cmd::new(admin::GET_LOG).prp(0x7_0000, 0).dw(10, 1);
    assert_eq!(guest.admin(log).status, Status::SUCCESS);
    assert_eq!(guest.reap(0), None, "only once");
    assert!(!guest.is_fatal());
    // A good one is taken.
    guest.put(1, Cmd::new(nvm::FLUSH).nsid(1));
    let place = guest.queues[&1].tail;
    guest.fill(DOORBELLS + tail(1), &u32::from(place).to_le_bytes());
    guest.pc.write32(0x1000 + tail(1), place.into());
    guest.pc.run();
    assert_eq!(guest.peek(1).expect("done").status, Status::SUCCESS);
}

#[test]
fn pages_that_go_away_hurt_nobody() {
    let mut guest = started();
    guest.pc.ram.holes.insert(DOORBELLS / 4096);
    guest.pc.ram.holes.insert(EVENTS / 4096);
    guest.put(1, Cmd::new(nvm::FLUSH).nsid(1));
    guest.ring(1);
    guest.pc.run();
    assert!(!guest.is_fatal());
    assert_eq!(guest.peek(1), None);
    // The admin queue has no shadow.
    assert_eq!(
        guest.admin(Cmd::new(admin::GET_FEATURES).dw(10, 1)).status,
        Status::SUCCESS
    );
    guest.pc.ram.holes.clear();
    let place = guest.queues[&1].tail;
    guest.fill(DOORBELLS + tail(1), &u32::from(place).to_le_bytes());
    guest.pc.write32(0x1000 + tail(1), place.into());
    guest.pc.run();
    assert_eq!(guest.peek(1).expect("done").status, Status::SUCCESS);
}
