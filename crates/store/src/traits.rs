//! The traits that every backend implements. The engine and the server hold these and nothing else; one contract suite
//! runs against each backend.

use crate::{Bounds, StoreError};
use async_trait::async_trait;
use bifocal_core::{ArtifactFacts, Decision, MalwareOverride, PackageName, Release, ReleaseRecord, Sha256};
use bifocal_ledger::Body;
use bytes::Bytes;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::time::Duration;

/// Records and facts. A cache: losing it costs time, not truth.
#[async_trait]
pub trait AssessmentStore: Send + Sync {
    /// Facts of many artifacts by one analyser; those that are not stored (or are damaged) are left out.
    async fn artifact_facts(&self, artifacts: &[Sha256], analyser: &str) -> Result<BTreeMap<Sha256, ArtifactFacts>, StoreError>;
    /// Stores facts under their own digest and analyser; the same key again replaces them.
    async fn put_artifact_facts(&self, facts: &[ArtifactFacts]) -> Result<(), StoreError>;
    /// Records of many releases, each with the time at which it was fetched.
    async fn release_records(&self, releases: &[Release]) -> Result<BTreeMap<Release, (ReleaseRecord, Timestamp)>, StoreError>;
    /// Stores records as fetched at `fetched_at`; a record of the same release replaces the former.
    async fn put_release_records(&self, records: &[ReleaseRecord], fetched_at: Timestamp) -> Result<(), StoreError>;
    /// Artifacts by the names that were verified for them (a release, a file and a digest, as one string).
    async fn artifact_names(&self, names: &[String]) -> Result<BTreeMap<String, Sha256>, StoreError>;
    /// Records that these names lead to `artifact`.
    async fn put_artifact_names(&self, names: &[String], artifact: Sha256) -> Result<(), StoreError>;
    /// Writes down which facts and records were read since the last time, where that is not known to the hour.
    async fn note_uses(&self) -> Result<(), StoreError>;
    /// Removes the facts and records that are out of bounds, those used longest ago first, and the names that lead to no
    /// facts any more; gives the number of bytes freed, about.
    async fn evict(&self, bounds: Bounds) -> Result<u64, StoreError>;
    /// Puts a store in which damage was met out of the way, so that the next one to open it begins anew. This one stays
    /// open and of no use. Does nothing where another has done so before.
    fn set_aside(&self) -> Result<(), StoreError> {
        Ok(())
    }
    /// Puts everything into its lasting place. What is not closed is still safe; where the next to read cannot write (a
    /// read-only disk), what is closed is there for it too.
    async fn close(&self);
}

/// Bytes by their SHA-256.
#[async_trait]
pub trait BlobStore: Send + Sync {
    /// Stores bytes under their digest; storing the same twice is one blob. Visible whole or not at all.
    async fn put(&self, bytes: Bytes) -> Result<Sha256, StoreError>;
    /// The bytes, verified against their name; a damaged blob is removed and `None`.
    async fn get(&self, sha256: Sha256) -> Result<Option<Bytes>, StoreError>;
    /// Whether a blob of this name is there, unverified.
    async fn contains(&self, sha256: Sha256) -> Result<bool, StoreError>;
    /// Removes the blobs that are out of bounds, those used longest ago first; gives the number of bytes removed.
    async fn evict(&self, bounds: Bounds) -> Result<u64, StoreError>;
}

/// A piece of work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Its id.
    pub id: i64,
    /// What kind of work.
    pub kind: String,
    /// What it is about, as JSON.
    pub payload: String,
    /// How often it was leased, this time included.
    pub attempts: u32,
}

