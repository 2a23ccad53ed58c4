//! Talking to an upstream: one request, whatever the weather.
//!
//! In: an address, the form wanted, and the secrets of its ecosystem. Out: a bounded body, or one [`RegistryError`].
//! Here live retries with exponential backoff, resumption of broken downloads, redirects followed by hand, the limits
//! on bytes as they travel and as they open, the bound on requests to one host, and the cache of metadata documents.
//!
//! Attacks met here: compression bombs, endless and dripping bodies, redirects that fish for secrets or strip TLS,
//! a host that fails slowly a thousand times over.

mod body;
mod cache;
mod credentials;
mod exchange;
mod host;
mod reading;
mod resolver;
pub(crate) mod strangers;
mod transport;

pub use credentials::Credentials;

use crate::environment::{Environment, Options};
use crate::error::{RegistryError, shown};
use body::{Encoding, Unopened};
use bytes::Bytes;
pub(crate) use cache::note_use;
use cache::{MetadataCache, Stored};
use exchange::{Answer, Plan};
use host::Hosts;
use jiff::Timestamp;
use reading::http_date;
use reqwest::{StatusCode, header};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use url::Url;

/// How long a remembered absence counts: a package published a minute ago should be seen soon.
const ABSENCE_AGE: Duration = Duration::from_secs(300);
/// Bodies from this size are opened on a thread for blocking work.
const LARGE: usize = 64 << 10;
/// Documents beyond this size, as they travel or opened, wait their turn.
const HUGE: u64 = 8 << 20;
/// Huge documents that are held at once.
const HUGE_AT_ONCE: usize = 2;
/// What a file of unknown size claims before its size shows.
const MODEST: u64 = 4 << 20;

/// The client: cheap to share, lazy to start (no TLS set-up until the first request leaves the machine).
pub struct Http {
    env: Environment,
    options: Options,
    authorities: Mutex<Vec<PathBuf>>,
    client: OnceLock<Result<reqwest::Client, RegistryError>>,
    cache: Option<Arc<MetadataCache>>,
    hosts: Hosts,
    /// KiB of artifacts that downloads under way may hold.
    download_budget: Arc<Semaphore>,
    /// Turns of huge documents.
    huge: Arc<Semaphore>,
    started: Timestamp,
}

/// A metadata request.
#[derive(Debug, Clone)]
pub struct Get {
    /// The address, without secrets.
    pub url: Url,
    /// The `Accept` header.
    pub accept: &'static str,
    /// The ecosystem's secrets; the one bound to `url`, if any, is sent.
    pub credentials: Arc<Credentials>,
}

/// A file as it came.
pub(crate) struct TakenBytes {
    pub(crate) bytes: Bytes,
    /// Whether only the end of the connection says where it ends, so that a part of it looks like all of it.
    pub(crate) open_ended: bool,
}

/// A metadata document.
#[derive(Debug, Clone)]
pub struct Document {
    /// The opened body.
    pub body: Bytes,
    /// The `Content-Type` header.
    pub content_type: Option<String>,
    /// The `Last-Modified` header: for Maven, the nearest thing to a publication date.
    pub last_modified: Option<Timestamp>,
    /// The address that answered, after redirects: relative addresses in the document refer to it.
    pub url: Url,
    /// When it was fetched, or last confirmed by the upstream.
    pub fetched_at: Timestamp,
    /// Its turn, where it is huge: given up with the last copy of the document. Whoever holds one must not ask for
    /// another document.
    pub(crate) turn: Turn,
}

/// Leave to hold a huge document.
pub(crate) type Turn = Option<Arc<OwnedSemaphorePermit>>;

impl Document {
    /// The document without its turn, for those who keep it while they ask for others.
    pub(crate) fn let_go(mut self) -> Document {
        self.turn = None;
        self
    }
}

