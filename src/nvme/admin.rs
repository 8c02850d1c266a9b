// SPDX-License-Identifier: GPL-2.0

//! The commands of administration (5).

mod features;
mod identify;
mod log_page;
mod queues;

use crate::command::{dword10, Command, Failure, BAD_OPCODE};
use crate::controller::Controller;
use crate::doorbell::Shadow;
use crate::outside::Outside;
use crate::process::Outcome;
use crate::prp::Prps;
use crate::spec::command::{abort, PRP1, PRP2};
use crate::spec::opcode::admin;
use crate::spec::status::Status;
use crate::spec::{ADMIN_QUEUE, PAGE};

/// Commands that Abort can wait for, less 1 (ACL, 5.15.2.2): it is done at once.
const ABORT_LIMIT: u8 = 3;

impl Controller {
    /// Executes a command of administration.
    pub(crate) fn administer(
        &mut self,
        out: &mut Outside<'_>,
        command: &Command,
    ) -> Result<Outcome, Failure> {
        let opcode = command.opcode();
        if !admin::ALL.contains(&opcode) {
            return Err(BAD_OPCODE);
        }
        command.check_flags()?;
        if self.events.waits(command.id()) {
            return Err(Failure::field(
                Status::ID_CONFLICT,
                crate::spec::command::CID,
            ));
        }
        let done = Ok(Outcome::Done(0));
        match opcode {
            admin::DELETE_SQ => self.delete_submission(command).and(done),
            admin::CREATE_SQ => self.create_submission(command).and(done),
            admin::GET_LOG => self.get_log(out, command).and(done),
            admin::DELETE_CQ => self.delete_completion(out, command).and(done),
            admin::CREATE_CQ => self.create_completion(command).and(done),
            admin::IDENTIFY => self.identify(out, command).and(done),
            admin::ABORT => Ok(Outcome::Done(self.abort(out, command))),
            admin::SET_FEATURES => self.set_feature(command).map(Outcome::Done),
            admin::GET_FEATURES => self.get_feature(command).map(Outcome::Done),
            admin::EVENT_REQUEST => {
                self.request_event(command.id())?;
                Ok(Outcome::Later)
            }
            _ => self.doorbell_buffer(out, command).and(done),
        }
    }

    /// Abort (5.1). Only requests for events are ever there to be aborted: all other commands are
    /// done before the next one is looked at.
    fn abort(&mut self, out: &mut Outside<'_>, command: &Command) -> u32 {
        let dword = command.get(crate::spec::command::CDW10);
        // CAST: 16 bits each.
        let (queue, id) = (abort::SQID.of(dword) as u16, abort::CID.of(dword) as u16);
        // Both completions need room; there is room for one.
        let admin = self.queues.completion(ADMIN_QUEUE);
        let room = admin.is_some_and(|queue| queue.ring.room() > 1);
        if queue != ADMIN_QUEUE || !room || !self.events.forget(id) {
            return abort::NOT_ABORTED;
        }
        let aborted = Err(Failure::new(Status::ABORT_REQUESTED));
        self.complete(out, ADMIN_QUEUE, id, aborted);
        0
    }

    /// Doorbell Buffer Config (5.7).
    fn doorbell_buffer(&mut self, out: &mut Outside<'_>, command: &Command) -> Result<(), Failure> {
        let (doorbells, events) = command.prps();
        for (address, field) in [(doorbells, PRP1), (events, PRP2)] {
            if address % PAGE as u64 != 0 {
                return Err(Failure::field(Status::INVALID_FIELD, field));
            }
        }
        let shadow = Shadow { doorbells, events };
        self.use_shadow(shadow, out.memory);
        Ok(())
    }

    /// Sends a structure that stands in the scratch room: `len` bytes of it from `from` on, where
    /// the command asked for `asked`.
    fn send(
        &self,
        out: &mut Outside<'_>,
        command: &Command,
        asked: usize,
        (from, len): (usize, usize),
    ) -> Result<(), Failure> {
        let data = out.scratch.iter().as_slice();
        let data = data.get(from..).and_then(|data| data.get(..len));
        let data = data.ok_or(dword10(Status::INTERNAL, crate::spec::command::log::NUMDL))?;
        Prps::new(command.prps(), asked)?.write(out.memory, data)
    }
}

/// The first bytes of the scratch room, all zeroes.
fn cleared<'a>(out: &'a mut Outside<'_>, len: usize) -> &'a mut [u8] {
    let page = out.scratch.get_mut(..len).unwrap_or_default();
    page.fill(0);
    page
}
