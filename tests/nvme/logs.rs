// SPDX-License-Identifier: GPL-2.0

//! Get Log Page (5.14).

use super::guest::{Cmd, Guest, DATA, LIST};
use nvme::outside::MediaError;
use nvme::spec::opcode::{admin, nvm};
use nvme::spec::status::Status;

fn log(lid: u32, dwords: u32) -> Cmd {
    let last = dwords - 1;
    Cmd::new(admin::GET_LOG)
        .nsid(0xffff_ffff)
        .prp(DATA, DATA + 4096)
        .dw(10, ((last & 0xffff) << 16) | lid)
        .dw(11, last >> 16)
}

pub(crate) fn read(guest: &mut Guest, lid: u32, len: usize) -> Vec<u8> {
    assert_eq!(
        guest.admin(log(lid, len as u32 / 4)).status,
        Status::SUCCESS
    );
    guest.bytes(DATA, len).to_vec()
}

pub(crate) fn number(page: &[u8], at: usize, len: usize) -> u64 {
    let bytes = page[at..at + len].iter().rev();
    bytes.fold(0, |all, &byte| (all << 8) | u64::from(byte))
}

#[test]
fn fields() {
    let mut guest = Guest::new();
    for lid in 0..=0xff {
        let known = [1, 2, 3, 5].contains(&lid);
        let wanted = if known {
            Status::SUCCESS
        } else {
            Status::LOG_PAGE
        };
        assert_eq!(guest.admin(log(lid, 1)).status, wanted, "{lid}");
    }
    for (nsid, wanted) in [
        (0, Status::SUCCESS),
        (1, Status::INVALID_FIELD),
        (2, Status::INVALID_FIELD),
    ] {
        assert_eq!(guest.admin(log(2, 1).nsid(nsid)).status, wanted);
    }
    for (offset, wanted) in [
        (0_u64, Status::SUCCESS),
        (508, Status::SUCCESS),
        (512, Status::SUCCESS),
        (2, Status::INVALID_FIELD),
        (516, Status::INVALID_FIELD),
        (1 << 32, Status::INVALID_FIELD),
        (u64::MAX - 3, Status::INVALID_FIELD),
    ] {
        let command = log(2, 128)
            .dw(12, offset as u32)
            .dw(13, (offset >> 32) as u32);
        assert_eq!(guest.admin(command).status, wanted, "{offset:#x}");
    }
    // At most MDTS, which is 128 pages.
    let list: Vec<u64> = (1..128).map(|page| DATA + page * 4096).collect();
    guest.list(LIST, &list);
    for (dwords, wanted) in [
        (128 * 1024, Status::SUCCESS),
        (128 * 1024 + 1, Status::INVALID_FIELD),
        (u32::MAX, Status::INVALID_FIELD),
    ] {
        let command = log(5, dwords).prp(DATA, LIST);
        assert_eq!(guest.admin(command).status, wanted);
    }
}

#[test]
fn parts_and_what_is_behind_the_end() {
    let mut guest = Guest::new();
    let whole = read(&mut guest, 5, 4096);
    for (offset, len) in [(0, 8), (4, 8), (1024, 256), (4092, 4)] {
        guest.fill(DATA, &[0xee; 4096]);
        let command = log(5, len as u32 / 4).dw(12, offset as u32);
        assert_eq!(guest.admin(command).status, Status::SUCCESS);
        assert_eq!(guest.bytes(DATA, len), &whole[offset..offset + len]);
        assert_eq!(guest.bytes(DATA + len as u64, 4), [0xee; 4]);
    }
    guest.fill(DATA, &[0xee; 4096]);
    read(&mut guest, 3, 1024);
    assert_eq!(guest.bytes(DATA + 512, 512), [0xee; 512]);
}

#[test]
fn firmware_and_effects() {
    let mut guest = Guest::new();
    let page = read(&mut guest, 3, 512);
    assert_eq!((page[0], &page[8..16]), (1, &b"1.0     "[..]));
    let page = read(&mut guest, 5, 4096);
    for opcode in 0..256 {
        let known = admin::ALL.contains(&(opcode as u8));
        assert_eq!(number(&page, opcode * 4, 4), u64::from(known), "{opcode}");
        let wanted = match opcode as u8 {
            nvm::FLUSH | nvm::READ | nvm::COMPARE => 1,
            nvm::WRITE | nvm::WRITE_ZEROES | nvm::DATASET => 3,
            _ => 0,
        };
        assert_eq!(number(&page, 1024 + opcode * 4, 4), wanted, "{opcode}");
    }
}

