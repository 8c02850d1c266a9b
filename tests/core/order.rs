// SPDX-License-Identifier: GPL-2.0

//! All subsets of broken rules: whatever else is wrong, the lowest broken rule decides.

use crate::evaluator::evaluate;
use migcore::{
    judge, AcceptsLine, Contract, Identity, Node, Param, ParamRule, Parameter, Place, Rule, Steps,
};

const CONTRACT: Contract = Contract {
    namespace: "acme",
    params: &[
        Param {
            key: "size",
            rule: ParamRule::Settable,
        },
        Param {
            key: "block",
            rule: ParamRule::Equal,
        },
        Param {
            key: "rings",
            rule: ParamRule::AtMost { min: 2 },
        },
    ],
    features: true,
};
const _: () = CONTRACT.check();

const PARAMETERS: [Parameter; 3] = [
    Parameter {
        value: 64,
        settable: Steps {
            min: 64,
            max: 256,
            step: 64,
        },
    },
    Parameter::fixed(512),
    Parameter::fixed(8),
];

fn place(node: Node) -> Place<'static> {
    Place {
        contract: &CONTRACT,
        identity: Identity {
            model: "a1",
            state: 3,
            reads: (2, 3),
            features: 0x5,
        },
        type_name: "small",
        like: &["small", "big"],
        parameters: &PARAMETERS,
        node,
    }
}

/// A change of the fields.
type Break = fn(&mut Fields);

type Fields = Vec<(String, String)>;

fn set(fields: &mut Fields, key: &str, value: &str) {
    for field in fields.iter_mut().filter(|f| f.0 == key) {
        value.clone_into(&mut field.1);
    }
}

fn insert(fields: &mut Fields, at: usize, key: &str, value: &str) {
    fields.insert(at, (key.to_owned(), value.to_owned()));
}

/// Ways to break the form of the fields, each of which leaves the other rules as they are.
const FORMS: [(&str, Break); 11] = [
    ("an informing key first", |f| insert(f, 0, "x-a", "1")),
    ("informing keys unsorted", |f| {
        let end = f.len();
        insert(f, end, "x-b", "1");
        insert(f, end + 1, "x-a", "1");
    }),
    ("an informing key twice", |f| {
        let end = f.len();
        insert(f, end, "x-a", "1");
        insert(f, end, "x-a", "1");
    }),
    ("an unknown key twice", |f| {
        insert(f, 1, "u", "1");
        insert(f, 3, "u", "1");
    }),
    ("a known key twice", |f| f.push(f[0].clone())),
    ("a missing key", |f| f.retain(|field| field.0 != "state")),
    ("known keys out of order", |f| {
        let model = f.remove(0);
        f.push(model);
    }),
    ("a number with a leading zero", |f| {
        f.iter_mut().for_each(|f| {
            if f.0 == "rings" {
                f.1.insert(0, '0');
            }
        })
    }),
    ("a mask in upper case", |f| {
        f.iter_mut().for_each(|f| {
            if f.0 == "features" {
                f.1 = f.1.to_uppercase();
            }
        })
    }),
    ("an empty key", |f| f.push((String::new(), "1".to_owned()))),
    ("a value that is none", |f| insert(f, 0, "u", "1..2")),
];

/// Ways to break a parameter.
const PARAMETER: [(&str, &str); 5] = [
    ("size", "100"),
    ("size", "320"),
    ("block", "513"),
    ("rings", "9"),
    ("rings", "1"),
];

/// The source in which exactly the rules of `broken` are broken, bit 0 for rule 1.
fn source(broken: u32, form: Break, parameter: (&str, &str), grammar: bool) -> String {
    let breaks = |rule: Rule| broken & (1 << (rule.number() - 1)) != 0;
    let pick = |rule, bad: &'static str, good: &'static str| if breaks(rule) { bad } else { good };
    let mut fields: Fields = [
        ("model", pick(Rule::Model, "a2", "a1")),
        ("type", pick(Rule::Type, "huge", "small")),
        ("size", "64"),
        ("block", "512"),
        ("rings", "8"),
        ("state", pick(Rule::State, "4", "2")),
        ("features", pick(Rule::Features, "0x7", "0x4")),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .into();
    if breaks(Rule::Parameter) {
        set(&mut fields, parameter.0, parameter.1);
    }
    if breaks(Rule::UnknownKey) {
        insert(&mut fields, 4, "unknown", "1");
    }
    if breaks(Rule::Form) {
        form(&mut fields);
    }
    let mut line = match (breaks(Rule::Head), breaks(Rule::Namespace)) {
        (false, false) => "acme/1",
        (false, true) if grammar => "acme/2",
        (false, true) => "other/1",
        (true, false) => "Acme/1",
        (true, true) if grammar => "acme/02",
        (true, true) => "Other/1",
    }
    .to_owned();
    for (key, value) in fields {
        line += &format!(",{key}={value}");
    }
    line
}

fn check(line: &str, broken: u32) {
    let wanted = (broken != 0).then(|| Rule::ALL[broken.trailing_zeros() as usize]);
    for node in [Node::Type, Node::Device] {
        let place = place(node);
        let accepts = place.accepts().to_string();
        let parsed = AcceptsLine::parse(&accepts).expect(&accepts);
        let why = || format!("rules broken {broken:#b}: {line}\nat {accepts}");
        assert_eq!(
            judge(line, &place).err().map(|r| r.rule()),
            wanted,
            "{}",
            why()
        );
        assert_eq!(
            judge(line, &parsed).err().map(|r| r.rule()),
            wanted,
            "{}",
            why()
        );
        let answer = evaluate(line.as_bytes(), &accepts).expect(&accepts);
        assert_eq!(answer.rule, wanted.map_or(0, Rule::number), "{}", why());
    }
}

#[test]
fn rules_are_numbered_as_in_the_contract() {
    for (rule, number) in Rule::ALL.into_iter().zip(1..) {
        assert_eq!(rule.number(), number, "{rule}");
    }
    assert!(Rule::ALL.is_sorted());
}

#[test]
fn the_lowest_broken_rule_decides() {
    for broken in 0..1 << Rule::ALL.len() {
        for (_, form) in FORMS {
            check(&source(broken, form, PARAMETER[0], broken % 2 == 0), broken);
        }
    }
}

#[test]
fn any_parameter_and_any_head_can_be_what_is_broken() {
    for broken in 0..1 << Rule::ALL.len() {
        for parameter in PARAMETER {
            // A device accepts its own size only; at the type both of these are refused as well.
            for grammar in [false, true] {
                check(&source(broken, FORMS[0].1, parameter, grammar), broken);
            }
        }
    }
}

#[test]
fn each_form_is_broken_by_itself() {
    let form = 1 << (Rule::Form.number() - 1);
    for (name, way) in FORMS {
        let line = source(form, way, PARAMETER[0], false);
        let place = place(Node::Device);
        let refusal = judge(&line, &place).map(drop).map_err(|r| r.rule());
        assert_eq!(refusal, Err(Rule::Form), "{name}: {line}");
    }
}
