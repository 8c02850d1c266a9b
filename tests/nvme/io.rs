// SPDX-License-Identifier: GPL-2.0

//! The I/O commands (6), field by field, on both block sizes.

use super::computer::config;
use super::guest::{Cmd, Guest, DATA, LIST};
use nvme::outside::MediaError;
use nvme::spec::opcode::{admin, nvm};
use nvme::spec::status::Status;
use nvme::{BlockSize, Config, MAX_TRANSFER};

const ALL: [u8; 6] = [
    nvm::FLUSH,
    nvm::WRITE,
    nvm::READ,
    nvm::COMPARE,
    nvm::WRITE_ZEROES,
    nvm::DATASET,
];

/// Bytes that are different everywhere.
fn pattern(seed: u8, len: usize) -> Vec<u8> {
    let byte = |at: usize| (at as u8).wrapping_mul(31).wrapping_add((at >> 8) as u8) ^ seed;
    (0..len).map(byte).collect()
}

fn with(block_size: BlockSize, blocks: u64) -> Guest {
    Guest::started(config(blocks, block_size))
}

#[test]
fn namespaces_and_flags() {
    for opcode in ALL {
        let command = Cmd::io(opcode, 0, 1).prp(DATA, 0).dw(11, 0);
        for (nsid, wanted) in [
            (0, Status::INVALID_NAMESPACE),
            (2, Status::INVALID_NAMESPACE),
            (0xffff_fffe, Status::INVALID_NAMESPACE),
            (1, Status::SUCCESS),
        ] {
            assert_eq!(Guest::with_io().io(command.nsid(nsid)), wanted, "{opcode}");
        }
        let wanted = match opcode {
            nvm::FLUSH => Status::SUCCESS,
            _ => Status::INVALID_NAMESPACE,
        };
        assert_eq!(Guest::with_io().io(command.nsid(0xffff_ffff)), wanted);
        for flags in [1, 2, 3, 0x40, 0x80, 0xc0] {
            let found = Guest::with_io().io(command.flags(flags));
            assert_eq!(found, Status::INVALID_FIELD, "{opcode}: {flags:#x}");
        }
    }
}

#[test]
fn ranges() {
    for size in [BlockSize::B512, BlockSize::B4096] {
        let most = (MAX_TRANSFER / size.bytes()) as u32;
        let blocks = u64::from(most) + 100;
        for opcode in [nvm::WRITE, nvm::READ, nvm::COMPARE, nvm::WRITE_ZEROES] {
            let mut guest = with(size, blocks);
            let list: Vec<u64> = (1..128).map(|page| DATA + page * 4096).collect();
            guest.list(LIST, &list);
            let free = opcode == nvm::WRITE_ZEROES;
            for (lba, count, wanted) in [
                (0, 1, Status::SUCCESS),
                (blocks - 1, 1, Status::SUCCESS),
                (blocks, 1, Status::LBA_RANGE),
                (blocks - 1, 2, Status::LBA_RANGE),
                (u64::MAX, 1, Status::LBA_RANGE),
                (u64::MAX - 1, 8, Status::LBA_RANGE),
                (1 << 55, 1, Status::LBA_RANGE),
                (0, most, Status::SUCCESS),
                (100, most, Status::SUCCESS),
                (101, most, Status::LBA_RANGE),
                (
                    0,
                    most + 1,
                    if free {
                        Status::SUCCESS
                    } else {
                        Status::INVALID_FIELD
                    },
                ),
                (
                    0,
                    0x1_0000,
                    if free {
                        Status::LBA_RANGE
                    } else {
                        Status::INVALID_FIELD
                    },
                ),
            ] {
                let found = guest.io(Cmd::io(opcode, lba, count).prp(DATA, LIST));
                assert_eq!(found, wanted, "{opcode}: {count} from {lba:#x}");
            }
        }
    }
}

