// SPDX-License-Identifier: GPL-2.0

//! A device of a few blocks of bytes, which checks that it is called as its trait says.

use migcore::migration::{Activity, Borrower, Device, Pending, Phase};
use migcore::stream::{Kind, Taken, MAX_RECORD};
use migcore::Errno;
use std::collections::BTreeSet;
use std::fmt;

/// What it accepts, and says of itself.
pub(super) const LINE: &str = "acme/1,model=a1,type=small,state=1";

const BLOCK: Kind = Kind::own(0);
const TAIL: Kind = Kind::own(1);

/// A call that changes something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    Buffer,
    Enter(Activity),
    BeginSave,
    Freeze,
    EndSave,
    BeginLoad,
    Commit,
    Abandon,
    Reset,
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Call::Buffer => "buffer",
            Call::Enter(Activity::Running) => "run",
            Call::Enter(Activity::Quiet) => "quiet",
            Call::Enter(Activity::Stopped) => "stop",
            Call::BeginSave => "begin_save",
            Call::Freeze => "freeze",
            Call::EndSave => "end_save",
            Call::BeginLoad => "begin_load",
            Call::Commit => "commit",
            Call::Abandon => "abandon",
            Call::Reset => "reset",
        })
    }
}

/// What a load has brought so far.
#[derive(Debug, Default)]
struct Staged {
    judged: bool,
    blocks: Vec<Option<Vec<u8>>>,
    tail: Option<u64>,
    complete: bool,
}

#[derive(Debug)]
pub(super) struct Model {
    pub(super) blocks: Vec<Vec<u8>>,
    /// How often it has worked: changes whenever the blocks do.
    pub(super) worked: u64,
    /// The calls since this was last emptied.
    pub(super) calls: Vec<Call>,
    /// How many more calls that can fail do not.
    pub(super) fails_in: Option<usize>,
    /// What each `produce` fails with.
    pub(super) no_produce: Option<Errno>,
    /// Whether it lends its blocks, in two parts.
    pub(super) lends: bool,
    /// What each `lend` fails with, after it has lent.
    pub(super) no_lend: Option<Errno>,
    activity: Activity,
    saving: bool,
    frozen: bool,
    never_sent: BTreeSet<usize>,
    dirty: BTreeSet<usize>,
    tail_sent: bool,
    loading: Option<Staged>,
}

impl Model {
    /// So many blocks of so many bytes.
    pub(super) fn new(count: usize, size: usize) -> Self {
        Self {
            blocks: vec![vec![0; size]; count],
            worked: 0,
            calls: Vec::new(),
            fails_in: None,
            no_produce: None,
            lends: false,
            no_lend: None,
            activity: Activity::Stopped,
            saving: false,
            frozen: false,
            never_sent: BTreeSet::new(),
            dirty: BTreeSet::new(),
            tail_sent: false,
            loading: None,
        }
    }

    /// Changes one block, if the device is at work.
    pub(super) fn work(&mut self, index: usize) {
        if self.activity != Activity::Running || self.blocks.is_empty() {
            return;
        }
        self.worked += 1;
        let index = index % self.blocks.len();
        let seed = self.worked as u8;
        for (i, byte) in self.blocks[index].iter_mut().enumerate() {
            *byte = seed.wrapping_mul(31).wrapping_add((i % 251) as u8);
        }
        if self.saving && !self.never_sent.contains(&index) {
            self.dirty.insert(index);
        }
    }

    pub(super) fn activity(&self) -> Activity {
        self.activity
    }

    pub(super) fn is_saving(&self) -> bool {
        self.saving
    }

    pub(super) fn is_loading(&self) -> bool {
        self.loading.is_some()
    }

    /// All that a load must bring over.
    pub(super) fn contents(&self) -> (Vec<Vec<u8>>, u64) {
        (self.blocks.clone(), self.worked)
    }

    fn called(&mut self, call: Call) {
        self.calls.push(call);
    }

    fn may_fail(&mut self, call: Call, errno: Errno) -> Result<(), Errno> {
        self.called(call);
        match self.fails_in {
            Some(0) => {
                self.fails_in = None;
                Err(errno)
            }
            Some(n) => {
                self.fails_in = Some(n - 1);
                Ok(())
            }
            None => Ok(()),
        }
    }
}

impl Device for Model {
    type Buffer = Vec<u8>;

    fn buffer(&mut self) -> Result<Vec<u8>, Errno> {
        self.may_fail(Call::Buffer, Errno::NoMem)?;
        Ok(vec![0; MAX_RECORD])
    }

    fn enter(&mut self, activity: Activity) {
        assert_ne!(self.activity, activity, "entered twice");
        assert!(
            self.loading.is_none(),
            "{activity:?} in the middle of a load"
        );
        self.activity = activity;
        self.frozen = false;
        self.called(Call::Enter(activity));
    }

    fn begin_save(&mut self) -> Result<(), Errno> {
        assert!(!self.saving && self.loading.is_none());
        self.may_fail(Call::BeginSave, Errno::Range)?;
        self.saving = true;
        self.never_sent = (0..self.blocks.len()).collect();
        self.dirty.clear();
        self.tail_sent = false;
        self.frozen = false;
        Ok(())
    }

    fn freeze(&mut self) -> Result<(), Errno> {
        assert!(self.saving && self.activity == Activity::Stopped);
        self.may_fail(Call::Freeze, Errno::Range)?;
        self.frozen = true;
        Ok(())
    }

