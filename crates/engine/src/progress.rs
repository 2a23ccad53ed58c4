//! What long work tells its caller: counts for a progress line, and where the time went.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Told of each release as a check goes on. Called from several tasks at once.
pub trait Progress: Send + Sync {
    /// The work ahead: releases to assess.
    fn total(&self, _releases: usize) {}
    /// One release is done.
    fn done(&self, _purl: &str) {}
}

/// Says nothing.
#[derive(Debug, Default)]
pub struct Silent;

impl Progress for Silent {}

/// Where the time of a check went. Sums over parallel work, so they may exceed the wall clock.
#[derive(Debug, Default)]
pub(crate) struct Spent {
    metadata: AtomicU64,
    download: AtomicU64,
    analysis: AtomicU64,
    bytes: AtomicU64,
    fetched: AtomicU64,
}

impl Spent {
    pub(crate) fn metadata(&self, took: Duration) {
        self.metadata.fetch_add(took.as_millis() as u64, Ordering::Relaxed);
    }

    pub(crate) fn download(&self, took: Duration, bytes: u64) {
        self.download.fetch_add(took.as_millis() as u64, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.fetched.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn analysis(&self, took: Duration) {
        self.analysis.fetch_add(took.as_millis() as u64, Ordering::Relaxed);
    }

    /// One line for `-v`.
    pub(crate) fn line(&self, wall: Duration) -> String {
        let seconds = |counter: &AtomicU64| counter.load(Ordering::Relaxed) as f64 / 1000.0;
        format!(
            "spent {:.2} s: metadata {:.2} s, downloads {:.2} s ({} artifacts, {:.1} MB), analysis {:.2} s (sums over parallel work, waiting included)",
            wall.as_secs_f64(),
            seconds(&self.metadata),
            seconds(&self.download),
            self.fetched.load(Ordering::Relaxed),
            self.bytes.load(Ordering::Relaxed) as f64 / 1e6,
            seconds(&self.analysis),
        )
    }
}
