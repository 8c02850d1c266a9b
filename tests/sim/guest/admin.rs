// SPDX-License-Identifier: GPL-2.0

//! Commands of administration: queues, features, logs, events, shadows.

use super::io::{command, set, set_prps};
use super::queue::{cq_page, sq_page, Cq, Sq, EVENTS, SHADOWS};
use super::{Guest, Sent, What};
use crate::device::Dev;
use guest_ram::{Ram, PAGE};
use nvme::spec::opcode::admin;
use nvme::spec::status::Status;

impl Guest {
    fn can_send(&self) -> bool {
        !self.alone && self.sqs.get(&0).is_some_and(Sq::has_room)
    }

    fn tell(&mut self, what: What, command: [u8; 64], dev: &mut Dev, ram: &mut Ram) {
        let failed = dev.store().failed;
        let sent = Sent {
            what,
            buffer: None,
            failed,
        };
        self.send(0, command, sent, dev, ram);
    }

    /// A command that is answered with so many bytes.
    fn ask(&mut self, what: What, mut command: [u8; 64], len: usize, dev: &mut Dev, ram: &mut Ram) {
        let Some(buffer) = self.buffers.get(len, &mut self.chance, ram) else {
            self.alone = false;
            return;
        };
        self.buffers.write(&buffer, &vec![0xa5; len], ram);
        set_prps(&mut command, buffer.prps);
        let failed = dev.store().failed;
        let sent = Sent {
            what,
            buffer: Some(buffer),
            failed,
        };
        self.send(0, command, sent, dev, ram);
    }

    /// Sends any of them.
    pub(super) fn send_admin(&mut self, dev: &mut Dev, ram: &mut Ram) {
        if !self.can_send() {
            return;
        }
        match self.chance.below(32) {
            0..=9 => self.create(dev, ram),
            10 => self.delete(dev, ram),
            11..=14 => self.send_feature(dev, ram),
            15..=18 => self.get_feature(dev, ram),
            19 | 20 => self.send_smart(dev, ram),
            21 => self.send_errors(dev, ram),
            22 | 23 => {
                let cns = self.chance.below(4) as u32;
                let mut command = command(admin::IDENTIFY, [1, 0, 0, 1][cns as usize]);
                set(&mut command, 10, cns);
                self.ask(What::Identify(cns), command, PAGE as usize, dev, ram);
            }
            24..=27 => self.send_event(dev, ram),
            28 => self.send_abort(dev, ram),
            29 => self.send_shadow(dev, ram),
            _ => self.send_bad(dev, ram),
        }
    }

    /// A queue that is not there yet: first one for completions.
    fn create(&mut self, dev: &mut Dev, ram: &mut Ram) {
        if self.queue_due {
            return;
        }
        let most = self.config.queues.min(6);
        let id = self.chance.within(1, most.into()) as u16;
        let sizes = [2, 3, 7, 16, 64];
        if !self.cqs.contains_key(&id) && (self.chance.once_in(2) || self.cqs.len() == 1) {
            let size = self.chance.pick(&sizes);
            let vector = match self.chance.below(3) {
                0 => 0,
                _ => self.chance.below(self.config.vectors.into()) as u16,
            };
            let interrupts = !self.chance.once_in(4);
            ram.at_mut(cq_page(id), PAGE as usize).fill(0);
            ram.put(SHADOWS + u64::from(id) * 8 + 4, &[0; 4]);
            ram.put(EVENTS + u64::from(id) * 8 + 4, &[0; 4]);
            let mut command = command(admin::CREATE_CQ, 0);
            set_prps(&mut command, (cq_page(id), 0));
            set(
                &mut command,
                10,
                u32::from(id) | (u32::from(size - 1) << 16),
            );
            let flags = 1 | (u32::from(interrupts) << 1);
            set(&mut command, 11, (u32::from(vector) << 16) | flags);
            self.queue_due = true;
            let what = What::CreateCq(id, Cq::new(size, vector, interrupts));
            self.tell(what, command, dev, ram);
        } else if !self.sqs.contains_key(&id) {
            let cqs: Vec<u16> = self.cqs.keys().copied().filter(|id| *id != 0).collect();
            if cqs.is_empty() {
                return;
            }
            let (size, cq) = (self.chance.pick(&sizes), self.chance.pick(&cqs));
            ram.put(SHADOWS + u64::from(id) * 8, &[0; 4]);
            ram.put(EVENTS + u64::from(id) * 8, &[0; 4]);
            let mut command = command(admin::CREATE_SQ, 0);
            set_prps(&mut command, (sq_page(id), 0));
            set(
                &mut command,
                10,
                u32::from(id) | (u32::from(size - 1) << 16),
            );
            set(&mut command, 11, (u32::from(cq) << 16) | 1);
            self.queue_due = true;
            self.tell(What::CreateSq(id, Sq::new(size, cq)), command, dev, ram);
        }
    }

