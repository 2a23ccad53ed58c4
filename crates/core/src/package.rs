//! Packages and releases, and their purl form (<https://github.com/package-url/purl-spec>).
//!
//! Names are kept in the form that the ecosystem's own client prints: `@scope/name`, `group:artifact`, a Go module
//! path; PyPI names are normalised (PEP 503). The purl is derived, never stored apart from the name.

use crate::{Ecosystem, printable};
use packageurl::PackageUrl;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// The longest package name or version taken, in bytes.
const MAX_PART: usize = 1024;

/// A package in one ecosystem.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PackageName {
    ecosystem: Ecosystem,
    name: String,
}

/// A package at a version. Its id is its purl.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Release {
    /// The package.
    pub package: PackageName,
    /// The version, as the registry spells it (Go versions keep their `v`).
    pub version: String,
}

/// Why a text is not a package or a release.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PurlError {
    /// Not of purl syntax.
    #[error("`{0}` is not a package URL: {1}")]
    Syntax(String, String),
    /// The purl names a type outside the five ecosystems.
    #[error("`{0}` has an unsupported type; supported are npm, pypi, maven, cargo, golang")]
    UnsupportedType(String),
    /// A release was asked for but the purl has no version.
    #[error("`{0}` names no version; write it as {0}@VERSION")]
    NoVersion(String),
    /// The name cannot be one in this ecosystem.
    #[error("`{name}` is not a {ecosystem} package name: {why}")]
    BadName {
        /// Which ecosystem refused it.
        ecosystem: Ecosystem,
        /// The name, made printable.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
}

impl PackageName {
    /// Checks and normalises `name` as the ecosystem's own registry would.
    ///
    /// The check is a safety check (no path tricks, no control characters, a bounded length), so that a name can go
    /// into an address or a file name; it does not decide whether the registry would take a new package so named.
    pub fn new(ecosystem: Ecosystem, name: &str) -> Result<Self, PurlError> {
        let refuse = |why| Err(PurlError::BadName { ecosystem, name: printable(name), why });
        if name.is_empty() {
            return refuse("it is empty");
        }
        if name.len() > MAX_PART {
            return refuse("it is longer than 1024 bytes");
        }
        if name.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return refuse("it contains white space or control characters");
        }
        if name.contains(['\\', '?', '#', '%', '"', '<', '>', '|', '`']) {
            return refuse("it contains a character that no registry allows");
        }
        let parts: Vec<&str> = name.split('/').collect();
        if parts.iter().any(|part| part.is_empty() || *part == "." || *part == "..") {
            return refuse("it has an empty or relative path segment");
        }
        let name = match ecosystem {
            Ecosystem::Npm => {
                let scoped = name.starts_with('@');
                if parts.len() != if scoped { 2 } else { 1 } || parts[0] == "@" || name.contains(':') {
                    return refuse("it is neither `name` nor `@scope/name`");
                }
                name.to_owned()
            }
            Ecosystem::Pypi => {
                if !name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.')) {
                    return refuse("only ASCII letters, digits, `-`, `_` and `.` are allowed");
                }
                normalise_pypi(name)
            }
            Ecosystem::Maven => {
                let halves: Vec<&str> = name.split(':').collect();
                if halves.len() != 2 || parts.len() != 1 || halves.iter().any(|half| half.is_empty()) {
                    return refuse("it is not `group:artifact`");
                }
                if halves.iter().any(|half| half.split('.').any(|piece| piece.is_empty())) {
                    return refuse("it has an empty name segment");
                }
                name.to_owned()
            }
            Ecosystem::Cargo => {
                if !name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')) {
                    return refuse("only ASCII letters, digits, `-` and `_` are allowed");
                }
                name.to_owned()
            }
            Ecosystem::Golang => {
                if name.contains([':', '@', '!']) || name.starts_with('/') {
                    return refuse("it is not a module path");
                }
                name.to_owned()
            }
        };
        Ok(PackageName { ecosystem, name })
    }

    /// The ecosystem.
    pub fn ecosystem(&self) -> Ecosystem {
        self.ecosystem
    }

    /// The name in the ecosystem's own spelling: `@scope/name`, `group:artifact`, a module path.
    pub fn as_str(&self) -> &str {
        &self.name
    }

    /// The npm scope (`@scope`), the Maven group, or the Go path up to its last segment.
    pub fn namespace(&self) -> Option<&str> {
        match self.ecosystem {
            Ecosystem::Npm | Ecosystem::Golang => self.name.rsplit_once('/').map(|(space, _)| space),
            Ecosystem::Maven => self.name.split_once(':').map(|(space, _)| space),
            Ecosystem::Pypi | Ecosystem::Cargo => None,
        }
    }

    /// The name without its namespace.
    pub fn base_name(&self) -> &str {
        match self.ecosystem {
            Ecosystem::Npm | Ecosystem::Golang => self.name.rsplit_once('/').map_or(&*self.name, |(_, base)| base),
            Ecosystem::Maven => self.name.split_once(':').map_or(&*self.name, |(_, base)| base),
            Ecosystem::Pypi | Ecosystem::Cargo => &self.name,
        }
    }

    /// The purl without a version.
    pub fn purl(&self) -> String {
        purl_text(self, None)
    }
}

