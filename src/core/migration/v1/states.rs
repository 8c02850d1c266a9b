// SPDX-License-Identifier: GPL-2.0

//! The register `device_state`: a few bits for the states of the machine.
//!
//! Source: `VFIO_DEVICE_STATE_V1_*` in `include/uapi/linux/vfio.h` of the kernel.

use super::{Open, Region};
use crate::errno::Errno;
use crate::migration::{Device, Front, Machine, Opened, Refused, State};

/// What `device_state` reads in a state. The bits are RUNNING, SAVING and RESUMING, from 0 up; SAVING and
/// RESUMING together mean ERROR. What v1 has no word for is what it is part of.
pub const fn value_of(state: State) -> u32 {
    match state {
        State::Stop => 0b000,
        State::Running | State::RunningP2p => 0b001,
        State::StopCopy => 0b010,
        State::PreCopy | State::PreCopyP2p => 0b011,
        State::Resuming => 0b100,
        State::Error => 0b110,
    }
}

/// The state that a client asks for with a value of `device_state`, `None` if it must not.
pub fn state_of(value: u32) -> Option<State> {
    match value {
        0b000 => Some(State::Stop),
        0b001 => Some(State::Running),
        0b010 => Some(State::StopCopy),
        0b011 => Some(State::PreCopy),
        0b100 => Some(State::Resuming),
        _ => None,
    }
}

impl<B: AsRef<[u8]> + AsMut<[u8]>> Region<B> {
    /// A write of `device_state`: as the register's, but with the reason of a refusal.
    ///
    /// # Errors
    ///
    /// See [`Refused`]; a value that is no state that could be asked for is `None`, `EINVAL`. The
    /// state is as before.
    pub fn set_state<D: Device<Buffer = B>>(
        &mut self,
        value: u32,
        machine: &mut Machine<B>,
        dev: &mut D,
    ) -> Result<(), Option<Refused>> {
        let (from, front) = (machine.state(), Front::V1);
        if from == State::Error {
            return Err(Some(Refused::Failed { front }));
        }
        let to = state_of(value).ok_or(None)?;
        if value == value_of(from) {
            // The same to this client, though it may ask for more than its session's owner allows.
            return match machine.held_against(front) {
                Some(_) => Ok(()),
                None => self.go(from, to, machine, dev),
            };
        }
        let offered = machine.flags().has(to.needs());
        if !offered || (from == State::Resuming && to.is_saving()) {
            return Err(Some(Refused::Illegal { from, to }));
        }
        if let Some(by) = machine.held_against(front) {
            return Err(Some(Refused::Busy { by }));
        }
        self.go(from, to, machine, dev).inspect_err(|refused| {
            // A state on the way means nothing to this client.
            let errno = refused.map_or(Errno::Inval, |r| r.errno());
            machine.restore(from, errno, front, dev);
        })
    }

    fn go<D: Device<Buffer = B>>(
        &mut self,
        from: State,
        to: State,
        machine: &mut Machine<B>,
        dev: &mut D,
    ) -> Result<(), Option<Refused>> {
        let record = if opens(from, to) {
            let refused = |errno| Refused::Device { from, to, errno };
            Some(dev.buffer().map_err(refused)?)
        } else {
            None
        };
        let path = machine.path();
        if from == State::StopCopy && to.is_precopy() {
            // The machine knows no such way: a save that starts again.
            machine.request(Front::V1, State::Stop, dev, &path)?;
        }
        let opened = machine.request(Front::V1, to, dev, &path)?;
        if let (Some(Opened { id, .. }), Some(record)) = (opened, record) {
            self.session = Some(Open {
                id,
                record,
                chunk: 0,
                told: false,
            });
        } else if machine.open_session().is_none() {
            self.session = None;
        }
        Ok(())
    }
}

/// Whether a way opens a session.
const fn opens(from: State, to: State) -> bool {
    match (from, to) {
        (State::StopCopy, State::PreCopy) => true,
        (_, State::PreCopy | State::StopCopy) => !from.is_saving(),
        (_, State::Resuming) => !matches!(from, State::Resuming),
        _ => false,
    }
}
