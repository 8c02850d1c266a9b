// SPDX-License-Identifier: GPL-2.0

//! What is around a controller.

/// Memory that is not there, or not accessible in this way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault;

/// The guest's memory, at the addresses that the device sees.
pub trait Memory {
    /// Reads it.
    ///
    /// # Errors
    ///
    /// A part of it is not there.
    fn read(&mut self, iova: u64, data: &mut [u8]) -> Result<(), Fault>;

    /// Writes it. A part may be written if another is not there.
    ///
    /// # Errors
    ///
    /// A part of it is not there.
    fn write(&mut self, iova: u64, data: &[u8]) -> Result<(), Fault>;
}

/// Why media failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaError {
    /// It is broken, or there is no memory for it at the moment.
    Failed,
    /// There is no room left for what was never written before.
    Full,
}

/// What the namespace keeps its blocks in.
///
/// All ranges are within the namespace, as the controller has checked; data is whole blocks.
pub trait Media {
    /// Reads blocks from `lba` on; zeroes where nothing was written.
    ///
    /// # Errors
    ///
    /// It failed; `data` holds anything.
    fn read(&mut self, lba: u64, data: &mut [u8]) -> Result<(), MediaError>;

    /// Writes blocks from `lba` on. Each block is written as a whole or not at all.
    ///
    /// # Errors
    ///
    /// It failed; some blocks may be written.
    fn write(&mut self, lba: u64, data: &[u8]) -> Result<(), MediaError>;

    /// Makes blocks read as zeroes, and gives back what they took.
    ///
    /// # Errors
    ///
    /// It failed; some blocks may be gone.
    fn deallocate(&mut self, lba: u64, blocks: u64) -> Result<(), MediaError>;

    /// Makes durable what was written.
    ///
    /// # Errors
    ///
    /// It failed.
    fn flush(&mut self) -> Result<(), MediaError>;
}

/// How interrupts reach the guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// By a line, which has a level.
    Line,
    /// By MSI: a message at each change that a line would show, or may show.
    Msi,
    /// By MSI-X: a message for each batch of completions.
    MsiX,
}

/// The interrupts of the device.
pub trait Interrupts {
    /// What the guest has set up.
    fn signal(&self) -> Signal;

    /// Sends a message.
    fn message(&mut self, vector: u16);

    /// Drives the line.
    fn line(&mut self, high: bool);
}

/// Time that only goes forward.
pub trait Clock {
    /// Nanoseconds since some moment.
    fn now(&self) -> u64;
}

/// The room that commands need for data on its way.
pub const SCRATCH: usize = 32 << 10;

/// Room for data on its way. What it holds between two calls does not matter.
pub type Scratch = [u8; SCRATCH];

/// All of it together.
pub struct Outside<'a> {
    /// The guest's memory.
    pub memory: &'a mut dyn Memory,
    /// The namespace's media.
    pub media: &'a mut dyn Media,
    /// The device's interrupts.
    pub interrupts: &'a mut dyn Interrupts,
    /// Time.
    pub clock: &'a dyn Clock,
    /// Room for data on its way.
    pub scratch: &'a mut Scratch,
}
