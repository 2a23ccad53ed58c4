//! The loaded feeds, as lenses ask them.
//!
//! In: the folder that `feed update` fills. Out: advisory and history signals, and how far each feed can be relied on at
//! the time for which the policy is evaluated. A feed that is missing, stale or unreadable gives *unknown*, never silence.

use bifocal_advisory::{
    AdvisoryError, AdvisoryStore, FeedSources, LoadedFeed, OpenMode, damaged_status, feed_unknown, missing_status, signals,
};
use bifocal_core::{ArtifactFacts, Ecosystem, FeedStatus, Release, ReleaseRecord, Signal};
use bifocal_history::{HistoryFeeds, Popularity, manifest_signals};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

/// Bytes of a stored popularity list.
const MAX_LIST: u64 = 256 << 20;

/// A popularity list as it is stored.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct StoredList {
    pub(crate) schema_version: u32,
    pub(crate) as_of: Option<Timestamp>,
    pub(crate) text: String,
}

/// What the names of the advisory feeds begin with; the ecosystem follows.
const ADVISORIES: &str = "osv/";

/// Where the advisory store is in the feeds folder.
pub(crate) fn advisory_path(dir: &Path) -> PathBuf {
    dir.join("osv.sqlite3")
}

/// Where an ecosystem's popularity list is.
pub(crate) fn popularity_path(dir: &Path, ecosystem: Ecosystem) -> PathBuf {
    dir.join(format!("popularity-{ecosystem}.json"))
}

/// The feeds that answer for some ecosystems.
#[derive(Default)]
pub struct Feeds {
    advisory: Option<AdvisoryStore>,
    history: HistoryFeeds,
    status: Vec<FeedStatus>,
    /// What they are, once a lookup failed.
    failed: OnceLock<Vec<FeedStatus>>,
    loaded: Vec<LoadedFeed>,
    warnings: Mutex<BTreeSet<String>>,
}

/// Why feeds cannot be used at all. A missing or damaged feed is not one of these: it is a status.
#[derive(Debug, thiserror::Error)]
pub enum FeedsError {
    /// The number of days is beyond what the calendar knows.
    #[error("feeds.stale_days is {0}, more days than can be counted")]
    Days(i64),
}

impl Feeds {
    /// Opens what is in `dir`; without a folder every feed is missing. `sources` is the list of sources: only what comes
    /// from it answers a question, whatever else was loaded beside it.
    pub async fn open(
        dir: Option<&Path>,
        sources: &FeedSources,
        now: Timestamp,
        stale_days: i64,
        ecosystems: &BTreeSet<Ecosystem>,
    ) -> Result<Self, FeedsError> {
        let stale_after = stale_days
            .checked_mul(24)
            .filter(|hours| *hours < 200_000_000)
            .map(SignedDuration::from_hours)
            .ok_or(FeedsError::Days(stale_days))?;
        let mut feeds = Feeds::default();
        if ecosystems.is_empty() {
            return Ok(feeds);
        }
        let wanted: Vec<Ecosystem> = ecosystems.iter().copied().collect();
        let mut unopened = missing_status();
        if let Some(path) = dir.map(advisory_path).filter(|path| path.exists()) {
            match AdvisoryStore::open(&path, OpenMode::ReadOnly).await {
                Ok(store) => feeds.advisory = Some(store),
                Err(error) => {
                    unopened = status_after(&error);
                    feeds.warn(told(&error));
                }
            }
        }
        // Each ecosystem has an answer of its own: records about npm say nothing of PyPI.
        for ecosystem in &wanted {
            let mut status = unopened.clone();
            if let Some(store) = &feeds.advisory {
                match store.status_of(*ecosystem, &sources.answering(*ecosystem), now, stale_after).await {
                    Ok(found) => status = found,
                    Err(error) => {
                        status = status_after(&error);
                        feeds.warn(told(&error));
                    }
                }
            }
            status.name = format!("{ADVISORIES}{ecosystem}");
            feeds.status.push(status);
        }
        if let Some(store) = &feeds.advisory {
            match store.feeds(now, stale_after).await {
                Ok(loaded) => feeds.loaded = loaded,
                Err(error) => feeds.warn(told(&error)),
            }
        }
        for ecosystem in wanted {
            if let Some(path) = dir.map(|dir| popularity_path(dir, ecosystem)).filter(|path| path.exists()) {
                match tokio::task::spawn_blocking(move || load_list(&path, ecosystem)).await {
                    Ok(Ok((list, as_of))) => feeds.history.insert(list, as_of),
                    Ok(Err(why)) => feeds.warn(why),
                    Err(error) => feeds.warn(format!("the popularity list of {ecosystem} could not be read: {error}")),
                }
            }
            feeds.status.push(feeds.history.status(ecosystem, now, stale_after));
        }
        Ok(feeds)
    }

