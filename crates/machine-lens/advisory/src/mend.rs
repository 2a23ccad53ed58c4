//! A damaged store is set aside and begun anew.
//!
//! In: the store's path, before something is to be written into it. Out: a store that can be written, or none, and where
//! the damaged one lies now. Feeds can be loaded again, so nothing is repaired; and a command that is told to mend the
//! feeds must not end at what it was called for.

use crate::AdvisoryError;
use crate::store::AdvisoryStore;
use sqlx::sqlite::SqliteConnectOptions;
use std::fs::File;
use std::path::{Path, PathBuf};

impl AdvisoryStore {
    /// Reads the whole store at `path` (SQLite's quick check), and sets a damaged one aside as `*.damaged`, in place of
    /// the last one there. `None` when it is whole or not there.
    pub async fn mend(path: &Path) -> Result<Option<PathBuf>, AdvisoryError> {
        if !path.exists() {
            return Ok(None);
        }
        // Of two updates that start at once the second must not take away what the first has begun anew.
        let _lock = lock(path).await?;
        match check(path).await {
            Ok(()) => Ok(None),
            Err(error) if error.is_damage() => rename(path).map(Some),
            Err(error) => Err(error),
        }
    }

    /// Sets a store aside in which damage was met. `None` when it is not there.
    pub async fn set_aside(path: &Path) -> Result<Option<PathBuf>, AdvisoryError> {
        let _lock = lock(path).await?;
        if path.exists() { rename(path).map(Some) } else { Ok(None) }
    }
}

async fn check(path: &Path) -> Result<(), AdvisoryError> {
    let store = AdvisoryStore::connect(path, SqliteConnectOptions::new()).await?;
    let said: Result<Vec<String>, _> = sqlx::query_scalar("PRAGMA quick_check(1)").fetch_all(&store.pool).await;
    store.close().await;
    let said = said.map_err(AdvisoryError::database("read all of it"))?;
    if said.iter().any(|line| line != "ok") { Err(AdvisoryError::NotWhole { path: path.to_owned() }) } else { Ok(()) }
}

async fn lock(path: &Path) -> Result<File, AdvisoryError> {
    let path = path.with_extension("lock");
    tokio::task::spawn_blocking(move || {
        let file = File::options().create(true).truncate(false).write(true).open(&path);
        let locked = file.and_then(|file| file.lock().map(|()| file));
        locked.map_err(|source| AdvisoryError::Read { path, source })
    })
    .await
    .map_err(|_| AdvisoryError::Worker)?
}

fn rename(path: &Path) -> Result<PathBuf, AdvisoryError> {
    let aside = path.with_extension("damaged");
    std::fs::rename(path, &aside).map_err(|source| AdvisoryError::Read { path: path.to_owned(), source })?;
    // The log and its index belong to the file that is gone.
    for suffix in ["-wal", "-shm"] {
        let mut beside = path.as_os_str().to_owned();
        beside.push(suffix);
        let _ = std::fs::remove_file(beside);
    }
    Ok(aside)
}
