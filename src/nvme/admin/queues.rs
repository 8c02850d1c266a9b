// SPDX-License-Identifier: GPL-2.0

//! Creating and deleting I/O queues (5.3 to 5.6).

use crate::command::{dword10, dword11, Command, Failure};
use crate::controller::Controller;
use crate::outside::Outside;
use crate::queue::{Completion, Submission, MAX_ENTRIES};
use crate::spec::command::queue::{CQID, IEN, IV, PC, QID, QSIZE};
use crate::spec::command::{self, CDW10, CDW11, PRP1};
use crate::spec::registers::cc;
use crate::spec::status::Status;
use crate::spec::{completion, Bits, ADMIN_QUEUE, PAGE};

const NO_SUCH_QUEUE: Failure = dword10(Status::QUEUE_ID, QID);

/// What both kinds of queues are created from.
struct Wanted {
    id: u16,
    entries: u16,
    base: u64,
    more: u64,
}

impl Controller {
    /// What both kinds of queues have in common. `size` is where CC has the size of an entry,
    /// which must be `shift` by now.
    fn wanted(&self, command: &Command, size: Bits, shift: u64) -> Result<Wanted, Failure> {
        let (first, more) = (command.get(CDW10), command.get(CDW11));
        // CAST: 16 bits.
        let id = QID.of(first) as u16;
        if !self.is_io_queue(id) {
            return Err(NO_SUCH_QUEUE);
        }
        // CAST: checked to be small; from 0 there is nothing to add.
        let last = QSIZE.of(first) as u32;
        let bad_size = dword10(Status::QUEUE_SIZE, QSIZE);
        if last == 0 || last >= MAX_ENTRIES || size.of(self.registers.cc.into()) != shift {
            return Err(bad_size);
        }
        let entries = (last as u16).wrapping_add(1);
        if !PC.any(more) {
            return Err(dword11(Status::INVALID_FIELD, PC));
        }
        let base = command.get(PRP1);
        if base % PAGE as u64 != 0 {
            return Err(Failure::field(Status::PRP_OFFSET, PRP1));
        }
        Ok(Wanted {
            id,
            entries,
            base,
            more,
        })
    }

    fn is_io_queue(&self, id: u16) -> bool {
        id != ADMIN_QUEUE && id <= self.config.queues
    }

    /// Create I/O Completion Queue (5.3).
    pub(super) fn create_completion(&mut self, command: &Command) -> Result<(), Failure> {
        let wanted = self.wanted(command, cc::IOCQES, completion::SIZE_SHIFT)?;
        // CAST: 16 bits.
        let vector = IV.of(wanted.more) as u16;
        let place = self.queues.completion.get_mut(usize::from(wanted.id));
        let place = place.filter(|place| place.is_none()).ok_or(NO_SUCH_QUEUE)?;
        if vector >= self.config.vectors {
            return Err(dword11(Status::VECTOR, IV));
        }
        let interrupts = IEN.any(wanted.more);
        *place = Some(Completion::new(
            wanted.base,
            wanted.entries,
            vector,
            interrupts,
        ));
        Ok(())
    }

    /// Create I/O Submission Queue (5.4).
    pub(super) fn create_submission(&mut self, command: &Command) -> Result<(), Failure> {
        let wanted = self.wanted(command, cc::IOSQES, command::SIZE_SHIFT)?;
        // CAST: 16 bits.
        let completion = CQID.of(wanted.more) as u16;
        if !self.is_io_queue(completion) {
            return Err(dword11(Status::QUEUE_ID, CQID));
        }
        if self.queues.completion(completion).is_none() {
            return Err(dword11(Status::COMPLETION_QUEUE, CQID));
        }
        let place = self.queues.submission.get_mut(usize::from(wanted.id));
        let place = place.filter(|place| place.is_none()).ok_or(NO_SUCH_QUEUE)?;
        *place = Some(Submission::new(wanted.base, wanted.entries, completion));
        Ok(())
    }

    /// Delete I/O Submission Queue (5.6). Commands that were not taken yet are never completed.
    pub(super) fn delete_submission(&mut self, command: &Command) -> Result<(), Failure> {
        // CAST: 16 bits.
        let id = QID.of(command.get(CDW10)) as u16;
        let place = self.queues.submission.get_mut(usize::from(id));
        let place = place.filter(|place| id != ADMIN_QUEUE && place.is_some());
        *place.ok_or(NO_SUCH_QUEUE)? = None;
        Ok(())
    }

    /// Delete I/O Completion Queue (5.5).
    pub(super) fn delete_completion(
        &mut self,
        out: &mut Outside<'_>,
        command: &Command,
    ) -> Result<(), Failure> {
        // CAST: 16 bits.
        let id = QID.of(command.get(CDW10)) as u16;
        let used = self.queues.is_used(id);
        let place = self.queues.completion.get_mut(usize::from(id));
        let place = place.filter(|place| id != ADMIN_QUEUE && place.is_some());
        let place = place.ok_or(NO_SUCH_QUEUE)?;
        if used {
            return Err(dword10(Status::QUEUE_DELETION, QID));
        }
        *place = None;
        self.update_line(out.interrupts);
        Ok(())
    }
}
