// SPDX-License-Identifier: GPL-2.0

//! The configuration space, bit by bit: what is fixed, what can be written, and by whom.

use migcore::config::{offset, Bar, Changed, Config, Layout, Msix, SIZE};
use proptest::collection::vec;
use proptest::prelude::*;
use std::panic::catch_unwind;

/// Something of everything.
pub(crate) static FULL: Layout = Layout {
    vendor: 0x1234,
    device: 0x5678,
    subsystem_vendor: 0x9abc,
    subsystem: 0xdef0,
    class: 0x07_0002,
    revision: 0x11,
    bars: [
        Bar::Io { size: 8 },
        memory(0x1000, false, false),
        memory(1 << 34, true, true),
        Bar::None,
        memory(1 << 20, true, false),
        Bar::None,
    ],
    pin: true,
    msi: Some(4),
    msix: Some(Msix {
        vectors: 65,
        bar: 1,
        table: 0x800,
        pba: 0x10,
    }),
};

/// As little as there can be.
pub(crate) static BARE: Layout = Layout {
    vendor: 0x1234,
    ..Layout::NONE
};

/// What the other two do not have.
pub(crate) static REST: Layout = Layout {
    vendor: 1,
    bars: [
        Bar::Io { size: 256 },
        Bar::Io { size: 4 },
        memory(16, false, true),
        memory(1 << 31, false, false),
        memory(1 << 40, true, true),
        Bar::None,
    ],
    msi: Some(32),
    msix: Some(Msix {
        vectors: 2048,
        bar: 3,
        table: 0,
        pba: 0x8000,
    }),
    ..Layout::NONE
};

const _: () = FULL.check();
const _: () = BARE.check();
const _: () = REST.check();

pub(crate) static ALL: [&Layout; 3] = [&FULL, &BARE, &REST];

const fn memory(size: u64, wide: bool, prefetchable: bool) -> Bar {
    Bar::Memory {
        size,
        wide,
        prefetchable,
    }
}

pub(crate) fn dword(config: &Config, at: usize) -> u32 {
    let mut out = [0; 4];
    config.read(at, &mut out);
    u32::from_le_bytes(out)
}

/// Offset, value after a reset, bits that can be written. All else is 0 and stays 0.
type Table = &'static [(usize, u32, u32)];

const FULL_TABLE: Table = &[
    (0x00, 0x5678_1234, 0),
    (0x04, 0x0010_0000, 0x0000_0407),
    (0x08, 0x0700_0211, 0),
    (0x0c, 0, 0x0000_ffff),
    (0x10, 0x0000_0001, 0xffff_fff8),
    (0x14, 0x0000_0000, 0xffff_f000),
    (0x18, 0x0000_000c, 0x0000_0000),
    (0x1c, 0x0000_0000, 0xffff_fffc),
    (0x20, 0x0000_0004, 0xfff0_0000),
    (0x24, 0x0000_0000, 0xffff_ffff),
    (0x2c, 0xdef0_9abc, 0),
    (0x34, 0x0000_0040, 0),
    (0x3c, 0x0000_0100, 0x0000_00ff),
    (0x40, 0x0003_4801, 0),
    // Two bits with two values, of which `every_bit` can write neither alone.
    (0x44, 0x0000_0008, 0),
    (0x48, 0x0184_6005, 0x0031_0000),
    (0x4c, 0, 0xffff_fffc),
    (0x50, 0, 0xffff_ffff),
    (0x54, 0, 0x0000_ffff),
    (0x58, 0, 0x0000_000f),
    (0x60, 0x0040_0011, 0xc000_0000),
    (0x64, 0x0000_0801, 0),
    (0x68, 0x0000_0011, 0),
];

const BARE_TABLE: Table = &[
    (0x00, 0x0000_1234, 0),
    (0x04, 0x0010_0000, 0x0000_0004),
    (0x0c, 0, 0x0000_ffff),
    (0x34, 0x0000_0040, 0),
    (0x3c, 0, 0x0000_00ff),
    (0x40, 0x0003_0001, 0),
    (0x44, 0x0000_0008, 0),
];

