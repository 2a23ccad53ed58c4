//! The database over the wire: a signed log served by a test server, honest and not.

use super::signing::{key_text, sign};
use crate::test_server::{Reply, TestServer};
use crate::{Environment, Options, Registries, RegistryError};
use base64::Engine as _;
use bifocal_core::{Ecosystem, HttpLimits, Known, Release, ReleaseRecord};
use bifocal_ledger::{Hash, leaf_hash, root_of};
use std::path::Path;
use std::time::Duration;

const NAME: &str = "sum.example";
const H1: &str = "h1:NIvaJDMOsjHA8n1jAhLSgzrAzy1Hgr+hNrb57e+94F0=";
const OTHER: &str = "h1:TIyPZe4MgqvfeYDBFedMoGGpEw/LqOeaOT+nhxU+yHo=";

/// A log of `count` records; that of `example.com/m v1.0.0` is at `at`.
struct Log(Vec<String>);

impl Log {
    fn new(count: usize, at: usize) -> Log {
        let record = |n: usize| {
            let module = if n == at { "example.com/m v1.0.0".to_owned() } else { format!("example.com/other v1.0.{n}") };
            format!("{module} {H1}\n{module}/go.mod {OTHER}\n")
        };
        Log((0..count).map(record).collect())
    }

    fn leaves(&self) -> Vec<Hash> {
        self.0.iter().map(|record| leaf_hash(record.as_bytes())).collect()
    }

    /// The signed tree over the first `size` records.
    fn tree(&self, size: usize) -> String {
        let root = base64::engine::general_purpose::STANDARD.encode(root_of(&self.leaves()[..size]).as_bytes());
        sign(NAME, &format!("go.sum database tree\n{size}\n{root}\n"))
    }

    /// Answers a lookup with the tree of `size` records.
    fn answer(&self, server: &TestServer, at: usize, size: usize) {
        let body = format!("{at}\n{}\n{}", self.0[at], self.tree(size));
        server.serve(&format!("/sumdb/{NAME}/lookup/example.com/m@v1.0.0"), Reply::ok(body));
    }

    /// Serves the tiles of the tree over the first `size` records: the full ones, and those at the edge.
    fn tiles(&self, server: &TestServer, size: usize) {
        let leaves = &self.leaves()[..size];
        for level in 0..2_u32 {
            let step = 256_usize.pow(level);
            let hashes: Vec<Hash> = leaves.chunks_exact(step).map(root_of).collect();
            for (index, tile) in hashes.chunks(256).enumerate() {
                let part = if tile.len() == 256 { String::new() } else { format!(".p/{}", tile.len()) };
                let bytes: Vec<u8> = tile.iter().flat_map(|hash| *hash.as_bytes()).collect();
                server.serve(&format!("/sumdb/{NAME}/tile/8/{level}/{index:03}{part}"), Reply::ok(bytes));
            }
        }
    }
}

async fn upstream() -> TestServer {
    let server = TestServer::start().await;
    server.serve("/example.com/m/@v/list", Reply::ok("v1.0.0\n"));
    server.serve("/example.com/m/@v/v1.0.0.info", Reply::ok("{\"Version\":\"v1.0.0\",\"Time\":\"2024-01-01T00:00:00Z\"}"));
    server.serve("/example.com/m/@v/v1.0.0.mod", Reply::ok("module example.com/m\n"));
    server.serve(&format!("/sumdb/{NAME}/supported"), Reply::ok(""));
    server
}

fn registries(server: &TestServer, cache: Option<&Path>, sumdb: &str) -> Registries {
    let limits = HttpLimits { tries: 1, first_backoff: Duration::from_millis(1), ..HttpLimits::default() };
    let options = Options { limits, cache_dir: cache.map(Path::to_owned), refresh: true, ..Options::default() };
    let vars = [("GOPROXY", server.address.as_str()), ("GOSUMDB", sumdb)];
    let vars = vars.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
    Registries::new(Environment { vars, home: None, cwd: "/nonexistent".into() }, options).unwrap()
}

async fn ask(server: &TestServer, cache: Option<&Path>) -> Result<ReleaseRecord, RegistryError> {
    registries(server, cache, &key_text(NAME)).record(&Release::new(Ecosystem::Golang, "example.com/m", "v1.0.0").unwrap()).await
}

