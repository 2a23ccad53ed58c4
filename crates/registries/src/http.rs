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
mod reading;
mod resolver;
mod transport;

pub use credentials::{Credentials, percent_decode};

use crate::environment::{Environment, Options};
use crate::error::{RegistryError, shown};
use body::{Encoding, Unopened};
use bytes::Bytes;
use cache::{MetadataCache, Stored};
use jiff::Timestamp;
use reading::{check_scheme, http_date, range_start, redirect_target, refusal, send_failure, validator};
use reqwest::header::{self, HeaderMap, HeaderValue};
use reqwest::{Response, StatusCode};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;
use url::Url;

/// Redirects followed for one request.
const MAX_REDIRECTS: usize = 5;
/// The longest wait that a server may impose with `Retry-After`; a longer one ends the request.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(30);
/// How long a remembered absence counts: a package published a minute ago should be seen soon.
const ABSENCE_AGE: Duration = Duration::from_secs(300);
/// Bytes of an error's body that are read for its reason.
const REASON_BYTES: usize = 8 << 10;
/// A body may take this many times the silence limit as a whole.
const BODY_TIMES: u32 = 20;
/// Requests in a row that a host may fail, all tries spent, before others stop retrying.
const HOPELESS: u32 = 4;
/// How long a crowd waits for the first answer of a host.
const PATIENCE: Duration = Duration::from_secs(1);
/// Bodies from this size are opened on a thread for blocking work.
const LARGE: usize = 64 << 10;

/// The client: cheap to share, lazy to start (no TLS set-up until the first request leaves the machine).
pub struct Http {
    env: Environment,
    options: Options,
    authorities: Mutex<Vec<PathBuf>>,
    client: OnceLock<Result<reqwest::Client, RegistryError>>,
    cache: Option<Arc<MetadataCache>>,
    hosts: Mutex<BTreeMap<String, Arc<Host>>>,
    download_budget: Semaphore,
    started: Timestamp,
}

/// What is known of a host in this process.
struct Host {
    permits: Semaphore,
    /// Requests in a row that failed for good on the connection.
    failures: AtomicU32,
    /// Set once the host has answered.
    greeted: AtomicBool,
    /// Held by the first request until the host answers, so that a crowd waits for one connection (which may carry
    /// them all) instead of opening one each.
    first: tokio::sync::Mutex<()>,
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
}

/// A finished exchange.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    url: Url,
    body: Vec<u8>,
    resumed: bool,
}

/// What one try got before it broke.
#[derive(Default)]
struct Partial {
    body: Vec<u8>,
    validator: Option<HeaderValue>,
    resumable: bool,
}

/// What is asked of one exchange.
struct Plan<'a> {
    get: &'a Get,
    /// `gzip` for metadata, `identity` for artifacts (their bytes are what is hashed).
    encoding: &'static str,
    limit: u64,
    revalidate: Option<&'a Stored>,
    /// The bytes are checked against a strong digest afterwards, so pieces may be put together without a validator.
    checked_afterwards: bool,
    expected: Option<u64>,
}

struct Failure {
    error: RegistryError,
    retry: Retry,
}

#[derive(PartialEq, Eq)]
enum Retry {
    No,
    Backoff,
    After(Duration),
    Now,
}

impl Failure {
    fn last(error: RegistryError) -> Self {
        Failure { error, retry: Retry::No }
    }

    fn passing(error: RegistryError) -> Self {
        Failure { error, retry: Retry::Backoff }
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
            hosts: Mutex::default(),
            download_budget: Semaphore::new(budget),
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
        let key = format!("{} {}", get.accept, get.url);
        let cached = self.load(&key).await?;
        if let Some((stored, body)) = &cached
            && (self.options.offline || self.is_fresh(stored))
        {
            return Ok(document(stored, body));
        }
        if self.options.offline {
            return Err(RegistryError::Offline { url: shown(&get.url) });
        }
        // "Not modified" is about the body: a date that changed alone is seen only in a whole answer.
        let revalidate = cached.as_ref().map(|(stored, _)| stored).filter(|stored| stored.status == 200 && !self.options.refresh);
        let plan = Plan {
            get,
            encoding: "gzip",
            limit: self.options.limits.metadata_bytes,
            revalidate,
            checked_afterwards: false,
            expected: None,
        };
        let answer = self.exchange(&plan).await?;
        if answer.status == StatusCode::NOT_MODIFIED
            && let Some((mut stored, body)) = cached
        {
            stored.fetched_at = self.now();
            if let Some(date) = answer.headers.get(header::LAST_MODIFIED).and_then(|date| date.to_str().ok()) {
                stored.last_modified = Some(date.to_owned());
            }
            let found = document(&stored, &body);
            self.renew(stored, body);
            return Ok(found);
        }
        self.keep(key, answer).await
    }

