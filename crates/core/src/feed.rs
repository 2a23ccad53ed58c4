use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How far a feed can be relied on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FeedHealth {
    /// Loaded and recent.
    Fresh,
    /// Loaded, older than the limit.
    Stale,
    /// Never loaded.
    Missing,
    /// Loaded, and not readable any more.
    Damaged,
}

/// The state of one feed at the time of a check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedStatus {
    /// `osv`, `popularity/npm`, …
    pub name: String,
    /// Health.
    pub health: FeedHealth,
    /// SHA-256 over the loaded state, in hex; empty when missing.
    pub digest: String,
    /// When the loaded state was made (not when it was loaded).
    pub as_of: Option<Timestamp>,
    /// Number of records.
    pub records: u64,
    /// The one command that mends it.
    pub remedy: String,
}
