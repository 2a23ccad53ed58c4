//! SemVer 2.0 versions as npm and Go read them, with the order of the specification's section 11.
//!
//! Numbers have no upper bound here (Go sets none), so a number too large for 64 bits still has its place in the order.

use std::cmp::Ordering;
use std::fmt;

/// Node-semver refuses a larger major, minor or patch number.
pub(crate) const MAX_SAFE_INTEGER: u64 = (1 << 53) - 1;

/// A non-negative whole number of any size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Number {
    Small(u64),
    /// Digits without leading zeros, beyond `u64`.
    Big(Box<str>),
}

/// One dot-separated part of a pre-release.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Identifier {
    Number(Number),
    Text(Box<str>),
}

/// A version without its build metadata, which has no part in the order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SemVer {
    pub(crate) core: [Number; 3],
    pub(crate) pre: PreRelease,
}

/// The pre-release part; none sorts above any.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct PreRelease(pub(crate) Box<[Identifier]>);

impl Number {
    pub(crate) const ZERO: Number = Number::Small(0);

    /// `None` unless `digits` is one or more ASCII digits.
    pub(crate) fn parse(digits: &str) -> Option<Number> {
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let bare = digits.trim_start_matches('0');
        if bare.is_empty() {
            return Some(Number::ZERO);
        }
        Some(bare.parse().map_or_else(|_| Number::Big(bare.into()), Number::Small))
    }

    /// As 64 bits, the largest value for all beyond.
    pub(crate) fn saturated(&self) -> u64 {
        match self {
            Number::Small(number) => *number,
            Number::Big(_) => u64::MAX,
        }
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Number::Small(a), Number::Small(b)) => a.cmp(b),
            (Number::Small(_), Number::Big(_)) => Ordering::Less,
            (Number::Big(_), Number::Small(_)) => Ordering::Greater,
            (Number::Big(a), Number::Big(b)) => a.len().cmp(&b.len()).then_with(|| a.cmp(b)),
        }
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for PreRelease {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.is_empty().cmp(&other.0.is_empty()).then_with(|| self.0.cmp(&other.0))
    }
}

impl PartialOrd for PreRelease {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PreRelease {
    /// Reads dot-separated identifiers; `None` when one is empty or has a character outside `[0-9A-Za-z-]`.
    pub(crate) fn parse(text: &str, leading_zeros: bool) -> Option<PreRelease> {
        text.split('.').map(|part| identifier(part, leading_zeros)).collect::<Option<Vec<_>>>().map(|parts| PreRelease(parts.into()))
    }

    /// `-0`, the lowest pre-release of all.
    pub(crate) fn lowest() -> PreRelease {
        PreRelease(Box::new([Identifier::Number(Number::ZERO)]))
    }
}

fn identifier(part: &str, leading_zeros: bool) -> Option<Identifier> {
    if !is_identifier(part) {
        return None;
    }
    match Number::parse(part) {
        Some(_) if !leading_zeros && part.len() > 1 && part.starts_with('0') => None,
        Some(number) => Some(Identifier::Number(number)),
        None => Some(Identifier::Text(part.into())),
    }
}

fn is_identifier(part: &str) -> bool {
    !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

/// Whether `text` is build metadata without its `+`.
pub(crate) fn is_build(text: &str) -> bool {
    text.split('.').all(is_identifier)
}

impl SemVer {
    /// A release `major.minor.patch`.
    pub(crate) fn release(major: u64, minor: u64, patch: u64) -> SemVer {
        SemVer { core: [Number::Small(major), Number::Small(minor), Number::Small(patch)], pre: PreRelease::default() }
    }

    /// Reads a version as node-semver does in loose mode: `v`, `=` and blanks before it, leading zeros, a pre-release
    /// without its hyphen.
    pub(crate) fn parse_loose(text: &str) -> Option<SemVer> {
        let text = text.trim().trim_start_matches(|c: char| c == 'v' || c == '=' || c.is_whitespace());
        let (text, build) = text.split_once('+').map_or((text, None), |(text, build)| (text, Some(build)));
        if build.is_some_and(|build| !is_build(build)) {
            return None;
        }
        let (major, rest) = loose_number(text)?;
        let (minor, rest) = loose_number(rest.strip_prefix('.')?)?;
        let (patch, rest) = loose_number(rest.strip_prefix('.')?)?;
        let mut version = SemVer::release(major, minor, patch);
        if !rest.is_empty() {
            version.pre = loose_prerelease(rest)?;
        }
        Some(version)
    }
}

/// The leading number of `text`, within node-semver's bound, and what follows it.
pub(crate) fn loose_number(text: &str) -> Option<(u64, &str)> {
    let end = text.bytes().position(|b| !b.is_ascii_digit()).unwrap_or(text.len());
    match Number::parse(&text[..end])? {
        Number::Small(number) if number <= MAX_SAFE_INTEGER => Some((number, &text[end..])),
        _ => None,
    }
}

/// A pre-release with or without its hyphen (`-beta`, `beta`, and `--x`, whose identifier is `-x`).
pub(crate) fn loose_prerelease(rest: &str) -> Option<PreRelease> {
    rest.strip_prefix('-').and_then(|after| PreRelease::parse(after, true)).or_else(|| PreRelease::parse(rest, true))
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Number::Small(number) => number.fmt(f),
            Number::Big(digits) => f.write_str(digits),
        }
    }
}

impl fmt::Display for SemVer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, patch] = &self.core;
        write!(f, "{major}.{minor}.{patch}")?;
        for (index, part) in self.pre.0.iter().enumerate() {
            f.write_str(if index == 0 { "-" } else { "." })?;
            match part {
                Identifier::Number(number) => number.fmt(f)?,
                Identifier::Text(text) => f.write_str(text)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_specifications_own_order_holds() {
        let rising = [
            "1.0.0-0",
            "1.0.0-alpha",
            "1.0.0-alpha.1",
            "1.0.0-alpha.beta",
            "1.0.0-beta",
            "1.0.0-beta.2",
            "1.0.0-beta.11",
            "1.0.0-rc.1",
            "1.0.0",
            "1.0.1",
            "1.2.0",
            "1.10.0",
            "2.0.0",
        ];
        for pair in rising.windows(2) {
            assert!(SemVer::parse_loose(pair[0]) < SemVer::parse_loose(pair[1]), "{pair:?}");
        }
    }

    #[test]
    fn loose_spellings_are_read_as_node_reads_them() {
        for (text, read) in [
            ("v1.2.3", Some("1.2.3")),
            ("= v1.2.3", Some("1.2.3")),
            ("01.02.03", Some("1.2.3")),
            ("1.2.3beta", Some("1.2.3-beta")),
            ("1.2.3-01", Some("1.2.3-1")),
            ("1.2.3--x", Some("1.2.3--x")),
            ("1.2.3+a.b", Some("1.2.3")),
            ("1.2.3+", None),
            ("1.2", None),
            ("1.2.3.4", None),
            ("1.2.x", None),
            ("9007199254740992.0.0", None),
            ("1.2.3-\u{e9}", None),
            ("", None),
        ] {
            assert_eq!(SemVer::parse_loose(text).map(|v| v.to_string()).as_deref(), read, "{text:?}");
        }
    }
}
