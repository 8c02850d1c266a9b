// SPDX-License-Identifier: GPL-2.0

//! What a client does to migrate the guest from one host to the other, by either interface, and
//! what happens to the bytes between them.

use crate::chance::Chance;
use crate::host::Host;
use migcore::migration::v1::SECTION;
use migcore::migration::{Device, Filled, Front, SessionId, State};
use migcore::stream::{END_PAYLOAD, HEADER};

/// A migration on its way.
#[derive(Debug)]
pub(crate) struct Migration {
    pub(crate) front: Front,
    save: Option<SessionId>,
    load: Option<SessionId>,
    /// Bytes that the target was not given yet.
    wire: Vec<u8>,
    /// Something of the bytes was changed.
    pub(crate) spoilt: bool,
    /// The target has refused it.
    pub(crate) refused: bool,
    /// What the target was like.
    before: (Vec<u8>, u64),
    /// The initial bytes when they were last asked for.
    initial: u64,
    /// The bytes that were read so far.
    read: u64,
    /// What the source said at the beginning that they would be at most, if it was stopped then.
    most: Option<u64>,
}

/// Why a migration does not go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Over;

impl Migration {
    /// Begins, at a source that runs (or not, if `paused`).
    pub(crate) fn begin(
        front: Front,
        paused: bool,
        source: &mut Host,
        target: &mut Host,
    ) -> Option<Self> {
        let before = (target.dev.state(), target.dev.drive.media().count());
        let most = paused.then(|| source.machine.size(&mut source.dev));
        let (save, load) = match front {
            Front::V2 => {
                let to = if paused {
                    State::StopCopy
                } else {
                    State::PreCopy
                };
                let Ok(save) = source.request(to) else {
                    // It may be stopped already.
                    assert_eq!(source.request(State::Running), Ok(None));
                    return None;
                };
                let save = save.expect("a session").id;
                let Ok(load) = target.request(State::Resuming) else {
                    source.request(State::Running).expect("back to work");
                    return None;
                };
                (Some(save), Some(load.expect("a session").id))
            }
            Front::V1 => {
                source.set(if paused { 2 } else { 3 }).ok()?;
                if target.set(4).is_err() {
                    source.set(1).expect("back to work");
                    return None;
                }
                (None, None)
            }
        };
        Some(Self {
            front,
            save,
            load,
            wire: Vec::new(),
            spoilt: false,
            refused: false,
            before,
            initial: u64::MAX,
            read: 0,
            most,
        })
    }

    /// Reads what the source has, once. Whether there was something; nothing if reading failed.
    pub(crate) fn read(&mut self, source: &mut Host) -> Option<bool> {
        let bytes = match self.save {
            Some(id) => match source.fill(id) {
                Ok((Filled::Bytes(_), bytes)) => bytes,
                Ok(_) => Vec::new(),
                Err(_) => return None,
            },
            None => source.chunk().ok()?,
        };
        self.wire.extend_from_slice(&bytes);
        self.read += bytes.len() as u64;
        Some(!bytes.is_empty())
    }

    /// Gives the target so many bytes.
    pub(crate) fn give(&mut self, most: usize, target: &mut Host) -> Result<(), Over> {
        let most = match self.front {
            Front::V1 => most.min(SECTION),
            Front::V2 => most,
        };
        let piece: Vec<u8> = self.wire.drain(..most.min(self.wire.len())).collect();
        let failed = target.dev.store().failed + target.dev.denied;
        let given = match self.load {
            Some(id) => target.push(id, &piece),
            None => target.give(&piece),
        };
        if let Err(errno) = given {
            let reason = target.machine.refusal();
            let trouble = target.dev.store().failed + target.dev.denied > failed;
            assert!(
                self.spoilt || self.refused || trouble,
                "the target refuses what the source says: {errno}, {reason:?}, {:?}",
                target.dev.unfit
            );
            self.refused = true;
            return Err(Over);
        }
        assert!(!self.refused, "it was refused, for good");
        Ok(())
    }

    /// What is pending is what is then read.
    pub(crate) fn check_pending(&mut self, source: &mut Host) {
        let before = self.wire.len();
        let pending = match self.save {
            Some(id) => {
                let pending = source.precopy(id).expect("pre-copy");
                assert!(pending.initial <= self.initial, "initial bytes became more");
                pending.total()
            }
            None => source.pending().expect("a save"),
        };
        while self.read(source).expect("a store that works") {}
        let read = (self.wire.len() - before) as u64;
        assert_eq!(read, pending, "pending, and then read");
        if let Some(id) = self.save {
            let pending = source.precopy(id).expect("pre-copy");
            assert_eq!((pending.initial, pending.dirty), (0, 0), "all was read");
            self.initial = 0;
        }
    }

