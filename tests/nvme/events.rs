// SPDX-License-Identifier: GPL-2.0

//! Asynchronous events (5.2).

use super::guest::{tail_doorbell, Cmd, Guest, DATA};
use nvme::spec::opcode::admin;
use nvme::spec::status::Status;

/// The bits of dword 0: an invalid register, an invalid value, a temperature.
const REGISTER: u32 = 0x1_0000;
const VALUE: u32 = 0x1_0100;
const TEMPERATURE: u32 = 0x2_0101;

fn request(guest: &mut Guest) -> u16 {
    let id = guest.put(0, Cmd::new(admin::EVENT_REQUEST));
    guest.ring(0);
    guest.pc.run();
    id
}

fn log(lid: u32, retain: bool) -> Cmd {
    let retain = u32::from(retain) << 15;
    Cmd::new(admin::GET_LOG).prp(DATA, 0).dw(10, retain | lid)
}

fn no_such_queue(guest: &mut Guest) {
    guest.pc.write32(tail_doorbell(9), 1);
    guest.pc.run();
}

#[test]
fn a_limit() {
    let mut guest = Guest::new();
    let ids: Vec<u16> = (0..4).map(|_| request(&mut guest)).collect();
    assert_eq!(guest.reap(0), None);
    let one_more = guest.admin(Cmd::new(admin::EVENT_REQUEST));
    assert_eq!(one_more.status, Status::EVENT_LIMIT);
    no_such_queue(&mut guest);
    let event = guest.reap(0).expect("an event");
    assert_eq!((event.id, event.dw0), (ids[0], REGISTER), "the first one");
    // There is room for one again.
    request(&mut guest);
    assert_eq!(guest.reap(0), None);
}

#[test]
fn a_type_is_masked_until_its_log_is_read() {
    let mut guest = Guest::new();
    for _ in 0..4 {
        request(&mut guest);
    }
    no_such_queue(&mut guest);
    assert_eq!(guest.reap(0).expect("an event").dw0, REGISTER);
    no_such_queue(&mut guest);
    assert_eq!(guest.reap(0), None, "masked");
    for command in [log(1, true), log(2, false)] {
        assert_eq!(guest.admin(command).status, Status::SUCCESS);
        assert_eq!(guest.reap(0), None, "still masked");
    }
    assert_eq!(guest.admin(log(1, false)).status, Status::SUCCESS);
    assert_eq!(guest.reap(0).expect("the one that waited").dw0, REGISTER);
}

#[test]
fn an_event_waits_for_a_request() {
    let mut guest = Guest::new();
    no_such_queue(&mut guest);
    guest.pc.write32(tail_doorbell(0), 999);
    guest.pc.run();
    let id = request(&mut guest);
    let event = guest.reap(0).expect("the first of the type");
    assert_eq!((event.id, event.dw0), (id, REGISTER));
    assert_eq!(guest.admin(log(1, false)).status, Status::SUCCESS);
    guest.pc.write32(tail_doorbell(0), 999);
    guest.pc.run();
    request(&mut guest);
    assert_eq!(guest.reap(0).expect("an event").dw0, VALUE);
}

#[test]
fn temperatures() {
    let set = |feature, value| Cmd::new(admin::SET_FEATURES).dw(10, feature).dw(11, value);
    // Too hot, or too cold.
    for threshold in [298, 0x10_0000 | 298] {
        let mut guest = Guest::new();
        let id = request(&mut guest);
        assert_eq!(guest.admin(set(4, threshold)).status, Status::SUCCESS);
        assert_eq!(guest.reap(0), None, "nobody wants to know");
        assert_eq!(guest.admin(log(2, false)).status, Status::SUCCESS);
        assert_eq!(guest.bytes(DATA, 1), [2], "but there is a warning");
        guest.put(0, set(11, 2));
        guest.ring(0);
        guest.pc.run();
        assert_eq!(guest.reap(0).expect("done").status, Status::SUCCESS);
        let event = guest.reap(0).expect("an event");
        assert_eq!((event.id, event.dw0), (id, TEMPERATURE));
    }
    let mut guest = Guest::new();
    request(&mut guest);
    for command in [set(11, 2), set(4, 299), set(4, 0x10_0000 | 297)] {
        assert_eq!(guest.admin(command).status, Status::SUCCESS);
        assert_eq!(guest.reap(0), None);
    }
}

#[test]
fn a_reset_takes_all_of_them() {
    let mut guest = Guest::new();
    request(&mut guest);
    no_such_queue(&mut guest);
    no_such_queue(&mut guest);
    guest.pc.write32(0x14, 0);
    guest.start();
    request(&mut guest);
    assert_eq!(guest.reap(0), None);
}
