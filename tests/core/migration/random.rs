// SPDX-License-Identifier: GPL-2.0

//! Both interfaces and resets in any order, and what must hold after each step.

use super::client::{Host, ALL, OFFERS, OFFSET, PENDING, SIZE};
use super::model::Model;
use crate::cases;
use migcore::migration::v1::{value_of, DATA_OFFSET};
use migcore::migration::{Direction, Filled, Flags, Front, Opened, Refused, SessionId, State};
use migcore::Errno;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    /// v2: a state.
    Request(State),
    /// v2: a read of the data file of some session, past ones too.
    Fill(usize),
    /// v2: a write to it, so many more bytes of the stream, or others.
    Push(usize, usize, bool),
    Precopy(usize),
    /// v1: a value of `device_state`.
    Set(u32),
    /// v1: an iteration, or just one register.
    Chunk,
    Register(u64),
    /// v1: so many more bytes of the stream, or others.
    Give(usize, bool),
    Work(usize),
    /// The next call that can fail does.
    Failing(usize),
    Producing(bool),
    Lending(bool),
    Reset,
    Fail,
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    let state = prop::sample::select(State::ALL.to_vec());
    let register = prop::sample::select(vec![PENDING, OFFSET, SIZE]);
    prop_oneof![
        8 => state.prop_map(Step::Request),
        6 => (0..4_usize).prop_map(Step::Fill),
        4 => (0..4_usize, 0..400_usize, prop::bool::weighted(0.1))
            .prop_map(|(n, len, bad)| Step::Push(n, len, bad)),
        2 => (0..4_usize).prop_map(Step::Precopy),
        8 => (0..8_u32).prop_map(Step::Set),
        6 => Just(Step::Chunk),
        4 => register.prop_map(Step::Register),
        4 => (0..400_usize, prop::bool::weighted(0.1)).prop_map(|(len, bad)| Step::Give(len, bad)),
        6 => (0..3_usize).prop_map(Step::Work),
        1 => (0..3_usize).prop_map(Step::Failing),
        1 => any::<bool>().prop_map(Step::Producing),
        1 => any::<bool>().prop_map(Step::Lending),
        1 => Just(Step::Reset),
        1 => Just(Step::Fail),
        1 => Just(Step::Reopen),
    ]
}

/// A host, and what is known of its sessions from outside.
struct Watched {
    host: Host,
    /// All that there have been, the last one open or not.
    sessions: Vec<Opened>,
    /// What the open save gave so far.
    saved: Vec<u8>,
    /// The chunk in the section is among that.
    shown: bool,
    /// What the open load is given, and how much of it was.
    stream: Vec<u8>,
    given: usize,
    /// It was given something else too, which may only show later.
    tainted: bool,
    /// The open load was refused.
    spoilt: Option<Errno>,
}

impl Watched {
    fn new(flags: Flags, stream: Vec<u8>) -> Self {
        Self {
            host: Host::new(flags),
            sessions: Vec::new(),
            saved: Vec::new(),
            shown: false,
            stream,
            given: 0,
            tainted: false,
            spoilt: None,
        }
    }

    fn is_open(&self, id: SessionId) -> bool {
        self.host
            .machine
            .open_session()
            .is_some_and(|(_, o)| o.id == id)
    }

    fn session(&self, back: usize) -> Option<Opened> {
        self.sessions.iter().rev().nth(back).copied()
    }

    /// The next piece of the stream, or something else.
    fn piece(&mut self, len: usize, bad: bool) -> Vec<u8> {
        let end = self.stream.len().min(self.given + len);
        let piece = match bad {
            true => vec![0x5a; 24.max(len)],
            false => self.stream[self.given..end].to_vec(),
        };
        self.given = if bad { self.given } else { end };
        self.tainted |= bad;
        piece
    }

    /// A write of the open load.
    fn wrote(&mut self, result: Result<(), Errno>) {
        match (self.spoilt, result) {
            (Some(errno), result) => assert_eq!(result, Err(errno), "refused for good"),
            (None, Ok(())) => {}
            (None, Err(errno)) => {
                assert!(self.tainted, "{:?}", self.host.machine.refusal());
                self.spoilt = Some(errno);
            }
        }
    }

