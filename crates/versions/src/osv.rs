//! Ranges of OSV records: introduced, fixed, last affected, limit
//! (<https://ossf.github.io/osv-schema/#affectedrangesevents-fields>).
//!
//! What comes in: the events of one range of type SEMVER or ECOSYSTEM. What goes out: whether a version is affected.
//! A record with an event that is no version is broken; it is read so that it affects more rather than fewer versions.

use crate::ParsedVersion;
use bifocal_core::Ecosystem;
use std::cmp::Ordering;

/// One event of a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Event<V = String> {
    /// Affected from here on; `0` is before all versions.
    Introduced(V),
    /// Not affected from here on.
    Fixed(V),
    /// Affected up to and with this one.
    LastAffected(V),
    /// Nothing from here on is part of the range; `*` is beyond all versions.
    Limit(V),
}

/// The events of one range, parsed and sorted once, to be asked often.
#[derive(Debug, Clone)]
pub struct EventRange {
    steps: Vec<Step>,
    /// `None` for a limit that lets everything through.
    limits: Vec<Option<ParsedVersion>>,
}

#[derive(Debug, Clone)]
struct Step {
    /// `None` is before all versions.
    at: Option<ParsedVersion>,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Introduced,
    Fixed,
    LastAffected,
}

impl EventRange {
    /// Parses the events. An `introduced` that is no version counts as `0`; a `fixed`, `last_affected` or `limit` that
    /// is none is left out.
    pub fn new<V: AsRef<str>>(ecosystem: Ecosystem, events: &[Event<V>]) -> EventRange {
        let parse = |text: &str| ParsedVersion::parse_lenient(ecosystem, text).filter(ParsedVersion::is_standard);
        let mut steps: Vec<Step> = Vec::new();
        let mut limits = Vec::new();
        for event in events {
            match event {
                Event::Introduced(version) => {
                    let at = if version.as_ref().trim() == "0" { None } else { parse(version.as_ref()) };
                    insert(&mut steps, Step { at, kind: Kind::Introduced });
                }
                Event::Fixed(version) => {
                    if let Some(at) = parse(version.as_ref()) {
                        insert(&mut steps, Step { at: Some(at), kind: Kind::Fixed });
                    }
                }
                Event::LastAffected(version) => {
                    if let Some(at) = parse(version.as_ref()) {
                        insert(&mut steps, Step { at: Some(at), kind: Kind::LastAffected });
                    }
                }
                Event::Limit(version) if version.as_ref().trim() == "*" => limits.push(None),
                Event::Limit(version) => limits.extend(parse(version.as_ref()).map(Some)),
            }
        }
        EventRange { steps, limits }
    }

    /// Whether the version is affected.
    pub fn contains(&self, version: &ParsedVersion) -> bool {
        let within = self.limits.is_empty() || self.limits.iter().any(|limit| limit.as_ref().is_none_or(|limit| version < limit));
        if !within {
            return false;
        }
        let mut affected = false;
        for step in &self.steps {
            let order = step.at.as_ref().map_or(Ordering::Greater, |at| version.order(at));
            match step.kind {
                Kind::Introduced if order != Ordering::Less => affected = true,
                Kind::Fixed if order != Ordering::Less => affected = false,
                Kind::LastAffected if order == Ordering::Greater => affected = false,
                _ => {}
            }
        }
        affected
    }
}

/// Puts a step behind those that are not above it, so that events at one version keep the record's order. Events come
/// sorted in practice; the search from the end then ends at once.
fn insert(steps: &mut Vec<Step>, step: Step) {
    let above = |other: &Step| match (&other.at, &step.at) {
        (Some(a), Some(b)) => a.order(b) == Ordering::Greater,
        (a, b) => a.is_some() && b.is_none(),
    };
    let place = steps.iter().rposition(|other| !above(other)).map_or(0, |last| last + 1);
    steps.insert(place, step);
}

/// Whether `version` is affected by a range with these events. A text that is no version is not.
///
/// To ask many versions or many ranges, parse once: [`ParsedVersion::parse`] and [`EventRange::new`].
pub fn in_events<V: AsRef<str>>(ecosystem: Ecosystem, version: &str, events: &[Event<V>]) -> bool {
    ParsedVersion::parse_lenient(ecosystem, version).is_some_and(|parsed| EventRange::new(ecosystem, events).contains(&parsed))
}

