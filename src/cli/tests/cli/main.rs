// SPDX-License-Identifier: GPL-2.0

//! The program as it is run, on trees of files that look like sysfs. What it prints is compared
//! whole with `tests/golden/cli`; `BLESS=1` writes these files anew.

mod arguments;
mod check;
mod explain;
mod find;
mod golden;
mod list;
mod manual;
mod tree;
