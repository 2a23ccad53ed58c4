//! The access log: what clients asked for, for assertions.

use super::fault::glob;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// One request that arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// GET, HEAD, POST, …
    pub method: String,
    /// Path without the query, as sent (percent escapes kept).
    pub path: String,
    /// Query without `?`.
    pub query: String,
    /// Headers in the order sent.
    pub headers: Vec<(String, String)>,
    /// The body, as sent.
    pub body: Vec<u8>,
    /// Status of the answer; 0 while it is under way, or when the connection was closed without one.
    pub status: u16,
    /// Whether it came in through the second listener ([`crate::Upstream::elsewhere_url`]).
    pub elsewhere: bool,
}

impl Access {
    /// The first header of this name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// All requests so far.
#[derive(Debug, Default)]
pub(crate) struct AccessLog {
    entries: Mutex<Vec<Access>>,
    arrived: Condvar,
}

impl AccessLog {
    pub(crate) fn push(&self, access: Access) -> usize {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.push(access);
        self.arrived.notify_all();
        entries.len() - 1
    }

    pub(crate) fn answered(&self, index: usize, status: u16) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        // The log may have been cleared while the request was under way.
        if let Some(entry) = entries.get_mut(index) {
            entry.status = status;
        }
    }

    pub(crate) fn all(&self) -> Vec<Access> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn clear(&self) {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Waits until `count` requests match; false after `limit`.
    pub(crate) fn wait_for(&self, pattern: &str, count: usize, limit: Duration) -> bool {
        let end = Instant::now() + limit;
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if entries.iter().filter(|entry| glob(pattern, &entry.path)).count() >= count {
                return true;
            }
            let Some(left) = end.checked_duration_since(Instant::now()) else { return false };
            entries = self.arrived.wait_timeout(entries, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}
