//! Metadata documents on disk, shared by every process of the user.
//!
//! In: an address with its `Accept` value, and the document that came. Out: the document, or a miss. One file holds a
//! line of JSON and the compressed body; it is written apart and renamed into place, so that a reader sees the old
//! file or the new one and never half of one, whatever is killed when. Whatever cannot be read is a miss. A folder
//! that cannot be written makes the cache a no-op that says so once.

use super::body::Encoding;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

/// Version of the file's form: part of the folder's name, so that another version's files are never read.
const FORM: &str = "http-1";
/// A temporary file that is older is of a process that was killed.
const ABANDONED: Duration = Duration::from_secs(3600);
/// The longest header line that is read.
const MAX_HEADER: u64 = 64 << 10;

/// The folder.
#[derive(Debug)]
pub(crate) struct MetadataCache {
    root: PathBuf,
    broken: OnceLock<String>,
}

/// What is known of a stored document beside its body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stored {
    /// The address and `Accept` value, to tell a hash collision or a moved file from the real thing.
    pub(crate) key: String,
    /// 200, or 404 for a remembered absence.
    pub(crate) status: u16,
    /// The address after redirects.
    pub(crate) url: String,
    pub(crate) content_type: Option<String>,
    pub(crate) etag: Option<String>,
    pub(crate) last_modified: Option<String>,
    /// When it was fetched or last confirmed.
    pub(crate) fetched_at: Timestamp,
    pub(crate) encoding: Encoding,
    /// Bytes of the compressed body.
    pub(crate) length: u64,
}

impl MetadataCache {
    /// A cache below `root`; nothing is created before the first write.
    pub(crate) fn new(root: &Path) -> Self {
        MetadataCache { root: root.join(FORM), broken: OnceLock::new() }
    }

    /// What stopped the cache from being written, if anything did.
    pub(crate) fn complaint(&self) -> Option<String> {
        self.broken.get().cloned()
    }

    fn path(&self, key: &str) -> PathBuf {
        let digest = bifocal_core::Sha256::of(key.as_bytes()).hex();
        let (shard, rest) = digest.split_at(2);
        self.root.join(shard).join(rest)
    }

    /// Reads an entry: what is known of it and its compressed body. Blocking.
    pub(crate) fn load(&self, key: &str) -> Option<(Stored, Vec<u8>)> {
        let file = std::fs::File::open(self.path(key)).ok()?;
        let size = file.metadata().ok()?.len();
        note_use(&file);
        let mut reader = BufReader::with_capacity(64 << 10, file);
        let mut line = Vec::new();
        reader.by_ref().take(MAX_HEADER).read_until(b'\n', &mut line).ok()?;
        let stored: Stored = serde_json::from_slice(&line).ok()?;
        if stored.key != key || u64::try_from(line.len()).ok()?.checked_add(stored.length)? != size {
            return None;
        }
        let mut body = Vec::with_capacity(usize::try_from(stored.length).ok()?);
        reader.take(stored.length).read_to_end(&mut body).ok()?;
        (u64::try_from(body.len()).ok()? == stored.length).then_some((stored, body))
    }

    /// Writes an entry. Blocking. A failure is remembered, never returned: the cache is a convenience.
    pub(crate) fn save(&self, stored: &Stored, body: &[u8]) {
        if self.broken.get().is_some() {
            return;
        }
        if let Err(error) = self.try_save(stored, body) {
            let said = self.broken.set(format!("the metadata cache in {} is not written: {error}", self.root.display()));
            if said.is_ok() {
                tracing::warn!(folder = %self.root.display(), %error, "the metadata cache is not written");
            }
        }
    }