#[cfg(test)]
mod tests {
    use super::Event::{Fixed, Introduced, LastAffected, Limit};
    use super::*;

    #[test]
    fn the_schemas_algorithm_holds_in_every_ecosystem() {
        let open = [Introduced("0")];
        let closed = [Introduced("1.0.0"), Fixed("1.2.0"), Introduced("2.0.0"), LastAffected("2.1.0")];
        for ecosystem in Ecosystem::ALL {
            for version in ["0.0.1", "1.0.0", "99.0.0"] {
                assert!(in_events(ecosystem, version, &open), "{ecosystem} {version}");
            }
            for (version, expected) in [
                ("0.9.0", false),
                ("1.0.0", true),
                ("1.1.9", true),
                ("1.2.0", false),
                ("1.9.0", false),
                ("2.0.0", true),
                ("2.1.0", true),
                ("2.1.1", false),
            ] {
                assert_eq!(in_events(ecosystem, version, &closed), expected, "{ecosystem} {version}");
            }
        }
    }

    #[test]
    fn go_versions_match_records_without_a_v() {
        let events = [Introduced("0"), Fixed("1.5.0")];
        assert!(in_events(Ecosystem::Golang, "v1.4.9", &events));
        assert!(in_events(Ecosystem::Golang, "v0.0.0-20190101000000-0123456789ab", &events));
        assert!(!in_events(Ecosystem::Golang, "v1.5.0", &events));
        assert!(!in_events(Ecosystem::Golang, "v1.5.1-0.20210101000000-0123456789ab", &events));
    }

    #[test]
    fn prereleases_of_the_fix_are_affected_unless_the_record_says_otherwise() {
        assert!(in_events(Ecosystem::Npm, "2.0.0-rc.1", &[Introduced("0"), Fixed("2.0.0")]));
        assert!(!in_events(Ecosystem::Npm, "2.0.0-rc.1", &[Introduced("0"), Fixed("2.0.0-0")]));
        assert!(in_events(Ecosystem::Maven, "2.0-SNAPSHOT", &[Introduced("1.0"), Fixed("2.0")]));
        assert!(in_events(Ecosystem::Pypi, "2.0.dev1", &[Introduced("0"), Fixed("2.0")]));
    }

    #[test]
    fn events_may_come_unsorted_and_limits_cut() {
        let events = [Fixed("1.2.0"), Introduced("2.0.0"), Introduced("0"), Limit("3.0.0")];
        for (version, expected) in [("1.0.0", true), ("1.5.0", false), ("2.5.0", true), ("3.0.0", false)] {
            assert_eq!(in_events(Ecosystem::Cargo, version, &events), expected, "{version}");
        }
        assert!(in_events(Ecosystem::Cargo, "9.0.0", &[Introduced("0"), Limit("1.0.0"), Limit("*")]));
    }

    #[test]
    fn an_empty_range_affects_nothing_and_a_range_may_reopen_at_its_fix() {
        assert!(!in_events(Ecosystem::Npm, "2.0.0", &[Introduced("2.0.0"), Fixed("2.0.0")]));
        assert!(in_events(Ecosystem::Npm, "2.0.0", &[Introduced("0"), Fixed("2.0.0"), Introduced("2.0.0")]));
        assert!(!in_events::<&str>(Ecosystem::Npm, "2.0.0", &[]));
    }

    #[test]
    fn broken_events_affect_more_rather_than_less() {
        assert!(in_events(Ecosystem::Npm, "1.0.0", &[Introduced("junk"), Fixed("2.0.0")]));
        assert!(in_events(Ecosystem::Npm, "9.0.0", &[Introduced("0"), Fixed("junk")]));
        assert!(in_events(Ecosystem::Pypi, "9.0.0", &[Introduced("0"), Fixed("junk")]));
        assert!(in_events(Ecosystem::Npm, "1.1.0", &[Introduced("1.0"), Fixed("v1.2")]));
    }

    #[test]
    fn legacy_python_versions_are_affected_only_from_the_beginning() {
        assert!(in_events(Ecosystem::Pypi, "dev-build", &[Introduced("0")]));
        assert!(!in_events(Ecosystem::Pypi, "dev-build", &[Introduced("1.0")]));
    }
}
