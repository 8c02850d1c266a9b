// SPDX-License-Identifier: GPL-2.0

//! Interrupts (7.5).

use super::guest::{Cmd, Guest};
use nvme::outside::Signal;
use nvme::spec::opcode::{admin, nvm};
use nvme::spec::registers::{INTMC, INTMS};
use nvme::spec::status::Status;

fn started(signal: Signal) -> Guest {
    let mut guest = Guest::off();
    guest.pc.wires.signal = signal;
    guest.start();
    guest.create(1, 8, 1);
    guest.create(2, 8, 2);
    guest.pc.wires.messages.clear();
    guest
}

fn flush(guest: &mut Guest, id: u16, count: usize) {
    for _ in 0..count {
        guest.put(id, Cmd::new(nvm::FLUSH).nsid(1));
    }
    guest.ring(id);
    guest.pc.run();
}

fn messages(guest: &mut Guest) -> Vec<u16> {
    std::mem::take(&mut guest.pc.wires.messages)
}

#[test]
fn msi_x_is_a_message_a_batch() {
    let mut guest = started(Signal::MsiX);
    flush(&mut guest, 1, 3);
    assert_eq!(messages(&mut guest), [1]);
    for _ in 0..3 {
        guest.reap(1).expect("a completion");
    }
    assert_eq!(messages(&mut guest), []);
    // INTMS is not for MSI-X.
    guest.pc.write32(INTMS.at as u64, u32::MAX);
    flush(&mut guest, 2, 1);
    assert_eq!(messages(&mut guest), [2]);
    assert!(!guest.pc.wires.line);
}

#[test]
fn msi_again_while_something_is_left() {
    let mut guest = started(Signal::Msi);
    flush(&mut guest, 1, 3);
    assert_eq!(messages(&mut guest), [1]);
    guest.reap(1).expect("a completion");
    assert_eq!(messages(&mut guest), [1]);
    guest.pc.write32(INTMS.at as u64, 1 << 1);
    guest.reap(1).expect("a completion");
    flush(&mut guest, 1, 1);
    assert_eq!(messages(&mut guest), [], "masked");
    guest.pc.write32(INTMC.at as u64, 1 << 0);
    assert_eq!(messages(&mut guest), [], "another vector");
    guest.pc.write32(INTMC.at as u64, 1 << 1);
    assert_eq!(messages(&mut guest), [1], "unmasked");
    guest.reap(1).expect("a completion");
    guest.reap(1).expect("a completion");
    assert_eq!(messages(&mut guest), [1], "only for the first of them");
    guest.pc.write32(INTMS.at as u64, 1 << 1);
    guest.pc.write32(INTMC.at as u64, 1 << 1);
    assert_eq!(messages(&mut guest), [], "nothing waits");
}

#[test]
fn the_line_is_high_while_something_waits() {
    let mut guest = started(Signal::Line);
    assert!(!guest.pc.wires.line);
    flush(&mut guest, 1, 1);
    flush(&mut guest, 2, 2);
    assert!(guest.pc.wires.line);
    guest.reap(1).expect("a completion");
    guest.reap(2).expect("a completion");
    assert!(guest.pc.wires.line);
    guest.pc.write32(INTMS.at as u64, 1 << 2);
    assert!(!guest.pc.wires.line);
    guest.pc.write32(INTMC.at as u64, 1 << 2);
    assert!(guest.pc.wires.line);
    guest.reap(2).expect("a completion");
    assert!(!guest.pc.wires.line);
    flush(&mut guest, 1, 1);
    assert!(guest.pc.wires.line);
    guest.pc.write32(0x14, 0);
    assert!(!guest.pc.wires.line, "a reset");
    assert_eq!(messages(&mut guest), []);
}

#[test]
fn a_deleted_queue_waits_no_more() {
    let mut guest = started(Signal::Line);
    flush(&mut guest, 1, 1);
    for opcode in [admin::DELETE_SQ, admin::DELETE_CQ] {
        assert!(guest.pc.wires.line);
        let delete = Cmd::new(opcode).dw(10, 1);
        assert_eq!(guest.admin(delete).status, Status::SUCCESS);
    }
    assert!(!guest.pc.wires.line);
}

#[test]
fn queues_without_interrupts() {
    for signal in [Signal::Line, Signal::Msi, Signal::MsiX] {
        let mut guest = started(signal);
        for opcode in [admin::DELETE_SQ, admin::DELETE_CQ] {
            let delete = Cmd::new(opcode).dw(10, 1);
            assert_eq!(guest.admin(delete).status, Status::SUCCESS);
        }
        let queue = guest.pair(8);
        let create = Cmd::new(admin::CREATE_CQ).prp(queue.cq, 0);
        let create = create.dw(10, (7 << 16) | 1).dw(11, 1);
        assert_eq!(guest.admin(create).status, Status::SUCCESS);
        let create = Cmd::new(admin::CREATE_SQ).prp(queue.sq, 0);
        let create = create.dw(10, (7 << 16) | 1).dw(11, (1 << 16) | 1);
        assert_eq!(guest.admin(create).status, Status::SUCCESS);
        guest.queues.insert(1, queue);
        messages(&mut guest);
        flush(&mut guest, 1, 3);
        guest.reap(1).expect("a completion");
        assert_eq!(messages(&mut guest), []);
        assert!(!guest.pc.wires.line);
    }
}