    /// An artifact's bytes. `expected` is the size that metadata gives; `checked_afterwards` says that a strong digest
    /// will be compared, so that a broken download may be resumed without a validator.
    pub async fn download(&self, get: &Get, expected: Option<u64>, checked_afterwards: bool) -> Result<Bytes, RegistryError> {
        let limit = self.options.limits.artifact_bytes;
        if expected.is_some_and(|size| size > limit) {
            return Err(RegistryError::TooLarge { url: shown(&get.url), limit });
        }
        if self.options.offline {
            return Err(RegistryError::Offline { url: shown(&get.url) });
        }
        // A file of unknown size claims a modest share; what it turns out to need is bounded by `limit`.
        let share = (expected.unwrap_or(4 << 20) >> 10).max(1);
        let most = self.options.download_bytes >> 10;
        let share = u32::try_from(share.min(most.max(1))).unwrap_or(u32::MAX);
        let _share = self.download_budget.acquire_many(share).await.map_err(|_| closed())?;
        let plan = Plan { get, encoding: "identity", limit, revalidate: None, checked_afterwards, expected };
        let answer = self.exchange(&plan).await?;
        if matches!(answer.status, StatusCode::NOT_FOUND | StatusCode::GONE) {
            return Err(RegistryError::FileNotFound { url: shown(&get.url), status: answer.status.as_u16() });
        }
        if answer.resumed {
            tracing::debug!(url = %shown(&get.url), "a broken download was resumed");
        }
        Ok(answer.body.into())
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

    async fn load(&self, key: &str) -> Result<Option<(Stored, Bytes)>, RegistryError> {
        let Some(cache) = self.cache.clone() else { return Ok(None) };
        let key = key.to_owned();
        let limit = self.options.limits.metadata_bytes;
        blocking(move || {
            let (stored, packed) = cache.load(&key)?;
            let body = stored.encoding.open(packed, limit).ok()?;
            Some((stored, Bytes::from(body)))
        })
        .await
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
        let cache = self.cache.clone();
        let limit = self.options.limits.metadata_bytes;
        let raw = if found { answer.body } else { Vec::new() };
        if !found {
            stored.encoding = Encoding::Identity;
        }
        let work = move || {
            let encoding = stored.encoding;
            let (opened, packed) = match (encoding, cache.is_some()) {
                (Encoding::Identity, false) => (encoding.open(raw, limit)?, None),
                (Encoding::Identity, true) => {
                    let packed = body::pack(&raw).ok();
                    stored.encoding = Encoding::Zstd;
                    (encoding.open(raw, limit)?, packed)
                }
                (_, false) => (encoding.open(raw, limit)?, None),
                (_, true) => (encoding.open(raw.clone(), limit)?, Some(raw)),
            };
            if let (Some(cache), Some(packed)) = (cache, packed) {
                stored.length = u64::try_from(packed.len()).unwrap_or(u64::MAX);
                cache.save(&stored, &packed);
            }
            Ok((stored, Bytes::from(opened)))
        };
        match blocking(work).await? {
            Ok((stored, body)) => Ok(document(&stored, &body)),
            Err(Unopened::TooLarge) => Err(RegistryError::TooLarge { url: shown(&url), limit }),
            Err(Unopened::Damaged(why)) => Err(malformed(format!("it does not decompress: {why}"))),
        }
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

    fn host(&self, url: &Url) -> Arc<Host> {
        let key = format!("{}:{}", url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or_default());
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        let permits = self.options.limits.per_host.clamp(1, Semaphore::MAX_PERMITS);
        Arc::clone(hosts.entry(key).or_insert_with(|| {
            Arc::new(Host {
                permits: Semaphore::new(permits),
                failures: AtomicU32::new(0),
                greeted: AtomicBool::new(false),
                first: tokio::sync::Mutex::default(),
            })
        }))
    }

    /// Tries until it works, it is hopeless, or the tries are spent.
    async fn exchange(&self, plan: &Plan<'_>) -> Result<Answer, RegistryError> {
        let host = self.host(&plan.get.url);
        let mut partial = Partial::default();
        let mut tried: u32 = 0;
        loop {
            tried = tried.saturating_add(1);
            let failure = match self.attempt(plan, &mut partial).await {
                Ok(answer) => {
                    host.failures.store(0, Ordering::Relaxed);
                    return Ok(answer);
                }
                Err(failure) => failure,
            };
            let tries = if host.failures.load(Ordering::Relaxed) >= HOPELESS { 1 } else { self.options.limits.tries.max(1) };
            let mut error = failure.error;
            if let RegistryError::Status { tries, .. } = &mut error {
                *tries = tried;
            }
            let wait = match failure.retry {
                Retry::No => return Err(error),
                Retry::Now => Duration::ZERO,
                Retry::After(wait) if wait > MAX_RETRY_AFTER => return Err(error),
                Retry::After(wait) => wait,
                Retry::Backoff => self.backoff(&plan.get.url, tried),
            };
            if tried >= tries {
                if matches!(error, RegistryError::Dns { .. } | RegistryError::Connect { .. } | RegistryError::Timeout { .. }) {
                    host.failures.fetch_add(1, Ordering::Relaxed);
                }
                return Err(error);
            }
            tracing::debug!(url = %shown(&plan.get.url), %error, tried, "trying again");
            tokio::time::sleep(wait).await;
        }
    }

    /// Doubles with each try; up to a quarter is added by the address, so that many requests do not return as one.
    fn backoff(&self, url: &Url, tried: u32) -> Duration {
        let base = self.options.limits.first_backoff.saturating_mul(1 << tried.saturating_sub(1).min(8));
        let spread = bifocal_core::Sha256::of(url.as_str().as_bytes()).as_bytes()[0];
        (base + base.saturating_mul(u32::from(spread)) / 1024).min(MAX_RETRY_AFTER)
    }

    /// One try, redirects included.
    async fn attempt(&self, plan: &Plan<'_>, partial: &mut Partial) -> Result<Answer, Failure> {
        let client = self.client().map_err(Failure::last)?;
        let mut url = plan.get.url.clone();
        check_scheme(&url).map_err(Failure::last)?;
        let mut secret = plan.get.credentials.for_url(&url).cloned();
        if !partial.resumable {
            partial.body.clear();
        }
        for _ in 0..=MAX_REDIRECTS {
            let host = self.host(&url);
            let _permit = host.permits.acquire().await.map_err(|_| Failure::last(closed()))?;
            let mut request =
                client.get(url.clone()).header(header::ACCEPT, plan.get.accept).header(header::ACCEPT_ENCODING, plan.encoding);
            if let Some(secret) = &secret {
                request = request.header(header::AUTHORIZATION, secret.clone());
            }
            if let Some(stored) = plan.revalidate {
                if let Some(etag) = &stored.etag {
                    request = request.header(header::IF_NONE_MATCH, etag);
                }
                if let Some(date) = &stored.last_modified {
                    request = request.header(header::IF_MODIFIED_SINCE, date);
                }
            }
            if !partial.body.is_empty() {
                request = request.header(header::RANGE, format!("bytes={}-", partial.body.len()));
                if let Some(validator) = &partial.validator {
                    request = request.header(header::IF_RANGE, validator.clone());
                }
            }
            let greeting = host.greeting().await;
            let outcome = request.send().await;
            host.greeted.store(true, Ordering::Release);
            drop(greeting);
            let response = outcome.map_err(|error| send_failure(&url, &error))?;
            if !response.status().is_redirection() || response.status() == StatusCode::NOT_MODIFIED {
                return self.take(plan, partial, url, response, secret.is_some()).await;
            }
            let next = redirect_target(&url, &response).map_err(Failure::last)?;
            // A secret once dropped stays dropped: a second redirect must not win it back.
            if secret.is_some() && (next.origin() != url.origin() || plan.get.credentials.for_url(&next) != secret.as_ref()) {
                secret = None;
            }
            url = next;
        }
        Err(Failure::last(RegistryError::Redirect { url: shown(&plan.get.url), why: format!("more than {MAX_REDIRECTS} redirects") }))
    }

    /// Reads a response that is no redirect.
    async fn take(&self, plan: &Plan<'_>, partial: &mut Partial, url: Url, response: Response, sent: bool) -> Result<Answer, Failure> {
        let status = response.status();
        let headers = response.headers().clone();
        let done = |body, resumed| Ok(Answer { status, headers: headers.clone(), url: url.clone(), body, resumed });
        match status {
            StatusCode::OK => {
                partial.body.clear();
                partial.validator = validator(&headers);
                let ranges = headers.get(header::ACCEPT_RANGES).is_none_or(|value| value != "none");
                partial.resumable = plan.encoding == "identity" && ranges && (partial.validator.is_some() || plan.checked_afterwards);
                self.read(plan, partial, &url, response).await?;
                done(std::mem::take(&mut partial.body), false)
            }
            StatusCode::PARTIAL_CONTENT if !partial.body.is_empty() => {
                let begins = headers.get(header::CONTENT_RANGE).and_then(|v| v.to_str().ok()).and_then(range_start);
                if begins != u64::try_from(partial.body.len()).ok() {
                    partial.resumable = false;
                    let error = RegistryError::Truncated { url: shown(&url), got: 0, expected: plan.expected };
                    return Err(Failure { error, retry: Retry::Now });
                }
                self.read(plan, partial, &url, response).await?;
                done(std::mem::take(&mut partial.body), true)
            }
            StatusCode::RANGE_NOT_SATISFIABLE if !partial.body.is_empty() => {
                partial.resumable = false;
                let got = u64::try_from(partial.body.len()).unwrap_or(u64::MAX);
                Err(Failure { error: RegistryError::Truncated { url: shown(&url), got, expected: plan.expected }, retry: Retry::Now })
            }
            StatusCode::NOT_MODIFIED if plan.revalidate.is_some() => done(Vec::new(), false),
            StatusCode::NOT_FOUND | StatusCode::GONE => done(Vec::new(), false),
            _ => Err(refusal(&url, response, sent).await),
        }
    }

    /// Appends the body to `partial`, under the limits on bytes and time.
    async fn read(&self, plan: &Plan<'_>, partial: &mut Partial, url: &Url, mut response: Response) -> Result<(), Failure> {
        let too_large = || Failure::last(RegistryError::TooLarge { url: shown(url), limit: plan.limit });
        let before = length(&partial.body);
        let announced = response.content_length().map(|rest| before.saturating_add(rest));
        if announced.is_some_and(|size| size > plan.limit) {
            return Err(too_large());
        }
        partial.body.reserve(usize::try_from(announced.unwrap_or_default().min(64 << 20)).unwrap_or_default());
        let truncated = |got| Failure::passing(RegistryError::Truncated { url: shown(url), got, expected: announced.or(plan.expected) });
        let body = async {
            loop {
                match response.chunk().await {
                    Ok(Some(chunk)) => {
                        if length(&partial.body).saturating_add(length(&chunk)) > plan.limit {
                            return Err(too_large());
                        }
                        partial.body.extend_from_slice(&chunk);
                    }
                    Ok(None) => return Ok(()),
                    Err(error) if error.is_timeout() => return Err(Failure::passing(transport::meaning(url, &error, "while reading"))),
                    Err(_) => return Err(truncated(length(&partial.body))),
                }
            }
        };
        let whole = self.options.limits.read_time.saturating_mul(BODY_TIMES);
        match tokio::time::timeout(whole, body).await {
            Ok(ended) => ended?,
            Err(_) => return Err(Failure::last(RegistryError::Timeout { url: shown(url), during: "while its body dripped in" })),
        }
        let got = length(&partial.body);
        match announced.or(plan.expected) {
            Some(size) if got < size => Err(truncated(got)),
            _ => Ok(()),
        }
    }
}

impl Host {
    /// Waits while another request is the first to this host, but not for long: it may be a slow one.
    async fn greeting(&self) -> Option<tokio::sync::MutexGuard<'_, ()>> {
        if self.greeted.load(Ordering::Acquire) {
            return None;
        }
        let guard = tokio::time::timeout(PATIENCE, self.first.lock()).await.ok()?;
        (!self.greeted.load(Ordering::Acquire)).then_some(guard)
    }
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
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

fn document(stored: &Stored, body: &Bytes) -> Option<Document> {
    if stored.status != 200 {
        return None;
    }
    Some(Document {
        body: body.clone(),
        content_type: stored.content_type.clone(),
        last_modified: stored.last_modified.as_deref().and_then(http_date),
        url: Url::parse(&stored.url).ok()?,
        fetched_at: stored.fetched_at,
    })
}