    fn version(&mut self, out: &mut [u8]) -> usize {
        assert!(self.saving);
        out[..LINE.len()].copy_from_slice(LINE.as_bytes());
        LINE.len()
    }

    fn version_len(&mut self) -> usize {
        assert!(self.saving);
        LINE.len()
    }

    fn lend(&mut self, phase: Phase, to: &mut Borrower<'_>) -> Result<(), Errno> {
        assert!(self.saving);
        assert_eq!(phase == Phase::Stopped, self.frozen);
        if let Some(errno) = self.no_produce {
            return Err(errno);
        }
        let next = self.never_sent.first().or_else(|| self.dirty.first());
        if let (true, Some(&index)) = (self.lends, next) {
            let (a, b) = self.blocks[index].split_at(self.blocks[index].len() / 2);
            to.take(BLOCK, &(index as u16).to_le_bytes(), &[a, b])?;
            let _ = self
                .never_sent
                .pop_first()
                .or_else(|| self.dirty.pop_first());
        }
        self.no_lend.map_or(Ok(()), Err)
    }

    fn produce(
        &mut self,
        phase: Phase,
        payload: &mut [u8],
    ) -> Result<Option<(Kind, usize)>, Errno> {
        assert!(self.saving);
        assert_eq!(phase == Phase::Stopped, self.frozen);
        if let Some(errno) = self.no_produce {
            return Err(errno);
        }
        let next = self
            .never_sent
            .pop_first()
            .or_else(|| self.dirty.pop_first());
        if let Some(index) = next {
            let block = &self.blocks[index];
            payload[..2].copy_from_slice(&(index as u16).to_le_bytes());
            payload[2..2 + block.len()].copy_from_slice(block);
            return Ok(Some((BLOCK, 2 + block.len())));
        }
        if phase == Phase::Stopped && !self.tail_sent {
            self.tail_sent = true;
            payload[..8].copy_from_slice(&self.worked.to_le_bytes());
            return Ok(Some((TAIL, 8)));
        }
        Ok(None)
    }

    fn pending(&mut self) -> Pending {
        assert!(self.saving);
        let size = self.blocks.first().map_or(0, |b| b.len() as u64 + 2);
        Pending {
            initial: self.never_sent.len() as u64 * size,
            dirty: self.dirty.len() as u64 * size,
            reinit: false,
        }
    }

    fn size(&mut self) -> u64 {
        self.blocks.iter().map(|b| b.len() as u64).sum()
    }

    fn end_save(&mut self) {
        assert!(self.saving, "no save to end");
        self.saving = false;
        self.frozen = false;
        self.called(Call::EndSave);
    }

    fn begin_load(&mut self) -> Result<(), Errno> {
        assert!(!self.saving && self.loading.is_none());
        assert_eq!(self.activity, Activity::Stopped);
        self.may_fail(Call::BeginLoad, Errno::NoMem)?;
        self.loading = Some(Staged {
            blocks: vec![None; self.blocks.len()],
            ..Staged::default()
        });
        Ok(())
    }

    fn judge(&mut self, line: &str) -> Result<(), Errno> {
        let staged = self.loading.as_mut().expect("a load");
        assert!(!staged.judged, "judged twice");
        staged.judged = true;
        match line == LINE {
            true => Ok(()),
            false => Err(Errno::Xdev),
        }
    }

    fn accept(&mut self, kind: Kind, payload: &[u8]) -> Result<Taken, Errno> {
        let size = self.blocks.first().map_or(0, Vec::len);
        let staged = self.loading.as_mut().expect("a load");
        assert!(staged.judged && !staged.complete);
        if kind == BLOCK {
            let (index, bytes) = payload.split_first_chunk::<2>().ok_or(Errno::Inval)?;
            let index = usize::from(u16::from_le_bytes(*index));
            if bytes.len() != size {
                return Err(Errno::Inval);
            }
            *staged.blocks.get_mut(index).ok_or(Errno::Inval)? = Some(bytes.to_vec());
            return Ok(Taken::Yes);
        }
        if kind == TAIL {
            let worked = payload.try_into().map_err(|_| Errno::Inval)?;
            staged.tail = Some(u64::from_le_bytes(worked));
            return Ok(Taken::Yes);
        }
        Ok(Taken::Unknown)
    }

    fn complete(&mut self) -> Result<(), Errno> {
        let staged = self.loading.as_mut().expect("a load");
        assert!(staged.judged && !staged.complete);
        if staged.tail.is_none() || staged.blocks.iter().any(Option::is_none) {
            return Err(Errno::Inval);
        }
        staged.complete = true;
        Ok(())
    }

    fn commit(&mut self) {
        let staged = self.loading.take().expect("a load");
        assert!(staged.complete, "committed without complete()");
        self.blocks = staged.blocks.into_iter().flatten().collect();
        self.worked = staged.tail.expect("complete() has looked");
        self.called(Call::Commit);
    }

    fn abandon(&mut self) {
        assert!(self.loading.take().is_some(), "no load to abandon");
        self.called(Call::Abandon);
    }

    fn reset(&mut self) {
        assert!(!self.saving && self.loading.is_none());
        self.blocks.iter_mut().for_each(|b| b.fill(0));
        self.worked = 0;
        self.called(Call::Reset);
    }
}