impl Http {
    /// A client with the surroundings' proxies and authorities. Does no I/O.
    pub fn new(env: Environment, options: Options) -> Self {
        let cache = options.cache_dir.as_deref().map(|root| Arc::new(MetadataCache::new(root)));
        let started = options.clock.now();
        let budget = usize::try_from(options.download_bytes >> 10).unwrap_or(usize::MAX).clamp(1, Semaphore::MAX_PERMITS);
        Http {
            env,
            options,
            authorities: Mutex::default(),
            client: OnceLock::new(),
            cache,
            hosts: Hosts::default(),
            download_budget: Arc::new(Semaphore::new(budget)),
            huge: Arc::new(Semaphore::new(HUGE_AT_ONCE)),
            started,
        }
    }

    /// Adds a PEM bundle that a client's configuration names (npm's `cafile`, pip's `cert`). Counts only before the
    /// first request.
    pub fn trust(&self, bundle: PathBuf) {
        let mut held = self.authorities.lock().unwrap_or_else(PoisonError::into_inner);
        if !held.contains(&bundle) {
            held.push(bundle);
        }
    }

    /// Things that went wrong without stopping anything, for one warning each.
    pub fn warnings(&self) -> Vec<String> {
        self.cache.as_ref().and_then(|cache| cache.complaint()).into_iter().collect()
    }

    /// The time by the injected clock.
    pub fn now(&self) -> Timestamp {
        self.options.clock.now()
    }

    /// Whether the network is off.
    pub fn offline(&self) -> bool {
        self.options.offline
    }

    /// A metadata document, from the cache while it is fresh. `None` when the upstream has none (404, 410).
    pub async fn metadata(&self, get: &Get) -> Result<Option<Document>, RegistryError> {
        self.cached(get, false).await
    }

    /// [`Http::metadata`] for a document that never changes once it is there: kept for ever.
    pub async fn immutable(&self, get: &Get) -> Result<Option<Document>, RegistryError> {
        self.cached(get, true).await
    }

    async fn cached(&self, get: &Get, immutable: bool) -> Result<Option<Document>, RegistryError> {
        #[cfg(feature = "fuzzing")]
        if let Some(answers) = &self.options.answers {
            let made = |body: Vec<u8>| Document {
                body: body.into(),
                content_type: None,
                last_modified: None,
                url: get.url.clone(),
                fetched_at: self.started,
                turn: None,
            };
            return Ok(answers(&get.url).map(made));
        }
        let key = format!("{} {}", get.accept, get.url);
        let cached = self.load(&key).await?;
        if let Some((stored, body, turn)) = &cached
            && (self.options.offline || self.is_fresh(stored) || (immutable && stored.status == 200))
        {
            return Ok(document(stored, body, turn));
        }
        if self.options.offline {
            return Err(RegistryError::Offline { url: shown(&get.url) });
        }
        // A huge document does not keep its turn while another one may come.
        let cached = cached.map(|(stored, body, turn)| (stored, turn.is_none().then_some(body)));
        // "Not modified" is about the body: a date that changed alone is seen only in a whole answer.
        let revalidate = cached.as_ref().map(|(stored, _)| stored).filter(|stored| stored.status == 200 && !self.options.refresh);
        let plan = Plan {
            get,
            encoding: "gzip",
            limit: self.options.limits.metadata_bytes,
            granted: HUGE,
            share: None,
            revalidate,
            checked_afterwards: false,
            expected: None,
        };
        let answer = self.exchange(&plan).await?;
        if answer.status == StatusCode::NOT_MODIFIED
            && let Some((mut stored, body)) = cached
        {
            let (body, turn) = match body {
                Some(body) => (body, None),
                None => match self.load(&key).await? {
                    Some((_, body, turn)) => (body, turn),
                    None => return Err(RegistryError::Internal { what: "read a document again", why: "it left the cache".to_owned() }),
                },
            };
            stored.fetched_at = self.now();
            if let Some(date) = answer.headers.get(header::LAST_MODIFIED).and_then(|date| date.to_str().ok()) {
                stored.last_modified = Some(date.to_owned());
            }
            let found = document(&stored, &body, &turn);
            self.renew(stored, body);
            return Ok(found);
        }
        self.keep(key, answer).await
    }