#[test]
fn errors_are_kept_with_their_reasons() {
    let mut guest = Guest::with_io();
    assert_eq!(read(&mut guest, 1, 1024), [0; 1024]);
    let bad = Cmd::io(nvm::READ, 1 << 33, 1).prp(DATA, 0);
    assert_eq!(guest.io(bad), Status::LBA_RANGE);
    let id = guest.next_id;
    let bad = Cmd::new(admin::GET_FEATURES).dw(10, 0x406);
    assert_eq!(guest.admin(bad).status, Status::INVALID_FIELD);
    let page = read(&mut guest, 1, 1024);
    let newest = &page[..64];
    assert_eq!(number(newest, 0, 8), 2);
    assert_eq!(number(newest, 8, 2), 0);
    assert_eq!(
        number(newest, 12, 2),
        u64::from(Status::INVALID_FIELD.bits() | 0x4000)
    );
    assert_eq!(number(newest, 14, 2), 41, "byte 41, bit 0: SEL");
    let older = &page[64..128];
    assert_eq!(number(older, 0, 8), 1);
    assert_eq!(number(older, 8, 2), 1);
    assert_eq!(number(older, 10, 2), u64::from(id));
    assert_eq!(number(older, 14, 2), 40);
    assert_eq!(number(older, 16, 8), 1 << 33);
    assert_eq!(number(older, 24, 4), 1);
    assert_eq!(page[128..], [0; 1024 - 128]);
    for _ in 0..20 {
        guest.admin(Cmd::new(0xff));
    }
    let page = read(&mut guest, 1, 1024);
    let counts: Vec<u64> = page.chunks(64).map(|entry| number(entry, 0, 8)).collect();
    assert_eq!(counts, (7..=22).rev().collect::<Vec<_>>());
    assert_eq!(number(&read(&mut guest, 2, 512), 176, 8), 22);
}

#[test]
fn health_counts_truly() {
    let mut guest = Guest::with_io();
    guest.pc.controller.power_cycle(&mut guest.pc.wires);
    guest.start();
    guest.create(1, 8, 1);
    guest.fill(DATA, &[1; 4096]);
    for lba in 0..501 {
        assert_eq!(
            guest.io(Cmd::io(nvm::WRITE, lba, 2).prp(DATA, 0)),
            Status::SUCCESS
        );
    }
    assert_eq!(
        guest.io(Cmd::io(nvm::READ, 0, 8).prp(DATA, 0)),
        Status::SUCCESS
    );
    assert_eq!(
        guest.io(Cmd::io(nvm::COMPARE, 0, 8).prp(DATA, 0)),
        Status::SUCCESS
    );
    // None of these counts.
    assert_eq!(guest.io(Cmd::io(nvm::WRITE_ZEROES, 0, 8)), Status::SUCCESS);
    assert_eq!(
        guest.io(Cmd::io(nvm::READ, 1024, 1).prp(DATA, 0)),
        Status::LBA_RANGE
    );
    guest.pc.disk.broken = Some(MediaError::Failed);
    assert_eq!(
        guest.io(Cmd::io(nvm::READ, 0, 1).prp(DATA, 0)),
        Status::READ_ERROR
    );
    assert_eq!(
        guest.io(Cmd::io(nvm::WRITE, 0, 1).prp(DATA, 0)),
        Status::WRITE_FAULT
    );
    guest.pc.disk.broken = None;
    guest.pc.time.0 += 3 * 3600 * 1_000_000_000;
    let page = read(&mut guest, 2, 512);
    assert_eq!(page[0], 0, "no warning");
    assert_eq!(number(&page, 1, 2), 298);
    assert_eq!((page[3], page[4], page[5]), (100, 10, 0));
    assert_eq!(number(&page, 32, 16), 1, "16 sectors, rounded up");
    assert_eq!(number(&page, 48, 16), 2, "1002 sectors");
    assert_eq!(number(&page, 64, 16), 2);
    assert_eq!(number(&page, 80, 16), 501);
    assert_eq!(number(&page, 112, 16), 1, "power cycles");
    assert_eq!(number(&page, 128, 16), 3, "hours");
    assert_eq!(number(&page, 144, 16), 1, "unsafe shutdowns");
    assert_eq!(number(&page, 160, 16), 2, "media errors");
    assert_eq!(number(&page, 176, 16), 3, "errors");
}
