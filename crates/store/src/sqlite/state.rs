//! The database that may not be lost: decisions and their log, the queue, cases, publishers.

use super::open::{Opened, Usage, Writing, open};
use crate::StoreError;
use bifocal_core::Clock;
use sqlx::migrate::Migrator;
use sqlx::query::Query;
use sqlx::sqlite::{Sqlite, SqliteArguments, SqliteSynchronous};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

static MIGRATOR: Migrator = sqlx::migrate!("../../migrations/sqlite/state");
const USAGE: Usage =
    Usage { migrator: &MIGRATOR, synchronous: SqliteSynchronous::Full, patience: Duration::from_secs(30), connections: 4, shrinks: false };

/// The state of a server or of a reviewer's machine. Any number of processes may use it at once.
pub struct SqliteState {
    pub(super) database: Opened,
    pub(super) clock: Arc<dyn Clock>,
}

impl SqliteState {
    /// Opens or makes the database.
    ///
    /// # Errors
    /// It cannot be opened, written or made, is damaged, or was written by a newer program.
    pub async fn open(path: &Path, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        Ok(SqliteState { database: open(path, &USAGE).await?, clock })
    }

    /// Closes the database; what is not closed is still safe, and the next process tidies up.
    pub async fn close(&self) {
        self.database.pool.close().await;
    }

    pub(super) fn wrong(&self, error: &sqlx::Error) -> StoreError {
        self.database.wrong(error)
    }

    pub(super) fn damaged(&self, what: &str, why: impl ToString) -> StoreError {
        StoreError::Damaged { what: format!("{what} in {}", self.database.path.display()), why: why.to_string() }
    }

    pub(super) async fn write(&self) -> Result<Writing<'_>, StoreError> {
        self.database.write().await
    }

    /// Runs one statement that writes; gives the number of rows that it changed.
    pub(super) async fn run(&self, query: Query<'_, Sqlite, SqliteArguments>) -> Result<u64, StoreError> {
        let mut writing = self.write().await?;
        let done = query.execute(&mut *writing.connection()).await.map_err(|error| self.wrong(&error))?;
        writing.commit().await?;
        Ok(done.rows_affected())
    }
}
