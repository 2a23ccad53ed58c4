//! Everything in memory, for tests and for `--no-cache`. It ends with the process.

use crate::overrides::overrides;
use crate::{
    AssessmentStore, BlobStore, Bounds, CaseRow, CaseStore, DecisionStore, Job, PublisherHistoryStore, PublisherIdentity, QueueStore,
    StoreError,
};
use async_trait::async_trait;
use bifocal_core::{ArtifactFacts, Clock, Decision, MalwareOverride, PackageName, Release, ReleaseRecord, Sha256};
use bifocal_ledger::{Body, Entry, Frontier, leaf_hash};
use bytes::Bytes;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A store in memory.
pub struct MemoryStore {
    clock: Arc<dyn Clock>,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    /// With the time of last use, as records.
    facts: BTreeMap<(Sha256, String), (ArtifactFacts, Timestamp)>,
    records: BTreeMap<Release, (ReleaseRecord, Timestamp, Timestamp)>,
    names: BTreeMap<String, Sha256>,
    /// Bytes, with the time of last use and a count that orders uses at the same time.
    blobs: BTreeMap<Sha256, (Bytes, Timestamp, u64)>,
    uses: u64,
    jobs: BTreeMap<i64, Waiting>,
    next_job: i64,
    decisions: Vec<(Decision, u64)>,
    leaves: Vec<Vec<u8>>,
    frontier: Frontier,
    cases: Vec<CaseRow>,
    publishers: Vec<PublisherIdentity>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Waits,
    Runs,
    Dead,
}

struct Waiting {
    job: Job,
    dedup_key: Option<String>,
    phase: Phase,
    due: Timestamp,
    error: String,
}

impl MemoryStore {
    /// An empty store.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        MemoryStore { clock, inner: Mutex::default() }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn damaged(what: &str, why: impl ToString) -> StoreError {
    StoreError::Damaged { what: what.to_owned(), why: why.to_string() }
}

impl Inner {
    fn append(&mut self, now: Timestamp, body: Body) -> Result<u64, StoreError> {
        let leaf = Entry::new(now, body).to_bytes().map_err(|error| damaged("a new log entry", error))?;
        let index = self.frontier.append(leaf_hash(&leaf)).map_err(|error| damaged("the log", error))?;
        self.leaves.push(leaf);
        Ok(index)
    }

    fn is_taken(&self, kind: &str, dedup_key: Option<&str>) -> bool {
        dedup_key.is_some()
            && self.jobs.values().any(|job| job.job.kind == kind && job.dedup_key.as_deref() == dedup_key && job.phase != Phase::Dead)
    }

    fn leased(&mut self, job: &Job) -> Option<&mut Waiting> {
        self.jobs.get_mut(&job.id).filter(|held| held.phase == Phase::Runs && held.job.attempts == job.attempts)
    }
}

#[async_trait]
impl AssessmentStore for MemoryStore {
    async fn artifact_facts(&self, artifacts: &[Sha256], analyser: &str) -> Result<BTreeMap<Sha256, ArtifactFacts>, StoreError> {
        let now = self.clock.now();
        let mut inner = self.inner();
        let mut found = BTreeMap::new();
        for sha256 in artifacts {
            if let Some((facts, used)) = inner.facts.get_mut(&(*sha256, analyser.to_owned())) {
                *used = now;
                found.insert(*sha256, facts.clone());
            }
        }
        Ok(found)
    }

    async fn put_artifact_facts(&self, facts: &[ArtifactFacts]) -> Result<(), StoreError> {
        let now = self.clock.now();
        let mut inner = self.inner();
        for facts in facts {
            inner.facts.insert((facts.sha256, facts.analyser.clone()), (facts.clone(), now));
        }
        Ok(())
    }

    async fn release_records(&self, releases: &[Release]) -> Result<BTreeMap<Release, (ReleaseRecord, Timestamp)>, StoreError> {
        let now = self.clock.now();
        let mut inner = self.inner();
        let mut found = BTreeMap::new();
        for release in releases {
            if let Some((record, fetched_at, used)) = inner.records.get_mut(release) {
                *used = now;
                found.insert(release.clone(), (record.clone(), *fetched_at));
            }
        }
        Ok(found)
    }

