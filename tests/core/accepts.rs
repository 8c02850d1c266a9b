// SPDX-License-Identifier: GPL-2.0

//! The accepts line: what each entry is, and that reading and writing it loses nothing.

use crate::cases;
use crate::evaluator::evaluate;
use crate::generate::{any_key, number, word};
use migcore::{Accept, AcceptsLine, Entry, Head, Problem, Steps, Target, Words};
use proptest::collection::{btree_set, vec};
use proptest::prelude::*;

/// The one entry of a line that has the rest of what a line needs.
fn entry(text: &str) -> Option<String> {
    let line = format!("a/1,k={text},state=1..1");
    let line = AcceptsLine::parse(&line).ok()?;
    let Entry { key, accept } = line.entry(0)?;
    assert_eq!(key, "k");
    Some(format!("{accept:?} {accept}"))
}

fn steps(min: u64, max: u64, step: u64) -> Accept<'static> {
    Accept::Steps(Steps { min, max, step })
}

#[test]
fn the_text_of_an_entry_says_what_kind_it_is() {
    for (text, wanted) in [
        ("a", Accept::Words(Words::Text("a"))),
        ("a|b", Accept::Words(Words::Text("a|b"))),
        ("1|b", Accept::Words(Words::Text("1|b"))),
        ("1|01", Accept::Words(Words::Text("1|01"))),
        ("01", Accept::Words(Words::Text("01"))),
        ("0x1", Accept::Words(Words::Text("0x1"))),
        (
            "18446744073709551616",
            Accept::Words(Words::Text("18446744073709551616")),
        ),
        ("7", Accept::Number(7)),
        ("0", Accept::Number(0)),
        ("18446744073709551615", Accept::Number(u64::MAX)),
        ("1|2|3", Accept::Numbers(Words::Text("1|2|3"))),
        ("1..1", steps(1, 1, 1)),
        ("0..18446744073709551615", steps(0, u64::MAX, 1)),
        ("9..1", steps(9, 1, 1)),
        ("1..9/2", steps(1, 9, 2)),
        ("1..9/18446744073709551615", steps(1, 9, u64::MAX)),
        ("&0x0", Accept::Mask(0)),
        ("&0xffffffffffffffff", Accept::Mask(u64::MAX)),
    ] {
        // The text comes back as it was, so that a line can be made of entries.
        assert_eq!(entry(text), Some(format!("{wanted:?} {text}")));
    }
}

#[test]
fn an_entry_that_is_none_is_refused() {
    let long = "a".repeat(256);
    for text in [
        "",
        "|",
        "a|",
        "|a",
        "a||b",
        "&",
        "&1",
        "&0x",
        "&0X1",
        "&0x01",
        "&0x1|0x2",
        "&a",
        "..",
        "1..",
        "..1",
        "a..b",
        "1..b",
        "01..2",
        "1..02",
        "1...2",
        "1..2..3",
        "1..2|3",
        "3|1..2",
        "1..9/0",
        "1..9/1",
        "1..9/",
        "1..9/02",
        "1..9/2/2",
        "1..9/a",
        "1/2",
        "a/2",
        "a b",
        "a=b",
        "-1..1",
        "1..18446744073709551616",
        "0x1..0x2",
        "a|b&0x1",
        "\u{e9}",
        &long,
    ] {
        let line = format!("a/1,k={text},state=1..1");
        let error = AcceptsLine::parse(&line).expect_err(&line);
        assert_eq!(error.problem, Problem::Value("k", text), "{line:?}");
        assert_eq!(error.at, 6, "{line:?}");
    }
    assert!(entry(&format!("{0}|{0}", &long[1..])).is_some());
}

#[test]
fn an_entry_admits_what_it_says() {
    for (text, yes, no) in [
        ("a", vec!["a"], vec!["b", "A", "aa", ""]),
        ("a|bc", vec!["a", "bc"], vec!["a|bc", "b", ""]),
        ("01|2", vec!["01", "2"], vec!["1", "02"]),
        ("7", vec!["7"], vec!["8", "07", "0x7", ""]),
        ("1|3", vec!["1", "3"], vec!["2", "13", "01"]),
        ("2..4", vec!["2", "3", "4"], vec!["1", "5", "03", "a", ""]),
        ("4..2", vec![], vec!["2", "3", "4"]),
        (
            "2..9/3",
            vec!["2", "5", "8"],
            vec!["0", "1", "3", "4", "6", "7", "9", "11"],
        ),
        (
            "&0x5",
            vec!["0x0", "0x1", "0x4", "0x5"],
            vec!["0x2", "0x7", "0x8", "5", "1"],
        ),
    ] {
        let line = format!("a/1,k={text},state=1..1");
        let line = AcceptsLine::parse(&line).expect(text);
        let accept = line.entry(0).expect("an entry").accept;
        for value in yes {
            assert!(accept.admits(value), "{text} does not admit {value:?}");
        }
        for value in no {
            assert!(!accept.admits(value), "{text} admits {value:?}");
        }
    }
}

