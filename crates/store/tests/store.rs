//! The contract against every backend, and what files and processes can do to one.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first failure")]

use bifocal_core::{DecisionAction, ManualClock, Sha256};
use bifocal_store::contract::{self, decision, facts, release};
use bifocal_store::{
    AssessmentStore, BlobStore, Bounds, DecisionStore, Durability, FolderBlobs, MemoryStore, QueueStore, SqliteCache, SqliteStore,
    StoreError, SystemClock, verify_log,
};
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new("2026-03-01T00:00:00Z".parse().unwrap()))
}

#[tokio::test]
async fn memory_keeps_the_contract() {
    let clock = clock();
    let store = || MemoryStore::new(clock.clone());
    contract::assessments(&store()).await;
    contract::eviction(&store(), &clock).await;
    contract::queue(&store()).await;
    contract::decisions(&store()).await;
    contract::cases(&store()).await;
    contract::publishers(&store()).await;
    contract::blobs(&store(), &|by| clock.advance(by)).await;
}

#[tokio::test]
async fn sqlite_and_folder_keep_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    let clock = clock();
    contract::assessments(&SqliteStore::open_cache(&folder.path().join("cache.sqlite3")).await.unwrap()).await;
    contract::eviction(&SqliteCache::with(&folder.path().join("evicted.sqlite3"), clock.clone()).await.unwrap(), &clock).await;
    let state = |name: &str| {
        let (path, clock) = (folder.path().join(name), clock.clone());
        async move { SqliteStore::open_state(&path, clock).await.unwrap() }
    };
    contract::queue(&state("queue").await).await;
    contract::decisions(&state("decisions").await).await;
    contract::cases(&state("cases").await).await;
    contract::publishers(&state("publishers").await).await;
    for (name, durability) in [("cache", Durability::Cache), ("durable", Durability::Durable)] {
        let blobs = FolderBlobs::with(&folder.path().join(name), u64::MAX, durability, clock.clone()).unwrap();
        contract::blobs(&blobs, &|by| clock.advance(by)).await;
    }
}

#[tokio::test]
async fn what_was_written_is_there_after_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let (cache, state) = (folder.path().join("deep/down/cache"), folder.path().join("state"));
    {
        SqliteStore::open_cache(&cache).await.unwrap().put_artifact_facts(&[facts(1, "a")]).await.unwrap();
        let state = SqliteStore::open_state(&state, clock()).await.unwrap();
        state.record_decision(&decision("d", DecisionAction::Approve, "ann", 1)).await.unwrap();
    }
    let found = SqliteStore::open_cache(&cache).await.unwrap().artifact_facts(&[facts(1, "a").sha256], "a").await.unwrap();
    assert_eq!(found.len(), 1);
    let state = SqliteStore::open_state(&state, clock()).await.unwrap();
    assert_eq!(state.decisions(&[release(1)]).await.unwrap().len(), 1);
    assert_eq!(verify_log(&state).await.unwrap().size, 1);
}

async fn edit(path: &Path, sql: &'static str) {
    let pool = sqlx::SqlitePool::connect_with(sqlx::sqlite::SqliteConnectOptions::new().filename(path)).await.unwrap();
    sqlx::query(sql).execute(&pool).await.unwrap();
    pool.close().await;
}

#[tokio::test]
async fn a_newer_database_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let (cache, state) = (folder.path().join("cache"), folder.path().join("state"));
    SqliteStore::open_cache(&cache).await.unwrap().close().await;
    SqliteStore::open_state(&state, clock()).await.unwrap().close().await;
    for path in [&cache, &state] {
        edit(path, "PRAGMA user_version = 99").await;
    }
    let wrong = SqliteStore::open_cache(&cache).await.err().unwrap();
    assert!(matches!(wrong, StoreError::Newer { found: 99, known: 2, .. }), "{wrong}");
    let wrong = SqliteStore::open_state(&state, clock()).await.err().unwrap();
    assert!(wrong.to_string().contains("update bifocal"), "{wrong}");
}

#[tokio::test]
async fn a_damaged_cache_entry_is_a_miss() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cache");
    let cache = SqliteStore::open_cache(&path).await.unwrap();
    cache.put_artifact_facts(&[facts(1, "a"), facts(2, "a")]).await.unwrap();
    cache.put_release_records(&[contract::record(1)], Timestamp::UNIX_EPOCH).await.unwrap();
    let sha256 = facts(1, "a").sha256.hex();
    assert_eq!(sha256, "cd2662154e6d76b2b2b92e70c0cac3ccf534f9b74eb5b89819ec509083d00a50");
    edit(&path, "UPDATE artifact_facts SET value = zeroblob(length(value)) WHERE sha256 LIKE 'cd2662%'").await;
    edit(&path, "UPDATE release_records SET purl = 'pkg:npm/package-7@1.0.0'").await;
    let found = cache.artifact_facts(&[facts(1, "a").sha256, facts(2, "a").sha256], "a").await.unwrap();
    assert_eq!(found.keys().collect::<Vec<_>>(), [&facts(2, "a").sha256]);
    assert!(cache.release_records(&[release(7)]).await.unwrap().is_empty(), "a record under another name is no record");
}

