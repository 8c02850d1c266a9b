// SPDX-License-Identifier: GPL-2.0

//! Every text that a user can see, whole, as golden files.

use crate::golden::golden;
use migcore::{
    judge, AcceptsLine, Contract, Escaped, Identity, Line, Node, Param, ParamRule, Parameter,
    Place, Refusal, Rule, Steps, Version,
};
use std::fmt::Write;

/// One block of a golden file.
fn block(out: &mut String, lines: &[(&str, &str)]) {
    for (name, text) in lines {
        let line = format!("{name:<8} {text}");
        writeln!(out, "{}", line.trim_end()).expect("a String takes all");
    }
    out.push('\n');
}

/// Sources that each break one rule, or one way of a rule, at `TARGET`.
const TARGET: &str =
    "acme/1,model=a1,type=big|small,size=64..256/64,rings=2..8,block=512,queues=1|2|4,state=2..3,features=&0x5,x-like=big";
const REFUSED: &[&str] = &[
    "",
    "acme",
    "acme/1,",
    "Acme/1,model=a1",
    "acme/01,model=a1",
    "other/1,model=a1",
    "acme/2,model=a1",
    "acme/1,model",
    "acme/1,Model=a1",
    "acme/1,model=",
    "acme/1,model=a..b",
    "acme/1,model=a1,type=big,x-a=1,size=64",
    "acme/1,model=a1,type=big,x-b=1,x-a=1",
    "acme/1,model=a1,type=big,model=a1",
    "acme/1,u=1,u=1",
    "acme/1,model=a1,type=big,rings=2,block=512,queues=1,state=2,features=0x1",
    "acme/1,type=big,model=a1,size=64,rings=2,block=512,queues=1,state=2,features=0x1",
    "acme/1,model=a1,type=big,size=064,rings=2,block=512,queues=1,state=2,features=0x1",
    "acme/1,model=a1,type=big,size=64,rings=two,block=512,queues=1,state=2,features=0x1",
    "acme/1,model=a1,type=big,size=64,rings=2,block=0x200,queues=1,state=2,features=0x1",
    "acme/1,model=a1,type=big,size=64,rings=2,block=512,queues=01,state=2,features=0x1",
    "acme/1,model=a1,type=big,size=64,rings=2,block=512,queues=1,state=2,features=0X1",
    "acme/1,model=a1,type=big,size=64,rings=2,block=512,queues=1,state=2,features=1",
    "acme/1,model=a1,new=7,type=big,size=64,rings=2,block=512,queues=1,state=2,features=0x1",
    "acme/1,model=a2,type=big,size=64,rings=2,block=512,queues=1,state=2,features=0x1",
    "acme/1,model=a1,type=huge,size=64,rings=2,block=512,queues=1,state=2,features=0x1",
    "acme/1,model=a1,type=big,size=64,rings=2,block=512,queues=1,state=4,features=0x1",
    "acme/1,model=a1,type=big,size=100,rings=2,block=512,queues=1,state=2,features=0x1",
    "acme/1,model=a1,type=big,size=64,rings=9,block=512,queues=1,state=2,features=0x1",
    "acme/1,model=a1,type=big,size=64,rings=2,block=513,queues=1,state=2,features=0x1",
    "acme/1,model=a1,type=big,size=64,rings=2,block=512,queues=3,state=2,features=0x1",
    "acme/1,model=a1,type=big,size=64,rings=9,block=513,queues=3,state=2,features=0x1",
    "acme/1,model=a1,type=big,size=64,rings=2,block=512,queues=1,state=2,features=0x7",
];

#[test]
fn refusals() {
    let target = AcceptsLine::parse(TARGET).expect(TARGET);
    let mut out = String::new();
    block(&mut out, &[("target", TARGET)]);
    let refuse = |out: &mut String, source: &str, shown: &str| {
        let refusal = judge(source, &target).expect_err(source);
        let (rule, errno) = (refusal.rule(), refusal.errno());
        let verdict = format!("{} {rule}, {errno}", rule.number());
        block(
            out,
            &[
                ("source", shown),
                ("rule", &verdict),
                ("says", &refusal.to_string()),
            ],
        );
    };
    for source in REFUSED {
        refuse(&mut out, source, source);
    }
    // Long texts are cut wherever a message shows them.
    let long = "v".repeat(65);
    for (start, end) in [
        ("", "/1,model=a1"),
        ("acme/1,", ""),
        (
            "acme/1,model=a1,",
            "=1,type=big,size=64,rings=2,block=512,queues=1,state=2,features=0x1",
        ),
        (
            "acme/1,model=",
            ",type=big,size=64,rings=2,block=512,queues=1,state=2,features=0x1",
        ),
        (
            "acme/1,model=a1,type=big,size=",
            ",rings=2,block=512,queues=1,state=2,features=0x1",
        ),
    ] {
        let shown = format!("{start}<v, 65 times>{end}");
        refuse(&mut out, &format!("{start}{long}{end}"), &shown);
    }
    golden("refusals", &out);
}

/// Each rule has been the reason of a text above.
#[test]
fn refusals_are_of_each_rule() {
    let target = AcceptsLine::parse(TARGET).expect(TARGET);
    for rule in Rule::ALL {
        let by = |source: &&str| judge(source, &target).is_err_and(|r| r.rule() == rule);
        assert!(REFUSED.iter().any(by), "no refusal by {rule}");
    }
}