    /// A queue goes, with what is in it.
    fn delete(&mut self, dev: &mut Dev, ram: &mut Ram) {
        // Shadows that are about to be in force look at all queues.
        if self.queue_due || self.shadow_due {
            return;
        }
        let used: Vec<u16> = self.sqs.values().map(|sq| sq.cq).collect();
        let unused = self
            .cqs
            .iter()
            .filter(|(id, cq)| !used.contains(id) && cq.rung == cq.head);
        let unused: Vec<u16> = unused.map(|(id, _)| *id).collect();
        let sqs: Vec<u16> = self.sqs.keys().copied().filter(|id| *id != 0).collect();
        if !unused.is_empty() && self.chance.once_in(2) {
            let id = self.chance.pick(&unused);
            let mut command = command(admin::DELETE_CQ, 0);
            set(&mut command, 10, id.into());
            self.queue_due = true;
            self.tell(What::DeleteCq(id), command, dev, ram);
        } else if !sqs.is_empty() {
            let id = self.chance.pick(&sqs);
            self.sqs.get_mut(&id).expect("a queue").deleting = true;
            let mut command = command(admin::DELETE_SQ, 0);
            set(&mut command, 10, id.into());
            self.queue_due = true;
            self.tell(What::DeleteSq(id), command, dev, ram);
        }
    }

    fn feature_is_free(&self, feature: u8) -> bool {
        self.sqs[&0].sent.values().all(|sent| match &sent.what {
            What::SetFeature(other, _) | What::GetFeature(other, _) => *other != feature,
            _ => true,
        })
    }

    fn send_feature(&mut self, dev: &mut Dev, ram: &mut Ram) {
        let vector = self.chance.below(self.config.vectors.into()) as u32;
        let any = self.chance.next() as u32;
        let (feature, value) = match self.chance.below(9) {
            0 => (1, any & 0xffff_ff07),
            1 => (2, any & 0xe0),
            // Nothing is so hot.
            2 => (4, 300 + (any & 0xfff)),
            3 => (5, any & 0xffff),
            4 => (6, any & 1),
            5 => (8, any & 0xffff),
            6 => (9, vector | (any & 0x1_0000)),
            7 => (10, any & 1),
            _ => (11, any & 0xff),
        };
        if !self.feature_is_free(feature) {
            return;
        }
        let nsid = self.chance.pick(&[u32::from(feature == 5), u32::MAX]);
        let mut command = command(admin::SET_FEATURES, nsid);
        set(&mut command, 10, feature.into());
        set(&mut command, 11, value);
        self.tell(What::SetFeature(feature, value), command, dev, ram);
    }

    fn get_feature(&mut self, dev: &mut Dev, ram: &mut Ram) {
        let feature = self.chance.pick(&[1, 2, 4, 5, 6, 7, 8, 9, 10, 11]);
        if !self.feature_is_free(feature) {
            return;
        }
        let which = match feature {
            9 => self.chance.below(self.config.vectors.into()) as u32,
            _ => 0,
        };
        let mut command = command(admin::GET_FEATURES, u32::from(feature == 5));
        set(&mut command, 10, feature.into());
        set(&mut command, 11, which);
        self.tell(What::GetFeature(feature, which), command, dev, ram);
    }

