// SPDX-License-Identifier: GPL-2.0

//! The migration of one device: the machine of the core, and what the machine asks of a device,
//! which is the driver's part, the configuration space and the interrupts together.
//!
//! Every change of what a device may do goes through here, also of one that cannot be migrated:
//! opening, closing and reset are the machine's as well.

use crate::{
    data_file::Session,
    driver::Driver,
    function::Device as _,
    migrate::{
        Migrate,
        Unfit, //
    },
    question::Asked,
    state::State,
    worker::Worker, //
};
use core::fmt::{
    self,
    Write, //
};
use kernel::{
    prelude::*,
    str::Formatter,
    sync::Arc, //
};
use migcore::{
    config,
    interrupts::Raised,
    migration::{
        self,
        Activity,
        Borrower,
        Flags,
        Machine,
        Pending,
        Phase,
        SessionId, //
    },
    stream::{
        Kind,
        Taken,
        HEADER,
        MAX_RECORD, //
    },
    Errno, Source,
};

/// What each device that can be migrated offers.
pub(crate) const FLAGS: Flags = Flags::STOP_COPY.with(Flags::P2P).with(Flags::PRE_COPY);

/// Memory for one record.
pub(crate) struct Record(KVVec<u8>);

impl Record {
    pub(crate) fn new() -> Result<Self> {
        Ok(Self(KVVec::from_elem(0, MAX_RECORD, GFP_KERNEL_ACCOUNT)?))
    }
}

impl AsRef<[u8]> for Record {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl AsMut<[u8]> for Record {
    fn as_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

/// What is behind the lock of a device's migration.
pub(crate) struct Migration<T: Driver> {
    pub(crate) machine: Machine<Record>,
    pub(crate) region: migration::v1::Region<Record>,
    pub(crate) sessions: Sessions<T>,
    pub(crate) is_open: bool,
    /// Whether it cannot be opened any more.
    pub(crate) is_retired: bool,
    /// The device's thread while it is open, if it has one.
    pub(crate) worker: Option<Worker>,
    pub(crate) carried: Carried,
}

impl<T: Driver> Migration<T> {
    pub(crate) fn new() -> Self {
        Self {
            machine: Machine::new(FLAGS, crc32c),
            region: migration::v1::Region::new(),
            sessions: Sessions {
                open: None,
                ended: None,
            },
            is_open: false,
            is_retired: false,
            worker: None,
            carried: Carried {
                activity: Activity::Stopped,
                said: Said::Nothing,
                frozen: false,
                load: None,
            },
        }
    }
}

/// The data files of a device.
pub(crate) struct Sessions<T: Driver> {
    /// That of the session that the second interface opened last.
    open: Option<(SessionId, Arc<Session<T>>)>,
    /// One that another took the place of.
    ended: Option<Arc<Session<T>>>,
}

impl<T: Driver> Sessions<T> {
    /// A session was opened.
    pub(crate) fn open(&mut self, id: SessionId, session: Arc<Session<T>>) {
        self.ended = self.open.replace((id, session)).map(|(_, ended)| ended);
    }

    /// The session of a file, if it is open.
    pub(crate) fn id_of(
        &self,
        session: &Session<T>,
        machine: &Machine<Record>,
    ) -> Option<SessionId> {
        let (id, open) = self.open.as_ref()?;
        let (_, opened) = machine.open_session()?;
        (opened.id == *id && core::ptr::eq(&raw const **open, session)).then_some(*id)
    }

    /// The file of a session that is over, which is to be cut once the device's lock is released:
    /// who uses it may be waiting for that.
    pub(crate) fn take_ended(&mut self, machine: &Machine<Record>) -> Option<Arc<Session<T>>> {
        let ended = self.ended.take();
        let now = machine.open_session().map(|(_, opened)| opened.id);
        ended.or_else(|| {
            let (_, session) = self.open.take_if(|(id, _)| Some(*id) != now)?;
            Some(session)
        })
    }
}

/// The kernel's CRC32C, which may use instructions for it.
fn crc32c(crc: u32, bytes: &[u8]) -> u32 {
    // SAFETY: Reads so many bytes from there.
    unsafe { crate::bindings::crc32c(crc, bytes.as_ptr().cast(), bytes.len()) }
}

/// How far a device is on its way, beside what the machine knows.
pub(crate) struct Carried {
    /// What the device may do now.
    pub(crate) activity: Activity,
    /// Which of the framework's records the stopped device has given.
    said: Said,
    /// Whether the device that is saved was stopped for it.
    frozen: bool,
    load: Option<Load>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Said {
    Nothing,
    Config,
    All,
}

/// What was loaded until now.
#[derive(Default)]
struct Load {
    source: Option<Source<'static>>,
    config: Option<[u8; config::SIZE]>,
    raised: Option<Raised>,
}

/// A device, as the machine sees it.
pub(crate) struct Adapter<'a, T: Driver> {
    pub(crate) state: &'a State<T>,
    pub(crate) carried: &'a mut Carried,
}

/// Counts the bytes of a text.
struct Length(usize);

impl Write for Length {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 += text.len();
        Ok(())
    }
}

/// The machine's name of an error: `EIO` if it has none.
pub(crate) fn errno_of(error: Error) -> Errno {
    Errno::from_number(-error.to_errno()).unwrap_or(Errno::Io)
}

/// The kernel's name of an error.
pub(crate) fn error_of(errno: Errno) -> Error {
    Error::from_errno(-errno.number())
}

impl<T: Driver> Adapter<'_, T> {
    /// The driver's device. There is one while the mdev is open, which is when the machine works.
    fn device(&self) -> Result<&T::Device, Errno> {
        self.state.device().ok_or(Errno::NoDev)
    }

