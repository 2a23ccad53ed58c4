//! The advisory store: one SQLite file with every feed's present state.
//!
//! The attack: data that an interrupted update left half written, and a lookup so slow that people turn it off. An
//! import is one transaction, and what a lookup reads is one indexed row for each package asked about; record texts are
//! fetched for matches alone.

use crate::AdvisoryError;
use crate::collect::{Collected, ecosystem_number};
use crate::editions::Editions;
use crate::feed_reader;
use crate::import::{ImportOptions, ImportReport, ImportSource};
use crate::matching::{Hit, Matched, Subject};
use crate::record::Detail;
use crate::write;
use bifocal_core::{Ecosystem, FeedHealth, FeedStatus, Release, Severity, Sha256};
use jiff::{SignedDuration, Timestamp};
use sqlx::Row;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The form of the tables that this build reads and writes.
const FORM: i64 = 1;
/// What to run when a feed is missing or old.
const REMEDY: &str = "bifocal feed update";
/// The feed's name in reports.
pub(crate) const FEED: &str = "osv";

/// How a store is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenMode {
    /// Created when it is not there; can be imported into.
    ReadWrite,
    /// Read while others may write. Falls back to [`OpenMode::Immutable`] on a disk that cannot be written.
    ReadOnly,
    /// The file does not change while it is open (a read-only image): no locks, no side files.
    Immutable,
}

/// Advisory feeds in an embedded database.
#[derive(Debug, Clone)]
pub struct AdvisoryStore {
    pub(crate) pool: SqlitePool,
    path: PathBuf,
}

/// A record that affects a release.
#[derive(Debug, Clone, PartialEq)]
pub struct AdvisoryMatch {
    /// The record's id.
    pub id: String,
    /// Other ids of the same problem.
    pub aliases: Vec<String>,
    /// One line, at most 300 characters. Hostile text.
    pub summary: String,
    /// Rating by CVSS score, else by the database's word; `None` when the record has neither.
    pub severity: Option<Severity>,
    /// CVSS base score, 0.0 to 10.0.
    pub score: Option<f64>,
    /// The CVSS vector behind the score.
    pub vector: Option<String>,
    /// RustSec's kind of a record that is no vulnerability: `unmaintained`, `unsound`, `notice`.
    pub informational: Option<String>,
    /// When it was first published.
    pub published: Option<Timestamp>,
    /// When it was last changed.
    pub modified: Option<Timestamp>,
    /// Versions that fix it, in the record's order.
    pub fixed: Vec<String>,
    /// Whether it says that the release is malware.
    pub malware: bool,
    /// How it names the release.
    pub matched: Matched,
    /// The advisory's page.
    pub url: Option<String>,
}

/// A feed that is loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadedFeed {
    /// Its own name, age and size.
    pub status: FeedStatus,
    /// The ecosystems that its records are about.
    pub ecosystems: Vec<Ecosystem>,
    /// The date of its newest record: in a quiet ecosystem weeks lie between two.
    pub newest: Option<Timestamp>,
}

/// A feed in the store.
pub(crate) struct Source {
    pub(crate) name: String,
    generation: i64,
    pub(crate) ecosystems: i64,
    digest: String,
    /// When it was obtained.
    obtained: Option<Timestamp>,
    newest: Option<Timestamp>,
    records: u64,
    first_record: i64,
}

impl Source {
    /// Whether the record of this number is one of this feed's.
    pub(crate) fn has(&self, number: i64) -> bool {
        u64::try_from(number.saturating_sub(self.first_record)).is_ok_and(|place| place < self.records)
    }
}

