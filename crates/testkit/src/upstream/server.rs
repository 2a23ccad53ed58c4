//! Listening, one thread for each connection, and the way of one request: log, fault, credentials, catalogue, delivery.

use super::fault::{Delivery, Effect, Faults, MOVED, apply};
use super::http::{Length, Request, Response, head, read_request};
use super::log::{Access, AccessLog};
use super::options::{Auth, Serving};
use crate::catalogue::Catalogue;
use crate::serve::{Site, route};
use bifocal_core::{Ecosystem, Sha256};
use std::collections::BTreeMap;
use std::io::{self, BufReader, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::JoinHandle;

/// What all connections share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) base: String,
    pub(crate) other: String,
    pub(crate) catalogue: RwLock<Catalogue>,
    pub(crate) serving: RwLock<Serving>,
    pub(crate) auth: RwLock<BTreeMap<Ecosystem, Auth>>,
    pub(crate) faults: Mutex<Faults>,
    pub(crate) routes: RwLock<BTreeMap<String, Response>>,
    pub(crate) log: AccessLog,
    connections: Mutex<BTreeMap<u64, TcpStream>>,
    next_connection: AtomicU64,
}

/// A bound listener, and the thread that accepts once it serves.
#[derive(Debug)]
pub(crate) struct Listener {
    socket: Option<TcpListener>,
    address: SocketAddr,
    stopping: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Listener {
    pub(crate) fn bind(address: Option<SocketAddr>) -> Self {
        let wanted = address.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 0)));
        let socket = TcpListener::bind(wanted).unwrap_or_else(|error| panic!("cannot listen on {wanted}: {error}"));
        let address = socket.local_addr().expect("a bound address");
        Listener { socket: Some(socket), address, stopping: Arc::default(), thread: None }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn serve(mut self, shared: Arc<Shared>, elsewhere: bool) -> Self {
        let socket = self.socket.take().expect("a listener serves once");
        let stopping = Arc::clone(&self.stopping);
        let thread = std::thread::Builder::new().name("testkit-accept".to_owned()).spawn(move || {
            for stream in socket.incoming() {
                if stopping.load(Ordering::SeqCst) {
                    return;
                }
                if let Ok(stream) = stream {
                    spawn_connection(&shared, stream, elsewhere);
                }
            }
        });
        self.thread = Some(thread.expect("a thread"));
        self
    }

    pub(crate) fn stop(self) {
        self.stopping.store(true, Ordering::SeqCst);
        // Wakes the accept call; an error means that the thread is gone already.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread {
            let _ = thread.join();
        }
    }
}

fn spawn_connection(shared: &Arc<Shared>, stream: TcpStream, elsewhere: bool) {
    let shared = Arc::clone(shared);
    let id = shared.next_connection.fetch_add(1, Ordering::Relaxed);
    if let Ok(handle) = stream.try_clone() {
        shared.connections.lock().unwrap_or_else(PoisonError::into_inner).insert(id, handle);
    }
    let spawned = std::thread::Builder::new().name("testkit-connection".to_owned()).stack_size(1 << 20).spawn(move || {
        // Errors here are the client's going away, or the test's own faults.
        let _ = shared.connection(stream, elsewhere);
        let mut connections = shared.connections.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(stream) = connections.remove(&id) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    });
    drop(spawned);
}

impl Shared {
    pub(crate) fn new(base: String, other: String) -> Self {
        Shared {
            base,
            other,
            catalogue: RwLock::default(),
            serving: RwLock::default(),
            auth: RwLock::default(),
            faults: Mutex::default(),
            routes: RwLock::default(),
            log: AccessLog::default(),
            connections: Mutex::default(),
            next_connection: AtomicU64::new(0),
        }
    }

    pub(crate) fn connections_accepted(&self) -> u64 {
        self.next_connection.load(Ordering::Relaxed)
    }

