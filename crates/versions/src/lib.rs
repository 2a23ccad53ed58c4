//! Version order, equality and ranges of five ecosystems. Pure: strings in, orders and answers out.
//!
//! What comes in: versions and requirements as registries, lockfiles and OSV records spell them, hostile ones
//! included. What goes out: an [`Ordering`], whether a version is inside a range, which version a client would take.
//! The rules are those of the ecosystem's own tools: node-semver in loose mode for npm, cargo's `semver`, PEP 440,
//! Maven's `ComparableVersion` (3.9), Go's `x/mod/semver`, and the evaluation algorithm of the OSV schema
//! (<https://ossf.github.io/osv-schema/#evaluation>).
//!
//! Bounds: a version longer than [`MAX_VERSION`] bytes is none, a requirement longer than [`MAX_REQUIREMENT`] bytes is
//! an error; every parser here is linear in its input and does not recurse.

mod cargo;
mod golang;
mod maven;
mod maven_range;
mod npm;
mod osv;
mod parsed;
mod pick;
mod pypi;
mod requirement;
mod semantic;

pub use osv::{Event, EventRange, in_events};
pub use parsed::ParsedVersion;
pub use pick::{PickOptions, best};
pub use requirement::{RangeError, Requirement};

use bifocal_core::Ecosystem;
use std::cmp::Ordering;

/// The longest version taken, in bytes.
pub const MAX_VERSION: usize = 1024;

/// The longest requirement taken, in bytes.
pub const MAX_REQUIREMENT: usize = 8192;

/// Compares two versions; `None` when one of them is not a version in this ecosystem.
///
/// Equal is equal in precedence: `1.0` and `1.0.0` on PyPI, `1.0` and `1.0.Final` in Maven, `1.0.0+a` and `1.0.0+b`
/// for npm, cargo and Go. Maven's order is not transitive for odd inputs (see [`ParsedVersion`]): use [`sort`] rather
/// than a standard sort with this function.
pub fn compare(ecosystem: Ecosystem, a: &str, b: &str) -> Option<Ordering> {
    ParsedVersion::parse(ecosystem, a)?.partial_cmp(&ParsedVersion::parse(ecosystem, b)?)
}

/// Whether the version is a pre-release: a SemVer pre-release part (Go pseudo-versions have one), a PEP 440 `a`, `b`,
/// `rc` or `dev` part, a Maven qualifier that sorts before the release or is commonly used for previews. A text that
/// is no version is no pre-release.
pub fn is_prerelease(ecosystem: Ecosystem, version: &str) -> bool {
    ParsedVersion::parse(ecosystem, version).is_some_and(|parsed| parsed.is_prerelease())
}

/// The spelling under which the registry knows the version: npm without `v`, `=` and build metadata; PEP 440's normal
/// form (`1.0-RC1` is `1.0rc1`); Go as `vMAJOR.MINOR.PATCH` with `+incompatible` kept. cargo and Maven versions are
/// names in their registries and only trimmed. A text that is no version comes back trimmed.
pub fn normalise(ecosystem: Ecosystem, version: &str) -> String {
    let trimmed = version.trim();
    if trimmed.len() > MAX_VERSION {
        return trimmed.to_owned();
    }
    match ecosystem {
        Ecosystem::Npm => semantic::SemVer::parse_loose(trimmed).map_or_else(|| trimmed.to_owned(), |v| v.to_string()),
        Ecosystem::Pypi => pypi::normalise(trimmed),
        Ecosystem::Golang => golang::canonical(trimmed).unwrap_or_else(|| trimmed.to_owned()),
        Ecosystem::Maven | Ecosystem::Cargo => trimmed.to_owned(),
    }
}

/// Whether `version` satisfies `requirement` (npm range, PEP 440 specifier set, cargo requirement, Maven range or soft
/// version, Go minimum). A text that is no version satisfies nothing, except PEP 440's `===` and the empty set.
///
/// npm and cargo exclude pre-releases by their own rules; on PyPI that rule belongs to choosing, so it is in [`best`].
pub fn satisfies(ecosystem: Ecosystem, version: &str, requirement: &str) -> Result<bool, RangeError> {
    let requirement = Requirement::parse(ecosystem, requirement)?;
    Ok(ParsedVersion::parse(ecosystem, version).is_some_and(|parsed| requirement.matches(&parsed)))
}

