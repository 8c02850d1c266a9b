// SPDX-License-Identifier: GPL-2.0

//! Runs tests one after another, each in a process of its own, with a limit of time, and reads the
//! kernel's log behind it: a complaint there is a failure, whatever the test itself found.

use crate::{
    case::{Case, Risk, Settings, Stop, Test},
    ktap::{Report, Verdict},
    sys,
};
use nix::{
    errno::Errno,
    poll::{poll, PollFd, PollFlags},
    sys::{
        signal::{killpg, Signal},
        wait::{waitpid, WaitPidFlag, WaitStatus},
    },
    unistd::{setpgid, Pid},
};
use std::{
    fs::{File, OpenOptions},
    io::{Read, Seek, SeekFrom, Write},
    os::{fd::AsFd, unix::fs::OpenOptionsExt},
    process::ExitCode,
    time::{Duration, Instant},
};

/// What no request from user space may cause.
const COMPLAINTS: [&str; 14] = [
    "WARNING:",
    "BUG:",
    "BUG ",
    "Oops",
    "KASAN",
    "UBSAN",
    "KMSAN",
    "refcount_t",
    "INFO: task",
    "INFO: rcu",
    "possible recursive",
    "possible circular",
    "general protection",
    "Call Trace",
];

/// Milliseconds between two looks at a process that says nothing.
const LOOK: u16 = 20;

/// Runs all tests and prints their results.
pub(crate) fn run(tests: &[Test], settings: &Settings, limit: Duration, spare: bool) -> ExitCode {
    // Processes that tests leave become children of this one, which waits for their end.
    let _ = nix::sys::prctl::set_child_subreaper(true);
    let mut report = Report::begin(tests.len());
    let mut log = Log::open();
    if log.0.is_none() {
        report.note("the kernel's log cannot be read here: its complaints are not seen");
    }
    let mut lost = None;
    for test in tests {
        let verdict = match (&lost, test.risk) {
            (Some(before), _) => Verdict::Failed(vec![format!(
                "not tried: a process of {before} cannot be ended"
            )]),
            (None, Risk::Memory(bug)) if spare => {
                Verdict::Skipped(format!("spares the kernel: {bug}"))
            }
            (None, _) => {
                report.note(&format!("{} ...", test.name));
                log.forget();
                let mut outcome = one(test, settings, limit, &report);
                outcome.problems.extend(log.complaints());
                if outcome.stuck {
                    lost = Some(test.name);
                }
                outcome.verdict()
            }
        };
        report.result(test.name, test.says, &verdict);
    }
    if report.end() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(1)
    }
}

#[derive(Debug, Default)]
struct Outcome {
    problems: Vec<String>,
    skip: Option<String>,
    stuck: bool,
}

impl Outcome {
    fn verdict(self) -> Verdict {
        match (self.problems.is_empty(), self.skip) {
            (false, _) => Verdict::Failed(self.problems),
            (true, Some(why)) => Verdict::Skipped(why),
            (true, None) => Verdict::Passed,
        }
    }
}

/// Runs one test in a process of its own.
fn one(test: &Test, settings: &Settings, limit: Duration, report: &Report) -> Outcome {
    let mut outcome = Outcome::default();
    let (mut reader, writer) = match nix::unistd::pipe() {
        Ok((reader, writer)) => (File::from(reader), File::from(writer)),
        Err(error) => {
            outcome.problems.push(format!("no pipe: {error}"));
            return outcome;
        }
    };
    let child = sys::fork(|| {
        let _ = setpgid(Pid::from_raw(0), Pid::from_raw(0));
        inside(test, settings, writer)
    });
    let child = match child {
        Ok(child) => child,
        Err(errno) => {
            outcome.problems.push(format!("no process: {errno}"));
            return outcome;
        }
    };
    // Also here, as either may be first.
    let _ = setpgid(child, child);

    let end = Instant::now() + limit;
    let mut text = Vec::new();
    let status = loop {
        drain(&mut reader, &mut text);
        match waitpid(child, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::StillAlive) if Instant::now() >= end => {
                outcome
                    .problems
                    .push(format!("no end after {} s", limit.as_secs()));
                break None;
            }
            Ok(WaitStatus::StillAlive) => {}
            Ok(status) => break Some(status),
            Err(errno) => {
                outcome.problems.push(format!("waiting for it: {errno}"));
                break None;
            }
        }
    };
    drain(&mut reader, &mut text);
    let said = String::from_utf8_lossy(&text).into_owned();
    for line in said.lines() {
        match line.split_once('\t') {
            Some(("note", text)) => report.note(text),
            Some(("problem", text)) => outcome.problems.push(text.to_owned()),
            Some(("skip", text)) => outcome.skip = Some(text.to_owned()),
            _ => outcome.problems.push(line.to_owned()),
        }
    }
    match status {
        None | Some(WaitStatus::Exited(_, 0)) => {}
        Some(WaitStatus::Signaled(_, signal, _)) => outcome
            .problems
            .push(format!("the test was ended by {signal}")),
        Some(status) => outcome
            .problems
            .push(format!("the test's process: {status:?}")),
    }
    outcome.stuck = !swept(child);
    outcome
}