/// Work to be done at least once, by any worker.
#[async_trait]
pub trait QueueStore: Send + Sync {
    /// Adds work. While work of the same kind and `dedup_key` waits or runs, nothing is added and `false` comes back.
    async fn enqueue(&self, kind: &str, payload: &str, dedup_key: Option<&str>, not_before: Timestamp) -> Result<bool, StoreError>;
    /// Takes the oldest work that is due, for the time of the lease; work whose lease ran out is due again.
    async fn lease(&self, kinds: &[&str], lease: Duration, now: Timestamp) -> Result<Option<Job>, StoreError>;
    /// Work is done. `false` when the lease had run out and another worker took the job since: then nothing changes.
    async fn complete(&self, job: &Job) -> Result<bool, StoreError>;
    /// Work failed: due again at `retry_at`, or dead when that is `None`. `false` as for [`QueueStore::complete`].
    async fn fail(&self, job: &Job, error: &str, retry_at: Option<Timestamp>) -> Result<bool, StoreError>;
    /// Dead jobs with their last error, oldest first.
    async fn dead(&self, limit: u32) -> Result<Vec<(Job, String)>, StoreError>;
    /// Makes a dead job due again; `false` when there is none of that id, or the same work waits already.
    async fn revive(&self, id: i64, not_before: Timestamp) -> Result<bool, StoreError>;
    /// Number of jobs that wait, run and are dead.
    async fn depth(&self, now: Timestamp) -> Result<(u64, u64, u64), StoreError>;
}

/// What people ruled. Acknowledged means on disk and in the log.
#[async_trait]
pub trait DecisionStore: Send + Sync {
    /// Records a decision and its log leaf in one transaction; gives the leaf's index. The same id again is the same
    /// decision and gives the same index; the same id with another content is [`StoreError::Damaged`].
    async fn record_decision(&self, decision: &Decision) -> Result<u64, StoreError>;
    /// Decisions on these releases, oldest first.
    async fn decisions(&self, releases: &[Release]) -> Result<Vec<Decision>, StoreError>;
    /// Overrides of malware records that two different people signed, in force or not.
    async fn malware_overrides(&self) -> Result<Vec<MalwareOverride>, StoreError>;
    /// Appends another entry to the log (a policy, a feed); gives its index. Decisions come in by
    /// [`DecisionStore::record_decision`] only.
    async fn log(&self, body: &Body) -> Result<u64, StoreError>;
    /// Size and root of the log.
    async fn log_head(&self) -> Result<(u64, Sha256), StoreError>;
    /// Leaves of the log from `start`, at most `count`.
    async fn log_leaves(&self, start: u64, count: u64) -> Result<Vec<Vec<u8>>, StoreError>;
}

/// A hold that waits for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseRow {
    /// Its id.
    pub id: String,
    /// Similar holds share it.
    pub campaign_key: String,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When it was closed.
    pub closed_at: Option<Timestamp>,
    /// The releases in it, oldest first.
    pub releases: Vec<Release>,
}

/// Cases. The review crate builds on this; here is only what must not be lost.
#[async_trait]
pub trait CaseStore: Send + Sync {
    /// Joins the open case of that campaign, or opens one under `new_id`; gives the case's id. Joining twice is once.
    async fn open_or_join(&self, campaign_key: &str, release: &Release, new_id: &str, now: Timestamp) -> Result<String, StoreError>;
    /// One case.
    async fn case(&self, id: &str) -> Result<Option<CaseRow>, StoreError>;
    /// Open cases, oldest first.
    async fn open_cases(&self, limit: u32) -> Result<Vec<CaseRow>, StoreError>;
    /// Closes a case; closing twice is once.
    async fn close_case(&self, id: &str, now: Timestamp) -> Result<(), StoreError>;
}

/// An identity that published a release, as a provenance check found it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct PublisherIdentity {
    /// The release.
    pub release: Release,
    /// The release line (`2`, `2.x`, `latest`), so that a maintenance line is not mistaken for a change.
    pub line: String,
    /// Issuer, key id or account.
    pub identity: String,
    /// Repository, workflow, ref and the like, as JSON.
    pub details: String,
    /// When the release was published.
    pub published_at: Option<Timestamp>,
}

/// Publishers over time.
#[async_trait]
pub trait PublisherHistoryStore: Send + Sync {
    /// Adds an observation; the same release and identity again is one.
    async fn observe(&self, identity: &PublisherIdentity) -> Result<(), StoreError>;
    /// Observations of a package, oldest publication first.
    async fn history(&self, package: &PackageName) -> Result<Vec<PublisherIdentity>, StoreError>;
}
