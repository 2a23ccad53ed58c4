//! Python versions and specifiers by PEP 440.
//!
//! Old releases carry versions that PEP 440 does not know. They sort below every real version, among themselves by
//! their text, as the packaging tools did while they still took them; a scheme change must not hide a release.

use crate::{MAX_VERSION, RangeError};
use pep440_rs::{Version, VersionSpecifiers};
use std::str::FromStr;

/// The largest number put in for one that does not fit 64 bits.
const LARGEST: &str = "9223372036854775807";

/// A Python version; the variants are in rising order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum PypiVersion {
    /// Outside PEP 440, lower-cased.
    Legacy(Box<str>),
    /// By PEP 440.
    Standard(Version),
}

/// Reads a version; only an empty one is none.
pub(crate) fn parse(text: &str) -> Option<PypiVersion> {
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    Some(standard(text).map_or_else(|| PypiVersion::Legacy(text.to_lowercase().into()), PypiVersion::Standard))
}

/// Reads a version by PEP 440. Python's numbers have no bound: one that is too large here counts as the largest, so
/// that `99999999999999999999` still sorts above all others instead of below.
pub(crate) fn standard(text: &str) -> Option<Version> {
    Version::from_str(text).ok().or_else(|| saturated(text).and_then(|text| Version::from_str(&text).ok()))
}

fn saturated(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut changed = false;
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let digits = rest.bytes().position(|b| !b.is_ascii_digit()).unwrap_or(rest.len());
        if digits == 0 {
            out.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        }
        let run = rest[..digits].trim_start_matches('0');
        if run.len() >= LARGEST.len() {
            out.push_str(LARGEST);
            changed = true;
        } else {
            out.push_str(&rest[..digits]);
        }
        rest = &rest[digits..];
    }
    changed.then_some(out)
}

/// PEP 440's normal form, or the text as it was.
pub(crate) fn normalise(text: &str) -> String {
    debug_assert!(text.len() <= MAX_VERSION);
    Version::from_str(text).map_or_else(|_| text.to_owned(), |version| version.to_string())
}

/// A specifier set, or several joined by `||` of which any has to be met: PEP 440 has no such joint, poetry does.
#[derive(Debug, Clone)]
pub(crate) struct PypiRequirement {
    alternatives: Vec<Alternative>,
    /// Whether a pre-release is named by a specifier that admits it.
    pub(crate) names_prerelease: bool,
    /// Whether one exact version is asked for.
    pub(crate) pins: bool,
}

/// A specifier set.
#[derive(Debug, Clone)]
struct Alternative {
    specifiers: VersionSpecifiers,
    /// Texts of `===`, lower-cased: equality of strings, which legacy versions can meet too.
    identical: Vec<String>,
}

impl PypiRequirement {
    pub(crate) fn parse(text: &str) -> Result<PypiRequirement, RangeError> {
        let bare = text.trim();
        let bare = bare.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).unwrap_or(bare);
        let parts: Vec<&str> = bare.split("||").map(str::trim).collect();
        if parts.len() > 1 && parts.iter().any(|part| part.is_empty()) {
            return Err(RangeError::not_a_range("a PEP 440 version specifier", text, "an alternative of `||` is empty"));
        }
        let alternatives: Vec<Alternative> = parts.into_iter().map(|part| Alternative::parse(part, text)).collect::<Result<_, _>>()?;
        let names_prerelease = alternatives.iter().any(Alternative::names_prerelease);
        let pins = alternatives.iter().all(Alternative::pins);
        Ok(PypiRequirement { alternatives, names_prerelease, pins })
    }

    pub(crate) fn matches(&self, version: &PypiVersion) -> bool {
        self.alternatives.iter().any(|one| one.matches(version))
    }
}

