// SPDX-License-Identifier: GPL-2.0

//! The controller: its registers, and what enabling, resetting and shutting it down does.

use crate::config::{Config, ConfigError, Identity};
use crate::doorbell::Shadow;
use crate::errors::ErrorLog;
use crate::events::Events;
use crate::features::Features;
use crate::health::Health;
use crate::interrupt::Raised;
use crate::io::Job;
use crate::outside::{Interrupts, Media, MediaError};
use crate::queue::{Completion, Queues, Submission};
use crate::registers::{Registers, Written};
use crate::spec::registers::{cc, csts, DOORBELLS};
use crate::spec::ADMIN_QUEUE;

/// An NVMe controller.
#[derive(Clone, Copy, Debug)]
pub struct Controller {
    /// What it is by itself.
    pub(crate) own: Config,
    /// What it is as the one that it goes on from: no more than by itself.
    pub(crate) config: Config,
    /// Who it is by itself.
    pub(crate) born: Identity,
    /// Who it is as the one that it goes on from.
    pub(crate) identity: Identity,
    pub(crate) registers: Registers,
    pub(crate) queues: Queues,
    pub(crate) shadow: Option<Shadow>,
    pub(crate) features: Features,
    pub(crate) events: Events,
    pub(crate) errors: ErrorLog,
    pub(crate) health: Health,
    /// A command that takes more than one piece of work, and is at it.
    pub(crate) job: Option<Job>,
    /// The queue whose turn it is.
    pub(crate) turn: u16,
    pub(crate) raised: Raised,
}

impl Controller {
    /// A controller as it is when it comes from the factory, without power.
    ///
    /// # Errors
    ///
    /// A configuration that cannot be.
    pub fn new(config: Config, identity: Identity) -> Result<Self, ConfigError> {
        config.check()?;
        Ok(Self {
            own: config,
            config,
            born: identity,
            identity,
            registers: Registers::default(),
            queues: Queues::NONE,
            shadow: None,
            features: Features::DEFAULT,
            events: Events::NONE,
            errors: ErrorLog::EMPTY,
            health: Health::default(),
            job: None,
            turn: ADMIN_QUEUE,
            raised: Raised::default(),
        })
    }

    /// What it is.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Who it is.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Power went and came back: a reset that is counted.
    pub fn power_cycle(&mut self, interrupts: &mut dyn Interrupts) {
        let clean = csts::SHST.of(self.registers.csts.into()) == csts::COMPLETE;
        let in_use = cc::EN.any(self.registers.cc.into());
        self.health.power_cycle(in_use && !clean);
        self.reset(interrupts);
        self.config = self.own;
        self.identity = self.born;
    }

    /// A reset of the function: all registers, also those that survive the controller's reset.
    pub fn reset(&mut self, interrupts: &mut dyn Interrupts) {
        self.disable(interrupts);
        self.registers = Registers::default();
    }

    /// Controller reset (7.3.2): nothing is left but the admin queues' addresses and what the
    /// controller keeps without power.
    fn disable(&mut self, interrupts: &mut dyn Interrupts) {
        let Self {
            own: _,
            config: _,
            born: _,
            identity: _,
            registers,
            queues,
            shadow,
            features,
            events,
            errors: _,
            health: _,
            job,
            turn,
            raised,
        } = self;
        *registers = Registers {
            aqa: registers.aqa,
            asq: registers.asq,
            acq: registers.acq,
            ..Registers::default()
        };
        *queues = Queues::NONE;
        *shadow = None;
        *features = Features::DEFAULT;
        *events = Events::NONE;
        *job = None;
        *turn = ADMIN_QUEUE;
        raised.fresh = 0;
        self.update_line(interrupts);
    }

    /// It was told to start (7.6.1).
    fn enable(&mut self) {
        if !self.registers.are_sound() {
            self.fatal();
            return;
        }
        let (submission, completion) = self.registers.admin_entries();
        if let Some(place) = self.queues.submission.first_mut() {
            *place = Some(Submission::new(self.registers.asq, submission, ADMIN_QUEUE));
        }
        if let Some(place) = self.queues.completion.first_mut() {
            *place = Some(Completion::new(self.registers.acq, completion, 0, true));
        }
        self.registers.set(csts::RDY, 1);
    }

    /// Nothing can be told to the guest any more, but this (9.5).
    pub(crate) fn fatal(&mut self) {
        self.registers.set(csts::CFS, 1);
    }

    /// Whether commands are executed.
    pub(crate) fn is_working(&self) -> bool {
        let registers = &self.registers;
        registers.is(csts::RDY) && !registers.is(csts::CFS) && !registers.is(csts::SHST)
    }

    /// Reads registers: any bytes of the page before the doorbells, and of the doorbells, which
    /// read as zeroes.
    pub fn read(&self, offset: u64, data: &mut [u8]) {
        self.registers.read(offset, data);
    }

    /// Writes 4 or 8 aligned bytes; other writes have no effect, as what they would have is
    /// undefined (3.1). Whether there is something to [`process`](Controller::process).
    #[must_use = "commands may wait for being processed"]
    pub fn write(&mut self, offset: u64, data: &[u8], interrupts: &mut dyn Interrupts) -> bool {
        let mut work = false;
        let mut at = offset;
        for dword in data.chunks_exact(4) {
            if let Ok(&dword) = <&[u8; 4]>::try_from(dword) {
                work |= self.write_dword(at, u32::from_le_bytes(dword), interrupts);
            }
            at = at.wrapping_add(4);
        }
        work
    }

    fn write_dword(&mut self, at: u64, value: u32, interrupts: &mut dyn Interrupts) -> bool {
        if at >= DOORBELLS {
            return self.ring(at, value, interrupts);
        }
        match self.registers.write(at, value) {
            Written::Nothing => false,
            Written::Masks { old } => {
                self.masks_changed(old, interrupts);
                false
            }
            Written::Config { old, new } => self.configure(old, new, interrupts),
        }
    }

    fn configure(&mut self, old: u32, new: u32, interrupts: &mut dyn Interrupts) -> bool {
        let (old, new) = (u64::from(old), u64::from(new));
        match (cc::EN.any(old), cc::EN.any(new)) {
            (false, true) => {
                // Whatever was shut down is so no more.
                self.registers.set(csts::SHST, csts::NORMAL);
                self.enable();
            }
            (true, false) => {
                self.disable(interrupts);
                // CAST: what came from 32 bits.
                self.registers.cc = (new & !cc::SHN.mask()) as u32;
                return false;
            }
            (true, true) => {
                // How it works cannot be changed while it does (3.1.5).
                let fixed = cc::CSS.mask() | cc::MPS.mask() | cc::AMS.mask();
                // CAST: what came from 32 bits.
                self.registers.cc = (new & !fixed | old & fixed) as u32;
            }
            (false, false) if !cc::SHN.any(new) => self.registers.set(csts::SHST, csts::NORMAL),
            (false, false) => {}
        }
        let asked = cc::SHN.any(new) && !self.registers.is(csts::SHST);
        if asked {
            self.registers.set(csts::SHST, csts::OCCURRING);
        }
        asked
    }

    /// Shutting down goes on (7.6.2): what was written is made durable.
    pub(crate) fn shut_down(&mut self, media: &mut dyn Media) {
        if csts::SHST.of(self.registers.csts.into()) != csts::OCCURRING {
            return;
        }
        if let Err(MediaError::Failed | MediaError::Full) = media.flush() {
            self.health.media_error();
        }
        self.registers.set(csts::SHST, csts::COMPLETE);
    }
}