/// The child's side: the test, then what it found.
fn inside(test: &Test, settings: &Settings, mut writer: File) -> i32 {
    let mut case = Case::new(settings);
    let result = (test.run)(&mut case);
    let (problems, notes) = case.into_findings();
    let mut lines = String::new();
    let mut say = |kind: &str, text: &str| {
        lines.push_str(&format!("{kind}\t{}\n", text.replace('\n', " / ")));
    };
    notes.iter().for_each(|text| say("note", text));
    problems.iter().for_each(|text| say("problem", text));
    match result {
        Ok(()) => {}
        Err(Stop::Skip(why)) => say("skip", &why),
        Err(Stop::Fail(why)) => say("problem", &why),
    }
    i32::from(writer.write_all(lines.as_bytes()).is_err())
}

/// Reads what is there, waiting a moment if nothing is.
fn drain(reader: &mut File, text: &mut Vec<u8>) {
    let mut ends = [PollFd::new(reader.as_fd(), PollFlags::POLLIN)];
    if !matches!(poll(&mut ends, LOOK), Ok(1..)) {
        return;
    }
    let mut part = [0; 8192];
    match reader.read(&mut part) {
        Ok(count) if count > 0 => text.extend(&part[..count]),
        // The other end is closed and the process about to end: do not spin until it has.
        _ => std::thread::yield_now(),
    }
}

/// Ends all processes that a test left; whether they did end.
fn swept(group: Pid) -> bool {
    let _ = killpg(group, Signal::SIGKILL);
    let end = Instant::now() + Duration::from_secs(15);
    loop {
        match waitpid(Pid::from_raw(-group.as_raw()), Some(WaitPidFlag::WNOHANG)) {
            Err(Errno::ECHILD) => return true,
            Ok(WaitStatus::StillAlive) if Instant::now() >= end => return false,
            Ok(WaitStatus::StillAlive) => {
                let _ = poll(&mut [], LOOK);
            }
            _ => {}
        }
    }
}

/// The kernel's log, where it can be read.
#[derive(Debug)]
struct Log(Option<File>);

impl Log {
    fn open() -> Self {
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_NONBLOCK)
            .open("/dev/kmsg");
        Self(file.ok())
    }

    /// Everything up to now is nothing to us.
    fn forget(&mut self) {
        if let Some(file) = &mut self.0 {
            let _ = file.seek(SeekFrom::End(0));
        }
    }

    /// Lines since then that no request may cause.
    fn complaints(&mut self) -> Vec<String> {
        let Some(file) = &mut self.0 else {
            return Vec::new();
        };
        let mut found = Vec::new();
        let mut record = [0; 8192];
        loop {
            match file.read(&mut record) {
                Ok(0) => break,
                Ok(count) => {
                    let text = String::from_utf8_lossy(&record[..count]).into_owned();
                    let message = text
                        .split_once(';')
                        .map_or(text.as_str(), |(_, message)| message);
                    let message = message.lines().next().unwrap_or_default();
                    if found.len() < 5 && COMPLAINTS.iter().any(|word| message.contains(word)) {
                        found.push(format!("kernel log: {message}"));
                    }
                }
                // Records were overwritten before they could be read; the next read goes on.
                Err(error) if error.raw_os_error() == Some(libc::EPIPE) => {}
                Err(_) => break,
            }
        }
        found
    }
}