impl AdvisoryStore {
    /// Opens the store at `path`. With a read-only mode a missing file is [`AdvisoryError::Missing`].
    pub async fn open(path: &Path, mode: OpenMode) -> Result<Self, AdvisoryError> {
        if mode != OpenMode::ReadWrite && !path.is_file() {
            return Err(AdvisoryError::Missing { path: path.to_owned() });
        }
        match mode {
            OpenMode::ReadWrite => {
                if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
                    std::fs::create_dir_all(folder).map_err(|source| AdvisoryError::Read { path: folder.to_owned(), source })?;
                }
                let options = SqliteConnectOptions::new()
                    .create_if_missing(true)
                    .page_size(8192)
                    .journal_mode(SqliteJournalMode::Wal)
                    .synchronous(SqliteSynchronous::Full);
                let store = Self::connect(path, options).await?;
                store.check_form(true).await?;
                sqlx::migrate!("./migrations").run(&store.pool).await?;
                Ok(store)
            }
            OpenMode::ReadOnly => {
                let store = Self::connect(path, SqliteConnectOptions::new().read_only(true)).await;
                let opened = match store {
                    Ok(store) => store.check_form(false).await.map(|()| store),
                    Err(error) => Err(error),
                };
                match opened {
                    // SQLite needs its side files even to read; where they cannot be made, nobody else can write either.
                    Err(AdvisoryError::Database { .. }) if !has_log(path) => Self::immutable(path).await,
                    other => other,
                }
            }
            OpenMode::Immutable => Self::immutable(path).await,
        }
    }

    async fn immutable(path: &Path) -> Result<Self, AdvisoryError> {
        let store = Self::connect(path, SqliteConnectOptions::new().read_only(true).immutable(true)).await?;
        store.check_form(false).await?;
        Ok(store)
    }

    pub(crate) async fn connect(path: &Path, options: SqliteConnectOptions) -> Result<Self, AdvisoryError> {
        let options = options
            .filename(path)
            .busy_timeout(Duration::from_secs(30))
            .pragma("mmap_size", (1u64 << 30).to_string())
            .pragma("cache_size", "-65536")
            .row_buffer_size(512);
        let pool = SqlitePoolOptions::new()
            .max_connections(4)
            .test_before_acquire(false)
            .connect_with(options)
            .await
            .map_err(AdvisoryError::database("open the file"))?;
        Ok(AdvisoryStore { pool, path: path.to_owned() })
    }

    async fn check_form(&self, may_be_new: bool) -> Result<(), AdvisoryError> {
        let found: i64 =
            sqlx::query_scalar("PRAGMA user_version").fetch_one(&self.pool).await.map_err(AdvisoryError::database("read the form"))?;
        if found == FORM || (may_be_new && found == 0) {
            return Ok(());
        }
        Err(AdvisoryError::OtherForm { path: self.path.clone(), found, expected: FORM })
    }

    /// Closes the file; further calls fail.
    pub async fn close(self) {
        self.pool.close().await;
    }

    /// Replaces the state of the feed `options.feed` by what `source` holds. One transaction: whatever interrupts it
    /// leaves the former state whole. Reading and parsing use all cores and happen before the store is locked.
    pub async fn import(&self, source: ImportSource, options: ImportOptions) -> Result<ImportReport, AdvisoryError> {
        let (finished, source_sha256, options) = tokio::task::spawn_blocking(move || {
            let (collected, sha256): (Collected, Option<Sha256>) = feed_reader::read(source, &options)?;
            Ok::<_, AdvisoryError>((collected.finish(), sha256, options))
        })
        .await
        .map_err(|_| AdvisoryError::Worker)??;
        if finished.len() == 0 {
            let first =
                finished.skipped().iter().find_map(|(reason, skipped)| Some(format!("{}: {}", reason.as_str(), skipped.examples.first()?)));
            return Err(AdvisoryError::NothingUsable {
                seen: finished.seen(),
                first: first.unwrap_or_else(|| "it has no records".to_owned()),
            });
        }
        let report = write::state(&self.pool, finished, source_sha256, &options).await?;
        // So that a copy of the file, or an immutable open, sees all of it.
        sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)")
            .execute(&self.pool)
            .await
            .map_err(AdvisoryError::database("fold the log into the file"))?;
        Ok(report)
    }

    /// Removes a feed and all that it brought. True when it was there.
    pub async fn remove(&self, feed: &str) -> Result<bool, AdvisoryError> {
        let fail = AdvisoryError::database;
        let mut tx = self.pool.begin_with("BEGIN IMMEDIATE").await.map_err(fail("begin a removal"))?;
        for sql in [
            "DELETE FROM package WHERE generation IN (SELECT generation FROM source WHERE name = ?)",
            "DELETE FROM record WHERE number >= (SELECT first_record FROM source WHERE name = ?1) \
             AND number < (SELECT first_record + records FROM source WHERE name = ?1)",
        ] {
            sqlx::query(sql).bind(feed).execute(&mut *tx).await.map_err(fail("remove a feed"))?;
        }
        let removed = sqlx::query("DELETE FROM source WHERE name = ?").bind(feed).execute(&mut *tx).await.map_err(fail("remove a feed"))?;
        tx.commit().await.map_err(fail("commit a removal"))?;
        Ok(removed.rows_affected() > 0)
    }

    /// The records that affect each release, in the releases' order; for each release malware first, then by id. All
    /// releases are judged on one state of the store.
    pub async fn matches(&self, releases: &[Release]) -> Result<Vec<Vec<AdvisoryMatch>>, AdvisoryError> {
        let mut tx = self.pool.begin().await.map_err(AdvisoryError::database("begin a lookup"))?;
        let sources = sources(&mut tx).await?;
        let blobs = packages(&mut tx, &sources, releases).await?;
        let mut hits: Vec<Vec<Hit>> = Vec::with_capacity(releases.len());
        for release in releases {
            let mut found = Vec::new();
            if let Some(parts) = blobs.get(&(release.ecosystem(), release.package.as_str())) {
                let subject = Subject::new(release);
                for blob in parts {
                    subject.hits(blob, &mut found).map_err(|_| damaged(release.package.as_str()))?;
                }
            }
            hits.push(found);
        }
        let wanted: BTreeSet<i64> = hits.iter().flatten().map(|hit| hit.record).collect();
        let details = details(&mut tx, &wanted).await?;
        let editions = Editions::of(&mut tx, &sources, &details).await?;
        for (release, found) in releases.iter().zip(&mut hits) {
            let replaced =
                |hit: &Hit| details.get(&hit.record).is_some_and(|(id, _)| editions.replace(id, hit.record, release.ecosystem()));
            found.retain(|hit| !replaced(hit));
        }
        drop(tx);
        Ok(hits.into_iter().map(|found| assemble(found, &details)).collect())
    }

    /// How far the questions about one ecosystem can be relied on. `answering` names the feeds that have to be loaded:
    /// when one of them is not, or holds no record about the ecosystem, the answer is *missing*; else it is as old as the
    /// oldest of them. Feeds that are not named only add records: they change the digest, and answer for nothing.
    pub async fn status_of(
        &self,
        ecosystem: Ecosystem,
        answering: &[String],
        now: Timestamp,
        stale_after: SignedDuration,
    ) -> Result<FeedStatus, AdvisoryError> {
        let mut tx = self.pool.begin().await.map_err(AdvisoryError::database("begin a lookup"))?;
        let mut sources = sources(&mut tx).await?;
        sources.retain(|source| source.ecosystems & (1 << ecosystem_number(ecosystem)) != 0);
        let answers: Vec<&Source> = sources.iter().filter(|source| answering.contains(&source.name)).collect();
        if answers.is_empty() || answers.len() < answering.len() {
            return Ok(missing_status());
        }
        let as_of = answers.iter().map(|source| source.obtained).min().flatten();
        let digest = if let [one] = sources.as_slice() {
            one.digest.clone()
        } else {
            let lines: Vec<String> = sources.iter().map(|source| format!("{} {}\n", source.digest, source.name)).collect();
            Sha256::of(lines.concat().as_bytes()).hex()
        };
        Ok(FeedStatus {
            name: FEED.to_owned(),
            health: health(as_of, now, stale_after),
            digest,
            as_of,
            records: answers.iter().map(|source| source.records).sum(),
            remedy: REMEDY.to_owned(),
        })
    }

    /// Every feed that is loaded, by name.
    pub async fn feeds(&self, now: Timestamp, stale_after: SignedDuration) -> Result<Vec<LoadedFeed>, AdvisoryError> {
        let mut tx = self.pool.begin().await.map_err(AdvisoryError::database("begin a lookup"))?;
        let feeds = sources(&mut tx).await?.into_iter().map(|source| LoadedFeed {
            ecosystems: Ecosystem::ALL.into_iter().filter(|eco| source.ecosystems & (1 << ecosystem_number(*eco)) != 0).collect(),
            newest: source.newest,
            status: FeedStatus {
                name: source.name,
                health: health(source.obtained, now, stale_after),
                digest: source.digest,
                as_of: source.obtained,
                records: source.records,
                remedy: REMEDY.to_owned(),
            },
        });
        Ok(feeds.collect())
    }
}

