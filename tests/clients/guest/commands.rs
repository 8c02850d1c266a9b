// SPDX-License-Identifier: GPL-2.0
//! What the harness tells a guest with programs to do.
//!
//! - `run ID TEXT`: a command of the shell. `out ID LINE` for each line that it writes, then `done ID
//!   status=N`.
//! - `keep ID TEXT`: the same, of a command that works until it is told to end and then ends well: any
//!   other end is a fault.
//! - `watch NAME`, `unwatch NAME`: reports of a block device ([`crate::watch`]).

use std::collections::HashMap;
use std::convert::Infallible;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::thread;

use crate::events::Events;
use crate::watch::Watch;
use crate::Failure;

const SHELL: &str = "/bin/bash";
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Does what it is told, for ever.
pub(crate) fn obey(events: Events) -> Result<Infallible, Failure> {
    let mut watches = HashMap::new();
    events.listen(|line| {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        match (verb, rest.split_once(' ')) {
            ("run" | "keep", Some((id, text))) => {
                let task = Task {
                    id: id.to_owned(),
                    kept: verb == "keep",
                    events: events.clone(),
                };
                let text = text.to_owned();
                thread::spawn(move || task.run(&text));
            }
            ("watch", None) => {
                watches.insert(rest.to_owned(), Watch::begin(rest, events.clone()));
            }
            ("unwatch", None) => {
                if let Some(watch) = watches.remove(rest) {
                    watch.end();
                }
                events.say(&format!("unwatched {rest}"))?;
            }
            _ => events.say(&format!("fault no such command: {line}"))?,
        }
        Ok(())
    })
}

/// One command under way.
struct Task {
    id: String,
    kept: bool,
    events: Events,
}

impl Task {
    fn run(&self, text: &str) {
        let said = match self.try_run(text) {
            Ok((0, _)) => self.events.say(&format!("done {} status=0", self.id)),
            Ok((status, last)) if self.kept => self.events.say(&format!(
                "fault {} ended with status {status}: {last}",
                self.id
            )),
            Ok((status, _)) => self
                .events
                .say(&format!("done {} status={status}", self.id)),
            Err(error) => self.events.say(&format!("fault {}: {error}", self.id)),
        };
        if let Err(error) = said {
            eprintln!("fault {}: {error}", self.id);
        }
    }

    /// The exit status (of a killed one 128 and the signal's number, as a shell has it) and the last line.
    fn try_run(&self, text: &str) -> Result<(i32, String), Failure> {
        use std::os::unix::process::ExitStatusExt;
        let mut child = Command::new(SHELL)
            .arg("-c")
            .arg(format!("exec 2>&1\n{text}"))
            .env("PATH", PATH)
            .env("HOME", "/tmp")
            .env("LC_ALL", "C")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut last = String::new();
        if let Some(output) = child.stdout.take() {
            for line in BufReader::new(output).split(b'\n') {
                last = String::from_utf8_lossy(&line?).into_owned();
                self.events.say(&format!("out {} {last}", self.id))?;
            }
        }
        let status = child.wait()?;
        let number = status
            .code()
            .unwrap_or_else(|| 128 + status.signal().unwrap_or_default());
        Ok((number, last))
    }
}
