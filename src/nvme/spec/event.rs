// SPDX-License-Identifier: GPL-2.0

//! Asynchronous events (5.2.1).

use super::Bits;

/// Dword 0 of the completion: the type of the event.
pub const TYPE: Bits = Bits::new(2, 0);
/// Dword 0 of the completion: what it is.
pub const INFORMATION: Bits = Bits::new(15, 8);
/// Dword 0 of the completion: the log page that says more.
pub const LOG: Bits = Bits::new(23, 16);

/// Type: an error that no command stands for.
pub const ERROR: u8 = 0;
/// Type: the health of the controller.
pub const HEALTH: u8 = 1;

/// An error: write to invalid doorbell register.
pub const INVALID_REGISTER: u8 = 0x00;
/// An error: invalid doorbell write value.
pub const INVALID_VALUE: u8 = 0x01;

/// Health: a temperature threshold was passed.
pub const TEMPERATURE: u8 = 0x01;
