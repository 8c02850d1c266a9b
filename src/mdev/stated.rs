// SPDX-License-Identifier: GPL-2.0

//! What a device states and what it accepts: the same, until it took another device's state.

use crate::{
    driver::Driver,
    state::State, //
};
use kernel::prelude::*;
use migcore::{
    Node,
    Place,
    Source,
    MAX_PARAMS, //
};

/// What a device says of itself.
pub(crate) struct Values {
    /// Its own effective parameters.
    pub(crate) now: [u64; MAX_PARAMS],
    /// Whether a device was made with them.
    pub(crate) used: bool,
    /// The state version that is written.
    version: u64,
    /// The same as soon as what was loaded is gone.
    own_version: u64,
    /// What the device came from, until the last close.
    source: Option<Source<'static>>,
}

impl Values {
    /// Those of a new device with these parameters that writes state version `version`.
    pub(crate) fn new(now: [u64; MAX_PARAMS], version: u64) -> Self {
        Self {
            now,
            used: false,
            version,
            own_version: version,
            source: None,
        }
    }

    /// All that was taken over is gone.
    pub(crate) fn forget_source(&mut self) {
        self.source = None;
        self.version = self.own_version;
    }
}

/// The state versions that a device can write, in ascending order.
#[derive(Clone, Copy)]
struct Versions {
    /// Those of the driver's table.
    table: (u64, u64),
    /// Those that the parent reads.
    reads: (u64, u64),
    /// The one that the parent writes, which is the highest.
    newest: u64,
}

impl Versions {
    fn iter(self) -> impl Iterator<Item = u64> {
        let (low, high) = self.table;
        let (min, max) = self.reads;
        let older = (low..=high)
            .filter(move |&version| (min..=max).contains(&version) && version < self.newest);
        Iterator::chain(older, [self.newest])
    }
}

impl<T: Driver> State<T> {
    fn versions(&self) -> Versions {
        let settings = self.seat().parent.shared.lock().settings;
        Versions {
            table: T::IDENTITY.reads,
            reads: settings.reads,
            newest: settings.state,
        }
    }

    /// Describes the device by what is its own: by this it judges.
    pub(crate) fn with_own<R>(&self, f: impl FnOnce(Place<'_>) -> R) -> R {
        let (now, version) = {
            let values = self.values.lock();
            (values.now, values.version)
        };
        self.seat().with_place(
            Node::Device,
            &now[..T::CONTRACT.params.len()],
            |mut place| {
                place.identity.state = version;
                f(place)
            },
        )
    }

    /// Describes the device as it states itself: by what it came from, if it came from anywhere.
    pub(crate) fn with_stated<R>(&self, f: impl FnOnce(Place<'_>) -> R) -> R {
        let (now, version, source) = {
            let values = self.values.lock();
            (values.now, values.version, values.source)
        };
        let params = source.map_or(now, |source| source.parameters);
        self.seat().with_place(
            Node::Device,
            &params[..T::CONTRACT.params.len()],
            |mut place| {
                place.identity.state = version;
                if let Some(source) = source {
                    place.type_name = source.type_name;
                    place.identity.features = source.features;
                }
                f(place)
            },
        )
    }

    /// The version of the driver's formats that is written.
    pub(crate) fn format(&self) -> u64 {
        Self::nearest_format(self.values.lock().version)
    }

    /// The driver's format that stands for `version`: itself, or the nearest if a parent plays a
    /// host with versions that the driver does not have.
    pub(crate) fn nearest_format(version: u64) -> u64 {
        let (low, high) = T::IDENTITY.reads;
        version.clamp(low, high)
    }

    /// States `source` from now on, and writes its state version if that can be written here.
    pub(crate) fn state_as(&self, source: &Source<'static>) {
        let versions = self.versions();
        let mut values = self.values.lock();
        values.source = Some(*source);
        if versions.iter().any(|version| version == source.state) {
            values.version = source.state;
        }
    }

    /// Writes state version `version` from now on.
    ///
    /// # Errors
    ///
    /// `EINVAL` if it cannot be written here; `EBUSY` while a save is open.
    pub(crate) fn set_version(&self, version: u64) -> Result {
        let versions = self.versions();
        self.step(|step| {
            if !versions.iter().any(|known| known == version) {
                return Err(EINVAL);
            }
            if step.machine.is_saving() {
                return Err(EBUSY);
            }
            let mut values = self.values.lock();
            values.version = version;
            values.own_version = version;
            Ok(())
        })
    }

    /// Calls `f` for each state version that can be written, and whether it is the one in force.
    pub(crate) fn each_version<E>(
        &self,
        f: impl FnMut((u64, bool)) -> Result<(), E>,
    ) -> Result<(), E> {
        let now = self.values.lock().version;
        self.versions()
            .iter()
            .map(|version| (version, version == now))
            .try_for_each(f)
    }
}
