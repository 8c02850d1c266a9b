// SPDX-License-Identifier: GPL-2.0

//! Registers (3.1), enabling, reset, shutdown (7.3, 7.6), doorbells.

use super::guest::{cc_value, head_doorbell, tail_doorbell, Cmd, Guest, ADMIN_ENTRIES};
use nvme::spec::opcode::admin;
use nvme::spec::registers::{cc, csts, ACQ, AQA, ASQ, CAP, CC, CSTS, INTMC, INTMS, VS};
use nvme::spec::status::Status;
use nvme::REGISTERS;

#[test]
fn what_is_fixed() {
    let mut guest = Guest::off();
    let cap = guest.pc.read64(CAP.at as u64);
    assert_eq!(cap & 0xffff, 1023, "MQES");
    assert_eq!((cap >> 16) & 1, 1, "CQR");
    assert_eq!((cap >> 24) & 0xff, 20, "TO");
    assert_eq!((cap >> 37) & 1, 1, "NVM command set");
    assert_eq!(cap >> 48, 0, "pages of 4 KiB, no CMB, no PMR");
    assert_eq!(guest.pc.read32(VS.at as u64), 0x0001_0400);
    for offset in [
        CAP.at,
        CAP.at + 4,
        VS.at,
        CSTS.at,
        0x20,
        0x38,
        0x3c,
        0x40,
        0xe00,
    ] {
        let before = guest.pc.read64(offset as u64);
        guest.pc.write32(offset as u64, 0xffff_ffff);
        assert_eq!(guest.pc.read64(offset as u64), before, "{offset:#x}");
    }
}

#[test]
fn any_width_reads() {
    let mut guest = Guest::off();
    guest
        .pc
        .write(ASQ.at as u64, &0x1234_5678_9abc_d000_u64.to_le_bytes());
    let mut all = [0; 0x40];
    guest.pc.controller.read(0, &mut all);
    for at in 0..0x40 {
        for len in [1, 2, 4, 8] {
            let mut data = vec![0xff; len];
            guest.pc.controller.read(at as u64, &mut data);
            let wanted: Vec<u8> = (at..at + len)
                .map(|at| *all.get(at).unwrap_or(&0))
                .collect();
            assert_eq!(data, wanted, "{len} bytes at {at:#x}");
        }
    }
    let mut data = [0xff; 8];
    for at in [0x1000, REGISTERS - 8, REGISTERS, u64::MAX] {
        guest.pc.controller.read(at, &mut data);
        assert_eq!(data, [0; 8], "{at:#x}");
    }
}

#[test]
fn halves_and_narrow_writes() {
    let mut guest = Guest::off();
    guest.pc.write32(ACQ.at as u64, 0xffff_ffff);
    assert_eq!(guest.pc.read64(ACQ.at as u64), 0xffff_f000);
    guest.pc.write32(ACQ.at as u64 + 4, 0x1234);
    assert_eq!(guest.pc.read64(ACQ.at as u64), 0x1234_ffff_f000);
    guest.pc.write(ACQ.at as u64, &[0]);
    guest.pc.write(ACQ.at as u64, &[0, 0]);
    assert_eq!(guest.pc.read64(ACQ.at as u64), 0x1234_ffff_f000);
    guest.pc.write32(AQA.at as u64, 0xffff_ffff);
    assert_eq!(guest.pc.read32(AQA.at as u64), 0x0fff_0fff);
    guest.pc.write32(CC.at as u64, !1);
    assert_eq!(guest.pc.read32(CC.at as u64), 0x00ff_fff0);
}

#[test]
fn masks() {
    let mut guest = Guest::off();
    let (set, clear) = (INTMS.at as u64, INTMC.at as u64);
    guest.pc.write32(set, 0xf0);
    guest.pc.write32(set, 0x0f);
    guest.pc.write32(clear, 0x11);
    assert_eq!(guest.pc.read32(set), 0xee);
    assert_eq!(guest.pc.read32(clear), 0xee);
}

#[test]
fn what_cannot_be_enabled_is_fatal() {
    let sound = (u32::from(ADMIN_ENTRIES) << 16) | u32::from(ADMIN_ENTRIES);
    for (aqa, cc) in [
        (sound, cc_value() | cc::MPS.with(1) as u32),
        (sound, cc_value() | cc::CSS.with(7) as u32),
        (sound, cc_value() | cc::AMS.with(1) as u32),
        (sound & 0xffff_0000, cc_value()),
        (sound & 0xffff, cc_value()),
    ] {
        let mut guest = Guest::off();
        guest.pc.write32(AQA.at as u64, aqa);
        guest.pc.write32(CC.at as u64, cc);
        assert_eq!(guest.status(), csts::CFS.mask() as u32, "{aqa:#x} {cc:#x}");
        guest.pc.write32(CC.at as u64, 0);
        assert_eq!(guest.status(), 0);
        guest.start();
        guest.admin(Cmd::new(admin::GET_FEATURES).dw(10, 1));
    }
}

/// A driver that finds the controller disabled may ask for it all the same.
#[test]
fn shutdown_of_what_does_not_run() {
    for clear in [true, false] {
        let mut guest = Guest::off();
        guest.pc.write32(CC.at as u64, cc::SHN.with(1) as u32);
        assert_eq!(csts::SHST.of(guest.status().into()), csts::OCCURRING);
        guest.pc.run();
        assert_eq!(csts::SHST.of(guest.status().into()), csts::COMPLETE);
        if clear {
            guest.pc.write32(CC.at as u64, 0);
            assert_eq!(guest.status(), 0, "there is nothing to reset");
        }
        guest.start();
        guest.admin(Cmd::new(admin::GET_FEATURES).dw(10, 1));
    }
}

