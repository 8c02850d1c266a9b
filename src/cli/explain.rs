// SPDX-License-Identifier: GPL-2.0

//! `explain`: each rule that refuses, and what would make it pass.

use crate::advice::{self, Case};
use crate::args::Pair;
use crate::exit::{Exit, Failure};
use crate::fit::replace;
use crate::output;
use crate::subject::{self, Shown, Subject};
use crate::sysfs::Host;
use crate::verdict::{ask, Refused, TargetLine, Why};
use migcore::{parse_mask, parse_number, Accept, Line, Refusal, Version};
use serde::Serialize;

/// How many refusals are worth telling. A string with more of them is no near miss.
const MAX_STEPS: usize = 16;

#[derive(Serialize)]
struct Step {
    #[serde(flatten)]
    refused: Refused,
    advice: Vec<String>,
}

#[derive(Serialize)]
struct Explanation {
    accepted: bool,
    source: Shown,
    target: Shown,
    /// The first decides; the others would, once those before them are put right.
    refusals: Vec<Step>,
    /// A string that the target accepts, nearest to the source's in each refused value.
    would_pass: Option<String>,
    /// Whether there are more refusals than are told.
    more: bool,
}

pub(crate) fn run(host: &Host, pair: &Pair, json: bool) -> Result<(String, Exit), Failure> {
    let (source, target) = subject::pair(host, pair)?;
    let (refusals, would_pass) = steps(&source, &target)?;
    let more = would_pass.is_none() && refusals.len() == MAX_STEPS;
    let explanation = Explanation {
        accepted: refusals.is_empty(),
        source: source.shown(),
        target: target.shown(),
        refusals,
        would_pass,
        more,
    };
    let exit = if explanation.accepted {
        Exit::Accepted
    } else {
        Exit::Refused
    };
    let text = if json {
        output::json(&explanation)
    } else {
        print(&explanation)
    };
    Ok((text, exit))
}

/// Every refusal, each after the ones before it were put right, and the string that passes at
/// last.
fn steps(source: &Subject, target: &Subject) -> Result<(Vec<Step>, Option<String>), Failure> {
    let (Some(bytes), Some(accepts)) = (&source.bytes, target.accepts()) else {
        let step = Refused::not_migratable(source, target).map(|refused| Step {
            refused,
            advice: vec![advice::NOT_MIGRATABLE.to_owned()],
        });
        return Ok((step.into_iter().collect(), None));
    };
    let line = TargetLine::parse(accepts).map_err(Failure::usage)?;
    let mut steps = Vec::new();
    let mut asked = bytes.clone();
    while steps.len() < MAX_STEPS {
        let why = match ask(&asked, &line).map_err(Failure::io)? {
            Ok(version) => return Ok((steps, Some(version.to_string()))),
            Err(why) => why,
        };
        let case = Case {
            asked: &asked,
            line: &line,
            source: source.place.as_ref(),
            target: target.place.as_ref(),
        };
        steps.push(Step {
            refused: Refused::from(&why),
            advice: advice::advice(&why, &case),
        });
        match put_right(&asked, &why) {
            Some(better) => asked = better.into_bytes(),
            None => break,
        }
    }
    Ok((steps, None))
}

/// The string with the refused value replaced by the nearest that is accepted, or without the
/// unknown key; `None` where no small change helps.
fn put_right(asked: &[u8], why: &Why<'_>) -> Option<String> {
    let version = Version::parse(Line::from_write(asked).ok()?.as_str()).ok()?;
    match why {
        Why::Rule(Refusal::UnknownKey { key, .. }) => Some(replace(&version, key, None)),
        Why::Rule(Refusal::Value {
            key,
            source,
            target,
        }) => {
            let value = nearest(source, target)?;
            Some(replace(&version, key, Some(&value)))
        }
        _ => None,
    }
}

/// The accepted value that is nearest to `value`; the lower one for a step missed.
pub(crate) fn nearest(value: &str, accept: &Accept<'_>) -> Option<String> {
    match accept {
        Accept::Words(words) | Accept::Numbers(words) => words.iter().next().map(str::to_owned),
        Accept::Number(number) => Some(number.to_string()),
        Accept::Steps(steps) if steps.min > steps.max => None,
        Accept::Steps(steps) => {
            let value = parse_number(value)?.clamp(steps.min, steps.max);
            Some((value - (value - steps.min) % steps.step).to_string())
        }
        Accept::Mask(mask) => Some(format!("{:#x}", parse_mask(value)? & mask)),
    }
}

fn print(explanation: &Explanation) -> String {
    let mut text = String::new();
    if explanation.accepted {
        text.push_str("accepted\n");
    }
    for (i, step) in explanation.refusals.iter().enumerate() {
        let refused = &step.refused;
        let when = if i == 0 { "refused" } else { "then refused" };
        output::indent(
            &mut text,
            0,
            [format!("{when}{}: {}", refused.by(), refused.reason)],
        );
        let values = [("source", &refused.source), ("target", &refused.target)];
        for (side, value) in values {
            if let Some(value) = value {
                output::indent(&mut text, 2, [format!("{side:<7} {}", output::text(value))]);
            }
        }
        if let Some(errno) = refused.errno {
            let errno = format!("errno   {} {}, {}", errno.number, errno.name, errno.message);
            output::indent(&mut text, 2, [errno]);
        }
        for (n, advice) in step.advice.iter().enumerate() {
            let name = if n == 0 { "to pass" } else { "" };
            output::indent(&mut text, 2, [format!("{name:<7} {advice}")]);
        }
    }
    if explanation.more {
        text.push_str("there are more refusals\n");
    }
    if let (false, Some(line)) = (explanation.accepted, &explanation.would_pass) {
        output::indent(
            &mut text,
            0,
            [format!("would pass: {}", output::text(line))],
        );
    }
    text
}
