// SPDX-License-Identifier: GPL-2.0

//! The registers of the controller (3.1), in memory behind BAR 0.

use super::{Bits, Field};

/// Controller capabilities (3.1.1).
pub const CAP: Field = Field::new(0x00, 8);
/// Version (3.1.2).
pub const VS: Field = Field::new(0x08, 4);
/// Interrupt mask set (3.1.3).
pub const INTMS: Field = Field::new(0x0c, 4);
/// Interrupt mask clear (3.1.4).
pub const INTMC: Field = Field::new(0x10, 4);
/// Controller configuration (3.1.5).
pub const CC: Field = Field::new(0x14, 4);
/// Controller status (3.1.6).
pub const CSTS: Field = Field::new(0x1c, 4);
/// Admin queue attributes (3.1.8).
pub const AQA: Field = Field::new(0x24, 4);
/// Admin submission queue base address (3.1.9).
pub const ASQ: Field = Field::new(0x28, 8);
/// Admin completion queue base address (3.1.10).
pub const ACQ: Field = Field::new(0x30, 8);
/// Behind the last register that is not reserved or absent here.
pub const END: usize = 0x38;

/// The first doorbell (3.1.24, 3.1.25): a tail and a head for each queue, a dword each.
pub const DOORBELLS: u64 = 0x1000;
/// The size of a doorbell, as CAP.DSTRD has it.
pub const DOORBELL: u64 = 4;

/// This version of the specification, 1.4.0 (3.1.2).
pub const VERSION: u32 = 0x0001_0400;

/// The fields of CAP (3.1.1).
pub mod cap {
    use super::Bits;
    /// The most entries of an I/O queue, less 1.
    pub const MQES: Bits = Bits::new(15, 0);
    /// Queues must be contiguous.
    pub const CQR: Bits = Bits::bit(16);
    /// The longest time to get ready, in units of 500 ms.
    pub const TO: Bits = Bits::new(31, 24);
    /// Command sets: NVM.
    pub const CSS_NVM: Bits = Bits::bit(37);
}

/// The fields of CC (3.1.5).
pub mod cc {
    use super::Bits;
    /// Enable.
    pub const EN: Bits = Bits::bit(0);
    /// The command set: 0 is NVM.
    pub const CSS: Bits = Bits::new(6, 4);
    /// The size of a memory page: 0 is 4 KiB.
    pub const MPS: Bits = Bits::new(10, 7);
    /// Arbitration: 0 is round robin.
    pub const AMS: Bits = Bits::new(13, 11);
    /// Shutdown notification: 0 is none.
    pub const SHN: Bits = Bits::new(15, 14);
    /// The size of an entry of an I/O submission queue, as a power of two.
    pub const IOSQES: Bits = Bits::new(19, 16);
    /// The size of an entry of an I/O completion queue, as a power of two.
    pub const IOCQES: Bits = Bits::new(23, 20);
    /// All that are not reserved.
    pub const ALL: u64 = EN.mask()
        | CSS.mask()
        | MPS.mask()
        | AMS.mask()
        | SHN.mask()
        | IOSQES.mask()
        | IOCQES.mask();
}

/// The fields of CSTS (3.1.6).
pub mod csts {
    use super::Bits;
    /// Ready.
    pub const RDY: Bits = Bits::bit(0);
    /// Controller fatal status (9.5).
    pub const CFS: Bits = Bits::bit(1);
    /// Shutdown status.
    pub const SHST: Bits = Bits::new(3, 2);
    /// SHST: no shutdown was asked for.
    pub const NORMAL: u64 = 0;
    /// SHST: it goes on.
    pub const OCCURRING: u64 = 1;
    /// SHST: it is complete.
    pub const COMPLETE: u64 = 2;
}

/// The fields of AQA (3.1.8).
pub mod aqa {
    use super::Bits;
    /// The entries of the submission queue, less 1.
    pub const ASQS: Bits = Bits::new(11, 0);
    /// The entries of the completion queue, less 1.
    pub const ACQS: Bits = Bits::new(27, 16);
}
