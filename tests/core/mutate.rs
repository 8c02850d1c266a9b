// SPDX-License-Identifier: GPL-2.0

//! Faults planted into a source: in its fields, then in the bytes of the write.

use crate::generate::{any_key, number, word, Parts};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, Index};

/// One change of one field.
#[derive(Clone, Debug)]
enum Change {
    Namespace(String),
    Grammar(String),
    Insert(Index, String, String),
    Inform(Vec<(String, String)>),
    Delete(Index),
    Swap(Index, Index),
    Duplicate(Index, Index),
    Rename(Index, String),
    Replace(Index, String),
    Add(Index, i64),
    Prefix(Index, &'static str),
    UpperCase(Index),
    Length(Index, usize),
    Middle(Index, Index, &'static str),
}

/// One change of the bytes.
#[derive(Clone, Debug)]
enum Damage {
    Flip(Index, u8),
    Insert(Index, u8),
    Delete(Index),
    Cut(Index),
    End(&'static str),
    Fill(usize),
}

/// What is done to a source.
#[derive(Clone, Debug)]
pub(crate) struct Mutation {
    changes: Vec<Change>,
    damages: Vec<Damage>,
}

fn any_value() -> impl Strategy<Value = String> {
    prop_oneof![
        2 => number().prop_map(|n| n.to_string()),
        2 => number().prop_map(|n| format!("{n:#x}")),
        2 => word(),
        1 => select(&BAD_VALUES[..]).prop_map(str::to_owned),
    ]
}

const BAD_VALUES: [&str; 14] = [
    "",
    "..",
    "1..1",
    "00",
    "0x00",
    "0x",
    "0X1",
    "+1",
    "-0",
    " 1",
    "1|2",
    "&0x1",
    "18446744073709551616",
    "0x10000000000000000",
];

fn change() -> impl Strategy<Value = Change> {
    let index = any::<Index>;
    let zeros = select(&["0", "00", "+", "-", "0x", "x", "_", " "][..]);
    let inner = select(&["..", ".", "=", "|", "/", "&", ",", "\0", "\n", "\u{e9}"][..]);
    let inform = vec(("x-[a-z0-9_-]{0,3}", any_value()), 0..4);
    prop_oneof![
        1 => "[a-z][a-z0-9_-]{0,4}".prop_map(Change::Namespace),
        1 => select(&["0", "2", "01", "", "1a", "18446744073709551617"][..])
            .prop_map(|g| Change::Grammar(g.to_owned())),
        4 => (index(), any_key(), any_value()).prop_map(|(i, k, v)| Change::Insert(i, k, v)),
        2 => inform.prop_map(Change::Inform),
        1 => index().prop_map(Change::Delete),
        1 => (index(), index()).prop_map(|(a, b)| Change::Swap(a, b)),
        1 => (index(), index()).prop_map(|(a, b)| Change::Duplicate(a, b)),
        1 => (index(), any_key()).prop_map(|(i, k)| Change::Rename(i, k)),
        3 => (index(), any_value()).prop_map(|(i, v)| Change::Replace(i, v)),
        4 => (index(), -2i64..=2).prop_map(|(i, n)| Change::Add(i, n)),
        2 => (index(), zeros).prop_map(|(i, p)| Change::Prefix(i, p)),
        1 => index().prop_map(Change::UpperCase),
        1 => (index(), 254usize..=257).prop_map(|(i, n)| Change::Length(i, n)),
        1 => (index(), index(), inner).prop_map(|(i, at, t)| Change::Middle(i, at, t)),
    ]
}

fn damage() -> impl Strategy<Value = Damage> {
    let index = any::<Index>;
    prop_oneof![
        3 => (index(), any::<u8>()).prop_map(|(i, b)| Damage::Flip(i, b)),
        2 => (index(), any::<u8>()).prop_map(|(i, b)| Damage::Insert(i, b)),
        2 => index().prop_map(Damage::Delete),
        1 => index().prop_map(Damage::Cut),
        2 => select(&["\n", "\n\n", "\r\n", ",", " ", "\0"][..]).prop_map(Damage::End),
        1 => (4090usize..=4100).prop_map(Damage::Fill),
    ]
}

/// Mostly none or one of each kind, so that later rules are reached as well.
pub(crate) fn mutation() -> impl Strategy<Value = Mutation> {
    let changes =
        prop_oneof![3 => vec(change(), 1), 1 => vec(change(), 0), 1 => vec(change(), 2..4)];
    let damages = prop_oneof![8 => vec(damage(), 0), 1 => vec(damage(), 1..3)];
    (changes, damages).prop_map(|(changes, damages)| Mutation { changes, damages })
}

impl Mutation {
    /// The bytes of the write.
    pub(crate) fn apply(&self, parts: &Parts) -> Vec<u8> {
        let mut parts = parts.clone();
        for change in &self.changes {
            change.apply(&mut parts);
        }
        let mut bytes = parts.to_string().into_bytes();
        for damage in &self.damages {
            damage.apply(&mut bytes);
        }
        bytes
    }
}

impl Change {
    fn apply(&self, parts: &mut Parts) {
        let fields = &mut parts.fields;
        let len = fields.len();
        match self {
            Change::Namespace(name) => parts.namespace.clone_from(name),
            Change::Grammar(number) => parts.grammar.clone_from(number),
            Change::Insert(at, key, value) => {
                fields.insert(at.index(len + 1), (key.clone(), value.clone()));
            }
            Change::Inform(more) => {
                let mut more = more.clone();
                more.sort();
                fields.extend(more);
            }
            _ if len == 0 => {}
            Change::Delete(at) => drop(fields.remove(at.index(len))),
            Change::Swap(a, b) => fields.swap(a.index(len), b.index(len)),
            Change::Duplicate(from, to) => {
                let field = fields[from.index(len)].clone();
                fields.insert(to.index(len + 1), field);
            }
            Change::Rename(at, key) => fields[at.index(len)].0.clone_from(key),
            Change::Replace(at, value) => fields[at.index(len)].1.clone_from(value),
            Change::Add(at, n) => add(&mut fields[at.index(len)].1, *n),
            Change::Prefix(at, text) => fields[at.index(len)].1.insert_str(0, text),
            Change::UpperCase(at) => fields[at.index(len)].1.make_ascii_uppercase(),
            Change::Length(at, len_wanted) => {
                let value = &mut fields[at.index(len)].1;
                while value.len() < *len_wanted {
                    value.push('7');
                }
            }
            Change::Middle(at, inner, text) => {
                let value = &mut fields[at.index(len)].1;
                let place = inner.index(value.chars().count() + 1);
                let byte = value.char_indices().map(|(i, _)| i).nth(place);
                value.insert_str(byte.unwrap_or(value.len()), text);
            }
        }
    }
}

/// Counts a number or mask up or down.
fn add(value: &mut String, n: i64) {
    if let Some(mask) = value.strip_prefix("0x") {
        if let Ok(mask) = u64::from_str_radix(mask, 16) {
            *value = format!("{:#x}", mask.wrapping_add_signed(n));
        }
    } else if let Ok(number) = value.parse::<u64>() {
        *value = number.wrapping_add_signed(n).to_string();
    }
}

impl Damage {
    fn apply(&self, bytes: &mut Vec<u8>) {
        let len = bytes.len();
        match self {
            Damage::Insert(at, byte) => bytes.insert(at.index(len + 1), *byte),
            Damage::End(text) => bytes.extend(text.as_bytes()),
            // Up to this length with a value that informs, in pieces that are values.
            Damage::Fill(wanted) => {
                let mut number = 0;
                while bytes.len() < *wanted {
                    let room = wanted - bytes.len();
                    let field = format!(",x-fill{number:02}={}", "y".repeat(255));
                    bytes.extend(&field.as_bytes()[..room.min(field.len())]);
                    number += 1;
                }
            }
            _ if len == 0 => {}
            Damage::Flip(at, bit) => bytes[at.index(len)] ^= 1 << (bit % 8),
            Damage::Delete(at) => drop(bytes.remove(at.index(len))),
            Damage::Cut(at) => bytes.truncate(at.index(len)),
        }
    }
}
