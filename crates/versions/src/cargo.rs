//! cargo versions and requirements, by the `semver` crate that cargo itself uses.

use crate::RangeError;
use semver::{Version, VersionReq};

/// Reads a version.
pub(crate) fn parse(text: &str) -> Option<Version> {
    Version::parse(text.trim()).ok()
}

/// Reads a version of an OSV record, which may be short (`1.2`) or have a `v`.
pub(crate) fn parse_lenient(text: &str) -> Option<Version> {
    let text = text.trim();
    let text = text.strip_prefix('v').unwrap_or(text);
    parse(text).or_else(|| match text.bytes().filter(|b| *b == b'.').count() {
        0 => parse(&format!("{text}.0.0")),
        1 => parse(&format!("{text}.0")),
        _ => None,
    })
}

/// Reads a requirement; the empty one means any release, as it does in old manifests.
pub(crate) fn requirement(text: &str) -> Result<VersionReq, RangeError> {
    let trimmed = text.trim();
    if trimmed.is_empty() {
        return Ok(VersionReq::STAR);
    }
    VersionReq::parse(trimmed).map_err(|e| RangeError::not_a_range("a cargo version requirement", text, &e.to_string()))
}
