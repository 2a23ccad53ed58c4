//! Where one release stands among the versions of its package.

use bifocal_core::{Ecosystem, Known, PackageHistory, VersionPoint};
use jiff::Timestamp;
use std::cmp::Ordering;

/// The history of `current` among `versions`, which ascend in the ecosystem's order. The list need not hold `current`
/// (a Go pseudo-version, a Maven release that its metadata does not list).
pub(crate) fn place(
    ecosystem: Ecosystem,
    versions: &[VersionPoint],
    current: &str,
    published_at: Option<Timestamp>,
    latest: Option<String>,
    first_published_at: Known<Timestamp>,
) -> PackageHistory {
    let parsed = bifocal_versions::ParsedVersion::parse(ecosystem, current);
    let is_below = |version: &str| match (bifocal_versions::ParsedVersion::parse(ecosystem, version), &parsed) {
        (Some(other), Some(current)) => other.order(current) == Ordering::Less,
        _ => false,
    };
    let next_lower = versions.iter().rev().find(|point| point.version != current && is_below(&point.version));
    let before =
        |point: &&VersionPoint| point.version != current && point.published_at.zip(published_at).is_some_and(|(other, own)| other < own);
    let previous = versions.iter().filter(before).max_by_key(|point| point.published_at).or(next_lower).cloned();
    PackageHistory {
        version_count: u32::try_from(versions.len()).unwrap_or(u32::MAX),
        first_published_at,
        previous,
        next_lower: next_lower.map(|point| point.version.clone()),
        latest,
    }
}

/// A version of which nothing but its name is known.
pub(crate) fn bare(version: String) -> VersionPoint {
    VersionPoint { version, published_at: None, publisher: None, maintainers: Vec::new(), repository: None }
}

/// Sorts points upwards in the ecosystem's order and drops repetitions.
pub(crate) fn ascending(ecosystem: Ecosystem, points: Vec<VersionPoint>) -> Vec<VersionPoint> {
    struct ByVersion(VersionPoint);
    impl AsRef<str> for ByVersion {
        fn as_ref(&self) -> &str {
            &self.0.version
        }
    }
    let mut wrapped: Vec<ByVersion> = points.into_iter().map(ByVersion).collect();
    bifocal_versions::sort(ecosystem, &mut wrapped);
    let mut out: Vec<VersionPoint> = Vec::with_capacity(wrapped.len());
    for ByVersion(point) in wrapped {
        if out.last().is_none_or(|last| last.version != point.version) {
            out.push(point);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(version: &str, day: &str) -> VersionPoint {
        VersionPoint { published_at: format!("2024-01-{day}T00:00:00Z").parse().ok(), ..bare(version.to_owned()) }
    }

    #[test]
    fn the_previous_release_is_by_date_and_the_next_lower_by_order() {
        let points =
            ascending(Ecosystem::Cargo, vec![point("2.0.0", "03"), point("1.10.0", "05"), point("1.9.0", "01"), point("1.9.0", "01")]);
        assert_eq!(points.iter().map(|p| p.version.as_str()).collect::<Vec<_>>(), ["1.9.0", "1.10.0", "2.0.0"]);
        let history = place(Ecosystem::Cargo, &points, "1.10.0", points[1].published_at, Some("2.0.0".to_owned()), Known::NotGiven);
        assert_eq!(history.previous.unwrap().version, "2.0.0");
        assert_eq!(history.next_lower.as_deref(), Some("1.9.0"));
        assert_eq!(history.version_count, 3);
    }

    #[test]
    fn a_version_outside_the_list_has_a_place_too() {
        let points = ascending(Ecosystem::Golang, vec![bare("v1.0.0".to_owned()), bare("v1.2.0".to_owned())]);
        let history = place(Ecosystem::Golang, &points, "v1.2.1-0.20240101000000-0123456789ab", None, None, Known::NotOffered);
        assert_eq!(history.next_lower.as_deref(), Some("v1.2.0"));
        assert_eq!(history.previous.unwrap().version, "v1.2.0");
    }
}
