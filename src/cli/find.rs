// SPDX-License-Identifier: GPL-2.0

//! `find`: the places that accept a source, best first.

use crate::args::Question;
use crate::create::{commands, shell};
use crate::exit::{Exit, Failure};
use crate::fit::{fit, Fit, Setting, LIKE};
use crate::output;
use crate::place::{Kind, Place, Status};
use crate::saved;
use crate::subject::{Shown, Subject};
use crate::sysfs::Host;
use crate::verdict::Refused;
use migcore::{AcceptsLine, Head, Line};
use serde::Serialize;
use std::collections::BTreeMap;

/// How a candidate answers. The order is the rank.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Answer {
    /// A device that accepts: nothing is to be created, and no other place can say more.
    Device,
    /// A type that accepts as it is.
    Type,
    /// A type that accepts, whose device must be given parameters.
    TypeWithSettings,
    /// Decided at the device node after create.
    Possible,
}

#[derive(Serialize)]
struct Candidate {
    answer: Answer,
    place: Place,
    settings: Vec<Setting>,
    /// The commands that make a device, for a type.
    create: Option<Vec<Vec<String>>>,
}

#[derive(Serialize)]
struct Refusing {
    place: Place,
    refusal: Refused,
}

#[derive(Serialize)]
struct Unusable {
    place: Place,
    error: String,
}

#[derive(Serialize)]
struct Found {
    source: Shown,
    candidates: Vec<Candidate>,
    refused: Vec<Refusing>,
    unusable: Vec<Unusable>,
}

pub(crate) fn run(host: &Host, question: &Question, json: bool) -> Result<(String, Exit), Failure> {
    let source = Subject::source(host, &question.source)?;
    let line = line_of(&source)?.to_owned();
    let mut places = Vec::new();
    for file in &question.from {
        places.extend(saved::read(file)?);
    }
    if question.from.is_empty() {
        places = host.places()?;
        // The source itself accepts its own state, and is no answer to the question where else.
        if let Some(own) = source.place.as_ref().filter(|p| p.kind != Kind::Type) {
            places.retain(|p| p.kind != own.kind || p.name != own.name);
        }
    }
    let found = sort(source.shown(), &line, places, question.uuid.as_deref());
    let exit = if found.candidates.is_empty() {
        Exit::NothingFound
    } else {
        Exit::Accepted
    };
    let text = if json {
        output::json(&found)
    } else {
        print(&found, question.all)
    };
    Ok((text, exit))
}

/// The source's string. One that no place can even read the head of is no question.
fn line_of(source: &Subject) -> Result<&str, Failure> {
    let Some(bytes) = &source.bytes else {
        let label = source.place.as_ref().map(Place::label).unwrap_or_default();
        return Err(Failure::nothing(format!(
            "{label} is not migratable, no place accepts it"
        )));
    };
    let no_string = |e: String| {
        Failure::usage(format!(
            "SOURCE `{}` is no version string: {e}",
            output::short(bytes)
        ))
    };
    let line = Line::from_write(bytes).map_err(|e| no_string(e.to_string()))?;
    Head::split(line.as_str()).map_err(|e| no_string(e.to_string()))?;
    Ok(line.as_str())
}

fn sort(source: Shown, line: &str, places: Vec<Place>, uuid: Option<&str>) -> Found {
    let mut found = Found {
        source,
        candidates: Vec::new(),
        refused: Vec::new(),
        unusable: Vec::new(),
    };
    for place in places {
        let fits = match (place.status, &place.accepts) {
            (Status::NotMigratable, _) => continue,
            (Status::Migratable, Some(accepts)) => {
                fit(line.as_bytes(), accepts, place.version.as_deref())
            }
            _ => Err(place.error.clone().unwrap_or_default()),
        };
        match fits {
            Err(error) => found.unusable.push(Unusable { place, error }),
            Ok(Fit::Refuses(refusal)) => found.refused.push(Refusing { place, refusal }),
            Ok(Fit::Accepts { settings }) => {
                let answer = match place.kind {
                    Kind::Device | Kind::Whole => Answer::Device,
                    Kind::Line if !is_type_line(&place) => Answer::Device,
                    // Without the type's own string nothing says what must be set.
                    Kind::Type if settings.is_empty() => Answer::Type,
                    Kind::Type | Kind::Line => Answer::TypeWithSettings,
                };
                found.add(answer, place, settings, line, uuid);
            }
            Ok(Fit::Possible { settings }) => {
                found.add(Answer::Possible, place, settings, line, uuid);
            }
        }
    }
    found
        .candidates
        .sort_by(|a, b| rank(a, line).cmp(&rank(b, line)));
    found
}

