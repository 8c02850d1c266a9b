// SPDX-License-Identifier: GPL-2.0

//! The verdict, held against the independent evaluator on random questions.

use crate::cases;
use crate::evaluator::{evaluate, Answer};
use crate::generate::{number, picks, sample, word, Parts};
use crate::mutate::mutation;
use migcore::{judge, AcceptsLine, Entry, Errno, Head, Line, Node, Rule, Target};
use proptest::collection::{btree_set, vec};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use std::cell::Cell;

/// The verdict in the evaluator's words. What is no line at all is refused before any rule, with
/// the errno of the first, and counted as such.
fn verdict(bytes: &[u8], target: &dyn Target) -> (Answer, String) {
    let refused = |rule: Rule, errno: Errno| Answer {
        rule: rule.number(),
        name: rule.name().to_owned(),
        errno: errno.name().to_owned(),
    };
    let line = match Line::from_write(bytes) {
        Ok(line) => line.as_str(),
        Err(error) => return (refused(Rule::Head, Errno::Inval), error.to_string()),
    };
    match judge(line, target) {
        Ok(version) => {
            assert_eq!(
                version.to_string(),
                line,
                "an accepted line comes back whole"
            );
            let accepted = Answer {
                rule: 0,
                name: "accepted".to_owned(),
                errno: String::new(),
            };
            (accepted, String::new())
        }
        Err(refusal) => {
            let text = refusal.to_string();
            assert!(text.bytes().all(|b| (b' '..=b'~').contains(&b)), "{text:?}");
            (refused(refusal.rule(), refusal.errno()), text)
        }
    }
}

/// Asks the accepts line and the evaluator; the rule in which they agree.
fn agreed(bytes: &[u8], accepts: &str) -> (Answer, String) {
    let line = AcceptsLine::parse(accepts).unwrap_or_else(|e| panic!("{accepts}: {e}"));
    let ours = verdict(bytes, &line);
    let theirs = evaluate(bytes, accepts).unwrap_or_else(|e| panic!("{accepts}: {e}"));
    let source = String::from_utf8_lossy(bytes);
    assert_eq!(
        ours.0, theirs,
        "evaluator on the right\nsource  {source}\naccepts {accepts}"
    );
    ours
}

/// Runs `ask` on random questions and wants each rule, and acceptance, to have been the answer
/// some times: a generator that reaches nothing would prove nothing.
fn run<S: Strategy>(count: u32, at_least: u32, strategy: &S, ask: impl Fn(S::Value) -> Vec<u8>) {
    let answers = Cell::new([0u32; 10]);
    let result = TestRunner::new(cases(count)).run(strategy, |question| {
        let mut seen = answers.get();
        ask(question)
            .iter()
            .for_each(|&rule| seen[usize::from(rule)] += 1);
        answers.set(seen);
        Ok(())
    });
    result.unwrap_or_else(|e| panic!("{e}"));
    let seen = answers.get();
    assert!(
        seen.iter().all(|&n| n >= at_least),
        "answers by rule, 0 is accepted: {seen:?}"
    );
}

#[test]
fn a_place_its_accepts_line_and_the_evaluator_agree() {
    let strategy = (any::<bool>().prop_flat_map(sample), picks(), mutation());
    run(4000, 15, &strategy, |(sample, picks, mutation)| {
        let mut rules = Vec::new();
        for node in [Node::Type, Node::Device] {
            let place = sample.place(node);
            let accepts = place.accepts().to_string();
            let parts = Parts::of(&place, &picks);
            for bytes in [parts.to_string().into_bytes(), mutation.apply(&parts)] {
                let (answer, text) = agreed(&bytes, &accepts);
                // Rule, errno and both values: a tool elsewhere can say all that the place says.
                assert_eq!(verdict(&bytes, &place), (answer.clone(), text), "{accepts}");
                rules.push(answer.rule);
            }
        }
        rules
    });
}