    pub(crate) fn close_connections(&self) {
        for stream in self.connections.lock().unwrap_or_else(PoisonError::into_inner).values() {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    fn connection(&self, stream: TcpStream, elsewhere: bool) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let mut writer = stream.try_clone()?;
        let mut reader = BufReader::new(stream);
        while let Some(request) = read_request(&mut reader)? {
            if !self.answer(&request, &mut writer, elsewhere)? {
                break;
            }
        }
        Ok(())
    }

    /// Answers one request; false when the connection is to be closed.
    fn answer(&self, request: &Request, writer: &mut TcpStream, elsewhere: bool) -> io::Result<bool> {
        let index = self.log.push(Access {
            method: request.method.clone(),
            path: request.path.clone(),
            query: request.query.clone(),
            headers: request.headers.clone(),
            body: request.body.clone(),
            status: 0,
            elsewhere,
        });
        let effects = self.faults.lock().unwrap_or_else(PoisonError::into_inner).take(&request.method, &request.path);
        let mut response = self.respond(request, effects.is_empty(), elsewhere);
        let own = if elsewhere { &self.other } else { &self.base };
        let delivery = apply(&effects, &mut response, &request.path, own, &self.other);
        if delivery.drop {
            return Ok(false);
        }
        let breaks = delivery.truncate.is_some() || delivery.unannounced || effects.iter().any(|effect| matches!(effect, Effect::Endless));
        let keep_alive = request.keep_alive && !breaks;
        self.log.answered(index, response.status);
        deliver(writer, request, &response, &delivery, keep_alive)?;
        Ok(keep_alive)
    }

    fn respond(&self, request: &Request, conditional: bool, elsewhere: bool) -> Response {
        let path = request.path.strip_prefix(MOVED).unwrap_or(&request.path);
        let ecosystem = ecosystem_of(path);
        if let Some(auth) = ecosystem.and_then(|one| self.auth.read().unwrap_or_else(PoisonError::into_inner).get(&one).cloned())
            && !elsewhere
            && !auth.accepts(request.header("authorization"))
        {
            return Response::text(401, "credentials are needed\n").with("WWW-Authenticate", auth.challenge());
        }
        let serving = self.serving.read().unwrap_or_else(PoisonError::into_inner).clone();
        let fixed = self.routes.read().unwrap_or_else(PoisonError::into_inner).get(path).cloned();
        let response = match (fixed, ecosystem) {
            (Some(fixed), _) if matches!(request.method.as_str(), "GET" | "HEAD") => fixed,
            (_, Some(ecosystem)) => {
                self.materialise(ecosystem, path);
                let catalogue = self.catalogue.read().unwrap_or_else(PoisonError::into_inner);
                let auth_required = self.auth.read().unwrap_or_else(PoisonError::into_inner).contains_key(&ecosystem);
                let site = Site { catalogue: &catalogue, serving: &serving, base: &self.base, auth_required };
                route(&site, ecosystem, request, path)
            }
            _ => Response::not_found(),
        };
        finish(response, request, &serving, conditional)
    }

    /// A synthetic world makes its packages when they are first asked for.
    fn materialise(&self, ecosystem: Ecosystem, path: &str) {
        let missing = self.catalogue.read().unwrap_or_else(PoisonError::into_inner).missing(ecosystem, path);
        if let Some(name) = missing {
            self.catalogue.write().unwrap_or_else(PoisonError::into_inner).materialise(ecosystem, &name);
        }
    }
}

fn ecosystem_of(path: &str) -> Option<Ecosystem> {
    let first = path.strip_prefix('/')?.split('/').next()?;
    Some(match first {
        "npm" => Ecosystem::Npm,
        "pypi" => Ecosystem::Pypi,
        "maven" => Ecosystem::Maven,
        "cargo" => Ecosystem::Cargo,
        "go" => Ecosystem::Golang,
        _ => return None,
    })
}

/// Validators, ranges and compression.
fn finish(mut response: Response, request: &Request, serving: &Serving, conditional: bool) -> Response {
    if response.status != 200 {
        return response;
    }
    response.set("Vary", "Accept, Accept-Encoding");
    let is_file = response.header("Content-Type").is_some_and(|kind| kind == FILE);
    if let Some(value) = serving.cache_control.as_ref().filter(|_| !is_file) {
        response.set("Cache-Control", value.as_str());
    }
    if serving.etag {
        let etag = format!("\"{}\"", &Sha256::of(&response.body).hex()[..32]);
        let unchanged =
            request.header("if-none-match").is_some_and(|value| value.split(',').any(|one| one.trim() == etag || one.trim() == "*"));
        response.set("ETag", etag);
        if unchanged && conditional {
            response.status = 304;
            response.body = Vec::new().into();
            return response;
        }
    }
    if is_file && serving.range {
        response.set("Accept-Ranges", "bytes");
        return ranged(response, request);
    }
    let accepts = request.header("accept-encoding").is_some_and(|value| value.split(',').any(|one| one.trim().starts_with("gzip")));
    if serving.gzip && accepts && !is_file && response.body.len() > 256 {
        response.body = crate::pack::gzip(&response.body).into();
        response.set("Content-Encoding", "gzip");
    }
    response
}

/// The type of every artifact, which is what tells it from metadata here.
pub(crate) const FILE: &str = "application/octet-stream";

fn ranged(mut response: Response, request: &Request) -> Response {
    let Some(range) = request.header("range").and_then(|value| value.strip_prefix("bytes=")) else { return response };
    if request.header("if-range").is_some_and(|validator| Some(validator) != response.header("ETag")) {
        return response;
    }
    let size = response.body.len();
    let Some((from, to)) = range.split_once('-') else { return response };
    let (from, to) = match (from.parse::<usize>(), to.parse::<usize>()) {
        (Ok(from), Ok(to)) => (from, to.min(size.saturating_sub(1))),
        (Ok(from), Err(_)) => (from, size.saturating_sub(1)),
        (Err(_), Ok(last)) => (size.saturating_sub(last), size.saturating_sub(1)),
        _ => return response,
    };
    if from >= size || from > to {
        return Response::text(416, "no such range\n").with("Content-Range", format!("bytes */{size}"));
    }
    response.status = 206;
    response.set("Content-Range", format!("bytes {from}-{to}/{size}"));
    response.body = response.body[from..=to].into();
    response
}

fn deliver(writer: &mut TcpStream, request: &Request, response: &Response, delivery: &Delivery, keep_alive: bool) -> io::Result<()> {
    let body = &response.body;
    let length = match (delivery.endless, delivery.unannounced) {
        (true, _) => Length::Chunked,
        (_, true) => Length::ToTheEnd,
        _ => Length::Of(body.len() as u64),
    };
    let head = head(response, length, keep_alive);
    if request.method == "HEAD" || response.status == 304 {
        return writer.write_all(&head);
    }
    if delivery.endless {
        writer.write_all(&head)?;
        return send_endless(writer, body);
    }
    let end = delivery.truncate.map_or(body.len(), |bytes| bytes.min(body.len()));
    let (pause_at, pause) = delivery.pause.map_or((end, None), |(bytes, time)| (bytes.min(end), Some(time)));
    if delivery.drip.is_none() && pause.is_none() {
        // One write for small answers, so that head and body share a packet.
        if body.len() < 64 << 10 {
            return writer.write_all(&[&head, &body[..end]].concat());
        }
        writer.write_all(&head)?;
        return writer.write_all(&body[..end]);
    }
    writer.write_all(&head)?;
    writer.write_all(&body[..pause_at])?;
    if let Some(time) = pause {
        std::thread::sleep(time);
    }
    let (chunk, every) = delivery.drip.unwrap_or((usize::MAX, std::time::Duration::ZERO));
    for piece in body[pause_at..end].chunks(chunk) {
        writer.write_all(piece)?;
        std::thread::sleep(every);
    }
    Ok(())
}

/// The body, then spaces until the client gives up.
fn send_endless(writer: &mut TcpStream, body: &[u8]) -> io::Result<()> {
    let filler = vec![b' '; 64 << 10];
    let mut piece: &[u8] = if body.is_empty() { &filler } else { body };
    loop {
        write!(writer, "{:x}\r\n", piece.len())?;
        writer.write_all(piece)?;
        writer.write_all(b"\r\n")?;
        piece = &filler;
    }
}
