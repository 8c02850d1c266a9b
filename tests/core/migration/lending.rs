// SPDX-License-Identifier: GPL-2.0

//! Payloads that a device lends: the same stream, whichever way each record took.

use super::client::{assert_loads, Host, ALL};
use super::model::{Model, LINE};
use migcore::migration::{Borrower, Direct, Filled, Put, SessionId, State};
use migcore::stream::{crc32c, Kind, Writer, HEADER, MAX_PAYLOAD, MAX_RECORD};
use migcore::Errno;

/// A place for one record, where only so many more pieces can be put.
struct Place {
    bytes: Vec<u8>,
    pieces: usize,
}

impl Place {
    fn new(room: usize, pieces: usize) -> Self {
        let bytes = vec![0xee; room];
        Self { bytes, pieces }
    }
}

impl Direct for Place {
    fn room(&self) -> usize {
        self.bytes.len()
    }

    fn put(&mut self, at: usize, bytes: &[u8]) -> bool {
        let Some(left) = self.pieces.checked_sub(1) else {
            return false;
        };
        self.pieces = left;
        self.bytes[at..at + bytes.len()].copy_from_slice(bytes);
        true
    }
}

/// All that there is to read now, and how many records were put where they go.
fn drain(host: &mut Host, id: SessionId, room: usize, pieces: usize) -> (Vec<u8>, usize) {
    let (mut all, mut direct) = (Vec::new(), 0);
    let mut out = vec![0xdd; MAX_RECORD];
    loop {
        let mut place = Place::new(room, pieces);
        match host
            .machine
            .put(id, &mut out, &mut place, &mut host.dev)
            .expect("a save")
        {
            Put::There(len) => {
                direct += 1;
                all.extend(&place.bytes[..len]);
            }
            Put::Here(Filled::Bytes(len)) => all.extend(&out[..len]),
            Put::Here(_) => return (all, direct),
        }
    }
}

fn host(lends: bool) -> Host {
    let mut host = Host::with(ALL, Model::new(3, 50));
    host.dev.lends = lends;
    host
}

/// The stream of a device that was changed between two passes.
fn stream(lends: bool, room: usize, pieces: usize) -> (Vec<u8>, usize) {
    let mut host = host(lends);
    let id = host.open(State::PreCopy);
    let (mut all, mut direct) = drain(&mut host, id, room, pieces);
    host.dev.work(1);
    host.dev.work(2);
    host.request(State::StopCopy).expect("legal");
    let (rest, more) = drain(&mut host, id, room, pieces);
    all.extend(rest);
    direct += more;
    (all, direct)
}

#[test]
fn the_stream_is_the_one_that_is_copied() {
    let (copied, none) = stream(false, MAX_RECORD, usize::MAX);
    assert_eq!(none, 0, "what is not lent is not put");
    let record = HEADER + 2 + 50;
    // The number of the block, its halves, and the header.
    for pieces in 0..6 {
        for room in [0, HEADER, record - 1, record, MAX_RECORD] {
            let (lent, direct) = stream(true, room, pieces);
            assert_eq!(lent, copied, "{pieces} pieces, {room} bytes");
            let fits = pieces >= 4 && room >= record;
            assert_eq!(direct, if fits { 5 } else { 0 });
        }
    }
}

#[test]
fn the_region_has_the_same_stream() {
    let all = [false, true].map(|lends| {
        let mut host = host(lends);
        host.set(3).expect("legal");
        let mut bytes = host.chunks();
        host.dev.work(0);
        host.set(2).expect("legal");
        bytes.extend(host.chunks());
        bytes
    });
    assert_eq!(all[0], all[1]);
}

#[test]
fn what_was_taken_counts_and_what_was_not_is_asked_for_again() {
    let mut host = Host::new(ALL);
    host.dev.lends = true;
    let id = host.open(State::StopCopy);
    // It fails each time, after it has lent.
    host.dev.no_lend = Some(Errno::NoMem);
    let mut bytes = Vec::new();
    for _ in 0..4 {
        let (filled, more) = host.fill(id).expect("the version, and three blocks");
        assert_eq!(filled, Filled::Bytes(more.len()));
        bytes.extend(more);
    }
    assert_eq!(host.fill(id), Err(Errno::NoMem), "there is nothing to lend");
    host.dev.no_lend = None;
    bytes.extend(host.drain(id));
    assert_loads(&bytes);

    let mut host = Host::new(ALL);
    host.dev.lends = true;
    let id = host.open(State::StopCopy);
    let (_, mut bytes) = host.fill(id).expect("the version");
    host.dev.no_produce = Some(Errno::Io);
    assert_eq!(host.fill(id), Err(Errno::Io));
    host.dev.no_produce = None;
    bytes.extend(host.drain(id));
    assert_loads(&bytes);
}

#[test]
fn a_borrower_takes_one_record_that_can_be_one() {
    let started = |out: &mut [u8]| {
        let mut writer = Writer::new(crc32c);
        assert_eq!(writer.version(LINE, out), HEADER + LINE.len());
        writer
    };
    let mut out = vec![0; MAX_RECORD];
    let kind = Kind::own(7);
    let full = vec![5; MAX_PAYLOAD];

    // Not before the version string, and not behind the end.
    let mut writer = Writer::new(crc32c);
    let mut borrower = Borrower::new(&mut writer, &mut out, None);
    assert_eq!(borrower.take(kind, b"ab", &[]), Err(Errno::Io));
    assert_eq!(borrower.made(), None);
    let mut writer = started(&mut out);
    assert_eq!(writer.end(&mut out), HEADER + 16);
    let mut borrower = Borrower::new(&mut writer, &mut out, None);
    assert_eq!(borrower.take(kind, b"ab", &[]), Err(Errno::Io));

    // As long as a payload can be, and no longer; what was refused leaves no gap.
    let mut writer = started(&mut out);
    let mut place = Place::new(2 * MAX_RECORD, usize::MAX);
    let mut borrower = Borrower::new(&mut writer, &mut out, Some(&mut place));
    assert_eq!(borrower.take(kind, b"a", &[&full]), Err(Errno::Io));
    assert_eq!(borrower.take(kind, b"", &[&full, b"a"]), Err(Errno::Io));
    assert_eq!(borrower.take(kind, b"", &[b"", &full]), Ok(()));
    assert_eq!(borrower.take(kind, b"ab", &[]), Err(Errno::Io), "a second");
    assert_eq!(borrower.made(), Some(Put::There(MAX_RECORD)));
    let mut same = started(&mut out);
    out[HEADER..].copy_from_slice(&full);
    assert_eq!(same.frame(kind, &mut out, MAX_PAYLOAD), MAX_RECORD);
    assert_eq!(place.bytes[..MAX_RECORD], out);

    // Nor where there is no room for it.
    let mut writer = started(&mut out);
    for room in [0, HEADER - 1, HEADER + 1] {
        let mut borrower = Borrower::new(&mut writer, &mut out[..room], None);
        assert_eq!(borrower.take(kind, b"a", &[b"b"]), Err(Errno::Io));
        assert_eq!(borrower.made(), None);
    }
    let mut borrower = Borrower::new(&mut writer, &mut out[..HEADER + 2], None);
    assert_eq!(borrower.take(kind, b"a", &[b"b"]), Ok(()));
    let made = Some(Put::Here(Filled::Bytes(HEADER + 2)));
    assert_eq!(borrower.made(), made);
}