impl Release {
    /// Checks the name and the version.
    pub fn new(ecosystem: Ecosystem, name: &str, version: &str) -> Result<Self, PurlError> {
        Self::of(PackageName::new(ecosystem, name)?, version)
    }

    /// A release of a package that is already checked; the version must be safe in addresses and file names.
    pub fn of(package: PackageName, version: &str) -> Result<Self, PurlError> {
        let bad = |why| Err(PurlError::Syntax(printable(&format!("{}@{version}", package.purl())), why));
        if version.is_empty() || version.len() > MAX_PART {
            return bad("the version is empty or longer than 1024 bytes".to_owned());
        }
        if version.chars().any(|c| c.is_control() || c.is_whitespace())
            || version.contains(['/', '\\', '?', '#', '%', '<', '>'])
            || version.contains("..")
        {
            return bad("the version contains a character that no registry allows".to_owned());
        }
        Ok(Release { package, version: version.to_owned() })
    }

    /// The ecosystem.
    pub fn ecosystem(&self) -> Ecosystem {
        self.package.ecosystem
    }

    /// The purl, which is this release's id everywhere.
    pub fn purl(&self) -> String {
        purl_text(&self.package, Some(&self.version))
    }
}

fn purl_text(package: &PackageName, version: Option<&str>) -> String {
    let mut out = format!("pkg:{}/", package.ecosystem);
    if let Some(space) = package.namespace() {
        for segment in space.split('/') {
            encode(segment, &mut out);
            out.push('/');
        }
    }
    encode(package.base_name(), &mut out);
    if let Some(version) = version {
        out.push('@');
        encode(version, &mut out);
    }
    out
}

/// Percent-encodes all but the purl specification's unreserved characters (and `:`).
fn encode(segment: &str, out: &mut String) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in segment.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b':') {
            out.push(byte as char);
        } else {
            out.push('%');
            out.push(HEX[usize::from(byte >> 4)] as char);
            out.push(HEX[usize::from(byte & 15)] as char);
        }
    }
}

/// PEP 503: lower case, runs of `-`, `_` and `.` become one `-`.
fn normalise_pypi(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for c in name.chars() {
        if matches!(c, '-' | '_' | '.') {
            if !out.ends_with('-') {
                out.push('-');
            }
        } else {
            out.push(c.to_ascii_lowercase());
        }
    }
    out
}

fn parse(text: &str) -> Result<(PackageName, Option<String>), PurlError> {
    let purl = PackageUrl::from_str(text).map_err(|e| PurlError::Syntax(printable(text), e.to_string()))?;
    let ecosystem = Ecosystem::from_str(purl.ty()).map_err(|_| PurlError::UnsupportedType(printable(text)))?;
    let name = match (ecosystem, purl.namespace()) {
        (Ecosystem::Maven, Some(space)) => format!("{space}:{}", purl.name()),
        (_, Some(space)) => format!("{space}/{}", purl.name()),
        (_, None) => purl.name().to_owned(),
    };
    let name = match ecosystem {
        Ecosystem::Npm | Ecosystem::Golang => as_spelled(text).filter(|spelled| spelled.eq_ignore_ascii_case(&name)).unwrap_or(name),
        _ => name,
    };
    Ok((PackageName::new(ecosystem, &name)?, purl.version().map(str::to_owned)))
}

