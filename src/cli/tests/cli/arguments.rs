// SPDX-License-Identifier: GPL-2.0

//! The command line: help, and what is no command.

use crate::golden::{run, Golden};
use crate::tree::Tree;
use std::process::{Command, Stdio};

#[test]
fn help_says_all() {
    let tree = Tree::empty();
    let mut golden = Golden::new(tree.path());
    golden.run(&["--help"], 0);
    for verb in ["list", "show", "check", "explain", "find"] {
        golden.run(&[verb, "--help"], 0);
    }
    golden.compare("help.txt");
}

#[test]
fn a_wrong_command_line_ends_with_2() {
    let tree = Tree::empty();
    let none: [&str; 0] = [];
    assert_eq!(run(tree.path(), &none, b"").exit, 2);
    for arguments in [
        &["frob"][..],
        &["check", "one"],
        &["list", "--frob"],
        &["find"],
    ] {
        let run = run(tree.path(), arguments, b"");
        assert_eq!(run.exit, 2, "{arguments:?}");
        assert!(
            run.stdout.is_empty() && run.stderr.contains("Usage:"),
            "{arguments:?}"
        );
    }
}

#[test]
fn an_output_that_cannot_be_written_ends_with_3() {
    let full = std::fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .expect("/dev/full");
    let output = Command::new(env!("CARGO_BIN_EXE_mdev-migrate"))
        .args(["check", "acme/1,model=a", "acme/1,model=a,state=1..1"])
        .stdout(full)
        .stderr(Stdio::piped())
        .output()
        .expect("the program runs");
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stderr).contains("standard output"));
}
