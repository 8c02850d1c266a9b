// SPDX-License-Identifier: GPL-2.0

//! What a command can end with (4.6.1).

use super::completion::{DNR, SC, SCT};
use core::fmt;

/// A status: type, code, and whether the same command would fail again.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Status(u16);

const GENERIC: u64 = 0;
const SPECIFIC: u64 = 1;
const MEDIA: u64 = 2;

impl Status {
    /// 4.6.1.2.1: successful completion.
    pub const SUCCESS: Status = again(GENERIC, 0x00);
    /// 4.6.1.2.1: invalid command opcode.
    pub const INVALID_OPCODE: Status = never(GENERIC, 0x01);
    /// 4.6.1.2.1: invalid field in command.
    pub const INVALID_FIELD: Status = never(GENERIC, 0x02);
    /// 4.6.1.2.1: command id conflict.
    pub const ID_CONFLICT: Status = never(GENERIC, 0x03);
    /// 4.6.1.2.1: data transfer error.
    pub const TRANSFER_ERROR: Status = again(GENERIC, 0x04);
    /// 4.6.1.2.1: internal error.
    pub const INTERNAL: Status = again(GENERIC, 0x06);
    /// 4.6.1.2.1: command abort requested.
    pub const ABORT_REQUESTED: Status = again(GENERIC, 0x07);
    /// 4.6.1.2.1: invalid namespace or format.
    pub const INVALID_NAMESPACE: Status = never(GENERIC, 0x0b);
    /// 4.6.1.2.1: command sequence error.
    pub const SEQUENCE: Status = never(GENERIC, 0x0c);
    /// 4.6.1.2.1: PRP offset invalid.
    pub const PRP_OFFSET: Status = never(GENERIC, 0x13);
    /// 4.6.1.2.1: LBA out of range.
    pub const LBA_RANGE: Status = never(GENERIC, 0x80);
    /// 4.6.1.2.1: capacity exceeded.
    pub const CAPACITY: Status = never(GENERIC, 0x81);

    /// 4.6.1.2.2: completion queue invalid.
    pub const COMPLETION_QUEUE: Status = never(SPECIFIC, 0x00);
    /// 4.6.1.2.2: invalid queue identifier.
    pub const QUEUE_ID: Status = never(SPECIFIC, 0x01);
    /// 4.6.1.2.2: invalid queue size.
    pub const QUEUE_SIZE: Status = never(SPECIFIC, 0x02);
    /// 4.6.1.2.2: asynchronous event request limit exceeded.
    pub const EVENT_LIMIT: Status = never(SPECIFIC, 0x05);
    /// 4.6.1.2.2: invalid interrupt vector.
    pub const VECTOR: Status = never(SPECIFIC, 0x08);
    /// 4.6.1.2.2: invalid log page.
    pub const LOG_PAGE: Status = never(SPECIFIC, 0x09);
    /// 4.6.1.2.2: invalid queue deletion.
    pub const QUEUE_DELETION: Status = never(SPECIFIC, 0x0c);
    /// 4.6.1.2.2: feature identifier not saveable.
    pub const NOT_SAVEABLE: Status = never(SPECIFIC, 0x0d);
    /// 4.6.1.2.2: feature not namespace specific.
    pub const NOT_OF_NAMESPACE: Status = never(SPECIFIC, 0x0f);

    /// 4.6.1.2.3: write fault.
    pub const WRITE_FAULT: Status = again(MEDIA, 0x80);
    /// 4.6.1.2.3: unrecovered read error.
    pub const READ_ERROR: Status = again(MEDIA, 0x81);
    /// 4.6.1.2.3: compare failure.
    pub const COMPARE: Status = never(MEDIA, 0x85);

    /// As it stands in a completion, with phase 0 and nothing more to say.
    pub const fn bits(self) -> u16 {
        self.0
    }

    /// What stands in a completion, whatever its phase and whether there is more to say.
    pub const fn from_bits(bits: u16) -> Self {
        // CAST: all of the masks are in 16 bits.
        Self(bits & (SC.mask() | SCT.mask() | DNR.mask()) as u16)
    }

    /// Whether it is an error.
    pub const fn is_error(self) -> bool {
        self.0 != Self::SUCCESS.0
    }
}

// CAST: all fields are in 16 bits.
const fn again(sct: u64, sc: u64) -> Status {
    Status((SCT.with(sct) | SC.with(sc)) as u16)
}

const fn never(sct: u64, sc: u64) -> Status {
    Status(again(sct, sc).0 | DNR.mask() as u16)
}

impl fmt::Debug for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bits = u64::from(self.0);
        let again = if DNR.any(bits) {
            ""
        } else {
            ", may be repeated"
        };
        write!(f, "Status({:x}/{:02x}{again})", SCT.of(bits), SC.of(bits))
    }
}
