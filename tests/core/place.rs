// SPDX-License-Identifier: GPL-2.0

//! Places as drivers describe them: what they write, and that a type and its devices agree.

use crate::cases;
use crate::generate::{picks, sample, Parts, Sample};
use crate::mutate::mutation;
use migcore::{
    judge, AcceptsLine, Contract, Errno, Node, ParamRule, Parameter, Rule, Target, Version,
};
use proptest::prelude::*;

const STRICTEST: Contract = Contract {
    namespace: "acme",
    params: &[],
    features: false,
};

fn strictest() -> Sample {
    Sample {
        contract: &STRICTEST,
        model: "a1".to_owned(),
        state: 1,
        reads: (1, 1),
        features: 0,
        like: vec!["only"],
        own: 0,
        parameters: Vec::new(),
    }
}

const NODES: [Node; 2] = [Node::Type, Node::Device];

#[test]
fn the_strictest_place_accepts_exactly_its_own_string() {
    for node in NODES {
        let sample = strictest();
        let place = sample.place(node);
        let own = place.version().to_string();
        assert_eq!(own, "acme/1,model=a1,type=only,state=1");
        assert!(judge(&own, &place).is_ok());
        let accepts = place.accepts().to_string();
        let refusal = judge(&accepts, &place).expect_err("an accepts line is no question");
        assert_eq!(refusal.errno(), Errno::Inval);
    }
}

#[test]
fn a_whole_device_is_one_of_a_set_that_has_no_type_node() {
    const SIZED: Contract = Contract {
        params: &[migcore::Param {
            key: "size",
            rule: ParamRule::Settable,
        }],
        ..STRICTEST
    };
    let size = |value| Parameter {
        value,
        settable: migcore::Steps {
            min: 4,
            max: 64,
            step: 4,
        },
    };
    let of = |own, value| Sample {
        contract: &SIZED,
        like: vec!["whole", "small"],
        own,
        parameters: vec![size(value)],
        ..strictest()
    };
    let (whole, mdev) = (of(0, 32), of(1, 32));
    let place = whole.place(Node::Device);
    let string = place.version().to_string();
    assert_eq!(string, "acme/1,model=a1,type=whole,size=32,state=1");
    assert_eq!(
        place.accepts().to_string(),
        "acme/1,model=a1,type=whole|small,size=32,state=1..1"
    );
    // Both ways between devices of one size, and no other.
    let there = mdev.place(Node::Device);
    assert!(judge(&string, &there).is_ok());
    assert!(judge(&there.version().to_string(), &place).is_ok());
    let larger = of(1, 36).place(Node::Device).version().to_string();
    let refusal = judge(&larger, &place).expect_err("another size");
    assert_eq!(refusal.errno(), Errno::Range);
    // Before there is an mdev, its type says no more than that one could be made.
    let node = mdev.place(Node::Type);
    let refusal = judge(&string, &node).expect_err("a type node takes its own type");
    assert_eq!(refusal.errno(), Errno::MediumType);
    assert!(node.accepts().to_string().ends_with(",x-like=whole|small"));
}

/// The device of this type, created and given the parameters that `line` states; `None` if it
/// cannot be given them.
fn device_given(sample: &Sample, line: &str) -> Option<Sample> {
    let mut device = sample.clone();
    let Ok(version) = Version::parse(line) else {
        return Some(device);
    };
    for (param, parameter) in sample.contract.params.iter().zip(&mut device.parameters) {
        if param.rule == ParamRule::Settable {
            let Some(value) = version.get(param.key) else {
                continue;
            };
            // As a driver reads what is written to its attribute.
            let Some(value) = migcore::parse_number(value) else {
                continue;
            };
            let Parameter { settable, .. } = *parameter;
            if !settable.contains(value) {
                return None;
            }
            parameter.value = value;
        }
    }
    Some(device)
}

/// Type node and device node answer alike, as far as the string names the type.
fn check_consistency(sample: &Sample, line: &str) -> Option<bool> {
    let names_it = Version::parse(line).is_ok_and(|v| v.get("type") == Some(sample.type_name()));
    if !names_it {
        return None;
    }
    let type_place = sample.place(Node::Type);
    let at_type = judge(line, &type_place).map_err(|r| r.rule());
    match device_given(sample, line) {
        Some(device) => {
            let device_place = device.place(Node::Device);
            let at_device = judge(line, &device_place).map_err(|r| r.rule());
            assert_eq!(at_type, at_device, "{line}\n{sample:?}");
        }
        None => assert!(at_type.is_err(), "no device can be {line}\n{sample:?}"),
    }
    Some(at_type.is_ok())
}

#[test]
fn a_range_that_holds_nothing_does_not_panic() {
    let empty = migcore::Steps {
        min: 4,
        max: 2,
        step: 4,
    };
    assert!((0..10).all(|n| !empty.contains(n)));
    assert_eq!(empty.to_string(), "4..2/4");
}

