//! One request until it is answered or hopeless: retries, resumption, redirects by hand, limits on bytes and time.

use super::host::Host;
use super::reading::{check_scheme, range_start, redirect_target, refusal, send_failure, validator};
use super::{Get, Http, MODEST, Stored, Turn, closed, transport};
use crate::error::{RegistryError, shown};
use reqwest::header::{self, HeaderMap, HeaderValue};
use reqwest::{Response, StatusCode, Version};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;
use url::Url;

/// Redirects followed for one request.
const MAX_REDIRECTS: usize = 5;
/// The longest wait that a server may impose with `Retry-After`; a longer one ends the request.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(30);
/// A body may take this many times the silence limit as a whole.
const BODY_TIMES: u32 = 120;
/// Bytes a second that a body must bring on average, once the silence limit has passed. The attack: a body that drips
/// one byte at a time, so that it is never silent and never done.
const DRIP: u64 = 4 << 10;
/// Requests in a row that a host may fail for good before it is left alone for a while.
const GIVEN_UP: u32 = 16;
/// Requests in a row that a host may fail, all tries spent, before others stop retrying.
const HOPELESS: u32 = 4;

/// A finished exchange.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) url: Url,
    pub(super) body: Vec<u8>,
    pub(super) resumed: bool,
    /// Whether only the end of the connection says where the body ends, so that a part of it looks like all of it.
    pub(super) open_ended: bool,
    /// Of a huge document.
    pub(super) turn: Turn,
}

/// What one try got before it broke.
#[derive(Default)]
struct Partial {
    /// The host that was asked last: behind redirects another one than at first.
    host: Option<Arc<Host>>,
    body: Vec<u8>,
    validator: Option<HeaderValue>,
    resumable: bool,
}

/// What is asked of one exchange.
pub(super) struct Plan<'a> {
    pub(super) get: &'a Get,
    /// `gzip` for metadata, `identity` for artifacts (their bytes are what is hashed).
    pub(super) encoding: &'static str,
    pub(super) limit: u64,
    /// Bytes that may be held without asking for more room.
    pub(super) granted: u64,
    /// What an artifact claims of the room for downloads; a document has none, and waits for its turn when it is huge.
    pub(super) share: Option<Mutex<Option<OwnedSemaphorePermit>>>,
    pub(super) revalidate: Option<&'a Stored>,
    /// The bytes are checked against a strong digest afterwards, so pieces may be put together without a validator.
    pub(super) checked_afterwards: bool,
    pub(super) expected: Option<u64>,
}

/// Why a try gave no answer, and whether another may.
pub(super) struct Failure {
    pub(super) error: RegistryError,
    pub(super) retry: Retry,
}

/// When to try again.
#[derive(PartialEq, Eq)]
pub(super) enum Retry {
    No,
    Backoff,
    After(Duration),
    Now,
}

impl Failure {
    pub(super) fn last(error: RegistryError) -> Self {
        Failure { error, retry: Retry::No }
    }

    pub(super) fn passing(error: RegistryError) -> Self {
        Failure { error, retry: Retry::Backoff }
    }
}

