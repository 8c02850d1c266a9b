// SPDX-License-Identifier: GPL-2.0

//! `list`: every place of this host.

use crate::exit::{Exit, Failure};
use crate::output;
use crate::place::{Kind, Place, Status};
use crate::saved::Saved;
use crate::sysfs::Host;

pub(crate) fn run(host: &Host, json: bool) -> Result<(String, Exit), Failure> {
    let places = host.places()?;
    let exit = if places.is_empty() {
        Exit::NothingFound
    } else {
        Exit::Accepted
    };
    if json {
        return Ok((output::json(&Saved::new(places)), exit));
    }
    let mut text = String::new();
    for place in &places {
        output::indent(&mut text, 0, [heading(place)]);
        output::indent(&mut text, 2, lines(place));
    }
    if places.is_empty() {
        text.push_str("no mdev type, no mdev device, no migratable device of VFIO\n");
    }
    Ok((text, exit))
}

/// One line with all that is known of a place but its two lines.
pub(crate) fn heading(place: &Place) -> String {
    let mut heading = place.label();
    match (place.kind, &place.parent, &place.type_id) {
        (Kind::Device, Some(parent), Some(type_id)) => heading.push_str(&format!(
            ", of {}/{}",
            output::text(parent),
            output::text(type_id)
        )),
        (Kind::Whole, Some(parent), _) => {
            heading.push_str(&format!(", of {}", output::text(parent)));
        }
        (Kind::Type, ..) => {
            if let Some(available) = place.available_instances {
                heading.push_str(&format!(", {available} available"));
            }
        }
        _ => {}
    }
    heading
}

/// What a place says, or why it says nothing.
fn lines(place: &Place) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(version) = &place.version {
        lines.push(format!("version {}", output::text(version)));
    }
    if let Some(accepts) = &place.accepts {
        lines.push(format!("accepts {}", output::text(accepts)));
    }
    match (place.status, &place.error) {
        (Status::NotMigratable, _) => lines.push("not migratable".to_owned()),
        (_, Some(error)) => lines.push(format!("unreadable: {}", output::text(error))),
        _ => {}
    }
    lines
}
