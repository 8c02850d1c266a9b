// SPDX-License-Identifier: GPL-2.0

//! Tables as they are printed.

use std::fmt::Display;

/// The first line of a table, of which all columns but the first hold figures.
pub fn heading(first: &str, columns: &[impl Display]) {
    line(first, columns.iter().map(ToString::to_string));
    println!("|---|{}", "---:|".repeat(columns.len()));
}

/// A line of a table.
pub fn line(first: &str, cells: impl IntoIterator<Item = String>) {
    let cells: Vec<_> = cells.into_iter().collect();
    println!("| {first} | {} |", cells.join(" | "));
}
