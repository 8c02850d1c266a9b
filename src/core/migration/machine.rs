// SPDX-License-Identifier: GPL-2.0

//! Requests for a state, arc by arc; reset, failure, close.

use super::device::Device;
use super::path;
use super::refused::Refused;
use super::session::{Direction, Front, Load, Opened, Save, Session, SessionId, Transfer};
use super::state::{Activity, Flags, State};
use crate::errno::Errno;
use crate::stream::{Checksum, Fault, Reader, Refusal, Writer};

/// The state of one device's migration, and its session if one is open.
///
/// `B` is the [`Buffer`](Device::Buffer) of the device that each call is given, always the same
/// device. A new machine is that of a device which is not open: [`reset`](Machine::reset) sets it
/// going, [`close`](Machine::close) ends all.
#[derive(Debug)]
pub struct Machine<B> {
    pub(super) state: State,
    pub(super) session: Option<Session<B>>,
    flags: Flags,
    checksum: Checksum,
    activity: Activity,
    /// How many sessions there have been.
    sessions: u64,
}

impl<B: AsRef<[u8]> + AsMut<[u8]>> Machine<B> {
    /// The machine of a device that offers `flags`, and is not open yet.
    pub const fn new(flags: Flags, checksum: Checksum) -> Self {
        Self {
            state: State::Running,
            session: None,
            flags: Flags::STOP_COPY.with(flags),
            checksum,
            activity: Activity::Stopped,
            sessions: 0,
        }
    }

    /// Where it stands.
    pub const fn state(&self) -> State {
        self.state
    }

    /// What the device offers.
    pub const fn flags(&self) -> Flags {
        self.flags
    }

    /// What the device was last told to do. Stopped if it is not open.
    pub const fn activity(&self) -> Activity {
        self.activity
    }

    /// Whose session is open, and which way its bytes go.
    pub fn open_session(&self) -> Option<(Front, Opened)> {
        self.session.as_ref().map(|s| {
            let (id, direction) = (s.id, s.transfer.direction());
            (s.front, Opened { id, direction })
        })
    }

    /// Whether a save is open: what is written must not change then.
    pub fn is_saving(&self) -> bool {
        self.open_session()
            .is_some_and(|(_, opened)| opened.direction == Direction::Save)
    }

    /// Why the load that is open has been refused.
    pub fn refusal(&self) -> Option<Refusal> {
        match &self.session.as_ref()?.transfer {
            Transfer::Load(load) => match load.reader.finish() {
                // That it is not whole yet is no fault.
                Err(r) if !matches!(r.fault(), Fault::Empty | Fault::Cut { .. }) => Some(r),
                _ => None,
            },
            _ => None,
        }
    }

    /// [`next`](path::next) for what this device offers: the path function for every client
    /// interface that brings none of its own.
    pub fn path(&self) -> impl Fn(State, State) -> Result<State, Errno> {
        let flags = self.flags;
        move |from, to| path::next(from, to, flags)
    }

    /// Goes to `to` over the arcs that `next` names: the state that follows the first on the way
    /// to the second.
    ///
    /// A request for the state that it has succeeds and does nothing, whoever asks. Otherwise the
    /// open session must be of the same client interface.
    ///
    /// # Errors
    ///
    /// See [`Refused`]. The state is then the last that was reached on the way. ERROR is never
    /// entered.
    pub fn request<D: Device<Buffer = B>>(
        &mut self,
        front: Front,
        to: State,
        dev: &mut D,
        next: impl Fn(State, State) -> Result<State, Errno>,
    ) -> Result<Option<Opened>, Refused> {
        let from = self.state;
        // ERROR asked for in ERROR is the state that it has, but v1 knows no such request.
        if from == to && (from != State::Error || front == Front::V2) {
            return Ok(None);
        }
        if from == State::Error {
            return Err(Refused::Failed { front });
        }
        let illegal = |_| Refused::Illegal { from, to };
        next(from, to).map_err(illegal)?;
        if let Some(by) = self.held_against(front) {
            return Err(Refused::Busy { by });
        }
        let mut opened = None;
        // No path passes a state twice.
        for _ in State::ALL {
            if self.state == to {
                return Ok(opened);
            }
            let step = next(self.state, to).map_err(illegal)?;
            opened = self.step(step, front, dev)?;
            self.state = step;
        }
        Err(Refused::Illegal { from, to })
    }

    /// The other client interface, if it has a session open.
    pub(super) fn held_against(&self, front: Front) -> Option<Front> {
        let by = self.session.as_ref()?.front;
        (by != front).then_some(by)
    }

