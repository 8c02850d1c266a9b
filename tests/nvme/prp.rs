// SPDX-License-Identifier: GPL-2.0

//! Where data is (4.3), against a plain model of the rules.

use super::computer::config;
use super::guest::{Cmd, Guest, DATA, LIST};
use crate::cases;
use guest_ram::PAGE;
use nvme::spec::opcode::nvm;
use nvme::spec::status::Status;
use nvme::BlockSize;
use proptest::prelude::*;

fn guest() -> Guest {
    Guest::started(config(2048, BlockSize::B512))
}

fn read(guest: &mut Guest, blocks: u32, first: u64, second: u64) -> Status {
    guest.io(Cmd::io(nvm::READ, 0, blocks).prp(first, second))
}

#[test]
fn offsets() {
    let mut guest = guest();
    guest.list(LIST + PAGE - 16, &[DATA + 2 * PAGE, DATA + 3 * PAGE]);
    guest.list(LIST, &[DATA + PAGE, DATA + 2 * PAGE]);
    for (blocks, first, second, wanted) in [
        // One page: the second entry does not matter.
        (1, DATA, u64::MAX, Status::SUCCESS),
        (8, DATA, 1, Status::SUCCESS),
        (1, DATA + 4, u64::MAX, Status::SUCCESS),
        (1, DATA + PAGE - 512, 1, Status::SUCCESS),
        (1, DATA + 1, 0, Status::PRP_OFFSET),
        (1, DATA + 2, 0, Status::PRP_OFFSET),
        // Two pages: it is a page.
        (8, DATA + 4, DATA + PAGE, Status::SUCCESS),
        (16, DATA, DATA + PAGE, Status::SUCCESS),
        (8, DATA + 4, DATA + PAGE + 4, Status::PRP_OFFSET),
        (16, DATA, DATA + 2 * PAGE - 4, Status::PRP_OFFSET),
        // Three pages: it is a list, and can be anywhere.
        (16, DATA + 4, LIST, Status::SUCCESS),
        (17, DATA, LIST, Status::SUCCESS),
        (17, DATA, LIST + PAGE - 16, Status::SUCCESS),
        (17, DATA, LIST + 4, Status::PRP_OFFSET),
        (17, DATA, LIST + 1, Status::PRP_OFFSET),
    ] {
        let found = read(&mut guest, blocks, first, second);
        assert_eq!(found, wanted, "{blocks} blocks, {first:#x} {second:#x}");
    }
}

#[test]
fn entries_of_lists() {
    let mut guest = guest();
    for (entries, wanted) in [
        ([DATA + PAGE, DATA + 2 * PAGE], Status::SUCCESS),
        ([DATA, DATA], Status::SUCCESS),
        ([DATA + PAGE + 8, DATA], Status::PRP_OFFSET),
        ([DATA, DATA + 1], Status::PRP_OFFSET),
        ([1 << 40, DATA], Status::TRANSFER_ERROR),
        ([DATA, !(PAGE - 1)], Status::TRANSFER_ERROR),
    ] {
        guest.list(LIST, &entries);
        assert_eq!(read(&mut guest, 24, DATA, LIST), wanted, "{entries:x?}");
    }
    guest.pc.ram.holes.insert(LIST / PAGE);
    assert_eq!(read(&mut guest, 24, DATA, LIST), Status::TRANSFER_ERROR);
}

#[test]
fn lists_that_lead_on() {
    let mut guest = guest();
    let next = LIST + 4 * PAGE;
    // The last place of a page is a pointer, if more than a page is left.
    guest.list(LIST + PAGE - 8, &[next]);
    guest.list(next, &[DATA + PAGE, DATA + 2 * PAGE]);
    assert_eq!(read(&mut guest, 24, DATA, LIST + PAGE - 8), Status::SUCCESS);
    // A pointer is to a page.
    guest.list(LIST + PAGE - 8, &[next + 8]);
    assert_eq!(
        read(&mut guest, 24, DATA, LIST + PAGE - 8),
        Status::PRP_OFFSET
    );
    guest.list(LIST + PAGE - 8, &[1 << 50]);
    assert_eq!(
        read(&mut guest, 24, DATA, LIST + PAGE - 8),
        Status::TRANSFER_ERROR
    );
    // A list that leads to itself ends with the data.
    guest.list(LIST, &[LIST; 512]);
    assert_eq!(read(&mut guest, 1024, DATA, LIST), Status::SUCCESS);
    assert_eq!(
        read(&mut guest, 1024, DATA, LIST + PAGE - 8),
        Status::SUCCESS
    );
}

/// A layout of data: where it begins in its page, how much there is, where the list begins, and
/// the order of the pages.
#[derive(Clone, Debug)]
struct Layout {
    offset: u64,
    blocks: u32,
    list: u64,
    pages: Vec<u64>,
}

fn layout() -> impl Strategy<Value = Layout> {
    let order = Just((0..130).collect::<Vec<u64>>()).prop_shuffle();
    let order = prop_oneof![order, Just((0..130).collect::<Vec<u64>>())];
    let list = prop_oneof![0..512_u64, 500..512_u64];
    (0..1024_u64, 1..=1024_u32, list, order).prop_map(|(offset, blocks, list, pages)| Layout {
        offset: offset * 4,
        blocks,
        list: list * 8,
        pages,
    })
}

proptest! {
    #![proptest_config(cases(60))]

    #[test]
    fn any_layout(layout in layout(), compare in any::<bool>()) {
        let mut guest = guest();
        let len = layout.blocks as usize * 512;
        let page = |index: usize| DATA + layout.pages[index] * PAGE;
        let count = (layout.offset as usize + len).div_ceil(PAGE as usize);
        // The list, which leads on from page to page.
        let mut at = LIST + layout.list;
        let mut next = LIST + PAGE;
        for index in 1..count {
            if at % PAGE == PAGE - 8 && index + 1 < count {
                guest.list(at, &[next]);
                (at, next) = (next, next + PAGE);
            }
            guest.list(at, &[page(index)]);
            at += 8;
        }
        let second = if count > 2 { LIST + layout.list } else { page(1) };
        let data: Vec<u8> = (0..len).map(|at| (at * 7 + (at >> 9)) as u8).collect();
        guest.pc.disk.bytes[..len].copy_from_slice(&data);
        let first = page(0) + layout.offset;
        prop_assert_eq!(read(&mut guest, layout.blocks, first, second), Status::SUCCESS);
        let mut found = Vec::new();
        for index in 0..count {
            let bytes = guest.bytes(page(index), PAGE as usize).to_vec();
            found.extend(bytes);
        }
        let (before, rest) = found.split_at(layout.offset as usize);
        let (found, behind) = rest.split_at(len);
        prop_assert!(found == data);
        prop_assert!(before.iter().chain(behind).all(|&byte| byte == 0), "nothing else");
        let (opcode, disk) = if compare { (nvm::COMPARE, 0) } else { (nvm::WRITE, 1024) };
        let command = Cmd::io(opcode, disk, layout.blocks).prp(first, second);
        prop_assert_eq!(guest.io(command), Status::SUCCESS);
        let at = disk as usize * 512;
        prop_assert!(guest.pc.disk.bytes[at..at + len] == data);
    }
}
