// SPDX-License-Identifier: GPL-2.0

//! The commands that make a device which a source can be loaded by.

use crate::fit::Setting;
use crate::place::Place;

/// Stands for the UUID in the commands unless one was given.
pub(crate) const UUID: &str = "UUID";

/// The command lines of mdevctl, as arguments.
///
/// The last attribute is the source's string itself: mdevctl writes the attributes in order when
/// the device starts, and removes the device if a write fails. So the device is there afterwards
/// exactly if it accepts the source.
///
/// `None` for a place that is no type, or whose names could be taken for something else by a
/// shell: they may come from another host.
pub(crate) fn commands(
    place: &Place,
    settings: &[Setting],
    source: &str,
    uuid: Option<&str>,
) -> Option<Vec<Vec<String>>> {
    let (parent, type_id) = (place.parent.as_deref()?, place.type_id.as_deref()?);
    if place.kind != crate::place::Kind::Type || !is_plain(parent) || !is_plain(type_id) {
        return None;
    }
    let uuid = uuid.unwrap_or(UUID);
    let mdevctl = |verb: &str, rest: &[&str]| {
        ["mdevctl", verb, "-u", uuid, "-p", parent]
            .iter()
            .chain(rest)
            .map(|s| (*s).to_owned())
            .collect::<Vec<_>>()
    };
    let attribute = |name: &str, value: &str| {
        mdevctl(
            "modify",
            &[&format!("--addattr={name}"), &format!("--value={value}")],
        )
    };
    let mut commands = vec![mdevctl("define", &["-t", type_id])];
    commands.extend(settings.iter().map(|s| attribute(&s.attribute, &s.value)));
    commands.push(attribute(crate::place::VERSION, source));
    commands.push(mdevctl("start", &[]));
    Some(commands)
}

/// The commands as a shell takes them. Every argument is of characters that need no quotes:
/// names were checked above, an accepted string has none other.
pub(crate) fn shell(commands: &[Vec<String>]) -> impl Iterator<Item = String> + '_ {
    let chosen = commands
        .iter()
        .flatten()
        .any(|argument| argument == UUID)
        .then(|| format!("{UUID}=$(cat /proc/sys/kernel/random/uuid)"));
    let lines = commands.iter().map(|command| {
        command
            .iter()
            .map(|a| match a.as_str() {
                UUID => "$UUID",
                other => other,
            })
            .collect::<Vec<_>>()
            .join(" ")
    });
    chosen.into_iter().chain(lines)
}

/// A name that neither a shell nor mdevctl takes for anything but a name.
fn is_plain(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with('-')
        && name != UUID
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"._:+-".contains(&b))
}
