// SPDX-License-Identifier: GPL-2.0

//! The features (5.21.1), and the fields of their values in dword 11.

use super::Bits;

/// Arbitration (5.21.1.1).
pub const ARBITRATION: u8 = 0x01;
/// Power management (5.21.1.2).
pub const POWER: u8 = 0x02;
/// Temperature threshold (5.21.1.4).
pub const TEMPERATURE: u8 = 0x04;
/// Error recovery (5.21.1.5).
pub const ERROR_RECOVERY: u8 = 0x05;
/// Volatile write cache (5.21.1.6).
pub const WRITE_CACHE: u8 = 0x06;
/// Number of queues (5.21.1.7).
pub const QUEUES: u8 = 0x07;
/// Interrupt coalescing (5.21.1.8).
pub const COALESCING: u8 = 0x08;
/// Interrupt vector configuration (5.21.1.9).
pub const VECTOR: u8 = 0x09;
/// Write atomicity normal (5.21.1.10).
pub const ATOMICITY: u8 = 0x0a;
/// Asynchronous event configuration (5.21.1.11).
pub const EVENTS: u8 = 0x0b;

/// Get Features, SEL (5.13): the value in force.
pub const CURRENT: u64 = 0;
/// SEL: the default.
pub const DEFAULT: u64 = 1;
/// SEL: what was saved; the default, as nothing is.
pub const SAVED: u64 = 2;
/// SEL: what can be done with it.
pub const CAPABILITIES: u64 = 3;
/// Capabilities: each namespace has its own.
pub const OF_NAMESPACE: u32 = 1 << 1;
/// Capabilities: it can be set.
pub const CHANGEABLE: u32 = 1 << 2;

/// Arbitration: commands of a queue in a row, as a power of two.
pub const BURST: Bits = Bits::new(2, 0);
/// Arbitration: the burst has no limit.
pub const NO_LIMIT: u64 = 7;
/// Arbitration: all that is not reserved.
pub const ARBITRATION_ALL: u64 = BURST.mask() | Bits::new(31, 8).mask();

/// Power management: the state.
pub const POWER_STATE: Bits = Bits::new(4, 0);
/// Power management: all that is not reserved.
pub const POWER_ALL: u64 = Bits::new(7, 0).mask();

/// Temperature threshold: kelvins.
pub const THRESHOLD: Bits = Bits::new(15, 0);
/// Temperature threshold: which sensor.
pub const SENSOR: Bits = Bits::new(19, 16);
/// SENSOR: the composite temperature.
pub const COMPOSITE: u64 = 0;
/// SENSOR: all of them.
pub const ALL_SENSORS: u64 = 0xf;
/// Temperature threshold: over or under.
pub const SIDE: Bits = Bits::new(21, 20);
/// SIDE: too hot.
pub const OVER: u64 = 0;
/// SIDE: too cold.
pub const UNDER: u64 = 1;

/// Error recovery: the time limit.
pub const TIME_LIMIT: Bits = Bits::new(15, 0);
/// Error recovery: reading what is deallocated is an error.
pub const DEALLOCATED_ERROR: Bits = Bits::bit(16);

/// Volatile write cache: enabled.
pub const CACHE_ENABLED: Bits = Bits::bit(0);

/// Number of queues: submission queues, less 1.
pub const SUBMISSION: Bits = Bits::new(15, 0);
/// Number of queues: completion queues, less 1.
pub const COMPLETION: Bits = Bits::new(31, 16);
/// Number of queues: more than there can be.
pub const TOO_MANY: u64 = 0xffff;

/// Interrupt coalescing: threshold and time.
pub const COALESCING_ALL: u64 = Bits::new(15, 0).mask();

/// Interrupt vector configuration: which vector.
pub const IV: Bits = Bits::new(15, 0);
/// Interrupt vector configuration: it is not coalesced.
pub const NOT_COALESCED: Bits = Bits::bit(16);

/// Write atomicity normal: the guarantee is not needed.
pub const NOT_NEEDED: Bits = Bits::bit(0);

/// Asynchronous events: those of health, a bit for each critical warning.
pub const HEALTH_EVENTS: Bits = Bits::new(7, 0);