fn health(as_of: Option<Timestamp>, now: Timestamp, stale_after: SignedDuration) -> FeedHealth {
    let fresh = as_of.is_some_and(|date| now.duration_since(date) <= stale_after);
    if fresh { FeedHealth::Fresh } else { FeedHealth::Stale }
}

/// The status of a store that is not there.
pub fn missing_status() -> FeedStatus {
    FeedStatus {
        name: FEED.to_owned(),
        health: FeedHealth::Missing,
        digest: String::new(),
        as_of: None,
        records: 0,
        remedy: REMEDY.to_owned(),
    }
}

/// The status of a store that is damaged: nothing that it says can be relied on.
pub fn damaged_status() -> FeedStatus {
    FeedStatus { health: FeedHealth::Damaged, ..missing_status() }
}

fn damaged(package: &str) -> AdvisoryError {
    AdvisoryError::Damaged { package: bifocal_core::printable(package) }
}

/// Whether a write-ahead log with content lies beside the file.
fn has_log(path: &Path) -> bool {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    std::fs::metadata(log).is_ok_and(|data| data.len() > 0)
}

async fn sources(connection: &mut SqliteConnection) -> Result<Vec<Source>, AdvisoryError> {
    let fail = AdvisoryError::database;
    let rows =
        sqlx::query("SELECT name, generation, ecosystems, digest, as_of, imported_at, records, first_record FROM source ORDER BY name")
            .fetch_all(connection)
            .await
            .map_err(fail("read the feeds"))?;
    rows.iter()
        .map(|row| {
            let newest: Option<i64> = row.try_get("as_of")?;
            Ok(Source {
                name: row.try_get("name")?,
                generation: row.try_get("generation")?,
                ecosystems: row.try_get("ecosystems")?,
                digest: row.try_get("digest")?,
                obtained: Timestamp::from_second(row.try_get("imported_at")?).ok(),
                newest: newest.and_then(|second| Timestamp::from_second(second).ok()),
                records: row.try_get::<i64, _>("records")?.unsigned_abs(),
                first_record: row.try_get("first_record")?,
            })
        })
        .collect::<Result<_, sqlx::Error>>()
        .map_err(fail("read the feeds"))
}