#[test]
fn a_place_with_too_few_parameters_ends_before_the_first_missing() {
    // A driver that forgets one: its place must not accept sources as if there were none.
    const TWO: Contract = Contract {
        params: &[
            migcore::Param {
                key: "a",
                rule: ParamRule::Equal,
            },
            migcore::Param {
                key: "b",
                rule: ParamRule::Equal,
            },
        ],
        ..STRICTEST
    };
    let sample = Sample {
        contract: &TWO,
        parameters: vec![Parameter::fixed(1)],
        ..strictest()
    };
    let place = sample.place(Node::Device);
    assert!(place.entry(2).is_some() && place.entry(3).is_none());
    let refusal = judge("acme/1,model=a1,type=only,a=1,b=1,state=1", &place);
    assert_eq!(refusal.map_err(|r| r.rule()), Err(Rule::UnknownKey));
}

proptest! {
    #![proptest_config(cases(1000))]

    #[test]
    fn a_place_accepts_its_own_string(sample in sample(true)) {
        for node in NODES {
            let place = sample.place(node);
            let own = place.version().to_string();
            let verdict = judge(&own, &place);
            prop_assert!(verdict.is_ok(), "{} at {}: {:?}", own, place.accepts(), verdict);
            prop_assert_eq!(verdict.map(|v| v.to_string()), Ok(own.clone()));
        }
    }

    #[test]
    fn an_accepts_line_is_no_question(sample in sample(false)) {
        for node in NODES {
            let place = sample.place(node);
            for asked in NODES {
                let accepts = sample.place(asked).accepts().to_string();
                let refusal = judge(&accepts, &place).map_err(|r| (r.rule(), r.errno()));
                prop_assert_eq!(refusal, Err((Rule::Form, Errno::Inval)), "{}", accepts);
            }
        }
    }

    #[test]
    fn an_accepts_line_says_what_the_place_has(sample in sample(false)) {
        for node in NODES {
            let place = sample.place(node);
            let text = place.accepts().to_string();
            let line = AcceptsLine::parse(&text);
            prop_assert!(line.is_ok(), "{}: {:?}", text, line);
            let line = line.expect("just seen");
            prop_assert_eq!(line.to_string(), text.clone());
            let mut index = 0;
            while let Some(entry) = place.entry(index) {
                let read = line.entry(index);
                prop_assert_eq!(read.map(|e| e.key), Some(entry.key));
                prop_assert_eq!(read.map(|e| e.accept.to_string()), Some(entry.accept.to_string()));
                index += 1;
            }
            prop_assert_eq!(line.entry(index), None);
            let fixed = if sample.contract.features { 4 } else { 3 };
            prop_assert_eq!(index, sample.contract.params.len() + fixed);
            let like = line.information("x-like").map(|w| w.iter().collect::<Vec<_>>());
            let wanted = (node == Node::Type).then(|| sample.like.clone());
            prop_assert_eq!(like, wanted, "{}", text);
        }
    }

    #[test]
    fn a_device_takes_each_type_of_its_set_and_a_type_only_itself(sample in sample(true)) {
        for own in 0..sample.like.len() {
            let source = Sample { own, ..sample.clone() };
            let line = source.place(Node::Device).version().to_string();
            let device = sample.place(Node::Device);
            prop_assert!(judge(&line, &device).is_ok(), "{}", line);
            let place = sample.place(Node::Type);
            let wanted = if own == sample.own { Ok(()) } else { Err(Rule::Type) };
            let verdict = judge(&line, &place).map(drop).map_err(|r| r.rule());
            prop_assert_eq!(verdict, wanted, "{}", line);
        }
    }
}

/// Counted, as a generator that no longer makes accepted strings would make it say nothing.
#[test]
fn a_type_accepts_what_its_device_will() {
    let mut runner = proptest::test_runner::TestRunner::new(cases(4000));
    let seen = std::cell::Cell::new([0u32; 2]);
    let strategy = (
        any::<bool>().prop_flat_map(sample),
        picks(),
        mutation(),
        any::<bool>(),
    );
    let result = runner.run(&strategy, |(sample, picks, mutation, mutate)| {
        let parts = Parts::of(&sample.place(Node::Type), &picks);
        let bytes = match mutate {
            true => mutation.apply(&parts),
            false => parts.to_string().into_bytes(),
        };
        if let Some(accepted) = check_consistency(&sample, &String::from_utf8_lossy(&bytes)) {
            let mut counts = seen.get();
            counts[usize::from(accepted)] += 1;
            seen.set(counts);
        }
        Ok(())
    });
    result.unwrap_or_else(|e| panic!("{e}"));
    let [refused, accepted] = seen.get();
    assert!(
        refused > 200 && accepted > 200,
        "{refused} refused, {accepted} accepted"
    );
}
