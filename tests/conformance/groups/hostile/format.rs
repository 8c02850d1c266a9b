// SPDX-License-Identifier: GPL-2.0

//! The format of a stream of records, written from its description.

pub(super) const HEADER: usize = 24;

/// CRC-32C of `bytes`, bit by bit.
pub(super) fn checksum(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 0 {
                crc >> 1
            } else {
                (crc >> 1) ^ 0x82f6_3b78
            };
        }
    }
    !crc
}

/// One record, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) kind: u32,
    pub(super) sequence: u32,
    pub(super) reserved: u32,
    pub(super) payload: Vec<u8>,
}

pub(super) const VERSION: u32 = 1;
pub(super) const END: u32 = 2;

pub(super) fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

impl Record {
    pub(super) fn bytes(&self) -> Vec<u8> {
        let length = self.payload.len() as u32;
        header(
            &[
                self.kind,
                length,
                self.sequence,
                checksum(&self.payload),
                self.reserved,
            ],
            &self.payload,
        )
    }
}

/// A record of these five words, with a right checksum of them, whatever they say.
pub(super) fn header(words: &[u32; 5], payload: &[u8]) -> Vec<u8> {
    let mut bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    bytes.extend(checksum(&bytes).to_le_bytes());
    bytes.extend(payload);
    bytes
}

/// The records of a stream, if it is one of records.
pub(super) fn parse(mut stream: &[u8]) -> Option<Vec<Record>> {
    let mut records = Vec::new();
    while !stream.is_empty() {
        let length = word(stream.get(..HEADER)?, 4) as usize;
        let payload = stream.get(HEADER..HEADER.checked_add(length)?)?;
        if word(stream, 20) != checksum(&stream[..20]) || word(stream, 12) != checksum(payload) {
            return None;
        }
        records.push(Record {
            kind: word(stream, 0),
            sequence: word(stream, 8),
            reserved: word(stream, 16),
            payload: payload.to_vec(),
        });
        stream = &stream[HEADER + length..];
    }
    let first = records.first()?;
    (first.kind == VERSION && first.payload.contains(&b'/')).then_some(records)
}

pub(super) fn joined(records: &[Record]) -> Vec<u8> {
    records.iter().flat_map(Record::bytes).collect()
}

/// The same with sequence numbers and the end's totals made right again.
pub(super) fn renumbered(records: &[Record]) -> Vec<Record> {
    let mut records = records.to_vec();
    let bytes: usize = records
        .iter()
        .filter(|record| record.kind != END)
        .map(|record| record.payload.len())
        .sum();
    let count = records.iter().filter(|record| record.kind != END).count();
    for (number, record) in records.iter_mut().enumerate() {
        record.sequence = number as u32;
        if record.kind == END {
            record.payload = [count as u64, bytes as u64]
                .iter()
                .flat_map(|total| total.to_le_bytes())
                .collect();
        }
    }
    records
}
