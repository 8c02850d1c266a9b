// SPDX-License-Identifier: GPL-2.0

//! The structures of Identify (5.15.2).

/// The size of each.
pub const SIZE: usize = super::PAGE;

/// CNS: the namespace (5.15.2.1).
pub const NAMESPACE: u64 = 0x00;
/// CNS: the controller (5.15.2.2).
pub const CONTROLLER: u64 = 0x01;
/// CNS: active namespace ids (5.15.2.3).
pub const ACTIVE: u64 = 0x02;
/// CNS: namespace identification descriptors (5.15.2.4).
pub const DESCRIPTORS: u64 = 0x03;

/// From here on no id can be lower than a namespace's (5.15.2.3).
pub const NO_MORE_IDS: u32 = 0xffff_fffe;

/// The controller (5.15.2.2).
pub mod controller {
    use crate::spec::Field;
    /// PCI vendor id.
    pub const VID: Field = Field::new(0, 2);
    /// PCI subsystem vendor id.
    pub const SSVID: Field = Field::new(2, 2);
    /// Serial number.
    pub const SN: Field = Field::new(4, 20);
    /// Model number.
    pub const MN: Field = Field::new(24, 40);
    /// Firmware revision.
    pub const FR: Field = Field::new(64, 8);
    /// Maximum data transfer size, a power of two of pages.
    pub const MDTS: Field = Field::new(77, 1);
    /// Version.
    pub const VER: Field = Field::new(80, 4);
    /// Controller type.
    pub const CNTRLTYPE: Field = Field::new(111, 1);
    /// CNTRLTYPE: an I/O controller.
    pub const IO_CONTROLLER: u128 = 1;
    /// Optional admin commands.
    pub const OACS: Field = Field::new(256, 2);
    /// OACS: Doorbell Buffer Config.
    pub const OACS_DOORBELL_BUFFER: u128 = 1 << 8;
    /// Abort command limit, less 1.
    pub const ACL: Field = Field::new(258, 1);
    /// Asynchronous event request limit, less 1.
    pub const AERL: Field = Field::new(259, 1);
    /// Firmware updates.
    pub const FRMW: Field = Field::new(260, 1);
    /// FRMW: one slot, which is read only.
    pub const FRMW_FIXED: u128 = (1 << 1) | (1 << 0);
    /// Log page attributes.
    pub const LPA: Field = Field::new(261, 1);
    /// LPA: commands supported and effects; offset and long length.
    pub const LPA_EFFECTS_OFFSET: u128 = (1 << 1) | (1 << 2);
    /// Error log page entries, less 1.
    pub const ELPE: Field = Field::new(262, 1);
    /// Warning composite temperature threshold.
    pub const WCTEMP: Field = Field::new(266, 2);
    /// Critical composite temperature threshold.
    pub const CCTEMP: Field = Field::new(268, 2);
    /// Submission queue entry size, highest and lowest.
    pub const SQES: Field = Field::new(512, 1);
    /// Completion queue entry size, highest and lowest.
    pub const CQES: Field = Field::new(513, 1);
    /// Number of namespaces.
    pub const NN: Field = Field::new(516, 4);
    /// Optional NVM commands.
    pub const ONCS: Field = Field::new(520, 2);
    /// ONCS: Compare.
    pub const ONCS_COMPARE: u128 = 1 << 0;
    /// ONCS: Dataset Management.
    pub const ONCS_DATASET: u128 = 1 << 2;
    /// ONCS: Write Zeroes.
    pub const ONCS_WRITE_ZEROES: u128 = 1 << 3;
    /// ONCS: the save field of Set Features, the select field of Get Features.
    pub const ONCS_SELECT: u128 = 1 << 4;
    /// Volatile write cache.
    pub const VWC: Field = Field::new(525, 1);
    /// VWC: there is one, and Flush takes all namespaces at once.
    pub const VWC_PRESENT_ALL: u128 = (0b11 << 1) | 1;
    /// NVM subsystem qualified name (7.9).
    pub const SUBNQN: Field = Field::new(768, 256);
    /// The first power state descriptor.
    pub const PSD0: usize = 2048;
    /// Of power state 0: maximum power, in units of 10 mW.
    pub const PSD0_MP: Field = Field::new(PSD0, 2);
}

/// The namespace (5.15.2.1).
pub mod namespace {
    use crate::spec::Field;
    /// Size, in blocks.
    pub const NSZE: Field = Field::new(0, 8);
    /// Capacity, in blocks.
    pub const NCAP: Field = Field::new(8, 8);
    /// Utilization, in blocks.
    pub const NUSE: Field = Field::new(16, 8);
    /// Deallocated blocks.
    pub const DLFEAT: Field = Field::new(33, 1);
    /// DLFEAT: they read as zeroes; Write Zeroes may deallocate.
    pub const DLFEAT_ZEROES: u128 = (1 << 3) | 1;
    /// Capacity, in bytes.
    pub const NVMCAP: Field = Field::new(48, 16);
    /// Globally unique identifier.
    pub const NGUID: Field = Field::new(104, 16);
    /// Of LBA format 0: the size of a block, as a power of two.
    pub const LBADS0: Field = Field::new(130, 1);
}

/// An identification descriptor of a namespace (5.15.2.4).
pub mod descriptor {
    use crate::spec::Field;
    /// Its type.
    pub const NIDT: Field = Field::new(0, 1);
    /// NIDT: the NGUID.
    pub const NGUID: u128 = 0x2;
    /// NIDT: a UUID.
    pub const UUID: u128 = 0x3;
    /// The length of the identifier.
    pub const NIDL: Field = Field::new(1, 1);
    /// The identifier: both kinds have 16 bytes.
    pub const NID: Field = Field::new(4, 16);
    /// The bytes of a descriptor with such an identifier; the next one follows it.
    pub const SIZE: usize = 20;
}
