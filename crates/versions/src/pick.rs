//! Which version a client takes for a requirement, out of those that a registry lists.
//!
//! npm takes the `latest` dist-tag where it fits, else the highest, deprecated ones last (npm-pick-manifest). cargo takes
//! the highest that is not yanked. pip takes the highest that is not yanked, a pre-release only when a specifier names
//! one or nothing else fits; an `==` pin reaches a yanked file too (PEP 592). Maven takes the highest in a range and a
//! soft version itself. Go takes the lowest that is enough (minimal version selection), and for `latest` the highest
//! release that is not retracted, then the highest pre-release, then the newest pseudo-version.

use crate::requirement::Kind;
use crate::{ParsedVersion, RangeError, Requirement};
use bifocal_core::Ecosystem;
use std::cmp::Ordering;

/// What else the choice depends on.
#[derive(Clone, Copy, Default)]
pub struct PickOptions<'a> {
    /// The version that the registry names as the one to take (`latest` dist-tag, `release` of Maven metadata, `@latest`).
    pub latest: Option<&'a str>,
    /// Take pre-releases like releases (`--pre`, npm's `includePrerelease`).
    pub prereleases: bool,
    /// Versions that the client passes over where it can: yanked, deprecated, retracted.
    pub discouraged: Option<&'a dyn Fn(&str) -> bool>,
}

impl std::fmt::Debug for PickOptions<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PickOptions").field("latest", &self.latest).field("prereleases", &self.prereleases).finish_non_exhaustive()
    }
}

struct Candidate<'v> {
    text: &'v str,
    version: ParsedVersion,
    discouraged: bool,
}

/// The version that the ecosystem's client would take; `None` when none fits. Texts that are no versions are passed
/// over.
pub fn best<'v>(
    ecosystem: Ecosystem,
    versions: impl IntoIterator<Item = &'v str>,
    requirement: &str,
    options: PickOptions<'_>,
) -> Result<Option<&'v str>, RangeError> {
    let requirement = Requirement::parse(ecosystem, requirement)?;
    let candidates: Vec<Candidate<'v>> = versions
        .into_iter()
        .filter_map(|text| {
            let version = ParsedVersion::parse(ecosystem, text)?;
            fits(&requirement, &version, options).then(|| Candidate {
                text,
                version,
                discouraged: options.discouraged.is_some_and(|bad| bad(text)),
            })
        })
        .collect();
    let preferred = |order: &dyn Fn(&Candidate<'_>, &Candidate<'_>) -> Ordering, keep: &dyn Fn(&Candidate<'_>) -> bool| {
        candidates.iter().filter(|one| keep(one)).fold(None, |best: Option<&Candidate<'v>>, one| match best {
            Some(best) if order(best, one) == Ordering::Greater => Some(best),
            _ => Some(one),
        })
    };
    let highest = |a: &Candidate<'_>, b: &Candidate<'_>| a.version.order(&b.version).then_with(|| a.text.cmp(b.text));
    let picked = match &requirement.kind {
        Kind::Npm(range) => {
            let tagged = options.latest.and_then(|latest| candidates.iter().find(|one| one.text == latest && !one.discouraged));
            // `*` takes the tag even where it is a pre-release, which the range itself would not admit.
            tagged.filter(|one| range.is_unbounded() || range.matches_with(&one.version, options.prereleases)).or_else(|| {
                preferred(&|a, b| b.discouraged.cmp(&a.discouraged).then_with(|| highest(a, b)), &|one| {
                    range.matches_with(&one.version, options.prereleases)
                })
            })
        }
        Kind::Cargo(_) => preferred(&highest, &|one| !one.discouraged),
        Kind::Pypi(specifiers) => {
            let takes = |one: &Candidate<'_>| !one.discouraged || specifiers.pins;
            if options.prereleases || specifiers.names_prerelease {
                preferred(&highest, &takes)
            } else {
                preferred(&highest, &|one| takes(one) && !one.version.is_prerelease()).or_else(|| preferred(&highest, &takes))
            }
        }
        Kind::Maven(_) => preferred(&highest, &|_| true),
        Kind::Golang(wanted) => {
            if wanted.wants_lowest() {
                preferred(&|a, b| highest(b, a), &|_| true)
            } else {
                let takes = |one: &Candidate<'_>| !one.discouraged;
                preferred(&highest, &|one| takes(one) && !one.version.is_prerelease())
                    .or_else(|| preferred(&highest, &|one| takes(one) && !one.version.is_pseudo()))
                    .or_else(|| preferred(&highest, &takes))
            }
        }
    };
    Ok(picked.map(|one| one.text))
}

