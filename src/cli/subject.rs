// SPDX-License-Identifier: GPL-2.0

//! What an argument names: a line, a file with a line, or a place of this host.

use crate::exit::Failure;
use crate::output;
use crate::place::{is_uuid, Place, Status, ACCEPTS};
use crate::sysfs::{is_node, Host};
use crate::verdict::TargetLine;
use migcore::line::MAX_WRITE;
use migcore::{Escaped, Line};
use serde::Serialize;
use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// One side of a question.
#[derive(Debug)]
pub(crate) struct Subject {
    /// The line as bytes, or `None` if the place is not migratable.
    pub(crate) bytes: Option<Vec<u8>>,
    pub(crate) place: Option<Place>,
}

/// Which of its two lines a place is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Source,
    Target,
}

/// A side as JSON shows it.
#[derive(Serialize)]
pub(crate) struct Shown {
    /// The line, escaped where it is no line of printable ASCII.
    line: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
}

impl Subject {
    /// What is to be loaded elsewhere.
    pub(crate) fn source(host: &Host, argument: &OsStr) -> Result<Self, Failure> {
        if Path::new(argument)
            .file_name()
            .is_some_and(|n| n == ACCEPTS && argument.as_bytes().contains(&b'/'))
        {
            return Err(Failure::usage(format!(
                "SOURCE is a {ACCEPTS}, which says what a target takes; name the place itself or its migration_version"
            )));
        }
        Self::read(host, argument, Side::Source)
    }

    /// Where it is to be loaded. Its line is an accepts line of printable ASCII, if it has one.
    pub(crate) fn target(host: &Host, argument: &OsStr) -> Result<Self, Failure> {
        let target = Self::read(host, argument, Side::Target)?;
        let Some(bytes) = &target.bytes else {
            return Ok(target);
        };
        let line = Line::from_write(bytes).map_err(|e| target.no_accepts_line(e.to_string()))?;
        TargetLine::parse(line.as_str()).map_err(|why| target.no_accepts_line(why))?;
        Ok(target)
    }

    fn no_accepts_line(&self, why: impl AsRef<str>) -> Failure {
        match &self.place {
            Some(place) => Failure::io(format!(
                "{ACCEPTS} of {} is no accepts line: {}",
                place.label(),
                why.as_ref()
            )),
            None => Failure::usage(format!("TARGET is no accepts line: {}", why.as_ref())),
        }
    }

    fn read(host: &Host, argument: &OsStr, side: Side) -> Result<Self, Failure> {
        let bytes = argument.as_bytes();
        if bytes == b"-" {
            return Self::text(std::io::stdin(), "standard input");
        }
        if let Some(file) = bytes.strip_prefix(b"@") {
            return Self::file(Path::new(OsStr::from_bytes(file)));
        }
        let path = Path::new(argument);
        if bytes.starts_with(b"/") || bytes.starts_with(b".") {
            if path.is_dir() {
                return Self::of(host.at(path)?, side);
            }
            return match path.parent().filter(|p| is_node(path) && p.is_dir()) {
                Some(directory) => Self::of(host.at(directory)?, side),
                None => Self::file(path),
            };
        }
        // A name of this host is text; whatever else is not is judged, as the kernel would do.
        match argument.to_str() {
            Some(name) if !name.is_empty() && !name.contains([',', '=']) => {
                Self::of(find(host, name)?, side)
            }
            _ => Ok(Self {
                bytes: Some(bytes.to_owned()),
                place: None,
            }),
        }
    }

    fn of(place: Place, side: Side) -> Result<Self, Failure> {
        if place.status == Status::Unreadable {
            return Err(Failure::io(format!(
                "{}: {}",
                place.label(),
                place.error.as_deref().unwrap_or("unreadable")
            )));
        }
        let line = match side {
            Side::Source => &place.version,
            Side::Target => &place.accepts,
        };
        Ok(Self {
            bytes: line.as_ref().map(|l| l.as_bytes().to_owned()),
            place: Some(place),
        })
    }

    fn file(path: &Path) -> Result<Self, Failure> {
        let name = output::path(path);
        let file = File::open(path).map_err(|e| Failure::io(format!("{name}: {e}")))?;
        Self::text(file, &name)
    }

    fn text(from: impl Read, name: &str) -> Result<Self, Failure> {
        let mut bytes = Vec::new();
        // One byte more than a line can have is enough to see that it is none.
        from.take(MAX_WRITE as u64 + 1)
            .read_to_end(&mut bytes)
            .map_err(|e| Failure::io(format!("{name}: {e}")))?;
        Ok(Self {
            bytes: Some(bytes),
            place: None,
        })
    }

    /// The accepts line, for a target that has one.
    pub(crate) fn accepts(&self) -> Option<&str> {
        let bytes = self.bytes.as_deref()?;
        Line::from_write(bytes).ok().map(Line::as_str)
    }

    pub(crate) fn shown(&self) -> Shown {
        Shown {
            line: self
                .bytes
                .as_deref()
                .map(|bytes| match Line::from_write(bytes) {
                    Ok(line) => line.as_str().to_owned(),
                    Err(_) => Escaped::new(bytes, MAX_WRITE).to_string(),
                }),
            place: self.place.as_ref().map(|p| p.name.clone()),
            path: self.place.as_ref().and_then(|p| p.path.clone()),
        }
    }
}

/// A place of this host by its name.
pub(crate) fn find(host: &Host, name: &str) -> Result<Place, Failure> {
    if is_uuid(name) {
        return host.device(name);
    }
    match name.split_once('/') {
        Some((parent, type_name)) if !type_name.contains('/') => host.type_of(parent, type_name),
        Some(_) => host.at(Path::new(name)),
        None => host.vfio_device(name),
    }
}

/// Both sides; `-` can be only one of them.
pub(crate) fn pair(host: &Host, pair: &crate::args::Pair) -> Result<(Subject, Subject), Failure> {
    if pair.source == "-" && pair.target == "-" {
        return Err(Failure::usage(
            "SOURCE and TARGET cannot both be read from standard input",
        ));
    }
    Ok((
        Subject::source(host, &pair.source)?,
        Subject::target(host, &pair.target)?,
    ))
}
