// SPDX-License-Identifier: GPL-2.0

//! I/O commands. Those that change blocks are never sent beside others on the same blocks, as a
//! file system would not; so what each of them must find and leave is known.

use super::{Guest, Sent, What};
use crate::device::Dev;
use guest_ram::{Ram, PAGE};
use nvme::spec::opcode::nvm;
use nvme::spec::status::Status;
use nvme::MAX_TRANSFER;

pub(super) fn command(opcode: u8, nsid: u32) -> [u8; 64] {
    let mut command = [0; 64];
    command[0] = opcode;
    command[4..8].copy_from_slice(&nsid.to_le_bytes());
    command
}

pub(super) fn set(command: &mut [u8; 64], dword: usize, value: u32) {
    command[dword * 4..][..4].copy_from_slice(&value.to_le_bytes());
}

pub(super) fn set_prps(command: &mut [u8; 64], (first, second): (u64, u64)) {
    command[24..32].copy_from_slice(&first.to_le_bytes());
    command[32..40].copy_from_slice(&second.to_le_bytes());
}

fn on_blocks(opcode: u8, lba: u64, count: u64) -> [u8; 64] {
    let mut command = command(opcode, 1);
    command[40..48].copy_from_slice(&lba.to_le_bytes());
    set(&mut command, 12, (count - 1) as u32);
    command
}

impl Guest {
    fn io_queue(&mut self) -> Option<u16> {
        let queues = self
            .sqs
            .iter()
            .filter(|(id, sq)| **id != 0 && sq.has_room());
        let ids: Vec<u16> = queues.map(|(id, _)| *id).collect();
        match ids.is_empty() || self.alone {
            true => None,
            false => Some(self.chance.pick(&ids)),
        }
    }

    /// Blocks of the disk, of which there are sometimes many.
    fn some_blocks(&mut self, most: u64) -> (u64, u64) {
        let all = self.disk.blocks();
        let most = most.min(all);
        let in_page = (PAGE / self.disk.block as u64).max(1);
        let count = match self.chance.below(16) {
            0 => self.chance.within(1, most),
            1..=5 => (in_page * self.chance.within(1, 8)).min(most),
            _ => self.chance.within(1, (2 * in_page).min(most)),
        };
        let lba = match self.chance.below(3) {
            0 => self.chance.below(all - count + 1) / in_page * in_page,
            // A part of the disk where much happens.
            1 => self.chance.below((all / 8).min(all - count + 1).max(1)),
            _ => self.chance.below(all - count + 1),
        };
        (lba, count)
    }

    /// Whether nothing that was sent is in the way.
    fn is_free(&self, what: &What) -> bool {
        let (ours, changes) = what.blocks();
        self.sqs
            .values()
            .flat_map(|sq| sq.sent.values())
            .all(|sent| {
                let (theirs, change) = sent.what.blocks();
                let apart = |(a, n): &(u64, u64), (b, m): &(u64, u64)| a + n <= *b || b + m <= *a;
                !(changes || change) || ours.iter().all(|a| theirs.iter().all(|b| apart(a, b)))
            })
    }

    fn send_what(
        &mut self,
        queue: u16,
        (what, mut command): (What, [u8; 64]),
        buffer: Option<super::Buffer>,
        dev: &mut Dev,
        ram: &mut Ram,
    ) {
        if let Some(buffer) = &buffer {
            set_prps(&mut command, buffer.prps);
        }
        let failed = dev.store().failed;
        let sent = Sent {
            what,
            buffer,
            failed,
        };
        self.send(queue, command, sent, dev, ram);
    }

    fn most(&self) -> u64 {
        (MAX_TRANSFER / self.disk.block) as u64
    }

    /// Sends any command.
    pub(super) fn send_io(&mut self, dev: &mut Dev, ram: &mut Ram) {
        let Some(queue) = self.io_queue() else {
            return;
        };
        match self.chance.below(32) {
            0..=12 => {
                let (lba, count) = self.some_blocks(self.most());
                self.send_write(queue, lba, count, dev, ram);
            }
            13..=22 => {
                let (lba, count) = self.some_blocks(self.most());
                self.send_read(queue, lba, count, dev, ram);
            }
            23 | 24 if !self.config.optional.compare => {
                self.send_unknown(queue, nvm::COMPARE, dev, ram);
            }
            23 | 24 => self.send_compare(queue, dev, ram),
            25 | 26 if !self.config.optional.write_zeroes => {
                self.send_unknown(queue, nvm::WRITE_ZEROES, dev, ram);
            }
            25 | 26 => {
                let (lba, count) = self.some_blocks(65536);
                let what = What::Zeroes(vec![(lba, count)]);
                if self.is_free(&what) {
                    let command = on_blocks(nvm::WRITE_ZEROES, lba, count);
                    self.send_what(queue, (what, command), None, dev, ram);
                }
            }
            27 | 28 if !self.config.optional.deallocate => {
                self.send_unknown(queue, nvm::DATASET, dev, ram);
            }
            27 | 28 => self.send_deallocate(queue, dev, ram),
            29 => {
                let command = command(nvm::FLUSH, self.chance.pick(&[1, u32::MAX]));
                self.send_what(queue, (What::Flush, command), None, dev, ram);
            }
            _ => self.send_wrong(queue, dev, ram),
        }
    }

