//! The upstream: an HTTP server on loopback that speaks five protocols from a catalogue in memory.
//!
//! It runs on threads of its own, so that synchronous tests, async tests and spawned real clients can all use it. What
//! comes in: a catalogue, switches, faults, all of which may change while it runs. What goes out: answers, and a log of
//! what was asked.

mod fault;
pub(crate) mod http;
mod log;
mod options;
mod server;
pub(crate) use server::FILE;

pub use fault::{Fault, Gate, RedirectTo};
pub use log::Access;
pub use options::{Auth, Serving};

use crate::catalogue::{Catalogue, Publish};
use bifocal_core::Ecosystem;
use http::Response;
use server::{Listener, Shared};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// A running upstream. It stops when it is dropped.
#[derive(Debug)]
pub struct Upstream {
    shared: Arc<Shared>,
    main: Mutex<Option<Listener>>,
    other: Mutex<Option<Listener>>,
    address: SocketAddr,
    elsewhere: SocketAddr,
    name: Option<String>,
}

impl Upstream {
    /// Starts an empty upstream on free ports of 127.0.0.1.
    ///
    /// # Panics
    /// When no port can be bound.
    pub fn start() -> Self {
        Self::launch(None)
    }

    /// Starts an upstream whose addresses name `host` (such as `registry.example`) instead of the loopback address and
    /// port, so that output that contains them can be compared. Clients reach it through [`Upstream::proxy_url`], which
    /// [`Upstream::environment`] sets.
    pub fn start_named(host: &str) -> Self {
        Self::launch(Some(host.to_owned()))
    }

    fn launch(name: Option<String>) -> Self {
        let main = Listener::bind(None);
        let other = Listener::bind(None);
        let (address, elsewhere) = (main.address(), other.address());
        let base = name.as_ref().map_or_else(|| format!("http://{address}"), |host| format!("http://{host}"));
        let shared = Arc::new(Shared::new(base, format!("http://{elsewhere}")));
        let main = main.serve(Arc::clone(&shared), false);
        let other = other.serve(Arc::clone(&shared), true);
        Upstream { shared, main: Mutex::new(Some(main)), other: Mutex::new(Some(other)), address, elsewhere, name }
    }

    /// `http://127.0.0.1:PORT`, or the given name.
    pub fn url(&self) -> &str {
        &self.shared.base
    }

    /// The address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The host (and port) that a client sees.
    pub fn host(&self) -> &str {
        self.shared.base.trim_start_matches("http://")
    }

    /// The given name, where there is one.
    pub(crate) fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The second listener, which serves the same catalogue at another port and asks for no credentials: the target of
    /// redirects elsewhere (as registries send clients to a store of files), and the place where credentials must not
    /// turn up.
    pub fn elsewhere_url(&self) -> String {
        format!("http://{}", self.elsewhere)
    }

    /// For `HTTP_PROXY`: plain HTTP requests to any host are answered as if they were sent here.
    pub fn proxy_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The npm registry, ending in `/`.
    pub fn npm_url(&self) -> String {
        format!("{}/npm/", self.shared.base)
    }

    /// The PyPI simple index, ending in `/`.
    pub fn pypi_url(&self) -> String {
        format!("{}/pypi/simple/", self.shared.base)
    }

    /// The sparse index with its `sparse+` prefix, ending in `/`.
    pub fn cargo_index_url(&self) -> String {
        format!("sparse+{}/cargo/index/", self.shared.base)
    }

    /// The Maven repository, ending in `/`.
    pub fn maven_url(&self) -> String {
        format!("{}/maven/", self.shared.base)
    }

    /// The Go module proxy, without a slash at the end, as in GOPROXY.
    pub fn go_url(&self) -> String {
        format!("{}/go", self.shared.base)
    }

    /// The address of an ecosystem's upstream, as its client is configured with it.
    pub fn url_of(&self, ecosystem: Ecosystem) -> String {
        match ecosystem {
            Ecosystem::Npm => self.npm_url(),
            Ecosystem::Pypi => self.pypi_url(),
            Ecosystem::Maven => self.maven_url(),
            Ecosystem::Cargo => self.cargo_index_url(),
            Ecosystem::Golang => self.go_url(),
        }
    }

    /// Puts a package up: a builder, or what `build()` gave. The same version again replaces it.
    pub fn publish(&self, package: impl Publish) -> &Self {
        self.edit(|catalogue| catalogue.publish(package));
        self
    }