const REST_TABLE: Table = &[
    (0x00, 0x0000_0001, 0),
    (0x04, 0x0010_0000, 0x0000_0007),
    (0x0c, 0, 0x0000_ffff),
    (0x10, 0x0000_0001, 0xffff_ff00),
    (0x14, 0x0000_0001, 0xffff_fffc),
    (0x18, 0x0000_0008, 0xffff_fff0),
    (0x1c, 0x0000_0000, 0x8000_0000),
    (0x20, 0x0000_000c, 0x0000_0000),
    (0x24, 0x0000_0000, 0xffff_ff00),
    (0x34, 0x0000_0040, 0),
    (0x3c, 0, 0x0000_00ff),
    (0x40, 0x0003_4801, 0),
    (0x44, 0x0000_0008, 0),
    (0x48, 0x018a_6005, 0x0071_0000),
    (0x4c, 0, 0xffff_fffc),
    (0x50, 0, 0xffff_ffff),
    (0x54, 0, 0x0000_ffff),
    (0x58, 0, 0xffff_ffff),
    (0x60, 0x07ff_0011, 0xc000_0000),
    (0x64, 0x0000_0003, 0),
    (0x68, 0x0000_8003, 0),
];

/// Each bit by itself: it is set, others stay; it is cleared again.
#[test]
fn every_bit() {
    for (layout, table) in [
        (&FULL, FULL_TABLE),
        (&BARE, BARE_TABLE),
        (&REST, REST_TABLE),
    ] {
        for at in (0..SIZE).step_by(4) {
            let row = table.iter().find(|(offset, ..)| *offset == at);
            let (_, initial, writable) = row.copied().unwrap_or_default();
            let mut config = Config::new(layout);
            assert_eq!(dword(&config, at), initial, "{at:#x} after a reset");
            for bit in (0..32).map(|bit| 1u32 << bit) {
                config.write(at, &(initial | bit).to_le_bytes());
                let wanted = initial | (bit & writable);
                assert_eq!(dword(&config, at), wanted, "{at:#x}, {bit:#x} set");
                config.write(at, &(initial & !bit).to_le_bytes());
                assert_eq!(dword(&config, at), initial, "{at:#x}, {bit:#x} cleared");
            }
        }
    }
}

/// As an operating system asks for the size of a BAR.
#[test]
fn bar_sizing() {
    let size = |config: &mut Config, bar: usize, low: u32| {
        let at = offset::BAR + 4 * bar;
        config.write(at, &[0xff; 4]);
        let value = dword(config, at);
        (value & low, u64::from(!(value & !low)) + 1)
    };
    let mut config = Config::new(&FULL);
    assert_eq!(size(&mut config, 0, 0x3), (0x1, 8), "ports");
    assert_eq!(size(&mut config, 1, 0xf), (0x0, 0x1000), "32 bits");
    assert_eq!(size(&mut config, 4, 0xf), (0x4, 1 << 20), "64 bits");
    config.write(offset::BAR + 8, &[0xff; 8]);
    let mut wide = [0; 8];
    config.read(offset::BAR + 8, &mut wide);
    assert_eq!(u64::from_le_bytes(wide), (1u64 << 34).wrapping_neg() | 0xc);
    let mut config = Config::new(&REST);
    assert_eq!(size(&mut config, 0, 0x3), (0x1, 256));
    assert_eq!(size(&mut config, 1, 0x3), (0x1, 4));
    assert_eq!(size(&mut config, 2, 0xf), (0x8, 16));
    assert_eq!(size(&mut config, 3, 0xf), (0x0, 1 << 31));
    // A BAR that there is not.
    config = Config::new(&BARE);
    config.write(offset::BAR, &[0xff; 24]);
    assert_eq!(config.save(), Config::new(&BARE).save());
}