    /// How far each feed can be relied on.
    pub fn status(&self) -> &[FeedStatus] {
        self.failed.get().unwrap_or(&self.status)
    }

    /// Every feed of advisories that is loaded, those that only add records too.
    pub fn loaded(&self) -> &[LoadedFeed] {
        &self.loaded
    }

    /// What went wrong without stopping anything, each once.
    pub fn warnings(&self) -> Vec<String> {
        self.warnings.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    fn warn(&self, text: String) {
        self.warnings.lock().unwrap_or_else(PoisonError::into_inner).insert(text);
    }

    /// Advisory signals of many releases, in one question.
    pub(crate) async fn advisories(&self, releases: &[Release]) -> BTreeMap<Release, Vec<Signal>> {
        let mut unknown: BTreeMap<Ecosystem, Vec<Signal>> = BTreeMap::new();
        for ecosystem in Ecosystem::ALL {
            let health = self.status.iter().find(|status| status.name == format!("{ADVISORIES}{ecosystem}"));
            unknown.insert(ecosystem, health.and_then(feed_unknown).map(|draft| draft.finish(None)).into_iter().collect());
        }
        let of = |release: &Release| unknown.get(&release.ecosystem()).cloned().unwrap_or_default();
        let mut found: BTreeMap<Release, Vec<Signal>> = releases.iter().map(|release| (release.clone(), of(release))).collect();
        let Some(store) = &self.advisory else { return found };
        match store.matches(releases).await {
            Ok(matches) => {
                for (release, matched) in releases.iter().zip(matches) {
                    if !matched.is_empty() {
                        found.entry(release.clone()).or_default().extend(signals(&matched).into_iter().map(|draft| draft.finish(None)));
                    }
                }
            }
            Err(error) => {
                // The store broke while it was read: the question is unknown for every release.
                self.warn(told(&error));
                let broken = |name: &str| FeedStatus { name: name.to_owned(), ..status_after(&error) };
                let of = |status: &FeedStatus| if status.name.starts_with(ADVISORIES) { broken(&status.name) } else { status.clone() };
                let _ = self.failed.set(self.status.iter().map(of).collect());
                for (release, signals) in &mut found {
                    let status = broken(&format!("{ADVISORIES}{}", release.ecosystem()));
                    *signals = feed_unknown(&status).map(|draft| draft.finish(None)).into_iter().collect();
                }
            }
        }
        found
    }

    /// History signals of one release.
    pub(crate) fn history<'a>(&self, record: &ReleaseRecord, facts: impl Iterator<Item = &'a ArtifactFacts>) -> Vec<Signal> {
        let mut found: Vec<Signal> = bifocal_history::signals(record, &self.history).into_iter().map(|draft| draft.finish(None)).collect();
        for facts in facts {
            found.extend(manifest_signals(record, &facts.manifest).into_iter().map(|draft| draft.finish(Some(facts.sha256))));
        }
        found
    }
}

/// What a feed is whose store answered with this error.
fn status_after(error: &AdvisoryError) -> FeedStatus {
    if error.is_damage() { damaged_status() } else { missing_status() }
}

fn told(error: &AdvisoryError) -> String {
    if error.is_damage() {
        format!("the loaded advisories are damaged: {error}; `bifocal feed update` loads them anew")
    } else {
        error.to_string()
    }
}

fn load_list(path: &Path, ecosystem: Ecosystem) -> Result<(Popularity, Option<Timestamp>), String> {
    use std::io::Read as _;
    let failed = |why: String| {
        format!("the popularity list of {ecosystem} is not used: {why}; run `bifocal feed update --popularity {ecosystem} FILE`")
    };
    let mut text = String::new();
    std::fs::File::open(path).and_then(|file| file.take(MAX_LIST).read_to_string(&mut text)).map_err(|error| failed(error.to_string()))?;
    let stored: StoredList = serde_json::from_str(&text).map_err(|error| failed(error.to_string()))?;
    if stored.schema_version > bifocal_core::SCHEMA_VERSION {
        return Err(failed("it was written by a newer bifocal".to_owned()));
    }
    let list = Popularity::parse(ecosystem, &stored.text).map_err(|error| failed(error.to_string()))?;
    Ok((list, stored.as_of))
}
