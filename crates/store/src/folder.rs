//! Blobs in a folder: `ab/cdef…`, named by their SHA-256.
//!
//! A blob is written to a temporary file beside its place and renamed, so that another process sees it whole or not at
//! all. It is verified each time it is read: what a crash, a full disk or a bad sector left is removed and counts as
//! missing. The time of last use is the file's modification time.

use crate::bounds::{prune, system_time, touch};
use crate::files::{blocking, io_error, make_folder};
use crate::{BlobStore, Bounds, StoreError, SystemClock};
use async_trait::async_trait;
use bifocal_core::{Clock, Sha256};
use bytes::Bytes;
use jiff::Timestamp;
use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const TEMPORARY: &str = "new-";

/// What must survive a power cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Nothing: a blob that is damaged is fetched again.
    Cache,
    /// Every blob that was acknowledged: file and folder are flushed to disk.
    Durable,
}

/// A folder of blobs. Any number of processes may use it at once.
pub struct FolderBlobs {
    root: PathBuf,
    budget: u64,
    durability: Durability,
    clock: Arc<dyn Clock>,
    /// Bytes stored since the folder was last brought below its budget; at the start nobody knows, so it is too many.
    unchecked: AtomicU64,
}

impl FolderBlobs {
    /// A cache of at most `budget` bytes, give or take a sixteenth. The folder is made when the first blob is stored, so
    /// that opening works on a read-only disk too.
    ///
    /// # Errors
    /// There is something else in its place.
    pub async fn open(root: &Path, budget: u64) -> Result<Self, StoreError> {
        Self::with(root, budget, Durability::Cache, Arc::new(SystemClock))
    }

    /// As [`FolderBlobs::open`], with another durability and clock. A budget of [`u64::MAX`] keeps everything.
    ///
    /// # Errors
    /// There is something else in its place.
    pub fn with(root: &Path, budget: u64, durability: Durability, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        if root.exists() && !root.is_dir() {
            return Err(StoreError::Io { path: root.to_owned(), source: ErrorKind::NotADirectory.into() });
        }
        Ok(FolderBlobs { root: root.to_owned(), budget, durability, clock, unchecked: AtomicU64::new(u64::MAX / 2) })
    }

    /// Brings the folder below its budget when much was stored since the last time.
    async fn keep_budget(&self, stored: u64) -> Result<(), StoreError> {
        if self.budget == u64::MAX || self.unchecked.fetch_add(stored, Ordering::Relaxed) + stored <= self.budget / 16 {
            return Ok(());
        }
        self.unchecked.store(0, Ordering::Relaxed);
        self.evict(Bounds::of(self.budget)).await.map(|_| ())
    }

    fn path(&self, sha256: Sha256) -> PathBuf {
        let hex = sha256.hex();
        self.root.join(&hex[..2]).join(&hex[2..])
    }
}

#[async_trait]
impl BlobStore for FolderBlobs {
    async fn put(&self, bytes: Bytes) -> Result<Sha256, StoreError> {
        let sha256 = Sha256::of(&bytes);
        let (path, durability, now) = (self.path(sha256), self.durability, self.clock.now());
        let size = bytes.len() as u64;
        blocking(&self.root, move || write(&path, &bytes, durability, now)).await?;
        self.keep_budget(size).await?;
        Ok(sha256)
    }

    async fn get(&self, sha256: Sha256) -> Result<Option<Bytes>, StoreError> {
        let (path, now) = (self.path(sha256), self.clock.now());
        blocking(&self.root, move || read(&path, sha256, now)).await
    }

    async fn contains(&self, sha256: Sha256) -> Result<bool, StoreError> {
        let path = self.path(sha256);
        blocking(&self.root, move || Ok(path.is_file())).await
    }

    async fn evict(&self, bounds: Bounds) -> Result<u64, StoreError> {
        let (root, now) = (self.root.clone(), self.clock.now());
        blocking(&self.root, move || prune(&[root], &bounds, now)).await
    }
}

fn write(path: &Path, bytes: &[u8], durability: Durability, now: Timestamp) -> Result<(), StoreError> {
    let folder = path.parent().unwrap_or(path);
    if let Ok(metadata) = path.metadata()
        && metadata.len() == bytes.len() as u64
    {
        touch(path, &metadata, now);
        return Ok(());
    }
    make_folder(folder)?;
    let wrong = |error| io_error(path, error);
    let mut file = tempfile::Builder::new().prefix(TEMPORARY).tempfile_in(folder).map_err(wrong)?;
    file.write_all(bytes).map_err(wrong)?;
    file.as_file().set_modified(system_time(now)).map_err(wrong)?;
    if durability == Durability::Durable {
        file.as_file().sync_all().map_err(wrong)?;
    }
    file.persist(path).map_err(|error| wrong(error.error))?;
    if durability == Durability::Durable {
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(wrong)?;
    }
    Ok(())
}

fn read(path: &Path, sha256: Sha256, now: Timestamp) -> Result<Option<Bytes>, StoreError> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(None),
        Err(error) => return Err(StoreError::Io { path: path.to_owned(), source: error }),
    };
    let wrong = |source| StoreError::Io { path: path.to_owned(), source };
    let metadata = file.metadata().map_err(wrong)?;
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0));
    file.read_to_end(&mut bytes).map_err(wrong)?;
    if Sha256::of(&bytes) != sha256 {
        tracing::warn!(path = %path.display(), "a stored blob does not match its name; it is removed");
        // On a read-only disk it stays, and stays a miss.
        let _ = std::fs::remove_file(path);
        return Ok(None);
    }
    touch(path, &metadata, now);
    Ok(Some(Bytes::from(bytes)))
}