    fn send_write(&mut self, queue: u16, lba: u64, count: u64, dev: &mut Dev, ram: &mut Ram) {
        self.next_stamp += 1;
        let stamp = self.next_stamp;
        let mut what = What::Write(lba, count, stamp);
        let len = count as usize * self.disk.block;
        if !self.is_free(&what) {
            return;
        }
        let Some(mut buffer) = self.buffers.get(len, &mut self.chance, ram) else {
            return;
        };
        let mut data = vec![0; len];
        for (lba, block) in (lba..).zip(data.chunks_exact_mut(self.disk.block)) {
            crate::disk::fill(stamp, lba, block);
        }
        self.buffers.write(&buffer, &data, ram);
        if self.chance.once_in(40) && self.buffers.tear(&mut buffer, &mut self.chance, ram) {
            what = What::Torn(lba, count, stamp);
        }
        let mut command = on_blocks(nvm::WRITE, lba, count);
        if self.chance.once_in(8) {
            command[51] |= 0x40;
        }
        self.send_what(queue, (what, command), Some(buffer), dev, ram);
    }

    /// Whether it could be sent.
    pub(super) fn send_read(
        &mut self,
        queue: u16,
        lba: u64,
        count: u64,
        dev: &mut Dev,
        ram: &mut Ram,
    ) -> bool {
        let mut what = What::Read(lba, count);
        let len = count as usize * self.disk.block;
        if !self.is_free(&what) || !self.sqs[&queue].has_room() {
            return false;
        }
        let Some(mut buffer) = self.buffers.get(len, &mut self.chance, ram) else {
            return false;
        };
        self.buffers.write(&buffer, &vec![0xa5; len], ram);
        if self.chance.once_in(80) && self.buffers.tear(&mut buffer, &mut self.chance, ram) {
            what = What::TornRead(lba, count);
        }
        let command = on_blocks(nvm::READ, lba, count);
        self.send_what(queue, (what, command), Some(buffer), dev, ram);
        true
    }

    fn send_compare(&mut self, queue: u16, dev: &mut Dev, ram: &mut Ram) {
        let (lba, count) = self.some_blocks(self.most());
        let equal = !self.chance.once_in(3);
        let what = What::Compare(lba, count, equal);
        if !self.is_free(&what) || !self.disk.is_sure(lba, count) {
            return;
        }
        let mut data = vec![0; count as usize * self.disk.block];
        let Some(buffer) = self.buffers.get(data.len(), &mut self.chance, ram) else {
            return;
        };
        self.disk.show(lba, &mut data);
        if !equal {
            let at = self.chance.below(data.len() as u64) as usize;
            data[at] ^= 1 << self.chance.below(8);
        }
        self.buffers.write(&buffer, &data, ram);
        let command = on_blocks(nvm::COMPARE, lba, count);
        self.send_what(queue, (what, command), Some(buffer), dev, ram);
    }

    fn send_deallocate(&mut self, queue: u16, dev: &mut Dev, ram: &mut Ram) {
        let count = match self.chance.below(8) {
            0 => self.chance.within(1, 256),
            _ => self.chance.within(1, 4),
        };
        let ranges: Vec<_> = (0..count).map(|_| self.some_blocks(65536)).collect();
        let what = What::Zeroes(ranges.clone());
        if !self.is_free(&what) {
            return;
        }
        let table: Vec<u8> = ranges
            .iter()
            .flat_map(|(lba, count)| [*count << 32, *lba])
            .flat_map(u64::to_le_bytes)
            .collect();
        let Some(buffer) = self.buffers.get(table.len(), &mut self.chance, ram) else {
            return;
        };
        self.buffers.write(&buffer, &table, ram);
        let mut command = command(nvm::DATASET, 1);
        set(&mut command, 10, count as u32 - 1);
        set(&mut command, 11, 4);
        self.send_what(queue, (what, command), Some(buffer), dev, ram);
    }

    /// A command that others have, but not this controller, wherever it came from.
    fn send_unknown(&mut self, queue: u16, opcode: u8, dev: &mut Dev, ram: &mut Ram) {
        let what = What::Wrong(Status::INVALID_OPCODE);
        self.send_what(queue, (what, on_blocks(opcode, 0, 1)), None, dev, ram);
    }

    /// A command that must fail.
    fn send_wrong(&mut self, queue: u16, dev: &mut Dev, ram: &mut Ram) {
        let all = self.disk.blocks();
        let (status, mut command) = match self.chance.below(8) {
            0 => (Status::INVALID_OPCODE, command(0x7f, 1)),
            1 => (Status::INVALID_NAMESPACE, {
                let mut command = on_blocks(nvm::READ, 0, 1);
                command[4] = 2;
                command
            }),
            2 => (Status::LBA_RANGE, on_blocks(nvm::READ, all, 1)),
            3 => (Status::LBA_RANGE, on_blocks(nvm::WRITE, u64::MAX, 2)),
            4 if self.config.optional.write_zeroes => {
                (Status::LBA_RANGE, on_blocks(nvm::WRITE_ZEROES, all - 1, 2))
            }
            5 => (
                Status::INVALID_FIELD,
                on_blocks(nvm::READ, 0, (self.most() + 1).min(65536)),
            ),
            6 => (Status::PRP_OFFSET, {
                let mut command = on_blocks(nvm::READ, 0, 1);
                set_prps(&mut command, (2, 0));
                command
            }),
            _ => (Status::INVALID_FIELD, {
                let mut command = on_blocks(nvm::READ, 0, 1);
                command[1] = self.chance.pick(&[1, 2, 0x40, 0x80]);
                command
            }),
        };
        set(&mut command, 13, 0);
        self.send_what(queue, (What::Wrong(status), command), None, dev, ram);
    }
}
