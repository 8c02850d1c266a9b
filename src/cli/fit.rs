// SPDX-License-Identifier: GPL-2.0

//! How a place fits a source: now, or once a device of it has been made.

use crate::verdict::{ask, is_type, Refused, TargetLine};
use migcore::{Accept, Rule, Version};
use serde::Serialize;

/// The key of a type node's accepts line that names the interchangeable set.
pub(crate) const LIKE: &str = "x-like";

/// What a place answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fit {
    /// It accepts the source. `settings` must be given to a new device of a type.
    Accepts { settings: Vec<Setting> },
    /// A type that refuses the source's type, but names it in `x-like` and accepts all else: a
    /// device of it with `settings` may accept. This is decided at the device node after create.
    Possible { settings: Vec<Setting> },
    /// It refuses.
    Refuses(Refused),
}

/// An attribute of a new device, and the value to write to it before the first open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Setting {
    pub(crate) attribute: String,
    pub(crate) value: String,
}

/// How the place with these lines fits `source`. `version`, its own version string, tells which
/// parameters have to be set.
///
/// # Errors
///
/// If the accepts line is none, or of a grammar that is not known here.
pub(crate) fn fit(source: &[u8], accepts: &str, version: Option<&str>) -> Result<Fit, String> {
    let target = TargetLine::parse(accepts)?;
    let why = match ask(source, &target)? {
        Ok(source) => {
            let settings = settings(&source, &target, version);
            return Ok(Fit::Accepts { settings });
        }
        Err(why) => why,
    };
    if is_type(&why) {
        if let Some(asked) = as_own_type(source, &target) {
            if let Ok(source) = ask(asked.as_bytes(), &target)? {
                let settings = settings(&source, &target, version);
                return Ok(Fit::Possible { settings });
            }
        }
    }
    Ok(Fit::Refuses(Refused::from(&why)))
}

/// The source as if it were of the target's own type, if its type is in the target's
/// interchangeable set. What a type node says of it holds for a device of the type, made with the
/// source's parameters.
fn as_own_type(source: &[u8], target: &TargetLine<'_>) -> Option<String> {
    let accepts = target.accepts()?;
    let source = migcore::Line::from_write(source).ok()?.as_str();
    let source = Version::parse(source).ok()?;
    let its = source.get("type")?;
    let own = own_type(target)?;
    accepts.information(LIKE)?.iter().find(|t| *t == its)?;
    Some(replace(&source, "type", Some(own)))
}

/// The type that a type node stands for: the only one that it accepts.
pub(crate) fn own_type<'a>(target: &'a TargetLine<'_>) -> Option<&'a str> {
    target
        .accepts()?
        .entries()
        .find_map(|entry| match entry.accept {
            Accept::Words(words) if entry.key == "type" => words.iter().next(),
            _ => None,
        })
}

/// A version string with another value for `key`, or without it.
pub(crate) fn replace(version: &Version<'_>, key: &str, value: Option<&str>) -> String {
    let mut line = version.head().to_string();
    for (k, v) in version.fields() {
        let v = match value {
            Some(value) if k == key => value,
            None if k == key => continue,
            _ => v,
        };
        line.push_str(&format!(",{k}={v}"));
    }
    line
}

/// The parameters that a new device of a type must be given to be like `source`.
///
/// A type node's range is either what a device can be set to, or what is accepted from others up
/// to the type's own value. In the second case the upper end is the own value, and nothing is set.
fn settings(source: &Version<'_>, target: &TargetLine<'_>, version: Option<&str>) -> Vec<Setting> {
    let own = version.and_then(|v| Version::parse(v).ok());
    let (Some(own), Some(accepts)) = (own, target.accepts()) else {
        return Vec::new();
    };
    // Only a type node's line has it, and only a new device can be set.
    if accepts.information(LIKE).is_none() {
        return Vec::new();
    }
    accepts
        .entries()
        .filter(|entry| Rule::of_key(entry.key) == Rule::Parameter)
        .filter_map(|entry| {
            let Accept::Steps(steps) = entry.accept else {
                return None;
            };
            let (own, value) = (own.get(entry.key)?, source.get(entry.key)?);
            let at_most = own == steps.max.to_string();
            (own != value && !at_most).then(|| Setting {
                attribute: entry.key.to_owned(),
                value: value.to_owned(),
            })
        })
        .collect()
}