    async fn put_release_records(&self, records: &[ReleaseRecord], fetched_at: Timestamp) -> Result<(), StoreError> {
        let now = self.clock.now();
        let mut inner = self.inner();
        for record in records {
            inner.records.insert(record.release.clone(), (record.clone(), fetched_at, now));
        }
        Ok(())
    }

    async fn artifact_names(&self, names: &[String]) -> Result<BTreeMap<String, Sha256>, StoreError> {
        let inner = self.inner();
        Ok(names.iter().filter_map(|name| Some((name.clone(), *inner.names.get(name)?))).collect())
    }

    async fn put_artifact_names(&self, names: &[String], artifact: Sha256) -> Result<(), StoreError> {
        self.inner().names.extend(names.iter().map(|name| (name.clone(), artifact)));
        Ok(())
    }

    async fn note_uses(&self) -> Result<(), StoreError> {
        Ok(())
    }

    async fn evict(&self, bounds: Bounds) -> Result<u64, StoreError> {
        let mut guard = self.inner();
        let Inner { facts, records, names, .. } = &mut *guard;
        let size = |value: Result<Vec<u8>, serde_json::Error>| value.map_or(0, |json| json.len() as u64);
        enum Key {
            Facts((Sha256, String)),
            Record(Release),
        }
        let mut entries: Vec<(Timestamp, u64, Key)> = Vec::new();
        entries.extend(facts.iter().map(|(key, (facts, used))| (*used, size(serde_json::to_vec(facts)), Key::Facts(key.clone()))));
        entries.extend(records.iter().map(|(key, (record, _, used))| (*used, size(serde_json::to_vec(record)), Key::Record(key.clone()))));
        entries.sort_by_key(|(used, ..)| *used);
        let mut held: u64 = entries.iter().map(|(_, bytes, _)| bytes).sum();
        let mut removed = 0;
        for (used, bytes, key) in entries {
            if !bounds.is_out(used, held) {
                break;
            }
            match key {
                Key::Facts(key) => drop(facts.remove(&key)),
                Key::Record(release) => drop(records.remove(&release)),
            }
            held -= bytes;
            removed += bytes;
        }
        names.retain(|_, sha256| facts.keys().any(|(known, _)| known == sha256));
        Ok(removed)
    }

    async fn close(&self) {}
}

#[async_trait]
impl BlobStore for MemoryStore {
    async fn put(&self, bytes: Bytes) -> Result<Sha256, StoreError> {
        let sha256 = Sha256::of(&bytes);
        let now = self.clock.now();
        let mut inner = self.inner();
        inner.uses += 1;
        let uses = inner.uses;
        inner.blobs.insert(sha256, (bytes, now, uses));
        Ok(sha256)
    }

    async fn get(&self, sha256: Sha256) -> Result<Option<Bytes>, StoreError> {
        let now = self.clock.now();
        let mut inner = self.inner();
        inner.uses += 1;
        let uses = inner.uses;
        Ok(inner.blobs.get_mut(&sha256).map(|(bytes, used, order)| {
            (*used, *order) = (now, uses);
            bytes.clone()
        }))
    }

    async fn contains(&self, sha256: Sha256) -> Result<bool, StoreError> {
        Ok(self.inner().blobs.contains_key(&sha256))
    }

    async fn evict(&self, bounds: Bounds) -> Result<u64, StoreError> {
        let mut inner = self.inner();
        let mut order: Vec<_> =
            inner.blobs.iter().map(|(sha256, (bytes, used, order))| (*used, *order, *sha256, bytes.len() as u64)).collect();
        order.sort();
        let mut held: u64 = order.iter().map(|(.., size)| size).sum();
        let mut removed = 0;
        for (used, _, sha256, size) in order {
            if !bounds.is_out(used, held) {
                break;
            }
            inner.blobs.remove(&sha256);
            held -= size;
            removed += size;
        }
        Ok(removed)
    }
}