#[tokio::test]
async fn damage_that_shows_in_use_is_set_aside_once_and_the_next_to_open_begins_anew() {
    use std::io::{Seek as _, Write as _};
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cache.sqlite3");
    let keys: Vec<_> = (1..400).map(|number| facts(number, "a")).collect();
    let ids: Vec<_> = keys.iter().map(|facts| facts.sha256).collect();
    let cache = SqliteStore::open_cache(&path).await.unwrap();
    cache.put_artifact_facts(&keys).await.unwrap();
    cache.close().await;
    let mut file = std::fs::File::options().write(true).open(&path).unwrap();
    let length = file.metadata().unwrap().len();
    assert!(length > 40_000, "{length}");
    // Behind the pages with the form and the list of tables: it opens.
    file.seek(std::io::SeekFrom::Start(16_384)).unwrap();
    file.write_all(&vec![0xa5; length as usize - 16_384]).unwrap();
    let (one, other) = (SqliteStore::open_cache(&path).await.unwrap(), SqliteStore::open_cache(&path).await.unwrap());
    let wrong = one.artifact_facts(&ids, "a").await.unwrap_err();
    assert!(matches!(wrong, StoreError::Damaged { .. }), "{wrong:?}");
    one.set_aside().unwrap();
    let fresh = SqliteStore::open_cache(&path).await.unwrap();
    fresh.put_artifact_facts(&keys).await.unwrap();
    // Another process met the same damage; what was begun anew is not its to take away.
    other.set_aside().unwrap();
    assert_eq!(SqliteStore::open_cache(&path).await.unwrap().artifact_facts(&ids, "a").await.unwrap().len(), ids.len());
    assert!(folder.path().join("cache.damaged").is_file());
}

#[tokio::test]
async fn a_damaged_cache_is_begun_anew_and_damaged_state_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let (cache, state) = (folder.path().join("cache.sqlite3"), folder.path().join("state.sqlite3"));
    for path in [&cache, &state] {
        std::fs::write(path, "this is no database, whatever its name says".repeat(200)).unwrap();
    }
    let store = SqliteStore::open_cache(&cache).await.unwrap();
    store.put_artifact_facts(&[facts(1, "a")]).await.unwrap();
    assert!(folder.path().join("cache.damaged").is_file());
    let wrong = SqliteStore::open_state(&state, clock()).await.err().unwrap();
    assert!(matches!(wrong, StoreError::Damaged { .. }), "{wrong:?}");
    assert!(std::fs::read_to_string(&state).unwrap().starts_with("this is"), "it is left as it was");
}

#[tokio::test]
async fn an_altered_log_does_not_verify() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    let state = SqliteStore::open_state(&path, clock()).await.unwrap();
    for number in 0..5 {
        state.record_decision(&decision(&format!("d{number}"), DecisionAction::Reject, "ann", number)).await.unwrap();
    }
    edit(&path, "UPDATE log_leaves SET leaf = CAST(replace(CAST(leaf AS TEXT), 'ann', 'bob') AS BLOB) WHERE position = 2").await;
    let wrong = verify_log(&state).await.unwrap_err();
    assert!(wrong.to_string().contains("do not lead to its root"), "{wrong}");
    edit(&path, "UPDATE log_leaves SET leaf = x'00' WHERE position = 2").await;
    assert!(verify_log(&state).await.unwrap_err().to_string().contains("leaf 2"));
    edit(&path, "PRAGMA foreign_keys = OFF; DELETE FROM log_leaves WHERE position > 1").await;
    assert!(verify_log(&state).await.is_err());
}

#[tokio::test]
async fn a_blob_that_does_not_match_its_name_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = FolderBlobs::open(folder.path(), u64::MAX).await.unwrap();
    let name = blobs.put(Bytes::from_static(b"true bytes")).await.unwrap();
    let path = folder.path().join(&name.hex()[..2]).join(&name.hex()[2..]);
    std::fs::write(&path, b"fake bytes").unwrap();
    assert_eq!(blobs.get(name).await.unwrap(), None);
    assert!(!path.exists());
    blobs.put(Bytes::from_static(b"true bytes")).await.unwrap();
    std::fs::write(&path, b"true by").unwrap();
    blobs.put(Bytes::from_static(b"true bytes")).await.unwrap();
    assert_eq!(blobs.get(name).await.unwrap().unwrap(), &b"true bytes"[..], "storing again mends a torn file");
}

