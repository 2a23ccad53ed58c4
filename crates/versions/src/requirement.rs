use crate::golang::GoRequirement;
use crate::maven_range::MavenRequirement;
use crate::npm::NpmRange;
use crate::parsed::Form;
use crate::pypi::PypiRequirement;
use crate::{MAX_REQUIREMENT, ParsedVersion, cargo};
use bifocal_core::{Ecosystem, one_line};

/// Why a text is not a requirement.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RangeError {
    /// Not of the ecosystem's syntax (a dist-tag such as `latest` is none either).
    #[error("`{text}` is not {what}: {why}")]
    NotARange {
        /// What was expected.
        what: &'static str,
        /// The text, made printable and short.
        text: String,
        /// What is wrong with it.
        why: String,
    },
    /// Longer than [`MAX_REQUIREMENT`].
    #[error("a version requirement of {0} bytes is longer than 8192")]
    TooLong(usize),
}

impl RangeError {
    pub(crate) fn not_a_range(what: &'static str, text: &str, why: &str) -> RangeError {
        RangeError::NotARange { what, text: one_line(text, 120), why: one_line(why, 200) }
    }
}

/// A requirement parsed once, to be asked often.
#[derive(Debug, Clone)]
pub struct Requirement {
    pub(crate) kind: Kind,
}

#[derive(Debug, Clone)]
pub(crate) enum Kind {
    Npm(NpmRange),
    Pypi(PypiRequirement),
    Maven(MavenRequirement),
    Cargo(semver::VersionReq),
    Golang(GoRequirement),
}

impl Requirement {
    /// Reads a requirement in the ecosystem's own syntax.
    pub fn parse(ecosystem: Ecosystem, text: &str) -> Result<Requirement, RangeError> {
        if text.len() > MAX_REQUIREMENT {
            return Err(RangeError::TooLong(text.len()));
        }
        let kind = match ecosystem {
            Ecosystem::Npm => Kind::Npm(NpmRange::parse(text)?),
            Ecosystem::Pypi => Kind::Pypi(PypiRequirement::parse(text)?),
            Ecosystem::Maven => Kind::Maven(MavenRequirement::parse(text)?),
            Ecosystem::Cargo => Kind::Cargo(cargo::requirement(text)?),
            Ecosystem::Golang => Kind::Golang(
                GoRequirement::parse(text)
                    .ok_or_else(|| RangeError::not_a_range("a Go version or version query", text, "it is not a semantic version"))?,
            ),
        };
        Ok(Requirement { kind })
    }

    /// Whether one exact version is asked for (PEP 440's `==` and `===`), which reaches a yanked file too (PEP 592).
    pub fn pins(&self) -> bool {
        matches!(&self.kind, Kind::Pypi(requirement) if requirement.pins)
    }

    /// Whether a pre-release is named by a specifier that admits it (PEP 440), which makes pip and uv consider those.
    pub fn names_prerelease(&self) -> bool {
        matches!(&self.kind, Kind::Pypi(requirement) if requirement.names_prerelease)
    }

    /// Whether the version satisfies it; false for a version of another ecosystem.
    pub fn matches(&self, version: &ParsedVersion) -> bool {
        match (&self.kind, version.form()) {
            (Kind::Npm(range), Form::Semantic(parsed)) if version.ecosystem() == Ecosystem::Npm => range.matches(parsed, false),
            (Kind::Golang(requirement), Form::Semantic(parsed)) if version.ecosystem() == Ecosystem::Golang => requirement.matches(parsed),
            (Kind::Pypi(requirement), Form::Pypi(parsed)) => requirement.matches(parsed),
            (Kind::Maven(requirement), Form::Maven(parsed)) => requirement.matches(parsed, version.as_str()),
            (Kind::Cargo(requirement), Form::Cargo(parsed)) => requirement.matches(parsed),
            _ => false,
        }
    }
}
