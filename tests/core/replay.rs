// SPDX-License-Identifier: GPL-2.0

//! What the fuzzer runs, run again on its corpus and on a fixed number of changes to it: the
//! same on each machine, in a few seconds.

use crate::migration::script;
use crate::streams::goldens;
use std::fs;
use std::path::{Path, PathBuf};

#[path = "../fuzz/checks/accepts.rs"]
mod accepts;
#[path = "../fuzz/checks/edit.rs"]
mod edit;
#[path = "../fuzz/checks/judge.rs"]
mod judge;
#[path = "../fuzz/checks/model.rs"]
mod model;
#[path = "../fuzz/checks/parse.rs"]
mod parse;
#[path = "../fuzz/checks/stream.rs"]
mod stream;

use edit::{change, Chance};

fn tests(below: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests")
        .join(below)
}

/// The files of a folder, in the order of their names.
fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let entries = fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut paths: Vec<_> = entries
        .map(|e| e.expect("a readable folder").path())
        .collect();
    paths.sort();
    assert!(!paths.is_empty(), "{}: nothing to replay", folder.display());
    let read = |path: PathBuf| (path.clone(), fs::read(&path).expect("a readable file"));
    paths.into_iter().map(read).collect()
}

/// Runs a check on a target's corpus and on `rounds` chains of blind changes to each input.
fn replay(target: &str, rounds: u64, check: fn(&[u8])) {
    for (_, seed) in files(&tests("fuzz/corpus").join(target)) {
        check(&seed);
        for round in 0..rounds {
            let (mut chance, mut bytes) = (Chance::new(round), seed.clone());
            for _ in 0..4 {
                blind(&mut bytes, &mut chance);
                check(&bytes);
            }
        }
    }
}

/// A change by someone who does not know what the bytes mean.
fn blind(bytes: &mut Vec<u8>, chance: &mut Chance) {
    let at = chance.below(bytes.len() + 1);
    match chance.below(4) {
        0 => bytes.insert(at, b",=|.&x01-/\n\xff"[chance.below(12)]),
        1 => bytes.truncate(at),
        2 if at < bytes.len() => drop(bytes.remove(at)),
        _ if at < bytes.len() => bytes[at] ^= 1 << chance.below(8),
        _ => {}
    }
}

#[test]
fn lines() {
    replay("parse", 500, parse::check);
    replay("accepts", 500, accepts::check);
    replay("judge", 500, judge::check);
}

#[test]
fn streams() {
    for folder in ["fuzz/corpus/stream", "golden/streams"] {
        for (path, seed) in files(&tests(folder)) {
            if folder.ends_with("streams") && path.extension().is_none_or(|e| e != "bin") {
                continue;
            }
            stream::check(&seed);
            for round in 0..250 {
                let (mut chance, mut bytes) = (Chance::new(round), seed.clone());
                for _ in 0..3 {
                    bytes = change(&bytes, &mut chance, 40_000);
                    stream::check(&bytes);
                }
            }
        }
    }
}

/// Scripts of which each byte is a choice, so that any are as good as what has been found.
#[test]
fn scripts() {
    for (_, seed) in files(&tests("fuzz/corpus/machine")) {
        script::check(&seed);
        for round in 0..300 {
            let (mut chance, mut bytes) = (Chance::new(round), seed.clone());
            blind(&mut bytes, &mut chance);
            script::check(&bytes);
        }
    }
    for round in 0..700 {
        let mut chance = Chance::new(round);
        let length = chance.below(300);
        let bytes: Vec<u8> = (0..length).map(|_| chance.below(256) as u8).collect();
        script::check(&bytes);
    }
}

/// The bytes of the format itself: what was written once can be read for ever.
#[test]
fn golden_streams() {
    for (name, now) in goldens() {
        let path = tests("golden/streams").join(name).with_extension("bin");
        if std::env::var("BLESS").is_ok_and(|v| v == "1") {
            fs::write(&path, &now).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        }
        let then = fs::read(&path)
            .unwrap_or_else(|e| panic!("{}: {e}; BLESS=1 writes it", path.display()));
        assert!(
            then == now,
            "{}: the bytes of a stream changed",
            path.display()
        );
    }
}
