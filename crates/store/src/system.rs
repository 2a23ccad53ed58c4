//! The real clock and real randomness. Everything else takes them through the traits of `bifocal-core`.

use bifocal_core::{Clock, IdSource};
use jiff::Timestamp;

/// The time of this machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// Ids of 20 characters from `0-9a-v`, with 100 bits from the operating system's generator.
#[derive(Debug, Clone, Copy, Default)]
pub struct RandomIds;

impl IdSource for RandomIds {
    fn next_id(&self) -> String {
        const DIGITS: &[u8; 32] = b"0123456789abcdefghijklmnopqrstuv";
        let mut bytes = [0_u8; 20];
        if getrandom::fill(&mut bytes).is_err() {
            // A machine without randomness: two hashers that the standard library seeds apart still differ each time.
            use std::hash::{BuildHasher, RandomState};
            for chunk in bytes.chunks_mut(8) {
                let seed = RandomState::new().hash_one(Timestamp::now().as_nanosecond()).to_le_bytes();
                chunk.copy_from_slice(&seed[..chunk.len()]);
            }
        }
        bytes.iter().map(|byte| char::from(DIGITS[usize::from(byte & 31)])).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_long_url_safe_and_different() {
        let ids: std::collections::BTreeSet<String> = (0..1000).map(|_| RandomIds.next_id()).collect();
        assert_eq!(ids.len(), 1000);
        assert!(ids.iter().all(|id| id.len() == 20 && id.bytes().all(|b| b.is_ascii_alphanumeric())));
    }
}
