//! The store from outside: imports of every kind, what they replace, what they refuse, what a lookup says.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use bifocal_advisory::{
    AdvisoryError, AdvisoryStore, ImportLimits, ImportOptions, ImportSource, Matched, OpenMode, SignatureCheck, SkipReason,
};
use bifocal_core::{Ecosystem, FeedHealth, Release, Severity, Sha256};
use jiff::{SignedDuration, Timestamp};
use std::io::Write as _;
use std::path::{Path, PathBuf};

mod documentation;
mod malware;

const WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);

fn now() -> Timestamp {
    "2024-06-01T00:00:00Z".parse().unwrap()
}

fn options(feed: &str) -> ImportOptions {
    ImportOptions::new(feed, now())
}

fn record(id: &str, ecosystem: &str, name: &str, introduced: &str, fixed: &str, modified: &str) -> String {
    format!(
        r#"{{"id":"{id}","modified":"{modified}","summary":"summary of {id}","severity":[{{"type":"CVSS_V3","score":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H"}}],"affected":[{{"package":{{"ecosystem":"{ecosystem}","name":"{name}"}},"ranges":[{{"type":"ECOSYSTEM","events":[{{"introduced":"{introduced}"}},{{"fixed":"{fixed}"}}]}}]}}]}}"#
    )
}

/// Records of five ecosystems.
fn five() -> Vec<String> {
    let day = "2024-05-30T00:00:00Z";
    vec![
        record("GHSA-npm", "npm", "@scope/left-pad", "1.0.0", "1.3.1", day),
        record("PYSEC-1", "PyPI", "Zope.Interface", "0", "5.0", day),
        record("GHSA-jvm", "Maven", "org.example:core", "2.0", "2.17.1", day),
        record("RUSTSEC-1", Ecosystem::Cargo.osv_name(), "tiny_http", "0", "0.9.0", day),
        record("GO-1", "Go", "example.com/mod", "0", "1.5.0", day),
        r#"{"id":"MAL-2024-1","modified":"2024-05-31T00:00:00Z","summary":"Malicious code","affected":[{"package":{"ecosystem":"npm","name":"evil"},"versions":["1.0.0","1.0.1"]}]}"#.to_owned(),
        r#"{"id":"MAL-2024-2","modified":"2024-05-31T00:00:00Z","withdrawn":"2024-05-31T00:00:00Z","affected":[{"package":{"ecosystem":"npm","name":"good"},"versions":["1.0.0"]}]}"#.to_owned(),
    ]
}

fn releases() -> Vec<Release> {
    [
        (Ecosystem::Npm, "@scope/left-pad", "1.3.0"),
        (Ecosystem::Npm, "@scope/left-pad", "1.3.1"),
        (Ecosystem::Pypi, "zope-interface", "4.9"),
        (Ecosystem::Maven, "org.example:core", "2.17.0"),
        (Ecosystem::Cargo, "tiny_http", "0.8.9"),
        (Ecosystem::Golang, "example.com/mod", "v1.4.0"),
        (Ecosystem::Npm, "evil", "1.0.1"),
        (Ecosystem::Npm, "good", "1.0.0"),
        (Ecosystem::Npm, "unknown", "1.0.0"),
    ]
    .into_iter()
    .map(|(ecosystem, name, version)| Release::new(ecosystem, name, version).unwrap())
    .collect()
}

async fn ids(store: &AdvisoryStore, releases: &[Release]) -> Vec<Vec<String>> {
    let found = store.matches(releases).await.unwrap();
    found.into_iter().map(|list| list.into_iter().map(|found| found.id).collect()).collect()
}

fn zip_of(path: &Path, files: &[(&str, &str)]) {
    let mut zip = zip::ZipWriter::new(std::fs::File::create(path).unwrap());
    let how = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
    for (name, text) in files {
        zip.start_file(*name, how).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    }
    zip.finish().unwrap();
}

fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path
}

fn lines(records: &[String]) -> ImportSource {
    ImportSource::Reader(Box::new(std::io::Cursor::new(records.join("\n"))))
}

async fn store(folder: &Path) -> AdvisoryStore {
    AdvisoryStore::open(&folder.join("feeds/advisory.sqlite"), OpenMode::ReadWrite).await.unwrap()
}

