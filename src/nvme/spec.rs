// SPDX-License-Identifier: GPL-2.0

//! What NVM Express, base specification 1.4, defines and this controller uses: each item with its
//! section there. No number of the specification stands anywhere else.

pub mod command;
pub mod completion;
pub mod event;
pub mod feature;
mod field;
pub mod identify;
pub mod log;
pub mod opcode;
pub mod registers;
pub mod status;

pub use field::{Bits, Field};

/// The size of a memory page, which is the only one that the controller offers (3.1.1, MPSMIN and
/// MPSMAX are 0).
pub const PAGE: usize = 4096;

/// The size of an entry of a PRP list (4.3).
pub const PRP: usize = 8;

/// What the address of data must be a multiple of (4.3: offsets are dwords).
pub const PRP_ALIGN: u64 = 4;

/// The only namespace (6.1).
pub const NAMESPACE: u32 = 1;

/// All namespaces (6.1).
pub const ALL_NAMESPACES: u32 = 0xffff_ffff;

/// The queues of the administration (4.1.4).
pub const ADMIN_QUEUE: u16 = 0;