impl Alternative {
    /// `whole` is what errors show.
    fn parse(part: &str, whole: &str) -> Result<Alternative, RangeError> {
        let mut plain = Vec::new();
        let mut identical = Vec::new();
        for clause in part.split(',').map(str::trim).filter(|clause| !clause.is_empty()) {
            match clause.strip_prefix("===") {
                Some(version) => identical.push(version.trim().to_lowercase()),
                None => plain.push(clause),
            }
        }
        let specifiers = VersionSpecifiers::from_str(&plain.join(","))
            .map_err(|e| RangeError::not_a_range("a PEP 440 version specifier", whole, e.to_string().lines().next().unwrap_or_default()))?;
        Ok(Alternative { specifiers, identical })
    }

    fn names_prerelease(&self) -> bool {
        let admits = |op: &pep440_rs::Operator| {
            use pep440_rs::Operator::{Equal, ExactEqual, GreaterThan, GreaterThanEqual, LessThanEqual, TildeEqual};
            matches!(op, Equal | ExactEqual | GreaterThan | GreaterThanEqual | LessThanEqual | TildeEqual)
        };
        self.specifiers.iter().any(|one| admits(one.operator()) && one.any_prerelease())
            || self.identical.iter().any(|text| standard(text).is_some_and(|version| version.any_prerelease()))
    }

    fn pins(&self) -> bool {
        !self.identical.is_empty() || self.specifiers.iter().any(|one| *one.operator() == pep440_rs::Operator::Equal)
    }

    fn matches(&self, version: &PypiVersion) -> bool {
        match version {
            PypiVersion::Standard(version) => {
                self.specifiers.contains(version)
                    && self
                        .identical
                        .iter()
                        .all(|text| standard(text).map_or_else(|| *text == version.to_string(), |same| same == *version))
            }
            PypiVersion::Legacy(text) => self.specifiers.is_empty() && self.identical.iter().all(|same| **same == **text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(version: &str, requirement: &str) -> bool {
        PypiRequirement::parse(requirement).unwrap().matches(&parse(version).unwrap())
    }

    #[test]
    fn order_is_that_of_pep_440() {
        let rising = [
            "a legacy one",
            "1.0.dev1",
            "1.0a1.dev1",
            "1.0a1",
            "1.0b2",
            "1.0rc1",
            "1.0",
            "1.0+local",
            "1.0.post1.dev1",
            "1.0.post1",
            "1.1",
            "1.10",
            "2023.1",
            "99999999999999999999999",
            "1!0.1",
        ];
        for pair in rising.windows(2) {
            assert!(parse(pair[0]).unwrap() < parse(pair[1]).unwrap(), "{pair:?}");
        }
        assert_eq!(parse("1.0"), parse("1.0.0"));
        assert_eq!(parse("1.0-RC1"), parse("1.0c1"));
    }

    #[test]
    fn specifiers_hold_to_pep_440() {
        for (version, requirement, expected) in [
            ("1.4.5", "~=1.4.2", true),
            ("1.5", "~=1.4.2", false),
            ("1.4.5", "==1.4.*", true),
            ("1.4.5", "!=1.4.*", false),
            ("1.0+local", "==1.0", true),
            ("1.0", "==1.0+local", false),
            ("1.7.post1", ">1.7", false),
            ("1.0rc1", "<1.0", false),
            ("2.0", ">=1,<2,", false),
            ("1.9", "(>=1, <2)", true),
            ("1.0", "", true),
            ("odd one", "===odd one", true),
            ("odd one", ">=0", false),
            ("1.0.0", "===1.0.0", true),
            ("1!1.0", ">=2.0", true),
            ("1.17", ">=1.15,<2 || >=1.10,<1.11", true),
            ("1.10.1", ">=1.15,<2 || >=1.10,<1.11", true),
            ("1.12", ">=1.15,<2 || >=1.10,<1.11", false),
        ] {
            assert_eq!(matches(version, requirement), expected, "{version} {requirement}");
        }
        for requirement in ["1.0", ">=x", "^1.0", ">=1.0.*", "~=1", "\u{0}", "=>1", ">=1 ||", "|| >=1", ">=1 | >=2"] {
            assert!(PypiRequirement::parse(requirement).is_err(), "{requirement:?}");
        }
    }
}
