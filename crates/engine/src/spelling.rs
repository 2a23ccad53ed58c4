//! One release, one spelling: the one that its registry lists.
//!
//! In: a version as a file or a person writes it (`1.0.0`, `v1.0-RC1`, `=1.2.3`). Out: the version as the index spells it,
//! so that policy, advisories, cache and output all speak of the same release. Where the index lists no equal version, the
//! release stays as it was asked for, and is not found.
//!
//! The rules of equality are PEP 440's for PyPI (<https://packaging.python.org/en/latest/specifications/version-specifiers/>)
//! and SemVer's without build metadata for npm and cargo. A Maven version is a path of its repository: `1.0` and `1.0.0`
//! are two.

use bifocal_core::{Ecosystem, Release};
use bifocal_versions::{compare, normalise};
use std::cmp::Ordering;

/// The spelling that can be told without asking: no `v` or `=` before an npm version, PEP 440's normal form, `v` before a Go
/// version. A version that is none stays as it is.
pub(crate) fn plain(release: &Release) -> Release {
    let asked = release.version.trim();
    let version = match release.ecosystem() {
        Ecosystem::Npm => {
            let bare = asked.trim_start_matches(['=', ' ']).trim_start_matches(['v', 'V']);
            if bare.starts_with(|c: char| c.is_ascii_digit()) { bare.to_owned() } else { asked.to_owned() }
        }
        Ecosystem::Pypi => normalise(Ecosystem::Pypi, asked),
        Ecosystem::Golang if asked.starts_with(|c: char| c.is_ascii_digit()) => format!("v{asked}"),
        Ecosystem::Golang | Ecosystem::Cargo | Ecosystem::Maven => asked.to_owned(),
    };
    Release::of(release.package.clone(), &version).unwrap_or_else(|_| release.clone())
}

/// The version among those that the index lists which is equal to the one that was asked for; `None` where that is no
/// other, or where more than one could be meant.
///
/// `open`: the client chooses among the index's files by itself, so that a version with a local part (`1.0+cpu`) meets a
/// requirement that names none.
pub(crate) fn listed(release: &Release, listed: &[&str], open: bool) -> Option<Release> {
    let (ecosystem, asked) = (release.ecosystem(), release.version.as_str());
    let same = |ours: &str, theirs: &str| compare(ecosystem, ours, theirs) == Some(Ordering::Equal);
    let found = match ecosystem {
        Ecosystem::Pypi => {
            let equal = listed.iter().copied().find(|version| same(asked, version));
            let local = || listed.iter().copied().filter(|version| version.split_once('+').is_some_and(|(public, _)| same(asked, public)));
            let newest = |a: &&str, b: &&str| compare(ecosystem, a, b).unwrap_or(Ordering::Equal);
            equal.or_else(|| local().filter(|_| open && !asked.contains('+')).max_by(newest))?
        }
        Ecosystem::Npm => {
            let wanted = normalise(ecosystem, asked);
            listed.iter().copied().find(|version| normalise(ecosystem, version) == wanted)?
        }
        // Another build of the same version is another release; one that names no build can mean the only one there is.
        Ecosystem::Cargo if !asked.contains('+') => {
            let mut equal = listed.iter().copied().filter(|version| same(asked, version));
            let first = equal.next()?;
            equal.next().is_none().then_some(first)?
        }
        Ecosystem::Cargo | Ecosystem::Maven | Ecosystem::Golang => return None,
    };
    Release::of(release.package.clone(), found).ok().filter(|found| found != release)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn release(ecosystem: Ecosystem, version: &str) -> Release {
        let name = match ecosystem {
            Ecosystem::Golang => "example.com/x",
            Ecosystem::Maven => "org.example:x",
            _ => "x",
        };
        Release::new(ecosystem, name, version).unwrap()
    }

    #[test]
    fn some_spellings_need_no_index() {
        for (ecosystem, asked, plain_one) in [
            (Ecosystem::Npm, "=1.2.3", "1.2.3"),
            (Ecosystem::Npm, "v1.2.3", "1.2.3"),
            (Ecosystem::Npm, "=v1.2.3+build", "1.2.3+build"),
            (Ecosystem::Pypi, "v1.0-RC.1", "1.0rc1"),
            (Ecosystem::Pypi, "1.0-1", "1.0.post1"),
            (Ecosystem::Pypi, "1!1.0.0+Local-1", "1!1.0.0+local.1"),
            (Ecosystem::Pypi, "2004d", "2004d"),
            (Ecosystem::Golang, "1.2.3", "v1.2.3"),
            (Ecosystem::Cargo, "1.2.3+build", "1.2.3+build"),
        ] {
            assert_eq!(plain(&release(ecosystem, asked)), release(ecosystem, plain_one), "{ecosystem} {asked}");
        }
    }

    #[test]
    fn the_index_s_spelling_is_taken_where_it_is_the_same_version_and_no_other_one() {
        for (ecosystem, asked, list, open, found) in [
            (Ecosystem::Pypi, "1.0.0", &["0.9", "1.0", "1.0.1"][..], true, Some("1.0")),
            (Ecosystem::Pypi, "1.0", &["1.0.0"], false, Some("1.0.0")),
            (Ecosystem::Pypi, "1!1.0", &["1.0", "1!1.0.0"], false, Some("1!1.0.0")),
            (Ecosystem::Pypi, "1.0", &["1!1.0"], true, None),
            (Ecosystem::Pypi, "1.0", &["1.0+cpu", "1.0.0+cuda"], true, Some("1.0.0+cuda")),
            (Ecosystem::Pypi, "1.0", &["1.0+cpu", "1.0.0"], true, Some("1.0.0")),
            (Ecosystem::Pypi, "1.0", &["1.0+cpu"], false, None),
            (Ecosystem::Pypi, "1.0+cpu", &["1.0", "1.0+cuda"], true, None),
            (Ecosystem::Pypi, "1.0.0.post1", &["1.0", "1.0.post1"], true, Some("1.0.post1")),
            (Ecosystem::Npm, "1.2.3+build", &["1.2.3"], false, Some("1.2.3")),
            (Ecosystem::Npm, "1.2.3", &["1.2.4"], false, None),
            (Ecosystem::Cargo, "1.0.0", &["1.0.0+zlib.1"], false, Some("1.0.0+zlib.1")),
            (Ecosystem::Cargo, "1.0.0", &["1.0.0+a", "1.0.0+b"], false, None),
            (Ecosystem::Cargo, "1.0.0+a", &["1.0.0"], false, None),
            (Ecosystem::Maven, "1.0", &["1.0.0"], true, None),
        ] {
            let expected = found.map(|version| release(ecosystem, version));
            assert_eq!(listed(&release(ecosystem, asked), list, open), expected, "{ecosystem} {asked} of {list:?}");
        }
    }
}
