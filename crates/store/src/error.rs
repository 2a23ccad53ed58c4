//! What can go wrong with stored state.

use std::path::PathBuf;

/// Why a store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The folder or database cannot be written: read-only mount, missing permission.
    #[error("cannot write {path}: it is read-only; choose another folder (BIFOCAL_CACHE_DIR or --data)")]
    ReadOnly {
        /// What was to be written.
        path: PathBuf,
    },
    /// No space is left.
    #[error("cannot write {path}: no space is left on the device; free some, or choose another folder")]
    Full {
        /// What was to be written.
        path: PathBuf,
    },
    /// Written by a newer program.
    #[error("{path} was written by a newer bifocal (schema {found}, this program knows {known}); update bifocal or choose another folder")]
    Newer {
        /// The database.
        path: PathBuf,
        /// Its schema version.
        found: i64,
        /// The newest that this program knows.
        known: i64,
    },
    /// Another process holds the database for longer than the patience of this one.
    #[error("{path} is locked by another process; try again when it has finished")]
    Busy {
        /// The database.
        path: PathBuf,
    },
    /// Stored bytes do not match their digest or their form.
    #[error("stored {what} is damaged: {why}")]
    Damaged {
        /// Which record.
        what: String,
        /// In which way.
        why: String,
    },
    /// Any other failure of the file system.
    #[error("cannot use {path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The system's word.
        source: std::io::Error,
    },
    /// Any other failure of the database.
    #[error("database {path}: {message}")]
    Database {
        /// The database.
        path: PathBuf,
        /// The database's word.
        message: String,
    },
}

impl StoreError {
    /// Whether the store works for reading and cannot take anything new.
    pub fn is_unwritable(&self) -> bool {
        matches!(self, StoreError::ReadOnly { .. } | StoreError::Full { .. })
    }
}
