// SPDX-License-Identifier: GPL-2.0

//! Get Features and Set Features (5.13, 5.21).

use super::guest::{cc_value, Cmd, Guest};
use nvme::spec::opcode::admin;
use nvme::spec::registers::CC;
use nvme::spec::status::Status;

fn get(guest: &mut Guest, feature: u32, select: u32, which: u32) -> Result<u32, Status> {
    let command = Cmd::new(admin::GET_FEATURES).nsid(u32::from(feature == 5));
    let done = guest.admin(command.dw(10, (select << 8) | feature).dw(11, which));
    match done.status {
        Status::SUCCESS => Ok(done.dw0),
        status => Err(status),
    }
}

fn set(guest: &mut Guest, feature: u32, nsid: u32, value: u32) -> Result<u32, Status> {
    let command = Cmd::new(admin::SET_FEATURES).nsid(nsid);
    let done = guest.admin(command.dw(10, feature).dw(11, value));
    match done.status {
        Status::SUCCESS => Ok(done.dw0),
        status => Err(status),
    }
}

/// A feature, what it is first, a value to be set, and what is kept of that.
const EACH: [(u32, u32, u32, u32); 9] = [
    (0x01, 7, 0xffff_ff03, 0xffff_ff03),
    (0x02, 0, 0xe0, 0xe0),
    (0x04, 343, 300, 300),
    (0x05, 0, 0x1234, 0x1234),
    (0x06, 1, 0xffff_fffe, 0),
    (0x08, 0, 0xffff_5678, 0x5678),
    (0x09, 0, 0x1_0000, 0x1_0000),
    (0x0a, 0, 0xffff_ffff, 1),
    (0x0b, 0, 0xffff_ff00, 0),
];

#[test]
fn values_are_kept_until_a_reset() {
    let mut guest = Guest::new();
    for (feature, default, value, kept) in EACH {
        let nsid = u32::from(feature == 5);
        assert_eq!(get(&mut guest, feature, 0, 0), Ok(default), "{feature}");
        assert_eq!(set(&mut guest, feature, nsid, value), Ok(0), "{feature}");
        assert_eq!(get(&mut guest, feature, 0, 0), Ok(kept), "{feature}");
        assert_eq!(get(&mut guest, feature, 1, 0), Ok(default), "{feature}");
        assert_eq!(get(&mut guest, feature, 2, 0), Ok(default), "{feature}");
        assert_eq!(
            get(&mut guest, feature, 3, 0),
            Ok(4 | (nsid << 1)),
            "{feature}"
        );
        assert_eq!(get(&mut guest, feature, 4, 0), Err(Status::INVALID_FIELD));
        let saved = Cmd::new(admin::SET_FEATURES)
            .nsid(nsid)
            .dw(10, (1 << 31) | feature);
        assert_eq!(guest.admin(saved).status, Status::NOT_SAVEABLE);
    }
    guest.pc.write32(CC.at as u64, cc_value() & !1);
    guest.start();
    for (feature, default, ..) in EACH {
        assert_eq!(get(&mut guest, feature, 0, 0), Ok(default), "{feature}");
    }
}

#[test]
fn features_that_are_not_there() {
    let mut guest = Guest::new();
    for feature in 0..=0xff {
        if feature == 7 || EACH.iter().any(|each| each.0 == feature) {
            continue;
        }
        for select in [0, 1, 3] {
            assert_eq!(
                get(&mut guest, feature, select, 0),
                Err(Status::INVALID_FIELD)
            );
        }
        assert_eq!(set(&mut guest, feature, 0, 0), Err(Status::INVALID_FIELD));
    }
}

#[test]
fn namespaces() {
    let mut guest = Guest::new();
    for (nsid, wanted) in [
        (0, Ok(0)),
        (0xffff_ffff, Ok(0)),
        (1, Err(Status::NOT_OF_NAMESPACE)),
        (2, Err(Status::INVALID_NAMESPACE)),
    ] {
        assert_eq!(set(&mut guest, 6, nsid, 0), wanted, "{nsid}");
    }
    for (nsid, wanted) in [
        (1, Ok(0)),
        (0xffff_ffff, Ok(0)),
        (0, Err(Status::INVALID_NAMESPACE)),
        (2, Err(Status::INVALID_NAMESPACE)),
    ] {
        assert_eq!(set(&mut guest, 5, nsid, 0), wanted, "{nsid}");
    }
    for nsid in [0, 2, 0xffff_ffff] {
        let command = Cmd::new(admin::GET_FEATURES).nsid(nsid).dw(10, 5);
        assert_eq!(guest.admin(command).status, Status::INVALID_NAMESPACE);
    }
}

#[test]
fn bad_values() {
    let mut guest = Guest::new();
    for (feature, nsid, value) in [
        (2, 0, 1),
        (2, 0, 0x1f),
        (4, 0, 0x1_0000),
        (4, 0, 0x8_0000),
        (4, 0, 0x20_0000),
        (4, 0, 0x30_0000),
        (5, 1, 0x1_0000),
        (7, 0, 0xffff),
        (7, 0, 0xffff_0000),
        (9, 0, 17),
        (9, 0, 0x1_ffff),
    ] {
        let found = set(&mut guest, feature, nsid, value);
        assert_eq!(found, Err(Status::INVALID_FIELD), "{feature}: {value:#x}");
    }
    for (feature, which) in [(4, 0x20_0000), (4, 0x1_0000), (4, 0xf_0000), (9, 17)] {
        assert_eq!(
            get(&mut guest, feature, 0, which),
            Err(Status::INVALID_FIELD)
        );
    }
}

#[test]
fn each_threshold_and_each_vector() {
    let mut guest = Guest::new();
    assert_eq!(get(&mut guest, 4, 0, 0x10_0000), Ok(0));
    assert_eq!(set(&mut guest, 4, 0, 0x1f_0000 | 100), Ok(0));
    assert_eq!(get(&mut guest, 4, 0, 0x10_0000), Ok(100));
    assert_eq!(get(&mut guest, 4, 0, 0), Ok(343));
    assert_eq!(set(&mut guest, 9, 0, 0x1_0010), Ok(0));
    for vector in 0..17 {
        let off = u32::from(vector == 16) << 16;
        assert_eq!(get(&mut guest, 9, 0, vector), Ok(off | vector));
    }
    assert_eq!(set(&mut guest, 9, 0, 0x10), Ok(0));
    assert_eq!(get(&mut guest, 9, 0, 16), Ok(16));
}

#[test]
fn number_of_queues() {
    let mut guest = Guest::new();
    assert_eq!(get(&mut guest, 7, 0, 0), Ok(0x000f_000f));
    for asked in [0, 0x0003_0003, 0x1234_5678, 0xfffe_fffe] {
        assert_eq!(set(&mut guest, 7, 0, asked), Ok(0x000f_000f));
    }
    guest.create(1, 8, 1);
    assert_eq!(set(&mut guest, 7, 0, 0), Err(Status::SEQUENCE));
    assert_eq!(get(&mut guest, 7, 0, 0), Ok(0x000f_000f));
    for opcode in [admin::DELETE_SQ, admin::DELETE_CQ] {
        assert_eq!(
            guest.admin(Cmd::new(opcode).dw(10, 1)).status,
            Status::SUCCESS
        );
    }
    assert_eq!(set(&mut guest, 7, 0, 0), Ok(0x000f_000f));
}
