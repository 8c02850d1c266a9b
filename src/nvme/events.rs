// SPDX-License-Identifier: GPL-2.0

//! Asynchronous events (5.2): requests of the guest that wait for one, and events that wait for a
//! request.
//!
//! Of each type one event waits at most; more of the type say nothing new. One that was reported
//! masks its type until the guest reads the log page that belongs to it.

use crate::command::Failure;
use crate::controller::Controller;
use crate::outside::Outside;
use crate::spec::event::{ERROR, HEALTH, INFORMATION, LOG, TYPE};
use crate::spec::log;
use crate::spec::status::Status;
use crate::spec::ADMIN_QUEUE;

/// The most requests that wait.
pub(crate) const MAX_REQUESTS: usize = 4;

/// The types that there are, by their numbers.
pub(crate) const TYPES: usize = 2;
const _: () = assert!(ERROR as usize + 1 == HEALTH as usize && HEALTH as usize + 1 == TYPES);

/// Requests and events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Events {
    /// The ids of the requests; the first was there first.
    pub(crate) requests: [Option<u16>; MAX_REQUESTS],
    /// What waits, by type.
    pub(crate) pending: [Option<u8>; TYPES],
    /// The types that nothing is reported of.
    pub(crate) masked: [bool; TYPES],
}

/// The log page that says more about a type.
fn page(kind: u8) -> u8 {
    match kind {
        ERROR => log::error::LID,
        _ => log::health::LID,
    }
}

impl Events {
    pub(crate) const NONE: Self = Self {
        requests: [None; MAX_REQUESTS],
        pending: [None; TYPES],
        masked: [false; TYPES],
    };

    /// Something happened.
    pub(crate) fn raise(&mut self, kind: u8, what: u8) {
        if let Some(place) = self.pending.get_mut(usize::from(kind)) {
            place.get_or_insert(what);
        }
    }

    /// A request came.
    fn request(&mut self, command: u16) -> Result<(), Failure> {
        let mut free = self.requests.iter_mut().filter(|place| place.is_none());
        let place = free.next().ok_or(Failure::new(Status::EVENT_LIMIT))?;
        *place = Some(command);
        Ok(())
    }

    /// Whether a command is a request that waits.
    pub(crate) fn waits(&self, command: u16) -> bool {
        self.requests.contains(&Some(command))
    }

    /// Takes a request back. Whether there was such.
    pub(crate) fn forget(&mut self, command: u16) -> bool {
        let mut requests = self.requests.iter_mut();
        let found = requests.find(|place| **place == Some(command));
        if let Some(place) = found {
            *place = None;
            self.close_up();
            return true;
        }
        false
    }

    /// The guest has read a log page and wants to hear of its events again.
    pub(crate) fn unmask(&mut self, lid: u8) {
        for (kind, masked) in (0..).zip(&mut self.masked) {
            *masked &= page(kind) != lid;
        }
    }

    fn ready(&self) -> Option<(u8, u8)> {
        let mut kinds = (0..).zip(self.pending.iter().zip(&self.masked));
        kinds.find_map(|(kind, (what, masked))| what.filter(|_| !masked).map(|what| (kind, what)))
    }

    /// Whether there is both an event and a request.
    pub(crate) fn can_report(&self) -> bool {
        matches!(self.requests, [Some(_), ..]) && self.ready().is_some()
    }

    /// The first request, and what it is completed with.
    fn take(&mut self) -> Option<(u16, u32)> {
        let (kind, what) = self.ready()?;
        let [first, ..] = &mut self.requests;
        let command = first.take()?;
        self.close_up();
        if let Some(place) = self.pending.get_mut(usize::from(kind)) {
            *place = None;
        }
        if let Some(place) = self.masked.get_mut(usize::from(kind)) {
            *place = true;
        }
        let dword =
            TYPE.with(kind.into()) | INFORMATION.with(what.into()) | LOG.with(page(kind).into());
        // CAST: all fields are in 32 bits.
        Some((command, dword as u32))
    }

    /// Closes a gap in the requests.
    fn close_up(&mut self) {
        let old = core::mem::replace(&mut self.requests, [None; MAX_REQUESTS]);
        let waiting = old.into_iter().flatten();
        for (place, command) in self.requests.iter_mut().zip(waiting) {
            *place = Some(command);
        }
    }
}

impl Controller {
    /// Asynchronous Event Request (5.2): completed when there is something to say.
    pub(crate) fn request_event(&mut self, command: u16) -> Result<(), Failure> {
        self.events.request(command)
    }

    /// Reports what there is to report, as far as there are requests and room.
    pub(crate) fn report(&mut self, out: &mut Outside<'_>) {
        while self.is_working() && self.queues.has_room(ADMIN_QUEUE) {
            let Some((command, dword)) = self.events.take() else {
                return;
            };
            self.complete(out, ADMIN_QUEUE, command, Ok(dword));
        }
    }
}
