// SPDX-License-Identifier: GPL-2.0
//! Placeholder of the command-line tool.
fn main() {}
