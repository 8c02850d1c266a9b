// SPDX-License-Identifier: GPL-2.0

//! The region as bytes: each offset and width, what can be written, what never changes.

use super::client::{stream, Host, ALL, OFFSET, PENDING, SIZE, STATE};
use migcore::migration::v1::{DATA_OFFSET, REGION, SECTION};
use migcore::migration::State;
use migcore::Errno;

const WIDTHS: [usize; 7] = [1, 2, 3, 4, 5, 8, 16];

/// Whether an access is to something at all, said by a list instead of by ranges.
fn is_legal(offset: u64, len: usize) -> bool {
    let registers = [(STATE, 4), (PENDING, 8), (OFFSET, 8), (SIZE, 8)];
    if registers.contains(&(offset, len)) {
        return true;
    }
    let nothing = |at: u64| (0x04..0x08).contains(&at) || (0x20..0x1000).contains(&at);
    let data = |at: u64| (0x1000..0x10_1000).contains(&at);
    let bytes = || offset..offset + len as u64;
    bytes().all(nothing) || bytes().all(data)
}

fn offsets() -> impl Iterator<Item = u64> {
    (0..0x40)
        .chain(0xff0..0x1010)
        .chain(REGION - 0x10..REGION + 0x10)
}

#[test]
fn the_layout_is_what_the_header_says() {
    assert_eq!(
        (DATA_OFFSET, SECTION, REGION),
        (0x1000, 0x10_0000, 0x10_1000)
    );
}

#[test]
fn each_offset_and_width_is_read_or_refused() {
    let mut host = Host::new(ALL);
    for offset in offsets() {
        for len in WIDTHS {
            let mut out = vec![0xa5; len];
            let read = host.read(offset, &mut out);
            let wanted = is_legal(offset, len).then_some(()).ok_or(Errno::Inval);
            assert_eq!(read, wanted, "{len} bytes at {offset:#x}");
            let value: &[u8] = match (offset, len) {
                _ if read.is_err() => &[0xa5; 16],
                (STATE, 4) => &1_u32.to_ne_bytes(),
                (OFFSET, 8) => &DATA_OFFSET.to_ne_bytes(),
                _ => &[0; 16],
            };
            assert_eq!(out, value[..len], "{len} bytes at {offset:#x}");
        }
    }
}

#[test]
fn each_offset_and_width_is_written_or_refused() {
    for byte in [0, 1, 0xff] {
        let mut host = Host::new(ALL);
        for offset in offsets() {
            for len in WIDTHS {
                let register = (offset, len) == (STATE, 4) || offset < 0x20 && len == 8;
                let wanted = if (offset, len) == (STATE, 4) && byte == 0 {
                    Ok(()) // STOP, again and again
                } else if register {
                    Err(Errno::Inval)
                } else {
                    is_legal(offset, len).then_some(()).ok_or(Errno::Inval)
                };
                let written = host.write(offset, &vec![byte; len]);
                assert_eq!(written, wanted, "{len} bytes of {byte} at {offset:#x}");
            }
        }
        let state = if byte == 0 {
            State::Stop
        } else {
            State::Running
        };
        assert_eq!(host.state(), state);
        assert_eq!(host.register(PENDING), Ok(0));
        assert_eq!(host.register(OFFSET), Ok(DATA_OFFSET));
        assert_eq!(host.register(SIZE), Ok(0));
    }
}

#[test]
fn accesses_at_the_end_of_numbers_are_refused() {
    let mut host = Host::new(ALL);
    for offset in [REGION, 1 << 40, u64::MAX - 7, u64::MAX] {
        assert_eq!(host.read(offset, &mut [0; 8]), Err(Errno::Inval));
        assert_eq!(host.write(offset, &[0; 8]), Err(Errno::Inval));
    }
    let mut whole = vec![0; SECTION + 1];
    assert_eq!(host.read(DATA_OFFSET, &mut whole), Err(Errno::Inval));
    assert_eq!(host.read(DATA_OFFSET, &mut whole[1..]), Ok(()));
    // Nothing at all is fine at the end of the section, and not after it.
    assert_eq!(host.read(REGION, &mut []), Ok(()));
    assert_eq!(host.read(REGION + 1, &mut []), Err(Errno::Inval));
}

#[test]
fn reserved_bits_of_the_state_are_refused() {
    for from in 0..=4 {
        let mut host = Host::new(ALL);
        host.set(from).expect("can be reached");
        for bit in 3..32 {
            for low in 0..8 {
                assert_eq!(
                    host.set((1 << bit) | low),
                    Err(Errno::Inval),
                    "{from}: bit {bit}"
                );
                assert_eq!(host.value(), from);
            }
        }
        host.check();
    }
}

/// The rule of the pairs, without sessions of others; what each leads through is in the table.
#[test]
fn each_pair_of_states_is_reached_or_refused() {
    let (whole, _) = stream();
    for from in [0, 1, 2, 3, 4, 6] {
        for to in 0..8 {
            let mut host = Host::new(ALL);
            match from {
                6 => host.machine.fail(&mut host.dev),
                _ => host.set(from).expect("can be reached"),
            }
            if from == 4 {
                host.give(&whole).expect("is a stream");
            }
            let wanted = match (from, to) {
                (6, _) => Err(Errno::Io),
                (_, 5..) | (4, 2 | 3) => Err(Errno::Inval),
                _ => Ok(()),
            };
            assert_eq!(host.set(to), wanted, "{from} to {to}");
            assert_eq!(host.value(), if wanted.is_ok() { to } else { from });
            host.check();
        }
    }
}

#[test]
fn read_only_registers_never_change() {
    let mut host = Host::new(ALL);
    host.set(2).expect("legal");
    let before = [PENDING, OFFSET].map(|r| host.register(r));
    for register in [PENDING, OFFSET, SIZE] {
        for value in [0, 1, u64::MAX] {
            let written = host.write(register, &value.to_ne_bytes());
            assert_eq!(written, Err(Errno::Inval));
        }
    }
    assert_eq!([PENDING, OFFSET].map(|r| host.register(r)), before);
}

#[test]
fn the_section_is_memory_in_every_state() {
    for state in [0, 1, 2, 3, 4] {
        let mut host = Host::new(ALL);
        host.set(state).expect("can be reached");
        let bytes: Vec<u8> = (0..13).collect();
        for at in [DATA_OFFSET, DATA_OFFSET + 1, REGION - 13] {
            host.write(at, &bytes).expect("is memory");
            let mut out = [0; 13];
            host.read(at, &mut out).expect("is memory");
            assert_eq!(out[..], bytes);
        }
    }
}

#[test]
fn what_v1_has_no_word_for_reads_as_what_it_is_part_of() {
    let mut host = Host::new(ALL);
    host.request(State::RunningP2p).expect("legal");
    assert_eq!(host.value(), 1);
    host.set(1).expect("is what it reads");
    assert_eq!(
        host.state(),
        State::Running,
        "to this client, running means running"
    );
    host.request(State::PreCopyP2p).expect("legal");
    assert_eq!(host.value(), 3);
    host.set(3).expect("is what it reads");
    assert_eq!(host.state(), State::PreCopyP2p, "the session is another's");
    // Another's data is none of its business.
    assert_eq!(host.register(PENDING), Ok(0));
    assert_eq!(host.register(SIZE), Ok(0));
    assert_eq!(host.set_size(0), Err(Errno::Busy));
}
