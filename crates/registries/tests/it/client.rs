//! The HTTP client: weather, limits, secrets, cache.

use crate::server::{Request, Server, announce, answer, not_found, ok};
use bifocal_core::{HttpLimits, ManualClock};
use bifocal_registries::http::{Credentials, Document, Get, Http};
use bifocal_registries::{Environment, Options, RegistryError};
use jiff::SignedDuration;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;
use url::Url;

fn limits() -> HttpLimits {
    HttpLimits {
        metadata_bytes: 100_000,
        artifact_bytes: 100_000,
        tries: 4,
        first_backoff: Duration::from_millis(1),
        connect_time: Duration::from_secs(5),
        read_time: Duration::from_secs(5),
        per_host: 4,
    }
}

fn options() -> Options {
    let mut options = Options::default();
    options.limits = limits();
    options
}

fn cached(folder: &Path, clock: &Arc<ManualClock>, offline: bool) -> Http {
    let mut options = options();
    options.cache_dir = Some(folder.to_owned());
    options.clock = Arc::<ManualClock>::clone(clock);
    options.offline = offline;
    Http::new(Environment::default(), options)
}

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new("2026-01-01T00:00:00Z".parse().unwrap()))
}

fn http() -> Http {
    Http::new(Environment::default(), options())
}

fn get(url: impl AsRef<str>) -> Get {
    Get { url: Url::parse(url.as_ref()).unwrap(), accept: "application/json", credentials: Arc::default() }
}

async fn body(http: &Http, url: &str) -> Result<Option<String>, RegistryError> {
    let found: Option<Document> = http.metadata(&get(url)).await?;
    Ok(found.map(|document| String::from_utf8(document.body.to_vec()).unwrap()))
}

#[tokio::test]
async fn passing_failures_are_tried_again_and_lasting_ones_are_not() {
    let server = Server::start(|request: &Request| match (request.path.as_str(), request.earlier) {
        ("/busy", 0) => answer("503 Service Unavailable", &[], b""),
        ("/busy", 1) => answer("429 Too Many Requests", &[("Retry-After", "0")], b""),
        ("/busy", 2) => announce("200 OK", &[], 100, b"{\"half"),
        ("/busy", _) => ok("{}"),
        ("/down", _) => answer("500 Internal Server Error", &[], b"{\"error\":\"disk\"}"),
        ("/later", _) => answer("503 Service Unavailable", &[("Retry-After", "3600")], b"closed"),
        ("/teapot", _) => answer("418 I'm a teapot", &[], b""),
        ("/refused", _) => answer("403 Held for review", &[], b""),
        ("/refused-json", _) => answer("403 Forbidden", &[], b"{\"error\":\"held\\u001b[2J for review\"}"),
        ("/secret", _) => answer("401 Unauthorized", &[], b""),
        _ => not_found(),
    })
    .await;
    let http = http();
    let url = |path: &str| format!("{}{path}", server.origin);
    assert_eq!(body(&http, &url("/busy")).await.unwrap().as_deref(), Some("{}"));
    assert_eq!(body(&http, &url("/absent")).await.unwrap(), None);
    let status =
        |path: &str, status, tries, reason: &str| RegistryError::Status { url: url(path), status, tries, reason: reason.to_owned() };
    assert_eq!(body(&http, &url("/down")).await.unwrap_err(), status("/down", 500, 4, "disk"));
    assert_eq!(body(&http, &url("/later")).await.unwrap_err(), status("/later", 503, 1, "closed"));
    assert_eq!(body(&http, &url("/teapot")).await.unwrap_err(), status("/teapot", 418, 1, "I'm a teapot"));
    let refused = |path: &str, reason: &str| RegistryError::Refused { url: url(path), status: 403, reason: reason.to_owned() };
    assert_eq!(body(&http, &url("/refused")).await.unwrap_err(), refused("/refused", "Held for review"));
    assert_eq!(body(&http, &url("/refused-json")).await.unwrap_err(), refused("/refused-json", "held\\u{1b}[2J for review"));
    assert_eq!(body(&http, &url("/secret")).await.unwrap_err(), RegistryError::Unauthorised { url: url("/secret"), sent: false });
}

