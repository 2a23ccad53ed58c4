//! Records and facts in a database that may be lost.

use super::codec::{Decoder, encode};
use super::evict::{Table, Uses};
use super::open::{Opened, Usage, open, open_read_only};
use crate::{AssessmentStore, Bounds, StoreError, SystemClock};
use async_trait::async_trait;
use bifocal_core::{ArtifactFacts, Clock, Release, ReleaseRecord, SCHEMA_VERSION, Sha256};
use jiff::Timestamp;
use sqlx::Row;
use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteRow, SqliteSynchronous};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

static MIGRATOR: Migrator = sqlx::migrate!("../../migrations/sqlite/cache");
/// A cache is not worth a long wait.
const USAGE: Usage =
    Usage { migrator: &MIGRATOR, synchronous: SqliteSynchronous::Normal, patience: Duration::from_secs(5), connections: 2, shrinks: true };

/// The cache of records and facts. Any number of processes may use it at once.
pub struct SqliteCache {
    pub(super) database: Opened,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) uses: Uses,
    /// Which file was opened, where the system tells.
    file: Option<FileId>,
}

impl SqliteCache {
    /// Opens or makes the cache. On a read-only disk what is there can be read, and every write is
    /// [`StoreError::ReadOnly`]. A damaged database is set aside as `*.damaged` and begun anew.
    ///
    /// # Errors
    /// The database cannot be opened or made, or was written by a newer program.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        Self::with(path, Arc::new(SystemClock)).await
    }

    /// As [`SqliteCache::open`], with another clock for the time of last use.
    ///
    /// # Errors
    /// As there.
    pub async fn with(path: &Path, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        let database = match open(path, &USAGE).await {
            Err(StoreError::ReadOnly { .. }) if path.is_file() => open_read_only(path, &USAGE).await?,
            Err(StoreError::Damaged { why, .. }) => {
                tracing::warn!(path = %path.display(), why, "the cache is damaged; it is set aside and begun anew");
                set_aside(path)?;
                open(path, &USAGE).await?
            }
            other => other?,
        };
        Ok(SqliteCache { database, clock, uses: Uses::default(), file: file_id(path) })
    }

    pub(super) fn wrong(&self, error: &sqlx::Error) -> StoreError {
        self.database.wrong(error)
    }
}

/// Device and number of a file.
type FileId = (u64, u64);

#[cfg(unix)]
fn file_id(path: &Path) -> Option<FileId> {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata(path).ok().map(|data| (data.dev(), data.ino()))
}

#[cfg(not(unix))]
fn file_id(_path: &Path) -> Option<FileId> {
    None
}

fn set_aside(path: &Path) -> Result<(), StoreError> {
    let wrong = |error| crate::files::io_error(path, error);
    std::fs::rename(path, path.with_extension("damaged")).map_err(wrong)?;
    for suffix in ["-wal", "-shm"] {
        let mut beside = path.as_os_str().to_owned();
        beside.push(suffix);
        let _ = std::fs::remove_file(beside);
    }
    Ok(())
}

/// A list of texts as one bound parameter for `json_each`.
fn json_list<T: AsRef<str>>(texts: impl Iterator<Item = T>) -> String {
    let texts: Vec<String> = texts.map(|text| text.as_ref().to_owned()).collect();
    serde_json::to_string(&texts).unwrap_or_default()
}

type Stored = (String, Vec<u8>, Vec<u8>, String);

fn stored(row: &SqliteRow) -> Option<Stored> {
    Some((row.try_get(0).ok()?, row.try_get(1).ok()?, row.try_get(2).ok()?, row.try_get(3).ok()?))
}

/// The id of a row and the hour of its last use.
fn use_of(row: &SqliteRow) -> Option<(i64, i64)> {
    Some((row.try_get(4).ok()?, row.try_get(5).ok()?))
}

/// Rows that are not worth a second thread.
const FEW_ROWS: usize = 64;

