// SPDX-License-Identifier: GPL-2.0

//! The tests, one module for each part of the interface.

mod data_fd;
mod feature;
mod hostile;
mod info;
mod irqs;
mod lifetime;
mod load;
mod logging;
mod races;
mod regions;
mod states;
mod storm;
mod v1;

use crate::case::Test;

/// All tests, in the order in which they run.
pub(crate) fn all() -> Vec<Test> {
    [
        info::TESTS,
        regions::TESTS,
        irqs::requests::TESTS,
        irqs::signals::TESTS,
        irqs::intx::TESTS,
        irqs::races::TESTS,
        feature::TESTS,
        states::TESTS,
        data_fd::reading::TESTS,
        data_fd::session::TESTS,
        data_fd::pre_copy::TESTS,
        data_fd::writing::TESTS,
        data_fd::vectors::TESTS,
        v1::registers::TESTS,
        v1::states::TESTS,
        v1::section::TESTS,
        v1::both::TESTS,
        load::TESTS,
        hostile::framing::TESTS,
        hostile::content::TESTS,
        logging::TESTS,
        lifetime::TESTS,
        races::TESTS,
        storm::TESTS,
    ]
    .concat()
}