#[tokio::test]
async fn every_packing_gives_the_same_state_and_the_same_answers() {
    let folder = tempfile::tempdir().unwrap();
    let records = five();
    let zip = folder.path().join("all.zip");
    let names: Vec<String> = (0..records.len()).map(|at| format!("r{at}.json")).collect();
    let files: Vec<(&str, &str)> = names.iter().map(String::as_str).zip(records.iter().map(String::as_str)).collect();
    zip_of(&zip, &files);
    let tree = folder.path().join("tree/deep/er");
    std::fs::create_dir_all(&tree).unwrap();
    for (name, text) in files.iter().rev() {
        write(&tree, name, text);
    }
    write(&tree, "README.md", "not a record");
    let array = write(folder.path(), "array.json", &format!("[{}]", records.join(",\n")));
    let rows = write(folder.path(), "rows.jsonl", &records.join("\n"));
    let mut digests = Vec::new();
    for source in [
        ImportSource::Zip(zip.clone()),
        ImportSource::File(zip),
        ImportSource::Dir(folder.path().join("tree")),
        ImportSource::File(array),
        ImportSource::File(rows),
        lines(&records),
    ] {
        let store = store(folder.path()).await;
        let report = store.import(source, options("osv")).await.unwrap();
        assert_eq!((report.records, report.malware, report.withdrawn), (7, 1, 1));
        assert!(report.skipped.is_empty(), "{:?}", report.skipped);
        digests.push(report.digest);
        let expected: Vec<Vec<&str>> = vec![
            vec!["GHSA-npm"],
            vec![],
            vec!["PYSEC-1"],
            vec!["GHSA-jvm"],
            vec!["RUSTSEC-1"],
            vec!["GO-1"],
            vec!["MAL-2024-1"],
            vec![],
            vec![],
        ];
        assert_eq!(ids(&store, &releases()).await, expected);
        store.close().await;
    }
    digests.dedup();
    assert_eq!(digests.len(), 1);
}

#[tokio::test]
async fn a_match_carries_what_a_person_needs() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path()).await;
    store.import(lines(&five()), options("osv")).await.unwrap();
    let found = store.matches(&releases()).await.unwrap();
    let hit = &found[0][0];
    assert_eq!((hit.severity, hit.score, hit.matched, hit.malware), (Some(Severity::High), Some(7.5), Matched::Range, false));
    assert_eq!((hit.summary.as_str(), hit.fixed.as_slice()), ("summary of GHSA-npm", &["1.3.1".to_owned()][..]));
    assert_eq!((found[6][0].malware, found[6][0].matched), (true, Matched::ExactVersion));
}

#[tokio::test]
async fn a_new_state_replaces_the_old_one_and_other_feeds_stay() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path()).await;
    store.import(lines(&five()), options("osv")).await.unwrap();
    let own = [record("OWN-1", "npm", "evil", "0", "9.9.9", "2024-05-01T00:00:00Z")];
    store.import(lines(&own), options("own")).await.unwrap();
    assert_eq!(ids(&store, &releases()[6..7]).await, [["MAL-2024-1", "OWN-1"]]);

    let mut forced = options("osv");
    forced.force = true;
    store.import(lines(&five()[..1]), forced).await.unwrap();
    assert_eq!(ids(&store, &releases()[5..7]).await, [Vec::<&str>::new(), vec!["OWN-1"]]);
    assert!(store.remove("own").await.unwrap());
    assert_eq!(ids(&store, &releases()[6..7]).await, [Vec::<&str>::new()]);
    assert!(!store.remove("own").await.unwrap());
}

#[tokio::test]
async fn a_withdrawal_takes_effect_at_the_next_import() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path()).await;
    store.import(lines(&five()), options("osv")).await.unwrap();
    let mut next = five();
    next[5] = next[5].replace("\"summary\"", "\"withdrawn\":\"2024-05-31T10:00:00Z\",\"summary\"");
    let report = store.import(lines(&next), options("osv")).await.unwrap();
    assert_eq!((report.malware, report.withdrawn, report.vanished), (0, 2, 0));
    assert_eq!(ids(&store, &releases()[6..7]).await, [Vec::<&str>::new()]);
}

#[tokio::test]
async fn a_shrunken_feed_is_refused_unless_forced() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path()).await;
    let many: Vec<String> = (0..20).map(|n| record(&format!("X-{n}"), "npm", "a", "0", "2.0.0", "2024-05-01T00:00:00Z")).collect();
    store.import(lines(&many), options("osv")).await.unwrap();
    let report = store.import(lines(&many[2..]), options("osv")).await.unwrap();
    assert_eq!((report.before, report.vanished), (20, 2));
    // As many records as before, yet most of them others.
    let others: Vec<String> = many.iter().map(|text| text.replace("X-", "Y-")).collect();
    let error = store.import(lines(&others), options("osv")).await.unwrap_err();
    assert!(matches!(error, AdvisoryError::Shrunk { before: 18, vanished: 18, .. }), "{error}");
    let release = [Release::new(Ecosystem::Npm, "a", "1.0.0").unwrap()];
    assert_eq!(ids(&store, &release).await[0].len(), 18);
    let mut forced = options("osv");
    forced.force = true;
    assert_eq!(store.import(lines(&others), forced).await.unwrap().vanished, 18);
}

