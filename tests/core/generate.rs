// SPDX-License-Identifier: GPL-2.0

//! Random driver tables, the places made from them, and sources near what those accept.

use migcore::{
    Accept, Contract, Entry, Identity, Node, Param, ParamRule, Parameter, Place, Steps, Target,
    MAX_PARAMS,
};
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::BTreeSet;

/// What one type of one parent is made of: both its places can be had from it.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    pub(crate) contract: &'static Contract,
    pub(crate) model: String,
    pub(crate) state: u64,
    pub(crate) reads: (u64, u64),
    pub(crate) features: u64,
    pub(crate) like: Vec<&'static str>,
    pub(crate) own: usize,
    pub(crate) parameters: Vec<Parameter>,
}

impl Sample {
    pub(crate) fn type_name(&self) -> &'static str {
        self.like[self.own]
    }

    pub(crate) fn place(&self, node: Node) -> Place<'_> {
        Place {
            contract: self.contract,
            identity: Identity {
                model: &self.model,
                state: self.state,
                reads: self.reads,
                features: self.features,
            },
            type_name: self.type_name(),
            like: &self.like,
            parameters: &self.parameters,
            node,
        }
    }
}

/// A number, mostly one at which something may go wrong.
pub(crate) fn number() -> impl Strategy<Value = u64> {
    prop_oneof![
        4 => 0u64..=20,
        2 => (0u32..64).prop_map(|n| 1 << n),
        1 => (u64::MAX - 3)..=u64::MAX,
        1 => any::<u64>(),
    ]
}

/// A value of a version string that is no number, some of them nearly one.
pub(crate) fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => "[A-Za-z_:+-][A-Za-z0-9_:+-]{0,8}(\\.[A-Za-z0-9_:+-]{1,4})?\\.?",
        1 => "[0-9]{1,4}[a-z.:+-]",
        1 => "0x[0-9a-f]{1,3}",
        1 => "-[0-9]{1,3}",
        1 => "[a-z]{255}",
    ]
}

/// A key that is neither fixed nor starts with `x-`; some nearly do or are.
fn parameter_key() -> impl Strategy<Value = String> {
    const NEAR: [&str; 9] = [
        "mode", "modell", "types", "states", "feature", "x", "x_", "xx-", "x1-a",
    ];
    prop_oneof![
        4 => "[a-z][a-z0-9_-]{0,8}",
        1 => proptest::sample::select(&NEAR[..]).prop_map(str::to_owned),
    ]
    .prop_filter("a fixed key, or one that informs", |k| {
        !["model", "type", "state", "features"].contains(&k.as_str()) && !k.starts_with("x-")
    })
}

pub(crate) fn any_key() -> impl Strategy<Value = String> {
    const FIXED: [&str; 8] = [
        "model", "type", "state", "features", "x-", "x-like", "x", "",
    ];
    prop_oneof![
        4 => "[a-z][a-z0-9_-]{0,8}",
        2 => proptest::sample::select(&FIXED[..]).prop_map(str::to_owned),
        1 => "x-[a-z0-9_-]{0,4}",
        1 => "[A-Za-z0-9_. -]{1,4}",
    ]
}

/// Strings of `'static` life, as a driver's table has them. Leaked: the process is short.
fn fixed(text: String) -> &'static str {
    Box::leak(text.into_boxed_str())
}

/// A rule with values for it. What is not `sound` may be a range that holds nothing.
fn parameter(sound: bool) -> impl Strategy<Value = (ParamRule, Parameter)> {
    let equal = number().prop_map(|n| (ParamRule::Equal, Parameter::fixed(n)));
    let at_most = (number(), number()).prop_map(move |(a, b)| {
        let (min, value) = if sound { (a.min(b), a.max(b)) } else { (a, b) };
        (ParamRule::AtMost { min }, Parameter::fixed(value))
    });
    let step = prop_oneof![Just(1), number().prop_map(|n| n.max(1))];
    let settable = (number(), number(), step, any::<u64>());
    let settable = settable.prop_map(move |(a, b, step, pick)| {
        let (min, max) = if sound { (a.min(b), a.max(b)) } else { (a, b) };
        let settable = Steps { min, max, step };
        let value = nth(settable, pick).unwrap_or(min);
        (ParamRule::Settable, Parameter { value, settable })
    });
    prop_oneof![1 => equal, 1 => at_most, 2 => settable]
}

/// Some number of a range, if it holds any.
fn nth(steps: Steps, pick: u64) -> Option<u64> {
    let count = u128::from(steps.max.checked_sub(steps.min)? / steps.step) + 1;
    let index = u64::try_from(u128::from(pick) % count).ok()?;
    Some(steps.min + index * steps.step)
}

