// SPDX-License-Identifier: GPL-2.0

//! What reading a node and asking it costs, beside reading the mdev core's `name`.

use measuring::{
    machine::{device, during, open_to_write, Fleet, Result, Type},
    sample::{interleaved, Cost, Subject},
};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::FileExt,
    path::Path,
};

/// How many bytes a reader asks for: as many as a node may have, in one system call.
const PAGE: usize = 4096;

/// The baseline: an attribute of the mdev core that prints a static text.
const NAME: &str = "name";
const VERSION: &str = "migration_version";
const ACCEPTS: &str = "migration_accepts";

/// EMEDIUMTYPE: what a string of another type is refused with.
const OTHER_TYPE: i32 = 124;

/// What is done to a node.
pub(crate) struct Measured {
    /// Where, and what.
    pub(crate) what: String,
    /// With open and close around it.
    pub(crate) opened: Cost,
    /// On a file that stays open.
    pub(crate) kept: Cost,
}

/// Measures the baseline, which comes first, then the type's files and those of the fleet's
/// oldest device.
pub(crate) fn measure(kind: &Type, fleet: &Fleet<'_>) -> Result<Vec<Measured>> {
    let doing = "measuring nodes";
    let at_device = device(&fleet.oldest());
    let at_device = fs::canonicalize(&at_device).map_err(during(at_device.display()))?;
    let mut names = Vec::new();
    let mut subjects = Vec::new();
    let mut add = |what: &str, pair: Result<[Subject<'static>; 2]>| -> Result<()> {
        names.push(what.to_owned());
        subjects.extend(pair?);
        Ok(())
    };
    add("type: read name (baseline)", read(&kind.directory, NAME))?;
    for (place, directory) in [("type", &kind.directory), ("device", &at_device)] {
        let own = directory.join(VERSION);
        let own = fs::read_to_string(&own).map_err(during(own.display()))?;
        let other = own.replace("type=16m", "type=64m_local");
        if own == other {
            return Err(format!("{}: no type 16m in {own}", directory.display()));
        }
        for file in [VERSION, ACCEPTS] {
            add(&format!("{place}: read {file}"), read(directory, file))?;
        }
        add(
            &format!("{place}: write, accepted"),
            ask(directory, &own, None),
        )?;
        add(
            &format!("{place}: write, refused (type)"),
            ask(directory, &other, Some(OTHER_TYPE)),
        )?;
    }
    let costs = interleaved(&mut subjects).map_err(during(doing))?;
    let pairs = costs.chunks_exact(2).zip(names);
    Ok(pairs
        .map(|(pair, what)| Measured {
            what,
            opened: pair[0],
            kept: pair[1],
        })
        .collect())
}

fn read(directory: &Path, name: &'static str) -> Result<[Subject<'static>; 2]> {
    let path = directory.join(name);
    let kept = File::open(&path).map_err(during(path.display()))?;
    let mut buffer = [0; PAGE];
    let mut kept_buffer = [0; PAGE];
    Ok([
        Subject::new(directory, move || {
            something(File::open(name)?.read(&mut buffer)?)
        }),
        Subject::new(directory, move || {
            something(kept.read_at(&mut kept_buffer, 0)?)
        }),
    ])
}

fn something(bytes: usize) -> io::Result<()> {
    if bytes > 0 {
        Ok(())
    } else {
        Err(io::Error::other("nothing was read"))
    }
}

fn ask(directory: &Path, text: &str, refusal: Option<i32>) -> Result<[Subject<'static>; 2]> {
    let kept = open_to_write(&directory.join(VERSION))?;
    let (question, kept_question) = (text.to_owned(), text.to_owned());
    Ok([
        Subject::new(directory, move || {
            let mut file = OpenOptions::new().write(true).open(VERSION)?;
            answered(file.write(question.as_bytes()), refusal)
        }),
        Subject::new(directory, move || {
            answered(kept.write_at(kept_question.as_bytes(), 0), refusal)
        }),
    ])
}

fn answered(answer: io::Result<usize>, refusal: Option<i32>) -> io::Result<()> {
    match (answer, refusal) {
        (Ok(_), None) => Ok(()),
        (Err(error), Some(errno)) if error.raw_os_error() == Some(errno) => Ok(()),
        (answer, wanted) => Err(io::Error::other(format!(
            "a question was answered {answer:?}, where the errno should be {wanted:?}"
        ))),
    }
}
