//! Maven version requirements: a soft version (`1.0`), or a union of ranges (`[1.0,2.0)`, `(,1.0],[1.2,)`, `[1.0]`).

use crate::RangeError;
use crate::maven::MavenVersion;
use std::cmp::Ordering;

const WHAT: &str = "a Maven version or range";

#[derive(Debug, Clone)]
struct Bound {
    version: MavenVersion,
    inclusive: bool,
}

#[derive(Debug, Clone)]
enum Part {
    Between(Option<Bound>, Option<Bound>),
    /// `[1.2.*]`
    Prefix(String),
}

/// What a POM asks for.
#[derive(Debug, Clone)]
pub(crate) enum MavenRequirement {
    /// A wish: Maven takes this version unless another path to the artifact decides otherwise.
    Soft(MavenVersion),
    /// `RELEASE` or `LATEST`.
    Newest { snapshots: bool },
    /// A demand.
    Ranges(Vec<Range>),
}

/// One range of a union.
#[derive(Debug, Clone)]
pub(crate) struct Range(Part);

impl MavenRequirement {
    pub(crate) fn parse(text: &str) -> Result<MavenRequirement, RangeError> {
        let refuse = |why: &str| RangeError::not_a_range(WHAT, text, why);
        let mut rest = text.trim();
        match rest {
            "RELEASE" => return Ok(MavenRequirement::Newest { snapshots: false }),
            "LATEST" => return Ok(MavenRequirement::Newest { snapshots: true }),
            _ => {}
        }
        let mut ranges = Vec::new();
        while rest.starts_with(['[', '(']) {
            let end = rest.find([')', ']']).ok_or_else(|| refuse("a range is not closed"))?;
            ranges.push(Range::parse(&rest[..=end]).map_err(refuse)?);
            rest = rest[end + 1..].trim_start();
            if let Some(after) = rest.strip_prefix(',') {
                rest = after.trim_start();
                if rest.is_empty() {
                    return Err(refuse("it ends in a comma"));
                }
            }
        }
        if !ranges.is_empty() {
            return if rest.is_empty() { Ok(MavenRequirement::Ranges(ranges)) } else { Err(refuse("text follows the last range")) };
        }
        if rest.contains(['[', ']', '(', ')', ',', ' ', '$', '{']) {
            return Err(refuse("it is neither a version nor a range"));
        }
        MavenVersion::parse(rest).map(MavenRequirement::Soft).ok_or_else(|| refuse("it is empty"))
    }

    /// Whether the version is inside; a soft version holds only versions equal to it.
    pub(crate) fn matches(&self, version: &MavenVersion, text: &str) -> bool {
        match self {
            MavenRequirement::Soft(wanted) => wanted.order(version) == Ordering::Equal,
            MavenRequirement::Newest { snapshots } => *snapshots || !text.to_ascii_uppercase().ends_with("-SNAPSHOT"),
            MavenRequirement::Ranges(ranges) => ranges.iter().any(|range| range.contains(version, text)),
        }
    }
}

impl Range {
    fn parse(text: &str) -> Result<Range, &'static str> {
        let low_inclusive = text.starts_with('[');
        let high_inclusive = text.ends_with(']');
        let inner = text.get(1..text.len().saturating_sub(1)).unwrap_or_default().trim();
        let bound = |text: &str, inclusive| MavenVersion::parse(text).map(|version| Bound { version, inclusive });
        let Some((low, high)) = inner.split_once(',') else {
            if !low_inclusive || !high_inclusive {
                return Err("a single version must stand in square brackets");
            }
            if let Some(prefix) = inner.strip_suffix(".*") {
                return Ok(Range(Part::Prefix(prefix.to_lowercase())));
            }
            let only = bound(inner, true).ok_or("a range is empty")?;
            return Ok(Range(Part::Between(Some(only.clone()), Some(only))));
        };
        if high.contains(',') {
            return Err("a range has more than two bounds");
        }
        let (low, high) = (bound(low, low_inclusive), bound(high, high_inclusive));
        if let (Some(low), Some(high)) = (&low, &high)
            && low.version.order(&high.version) == Ordering::Greater
        {
            return Err("a range ends before it begins");
        }
        Ok(Range(Part::Between(low, high)))
    }

    fn contains(&self, version: &MavenVersion, text: &str) -> bool {
        match &self.0 {
            Part::Between(low, high) => {
                low.as_ref().is_none_or(|low| match version.order(&low.version) {
                    Ordering::Less => false,
                    Ordering::Equal => low.inclusive,
                    Ordering::Greater => true,
                }) && high.as_ref().is_none_or(|high| match version.order(&high.version) {
                    Ordering::Less => true,
                    Ordering::Equal => high.inclusive,
                    Ordering::Greater => false,
                })
            }
            Part::Prefix(prefix) => {
                text.to_lowercase().strip_prefix(prefix.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '-']))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(version: &str, requirement: &str) -> bool {
        MavenRequirement::parse(requirement).unwrap().matches(&MavenVersion::parse(version).unwrap(), version)
    }

    #[test]
    fn ranges_are_read_as_maven_reads_them() {
        for (version, requirement, expected) in [
            ("1.0", "[1.0,2.0)", true),
            ("2.0", "[1.0,2.0)", false),
            ("2.0-alpha-1", "[1.0,2.0)", true),
            ("1.0", "(1.0,2.0)", false),
            ("0.9", "(,1.0]", true),
            ("1.0.0", "[1.0]", true),
            ("1.0.1", "[1.0]", false),
            ("1.1", "(,1.0],[1.2,)", false),
            ("1.2", "(,1.0] , [1.2,)", true),
            ("7", "(,)", true),
            ("1.0.Final", "1.0", true),
            ("1.1", "1.0", false),
            ("1.2.7", "[1.2.*]", true),
            ("1.20", "[1.2.*]", false),
            ("1.0-SNAPSHOT", "RELEASE", false),
            ("1.0-SNAPSHOT", "LATEST", true),
        ] {
            assert_eq!(matches(version, requirement), expected, "{version} {requirement}");
        }
    }

    #[test]
    fn broken_ranges_are_refused() {
        for text in ["", "[", "[1", "(1.0)", "[1.0,2.0),", "[1,2,3]", "[2,1]", "[1],2", "1.0]", "[]", "1,2", "${version}", "[\u{e9}"] {
            assert!(MavenRequirement::parse(text).is_err(), "{text:?}");
        }
    }
}