#[tokio::test]
async fn wrong_digests_and_signatures_leave_the_state_alone() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path()).await;
    let text = five().join("\n");
    let path = write(folder.path(), "rows.jsonl", &text);
    let mut wrong = options("osv");
    wrong.expected_sha256 = Some(Sha256::of(b"other"));
    let error = store.import(ImportSource::File(path.clone()), wrong.clone()).await.unwrap_err();
    assert!(matches!(error, AdvisoryError::WrongDigest { .. }), "{error}");
    assert!(matches!(
        store.import(ImportSource::Dir(folder.path().to_owned()), wrong).await,
        Err(AdvisoryError::NotCheckable { what: "a folder" })
    ));
    let mut signed = options("osv");
    signed.signature = Some(SignatureCheck { public_key: "RWQ".to_owned(), signature: "untrusted comment: x\n".to_owned() });
    assert!(matches!(store.import(ImportSource::File(path.clone()), signed).await, Err(AdvisoryError::Signature { .. })));
    assert!(store.feeds(now(), WEEK).await.unwrap().is_empty());

    let mut right = options("osv");
    right.expected_sha256 = Some(Sha256::of(text.as_bytes()));
    let report = store.import(ImportSource::File(path), right).await.unwrap();
    assert_eq!(report.source_sha256, Some(Sha256::of(text.as_bytes())));
}

#[tokio::test]
async fn hostile_records_are_counted_and_the_good_ones_come_through() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path()).await;
    let good = five().remove(0);
    let older = good.replace("2024-05-30", "2023-05-30").replace("1.3.1", "1.1.0");
    let deep = format!("{{\"id\":\"D\",\"details\":{}1{}}}", "[".repeat(50_000), "]".repeat(50_000));
    let big = format!("{{\"id\":\"B\",\"details\":\"{}\"}}", "x".repeat(200_000));
    let zip = folder.path().join("all.zip");
    zip_of(
        &zip,
        &[
            ("good.json", &good),
            ("older.json", &older),
            ("../escape.json", &good),
            ("/absolute.json", &good),
            ("deep.json", &deep),
            ("big.json", &big),
            ("cut.json", &good[..40]),
            ("shape.json", "{\"id\":\"S\",\"affected\":7}"),
            ("debian.json", &record("DSA-1", "Debian:12", "x", "0", "1", "2024-01-01T00:00:00Z")),
            ("notes.txt", "nothing"),
        ],
    );
    let mut small = options("osv");
    small.limits = ImportLimits { record_bytes: 150_000, ..ImportLimits::default() };
    // Depth in a field that is not read costs nothing, so `deep.json` is only a record about no package.
    let report = store.import(ImportSource::Zip(zip), small).await.unwrap();
    let counts: Vec<(SkipReason, u64)> = report.skipped.iter().map(|(reason, skipped)| (*reason, skipped.count)).collect();
    assert_eq!(
        counts,
        [
            (SkipReason::BadJson, 1),
            (SkipReason::WrongShape, 1),
            (SkipReason::OtherEcosystem, 2),
            (SkipReason::TooLarge, 1),
            (SkipReason::DuplicateId, 1),
            (SkipReason::UnsafePath, 2),
        ]
    );
    assert_eq!(report.skipped[&SkipReason::UnsafePath].examples, ["../escape.json", "/absolute.json"]);
    // The newer of two records of one id counts, in whatever order they were read.
    assert_eq!(store.matches(&releases()[..1]).await.unwrap()[0][0].fixed, ["1.3.1"]);
}