#[tokio::test]
async fn names_that_do_not_resolve_and_ports_that_are_closed_are_told_apart() {
    let mut options = options();
    options.limits.tries = 1;
    let http = Http::new(Environment::default(), options);
    assert!(matches!(body(&http, "http://registry.invalid/x").await, Err(RegistryError::Dns { host, .. }) if host == "registry.invalid"));
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    assert!(matches!(body(&http, &format!("http://{closed}/x")).await, Err(RegistryError::Connect { .. })));
    let plain = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = plain.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = plain.accept().await.unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
    });
    let outcome = body(&http, &format!("https://{address}/")).await;
    assert!(matches!(outcome, Err(RegistryError::Tls { .. })), "{outcome:?}");
    assert!(matches!(body(&http, "file:///etc/passwd").await, Err(RegistryError::BadAddress { .. })));
}

#[tokio::test]
async fn silence_ends_in_a_timeout() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut options = options();
    options.limits.tries = 1;
    options.limits.read_time = Duration::from_millis(50);
    let outcome = body(&Http::new(Environment::default(), options), &format!("http://{address}/")).await;
    assert!(matches!(outcome, Err(RegistryError::Timeout { .. })), "{outcome:?}");
}

#[tokio::test]
async fn a_broken_download_is_resumed_where_it_broke() {
    let whole: Vec<u8> = (0..50_000_u32).map(|n| n.to_le_bytes()[0]).collect();
    let served = whole.clone();
    let server = Server::start(move |request: &Request| {
        let etag = ("ETag", "\"v1\"");
        match (request.path.as_str(), request.header("range")) {
            ("/no-ranges", _) if request.earlier == 0 => {
                announce("200 OK", &[("Accept-Ranges", "none"), etag], served.len(), &served[..10])
            }
            ("/changed", _) if request.earlier == 0 => announce("200 OK", &[("ETag", "\"v0\"")], served.len(), &[7; 20_000]),
            (_, "") if request.earlier == 0 => announce("200 OK", &[etag], served.len(), &served[..20_000]),
            ("/resumed", range) if request.earlier == 1 => {
                assert_eq!((range, request.header("if-range")), ("bytes=20000-", "\"v1\""));
                announce("206 Partial Content", &[("Content-Range", "bytes 20000-49999/50000")], 30_000, &served[20_000..25_000])
            }
            ("/resumed", range) => {
                assert_eq!(range, "bytes=25000-");
                answer("206 Partial Content", &[("Content-Range", "bytes 25000-49999/50000")], &served[25_000..])
            }
            ("/wrong-range", "bytes=20000-") => answer("206 Partial Content", &[("Content-Range", "bytes 0-9/50000")], &served[..10]),
            ("/unsatisfiable", "bytes=20000-") => answer("416 Range Not Satisfiable", &[], b""),
            _ => answer("200 OK", &[etag], &served),
        }
    })
    .await;
    let http = http();
    for path in ["/resumed", "/no-ranges", "/changed", "/wrong-range", "/unsatisfiable"] {
        let bytes = http.download(&get(format!("{}{path}", server.origin)), None, false).await.unwrap();
        assert!(bytes == whole, "{path}");
    }
}

