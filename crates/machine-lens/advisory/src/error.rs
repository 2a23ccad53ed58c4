use std::path::PathBuf;

/// Why the advisory store could not be opened, filled or asked.
#[derive(Debug, thiserror::Error)]
pub enum AdvisoryError {
    /// No store at this path.
    #[error("no advisory data at {}; run `bifocal feed update`", path.display())]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The file is a store of another build.
    #[error("advisory data at {} has form {found}, this build reads form {expected}; remove the file and run `bifocal feed update`", path.display())]
    OtherForm {
        /// The file.
        path: PathBuf,
        /// Its form.
        found: i64,
        /// The form that this build reads.
        expected: i64,
    },
    /// SQLite refused.
    #[error("failed to {doing} in the advisory store: {source}")]
    Database {
        /// What was being done.
        doing: &'static str,
        /// What SQLite says.
        #[source]
        source: sqlx::Error,
    },
    /// The tables could not be laid out.
    #[error("failed to lay out the advisory store: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// A stored row does not decode: the file is damaged.
    #[error("what is stored of `{package}` does not decode")]
    Damaged {
        /// The package or record, made printable.
        package: String,
    },
    /// SQLite finds that the file is not what it wrote.
    #[error("advisory data at {} is damaged", path.display())]
    NotWhole {
        /// The file.
        path: PathBuf,
    },
    /// A file of the source cannot be read.
    #[error("failed to read {}: {source}", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The zip's directory cannot be read.
    #[error("{} is not a readable zip: {why}", path.display())]
    Zip {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// The bytes are not those expected.
    #[error("{} has sha256 {found}, expected {expected}; fetch it again or correct `sha256` in feeds.toml", path.display())]
    WrongDigest {
        /// The file.
        path: PathBuf,
        /// What it has.
        found: String,
        /// What was asked for.
        expected: String,
    },
    /// A digest or signature was asked for where there is no single file to check.
    #[error("a digest or signature can be checked on a file only, not on {what}")]
    NotCheckable {
        /// The kind of source.
        what: &'static str,
    },
    /// The signature is not one by the expected key.
    #[error("signature of {} does not verify: {why}", path.display())]
    Signature {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A bound was passed that one record alone cannot be blamed for.
    #[error("the source passes the limit of {limit} {what}; raise the limit if the source is trusted")]
    TooLarge {
        /// What there is too much of.
        what: &'static str,
        /// The limit.
        limit: u64,
    },
    /// Nothing in the source is an OSV record.
    #[error("no usable OSV record among {seen} in the source ({first}); the former state is kept")]
    NothingUsable {
        /// Records seen.
        seen: u64,
        /// The first reason for skipping.
        first: String,
    },
    /// Too many records of the last state are gone.
    #[error(
        "{vanished} of {before} records of feed `{feed}` are gone from the new state, more than 10 %; check the source, then repeat with --allow-shrinkage"
    )]
    Shrunk {
        /// Which feed.
        feed: String,
        /// Records before.
        before: u64,
        /// How many of them are gone.
        vanished: u64,
    },
    /// Malware records of the last state are gone, and no withdrawal says why.
    #[error(
        "{vanished} of {before} malware records of feed `{feed}` are gone from the new state without being withdrawn, more than 1 % ({named}); check the source, then repeat with --allow-shrinkage"
    )]
    MalwareLost {
        /// Which feed.
        feed: String,
        /// Malware records before.
        before: u64,
        /// How many of them are gone.
        vanished: u64,
        /// The first of them.
        named: String,
    },
    /// A worker thread ended early.
    #[error("an import thread ended before its work was done")]
    Worker,
    /// feeds.toml is wrong.
    #[error("{origin}: {why}")]
    Sources {
        /// Which file.
        origin: String,
        /// What is wrong and where.
        why: String,
    },
}

impl AdvisoryError {
    /// Whether it says that the store's file is damaged, so that it is to be begun anew. Codes:
    /// <https://www.sqlite.org/rescode.html>.
    pub fn is_damage(&self) -> bool {
        use sqlx::migrate::MigrateError;
        let error = match self {
            AdvisoryError::Damaged { .. } | AdvisoryError::NotWhole { .. } => return true,
            AdvisoryError::Database { source, .. } => source,
            AdvisoryError::Migration(MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _)) => error,
            _ => return false,
        };
        let code = error.as_database_error().and_then(|error| error.code()).and_then(|code| code.parse::<u32>().ok());
        // What a strict table holds has the type of its column, unless somebody else wrote it.
        matches!(code.map(|code| code & 0xff), Some(11 | 26)) || matches!(error, sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_))
    }

    pub(crate) fn database(doing: &'static str) -> impl FnOnce(sqlx::Error) -> AdvisoryError {
        move |source| AdvisoryError::Database { doing, source }
    }
}
