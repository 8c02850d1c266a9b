// SPDX-License-Identifier: GPL-2.0

//! Running the program, and comparing all that it says with a file.

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What one run printed, and how it ended.
pub(crate) struct Run {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) exit: i32,
}

/// Runs the program in `directory`, where `sys` is its sysfs.
pub(crate) fn run(directory: &Path, arguments: &[impl AsRef<OsStr>], stdin: &[u8]) -> Run {
    let mut child = Command::new(env!("CARGO_BIN_EXE_mdev-migrate"))
        .args(["--sysfs", "sys"])
        .args(arguments)
        .current_dir(directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    // A program that ends without reading its input is not at fault.
    let _ = child.stdin.take().expect("a pipe").write_all(stdin);
    let output = child.wait_with_output().expect("the program ends");
    let text = |bytes| String::from_utf8(bytes).expect("only ASCII is printed");
    let run = Run {
        stdout: text(output.stdout),
        stderr: text(output.stderr),
        exit: output.status.code().expect("no signal ended it"),
    };
    for c in run.stdout.chars().chain(run.stderr.chars()) {
        assert!(c == '\n' || (' '..='~').contains(&c), "printed {c:?}");
    }
    run
}

/// The record of several runs, for one golden file.
pub(crate) struct Golden<'a> {
    directory: &'a Path,
    text: String,
}

impl<'a> Golden<'a> {
    pub(crate) fn new(directory: &'a Path) -> Self {
        Self {
            directory,
            text: String::new(),
        }
    }

    /// Runs the program and records all of it. The exit code is stated in the test as well: it
    /// is what scripts rely on.
    pub(crate) fn run(&mut self, arguments: &[&str], exit: i32) -> &mut Self {
        self.run_with(arguments, b"", exit)
    }

    pub(crate) fn run_with(&mut self, arguments: &[&str], stdin: &[u8], exit: i32) -> &mut Self {
        let run = run(self.directory, arguments, stdin);
        let shown: Vec<_> = arguments
            .iter()
            .map(|a| a.escape_default().to_string())
            .collect();
        self.text
            .push_str(&format!("$ mdev-migrate {}\n", shown.join(" ")));
        self.text.push_str(&run.stdout);
        for line in run.stderr.lines() {
            self.text.push_str(&format!("[stderr] {line}\n"));
        }
        self.text.push_str(&format!("[exit {}]\n\n", run.exit));
        assert_eq!(run.exit, exit, "{}", self.text);
        self
    }

    /// Compares all runs with the file, after writing it if `BLESS=1`.
    pub(crate) fn compare(&self, name: &str) {
        let file: PathBuf = [env!("CARGO_MANIFEST_DIR"), "../../tests/golden/cli", name]
            .iter()
            .collect();
        if std::env::var("BLESS").is_ok_and(|v| v == "1") {
            std::fs::write(&file, &self.text).expect("the golden file is written");
        }
        let golden = std::fs::read_to_string(&file)
            .unwrap_or_else(|e| panic!("{}: {e}; BLESS=1 writes it", file.display()));
        assert!(
            golden == self.text,
            "{} differs.\n--- expected\n{golden}\n--- printed\n{}",
            file.display(),
            self.text
        );
    }
}