#[async_trait]
impl QueueStore for MemoryStore {
    async fn enqueue(&self, kind: &str, payload: &str, dedup_key: Option<&str>, not_before: Timestamp) -> Result<bool, StoreError> {
        let mut inner = self.inner();
        if inner.is_taken(kind, dedup_key) {
            return Ok(false);
        }
        inner.next_job += 1;
        let id = inner.next_job;
        let job = Job { id, kind: kind.to_owned(), payload: payload.to_owned(), attempts: 0 };
        let waiting = Waiting { job, dedup_key: dedup_key.map(str::to_owned), phase: Phase::Waits, due: not_before, error: String::new() };
        inner.jobs.insert(id, waiting);
        Ok(true)
    }

    async fn lease(&self, kinds: &[&str], lease: Duration, now: Timestamp) -> Result<Option<Job>, StoreError> {
        let mut inner = self.inner();
        let due = |held: &&mut Waiting| held.phase != Phase::Dead && held.due <= now && kinds.contains(&held.job.kind.as_str());
        let next = inner.jobs.values_mut().filter(due).min_by_key(|held| (held.due, held.job.id));
        Ok(next.map(|held| {
            held.phase = Phase::Runs;
            held.due = now.checked_add(lease).unwrap_or(Timestamp::MAX);
            held.job.attempts += 1;
            held.job.clone()
        }))
    }

    async fn complete(&self, job: &Job) -> Result<bool, StoreError> {
        let mut inner = self.inner();
        let held = inner.leased(job).is_some();
        if held {
            inner.jobs.remove(&job.id);
        }
        Ok(held)
    }

    async fn fail(&self, job: &Job, error: &str, retry_at: Option<Timestamp>) -> Result<bool, StoreError> {
        let mut inner = self.inner();
        let Some(held) = inner.leased(job) else { return Ok(false) };
        held.phase = if retry_at.is_some() { Phase::Waits } else { Phase::Dead };
        held.due = retry_at.unwrap_or(Timestamp::UNIX_EPOCH);
        held.error = bifocal_core::one_line(error, 2000);
        Ok(true)
    }

    async fn dead(&self, limit: u32) -> Result<Vec<(Job, String)>, StoreError> {
        let inner = self.inner();
        let dead = inner.jobs.values().filter(|held| held.phase == Phase::Dead);
        Ok(dead.take(limit as usize).map(|held| (held.job.clone(), held.error.clone())).collect())
    }

    async fn revive(&self, id: i64, not_before: Timestamp) -> Result<bool, StoreError> {
        let mut inner = self.inner();
        let Some(held) = inner.jobs.get(&id).filter(|held| held.phase == Phase::Dead) else { return Ok(false) };
        let (kind, key) = (held.job.kind.clone(), held.dedup_key.clone());
        if inner.is_taken(&kind, key.as_deref()) {
            return Ok(false);
        }
        if let Some(held) = inner.jobs.get_mut(&id) {
            (held.phase, held.due) = (Phase::Waits, not_before);
        }
        Ok(true)
    }

    async fn depth(&self, now: Timestamp) -> Result<(u64, u64, u64), StoreError> {
        let (mut waits, mut runs, mut dead) = (0, 0, 0);
        for held in self.inner().jobs.values() {
            match held.phase {
                Phase::Dead => dead += 1,
                Phase::Runs if held.due > now => runs += 1,
                Phase::Runs | Phase::Waits => waits += 1,
            }
        }
        Ok((waits, runs, dead))
    }
}