    fn run(&mut self, step: &Step) {
        let before = (self.host.state(), self.host.machine.open_session());
        let contents = self.host.dev.contents();
        self.step(step, before);
        self.host.check();
        let (state, open) = (self.host.state(), self.host.machine.open_session());
        if !matches!(step, Step::Fail) {
            assert_eq!(
                state == State::Error,
                before.0 == State::Error && !self.is_reset(step)
            );
        }
        if open.map(|o| o.1.id) != before.1.map(|o| o.1.id) {
            self.ended(before.1);
            if let Some((_, opened)) = open {
                assert!(
                    !self.sessions.iter().any(|o| o.id == opened.id),
                    "{opened:?}"
                );
                self.sessions.push(opened);
            }
        }
        // Only a load, a reset and its own work change a device.
        let loaded = before.0 == State::Resuming && state != State::Resuming;
        let works = matches!(step, Step::Work(_));
        if !loaded && !works && !self.is_reset(step) {
            assert_eq!(self.host.dev.contents(), contents);
        }
        assert_eq!(self.host.value(), value_of(state));
    }

    fn is_reset(&self, step: &Step) -> bool {
        matches!(step, Step::Reset | Step::Reopen)
    }

    /// A session is over; another may have begun.
    fn ended(&mut self, before: Option<(Front, Opened)>) {
        if before.is_some() {
            (self.saved, self.shown, self.given) = (Vec::new(), false, 0);
            (self.tainted, self.spoilt) = (false, None);
        }
    }

    fn step(&mut self, step: &Step, before: (State, Option<(Front, Opened)>)) {
        let (state, open) = before;
        match *step {
            Step::Request(to) => {
                let result = self.host.request(to);
                match result {
                    Ok(opened) => {
                        assert_eq!(self.host.state(), to);
                        assert_eq!(opened, self.opened_since(open));
                    }
                    Err(Refused::Busy { by }) => {
                        assert_eq!((by, open.map(|o| o.0)), (Front::V1, Some(Front::V1)));
                        assert_eq!(self.host.state(), state);
                    }
                    Err(_) => {}
                }
                self.left(state);
            }
            Step::Set(value) => {
                let result = self.host.set(value);
                match result {
                    Ok(()) => assert_eq!(self.host.value(), value),
                    Err(_) => assert_eq!(self.host.state(), state),
                }
                self.left(state);
            }
            Step::Fill(back) => {
                let Some(Opened { id, direction }) = self.session(back) else {
                    return;
                };
                let alive = self.is_open(id) && direction == Direction::Save;
                if alive && open.is_some_and(|o| o.0 == Front::V1) {
                    // The region would miss what another takes; no interface does that.
                    return;
                }
                let result = self.host.fill(id);
                if !alive {
                    assert_eq!(result, Err(Errno::NoDev));
                } else if let Ok((filled, bytes)) = result {
                    match filled {
                        Filled::Bytes(len) => assert!(len > 0),
                        Filled::Nothing => assert!(state.is_precopy()),
                        Filled::End => assert_eq!(state, State::StopCopy),
                    }
                    self.saved.extend(bytes);
                    self.arrived(filled == Filled::End);
                }
            }
            Step::Push(back, len, bad) => {
                let Some(Opened { id, direction }) = self.session(back) else {
                    return;
                };
                if !self.is_open(id) || direction == Direction::Save {
                    assert_eq!(self.host.push(id, b"x"), Err(Errno::NoDev));
                } else {
                    let piece = self.piece(len, bad);
                    let result = self.host.push(id, &piece);
                    self.wrote(result);
                }
            }
            Step::Precopy(back) => {
                let Some(Opened { id, .. }) = self.session(back) else {
                    return;
                };
                let result = self.host.machine.precopy(id, &mut self.host.dev);
                let wanted = match (self.is_open(id), state.is_precopy()) {
                    (false, _) => Err(Errno::NoDev),
                    (true, false) => Err(Errno::Inval),
                    (true, true) => Ok(()),
                };
                assert_eq!(result.map(|_| ()), wanted);
            }
            Step::Chunk => {
                let mine = open
                    .is_some_and(|(front, o)| front == Front::V1 && o.direction == Direction::Save);
                self.shown = false;
                match self.host.chunk() {
                    Ok(bytes) if mine => {
                        let done = bytes.is_empty() && state == State::StopCopy;
                        self.shown = !bytes.is_empty();
                        self.saved.extend(bytes);
                        self.arrived(done);
                    }
                    Ok(bytes) => assert!(bytes.is_empty()),
                    Err(_) => assert!(mine),
                }
            }
            Step::Register(register) => {
                // Only this one takes the chunk as read.
                self.shown &= register != PENDING;
                let Ok(value) = self.host.register(register) else {
                    return;
                };
                match register {
                    OFFSET => assert_eq!(value, DATA_OFFSET),
                    SIZE if value > 0 && !self.shown => {
                        assert!(state.is_saving());
                        let mut bytes = vec![0; value as usize];
                        self.host.read(DATA_OFFSET, &mut bytes).expect("is memory");
                        self.saved.extend(bytes);
                        self.shown = true;
                    }
                    _ => {}
                }
            }
            Step::Give(len, bad) => {
                let mine = open
                    .is_some_and(|(front, o)| front == Front::V1 && o.direction == Direction::Load);
                if mine {
                    let piece = self.piece(len, bad);
                    let result = self.host.give(&piece);
                    self.wrote(result);
                } else {
                    let errno = match open {
                        Some((Front::V2, _)) => Errno::Busy,
                        _ => Errno::Inval,
                    };
                    assert_eq!(self.host.set_size(8), Err(errno));
                }
            }
            Step::Work(index) => self.host.dev.work(index),
            Step::Failing(after) => self.host.dev.fails_in = Some(after),
            Step::Producing(fails) => {
                self.host.dev.no_produce = fails.then_some(Errno::NoMem);
            }
            Step::Lending(lends) => self.host.dev.lends = lends,
            Step::Reset => self.host.reset(),
            Step::Fail => self.host.machine.fail(&mut self.host.dev),
            Step::Reopen => {
                self.host.machine.close(&mut self.host.dev);
                assert!(self.host.machine.open_session().is_none());
                self.host.region.release();
                self.host.reset();
            }
        }
    }

