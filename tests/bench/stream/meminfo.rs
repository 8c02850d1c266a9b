// SPDX-License-Identifier: GPL-2.0

//! What the machine says of its memory.

use measuring::machine::{during, Result};
use std::fs;

const PATH: &str = "/proc/meminfo";

/// `/proc/meminfo`, as it was at a moment.
pub(crate) struct Meminfo(String);

impl Meminfo {
    pub(crate) fn read() -> Result<Self> {
        fs::read_to_string(PATH).map(Self).map_err(during(PATH))
    }

    /// A field, in bytes.
    pub(crate) fn bytes(&self, name: &str) -> Result<f64> {
        let of = |line: &str| -> Option<f64> {
            let value = line.strip_prefix(name)?.strip_prefix(':')?;
            value.split_whitespace().next()?.parse().ok()
        };
        let kib = self.0.lines().find_map(of);
        Ok(kib.ok_or_else(|| format!("{PATH} has no {name}"))? * 1024.0)
    }
}
