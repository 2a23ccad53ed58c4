//! Names that are meant to be mistaken for well-known ones.
//!
//! The attack: typosquatting and its kin (a letter left out, two swapped, `0` for `o`, another scope, another owner). A
//! near name alone means little: honest names are near each other by the thousand. So the severity is made of three
//! things: how telling the slip is, how well known the name is, and whether the package has a past of its own.

mod forms;
mod look_alike;
mod popularity;
mod slip;
mod table;

pub use look_alike::{LookAlike, Resemblance};
pub use popularity::{Popularity, PopularityError};
pub use slip::Slip;

use crate::{HistoryFeeds, draft, registry};
use bifocal_core::{Evidence, Known, ReleaseRecord, Severity, SignalDraft, Status, printable};
use jiff::SignedDuration;

const ID: &str = "history/look-alike-name";

/// Versions up to which a package counts as one without a past.
const NEW_VERSIONS: u32 = 2;
/// Versions from which it counts as one that has found its users.
const SETTLED_VERSIONS: u32 = 10;

/// Time from the first version on that a package takes to find its users.
const SETTLING: SignedDuration = SignedDuration::from_hours(30 * 24);

pub(crate) fn signals(record: &ReleaseRecord, feeds: &HistoryFeeds, drafts: &mut Vec<SignalDraft>) {
    let ecosystem = record.release.ecosystem();
    let (Some(index), Some(popularity)) = (feeds.look_alike(ecosystem), feeds.popularity(ecosystem)) else {
        let feed = format!("popularity/{ecosystem}");
        drafts.push(SignalDraft {
            status: Status::Unknown,
            ..draft(
                ID,
                Severity::Info,
                1.0,
                &format!("no list of popular {ecosystem} packages is loaded, so look-alike names cannot be told"),
                vec![Evidence::record("popularity", &feed, "", "missing")],
            )
        });
        return;
    };
    let name = record.release.package.as_str();
    let Some(found) = index.find(name) else { return };
    let past = Past::of(record);
    let (severity, confidence) = weigh(&found, name, popularity.len(), past);
    let published = record.published_at.given().copied();
    let mut evidence = vec![Evidence::record(
        "popularity",
        &printable(found.name),
        "",
        &format!("rank {} of {}; {}", found.rank + 1, popularity.len(), found.slip.as_str()),
    )];
    let count = record.history.version_count;
    if past == Past::None {
        evidence.push(registry("versions", published, &if count == 1 { "1 version".to_owned() } else { format!("{count} versions") }));
    }
    if matches!(&record.repository, Known::NotGiven) {
        evidence.push(registry("repository", published, "not given"));
    }
    drafts.push(draft(
        ID,
        severity,
        confidence,
        &format!("the name is close to `{}`, number {} by popularity: {}", printable(found.name), found.rank + 1, found.slip.as_str()),
        evidence,
    ));
}

/// What the package has behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Past {
    /// One or two versions.
    None,
    /// Some.
    Some,
    /// Many.
    Settled,
}

impl Past {
    fn of(record: &ReleaseRecord) -> Self {
        match record.history.version_count {
            1..=NEW_VERSIONS => Past::None,
            // None at all: the upstream does not tell.
            count if count < SETTLED_VERSIONS || came_at_once(record) => Past::Some,
            _ => Past::Settled,
        }
    }
}

/// Whether this version came out soon after the package's first: many versions in a few days are no past.
fn came_at_once(record: &ReleaseRecord) -> bool {
    let first = record.history.first_published_at.given();
    let this = record.published_at.given();
    first.zip(this).is_some_and(|(first, this)| this.duration_since(*first) < SETTLING)
}

