// SPDX-License-Identifier: GPL-2.0

//! The C library's view of the error numbers.

use migcore::{Errno, Rule};
use std::collections::BTreeSet;
use std::ffi::CStr;

fn libc_number(errno: Errno) -> i32 {
    match errno {
        Errno::Io => libc::EIO,
        Errno::NoMem => libc::ENOMEM,
        Errno::Busy => libc::EBUSY,
        Errno::Xdev => libc::EXDEV,
        Errno::NoDev => libc::ENODEV,
        Errno::Inval => libc::EINVAL,
        Errno::Range => libc::ERANGE,
        Errno::NoMsg => libc::ENOMSG,
        Errno::ProtoNoSupport => libc::EPROTONOSUPPORT,
        Errno::OpNotSupp => libc::EOPNOTSUPP,
        Errno::MediumType => libc::EMEDIUMTYPE,
    }
}

fn libc_message(number: i32) -> String {
    let mut text = [0; 128];
    // SAFETY: the buffer is as long as is said, and lives until the call has ended.
    let failed = unsafe { libc::strerror_r(number, text.as_mut_ptr(), text.len()) };
    assert_eq!(failed, 0, "strerror_r({number})");
    // SAFETY: on success the buffer holds a string that ends with a zero byte.
    let text = unsafe { CStr::from_ptr(text.as_ptr()) };
    text.to_str().expect("ASCII").to_owned()
}

#[test]
fn numbers_and_messages_are_those_of_the_c_library() {
    for errno in Errno::ALL {
        assert_eq!(errno.number(), libc_number(errno), "{errno}");
        // Without setlocale() the C library speaks as in the C locale, whatever LANG is.
        assert_eq!(errno.message(), libc_message(errno.number()), "{errno}");
    }
}

#[test]
fn all_is_in_order_and_holds_each_errno_of_each_rule() {
    assert!(Errno::ALL.map(Errno::number).is_sorted_by(|a, b| a < b));
    let all: BTreeSet<_> = Errno::ALL.map(Errno::name).into();
    let of_rules: BTreeSet<_> = Rule::ALL.map(|r| r.errno().name()).into();
    assert!(all.is_superset(&of_rules));
}

#[test]
fn names_can_be_aligned() {
    assert_eq!(format!("{:<8}|", Errno::Inval), "EINVAL  |");
    assert_eq!(format!("{:>6}|", Rule::Head), "  head|");
}
