// SPDX-License-Identifier: GPL-2.0

//! Any bytes as what two clients and a device do, in any order: the machine and the region in
//! front of it stay sound, and no stream is committed but one that a device wrote.

use super::client::{stream, Host, OFFERS};
use super::model::{Call, Model};
use migcore::migration::v1::{DATA_OFFSET, REGION, SECTION};
use migcore::migration::{Filled, SessionId, State};
use migcore::Errno;

/// The script, byte by byte.
struct Script<'a>(&'a [u8]);

impl<'a> Script<'a> {
    fn next(&mut self) -> usize {
        let Some((first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        usize::from(*first)
    }

    /// The next bytes, as many as the first of them says.
    fn bytes(&mut self) -> &'a [u8] {
        let count = self.next().min(self.0.len());
        let (taken, rest) = self.0.split_at(count);
        self.0 = rest;
        taken
    }

    /// An offset into the region, near to where something begins or ends.
    fn offset(&mut self) -> u64 {
        let edges = [0, 8, 16, 24, DATA_OFFSET, REGION, 1 << 40, u64::MAX];
        edges[self.next() % 8]
            .wrapping_add(self.next() as u64)
            .wrapping_sub(8)
    }
}

/// A stream on its way: the rest of it is what comes next.
struct Feed {
    whole: Vec<u8>,
    at: usize,
}

impl Feed {
    fn take(&mut self, count: usize) -> Vec<u8> {
        let end = self.whole.len().min(self.at + count);
        let piece = self.whole[self.at..end].to_vec();
        self.at = end;
        piece
    }
}

/// What must hold of any script.
pub(crate) fn check(bytes: &[u8]) {
    let mut script = Script(bytes);
    let (_, flags) = OFFERS[script.next() % OFFERS.len()];
    let mut host = Host::with(flags, Model::new(3, 5));
    let (whole, contents) = stream();
    let mut feed = Feed { whole, at: 0 };
    let mut ids = Vec::new();
    while !script.0.is_empty() {
        let (state, value) = (host.state(), host.value());
        match script.next() % 16 {
            0 | 1 => {
                let to = State::ALL[script.next() % State::ALL.len()];
                if let Ok(Some(opened)) = host.request(to) {
                    ids.push(opened.id);
                    feed.at = 0;
                }
            }
            2 | 3 => {
                if host.set(script.next() as u32 % 9).is_err() {
                    assert_eq!(host.value(), value, "a failed write moves nothing");
                } else {
                    feed.at = 0;
                }
            }
            4 => fill(&mut host, &ids, script.next()),
            5 => {
                let piece = feed.take(script.next());
                push(&mut host, &ids, script.next(), &piece);
            }
            6 => {
                let piece = script.bytes();
                push(&mut host, &ids, script.next(), piece);
            }
            7 => {
                let piece = feed.take(script.next() * 16);
                let _ = host.give(&piece);
            }
            8 => {
                let piece = script.bytes();
                let _ = host.write(script.offset(), piece);
            }
            9 => {
                let mut out = vec![0; script.next() % 20];
                let _ = host.read(script.offset(), &mut out);
            }
            10 => assert!(host.chunk().map_or(0, |c| c.len()) <= SECTION),
            11 => host.dev.work(script.next()),
            12 => host.dev.fails_in = Some(script.next() % 4),
            13 => {
                let how = script.next();
                host.dev.no_produce = (how % 4 == 0).then_some(Errno::Io);
                host.dev.lends = how & 4 != 0;
            }
            14 => match script.next() % 4 {
                0 => host.machine.fail(&mut host.dev),
                1 => {
                    host.machine.close(&mut host.dev);
                    host.reset();
                }
                _ => host.reset(),
            },
            _ => {
                assert!(host.machine.size(&mut host.dev) > 0);
                let id = ids.last().copied();
                if let Some(Ok(_)) = id.map(|id| host.machine.precopy(id, &mut host.dev)) {
                    assert!(state.is_precopy());
                }
            }
        }
        host.check();
        if host.dev.calls.contains(&Call::Commit) {
            assert_eq!(
                host.dev.contents(),
                contents,
                "nothing else was ever written"
            );
        }
        host.dev.calls.clear();
    }
    // Whatever happened, a reset revives it.
    host.reset();
    assert_eq!(host.state(), State::Running);
    host.check();
}

fn live(host: &Host, id: SessionId) -> bool {
    host.machine
        .open_session()
        .is_some_and(|(_, opened)| opened.id == id)
}

fn fill(host: &mut Host, ids: &[SessionId], which: usize) {
    let Some(id) = ids.get(which % ids.len().max(1)).copied() else {
        return;
    };
    let (live, state) = (live(host, id), host.state());
    match host.fill(id) {
        Ok((filled, bytes)) => {
            assert!(live && state.is_saving());
            assert_eq!(
                filled == Filled::Nothing,
                bytes.is_empty() && state.is_precopy()
            );
        }
        Err(errno) => assert!(live || errno == Errno::NoDev),
    }
}

fn push(host: &mut Host, ids: &[SessionId], which: usize, piece: &[u8]) {
    let Some(id) = ids.get(which % ids.len().max(1)).copied() else {
        return;
    };
    let (live, before) = (live(host, id), host.state());
    match host.push(id, piece) {
        Ok(()) => assert!(live && before == State::Resuming),
        Err(errno) => assert!(live || errno == Errno::NoDev),
    }
    assert_eq!(host.state(), before);
}
