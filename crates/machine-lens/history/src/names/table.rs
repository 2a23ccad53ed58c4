//! Hashes of names and of their parts, and the table that the look-alike index keeps them in. Chance collisions cost a
//! comparison and nothing else, so the hash is simple: what counts is that the hash of any part of a name, and of the
//! name without one letter, follows at once from the hashes of its prefixes.

use super::look_alike::MAX_NAME;

/// A polynomial in this base, modulo 2^64; odd, so that no power of it vanishes.
const BASE: u64 = 0x9e37_79b9_7f4a_7c15;

pub(super) fn powers() -> Vec<u64> {
    let mut powers = vec![1u64; MAX_NAME * 4 + 1];
    for at in 1..powers.len() {
        powers[at] = powers[at - 1].wrapping_mul(BASE);
    }
    powers
}

/// Hashes of all prefixes of a name: the hash of any part, and of the name without a letter, follows at once.
pub(super) struct Prefixes(Vec<u64>);

impl Prefixes {
    pub(super) fn new(bytes: &[u8]) -> Self {
        let mut sums = Vec::with_capacity(bytes.len() + 1);
        let mut sum = 0u64;
        sums.push(sum);
        for byte in bytes {
            sum = sum.wrapping_mul(BASE).wrapping_add(u64::from(*byte) + 1);
            sums.push(sum);
        }
        Prefixes(sums)
    }

    pub(super) fn whole(&self) -> u64 {
        self.0.last().copied().unwrap_or(0)
    }

    pub(super) fn part(&self, start: usize, length: usize, powers: &[u64]) -> u64 {
        self.0[start + length].wrapping_sub(self.0[start].wrapping_mul(powers[length]))
    }

    pub(super) fn without(&self, at: usize, powers: &[u64]) -> u64 {
        let rest = self.0.len() - 2 - at;
        self.0[at].wrapping_mul(powers[rest]).wrapping_add(self.part(at + 1, rest, powers))
    }
}

pub(super) fn hash(text: &str) -> u64 {
    text.bytes().fold(0, |sum: u64, byte| sum.wrapping_mul(BASE).wrapping_add(u64::from(byte) + 1))
}

pub(super) fn mix(mut value: u64) -> u64 {
    value ^= value >> 32;
    value = value.wrapping_mul(0xd6e8_feb8_6659_fd93);
    value ^= value >> 32;
    value = value.wrapping_mul(0xd6e8_feb8_6659_fd93);
    value ^ (value >> 32)
}

/// Forms in buckets by the top bits of their hash: built in two passes, read in one.
pub(super) struct Table {
    starts: Vec<u32>,
    slots: Vec<(u32, u32)>,
    shift: u32,
}

impl Table {
    pub(super) fn new(forms: &[(u64, u32)]) -> Self {
        let bits = (forms.len().max(16) / 2).ilog2();
        let shift = 64 - bits;
        let mut starts = vec![0u32; (1 << bits) + 2];
        for (key, _) in forms {
            starts[(key >> shift) as usize + 2] += 1;
        }
        for at in 2..starts.len() {
            starts[at] += starts[at - 1];
        }
        let mut slots = vec![(0, 0); forms.len()];
        for (key, name) in forms {
            let next = &mut starts[(key >> shift) as usize + 1];
            slots[*next as usize] = (*key as u32, *name);
            *next += 1;
        }
        starts.pop();
        Table { starts, slots, shift }
    }

    pub(super) fn get(&self, key: u64) -> impl Iterator<Item = u32> + '_ {
        let bucket = (key >> self.shift) as usize;
        let (start, end) = (self.starts[bucket] as usize, self.starts[bucket + 1] as usize);
        self.slots[start..end].iter().filter(move |(tag, _)| *tag == key as u32).map(|(_, name)| *name)
    }
}
