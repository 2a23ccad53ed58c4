//! The cache as the engine uses it: it never stops a check.
//!
//! A cache that cannot be opened, read or written is told once, as a warning, and the check goes on without it. What is
//! read is as good as what was written: the store verifies blobs, and facts and records that do not parse are misses.

use crate::cache_upkeep::{CacheLimits, Upkeep, artifacts, database};
use bifocal_behaviour::ANALYSER;
use bifocal_core::{ArtifactFacts, Release, ReleaseRecord, Sha256};
use bifocal_store::{AssessmentStore, BlobStore, FolderBlobs, SqliteStore, StoreError};
use bytes::Bytes;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Keys in one question to the database.
const BATCH: usize = 4000;

/// A cache, or none.
#[derive(Default)]
pub struct Cache {
    state: Option<Arc<dyn AssessmentStore>>,
    blobs: Option<Arc<dyn BlobStore>>,
    max_age: Duration,
    upkeep: Option<Arc<Upkeep>>,
    /// Entries written by this process.
    writes: AtomicUsize,
    unwritable: AtomicBool,
    /// Damage was met: the database is set aside, and asked no more.
    damaged: AtomicBool,
    warnings: Mutex<BTreeSet<String>>,
}

impl Cache {
    /// No cache: nothing is found, nothing is kept.
    pub fn none() -> Self {
        Cache::default()
    }

    /// A cache over these stores.
    pub fn over(state: Arc<dyn AssessmentStore>, blobs: Arc<dyn BlobStore>, max_age: Duration) -> Self {
        Cache { state: Some(state), blobs: Some(blobs), max_age, ..Cache::default() }
    }

    /// The cache in a folder. Records older than `max_age` are fetched again; what it may hold is looked after by
    /// [`Cache::tidy`].
    pub async fn open(folder: &Path, max_age: Duration, limits: CacheLimits) -> Self {
        let mut cache = Cache { max_age, ..Cache::default() };
        let entered = folder.to_owned();
        cache.upkeep = tokio::task::spawn_blocking(move || Arc::new(Upkeep::enter(&entered, limits))).await.ok();
        match SqliteStore::open_cache(&database(folder)).await {
            Ok(store) => cache.state = Some(Arc::new(store)),
            Err(error) => cache.warn(&error),
        }
        match FolderBlobs::open(&artifacts(folder), limits.artifacts).await {
            Ok(blobs) => cache.blobs = Some(Arc::new(blobs)),
            Err(error) => cache.warn(&error),
        }
        cache
    }

    /// Notes what was used, and when that is due brings the cache within its limits. For the end of a run: it tells
    /// nobody what it removed, and what fails is tried again by another run.
    pub async fn tidy(&self) {
        let (Some(state), Some(upkeep), false) = (self.state(), self.upkeep.clone(), self.unwritable.load(Ordering::Relaxed)) else {
            return;
        };
        let failed = |error: StoreError| {
            self.meet(&error);
            tracing::debug!(%error, "the cache is not looked after");
        };
        if let Err(error) = state.note_uses().await {
            return failed(error);
        }
        let (written, waiting) = (self.writes.load(Ordering::Relaxed), Arc::clone(&upkeep));
        let Ok(Some(turn)) = tokio::task::spawn_blocking(move || waiting.turn(written, Timestamp::now())).await else { return };
        if let Err(error) = state.evict(turn.assessments()).await {
            failed(error);
        }
        if let Some(blobs) = &self.blobs
            && let Err(error) = blobs.evict(turn.artifacts()).await
        {
            failed(error);
        }
        let rest = tokio::task::spawn_blocking(move || {
            let pruned = upkeep.prune_metadata(&turn);
            upkeep.leave(turn);
            pruned
        });
        if let Ok(Err(error)) = rest.await {
            failed(error);
        }
    }

    /// Ends the use of the cache: after this nothing is found and nothing is kept.
    pub async fn close(&self) {
        if let Some(state) = &self.state {
            state.close().await;
        }
    }

