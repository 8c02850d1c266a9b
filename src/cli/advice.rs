// SPDX-License-Identifier: GPL-2.0

//! What can be done about a refusal, for each rule and value.
//!
//! Texts of other hosts may stand in it; they are escaped here.

use crate::create;
use crate::explain::nearest;
use crate::fit::{fit, own_type, Fit, LIKE};
use crate::output::short;
use crate::place::{Kind, Place};
use crate::verdict::{TargetLine, Why};
use migcore::{parse_mask, Accept, Head, Line, ParseError, Problem, Refusal, Rule, Steps};

pub(crate) const NOT_MIGRATABLE: &str =
    "choose another type or device: that this one is not migratable is its driver's decision";

const READ_AGAIN: &str =
    "read the string again from migration_version of the source, whole, and change nothing in it";

/// One refusal and all that is known around it.
pub(crate) struct Case<'a> {
    pub(crate) asked: &'a [u8],
    pub(crate) line: &'a TargetLine<'a>,
    pub(crate) source: Option<&'a Place>,
    pub(crate) target: Option<&'a Place>,
}

impl Case<'_> {
    /// Whether the target is a type node, where a device could still be made.
    fn at_type(&self) -> bool {
        self.line
            .accepts()
            .is_some_and(|line| line.information(LIKE).is_some())
    }

    fn find(&self) -> &'static str {
        "`mdev-migrate find SOURCE` on the target host lists what accepts it"
    }
}

/// What would make the refused source pass, the best first. Never empty.
pub(crate) fn advice(why: &Why<'_>, case: &Case<'_>) -> Vec<String> {
    match why {
        Why::Line(_) => vec![
            "ask with one line of printable ASCII, at most 4095 bytes with its newline".to_owned(),
            READ_AGAIN.to_owned(),
        ],
        Why::Rule(Refusal::Malformed(error)) => form(error, case),
        Why::Rule(Refusal::Namespace { source, target }) => namespace(source, target, case),
        Why::Rule(Refusal::UnknownKey { key, .. }) => {
            let key = short(key.as_bytes());
            vec![
                format!("upgrade the target's driver to one that knows `{key}`: the source's state may depend on it"),
                format!("or go back to a driver at the source that does not state `{key}`"),
            ]
        }
        Why::Rule(Refusal::Value { key, source, target }) => match Rule::of_key(key) {
            Rule::Model => vec![
                format!(
                    "choose a parent of model {}: a model fixes what a guest sees byte by byte, and is not changed by creation parameters",
                    short(source.as_bytes())
                ),
                case.find().to_owned(),
            ],
            Rule::Type => type_of(source, target, case),
            Rule::State => state(source, target, case),
            Rule::Features => features(source, target),
            _ => parameter(key, source, target, case),
        },
    }
}

fn form(error: &ParseError<'_>, case: &Case<'_>) -> Vec<String> {
    let is_accepts_line = Line::from_write(case.asked).is_ok_and(|line| {
        line.as_str().contains("..") && migcore::AcceptsLine::parse(line.as_str()).is_ok()
    });
    if is_accepts_line {
        return vec![
            "the source is an accepts line: take migration_version of the source, not migration_accepts"
                .to_owned(),
        ];
    }
    let first = match error.problem {
        Problem::Head => "a version string starts like `mdev_nvme/1,model=`: namespace, slash, number, comma, keys".to_owned(),
        Problem::Missing(key) => format!(
            "the source's driver does not state `{}`, which the target needs: upgrade the source's driver",
            short(key.as_bytes())
        ),
        Problem::Number(key, value) | Problem::Mask(key, value) => match canonical(value, &error.problem) {
            Some(better) => format!("write `{}={better}`", short(key.as_bytes())),
            None => format!(
                "the target compares `{}` as {}",
                short(key.as_bytes()),
                if matches!(error.problem, Problem::Mask(..)) { "a mask such as 0x5" } else { "a decimal number below 2^64" }
            ),
        },
        Problem::Twice(key) => format!("remove all but one `{}`", short(key.as_bytes())),
        Problem::Order(key, other) => format!(
            "put `{}` after `{}`",
            short(key.as_bytes()),
            short(other.as_bytes())
        ),
        Problem::AfterInformation(key) => {
            format!("put `{}` before the `x-` keys", short(key.as_bytes()))
        }
        Problem::NoEquals(field) => {
            format!("make `{}` a `key=value`, or remove it", short(field.as_bytes()))
        }
        Problem::Key(_) => "a key is of a-z first, then a-z 0-9 _ -".to_owned(),
        Problem::Value(..) => {
            "a value is 1 to 255 bytes of A-Z a-z 0-9 . _ : + - without two dots in a row".to_owned()
        }
    };
    vec![first, READ_AGAIN.to_owned()]
}

/// A number or mask as it should have been written.
fn canonical(value: &str, problem: &Problem<'_>) -> Option<String> {
    if let Problem::Mask(..) = problem {
        let digits = value.strip_prefix("0x").or(value.strip_prefix("0X"))?;
        let mask = u64::from_str_radix(digits.trim_start_matches('+'), 16).ok()?;
        return Some(format!("{mask:#x}"));
    }
    match value.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => value.parse().ok(),
    }
    .map(|number| number.to_string())
}

fn namespace(source: &Head<'_>, target: &Head<'_>, case: &Case<'_>) -> Vec<String> {
    if source.namespace != target.namespace {
        return vec![
            format!(
                "choose a target whose namespace is {}: states of different namespaces are never exchanged",
                short(source.namespace.as_bytes())
            ),
            case.find().to_owned(),
        ];
    }
    let (older, grammar) = if source.grammar < target.grammar {
        ("source", target.grammar)
    } else {
        ("target", source.grammar)
    };
    vec![format!(
        "upgrade the {older}'s driver to one that writes grammar {grammar}"
    )]
}

