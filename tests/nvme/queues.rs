// SPDX-License-Identifier: GPL-2.0

//! Queues (4.1), creating and deleting them (5.3 to 5.6), Abort (5.1).

use super::computer::config;
use super::guest::{cc_value, Cmd, Guest, IO_ENTRIES};
use nvme::spec::opcode::{admin, nvm};
use nvme::spec::registers::{cc, CC};
use nvme::spec::status::Status;
use nvme::{BlockSize, Config};

const PAGE_AT: u64 = 0x7_0000;

fn create_cq(id: u32, last: u32) -> Cmd {
    Cmd::new(admin::CREATE_CQ)
        .prp(PAGE_AT, 0)
        .dw(10, (last << 16) | id)
        .dw(11, (1 << 16) | 3)
}

fn create_sq(id: u32, last: u32, cq: u32) -> Cmd {
    Cmd::new(admin::CREATE_SQ)
        .prp(PAGE_AT, 0)
        .dw(10, (last << 16) | id)
        .dw(11, (cq << 16) | 1)
}

fn delete(opcode: u8, id: u32) -> Cmd {
    Cmd::new(opcode).dw(10, id)
}

#[test]
fn each_field_of_create() {
    let good = create_cq(2, 7);
    for (what, command, wanted) in [
        ("good", good, Status::SUCCESS),
        ("largest", create_cq(16, 1023), Status::SUCCESS),
        ("id of admin", create_cq(0, 7), Status::QUEUE_ID),
        ("id too high", create_cq(17, 7), Status::QUEUE_ID),
        ("id far too high", create_cq(0xffff, 7), Status::QUEUE_ID),
        ("id in use", create_cq(1, 7), Status::QUEUE_ID),
        ("one entry", create_cq(2, 0), Status::QUEUE_SIZE),
        ("too large", create_cq(2, 1024), Status::QUEUE_SIZE),
        ("not contiguous", good.dw(11, 2), Status::INVALID_FIELD),
        ("offset", good.prp(PAGE_AT + 8, 0), Status::PRP_OFFSET),
        ("vector", good.dw(11, (17 << 16) | 3), Status::VECTOR),
        ("fused", good.flags(1), Status::INVALID_FIELD),
        ("SGL", good.flags(0x40), Status::INVALID_FIELD),
    ] {
        assert_eq!(
            Guest::with_io().admin(command).status,
            wanted,
            "completion: {what}"
        );
    }
    let good = create_sq(2, 7, 1);
    for (what, command, wanted) in [
        ("good", good, Status::SUCCESS),
        ("largest", create_sq(16, 1023, 1), Status::SUCCESS),
        ("id of admin", create_sq(0, 7, 1), Status::QUEUE_ID),
        ("id too high", create_sq(17, 7, 1), Status::QUEUE_ID),
        ("id in use", create_sq(1, 7, 1), Status::QUEUE_ID),
        ("one entry", create_sq(2, 0, 1), Status::QUEUE_SIZE),
        ("too large", create_sq(2, 1024, 1), Status::QUEUE_SIZE),
        (
            "not contiguous",
            good.dw(11, 1 << 16),
            Status::INVALID_FIELD,
        ),
        ("offset", good.prp(PAGE_AT + 4, 0), Status::PRP_OFFSET),
        ("completes with admin", create_sq(2, 7, 0), Status::QUEUE_ID),
        (
            "no such completion queue",
            create_sq(2, 7, 2),
            Status::COMPLETION_QUEUE,
        ),
        ("never such", create_sq(2, 7, 17), Status::QUEUE_ID),
    ] {
        assert_eq!(
            Guest::with_io().admin(command).status,
            wanted,
            "submission: {what}"
        );
    }
}

#[test]
fn entry_sizes_must_be_set_before() {
    let mut guest = Guest::new();
    guest.pc.write32(CC.at as u64, cc::EN.mask() as u32);
    assert_eq!(guest.admin(create_cq(1, 7)).status, Status::QUEUE_SIZE);
    guest
        .pc
        .write32(CC.at as u64, cc_value() & !cc::IOSQES.mask() as u32);
    assert_eq!(guest.admin(create_cq(1, 7)).status, Status::SUCCESS);
    assert_eq!(guest.admin(create_sq(1, 7, 1)).status, Status::QUEUE_SIZE);
    guest.pc.write32(CC.at as u64, cc_value());
    assert_eq!(guest.admin(create_sq(1, 7, 1)).status, Status::SUCCESS);
}

#[test]
fn each_field_of_delete() {
    let mut guest = Guest::with_io();
    for id in [0, 2, 17, 0xffff] {
        assert_eq!(
            guest.admin(delete(admin::DELETE_SQ, id)).status,
            Status::QUEUE_ID
        );
        assert_eq!(
            guest.admin(delete(admin::DELETE_CQ, id)).status,
            Status::QUEUE_ID
        );
    }
    let cq = delete(admin::DELETE_CQ, 1);
    let sq = delete(admin::DELETE_SQ, 1);
    assert_eq!(guest.admin(cq).status, Status::QUEUE_DELETION);
    assert_eq!(guest.admin(sq).status, Status::SUCCESS);
    assert_eq!(guest.admin(sq).status, Status::QUEUE_ID);
    assert_eq!(guest.admin(cq).status, Status::SUCCESS);
    assert_eq!(guest.admin(cq).status, Status::QUEUE_ID);
    // And again from the beginning.
    guest.create(1, IO_ENTRIES, 3);
    assert_eq!(guest.io(Cmd::new(nvm::FLUSH).nsid(1)), Status::SUCCESS);
}

