//! Whether a release is affected, by the evaluation of the OSV schema
//! (<https://ossf.github.io/osv-schema/#evaluation>): listed among the versions, or inside a range.

use crate::codec::{Bound, Damaged, Entries};
use crate::record::canonical;
use bifocal_core::{Ecosystem, Release};
use bifocal_versions::{Event, EventRange, ParsedVersion};
use std::cmp::Ordering;

/// Fix versions kept for one match.
const MAX_FIXES: usize = 32;

/// How a record names the release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Matched {
    /// The version is listed.
    ExactVersion,
    /// The version is inside a range.
    Range,
    /// The record names the package without versions.
    AllVersions,
}

/// One record that affects the release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hit {
    pub(crate) record: i64,
    pub(crate) matched: Matched,
    pub(crate) fixed: Vec<String>,
}

/// A release's version, read once for all records about its package.
pub(crate) struct Subject {
    ecosystem: Ecosystem,
    canonical: String,
    parsed: Option<ParsedVersion>,
}

impl Subject {
    pub(crate) fn new(release: &Release) -> Self {
        let ecosystem = release.ecosystem();
        Subject {
            ecosystem,
            canonical: canonical(ecosystem, &release.version),
            parsed: ParsedVersion::parse_lenient(ecosystem, &release.version),
        }
    }

    /// The records of a package's blob that affect this version.
    pub(crate) fn hits(&self, blob: &[u8], hits: &mut Vec<Hit>) -> Result<(), Damaged> {
        let mut entries = Entries::new(blob);
        let mut bounds = Vec::new();
        while let Some((record, body)) = entries.next()? {
            let (mut in_range, mut listed, mut ranges, mut versions) = (false, false, 0, 0);
            let mut fixed: Vec<String> = Vec::new();
            body.read(
                &mut bounds,
                |range| {
                    ranges += 1;
                    in_range |= self.is_in(range);
                    for bound in range {
                        if let Bound::Fixed(version) = bound
                            && fixed.len() < MAX_FIXES
                            && !fixed.iter().any(|known| known == version)
                        {
                            fixed.push((*version).to_owned());
                        }
                    }
                },
                |version| {
                    versions += 1;
                    listed |= version == self.canonical;
                },
            )?;
            let matched = match (listed, in_range, ranges + versions == 0) {
                (true, _, _) => Matched::ExactVersion,
                (_, true, _) => Matched::Range,
                (_, _, true) => Matched::AllVersions,
                _ => continue,
            };
            hits.push(Hit { record, matched, fixed });
        }
        Ok(())
    }

    fn is_in(&self, range: &[Bound<'_>]) -> bool {
        // By far the most common range of malware records, and the only one that holds for a text that is no version.
        if let [Bound::Introduced("0")] = range {
            return true;
        }
        let Some(version) = &self.parsed else { return false };
        let events: Vec<Event<&str>> = range
            .iter()
            .map(|bound| match bound {
                Bound::Introduced(version) => Event::Introduced(*version),
                Bound::Fixed(version) => Event::Fixed(*version),
                Bound::LastAffected(version) => Event::LastAffected(*version),
                Bound::Limit(version) => Event::Limit(*version),
            })
            .collect();
        EventRange::new(self.ecosystem, &events).contains(version)
    }
}

/// The lowest of `fixes` above `version`: the smallest step that leaves the advisory behind. Texts that are no versions
/// are passed over.
pub fn nearest_fixed<'a>(ecosystem: Ecosystem, version: &str, fixes: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let current = ParsedVersion::parse_lenient(ecosystem, version)?;
    let mut best: Option<(ParsedVersion, &str)> = None;
    for text in fixes {
        let Some(fix) = ParsedVersion::parse_lenient(ecosystem, text) else { continue };
        if fix.order(&current) == Ordering::Greater && best.as_ref().is_none_or(|(lowest, _)| fix.order(lowest) == Ordering::Less) {
            best = Some((fix, text));
        }
    }
    best.map(|(_, text)| text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{Entry, put_entry};

    fn hits(ecosystem: Ecosystem, version: &str, entry: &Entry<'_>) -> Vec<Hit> {
        let (mut body, mut blob, mut hits) = (Vec::new(), Vec::new(), Vec::new());
        entry.encode(&mut body);
        put_entry(1, &body, &mut blob);
        let name = if ecosystem == Ecosystem::Maven { "a:b" } else { "a" };
        Subject::new(&Release::new(ecosystem, name, version).unwrap()).hits(&blob, &mut hits).unwrap();
        hits
    }

    #[test]
    fn listed_versions_ranges_and_whole_packages_are_told_apart() {
        let entry = Entry { ranges: vec![vec![Bound::Introduced("1.0.0"), Bound::Fixed("2.0.0")]], versions: vec!["0.5.0"] };
        assert_eq!(hits(Ecosystem::Npm, "0.5.0", &entry)[0].matched, Matched::ExactVersion);
        let hit = hits(Ecosystem::Npm, "1.9.9", &entry).remove(0);
        assert_eq!((hit.matched, hit.fixed), (Matched::Range, vec!["2.0.0".to_owned()]));
        assert!(hits(Ecosystem::Npm, "2.0.0", &entry).is_empty());
        assert!(hits(Ecosystem::Npm, "0.6.0", &entry).is_empty());
        assert_eq!(hits(Ecosystem::Npm, "7.0.0", &Entry::default())[0].matched, Matched::AllVersions);
    }

    #[test]
    fn other_spellings_of_a_listed_version_match() {
        let list = |v| Entry { ranges: vec![], versions: vec![v] };
        assert_eq!(hits(Ecosystem::Pypi, "1.0.0", &list("1")).len(), 1);
        assert_eq!(hits(Ecosystem::Golang, "v1.2.3", &list("1.2.3")).len(), 1);
        assert_eq!(hits(Ecosystem::Npm, "1.2.3+build", &list("1.2.3")).len(), 1);
        assert_eq!(hits(Ecosystem::Cargo, "1.2.3", &list("1.2.4")).len(), 0);
    }

    #[test]
    fn a_version_that_cannot_be_read_is_inside_an_open_range_only() {
        let open = Entry { ranges: vec![vec![Bound::Introduced("0")]], versions: vec![] };
        let closed = Entry { ranges: vec![vec![Bound::Introduced("0"), Bound::Fixed("9.0.0")]], versions: vec![] };
        assert_eq!(hits(Ecosystem::Cargo, "junk", &open).len(), 1);
        assert_eq!(hits(Ecosystem::Cargo, "junk", &closed).len(), 0);
    }

    #[test]
    fn the_nearest_fix_is_the_lowest_one_above() {
        let fixes = ["4.17.21", "3.10.1", "junk", "4.18.0"];
        assert_eq!(nearest_fixed(Ecosystem::Npm, "4.17.20", fixes), Some("4.17.21"));
        assert_eq!(nearest_fixed(Ecosystem::Npm, "3.0.0", fixes), Some("3.10.1"));
        assert_eq!(nearest_fixed(Ecosystem::Npm, "5.0.0", fixes), None);
        assert_eq!(nearest_fixed(Ecosystem::Golang, "v1.0.0", ["1.0.1"]), Some("1.0.1"));
    }
}
