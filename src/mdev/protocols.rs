// SPDX-License-Identifier: GPL-2.0

//! Through which client interfaces a device can be migrated.

use core::fmt;

/// One or both of the two interfaces that clients know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocols {
    /// The migration region alone, as QEMU up to 7.2 uses it.
    V1,
    /// The feature ioctls and the data file alone, as QEMU from 8.0 on uses them.
    V2,
    /// Both, one at a time.
    Both,
}

impl Protocols {
    /// Every choice.
    const ALL: [Self; 3] = [Self::V1, Self::V2, Self::Both];

    /// Whether there is a migration region.
    pub const fn has_v1(self) -> bool {
        matches!(self, Self::V1 | Self::Both)
    }

    /// Whether there are the feature ioctls.
    pub const fn has_v2(self) -> bool {
        matches!(self, Self::V2 | Self::Both)
    }

    /// What is in both, if anything is.
    pub(crate) const fn and(self, other: Self) -> Option<Self> {
        match (
            self.has_v1() && other.has_v1(),
            self.has_v2() && other.has_v2(),
        ) {
            (true, true) => Some(Self::Both),
            (true, false) => Some(Self::V1),
            (false, true) => Some(Self::V2),
            (false, false) => None,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::V2 => "v2",
            Self::Both => "v1 v2",
        }
    }

    /// The choice of that name.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|choice| choice.name() == text)
    }
}

impl fmt::Display for Protocols {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
