// SPDX-License-Identifier: GPL-2.0

//! Without Bus Master Enable (PCI Local Bus 3.0, 6.2.2): registers work, memory is left alone, and
//! what waits is done once there is permission.

use super::guest::{Cmd, Guest, DATA};
use super::logs::{number, read};
use nvme::outside::Signal;
use nvme::spec::opcode::nvm;
use nvme::spec::registers::{cc, csts, CC, DOORBELLS, INTMC, INTMS};
use nvme::spec::status::Status;

const SIGNALS: [Signal; 3] = [Signal::Line, Signal::Msi, Signal::MsiX];

fn started(signal: Signal) -> Guest {
    let mut guest = Guest::off();
    guest.pc.wires.signal = signal;
    guest.start();
    guest.create(1, 8, 1);
    guest.pc.wires.messages.clear();
    guest
}

fn messages(guest: &mut Guest) -> Vec<u16> {
    std::mem::take(&mut guest.pc.wires.messages)
}

/// The controller does what there is to do, without memory and without a command.
fn stays_still(guest: &mut Guest) {
    let before = (guest.pc.ram.accesses, guest.pc.disk.deallocated);
    guest.pc.run();
    assert_eq!((guest.pc.ram.accesses, guest.pc.disk.deallocated), before);
}

#[test]
fn a_controller_that_waits_is_on() {
    let mut guest = started(Signal::MsiX);
    let health = 2;
    let hours = |guest: &mut Guest| number(&read(guest, health, 512), 128, 16);
    let before = hours(&mut guest);
    guest.pc.time.0 += 3 * 3600 * 1_000_000_000;
    guest.pc.master = false;
    guest.put(1, Cmd::new(nvm::FLUSH).nsid(1));
    guest.ring(1);
    guest.pc.run();
    guest.pc.set_master();
    assert_eq!(hours(&mut guest), before + 3);
}

#[test]
fn commands_wait_and_are_done_once() {
    for signal in SIGNALS {
        let mut guest = started(signal);
        guest.pc.master = false;
        let flushes = guest.pc.disk.flushes;
        let ids = [(); 3].map(|()| guest.put(1, Cmd::new(nvm::FLUSH).nsid(1)));
        guest.ring(1);
        stays_still(&mut guest);
        assert_eq!(guest.peek(1), None, "{signal:?}");
        assert_eq!(messages(&mut guest), []);
        assert!(!guest.pc.wires.line);

        guest.pc.set_master();
        assert_eq!(guest.pc.disk.flushes, flushes + 3);
        assert_eq!(guest.pc.wires.line, signal == Signal::Line);
        let told = messages(&mut guest);
        assert_eq!(told.is_empty(), signal == Signal::Line, "{signal:?}");
        for id in ids {
            let done = guest.reap(1).expect("a completion");
            assert_eq!((done.id, done.status), (id, Status::SUCCESS));
        }
        assert_eq!(guest.peek(1), None, "{signal:?}");
        guest.pc.set_master();
        assert_eq!(guest.pc.disk.flushes, flushes + 3, "done twice");
    }
}

#[test]
fn completions_that_were_posted_are_told_of_by_the_line() {
    let mut guest = started(Signal::Line);
    guest.put(1, Cmd::new(nvm::FLUSH).nsid(1));
    guest.ring(1);
    guest.pc.run();
    guest.pc.master = false;
    assert!(guest.pc.wires.line);
    guest.pc.write32(INTMS.at as u64, u32::MAX);
    assert!(!guest.pc.wires.line);
    guest.pc.write32(INTMC.at as u64, u32::MAX);
    assert!(guest.pc.wires.line);
    guest.reap(1).expect("a completion");
    stays_still(&mut guest);
    assert!(!guest.pc.wires.line);
}

#[test]
fn interrupts_that_are_set_up_later_drive_the_line() {
    let mut guest = started(Signal::MsiX);
    guest.put(1, Cmd::new(nvm::FLUSH).nsid(1));
    guest.ring(1);
    guest.pc.run();
    guest.pc.master = false;
    guest.pc.wires.signal = Signal::Line;
    guest.pc.awake = true;
    stays_still(&mut guest);
    assert!(guest.pc.wires.line);
}

#[test]
fn it_gets_ready_and_shuts_down() {
    let mut guest = Guest::off();
    guest.pc.master = false;
    guest.start();
    let id = guest.put(0, Cmd::new(nvm::FLUSH));
    guest.ring(0);
    stays_still(&mut guest);
    guest.pc.set_master();
    let done = guest.reap(0).expect("a completion");
    assert_eq!(done.id, id);

    guest.pc.master = false;
    let value = u64::from(super::guest::cc_value()) | cc::SHN.with(1);
    guest.pc.write32(CC.at as u64, value as u32);
    stays_still(&mut guest);
    assert_eq!(guest.pc.disk.flushes, 1);
    assert_eq!(csts::SHST.of(guest.status().into()), csts::COMPLETE);
    guest.pc.write32(CC.at as u64, 0);
    assert_eq!(guest.status(), 0);
}

#[test]
fn a_long_command_pauses() {
    let mut guest = started(Signal::MsiX);
    guest.pc.budget = 1;
    // 64 KiB are a unit.
    guest.put(1, Cmd::io(nvm::WRITE_ZEROES, 0, 1024));
    guest.ring(1);
    assert!(guest.pc.process(), "there is more to do");
    let (_, before) = guest.pc.disk.deallocated;
    guest.pc.master = false;
    stays_still(&mut guest);
    assert_eq!(guest.peek(1), None);
    guest.pc.set_master();
    assert!(before < 1024);
    assert_eq!(guest.pc.disk.deallocated.1, 1024);
    assert_eq!(guest.reap(1).map(|done| done.status), Some(Status::SUCCESS));
    assert_eq!(guest.peek(1), None);
}

#[test]
fn events_and_refused_doorbells_wait() {
    let mut guest = started(Signal::MsiX);
    let request = guest.put(0, Cmd::new(nvme::spec::opcode::admin::EVENT_REQUEST));
    guest.ring(0);
    guest.pc.run();
    guest.pc.master = false;
    // The doorbell of a queue that there is not.
    guest.pc.write32(DOORBELLS + 9 * 8, 1);
    stays_still(&mut guest);
    assert_eq!(guest.peek(0), None);
    guest.pc.set_master();
    let done = guest.reap(0).expect("the event");
    assert_eq!(done.id, request);
}

#[test]
fn a_read_waits_for_its_data() {
    let mut guest = started(Signal::Msi);
    guest.pc.disk.bytes[..512].fill(0xa5);
    guest.pc.master = false;
    guest.put(1, Cmd::io(nvm::READ, 0, 1).prp(DATA, 0));
    guest.ring(1);
    stays_still(&mut guest);
    assert_eq!(guest.bytes(DATA, 512), [0; 512]);
    guest.pc.set_master();
    assert_eq!(guest.bytes(DATA, 512), [0xa5; 512]);
}
