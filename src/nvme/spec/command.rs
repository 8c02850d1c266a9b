// SPDX-License-Identifier: GPL-2.0

//! An entry of a submission queue (4.2), and what the commands have in it.

use super::{Bits, Field};

/// The size of an entry (4.2).
pub const SIZE: usize = 64;
/// The same as a power of two, as CC.IOSQES has it (3.1.5).
pub const SIZE_SHIFT: u64 = 6;

/// Opcode (4.2).
pub const OPCODE: Field = Field::new(0, 1);
/// Flags: fused operation, PRPs or SGLs (4.2).
pub const FLAGS: Field = Field::new(1, 1);
/// Of the flags: part of a fused operation (4.2).
pub const FUSE: Bits = Bits::new(1, 0);
/// Of the flags: 0 is PRPs (4.2).
pub const PSDT: Bits = Bits::new(7, 6);
/// Command identifier (4.2).
pub const CID: Field = Field::new(2, 2);
/// Namespace identifier (4.2).
pub const NSID: Field = Field::new(4, 4);
/// The first PRP entry (4.2).
pub const PRP1: Field = Field::new(24, 8);
/// The second, or a pointer to a list (4.2).
pub const PRP2: Field = Field::new(32, 8);
/// Dword 10.
pub const CDW10: Field = Field::new(40, 4);
/// Dword 11.
pub const CDW11: Field = Field::new(44, 4);
/// Dword 12.
pub const CDW12: Field = Field::new(48, 4);
/// Dword 13.
pub const CDW13: Field = Field::new(52, 4);

/// Abort (5.1), in dword 10.
pub mod abort {
    use super::Bits;
    /// The submission queue.
    pub const SQID: Bits = Bits::new(15, 0);
    /// The command.
    pub const CID: Bits = Bits::new(31, 16);
    /// Dword 0 of the completion: the command was not aborted.
    pub const NOT_ABORTED: u32 = 1;
}

/// Creating and deleting I/O queues (5.3, 5.4, 5.5, 5.6).
pub mod queue {
    use super::Bits;
    /// Dword 10: the queue.
    pub const QID: Bits = Bits::new(15, 0);
    /// Dword 10: its entries, less 1.
    pub const QSIZE: Bits = Bits::new(31, 16);
    /// Dword 11: it is contiguous.
    pub const PC: Bits = Bits::bit(0);
    /// Dword 11 of a completion queue: it has interrupts.
    pub const IEN: Bits = Bits::bit(1);
    /// Dword 11 of a completion queue: their vector.
    pub const IV: Bits = Bits::new(31, 16);
    /// Dword 11 of a submission queue: its completion queue.
    pub const CQID: Bits = Bits::new(31, 16);
}

/// Get Log Page (5.14).
pub mod log {
    use super::Bits;
    /// Dword 10: which page.
    pub const LID: Bits = Bits::new(7, 0);
    /// Dword 10: the event stays.
    pub const RAE: Bits = Bits::bit(15);
    /// Dword 10: dwords less 1, the lower half.
    pub const NUMDL: Bits = Bits::new(31, 16);
    /// Dword 11: the upper half.
    pub const NUMDU: Bits = Bits::new(15, 0);
}

/// Identify (5.15).
pub mod identify {
    use super::Bits;
    /// Dword 10: which structure.
    pub const CNS: Bits = Bits::new(7, 0);
}

/// Get Features and Set Features (5.13, 5.21).
pub mod features {
    use super::Bits;
    /// Dword 10: which feature.
    pub const FID: Bits = Bits::new(7, 0);
    /// Dword 10 of Get Features: which of its values.
    pub const SEL: Bits = Bits::new(10, 8);
    /// Dword 10 of Set Features: save it.
    pub const SV: Bits = Bits::bit(31);
}

/// Read, Write, Compare and Write Zeroes (6.6, 6.9, 6.15, 6.17): dword 12.
pub mod io {
    use super::{Bits, Field};
    /// Dwords 10 and 11: the first block.
    pub const SLBA: Field = Field::new(40, 8);
    /// Blocks, less 1.
    pub const NLB: Bits = Bits::new(15, 0);
    /// Not complete before it is durable.
    pub const FUA: Bits = Bits::bit(30);
}

/// Dataset Management (6.7).
pub mod dataset {
    use super::{Bits, Field};
    /// Dword 10: ranges, less 1.
    pub const NR: Bits = Bits::new(7, 0);
    /// Dword 11: deallocate.
    pub const AD: Bits = Bits::bit(2);
    /// The size of a range.
    pub const RANGE: usize = 16;
    /// Of a range: blocks.
    pub const LENGTH: Field = Field::new(4, 4);
    /// Of a range: the first block.
    pub const START: Field = Field::new(8, 8);
}
