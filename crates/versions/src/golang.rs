//! Go module versions: the grammar and order of `golang.org/x/mod/semver`.
//!
//! A version starts with `v`; OSV records leave it out, and both are read here. `v1` and `v1.2` stand for `v1.0.0` and
//! `v1.2.0`. Build metadata (`+incompatible`) does not order.

use crate::semantic::{Number, PreRelease, SemVer, is_build};

/// Reads a version with or without its `v`.
pub(crate) fn parse(text: &str) -> Option<SemVer> {
    split(text).map(|(version, _)| version)
}

/// `vMAJOR.MINOR.PATCH[-PRE][+incompatible]`.
pub(crate) fn canonical(text: &str) -> Option<String> {
    let (version, build) = split(text)?;
    Some(format!("v{version}{}", if build == Some("incompatible") { "+incompatible" } else { "" }))
}

fn split(text: &str) -> Option<(SemVer, Option<&str>)> {
    let text = text.strip_prefix('v').unwrap_or(text);
    let (text, build) = text.split_once('+').map_or((text, None), |(text, build)| (text, Some(build)));
    let (core, pre) = text.split_once('-').map_or((text, None), |(core, pre)| (core, Some(pre)));
    let mut numbers = [Number::ZERO, Number::ZERO, Number::ZERO];
    let mut given = 0;
    for part in core.split('.') {
        if part.len() > 1 && part.starts_with('0') {
            return None;
        }
        *numbers.get_mut(given)? = Number::parse(part)?;
        given += 1;
    }
    // A short form takes neither a pre-release nor build metadata.
    if given < 3 && (pre.is_some() || build.is_some()) {
        return None;
    }
    let pre = match pre {
        Some(pre) => PreRelease::parse(pre, false)?,
        None => PreRelease::default(),
    };
    build.is_none_or(is_build).then_some((SemVer { core: numbers, pre }, build))
}

/// Whether this is a pseudo-version: a commit that has no tag (`v0.0.0-20230102150405-0123456789ab`).
pub(crate) fn is_pseudo(text: &str) -> bool {
    let text = text.split('+').next().unwrap_or(text);
    let Some((rest, commit)) = text.rsplit_once('-') else { return false };
    let time = rest.rsplit(['-', '.']).next().unwrap_or(rest);
    commit.len() == 12
        && commit.bytes().all(|b| b.is_ascii_hexdigit())
        && time.len() == 14
        && time.bytes().all(|b| b.is_ascii_digit())
        && rest.contains('-')
}

/// A minimum as `go.mod` states it, or a comparison as `go get` takes it (`>=v1.2.3`, `<v2`), or `latest`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum GoRequirement {
    /// Any version; clients take the newest.
    Latest,
    /// At least this; clients take exactly this unless another module asks for more.
    Minimum(SemVer),
    Above(SemVer),
    AtMost(SemVer),
    Below(SemVer),
    /// `>=`: unlike a minimum, the newest is wanted for `>` and the oldest for `>=`.
    AtLeast(SemVer),
}

impl GoRequirement {
    pub(crate) fn parse(text: &str) -> Option<GoRequirement> {
        let text = text.trim();
        if matches!(text, "" | "latest" | "upgrade") {
            return Some(GoRequirement::Latest);
        }
        let (make, rest): (fn(SemVer) -> GoRequirement, &str) = if let Some(rest) = text.strip_prefix(">=") {
            (GoRequirement::AtLeast, rest)
        } else if let Some(rest) = text.strip_prefix("<=") {
            (GoRequirement::AtMost, rest)
        } else if let Some(rest) = text.strip_prefix('>') {
            (GoRequirement::Above, rest)
        } else if let Some(rest) = text.strip_prefix('<') {
            (GoRequirement::Below, rest)
        } else {
            (GoRequirement::Minimum, text)
        };
        parse(rest.trim()).map(make)
    }

    pub(crate) fn matches(&self, version: &SemVer) -> bool {
        match self {
            GoRequirement::Latest => true,
            GoRequirement::Minimum(bound) | GoRequirement::AtLeast(bound) => version >= bound,
            GoRequirement::Above(bound) => version > bound,
            GoRequirement::AtMost(bound) => version <= bound,
            GoRequirement::Below(bound) => version < bound,
        }
    }

    /// Whether the client takes the lowest version that matches rather than the highest.
    pub(crate) fn wants_lowest(&self) -> bool {
        matches!(self, GoRequirement::Minimum(_) | GoRequirement::AtLeast(_) | GoRequirement::Above(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_that_of_the_go_command() {
        let rising = [
            "v0.0.0-20190101000000-0123456789ab",
            "v0.0.0-20210101000000-0123456789ab",
            "v0.0.1",
            "v1.0.0-rc.1",
            "v1.0.0-rc.1.0.20210101000000-0123456789ab",
            "v1",
            "v1.0.1-0.20210101000000-0123456789ab",
            "v1.0.1",
            "v1.2",
            "v2.0.0+incompatible",
            "v99999999999999999999.0.0",
            "v999999999999999999999.0.0",
        ];
        for pair in rising.windows(2) {
            assert!(parse(pair[0]).unwrap() < parse(pair[1]).unwrap(), "{pair:?}");
        }
        assert_eq!(parse("v2.0.0"), parse("2.0.0+incompatible"));
    }

    #[test]
    fn what_the_go_command_refuses_is_no_version() {
        for text in ["", "v", "vv1", "v01.0.0", "v1.2-pre", "v1.2.3.4", "v1.2.3-01", "v1.2.3-", "v1.2.3+", "v1.2.3-a..b", "v-1.0.0"] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn pseudo_versions_are_told_apart() {
        assert!(is_pseudo("v0.0.0-20190101000000-0123456789ab"));
        assert!(is_pseudo("v1.0.1-0.20210101000000-0123456789ab"));
        assert!(is_pseudo("v2.0.1-0.20210101000000-0123456789ab+incompatible"));
        assert!(!is_pseudo("v1.0.0-rc.1"));
        assert!(!is_pseudo("v1.0.0"));
    }
}
