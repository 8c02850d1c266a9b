// SPDX-License-Identifier: GPL-2.0

//! The error numbers that a verdict can have.

use core::fmt;

/// An error number of Linux, as `include/uapi/asm-generic/errno.h` defines it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Errno {
    /// Improper link: another namespace, grammar or model.
    Xdev,
    /// Invalid argument: not a version string.
    Inval,
    /// Result out of range: a parameter.
    Range,
    /// Protocol not supported: the state version.
    ProtoNoSupport,
    /// Operation not supported: an unknown key, or a feature that the target lacks.
    OpNotSupp,
    /// Wrong medium type: the mdev type.
    MediumType,
}

impl Errno {
    /// Every error number that a verdict can have.
    pub const ALL: [Errno; 6] = [
        Errno::Xdev,
        Errno::Inval,
        Errno::Range,
        Errno::ProtoNoSupport,
        Errno::OpNotSupp,
        Errno::MediumType,
    ];

    /// The number on x86 and every other architecture that uses the generic table.
    pub const fn number(self) -> i32 {
        match self {
            Errno::Xdev => 18,
            Errno::Inval => 22,
            Errno::Range => 34,
            Errno::ProtoNoSupport => 93,
            Errno::OpNotSupp => 95,
            Errno::MediumType => 124,
        }
    }

    /// The name in C.
    pub const fn name(self) -> &'static str {
        match self {
            Errno::Xdev => "EXDEV",
            Errno::Inval => "EINVAL",
            Errno::Range => "ERANGE",
            Errno::ProtoNoSupport => "EPROTONOSUPPORT",
            Errno::OpNotSupp => "EOPNOTSUPP",
            Errno::MediumType => "EMEDIUMTYPE",
        }
    }

    /// The text of glibc's `strerror`, which is what a shell shows.
    pub const fn message(self) -> &'static str {
        match self {
            Errno::Xdev => "Invalid cross-device link",
            Errno::Inval => "Invalid argument",
            Errno::Range => "Numerical result out of range",
            Errno::ProtoNoSupport => "Protocol not supported",
            Errno::OpNotSupp => "Operation not supported",
            Errno::MediumType => "Wrong medium type",
        }
    }
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
