//! The advisory lens: known vulnerabilities and known malware.
//!
//! In: OSV records (<https://ossf.github.io/osv-schema/>, 1.x) from zips, folders, files and streams, imported into one
//! SQLite file. Out: the records that affect a release, as [`AdvisoryMatch`]es and as signals. Records whose id or alias
//! begins with `MAL-` say that a release is malware; withdrawn records are kept and match nothing.

mod codec;
mod collect;
pub mod cvss;
mod editions;
mod error;
mod feed_reader;
mod import;
mod lost;
mod matching;
mod mend;
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
pub use signals::{SIGNAL_IDS, feed_unknown, signals};
pub use sources::{DEFAULT_SOURCES, Feed, FeedKind, FeedLocation, FeedSources, NAMED, is_named};
pub use store::{AdvisoryMatch, AdvisoryStore, LoadedFeed, OpenMode, damaged_status, missing_status};

/// Cuts `bytes` into records, reads each as an import would and asks whether `release` is affected. Gives the number of
/// usable records and of those that affect it. For fuzzing: no database is involved.
#[doc(hidden)]
pub fn check_records(bytes: &[u8], release: &bifocal_core::Release, limits: &ImportLimits) -> (usize, usize) {
    let mut splitter = split::Splitter::new(bytes, limits.record_bytes);
    let subject = matching::Subject::new(release);
    let (mut usable, mut affecting) = (0, 0);
    while let Ok(Some(piece)) = splitter.next() {
        let split::Piece::Record(record) = piece else { continue };
        let Ok(parsed) = record::parse(&record, &[], limits) else { continue };
        usable += 1;
        for entry in &parsed.entries {
            let (mut blob, mut hits) = (Vec::new(), Vec::new());
            codec::put_entry(1, &entry.body, &mut blob);
            // What was just written has to be readable; one that is not shows as affecting everything.
            affecting += if subject.hits(&blob, &mut hits).is_ok() { hits.len() } else { usize::MAX / 2 };
        }
    }
    (usable, affecting)
}
