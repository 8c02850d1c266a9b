// SPDX-License-Identifier: GPL-2.0

//! Streams to test with: made field by field, and through the writer.

use migcore::stream::{crc32c, Kind, Reader, Refusal, Sink, Taken, Writer, HEADER, MAX_RECORD};
use migcore::Errno;

/// The checksum as it stands in a stream.
pub(crate) fn sum(bytes: &[u8]) -> u32 {
    !crc32c(!0, bytes)
}

/// A header of these fields, with a checksum that fits.
pub(crate) fn header(kind: u32, length: u32, sequence: u32, sum_: u32, reserved: u32) -> Vec<u8> {
    let words = [kind, length, sequence, sum_, reserved];
    let mut out: Vec<u8> = words.into_iter().flat_map(u32::to_le_bytes).collect();
    out.extend(sum(&out).to_le_bytes());
    out
}

/// A sound record, wherever it may stand.
pub(crate) fn record(sequence: u32, kind: u32, payload: &[u8]) -> Vec<u8> {
    let mut out = header(kind, payload.len() as u32, sequence, sum(payload), 0);
    out.extend(payload);
    out
}

/// An END of these totals.
pub(crate) fn end(sequence: u32, records: u64, bytes: u64) -> Vec<u8> {
    record(
        sequence,
        2,
        &[records, bytes].map(u64::to_le_bytes).concat(),
    )
}

/// A stream of these records, through the writer: the version string and END around them.
pub(crate) fn written(line: &str, records: &[(Kind, &[u8])]) -> Vec<u8> {
    let (mut writer, mut room) = (Writer::new(crc32c), vec![0; MAX_RECORD]);
    let mut out = Vec::new();
    let made = writer.version(line, &mut room);
    out.extend(&room[..made]);
    for (kind, payload) in records {
        room[HEADER..HEADER + payload.len()].copy_from_slice(payload);
        let made = writer.frame(*kind, &mut room, payload.len());
        assert_eq!(made, HEADER + payload.len());
        out.extend(&room[..made]);
    }
    let made = writer.end(&mut room);
    assert_eq!(made, HEADER + 16);
    out.extend(&room[..made]);
    out
}

/// The version string of the streams here.
pub(crate) const LINE: &str = "acme/1,model=a1,type=big,rings=4,state=2";

/// The smallest stream there is, and one with each form of record that a reader must take.
pub(crate) fn goldens() -> [(&'static str, Vec<u8>); 2] {
    let config: Vec<u8> = (0..=255).collect();
    let own = Kind::own;
    let records: [(Kind, &[u8]); 8] = [
        (Kind::CONFIG, &config),
        (Kind::INTERRUPTS, &[1, 0, 0, 0]),
        (own(0), b"state of the device"),
        (own(1).skippable(), b"known, so it is taken"),
        (own(100).skippable(), b"not known, so it is skipped"),
        (Kind::from_number(5).skippable(), b"of a later format"),
        (own(2), b""),
        (own(0), b"a kind may come again"),
    ];
    [
        ("shortest", written("a/1,b=c", &[])),
        ("each-form", written(LINE, &records)),
    ]
}

/// Takes what it is told, refuses on request, and knows kinds below own 8.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Target {
    /// What it was told: line, kind and payload, `None` for the end.
    pub(crate) told: Vec<Option<(String, Vec<u8>)>>,
    pub(crate) version: Option<Errno>,
    pub(crate) record: Option<Errno>,
    pub(crate) end: Option<Errno>,
}

impl Target {
    fn say(&mut self, told: Option<(String, Vec<u8>)>, errno: Option<Errno>) -> Result<(), Errno> {
        self.told.push(told);
        errno.map_or(Ok(()), Err)
    }
}

impl Sink for Target {
    fn version(&mut self, line: &str) -> Result<(), Errno> {
        self.say(Some((line.to_owned(), Vec::new())), self.version)
    }

    fn record(&mut self, kind: Kind, payload: &[u8]) -> Result<Taken, Errno> {
        assert!(!kind.is_skippable());
        if kind.number() >= 0x1008 {
            return Ok(Taken::Unknown);
        }
        self.say(Some((kind.to_string(), payload.to_vec())), self.record)?;
        Ok(Taken::Yes)
    }

    fn end(&mut self) -> Result<(), Errno> {
        self.say(None, self.end)
    }
}

/// What comes of a stream in pieces of `size` bytes.
pub(crate) fn outcome(stream: &[u8], size: usize, target: &mut Target) -> Result<(), Refusal> {
    let mut reader = Reader::new(vec![0; MAX_RECORD], crc32c);
    for piece in stream.chunks(size) {
        reader.push(piece, target)?;
    }
    reader.finish()
}
