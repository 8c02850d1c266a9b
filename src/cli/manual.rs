// SPDX-License-Identifier: GPL-2.0

//! Man pages and shell completions, made from the command line's own description.

use crate::args::Arguments;
use crate::exit::{Exit, Failure};
use crate::output;
use clap::{Command, CommandFactory};
use clap_complete::Shell;
use std::path::Path;

/// Writes `mdev-migrate.1` and one page for each verb.
pub(crate) fn man(folder: &Path) -> Result<(String, Exit), Failure> {
    let mut command = visible(Arguments::command());
    // Gives the verbs their whole names, and the options that all share.
    command.build();
    let mut written = Vec::new();
    for page in std::iter::once(&command).chain(command.get_subcommands()) {
        let name = page.get_display_name().unwrap_or(page.get_name());
        let path = folder.join(format!("{name}.1"));
        let mut text = Vec::new();
        clap_mangen::Man::new(page.clone().name(name.to_owned()))
            .render(&mut text)
            .and_then(|()| std::fs::write(&path, text))
            .map_err(|e| Failure::io(format!("{}: {e}", output::path(&path))))?;
        written.push(output::path(&path));
    }
    Ok((lines(&written), Exit::Accepted))
}

/// Writes the completions of one shell, under the name that the shell looks for.
pub(crate) fn completions(shell: Shell, folder: &Path) -> Result<(String, Exit), Failure> {
    let mut command = visible(Arguments::command());
    let path = clap_complete::generate_to(shell, &mut command, "mdev-migrate", folder)
        .map_err(|e| Failure::io(format!("{}: {e}", output::path(folder))))?;
    Ok((lines(&[output::path(&path)]), Exit::Accepted))
}

/// The command without what only the build needs.
fn visible(command: Command) -> Command {
    let verbs: Vec<_> = command
        .get_subcommands()
        .filter(|verb| !verb.is_hide_set())
        .cloned()
        .collect();
    // clap cannot take a verb away, so that the command is put together again.
    let mut kept = Command::new("mdev-migrate")
        .disable_help_subcommand(true)
        .subcommand_required(true)
        .subcommands(verbs);
    if let Some(version) = command.get_version() {
        kept = kept.version(version.to_owned());
    }
    if let Some(about) = command.get_about() {
        kept = kept.about(about.clone());
    }
    if let Some(about) = command.get_long_about() {
        kept = kept.long_about(about.clone());
    }
    if let Some(help) = command.get_after_help() {
        kept = kept.after_help(help.clone());
    }
    kept.args(command.get_arguments().cloned())
}

fn lines(paths: &[String]) -> String {
    let mut text = String::new();
    output::indent(&mut text, 0, paths);
    text
}