#[async_trait]
impl DecisionStore for MemoryStore {
    async fn record_decision(&self, decision: &Decision) -> Result<u64, StoreError> {
        let now = self.clock.now();
        let mut inner = self.inner();
        if let Some((known, index)) = inner.decisions.iter().find(|(known, _)| known.id == decision.id) {
            return if known == decision {
                Ok(*index)
            } else {
                Err(damaged("a decision", format!("id {} is that of another decision", bifocal_core::printable(&decision.id))))
            };
        }
        let index = inner.append(now, Body::Decision { decision: Box::new(decision.clone()) })?;
        inner.decisions.push((decision.clone(), index));
        Ok(index)
    }

    async fn decisions(&self, releases: &[Release]) -> Result<Vec<Decision>, StoreError> {
        let inner = self.inner();
        Ok(inner.decisions.iter().map(|(decision, _)| decision).filter(|decision| releases.contains(&decision.release)).cloned().collect())
    }

    async fn malware_overrides(&self) -> Result<Vec<MalwareOverride>, StoreError> {
        let decisions: Vec<Decision> = self.inner().decisions.iter().map(|(decision, _)| decision.clone()).collect();
        Ok(overrides(&decisions))
    }

    async fn log(&self, body: &Body) -> Result<u64, StoreError> {
        if matches!(body, Body::Decision { .. }) {
            return Err(damaged("a log entry", "a decision is logged by being recorded"));
        }
        let now = self.clock.now();
        self.inner().append(now, body.clone())
    }

    async fn log_head(&self) -> Result<(u64, Sha256), StoreError> {
        let inner = self.inner();
        Ok((inner.frontier.size(), Sha256::from_bytes(*inner.frontier.root().as_bytes())))
    }

    async fn log_leaves(&self, start: u64, count: u64) -> Result<Vec<Vec<u8>>, StoreError> {
        let (start, count) = (usize::try_from(start).unwrap_or(usize::MAX), usize::try_from(count).unwrap_or(usize::MAX));
        Ok(self.inner().leaves.iter().skip(start).take(count).cloned().collect())
    }
}

#[async_trait]
impl CaseStore for MemoryStore {
    async fn open_or_join(&self, campaign_key: &str, release: &Release, new_id: &str, now: Timestamp) -> Result<String, StoreError> {
        let mut inner = self.inner();
        if let Some(case) = inner.cases.iter_mut().find(|case| case.campaign_key == campaign_key && case.closed_at.is_none()) {
            if !case.releases.contains(release) {
                case.releases.push(release.clone());
            }
            return Ok(case.id.clone());
        }
        let releases = vec![release.clone()];
        inner.cases.push(CaseRow {
            id: new_id.to_owned(),
            campaign_key: campaign_key.to_owned(),
            opened_at: now,
            closed_at: None,
            releases,
        });
        Ok(new_id.to_owned())
    }

    async fn case(&self, id: &str) -> Result<Option<CaseRow>, StoreError> {
        Ok(self.inner().cases.iter().find(|case| case.id == id).cloned())
    }

    async fn open_cases(&self, limit: u32) -> Result<Vec<CaseRow>, StoreError> {
        Ok(self.inner().cases.iter().filter(|case| case.closed_at.is_none()).take(limit as usize).cloned().collect())
    }

    async fn close_case(&self, id: &str, now: Timestamp) -> Result<(), StoreError> {
        if let Some(case) = self.inner().cases.iter_mut().find(|case| case.id == id && case.closed_at.is_none()) {
            case.closed_at = Some(now);
        }
        Ok(())
    }
}

#[async_trait]
impl PublisherHistoryStore for MemoryStore {
    async fn observe(&self, identity: &PublisherIdentity) -> Result<(), StoreError> {
        let mut inner = self.inner();
        if !inner.publishers.iter().any(|known| known.release == identity.release && known.identity == identity.identity) {
            inner.publishers.push(identity.clone());
        }
        Ok(())
    }

    async fn history(&self, package: &PackageName) -> Result<Vec<PublisherIdentity>, StoreError> {
        let inner = self.inner();
        let mut found: Vec<PublisherIdentity> =
            inner.publishers.iter().filter(|known| known.release.package == *package).cloned().collect();
        found.sort_by_key(|known| known.published_at);
        Ok(found)
    }
}
