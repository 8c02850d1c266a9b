// SPDX-License-Identifier: GPL-2.0

//! What a test is, and what it has at hand while it runs.

use crate::{
    device::{self, Device},
    sys::Answer,
    table::{self, State},
    target::Target,
};
use nix::errno::Errno;
use std::{
    fmt::{Debug, Display},
    os::fd::{AsFd, OwnedFd},
};

/// Why a test goes no further.
#[derive(Clone, Debug)]
pub(crate) enum Stop {
    /// It cannot be done with this device.
    Skip(String),
    /// Without this the rest has no meaning.
    Fail(String),
}

/// The result of a part of a test.
pub(crate) type Done = Result<(), Stop>;

/// What a test may do to a kernel whose driver has a known kind of bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Risk {
    /// Nothing beyond wrong answers.
    None,
    /// Memory of the kernel is read or written out of bounds, or after it was freed.
    Memory(&'static str),
}

/// One test.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Test {
    /// `group.what`, as one chooses it.
    pub(crate) name: &'static str,
    /// What must be true, in a sentence.
    pub(crate) says: &'static str,
    /// What it may do to a bad driver.
    pub(crate) risk: Risk,
    /// Does it.
    pub(crate) run: fn(&mut Case<'_>) -> Done,
}

impl Test {
    /// A test without risk.
    pub(crate) const fn new(
        name: &'static str,
        says: &'static str,
        run: fn(&mut Case<'_>) -> Done,
    ) -> Self {
        Self {
            name,
            says,
            risk: Risk::None,
            run,
        }
    }

    /// A test that corrupts memory, or reads what it must not, if the driver has this bug.
    pub(crate) const fn risky(mut self, bug: &'static str) -> Self {
        self.risk = Risk::Memory(bug);
        self
    }
}

/// What is asked for on the command line and matters to tests.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// The device.
    pub(crate) target: Target,
    /// A second device, of the same kind.
    pub(crate) peer: Option<Target>,
    /// How often what is repeated is repeated.
    pub(crate) rounds: usize,
    /// What the numbers of storms come from.
    pub(crate) seed: u64,
    /// Whether the device may be removed and created again.
    pub(crate) may_remove: bool,
    /// The protocols that it must offer, if that is known.
    pub(crate) protocols: Option<Vec<String>>,
}

/// A test while it runs.
#[derive(Debug)]
pub(crate) struct Case<'a> {
    settings: &'a Settings,
    problems: Vec<String>,
    notes: Vec<String>,
}