    /// What went wrong, each once.
    pub(crate) fn warnings(&self) -> Vec<String> {
        self.warnings.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    fn warn(&self, error: &StoreError) {
        if error.is_unwritable() {
            self.unwritable.store(true, Ordering::Relaxed);
        }
        let what = if self.meet(error) {
            format!("the cache is not used by this run, and begun anew by the next: {error}")
        } else {
            format!("the cache is not used: {error}")
        };
        self.warnings.lock().unwrap_or_else(PoisonError::into_inner).insert(what);
    }

    /// Sets the database aside when the error says that it is damaged. True when it is out of the way.
    fn meet(&self, error: &StoreError) -> bool {
        let (StoreError::Damaged { .. }, Some(state)) = (error, &self.state) else { return false };
        if self.damaged.swap(true, Ordering::Relaxed) {
            return true;
        }
        match state.set_aside() {
            Ok(()) => true,
            Err(error) => {
                tracing::warn!(%error, "the damaged cache cannot be set aside; remove it");
                false
            }
        }
    }

    /// The database, unless damage was met in it.
    fn state(&self) -> Option<&Arc<dyn AssessmentStore>> {
        self.state.as_ref().filter(|_| !self.damaged.load(Ordering::Relaxed))
    }

    fn read<T: Default>(&self, result: Result<T, StoreError>) -> T {
        result.unwrap_or_else(|error| {
            self.warn(&error);
            T::default()
        })
    }

    fn written(&self, result: Result<(), StoreError>) {
        if let Err(error) = result {
            self.warn(&error);
        }
    }

    /// The store to write to, unless it was found unwritable.
    fn writable(&self) -> Option<&Arc<dyn AssessmentStore>> {
        self.state().filter(|_| !self.unwritable.load(Ordering::Relaxed))
    }

    pub(crate) async fn records(&self, releases: &[Release]) -> BTreeMap<Release, (ReleaseRecord, bool)> {
        let Some(state) = self.state() else { return BTreeMap::new() };
        let now = Timestamp::now();
        let mut found = BTreeMap::new();
        for part in releases.chunks(BATCH) {
            for (release, (record, fetched_at)) in self.read(state.release_records(part).await) {
                let age = Duration::try_from(now.duration_since(fetched_at)).unwrap_or_default();
                found.insert(release, (record, age < self.max_age));
            }
        }
        found
    }

    pub(crate) async fn put_record(&self, record: &ReleaseRecord) {
        if let Some(state) = self.writable() {
            self.writes.fetch_add(1, Ordering::Relaxed);
            self.written(state.put_release_records(std::slice::from_ref(record), Timestamp::now()).await);
        }
    }

    pub(crate) async fn names(&self, names: &[String]) -> BTreeMap<String, Sha256> {
        let Some(state) = self.state() else { return BTreeMap::new() };
        let mut found = BTreeMap::new();
        for part in names.chunks(BATCH) {
            found.extend(self.read(state.artifact_names(part).await));
        }
        found
    }

    pub(crate) async fn put_names(&self, names: &[String], artifact: Sha256) {
        if let Some(state) = self.writable() {
            self.writes.fetch_add(1, Ordering::Relaxed);
            self.written(state.put_artifact_names(names, artifact).await);
        }
    }

    pub(crate) async fn facts(&self, artifacts: &[Sha256]) -> BTreeMap<Sha256, ArtifactFacts> {
        let Some(state) = self.state() else { return BTreeMap::new() };
        let mut found = BTreeMap::new();
        for part in artifacts.chunks(BATCH) {
            found.extend(self.read(state.artifact_facts(part, ANALYSER).await));
        }
        found
    }

    pub(crate) async fn facts_of(&self, artifact: Sha256, analyser: &str) -> Option<ArtifactFacts> {
        let state = self.state()?;
        self.read(state.artifact_facts(&[artifact], analyser).await).remove(&artifact)
    }

    pub(crate) async fn put_facts(&self, facts: &ArtifactFacts) {
        if let Some(state) = self.writable() {
            self.writes.fetch_add(1, Ordering::Relaxed);
            self.written(state.put_artifact_facts(std::slice::from_ref(facts)).await);
        }
    }

    pub(crate) async fn artifact(&self, sha256: Sha256) -> Option<Bytes> {
        let blobs = self.blobs.as_ref()?;
        self.read(blobs.get(sha256).await)
    }

    pub(crate) async fn put_artifact(&self, bytes: &Bytes) {
        if let Some(blobs) = self.blobs.as_ref().filter(|_| !self.unwritable.load(Ordering::Relaxed)) {
            self.written(blobs.put(bytes.clone()).await.map(|_| ()));
        }
    }
}

impl std::fmt::Debug for Cache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cache").field("state", &self.state.is_some()).field("blobs", &self.blobs.is_some()).finish_non_exhaustive()
    }
}
