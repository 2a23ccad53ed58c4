//! The ledger's own leaves: versioned, in one canonical JSON form, so that the same entry has the same hash everywhere.
//!
//! Canonical here means: no white space, object keys in the order of their bytes, strings and numbers as `serde_json`
//! writes them, and no floating-point numbers (their spelling differs between languages).

use crate::{Hash, leaf_hash};
use bifocal_core::{Decision, Sha256};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// The version of the form that this build writes.
pub const ENTRY_VERSION: u32 = 1;

/// One entry of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Version of this form.
    pub version: u32,
    /// When it was logged.
    pub logged_at: Timestamp,
    /// What is logged.
    pub body: Body,
}

/// What the ledger logs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Body {
    /// A reviewer's decision, whole.
    Decision {
        /// The decision.
        decision: Box<Decision>,
    },
    /// A policy that came into force.
    Policy {
        /// Its name.
        name: String,
        /// Its digest.
        digest: Sha256,
    },
    /// A feed that was loaded.
    Feed {
        /// Its name.
        name: String,
        /// SHA-256 over its loaded state, in hex.
        digest: String,
        /// Number of records.
        records: u64,
    },
}

/// Why bytes are not an entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// Not JSON of the form.
    #[error("a ledger entry is malformed: {0}")]
    Malformed(String),
    /// Written by a newer program.
    #[error("a ledger entry has version {0}, this program reads up to {ENTRY_VERSION}; update bifocal")]
    Newer(u32),
    /// The same content in another spelling: somebody rewrote the bytes.
    #[error("a ledger entry is not in canonical form")]
    NotCanonical,
}

impl Entry {
    /// An entry of this build's version.
    pub fn new(logged_at: Timestamp, body: Body) -> Self {
        Entry { version: ENTRY_VERSION, logged_at, body }
    }

    /// The leaf's bytes.
    ///
    /// # Errors
    /// The entry does not serialise, which a floating-point number in it would cause.
    pub fn to_bytes(&self) -> Result<Vec<u8>, EntryError> {
        let value = serde_json::to_value(self).map_err(|error| EntryError::Malformed(error.to_string()))?;
        let canonical = canonical(value).ok_or_else(|| EntryError::Malformed("it holds a floating-point number".to_owned()))?;
        serde_json::to_vec(&canonical).map_err(|error| EntryError::Malformed(error.to_string()))
    }

    /// Reads a leaf's bytes; only the canonical form is one.
    ///
    /// # Errors
    /// Malformed, of a newer version, or not canonical.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, EntryError> {
        #[derive(Deserialize)]
        struct Versioned {
            version: u32,
        }
        let malformed = |error: serde_json::Error| EntryError::Malformed(error.to_string());
        let Versioned { version } = serde_json::from_slice(bytes).map_err(malformed)?;
        if version > ENTRY_VERSION {
            return Err(EntryError::Newer(version));
        }
        let entry: Entry = serde_json::from_slice(bytes).map_err(malformed)?;
        if entry.to_bytes()? == bytes { Ok(entry) } else { Err(EntryError::NotCanonical) }
    }

    /// The hash of the leaf.
    ///
    /// # Errors
    /// As [`Entry::to_bytes`].
    pub fn leaf_hash(&self) -> Result<Hash, EntryError> {
        Ok(leaf_hash(&self.to_bytes()?))
    }
}

/// A JSON value with sorted keys, whatever map type `serde_json` was built with.
#[derive(Serialize)]
#[serde(untagged)]
enum Canonical {
    Null,
    Bool(bool),
    Signed(i64),
    Unsigned(u64),
    Text(String),
    List(Vec<Canonical>),
    Map(BTreeMap<String, Canonical>),
}

fn canonical(value: Value) -> Option<Canonical> {
    Some(match value {
        Value::Null => Canonical::Null,
        Value::Bool(value) => Canonical::Bool(value),
        Value::Number(number) => match (number.as_u64(), number.as_i64()) {
            (Some(number), _) => Canonical::Unsigned(number),
            (None, Some(number)) => Canonical::Signed(number),
            (None, None) => return None,
        },
        Value::String(text) => Canonical::Text(text),
        Value::Array(items) => Canonical::List(items.into_iter().map(canonical).collect::<Option<_>>()?),
        Value::Object(entries) => {
            Canonical::Map(entries.into_iter().map(|(key, value)| Some((key, canonical(value)?))).collect::<Option<_>>()?)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> Entry {
        let body = Body::Feed { name: "osv".to_owned(), digest: "ab".to_owned(), records: 3 };
        Entry::new("2026-03-01T00:00:00Z".parse().unwrap(), body)
    }

    #[test]
    fn the_leaf_is_canonical_and_its_hash_is_fixed() {
        let bytes = entry().to_bytes().unwrap();
        let text = r#"{"body":{"digest":"ab","name":"osv","records":3,"type":"feed"},"logged_at":"2026-03-01T00:00:00Z","version":1}"#;
        assert_eq!(String::from_utf8(bytes.clone()).unwrap(), text);
        assert_eq!(Entry::from_bytes(&bytes).unwrap(), entry());
        assert_eq!(entry().leaf_hash().unwrap(), leaf_hash(text.as_bytes()));
    }

    #[test]
    fn other_spellings_and_newer_versions_are_refused() {
        let text = String::from_utf8(entry().to_bytes().unwrap()).unwrap();
        assert_eq!(Entry::from_bytes(text.replace(",\"v", ", \"v").as_bytes()), Err(EntryError::NotCanonical));
        assert_eq!(Entry::from_bytes(text.replace("version\":1", "version\":2").as_bytes()), Err(EntryError::Newer(2)));
        assert!(matches!(Entry::from_bytes(text.replace("osv\"", "osv\",\"x\":1").as_bytes()), Err(EntryError::Malformed(_))));
        assert!(matches!(Entry::from_bytes(&[b'['; 100_000]), Err(EntryError::Malformed(_))));
    }
}
