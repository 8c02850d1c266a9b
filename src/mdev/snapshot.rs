// SPDX-License-Identifier: GPL-2.0

//! Devices that hold so little that one record carries all of it.

use crate::{
    function::{
        Context,
        Device,
        New, //
    },
    migrate::{
        Migrate,
        Unfit, //
    },
};
use kernel::{
    new_mutex,
    prelude::*,
    sync::Mutex, //
};
use migcore::{
    migration::{
        Activity,
        Pending,
        Phase, //
    },
    stream::{
        Kind,
        Taken,
        HEADER, //
    },
    Source,
};

/// The record: the first of the namespace's own kinds.
const RECORD: Kind = Kind::own(0);

/// A device whose state is a few bytes. It is never worth sending them before the device was
/// stopped, and a [`Whole`] of it is all that migration takes.
pub trait Snapshot: Device {
    /// A state that was looked at and is not in force yet.
    type Loaded: Send + Unpin + 'static;

    /// As [`Migrate::check_version`].
    fn check_version(&self, version: u64) -> Result<(), &'static str>;

    /// How many bytes the state has in `version`; at most
    /// [`MAX_PAYLOAD`](migcore::stream::MAX_PAYLOAD).
    fn len(&self, version: u64) -> usize;

    /// Writes the state: all of `out`, which has that length.
    fn save(&self, version: u64, out: &mut [u8]);

    /// Looks at a state. Its bytes may be anything, and any number.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    fn load(&self, version: u64, bytes: &[u8]) -> Result<Self::Loaded, &'static str>;

    /// As [`Migrate::commit`].
    fn commit(&self, cx: &Context, loaded: Self::Loaded, source: &Source<'_>);
}

/// A device that is migrated by its [`Snapshot`].
#[pin_data]
pub struct Whole<D: Snapshot> {
    #[pin]
    device: D,
    #[pin]
    way: Mutex<Way<D::Loaded>>,
}

/// How far a migration is.
struct Way<L> {
    /// Whether a save has given the state.
    said: bool,
    loaded: Option<L>,
}

impl<D: Snapshot> Device for Whole<D> {
    type Parent = D::Parent;
    const WORKS: bool = D::WORKS;

    fn new(new: New<'_, D::Parent>) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            device <- D::new(new),
            way <- new_mutex!(Way {
                said: false,
                loaded: None,
            }),
        })
    }

    fn read(&self, cx: &Context, bar: usize, offset: u64, data: &mut [u8]) {
        self.device.read(cx, bar, offset, data);
    }

    fn write(&self, cx: &Context, bar: usize, offset: u64, data: &[u8]) {
        self.device.write(cx, bar, offset, data);
    }

    fn reset(&self, cx: &Context) {
        self.device.reset(cx);
    }

    fn open(&self, cx: &Context) -> Result {
        self.device.open(cx)
    }

    fn close(&self, cx: &Context) {
        self.device.close(cx);
    }

    fn activity(&self, cx: &Context, activity: Activity) {
        self.device.activity(cx, activity);
    }

    fn work(&self, cx: &Context) -> bool {
        self.device.work(cx)
    }
}

impl<D: Snapshot> Migrate for Whole<D> {
    fn check_version(&self, version: u64) -> Result<(), &'static str> {
        self.device.check_version(version)
    }

    fn begin_save(&self, _cx: &Context, _version: u64) -> Result {
        self.way.lock().said = false;
        Ok(())
    }

    fn produce(
        &self,
        _cx: &Context,
        version: u64,
        phase: Phase,
        payload: &mut [u8],
    ) -> Result<Option<(Kind, usize)>> {
        let mut way = self.way.lock();
        if phase == Phase::PreCopy || way.said {
            return Ok(None);
        }
        let len = self.device.len(version);
        let out = payload.get_mut(..len).ok_or(EINVAL)?;
        self.device.save(version, out);
        way.said = true;
        Ok(Some((RECORD, len)))
    }

    fn pending(&self, version: u64, phase: Phase) -> Pending {
        let said = self.way.lock().said;
        let dirty = match phase {
            Phase::Stopped if !said => self.size(version),
            _ => 0,
        };
        Pending {
            dirty,
            ..Pending::default()
        }
    }

    fn size(&self, version: u64) -> u64 {
        self.device.len(version).saturating_add(HEADER) as u64
    }

    fn accept(
        &self,
        _cx: &Context,
        version: u64,
        kind: Kind,
        payload: &[u8],
    ) -> Result<Taken, Unfit> {
        let mut way = self.way.lock();
        if kind != RECORD {
            return Ok(Taken::Unknown);
        }
        if way.loaded.is_some() {
            return Err("it is there twice".into());
        }
        way.loaded = Some(self.device.load(version, payload)?);
        Ok(Taken::Yes)
    }

    fn complete(&self, _version: u64, _source: &Source<'_>) -> Result<(), Unfit> {
        match self.way.lock().loaded {
            Some(_) => Ok(()),
            None => Err("the device's own is missing".into()),
        }
    }

    fn commit(&self, cx: &Context, source: &Source<'_>) {
        let loaded = self.way.lock().loaded.take();
        // There is one, as `complete` agreed.
        if let Some(loaded) = loaded {
            self.device.commit(cx, loaded, source);
        }
    }

    fn abandon(&self, _cx: &Context) {
        self.way.lock().loaded = None;
    }
}