impl Http {
    /// Tries until it works, it is hopeless, or the tries are spent.
    pub(super) async fn exchange(&self, plan: &Plan<'_>) -> Result<Answer, RegistryError> {
        let mut partial = Partial::default();
        let mut tried: u32 = 0;
        loop {
            tried = tried.saturating_add(1);
            let outcome = self.attempt(plan, &mut partial).await;
            let host = partial.host.clone().unwrap_or_else(|| self.hosts.of(&plan.get.url, self.options.limits.per_host));
            let failure = match outcome {
                Ok(answer) => {
                    host.succeed();
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
                Retry::No => {
                    // A body that drips is the host's failure as much as silence is.
                    if matches!(error, RegistryError::Timeout { .. }) {
                        host.fail();
                    }
                    return Err(error);
                }
                Retry::Now => Duration::ZERO,
                Retry::After(wait) if wait > MAX_RETRY_AFTER => return Err(error),
                Retry::After(wait) => wait,
                Retry::Backoff => self.backoff(&plan.get.url, tried),
            };
            if tried >= tries {
                if matches!(error, RegistryError::Dns { .. } | RegistryError::Connect { .. } | RegistryError::Timeout { .. }) {
                    host.fail();
                }
                return Err(error);
            }
            tracing::debug!(url = %shown(&plan.get.url), %error, tried, "trying again");
            tokio::time::sleep(wait).await;
        }
    }

    /// Doubles with each try; up to a quarter is added by the address, so that many requests do not return as one.
    pub(super) fn backoff(&self, url: &Url, tried: u32) -> Duration {
        let base = self.options.limits.first_backoff.saturating_mul(1 << tried.saturating_sub(1).min(8));
        let spread = bifocal_core::Sha256::of(url.as_str().as_bytes()).as_bytes()[0];
        (base + base.saturating_mul(u32::from(spread)) / 1024).min(MAX_RETRY_AFTER)
    }

    /// One try, redirects included.
    async fn attempt(&self, plan: &Plan<'_>, partial: &mut Partial) -> Result<Answer, Failure> {
        let client = self.client().map_err(Failure::last)?;
        let mut url = plan.get.url.clone();
        check_scheme(&url).map_err(Failure::last)?;
        refuse_stranger(plan.get, &url)?;
        let mut secret = plan.get.credentials.for_url(&url).cloned();
        if !partial.resumable {
            partial.body.clear();
        }
        for _ in 0..=MAX_REDIRECTS {
            let host = self.hosts.of(&url, self.options.limits.per_host);
            partial.host = Some(Arc::clone(&host));
            let _permit = host.permits.acquire().await.map_err(|_| Failure::last(closed()))?;
            if host.is_given_up(GIVEN_UP) {
                let why = format!("{GIVEN_UP} requests to it failed in a row, and it is left alone for half a minute");
                return Err(Failure::last(RegistryError::Connect { url: shown(&url), why }));
            }
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
            refuse_stranger(plan.get, &next)?;
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
        let measured = response.content_length().is_some() || plan.expected.is_some() || headers.contains_key(header::TRANSFER_ENCODING);
        let open_ended = !measured && response.version() <= Version::HTTP_11;
        let done = |body, resumed, turn| Ok(Answer { status, headers: headers.clone(), url: url.clone(), body, resumed, open_ended, turn });
        match status {
            StatusCode::OK => {
                partial.body.clear();
                partial.validator = validator(&headers);
                let ranges = headers.get(header::ACCEPT_RANGES).is_none_or(|value| value != "none");
                partial.resumable = plan.encoding == "identity" && ranges && (partial.validator.is_some() || plan.checked_afterwards);
                let turn = self.read(plan, partial, &url, response).await?;
                done(std::mem::take(&mut partial.body), false, turn)
            }
            StatusCode::PARTIAL_CONTENT if !partial.body.is_empty() => {
                let begins = headers.get(header::CONTENT_RANGE).and_then(|v| v.to_str().ok()).and_then(range_start);
                if begins != u64::try_from(partial.body.len()).ok() {
                    partial.resumable = false;
                    let error = RegistryError::Truncated { url: shown(&url), got: 0, expected: plan.expected };
                    return Err(Failure { error, retry: Retry::Now });
                }
                let turn = self.read(plan, partial, &url, response).await?;
                done(std::mem::take(&mut partial.body), true, turn)
            }
            StatusCode::RANGE_NOT_SATISFIABLE if !partial.body.is_empty() => {
                partial.resumable = false;
                let got = u64::try_from(partial.body.len()).unwrap_or(u64::MAX);
                Err(Failure { error: RegistryError::Truncated { url: shown(&url), got, expected: plan.expected }, retry: Retry::Now })
            }
            StatusCode::NOT_MODIFIED if plan.revalidate.is_some() => done(Vec::new(), false, None),
            StatusCode::NOT_FOUND | StatusCode::GONE => done(Vec::new(), false, None),
            _ => Err(refusal(&url, response, sent).await),
        }
    }

    /// Appends the body to `partial`, under the limits on bytes and time.
    async fn read(&self, plan: &Plan<'_>, partial: &mut Partial, url: &Url, mut response: Response) -> Result<Turn, Failure> {
        let too_large = || Failure::last(RegistryError::TooLarge { url: shown(url), limit: plan.limit });
        let before = length(&partial.body);
        let announced = response.content_length().map(|rest| before.saturating_add(rest));
        if announced.is_some_and(|size| size > plan.limit) {
            return Err(too_large());
        }
        let truncated = |got| Failure::passing(RegistryError::Truncated { url: shown(url), got, expected: announced.or(plan.expected) });
        let mut turn = None;
        let mut granted = plan.granted;
        // Claimed here and not before: whoever waits for a connection must not hold what those who have one wait for.
        let mut room = announced.unwrap_or(if plan.share.is_some() { 1 } else { 0 });
        let mut started = Instant::now();
        loop {
            if room > granted {
                // Without an announcement it claims a modest share, and beyond that may be as large as any.
                let wanted = announced.or(plan.expected).filter(|size| *size >= room);
                let wanted = wanted.unwrap_or(if room <= MODEST { MODEST } else { plan.limit });
                match &plan.share {
                    Some(share) => self.reclaim(share, wanted).await.map_err(Failure::last)?,
                    None => turn = self.turn().await.map_err(Failure::last)?,
                }
                granted = wanted.max(room);
                started = Instant::now();
            }
            let wanted = usize::try_from(room.min(64 << 20)).unwrap_or_default();
            partial.body.reserve(wanted.saturating_sub(partial.body.len()));
            let got = length(&partial.body).saturating_sub(before);
            match tokio::time::timeout_at(self.deadline(started, got), response.chunk()).await {
                Ok(Ok(Some(chunk))) => {
                    room = length(&partial.body).saturating_add(length(&chunk));
                    if room > plan.limit {
                        return Err(too_large());
                    }
                    partial.body.extend_from_slice(&chunk);
                }
                Ok(Ok(None)) => break,
                Ok(Err(error)) if error.is_timeout() => return Err(Failure::passing(transport::meaning(url, &error, "while reading"))),
                Ok(Err(_)) => return Err(truncated(length(&partial.body))),
                Err(_) => return Err(Failure::last(RegistryError::Timeout { url: shown(url), during: "while its body dripped in" })),
            }
        }
        let got = length(&partial.body);
        match announced.or(plan.expected) {
            Some(size) if got < size => Err(truncated(got)),
            _ => Ok(turn),
        }
    }

    /// Exchanges a claim for a larger one. Nothing is held in between: downloads that wait for each other's shares would
    /// wait for ever.
    async fn reclaim(&self, share: &Mutex<Option<OwnedSemaphorePermit>>, bytes: u64) -> Result<(), RegistryError> {
        drop(share.lock().unwrap_or_else(PoisonError::into_inner).take());
        let claimed = self.claim(bytes).await?;
        *share.lock().unwrap_or_else(PoisonError::into_inner) = Some(claimed);
        Ok(())
    }

    /// When a body that brought `got` bytes since `started` counts as dripping.
    fn deadline(&self, started: Instant, got: u64) -> Instant {
        let silence = self.options.limits.read_time;
        let whole = silence.saturating_mul(BODY_TIMES);
        // Silence itself is noticed sooner, and tried again.
        started + silence.saturating_mul(2).saturating_add(Duration::from_millis(got.saturating_mul(1000) / DRIP)).min(whole)
    }
}

/// Refuses to go where only the checked project says.
fn refuse_stranger(get: &Get, url: &Url) -> Result<(), Failure> {
    let Some(source) = get.credentials.stranger(url) else { return Ok(()) };
    Err(Failure::last(RegistryError::Stranger { url: shown(url), source_file: source.to_owned() }))
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}
