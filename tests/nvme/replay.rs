// SPDX-License-Identifier: GPL-2.0

//! What the fuzzer runs, run again on its corpus and on a fixed number of changes to it: the same
//! on each machine, in a few seconds.

use std::fs;
use std::path::{Path, PathBuf};

#[path = "../fuzz/checks/disk.rs"]
mod disk;
#[path = "../fuzz/checks/guest.rs"]
mod guest;
#[path = "../fuzz/checks/records.rs"]
mod records;

/// Numbers that look random and repeat (Knuth's MMIX).
struct Chance(u64);

impl Chance {
    /// Less than `limit`, which is not 0.
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        ((self.0 >> 33) % limit as u64) as usize
    }
}

/// The files of a folder of the tests, in the order of their names.
fn files(folder: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests")
        .join(folder);
    let entries = fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let path = |entry: Result<fs::DirEntry, _>| entry.expect("a readable folder").path();
    let mut paths: Vec<PathBuf> = entries.map(path).collect();
    paths.sort();
    assert!(!paths.is_empty(), "{}: nothing to replay", folder.display());
    paths
        .iter()
        .map(|path| fs::read(path).expect("a readable file"))
        .collect()
}

/// A change by someone who does not know what the bytes mean.
fn change(bytes: &mut Vec<u8>, chance: &mut Chance) {
    let at = chance.below(bytes.len() + 1);
    match chance.below(6) {
        0 => bytes.insert(at, chance.below(256) as u8),
        1 => bytes.truncate(at),
        2 if at < bytes.len() => drop(bytes.remove(at)),
        3 if at < bytes.len() => bytes[at] = [0, 1, 0x7f, 0x80, 0xff][chance.below(5)],
        4 if at < bytes.len() => bytes[at] = chance.below(256) as u8,
        _ if at < bytes.len() => bytes[at] ^= 1 << chance.below(8),
        _ => {}
    }
}

fn replay(folder: &str, rounds: u64, check: fn(&[u8])) {
    for seed in files(folder) {
        check(&seed);
        for round in 0..rounds {
            let (mut chance, mut bytes) = (Chance(round), seed.clone());
            for _ in 0..3 {
                change(&mut bytes, &mut chance);
                check(&bytes);
            }
        }
    }
}

#[test]
fn hostile_guests() {
    replay("fuzz/corpus/guest", 20, guest::check);
    for round in 0..200 {
        let mut chance = Chance(round);
        let bytes: Vec<u8> = (0..chance.below(600))
            .map(|_| chance.below(256) as u8)
            .collect();
        guest::check(&bytes);
    }
}

#[test]
fn hostile_records() {
    replay("fuzz/corpus/records", 20, records::check);
    replay("golden/nvme", 100, records::check);
}
