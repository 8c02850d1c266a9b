// SPDX-License-Identifier: GPL-2.0

//! Doorbells: registers (3.1.24, 3.1.25), and shadows of them in guest memory (7.13).
//!
//! With shadows, the guest writes there, and rings only where a value passes the event index
//! that stands beside it. The admin queue has none: guests do not keep it.

use crate::controller::Controller;
use crate::outside::{Interrupts, Memory, Outside, Signal};
use crate::queue::{BadValue, QUEUES};
use crate::spec::event::{ERROR, INVALID_REGISTER, INVALID_VALUE};
use crate::spec::registers::{DOORBELL, DOORBELLS};
use crate::spec::ADMIN_QUEUE;
use core::sync::atomic::{fence, Ordering};

/// The pages that Doorbell Buffer Config named (5.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shadow {
    /// Where the guest writes.
    pub(crate) doorbells: u64,
    /// Where it reads up to which value it need not ring.
    pub(crate) events: u64,
}

/// One end of a queue.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// Of a submission queue.
    Tail,
    /// Of a completion queue.
    Head,
}

/// Where the doorbell of a queue is, from the first one on (3.1.24, 3.1.25).
fn place(id: u16, end: End) -> u64 {
    let pair = u64::from(id).wrapping_mul(2);
    let index = match end {
        End::Tail => pair,
        End::Head => pair.wrapping_add(1),
    };
    index.wrapping_mul(DOORBELL)
}

fn load(memory: &mut dyn Memory, at: u64) -> Option<u32> {
    let mut value = [0; 4];
    memory.read(at, &mut value).ok()?;
    Some(u32::from_le_bytes(value))
}

fn ids() -> impl Iterator<Item = u16> {
    // CAST: a few queues.
    ADMIN_QUEUE.wrapping_add(1)..QUEUES as u16
}

impl Controller {
    /// A doorbell was written. Whether there is something to process.
    pub(crate) fn ring(&mut self, at: u64, value: u32, interrupts: &mut dyn Interrupts) -> bool {
        if !self.is_working() {
            return false;
        }
        let index = at.wrapping_sub(DOORBELLS).wrapping_div(DOORBELL);
        let id = u16::try_from(index.wrapping_div(2)).unwrap_or(u16::MAX);
        let shadowed = self.shadow.is_some() && id != ADMIN_QUEUE;
        if index & 1 == 0 {
            match self.queues.submission(id) {
                None => self.refuse(INVALID_REGISTER),
                Some(_) if shadowed => {}
                Some(queue) => {
                    if queue.submit(value) == Err(BadValue) {
                        self.refuse(INVALID_VALUE);
                    }
                }
            }
            return true;
        }
        match self.queues.completion(id) {
            None => self.refuse(INVALID_REGISTER),
            Some(_) if shadowed => {}
            Some(queue) => {
                let full = queue.ring.room() == 0;
                match queue.consume(value) {
                    Ok(()) => {
                        self.consumed(id, interrupts);
                        return full;
                    }
                    Err(BadValue) => self.refuse(INVALID_VALUE),
                }
            }
        }
        true
    }

    /// A doorbell got what it cannot take (5.2.1): an event and an entry of the error log.
    fn refuse(&mut self, what: u8) {
        self.errors.add_event();
        self.events.raise(ERROR, what);
    }

    /// Takes over what stands in the shadows. Whether a submission queue has got something.
    pub(crate) fn poll(&mut self, out: &mut Outside<'_>) -> bool {
        let Some(shadow) = self.shadow else {
            return false;
        };
        let mut news = false;
        for id in ids() {
            let at = shadow.doorbells.wrapping_add(place(id, End::Tail));
            if let Some(queue) = self.queues.submission(id) {
                let tail = load(out.memory, at).unwrap_or(queue.ring.tail.into());
                let changed = tail != u32::from(queue.ring.tail);
                let bad = changed && queue.submit(tail).is_err();
                let first = bad && !queue.refused;
                queue.refused = bad;
                news |= changed && !bad;
                if first {
                    self.refuse(INVALID_VALUE);
                }
            }
        }
        let always = out.interrupts.signal() != Signal::MsiX;
        for id in ids() {
            let at = shadow.doorbells.wrapping_add(place(id, End::Head));
            if let Some(queue) = self.queues.completion(id) {
                if !always && queue.ring.room() > 0 {
                    continue;
                }
                let head = load(out.memory, at).unwrap_or(queue.ring.head.into());
                let changed = head != u32::from(queue.ring.head);
                let bad = changed && queue.consume(head).is_err();
                let first = bad && !queue.refused;
                queue.refused = bad;
                if first {
                    self.refuse(INVALID_VALUE);
                } else if changed && !bad {
                    self.consumed(id, out.interrupts);
                }
            }
        }
        news
    }

    /// Asks the guest to ring when something comes, as nobody will look before. Whether something
    /// has come meanwhile.
    pub(crate) fn ask_to_ring(&mut self, out: &mut Outside<'_>) -> bool {
        let Some(shadow) = self.shadow else {
            return false;
        };
        let always = out.interrupts.signal() != Signal::MsiX;
        for id in ids() {
            if let Some(queue) = self.queues.submission(id) {
                let at = shadow.events.wrapping_add(place(id, End::Tail));
                tell(out.memory, at, queue.ring.tail, &mut queue.told);
            }
            if let Some(queue) = self.queues.completion(id) {
                if always || queue.ring.room() == 0 {
                    let at = shadow.events.wrapping_add(place(id, End::Head));
                    tell(out.memory, at, queue.ring.head, &mut queue.told);
                }
            }
        }
        // The guest writes its doorbell and then reads the event index; we the other way round.
        fence(Ordering::SeqCst);
        self.poll(out) || self.has_work()
    }

    /// Shadows are in force from now on: the guest finds there what was rung so far.
    pub(crate) fn use_shadow(&mut self, shadow: Shadow, memory: &mut dyn Memory) {
        self.shadow = Some(shadow);
        for id in ids() {
            if let Some(queue) = self.queues.submission(id) {
                let at = shadow.doorbells.wrapping_add(place(id, End::Tail));
                queue.told = None;
                tell(memory, at, queue.ring.tail, &mut None);
            }
            if let Some(queue) = self.queues.completion(id) {
                let at = shadow.doorbells.wrapping_add(place(id, End::Head));
                queue.told = None;
                tell(memory, at, queue.ring.head, &mut None);
            }
        }
    }
}

/// Writes a value that the guest may not know yet. Memory that is gone is the guest's loss.
fn tell(memory: &mut dyn Memory, at: u64, value: u16, told: &mut Option<u16>) {
    if *told == Some(value) {
        return;
    }
    let bytes = u32::from(value).to_le_bytes();
    *told = memory.write(at, &bytes).is_ok().then_some(value);
}
