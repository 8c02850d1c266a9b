// SPDX-License-Identifier: GPL-2.0

//! Identify (5.15).

use super::computer::{config, UUID};
use super::guest::{Cmd, Guest, DATA};
use nvme::spec::opcode::admin;
use nvme::spec::status::Status;
use nvme::{BlockSize, Config, Optional};

fn identify(guest: &mut Guest, cns: u32, nsid: u32) -> Result<Vec<u8>, Status> {
    guest.fill(DATA, &[0xee; 4096]);
    let command = Cmd::new(admin::IDENTIFY)
        .nsid(nsid)
        .prp(DATA, 0)
        .dw(10, cns);
    match guest.admin(command).status {
        Status::SUCCESS => Ok(guest.bytes(DATA, 4096).to_vec()),
        status => {
            assert_eq!(guest.bytes(DATA, 4096), [0xee; 4096], "nothing was written");
            Err(status)
        }
    }
}

fn number(page: &[u8], at: usize, len: usize) -> u64 {
    let bytes = page[at..at + len].iter().rev();
    bytes.fold(0, |all, &byte| (all << 8) | u64::from(byte))
}

#[test]
fn the_controller() {
    let mut guest = Guest::new();
    let page = identify(&mut guest, 1, 0).expect("a page");
    assert_eq!(number(&page, 0, 2), 0x1234);
    assert_eq!(number(&page, 2, 2), 0x5678);
    assert_eq!(&page[4..24], b"6ba7b8109dad41d1    ");
    assert_eq!(&page[24..64], format!("{:40}", "A model").as_bytes());
    assert_eq!(&page[64..72], b"1.0     ");
    assert_eq!(page[77], 7, "MDTS");
    assert_eq!(number(&page, 80, 4), 0x0001_0400, "VER");
    assert_eq!(page[111], 1, "CNTRLTYPE");
    assert_eq!(number(&page, 256, 2), 0x100, "OACS");
    assert_eq!((page[258], page[259]), (3, 3), "ACL, AERL");
    assert_eq!(
        (page[260], page[261], page[262]),
        (3, 6, 15),
        "FRMW, LPA, ELPE"
    );
    assert_eq!((number(&page, 266, 2), number(&page, 268, 2)), (343, 353));
    assert_eq!((page[512], page[513]), (0x66, 0x44), "SQES, CQES");
    assert_eq!(number(&page, 516, 4), 1, "NN");
    assert_eq!(number(&page, 520, 2), 0x1d, "ONCS");
    assert_eq!(page[525], 7, "VWC");
    let name = b"nqn.2014-08.org.nvmexpress:uuid:6ba7b810-9dad-41d1-80b4-00c04fd430c8\0";
    assert_eq!(&page[768..768 + name.len()], name);
    assert_eq!(page[768 + name.len()..1024], [0; 256][name.len()..]);
    // Whatever namespace is named.
    assert_eq!(identify(&mut guest, 1, 7), Ok(page));
}

#[test]
fn optional_commands() {
    for (optional, wanted) in [
        (Optional::NONE, 0x10),
        (
            Optional {
                compare: true,
                ..Optional::NONE
            },
            0x11,
        ),
        (
            Optional {
                deallocate: true,
                ..Optional::NONE
            },
            0x14,
        ),
        (
            Optional {
                write_zeroes: true,
                ..Optional::NONE
            },
            0x18,
        ),
    ] {
        let mut guest = Guest::started(Config {
            optional,
            ..config(1024, BlockSize::B512)
        });
        let page = identify(&mut guest, 1, 0).expect("a page");
        assert_eq!(number(&page, 520, 2), wanted);
        for (opcode, has) in [
            (5, optional.compare),
            (9, optional.deallocate),
            (8, optional.write_zeroes),
        ] {
            let command = Cmd::io(opcode, 0, 1).prp(DATA, 0);
            let wanted = if has {
                Status::SUCCESS
            } else {
                Status::INVALID_OPCODE
            };
            guest.fill(DATA, &[0; 512]);
            assert_eq!(guest.io(command), wanted);
        }
    }
}

#[test]
fn the_namespace() {
    for (size, shift) in [(BlockSize::B512, 9), (BlockSize::B4096, 12)] {
        let mut guest = Guest::with(config(300, size));
        guest.start();
        let page = identify(&mut guest, 0, 1).expect("a page");
        for at in [0, 8, 16] {
            assert_eq!(number(&page, at, 8), 300);
        }
        assert_eq!((page[25], page[26]), (0, 0), "one format, in use");
        assert_eq!(page[33], 9, "DLFEAT");
        assert_eq!(number(&page, 48, 8), 300 << shift, "NVMCAP");
        assert_eq!(page[104..120], UUID);
        assert_eq!(page[130], shift);
        for nsid in [0, 2, 0xffff_ffff] {
            assert_eq!(
                identify(&mut guest, 0, nsid),
                Err(Status::INVALID_NAMESPACE)
            );
        }
    }
}

#[test]
fn lists() {
    let mut guest = Guest::new();
    let mut wanted = vec![0; 4096];
    for nsid in [1, 2, 0xffff_fffd] {
        assert_eq!(identify(&mut guest, 2, nsid).as_ref(), Ok(&wanted));
    }
    wanted[0] = 1;
    assert_eq!(identify(&mut guest, 2, 0).as_ref(), Ok(&wanted));
    for nsid in [0xffff_fffe, 0xffff_ffff] {
        assert_eq!(
            identify(&mut guest, 2, nsid),
            Err(Status::INVALID_NAMESPACE)
        );
    }

    wanted.fill(0);
    (wanted[0], wanted[1]) = (2, 16);
    wanted[4..20].copy_from_slice(&UUID);
    (wanted[20], wanted[21]) = (3, 16);
    wanted[24..40].copy_from_slice(&UUID);
    assert_eq!(identify(&mut guest, 3, 1).as_ref(), Ok(&wanted));
    for nsid in [0, 2, 0xffff_ffff] {
        assert_eq!(
            identify(&mut guest, 3, nsid),
            Err(Status::INVALID_NAMESPACE)
        );
    }
}

#[test]
fn other_structures() {
    let mut guest = Guest::new();
    for cns in 4..=0xff {
        assert_eq!(identify(&mut guest, cns, 1), Err(Status::INVALID_FIELD));
    }
}

#[test]
fn where_it_goes() {
    let mut guest = Guest::new();
    let command = Cmd::new(admin::IDENTIFY).dw(10, 1);
    for (first, second, wanted) in [
        (DATA + 4, DATA + 4096, Status::SUCCESS),
        (DATA + 2, DATA + 4096, Status::PRP_OFFSET),
        (DATA + 4, DATA + 4100, Status::PRP_OFFSET),
        (DATA + 4, 1 << 40, Status::TRANSFER_ERROR),
        (1 << 40, 0, Status::TRANSFER_ERROR),
        (!0xfff, 0, Status::TRANSFER_ERROR),
    ] {
        assert_eq!(guest.admin(command.prp(first, second)).status, wanted);
    }
    assert_eq!(guest.bytes(DATA + 4, 2), 0x1234_u16.to_le_bytes());
}