    /// An artifact's bytes. `expected` is the size that metadata gives; `checked_afterwards` says that a strong digest
    /// will be compared, so that a broken download may be resumed without a validator.
    pub async fn download(&self, get: &Get, expected: Option<u64>, checked_afterwards: bool) -> Result<Bytes, RegistryError> {
        self.take_all(get, expected, checked_afterwards).await.map(|taken| taken.bytes)
    }

    /// As [`Http::download`], and whether the bytes may be fewer than were sent off.
    pub(crate) async fn take_all(&self, get: &Get, expected: Option<u64>, checked_afterwards: bool) -> Result<TakenBytes, RegistryError> {
        let limit = self.options.limits.artifact_bytes;
        if expected.is_some_and(|size| size > limit) {
            return Err(RegistryError::TooLarge { url: shown(&get.url), limit });
        }
        if self.options.offline {
            return Err(RegistryError::Offline { url: shown(&get.url) });
        }
        let share = Some(Mutex::default());
        let plan = Plan { get, encoding: "identity", limit, granted: 0, share, revalidate: None, checked_afterwards, expected };
        let answer = self.exchange(&plan).await?;
        if matches!(answer.status, StatusCode::NOT_FOUND | StatusCode::GONE) {
            return Err(RegistryError::FileNotFound { url: shown(&get.url), status: answer.status.as_u16() });
        }
        if answer.resumed {
            tracing::debug!(url = %shown(&get.url), "a broken download was resumed");
        }
        Ok(TakenBytes { bytes: answer.body.into(), open_ended: answer.open_ended })
    }

    /// How often a request is tried.
    pub(crate) fn tries(&self) -> u32 {
        self.options.limits.tries.max(1)
    }

    /// The wait before another try.
    pub(crate) async fn wait(&self, url: &Url, tried: u32) {
        tokio::time::sleep(self.backoff(url, tried)).await;
    }

    fn is_fresh(&self, stored: &Stored) -> bool {
        if self.options.refresh && stored.fetched_at < self.started {
            return false;
        }
        let max = if stored.status == 200 { self.options.metadata_max_age } else { ABSENCE_AGE.min(self.options.metadata_max_age) };
        let age = self.now().duration_since(stored.fetched_at);
        // A time in the future is of a clock that was wrong: not fresh.
        !age.is_negative() && age.unsigned_abs() < max
    }

    /// Waits until downloads under way leave room for this many bytes.
    async fn claim(&self, bytes: u64) -> Result<OwnedSemaphorePermit, RegistryError> {
        let most = (self.options.download_bytes >> 10).max(1);
        let share = u32::try_from((bytes >> 10).clamp(1, most)).unwrap_or(u32::MAX);
        Arc::clone(&self.download_budget).acquire_many_owned(share).await.map_err(|_| closed())
    }

    /// Leave to hold a huge document.
    async fn turn(&self) -> Result<Turn, RegistryError> {
        Arc::clone(&self.huge).acquire_owned().await.map(|permit| Some(Arc::new(permit))).map_err(|_| closed())
    }

    async fn load(&self, key: &str) -> Result<Option<(Stored, Bytes, Turn)>, RegistryError> {
        let Some(cache) = self.cache.clone() else { return Ok(None) };
        let key = key.to_owned();
        let Some((stored, packed)) = blocking(move || cache.load(&key)).await? else { return Ok(None) };
        let mut turn = None;
        // What does not open is a miss.
        let opened = self.open(stored.encoding, packed.into(), &mut turn).await?;
        Ok(opened.ok().map(|body| (stored, body, turn)))
    }

    /// Opens a body; one that turns out to be huge waits for its turn, if it has none.
    async fn open(&self, encoding: Encoding, body: Bytes, turn: &mut Turn) -> Result<Result<Bytes, Unopened>, RegistryError> {
        let limit = self.options.limits.metadata_bytes;
        if turn.is_none() {
            let (packed, modest) = (body.clone(), limit.min(HUGE));
            let opened = blocking(move || encoding.open(&packed, modest)).await?;
            if limit <= HUGE || opened != Err(Unopened::TooLarge) {
                return Ok(opened);
            }
            *turn = self.turn().await?;
        }
        blocking(move || encoding.open(&body, limit)).await
    }

