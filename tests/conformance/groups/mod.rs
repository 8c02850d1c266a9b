// SPDX-License-Identifier: GPL-2.0

//! The tests, one module for each part of the interface.

mod feature;
mod info;
mod states;

use crate::case::Test;

/// All tests, in the order in which they run.
pub(crate) fn all() -> Vec<Test> {
    [info::TESTS, feature::TESTS, states::TESTS].concat()
}
