// SPDX-License-Identifier: GPL-2.0

//! The space as migrated state: taken whole, or not at all.

use super::{Config, SIZE};
use crate::Errno;
use core::fmt;

/// Why bytes are no state of this space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoadError {
    /// Not [`SIZE`] bytes.
    Length {
        /// How many there are.
        found: usize,
    },
    /// A byte that differs from this device in bits that nobody can change.
    Fixed {
        /// Its offset.
        at: usize,
        /// What it is.
        found: u8,
        /// What its fixed bits are.
        wanted: u8,
        /// Which of its bits are fixed.
        fixed: u8,
    },
    /// A value that no write can lead to.
    Value {
        /// Its offset.
        at: usize,
        /// What it is.
        found: u8,
    },
}

impl Config {
    /// The state, as [`load`](Config::load) takes it.
    pub fn save(&self) -> [u8; SIZE] {
        self.bytes
    }

    /// Whether `bytes` is a state that this space can be in.
    ///
    /// # Errors
    ///
    /// The first byte that the guest and the device together could not have made so.
    pub fn check(&self, bytes: &[u8]) -> Result<(), LoadError> {
        self.checked(bytes).map(drop)
    }

    /// Takes a state that was saved from a space of the same layout, or changes nothing.
    ///
    /// # Errors
    ///
    /// As [`check`](Config::check).
    pub fn load(&mut self, bytes: &[u8]) -> Result<(), LoadError> {
        self.bytes = *self.checked(bytes)?;
        Ok(())
    }

    fn checked<'a>(&self, bytes: &'a [u8]) -> Result<&'a [u8; SIZE], LoadError> {
        let found = bytes.len();
        let bytes: &[u8; SIZE] = bytes.try_into().map_err(|_| LoadError::Length { found })?;
        for (at, (&found, &initial)) in (0..SIZE).zip(bytes.iter().zip(&self.image.initial)) {
            let Some(rights) = self.image.rights(at) else {
                return Err(LoadError::Value { at, found });
            };
            let fixed = !(rights.write | rights.clear | rights.live);
            let wanted = initial & fixed;
            if found & fixed != wanted {
                return Err(LoadError::Fixed {
                    at,
                    found,
                    wanted,
                    fixed,
                });
            }
            if !self.layout.admits(at, found) {
                return Err(LoadError::Value { at, found });
            }
        }
        Ok(bytes)
    }
}

impl LoadError {
    /// The errno of a stream with such a record.
    pub const fn errno(&self) -> Errno {
        Errno::Inval
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            LoadError::Length { found } => {
                write!(f, "configuration space of {found} bytes, must be {SIZE}")
            }
            LoadError::Fixed {
                at,
                found,
                wanted,
                fixed,
            } => write!(
                f,
                "byte {at:#04x} of the configuration space is {found:#04x}, \
                 but its bits {fixed:#04x} are always {wanted:#04x} here"
            ),
            LoadError::Value { at, found } => write!(
                f,
                "byte {at:#04x} of the configuration space is {found:#04x}, \
                 which this device cannot be set to"
            ),
        }
    }
}

impl core::error::Error for LoadError {}
