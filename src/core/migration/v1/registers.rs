// SPDX-License-Identifier: GPL-2.0

//! Accesses to the region: which register, or which part of the section.

use super::{value_of, Region, Section, DATA_OFFSET, SECTION};
use crate::errno::Errno;
use crate::migration::{Device, Machine};

const STATE: u64 = 0x00;
const PENDING: u64 = 0x08;
const OFFSET: u64 = 0x10;
const SIZE: u64 = 0x18;

/// Where the registers end.
const END: u64 = 0x20;
/// The bytes among the registers that are none.
const RESERVED: core::ops::Range<u64> = 0x04..0x08;

/// What an access is to.
enum Place {
    /// A register, whole.
    Register(u64),
    /// Bytes of the registers' page that belong to none.
    Nothing,
    /// Bytes of the data section, from there.
    Data(usize),
}

/// Finds out what an access of `len` bytes is to.
fn place(offset: u64, len: usize) -> Result<Place, Errno> {
    if let Some(at) = offset.checked_sub(DATA_OFFSET) {
        let at = usize::try_from(at).map_err(|_| Errno::Inval)?;
        return match SECTION.checked_sub(at) {
            Some(room) if len <= room => Ok(Place::Data(at)),
            _ => Err(Errno::Inval),
        };
    }
    let end = u64::try_from(len)
        .ok()
        .and_then(|len| offset.checked_add(len))
        .ok_or(Errno::Inval)?;
    match (offset, len) {
        (STATE, 4) | (PENDING | OFFSET | SIZE, 8) => Ok(Place::Register(offset)),
        _ if offset >= END && end <= DATA_OFFSET => Ok(Place::Nothing),
        _ if offset >= RESERVED.start && end <= RESERVED.end => Ok(Place::Nothing),
        _ => Err(Errno::Inval),
    }
}

impl<B: AsRef<[u8]> + AsMut<[u8]>> Region<B> {
    /// A read of the region. An access that touches the registers' page must come as the client
    /// made it; one to the data section may be cut anywhere.
    ///
    /// # Errors
    ///
    /// `EINVAL`: part of a register, more than one, over an edge. Otherwise the device's, while it
    /// is saved.
    pub fn read<D: Device<Buffer = B>>(
        &mut self,
        offset: u64,
        out: &mut [u8],
        machine: &mut Machine<B>,
        dev: &mut D,
        section: &impl Section,
    ) -> Result<(), Errno> {
        let register = match place(offset, out.len())? {
            Place::Register(register) => register,
            Place::Nothing => {
                out.fill(0);
                return Ok(());
            }
            Place::Data(at) => {
                section.load(at, out);
                return Ok(());
            }
        };
        let value = match register {
            STATE => return put(out, &value_of(machine.state()).to_ne_bytes()),
            PENDING => self.pending(machine, dev, section)?,
            OFFSET => {
                self.offer(machine, dev, section)?;
                DATA_OFFSET
            }
            _ => self.tell(machine, dev, section)?,
        };
        put(out, &value.to_ne_bytes())
    }

    /// A write to the region, as [`read`](Region::read).
    ///
    /// # Errors
    ///
    /// `EINVAL` as there, and for a register that cannot be written, or not in this state;
    /// otherwise what [`set_state`](Region::set_state) and [`Machine::push`] say.
    pub fn write<D: Device<Buffer = B>>(
        &mut self,
        offset: u64,
        bytes: &[u8],
        machine: &mut Machine<B>,
        dev: &mut D,
        section: &impl Section,
    ) -> Result<(), Errno> {
        match place(offset, bytes.len())? {
            Place::Register(STATE) => {
                let value = bytes.try_into().map_err(|_| Errno::Inval)?;
                self.set_state(u32::from_ne_bytes(value), machine, dev)
                    .map_err(|refused| refused.map_or(Errno::Inval, |r| r.errno()))
            }
            Place::Register(SIZE) => {
                let size = bytes.try_into().map_err(|_| Errno::Inval)?;
                self.take(u64::from_ne_bytes(size), machine, dev, section)
            }
            Place::Register(_) => Err(Errno::Inval),
            Place::Nothing => Ok(()),
            Place::Data(at) => {
                section.store(at, bytes);
                Ok(())
            }
        }
    }
}

/// A register's value, into an access of its size.
fn put(out: &mut [u8], value: &[u8]) -> Result<(), Errno> {
    match out.len() == value.len() {
        true => out.copy_from_slice(value),
        false => return Err(Errno::Inval),
    }
    Ok(())
}
