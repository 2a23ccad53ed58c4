//! A small HTTP/1.1 server whose answers, byte for byte, are a function of the request.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) path: String,
    pub(crate) headers: BTreeMap<String, String>,
    /// How many requests for this path came before.
    pub(crate) earlier: usize,
    /// `http://127.0.0.1:PORT`.
    pub(crate) origin: String,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// The raw bytes of an answer, after which the connection is closed.
pub(crate) type Answer = Vec<u8>;

pub(crate) struct Server {
    pub(crate) origin: String,
    log: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    pub(crate) async fn start(answer: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let log: Arc<Mutex<Vec<Request>>> = Arc::default();
        let answer = Arc::new(answer);
        let (shared, own) = (Arc::clone(&log), origin.clone());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (log, answer, origin) = (Arc::clone(&shared), Arc::clone(&answer), own.clone());
                tokio::spawn(async move {
                    let mut head = Vec::new();
                    let mut byte = [0];
                    while !head.ends_with(b"\r\n\r\n") {
                        if stream.read(&mut byte).await.unwrap_or(0) == 0 {
                            return;
                        }
                        head.push(byte[0]);
                    }
                    let text = String::from_utf8(head).unwrap();
                    let mut lines = text.lines();
                    let path = lines.next().unwrap().split(' ').nth(1).unwrap().to_owned();
                    let headers =
                        lines.filter_map(|line| line.split_once(": ")).map(|(k, v)| (k.to_ascii_lowercase(), v.to_owned())).collect();
                    let request = {
                        let mut log = log.lock().unwrap();
                        let earlier = log.iter().filter(|r| r.path == path).count();
                        let request = Request { path, headers, earlier, origin };
                        log.push(request.clone());
                        request
                    };
                    let _ = stream.write_all(&answer(&request)).await;
                    let _ = stream.shutdown().await;
                });
            }
        });
        Server { origin, log }
    }

    /// The requests so far.
    pub(crate) fn log(&self) -> Vec<Request> {
        self.log.lock().unwrap().clone()
    }

    pub(crate) fn paths(&self) -> Vec<String> {
        self.log().into_iter().map(|request| request.path).collect()
    }
}

/// A whole answer.
pub(crate) fn answer(status: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    announce(status, headers, body.len(), body)
}

/// An answer that announces `length` bytes and sends `body`.
pub(crate) fn announce(status: &str, headers: &[(&str, &str)], length: usize, body: &[u8]) -> Answer {
    let mut out = format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {length}\r\n");
    for (name, value) in headers {
        out.push_str(&format!("{name}: {value}\r\n"));
    }
    out.push_str("\r\n");
    [out.as_bytes(), body].concat()
}

/// An answer that announces no length: it ends where the connection does.
pub(crate) fn unannounced(body: &[u8]) -> Answer {
    [b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", body].concat()
}

pub(crate) fn ok(body: impl AsRef<[u8]>) -> Answer {
    answer("200 OK", &[("Content-Type", "application/json")], body.as_ref())
}

pub(crate) fn not_found() -> Answer {
    answer("404 Not Found", &[], b"")
}