/// Decodes rows on as many threads as there are processors: reading JSON is what a warm check spends its time on.
async fn decode_all<K, V>(
    path: &Path,
    rows: Vec<SqliteRow>,
    decode: fn(&mut Decoder, Stored) -> Option<(K, V)>,
) -> Result<BTreeMap<K, V>, StoreError>
where
    K: Ord + Send + 'static,
    V: Send + 'static,
{
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get).min(8);
    let part = rows.len().div_ceil(threads).max(FEW_ROWS);
    let mut rows = rows.into_iter();
    let mut parts = Vec::new();
    loop {
        let rows: Vec<SqliteRow> = rows.by_ref().take(part).collect();
        if rows.is_empty() {
            break;
        }
        parts.push(tokio::task::spawn_blocking(move || {
            let mut decoder = Decoder::new();
            rows.iter().filter_map(stored).filter_map(|row| decode(&mut decoder, row)).collect::<Vec<(K, V)>>()
        }));
    }
    let mut found = BTreeMap::new();
    for part in parts {
        let decoded = part.await.map_err(|error| StoreError::Io { path: path.to_owned(), source: std::io::Error::other(error) })?;
        found.extend(decoded);
    }
    Ok(found)
}

#[async_trait]
impl AssessmentStore for SqliteCache {
    async fn artifact_facts(&self, artifacts: &[Sha256], analyser: &str) -> Result<BTreeMap<Sha256, ArtifactFacts>, StoreError> {
        let rows = sqlx::query(
            "SELECT sha256, checksum, value, analyser, rowid, used FROM artifact_facts \
             WHERE analyser = ? AND sha256 IN (SELECT value FROM json_each(?))",
        )
        .bind(analyser)
        .bind(json_list(artifacts.iter().map(Sha256::hex)))
        .fetch_all(&self.database.pool)
        .await
        .map_err(|error| self.wrong(&error))?;
        self.uses.read(Table::Facts, rows.iter().filter_map(use_of), self.hour());
        decode_all(&self.database.path, rows, |decoder, (hex, sum, value, analyser)| {
            let facts = decoder.decode::<ArtifactFacts>(&sum, &value);
            let facts =
                facts.filter(|facts| facts.schema_version == SCHEMA_VERSION && facts.sha256.hex() == hex && facts.analyser == analyser);
            if facts.is_none() {
                tracing::warn!(sha256 = hex, "cached facts are damaged; they count as missing");
            }
            facts.map(|facts| (facts.sha256, facts))
        })
        .await
    }

    async fn put_artifact_facts(&self, facts: &[ArtifactFacts]) -> Result<(), StoreError> {
        let mut writing = self.database.write().await?;
        for facts in facts {
            let Some((sum, value)) = encode(facts) else { continue };
            sqlx::query("INSERT OR REPLACE INTO artifact_facts (sha256, analyser, used, checksum, value) VALUES (?, ?, ?, ?, ?)")
                .bind(facts.sha256.hex())
                .bind(&facts.analyser)
                .bind(self.hour())
                .bind(sum)
                .bind(value)
                .execute(&mut *writing.connection())
                .await
                .map_err(|error| self.wrong(&error))?;
        }
        writing.commit().await
    }

    async fn release_records(&self, releases: &[Release]) -> Result<BTreeMap<Release, (ReleaseRecord, Timestamp)>, StoreError> {
        let rows = sqlx::query(
            "SELECT purl, checksum, value, fetched_at, rowid, used FROM release_records WHERE purl IN (SELECT value FROM json_each(?))",
        )
        .bind(json_list(releases.iter().map(Release::purl)))
        .fetch_all(&self.database.pool)
        .await
        .map_err(|error| self.wrong(&error))?;
        self.uses.read(Table::Records, rows.iter().filter_map(use_of), self.hour());
        decode_all(&self.database.path, rows, |decoder, (purl, sum, value, fetched_at)| {
            let record = decoder.decode::<ReleaseRecord>(&sum, &value);
            let record = record.filter(|record| record.schema_version == SCHEMA_VERSION && record.release.purl() == purl);
            let found = record.zip(fetched_at.parse::<Timestamp>().ok());
            if found.is_none() {
                tracing::warn!(purl, "a cached record is damaged; it counts as missing");
            }
            found.map(|(record, fetched_at)| (record.release.clone(), (record, fetched_at)))
        })
        .await
    }

    async fn put_release_records(&self, records: &[ReleaseRecord], fetched_at: Timestamp) -> Result<(), StoreError> {
        let fetched_at = fetched_at.to_string();
        let mut writing = self.database.write().await?;
        for record in records {
            let Some((sum, value)) = encode(record) else { continue };
            sqlx::query("INSERT OR REPLACE INTO release_records (purl, used, fetched_at, checksum, value) VALUES (?, ?, ?, ?, ?)")
                .bind(record.release.purl())
                .bind(self.hour())
                .bind(&fetched_at)
                .bind(sum)
                .bind(value)
                .execute(&mut *writing.connection())
                .await
                .map_err(|error| self.wrong(&error))?;
        }
        writing.commit().await
    }

