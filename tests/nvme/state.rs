// SPDX-License-Identifier: GPL-2.0

//! The state as bytes (save, load): complete, exact, and safe against any bytes.

use super::computer::config;
use super::guest::{tail_doorbell, Cmd, Guest, DATA};
use crate::cases;
use nvme::outside::Signal;
use nvme::spec::opcode::{admin, nvm};
use nvme::spec::status::Status;
use nvme::state::{Refusal, MAX_SIZE};
use nvme::{BlockSize, Config, Controller, Identity, Optional};
use proptest::prelude::*;

pub(crate) fn save(controller: &Controller) -> Vec<u8> {
    let mut bytes = vec![0; MAX_SIZE];
    let len = controller.save(&mut bytes).expect("room enough");
    bytes.truncate(len);
    bytes
}

/// A guest in the middle of everything: queues with something in them, events, errors, shadows,
/// a command that is at it.
pub(crate) fn busy() -> Guest {
    let mut guest = Guest::started(config(600, BlockSize::B4096));
    guest.create(2, 8, 2);
    for (feature, value) in [
        (1, 0x0102_0303),
        (2, 0x20),
        (4, 300),
        (6, 0),
        (8, 0x1234),
        (9, 0x1_0003),
    ] {
        let set = Cmd::new(admin::SET_FEATURES).dw(10, feature).dw(11, value);
        assert_eq!(guest.admin(set).status, Status::SUCCESS);
    }
    for _ in 0..3 {
        guest.put(0, Cmd::new(admin::EVENT_REQUEST));
    }
    guest.ring(0);
    guest.pc.run();
    for _ in 0..2 {
        guest.pc.write32(tail_doorbell(9), 1);
        guest.pc.run();
    }
    assert_eq!(guest.io(Cmd::io(nvm::READ, 600, 1)), Status::LBA_RANGE);
    guest.fill(DATA, &[7; 4096]);
    assert_eq!(
        guest.io(Cmd::io(nvm::WRITE, 1, 1).prp(DATA, 0)),
        Status::SUCCESS
    );
    guest.put(1, Cmd::io(nvm::WRITE_ZEROES, 3, 500));
    guest.put(1, Cmd::new(nvm::FLUSH).nsid(1));
    guest.put(2, Cmd::new(nvm::FLUSH).nsid(1));
    guest.ring(1);
    guest.ring(2);
    guest.pc.budget = 10;
    assert!(guest.pc.process());
    guest
}

/// The guest goes on with another controller of the same configuration.
fn move_to(guest: &mut Guest, config: Config) -> Result<(), Refusal> {
    let bytes = save(&guest.pc.controller);
    let other = Identity::from_uuid([9; 16]);
    let mut target = Controller::new(config, other).expect("a controller");
    target.load(&bytes)?;
    assert_eq!(save(&target), bytes, "nothing is lost");
    guest.pc.controller = target;
    guest.pc.controller.resume(&mut guest.pc.wires);
    guest.pc.awake = true;
    Ok(())
}

#[test]
fn a_guest_goes_on_elsewhere() {
    let mut guest = busy();
    let config = *guest.pc.controller.config();
    assert_eq!(move_to(&mut guest, config), Ok(()));
    guest.pc.run();
    assert_eq!(guest.pc.disk.deallocated.1, 500, "none lost, none twice");
    for id in [1, 1, 2] {
        assert_eq!(guest.reap(id).expect("done").status, Status::SUCCESS);
    }
    assert_eq!(guest.reap(0).expect("an event").dw0, 0x1_0000);
    let page = super::logs::read(&mut guest, 1, 1024);
    assert_eq!(page[0], 3);
    assert_eq!(guest.reap(0).expect("the event that waited").dw0, 0x1_0000);
    let page = super::logs::read(&mut guest, 2, 512);
    assert_eq!((page[80], page[176]), (1, 3), "counters go on");
    let get = Cmd::new(admin::GET_FEATURES).dw(10, 8);
    assert_eq!(guest.admin(get).dw0, 0x1234);
    let identify = Cmd::new(admin::IDENTIFY).dw(10, 1).prp(DATA, 0);
    assert_eq!(guest.admin(identify).status, Status::SUCCESS);
    assert_eq!(
        guest.bytes(DATA + 4, 16),
        b"6ba7b8109dad41d1",
        "it is who it was"
    );
}