impl Found {
    fn add(
        &mut self,
        answer: Answer,
        place: Place,
        settings: Vec<Setting>,
        line: &str,
        uuid: Option<&str>,
    ) {
        let create = commands(&place, &settings, line, uuid);
        self.candidates.push(Candidate {
            answer,
            place,
            settings,
            create,
        });
    }
}

/// What comes first. `Documentation/mdev-migrate.md` and the help text say the same.
fn rank<'a>(candidate: &'a Candidate, line: &str) -> impl Ord + 'a {
    let place = &candidate.place;
    (
        is_full(place),
        candidate.answer,
        place.version.as_deref() != Some(line),
        candidate.settings.len(),
        place.saved_in.as_deref().unwrap_or_default(),
        place.name.as_str(),
    )
}

fn is_full(place: &Place) -> bool {
    place.kind == Kind::Type && place.available_instances == Some(0)
}

/// Whether an accepts line is a type node's.
fn is_type_line(place: &Place) -> bool {
    place
        .accepts
        .as_deref()
        .and_then(|line| AcceptsLine::parse(line).ok())
        .is_some_and(|line| line.information(LIKE).is_some())
}

fn print(found: &Found, all: bool) -> String {
    let mut text = String::new();
    for (number, candidate) in (1..).zip(&found.candidates) {
        let heading = crate::list::heading(&candidate.place);
        output::indent(&mut text, 0, [format!("{number}. {heading}")]);
        output::indent(&mut text, 3, remarks(candidate));
        if let Some(commands) = &candidate.create {
            output::indent(&mut text, 5, shell(commands));
        }
    }
    if found.candidates.is_empty() {
        text.push_str(if found.refused.is_empty() && found.unusable.is_empty() {
            "no place accepts it: there is none that could be asked\n"
        } else {
            "no place accepts it\n"
        });
    }
    if !found.refused.is_empty() {
        output::indent(&mut text, 0, [summary(found, all)]);
    }
    if all {
        for refusing in &found.refused {
            output::indent(&mut text, 2, [refusing.place.label()]);
            output::indent(&mut text, 4, [crate::check::sentence(&refusing.refusal)]);
        }
    }
    for unusable in &found.unusable {
        let error = output::text(&unusable.error);
        output::indent(
            &mut text,
            0,
            [format!("unusable: {}: {error}", unusable.place.label())],
        );
    }
    text
}

fn remarks(candidate: &Candidate) -> Vec<String> {
    let set = candidate
        .settings
        .iter()
        .map(|s| format!("{}={}", s.attribute, s.value))
        .collect::<Vec<_>>()
        .join(", ");
    let mut remarks = vec![match (candidate.answer, set.as_str()) {
        (Answer::Device, _) => "accepts it; whether it is in use cannot be seen here".to_owned(),
        (Answer::Type, _) => "accepts it as it is".to_owned(),
        (Answer::TypeWithSettings, "") => {
            "accepts it; what must be set is not known without the type's version string".to_owned()
        }
        (Answer::TypeWithSettings, set) => format!("accepts it once {set} is set"),
        (Answer::Possible, "") => "possible, decided at the device node after create".to_owned(),
        (Answer::Possible, set) => {
            format!("possible once {set} is set, decided at the device node after create")
        }
    }];
    if is_full(&candidate.place) {
        remarks.push("no instance is left: remove a device of this parent first".to_owned());
    }
    match (&candidate.create, &candidate.place.saved_in) {
        (Some(_), Some(_)) => {
            remarks.push("to create it, on the host that it was saved from:".to_owned())
        }
        (Some(_), None) => remarks.push("to create it:".to_owned()),
        (None, _) => {}
    }
    remarks
}

/// How many refuse, by which rules.
fn summary(found: &Found, all: bool) -> String {
    let mut rules = BTreeMap::new();
    for refusing in &found.refused {
        *rules.entry(refusing.refusal.by()).or_insert(0usize) += 1;
    }
    let rules = rules
        .iter()
        .map(|(by, count)| format!("{count}{by}"))
        .collect::<Vec<_>>()
        .join(", ");
    let hint = if all { ":" } else { " (--all says why)" };
    format!("refused: {rules}{hint}")
}