#[test]
fn status() {
    for layout in ALL {
        let mut config = Config::new(layout);
        let read = |config: &Config| (dword(config, offset::COMMAND) >> 16) as u16;
        config.report_errors(0xffff);
        assert_eq!(read(&config), 0xf910, "only errors");
        // Writing 0 keeps them, writing 1 clears each by itself, nothing sets them.
        config.write(offset::STATUS, &[0, 0]);
        assert_eq!(read(&config), 0xf910);
        config.write(offset::STATUS + 1, &[0x81]);
        assert_eq!(read(&config), 0x7810);
        config.write(offset::STATUS, &[0xff, 0xff]);
        assert_eq!(read(&config), 0x0010);
        config.write(offset::STATUS, &[0xff, 0xff]);
        assert_eq!(read(&config), 0x0010);
        config.show_interrupt(true);
        let line = if layout.pin { 0x0008 } else { 0 };
        assert_eq!(read(&config), 0x0010 | line);
        config.write(offset::STATUS, &[0xff, 0xff]);
        assert_eq!(read(&config), 0x0010 | line, "the guest cannot");
        config.show_interrupt(false);
        assert_eq!(read(&config), 0x0010);
    }
}

#[test]
fn command() {
    let mut config = Config::new(&FULL);
    let all = |c: &Config| {
        let [io, memory] = [c.io_enabled(), c.memory_enabled()];
        [io, memory, c.bus_master(), c.intx_disabled()]
    };
    assert_eq!(all(&config), [false; 4]);
    for (index, bit) in [0x001u16, 0x002, 0x004, 0x400].into_iter().enumerate() {
        let changed = config.write(offset::COMMAND, &bit.to_le_bytes());
        let wanted = Changed {
            command: true,
            ..Changed::default()
        };
        assert_eq!(changed, wanted);
        let mut only = [false; 4];
        only[index] = true;
        assert_eq!(all(&config), only);
    }
    assert_eq!(
        config.write(offset::COMMAND, &[0x00, 0x04]),
        Changed::default(),
        "the same"
    );
    // A reset takes every permission away.
    config.write(offset::COMMAND, &[0xff, 0xff]);
    assert_eq!(all(&config), [true; 4]);
    config.reset();
    assert_eq!(all(&config), [false; 4]);
    // And it moves.
    config.write(offset::COMMAND, &[0x04, 0x00]);
    let mut other = Config::new(&FULL);
    assert_eq!(other.load(&config.save()), Ok(()));
    assert_eq!(all(&other), [false, false, true, false]);
}

#[test]
fn power() {
    let mut config = Config::new(&FULL);
    assert!(config.is_powered());
    // D1 and D2 are not there: such a write changes nothing.
    for (state, powered) in [
        (1, true),
        (2, true),
        (3, false),
        (2, false),
        (1, false),
        (0, true),
    ] {
        config.write(offset::PM_CONTROL, &[state, 0x81]);
        assert_eq!(config.is_powered(), powered, "D{state}");
        let wanted = if powered { 0x8 } else { 0xb };
        assert_eq!(dword(&config, offset::PM_CONTROL), wanted);
    }
}

#[test]
fn msi() {
    let mut config = Config::new(&FULL);
    assert_eq!(config.msi(), None);
    config.write(offset::MSI_ADDRESS, &0x1234_5678_fee0_0003u64.to_le_bytes());
    config.write(offset::MSI_DATA, &0x4021u16.to_le_bytes());
    config.write(offset::MSI_MASK, &0xffff_fff5u32.to_le_bytes());
    for vector in [0, 2, 4, 31, 32, u32::MAX] {
        config.set_msi_pending(vector, true);
    }
    assert_eq!(config.msi(), None, "not on yet");
    // 4 is what there is; 8 is not taken, but what stands beside it is.
    for (control, vectors) in [
        (0x01, 1),
        (0x11, 2),
        (0x21, 4),
        (0x31, 4),
        (0x71, 4),
        (0x01, 1),
    ] {
        config.write(offset::MSI_CONTROL, &[control]);
        let msi = config.msi().expect("it is on");
        assert_eq!(msi.vectors, vectors, "{control:#x}");
        assert_eq!((msi.address, msi.data), (0x1234_5678_fee0_0000, 0x4021));
        assert_eq!((msi.masked, msi.pending), (0x5, 0x5));
    }
    config.set_msi_pending(2, false);
    config.write(offset::MSI_PENDING, &[0xff; 4]);
    assert_eq!(
        config.msi().map(|m| m.pending),
        Some(0x1),
        "the guest cannot"
    );
    config.write(offset::MSI_CONTROL, &[0x70]);
    assert_eq!(config.msi(), None);
    let mut config = Config::new(&BARE);
    config.write(0, &[0xff; SIZE]);
    config.set_msi_pending(0, true);
    assert_eq!(config.msi(), None);
    assert_eq!(dword(&config, offset::MSI_PENDING), 0);
}

