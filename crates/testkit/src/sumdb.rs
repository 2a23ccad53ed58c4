//! Go's checksum database as a test serves it: an append-only log of module versions, signed, in tiles of 256 hashes.
//!
//! In: modules in the order in which they were first published. Out: what `lookup`, `latest` and `tile` answer. The real
//! go command checks it, and so does Bifocal.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use bifocal_ledger::{Hash, leaf_hash, root_of};
use sha2::{Digest as _, Sha256};
use std::sync::OnceLock;

const BASE64: base64::engine::GeneralPurpose = base64::engine::general_purpose::STANDARD;
/// Marks an Ed25519 key.
const ED25519: u8 = 1;

/// The verifier key of a test's checksum database, as GOSUMDB takes it.
pub fn sumdb_key(name: &str) -> String {
    format!("{name}+{}+{}", hex::encode(key_hash(name)), BASE64.encode(key_bytes()))
}

fn pair() -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[42; 32]).expect("a key of 32 bytes")
}

fn key_bytes() -> Vec<u8> {
    [&[ED25519], pair().public_key().as_ref()].concat()
}

fn key_hash(name: &str) -> Vec<u8> {
    Sha256::new().chain_update(name).chain_update("\n").chain_update(key_bytes()).finalize()[..4].to_vec()
}

fn sign(name: &str, text: &str) -> String {
    let signature = [key_hash(name), pair().sign(text.as_bytes()).as_ref().to_vec()].concat();
    format!("{text}\n\u{2014} {name} {}\n", BASE64.encode(signature))
}

/// The log: module and version, and its record from the first time that anyone asked.
#[derive(Debug, Default)]
pub(crate) struct SumLog(Vec<(String, String, OnceLock<String>)>);

impl SumLog {
    pub(crate) fn add(&mut self, module: &str, version: &str) {
        if !self.0.iter().any(|(known, of, _)| known == module && of == version) {
            self.0.push((module.to_owned(), version.to_owned(), OnceLock::new()));
        }
    }

    /// All records; `digests` gives those of the zip and the go.mod.
    pub(crate) fn records<'a>(&'a self, digests: impl Fn(&str, &str) -> Option<[String; 2]>) -> Records<'a> {
        let text = |(module, version, record): &'a (String, String, OnceLock<String>)| {
            let made = record.get_or_init(|| {
                let [zip, go_mod] = digests(module, version).unwrap_or_else(|| ["h1:".to_owned(), "h1:".to_owned()]);
                format!("{module} {version} {zip}\n{module} {version}/go.mod {go_mod}\n")
            });
            (module.as_str(), version.as_str(), made.as_str())
        };
        Records(self.0.iter().map(text).collect())
    }
}

/// The records at one moment.
pub(crate) struct Records<'a>(Vec<(&'a str, &'a str, &'a str)>);

impl Records<'_> {
    fn leaves(&self) -> Vec<Hash> {
        self.0.iter().map(|(_, _, record)| leaf_hash(record.as_bytes())).collect()
    }

    pub(crate) fn signed_tree(&self, name: &str) -> String {
        let root = BASE64.encode(root_of(&self.leaves()).as_bytes());
        sign(name, &format!("go.sum database tree\n{}\n{root}\n", self.0.len()))
    }

    /// The answer to a lookup.
    pub(crate) fn answer(&self, name: &str, module: &str, version: &str) -> Option<String> {
        let at = self.0.iter().position(|(known, of, _)| *known == module && *of == version)?;
        Some(format!("{at}\n{}\n{}", self.0[at].2, self.signed_tree(name)))
    }

    /// The bytes of `LEVEL/PLACE` or `LEVEL/PLACE.p/WIDTH`.
    pub(crate) fn tile(&self, path: &str) -> Option<Vec<u8>> {
        let (level, place) = path.split_once('/')?;
        let (place, width) = match place.split_once(".p/") {
            Some((place, width)) => (place, width.parse().ok()?),
            None => (place, 256),
        };
        let index: usize = place.replace(['x', '/'], "").parse().ok()?;
        let step = 256_usize.checked_pow(level.parse().ok()?)?;
        let leaves = self.leaves();
        let hashes: Vec<Hash> = leaves.chunks_exact(step).map(root_of).collect();
        let start = index.checked_mul(256)?;
        let tile = hashes.get(start..start.checked_add(width)?)?;
        Some(tile.iter().flat_map(|hash| *hash.as_bytes()).collect())
    }
}
