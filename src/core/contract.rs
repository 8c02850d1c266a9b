// SPDX-License-Identifier: GPL-2.0

//! What a driver declares once, as data: the keys of its namespace and how each is judged.

use crate::value::{is_key, is_namespace};

/// The most parameters that a namespace can have.
pub const MAX_PARAMS: usize = 8;

/// How a parameter of the source is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParamRule {
    /// It is the target's. The default of every driver.
    Equal,
    /// It is at least this minimum and at most the target's.
    AtMost {
        /// The minimum.
        min: u64,
    },
    /// At a device it is the target's; at a type node it is one that a device of the type can be
    /// given before its first open.
    Settable,
}

/// A parameter: a key whose values are decimal numbers, and its rule.
#[derive(Clone, Copy, Debug)]
pub struct Param {
    /// The key.
    pub key: &'static str,
    /// How a source's value is judged.
    pub rule: ParamRule,
}

/// The keys of a namespace. Their canonical order is `model`, `type`, the parameters in the order
/// given here, `state`, and `features` if there are any.
#[derive(Clone, Copy, Debug)]
pub struct Contract {
    /// The name of who defines the state format.
    pub namespace: &'static str,
    /// The parameters, in canonical order.
    pub params: &'static [Param],
    /// Whether the namespace has a mask of features.
    pub features: bool,
}

impl Contract {
    /// Refuses a table that breaks the grammar. Meant for a `const`, so that a driver with such a
    /// table does not compile.
    ///
    /// # Panics
    ///
    /// On a namespace or key with a byte that it may not have, a parameter with the name of a
    /// fixed key or of an earlier parameter or with the prefix `x-`, and more than
    /// [`MAX_PARAMS`] parameters.
    // Inline: for constants only, so the object of this crate has no copy that can panic.
    #[inline]
    pub const fn check(&self) {
        assert!(
            is_namespace(self.namespace),
            "namespace: a-z first, then a-z 0-9 _"
        );
        assert!(
            self.params.len() <= MAX_PARAMS,
            "more than MAX_PARAMS parameters"
        );
        let mut i = 0;
        while i < self.params.len() {
            let key = self.params[i].key;
            assert!(is_key(key), "parameter: a-z first, then a-z 0-9 _ -");
            assert!(
                !same(key, "model") && !same(key, "type"),
                "parameter named as a fixed key"
            );
            assert!(
                !same(key, "state") && !same(key, "features"),
                "parameter named as a fixed key"
            );
            let bytes = key.as_bytes();
            let informs = bytes.len() >= 2 && bytes[0] == b'x' && bytes[1] == b'-';
            assert!(
                !informs,
                "parameter with the prefix of keys that only inform"
            );
            let mut j = 0;
            while j < i {
                assert!(!same(self.params[j].key, key), "parameter stands twice");
                j += 1;
            }
            i += 1;
        }
    }
}

/// Whether `name` is in `list`. A `const fn`, so that drivers' tables can be checked while they
/// are compiled.
#[inline]
pub const fn lists(list: &[&str], name: &str) -> bool {
    let mut i = 0;
    while i < list.len() {
        if same(list[i], name) {
            return true;
        }
        i += 1;
    }
    false
}

/// `a == b` for a `const fn`.
#[inline]
const fn same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return false;
    }
    let mut i = 0;
    while i < a.len() {
        if a[i] != b[i] {
            return false;
        }
        i += 1;
    }
    true
}