#[test]
fn msix() {
    let mut config = Config::new(&FULL);
    for (control, enabled, masked) in [(0xc0, true, true), (0x80, true, false), (0x40, false, true)]
    {
        let changed = config.write(offset::MSIX_CONTROL + 1, &[control]);
        assert!(changed.msix && !changed.msi);
        assert_eq!(
            (config.msix_enabled(), config.msix_masked()),
            (enabled, masked)
        );
    }
}

/// Who acts on a write is told what it was about, and only that.
#[test]
fn changes_are_told() {
    let told = |at: usize| {
        let mut config = Config::new(&FULL);
        let changed = config.write(at, &[0xff]);
        // These are for the guest's own use.
        let told = !matches!(at, offset::CACHE_LINE | offset::LATENCY | offset::LINE);
        let differs = config.save() != Config::new(&FULL).save();
        assert_eq!(changed != Changed::default(), told && differs, "{at:#x}");
        let Changed {
            command,
            bars,
            power,
            msi,
            msix,
        } = changed;
        [command, bars, power, msi, msix]
    };
    let areas = [0x04..0x06, 0x10..0x28, 0x44..0x45, 0x48..0x60, 0x60..0x6c];
    for at in 0..SIZE {
        for (flag, area) in told(at).into_iter().zip(&areas) {
            assert!(!flag || area.contains(&at), "{at:#x}");
        }
    }
    for (area, at) in [0x05, 0x11, 0x44, 0x58, 0x63].into_iter().enumerate() {
        assert!(told(at)[area], "{at:#x}");
    }
}

#[test]
fn a_reset_forgets_everything() {
    for layout in ALL {
        let mut config = Config::new(layout);
        config.write(0, &[0xff; SIZE]);
        config.report_errors(0xffff);
        config.show_interrupt(true);
        config.set_msi_pending(0, true);
        config.reset();
        assert_eq!(config.save(), Config::new(layout).save());
    }
}

/// The capabilities form a list without a gap, whichever there are.
#[test]
fn capability_list() {
    for (layout, wanted) in [
        (&FULL, &[1, 5, 0x11][..]),
        (&BARE, &[1]),
        (&REST, &[1, 5, 0x11]),
    ] {
        let bytes = Config::new(layout).save();
        let (mut next, mut found) = (bytes[offset::CAPABILITIES], Vec::new());
        while next != 0 {
            assert!(found.len() < SIZE && next % 4 == 0);
            found.push(bytes[usize::from(next)]);
            next = bytes[usize::from(next) + 1];
        }
        assert_eq!(found, wanted);
    }
    static ONLY_MSIX: Layout = Layout { msi: None, ..FULL };
    let bytes = Config::new(&ONLY_MSIX).save();
    assert_eq!((bytes[0x41], bytes[0x61]), (0x60, 0));
}

fn bar(at: usize, bar: Bar) -> Layout {
    let mut layout = FULL;
    layout.bars[at] = bar;
    layout
}

fn msix_at(vectors: u32, bar: usize, table: u32, pba: u32) -> Layout {
    let msix = Some(Msix {
        vectors,
        bar,
        table,
        pba,
    });
    Layout { msix, ..FULL }
}

