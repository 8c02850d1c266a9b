// SPDX-License-Identifier: GPL-2.0

//! `check`: the verdict alone.

use crate::args::Pair;
use crate::exit::{Exit, Failure};
use crate::output;
use crate::subject::{self, Shown, Subject};
use crate::sysfs::Host;
use crate::verdict::{ask, Refused, TargetLine};
use serde::Serialize;

#[derive(Serialize)]
struct Answer {
    accepted: bool,
    source: Shown,
    target: Shown,
    refusal: Option<Refused>,
}

pub(crate) fn run(host: &Host, pair: &Pair, json: bool) -> Result<(String, Exit), Failure> {
    let (source, target) = subject::pair(host, pair)?;
    let refusal = verdict(&source, &target)?;
    let exit = match refusal {
        Some(_) => Exit::Refused,
        None => Exit::Accepted,
    };
    if json {
        let answer = Answer {
            accepted: refusal.is_none(),
            source: source.shown(),
            target: target.shown(),
            refusal,
        };
        return Ok((output::json(&answer), exit));
    }
    let text = match &refusal {
        None => "accepted\n".to_owned(),
        Some(refused) => format!("{}\n", sentence(refused)),
    };
    Ok((text, exit))
}

/// `None` for an acceptance.
fn verdict(source: &Subject, target: &Subject) -> Result<Option<Refused>, Failure> {
    let (Some(bytes), Some(accepts)) = (&source.bytes, target.accepts()) else {
        return Ok(Refused::not_migratable(source, target));
    };
    let line = TargetLine::parse(accepts).map_err(Failure::usage)?;
    let answer = ask(bytes, &line).map_err(Failure::io)?;
    Ok(answer.err().map(|why| Refused::from(&why)))
}

/// A refusal in one line.
pub(crate) fn sentence(refused: &Refused) -> String {
    let errno = match refused.errno {
        Some(errno) => format!(" [{} {}: {}]", errno.name, errno.number, errno.message),
        None => String::new(),
    };
    format!("refused{}: {}{errno}", refused.by(), refused.reason)
}
