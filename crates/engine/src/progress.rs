//! What long work tells its caller: counts for a progress line, and where the time went.

use bifocal_core::counted;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Told of each release as a check goes on. Called from several tasks at once.
pub trait Progress: Send + Sync {
    /// Manifests without a lockfile are being resolved: answers of registries so far.
    fn resolving(&self, _answers: usize) {}
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
#[derive(Debug)]
pub(crate) struct Spent {
    began: Instant,
    last_byte: AtomicU64,
    metadata: AtomicU64,
    download: AtomicU64,
    analysis: AtomicU64,
    analysis_cpu: AtomicU64,
    bytes: AtomicU64,
    fetched: AtomicU64,
}

impl Default for Spent {
    fn default() -> Self {
        Spent {
            began: Instant::now(),
            last_byte: AtomicU64::default(),
            metadata: AtomicU64::default(),
            download: AtomicU64::default(),
            analysis: AtomicU64::default(),
            analysis_cpu: AtomicU64::default(),
            bytes: AtomicU64::default(),
            fetched: AtomicU64::default(),
        }
    }
}

impl Spent {
    pub(crate) fn metadata(&self, took: Duration) {
        self.metadata.fetch_add(took.as_millis() as u64, Ordering::Relaxed);
    }

    pub(crate) fn download(&self, took: Duration, bytes: u64) {
        self.download.fetch_add(took.as_millis() as u64, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.fetched.fetch_add(1, Ordering::Relaxed);
        self.last_byte.fetch_max(self.began.elapsed().as_millis() as u64, Ordering::Relaxed);
    }

    pub(crate) fn analysis(&self, took: Duration, cpu: Duration) {
        self.analysis.fetch_add(took.as_millis() as u64, Ordering::Relaxed);
        self.analysis_cpu.fetch_add(cpu.as_micros() as u64, Ordering::Relaxed);
    }

    /// One line for `-v`.
    pub(crate) fn line(&self, wall: Duration) -> String {
        let seconds = |counter: &AtomicU64| counter.load(Ordering::Relaxed) as f64 / 1000.0;
        format!(
            "spent {:.2} s: the network was done after {:.2} s; sums over parallel work, waiting included: metadata {:.2} s, downloads {:.2} s ({}, {:.1} MB), analysis {:.2} s; processor time of the analysis {:.2} s",
            wall.as_secs_f64(),
            seconds(&self.last_byte),
            seconds(&self.metadata),
            seconds(&self.download),
            counted(self.fetched.load(Ordering::Relaxed), "artifact", "artifacts"),
            self.bytes.load(Ordering::Relaxed) as f64 / 1e6,
            seconds(&self.analysis),
            self.analysis_cpu.load(Ordering::Relaxed) as f64 / 1e6,
        )
    }
}