fn type_of(its: &str, target: &Accept<'_>, case: &Case<'_>) -> Vec<String> {
    let shown = short(its.as_bytes());
    if !case.at_type() {
        return vec![
            format!("choose a device that takes state of type {shown}; this one takes {target}"),
            case.find().to_owned(),
        ];
    }
    let own = own_type(case.line).unwrap_or_default();
    let like = case.line.accepts().and_then(|line| line.information(LIKE));
    if !like.is_some_and(|words| words.iter().any(|word| word == its)) {
        return vec![
            format!("choose a type called {shown}: the driver does not declare it interchangeable with {own}"),
            case.find().to_owned(),
        ];
    }
    let id = case.target.and_then(|place| sibling(place, own, its));
    let mut advice = vec![format!(
        "choose type {}, which is interchangeable with {own} (x-like): a type node takes its own type only",
        id.map_or(shown, |id| short(id.as_bytes()))
    )];
    advice.extend(possible(case, own));
    advice
}

/// What can be said of a device of the target's type that does not exist yet.
fn possible(case: &Case<'_>, own: &str) -> Vec<String> {
    let version = case.target.and_then(|place| place.version.as_deref());
    let accepts = case.line.accepts().map(ToString::to_string);
    let fits = accepts.and_then(|accepts| fit(case.asked, &accepts, version).ok());
    let Some(Fit::Possible { settings }) = fits else {
        return vec![format!(
            "a device of type {own} would not accept it either, see the next refusal"
        )];
    };
    let mut advice = vec![format!(
        "or create a device of type {own} with the source's parameters: possible, decided at the device node after create"
    )];
    let source = Line::from_write(case.asked).map(Line::as_str);
    if let (Some(place), Ok(source)) = (case.target, source) {
        let commands = create::commands(place, &settings, source, None).unwrap_or_default();
        advice.extend(create::shell(&commands).map(|command| format!("  {command}")));
    }
    advice
}

/// The id of another type of the same parent, from the id of one and both names.
fn sibling(place: &Place, own: &str, other: &str) -> Option<String> {
    let prefix = place.type_id.as_deref()?.strip_suffix(own)?;
    Some(format!("{}/{prefix}{other}", place.parent.as_deref()?))
}

fn state(its: &str, target: &Accept<'_>, case: &Case<'_>) -> Vec<String> {
    let shown = short(its.as_bytes());
    let Some(version) = nearest(its, target) else {
        return vec![format!(
            "the target reads no state version at all ({target}): correct its settings"
        )];
    };
    let newer = migcore::parse_number(&version) < migcore::parse_number(its);
    let node = match case.source {
        Some(Place {
            kind: Kind::Device | Kind::Whole,
            path: Some(path),
            ..
        }) => format!("{}/state_version", crate::output::text(path)),
        _ => "state_version".to_owned(),
    };
    if newer {
        vec![
            format!("set state_version to {version} at the source, if it can write it: `echo {version} > {node}` (reading the file lists them)"),
            format!("or upgrade the target's driver to one that reads state {shown}"),
        ]
    } else {
        vec![
            format!("set state_version to {version} at the source, if it can write it: `echo {version} > {node}` (reading the file lists them)"),
            format!("or upgrade the source's driver to one that writes state {version}; the target has dropped {shown}"),
        ]
    }
}

fn parameter(key: &str, its: &str, target: &Accept<'_>, case: &Case<'_>) -> Vec<String> {
    let (key, shown) = (short(key.as_bytes()), short(its.as_bytes()));
    let elsewhere = format!(
        "choose a type or parent that takes {key}={shown}; {}",
        case.find()
    );
    let first = match target {
        Accept::Steps(steps) if steps.min > steps.max => {
            "this type is too large for its parent: it takes no value, choose a smaller type or a larger parent".to_owned()
        }
        Accept::Steps(steps) => outside(&key, its, steps),
        Accept::Mask(mask) => format!("no bit outside {mask:#x} is taken"),
        _ if case.at_type() => format!("{key} is {target} for every device of this type"),
        _ if case.target.is_some_and(|place| place.kind == Kind::Whole) => format!(
            "write {shown} to the attribute `{key}` of the device before its first open, if it has one"
        ),
        _ => format!(
            "create another device with {key}={shown} instead: write the attribute `{key}` after create, before the first open, if the type has one"
        ),
    };
    vec![first, elsewhere]
}

/// On which side of a range a value is.
fn outside(key: &str, its: &str, steps: &Steps) -> String {
    let Steps { min, max, step } = *steps;
    match migcore::parse_number(its) {
        Some(number) if number < min => format!(
            "{key} must be at least {min} here, it is {} too low",
            min - number
        ),
        Some(number) if number > max => format!(
            "{key} can be at most {max} here, it is {} too high",
            number - max
        ),
        Some(number) => {
            let below = number - (number - min) % step;
            let above = below.checked_add(step).filter(|above| *above <= max);
            match above {
                Some(above) => format!("{key} must be {min} plus a multiple of {step}: the nearest are {below} and {above}"),
                None => format!("{key} must be {min} plus a multiple of {step}: the nearest is {below}"),
            }
        }
        None => format!("{key} must be a number from {min} to {max}"),
    }
}

fn features(its: &str, target: &Accept<'_>) -> Vec<String> {
    let missing = match (parse_mask(its), target) {
        (Some(mask), Accept::Mask(known)) => format!("{:#x}", mask & !known),
        _ => short(its.as_bytes()),
    };
    vec![
        format!("upgrade the target's driver, or choose a parent, so that it has the features {missing}"),
        format!("or restart the source without the features {missing}, if its driver can leave them out"),
    ]
}
