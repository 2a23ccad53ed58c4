//! The history lens: what a package's past, its owners, its version and its name say about a release.
//!
//! In: one [`ReleaseRecord`] (and the manifest claims of an artifact), and popularity lists. Out: signals. Pure and
//! synchronous. Dates go out as facts in the evidence; ages are the policy's business, so the same record gives the same
//! signals for ever. Most of these signals only annotate: honest projects change owners, skip versions and have names
//! like others every day. A look-alike name reaches *high* only where a well-known name, one telling slip and a package
//! without a past come together.

mod manifest;
mod names;
mod notes;
mod ownership;
mod repository;
mod version;

pub use manifest::manifest_signals;
pub use names::{LookAlike, Popularity, PopularityError, Resemblance, Slip};

use bifocal_core::{Ecosystem, Evidence, FeedHealth, FeedStatus, Lens, ReleaseRecord, Severity, SignalDraft, SignalKind, Status, one_line};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

/// Every signal id of this lens, in the order in which the reference lists them.
pub const SIGNAL_IDS: [&str; 14] = [
    "history/deprecated",
    "history/dormant-revival",
    "history/first-release",
    "history/look-alike-name",
    "history/maintainer-change",
    "history/manifest-mismatch",
    "history/metadata-stripped",
    "history/public-and-private",
    "history/publisher-change",
    "history/repository-change",
    "history/repository-implausible",
    "history/repository-missing",
    "history/version-anomaly",
    "history/yanked",
];

/// The lists that the name questions need, each with its index, made once and shared by all lookups.
#[derive(Debug, Default)]
pub struct HistoryFeeds {
    names: BTreeMap<Ecosystem, (Popularity, LookAlike, Option<Timestamp>)>,
}

impl HistoryFeeds {
    /// No lists: questions of names are answered *unknown*.
    pub fn new() -> Self {
        HistoryFeeds::default()
    }

    /// Adds the list of one ecosystem and builds its index. `as_of` is when the list was made.
    pub fn insert(&mut self, popularity: Popularity, as_of: Option<Timestamp>) {
        let index = LookAlike::new(&popularity);
        self.names.insert(popularity.ecosystem(), (popularity, index, as_of));
    }

    /// The list of an ecosystem.
    pub fn popularity(&self, ecosystem: Ecosystem) -> Option<&Popularity> {
        self.names.get(&ecosystem).map(|(popularity, _, _)| popularity)
    }

    /// The index of an ecosystem.
    pub fn look_alike(&self, ecosystem: Ecosystem) -> Option<&LookAlike> {
        self.names.get(&ecosystem).map(|(_, index, _)| index)
    }

    /// How far the list of an ecosystem can be relied on. A list without a date counts as fresh: names become popular
    /// slowly, and a list written by hand has no date.
    pub fn status(&self, ecosystem: Ecosystem, now: Timestamp, stale_after: SignedDuration) -> FeedStatus {
        let (health, digest, as_of, records) = match self.names.get(&ecosystem) {
            None => (FeedHealth::Missing, String::new(), None, 0),
            Some((popularity, _, as_of)) => {
                let fresh = as_of.is_none_or(|date| now.duration_since(date) <= stale_after);
                let health = if fresh { FeedHealth::Fresh } else { FeedHealth::Stale };
                (health, popularity.digest().hex(), *as_of, popularity.len() as u64)
            }
        };
        FeedStatus {
            name: format!("popularity/{ecosystem}"),
            health,
            digest,
            as_of,
            records,
            remedy: format!("bifocal feed update --popularity {ecosystem} FILE"),
        }
    }
}

/// What the record of one release says, ordered by id.
pub fn signals(record: &ReleaseRecord, feeds: &HistoryFeeds) -> Vec<SignalDraft> {
    let mut drafts = Vec::new();
    notes::signals(record, &mut drafts);
    ownership::signals(record, &mut drafts);
    repository::signals(record, feeds, &mut drafts);
    version::signals(record, &mut drafts);
    names::signals(record, feeds, &mut drafts);
    drafts.sort_by(|a, b| a.id.cmp(b.id));
    drafts
}

/// A draft of this lens; text is cut to a readable length.
pub(crate) fn draft(id: &'static str, severity: Severity, confidence: f64, message: &str, evidence: Vec<Evidence>) -> SignalDraft {
    SignalDraft {
        id,
        lens: Lens::History,
        status: Status::Present,
        severity,
        confidence,
        kind: SignalKind::Other,
        message: one_line(message, 400),
        evidence,
    }
}

/// Evidence from the registry's record: which field, of which date, with which value.
pub(crate) fn registry(field: &str, date: Option<Timestamp>, detail: &str) -> Evidence {
    Evidence::record("registry", field, &date.map(|date| date.to_string()).unwrap_or_default(), &one_line(detail, 300))
}

#[cfg(test)]
pub(crate) mod testing {
    use bifocal_core::{Ecosystem, Known, PackageHistory, Publisher, Release, ReleaseRecord, VersionPoint};

    pub(crate) fn person(name: &str) -> Publisher {
        Publisher { name: name.to_owned(), email: None }
    }

    /// An honest release with a past: the fortieth version, same people, same repository.
    pub(crate) fn record(ecosystem: Ecosystem, name: &str, version: &str) -> ReleaseRecord {
        ReleaseRecord {
            published_at: Known::Given("2024-03-01T00:00:00Z".parse().unwrap()),
            publisher: Known::Given(person("ada")),
            maintainers: Known::Given(vec![person("ada"), person("grace")]),
            repository: Known::Given("https://github.com/example/project".to_owned()),
            license: Known::Given("MIT".to_owned()),
            description: Known::Given("an example".to_owned()),
            history: PackageHistory {
                version_count: 40,
                first_published_at: Known::Given("2019-01-01T00:00:00Z".parse().unwrap()),
                previous: Some(VersionPoint {
                    version: "1.0.0".to_owned(),
                    published_at: Some("2024-01-01T00:00:00Z".parse().unwrap()),
                    publisher: Some(person("ada")),
                    maintainers: vec![person("ada"), person("grace")],
                    repository: Some("git+https://github.com/example/project.git".to_owned()),
                }),
                next_lower: Some("1.0.0".to_owned()),
                latest: Some(version.to_owned()),
            },
            ..ReleaseRecord::bare(Release::new(ecosystem, name, version).unwrap(), "default")
        }
    }

    /// The first release of a package.
    pub(crate) fn first(ecosystem: Ecosystem, name: &str, version: &str) -> ReleaseRecord {
        let mut record = record(ecosystem, name, version);
        record.history.version_count = 1;
        record.history.first_published_at = record.published_at.clone();
        record.history.previous = None;
        record.history.next_lower = None;
        record
    }
}