#[tokio::test]
async fn a_cache_of_blobs_keeps_its_budget() {
    let folder = tempfile::tempdir().unwrap();
    let clock = clock();
    let blobs = FolderBlobs::with(folder.path(), 10_000, Durability::Cache, clock.clone()).unwrap();
    std::fs::create_dir(folder.path().join("ab")).unwrap();
    std::fs::write(folder.path().join("ab/new-orphan"), b"left by a process that was killed").unwrap();
    clock.advance(SignedDuration::from_hours(24 * 36_500));
    for number in 0..100_u8 {
        blobs.put(Bytes::from(vec![number; 1000])).await.unwrap();
        clock.advance(SignedDuration::from_hours(1));
    }
    let mut kept = 0;
    for number in 0..100_u8 {
        kept += u32::from(blobs.contains(Sha256::of(&vec![number; 1000])).await.unwrap());
    }
    assert!((9..=11).contains(&kept), "{kept}");
    assert!(!folder.path().join("ab/new-orphan").exists());
    let file = folder.path().join("file");
    std::fs::write(&file, b"").unwrap();
    assert!(FolderBlobs::open(&file, 1).await.is_err());
}

#[tokio::test]
async fn a_cache_of_facts_keeps_its_bound_and_gives_its_file_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cache");
    let clock = clock();
    let cache = SqliteCache::with(&path, clock.clone()).await.unwrap();
    // Digits of a hash chain do not compress.
    let noise = |number: u64| (0..100u64).map(|at| Sha256::of(&(number * 1000 + at).to_be_bytes()).hex()).collect::<String>();
    let big = |number: u64| {
        let mut big = facts(number, "a");
        big.manifest.name = Some(noise(number));
        big
    };
    let all: Vec<_> = (0..600).map(big).collect();
    for part in all.chunks(20) {
        cache.put_artifact_facts(part).await.unwrap();
        clock.advance(SignedDuration::from_hours(1));
    }
    let size = || std::fs::metadata(&path).unwrap().len() + std::fs::metadata(folder.path().join("cache-wal")).map_or(0, |log| log.len());
    let bound = 600 << 10;
    assert!(size() > 2 * bound, "{}", size());
    assert!(AssessmentStore::evict(&cache, Bounds::of(bound)).await.unwrap() > bound);
    assert!(size() <= bound, "{}", size());
    let asked: Vec<Sha256> = all.iter().map(|facts| facts.sha256).collect();
    let kept = cache.artifact_facts(&asked, "a").await.unwrap();
    assert!(!kept.is_empty() && kept.contains_key(asked.last().unwrap()) && !kept.contains_key(&asked[0]));
}

#[tokio::test]
async fn the_cache_of_the_first_form_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cache");
    let cache = SqliteStore::open_cache(&path).await.unwrap();
    cache.put_artifact_facts(&[facts(1, "a")]).await.unwrap();
    cache.put_release_records(&[contract::record(1)], Timestamp::UNIX_EPOCH).await.unwrap();
    cache.close().await;
    // As it was before entries had a time of last use.
    edit(
        &path,
        "CREATE TABLE f AS SELECT sha256, analyser, checksum, value FROM artifact_facts; DROP TABLE artifact_facts; \
         ALTER TABLE f RENAME TO artifact_facts; CREATE TABLE r AS SELECT purl, fetched_at, checksum, value FROM release_records; \
         DROP TABLE release_records; ALTER TABLE r RENAME TO release_records; \
         DELETE FROM _sqlx_migrations WHERE version = 2; PRAGMA user_version = 1",
    )
    .await;
    let cache = SqliteStore::open_cache(&path).await.unwrap();
    assert_eq!(cache.artifact_facts(&[facts(1, "a").sha256], "a").await.unwrap().len(), 1);
    assert_eq!(cache.release_records(&[release(1)]).await.unwrap().len(), 1);
    cache.put_artifact_facts(&[facts(2, "a")]).await.unwrap();
}

/// Not a test by itself: the other process of the tests below, which starts this binary anew.
#[test]
fn child() {
    let Ok(folder) = std::env::var("BIFOCAL_TEST_STORE") else { return };
    let (folder, name) = (Path::new(&folder).to_owned(), std::env::var("BIFOCAL_TEST_NAME").unwrap());
    let count: u64 = std::env::var("BIFOCAL_TEST_COUNT").unwrap().parse().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let cache = SqliteStore::open_cache(&folder.join("cache")).await.unwrap();
        let state = SqliteStore::open_state(&folder.join("state"), Arc::new(SystemClock)).await.unwrap();
        let blobs = FolderBlobs::open(&folder.join("blobs"), u64::MAX).await.unwrap();
        for number in 0..count {
            let id = format!("{name}-{number}");
            state.record_decision(&decision(&id, DecisionAction::Approve, &name, number as i64)).await.unwrap();
            println!("\nack {id}");
            state.enqueue("work", &id, Some(&format!("key-{number}")), Timestamp::UNIX_EPOCH).await.unwrap();
            cache.put_artifact_facts(&[facts(number, &name), facts(number, "shared")]).await.unwrap();
            blobs.put(Bytes::from(vec![number as u8; 10_000])).await.unwrap();
            // Where the process is to be killed, it is while it removes entries as often as while it writes them.
            if name.starts_with("round") {
                AssessmentStore::evict(&cache, Bounds::of(60_000)).await.unwrap();
                blobs.evict(Bounds::of(50_000)).await.unwrap();
            }
        }
    });
}

