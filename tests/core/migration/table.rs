// SPDX-License-Identifier: GPL-2.0

//! Every state x request x flags, with each call of the device failing in turn.

use super::client::{stream, Host, OFFERS};
use super::model::Call;
use crate::golden::golden_in;
use migcore::migration::v1::{state_of, value_of};
use migcore::migration::{Direction, Flags, Front, Refused, State};
use std::collections::BTreeSet;
use std::fmt::Write;

/// Where a request starts: a state, who owns its session, what a load was given so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Start {
    state: State,
    owner: Option<Front>,
    load: Option<Load>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Load {
    Whole,
    Nothing,
    Refused,
}

impl Start {
    fn all(flags: Flags) -> Vec<Self> {
        let mut all = Vec::new();
        for state in State::ALL
            .into_iter()
            .filter(|s| *s == State::Error || flags.has(s.needs()))
        {
            let line = !state.is_saving() && state != State::Resuming;
            let owners: &[_] = match line {
                true => &[None],
                false => &[Some(Front::V1), Some(Front::V2)],
            };
            let loads: &[_] = match state {
                State::Resuming => &[Some(Load::Whole), Some(Load::Nothing), Some(Load::Refused)],
                _ => &[None],
            };
            for &owner in owners {
                all.extend(loads.iter().map(|&load| Self { state, owner, load }));
            }
        }
        all
    }

    fn host(self, flags: Flags, whole: &[u8]) -> Host {
        let mut host = Host::new(flags);
        if self.state == State::Error {
            host.machine.fail(&mut host.dev);
        } else {
            match self.owner {
                // What the register cannot name is reached as far as the machine goes by itself.
                Some(Front::V1) if self.state != State::PreCopyP2p => {
                    host.set(value_of(self.state)).expect("can be reached");
                }
                owner => {
                    let path = host.machine.path();
                    let front = owner.unwrap_or(Front::V2);
                    let opened = host.machine.request(front, self.state, &mut host.dev, path);
                    opened.expect("can be reached");
                }
            }
        }
        if let (Some(load), Some((_, opened))) = (self.load, host.machine.open_session()) {
            let given: &[u8] = match load {
                Load::Whole => whole,
                Load::Nothing => &[],
                Load::Refused => &[0; 24],
            };
            assert_eq!(host.push(opened.id, given).is_err(), load == Load::Refused);
        }
        assert_eq!(host.state(), self.state);
        host.dev.calls.clear();
        host
    }

    fn text(self) -> String {
        let mut text = self.state.to_string();
        if let Some(owner) = self.owner {
            write!(text, " of {owner}").expect("a String takes all");
        }
        text + match self.load {
            Some(Load::Whole) => ", all given",
            Some(Load::Nothing) => ", nothing given",
            Some(Load::Refused) => ", refused",
            None => "",
        }
    }
}

/// What became of a request.
struct Outcome {
    calls: Vec<Call>,
    result: Result<(), String>,
    host: Host,
}

impl Outcome {
    fn of(
        start: Start,
        flags: Flags,
        whole: &[u8],
        fails_in: Option<usize>,
        ask: impl Fn(&mut Host) -> Result<(), Option<Refused>>,
    ) -> Self {
        let mut host = start.host(flags, whole);
        host.dev.fails_in = fails_in;
        let before = host.machine.open_session();
        let result = ask(&mut host).map_err(|refused| match refused {
            Some(refused) => format!("{}: {refused}", refused.errno()),
            None => "EINVAL".to_owned(),
        });
        host.dev.fails_in = None;
        host.check();
        assert_eq!(host.state() == State::Error, start.state == State::Error);
        // A session that was there is there, or gone; a new one has a new name.
        let after = host.machine.open_session();
        if let (Some(before), Some(after)) = (before, after) {
            if before.1.id == after.1.id {
                assert_eq!(before, after);
            }
        }
        let calls = std::mem::take(&mut host.dev.calls);
        Self {
            calls,
            result,
            host,
        }
    }

    fn text(&self, old: State) -> String {
        let calls = self.calls.iter().map(Call::to_string).collect::<Vec<_>>();
        let mut text = match calls.is_empty() {
            true => "-".to_owned(),
            false => calls.join(" "),
        };
        match &self.result {
            Ok(()) => text += " | ok",
            Err(why) => write!(text, " | {why}").expect("a String takes all"),
        }
        if self.result.is_err() && self.host.state() != old {
            write!(text, "; stands at {}", self.host.state()).expect("a String takes all");
        }
        if let (true, Some((_, opened))) = (self.result.is_ok(), self.host.machine.open_session()) {
            text += match opened.direction {
                Direction::Save => ", a save",
                Direction::Load => ", a load",
            };
        }
        text
    }