    /// Whether all initial bytes were read.
    pub(crate) fn initial(&mut self, source: &mut Host) -> Option<u64> {
        let initial = source.precopy(self.save?).expect("pre-copy").initial;
        assert!(initial <= self.initial, "initial bytes became more");
        self.initial = initial;
        Some(initial)
    }

    /// Some of the bytes on the way are not what they were.
    pub(crate) fn spoil(&mut self, chance: &mut Chance) {
        if self.wire.is_empty() {
            return;
        }
        self.spoilt = true;
        let at = chance.below(self.wire.len() as u64) as usize;
        match chance.below(3) {
            0 => drop(self.wire.remove(at)),
            1 => self.wire.truncate(at),
            _ => self.wire[at] ^= 1 << chance.below(8),
        }
    }

    /// All that the stopped source still has goes to the target, which becomes what it says.
    pub(crate) fn finish(
        &mut self,
        chance: &mut Chance,
        source: &mut Host,
        target: &mut Host,
    ) -> Result<(), Over> {
        let (size, read) = (source.dev.drive.size(), self.read);
        let failed = source.dev.store().failed;
        let mut left = 100;
        loop {
            match self.read(source) {
                Some(true) => {}
                Some(false) => break,
                None if left == 0 => return Err(Over),
                None => left -= 1,
            }
            if chance.once_in(3) {
                self.give(usize::MAX, target)?;
            }
        }
        // A region has offered something before; a failure splits what would be one record.
        if self.front == Front::V2 && source.dev.store().failed == failed {
            let first = if read == 0 {
                HEADER + source.dev.version_len()
            } else {
                0
            };
            let rest = match self.read - read {
                // It was read to its end before.
                0 => size,
                _ => size + (first + HEADER + END_PAYLOAD) as u64,
            };
            assert_eq!(self.read - read, rest, "what there is when it is stopped");
        }
        if let Some(most) = self.most {
            assert!(
                self.read <= most,
                "{} bytes, but at most {most} were told",
                self.read
            );
        }
        while !self.wire.is_empty() {
            let most = chance.pick(&[1000, 50_000, usize::MAX]);
            self.give(most, target)?;
        }
        let done = match self.front {
            Front::V2 => {
                source.request(State::Stop).expect("the save is over");
                target.request(State::Stop).is_ok()
            }
            Front::V1 => {
                source.set(0).expect("the save is over");
                target.set(0).is_ok()
            }
        };
        assert_eq!(done, target.dev.committed);
        if !done {
            assert!(
                self.spoilt,
                "the target does not become what the source says"
            );
            return Err(Over);
        }
        assert!(!self.spoilt, "something else was committed");
        self.check_same(source, target);
        Ok(())
    }

    fn check_same(&self, source: &mut Host, target: &mut Host) {
        assert_eq!(
            source.dev.state(),
            target.dev.state(),
            "the controller's state"
        );
        assert_eq!(
            source.dev.drive.media().count(),
            target.dev.drive.media().count()
        );
        let lines = (source.dev.wires.line, target.dev.wires.line);
        assert_eq!(lines.0, lines.1, "the line is driven as it was");
        let theirs = target.dev.store().all();
        for (page, (ours, theirs)) in source.dev.store().all().iter().zip(theirs).enumerate() {
            assert!(ours == theirs, "page {page} is not what it was");
        }
    }

    /// The guest's device goes on where it was, and the target is nobody's again.
    pub(crate) fn cancel(&mut self, killed: bool, source: &mut Host, target: &mut Host) {
        self.back(source);
        let (state, count) = &self.before;
        match killed {
            true => target.reopen(),
            false => target.reset(),
        }
        if !killed {
            assert!(
                target.dev.state() == *state,
                "a load that failed changed the controller"
            );
        }
        let left = target.dev.drive.media().count();
        assert!(
            left == 0 || left == *count,
            "{left} pages are left of {count}"
        );
        assert!(target.dev.drive.complete().is_err());
    }

    fn back(&mut self, source: &mut Host) {
        match self.front {
            Front::V2 => assert_eq!(source.request(State::Running), Ok(None)),
            Front::V1 => source.set(1).expect("back to work"),
        }
        assert_eq!(source.state(), State::Running);
    }

    /// The save begins again, and the target is given it behind what it has: what a client of v1
    /// may do. Whether it could begin; nothing if this is no moment for it.
    pub(crate) fn again(&mut self, source: &mut Host) -> Option<bool> {
        if self.front != Front::V1 || self.spoilt || self.refused || !self.wire.is_empty() {
            return None;
        }
        self.back(source);
        (self.read, self.most) = (0, None);
        Some(source.set(3).is_ok())
    }
}