fn why(answer: Result<ReleaseRecord, RegistryError>) -> String {
    match answer {
        Err(error @ RegistryError::ChecksumDatabase { .. }) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_record_in_a_signed_tree_is_believed() {
    for (count, at) in [(1, 0), (2, 1), (256, 255), (300, 7), (300, 299), (1000, 600)] {
        let server = upstream().await;
        let log = Log::new(count, at);
        log.answer(&server, at, count);
        log.tiles(&server, count);
        let record = ask(&server, None).await.unwrap();
        assert_eq!(record.files[0].digests[0].to_string(), H1, "{at} of {count}");
        assert_eq!(record.signatures, Known::Given(format!("{{\"database\":\"{NAME}\",\"record\":{at}}}")));
    }
}

#[tokio::test]
async fn an_older_tree_is_proved_against_the_newest() {
    let server = upstream().await;
    let log = Log::new(700, 3);
    log.answer(&server, 3, 260);
    log.tiles(&server, 700);
    server.serve(&format!("/sumdb/{NAME}/latest"), Reply::ok(log.tree(700)));
    assert!(ask(&server, None).await.is_ok());
    // A tile that filled up since is served whole alone.
    assert!(!server.asked().iter().any(|(path, _)| path.contains(".p/4")), "{:?}", server.asked());
}

#[tokio::test]
async fn what_the_tree_does_not_bear_out_is_an_error() {
    let honest = Log::new(300, 7);
    // An altered digest, with the honest tree and its honest tiles.
    let server = upstream().await;
    honest.tiles(&server, 300);
    let altered = honest.0[7].replace(H1, OTHER);
    server.serve(&format!("/sumdb/{NAME}/lookup/example.com/m@v1.0.0"), Reply::ok(format!("7\n{altered}\n{}", honest.tree(300))));
    assert!(why(ask(&server, None).await).contains("not in the tree"));
    // The same with tiles to match.
    let mut forged = Log(honest.0.clone());
    forged.0[7] = altered.clone();
    forged.tiles(&server, 300);
    assert!(why(ask(&server, None).await).contains("not in the tree"));
    // A tree that is signed by another key, and one that is not signed.
    let unsigned = honest.tree(300).replace("go.sum database tree\n300", "go.sum database tree\n299");
    for (tree, expected) in [(unsigned, "signature of its tree is wrong"), ("go.sum database tree\n1\nAAAA\n".to_owned(), "not signed")] {
        server.serve(&format!("/sumdb/{NAME}/lookup/example.com/m@v1.0.0"), Reply::ok(format!("7\n{}\n{tree}", honest.0[7])));
        let said = why(ask(&server, None).await);
        assert!(said.contains(expected), "{said}");
    }
    // A record of another module, a number outside of the tree, no record at all.
    for (body, expected) in [
        (format!("8\n{}\n{}", honest.0[8], honest.tree(300)), "of another module"),
        (format!("300\n{}\n{}", honest.0[7], honest.tree(300)), "outside"),
        ("<html>".to_owned(), "no record"),
    ] {
        server.serve(&format!("/sumdb/{NAME}/lookup/example.com/m@v1.0.0"), Reply::ok(body));
        let said = why(ask(&server, None).await);
        assert!(said.contains(expected), "{said}");
    }
}

#[tokio::test]
async fn a_database_with_two_histories_is_found_out_in_a_later_run() {
    let folder = tempfile::tempdir().unwrap();
    let server = upstream().await;
    let log = Log::new(300, 7);
    log.answer(&server, 7, 300);
    log.tiles(&server, 300);
    assert!(ask(&server, Some(folder.path())).await.is_ok());
    // It grows: all is well.
    let grown = Log::new(520, 7);
    grown.answer(&server, 7, 520);
    grown.tiles(&server, 520);
    let second = tempfile::tempdir().unwrap();
    copy_tree(folder.path(), second.path());
    assert!(ask(&server, Some(second.path())).await.is_ok());
    // Another history: larger, smaller, and of the same size.
    for size in [600, 200, 520] {
        let mut forked = Log::new(600, 7);
        forked.0[9] = forked.0[9].replace("other", "evil");
        let server = upstream().await;
        forked.answer(&server, 7, size);
        forked.tiles(&server, 520);
        forked.tiles(&server, 600);
        let third = tempfile::tempdir().unwrap();
        copy_tree(second.path(), third.path());
        let said = why(ask(&server, Some(third.path())).await);
        assert!(said.contains("two histories"), "{size}: {said}");
    }
}

/// The remembered tree alone, as if the rest of the cache had been emptied.
fn copy_tree(from: &Path, to: &Path) {
    std::fs::create_dir_all(to.join("sumdb-1")).unwrap();
    for file in std::fs::read_dir(from.join("sumdb-1")).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), to.join("sumdb-1").join(file.file_name())).unwrap();
    }
}

#[tokio::test]
async fn a_database_that_cannot_be_asked_is_a_warning_and_no_digest() {
    let server = upstream().await;
    server.serve(&format!("/sumdb/{NAME}/lookup/example.com/m@v1.0.0"), Reply::status(500));
    let registries = registries(&server, None, &key_text(NAME));
    let record = registries.record(&Release::new(Ecosystem::Golang, "example.com/m", "v1.0.0").unwrap()).await.unwrap();
    assert!(record.files[0].digests.is_empty());
    assert_eq!(record.signatures, Known::Stripped);
    assert!(registries.warnings().iter().any(|warning| warning.contains("checksum database")), "{:?}", registries.warnings());
}

#[tokio::test]
async fn an_address_in_the_variable_is_asked_in_place_of_the_proxy() {
    let (server, database) = (upstream().await, TestServer::start().await);
    let log = Log::new(1, 0);
    database.serve("/db/lookup/example.com/m@v1.0.0", Reply::ok(format!("0\n{}\n{}", log.0[0], log.tree(1))));
    let registries = registries(&server, None, &format!("{} {}/db", key_text(NAME), database.address));
    let record = registries.record(&Release::new(Ecosystem::Golang, "example.com/m", "v1.0.0").unwrap()).await.unwrap();
    assert_eq!(record.files[0].digests.len(), 1);
    assert!(server.asked().iter().all(|(path, _)| !path.starts_with("/sumdb")));
}
