// SPDX-License-Identifier: GPL-2.0

//! A command as the guest wrote it, and why it may fail.

use crate::spec::command::{
    CDW10, CDW11, CDW12, CID, FLAGS, FUSE, NSID, OPCODE, PRP1, PRP2, PSDT, SIZE,
};
use crate::spec::log::error::{LOCATION_BIT, NONE};
use crate::spec::status::Status;
use crate::spec::{Bits, Field};

/// An entry of a submission queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Command(pub [u8; SIZE]);

impl Command {
    pub(crate) fn opcode(&self) -> u8 {
        let Self([opcode, ..]) = self;
        *opcode
    }

    pub(crate) fn id(&self) -> u16 {
        CID.get(&self.0) as u16
    }

    pub(crate) fn namespace(&self) -> u32 {
        NSID.get(&self.0) as u32
    }

    pub(crate) fn get(&self, field: Field) -> u64 {
        field.get(&self.0)
    }

    pub(crate) fn prps(&self) -> (u64, u64) {
        (self.get(PRP1), self.get(PRP2))
    }

    /// Nothing but plain commands with PRPs is known here (4.2).
    pub(crate) fn check_flags(&self) -> Result<(), Failure> {
        let flags = self.get(FLAGS);
        for bits in [FUSE, PSDT] {
            if bits.any(flags) {
                return Err(Failure::bits(Status::INVALID_FIELD, FLAGS, bits));
            }
        }
        Ok(())
    }
}

/// Why a command failed: the status, and where in the command the reason is (5.14.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The status.
    pub status: Status,
    /// The byte and the bit, as the error log has them.
    pub location: u16,
}

impl Failure {
    /// In no particular field.
    pub const fn new(status: Status) -> Self {
        Self {
            status,
            location: NONE,
        }
    }

    /// In a field.
    pub(crate) const fn field(status: Status, field: Field) -> Self {
        // CAST: offsets in a command of 64 bytes.
        let location = field.at as u16;
        Self { status, location }
    }

    /// In some bits of a field.
    pub(crate) const fn bits(status: Status, field: Field, bits: Bits) -> Self {
        // CAST: offsets in a command of 64 bytes, and bits of a dword.
        let byte = field.at.wrapping_add((bits.low() / u8::BITS) as usize) as u16;
        let bit = (bits.low() % u8::BITS) as u16;
        Self {
            status,
            location: byte | bit.wrapping_shl(LOCATION_BIT),
        }
    }
}

/// In the namespace id.
pub(crate) const BAD_NAMESPACE: Failure = Failure::field(Status::INVALID_NAMESPACE, NSID);

/// In the opcode.
pub(crate) const BAD_OPCODE: Failure = Failure::field(Status::INVALID_OPCODE, OPCODE);

/// Some bits of dword 10.
pub(crate) const fn dword10(status: Status, bits: Bits) -> Failure {
    Failure::bits(status, CDW10, bits)
}

/// Some bits of dword 11.
pub(crate) const fn dword11(status: Status, bits: Bits) -> Failure {
    Failure::bits(status, CDW11, bits)
}

/// Some bits of dword 12.
pub(crate) const fn dword12(status: Status, bits: Bits) -> Failure {
    Failure::bits(status, CDW12, bits)
}

/// Dwords 12 and 13.
pub(crate) const fn offset(status: Status) -> Failure {
    Failure::field(status, CDW12)
}