#[test]
fn parse_errors() {
    let mut out = String::new();
    for line in [
        "",
        "acme/1,",
        "acme/1,a",
        "acme/1,a=1,",
        "acme/1,A=1",
        "acme/1,=1",
        "acme/1,a=",
        "acme/1,a=b c",
        "acme/1,a=1..2",
        "acme/1,a=1,b=2,a=3",
        "acme/1,x-a=1,b=1",
        "acme/1,x-b=1,x-a=1",
        "acme/1,a\"\\=1",
        "acme/1,a=\u{7}\n\u{e9}",
    ] {
        let error = Version::parse(line).expect_err(line);
        // As a debug text, as some hold what a file must not.
        block(
            &mut out,
            &[
                ("version", &format!("{line:?}")),
                ("says", &error.to_string()),
            ],
        );
    }
    for line in [
        "acme/2,a=1",
        "acme/1,a=",
        "acme/1,a=&7",
        "acme/1,a=1..",
        "acme/1,a=9..1/1",
        "acme/1,a=b|",
        "acme/1,a=1|2,a=1",
        "acme/1,a",
    ] {
        let error = AcceptsLine::parse(line).expect_err(line);
        block(&mut out, &[("accepts", line), ("says", &error.to_string())]);
    }
    let value = format!("acme/1,a={}", "v".repeat(256));
    let error = Version::parse(&value).expect_err("too long");
    block(
        &mut out,
        &[
            ("version", "acme/1,a=<v, 256 times>"),
            ("says", &error.to_string()),
        ],
    );
    golden("parse-errors", &out);
}

#[test]
fn line_errors() {
    let mut out = String::new();
    let mut show = |name: &str, bytes: &[u8]| {
        let error = Line::from_write(bytes).expect_err(name);
        block(&mut out, &[("write", name), ("says", &error.to_string())]);
    };
    show("nothing", b"");
    show("a newline", b"\n");
    show("two newlines", b"\n\n");
    show("a newline inside", b"acme/1,\na=1");
    show("a tab", b"acme/1,a=\t1");
    show("a zero byte", b"\0");
    show("a byte of UTF-8", "acme/1,a=\u{e9}".as_bytes());
    show("DEL", b"a\x7f");
    show("4096 bytes", &[b'a'; 4096]);
    golden("line-errors", &out);
}

#[test]
fn escaped_bytes() {
    let mut out = String::new();
    for (bytes, limit) in [
        (&b"plain text"[..], 64),
        (b"a \"quote\" and a \\", 64),
        (b"\0\x01\n\r\t\x1b[31m\x7f", 64),
        ("\u{e9}\u{2028}".as_bytes(), 64),
        (b"exactly", 7),
        (b"exactly", 6),
        (b"\n\n", 1),
        (b"none", 0),
        (b"", 0),
    ] {
        let shown = Escaped::new(bytes, limit).to_string();
        block(
            &mut out,
            &[
                ("bytes", &format!("{bytes:?}, at most {limit}")),
                ("shown", &shown),
            ],
        );
    }
    golden("escaped", &out);
}

#[test]
fn rules_and_errnos() {
    let mut out = String::new();
    for rule in Rule::ALL {
        let errno = rule.errno();
        let number = errno.number();
        let text = format!("{} {rule:<12} {errno:<16} {number:>3}", rule.number());
        writeln!(out, "{text}  {}", errno.message()).expect("a String takes all");
    }
    golden("rules", &out);
}

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
            rule: ParamRule::AtMost { min: 1 },
        },
    ],
    features: true,
};
const PLAIN: Contract = Contract {
    namespace: "plain_2",
    params: &[],
    features: false,
};

#[test]
fn places() {
    let mut out = String::new();
    let mut show = |name: &str, place: Place<'_>| {
        for node in [Node::Type, Node::Device] {
            let place = Place { node, ..place };
            let (version, accepts) = (place.version().to_string(), place.accepts().to_string());
            let name = format!("{name}, {node:?}");
            block(
                &mut out,
                &[
                    ("place", &name),
                    ("version", &version),
                    ("accepts", &accepts),
                ],
            );
        }
    };
    let size = |value, max, step| Parameter {
        value,
        settable: Steps { min: 64, max, step },
    };
    let full = Place {
        contract: &CONTRACT,
        identity: Identity {
            model: "a1",
            state: 3,
            reads: (2, 3),
            features: 0x5,
        },
        type_name: "small",
        like: &["whole", "small", "big"],
        parameters: &[
            size(64, 256, 64),
            Parameter::fixed(512),
            Parameter::fixed(16),
        ],
        node: Node::Type,
    };
    show("each rule of a parameter, and features", full);
    show(
        "larger than its parent, each size, no feature",
        Place {
            identity: Identity {
                features: 0,
                ..full.identity
            },
            parameters: &[size(128, 32, 1), Parameter::fixed(512), Parameter::fixed(0)],
            ..full
        },
    );
    show(
        "the strictest, with the largest number",
        Place {
            contract: &PLAIN,
            identity: Identity {
                model: "p.1",
                state: u64::MAX,
                reads: (u64::MAX, u64::MAX),
                features: 0,
            },
            type_name: "t-1",
            like: &["t-1"],
            parameters: &[],
            node: Node::Type,
        },
    );
    golden("places", &out);
}

/// Callers show any of them as an error of the standard library's kind.
#[test]
fn errors_are_errors() {
    let boxed: [Box<dyn std::error::Error>; 3] = [
        Box::new(Line::from_write(b"").expect_err("empty")),
        Box::new(Version::parse("a").expect_err("no head")),
        Box::new(Refusal::Malformed(
            Version::parse("a").expect_err("no head"),
        )),
    ];
    assert!(boxed
        .iter()
        .all(|e| !e.to_string().is_empty() && e.source().is_none()));
}