#[test]
fn shadows_and_the_line_move_too() {
    let mut guest = Guest::off();
    guest.pc.wires.signal = Signal::Line;
    guest.start();
    guest.create(1, 8, 0);
    let shadow = Cmd::new(admin::DOORBELL_BUFFER).prp(0x6_0000, 0x6_1000);
    assert_eq!(guest.admin(shadow).status, Status::SUCCESS);
    guest.put(1, Cmd::new(nvm::FLUSH).nsid(1));
    // Written, but not rung.
    guest.fill(0x6_0008, &1_u32.to_le_bytes());
    let config = *guest.pc.controller.config();
    assert_eq!(move_to(&mut guest, config), Ok(()));
    guest.pc.run();
    assert_eq!(guest.peek(1).expect("done").status, Status::SUCCESS);
    assert!(guest.pc.wires.line);
    guest.pc.wires.line = false;
    assert_eq!(move_to(&mut guest, config), Ok(()));
    assert!(guest.pc.wires.line, "driven again");
}

#[test]
fn each_moment_of_life() {
    let mut guest = Guest::off();
    let config = *guest.pc.controller.config();
    assert_eq!(move_to(&mut guest, config), Ok(()), "never started");
    guest.enable();
    assert!(guest.is_fatal());
    assert_eq!(move_to(&mut guest, config), Ok(()), "fatal");
    assert!(guest.is_fatal());
    guest.pc.write32(0x14, 0);
    guest.start();
    assert_eq!(move_to(&mut guest, config), Ok(()), "started");
    guest.pc.write32(0x14, super::guest::cc_value() | (1 << 14));
    assert_eq!(move_to(&mut guest, config), Ok(()), "shutting down");
    guest.pc.run();
    assert_eq!(guest.status() & 0xc, 8);
    assert_eq!(move_to(&mut guest, config), Ok(()), "shut down");
    // What a driver writes where it has no effect does no harm here either.
    guest.pc.write32(0x14, 0);
    guest.start();
    guest.pc.write32(0x24, 0);
    guest.pc.write32(0x14, super::guest::cc_value() | 0x3ff0);
    assert_eq!(move_to(&mut guest, config), Ok(()), "strange values");
}

#[test]
fn only_what_fits() {
    let own = config(600, BlockSize::B4096);
    for (what, other, ok) in [
        ("the same", own, true),
        ("size", Config { blocks: 601, ..own }, false),
        (
            "blocks",
            Config {
                block_size: BlockSize::B512,
                ..own
            },
            false,
        ),
        ("fewer queues", Config { queues: 15, ..own }, false),
        ("fewer vectors", Config { vectors: 16, ..own }, false),
        ("more vectors", Config { vectors: 32, ..own }, true),
        (
            "less commands",
            Config {
                optional: Optional::NONE,
                ..own
            },
            false,
        ),
    ] {
        assert_eq!(move_to(&mut busy(), other).is_ok(), ok, "{what}");
    }
    // What the source did not have is not there after the move, until power goes.
    let small = Config {
        queues: 2,
        optional: Optional::NONE,
        ..own
    };
    let mut guest = Guest::started(small);
    assert_eq!(move_to(&mut guest, own), Ok(()));
    let get = Cmd::new(admin::GET_FEATURES).dw(10, 7);
    assert_eq!(guest.admin(get).dw0, 0x1_0001);
    assert_eq!(
        guest.io(Cmd::io(nvm::WRITE_ZEROES, 0, 1)),
        Status::INVALID_OPCODE
    );
    guest.pc.controller.power_cycle(&mut guest.pc.wires);
    guest.start();
    assert_eq!(guest.admin(get).dw0, 0xf_000f);
}