#[tokio::test]
async fn bodies_that_stay_short_or_grow_too_large_are_errors() {
    let bomb = {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        gzip.write_all(&vec![b' '; 50 << 20]).unwrap();
        gzip.finish().unwrap()
    };
    assert!(bomb.len() < 100_000);
    let server = Server::start(move |request: &Request| match request.path.as_str() {
        "/short" => announce("200 OK", &[], 100, b"abc"),
        "/bomb" => answer("200 OK", &[("Content-Encoding", "gzip")], &bomb),
        "/announced" => announce("200 OK", &[], 100_001, b""),
        "/endless" => [b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n".as_slice(), &vec![b'x'; 200_000]].concat(),
        "/broken-gzip" => answer("200 OK", &[("Content-Encoding", "gzip")], b"no gzip"),
        "/brotli" => answer("200 OK", &[("Content-Encoding", "br")], b"x"),
        _ => ok("{}"),
    })
    .await;
    let http = http();
    let url = |path: &str| format!("{}{path}", server.origin);
    assert_eq!(
        http.download(&get(url("/short")), None, false).await.unwrap_err(),
        RegistryError::Truncated { url: url("/short"), got: 3, expected: Some(100) }
    );
    for path in ["/bomb", "/announced", "/endless"] {
        assert_eq!(body(&http, &url(path)).await.unwrap_err(), RegistryError::TooLarge { url: url(path), limit: 100_000 }, "{path}");
    }
    assert_eq!(
        http.download(&get(url("/announced")), Some(1), false).await.unwrap_err(),
        RegistryError::TooLarge { url: url("/announced"), limit: 100_000 }
    );
    for path in ["/broken-gzip", "/brotli"] {
        assert!(matches!(body(&http, &url(path)).await, Err(RegistryError::Malformed { .. })), "{path}");
    }
}

#[tokio::test]
async fn secrets_are_not_carried_to_another_host_and_not_won_back() {
    let back = Arc::new(std::sync::OnceLock::<String>::new());
    let shared = Arc::clone(&back);
    let other = Server::start(move |request: &Request| match request.path.as_str() {
        "/return" => answer("302 Found", &[("Location", &format!("{}/private/end", shared.get().unwrap()))], b""),
        _ => ok("{}"),
    })
    .await;
    let target = other.origin.replace("127.0.0.1", "localhost");
    let own = Server::start(move |request: &Request| match request.path.as_str() {
        "/private/same" => answer("302 Found", &[("Location", "end")], b""),
        "/private/up" => answer("301 Moved Permanently", &[("Location", "/public")], b""),
        "/private/out" => answer("307 Temporary Redirect", &[("Location", &format!("{target}/end"))], b""),
        "/private/and-back" => answer("302 Found", &[("Location", &format!("{target}/return"))], b""),
        "/private/loop" => answer("302 Found", &[("Location", "loop")], b""),
        "/private/file" => answer("302 Found", &[("Location", "file:///etc/passwd")], b""),
        _ => ok("{}"),
    })
    .await;
    back.set(own.origin.clone()).unwrap();
    let mut held = Credentials::default();
    held.bearer(&Url::parse(&format!("{}/private/", own.origin)).unwrap(), "s3cret");
    let held = Arc::new(held);
    let http = http();
    for path in ["same", "up", "out", "and-back"] {
        let get =
            Get { url: Url::parse(&format!("{}/private/{path}", own.origin)).unwrap(), accept: "*/*", credentials: Arc::clone(&held) };
        assert!(http.metadata(&get).await.unwrap().is_some(), "{path}");
    }
    let seen: Vec<(String, bool)> = own.log().iter().map(|r| (r.path.clone(), r.header("authorization") == "Bearer s3cret")).collect();
    let expected = [
        ("/private/same", true),
        ("/private/end", true),
        ("/private/up", true),
        ("/public", false),
        ("/private/out", true),
        ("/private/and-back", true),
        ("/private/end", false),
    ];
    assert_eq!(seen, expected.map(|(path, sent)| (path.to_owned(), sent)));
    assert!(other.log().iter().all(|request| request.header("authorization").is_empty()));
    for path in ["loop", "file"] {
        assert!(matches!(body(&http, &format!("{}/private/{path}", own.origin)).await, Err(RegistryError::Redirect { .. })), "{path}");
    }
}

#[tokio::test]
async fn metadata_is_fresh_for_its_time_then_confirmed_and_then_fetched() {
    let server = Server::start(|request: &Request| match (request.path.as_str(), request.header("if-none-match"), request.earlier) {
        ("/x", "\"1\"", 1) => answer("304 Not Modified", &[], b""),
        ("/x", _, n) => answer(
            "200 OK",
            &[("ETag", &format!("\"{}\"", if n == 0 { 1 } else { 2 })), ("Content-Type", "a/b")],
            format!("body {n}").as_bytes(),
        ),
        _ => not_found(),
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let clock = clock();
    let url = format!("{}/x", server.origin);
    let read = || async { body(&cached(folder.path(), &clock, false), &url).await.unwrap().unwrap() };
    assert_eq!((read().await, read().await), ("body 0".to_owned(), "body 0".to_owned()));
    assert_eq!(server.paths().len(), 1, "the second was from the cache");
    clock.advance(SignedDuration::from_mins(61));
    assert_eq!(read().await, "body 0");
    assert_eq!(server.paths().len(), 2, "confirmed");
    clock.advance(SignedDuration::from_mins(61));
    assert_eq!(read().await, "body 2");
    clock.advance(SignedDuration::from_hours(-24));
    assert_eq!(read().await, "body 3", "a date in the future is not trusted");
    let offline = cached(folder.path(), &clock, true);
    clock.advance(SignedDuration::from_hours(1000));
    let document = offline.metadata(&get(&url)).await.unwrap().unwrap();
    assert_eq!((&document.body[..], document.content_type.as_deref()), (b"body 3".as_slice(), Some("a/b")));
    let other = format!("{}/y", server.origin);
    assert_eq!(body(&offline, &other).await.unwrap_err(), RegistryError::Offline { url: other.clone() });
    assert_eq!(offline.download(&get(&other), None, false).await.unwrap_err(), RegistryError::Offline { url: other });
}

#[tokio::test]
async fn absence_is_remembered_for_minutes_only() {
    let server = Server::start(|_: &Request| not_found()).await;
    let folder = tempfile::tempdir().unwrap();
    let clock = clock();
    let url = format!("{}/x", server.origin);
    for (minutes, requests) in [(0, 1), (4, 1), (2, 2)] {
        clock.advance(SignedDuration::from_mins(minutes));
        assert_eq!(body(&cached(folder.path(), &clock, false), &url).await.unwrap(), None);
        assert_eq!(server.paths().len(), requests);
    }
    assert_eq!(body(&cached(folder.path(), &clock, true), &url).await.unwrap(), None);
}

#[tokio::test]
async fn a_damaged_or_unwritable_cache_is_done_without() {
    let server = Server::start(|_: &Request| ok("{\"a\":1}")).await;
    let folder = tempfile::tempdir().unwrap();
    let clock = clock();
    let url = format!("{}/x", server.origin);
    body(&cached(folder.path(), &clock, false), &url).await.unwrap();
    let mut damaged = 0;
    for shard in std::fs::read_dir(folder.path().join("http-1")).unwrap().flatten() {
        for entry in std::fs::read_dir(shard.path()).unwrap().flatten() {
            let mut bytes = std::fs::read(entry.path()).unwrap();
            let end = bytes.len() - 1;
            bytes[end] ^= 0xff;
            std::fs::write(entry.path(), bytes).unwrap();
            damaged += 1;
        }
    }
    assert_eq!(damaged, 1);
    assert_eq!(body(&cached(folder.path(), &clock, false), &url).await.unwrap().as_deref(), Some("{\"a\":1}"));
    assert_eq!(server.paths().len(), 2);
    let file = folder.path().join("file");
    std::fs::write(&file, b"").unwrap();
    let http = cached(&file, &clock, false);
    for _ in 0..2 {
        assert_eq!(body(&http, &url).await.unwrap().as_deref(), Some("{\"a\":1}"));
    }
    assert_eq!(http.warnings().len(), 1);
}

#[tokio::test]
async fn requests_go_through_the_proxy_of_the_environment() {
    let proxy = Server::start(|request: &Request| ok(&request.path)).await;
    let vars = [("http_proxy".to_owned(), proxy.origin.clone()), ("NO_PROXY".to_owned(), "direct.invalid".to_owned())];
    let http = Http::new(Environment { vars: vars.into(), home: None, cwd: "/".into() }, options());
    assert_eq!(body(&http, "http://registry.example/x").await.unwrap().as_deref(), Some("http://registry.example/x"));
    assert!(matches!(body(&http, "http://direct.invalid/x").await, Err(RegistryError::Dns { .. })));
}