    fn try_save(&self, stored: &Stored, body: &[u8]) -> std::io::Result<()> {
        let path = self.path(&stored.key);
        let temporary = self.root.join("tmp");
        if let Some(shard) = path.parent() {
            std::fs::create_dir_all(shard)?;
        }
        if !temporary.is_dir() {
            std::fs::create_dir_all(&temporary)?;
        }
        let mut file = tempfile::Builder::new().prefix("doc-").tempfile_in(&temporary)?;
        let mut header = serde_json::to_vec(stored)?;
        header.push(b'\n');
        file.write_all(&header)?;
        file.write_all(body)?;
        // No fsync: after a power cut the length check turns a half-written file into a miss.
        file.persist(&path).map_err(|error| error.error)?;
        Ok(())
    }

    /// Removes what killed processes left behind. Blocking.
    pub(crate) fn sweep(&self) {
        let Ok(entries) = std::fs::read_dir(self.root.join("tmp")) else { return };
        for entry in entries.flatten() {
            let age = entry.metadata().and_then(|m| m.modified()).ok().and_then(|at| SystemTime::now().duration_since(at).ok());
            if age.is_some_and(|age| age > ABANDONED) {
                let _ = std::fs::remove_file(entry.path());
            }
        }
    }
}

/// Notes that a cached file was used: what was used longest ago leaves the cache first. To the hour; a failure is harmless.
pub(crate) fn note_use(file: &std::fs::File) {
    let age = file.metadata().and_then(|meta| meta.modified()).ok().and_then(|at| at.elapsed().ok());
    if age.is_some_and(|age| age > Duration::from_secs(3600)) {
        let _ = file.set_modified(SystemTime::now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(key: &str, length: u64) -> Stored {
        Stored {
            key: key.to_owned(),
            status: 200,
            url: "https://registry.example/x".to_owned(),
            content_type: None,
            etag: Some("\"1\"".to_owned()),
            last_modified: None,
            fetched_at: "2026-01-01T00:00:00Z".parse().unwrap(),
            encoding: Encoding::Identity,
            length,
        }
    }

    #[test]
    fn what_was_saved_is_loaded_and_other_keys_miss() {
        let folder = tempfile::tempdir().unwrap();
        let cache = MetadataCache::new(folder.path());
        cache.save(&stored("a", 3), b"abc");
        assert_eq!(cache.load("a").unwrap(), (stored("a", 3), b"abc".to_vec()));
        assert!(cache.load("b").is_none());
        assert_eq!(cache.complaint(), None);
    }

    #[test]
    fn reading_notes_the_use() {
        let folder = tempfile::tempdir().unwrap();
        let cache = MetadataCache::new(folder.path());
        cache.save(&stored("a", 3), b"abc");
        let file = std::fs::File::options().append(true).open(cache.path("a")).unwrap();
        let old = SystemTime::now() - Duration::from_secs(90_000);
        file.set_modified(old).unwrap();
        cache.load("a").unwrap();
        assert!(file.metadata().unwrap().modified().unwrap() > old + Duration::from_secs(80_000));
    }

    #[test]
    fn damaged_entries_are_misses() {
        let folder = tempfile::tempdir().unwrap();
        let cache = MetadataCache::new(folder.path());
        cache.save(&stored("a", 3), b"abc");
        let path = cache.path("a");
        let whole = std::fs::read(&path).unwrap();
        for damaged in [&whole[..whole.len() - 1], &whole[..10], b"", &[&whole[..], b"x"].concat()] {
            std::fs::write(&path, damaged).unwrap();
            assert!(cache.load("a").is_none());
        }
        std::fs::create_dir_all(cache.path("b").parent().unwrap()).unwrap();
        std::fs::write(cache.path("b"), &whole).unwrap();
        assert!(cache.load("b").is_none(), "a file under another key's name");
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_said_once_and_survived() {
        let folder = tempfile::tempdir().unwrap();
        let blocked = folder.path().join("file");
        std::fs::write(&blocked, b"").unwrap();
        let cache = MetadataCache::new(&blocked);
        cache.save(&stored("a", 3), b"abc");
        cache.save(&stored("b", 3), b"abc");
        assert!(cache.complaint().unwrap().contains("is not written"));
        assert!(cache.load("a").is_none());
    }
}
