//! Upstreams that mean harm or are badly broken: each ends in a clear error, in bounded time and memory.

use crate::server::{Server, ok};
use bifocal_core::HttpLimits;
use bifocal_registries::http::{Get, Http};
use bifocal_registries::{Environment, Options, RegistryError};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

fn limits() -> HttpLimits {
    HttpLimits {
        tries: 1,
        first_backoff: Duration::from_millis(1),
        read_time: Duration::from_millis(200),
        per_host: 4,
        ..HttpLimits::default()
    }
}

fn http(limits: HttpLimits, download_bytes: u64) -> Http {
    let mut options = Options::default();
    options.limits = limits;
    options.download_bytes = download_bytes;
    Http::new(Environment::default(), options)
}

fn get(url: &str) -> Get {
    Get { url: Url::parse(url).unwrap(), accept: "application/json", credentials: Arc::default() }
}

/// A server that reads a request's head and leaves the rest to `talk`. Gives its address and a count of connections.
async fn raw<F, T>(talk: F) -> (String, Arc<AtomicUsize>)
where
    F: Fn(TcpStream) -> T + Send + Sync + 'static,
    T: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/x", listener.local_addr().unwrap());
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                match stream.read_u8().await {
                    Ok(byte) => head.push(byte),
                    Err(_) => break,
                }
            }
            tokio::spawn(talk(stream));
        }
    });
    (address, count)
}

#[tokio::test]
async fn a_body_that_drips_is_given_up_soon() {
    let (address, _) = raw(|mut stream| async move {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n").await;
        while stream.write_all(b" ").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    let started = Instant::now();
    let http = http(limits(), 1 << 30);
    for outcome in [http.metadata(&get(&address)).await.map(drop), http.download(&get(&address), None, false).await.map(drop)] {
        assert!(matches!(&outcome, Err(RegistryError::Timeout { during, .. }) if during.contains("dripped")), "{outcome:?}");
    }
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_head_without_end_is_given_up_soon() {
    let sent = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&sent);
    let (address, _) = raw(move |mut stream| {
        let counted = Arc::clone(&counted);
        async move {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n").await;
            for number in 0.. {
                let line = format!("X-{number}: {}\r\n", "y".repeat(1000));
                if stream.write_all(line.as_bytes()).await.is_err() {
                    return;
                }
                counted.fetch_add(line.len(), Ordering::SeqCst);
            }
        }
    })
    .await;
    let started = Instant::now();
    let outcome = http(limits(), 1 << 30).metadata(&get(&address)).await.map(drop);
    assert!(matches!(outcome, Err(RegistryError::Connect { .. } | RegistryError::Timeout { .. })), "{outcome:?}");
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    // What was sent beyond the limit on heads lies in the sockets' buffers.
    assert!(sent.load(Ordering::SeqCst) < 16 << 20, "{} bytes", sent.load(Ordering::SeqCst));
}

#[tokio::test]
async fn chunks_that_break_off_or_lie_are_no_body() {
    for (body, what) in [
        ("5\r\nhello\r\n", "breaks off between chunks"),
        ("5\r\nhel", "breaks off in a chunk"),
        ("ffffffffffffffff\r\nhello", "a chunk of all bytes there are"),
        ("fffffffffffffffff\r\nhello", "a chunk beyond all numbers"),
        ("zz\r\nhello\r\n0\r\n\r\n", "no number"),
    ] {
        let (address, _) = raw(move |mut stream| async move {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await;
            let _ = stream.write_all(body.as_bytes()).await;
            let _ = stream.shutdown().await;
        })
        .await;
        let outcome = http(limits(), 1 << 30).metadata(&get(&address)).await.map(drop);
        assert!(matches!(outcome, Err(RegistryError::Truncated { .. } | RegistryError::TooLarge { .. })), "{what}: {outcome:?}");
    }
}

#[tokio::test]
async fn a_host_that_never_answers_is_left_alone_by_the_rest_of_a_crowd() {
    let (address, connections) = raw(|stream| async move {
        tokio::time::sleep(Duration::from_secs(60)).await;
        drop(stream);
    })
    .await;
    let http = http(HttpLimits { read_time: Duration::from_millis(50), ..limits() }, 1 << 30);
    let urls: Vec<Get> = (0..200).map(|n| get(&format!("{address}{n}"))).collect();
    let started = Instant::now();
    let outcomes = futures::future::join_all(urls.iter().map(|get| http.metadata(get))).await;
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Err(RegistryError::Timeout { .. } | RegistryError::Connect { .. }))));
    let left_alone =
        outcomes.iter().filter(|outcome| outcome.as_ref().is_err_and(|error| error.to_string().contains("left alone"))).count();
    assert!(left_alone > 100, "{left_alone}");
    assert!(connections.load(Ordering::SeqCst) < 60, "{connections:?} connections");
    assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());
}

#[tokio::test]
async fn huge_documents_and_files_wait_for_each_other_and_all_arrive() {
    let server = Server::start(|request| {
        let size = 9 << 20;
        // Announced and not.
        if request.path.contains("open") {
            [b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n".as_slice(), &vec![b' '; size]].concat()
        } else {
            ok(vec![b' '; size])
        }
    })
    .await;
    let limits = HttpLimits { read_time: Duration::from_secs(20), artifact_bytes: 16 << 20, ..limits() };
    // Less room than two of the files need, and less than one that may be as large as any.
    let http = http(limits, 12 << 20);
    let urls: Vec<Get> = (0..6).map(|n| get(&format!("{}/{}{n}", server.origin, if n % 2 == 0 { "open" } else { "told" }))).collect();
    let files = futures::future::join_all(urls.iter().map(|get| http.download(get, None, false)));
    let documents =
        futures::future::join_all(urls.iter().map(|get| async { http.metadata(get).await.map(|found| found.unwrap().body.len()) }));
    let (files, documents) =
        tokio::time::timeout(Duration::from_secs(60), async { futures::join!(files, documents) }).await.expect("they wait for ever");
    assert!(files.into_iter().all(|file| file.unwrap().len() == 9 << 20));
    assert!(documents.into_iter().all(|length| length.unwrap() == 9 << 20));
}
