// SPDX-License-Identifier: GPL-2.0

//! Contents and choices that look random and can be had again by their seed.

/// Numbers of a seed (xorshift64*, with the seed spread by splitmix64).
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The numbers of a seed.
    pub fn new(seed: u64) -> Self {
        let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Self((z ^ (z >> 31)) | 1)
    }

    /// Another number.
    pub fn number(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `limit`, which is not 0.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.number() % limit
    }

    /// One of them.
    ///
    /// # Panics
    ///
    /// There is none.
    pub fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize]
    }

    /// Whether it happens, once in `n`.
    pub fn once_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    /// Fills bytes.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        for part in bytes.chunks_mut(8) {
            let number = self.number().to_le_bytes();
            part.copy_from_slice(&number[..part.len()]);
        }
    }

    /// So many bytes.
    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.fill(&mut bytes);
        bytes
    }
}

/// Where two contents differ first, in words; none if they are the same.
pub fn difference(got: &[u8], wanted: &[u8]) -> Option<String> {
    if got.len() != wanted.len() {
        return Some(format!("{} bytes, wanted {}", got.len(), wanted.len()));
    }
    let at = (0..got.len()).find(|&at| got[at] != wanted[at])?;
    let count = got.iter().zip(wanted).filter(|(g, w)| g != w).count();
    Some(format!(
        "{count} of {} bytes differ, the first at {at:#x}: {:#04x}, wanted {:#04x}",
        got.len(),
        got[at],
        wanted[at]
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_again() {
        assert_eq!(Random::new(7).bytes(100), Random::new(7).bytes(100));
        assert_ne!(Random::new(7).bytes(100), Random::new(8).bytes(100));
    }

    #[test]
    fn differences_are_seen() {
        assert_eq!(difference(b"same", b"same"), None);
        let text = difference(b"some", b"same").unwrap_or_default();
        assert_eq!(
            text,
            "1 of 4 bytes differ, the first at 0x1: 0x6f, wanted 0x61"
        );
        assert!(difference(b"", b"x").is_some());
    }
}
