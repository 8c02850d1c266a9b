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
mod region_v1;
mod regions;
mod states;

use crate::case::Test;

/// All tests, in the order in which they run.
pub(crate) fn all() -> Vec<Test> {
    [
        info::TESTS,
        regions::TESTS,
        irqs::TESTS,
        feature::TESTS,
        states::TESTS,
        data_fd::TESTS,
        region_v1::TESTS,
        load::TESTS,
        hostile::TESTS,
        logging::TESTS,
        lifetime::TESTS,
        races::TESTS,
    ]
    .concat()
}
