// SPDX-License-Identifier: GPL-2.0

//! How a device is migrated: what the drive says, with memory for what it has to note.

#![forbid(unsafe_code)]

use super::Disk;
use crate::{
    store::Words,
    surroundings::Lines,
    types::feature, //
};
use kernel::prelude::*;
use mdev::{
    Borrower,
    Context,
    Kind,
    Migrate,
    Pending,
    Phase,
    Source,
    Taken,
    Unfit, //
};
use nvme::{
    media::{
        Bitmap,
        Tracker, //
    },
    migration,
    outside::MediaError,
    state::Refusal,
    Config,
    Controller, //
};

/// What a failure of the store is to whoever migrates.
fn failed(error: MediaError) -> Error {
    match error {
        // Only memory can be missing.
        MediaError::Failed => ENOMEM,
        MediaError::Full => ENOSPC,
    }
}

impl Disk {
    /// Room to note which pages change.
    fn tracker(&self) -> Result<Tracker<Words>> {
        let words = || Words::new(Bitmap::<Words>::words(self.pages));
        Tracker::new(words()?, words()?, self.pages).ok_or(EINVAL)
    }
}

impl Migrate for Disk {
    fn check_version(&self, _version: u64) -> Result<(), &'static str> {
        // There is only one, which carries all.
        Ok(())
    }

    fn begin_save(&self, _cx: &Context, _version: u64) -> Result {
        let tracker = self.tracker()?;
        self.with(|inner| inner.drive.begin_save(tracker));
        Ok(())
    }

    fn lend(&self, _cx: &Context, _version: u64, _phase: Phase, to: &mut Borrower<'_>) -> Result {
        // With the lock held, under which the guest's commands write.
        self.with(|inner| inner.drive.lend(to));
        Ok(())
    }

    fn produce(
        &self,
        _cx: &Context,
        _version: u64,
        phase: Phase,
        payload: &mut [u8],
    ) -> Result<Option<(Kind, usize)>> {
        self.with(|inner| inner.drive.produce(phase, payload))
            .map_err(failed)
    }

    fn pending(&self, _version: u64, phase: Phase) -> Pending {
        self.with(|inner| inner.drive.pending(phase))
    }

    fn size(&self, _version: u64) -> u64 {
        self.with(|inner| inner.drive.size())
    }

    fn end_save(&self, _cx: &Context) {
        let tracker = self.with(|inner| inner.drive.end_save());
        // Its memory goes without the lock.
        drop(tracker);
    }

    fn begin_load(&self, _cx: &Context) -> Result {
        let spare = KBox::<Controller>::new_uninit(GFP_KERNEL)?;
        self.with(|inner| {
            let spare = spare.write(*inner.drive.controller());
            inner.drive.begin_load(spare);
        });
        Ok(())
    }

    fn accept(
        &self,
        cx: &Context,
        _version: u64,
        kind: Kind,
        payload: &[u8],
    ) -> Result<Taken, Unfit> {
        let taken = cx.pay_for(|| self.with(|inner| inner.drive.accept(kind, payload)));
        taken.map_err(unfit)
    }

    fn complete(&self, _version: u64, source: &Source<'_>) -> Result<(), Unfit> {
        self.with(|inner| {
            inner.drive.complete().map_err(unfit)?;
            let staged = inner.drive.staged().map(Controller::config);
            staged.map_or(Ok(()), |config| within(config, source))
        })
    }

    fn commit(&self, cx: &Context, _source: &Source<'_>) {
        self.with(|inner| inner.drive.commit(&mut Lines::of(cx)));
    }

    fn abandon(&self, _cx: &Context) {
        self.with(|inner| inner.drive.abandon());
    }
}

/// Looks whether a controller is no more than its source says: that is what will be stated here, and
/// what the next target judges.
fn within(config: &Config, source: &Source<'_>) -> Result<(), Unfit> {
    let [_, _, queues, ..] = source.parameters;
    if u64::from(config.queues) > queues {
        return Err(Unfit::Value {
            what: "the number of queues, of which the source states fewer,",
            found: config.queues.into(),
        });
    }
    let found = feature::of(&config.optional);
    if found & !source.features != 0 {
        return Err(Unfit::Value {
            what: "the set of optional commands, of which the source states fewer,",
            found,
        });
    }
    Ok(())
}

fn unfit(unfit: migration::Unfit) -> Unfit {
    match unfit {
        migration::Unfit::Invalid(what) => Unfit::Invalid(what),
        migration::Unfit::State(Refusal::Short) => Unfit::Invalid("the controller's is cut short"),
        migration::Unfit::State(Refusal::Long { .. }) => {
            Unfit::Invalid("there is more behind the controller's")
        }
        migration::Unfit::State(
            Refusal::Value { what, found } | Refusal::Differs { what, found, .. },
        ) => Unfit::Value { what, found },
        migration::Unfit::Failed(error) => Unfit::Failed(failed(error)),
    }
}