    /// Does what an arc asks of the device. If that fails, all is as before.
    fn step<D: Device<Buffer = B>>(
        &mut self,
        to: State,
        front: Front,
        dev: &mut D,
    ) -> Result<Option<Opened>, Refused> {
        use State::{PreCopy, PreCopyP2p, Resuming, Running, RunningP2p, Stop, StopCopy};

        let from = self.state;
        let refused = |errno| Refused::Device { from, to, errno };
        match (from, to) {
            (Running, RunningP2p | Stop)
            | (RunningP2p, Running | Stop)
            | (Stop, Running | RunningP2p)
            | (PreCopy, PreCopyP2p)
            | (PreCopyP2p, PreCopy) => self.enter(to.activity(), dev),
            (PreCopy | PreCopyP2p, StopCopy) => self.freeze(dev).map_err(refused)?,
            (Running, PreCopy) | (RunningP2p, PreCopyP2p) => {
                dev.begin_save().map_err(refused)?;
                return Ok(Some(self.open_save(front)));
            }
            (Stop, StopCopy) => {
                dev.begin_save().map_err(refused)?;
                if let Err(errno) = dev.freeze() {
                    dev.end_save();
                    return Err(refused(errno));
                }
                return Ok(Some(self.open_save(front)));
            }
            (Stop, Resuming) => {
                let buffer = dev.buffer().map_err(refused)?;
                dev.begin_load().map_err(refused)?;
                let reader = Reader::new(buffer, self.checksum);
                let reader = match front {
                    // Its client joins the saves of a migration during which the source went on.
                    Front::V1 => reader.restartable(),
                    Front::V2 => reader,
                };
                let load = Load {
                    reader,
                    begun: true,
                };
                return Ok(Some(self.open(front, Transfer::Load(load))));
            }
            (PreCopy, Running) | (PreCopyP2p, RunningP2p) | (StopCopy, Stop) => {
                self.end_session(dev);
            }
            (Resuming, Stop) => self.commit(dev)?,
            _ => return Err(Refused::Illegal { from, to }),
        }
        Ok(None)
    }

    /// Stops the device for good, in the middle of a save.
    fn freeze<D: Device<Buffer = B>>(&mut self, dev: &mut D) -> Result<(), Errno> {
        if let Some(Transfer::Spent(errno)) = self.session.as_ref().map(|s| &s.transfer) {
            return Err(*errno);
        }
        let before = self.activity;
        self.enter(Activity::Stopped, dev);
        dev.freeze().inspect_err(|_| self.enter(before, dev))
    }

    fn commit<D: Device<Buffer = B>>(&mut self, dev: &mut D) -> Result<(), Refused> {
        if let Some(Transfer::Load(load)) = self.session.as_ref().map(|s| &s.transfer) {
            load.reader.finish().map_err(Refused::Stream)?;
            self.session = None;
            dev.commit();
        }
        Ok(())
    }

    fn open_save(&mut self, front: Front) -> Opened {
        let writer = Writer::new(self.checksum);
        self.open(
            front,
            Transfer::Save(Save {
                writer,
                named: false,
                ended: false,
            }),
        )
    }

    fn open(&mut self, front: Front, transfer: Transfer<B>) -> Opened {
        self.sessions = self.sessions.wrapping_add(1);
        let (id, direction) = (SessionId(self.sessions), transfer.direction());
        self.session = Some(Session {
            id,
            front,
            transfer,
        });
        Opened { id, direction }
    }

    fn end_session<D: Device<Buffer = B>>(&mut self, dev: &mut D) {
        if let Some(session) = self.session.take() {
            session.transfer.end(dev);
        }
    }

    fn enter<D: Device<Buffer = B>>(&mut self, activity: Activity, dev: &mut D) {
        if self.activity != activity {
            self.activity = activity;
            dev.enter(activity);
        }
    }

    /// Back to `state`, after a request that left it failed with `errno` further on: for a client
    /// that knows no states in between. A save that was ended on the way cannot be had back; in
    /// its place stands a session without bytes, which only gives that errno.
    pub(super) fn restore<D: Device<Buffer = B>>(
        &mut self,
        state: State,
        errno: Errno,
        front: Front,
        dev: &mut D,
    ) {
        if self.state == state {
            return;
        }
        if state.is_saving() && self.session.is_none() {
            self.open(front, Transfer::Spent(errno));
        }
        self.state = state;
        self.enter(state.activity(), dev);
    }

    /// Resets the device, from whatever state: it is at work again, the session is dead. This is
    /// also how a device is opened.
    pub fn reset<D: Device<Buffer = B>>(&mut self, dev: &mut D) {
        self.end_session(dev);
        dev.reset();
        self.state = State::Running;
        self.enter(Activity::Running, dev);
    }

    /// The device has failed for good: ERROR until the next reset. Bad data is no such reason.
    pub fn fail<D: Device<Buffer = B>>(&mut self, dev: &mut D) {
        self.end_session(dev);
        self.state = State::Error;
        self.enter(Activity::Stopped, dev);
    }

    /// The last user has closed the device: nothing is left of the session, and it does nothing
    /// until the next [`reset`](Machine::reset).
    pub fn close<D: Device<Buffer = B>>(&mut self, dev: &mut D) {
        self.end_session(dev);
        self.state = State::Running;
        self.enter(Activity::Stopped, dev);
    }
}