    fn refuse(&self, errno: Errno, why: fmt::Arguments<'_>) -> Errno {
        self.state.warn(format_args!("migration: {errno}: {why}"));
        errno
    }

    fn unfit(&self, what: fmt::Arguments<'_>, unfit: Unfit) -> Errno {
        match unfit {
            Unfit::Invalid(why) => self.refuse(Errno::Inval, format_args!("{what}: {why}")),
            Unfit::Value { what: value, found } => self.refuse(
                Errno::Inval,
                format_args!("{what}: {value} is {found:#x}, which cannot be here"),
            ),
            Unfit::Failed(error) => errno_of(error),
        }
    }

    /// The version of the format that is written, and whether it carries all that there is.
    fn check_version(&self) -> Result<u64, Errno> {
        let version = self.state.format();
        match self.device()?.check_version(version) {
            Ok(()) => Ok(version),
            Err(field) => Err(self.refuse(
                Errno::Range,
                format_args!(
                    "state version {version} cannot carry {field}: write a newer one to \
                     state_version, or keep the device here"
                ),
            )),
        }
    }

    /// The source of the stream that is loaded, and the version of its format.
    fn source(&self) -> Result<(Source<'static>, u64), Errno> {
        let source = self.carried.load.as_ref().and_then(|load| load.source);
        let source = source.ok_or(Errno::Inval)?;
        Ok((source, State::<T>::nearest_format(source.state)))
    }

    /// Bytes of the framework's records that are still to come.
    fn own_bytes(&self) -> u64 {
        let raised = Raised::len_of(self.state.context().interrupts().vectors());
        let bytes = match self.carried.said {
            Said::Nothing => 2 * HEADER + config::SIZE + raised,
            Said::Config => HEADER + raised,
            Said::All => 0,
        };
        bytes as u64
    }
}

