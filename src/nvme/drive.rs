// SPDX-License-Identifier: GPL-2.0

//! A controller with its media: all that a guest sees, and all that moves in a migration.

use crate::controller::Controller;
use crate::media::{Sparse, Store};
use crate::migration::{Load, Save};
use crate::outside::{Clock, Interrupts, Memory, Outside, Scratch};
use core::ops::DerefMut;

/// A controller and the media of its namespace.
///
/// `S` keeps the pages, `B` is memory for the bitmaps that a save needs, and `C` points to a
/// controller, which is too large for a kernel's stack; all are the driver's.
/// What a migration asks of it is in [`migration`](crate::migration).
#[derive(Debug)]
pub struct Drive<S, B, C> {
    pub(crate) controller: C,
    pub(crate) media: Sparse<S, B>,
    pub(crate) save: Option<Save>,
    pub(crate) load: Load<C>,
}

impl<S, B, C> Drive<S, B, C>
where
    S: Store,
    B: AsRef<[u64]> + AsMut<[u64]>,
    C: DerefMut<Target = Controller>,
{
    /// A drive of a controller, and of a store that holds what its namespace does. The store must
    /// have room for all pages of the namespace, though not at once.
    pub fn new(controller: C, store: S) -> Self {
        let media = Sparse::new(store, controller.config().block_size);
        Self {
            controller,
            media,
            save: None,
            load: Load::None,
        }
    }

    /// The controller.
    pub fn controller(&self) -> &Controller {
        &self.controller
    }

    /// The controller. What a guest does goes through the drive's own methods.
    pub fn controller_mut(&mut self) -> &mut Controller {
        &mut self.controller
    }

    /// The media.
    pub fn media(&self) -> &Sparse<S, B> {
        &self.media
    }

    /// The media. What is written into its store directly moves in no migration that has begun.
    pub fn media_mut(&mut self) -> &mut Sparse<S, B> {
        &mut self.media
    }

    /// The 4 KiB pages of the namespace, the last of which may be used in part.
    pub fn pages(&self) -> u64 {
        let config = self.controller.config();
        config
            .bytes(config.blocks)
            .div_ceil(crate::media::PAGE as u64)
    }

    /// [`Controller::process`], on the drive's own media.
    #[must_use = "commands may wait for being processed"]
    pub fn process(
        &mut self,
        memory: &mut dyn Memory,
        interrupts: &mut dyn Interrupts,
        clock: &dyn Clock,
        scratch: &mut Scratch,
        budget: u32,
    ) -> bool {
        let mut out = Outside {
            memory,
            media: &mut self.media,
            interrupts,
            clock,
            scratch,
        };
        self.controller.process(&mut out, budget)
    }

    /// [`Controller::attend`], on the drive's own media.
    pub fn attend(&mut self, interrupts: &mut dyn Interrupts) {
        self.controller.attend(&mut self.media, interrupts);
    }

    /// [`Controller::read`].
    pub fn read(&self, offset: u64, data: &mut [u8]) {
        self.controller.read(offset, data);
    }

    /// [`Controller::write`].
    #[must_use = "commands may wait for being processed"]
    pub fn write(&mut self, offset: u64, data: &[u8], interrupts: &mut dyn Interrupts) -> bool {
        self.controller.write(offset, data, interrupts)
    }

    /// [`Controller::reset`].
    pub fn reset(&mut self, interrupts: &mut dyn Interrupts) {
        self.controller.reset(interrupts);
    }

    /// [`Controller::power_cycle`].
    pub fn power_cycle(&mut self, interrupts: &mut dyn Interrupts) {
        self.controller.power_cycle(interrupts);
    }
}
