// SPDX-License-Identifier: GPL-2.0

//! Places saved from other hosts. Everything in such a file is hostile until checked.

use crate::exit::Failure;
use crate::output;
use crate::place::{Kind, Place, Status};
use migcore::Line;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// The only form of the JSON that there is today.
const FORMAT: u32 = 1;

/// More than thousands of places need; a file of another host shall not eat the memory of this.
const MAX_FILE: u64 = 64 << 20;

/// What `list --json` prints.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Saved {
    format: u32,
    places: Vec<Place>,
}

impl Saved {
    pub(crate) fn new(places: Vec<Place>) -> Self {
        Self {
            format: FORMAT,
            places,
        }
    }
}

/// The places of a file: the JSON of `list --json`, or one accepts line per text line.
pub(crate) fn read(path: &Path) -> Result<Vec<Place>, Failure> {
    let name = output::path(path);
    let fail = |what: String| Failure::io(format!("{name}: {what}"));
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX_FILE + 1).read_to_end(&mut bytes))
        .map_err(|e| fail(e.to_string()))?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(fail(format!("more than {MAX_FILE} bytes")));
    }
    let saved_in = path.to_string_lossy();
    if bytes.trim_ascii_start().first() != Some(&b'{') {
        return Ok(text(&bytes, &saved_in));
    }
    let saved: Saved = serde_json::from_slice(&bytes).map_err(|e| {
        fail(format!(
            "not what list --json prints: {}",
            output::text(&e.to_string())
        ))
    })?;
    if saved.format != FORMAT {
        return Err(fail(format!(
            "format {} is not known here, only {FORMAT}: use a newer mdev-migrate",
            saved.format
        )));
    }
    let mut places = saved.places;
    for place in &mut places {
        place.recheck(&saved_in);
    }
    Ok(places)
}

/// One accepts line per text line, after a name if there is one.
fn text(bytes: &[u8], saved_in: &str) -> Vec<Place> {
    let lines = bytes.split(|&b| b == b'\n').enumerate();
    lines
        .filter(|(_, line)| !line.trim_ascii().is_empty() && !line.starts_with(b"#"))
        .map(|(number, line)| {
            let line = line.trim_ascii();
            // No byte of a line is a blank, so that the last blank ends the name.
            let (name, line) = match line.iter().rposition(u8::is_ascii_whitespace) {
                Some(at) => (
                    String::from_utf8_lossy(line[..at].trim_ascii()).into_owned(),
                    &line[at + 1..],
                ),
                None => ((number + 1).to_string(), line),
            };
            let mut place = Place::new(Kind::Line, name);
            place.saved_in = Some(saved_in.to_owned());
            match Line::from_write(line) {
                Ok(line) => {
                    place.status = Status::Migratable;
                    place.accepts = Some(line.as_str().to_owned());
                }
                Err(e) => {
                    place.status = Status::Unreadable;
                    place.error = Some(e.to_string());
                }
            }
            place
        })
        .collect()
}