#[test]
fn bad_layouts_do_not_compile() {
    let io = |size| Bar::Io { size };
    for (name, layout, says) in [
        ("no vendor", Layout::NONE, "vendor id"),
        (
            "vendor",
            Layout {
                vendor: 0xffff,
                ..FULL
            },
            "vendor id",
        ),
        (
            "class",
            Layout {
                class: 1 << 24,
                ..FULL
            },
            "class",
        ),
        ("no port", bar(0, io(0)), "I/O BAR"),
        ("2 ports", bar(0, io(2)), "I/O BAR"),
        ("12 ports", bar(0, io(12)), "I/O BAR"),
        ("512 ports", bar(0, io(512)), "I/O BAR"),
        (
            "8 bytes",
            bar(0, memory(8, false, false)),
            "power of two from 16",
        ),
        (
            "no bytes",
            bar(0, memory(0, false, false)),
            "power of two from 16",
        ),
        (
            "odd",
            bar(0, memory(0x1800, false, false)),
            "power of two from 16",
        ),
        (
            "4 GiB",
            bar(0, memory(1 << 32, false, false)),
            "must be wide",
        ),
        ("2 TiB", bar(2, memory(1 << 41, true, false)), "1 TiB"),
        ("wide, then another", bar(3, io(8)), "after a wide one"),
        (
            "wide at the end",
            bar(5, memory(16, true, false)),
            "after a wide one",
        ),
        (
            "no vector",
            Layout {
                msi: Some(0),
                ..FULL
            },
            "MSI has",
        ),
        (
            "3 vectors",
            Layout {
                msi: Some(3),
                ..FULL
            },
            "MSI has",
        ),
        (
            "64 vectors",
            Layout {
                msi: Some(64),
                ..FULL
            },
            "MSI has",
        ),
        ("no vector", msix_at(0, 1, 0x800, 0), "1 to 2048"),
        ("2049 vectors", msix_at(2049, 4, 0, 0x10000), "1 to 2048"),
        ("BAR 6", msix_at(1, 6, 0x800, 0), "BAR from 0 to 5"),
        ("ports", msix_at(1, 0, 0, 8), "memory BAR"),
        ("no BAR", msix_at(1, 3, 0, 8), "memory BAR"),
        ("table at 4", msix_at(1, 1, 4, 0x100), "multiples of 8"),
        ("bits at 4", msix_at(1, 1, 0x100, 4), "multiples of 8"),
        ("table outside", msix_at(1, 1, 0xff8, 0), "inside its BAR"),
        ("bits outside", msix_at(1, 1, 0, 0x1000), "inside its BAR"),
        (
            "far outside",
            msix_at(2048, 1, u32::MAX - 7, 0),
            "inside its BAR",
        ),
        ("bits in the table", msix_at(65, 1, 0, 0x408), "overlap"),
        ("table in the bits", msix_at(65, 1, 8, 0), "overlap"),
    ] {
        let error = catch_unwind(|| layout.check()).expect_err(name);
        let text = error.downcast_ref::<&str>().expect("a text");
        assert!(text.contains(says), "{name}: {text}");
    }
    // At their limits.
    for layout in [
        msix_at(65, 1, 0, 0x410),
        msix_at(65, 1, 0x10, 0),
        msix_at(1, 1, 0xff0, 0),
    ] {
        layout.check();
    }
}

/// A write as a guest makes one, and writes that only hostile software makes.
pub(crate) fn writes() -> impl Strategy<Value = Vec<(usize, Vec<u8>)>> {
    let at = prop_oneof![8 => 0usize..0x70, 1 => 0usize..300, 1 => Just(usize::MAX)];
    vec((at, vec(any::<u8>(), 0..12)), 0..40)
}

proptest! {
    #![proptest_config(crate::cases(256))]

    /// Width and alignment of an access do not matter, and none reaches what is not there.
    #[test]
    fn accesses_are_of_bytes(index in 0..ALL.len(), writes in writes(), cuts in vec(1usize..9, 8)) {
        let (mut whole, mut bytes) = (Config::new(ALL[index]), Config::new(ALL[index]));
        for (at, data) in &writes {
            whole.write(*at, data);
            for (i, byte) in data.iter().enumerate() {
                bytes.write(at.saturating_add(i), &[*byte]);
            }
        }
        let all = whole.save();
        prop_assert_eq!(all, bytes.save());
        let mut at = 0;
        for cut in cuts.iter().cycle() {
            let mut out = vec![0xaa; *cut];
            whole.read(at, &mut out);
            let wanted: Vec<u8> = (at..at + cut).map(|i| all.get(i).copied().unwrap_or(0)).collect();
            prop_assert_eq!(out, wanted);
            at += cut;
            if at > SIZE + 16 {
                break;
            }
        }
    }
}