impl<'a> Case<'a> {
    /// A test that begins.
    pub(crate) fn new(settings: &'a Settings) -> Self {
        Self {
            settings,
            problems: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// What was asked for on the command line.
    pub(crate) fn settings(&self) -> &'a Settings {
        self.settings
    }

    /// What was found wrong so far, and what else is worth a comment.
    pub(crate) fn into_findings(self) -> (Vec<String>, Vec<String>) {
        (self.problems, self.notes)
    }

    // --- findings ---

    /// A comment.
    pub(crate) fn note(&mut self, text: impl Into<String>) {
        self.notes.push(text.into());
    }

    /// Something that is wrong.
    pub(crate) fn problem(&mut self, text: impl Into<String>) {
        self.problems.push(text.into());
    }

    /// Wrong unless it is true.
    pub(crate) fn check(&mut self, truth: bool, text: impl FnOnce() -> String) {
        if !truth {
            self.problem(text());
        }
    }

    /// Wrong unless they are equal.
    pub(crate) fn equal<T: PartialEq + Debug>(&mut self, what: impl Display, got: T, wanted: T) {
        self.check(got == wanted, || {
            format!("{what}: wanted {wanted:?}, got {got:?}")
        });
    }

    /// Wrong unless it failed with one of these.
    pub(crate) fn refused<T: Debug>(
        &mut self,
        what: impl Display,
        answer: Answer<T>,
        wanted: &[Errno],
    ) {
        let names = wanted
            .iter()
            .map(|errno| format!("{errno:?}"))
            .collect::<Vec<_>>()
            .join(" or ");
        match answer {
            Ok(value) => self.problem(format!(
                "{what}: wanted {names}, it succeeded with {value:?}"
            )),
            Err(errno) => self.check(wanted.contains(&errno), || {
                format!("{what}: wanted {names}, got {errno:?}")
            }),
        }
    }

    /// Wrong unless it succeeded.
    pub(crate) fn fine<T>(&mut self, what: impl Display, answer: Answer<T>) -> Option<T> {
        answer
            .map_err(|errno| self.problem(format!("{what}: {errno}")))
            .ok()
    }

    // --- devices ---

    /// Opens the device; if it is not in RUNNING, where another test must find it, resets it.
    pub(crate) fn open(&mut self) -> Result<Device, Stop> {
        self.ready(&self.settings.target)
    }

    /// Opens the second device in the same way.
    pub(crate) fn open_peer(&mut self) -> Result<Device, Stop> {
        let peer = self.settings.peer.as_ref();
        self.ready(peer.ok_or_else(|| Stop::Skip("no second device (--peer)".to_owned()))?)
    }

    fn ready(&self, target: &Target) -> Result<Device, Stop> {
        let device = target.open().map_err(Stop::Fail)?;
        // Any client asks this first; some drivers' other answers depend on it.
        must("GET_INFO", device.info(16))?;
        if matches!(device.state(), Ok(state) if state != table::RUNNING) {
            must(
                "reset after opening in another state than RUNNING",
                device.reset(),
            )?;
        }
        Ok(device)
    }

    /// An open device with the FEATURE interface of migration, and its flags.
    pub(crate) fn open_v2(&mut self) -> Result<(Device, u64), Stop> {
        let device = self.open()?;
        let flags = v2_flags(&device)?;
        Ok((device, flags))
    }

    /// The same, with pre-copy.
    pub(crate) fn open_pre_copy(&mut self) -> Result<(Device, u64), Stop> {
        let (device, flags) = self.open_v2()?;
        if !table::has(table::PRE_COPY, flags) {
            return Err(Stop::Skip("the device has no PRE_COPY".to_owned()));
        }
        Ok((device, flags))
    }
}

/// What must succeed for the rest to have a meaning.
pub(crate) fn must<T>(what: impl Display, answer: Answer<T>) -> Result<T, Stop> {
    answer.map_err(|errno| Stop::Fail(format!("{what}: {errno}")))
}

/// The flags of a device that migrates by the FEATURE interface.
pub(crate) fn v2_flags(device: &Device) -> Result<u64, Stop> {
    match device.migration_flags() {
        Ok(flags) => Ok(flags),
        Err(Errno::ENOTTY) => Err(Stop::Skip("the device has no MIGRATION feature".to_owned())),
        Err(errno) => Err(Stop::Fail(format!("GET MIGRATION: {errno}"))),
    }
}

/// Brings a device that runs to a state; the data's file, if that state has one.
pub(crate) fn enter(device: &Device, to: State) -> Result<Option<OwnedFd>, Stop> {
    let file = must(
        format!("RUNNING -> {}", table::name(to)),
        device.set_state(to),
    )?;
    if file.is_none() && (table::saving(to) || to == table::RESUMING) {
        return Err(Stop::Fail(format!(
            "RUNNING -> {}: no file",
            table::name(to)
        )));
    }
    Ok(file)
}

/// The same, for a state that has a file.
pub(crate) fn enter_with_file(device: &Device, to: State) -> Result<OwnedFd, Stop> {
    enter(device, to)?.ok_or_else(|| Stop::Fail(format!("{} has no file", table::name(to))))
}

/// The whole state of a device that runs, read in STOP_COPY; then it runs again.
pub(crate) fn saved(device: &Device) -> Result<Vec<u8>, Stop> {
    let file = enter_with_file(device, table::STOP_COPY)?;
    let stream = must(
        "reading the stream",
        device::read_all(file.as_fd(), 64 * 1024, false),
    )?;
    must("STOP_COPY -> RUNNING", device.set_state(table::RUNNING))?;
    Ok(stream)
}

/// How a load went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Load {
    /// Taken, and the device is in STOP.
    Taken,
    /// Refused by a write, after so many bytes, and then taken all the same at RESUMING -> STOP.
    TakenAfterRefusal(usize, Errno),
    /// Refused by a write, after so many bytes.
    AtWrite(usize, Errno),
    /// Refused at RESUMING -> STOP.
    AtStop(Errno),
}

impl Load {
    /// Whether the device has the state that was written.
    pub(crate) fn committed(self) -> bool {
        matches!(self, Self::Taken | Self::TakenAfterRefusal(..))
    }

    /// The same as an answer.
    pub(crate) fn answer(self) -> Answer<()> {
        match self {
            Self::Taken => Ok(()),
            Self::TakenAfterRefusal(_, errno) | Self::AtWrite(_, errno) | Self::AtStop(errno) => {
                Err(errno)
            }
        }
    }
}

/// Loads a stream into a device that runs, in pieces of this size. Goes on to STOP also after a
/// write was refused, since that must fail too.
pub(crate) fn load(device: &Device, stream: &[u8], piece: usize) -> Result<Load, Stop> {
    let file = enter_with_file(device, table::RESUMING)?;
    let written = device::write_all(file.as_fd(), stream, piece);
    let stopped = device.set_state(table::STOP);
    Ok(match (written, stopped) {
        (Ok(()), Ok(_)) => Load::Taken,
        (Err((done, errno)), Ok(_)) => Load::TakenAfterRefusal(done, errno),
        (Err((done, errno)), Err(_)) => Load::AtWrite(done, errno),
        (Ok(()), Err(errno)) => Load::AtStop(errno),
    })
}
