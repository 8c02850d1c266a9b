// SPDX-License-Identifier: GPL-2.0

//! Tables that break the grammar must not compile; here they must panic.

use migcore::{Contract, Param, ParamRule, MAX_PARAMS};

const fn param(key: &'static str) -> Param {
    Param {
        key,
        rule: ParamRule::Equal,
    }
}

const fn contract(namespace: &'static str, params: &'static [Param]) -> Contract {
    Contract {
        namespace,
        params,
        features: false,
    }
}

const KEYS: [Param; MAX_PARAMS + 1] = [
    param("a"),
    param("b"),
    param("c"),
    param("d"),
    param("e"),
    param("f"),
    param("g"),
    param("h"),
    param("i"),
];

/// The reason for which the table is refused.
fn reason(table: Contract) -> Option<String> {
    let payload = std::panic::catch_unwind(move || table.check()).err()?;
    Some((*payload.downcast_ref::<&str>()?).to_owned())
}

#[test]
fn good_tables_pass() {
    const NEAR: &[Param] = &[
        param("mode"),
        param("models"),
        param("states"),
        param("feature"),
        param("x"),
        param("x_a"),
        param("xx-a"),
    ];
    for table in [
        contract("a", &[]),
        contract("acme_2", KEYS.split_at(MAX_PARAMS).0),
        contract("x", NEAR),
    ] {
        assert_eq!(reason(table), None, "{table:?}");
    }
}

#[test]
fn each_bad_table_is_refused_with_its_reason() {
    const BAD_KEYS: [&[Param]; 4] = [&[param("")], &[param("A")], &[param("1a")], &[param("a b")]];
    const FIXED: [&[Param]; 4] = [
        &[param("model")],
        &[param("a"), param("type")],
        &[param("state")],
        &[param("a"), param("b"), param("features")],
    ];
    const INFORMS: [&[Param]; 2] = [&[param("x-")], &[param("a"), param("x-a")]];
    const TWICE: [&[Param]; 2] = [
        &[param("a"), param("a")],
        &[param("b"), param("a"), param("c"), param("a")],
    ];
    let mut bad = vec![(contract("a", &KEYS), "more than MAX_PARAMS parameters")];
    for name in ["", "A", "1a", "a-b", "_a", "a/1"] {
        bad.push((contract(name, &[]), "namespace: a-z first, then a-z 0-9 _"));
    }
    let groups: [(&[&'static [Param]], _); 4] = [
        (&BAD_KEYS, "parameter: a-z first, then a-z 0-9 _ -"),
        (&FIXED, "parameter named as a fixed key"),
        (
            &INFORMS,
            "parameter with the prefix of keys that only inform",
        ),
        (&TWICE, "parameter stands twice"),
    ];
    for (tables, why) in groups {
        bad.extend(tables.iter().map(|params| (contract("a", params), why)));
    }
    for (table, why) in bad {
        assert_eq!(reason(table).as_deref(), Some(why), "{table:?}");
    }
}