fn fits(requirement: &Requirement, version: &ParsedVersion, options: PickOptions<'_>) -> bool {
    match &requirement.kind {
        Kind::Npm(range) => {
            range.matches_with(version, options.prereleases) || (range.is_unbounded() && options.latest == Some(version.as_str()))
        }
        _ => requirement.matches(version),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take<'v>(ecosystem: Ecosystem, versions: &[&'v str], requirement: &str) -> Option<&'v str> {
        best(ecosystem, versions.iter().copied(), requirement, PickOptions::default()).unwrap()
    }

    #[test]
    fn npm_takes_the_latest_tag_where_it_fits_and_deprecated_versions_last() {
        let versions = ["1.0.0", "1.1.0", "1.2.0", "2.0.0", "3.0.0-beta.1"];
        assert_eq!(take(Ecosystem::Npm, &versions, "^1.0.0"), Some("1.2.0"));
        let tagged = PickOptions { latest: Some("1.1.0"), ..PickOptions::default() };
        assert_eq!(best(Ecosystem::Npm, versions, "^1.0.0", tagged), Ok(Some("1.1.0")));
        assert_eq!(best(Ecosystem::Npm, versions, "^2.0.0", tagged), Ok(Some("2.0.0")));
        let deprecated = PickOptions { discouraged: Some(&|version| version == "1.2.0"), ..PickOptions::default() };
        assert_eq!(best(Ecosystem::Npm, versions, "^1.0.0", deprecated), Ok(Some("1.1.0")));
        assert_eq!(best(Ecosystem::Npm, versions, "1.2.0", deprecated), Ok(Some("1.2.0")));
        assert_eq!(take(Ecosystem::Npm, &versions, ">=4"), None);
    }

    #[test]
    fn npm_takes_a_prerelease_tag_for_any_version_only() {
        let versions = ["1.0.0-rc.1", "1.0.0-rc.2"];
        let tagged = PickOptions { latest: Some("1.0.0-rc.2"), ..PickOptions::default() };
        assert_eq!(best(Ecosystem::Npm, versions, "*", tagged), Ok(Some("1.0.0-rc.2")));
        assert_eq!(best(Ecosystem::Npm, versions, ">=0.0.1", tagged), Ok(None));
        assert_eq!(take(Ecosystem::Npm, &versions, "*"), None);
    }

    #[test]
    fn pip_avoids_prereleases_and_yanked_files_unless_they_are_named() {
        let versions = ["1.0", "1.1", "2.0rc1"];
        assert_eq!(take(Ecosystem::Pypi, &versions, ">=1"), Some("1.1"));
        assert_eq!(take(Ecosystem::Pypi, &versions, ">=2.0rc1"), Some("2.0rc1"));
        assert_eq!(take(Ecosystem::Pypi, &versions, ">1.1"), Some("2.0rc1"));
        let yanked = PickOptions { discouraged: Some(&|version| version == "1.1"), ..PickOptions::default() };
        assert_eq!(best(Ecosystem::Pypi, versions, ">=1", yanked), Ok(Some("1.0")));
        assert_eq!(best(Ecosystem::Pypi, versions, "==1.1", yanked), Ok(Some("1.1")));
    }

    #[test]
    fn cargo_takes_the_highest_that_is_not_yanked() {
        let versions = ["1.0.0", "1.4.2", "1.10.0", "2.0.0", "1.11.0-alpha.1"];
        assert_eq!(take(Ecosystem::Cargo, &versions, "1.2"), Some("1.10.0"));
        assert_eq!(take(Ecosystem::Cargo, &versions, "=1.11.0-alpha.1"), Some("1.11.0-alpha.1"));
        let yanked = PickOptions { discouraged: Some(&|version| version == "1.10.0"), ..PickOptions::default() };
        assert_eq!(best(Ecosystem::Cargo, versions, "^1", yanked), Ok(Some("1.4.2")));
    }

    #[test]
    fn maven_takes_a_soft_version_itself_and_the_highest_of_a_range() {
        let versions = ["1.0", "1.1", "1.2-SNAPSHOT", "2.0"];
        assert_eq!(take(Ecosystem::Maven, &versions, "1.1"), Some("1.1"));
        assert_eq!(take(Ecosystem::Maven, &versions, "[1.0,1.2)"), Some("1.2-SNAPSHOT"));
        assert_eq!(take(Ecosystem::Maven, &versions, "[1.0,1.1]"), Some("1.1"));
        assert_eq!(take(Ecosystem::Maven, &versions, "RELEASE"), Some("2.0"));
    }

    #[test]
    fn go_takes_the_lowest_that_is_enough_and_for_latest_the_highest_release() {
        let versions = ["v1.0.0", "v1.2.0", "v1.3.0", "v1.4.0-rc.1"];
        assert_eq!(take(Ecosystem::Golang, &versions, "v1.1.0"), Some("v1.2.0"));
        assert_eq!(take(Ecosystem::Golang, &versions, "latest"), Some("v1.3.0"));
        let retracted = PickOptions { discouraged: Some(&|version| version == "v1.3.0"), ..PickOptions::default() };
        assert_eq!(best(Ecosystem::Golang, versions, "latest", retracted), Ok(Some("v1.2.0")));
        assert_eq!(take(Ecosystem::Golang, &["v0.1.0-rc.1"], "latest"), Some("v0.1.0-rc.1"));
    }

    #[test]
    fn a_tag_is_no_range() {
        assert!(best(Ecosystem::Npm, ["1.0.0"], "latest", PickOptions::default()).is_err());
    }
}