#[test]
fn a_power_cycle_makes_it_itself_again() {
    let identity = Identity::from_uuid;
    let wanted = config(600, BlockSize::B4096);
    let mut target = Controller::new(wanted, identity([9; 16])).expect("a controller");
    let source = Controller::new(wanted, identity([7; 16])).expect("a controller");
    assert_eq!(target.load(&save(&source)), Ok(()));
    assert_eq!(*target.identity(), identity([7; 16]));
    let mut wires = Guest::started(wanted).pc.wires;
    target.reset(&mut wires);
    assert_eq!(*target.identity(), identity([7; 16]), "after a reset");
    target.power_cycle(&mut wires);
    assert_eq!(*target.identity(), identity([9; 16]), "after a power cycle");
}

#[test]
fn refusals_say_why() {
    let bytes = save(&busy().pc.controller);
    let mut other = Controller::new(config(600, BlockSize::B4096), Identity::from_uuid([9; 16]))
        .expect("a controller");
    let before = save(&other);
    let mut text = |bytes: &[u8]| other.load(bytes).unwrap_err().to_string();
    assert_eq!(text(&bytes[..99]), "the controller's state ends too early");
    assert_eq!(
        text(&[&bytes[..], &[0]].concat()),
        "1 bytes behind the controller's state"
    );
    let mut bad = bytes.clone();
    bad[0] = 2;
    assert_eq!(text(&bad), "the version of the state is 2, here it is 1");
    bad = bytes.clone();
    bad[24] = 17;
    assert_eq!(
        text(&bad),
        "the number of queues is 0x11, which cannot be in this controller"
    );
    assert_eq!(save(&other), before, "a refusal changes nothing");
    assert_eq!(other.save(&mut [0; 100]), None);
}

/// A guest with any of these can do whatever it likes, but the controller stays sound.
fn live(bytes: &[u8]) -> bool {
    let mut guest = busy();
    let before = save(&guest.pc.controller);
    let other = Identity::from_uuid([9; 16]);
    let config = *guest.pc.controller.config();
    let mut target = Controller::new(config, other).expect("a controller");
    let fresh = save(&target);
    if target.load(bytes).is_err() {
        assert_eq!(save(&target), fresh);
        return false;
    }
    assert_eq!(save(&target), bytes, "each state has one form");
    guest.pc.controller = target;
    guest.pc.controller.resume(&mut guest.pc.wires);
    for id in 0..17 {
        guest.pc.write32(tail_doorbell(id), 3);
    }
    guest.pc.awake = true;
    guest.pc.budget = 1000;
    guest.pc.run();
    let _ = save(&guest.pc.controller);
    guest.pc.write32(0x14, 0);
    assert_eq!(guest.status(), 0, "a reset brings it back");
    guest.pc.controller.load(&before).expect("its own state");
    true
}

#[test]
fn each_byte_changed() {
    let bytes = save(&busy().pc.controller);
    let mut accepted = 0;
    for at in 0..bytes.len() {
        for change in [1, 0xff] {
            let mut bad = bytes.clone();
            bad[at] ^= change;
            accepted += usize::from(live(&bad));
        }
    }
    assert!(
        accepted > 50,
        "most bytes are counters, addresses and commands"
    );
    let mut other = busy().pc.controller;
    for len in 0..bytes.len() {
        assert!(other.load(&bytes[..len]).is_err());
    }
    assert_eq!(save(&other), bytes, "a refusal changes nothing");
}

proptest! {
    #![proptest_config(cases(40))]

    #[test]
    fn any_bytes_changed(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8)) {
        let mut bytes = save(&busy().pc.controller);
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        live(&bytes);
    }
}
