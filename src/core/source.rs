// SPDX-License-Identifier: GPL-2.0

//! What an accepted version string says of its source, as values.

use crate::contract::{Contract, MAX_PARAMS};
use crate::value::{parse_mask, parse_number};
use crate::version::Version;

/// What a source states: what a device that took its state presents from then on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source<'a> {
    /// The name of its type.
    pub type_name: &'a str,
    /// Its parameters, in the contract's order; 0 after the last.
    pub parameters: [u64; MAX_PARAMS],
    /// The version of the state format that it writes.
    pub state: u64,
    /// Its features; 0 if the namespace has none.
    pub features: u64,
}

impl<'a> Source<'a> {
    /// Takes a version string apart. One that [`judge`](crate::judge) accepted for a place of
    /// `contract` always can be; its `x-` keys are left out.
    pub fn of(line: &'a str, contract: &Contract) -> Option<Self> {
        let version = Version::parse(line).ok()?;
        let number = |key| version.get(key).and_then(parse_number);
        let mut parameters = [0; MAX_PARAMS];
        for (value, param) in parameters.iter_mut().zip(contract.params) {
            *value = number(param.key)?;
        }
        Some(Self {
            type_name: version.get("type")?,
            parameters,
            state: number("state")?,
            features: match contract.features {
                true => version.get("features").and_then(parse_mask)?,
                false => 0,
            },
        })
    }
}
