// SPDX-License-Identifier: GPL-2.0

//! The states of a migration, and what a device does in each.
//!
//! Source: `enum vfio_device_mig_state` and the text above it in the kernel's
//! `include/uapi/linux/vfio.h`.

use core::fmt;

/// A state of `enum vfio_device_mig_state`, by the number that it has there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// The device has failed; only a reset leaves this state.
    Error = 0,
    /// Stopped: no DMA, no interrupts, no change of what it holds.
    Stop = 1,
    /// At work. The state at open and after a reset.
    Running = 2,
    /// Stopped; what it holds is read out.
    StopCopy = 3,
    /// Stopped; it is given what another device held.
    Resuming = 4,
    /// At work, but starts nothing of its own: no DMA to its peers.
    RunningP2p = 5,
    /// At work, while what it holds is read out.
    PreCopy = 6,
    /// As [`RunningP2p`](State::RunningP2p), while what it holds is read out.
    PreCopyP2p = 7,
}

impl State {
    /// Every state, in the order of the numbers.
    pub const ALL: [State; 8] = [
        State::Error,
        State::Stop,
        State::Running,
        State::StopCopy,
        State::Resuming,
        State::RunningP2p,
        State::PreCopy,
        State::PreCopyP2p,
    ];

    /// The state of a number that a client gave, `None` if there is none.
    pub fn from_number(number: u32) -> Option<Self> {
        State::ALL.into_iter().find(|s| s.number() == number)
    }

    /// Its number in `enum vfio_device_mig_state`.
    pub const fn number(self) -> u32 {
        self as u32
    }

    /// Its name there, without the prefix `VFIO_DEVICE_STATE_`.
    pub const fn name(self) -> &'static str {
        match self {
            State::Error => "ERROR",
            State::Stop => "STOP",
            State::Running => "RUNNING",
            State::StopCopy => "STOP_COPY",
            State::Resuming => "RESUMING",
            State::RunningP2p => "RUNNING_P2P",
            State::PreCopy => "PRE_COPY",
            State::PreCopyP2p => "PRE_COPY_P2P",
        }
    }

    /// Whether it is of the saving group, whose states share one session.
    pub const fn is_saving(self) -> bool {
        matches!(self, State::StopCopy | State::PreCopy | State::PreCopyP2p)
    }

    /// Whether the device is at work while it is saved.
    pub const fn is_precopy(self) -> bool {
        matches!(self, State::PreCopy | State::PreCopyP2p)
    }

    /// What the device does in this state.
    pub const fn activity(self) -> Activity {
        match self {
            State::Running | State::PreCopy => Activity::Running,
            State::RunningP2p | State::PreCopyP2p => Activity::Quiet,
            State::Error | State::Stop | State::StopCopy | State::Resuming => Activity::Stopped,
        }
    }

    /// What a device must offer for this state to exist.
    pub const fn needs(self) -> Flags {
        match self {
            State::RunningP2p => Flags::STOP_COPY.with(Flags::P2P),
            State::PreCopy => Flags::STOP_COPY.with(Flags::PRE_COPY),
            State::PreCopyP2p => Flags::STOP_COPY.with(Flags::P2P).with(Flags::PRE_COPY),
            _ => Flags::STOP_COPY,
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What a device is allowed to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Activity {
    /// All that it can.
    Running,
    /// It answers accesses to its registers, but starts nothing of its own: no DMA, no interrupt
    /// for work of its own.
    Quiet,
    /// Nothing that anybody could see: no DMA, no interrupt, no change of what it holds.
    Stopped,
}

/// What a device offers: the bits of `struct vfio_device_feature_migration`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Flags(u32);

impl Flags {
    /// The states that every migratable device has.
    pub const STOP_COPY: Flags = Flags(1 << 0);
    /// [`RunningP2p`](State::RunningP2p); with `PRE_COPY` also [`PreCopyP2p`](State::PreCopyP2p).
    pub const P2P: Flags = Flags(1 << 1);
    /// [`PreCopy`](State::PreCopy).
    pub const PRE_COPY: Flags = Flags(1 << 2);

    /// These and those.
    pub const fn with(self, other: Flags) -> Flags {
        Flags(self.0 | other.0)
    }

    /// Whether all of `other` are among these.
    pub const fn has(self, other: Flags) -> bool {
        self.0 & other.0 == other.0
    }

    /// The bits, as the client sees them.
    pub const fn bits(self) -> u32 {
        self.0
    }
}

impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = [
            (Flags::STOP_COPY, "STOP_COPY"),
            (Flags::P2P, "P2P"),
            (Flags::PRE_COPY, "PRE_COPY"),
        ];
        let mut first = true;
        for (_, name) in names.into_iter().filter(|(flag, _)| self.has(*flag)) {
            write!(f, "{}{name}", if first { "" } else { "+" })?;
            first = false;
        }
        Ok(())
    }
}
