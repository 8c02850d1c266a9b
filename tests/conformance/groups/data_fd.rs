// SPDX-License-Identifier: GPL-2.0

//! The file that a state is read from and written to.

pub(super) mod pre_copy;
pub(super) mod reading;
pub(super) mod session;
pub(super) mod vectors;
pub(super) mod writing;

/// Where two streams differ first.
pub(crate) fn difference(what: &str, got: &[u8], wanted: &[u8]) -> String {
    let at = got.iter().zip(wanted).position(|(one, other)| one != other);
    let at = at.unwrap_or(got.len().min(wanted.len()));
    format!(
        "{what}: {} bytes, wanted {}; they differ from byte {at}",
        got.len(),
        wanted.len()
    )
}