    /// Counters are exact if nothing else is at work.
    pub(super) fn send_smart(&mut self, dev: &mut Dev, ram: &mut Ram) {
        if self.outstanding() > 0 || !self.can_send() {
            return;
        }
        self.alone = true;
        let mut command = command(admin::GET_LOG, u32::MAX);
        set(&mut command, 10, (127 << 16) | 2);
        self.ask(What::Smart, command, 512, dev, ram);
    }

    pub(super) fn send_errors(&mut self, dev: &mut Dev, ram: &mut Ram) {
        if self.outstanding() > 0 || !self.can_send() {
            return;
        }
        self.alone = true;
        let retain = self.chance.once_in(3);
        let mut command = command(admin::GET_LOG, 0);
        set(&mut command, 10, (15 << 16) | 1 | (u32::from(retain) << 15));
        self.ask(What::Errors(retain), command, 64, dev, ram);
    }

    fn send_event(&mut self, dev: &mut Dev, ram: &mut Ram) {
        let event = |sent: &&Sent| matches!(sent.what, What::Event);
        if self.sqs[&0].sent.values().filter(event).count() < 4 {
            self.tell(What::Event, command(admin::EVENT_REQUEST, 0), dev, ram);
        }
    }

    /// An event while one is waited for, or none.
    fn send_abort(&mut self, dev: &mut Dev, ram: &mut Ram) {
        if self.outstanding() > 0 || self.known.event.is_some() {
            return;
        }
        // Both completions need room.
        self.ring_head(0, dev, ram);
        let event = |(_, sent): &(&u16, &Sent)| matches!(sent.what, What::Event);
        let waiting = self.sqs[&0].sent.iter().find(event).map(|(id, _)| *id);
        let id = waiting.filter(|_| !self.chance.once_in(3));
        let mut command = command(admin::ABORT, 0);
        set(&mut command, 10, u32::from(id.unwrap_or(0xfff0)) << 16);
        self.alone = true;
        let what = What::Abort(id.unwrap_or(0), id.is_some());
        self.tell(what, command, dev, ram);
    }

    fn send_shadow(&mut self, dev: &mut Dev, ram: &mut Ram) {
        if self.shadow || self.shadow_due || self.queue_due {
            return;
        }
        for page in [SHADOWS, EVENTS] {
            ram.at_mut(page, PAGE as usize).fill(0);
        }
        let mut command = command(admin::DOORBELL_BUFFER, 0);
        set_prps(&mut command, (SHADOWS, EVENTS));
        self.shadow_due = true;
        self.tell(What::Shadow, command, dev, ram);
    }

    fn send_bad(&mut self, dev: &mut Dev, ram: &mut Ram) {
        let (status, opcode, tenth, eleventh) = match self.chance.below(8) {
            0 => (Status::INVALID_OPCODE, 0xc0, 0, 0),
            1 => (Status::LOG_PAGE, admin::GET_LOG, 0x7f, 0),
            2 => (Status::INVALID_FIELD, admin::IDENTIFY, 0xfe, 0),
            3 => (Status::QUEUE_ID, admin::CREATE_CQ, 1 << 16, 1),
            4 => (Status::QUEUE_ID, admin::DELETE_SQ, 0x55, 0),
            5 => (Status::INVALID_FIELD, admin::SET_FEATURES, 0xd, 0),
            6 => (Status::NOT_SAVEABLE, admin::SET_FEATURES, 0x8000_0006, 0),
            _ => (Status::QUEUE_ID, admin::DELETE_CQ, 0, 0),
        };
        let mut command = command(opcode, 0);
        set(&mut command, 10, tenth);
        set(&mut command, 11, eleventh);
        self.tell(What::Wrong(status), command, dev, ram);
    }

    /// A doorbell of a queue that cannot be, or a value: an event, which is told once the log was
    /// read since the last one.
    pub(super) fn bad_doorbell(&mut self, dev: &mut Dev) {
        if self.known.event.is_some() || self.alone {
            return;
        }
        let (at, what) = match self.chance.below(2) {
            0 => (0x1000 + 500 * 8, 0),
            _ => (0x1000, 1),
        };
        dev.write32(at, 0xffff);
        self.known.event = Some(what);
        self.known.errors.sure(1);
    }
}
