// SPDX-License-Identifier: GPL-2.0

//! What QEMU 7.2 does to the region, access by access, in its order.
//!
//! Written from what its `hw/vfio/migration.c` and `hw/vfio/common.c` do: the state is read before
//! each write of it; every access is split by size and alignment; data goes through the mapping
//! where there is one. It gives up where QEMU does, and panics where QEMU would abort or hang.

use super::client::{Host, OFFSET, PENDING, SIZE, STATE};
use migcore::migration::v1::{DATA_OFFSET, REGION};
use migcore::Errno;
use std::collections::VecDeque;

const RUNNING: u32 = 1;
const SAVING: u32 = 2;
const RESUMING: u32 = 4;
const STATES: u32 = 7;

/// Why it stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// The driver refused.
    Refused(Errno),
    /// The user asked for it: so many accesses were made.
    Asked,
}

impl From<Errno> for Stop {
    fn from(errno: Errno) -> Self {
        Stop::Refused(errno)
    }
}

#[derive(Debug)]
pub(super) struct Qemu {
    pub(super) host: Host,
    /// The data section is mapped.
    pub(super) mapped: bool,
    /// What goes to the target: the chunks, not yet loaded there.
    pub(super) wire: VecDeque<Vec<u8>>,
    /// Every value of `device_state` that was written.
    pub(super) written: Vec<u32>,
    /// How many accesses to the registers there are left before [`Stop::Asked`].
    pub(super) accesses_left: Option<usize>,
    pub(super) accesses: usize,
    pub(super) vm_runs: bool,
}

impl Qemu {
    pub(super) fn new(host: Host, mapped: bool) -> Self {
        Self {
            host,
            mapped,
            wire: VecDeque::new(),
            written: Vec::new(),
            accesses_left: None,
            accesses: 0,
            vm_runs: true,
        }
    }

    /// Splits an access as it does: 8, 4, 2 or 1 bytes, by what is left and the alignment.
    fn pieces(offset: u64, len: usize) -> Vec<(u64, usize)> {
        let (mut at, end) = (offset, offset + len as u64);
        let mut pieces = Vec::new();
        while at < end {
            let fits = |size: u64| at % size == 0 && end - at >= size;
            let size = [8, 4, 2].into_iter().find(|s| fits(*s)).unwrap_or(1);
            pieces.push((at, size as usize));
            at += size;
        }
        pieces
    }

    fn count(&mut self) -> Result<(), Stop> {
        self.accesses += 1;
        match &mut self.accesses_left {
            Some(0) => Err(Stop::Asked),
            Some(n) => {
                *n -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn read(&mut self, offset: u64, out: &mut [u8]) -> Result<(), Stop> {
        if offset < DATA_OFFSET {
            self.count()?;
        }
        for (at, len) in Self::pieces(offset, out.len()) {
            let from = (at - offset) as usize;
            self.host.read(at, &mut out[from..from + len])?;
        }
        Ok(())
    }

    fn write(&mut self, offset: u64, bytes: &[u8]) -> Result<(), Stop> {
        if offset < DATA_OFFSET {
            self.count()?;
        }
        for (at, len) in Self::pieces(offset, bytes.len()) {
            let from = (at - offset) as usize;
            self.host.write(at, &bytes[from..from + len])?;
        }
        Ok(())
    }

    fn register(&mut self, offset: u64) -> Result<u64, Stop> {
        let mut out = [0; 8];
        self.read(offset, &mut out)?;
        Ok(u64::from_ne_bytes(out))
    }

    fn state(&mut self) -> Result<u32, Stop> {
        let mut out = [0; 4];
        self.read(STATE, &mut out)?;
        Ok(u32::from_ne_bytes(out))
    }

    /// Reads, masks, adds, writes; looks at what became of it if that failed.
    fn set_state(&mut self, mask: u32, value: u32) -> Result<(), Stop> {
        let state = (self.state()? & mask) | value;
        self.written.push(state);
        let result = self.write(STATE, &state.to_ne_bytes());
        if let Err(Stop::Refused(_)) = result {
            assert_ne!(self.state(), Ok(6), "aborts");
        }
        result
    }

    /// The VM is stopped or goes on.
    pub(super) fn vm(&mut self, runs: bool) -> Result<(), Stop> {
        if self.vm_runs == runs {
            return Ok(());
        }
        self.vm_runs = runs;
        match runs {
            true => self.set_state(!STATES, RUNNING),
            false => self.set_state(!RUNNING, 0),
        }
    }

    /// The VM is stopped by `savevm`.
    pub(super) fn stop_to_save(&mut self) -> Result<(), Stop> {
        self.vm_runs = false;
        self.set_state(!RUNNING, SAVING)
    }

    pub(super) fn save_setup(&mut self) -> Result<(), Stop> {
        self.set_state(STATES, SAVING)
    }

    /// An error of this counts as nothing pending.
    pub(super) fn save_pending(&mut self) -> Result<u64, Stop> {
        match self.register(PENDING) {
            Err(Stop::Refused(_)) => Ok(0),
            other => other,
        }
    }

    /// Returns whether it had nothing to send.
    pub(super) fn save_iterate(&mut self, mut pending: u64) -> Result<bool, Stop> {
        if pending == 0 {
            pending = self.register(PENDING)?;
            if pending == 0 {
                return Ok(true);
            }
        }
        self.save_buffer()?;
        Ok(false)
    }

    fn save_buffer(&mut self) -> Result<usize, Stop> {
        let offset = self.register(OFFSET)?;
        let size = self.register(SIZE)? as usize;
        let mut chunk = vec![0; size];
        match self.mapped {
            true => {
                let at = (offset - DATA_OFFSET) as usize;
                chunk.copy_from_slice(&self.host.memory.0.borrow()[at..at + size]);
            }
            false => self.read(offset, &mut chunk)?,
        }
        self.wire.push_back(chunk);
        Ok(size)
    }

    /// After the VM was stopped. A chunk of nothing ends it, whatever is pending.
    pub(super) fn save_complete(&mut self) -> Result<(), Stop> {
        self.set_state(!RUNNING, SAVING)?;
        let mut pending = self.register(PENDING)?;
        while pending > 0 {
            assert_ne!(self.save_buffer()?, 0, "truncates without a word");
            pending = self.register(PENDING)?;
        }
        self.set_state(!SAVING, 0)
    }

    /// The migration is cancelled or has failed; errors are only logged.
    pub(super) fn cancel(&mut self) {
        self.accesses_left = None;
        self.wire.clear();
        self.set_state(!(SAVING | RESUMING), RUNNING)
            .expect("is only logged, but must work");
        if !self.vm_runs {
            self.vm(true).expect("crashes");
        }
    }

    pub(super) fn load_setup(&mut self) -> Result<(), Stop> {
        self.vm_runs = false;
        self.set_state(0, RESUMING)
    }

    /// One chunk; split where the region ends.
    pub(super) fn load_buffer(&mut self, chunk: &[u8]) -> Result<(), Stop> {
        let mut rest = chunk;
        while !rest.is_empty() {
            let offset = self.register(OFFSET)?;
            let room = (REGION - offset) as usize;
            assert_ne!(room, 0, "hangs");
            let (now, later) = rest.split_at(rest.len().min(room));
            match self.mapped {
                true => {
                    let at = (offset - DATA_OFFSET) as usize;
                    self.host.memory.0.borrow_mut()[at..at + now.len()].copy_from_slice(now);
                }
                false => self.write(offset, now)?,
            }
            self.write(SIZE, &(now.len() as u64).to_ne_bytes())?;
            rest = later;
        }
        Ok(())
    }
}
