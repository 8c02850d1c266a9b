// SPDX-License-Identifier: GPL-2.0

//! A place: what one directory says of itself, as `list --json` prints it and `--from` reads it.

use migcore::{Line, LineError};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

/// The two files of a place.
pub(crate) const VERSION: &str = "migration_version";
/// What it accepts.
pub(crate) const ACCEPTS: &str = "migration_accepts";

/// What every reader of a node asks for, in one read.
const PAGE: usize = 4096;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// An mdev type of a parent.
    Type,
    /// An mdev device.
    Device,
    /// A device that is given to VFIO whole, without mdev.
    Whole,
    /// An accepts line of which nothing else is known.
    Line,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Type => "type",
            Kind::Device => "device",
            Kind::Whole => "whole",
            Kind::Line => "line",
        }
    }
}

/// Whether a place can be source or target at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Status {
    Migratable,
    /// Both files are absent.
    NotMigratable,
    /// A file cannot be read or holds no line; `error` says why.
    Unreadable,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Place {
    pub(crate) kind: Kind,
    /// What to call it on its host: `PARENT/TYPE`, a UUID, a device's name.
    pub(crate) name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) path: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) parent: Option<String>,
    /// The whole type id, with the driver's prefix.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub(crate) type_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) title: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) device_api: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) available_instances: Option<u64>,
    pub(crate) status: Status,
    #[serde(default)]
    pub(crate) version: Option<String>,
    #[serde(default)]
    pub(crate) accepts: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
    /// The file that it was read from, for one of another host.
    #[serde(default, skip_deserializing, skip_serializing_if = "Option::is_none")]
    pub(crate) saved_in: Option<String>,
}

impl Place {
    /// A place with nothing read from it yet.
    pub(crate) fn new(kind: Kind, name: String) -> Self {
        Self {
            kind,
            name,
            path: None,
            parent: None,
            type_id: None,
            title: None,
            description: None,
            device_api: None,
            available_instances: None,
            status: Status::NotMigratable,
            version: None,
            accepts: None,
            error: None,
            saved_in: None,
        }
    }

    /// Reads the two nodes in `directory`.
    pub(crate) fn read_nodes(&mut self, directory: &Path) {
        let version = read_node(&directory.join(VERSION));
        let accepts = read_node(&directory.join(ACCEPTS));
        self.take(version, accepts);
    }

    /// Takes both lines, and says what is wrong if they do not go together.
    fn take(&mut self, version: Node, accepts: Node) {
        let error = match (&version, &accepts) {
            (Ok(None), Ok(Some(_))) => Some(format!("has {ACCEPTS} but no {VERSION}")),
            (Ok(Some(_)), Ok(None)) => Some(format!("has {VERSION} but no {ACCEPTS}")),
            (Err(e), _) => Some(format!("{VERSION}: {e}")),
            (_, Err(e)) => Some(format!("{ACCEPTS}: {e}")),
            _ => None,
        };
        self.status = match &error {
            Some(_) => Status::Unreadable,
            None if matches!(version, Ok(None)) => Status::NotMigratable,
            None => Status::Migratable,
        };
        self.version = version.ok().flatten();
        self.accepts = accepts.ok().flatten();
        self.error = error;
    }

    /// Judges anew what a file from outside says: lines that are no lines are dropped, and the
    /// status follows from them alone.
    pub(crate) fn recheck(&mut self, saved_in: &str) {
        let line = |text: Option<String>| match text {
            None => Ok(None),
            Some(text) => line_of(text.as_bytes()).map(Some),
        };
        let (version, accepts) = (line(self.version.take()), line(self.accepts.take()));
        let said = self.error.take();
        let was_unreadable = self.status == Status::Unreadable;
        self.take(version, accepts);
        if was_unreadable && self.status == Status::NotMigratable {
            self.status = Status::Unreadable;
            self.error = said;
        }
        self.saved_in = Some(saved_in.to_owned());
    }

    /// Kind and name, as text refers to it.
    pub(crate) fn label(&self) -> String {
        let name = crate::output::text(&self.name);
        match &self.saved_in {
            Some(file) => format!(
                "{} {name} in {}",
                self.kind.name(),
                crate::output::text(file)
            ),
            None => format!("{} {name}", self.kind.name()),
        }
    }
}

/// A node's line, `None` if the node is not there, or why neither can be said.
pub(crate) type Node = Result<Option<String>, String>;

/// One read of at most a page, as every reader of these nodes does it.
pub(crate) fn read_node(path: &Path) -> Node {
    let mut page = [0; PAGE];
    let read = File::open(path).and_then(|mut file| loop {
        match file.read(&mut page) {
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            other => return other,
        }
    });
    match read {
        Ok(len) => line_of(&page[..len]).map(Some),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e.to_string()),
    }
}

fn line_of(bytes: &[u8]) -> Result<String, String> {
    Line::from_write(bytes)
        .map(|line| line.as_str().to_owned())
        .map_err(|e: LineError| e.to_string())
}

/// Whether `text` is the name of an mdev device: 8-4-4-4-12 hexadecimal digits.
pub(crate) fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(i, b)| match i {
            8 | 13 | 18 | 23 => b == b'-',
            _ => b.is_ascii_hexdigit(),
        })
}
