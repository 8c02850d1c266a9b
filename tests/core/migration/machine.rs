// SPDX-License-Identifier: GPL-2.0

//! Sessions: who owns them, when they end, what a dead one says.

use super::client::{assert_loads, stream, Host, ALL, OFFERS};
use super::model::{Call, LINE};
use migcore::migration::{Activity, Filled, Flags, Front, Machine, Refused, State};
use migcore::stream::{crc32c, Writer, HEADER, MAX_RECORD};
use migcore::Errno;

#[test]
fn a_save_and_a_load_bring_everything_over() {
    for (_, flags) in OFFERS {
        for size in [1, 2, 3, 7, 4095, usize::MAX] {
            let mut source = Host::new(flags);
            let id = match flags.has(Flags::PRE_COPY) {
                true => source.open(State::PreCopy),
                false => source.open(State::StopCopy),
            };
            let mut bytes = source.drain(id);
            source.dev.work(1);
            source.dev.work(1);
            assert!(source.request(State::StopCopy).expect("legal").is_none());
            bytes.extend(source.drain(id));
            assert_eq!(source.fill(id).map(|f| f.0), Ok(Filled::End), "for good");

            let mut target = Host::new(flags);
            let id = target.open(State::Resuming);
            for piece in bytes.chunks(size.min(bytes.len())) {
                target.push(id, piece).expect("is a stream");
            }
            target.request(State::Running).expect("was loaded");
            assert_eq!(target.dev.contents(), source.dev.contents());
            target.check();
        }
    }
}

#[test]
fn a_request_for_the_same_state_leaves_the_session_alone() {
    for to in [State::PreCopy, State::PreCopyP2p, State::StopCopy] {
        let mut host = Host::new(ALL);
        let id = host.open(to);
        let mut bytes = host.fill(id).expect("a save").1;
        for front in [Front::V1, Front::V2] {
            let path = host.machine.path();
            let same = host.machine.request(front, to, &mut host.dev, path);
            assert_eq!(same, Ok(None));
        }
        host.request(State::StopCopy).expect("legal");
        bytes.extend(host.drain(id));
        assert_loads(&bytes);
    }
    let (whole, contents) = stream();
    let mut host = Host::new(ALL);
    let id = host.open(State::Resuming);
    let (head, tail) = whole.split_at(whole.len() / 2);
    host.push(id, head).expect("is a stream");
    assert_eq!(host.request(State::Resuming), Ok(None));
    host.push(id, tail).expect("is a stream");
    host.request(State::Stop).expect("is whole");
    assert_eq!(host.dev.contents(), contents);
}

