// SPDX-License-Identifier: GPL-2.0

//! A place on this host, described by its driver's table: what it states and what it accepts.

use crate::accepts::{Accept, Entry, Steps, Words};
use crate::contract::{Contract, ParamRule};
use crate::verdict::{entries, Target};
use crate::version::{Head, GRAMMAR};
use core::fmt::{self, Display, Write};

/// What all devices of a parent have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity<'a> {
    /// The contract name of all that a client compares byte by byte. A word, not a number.
    pub model: &'a str,
    /// The version of the state format that is written.
    pub state: u64,
    /// The lowest and the highest version that is read.
    pub reads: (u64, u64),
    /// The features, if the namespace has any; else 0.
    pub features: u64,
}

/// The effective value of one parameter, and what it could be set to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// The value in force.
    pub value: u64,
    /// What a new device can be given, for a parameter that is settable.
    pub settable: Steps,
}

impl Parameter {
    /// A parameter that no device can be given another value of.
    pub const fn fixed(value: u64) -> Self {
        Self {
            value,
            settable: Steps {
                min: value,
                max: value,
                step: 1,
            },
        }
    }
}

/// Which kind of place it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Node {
    /// A type, of which a device may be made.
    Type,
    /// A device, or a whole device.
    Device,
}

/// A place: the one description that its version string, its accepts line and its verdicts come
/// from.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The keys of the namespace.
    pub contract: &'a Contract,
    /// What the parent says.
    pub identity: Identity<'a>,
    /// The name of the type.
    pub type_name: &'a str,
    /// The interchangeable set: the types whose devices' state a device of this type takes.
    pub like: &'a [&'a str],
    /// The parameters, in the contract's order.
    pub parameters: &'a [Parameter],
    /// Type or device.
    pub node: Node,
}

impl Place<'_> {
    /// The version string of this place, without newline.
    pub fn version(&self) -> impl Display + '_ {
        Written(|f: &mut fmt::Formatter<'_>| {
            self.head().fmt(f)?;
            field(f, "model", &self.identity.model)?;
            field(f, "type", &self.type_name)?;
            for (param, parameter) in self.contract.params.iter().zip(self.parameters) {
                field(f, param.key, &parameter.value)?;
            }
            field(f, "state", &self.identity.state)?;
            if self.contract.features {
                field(
                    f,
                    "features",
                    &format_args!("{:#x}", self.identity.features),
                )?;
            }
            Ok(())
        })
    }

    /// The accepts line of this place, without newline.
    pub fn accepts(&self) -> impl Display + '_ {
        Written(|f: &mut fmt::Formatter<'_>| {
            self.head().fmt(f)?;
            for Entry { key, accept } in entries(self) {
                field(f, key, &accept)?;
            }
            match self.node {
                Node::Type => field(f, "x-like", &Words::List(self.like)),
                Node::Device => Ok(()),
            }
        })
    }

    fn accepted_type(&self) -> Words<'_> {
        match self.node {
            Node::Type => Words::One(self.type_name),
            Node::Device => Words::List(self.like),
        }
    }

    fn accepted_parameter(&self, rule: ParamRule, parameter: Parameter) -> Accept<'_> {
        match (rule, self.node) {
            (ParamRule::AtMost { min }, _) => Accept::Steps(Steps {
                min,
                max: parameter.value,
                step: 1,
            }),
            (ParamRule::Settable, Node::Type) => Accept::Steps(parameter.settable),
            (ParamRule::Equal, _) | (ParamRule::Settable, Node::Device) => {
                Accept::Number(parameter.value)
            }
        }
    }
}

impl Target for Place<'_> {
    fn head(&self) -> Head<'_> {
        Head {
            namespace: self.contract.namespace,
            grammar: GRAMMAR,
        }
    }

    fn entry(&self, index: usize) -> Option<Entry<'_>> {
        let params = self.contract.params;
        let (key, accept) = match index {
            0 => ("model", Accept::Words(Words::One(self.identity.model))),
            1 => ("type", Accept::Words(self.accepted_type())),
            _ => match params.get(index - 2) {
                Some(param) => {
                    let parameter = *self.parameters.get(index - 2)?;
                    (param.key, self.accepted_parameter(param.rule, parameter))
                }
                None => match index - 2 - params.len() {
                    // A range even for a single version: `..` is in no version string, so that an
                    // accepts line is never taken for one.
                    0 => {
                        let (min, max) = self.identity.reads;
                        ("state", Accept::Steps(Steps { min, max, step: 1 }))
                    }
                    1 if self.contract.features => {
                        ("features", Accept::Mask(self.identity.features))
                    }
                    _ => return None,
                },
            },
        };
        Some(Entry { key, accept })
    }
}

/// Writes one field, piece by piece: `write!` costs several times as much.
fn field(f: &mut fmt::Formatter<'_>, key: &str, value: &impl Display) -> fmt::Result {
    f.write_char(',')?;
    f.write_str(key)?;
    f.write_char('=')?;
    value.fmt(f)
}

/// A closure that writes, as something to display.
struct Written<F>(F);

impl<F: Fn(&mut fmt::Formatter<'_>) -> fmt::Result> Display for Written<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (self.0)(f)
    }
}