    /// How many of the calls could have failed.
    fn fallible(&self) -> usize {
        let can = |c: &&Call| {
            matches!(
                c,
                Call::Buffer | Call::BeginSave | Call::Freeze | Call::BeginLoad
            )
        };
        self.calls.iter().filter(can).count()
    }
}

/// One request, undisturbed and with each call failing.
fn rows(
    out: &mut String,
    (start, what, flags, whole): (Start, &str, Flags, &[u8]),
    ask: impl Fn(&mut Host) -> Result<(), Option<Refused>>,
    check: impl Fn(&Outcome),
) {
    let plain = Outcome::of(start, flags, whole, None, &ask);
    check(&plain);
    writeln!(out, "  {what:<13}{}", plain.text(start.state)).expect("a String takes all");
    for n in 0..plain.fallible() {
        let failed = Outcome::of(start, flags, whole, Some(n), &ask);
        assert!(failed.result.is_err());
        check(&failed);
        writeln!(out, "  {:<13}{}", "", failed.text(start.state)).expect("a String takes all");
    }
}

const HEAD: &str = "\
# For each state, and whose session is open there: a request, the calls that the device gets, and
# the answer. A line without request is the one above with its first, second, ... call failing.
";

#[test]
fn v2() {
    let (whole, _) = stream();
    for (name, flags) in OFFERS {
        let mut out = HEAD.to_owned();
        for start in Start::all(flags) {
            writeln!(out, "\n{}", start.text()).expect("a String takes all");
            for to in State::ALL {
                rows(
                    &mut out,
                    (start, to.name(), flags, &whole),
                    |host| host.request(to).map(|_| ()).map_err(Some),
                    |outcome| match &outcome.result {
                        Ok(()) => assert_eq!(outcome.host.state(), to),
                        Err(_) => assert_ne!(start.state, to),
                    },
                );
            }
        }
        golden_in("migration", &format!("v2-{name}"), &out);
    }
}

#[test]
fn v1() {
    let (whole, _) = stream();
    for (name, flags) in OFFERS {
        let mut out = HEAD.to_owned();
        for start in Start::all(flags) {
            writeln!(out, "\n{}: {}", value_of(start.state), start.text()).expect("a String");
            for value in 0..8 {
                let what = value.to_string();
                rows(
                    &mut out,
                    (start, &what, flags, &whole),
                    |host| {
                        let Host {
                            machine,
                            dev,
                            region,
                            ..
                        } = host;
                        region.set_state(value, machine, dev)
                    },
                    |outcome| {
                        let now = value_of(outcome.host.state());
                        match &outcome.result {
                            Ok(()) => assert_eq!(now, value),
                            Err(_) => assert_eq!(outcome.host.state(), start.state),
                        }
                    },
                );
            }
        }
        golden_in("migration", &format!("v1-{name}"), &out);
    }
}

/// The rule for v1, said without the machine: between the five states everything is legal but from
/// 4 to a save; a session of v2 closes all but the state that it has.
#[test]
fn v1_agrees_with_the_rule() {
    let (whole, _) = stream();
    for (_, flags) in OFFERS {
        for start in Start::all(flags) {
            for value in 0..8 {
                let old = value_of(start.state);
                let outcome = Outcome::of(start, flags, &whole, None, |host| {
                    let Host {
                        machine,
                        dev,
                        region,
                        ..
                    } = host;
                    region.set_state(value, machine, dev)
                });
                let errno = outcome
                    .result
                    .as_ref()
                    .copied()
                    .map_err(|w| w.split(':').next());
                let wanted = if start.state == State::Error {
                    Err(Some("EIO"))
                } else if value > 4 {
                    Err(Some("EINVAL"))
                } else if value == old {
                    Ok(())
                } else if (value == 3 && !flags.has(Flags::PRE_COPY))
                    || (old == 4 && (value == 2 || value == 3))
                {
                    Err(Some("EINVAL"))
                } else if start.owner == Some(Front::V2) {
                    Err(Some("EBUSY"))
                } else if old == 4 && start.load != Some(Load::Whole) {
                    Err(Some("EINVAL"))
                } else {
                    Ok(())
                };
                assert_eq!(errno, wanted, "{flags:?}: {} to {value}", start.text());
            }
        }
    }
}

#[test]
fn values_name_states_and_back() {
    let named: BTreeSet<_> = (0..=8).filter_map(state_of).collect();
    assert_eq!(named.len(), 5);
    assert!(named.iter().all(|s| state_of(value_of(*s)) == Some(*s)));
    for value in (0..=u32::MAX).step_by(0x1_0001) {
        assert_eq!(state_of(value).is_some(), value <= 4, "{value:#x}");
    }
}
