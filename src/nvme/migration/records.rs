// SPDX-License-Identifier: GPL-2.0

//! The payloads, as bytes and back.

use crate::config::{Config, Identity};
use crate::media::{Run, PAGE, RUN};
use migcore::stream::MAX_PAYLOAD;

/// The bytes of a number.
const NUMBER: usize = size_of::<u64>();

/// The bytes of IDENTITY.
pub(super) const IDENTITY_SIZE: usize = 64;

/// The bytes of PAGES before the pages.
pub(super) const PAGES_HEAD: usize = NUMBER;

/// The bytes of a run in GONE.
pub(super) const GONE_RUN: usize = 2 * NUMBER;

/// The most runs in GONE.
pub(super) const GONE_RUNS: usize = MAX_PAYLOAD / GONE_RUN;

const _: () = assert!(PAGES_HEAD + RUN as usize * PAGE <= MAX_PAYLOAD);

/// Who a drive is, and how large.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Who {
    pub(super) identity: Identity,
    pub(super) blocks: u64,
    pub(super) block_size: u32,
}

impl Who {
    pub(super) fn new(identity: &Identity, config: &Config) -> Self {
        Self {
            identity: *identity,
            blocks: config.blocks,
            // CAST: 512 or 4096.
            block_size: config.block_size.bytes() as u32,
        }
    }

    pub(super) fn encode(&self) -> [u8; IDENTITY_SIZE] {
        let Self {
            identity,
            blocks,
            block_size,
        } = self;
        let Identity {
            serial,
            nguid,
            uuid,
        } = identity;
        let fields = [
            &serial[..],
            nguid,
            uuid,
            &blocks.to_le_bytes(),
            &block_size.to_le_bytes(),
        ];
        let mut out = [0; IDENTITY_SIZE];
        for (place, byte) in out.iter_mut().zip(fields.into_iter().flatten()) {
            *place = *byte;
        }
        out
    }

    pub(super) fn decode(payload: &[u8]) -> Option<Self> {
        let (serial, rest) = payload.split_first_chunk()?;
        let (nguid, rest) = rest.split_first_chunk()?;
        let (uuid, rest) = rest.split_first_chunk()?;
        let (blocks, rest) = rest.split_first_chunk()?;
        Some(Self {
            identity: Identity {
                serial: *serial,
                nguid: *nguid,
                uuid: *uuid,
            },
            blocks: u64::from_le_bytes(*blocks),
            block_size: u32::from_le_bytes(rest.try_into().ok()?),
        })
    }
}

/// A run of GONE, and what is behind it.
pub(super) fn decode_run(payload: &[u8]) -> Option<(Run, &[u8])> {
    let (first, rest) = payload.split_first_chunk()?;
    let (count, rest) = rest.split_first_chunk()?;
    let run = Run {
        first: u64::from_le_bytes(*first),
        count: u64::from_le_bytes(*count),
    };
    Some((run, rest))
}

/// Puts numbers at the start of a payload, which has room for them.
pub(super) fn put(payload: &mut [u8], numbers: &[u64]) {
    for (place, number) in payload.chunks_exact_mut(NUMBER).zip(numbers) {
        place.copy_from_slice(&number.to_le_bytes());
    }
}