/// Severity and confidence. The figures behind it: see the reference page's *How it was weighed*.
fn weigh(found: &Resemblance<'_>, name: &str, listed: usize, past: Past) -> (Severity, f64) {
    let length = name.chars().count().min(found.name.chars().count());
    // The best known names are worth most. A short list is all best-known names.
    let famous = found.rank < (listed / 10).clamp(100, 1000);
    // Two letters swapped in a long name is a slip whoever the name belongs to.
    let known = found.rank < (listed / 2).clamp(500, 5000) || (found.slip == Slip::Swapped && length >= 8);
    let telling = found.slip.is_telling() && length >= 6;
    let points =
        i32::from(telling) + i32::from(famous && telling) + i32::from(famous || (known && telling)) + i32::from(!found.slip.is_habit())
            - match past {
                Past::None => 0,
                Past::Some => 1,
                Past::Settled => 2,
            };
    match points {
        4.. => (Severity::High, 0.8),
        3 => (Severity::Medium, 0.6),
        2 => (Severity::Low, 0.4),
        _ => (Severity::Info, 0.2),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{first, record};
    use bifocal_core::Ecosystem;

    fn feeds(ecosystem: Ecosystem, names: &str) -> HistoryFeeds {
        let mut feeds = HistoryFeeds::new();
        feeds.insert(Popularity::parse(ecosystem, names).unwrap(), None);
        feeds
    }

    fn found(record: &ReleaseRecord, feeds: &HistoryFeeds) -> Option<(Severity, String)> {
        crate::signals(record, feeds).into_iter().find(|d| d.id == ID && d.status == Status::Present).map(|d| (d.severity, d.message))
    }

    #[test]
    fn a_telling_slip_of_a_famous_name_without_a_past_is_high() {
        let feeds = feeds(Ecosystem::Pypi, "requests\ncolorama\nurllib3\ncryptography\n");
        for name in ["reqeusts", "requets", "requestss", "c0lorama", "cryptograhpy"] {
            let (severity, message) = found(&first(Ecosystem::Pypi, name, "1.0.0"), &feeds).unwrap();
            assert_eq!(severity, Severity::High, "{name}: {message}");
        }
        let (severity, _) = found(&record(Ecosystem::Pypi, "reqeusts", "1.0.0"), &feeds).unwrap();
        assert!(severity <= Severity::Low);
    }

    #[test]
    fn many_versions_in_a_few_days_are_no_settled_past() {
        let feeds = feeds(Ecosystem::Pypi, "requests\ncolorama\nurllib3\ncryptography\n");
        let mut hurried = record(Ecosystem::Pypi, "reqeusts", "1.0.40");
        assert_eq!(found(&hurried, &feeds).unwrap().0, Severity::Low);
        hurried.history.first_published_at = Known::Given("2024-02-27T00:00:00Z".parse().unwrap());
        assert_eq!(found(&hurried, &feeds).unwrap().0, Severity::Medium);
    }

    #[test]
    fn honest_neighbours_never_reach_high_even_as_first_releases() {
        let npm =
            feeds(Ecosystem::Npm, "react\nlodash\nnode-fetch\nexpress\ntypes\nans1\ncommander\nchalk\nyargs\n@types/node\nminimatch\n");
        let pypi = feeds(Ecosystem::Pypi, "requests\npytest\nasn1crypto\nnumpy\npython-dateutil\ncertifi\n");
        for (feeds, ecosystem, names) in [
            (&npm, Ecosystem::Npm, ["preact", "lodash.merge", "fetch", "express-session", "asn1", "lodash-es", "types-node", "micromatch"]),
            (
                &pypi,
                Ecosystem::Pypi,
                ["types-requests", "requests-toolbelt", "pytest2", "asn1", "numpy-stl", "dateutil", "requests2", "certify"],
            ),
        ] {
            for name in names {
                let severity = found(&first(ecosystem, name, "1.0.0"), feeds).map_or(Severity::Info, |(severity, _)| severity);
                assert!(severity < Severity::High, "{name}: {severity:?}");
            }
        }
    }

    #[test]
    fn a_listed_name_is_no_look_alike_and_a_missing_list_is_said() {
        let feeds = feeds(Ecosystem::Npm, "react\npreact\nreacts\n");
        assert_eq!(found(&first(Ecosystem::Npm, "reacts", "1.0.0"), &feeds), None);
        let unknown = crate::signals(&first(Ecosystem::Pypi, "x", "1.0"), &feeds);
        assert!(unknown.iter().any(|d| d.id == ID && d.status == Status::Unknown));
    }
}