/// Entries that no place of today writes, but that the grammar has.
fn entries() -> impl Strategy<Value = Vec<(String, String)>> {
    let joined = |values: Vec<String>| values.join("|");
    let words = || vec(word(), 1..4).prop_map(joined);
    let numbers = vec(number().prop_map(|n| n.to_string()), 1..4).prop_map(joined);
    // One in eight holds nothing, as long as it is not a single number.
    let range = (number(), number(), 1u64..6, 0..8).prop_map(|(a, b, step, order)| {
        let (low, high) = (a.min(b), a.max(b));
        let (min, max) = if order == 0 { (high, low) } else { (low, high) };
        match step {
            1 => format!("{min}..{max}"),
            step => format!("{min}..{max}/{step}"),
        }
    });
    let range = range.boxed();
    let mask = any::<u64>().prop_map(|m| format!("&{m:#x}")).boxed();
    let mixed = (number(), word()).prop_map(|(n, w)| format!("{n}|{w}"));
    let any_entry = prop_oneof![words(), numbers, range.clone(), mask.clone(), mixed];
    let params = (
        btree_set("[a-m][a-z_-]{0,2}", 0..5),
        vec(any_entry.clone(), 5),
    );
    let named = |key: &str, entry: String| (key.to_owned(), entry);
    (
        any_entry,
        words(),
        params,
        range,
        proptest::option::of(mask),
    )
        .prop_map(move |(model, kind, (keys, params), state, features)| {
            let mut all = vec![named("model", model), named("type", kind)];
            all.extend(keys.into_iter().zip(params));
            all.push(named("state", state));
            all.extend(features.map(|f| named("features", f)));
            all
        })
}

#[test]
fn any_accepts_line_and_the_evaluator_agree() {
    let strategy = ("[a-z][a-z0-9_]{0,3}", entries(), picks(), mutation());
    run(
        3000,
        15,
        &strategy,
        |(namespace, entries, picks, mutation)| {
            let parts = Parts {
                namespace,
                grammar: "1".to_owned(),
                fields: entries,
            };
            let accepts = parts.to_string();
            let line = AcceptsLine::parse(&accepts).unwrap_or_else(|e| panic!("{accepts}: {e}"));
            let source = Parts::of(&line, &picks);
            [source.to_string().into_bytes(), mutation.apply(&source)]
                .map(|bytes| agreed(&bytes, &accepts).0.rule)
                .to_vec()
        },
    );
}

proptest! {
    #![proptest_config(cases(2000))]

    #[test]
    fn any_bytes_have_the_evaluators_verdict(sample in sample(false), bytes in vec(any::<u8>(), 0..60)) {
        let place = sample.place(Node::Device);
        prop_assert!(agreed(&bytes, &place.accepts().to_string()).0.rule > 0);
    }

    #[test]
    fn after_a_known_head_any_text_has_the_evaluators_verdict(
        sample in sample(false),
        rest in "[a-c,=.x1-]{0,12}|[ -~]{0,30}",
    ) {
        let place = sample.place(Node::Device);
        let source = format!("{}/1,{rest}", sample.contract.namespace);
        let (answer, text) = agreed(source.as_bytes(), &place.accepts().to_string());
        prop_assert_eq!(verdict(source.as_bytes(), &place), (answer, text));
    }
}

/// A target that counts how often it is asked.
struct Counting<'a>(&'a dyn Target, Cell<usize>);

impl Target for Counting<'_> {
    fn head(&self) -> Head<'_> {
        self.0.head()
    }

    fn entry(&self, index: usize) -> Option<Entry<'_>> {
        self.1.set(self.1.get() + 1);
        self.0.entry(index)
    }
}

#[test]
fn no_question_asks_an_entry_twice() {
    let line = "acme/1,model=m,type=t,a=1,b=1..2,c=1,d=1,e=1,f=1,g=1,h=1,state=1..1,features=&0x1";
    let target = AcceptsLine::parse(line).expect(line);
    let known = "acme/1,model=m,type=t,a=1,b=1,c=1,d=1,e=1,f=1,g=1,h=1,state=1,features=0x1";
    let entries = target.entries().count();
    // The end is an answer too.
    let most = entries + 1;
    for prefix in ["u", "x-"] {
        let mut source = known.to_owned();
        // Of one length, so that they are sorted.
        for number in 100.. {
            let field = format!(",{prefix}{number}=1");
            if source.len() + field.len() > migcore::line::MAX_WRITE {
                break;
            }
            source += &field;
        }
        let counting = Counting(&target, Cell::new(0));
        assert_eq!(judge(&source, &counting).is_ok(), prefix == "x-");
        let asked = counting.1.get();
        assert!(asked <= most, "{asked} times, at most {most}");
    }
}