    /// Reads the catalogue. Do not call [`Upstream::edit`] inside: it would wait for ever.
    pub fn read<T>(&self, look: impl FnOnce(&Catalogue) -> T) -> T {
        look(&self.shared.catalogue.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes the catalogue while the server runs; the next request sees it.
    pub fn edit<T>(&self, change: impl FnOnce(&mut Catalogue) -> T) -> T {
        change(&mut self.shared.catalogue.write().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes the switches while the server runs.
    pub fn configure(&self, change: impl FnOnce(&mut Serving)) -> &Self {
        change(&mut self.shared.serving.write().unwrap_or_else(PoisonError::into_inner));
        self
    }

    /// Demands credentials for everything of an ecosystem, files too.
    pub fn require_auth(&self, ecosystem: Ecosystem, auth: Auth) -> &Self {
        self.shared.auth.write().unwrap_or_else(PoisonError::into_inner).insert(ecosystem, auth);
        self
    }

    /// What an ecosystem demands.
    pub fn auth_of(&self, ecosystem: Ecosystem) -> Option<Auth> {
        self.shared.auth.read().unwrap_or_else(PoisonError::into_inner).get(&ecosystem).cloned()
    }

    /// Makes requests go wrong whose path (from the first `/`, without the query, as sent) matches `pattern`, where `*`
    /// stands for any run of characters: `/npm/left-pad`, `/npm/*.tgz`, `*`. Rules are asked in the order given; the
    /// first that matches and is not used up acts.
    pub fn fault(&self, pattern: &str, fault: Fault) -> &Self {
        self.shared.faults.lock().unwrap_or_else(PoisonError::into_inner).add(pattern, fault);
        self
    }

    /// Removes all faults; requests that wait at a gate go on.
    pub fn clear_faults(&self) -> &Self {
        self.shared.faults.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self
    }

    /// Answers GET requests for exactly this path with these bytes, before the catalogue is asked.
    pub fn route(&self, path: &str, content_type: &str, body: impl Into<Vec<u8>>) -> &Self {
        let response = Response::new(200, content_type, body.into());
        self.shared.routes.write().unwrap_or_else(PoisonError::into_inner).insert(path.to_owned(), response);
        self
    }

    /// All requests so far, in order of arrival.
    pub fn log(&self) -> Vec<Access> {
        self.shared.log.all()
    }

    /// Requests whose path matches `pattern` (see [`Upstream::fault`]).
    pub fn requests(&self, pattern: &str) -> Vec<Access> {
        self.shared.log.all().into_iter().filter(|access| fault::glob(pattern, &access.path)).collect()
    }

    /// Connections accepted so far, on all listeners.
    pub fn connections(&self) -> u64 {
        self.shared.connections_accepted()
    }

    /// Forgets the log. Call it only while no request is under way.
    pub fn clear_log(&self) -> &Self {
        self.shared.log.clear();
        self
    }

    /// Blocks until `count` requests have arrived whose path matches; false when `limit` passed before.
    pub fn wait_for(&self, pattern: &str, count: usize, limit: Duration) -> bool {
        self.shared.log.wait_for(pattern, count, limit)
    }

    /// Closes both listeners and every connection: the next connection is refused.
    pub fn stop(&self) -> &Self {
        for slot in [&self.main, &self.other] {
            let listener = slot.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(listener) = listener {
                listener.stop();
            }
        }
        self.shared.close_connections();
        self
    }

    /// Listens again at the same addresses.
    pub fn restart(&self) -> &Self {
        for (slot, address, elsewhere) in [(&self.main, self.address, false), (&self.other, self.elsewhere, true)] {
            let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
            if slot.is_none() {
                *slot = Some(Listener::bind(Some(address)).serve(Arc::clone(&self.shared), elsewhere));
            }
        }
        self
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.clear_faults();
        self.stop();
    }
}

/// An address on loopback at which nobody listens: connections are refused.
///
/// # Panics
/// When no port can be bound for a moment.
pub fn refused_url() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port on loopback");
    format!("http://{}", listener.local_addr().expect("a bound address"))
}

/// An address whose host cannot be resolved (RFC 6761 reserves `.invalid`).
pub fn unresolvable_url() -> &'static str {
    "http://no-such-host.invalid"
}