#[test]
fn what_is_written_is_read() {
    for (size, blocks) in [(BlockSize::B512, 2048), (BlockSize::B4096, 256)] {
        let bytes = size.bytes();
        let mut guest = with(size, blocks);
        let list: Vec<u64> = (1..128).map(|page| DATA + page * 4096).collect();
        guest.list(LIST, &list);
        for (seed, lba, count) in [(1, 3, 1), (2, 7, 3), (3, 64, 128), (4, 100, 9), (5, 0, 2)] {
            let len = count as usize * bytes;
            let data = pattern(seed, len);
            guest.fill(DATA, &data);
            let second = if len > 8192 { LIST } else { DATA + 4096 };
            let io = |opcode| Cmd::io(opcode, lba, count).prp(DATA, second);
            assert_eq!(guest.io(io(nvm::WRITE)), Status::SUCCESS);
            assert_eq!(guest.pc.disk.bytes[lba as usize * bytes..][..len], data);
            assert_eq!(guest.io(io(nvm::COMPARE)), Status::SUCCESS);
            guest.fill(DATA, &vec![0xee; len + 16]);
            assert_eq!(guest.io(io(nvm::COMPARE)), Status::COMPARE);
            assert_eq!(guest.io(io(nvm::READ)), Status::SUCCESS);
            assert_eq!(guest.bytes(DATA, len), data);
            assert_eq!(
                guest.bytes(DATA + len as u64, 16),
                [0xee; 16],
                "and no more"
            );
        }
    }
}

#[test]
fn one_byte_makes_the_difference() {
    let mut guest = Guest::with_io();
    let list: Vec<u64> = (1..128).map(|page| DATA + page * 4096).collect();
    guest.list(LIST, &list);
    let compare = Cmd::io(nvm::COMPARE, 0, 100).prp(DATA, LIST);
    for at in [0, 1, 511, 512, 16383, 16384, 32768, 51199] {
        guest.fill(DATA, &[0; 51200]);
        assert_eq!(guest.io(compare), Status::SUCCESS);
        guest.fill(DATA + at, &[1]);
        assert_eq!(guest.io(compare), Status::COMPARE, "{at}");
    }
}

#[test]
fn durable_when_it_must_be() {
    let mut guest = Guest::with_io();
    let write = Cmd::io(nvm::WRITE, 0, 1).prp(DATA, 0);
    assert_eq!(guest.io(write), Status::SUCCESS);
    assert_eq!(guest.pc.disk.flushes, 0);
    assert_eq!(guest.io(write.dw(12, 1 << 30)), Status::SUCCESS);
    assert_eq!(guest.pc.disk.flushes, 1, "FUA");
    let cache = Cmd::new(admin::SET_FEATURES).dw(10, 6).dw(11, 0);
    assert_eq!(guest.admin(cache).status, Status::SUCCESS);
    assert_eq!(guest.io(write), Status::SUCCESS);
    assert_eq!(guest.pc.disk.flushes, 2, "no cache");
    assert_eq!(
        guest.io(Cmd::new(nvm::FLUSH).nsid(0xffff_ffff)),
        Status::SUCCESS
    );
    assert_eq!(guest.pc.disk.flushes, 3);
}

#[test]
fn media_that_fails() {
    for (error, written) in [
        (MediaError::Failed, Status::WRITE_FAULT),
        (MediaError::Full, Status::CAPACITY),
    ] {
        let mut guest = Guest::with_io();
        guest.fill(DATA, &range(0, 1));
        guest.pc.disk.broken = Some(error);
        for opcode in ALL {
            let wanted = match opcode {
                nvm::READ | nvm::COMPARE => Status::READ_ERROR,
                _ => written,
            };
            let command = Cmd::io(opcode, 0, 1).prp(DATA, 0);
            let command = if opcode == nvm::DATASET {
                command.dw(11, 4)
            } else {
                command
            };
            assert_eq!(guest.io(command), wanted, "{opcode}");
        }
        guest.pc.disk.broken = None;
        assert_eq!(
            guest.io(Cmd::io(nvm::READ, 0, 1).prp(DATA, 0)),
            Status::SUCCESS
        );
    }
}

/// A range of Dataset Management.
fn range(lba: u64, blocks: u32) -> Vec<u8> {
    let mut range = vec![0xff; 4];
    range.extend(blocks.to_le_bytes());
    range.extend(lba.to_le_bytes());
    range
}

fn dataset(count: u32) -> Cmd {
    Cmd::new(nvm::DATASET)
        .nsid(1)
        .prp(DATA, DATA + 4096)
        .dw(10, count - 1)
        .dw(11, 4)
}

