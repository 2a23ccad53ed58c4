//! What a response means before its body counts: where a redirect leads, what a refusal says, when to come back.

use super::exchange::{Failure, Retry};
use super::transport;
use crate::error::{RegistryError, shown};
use jiff::Timestamp;
use reqwest::Response;
use reqwest::header::{self, HeaderMap, HeaderValue};
use std::time::Duration;
use url::Url;

/// Bytes of an error's body that are read for its reason.
const REASON_BYTES: usize = 8 << 10;

pub(super) fn check_scheme(url: &Url) -> Result<(), RegistryError> {
    let why = match url.scheme() {
        "http" | "https" if url.host_str().is_some_and(|host| !host.is_empty()) => return Ok(()),
        "http" | "https" => "it names no host",
        _ => "only http and https are spoken",
    };
    Err(RegistryError::BadAddress { url: shown(url), why: why.to_owned() })
}

pub(super) fn redirect_target(from: &Url, response: &Response) -> Result<Url, RegistryError> {
    let refuse = |why: &str| RegistryError::Redirect { url: shown(from), why: why.to_owned() };
    let location = response.headers().get(header::LOCATION).ok_or_else(|| refuse("it does not say where to"))?;
    let location = location.to_str().map_err(|_| refuse("its location is no text"))?;
    let next = from.join(location).map_err(|_| refuse("its location is no address"))?;
    // Secrets in a location are the server's idea, not the user's.
    let next = bifocal_readers::without_login(next);
    check_scheme(&next).map_err(|_| refuse("its location is not http or https"))?;
    if from.scheme() == "https" && next.scheme() != "https" {
        return Err(refuse("it leaves https"));
    }
    Ok(next)
}

pub(super) fn send_failure(url: &Url, error: &reqwest::Error) -> Failure {
    match transport::meaning(url, error, "while waiting for an answer") {
        error @ RegistryError::Tls { .. } => Failure::last(error),
        error => Failure::passing(error),
    }
}

/// A strong validator for `If-Range`: weak ETags do not promise equal bytes.
pub(super) fn validator(headers: &HeaderMap) -> Option<HeaderValue> {
    let strong = headers.get(header::ETAG).filter(|etag| !etag.as_bytes().starts_with(b"W/"));
    strong.or_else(|| headers.get(header::LAST_MODIFIED)).cloned()
}

pub(super) fn range_start(value: &str) -> Option<u64> {
    value.strip_prefix("bytes ")?.split('-').next()?.trim().parse().ok()
}

/// Turns a response that is no answer into the error that it stands for.
pub(super) async fn refusal(url: &Url, response: Response, sent: bool) -> Failure {
    let status = response.status();
    let wait = retry_after(response.headers());
    let reason = reason(response).await;
    let shown = shown(url);
    let code = status.as_u16();
    match code {
        401 => Failure::last(RegistryError::Unauthorised { url: shown, sent }),
        403 | 451 => Failure::last(RegistryError::Refused { url: shown, status: code, reason }),
        408 | 425 | 429 | 500 | 502..=504 | 520..=529 => {
            let error = RegistryError::Status { url: shown, status: code, tries: 1, reason };
            Failure { error, retry: wait.map_or(Retry::Backoff, Retry::After) }
        }
        _ => Failure::last(RegistryError::Status { url: shown, status: code, tries: 1, reason }),
    }
}

/// `Retry-After` in seconds or as a date, as a duration from the response's own `Date`.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: header::HeaderName| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let value = text(header::RETRY_AFTER)?;
    if let Ok(seconds) = value.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let at = http_date(value)?;
    let now = text(header::DATE).and_then(http_date)?;
    let wait = at.duration_since(now);
    Some(if wait.is_negative() { Duration::ZERO } else { wait.unsigned_abs() })
}

pub(super) fn http_date(text: &str) -> Option<Timestamp> {
    jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()
}

/// The server's own words: a JSON `error` or `message`, a short text, else the reason phrase.
async fn reason(mut response: Response) -> String {
    let status = response.status();
    let notice = response.headers().get("npm-notice").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let phrase =
        response.extensions().get::<hyper::ext::ReasonPhrase>().map(|phrase| String::from_utf8_lossy(phrase.as_bytes()).into_owned());
    let html = response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    let mut body = Vec::new();
    let read = async {
        while let Ok(Some(chunk)) = response.chunk().await {
            body.extend_from_slice(&chunk);
            if body.len() >= REASON_BYTES {
                body.truncate(REASON_BYTES);
                break;
            }
        }
    };
    let _ = tokio::time::timeout(Duration::from_secs(5), read).await;
    let json: Option<serde_json::Value> = serde_json::from_slice(&body).ok();
    let in_json = json
        .as_ref()
        .and_then(|value| ["error", "message", "detail", "reason"].iter().find_map(|key| value.get(key)?.as_str().map(str::to_owned)));
    let text = std::str::from_utf8(&body).ok().filter(|_| !html && json.is_none()).map(str::to_owned);
    [in_json, notice, text, phrase, status.canonical_reason().map(str::to_owned)]
        .into_iter()
        .flatten()
        .map(|words| bifocal_core::one_line(&words, 300))
        .find(|words| !words.is_empty())
        .unwrap_or_else(|| "no reason given".to_owned())
}
