//! SQLite: the embedded backend of everything but blobs.

mod cache;
mod cases;
mod codec;
mod decisions;
mod evict;
mod open;
mod publishers;
mod queue;
mod state;

pub use cache::SqliteCache;
pub use state::SqliteState;

use crate::StoreError;
use bifocal_core::Clock;
use std::path::Path;
use std::sync::Arc;

/// Opens the two databases.
#[derive(Debug)]
pub enum SqliteStore {}

impl SqliteStore {
    /// The cache of records and facts; see [`SqliteCache::open`].
    ///
    /// # Errors
    /// As there.
    pub async fn open_cache(path: &Path) -> Result<SqliteCache, StoreError> {
        SqliteCache::open(path).await
    }

    /// The state; see [`SqliteState::open`].
    ///
    /// # Errors
    /// As there.
    pub async fn open_state(path: &Path, clock: Arc<dyn Clock>) -> Result<SqliteState, StoreError> {
        SqliteState::open(path, clock).await
    }
}