#[test]
fn deallocation() {
    let mut guest = Guest::with_io();
    guest.pc.disk.bytes.fill(0xaa);
    let table = [
        range(3, 2),
        range(0, 0),
        range(1023, 1),
        range(1024, 0),
        range(3, 1),
    ];
    guest.fill(DATA, &table.concat());
    // A hint alone changes nothing.
    assert_eq!(guest.io(dataset(5).dw(11, 3)), Status::SUCCESS);
    assert_eq!(guest.pc.disk.deallocated, (0, 0));
    assert_eq!(guest.io(dataset(5)), Status::SUCCESS);
    for (block, data) in guest.pc.disk.bytes.chunks(512).enumerate() {
        let gone = [3, 4, 1023].contains(&block);
        assert!(
            data.iter().all(|&byte| byte == if gone { 0 } else { 0xaa }),
            "{block}"
        );
    }
    // Nothing is done if any of them is wrong.
    guest.pc.disk.deallocated = (0, 0);
    for bad in [
        range(1024, 1),
        range(1023, 2),
        range(u64::MAX, 1),
        range(0, u32::MAX),
    ] {
        guest.fill(DATA + 256 * 16 - 16, &bad);
        assert_eq!(guest.io(dataset(256)), Status::LBA_RANGE);
        assert_eq!(guest.pc.disk.deallocated, (0, 0));
    }
    guest.pc.ram.holes.insert(DATA / 4096);
    assert_eq!(guest.io(dataset(1)), Status::TRANSFER_ERROR);
}

#[test]
fn large_ones_take_several_pieces() {
    let mut guest = with(BlockSize::B4096, 6_000);
    guest.pc.disk.bytes.fill(0xaa);
    guest.pc.budget = 2;
    guest.put(1, Cmd::io(nvm::WRITE_ZEROES, 1, 5_000));
    guest.put(1, Cmd::new(nvm::FLUSH).nsid(1));
    guest.ring(1);
    let pieces = guest.pc.run();
    // 64 KiB are a unit: 313 units by 2.
    assert!((150..170).contains(&pieces), "{pieces}");
    assert_eq!(guest.pc.disk.deallocated.1, 5_000);
    assert_eq!(guest.reap(1).expect("done").status, Status::SUCCESS);
    assert_eq!(guest.reap(1).expect("done").status, Status::SUCCESS);
    let (block, last) = (4096, 5_001 * 4096);
    assert!(guest.pc.disk.bytes[..block]
        .iter()
        .all(|&byte| byte == 0xaa));
    assert!(guest.pc.disk.bytes[block..last]
        .iter()
        .all(|&byte| byte == 0));
    assert!(guest.pc.disk.bytes[last..].iter().all(|&byte| byte == 0xaa));

    // A table that changes on the way is looked at again.
    guest.fill(DATA, &[range(0, 3_000), range(0, 3_000)].concat());
    guest.put(1, dataset(2));
    guest.ring(1);
    assert!(guest.pc.process());
    guest.fill(DATA + 16, &range(6_000, 1));
    guest.pc.run();
    assert_eq!(guest.reap(1).expect("done").status, Status::LBA_RANGE);
}

#[test]
fn a_reset_drops_what_is_at_it() {
    let mut guest = with(BlockSize::B4096, 6_000);
    guest.pc.budget = 2;
    guest.put(1, Cmd::io(nvm::WRITE_ZEROES, 0, 5_000));
    guest.ring(1);
    assert!(guest.pc.process());
    guest.pc.write32(0x14, 0);
    assert!(!guest.pc.process());
    guest.start();
    guest.create(1, 8, 1);
    assert_eq!(guest.io(Cmd::new(nvm::FLUSH).nsid(1)), Status::SUCCESS);
}

#[test]
fn a_piece_of_work_is_bounded() {
    let mut guest = Guest::started(Config {
        queues: 2,
        ..config(2048, BlockSize::B512)
    });
    guest.pc.budget = 8;
    for _ in 0..7 {
        guest.put(1, Cmd::io(nvm::WRITE, 0, 16).prp(DATA, DATA + 4096));
    }
    guest.ring(1);
    // A command and two pages each.
    for _ in 0..2 {
        assert!(guest.pc.process());
        assert_eq!(std::iter::from_fn(|| guest.peek(1)).count(), 3);
    }
    assert!(!guest.pc.process());
}
