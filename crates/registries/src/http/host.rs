//! What is known of a host in this process, and how a crowd of requests to it is kept in order.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use url::Url;

/// How long a crowd waits for the first answer of a host.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long a host that keeps failing is left alone.
const LEFT_ALONE: Duration = Duration::from_secs(30);

/// All hosts spoken to, by name and port.
#[derive(Default)]
pub(super) struct Hosts(Mutex<BTreeMap<String, Arc<Host>>>);

/// One host.
pub(super) struct Host {
    pub(super) permits: Semaphore,
    /// Requests in a row that failed for good on the connection.
    pub(super) failures: AtomicU32,
    /// When the last of them failed.
    failed_at: Mutex<Option<Instant>>,
    /// Set once the host has answered.
    pub(super) greeted: AtomicBool,
    /// Held by the first request until the host answers, so that a crowd waits for one connection (which may carry
    /// them all) instead of opening one each.
    first: tokio::sync::Mutex<()>,
}

impl Hosts {
    /// The host of an address, with at most `per_host` requests under way.
    pub(super) fn of(&self, url: &Url, per_host: usize) -> Arc<Host> {
        let key = format!("{}:{}", url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or_default());
        let mut hosts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let permits = per_host.clamp(1, Semaphore::MAX_PERMITS);
        Arc::clone(hosts.entry(key).or_insert_with(|| {
            Arc::new(Host {
                permits: Semaphore::new(permits),
                failures: AtomicU32::new(0),
                failed_at: Mutex::default(),
                greeted: AtomicBool::new(false),
                first: tokio::sync::Mutex::default(),
            })
        }))
    }
}

impl Host {
    /// Notes a request that failed for good on the connection.
    pub(super) fn fail(&self) {
        self.failures.fetch_add(1, Ordering::Relaxed);
        *self.failed_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// Notes a request that was answered.
    pub(super) fn succeed(&self) {
        self.failures.store(0, Ordering::Relaxed);
    }

    /// Whether so many requests in a row failed, the last of them a short while ago, that no more are sent. Otherwise
    /// each of a thousand releases would wait for its own time-out.
    pub(super) fn is_given_up(&self, most: u32) -> bool {
        let failed_at = || *self.failed_at.lock().unwrap_or_else(PoisonError::into_inner);
        self.failures.load(Ordering::Relaxed) >= most && failed_at().is_some_and(|at| at.elapsed() < LEFT_ALONE)
    }

    /// Waits while another request is the first to this host, but not for long: it may be a slow one.
    pub(super) async fn greeting(&self) -> Option<tokio::sync::MutexGuard<'_, ()>> {
        if self.greeted.load(Ordering::Acquire) {
            return None;
        }
        let guard = tokio::time::timeout(PATIENCE, self.first.lock()).await.ok()?;
        (!self.greeted.load(Ordering::Acquire)).then_some(guard)
    }
}