#[test]
fn reset_keeps_only_the_admin_queues_addresses() {
    let mut guest = Guest::with_io();
    let (aqa, asq, acq) = (AQA.at as u64, ASQ.at as u64, ACQ.at as u64);
    let before = [
        guest.pc.read64(aqa),
        guest.pc.read64(asq),
        guest.pc.read64(acq),
    ];
    guest.pc.write32(INTMS.at as u64, 5);
    // How it works stays as it was enabled.
    guest
        .pc
        .write32(CC.at as u64, cc_value() | cc::MPS.with(3) as u32);
    assert_eq!(guest.pc.read32(CC.at as u64), cc_value());
    guest.pc.write32(CC.at as u64, cc_value() & !1);
    assert_eq!(guest.status(), 0);
    assert_eq!(guest.pc.read32(INTMS.at as u64), 0);
    assert_eq!(
        before,
        [
            guest.pc.read64(aqa),
            guest.pc.read64(asq),
            guest.pc.read64(acq)
        ]
    );
    // No doorbell does anything.
    guest.pc.write32(tail_doorbell(0), 1);
    assert!(!guest.pc.awake);
    guest.start();
    // The I/O queues are gone.
    let delete = Cmd::new(admin::DELETE_SQ).dw(10, 1);
    assert_eq!(guest.admin(delete).status, Status::QUEUE_ID);
    // A reset of the function keeps nothing.
    guest.pc.controller.reset(&mut guest.pc.wires);
    assert_eq!(
        [
            guest.pc.read64(aqa),
            guest.pc.read64(asq),
            guest.pc.read64(acq)
        ],
        [0; 3]
    );
    assert_eq!(guest.pc.read32(CC.at as u64), 0);
}

#[test]
fn shutdown() {
    for kind in [1, 2] {
        let mut guest = Guest::with_io();
        guest
            .pc
            .write32(CC.at as u64, cc_value() | cc::SHN.with(kind) as u32);
        assert_eq!(csts::SHST.of(guest.status().into()), csts::OCCURRING);
        guest.pc.run();
        assert_eq!(csts::SHST.of(guest.status().into()), csts::COMPLETE);
        assert_eq!(guest.pc.disk.flushes, 1);
        // Nothing is executed any more before a reset.
        guest.put(0, Cmd::new(admin::GET_FEATURES).dw(10, 1));
        guest.ring(0);
        guest.pc.run();
        assert_eq!(guest.peek(0), None);
        guest.pc.write32(CC.at as u64, 0);
        assert_eq!(guest.status(), 0);
        guest.start();
        guest.admin(Cmd::new(admin::GET_FEATURES).dw(10, 1));
    }
}

#[test]
fn memory_of_queues_that_is_gone_is_fatal() {
    for gone in ["commands", "completions"] {
        let mut guest = Guest::with_io();
        let queue = guest.queues[&0].clone();
        guest.put(0, Cmd::new(admin::GET_FEATURES).dw(10, 1));
        let page = if gone == "commands" {
            queue.sq
        } else {
            queue.cq
        };
        guest.pc.ram.holes.insert(page / 4096);
        guest.ring(0);
        guest.pc.run();
        assert!(guest.is_fatal(), "{gone}");
        guest.pc.ram.holes.clear();
        guest.ring(0);
        assert!(!guest.pc.awake);
        // A reset brings it back.
        guest.pc.write32(CC.at as u64, 0);
        guest.start();
        guest.admin(Cmd::new(admin::GET_FEATURES).dw(10, 1));
    }
}

#[test]
fn bad_doorbells_are_events() {
    // The queue, its end, the value, and what it is: 0 no such register, 1 no such value.
    for (what, at, value) in [
        (0, tail_doorbell(2), 1),
        (0, head_doorbell(2), 1),
        (0, tail_doorbell(17), 1),
        (0, REGISTERS - 4, 0),
        (0, 0xffff_ffff_ffff_fff8, 0),
        (1, tail_doorbell(1), 8),
        (1, tail_doorbell(1), 0x1_0001),
        (1, tail_doorbell(1), 0),
        (1, head_doorbell(1), 0),
        (1, head_doorbell(1), 1),
        (1, head_doorbell(1), 8),
        (1, head_doorbell(1), 0xffff_ffff),
    ] {
        let mut guest = Guest::with_io();
        let request = guest.put(0, Cmd::new(admin::EVENT_REQUEST));
        guest.ring(0);
        guest.pc.run();
        assert_eq!(guest.reap(0), None);
        guest.pc.write32(at, value);
        guest.pc.run();
        let event = guest.reap(0).expect("an event");
        assert_eq!((event.id, event.status), (request, Status::SUCCESS));
        assert_eq!(event.dw0, 0x1_0000 | (what << 8), "{value:#x} at {at:#x}");
        assert!(!guest.is_fatal());
        // All goes on.
        assert_eq!(guest.io(Cmd::new(0).nsid(1)), Status::SUCCESS);
    }
}

#[test]
fn more_than_there_is_room_for() {
    let mut guest = Guest::with_io();
    for _ in 0..3 {
        guest.put(1, Cmd::new(0).nsid(1));
    }
    guest.ring(1);
    // Three wait; one more round than there is room for.
    guest.pc.write32(tail_doorbell(1), 2);
    guest.pc.run();
    let done = std::iter::from_fn(|| guest.reap(1)).count();
    assert_eq!(done, 3, "the bad value had no effect");
}