/// Namespace and name of a purl in the case in which they are written. The purl specification lower-cases npm names and
/// Go namespaces; the registries do not: `JSONStream` and `github.com/BurntSushi/toml` exist under no other spelling.
fn as_spelled(text: &str) -> Option<String> {
    let text = text.split(['#', '?']).next()?;
    let text = text.strip_prefix("pkg:")?.trim_start_matches('/');
    let (_, path) = text.split_once('/')?;
    let path = match path.rsplit_once('@') {
        Some((path, version)) if !version.contains('/') => path,
        _ => path,
    };
    percent_decoded(path.trim_matches('/'))
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
            let (high, low) = (digit(bytes.next()?)?, digit(bytes.next()?)?);
            out.push(high << 4 | low);
        } else {
            out.push(byte);
        }
    }
    String::from_utf8(out).ok()
}

impl FromStr for PackageName {
    type Err = PurlError;
    /// Reads a purl; a version is allowed and dropped.
    fn from_str(text: &str) -> Result<Self, PurlError> {
        parse(text).map(|(package, _)| package)
    }
}

impl FromStr for Release {
    type Err = PurlError;
    /// Reads a purl with a version; qualifiers and subpath are dropped, since a release has neither.
    fn from_str(text: &str) -> Result<Self, PurlError> {
        match parse(text)? {
            (package, Some(version)) => Release::of(package, &version),
            (_, None) => Err(PurlError::NoVersion(printable(text))),
        }
    }
}

impl fmt::Display for PackageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.purl())
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.purl())
    }
}

macro_rules! serde_as_purl {
    ($type:ty) => {
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.purl())
            }
        }
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
serde_as_purl!(PackageName);
serde_as_purl!(Release);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn purls_round_trip_in_every_ecosystem() {
        for text in [
            "pkg:npm/left-pad@1.3.0",
            "pkg:npm/%40babel/core@7.0.0-beta.1",
            "pkg:pypi/requests@2.31.0",
            "pkg:maven/org.springframework.boot/spring-boot@3.2.0",
            "pkg:cargo/serde@1.0.0%2Bbuild",
            "pkg:golang/github.com/google/uuid@v1.6.0",
            "pkg:golang/github.com/BurntSushi/toml@v1.4.0",
            "pkg:npm/JSONStream@1.3.5",
            "pkg:npm/%40Scope/Name@1.0.0",
        ] {
            let release: Release = text.parse().unwrap();
            assert_eq!(release.purl(), text);
        }
    }

    #[test]
    fn qualifiers_and_subpaths_do_not_disturb_the_spelling() {
        let package: PackageName = "pkg:golang/github.com/Azure/go-SDK@v1.0.0?type=module#Sub/path".parse().unwrap();
        assert_eq!(package.as_str(), "github.com/Azure/go-SDK");
        assert!("pkg:npm/%ff%fe@1.0.0".parse::<PackageName>().is_err());
        assert!("pkg:npm/a%2".parse::<PackageName>().is_err());
    }

    #[test]
    fn pypi_names_are_normalised() {
        assert_eq!(PackageName::new(Ecosystem::Pypi, "Zope.Interface__x").unwrap().as_str(), "zope-interface-x");
    }

    #[test]
    fn hostile_names_are_refused() {
        for (eco, name) in [
            (Ecosystem::Npm, "../../etc/passwd"),
            (Ecosystem::Npm, "a/b/c"),
            (Ecosystem::Npm, "@/x"),
            (Ecosystem::Pypi, "a\u{1b}[31m"),
            (Ecosystem::Maven, "only-artifact"),
            (Ecosystem::Golang, "a//b"),
            (Ecosystem::Cargo, "a b"),
            (Ecosystem::Cargo, ""),
        ] {
            assert!(PackageName::new(eco, name).is_err(), "{name:?}");
        }
        assert!(Release::new(Ecosystem::Npm, "a", "../1").is_err());
    }
}