    async fn artifact_names(&self, names: &[String]) -> Result<BTreeMap<String, Sha256>, StoreError> {
        let rows = sqlx::query("SELECT name, sha256 FROM artifact_names WHERE name IN (SELECT value FROM json_each(?))")
            .bind(json_list(names.iter()))
            .fetch_all(&self.database.pool)
            .await
            .map_err(|error| self.wrong(&error))?;
        let pair = |row: &SqliteRow| Some((row.try_get::<String, _>(0).ok()?, row.try_get::<String, _>(1).ok()?.parse().ok()?));
        Ok(rows.iter().filter_map(pair).collect())
    }

    async fn put_artifact_names(&self, names: &[String], artifact: Sha256) -> Result<(), StoreError> {
        let mut writing = self.database.write().await?;
        sqlx::query("INSERT OR REPLACE INTO artifact_names (name, sha256) SELECT value, ? FROM json_each(?)")
            .bind(artifact.hex())
            .bind(json_list(names.iter()))
            .execute(&mut *writing.connection())
            .await
            .map_err(|error| self.wrong(&error))?;
        writing.commit().await
    }

    async fn note_uses(&self) -> Result<(), StoreError> {
        self.write_uses().await
    }

    async fn evict(&self, bounds: Bounds) -> Result<u64, StoreError> {
        self.remove_out_of(bounds).await
    }

    fn set_aside(&self) -> Result<(), StoreError> {
        // Damage may show long after the opening, and in several processes: only the file that was opened is damaged.
        if self.file.is_some() && file_id(&self.database.path) != self.file {
            return Ok(());
        }
        set_aside(&self.database.path)
    }

    async fn close(&self) {
        self.database.pool.close().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bifocal_core::{Ecosystem, ManifestClaims};

    fn facts(size: usize) -> ArtifactFacts {
        // Digits of a hash chain do not compress, so that the database has to grow.
        let name: String = (0..size / 64 + 1).map(|at| Sha256::of(&at.to_be_bytes()).hex()).collect();
        let name = &name[..size];
        ArtifactFacts {
            schema_version: SCHEMA_VERSION,
            analyser: "a".to_owned(),
            sha256: Sha256::of(name.as_bytes()),
            go_h1: None,
            ecosystem: Some(Ecosystem::Npm),
            size: 1,
            files: 1,
            unpacked: 1,
            manifest: ManifestClaims { name: Some(name.to_owned()), ..ManifestClaims::default() },
            risk: None,
            signals: Vec::new(),
            summary: None,
        }
    }

    #[tokio::test]
    async fn a_full_disk_is_its_own_error_and_leaves_the_cache_readable() {
        let folder = tempfile::tempdir().unwrap();
        let cache = SqliteCache::open(&folder.path().join("cache")).await.unwrap();
        cache.put_artifact_facts(&[facts(100)]).await.unwrap();
        let mut connections = Vec::new();
        for _ in 0..USAGE.connections {
            connections.push(cache.database.pool.acquire().await.unwrap());
        }
        for connection in &mut connections {
            sqlx::query("PRAGMA max_page_count = 26").execute(&mut **connection).await.unwrap();
        }
        drop(connections);
        let wrong = cache.put_artifact_facts(&[facts(1_000_000)]).await.unwrap_err();
        assert!(matches!(wrong, StoreError::Full { .. }), "{wrong:?}");
        assert_eq!(cache.artifact_facts(&[facts(100).sha256], "a").await.unwrap().len(), 1);
        cache.put_artifact_facts(&[facts(200)]).await.unwrap();
    }

    #[tokio::test]
    async fn a_read_only_cache_is_read_and_refuses_to_be_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cache");
        let cache = SqliteCache::open(&path).await.unwrap();
        cache.put_artifact_facts(&[facts(100)]).await.unwrap();
        cache.close().await;
        let database = open_read_only(&path, &USAGE).await.unwrap();
        let cache = SqliteCache { database, clock: Arc::new(SystemClock), uses: Uses::default(), file: file_id(&path) };
        assert_eq!(cache.artifact_facts(&[facts(100).sha256], "a").await.unwrap().len(), 1);
        let wrong = cache.put_artifact_facts(&[facts(200)]).await.unwrap_err();
        assert!(matches!(wrong, StoreError::ReadOnly { .. }), "{wrong:?}");
        let names = cache.put_artifact_names(&["n".to_owned()], facts(1).sha256).await.unwrap_err();
        assert!(names.is_unwritable());
    }
}
