// SPDX-License-Identifier: GPL-2.0

//! Changes to a stream that know what it is made of: any field of any record, with or without
//! making the rest fit again, so that each check of a reader is reached behind the others.

use super::model::{number, sum, END};

/// A generator of numbers that repeats.
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Less than `limit`, which is not 0.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    /// Once in `times`.
    fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// A number at which something may go wrong.
    fn odd(&mut self) -> u32 {
        let near = [
            0,
            1,
            2,
            16,
            24,
            0x100,
            0x1000,
            4094,
            4095,
            131_072,
            1 << 31,
            u32::MAX,
        ];
        let step = [0, 1, u32::MAX][self.below(3)];
        near[self.below(near.len())].wrapping_add(step)
    }
}

/// A record in its parts, true or not.
#[derive(Clone)]
struct Record {
    kind: u32,
    length: u32,
    sequence: u32,
    sum: u32,
    reserved: u32,
    header_sum: u32,
    payload: Vec<u8>,
}

impl Record {
    fn new(kind: u32, payload: Vec<u8>) -> Self {
        Self {
            kind,
            length: payload.len() as u32,
            sequence: 0,
            sum: 0,
            reserved: 0,
            header_sum: 0,
            payload,
        }
    }

    fn covered(&self) -> Vec<u8> {
        let words = [
            self.kind,
            self.length,
            self.sequence,
            self.sum,
            self.reserved,
        ];
        words.into_iter().flat_map(u32::to_le_bytes).collect()
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend(self.covered());
        out.extend(self.header_sum.to_le_bytes());
        out.extend(&self.payload);
    }
}

/// The records of a stream, as far as it can be read as such, and what is left.
fn split(stream: &[u8]) -> (Vec<Record>, Vec<u8>) {
    let (mut left, mut records) = (stream, Vec::new());
    while let Some((header, after)) = left.split_at_checked(24) {
        let [kind, length, sequence, own, reserved, header_sum] =
            [0, 4, 8, 12, 16, 20].map(|at| number(&header[at..at + 4]) as u32);
        let Some((payload, after)) = after.split_at_checked(length as usize) else {
            break;
        };
        left = after;
        records.push(Record {
            sequence,
            sum: own,
            reserved,
            header_sum,
            ..Record::new(kind, payload.to_vec())
        });
    }
    (records, left.to_vec())
}

/// Which parts are made true again after a change. What was changed is left as it is.
struct Repair {
    sequences: bool,
    lengths: bool,
    sums: bool,
    header_sums: bool,
    totals: bool,
}

fn repair(records: &mut [Record], what: &Repair) {
    let mut total = 0u64;
    for (index, record) in records.iter_mut().enumerate() {
        if what.totals && record.kind == END {
            record.payload = [index as u64, total].map(u64::to_le_bytes).concat();
        }
        total += record.payload.len() as u64;
        if what.sequences {
            record.sequence = index as u32;
        }
        if what.lengths {
            record.length = record.payload.len() as u32;
        }
        if what.sums {
            record.sum = sum(&record.payload);
        }
        if what.header_sums {
            record.header_sum = sum(&record.covered());
        }
    }
}

/// One change of a stream, chosen by `chance`. It never gets longer than `limit`.
pub(crate) fn change(stream: &[u8], chance: &mut Chance, limit: usize) -> Vec<u8> {
    let (mut records, mut rest) = split(stream);
    if records.is_empty() {
        records.push(Record::new(1, b"acme/1,model=a1,state=1".to_vec()));
        rest.clear();
    }
    let mut what = Repair {
        sequences: true,
        lengths: true,
        sums: true,
        header_sums: true,
        totals: !chance.once_in(4),
    };
    let count = records.len();
    let (at, other) = (chance.below(count), chance.below(count));
    match chance.below(14) {
        0 => {
            let kinds = [
                0, 1, 2, 3, 0xff, 0x100, 0x101, 0x102, 0x1000, 0x1001, 0x1004, 0x1_1000,
            ];
            records[at].kind = kinds[chance.below(kinds.len())];
        }
        1 => records[at].kind ^= 1 << 31,
        2 => {
            records[at].length = chance.odd();
            what.lengths = false;
        }
        3 => {
            records[at].sequence = chance.odd();
            what.sequences = false;
        }
        4 => records[at].reserved = chance.odd(),
        5 => {
            records[at].sum ^= 1 << chance.below(32);
            what.sums = false;
        }
        6 => {
            repair(&mut records, &what);
            records[at].header_sum ^= 1 << chance.below(32);
            what.header_sums = false;
        }
        7 => drop(records.remove(at)),
        8 => records.insert(other, records[at].clone()),
        9 => records.swap(at, other),
        10 => {
            let size = [0, 1, 2, 15, 16, 17, 300, 4094, 4095, 131_072][chance.below(10)];
            let byte = chance.below(256) as u8;
            records[at].payload.resize(size, byte);
            what.totals &= records[at].kind != END;
        }
        11 if !records[at].payload.is_empty() => {
            let place = chance.below(records[at].payload.len());
            records[at].payload[place] ^= 1 << chance.below(8);
            what.totals &= records[at].kind != END;
        }
        12 => rest = vec![0; chance.below(30)],
        _ => {
            let size = chance.below(64);
            let fresh = (0..size).map(|_| chance.below(256) as u8).collect();
            let own = 0x1000 + chance.below(8) as u32;
            let kind = own | if chance.once_in(2) { 1 << 31 } else { 0 };
            records.insert(at, Record::new(kind, fresh));
        }
    }
    // Sometimes only the sums, so that a second fault stays behind the first.
    if chance.once_in(8) {
        (what.sequences, what.lengths) = (false, false);
    }
    repair(&mut records, &what);
    let mut out = Vec::new();
    records.iter().for_each(|record| record.write(&mut out));
    out.extend(rest);
    if chance.once_in(16) {
        out.truncate(chance.below(out.len() + 1));
    }
    if chance.once_in(16) && !out.is_empty() {
        let place = chance.below(out.len());
        out[place] ^= 1 << chance.below(8);
    }
    out.truncate(limit);
    out
}
