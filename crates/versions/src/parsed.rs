use crate::cargo;
use crate::golang;
use crate::maven::MavenVersion;
use crate::pypi::{self, PypiVersion};
use crate::semantic::SemVer;
use crate::{MAX_VERSION, normalise};
use bifocal_core::Ecosystem;
use std::cmp::Ordering;
use std::fmt;

/// A version parsed once, to be compared often.
///
/// Comparison operators work within one ecosystem (`None` across). Equality is equality of precedence. There is no
/// [`Ord`]: Maven's own order has cycles for odd inputs, and the standard sorts may panic on such; use [`crate::sort`].
#[derive(Clone)]
pub struct ParsedVersion {
    ecosystem: Ecosystem,
    form: Form,
    text: Box<str>,
}

#[derive(Clone)]
pub(crate) enum Form {
    Semantic(SemVer),
    Cargo(Box<semver::Version>),
    Pypi(PypiVersion),
    Maven(MavenVersion),
}

impl ParsedVersion {
    /// Reads a version as the ecosystem's own tool does; `None` when it is none there.
    ///
    /// PyPI takes every text (those outside PEP 440 sort below all others), Maven too.
    pub fn parse(ecosystem: Ecosystem, text: &str) -> Option<ParsedVersion> {
        Self::read(ecosystem, text, false)
    }

    /// Reads a version of an OSV record, whose SEMVER ranges leave out Go's `v` and may be short (`1.2`).
    pub fn parse_lenient(ecosystem: Ecosystem, text: &str) -> Option<ParsedVersion> {
        Self::read(ecosystem, text, true)
    }

    fn read(ecosystem: Ecosystem, text: &str, lenient: bool) -> Option<ParsedVersion> {
        if text.len() > MAX_VERSION {
            return None;
        }
        let text = text.trim();
        let form = match ecosystem {
            Ecosystem::Npm => Form::Semantic(SemVer::parse_loose(text).or_else(|| if lenient { golang::parse(text) } else { None })?),
            Ecosystem::Golang => Form::Semantic(golang::parse(text)?),
            Ecosystem::Cargo => Form::Cargo(Box::new(if lenient { cargo::parse_lenient(text)? } else { cargo::parse(text)? })),
            Ecosystem::Pypi => Form::Pypi(pypi::parse(text)?),
            Ecosystem::Maven => Form::Maven(MavenVersion::parse(text)?),
        };
        Some(ParsedVersion { ecosystem, form, text: text.into() })
    }

    /// The ecosystem in which it was read.
    pub fn ecosystem(&self) -> Ecosystem {
        self.ecosystem
    }

    /// The text that was read, trimmed.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The order within one ecosystem; versions of two ecosystems are ordered by ecosystem, so that this is never
    /// undefined. Not transitive for odd Maven versions.
    pub fn order(&self, other: &ParsedVersion) -> Ordering {
        match (&self.form, &other.form) {
            (Form::Semantic(a), Form::Semantic(b)) if self.ecosystem == other.ecosystem => a.cmp(b),
            (Form::Cargo(a), Form::Cargo(b)) => a.cmp_precedence(b),
            (Form::Pypi(a), Form::Pypi(b)) => a.cmp(b),
            (Form::Maven(a), Form::Maven(b)) => a.order(b),
            _ => self.ecosystem.cmp(&other.ecosystem),
        }
    }

    /// See [`crate::is_prerelease`].
    pub fn is_prerelease(&self) -> bool {
        match &self.form {
            Form::Semantic(version) => !version.pre.0.is_empty(),
            Form::Cargo(version) => !version.pre.is_empty(),
            Form::Pypi(PypiVersion::Standard(version)) => version.any_prerelease(),
            Form::Pypi(PypiVersion::Legacy(_)) => false,
            Form::Maven(version) => version.is_prerelease(),
        }
    }

    /// Whether this is a Go pseudo-version, which names a commit rather than a tag.
    pub fn is_pseudo(&self) -> bool {
        self.ecosystem == Ecosystem::Golang && golang::is_pseudo(&self.text)
    }

    /// Whether the text follows the ecosystem's version scheme: false only for PyPI's legacy versions.
    pub fn is_standard(&self) -> bool {
        !matches!(self.form, Form::Pypi(PypiVersion::Legacy(_)))
    }

    /// The leading numbers, where there are some: `[major, minor, patch]` for SemVer, the release segment for PEP 440.
    /// Numbers beyond 64 bits count as the largest.
    pub fn release_numbers(&self) -> Vec<u64> {
        match &self.form {
            Form::Semantic(version) => version.core.iter().map(crate::semantic::Number::saturated).collect(),
            Form::Cargo(version) => vec![version.major, version.minor, version.patch],
            Form::Pypi(PypiVersion::Standard(version)) => version.release().to_vec(),
            Form::Pypi(PypiVersion::Legacy(_)) => Vec::new(),
            Form::Maven(version) => version.leading_numbers(),
        }
    }

    pub(crate) fn form(&self) -> &Form {
        &self.form
    }
}

impl PartialEq for ParsedVersion {
    fn eq(&self, other: &Self) -> bool {
        self.ecosystem == other.ecosystem && self.order(other) == Ordering::Equal
    }
}

impl PartialOrd for ParsedVersion {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (self.ecosystem == other.ecosystem).then(|| self.order(other))
    }
}

impl fmt::Debug for ParsedVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.ecosystem, self.text)
    }
}

impl fmt::Display for ParsedVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&normalise(self.ecosystem, &self.text))
    }
}
