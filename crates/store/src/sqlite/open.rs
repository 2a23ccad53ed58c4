//! Opening a database: write-ahead log, patience with other processes, migrations forward only.

use crate::StoreError;
use crate::files::{blocking, io_error, make_folder};
use sqlx::migrate::Migrator;
use sqlx::pool::PoolConnection;
use sqlx::sqlite::{
    Sqlite, SqliteAutoVacuum, SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::sync::{Mutex, MutexGuard};

/// How a database is used.
pub(crate) struct Usage {
    pub(crate) migrator: &'static Migrator,
    pub(crate) synchronous: SqliteSynchronous,
    /// How long to wait for another process.
    pub(crate) patience: Duration,
    pub(crate) connections: u32,
    /// Whether freed pages can be given back to the file system. Counts when the file is made.
    pub(crate) shrinks: bool,
}

pub(crate) struct Opened {
    pub(crate) pool: SqlitePool,
    pub(crate) path: PathBuf,
    /// Held while writing. SQLite makes writers wait by sleeping ever longer; this process's own queue up instead.
    writer: Mutex<()>,
}

/// A transaction that holds the write lock from its start, so that what it reads stays true until it commits.
///
/// Dropped without a commit, it closes its connection, which rolls back: after a full disk SQLite has ended the
/// transaction by itself, and a connection whose owner still counts one would be of no use to anybody.
pub(crate) struct Writing<'a> {
    connection: PoolConnection<Sqlite>,
    path: &'a Path,
    committed: bool,
    _turn: MutexGuard<'a, ()>,
}

impl Opened {
    fn new(pool: SqlitePool, path: &Path) -> Self {
        Opened { pool, path: path.to_owned(), writer: Mutex::new(()) }
    }

    pub(crate) fn wrong(&self, error: &sqlx::Error) -> StoreError {
        database_error(&self.path, error)
    }

    /// Begins to write.
    pub(crate) async fn write(&self) -> Result<Writing<'_>, StoreError> {
        let turn = self.writer.lock().await;
        let connection = self.pool.acquire().await.map_err(|error| self.wrong(&error))?;
        let mut writing = Writing { connection, path: &self.path, committed: false, _turn: turn };
        writing.statement("BEGIN IMMEDIATE").await?;
        Ok(writing)
    }
}

impl Writing<'_> {
    /// The connection in its transaction.
    pub(crate) fn connection(&mut self) -> &mut SqliteConnection {
        &mut self.connection
    }

    async fn statement(&mut self, sql: &'static str) -> Result<(), StoreError> {
        sqlx::query(sql).execute(&mut *self.connection).await.map_err(|error| database_error(self.path, &error))?;
        Ok(())
    }

    /// Ends the transaction; what was written is kept.
    pub(crate) async fn commit(mut self) -> Result<(), StoreError> {
        self.statement("COMMIT").await?;
        self.committed = true;
        Ok(())
    }
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        if !self.committed {
            self.connection.close_on_drop();
        }
    }
}

fn options(path: &Path, usage: &Usage) -> SqliteConnectOptions {
    let vacuum = if usage.shrinks { SqliteAutoVacuum::Incremental } else { SqliteAutoVacuum::None };
    SqliteConnectOptions::new()
        .auto_vacuum(vacuum)
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(usage.synchronous)
        .busy_timeout(usage.patience)
        .foreign_keys(true)
        .pragma("cache_size", "-16384")
        .pragma("journal_size_limit", "67108864")
        .row_buffer_size(1024)
}

async fn pool(path: &Path, options: SqliteConnectOptions, usage: &Usage) -> Result<SqlitePool, StoreError> {
    SqlitePoolOptions::new()
        .max_connections(usage.connections)
        .acquire_timeout(usage.patience + Duration::from_secs(5))
        .connect_with(options)
        .await
        .map_err(|error| database_error(path, &error))
}

/// Opens or makes a database and brings it to this program's form.
pub(crate) async fn open(path: &Path, usage: &Usage) -> Result<Opened, StoreError> {
    if let Some(folder) = path.parent() {
        make_folder(folder)?;
    }
    let pool = pool(path, options(path, usage), usage).await?;
    let known = newest(usage.migrator);
    if version(path, &pool).await? != known {
        // Two processes that start at once must not both make the tables.
        let lock_path = path.with_extension("lock");
        let lock = blocking(path, move || {
            let file =
                File::options().create(true).truncate(false).write(true).open(&lock_path).map_err(|error| io_error(&lock_path, error))?;
            file.lock().map_err(|error| io_error(&lock_path, error))?;
            Ok(file)
        })
        .await?;
        let found = version(path, &pool).await?;
        if found > known {
            return Err(StoreError::Newer { path: path.to_owned(), found, known });
        }
        if found < known {
            usage.migrator.run(&pool).await.map_err(|error| match error {
                sqlx::migrate::MigrateError::Execute(error) | sqlx::migrate::MigrateError::ExecuteMigration(error, _) => {
                    database_error(path, &error)
                }
                other => StoreError::Database { path: path.to_owned(), message: other.to_string() },
            })?;
        }
        drop(lock);
    }
    Ok(Opened::new(pool, path))
}

/// Opens a database that lies on a read-only disk. Nobody can be writing to it, so no lock is needed.
pub(crate) async fn open_read_only(path: &Path, usage: &Usage) -> Result<Opened, StoreError> {
    let options = SqliteConnectOptions::new().filename(path).read_only(true).immutable(true).row_buffer_size(1024);
    let pool = pool(path, options, usage).await?;
    let (found, known) = (version(path, &pool).await?, newest(usage.migrator));
    if found != known {
        return Err(StoreError::Newer { path: path.to_owned(), found, known });
    }
    Ok(Opened::new(pool, path))
}

fn newest(migrator: &Migrator) -> i64 {
    migrator.iter().map(|migration| migration.version).max().unwrap_or(0)
}

async fn version(path: &Path, pool: &SqlitePool) -> Result<i64, StoreError> {
    sqlx::query_scalar("PRAGMA user_version").fetch_one(pool).await.map_err(|error| database_error(path, &error))
}

/// What a failure of SQLite means. Codes: <https://www.sqlite.org/rescode.html>.
pub(crate) fn database_error(path: &Path, error: &sqlx::Error) -> StoreError {
    let path = path.to_owned();
    let code = error.as_database_error().and_then(|error| error.code()).and_then(|code| code.parse::<u32>().ok());
    match (code.map(|code| code & 0xff), code) {
        (Some(5 | 6), _) => StoreError::Busy { path },
        (Some(8), _) => StoreError::ReadOnly { path },
        (Some(13), _) => StoreError::Full { path },
        (Some(11 | 26), _) => StoreError::Damaged { what: path.display().to_string(), why: error.to_string() },
        // Opening fails in this way where the folder takes no new files.
        (Some(14), _) if path.exists() || path.parent().is_some_and(read_only) => StoreError::ReadOnly { path },
        _ if matches!(error, sqlx::Error::PoolTimedOut) => StoreError::Busy { path },
        _ => StoreError::Database { path, message: error.to_string() },
    }
}

fn read_only(folder: &Path) -> bool {
    tempfile::tempfile_in(folder).is_err()
}
