// SPDX-License-Identifier: GPL-2.0

//! The log pages (5.14.1).

/// Error information (5.14.1.1).
pub mod error {
    use crate::spec::Field;
    /// Which page.
    pub const LID: u8 = 0x01;
    /// The size of an entry.
    pub const SIZE: usize = 64;
    /// A number that is the entry's own, from 1 on.
    pub const COUNT: Field = Field::new(0, 8);
    /// The submission queue.
    pub const SQID: Field = Field::new(8, 2);
    /// The command.
    pub const CID: Field = Field::new(10, 2);
    /// What it was completed with.
    pub const STATUS: Field = Field::new(12, 2);
    /// Which byte and bit of the command are wrong.
    pub const LOCATION: Field = Field::new(14, 2);
    /// The first block of the command.
    pub const LBA: Field = Field::new(16, 8);
    /// The namespace.
    pub const NSID: Field = Field::new(24, 4);
    /// Nothing particular, in SQID, CID and LOCATION.
    pub const NONE: u16 = 0xffff;
    /// Where in LOCATION the bit is; the byte is below.
    pub const LOCATION_BIT: u32 = 8;
}

/// SMART / health information (5.14.1.2).
pub mod health {
    use crate::spec::Field;
    /// Which page.
    pub const LID: u8 = 0x02;
    /// Its size.
    pub const SIZE: usize = 512;
    /// Critical warning.
    pub const WARNING: Field = Field::new(0, 1);
    /// Of the critical warning: a temperature threshold is passed.
    pub const WARNING_TEMPERATURE: u8 = 1 << 1;
    /// Composite temperature, in kelvins.
    pub const TEMPERATURE: Field = Field::new(1, 2);
    /// Available spare, in percent.
    pub const SPARE: Field = Field::new(3, 1);
    /// Available spare threshold, in percent.
    pub const SPARE_THRESHOLD: Field = Field::new(4, 1);
    /// Data units read, a thousand times 512 bytes each, rounded up.
    pub const UNITS_READ: Field = Field::new(32, 16);
    /// Data units written.
    pub const UNITS_WRITTEN: Field = Field::new(48, 16);
    /// Host read commands: Read and Compare.
    pub const READS: Field = Field::new(64, 16);
    /// Host write commands.
    pub const WRITES: Field = Field::new(80, 16);
    /// Controller busy time, in minutes.
    pub const BUSY: Field = Field::new(96, 16);
    /// Power cycles.
    pub const POWER_CYCLES: Field = Field::new(112, 16);
    /// Power on hours.
    pub const HOURS: Field = Field::new(128, 16);
    /// Unsafe shutdowns.
    pub const UNSAFE_SHUTDOWNS: Field = Field::new(144, 16);
    /// Media and data integrity errors.
    pub const MEDIA_ERRORS: Field = Field::new(160, 16);
    /// Error information log entries over the life of the controller.
    pub const ERRORS: Field = Field::new(176, 16);
    /// What a data unit counts, of 512 bytes.
    pub const UNIT: u64 = 1000;
    /// What it counts them in.
    pub const SECTOR: u64 = 512;
}

/// Firmware slot information (5.14.1.3).
pub mod firmware {
    use crate::spec::Field;
    /// Which page.
    pub const LID: u8 = 0x03;
    /// Its size.
    pub const SIZE: usize = 512;
    /// Active firmware info.
    pub const AFI: Field = Field::new(0, 1);
    /// AFI: slot 1 is active.
    pub const SLOT1: u128 = 1;
    /// The revision in slot 1.
    pub const REVISION1: Field = Field::new(8, 8);
}

/// Commands supported and effects (5.14.1.5).
pub mod effects {
    /// Which page.
    pub const LID: u8 = 0x05;
    /// Its size.
    pub const SIZE: usize = 4096;
    /// The size of an entry, one an opcode.
    pub const ENTRY: usize = 4;
    /// The first entry of the commands of administration.
    pub const ADMIN: usize = 0;
    /// The first entry of the I/O commands.
    pub const IO: usize = 1024;
    /// The command is supported.
    pub const SUPPORTED: u32 = 1 << 0;
    /// It changes the contents of a namespace.
    pub const CONTENTS: u32 = 1 << 1;
}
