// SPDX-License-Identifier: GPL-2.0

//! What both measuring programs are made of.

#![forbid(unsafe_code)]

pub mod goals;
pub mod machine;
pub mod sample;
pub mod table;
