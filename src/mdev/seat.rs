// SPDX-License-Identifier: GPL-2.0

//! What a device is made of: a type's row of the table, on a parent.

use crate::{
    driver::{
        self,
        Driver,
        Type, //
    },
    parent::Parent,
};
use core::pin::Pin;
use migcore::{
    Node,
    Parameter,
    Place,
    Steps,
    MAX_PARAMS, //
};

/// A row of the driver's table on one parent: what there is to say of a type there, and of each
/// device of it.
pub(crate) struct Seat<'a, T: Driver> {
    pub(crate) parent: Pin<&'a Parent<T>>,
    pub(crate) kind: &'static Type,
    /// Whether it is all that the parent has, and no type of mdevs.
    pub(crate) whole: bool,
}

impl<T: Driver> Clone for Seat<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Driver> Copy for Seat<'_, T> {}

impl<T: Driver> Seat<'_, T> {
    /// The parameters of a new device: those of its row, and as much as there is for the whole.
    pub(crate) fn first_values(&self) -> [u64; MAX_PARAMS] {
        let mut values = [0; MAX_PARAMS];
        for (value, &param) in values.iter_mut().zip(self.kind.params) {
            *value = param;
        }
        if self.whole {
            let total = self.parent.shared.lock().total;
            values[T::BUDGET] = self.range(T::BUDGET, total).max;
        }
        values
    }

    /// What a device can be given for parameter `index`, of a parent with this `total`.
    ///
    /// Multiples of the type's own, up to the parent's total where the parameter counts against
    /// it. That there is room now is not looked at.
    pub(crate) fn range(&self, index: usize, total: u64) -> Steps {
        let value = self.kind.params[index];
        if index == T::BUDGET && driver::settable::<T>() {
            // A type's budgeted parameter is above 0, see `driver::check`; the compiler cannot know.
            let rest = total.checked_rem(value).unwrap_or(total);
            Steps {
                min: value,
                max: total.saturating_sub(rest),
                step: value,
            }
        } else {
            Steps {
                min: value,
                max: value,
                step: 1,
            }
        }
    }

    /// The parameters with `values` in force, of a parent with this `total`.
    fn parameters(&self, values: &[u64], total: u64) -> [Parameter; MAX_PARAMS] {
        let mut parameters = [Parameter::fixed(0); MAX_PARAMS];
        for (index, (parameter, &value)) in parameters.iter_mut().zip(values).enumerate() {
            *parameter = Parameter {
                value,
                settable: self.range(index, total),
            };
        }
        parameters
    }

    /// Describes the type, or a device of it, to `f`: the one description that its string, its
    /// accepts line and its verdicts come from. It is that of one moment; no lock is held in `f`.
    pub(crate) fn with_place<R>(
        &self,
        node: Node,
        values: &[u64],
        f: impl FnOnce(Place<'_>) -> R,
    ) -> R {
        let (settings, total) = {
            let shared = self.parent.shared.lock();
            (shared.settings, shared.total)
        };
        let parameters = self.parameters(values, total);
        f(Place {
            contract: T::CONTRACT,
            identity: settings.identity(),
            type_name: self.kind.name,
            like: self.kind.like,
            parameters: &parameters[..values.len().min(MAX_PARAMS)],
            node,
        })
    }
}