    /// Opens what came, stores it, and hands it out.
    async fn keep(&self, key: String, answer: Answer) -> Result<Option<Document>, RegistryError> {
        let text = |name: header::HeaderName| answer.headers.get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
        let url = answer.url.clone();
        let malformed = |what: String| RegistryError::Malformed { url: shown(&url), place: "its body".to_owned(), what };
        let encoding = text(header::CONTENT_ENCODING);
        let Some(encoding) = Encoding::from_header(encoding.as_deref()) else {
            return Err(malformed("it is compressed in a way that was not asked for".to_owned()));
        };
        let found = answer.status == StatusCode::OK;
        let encoding = if found { encoding } else { Encoding::Identity };
        let mut stored = Stored {
            key,
            status: if found { 200 } else { 404 },
            url: answer.url.to_string(),
            content_type: text(header::CONTENT_TYPE),
            etag: text(header::ETAG),
            last_modified: text(header::LAST_MODIFIED),
            fetched_at: self.now(),
            encoding,
            length: 0,
        };
        let raw = Bytes::from(if found { answer.body } else { Vec::new() });
        let mut turn = answer.turn;
        let body = match self.open(encoding, raw.clone(), &mut turn).await? {
            Ok(body) => body,
            Err(Unopened::TooLarge) => return Err(RegistryError::TooLarge { url: shown(&url), limit: self.options.limits.metadata_bytes }),
            Err(Unopened::Damaged(why)) => return Err(malformed(format!("it does not decompress: {why}"))),
        };
        if let Some(cache) = self.cache.clone() {
            stored = blocking(move || {
                let packed = match stored.encoding {
                    Encoding::Identity => {
                        stored.encoding = Encoding::Zstd;
                        body::pack(&raw).ok().map(Bytes::from)
                    }
                    _ => Some(raw),
                };
                if let Some(packed) = packed {
                    stored.length = u64::try_from(packed.len()).unwrap_or(u64::MAX);
                    cache.save(&stored, &packed);
                }
                stored
            })
            .await?;
        }
        Ok(document(&stored, &body, &turn))
    }

    /// Writes a confirmed document back with its new date, behind the caller's back.
    fn renew(&self, mut stored: Stored, body: Bytes) {
        let Some(cache) = self.cache.clone() else { return };
        drop(tokio::task::spawn_blocking(move || {
            if let Ok(packed) = body::pack(&body) {
                stored.encoding = Encoding::Zstd;
                stored.length = u64::try_from(packed.len()).unwrap_or(u64::MAX);
                cache.save(&stored, &packed);
            }
        }));
    }

    fn client(&self) -> Result<&reqwest::Client, RegistryError> {
        let made = self.client.get_or_init(|| {
            if let Some(cache) = &self.cache {
                cache.sweep();
            }
            let held = self.authorities.lock().unwrap_or_else(PoisonError::into_inner).clone();
            transport::client(&self.env, &held, &self.options.limits)
        });
        made.as_ref().map_err(Clone::clone)
    }
}

fn closed() -> RegistryError {
    RegistryError::Internal { what: "wait for a free connection", why: "the client is shutting down".to_owned() }
}

/// Runs work that would stall other requests on a thread made for it.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, RegistryError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| RegistryError::Internal { what: "work on a document", why: bifocal_core::one_line(&error.to_string(), 200) })
}

/// [`blocking`] for large inputs; small ones are done at once.
pub(crate) async fn off_core<T: Send + 'static>(size: usize, work: impl FnOnce() -> T + Send + 'static) -> Result<T, RegistryError> {
    if size < LARGE { Ok(work()) } else { blocking(work).await }
}

fn document(stored: &Stored, body: &Bytes, turn: &Turn) -> Option<Document> {
    if stored.status != 200 {
        return None;
    }
    Some(Document {
        body: body.clone(),
        content_type: stored.content_type.clone(),
        last_modified: stored.last_modified.as_deref().and_then(http_date),
        url: Url::parse(&stored.url).ok()?,
        fetched_at: stored.fetched_at,
        turn: turn.clone(),
    })
}