#[test]
fn a_line_can_be_asked_for_its_parts() {
    let text =
        "acme/1,model=a1,type=big|small,rings=1..8,state=2..3,features=&0x7,x-like=big|2,x-z=1..2";
    let line = AcceptsLine::parse(text).expect(text);
    let head = Head {
        namespace: "acme",
        grammar: 1,
    };
    assert_eq!(line.head(), head);
    assert_eq!(Target::head(&line), head);
    let keys: Vec<_> = line.entries().map(|e| e.key).collect();
    assert_eq!(keys, ["model", "type", "rings", "state", "features"]);
    for (index, entry) in line.entries().enumerate() {
        assert_eq!(line.entry(index), Some(entry));
    }
    assert_eq!(line.entry(keys.len()), None);
    let like: Vec<_> = line.information("x-like").expect("there").iter().collect();
    assert_eq!(like, ["big", "2"]);
    // Only what informs is information, and only what is there.
    assert_eq!(line.information("type"), None);
    assert_eq!(line.information("x-lik"), None);
    assert_eq!(line.fields().count(), 7);
    assert_eq!(line.to_string(), text);
}

#[test]
fn words_are_the_same_from_everywhere() {
    let list = ["a", "b"];
    assert!(Words::List(&list).iter().eq(Words::Text("a|b").iter()));
    assert!(Words::One("a").iter().eq(Words::Text("a").iter()));
    assert_eq!(Words::List(&list).to_string(), "a|b");
    assert_eq!(Words::One("a").to_string(), "a");
}

#[test]
fn a_line_of_another_grammar_is_not_read() {
    for (line, at) in [
        ("acme/2,state=1..1", 5),
        ("a/0,state=1..1", 2),
        ("a/x,state=1..1", 0),
    ] {
        let error = AcceptsLine::parse(line).expect_err(line);
        assert_eq!((error.problem, error.at), (Problem::Head, at), "{line:?}");
    }
}

/// An entry of any kind, well-formed.
fn any_entry() -> impl Strategy<Value = String> {
    prop_oneof![
        2 => vec(word(), 1..4).prop_map(|w| w.join("|")),
        1 => number().prop_map(|n| n.to_string()),
        1 => vec(number(), 1..4).prop_map(|n| n.iter().map(u64::to_string).collect::<Vec<_>>().join("|")),
        1 => (number(), number()).prop_map(|(a, b)| format!("{a}..{b}")),
        1 => (number(), number(), 2u64..9).prop_map(|(a, b, s)| format!("{a}..{b}/{s}")),
        1 => number().prop_map(|n| format!("&{n:#x}")),
    ]
}

proptest! {
    #![proptest_config(cases(1500))]

    #[test]
    fn any_text_is_read_without_loss_or_refused(line in "\\PC{0,60}") {
        if let Ok(read) = AcceptsLine::parse(&line) {
            prop_assert_eq!(read.to_string(), line);
        }
    }

    #[test]
    fn text_of_the_grammar_is_read_without_loss_or_refused(
        fields in vec("(x-)?[a-c]=(&?(0x)?[0-3A]{0,2}(\\.\\.|\\|)?){0,2}(/[0-3])?", 1..6),
    ) {
        let line = format!("a/1,{}", fields.join(","));
        if let Ok(read) = AcceptsLine::parse(&line) {
            prop_assert_eq!(read.to_string(), &line[..]);
            for Entry { key, accept } in read.entries() {
                prop_assert_eq!(read.fields().find(|f| f.0 == key).map(|f| f.1.to_owned()),
                    Some(accept.to_string()));
            }
        }
    }

    #[test]
    fn what_is_well_formed_is_taken(
        params in btree_set("[a-d]{1,3}", 0..5),
        informs in btree_set("x-[a-c_-]{0,2}", 0..3),
        entries in vec(any_entry(), 9),
        last in (number(), number(), number()),
    ) {
        let mut line = "a/1".to_owned();
        for (key, entry) in params.iter().zip(&entries) {
            line += &format!(",{key}={entry}");
        }
        line += &format!(",state={}..{},features=&{:#x}", last.0, last.1, last.2);
        for (key, entry) in informs.iter().zip(&entries[params.len()..]) {
            line += &format!(",{key}={entry}");
        }
        let read = AcceptsLine::parse(&line);
        prop_assert!(read.is_ok(), "{}: {:?}", line, read);
        let read = read.expect("just seen");
        prop_assert_eq!(read.entries().count(), params.len() + 2);
        prop_assert_eq!(read.to_string(), line.clone());
        // The evaluator reads it as well; what it says to a source is for another test.
        prop_assert!(evaluate(b"a/1,b=1", &line).is_ok(), "{}", line);
    }

    /// The evaluator also refuses lines that no place writes, for example without `state`.
    #[test]
    fn what_is_refused_is_refused_by_the_evaluator(
        keys in vec(any_key(), 1..4),
        entries in vec(prop_oneof![any_entry(), "[0-1a.|&/]{0,5}".boxed()], 4),
        last in "(,state=1\\.\\.[0-9])?(,x-[a-c]=1){0,2}",
        head in "[a-cA]{1,2}/[0-2]",
    ) {
        let mut line = head;
        for (key, entry) in keys.iter().zip(&entries) {
            line += &format!(",{key}={entry}");
        }
        line += &last;
        if let Err(error) = AcceptsLine::parse(&line) {
            let answer = evaluate(b"a/1,b=1", &line);
            prop_assert!(answer.is_err(), "{}: {}, but {:?}", line, error, answer);
        }
    }
}