fn start(folder: &Path, name: &str, count: u64) -> (Child, std::io::Lines<BufReader<ChildStdout>>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["child", "--exact", "--nocapture", "--test-threads=1"])
        .env("BIFOCAL_TEST_STORE", folder)
        .env("BIFOCAL_TEST_NAME", name)
        .env("BIFOCAL_TEST_COUNT", count.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    (child, lines)
}

async fn assert_whole(folder: &Path, acknowledged: &BTreeSet<String>) {
    let state = SqliteStore::open_state(&folder.join("state"), Arc::new(SystemClock)).await.unwrap();
    let found: Vec<String> = state.decisions(&[release(1)]).await.unwrap().into_iter().map(|decision| decision.id).collect();
    assert_eq!(verify_log(&state).await.unwrap().size as usize, found.len(), "each decision has its leaf");
    let unique: BTreeSet<String> = found.iter().cloned().collect();
    assert_eq!(unique.len(), found.len());
    assert!(acknowledged.is_subset(&unique), "an acknowledged decision is lost");
    for file in ["state", "cache"] {
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(folder.join(file));
        let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
        let whole: String = sqlx::query_scalar("PRAGMA integrity_check").fetch_one(&pool).await.unwrap();
        assert_eq!(whole, "ok", "{file}");
        pool.close().await;
    }
}

#[tokio::test]
async fn two_processes_work_on_one_store_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let running: Vec<_> = ["one", "two", "three"].map(|name| start(folder.path(), name, 40)).into_iter().collect();
    let mut acknowledged = BTreeSet::new();
    for (mut child, lines) in running {
        acknowledged.extend(lines.map_while(Result::ok).filter_map(|line| line.strip_prefix("ack ").map(str::to_owned)));
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(acknowledged.len(), 120);
    assert_whole(folder.path(), &acknowledged).await;
    let cache = SqliteStore::open_cache(&folder.path().join("cache")).await.unwrap();
    let asked: Vec<Sha256> = (0..40).map(|number| facts(number, "").sha256).collect();
    for analyser in ["one", "two", "three", "shared"] {
        assert_eq!(cache.artifact_facts(&asked, analyser).await.unwrap().len(), 40, "{analyser}");
    }
    let state = SqliteStore::open_state(&folder.path().join("state"), Arc::new(SystemClock)).await.unwrap();
    assert_eq!(state.depth(Timestamp::UNIX_EPOCH).await.unwrap(), (40, 0, 0), "the same work is queued once");
    let mut leased = BTreeSet::new();
    while let Some(job) = state.lease(&["work"], Duration::from_secs(60), Timestamp::UNIX_EPOCH).await.unwrap() {
        assert!(leased.insert(job.id));
    }
    assert_eq!(leased.len(), 40);
}

#[tokio::test]
async fn nothing_acknowledged_is_lost_by_kill_9() {
    let folder = tempfile::tempdir().unwrap();
    let mut acknowledged = BTreeSet::new();
    for round in 0..20_usize {
        let (mut child, mut lines) = start(folder.path(), &format!("round{round}"), 10_000);
        let mut seen = 0;
        while seen <= round * 7 % 13 {
            let Some(Ok(line)) = lines.next() else { break };
            if let Some(id) = line.strip_prefix("ack ") {
                acknowledged.insert(id.to_owned());
                seen += 1;
            }
        }
        child.kill().unwrap();
        child.wait().unwrap();
        acknowledged.extend(lines.map_while(Result::ok).filter_map(|line| line.strip_prefix("ack ").map(str::to_owned)));
    }
    assert!(acknowledged.len() >= 20);
    assert_whole(folder.path(), &acknowledged).await;
    let blobs = FolderBlobs::open(&folder.path().join("blobs"), u64::MAX).await.unwrap();
    for number in 0..256_u32 {
        let bytes = vec![number as u8; 10_000];
        let found = blobs.get(Sha256::of(&bytes)).await.unwrap();
        assert!(found.is_none_or(|found| found == bytes));
    }
}