impl<T: Driver> migration::Device for Adapter<'_, T> {
    type Buffer = Record;

    fn buffer(&mut self) -> Result<Record, Errno> {
        Record::new().map_err(errno_of)
    }

    fn enter(&mut self, activity: Activity) {
        self.state.enter(&mut self.carried.activity, activity);
    }

    fn begin_save(&mut self) -> Result<(), Errno> {
        let version = self.check_version()?;
        let begun = self.device()?.begin_save(self.state.context(), version);
        begun.map_err(errno_of)?;
        self.carried.said = Said::Nothing;
        self.carried.frozen = false;
        Ok(())
    }

    fn freeze(&mut self) -> Result<(), Errno> {
        self.check_version()?;
        self.carried.frozen = true;
        Ok(())
    }

    fn version(&mut self, out: &mut [u8]) -> usize {
        let mut line = Formatter::new(out);
        let written = self
            .state
            .with_stated(|place| write!(line, "{}", place.version()));
        match written {
            Ok(()) => line.bytes_written(),
            // No line is longer than a page, of which there is more room.
            Err(fmt::Error) => 0,
        }
    }

    fn version_len(&mut self) -> usize {
        let mut len = Length(0);
        let written = self
            .state
            .with_stated(|place| write!(len, "{}", place.version()));
        written.map_or(0, |()| len.0)
    }

    fn lend(&mut self, phase: Phase, to: &mut Borrower<'_>) -> Result<(), Errno> {
        if phase == Phase::Stopped && self.carried.said != Said::All {
            return Ok(());
        }
        let (context, version) = (self.state.context(), self.state.format());
        self.device()?
            .lend(context, version, phase, to)
            .map_err(errno_of)
    }

    fn produce(
        &mut self,
        phase: Phase,
        payload: &mut [u8],
    ) -> Result<Option<(Kind, usize)>, Errno> {
        let context = self.state.context();
        if phase == Phase::Stopped {
            match self.carried.said {
                Said::Nothing => {
                    let bytes = self.state.config().save().ok_or(Errno::NoDev)?;
                    let room = payload.get_mut(..bytes.len()).ok_or(Errno::Inval)?;
                    room.copy_from_slice(&bytes);
                    self.carried.said = Said::Config;
                    return Ok(Some((Kind::CONFIG, bytes.len())));
                }
                Said::Config => {
                    let len = context.interrupts().raised().save(payload);
                    self.carried.said = Said::All;
                    return Ok(Some((Kind::INTERRUPTS, len)));
                }
                Said::All => {}
            }
        }
        let version = self.state.format();
        self.device()?
            .produce(context, version, phase, payload)
            .map_err(errno_of)
    }

    fn pending(&mut self) -> Pending {
        let Some(device) = self.state.device() else {
            return Pending::default();
        };
        let version = self.state.format();
        if !self.carried.frozen {
            return device.pending(version, Phase::PreCopy);
        }
        let mut pending = device.pending(version, Phase::Stopped);
        pending.dirty = pending.dirty.saturating_add(self.own_bytes());
        pending
    }

    fn size(&mut self) -> u64 {
        let version = self.state.format();
        let device = self.state.device().map_or(0, |device| device.size(version));
        let own = 2 * HEADER + config::SIZE + migcore::interrupts::MAX_BYTES;
        device.saturating_add(own as u64)
    }

    fn end_save(&mut self) {
        self.carried.frozen = false;
        if let Some(device) = self.state.device() {
            device.end_save(self.state.context());
        }
    }

    fn begin_load(&mut self) -> Result<(), Errno> {
        self.device()?
            .begin_load(self.state.context())
            .map_err(errno_of)?;
        self.carried.load = Some(Load::default());
        Ok(())
    }

    fn judge(&mut self, line: &str) -> Result<(), Errno> {
        let limit = &self.state.limit;
        let dev = self.state.dev();
        self.state
            .with_own(|place| Asked { dev, limit, place }.judge(line))?;
        let source = Source::of(line, T::CONTRACT).and_then(|source| {
            // Accepted, hence of the set.
            let like = self.state.kind().like;
            let type_name = like.iter().find(|name| **name == source.type_name)?;
            Some(Source {
                type_name,
                ..source
            })
        });
        let load = self.carried.load.as_mut().ok_or(Errno::Inval)?;
        load.source = Some(source.ok_or(Errno::Inval)?);
        Ok(())
    }

    fn accept(&mut self, kind: Kind, payload: &[u8]) -> Result<Taken, Errno> {
        let (_, version) = self.source()?;
        let twice = |what| self.refuse(Errno::Inval, format_args!("{what} twice"));
        let load = self.carried.load.as_ref().ok_or(Errno::Inval)?;
        match kind {
            Kind::CONFIG if load.config.is_some() => Err(twice("configuration space")),
            Kind::CONFIG => {
                let checked = self.state.config().check(payload);
                let config =
                    checked.map_err(|error| self.refuse(Errno::Inval, format_args!("{error}")))?;
                if let Some(load) = &mut self.carried.load {
                    load.config = Some(config);
                }
                Ok(Taken::Yes)
            }
            Kind::INTERRUPTS if load.raised.is_some() => Err(twice("interrupts")),
            Kind::INTERRUPTS => {
                let checked = self.state.context().interrupts().check_raised(payload);
                let raised =
                    checked.map_err(|error| self.refuse(Errno::Inval, format_args!("{error}")))?;
                if let Some(load) = &mut self.carried.load {
                    load.raised = Some(raised);
                }
                Ok(Taken::Yes)
            }
            kind => self
                .device()?
                .accept(self.state.context(), version, kind, payload)
                .map_err(|unfit| self.unfit(format_args!("record {kind}"), unfit)),
        }
    }

    fn complete(&mut self) -> Result<(), Errno> {
        let (source, version) = self.source()?;
        let missing = |what| self.refuse(Errno::Inval, format_args!("no {what} in the stream"));
        let load = self.carried.load.as_ref().ok_or(Errno::Inval)?;
        if load.config.is_none() {
            return Err(missing("configuration space"));
        }
        if load.raised.is_none() {
            return Err(missing("interrupts"));
        }
        self.device()?
            .complete(version, &source)
            .map_err(|unfit| self.unfit(format_args!("the records together"), unfit))
    }

    fn commit(&mut self) {
        // All of it is there, as `complete` agreed.
        let Some(Load {
            source: Some(source),
            config: Some(config),
            raised: Some(raised),
        }) = self.carried.load.take()
        else {
            return;
        };
        let context = self.state.context();
        self.state.state_as(&source);
        self.state.config().load(context, &config);
        context.interrupts().raise(&raised);
        if let Some(device) = self.state.device() {
            device.commit(context, &source);
        }
    }

    fn abandon(&mut self) {
        self.carried.load = None;
        if let Some(device) = self.state.device() {
            device.abandon(self.state.context());
        }
    }

    fn reset(&mut self) {
        // Whatever it does stops first. What it may do afterwards the caller says.
        self.enter(Activity::Stopped);
        self.state.config().reset(self.state.context());
        // After the interrupts: what it raises at its reset must not be forgotten.
        if let Some(device) = self.state.device() {
            device.reset(self.state.context());
        }
    }
}