/// A sample; one that is `sound` reads what it writes and has no empty range.
pub(crate) fn sample(sound: bool) -> impl Strategy<Value = Sample> {
    let parameters = vec((parameter_key(), parameter(sound)), 0..=MAX_PARAMS);
    let table = ("[a-z][a-z0-9_]{0,12}", parameters, any::<bool>());
    let place = (
        word(),
        vec(word(), 1..5),
        any::<usize>(),
        [number(), number(), number()],
        prop_oneof![number(), any::<u64>()],
    );
    (table, place).prop_map(
        move |((namespace, parameters, features), (model, types, own, mut states, mask))| {
            let mut seen = BTreeSet::new();
            let (params, parameters): (Vec<_>, Vec<_>) = parameters
                .into_iter()
                .filter(|(key, _)| seen.insert(key.clone()))
                .map(|(key, (rule, parameter))| {
                    let key = fixed(key);
                    (Param { key, rule }, parameter)
                })
                .unzip();
            let contract: &'static Contract = Box::leak(Box::new(Contract {
                namespace: fixed(namespace),
                params: Box::leak(params.into_boxed_slice()),
                features,
            }));
            contract.check();
            let like: BTreeSet<String> = types.into_iter().collect();
            let like: Vec<&'static str> = like.into_iter().map(fixed).collect();
            if sound {
                states.sort_unstable();
            }
            Sample {
                contract,
                model,
                state: states[1],
                reads: (states[0], states[2]),
                features: if features { mask } else { 0 },
                own: own % like.len(),
                like,
                parameters,
            }
        },
    )
}

/// How a source's value is made from what is accepted for its key.
#[derive(Clone, Debug)]
pub(crate) enum Pick {
    Inside(u64),
    Edge(u8),
    Other(u64),
}

/// One for each key that a place can have.
pub(crate) fn picks() -> impl Strategy<Value = Vec<Pick>> {
    let pick = prop_oneof![
        30 => any::<u64>().prop_map(Pick::Inside),
        2 => any::<u8>().prop_map(Pick::Edge),
        1 => number().prop_map(Pick::Other),
    ];
    vec(pick, MAX_PARAMS + 4)
}

/// A value for this entry.
fn value(accept: Accept<'_>, pick: &Pick) -> String {
    match (accept, pick) {
        (Accept::Words(words) | Accept::Numbers(words), Pick::Inside(n)) => {
            let words: Vec<_> = words.iter().collect();
            words[usize::try_from(n % words.len() as u64).unwrap_or(0)].to_owned()
        }
        (Accept::Words(words) | Accept::Numbers(words), Pick::Edge(n)) => {
            let word = words.iter().next().unwrap_or_default();
            match n % 3 {
                0 => format!("{word}0"),
                1 => word[1..].to_owned(),
                _ => word.to_uppercase(),
            }
        }
        (Accept::Number(number), Pick::Inside(_)) => number.to_string(),
        (Accept::Number(number), Pick::Edge(n)) => edge(number, number, 1, *n).to_string(),
        (Accept::Steps(steps), Pick::Inside(n)) => nth(steps, *n).unwrap_or(steps.min).to_string(),
        (Accept::Steps(s), Pick::Edge(n)) => edge(s.min, s.max, s.step, *n).to_string(),
        (Accept::Mask(mask), Pick::Inside(n)) => format!("{:#x}", mask & n),
        (Accept::Mask(mask), Pick::Edge(n)) => format!("{:#x}", mask ^ (1 << (n % 64))),
        (Accept::Mask(_), Pick::Other(n)) => format!("{n:#x}"),
        (_, Pick::Other(n)) => n.to_string(),
    }
}

/// A number at or beside the ends of a range.
fn edge(min: u64, max: u64, step: u64, which: u8) -> u64 {
    match which % 8 {
        0 => min,
        1 => max,
        2 => min.wrapping_sub(1),
        3 => max.wrapping_add(1),
        4 => min.wrapping_add(1),
        5 => max.wrapping_sub(1),
        6 => min.wrapping_add(step),
        _ => max.wrapping_sub(max.wrapping_sub(min) % step),
    }
}

/// A version string in its parts.
#[derive(Clone, Debug)]
pub(crate) struct Parts {
    pub(crate) namespace: String,
    pub(crate) grammar: String,
    pub(crate) fields: Vec<(String, String)>,
}

impl Parts {
    /// The source that `picks` makes for `target`.
    pub(crate) fn of(target: &dyn Target, picks: &[Pick]) -> Self {
        let head = target.head();
        let entries = (0..).map_while(|i| target.entry(i));
        Self {
            namespace: head.namespace.to_owned(),
            grammar: head.grammar.to_string(),
            fields: entries
                .zip(picks.iter().cycle())
                .map(|(Entry { key, accept }, pick)| (key.to_owned(), value(accept, pick)))
                .collect(),
        }
    }
}

impl std::fmt::Display for Parts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.namespace, self.grammar)?;
        self.fields
            .iter()
            .try_for_each(|(key, value)| write!(f, ",{key}={value}"))
    }
}