type Ending = (&'static str, fn(&mut Host));

/// Every way in which a session ends.
fn endings() -> Vec<Ending> {
    vec![
        ("left", |h| {
            h.request(State::Stop).map(|_| ()).expect("legal")
        }),
        ("left for another", |h| {
            h.request(State::Stop).expect("legal");
            h.open(State::StopCopy);
        }),
        ("left for a load", |h| {
            h.request(State::Stop).expect("legal");
            h.open(State::Resuming);
        }),
        ("left for the other interface", |h| {
            h.request(State::Running).expect("legal");
            h.set(2).expect("legal");
        }),
        ("reset", Host::reset),
        ("failed", |h| h.machine.fail(&mut h.dev)),
        ("closed", |h| h.machine.close(&mut h.dev)),
        ("closed and opened", |h| {
            h.machine.close(&mut h.dev);
            h.reset();
            h.open(State::PreCopy);
        }),
    ]
}

#[test]
fn a_dead_session_is_no_device() {
    let (whole, _) = stream();
    for (how, end) in endings() {
        for to in [
            State::PreCopy,
            State::PreCopyP2p,
            State::StopCopy,
            State::Resuming,
        ] {
            let mut host = Host::new(ALL);
            let id = host.open(to);
            if to == State::Resuming {
                host.push(id, &whole).expect("is a stream");
            }
            end(&mut host);
            let calls = host.dev.calls.len();
            assert_eq!(host.fill(id), Err(Errno::NoDev), "{how}");
            assert_eq!(host.push(id, b"x"), Err(Errno::NoDev), "{how}");
            assert_eq!(host.push(id, b""), Err(Errno::NoDev), "{how}");
            let precopy = host.machine.precopy(id, &mut host.dev);
            assert_eq!(precopy, Err(Errno::NoDev), "{how}");
            assert_eq!(host.dev.calls.len(), calls);
        }
    }
}

#[test]
fn bytes_go_one_way() {
    let mut host = Host::new(ALL);
    let id = host.open(State::StopCopy);
    assert_eq!(host.push(id, b"x"), Err(Errno::NoDev));
    host.request(State::Stop).expect("legal");
    let id = host.open(State::Resuming);
    assert_eq!(host.fill(id), Err(Errno::NoDev));
}

#[test]
fn a_stream_cut_anywhere_is_no_load_yet() {
    let (whole, contents) = stream();
    for cut in 0..whole.len() {
        let mut host = Host::new(ALL);
        let before = host.dev.contents();
        let id = host.open(State::Resuming);
        let (head, tail) = whole.split_at(cut);
        host.push(id, head).expect("nothing is wrong so far");
        for to in [State::Stop, State::Running, State::PreCopy] {
            let refused = host.request(to).expect_err("is cut");
            assert!(matches!(refused, Refused::Stream(_)));
            assert_eq!(refused.errno(), Errno::Inval);
        }
        assert_eq!(
            (host.state(), host.dev.contents()),
            (State::Resuming, before)
        );
        assert!(
            host.machine.refusal().is_none(),
            "that it is not whole is no fault"
        );
        host.push(id, tail).expect("the rest");
        host.request(State::Stop).expect("is whole");
        assert_eq!(host.dev.contents(), contents);
    }
}

#[test]
fn a_refused_load_stays_refused_until_a_reset() {
    let (whole, contents) = stream();
    let line_of_another = {
        let (mut writer, mut out) = (Writer::new(crc32c), vec![0; MAX_RECORD]);
        let len = writer.version("umbrella/1,model=u", &mut out);
        out[..len].to_vec()
    };
    let no_state = {
        let (mut writer, mut out) = (Writer::new(crc32c), vec![0; MAX_RECORD]);
        let mut bytes = Vec::new();
        let len = writer.version(LINE, &mut out);
        bytes.extend(&out[..len]);
        let len = writer.end(&mut out);
        bytes.extend(&out[..len]);
        bytes
    };
    let mut flipped = whole.clone();
    flipped[HEADER + 3] ^= 1;
    let mut longer = whole.clone();
    longer.push(0);
    for (bytes, errno) in [
        (line_of_another, Errno::Xdev),
        (no_state, Errno::Inval),
        (flipped, Errno::Inval),
        (longer, Errno::Inval),
        (vec![0xff; 64], Errno::Inval),
    ] {
        let mut host = Host::new(ALL);
        let before = host.dev.contents();
        let id = host.open(State::Resuming);
        assert_eq!(host.push(id, &bytes), Err(errno));
        let refusal = host.machine.refusal().expect("was refused");
        assert_eq!(refusal.errno(), errno);
        for again in [&whole[..], &bytes[..], b""] {
            assert_eq!(host.push(id, again), Err(errno));
        }
        for to in [State::Stop, State::Running] {
            assert_eq!(host.request(to), Err(Refused::Stream(refusal)));
        }
        assert_eq!(
            (host.state(), host.dev.contents()),
            (State::Resuming, before)
        );
        host.check();
        host.reset();
        assert_eq!(host.state(), State::Running);
        assert!(host.machine.refusal().is_none());
        let id = host.open(State::Resuming);
        host.push(id, &whole).expect("a load like any other");
        host.request(State::Running).expect("is whole");
        assert_eq!(host.dev.contents(), contents);
    }
}

#[test]
fn reset_failure_and_close_end_everything_from_anywhere() {
    for (_, flags) in OFFERS {
        let states = || State::ALL.into_iter().filter(|s| *s != State::Error);
        for from in states().filter(|s| flags.has(s.needs())) {
            let started = || {
                let mut host = Host::new(flags);
                host.request(from).expect("can be reached");
                host
            };
            let mut host = started();
            host.reset();
            assert_eq!((host.state(), host.dev.contents().1), (State::Running, 0));
            host.check();

            let mut host = started();
            host.machine.fail(&mut host.dev);
            assert_eq!(host.state(), State::Error);
            host.check();
            let refused = host.request(State::Running).expect_err("only a reset");
            assert_eq!(refused, Refused::Failed { front: Front::V2 });
            assert_eq!((host.set(1), host.set(6)), (Err(Errno::Io), Err(Errno::Io)));
            assert_eq!(host.value(), 6);
            host.reset();
            assert_eq!(host.state(), State::Running);
            host.check();

            let mut host = started();
            host.machine.close(&mut host.dev);
            assert_eq!(host.state(), State::Running);
            assert_eq!(host.dev.activity(), Activity::Stopped);
            assert!(host.machine.open_session().is_none());
            host.reset();
            host.check();
        }
    }
}

#[test]
fn a_new_machine_does_nothing_until_it_is_reset() {
    let machine = Machine::<Vec<u8>>::new(Flags::P2P, crc32c);
    assert_eq!(machine.state(), State::Running);
    assert_eq!(machine.activity(), Activity::Stopped);
    assert_eq!(
        machine.flags(),
        Flags::STOP_COPY.with(Flags::P2P),
        "every device has it"
    );
}

#[test]
fn a_path_that_leads_nowhere_is_given_up() {
    type Next = fn(State, State) -> Result<State, Errno>;
    let nowhere: [Next; 4] = [
        |from, _| Ok(from),
        |_, _| Ok(State::Error),
        |_, _| Err(Errno::Inval),
        |from, _| match from {
            State::Running => Ok(State::Stop),
            _ => Ok(State::Running),
        },
    ];
    for next in nowhere {
        let mut host = Host::new(Flags::STOP_COPY);
        let request = host
            .machine
            .request(Front::V2, State::StopCopy, &mut host.dev, next);
        assert!(matches!(request, Err(Refused::Illegal { .. })));
        assert!(matches!(host.state(), State::Running | State::Stop));
        host.check();
    }
}

#[test]
fn a_save_begins_anew_each_time() {
    let mut host = Host::new(ALL);
    let mut last = None;
    for _ in 0..3 {
        let id = host.open(State::PreCopy);
        assert_ne!(Some(id), last, "no session has the name of another");
        last = Some(id);
        host.fill(id).expect("a save");
        host.request(State::Running).expect("cancelled");
    }
    let id = host.open(State::StopCopy);
    let bytes = host.drain(id);
    assert_loads(&bytes);
    assert_eq!(
        host.dev
            .calls
            .iter()
            .filter(|c| **c == Call::EndSave)
            .count(),
        3
    );
}