/// Sorts versions upwards, texts that are no versions first. Never panics and gives the same result for every order of
/// the input, also where Maven's order has cycles.
pub fn sort<T: AsRef<str>>(ecosystem: Ecosystem, versions: &mut Vec<T>) {
    let mut keyed: Vec<(Option<ParsedVersion>, T)> =
        versions.drain(..).map(|text| (ParsedVersion::parse(ecosystem, text.as_ref()), text)).collect();
    keyed.sort_by(|a, b| a.1.as_ref().cmp(b.1.as_ref()));
    let order = merge_sorted((0..keyed.len()).collect(), &|a, b| match (&keyed[a].0, &keyed[b].0) {
        (Some(a), Some(b)) => a.order(b),
        (a, b) => a.is_some().cmp(&b.is_some()),
    });
    let mut slots: Vec<Option<T>> = keyed.into_iter().map(|(_, text)| Some(text)).collect();
    versions.extend(order.into_iter().filter_map(|index| slots.get_mut(index).and_then(Option::take)));
}

/// A bottom-up stable merge sort. The standard library's sorts may panic when the order is not total.
fn merge_sorted(mut items: Vec<usize>, order: &dyn Fn(usize, usize) -> Ordering) -> Vec<usize> {
    let mut width = 1;
    while width < items.len() {
        let mut merged = Vec::with_capacity(items.len());
        for pair in items.chunks(width * 2) {
            let (mut left, mut right) = pair.split_at(width.min(pair.len()));
            while let (Some(&a), Some(&b)) = (left.first(), right.first()) {
                if order(a, b) == Ordering::Greater {
                    merged.push(b);
                    right = &right[1..];
                } else {
                    merged.push(a);
                    left = &left[1..];
                }
            }
            merged.extend_from_slice(left);
            merged.extend_from_slice(right);
        }
        items = merged;
        width *= 2;
    }
    items
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorting_survives_the_cycles_of_the_maven_order() {
        let cycle = ["1.0.alpha.1", "1", "1.sp.1"];
        assert_eq!(compare(Ecosystem::Maven, cycle[0], cycle[1]), Some(Ordering::Less));
        assert_eq!(compare(Ecosystem::Maven, cycle[1], cycle[2]), Some(Ordering::Less));
        assert_eq!(compare(Ecosystem::Maven, cycle[2], cycle[0]), Some(Ordering::Less));
        let mut forward: Vec<String> = (0..300).map(|i| format!("{}{}", cycle[i % 3], if i % 7 == 0 { "-sp" } else { "" })).collect();
        let mut backward: Vec<String> = forward.iter().rev().cloned().collect();
        sort(Ecosystem::Maven, &mut forward);
        sort(Ecosystem::Maven, &mut backward);
        assert_eq!(forward, backward);
        assert_eq!(forward.len(), 300);
    }

    #[test]
    fn sorting_puts_texts_that_are_no_versions_first() {
        let mut versions = vec!["1.10.0", "1.9.0", "junk", "1.9.0-rc.1"];
        sort(Ecosystem::Npm, &mut versions);
        assert_eq!(versions, ["junk", "1.9.0-rc.1", "1.9.0", "1.10.0"]);
    }

    #[test]
    fn normal_forms_are_those_of_the_registries() {
        assert_eq!(normalise(Ecosystem::Npm, " =v1.2.3+build "), "1.2.3");
        assert_eq!(normalise(Ecosystem::Npm, "1.2.3beta"), "1.2.3-beta");
        assert_eq!(normalise(Ecosystem::Pypi, "v1.0-RC.1"), "1.0rc1");
        assert_eq!(normalise(Ecosystem::Pypi, "not a version"), "not a version");
        assert_eq!(normalise(Ecosystem::Golang, "v2.0.0+incompatible"), "v2.0.0+incompatible");
        assert_eq!(normalise(Ecosystem::Golang, "v1.2"), "v1.2.0");
        assert_eq!(normalise(Ecosystem::Maven, "1.0.Final"), "1.0.Final");
    }

    #[test]
    fn overlong_versions_are_no_versions() {
        let long = format!("1.{}", "0".repeat(MAX_VERSION));
        for ecosystem in Ecosystem::ALL {
            assert_eq!(compare(ecosystem, &long, &long), None, "{ecosystem}");
            assert!(satisfies(ecosystem, "1.0.0", &">=1 ".repeat(MAX_REQUIREMENT)).is_err(), "{ecosystem}");
        }
    }
}
