//! Finished release records on disk, so that a warm run reads kilobytes instead of whole metadata documents.
//!
//! A record is derived from documents that the metadata cache holds; it is taken exactly as long as they would be.
//! Its key names the upstreams as well: another configuration finds nothing here.

use bifocal_core::{ReleaseRecord, Sha256};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::io::Read as _;
use std::path::PathBuf;

/// Version of the file's form.
const FORM: &str = "records-1";
/// The largest record that is read or written.
const MAX_RECORD: u64 = 8 << 20;

/// The folder.
#[derive(Debug, Clone)]
pub(crate) struct RecordCache {
    root: PathBuf,
}

#[derive(Serialize, Deserialize)]
struct Held {
    key: String,
    as_of: Timestamp,
    until: Timestamp,
    record: ReleaseRecord,
}

impl RecordCache {
    /// A cache below `root`.
    pub(crate) fn new(root: &std::path::Path) -> Self {
        RecordCache { root: root.join(FORM) }
    }

    fn path(&self, key: &str) -> PathBuf {
        let digest = Sha256::of(key.as_bytes()).hex();
        let (shard, rest) = digest.split_at(2);
        self.root.join(shard).join(rest)
    }

    /// The record for `key` while it is fresh at `now`, or however old when `any_age`. Blocking.
    pub(crate) fn load(&self, key: &str, now: Timestamp, any_age: bool) -> Option<ReleaseRecord> {
        let mut bytes = Vec::new();
        let file = std::fs::File::open(self.path(key)).ok()?;
        crate::http::note_use(&file);
        file.take(MAX_RECORD).read_to_end(&mut bytes).ok()?;
        let held: Held = serde_json::from_slice(&bytes).ok()?;
        let fresh = any_age || (held.as_of <= now && now < held.until);
        (held.key == key && held.record.schema_version == bifocal_core::SCHEMA_VERSION && fresh).then_some(held.record)
    }

    /// Keeps a record whose documents were fetched at `as_of`. Blocking; a failure only costs time later.
    pub(crate) fn save(&self, key: String, record: ReleaseRecord, as_of: Timestamp, age: SignedDuration) {
        let Ok(until) = as_of.checked_add(age) else { return };
        let path = self.path(&key);
        let write = || -> std::io::Result<()> {
            let bytes = serde_json::to_vec(&Held { key, as_of, until, record })?;
            if u64::try_from(bytes.len()).unwrap_or(u64::MAX) >= MAX_RECORD {
                return Ok(());
            }
            let folder = path.parent().unwrap_or(&self.root);
            std::fs::create_dir_all(folder)?;
            let mut file = tempfile::Builder::new().prefix(".record-").tempfile_in(folder)?;
            std::io::Write::write_all(&mut file, &bytes)?;
            file.persist(&path).map_err(|error| error.error)?;
            Ok(())
        };
        if let Err(error) = write() {
            tracing::debug!(%error, "a record is not kept");
        }
    }
}
