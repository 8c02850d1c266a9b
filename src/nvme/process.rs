// SPDX-License-Identifier: GPL-2.0

//! The loop over the queues: commands are taken, executed and completed (7.2).

use crate::command::{Command, Failure};
use crate::controller::Controller;
use crate::outside::{Interrupts, Media, Outside};
use crate::queue::QUEUES;
use crate::spec::command;
use crate::spec::completion::{self, MORE, PHASE};
use crate::spec::feature::{BURST, NO_LIMIT};
use crate::spec::status::Status;
use crate::spec::ADMIN_QUEUE;

/// What a command has come to.
pub(crate) enum Outcome {
    /// It is done, with this in dword 0.
    Done(u32),
    /// It will be completed later.
    Later,
}

/// Commands of one queue in a row, when the guest sets no limit.
const LONGEST_BURST: u32 = 32;

impl Controller {
    /// Does a piece of work: whatever registers were written asks for, and commands for about
    /// `budget` units, of which each command takes one, and one more for each page that it moves.
    /// A command may exceed that by its own size, at most [`MAX_TRANSFER`](crate::MAX_TRANSFER).
    /// Whether there is more to do, without anybody writing a register.
    #[must_use = "commands may wait for being processed"]
    pub fn process(&mut self, out: &mut Outside<'_>, budget: u32) -> bool {
        let start = out.clock.now();
        self.shut_down(out.media);
        let mut more = false;
        let working = self.is_working();
        if working {
            self.health.go_on(start);
            let mut left = budget.max(1);
            self.poll(out);
            self.report(out);
            while left > 0 && self.is_working() && self.round(out, &mut left) {}
            self.report(out);
            more = self.has_work();
            if self.is_working() && !more {
                more = self.ask_to_ring(out);
            }
        }
        self.deliver(out.interrupts);
        if working {
            self.health.was_busy(start, out.clock.now());
        } else {
            self.health.rest();
        }
        more && self.is_working()
    }

    /// What of [`process`](Controller::process) a function without Bus Master Enable may do (PCI
    /// Local Bus 3.0, 6.2.2): it accesses no memory, so commands, completions and events wait until
    /// `process` is called again. Registers and the line work on.
    pub fn attend(&mut self, media: &mut dyn Media, interrupts: &mut dyn Interrupts) {
        self.shut_down(media);
        self.deliver(interrupts);
        // One that works is on all the same.
        if !self.is_working() {
            self.health.rest();
        }
    }

    /// Whether a call of [`process`](Controller::process) would do something.
    pub fn has_work(&self) -> bool {
        let waiting = self
            .queues
            .submission
            .iter()
            .flatten()
            .any(|queue| queue.ring.used() > 0 && self.queues.has_room(queue.completion));
        self.job.is_some()
            || waiting
            || (self.events.can_report() && self.queues.has_room(ADMIN_QUEUE))
    }

    /// Gives each queue its turn. Whether anything was done.
    fn round(&mut self, out: &mut Outside<'_>, left: &mut u32) -> bool {
        if self.job.is_some() {
            self.go_on_with_job(out, left);
            return true;
        }
        let mut any = false;
        for _ in 0..QUEUES {
            let id = self.turn;
            // CAST: a few queues.
            self.turn = match id.wrapping_add(1) {
                next if next < QUEUES as u16 => next,
                _ => ADMIN_QUEUE,
            };
            let mut burst = match BURST.of(self.features.arbitration.into()) {
                NO_LIMIT => LONGEST_BURST,
                // CAST: three bits.
                power => 1_u32.wrapping_shl(power as u32).min(LONGEST_BURST),
            };
            while burst > 0 && self.step(out, id, left) {
                any = true;
                burst = burst.wrapping_sub(1);
                if *left == 0 || self.job.is_some() || !self.is_working() {
                    return true;
                }
            }
        }
        any
    }

    /// Takes a queue's next command. Whether there was one.
    fn step(&mut self, out: &mut Outside<'_>, id: u16, left: &mut u32) -> bool {
        let Some(queue) = self.queues.submission(id) else {
            return false;
        };
        let (next, completion) = (queue.next(), queue.completion);
        let Some(at) = next.filter(|_| self.queues.has_room(completion)) else {
            return false;
        };
        let mut command = Command([0; command::SIZE]);
        if out.memory.read(at, &mut command.0).is_err() {
            self.fatal();
            return false;
        }
        if let Some(queue) = self.queues.submission(id) {
            queue.advance();
        }
        *left = left.saturating_sub(1);
        let result = match id {
            ADMIN_QUEUE => self.administer(out, &command),
            _ => self.execute(out, id, &command, left),
        };
        match result {
            Ok(Outcome::Later) => {}
            Ok(Outcome::Done(dword)) => self.complete(out, id, command.id(), Ok(dword)),
            Err(failure) => {
                self.note(id, &command, failure);
                self.complete(out, id, command.id(), Err(failure));
            }
        }
        true
    }

    /// Keeps the reason of a failure, for the guest to ask.
    pub(crate) fn note(&mut self, id: u16, command: &Command, failure: Failure) {
        self.errors.add(id, command, failure);
    }

    /// Puts an entry into the completion queue (4.6), which must have room.
    pub(crate) fn complete(
        &mut self,
        out: &mut Outside<'_>,
        id: u16,
        command: u16,
        result: Result<u32, Failure>,
    ) {
        let Some(submission) = self.queues.submission(id).copied() else {
            return;
        };
        let Some(queue) = self.queues.completion(submission.completion) else {
            return;
        };
        if queue.ring.room() == 0 {
            self.fatal();
            return;
        }
        let (at, phase) = queue.next();
        let (dword, status) = match result {
            Ok(dword) => (dword, Status::SUCCESS.bits()),
            // CAST: a bit of 16.
            Err(failure) => (0, failure.status.bits() | MORE.mask() as u16),
        };
        let status = u64::from(status) | PHASE.with(phase.into());
        let mut entry = [0; completion::SIZE];
        completion::DW0.put(&mut entry, dword.into());
        completion::SQHD.put(&mut entry, submission.ring.head.into());
        completion::SQID.put(&mut entry, id.into());
        completion::CID.put(&mut entry, command.into());
        completion::STATUS.put(&mut entry, status.into());
        // The phase tag says that the rest is there, so it goes last.
        let (rest, last) = entry.split_at(completion::CID.at);
        let tag = at.wrapping_add(completion::CID.at as u64);
        if out.memory.write(at, rest).is_err() || out.memory.write(tag, last).is_err() {
            self.fatal();
            return;
        }
        queue.advance();
        let (interrupts, vector) = (queue.interrupts, queue.vector);
        if interrupts {
            self.raise(vector);
        }
    }
}