type Blobs<'a> = HashMap<(Ecosystem, &'a str), Vec<Vec<u8>>>;

/// The blobs of every package asked about, one query for each feed and ecosystem.
async fn packages<'a>(connection: &mut SqliteConnection, sources: &[Source], releases: &'a [Release]) -> Result<Blobs<'a>, AdvisoryError> {
    let fail = AdvisoryError::database;
    let mut names: BTreeMap<Ecosystem, BTreeSet<&'a str>> = BTreeMap::new();
    for release in releases {
        names.entry(release.ecosystem()).or_default().insert(release.package.as_str());
    }
    let mut blobs = Blobs::new();
    for (ecosystem, names) in &names {
        let number = ecosystem_number(*ecosystem);
        // Rows name their package by its place in this list, which saves reading the name back.
        let sorted: Vec<&'a str> = names.iter().copied().collect();
        let list = serde_json::to_string(&sorted).unwrap_or_default();
        for source in sources.iter().filter(|source| source.ecosystems & (1 << number) != 0) {
            let rows = sqlx::query(
                "SELECT wanted.key, package.entries FROM json_each(?) AS wanted CROSS JOIN package \
                 ON package.generation = ? AND package.ecosystem = ? AND package.name = wanted.value",
            )
            .bind(&list)
            .bind(source.generation)
            .bind(i64::from(number))
            .fetch_all(&mut *connection)
            .await
            .map_err(fail("look packages up"))?;
            for row in rows {
                let at: i64 = row.try_get(0).map_err(fail("look packages up"))?;
                let entries: Vec<u8> = row.try_get(1).map_err(fail("look packages up"))?;
                if let Some(name) = usize::try_from(at).ok().and_then(|at| sorted.get(at)) {
                    blobs.entry((*ecosystem, name)).or_default().push(entries);
                }
            }
        }
    }
    Ok(blobs)
}

