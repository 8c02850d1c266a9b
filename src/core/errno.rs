// SPDX-License-Identifier: GPL-2.0

//! The error numbers that a verdict and a migration can have.

use core::fmt;

/// An error number of Linux, as `include/uapi/asm-generic/errno.h` defines it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Errno {
    /// Input/output error: the device has failed and waits for a reset.
    Io,
    /// Out of memory.
    NoMem,
    /// Device or resource busy: the other client interface has a session open.
    Busy,
    /// Improper link: another namespace, grammar or model.
    Xdev,
    /// No such device: the session has ended.
    NoDev,
    /// Invalid argument: not a version string, no legal transition, a malformed stream.
    Inval,
    /// Result out of range: a parameter, or state that the version written cannot carry.
    Range,
    /// No message of desired type: nothing to read for now.
    NoMsg,
    /// Protocol not supported: the state version.
    ProtoNoSupport,
    /// Operation not supported: an unknown key or record, or a feature that the target lacks.
    OpNotSupp,
    /// Wrong medium type: the mdev type.
    MediumType,
}

impl Errno {
    /// Every error number, in ascending order.
    pub const ALL: [Errno; 11] = [
        Errno::Io,
        Errno::NoMem,
        Errno::Busy,
        Errno::Xdev,
        Errno::NoDev,
        Errno::Inval,
        Errno::Range,
        Errno::NoMsg,
        Errno::ProtoNoSupport,
        Errno::OpNotSupp,
        Errno::MediumType,
    ];

    /// The one with this number, if it is among them.
    pub fn from_number(number: i32) -> Option<Self> {
        Errno::ALL.into_iter().find(|e| e.number() == number)
    }

    /// The number on x86 and every other architecture that uses the generic table.
    pub const fn number(self) -> i32 {
        match self {
            Errno::Io => 5,
            Errno::NoMem => 12,
            Errno::Busy => 16,
            Errno::Xdev => 18,
            Errno::NoDev => 19,
            Errno::Inval => 22,
            Errno::Range => 34,
            Errno::NoMsg => 42,
            Errno::ProtoNoSupport => 93,
            Errno::OpNotSupp => 95,
            Errno::MediumType => 124,
        }
    }

    /// The name in C.
    pub const fn name(self) -> &'static str {
        match self {
            Errno::Io => "EIO",
            Errno::NoMem => "ENOMEM",
            Errno::Busy => "EBUSY",
            Errno::Xdev => "EXDEV",
            Errno::NoDev => "ENODEV",
            Errno::Inval => "EINVAL",
            Errno::Range => "ERANGE",
            Errno::NoMsg => "ENOMSG",
            Errno::ProtoNoSupport => "EPROTONOSUPPORT",
            Errno::OpNotSupp => "EOPNOTSUPP",
            Errno::MediumType => "EMEDIUMTYPE",
        }
    }

    /// The text of glibc's `strerror`, which is what a shell shows.
    pub const fn message(self) -> &'static str {
        match self {
            Errno::Io => "Input/output error",
            Errno::NoMem => "Cannot allocate memory",
            Errno::Busy => "Device or resource busy",
            Errno::Xdev => "Invalid cross-device link",
            Errno::NoDev => "No such device",
            Errno::Inval => "Invalid argument",
            Errno::Range => "Numerical result out of range",
            Errno::NoMsg => "No message of desired type",
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