#[test]
fn as_many_queues_as_there_are() {
    let mut guest = Guest::new();
    for id in 1..=16 {
        guest.create(id, IO_ENTRIES, id);
    }
    for id in 1..=16 {
        let done = guest.call(id, Cmd::new(nvm::FLUSH).nsid(1));
        assert_eq!(done.status, Status::SUCCESS);
    }
    assert_eq!(
        guest.pc.wires.messages.split_off(32),
        (1..=16).collect::<Vec<_>>()
    );
    let few = Config {
        queues: 2,
        ..config(1024, BlockSize::B512)
    };
    let mut guest = Guest::started(few);
    assert_eq!(guest.admin(create_cq(3, 7)).status, Status::QUEUE_ID);
    assert_eq!(guest.admin(create_cq(2, 7)).status, Status::SUCCESS);
}

#[test]
fn rings_wrap_and_phases_change() {
    let mut guest = Guest::with_io();
    for _ in 0..5 * IO_ENTRIES {
        assert_eq!(guest.io(Cmd::new(nvm::FLUSH).nsid(1)), Status::SUCCESS);
    }
}

#[test]
fn a_full_completion_queue_holds_commands_back() {
    let mut guest = Guest::with_io();
    let room = usize::from(IO_ENTRIES) - 1;
    let mut ids = Vec::new();
    for _ in 0..2 {
        ids.extend((0..room).map(|_| guest.put(1, Cmd::new(nvm::FLUSH).nsid(1))));
        guest.ring(1);
        guest.pc.run();
    }
    assert_eq!(guest.pc.disk.flushes, room, "there was room for no more");
    let mut done = Vec::new();
    while let Some(next) = guest.reap(1) {
        done.push(next.id);
        guest.pc.run();
    }
    assert_eq!(done, ids, "in order, none twice, none lost");
}

#[test]
fn queues_share_a_completion_queue() {
    let mut guest = Guest::with_io();
    let queue = guest.pair(4);
    let create = create_sq(2, 3, 1).prp(queue.sq, 0);
    assert_eq!(guest.admin(create).status, Status::SUCCESS);
    guest.queues.insert(2, queue);
    let one = guest.put(1, Cmd::new(nvm::FLUSH).nsid(1));
    let two = guest.put(2, Cmd::new(nvm::FLUSH).nsid(1));
    guest.ring(1);
    guest.ring(2);
    guest.pc.run();
    let done: Vec<_> = std::iter::from_fn(|| guest.reap(1))
        .map(|done| (done.queue, done.id, done.head))
        .collect();
    assert!(done.contains(&(1, one, 1)) && done.contains(&(2, two, 1)));
    assert_eq!(done.len(), 2);
    assert_eq!(
        guest.admin(delete(admin::DELETE_SQ, 1)).status,
        Status::SUCCESS
    );
    assert_eq!(
        guest.admin(delete(admin::DELETE_CQ, 1)).status,
        Status::QUEUE_DELETION
    );
    assert_eq!(
        guest.admin(delete(admin::DELETE_SQ, 2)).status,
        Status::SUCCESS
    );
    assert_eq!(
        guest.admin(delete(admin::DELETE_CQ, 1)).status,
        Status::SUCCESS
    );
}

#[test]
fn each_queue_has_its_turn() {
    let mut guest = Guest::with_io();
    guest.create(2, IO_ENTRIES, 2);
    // Two commands of a queue in a row.
    let arbitration = Cmd::new(admin::SET_FEATURES).dw(10, 1).dw(11, 1);
    assert_eq!(guest.admin(arbitration).status, Status::SUCCESS);
    for id in [1, 2] {
        for _ in 0..6 {
            guest.put(id, Cmd::new(nvm::FLUSH).nsid(1));
        }
        guest.ring(id);
    }
    guest.pc.budget = 4;
    assert!(guest.pc.process());
    for id in [1, 2] {
        assert_eq!(
            std::iter::from_fn(|| guest.peek(id)).count(),
            2,
            "queue {id}"
        );
    }
}

#[test]
fn commands_that_are_none() {
    let mut guest = Guest::with_io();
    for opcode in 0..=u8::MAX {
        if !admin::ALL.contains(&opcode) {
            assert_eq!(guest.admin(Cmd::new(opcode)).status, Status::INVALID_OPCODE);
        }
        if ![0, 1, 2, 5, 8, 9].contains(&opcode) {
            assert_eq!(guest.io(Cmd::new(opcode).nsid(1)), Status::INVALID_OPCODE);
        }
    }
}

#[test]
fn abort() {
    let mut guest = Guest::with_io();
    let request = guest.put(0, Cmd::new(admin::EVENT_REQUEST));
    guest.ring(0);
    guest.pc.run();
    let abort = |queue: u16, id: u16| {
        Cmd::new(admin::ABORT).dw(10, (u32::from(id) << 16) | u32::from(queue))
    };
    for (queue, id) in [(0, request + 9), (1, request), (5, request), (0xffff, 0)] {
        let done = guest.admin(abort(queue, id));
        assert_eq!((done.status, done.dw0), (Status::SUCCESS, 1));
    }
    // An id that is in use.
    guest.put_as(0, Cmd::new(admin::GET_FEATURES).dw(10, 1).id(request));
    guest.ring(0);
    guest.pc.run();
    assert_eq!(guest.reap(0).expect("done").status, Status::ID_CONFLICT);

    let id = guest.put(0, abort(0, request));
    guest.ring(0);
    guest.pc.run();
    let (first, second) = (
        guest.reap(0).expect("it"),
        guest.reap(0).expect("the other"),
    );
    assert_eq!((first.id, first.status), (request, Status::ABORT_REQUESTED));
    assert_eq!(
        (second.id, second.status, second.dw0),
        (id, Status::SUCCESS, 0)
    );
}
