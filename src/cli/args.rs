// SPDX-License-Identifier: GPL-2.0

//! The command line. Help, man pages and shell completions all come from here.

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use std::ffi::OsString;
use std::path::PathBuf;

const EXIT_CODES: &str = "\
Exit codes:
  0  accepted; or list, show and find have something to print
  1  refused, or a place is not migratable; the reason is on standard output
  2  the arguments make no question (a version string as TARGET, an unknown option ...)
  3  something could not be read or written; the reason is on standard error
  4  list found no place, or find none that accepts";

const ARGUMENTS: &str = "\
SOURCE is read as a version string, TARGET as an accepts line. Each is one of
  a line itself          mdev_nvme/1,model=nvme1,type=16m,...
  -                      a line on standard input
  @FILE                  a line saved in FILE
  a path                 the directory of a place, its migration_version or
                         migration_accepts, or a file with a saved line
  a UUID                 an mdev device of this host
  PARENT/TYPE            a type of this host; the driver's prefix of TYPE may be left out
  a device name          a VFIO device of this host, such as 0000:00:05.0 or vfio0,
                         or what such a device is a part of
A text with a comma or an equals sign that does not start with / or . is a line.";

/// Will it migrate, and if not, why.
///
/// Reads what devices and types of this host, or of lines saved from other hosts, say of
/// themselves in migration_version and migration_accepts, compares them exactly as the kernel
/// does, and explains refusals. Nothing is ever written to sysfs.
#[derive(Debug, Parser)]
#[command(name = "mdev-migrate", version, after_help = EXIT_CODES, disable_help_subcommand = true)]
pub(crate) struct Arguments {
    /// Print JSON instead of text
    #[arg(long, global = true)]
    pub(crate) json: bool,

    /// Where sysfs is mounted
    #[arg(long, global = true, value_name = "DIR", default_value = "/sys")]
    pub(crate) sysfs: PathBuf,

    #[command(subcommand)]
    pub(crate) verb: Verb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Every place of this host, with its version string and accepts line
    ///
    /// Places are the mdev types of each parent, the mdev devices, and whole devices that are
    /// bound to VFIO and can be migrated. Types and mdev devices that are not migratable are
    /// listed and said to be so.
    #[command(after_help = EXIT_CODES)]
    List,

    /// All that one place says of itself, key by key
    #[command(after_help = EXIT_CODES)]
    Show {
        /// A path, a UUID, PARENT/TYPE or a device name
        place: OsString,
    },

    /// Whether TARGET accepts a stream from SOURCE
    #[command(after_help = ARGUMENTS, after_long_help = format!("{ARGUMENTS}\n\n{EXIT_CODES}"))]
    Check(Pair),

    /// Why TARGET refuses SOURCE, and what would make it pass
    ///
    /// Names the rule that refuses, the two values, the errno that a write to migration_version
    /// fails with, and what can be done. Then puts the value right and asks again, so that what
    /// would be refused next is known as well.
    #[command(after_help = ARGUMENTS, after_long_help = format!("{ARGUMENTS}\n\n{EXIT_CODES}"))]
    Explain(Pair),

    /// The places that accept SOURCE, best first, and how to create a device there
    ///
    /// Best first means: places that can be used now before types with no instance left; among
    /// these, devices that accept, then types that accept as they are, then types that accept
    /// once parameters are set, then types for which it is decided at the device node after
    /// create; then a version string equal to SOURCE, fewer parameters to set, and the name.
    #[command(after_help = EXIT_CODES)]
    Find(Question),

    /// Write the man pages
    #[command(hide = true)]
    Man {
        /// An existing folder
        folder: PathBuf,
    },

    /// Write the completions of a shell
    #[command(hide = true)]
    Completions {
        /// Which shell
        shell: Shell,
        /// An existing folder
        folder: PathBuf,
    },
}

#[derive(Args, Debug)]
pub(crate) struct Pair {
    /// The device whose state is to be loaded elsewhere
    pub(crate) source: OsString,
    /// The place that is to load it
    pub(crate) target: OsString,
}

#[derive(Args, Debug)]
pub(crate) struct Question {
    /// The device whose state is to be loaded: a version string, or as for check
    pub(crate) source: OsString,

    /// Look at places saved from another host instead of this host; may be repeated
    ///
    /// FILE holds what `list --json` prints, or one accepts line per text line, with a name
    /// before it if wanted. Empty lines and lines that start with # are skipped.
    #[arg(long, value_name = "FILE")]
    pub(crate) from: Vec<PathBuf>,

    /// Also say why the other places refuse
    #[arg(long)]
    pub(crate) all: bool,

    /// The UUID of the device in the commands that create one
    #[arg(long, value_parser = uuid)]
    pub(crate) uuid: Option<String>,
}

fn uuid(text: &str) -> Result<String, String> {
    if crate::place::is_uuid(text) {
        Ok(text.to_owned())
    } else {
        Err("no UUID of the form 8-4-4-4-12 hexadecimal digits".to_owned())
    }
}
