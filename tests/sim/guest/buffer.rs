// SPDX-License-Identifier: GPL-2.0

//! Memory for data: pages here and there, and the PRPs that lead to them.

use crate::chance::Chance;
use guest_ram::{Ram, PAGE};

/// An address at which there is never anything, page after page.
const NOWHERE: u64 = 1 << 40;

const START: u64 = 40;
/// Buffers, the pages of each, and how many of those are for lists.
const SMALL: (u64, u64) = (20, 12);
const LARGE: (u64, u64) = (2, 132);
const LISTS: u64 = 2;
/// The first page behind all of them.
pub(super) const END: u64 = START + SMALL.0 * SMALL.1 + LARGE.0 * LARGE.1;

/// The data of a command.
#[derive(Clone, Debug)]
pub(super) struct Buffer {
    index: usize,
    offset: u64,
    len: usize,
    pub(super) prps: (u64, u64),
}

#[derive(Debug)]
struct Place {
    lists: Vec<u64>,
    data: Vec<u64>,
    used: bool,
}

#[derive(Debug)]
pub(super) struct Buffers(Vec<Place>);

impl Buffers {
    pub(super) fn new(chance: &mut Chance) -> Self {
        let mut next = START;
        let mut places = Vec::new();
        for (count, pages) in [SMALL, LARGE] {
            for _ in 0..count {
                let mut all: Vec<u64> = (next..next + pages).map(|page| page * PAGE).collect();
                next += pages;
                // Some follow each other, others do not.
                for _ in 0..pages / 2 {
                    let (a, b) = (chance.below(pages), chance.below(pages));
                    all.swap(a as usize, b as usize);
                }
                let data = all.split_off(LISTS as usize);
                places.push(Place {
                    lists: all,
                    data,
                    used: false,
                });
            }
        }
        Self(places)
    }

    pub(super) fn free(&mut self, buffer: Option<Buffer>) {
        if let Some(buffer) = buffer {
            assert!(std::mem::take(&mut self.0[buffer.index].used));
        }
    }

    /// Memory for so many bytes, if some is free.
    pub(super) fn get(&mut self, len: usize, chance: &mut Chance, ram: &mut Ram) -> Option<Buffer> {
        let offset = match chance.below(3) {
            0 => chance.below(PAGE / 4) * 4,
            _ => 0,
        };
        let pages = (offset as usize + len).div_ceil(PAGE as usize);
        let free = |place: &Place| !place.used && place.data.len() >= pages;
        let index = self.0.iter().position(free)?;
        let place = &mut self.0[index];
        place.used = true;
        let second = match pages {
            0 | 1 => 0,
            2 => place.data[1],
            _ => list(&place.lists, &place.data[1..pages], chance, ram),
        };
        Some(Buffer {
            index,
            offset,
            len,
            prps: (place.data[0] + offset, second),
        })
    }

    /// One of the buffer's pages is nowhere from now on. Whether that can be had.
    pub(super) fn tear(&self, buffer: &mut Buffer, chance: &mut Chance, ram: &mut Ram) -> bool {
        let pages = (buffer.offset as usize + buffer.len).div_ceil(PAGE as usize);
        match pages {
            1 => buffer.prps.0 = NOWHERE + buffer.offset,
            2 => buffer.prps.1 = NOWHERE,
            3 => {
                let at = buffer.prps.1 % PAGE;
                if at + 16 > PAGE {
                    return false;
                }
                let entry = buffer.prps.1 + 8 * chance.below(2);
                ram.put(entry, &NOWHERE.to_le_bytes());
            }
            _ => buffer.prps.1 = NOWHERE + (buffer.prps.1 % PAGE),
        }
        true
    }

    fn parts(&self, buffer: &Buffer) -> impl Iterator<Item = (u64, usize)> + '_ {
        let (mut offset, mut left) = (buffer.offset, buffer.len);
        let mut pages = self.0[buffer.index].data.iter();
        std::iter::from_fn(move || {
            if left == 0 {
                return None;
            }
            let at = pages.next().expect("enough pages") + offset;
            let len = left.min((PAGE - offset) as usize);
            (offset, left) = (0, left - len);
            Some((at, len))
        })
    }

    pub(super) fn write(&self, buffer: &Buffer, mut bytes: &[u8], ram: &mut Ram) {
        for (at, len) in self.parts(buffer) {
            let (now, later) = bytes.split_at(len.min(bytes.len()));
            ram.put(at, now);
            bytes = later;
        }
    }

    pub(super) fn read(&self, buffer: &Buffer, ram: &Ram) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(buffer.len);
        for (at, len) in self.parts(buffer) {
            bytes.extend_from_slice(ram.at(at, len));
        }
        bytes
    }
}

/// A list of pages, which begins anywhere in its first page; where it begins.
fn list(lists: &[u64], pages: &[u64], chance: &mut Chance, ram: &mut Ram) -> u64 {
    let entries = PAGE / 8;
    let first = match chance.below(3) {
        // So that it is in the second page soon.
        0 => entries - 1 - chance.below(4),
        1 => chance.below(entries),
        _ => 0,
    };
    let mut lists = lists.iter().copied();
    let mut page = lists.next().expect("a page for a list");
    let start = page + first * 8;
    let mut index = first;
    for (at, entry) in pages.iter().enumerate() {
        if index == entries - 1 && at + 1 < pages.len() {
            let next = lists.next().expect("a page for a list");
            ram.put(page + index * 8, &next.to_le_bytes());
            (page, index) = (next, 0);
        }
        ram.put(page + index * 8, &entry.to_le_bytes());
        index += 1;
    }
    start
}
