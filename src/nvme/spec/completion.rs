// SPDX-License-Identifier: GPL-2.0

//! An entry of a completion queue (4.6).

use super::{Bits, Field};

/// The size of an entry (4.6).
pub const SIZE: usize = 16;
/// The same as a power of two, as CC.IOCQES has it (3.1.5).
pub const SIZE_SHIFT: u64 = 4;

/// What the command says (4.6).
pub const DW0: Field = Field::new(0, 4);
/// The head of the submission queue (4.6).
pub const SQHD: Field = Field::new(8, 2);
/// The submission queue (4.6).
pub const SQID: Field = Field::new(10, 2);
/// The command (4.6).
pub const CID: Field = Field::new(12, 2);
/// Status and phase tag (4.6).
pub const STATUS: Field = Field::new(14, 2);

/// Of the status: the phase tag (4.6).
pub const PHASE: Bits = Bits::bit(0);
/// Of the status: status code (4.6.1).
pub const SC: Bits = Bits::new(8, 1);
/// Of the status: status code type (4.6.1).
pub const SCT: Bits = Bits::new(11, 9);
/// Of the status: the error log has more (4.6.1).
pub const MORE: Bits = Bits::bit(14);
/// Of the status: the same command will fail again (4.6.1).
pub const DNR: Bits = Bits::bit(15);
