// SPDX-License-Identifier: GPL-2.0

//! Each completion against what it must be.

use super::{Guest, Sent, What};
use crate::device::Dev;
use guest_ram::Ram;
use nvme::spec::status::Status;

impl Guest {
    /// A command was completed.
    #[allow(clippy::too_many_arguments)]
    pub(super) fn done(
        &mut self,
        queue: u16,
        id: u16,
        sent: Sent,
        status: Status,
        dword: u32,
        dev: &mut Dev,
        ram: &mut Ram,
    ) {
        self.counts.commands += 1;
        let Sent {
            what,
            buffer,
            failed,
        } = sent;
        let data = buffer.as_ref().map(|buffer| self.buffers.read(buffer, ram));
        let data = data.unwrap_or_default();
        self.buffers.free(buffer);
        let name = format!("command {id:#x} of queue {queue}, {what:?}");
        if status.is_error() {
            self.counts.errors += 1;
            let aborted = status == Status::ABORT_REQUESTED;
            if !aborted {
                self.known.errors.sure(1);
            }
        }
        // Media that has failed is a reason, if it has.
        let media = [Status::WRITE_FAULT, Status::READ_ERROR];
        if media.contains(&status) {
            self.known.media_error();
        }
        if media.contains(&status) || status == Status::CAPACITY {
            let blocks = what.blocks();
            assert!(
                dev.store().failed > failed && !blocks.0.is_empty(),
                "{name}: {status:?}, but no media has failed"
            );
            if let (ranges, true) = blocks {
                let stamp = match what {
                    What::Write(_, _, stamp) | What::Torn(_, _, stamp) => stamp,
                    _ => 0,
                };
                for (lba, count) in ranges {
                    self.disk.maybe(lba, count, stamp);
                }
            }
            return;
        }
        let wanted = match &what {
            What::Wrong(status) => *status,
            What::Torn(..) | What::TornRead(..) => Status::TRANSFER_ERROR,
            What::Compare(_, _, false) => Status::COMPARE,
            // That it was to be is checked where Abort is completed.
            What::Event if status == Status::ABORT_REQUESTED => return,
            _ => Status::SUCCESS,
        };
        assert_eq!(status, wanted, "{name}");
        self.apply(what, data, dword, &name, dev, ram);
    }

    fn apply(
        &mut self,
        what: What,
        data: Vec<u8>,
        dword: u32,
        name: &str,
        dev: &mut Dev,
        ram: &mut Ram,
    ) {
        self.counts.bytes += data.len() as u64;
        match what {
            What::Read(lba, _) => {
                self.disk.check(lba, &data);
                self.known.read(data.len() as u64);
            }
            What::Write(lba, count, stamp) => {
                self.disk.write(lba, count, stamp);
                self.known.written(data.len() as u64);
            }
            What::Torn(lba, count, stamp) => self.disk.maybe(lba, count, stamp),
            What::Compare(_, _, true) => self.known.read(data.len() as u64),
            What::Zeroes(ranges) => {
                for (lba, count) in ranges {
                    self.disk.write(lba, count, 0);
                }
            }
            What::SetFeature(feature, value) => self.known.set_feature(feature, value),
            What::GetFeature(feature, which) => {
                let wanted = self.known.feature(feature, which, self.config.queues);
                assert_eq!(dword, wanted, "{name}");
            }
            What::Identify(cns) => self.known.check_identity(cns, data),
            What::Smart => {
                self.known.check_smart(&data);
                self.alone = false;
            }
            What::Errors(retain) => {
                self.known.check_errors(&data);
                self.known.masked &= retain;
                self.alone = false;
            }
            What::CreateCq(id, cq) => {
                assert!(self.cqs.insert(id, cq).is_none());
                self.queue_due = false;
            }
            What::CreateSq(id, sq) => {
                assert!(self.sqs.insert(id, sq).is_none());
                self.queue_due = false;
            }
            What::DeleteCq(id) => {
                self.cqs.remove(&id);
                self.queue_due = false;
            }
            What::DeleteSq(id) => self.queue_is_gone(id, dev, ram),
            What::Shadow => self.shadows_are_there(ram),
            What::Event => self.event(dword, name),
            What::Abort(id, there) => {
                assert_eq!(dword, u32::from(!there), "{name}");
                let left = self.sqs[&0].sent.contains_key(&id);
                assert!(!(there && left), "aborted, but not completed");
                self.alone = false;
            }
            What::Compare(_, _, false) | What::TornRead(..) | What::Flush | What::Wrong(_) => {}
        }
    }

    fn event(&mut self, dword: u32, name: &str) {
        self.counts.events += 1;
        let what = self.known.event.take();
        let what = what.unwrap_or_else(|| panic!("{name}: {dword:#x}, but nothing has happened"));
        assert!(
            !self.known.masked,
            "{name}: {dword:#x}, but the log was not read"
        );
        // The log page of errors, and what happened; the type is 0.
        assert_eq!(dword, 0x1_0000 | (u32::from(what) << 8), "{name}");
        self.known.masked = true;
    }

    /// A submission queue was deleted. What was done of it stands in its completion queue; what
    /// does not will never be done.
    fn queue_is_gone(&mut self, id: u16, dev: &mut Dev, ram: &mut Ram) {
        self.empty(self.sqs[&id].cq, dev, ram);
        let sq = self.sqs.remove(&id).expect("it was there");
        for sent in sq.sent.into_values() {
            self.buffers.free(sent.buffer);
        }
        self.queue_due = false;
    }
}
