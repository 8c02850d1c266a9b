// SPDX-License-Identifier: GPL-2.0

//! The version string: its grammar, and that reading and writing it loses nothing.

use crate::cases;
use crate::generate::{picks, sample, Parts};
use crate::mutate::mutation;
use migcore::{is_key, is_namespace, is_word, parse_mask, parse_number};
use migcore::{Head, Node, ParseError, Problem, Version};
use proptest::collection::vec;
use proptest::prelude::*;

fn problem(line: &str) -> Problem<'_> {
    match Version::parse(line) {
        Ok(version) => panic!("{line:?} was taken: {version:?}"),
        Err(error) => error.problem,
    }
}

#[test]
fn a_version_string_can_be_asked_for_its_parts() {
    let line = "acme_2/1,model=a1,type=big,rings=4,state=3,x-a=hello";
    let version = Version::parse(line).expect("well-formed");
    let head = Head {
        namespace: "acme_2",
        grammar: 1,
    };
    assert_eq!(version.head(), head);
    assert_eq!(version.get("rings"), Some("4"));
    assert_eq!(version.get("x-a"), Some("hello"));
    assert_eq!(version.get("ring"), None);
    let fields: Vec<_> = version.fields().collect();
    let wanted = [
        ("model", "a1"),
        ("type", "big"),
        ("rings", "4"),
        ("state", "3"),
        ("x-a", "hello"),
    ];
    assert_eq!(fields, wanted);
    assert_eq!(version.to_string(), line);
}

#[test]
fn a_head_is_a_namespace_a_number_and_something_more() {
    for line in [
        "",
        ",",
        "acme",
        "acme/1",
        "acme/1,",
        "acme,1",
        "/1,a=1",
        "acme/,a=1",
        "Acme/1,a=1",
        "1acme/1,a=1",
        "_a/1,a=1",
        "ac-me/1,a=1",
        "acme/01,a=1",
        "acme/+1,a=1",
        "acme/1.0,a=1",
        "acme/1/1,a=1",
        "acme/0x1,a=1",
        " acme/1,a=1",
        "acme/18446744073709551616,a=1",
        "a/b/1,a=1",
    ] {
        assert_eq!(problem(line), Problem::Head, "{line:?}");
    }
    for (line, namespace, grammar) in [
        ("a/0,b", "a", 0),
        ("a_1/18446744073709551615,=", "a_1", u64::MAX),
        ("acme/2,,", "acme", 2),
    ] {
        let (head, _) = Head::split(line).expect(line);
        assert_eq!(head, Head { namespace, grammar }, "{line:?}");
    }
}

#[test]
fn fields_have_the_form_of_the_grammar() {
    for (line, wanted) in [
        ("a/1,b", Problem::NoEquals("b")),
        ("a/1,b=1,", Problem::NoEquals("")),
        ("a/1,,b=1", Problem::NoEquals("")),
        ("a/1,=1", Problem::Key("")),
        ("a/1,B=1", Problem::Key("B")),
        ("a/1,1b=1", Problem::Key("1b")),
        ("a/1,-b=1", Problem::Key("-b")),
        ("a/1,_b=1", Problem::Key("_b")),
        ("a/1,b.c=1", Problem::Key("b.c")),
        ("a/1, b=1", Problem::Key(" b")),
        ("a/1,b=", Problem::Value("b", "")),
        ("a/1,b==", Problem::Value("b", "=")),
        ("a/1,b=1..2", Problem::Value("b", "1..2")),
        ("a/1,b=1|2", Problem::Value("b", "1|2")),
        ("a/1,b=&0x1", Problem::Value("b", "&0x1")),
        ("a/1,b=1/2", Problem::Value("b", "1/2")),
        ("a/1,b=\u{e9}", Problem::Value("b", "\u{e9}")),
        ("a/1,b=1,c=2,b=3", Problem::Twice("b")),
        ("a/1,u=1,u=1", Problem::Twice("u")),
        ("a/1,x-a=1,x-a=1", Problem::Twice("x-a")),
        ("a/1,x-a=1,b=1", Problem::AfterInformation("b")),
        ("a/1,x-b=1,x-a=1", Problem::Order("x-b", "x-a")),
        ("a/1,x-a-=1,x-a=1", Problem::Order("x-a-", "x-a")),
    ] {
        assert_eq!(problem(line), wanted, "{line:?}");
    }
    for line in [
        "a/1,b=.",
        "a/1,b=.a.b.",
        "a/1,b=-",
        "a/1,b=A:z+0_9",
        "a/1,x-=1",
        "a/1,x=1,x-=1,x--=1",
        "a/1,b_-9=007",
        "a/1,x-a=1,x-a-=1,x-a0=1,x-a_=1,x-aa=1",
    ] {
        let version = Version::parse(line).unwrap_or_else(|e| panic!("{line:?}: {e}"));
        assert_eq!(version.to_string(), line);
    }
}

#[test]
fn a_value_has_at_most_255_bytes() {
    for (len, taken) in [
        (1, true),
        (254, true),
        (255, true),
        (256, false),
        (4000, false),
    ] {
        let line = format!("a/1,b={},c=1", "v".repeat(len));
        assert_eq!(Version::parse(&line).is_ok(), taken, "{len} bytes");
    }
}