#[tokio::test]
async fn sources_without_one_good_record_and_bombs_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path()).await;
    store.import(lines(&five()), options("osv")).await.unwrap();
    let before = store.feeds(now(), WEEK).await.unwrap();
    for text in ["", "[]", "hello", "{\"id\":1}\n{\"id\":2}"] {
        let error = store.import(lines(&[text.to_owned()]), options("osv")).await.unwrap_err();
        assert!(matches!(error, AdvisoryError::NothingUsable { .. }), "{text}: {error}");
    }
    let not_zip = write(folder.path(), "x.zip", "PK\u{3}\u{4}broken");
    assert!(matches!(store.import(ImportSource::Zip(not_zip), options("osv")).await, Err(AdvisoryError::Zip { .. })));

    let bomb = folder.path().join("bomb.zip");
    let zeros = " ".repeat(1 << 20);
    let names: Vec<String> = (0..40).map(|at| format!("{at}.json")).collect();
    zip_of(&bomb, &names.iter().map(|name| (name.as_str(), zeros.as_str())).collect::<Vec<_>>());
    let mut tight = options("osv");
    tight.limits.total_bytes = 4 << 20;
    assert!(matches!(store.import(ImportSource::Zip(bomb), tight).await, Err(AdvisoryError::TooLarge { .. })));
    let mut few = options("osv");
    few.limits.records = 3;
    assert!(matches!(store.import(lines(&five()), few).await, Err(AdvisoryError::TooLarge { .. })));
    assert_eq!(store.feeds(now(), WEEK).await.unwrap(), before);
}

#[tokio::test]
async fn the_status_says_how_far_the_feeds_can_be_relied_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("advisory.sqlite");
    assert!(matches!(AdvisoryStore::open(&path, OpenMode::ReadOnly).await, Err(AdvisoryError::Missing { .. })));
    let store = AdvisoryStore::open(&path, OpenMode::ReadWrite).await.unwrap();
    let osv = |ecosystem: Ecosystem| vec![format!("osv/{ecosystem}")];
    let health = async |ecosystem: Ecosystem, at: Timestamp| store.status_of(ecosystem, &osv(ecosystem), at, WEEK).await.unwrap().health;
    assert_eq!(health(Ecosystem::Npm, now()).await, FeedHealth::Missing);

    let mut npm = options("osv/npm");
    npm.ecosystems = vec![Ecosystem::Npm];
    let mut records = five();
    // A record from the future must not keep the feed fresh.
    records.push(record("GHSA-future", "npm", "z", "0", "1.0.0", "2999-01-01T00:00:00Z"));
    let report = store.import(lines(&records), npm).await.unwrap();
    assert_eq!(report.records, 4);
    let status = store.status_of(Ecosystem::Npm, &osv(Ecosystem::Npm), now(), WEEK).await.unwrap();
    // It is as old as the moment at which it was obtained; its newest record may be older.
    assert_eq!((status.health, status.as_of), (FeedHealth::Fresh, Some(now())));
    assert_eq!(store.feeds(now(), WEEK).await.unwrap()[0].newest, Some("2024-05-31T00:00:00Z".parse().unwrap()));
    assert_eq!((status.records, &status.digest), (4, &report.digest));
    assert_eq!(health(Ecosystem::Npm, "2024-06-08T00:00:01Z".parse().unwrap()).await, FeedHealth::Stale);
    // No feed answers for PyPI: its questions are open, whatever the npm feed says.
    assert_eq!(health(Ecosystem::Pypi, now()).await, FeedHealth::Missing);

    // A feed that nobody counts on adds records and answers for nothing, however recent and large.
    store.import(lines(&five()), options("named/osv")).await.unwrap();
    assert_eq!(health(Ecosystem::Pypi, now()).await, FeedHealth::Missing);
    assert_eq!(store.status_of(Ecosystem::Pypi, &[], now(), WEEK).await.unwrap().health, FeedHealth::Missing);
    let with = store.status_of(Ecosystem::Npm, &osv(Ecosystem::Npm), now(), WEEK).await.unwrap();
    assert_eq!((with.health, with.as_of, with.records), (status.health, status.as_of, 4));
    assert_ne!(with.digest, status.digest, "what it adds is part of what was asked");
    // Of two that have to answer, both do or none.
    let two = ["osv/npm".to_owned(), "own".to_owned()];
    assert_eq!(store.status_of(Ecosystem::Npm, &two, now(), WEEK).await.unwrap().health, FeedHealth::Missing);

    let mut dated = options("osv/pypi");
    dated.obtained = Some("2024-01-01T00:00:00Z".parse().unwrap());
    store.import(lines(&five()[1..2]), dated).await.unwrap();
    assert_eq!(health(Ecosystem::Pypi, now()).await, FeedHealth::Stale);
    // Declared to be about all, it says nothing of cargo.
    let mut all = options("all");
    all.ecosystems = Ecosystem::ALL.to_vec();
    store.import(lines(&five()[..1]), all).await.unwrap();
    assert_eq!(store.status_of(Ecosystem::Npm, &["all".to_owned()], now(), WEEK).await.unwrap().health, FeedHealth::Fresh);
    assert_eq!(store.status_of(Ecosystem::Cargo, &["all".to_owned()], now(), WEEK).await.unwrap().health, FeedHealth::Missing);
    let feeds = store.feeds(now(), WEEK).await.unwrap();
    let names: Vec<(&str, FeedHealth, usize)> =
        feeds.iter().map(|feed| (feed.status.name.as_str(), feed.status.health, feed.ecosystems.len())).collect();
    let fresh = FeedHealth::Fresh;
    assert_eq!(names, [("all", fresh, 1), ("named/osv", fresh, 5), ("osv/npm", fresh, 1), ("osv/pypi", FeedHealth::Stale, 1)]);
}

