//! The advisory lens: known vulnerabilities and known malware.
//!
//! In: OSV records (<https://ossf.github.io/osv-schema/>, 1.x) from zips, folders, files and streams, imported into one
//! SQLite file. Out: the records that affect a release, as [`AdvisoryMatch`]es and as signals. Records whose id or alias
//! begins with `MAL-` say that a release is malware; withdrawn records are kept and match nothing.

mod codec;
mod collect;
pub mod cvss;
mod error;
mod feed_reader;
mod import;
mod matching;
mod overrides;
mod record;
mod signals;
mod sources;
mod split;
mod store;
mod verify;
mod write;

pub use error::AdvisoryError;
pub use import::{ImportLimits, ImportOptions, ImportReport, ImportSource, SignatureCheck, SkipReason, Skipped};
pub use matching::{Matched, nearest_fixed};
pub use overrides::{MAX_OVERRIDE, OverrideError, validate_override};
pub use signals::{SIGNAL_IDS, feed_unknown, signals};
pub use sources::{DEFAULT_SOURCES, Feed, FeedKind, FeedLocation, FeedSources};
pub use store::{AdvisoryMatch, AdvisoryStore, OpenMode, missing_status};

/// Reads one OSV record as an import would, and says whether it is usable. For fuzzing.
#[doc(hidden)]
pub fn check_record(bytes: &[u8]) -> bool {
    record::parse(bytes, &[], &ImportLimits::default()).is_ok()
}