#[test]
fn numbers_have_one_spelling() {
    for (text, number) in [
        ("0", 0),
        ("7", 7),
        ("10", 10),
        ("18446744073709551615", u64::MAX),
    ] {
        assert_eq!(parse_number(text), Some(number));
    }
    for text in [
        "",
        "00",
        "01",
        "+1",
        "-1",
        "1 ",
        " 1",
        "1_0",
        "0x1",
        "1.0",
        "a",
        "18446744073709551616",
        "99999999999999999999999",
        "\u{661}",
    ] {
        assert_eq!(parse_number(text), None, "{text:?}");
    }
}

#[test]
fn masks_have_one_spelling() {
    for (text, mask) in [
        ("0x0", 0),
        ("0xa", 10),
        ("0x10", 16),
        ("0xffffffffffffffff", u64::MAX),
    ] {
        assert_eq!(parse_mask(text), Some(mask));
    }
    for text in [
        "",
        "0",
        "0x",
        "x1",
        "0X1",
        "0xA",
        "0x01",
        "0x00",
        "0x+1",
        "0x-1",
        "0x1 ",
        "0xg",
        "1",
        "0x10000000000000000",
        "0x0x1",
    ] {
        assert_eq!(parse_mask(text), None, "{text:?}");
    }
}

/// One byte at each place of a name: all 256 are tried as first and as second.
#[test]
fn names_have_the_bytes_of_the_grammar() {
    for c in (0..=u8::MAX).map(char::from) {
        let lower = c.is_ascii_lowercase();
        let inner = lower || c.is_ascii_digit() || c == '_';
        for (text, namespace, key) in [
            (format!("{c}"), lower, lower),
            (format!("a{c}"), inner, inner || c == '-'),
            (format!("a{c}a"), inner, inner || c == '-'),
        ] {
            assert_eq!(is_namespace(&text), namespace, "namespace {text:?}");
            assert_eq!(is_key(&text), key, "key {text:?}");
        }
        let value = c.is_ascii_alphanumeric() || "._:+-".contains(c);
        assert_eq!(is_word(&format!("a{c}a")), value, "word {c:?}");
        assert_eq!(
            Version::parse(&format!("a/1,b={c}")).is_ok(),
            value,
            "value {c:?}"
        );
    }
    assert!(!is_namespace("") && !is_key("") && !is_word(""));
}

#[test]
fn a_word_is_never_taken_for_a_number() {
    for (text, word) in [
        ("a", true),
        ("1a", true),
        ("0x1", true),
        ("1.0", true),
        ("-1", true),
        ("", false),
        ("1", false),
        ("007", false),
        ("18446744073709551616", false),
        ("a..b", false),
        ("a|b", false),
    ] {
        assert_eq!(is_word(text), word, "{text:?}");
    }
    assert!(is_word(&"a".repeat(255)) && !is_word(&"a".repeat(256)));
}

/// What is said of the place of an error is true of the line.
fn check_error(line: &str, error: ParseError<'_>) {
    let ParseError { at, problem } = error;
    let rest = line
        .get(at..)
        .unwrap_or_else(|| panic!("{at} is outside of {line:?}"));
    let (start, part) = match problem {
        Problem::Head => return assert_eq!(at, 0),
        Problem::NoEquals(field) => (at, field),
        Problem::Key(key) | Problem::Twice(key) | Problem::AfterInformation(key) => (at, key),
        Problem::Order(_, key) => (at, key),
        Problem::Value(key, value) => (at - key.len() - 1, value),
        other => panic!("{other:?} needs a target"),
    };
    assert!(rest.starts_with(part), "{line:?}: {error}");
    // It is the first from the left: what stands before it is well-formed.
    let before = &line[..start - 1];
    if before.contains(',') {
        assert!(Version::parse(before).is_ok(), "{line:?}: {error}");
    }
}

fn check(line: &str) {
    match Version::parse(line) {
        Ok(version) => {
            assert_eq!(version.to_string(), line);
            for (key, value) in version.fields() {
                assert_eq!(version.get(key), Some(value), "{line:?}");
            }
        }
        Err(error) => {
            check_error(line, error);
            assert!(error
                .to_string()
                .ends_with(&format!(", at byte {}", error.at)));
        }
    }
}

proptest! {
    #![proptest_config(cases(1500))]

    #[test]
    fn any_text_is_read_without_loss_or_refused(line in "\\PC{0,60}") {
        check(&line);
    }

    #[test]
    fn any_bytes_are_read_without_loss_or_refused(bytes in vec(any::<u8>(), 0..200)) {
        check(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn text_of_the_grammar_is_read_without_loss_or_refused(
        head in "[a-c_0-1]{1,2}/[0-1]{1,2}",
        fields in vec("(x-)?[a-c_-]{0,2}=?[A-B0-1.]{0,3}", 1..6),
    ) {
        check(&format!("{head},{}", fields.join(",")));
    }

    #[test]
    fn what_is_well_formed_is_taken(sample in sample(false), picks in picks()) {
        for node in [Node::Type, Node::Device] {
            let place = sample.place(node);
            let own = place.version().to_string();
            let version = Version::parse(&own);
            prop_assert_eq!(version.map(|v| v.to_string()), Ok(own.clone()));
            check(&Parts::of(&place, &picks).to_string());
        }
    }

    #[test]
    fn a_damaged_line_is_read_without_loss_or_refused(
        sample in sample(false),
        picks in picks(),
        mutation in mutation(),
    ) {
        let parts = Parts::of(&sample.place(Node::Device), &picks);
        check(&String::from_utf8_lossy(&mutation.apply(&parts)));
    }
}
