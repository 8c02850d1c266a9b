// SPDX-License-Identifier: GPL-2.0

//! `show`: all that one place says of itself.

use crate::exit::{Exit, Failure};
use crate::output;
use crate::place::{Place, Status};
use crate::subject;
use crate::sysfs::{is_node, Host};
use migcore::{AcceptsLine, Rule, Version};
use std::ffi::OsStr;
use std::path::Path;

pub(crate) fn run(host: &Host, argument: &OsStr, json: bool) -> Result<(String, Exit), Failure> {
    let place = place(host, argument)?;
    if let (Status::Unreadable, Some(error)) = (place.status, &place.error) {
        return Err(Failure::io(format!(
            "{}: {}",
            place.label(),
            output::text(error)
        )));
    }
    if json {
        return Ok((output::json(&place), Exit::Accepted));
    }
    let mut text = String::new();
    output::indent(&mut text, 0, [place.label()]);
    output::indent(&mut text, 2, facts(&place));
    match (&place.version, &place.accepts) {
        (Some(version), Some(accepts)) => output::indent(&mut text, 2, keys(version, accepts)),
        _ => output::indent(&mut text, 2, ["not migratable"]),
    }
    Ok((text, Exit::Accepted))
}

fn place(host: &Host, argument: &OsStr) -> Result<Place, Failure> {
    let path = Path::new(argument);
    match argument.to_str() {
        Some(name) if !name.starts_with(['/', '.']) => {
            if name.is_empty() || name.contains([',', '=']) {
                return Err(Failure::usage(
                    "PLACE is a path, a UUID, PARENT/TYPE or a device name; check and explain take lines",
                ));
            }
            subject::find(host, name)
        }
        _ => match path.parent().filter(|p| is_node(path) && p.is_dir()) {
            Some(directory) => host.at(directory),
            None => host.at(path),
        },
    }
}

fn facts(place: &Place) -> Vec<String> {
    let available = place.available_instances.map(|n| n.to_string());
    [
        ("path", &place.path),
        ("parent", &place.parent),
        ("type", &place.type_id),
        ("name", &place.title),
        ("description", &place.description),
        ("device_api", &place.device_api),
        ("available_instances", &available),
        ("version", &place.version),
        ("accepts", &place.accepts),
    ]
    .into_iter()
    .filter_map(|(name, value)| {
        let value = value.as_ref()?;
        Some(format!("{name:<20} {}", output::text(value)))
    })
    .collect()
}

/// A table of the keys: what the place is, what it accepts, and the rule that compares them.
fn keys(version: &str, accepts: &str) -> Vec<String> {
    let (version, accepts) = match (Version::parse(version), AcceptsLine::parse(accepts)) {
        (Ok(version), Ok(accepts)) => (version, accepts),
        (Err(e), _) => return vec![format!("the version string cannot be taken apart: {e}")],
        (_, Err(e)) => return vec![format!("the accepts line cannot be taken apart: {e}")],
    };
    let mut rows = vec![["key", "states", "accepts", "rule"].map(str::to_owned)];
    for (key, entry) in accepts.fields() {
        let rule = Rule::of_key(key);
        rows.push([
            key.to_owned(),
            version.get(key).unwrap_or("-").to_owned(),
            entry.to_owned(),
            if key.starts_with("x-") {
                "informs only".to_owned()
            } else {
                format!("{} {rule}", rule.number())
            },
        ]);
    }
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let (first, second, third) = (width(0), width(1), width(2));
    rows.iter()
        .map(|[key, states, accepts, rule]| {
            format!("{key:<first$}  {states:<second$}  {accepts:<third$}  {rule}")
        })
        .collect()
}
