// SPDX-License-Identifier: GPL-2.0

//! The v1 client interface: a region of registers and data.
//!
//! Source: `struct vfio_device_migration_info` in `include/uapi/linux/vfio.h` of the kernel, with
//! the text above it as it stands there from Linux 5.8 to 5.17.
//!
//! | offset | bytes | register | access |
//! |---|---|---|---|
//! | 0x00 | 4 | `device_state` | read, write |
//! | 0x04 | 4 | reserved | reads 0, writes are ignored |
//! | 0x08 | 8 | `pending_bytes` | read |
//! | 0x10 | 8 | `data_offset` | read |
//! | 0x18 | 8 | `data_size` | read while saved, written while loaded |
//! | 0x20 to 0xfff | | nothing | reads 0, writes are ignored |
//! | 0x1000 | [`SECTION`] | the data section | read, write, mapped |
//!
//! A register is accessed whole, in the byte order of the machine. The data section is plain
//! memory that the client shares: what is done with its bytes is decided by the registers alone.
//!
//! Data flows in *chunks* that fill the section from its start. A read of `pending_bytes` offers
//! one, and the next such read after one of `data_size` takes it as read. An offered chunk whose
//! size was not read is offered again, also after a change of state within the save.
//!
//! A client may run a device while it is saved and then save it again, and send both saves one
//! after the other. A load that comes through the region therefore begins again where a new stream
//! begins, between two records; what came before is void.

mod data;
mod registers;
mod states;

use super::session::SessionId;

pub use states::{state_of, value_of};

/// Where the data section starts; the registers' page, which is never mapped, ends there.
pub const DATA_OFFSET: u64 = 0x1000;

/// The bytes of the data section.
pub const SECTION: usize = 1 << 20;

/// The bytes of the region.
pub const REGION: u64 = DATA_OFFSET + SECTION as u64;

// One record must fit, or nothing could ever be saved.
const _: () = assert!(SECTION >= crate::stream::MAX_RECORD);

/// The memory of the data section: [`SECTION`] bytes. The client may have it mapped and change it
/// at any time, so it is only ever copied.
pub trait Section {
    /// Copies what is at `at` into all of `out`.
    fn load(&self, at: usize, out: &mut [u8]);

    /// Copies all of `bytes` to `at`.
    fn store(&self, at: usize, bytes: &[u8]);
}

/// The registers of one device's region, beside its [`Machine`](super::Machine).
#[derive(Debug, Default)]
pub struct Region<B> {
    /// Of the session that this interface opened last; over if the machine says so.
    session: Option<Open<B>>,
}

#[derive(Debug)]
struct Open<B> {
    id: SessionId,
    /// A record on its way between machine and section.
    record: B,
    /// The bytes of the chunk that the section holds; 0 if there is none.
    chunk: usize,
    /// The client knows how long the chunk is.
    told: bool,
}

impl<B> Region<B> {
    /// The region of a device whose migration has not begun.
    pub const fn new() -> Self {
        Self { session: None }
    }

    /// Lets go of the memory of a session that is over. Nothing needs this but memory: a region
    /// sees by itself that its session has ended.
    pub fn release(&mut self) {
        self.session = None;
    }
}