    fn opened_since(&self, before: Option<(Front, Opened)>) -> Option<Opened> {
        let now = self.host.machine.open_session().map(|o| o.1);
        now.filter(|o| before.map(|b| b.1.id) != Some(o.id))
    }

    /// A request was made while a load was open: it goes on only after the whole stream.
    fn left(&self, state: State) {
        if state == State::Resuming && self.host.state() != State::Resuming {
            assert!(!self.tainted && self.spoilt.is_none());
            assert_eq!(self.given, self.stream.len());
        }
    }

    /// All that a save has given so far is the start of a stream; at the end, it is the device.
    fn arrived(&mut self, whole: bool) {
        let mut peer = Host::new(ALL);
        let id = peer.open(State::Resuming);
        assert_eq!(
            peer.push(id, &self.saved),
            Ok(()),
            "{:?}",
            peer.machine.refusal()
        );
        if whole {
            peer.request(State::Stop).expect("is whole");
            assert_eq!(peer.dev.contents(), self.host.dev.contents());
        }
    }
}

fn stream() -> Vec<u8> {
    let mut source = Host::with(ALL, Model::new(3, 5));
    let id = source.open(State::StopCopy);
    source.drain(id)
}

proptest! {
    #![proptest_config(cases(1500))]

    #[test]
    fn any_interleaving_keeps_the_rules(
        offer in 0..OFFERS.len(),
        steps in prop::collection::vec(step(), 1..80),
    ) {
        let mut watched = Watched::new(OFFERS[offer].1, stream());
        for step in &steps {
            watched.run(step);
        }
        // Whatever was done, it can be used again.
        watched.host.dev.fails_in = None;
        watched.host.dev.no_produce = None;
        watched.host.reset();
        let id = watched.host.open(State::StopCopy);
        watched.saved = watched.host.drain(id);
        watched.arrived(true);
    }
}