#[tokio::test]
async fn read_only_and_immutable_stores_answer_and_refuse_imports() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("advisory.sqlite");
    let writer = AdvisoryStore::open(&path, OpenMode::ReadWrite).await.unwrap();
    writer.import(lines(&five()), options("osv")).await.unwrap();
    // Beside an open writer.
    let reader = AdvisoryStore::open(&path, OpenMode::ReadOnly).await.unwrap();
    assert_eq!(ids(&reader, &releases()[..1]).await, [["GHSA-npm"]]);
    assert!(matches!(reader.import(lines(&five()), options("osv")).await, Err(AdvisoryError::Database { .. })));
    writer.close().await;
    reader.close().await;
    // A copy of the one file, as an image would hold it.
    let copy = folder.path().join("image/advisory.sqlite");
    std::fs::create_dir(folder.path().join("image")).unwrap();
    std::fs::copy(&path, &copy).unwrap();
    let image = AdvisoryStore::open(&copy, OpenMode::Immutable).await.unwrap();
    assert_eq!(ids(&image, &releases()[..1]).await, [["GHSA-npm"]]);
    image.close().await;
    let beside: Vec<_> = std::fs::read_dir(folder.path().join("image")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(beside, ["advisory.sqlite"]);
}

#[tokio::test]
async fn an_import_that_is_cut_off_leaves_the_former_state() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("advisory.sqlite");
    let store = AdvisoryStore::open(&path, OpenMode::ReadWrite).await.unwrap();
    store.import(lines(&five()), options("osv")).await.unwrap();
    let many: Vec<String> = (0..2000).map(|n| record(&format!("N-{n}"), "npm", "evil", "0", "9.0.0", "2024-05-01T00:00:00Z")).collect();
    // The future is dropped at every one of its first steps, as a process that dies would drop it.
    for steps in 0..12 {
        let mut forced = options("osv");
        forced.force = true;
        let mut import = Box::pin(store.import(lines(&many), forced));
        for _ in 0..steps {
            if let std::task::Poll::Ready(result) = futures_poll(import.as_mut()).await {
                result.unwrap();
                panic!("the import was over before it was cut off");
            }
        }
        drop(import);
        assert_eq!(ids(&store, &releases()[6..7]).await, [["MAL-2024-1"]], "after {steps} steps");
    }
}

/// Polls a future once and gives other tasks a turn.
async fn futures_poll<F: std::future::Future>(mut future: std::pin::Pin<&mut F>) -> std::task::Poll<F::Output> {
    let polled = std::future::poll_fn(|context| std::task::Poll::Ready(future.as_mut().poll(context))).await;
    tokio::task::yield_now().await;
    polled
}

#[tokio::test]
async fn a_package_with_very_many_records_spans_rows() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path()).await;
    let many: Vec<String> =
        (0..12_000).map(|n| record(&format!("N-{n:05}"), "npm", "busy", "0", &format!("{n}.0.0"), "2024-05-01T00:00:00Z")).collect();
    store.import(lines(&many), options("osv")).await.unwrap();
    let found = ids(&store, &[Release::new(Ecosystem::Npm, "busy", "11989.0.0").unwrap()]).await;
    assert_eq!(found[0], (11_990..12_000).map(|n| format!("N-{n:05}")).collect::<Vec<_>>());
}

#[tokio::test]
async fn files_of_another_form_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let garbage = write(folder.path(), "garbage.sqlite", &"not a database ".repeat(1000));
    for mode in [OpenMode::ReadOnly, OpenMode::Immutable, OpenMode::ReadWrite] {
        assert!(AdvisoryStore::open(&garbage, mode).await.is_err(), "{mode:?}");
    }
    let empty = write(folder.path(), "empty.sqlite", "");
    assert!(matches!(AdvisoryStore::open(&empty, OpenMode::ReadOnly).await, Err(AdvisoryError::OtherForm { found: 0, .. })));
}
