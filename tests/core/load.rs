// SPDX-License-Identifier: GPL-2.0

//! The configuration space as migrated state: nothing but what guest and device can make of it.

use crate::cases;
use crate::config::{writes, ALL};
use migcore::config::{offset, Config, Layout, LoadError, SIZE};
use migcore::Errno;
use proptest::prelude::*;

/// Drives a fresh space to these bytes as far as guest and device can, without loading.
fn driven(layout: &'static Layout, bytes: &[u8; SIZE]) -> [u8; SIZE] {
    let mut config = Config::new(layout);
    config.write(0, bytes);
    let word = |at: usize| u32::from_le_bytes([0, 1, 2, 3].map(|i| bytes[at + i]));
    let status = (word(offset::COMMAND) >> 16) as u16;
    config.report_errors(status);
    config.show_interrupt(status & 8 != 0);
    for vector in 0..32 {
        config.set_msi_pending(vector, (word(offset::MSI_PENDING) >> vector) & 1 == 1);
    }
    config.save()
}

/// A load is taken exactly when guest and device could have made it so; otherwise nothing changes.
fn holds(layout: &'static Layout, from: &Config, bytes: &[u8; SIZE]) -> Result<(), LoadError> {
    let mut config = from.clone();
    let result = config.load(bytes);
    assert_eq!(result, from.check(bytes));
    assert_eq!(
        result.is_ok(),
        driven(layout, bytes) == *bytes,
        "{result:?}"
    );
    let wanted = if result.is_ok() { *bytes } else { from.save() };
    assert_eq!(config.save(), wanted);
    result
}

/// Each of the 2048 bits of a fresh space, flipped.
#[test]
fn every_flipped_bit() {
    for layout in ALL {
        let fresh = Config::new(layout);
        let mut taken = 0;
        for bit in 0..8 * SIZE {
            let mut bytes = fresh.save();
            bytes[bit / 8] ^= 1 << (bit % 8);
            match holds(layout, &fresh, &bytes) {
                Ok(()) => taken += 1,
                Err(error) => assert_eq!(error.errno(), Errno::Inval),
            }
        }
        assert!(taken > 20, "{taken}");
    }
}

/// Each value of the bytes in which bits depend on each other.
#[test]
fn every_value_of_a_field() {
    for layout in ALL {
        let fresh = Config::new(layout);
        for at in [offset::PM_CONTROL, offset::MSI_CONTROL] {
            for value in 0..=255 {
                let mut bytes = fresh.save();
                bytes[at] = value;
                let _ = holds(layout, &fresh, &bytes);
            }
        }
    }
}

#[test]
fn other_lengths() {
    let mut config = Config::new(ALL[0]);
    for found in [0, 1, 255, 257, 4096] {
        assert_eq!(
            config.load(&vec![0; found]),
            Err(LoadError::Length { found })
        );
    }
}

/// The state of one function is not that of another.
#[test]
fn another_layout() {
    for (a, layout) in ALL.iter().enumerate() {
        for (b, other) in ALL.iter().enumerate() {
            let result = Config::new(layout).load(&Config::new(other).save());
            assert_eq!(result.is_ok(), a == b);
        }
    }
}

#[test]
fn refusals_say_where() {
    let mut config = Config::new(ALL[0]);
    let mut say = |at: usize, value: u8| {
        let mut bytes = Config::new(ALL[0]).save();
        bytes[at] = value;
        config.load(&bytes).map_err(|e| e.to_string())
    };
    let says = [
        say(0x00, 0x35).expect_err("a vendor"),
        say(offset::PM_CONTROL, 0x0a).expect_err("D2"),
        Config::new(ALL[0])
            .load(&[])
            .expect_err("empty")
            .to_string(),
    ];
    crate::golden::golden("config-load", &says.map(|s| s + "\n").concat());
}

proptest! {
    #![proptest_config(cases(256))]

    /// After any life, the state that is saved makes a fresh device read the same.
    #[test]
    fn nothing_is_lost(
        index in 0..ALL.len(),
        before in writes(),
        after in writes(),
        errors in any::<u16>(),
        line in any::<bool>(),
        vector in 0u32..40,
    ) {
        let (layout, mut source) = (ALL[index], Config::new(ALL[index]));
        for (at, data) in &before {
            source.write(*at, data);
        }
        source.report_errors(errors);
        source.show_interrupt(line);
        source.set_msi_pending(vector, true);
        for (at, data) in &after {
            source.write(*at, data);
        }
        let mut target = Config::new(layout);
        target.write(0, &[0xff; SIZE]);
        let state = source.save();
        prop_assert_eq!(target.load(&state), Ok(()));
        prop_assert_eq!(target.save(), state);
        prop_assert_eq!(target.msi(), source.msi());
        prop_assert_eq!(driven(layout, &state), state);
    }

    /// Any bytes, and a real state with some bytes replaced.
    #[test]
    fn hostile_states(
        index in 0..ALL.len(),
        life in writes(),
        noise in proptest::collection::vec((0..SIZE, any::<u8>()), 0..6),
        blank in any::<bool>(),
    ) {
        let (layout, mut config) = (ALL[index], Config::new(ALL[index]));
        for (at, data) in &life {
            config.write(*at, data);
        }
        let mut bytes = if blank { [0; SIZE] } else { config.save() };
        for (at, value) in noise {
            bytes[at] = value;
        }
        let _ = holds(layout, &config, &bytes);
    }
}