async fn details(connection: &mut SqliteConnection, wanted: &BTreeSet<i64>) -> Result<HashMap<i64, (String, Detail)>, AdvisoryError> {
    let fail = AdvisoryError::database;
    if wanted.is_empty() {
        return Ok(HashMap::new());
    }
    let list = serde_json::to_string(wanted).unwrap_or_default();
    let rows = sqlx::query(
        "SELECT record.number, record.id, record.detail FROM json_each(?) AS wanted CROSS JOIN record ON record.number = wanted.value",
    )
    .bind(list)
    .fetch_all(connection)
    .await
    .map_err(fail("look records up"))?;
    let mut details = HashMap::with_capacity(rows.len());
    for row in rows {
        let number: i64 = row.try_get(0).map_err(fail("look records up"))?;
        let id: String = row.try_get(1).map_err(fail("look records up"))?;
        let text: &str = row.try_get(2).map_err(fail("look records up"))?;
        let detail: Detail = serde_json::from_str(text).map_err(|_| damaged(&id))?;
        details.insert(number, (id, detail));
    }
    Ok(details)
}

fn assemble(hits: Vec<Hit>, details: &HashMap<i64, (String, Detail)>) -> Vec<AdvisoryMatch> {
    let mut by_id: BTreeMap<&str, AdvisoryMatch> = BTreeMap::new();
    for hit in hits {
        let Some((id, detail)) = details.get(&hit.record) else { continue };
        // Two feeds may carry the same edition of a record, and one record may name the package twice: all fixes.
        if let Some(known) = by_id.get_mut(id.as_str()) {
            let fresh: Vec<String> = hit.fixed.into_iter().filter(|fix| !known.fixed.contains(fix)).collect();
            known.fixed.extend(fresh);
            known.matched = known.matched.min(hit.matched);
            known.malware |= detail.malware;
            if known.modified >= detail.modified {
                continue;
            }
            let (fixed, matched, malware) = (std::mem::take(&mut known.fixed), known.matched, known.malware);
            *known = AdvisoryMatch { malware, ..of(id, detail, fixed, matched) };
            continue;
        }
        by_id.insert(id, of(id, detail, hit.fixed, hit.matched));
    }
    let mut matches: Vec<AdvisoryMatch> = by_id.into_values().collect();
    matches.sort_by_key(|found| !found.malware);
    matches
}

fn of(id: &str, detail: &Detail, fixed: Vec<String>, matched: Matched) -> AdvisoryMatch {
    AdvisoryMatch {
        id: id.to_owned(),
        aliases: detail.aliases.clone(),
        summary: detail.summary.clone(),
        severity: detail.severity,
        score: detail.score,
        vector: detail.vector.clone(),
        informational: detail.informational.clone(),
        published: detail.published,
        modified: detail.modified,
        fixed,
        malware: detail.malware,
        matched,
        url: detail.url.clone(),
    }
}
