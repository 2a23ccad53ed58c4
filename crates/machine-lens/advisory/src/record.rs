//! One OSV record (<https://ossf.github.io/osv-schema/>, 1.x) from hostile bytes to what the store keeps.
//!
//! In: the bytes of one JSON object. Out: [`Parsed`], or the reason for passing the record over. A field that the
//! lens does not need cannot spoil a record; an optional field of a wrong type is dropped and the rest is kept, since a
//! record lost is an advisory missed. Nesting is bounded by the JSON reader (128), sizes by [`ImportLimits`].

mod raw;
#[cfg(test)]
mod tests;

use self::raw::{Raw, RawAffected, RawReference, RawSeverity, RawSpecific, mend};
use crate::codec::{Bound, Entry};
use crate::cvss;
use crate::import::{ImportLimits, SkipReason};
use bifocal_core::{Ecosystem, PackageName, Severity, one_line};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::borrow::Cow;

/// The longest record id, in bytes.
const MAX_ID: usize = 128;
/// Aliases kept of one record.
const MAX_ALIASES: usize = 64;
/// Characters of a summary kept.
const MAX_SUMMARY: usize = 300;

/// What is told of a record when it matches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
pub(crate) struct Detail {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) aliases: Vec<String>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) summary: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) severity: Option<Severity>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) vector: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) score: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) informational: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) published: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) modified: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) url: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) malware: bool,
}

/// One package that a record is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ParsedEntry {
    pub(crate) ecosystem: Ecosystem,
    pub(crate) name: String,
    pub(crate) body: Vec<u8>,
}

/// One record in the form in which it is stored.
#[derive(Debug, Clone)]
pub(crate) struct Parsed {
    pub(crate) id: String,
    pub(crate) withdrawn: bool,
    pub(crate) detail: Detail,
    /// Empty for a withdrawn record.
    pub(crate) entries: Vec<ParsedEntry>,
    /// Packages of the record that were passed over.
    pub(crate) skipped: Vec<SkipReason>,
}

/// Reads one record. `only` restricts the packages to these ecosystems; empty means all five.
pub(crate) fn parse(bytes: &[u8], only: &[Ecosystem], limits: &ImportLimits) -> Result<Parsed, SkipReason> {
    if bytes.len() as u64 > limits.record_bytes {
        return Err(SkipReason::TooLarge);
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    match serde_json::from_slice::<Raw<'_>>(bytes) {
        Ok(raw) => assemble(raw, only, limits),
        Err(error) if error.is_data() => {
            let mut value: Value = serde_json::from_slice(bytes).map_err(|_| SkipReason::BadJson)?;
            mend(&mut value);
            // The borrowed form wants text to borrow from; a mended record is rare enough to be written out again.
            let text = serde_json::to_string(&value).map_err(|_| SkipReason::BadJson)?;
            let raw = serde_json::from_str::<Raw<'_>>(&text).map_err(|_| SkipReason::WrongShape)?;
            assemble(raw, only, limits)
        }
        Err(_) => Err(SkipReason::BadJson),
    }
}

fn assemble(raw: Raw<'_>, only: &[Ecosystem], limits: &ImportLimits) -> Result<Parsed, SkipReason> {
    let id = raw.id.trim();
    if id.is_empty() || id.len() > MAX_ID || !id.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(SkipReason::BadId);
    }
    let aliases: Vec<String> = raw
        .aliases
        .unwrap_or_default()
        .into_iter()
        .filter(|alias| alias.len() <= MAX_ID && alias.bytes().all(|b| b.is_ascii_graphic()) && alias != id)
        .take(MAX_ALIASES)
        .map(Cow::into_owned)
        .collect();
    let malware = id.starts_with("MAL-") || aliases.iter().any(|alias| alias.starts_with("MAL-"));
    // A withdrawal whose date cannot be read is still a withdrawal.
    let withdrawn = raw.withdrawn.as_deref().is_some_and(|date| !date.trim().is_empty());

    let affected = raw.affected.unwrap_or_default();
    if affected.len() > limits.packages {
        return Err(SkipReason::TooManyPackages);
    }
    let (vector, score, severity) = severity_of(raw.severity.as_deref(), raw.database_specific.as_ref(), &affected);
    let informational = affected
        .iter()
        .filter_map(|item| item.database_specific.as_ref()?.informational.as_deref())
        .chain(raw.database_specific.as_ref().and_then(|specific| specific.informational.as_deref()))
        .next()
        .map(|kind| one_line(kind, 40));

    let (mut entries, mut skipped, mut ours) = (Vec::new(), Vec::new(), false);
    for item in affected {
        let Some(package) = &item.package else { continue };
        let Some(ecosystem) = Ecosystem::from_osv_name(&package.ecosystem) else { continue };
        if !only.is_empty() && !only.contains(&ecosystem) {
            continue;
        }
        ours = true;
        match entry_of(ecosystem, &package.name, &item, malware, limits) {
            Ok(entry) => entries.push(entry),
            Err(reason) => skipped.push(reason),
        }
    }
    if !ours {
        return Err(SkipReason::OtherEcosystem);
    }
    if withdrawn {
        entries.clear();
        skipped.clear();
    } else if entries.is_empty() {
        return Err(skipped.first().copied().unwrap_or(SkipReason::NoVersions));
    }
    let detail = Detail {
        aliases,
        summary: one_line(raw.summary.as_deref().unwrap_or_default(), MAX_SUMMARY),
        severity,
        vector,
        score,
        informational,
        published: date(raw.published.as_deref()),
        modified: date(raw.modified.as_deref()),
        url: raw.references.and_then(|references| address(&references)),
        malware,
    };
    Ok(Parsed { id: id.to_owned(), withdrawn, detail, entries, skipped })
}

fn date(text: Option<&str>) -> Option<Timestamp> {
    text.filter(|text| text.len() <= 64).and_then(|text| text.trim().parse().ok())
}

/// The advisory's own page, or the first page named. Only plain web addresses are kept.
fn address(references: &[RawReference<'_>]) -> Option<String> {
    let plain = |item: &&RawReference<'_>| {
        item.url.len() <= 512
            && (item.url.starts_with("https://") || item.url.starts_with("http://"))
            && item.url.bytes().all(|b| b.is_ascii_graphic())
    };
    references
        .iter()
        .find(|item| item.kind.as_deref() == Some("ADVISORY") && plain(item))
        .or_else(|| references.iter().find(plain))
        .map(|item| item.url.clone().into_owned())
}

/// The highest-scoring vector of the record or, failing that, of its packages; then the database's own word.
fn severity_of(
    own: Option<&[RawSeverity<'_>]>,
    specific: Option<&RawSpecific<'_>>,
    affected: &[RawAffected<'_>],
) -> (Option<String>, Option<f64>, Option<Severity>) {
    fn best<'a>(scores: impl Iterator<Item = &'a str>) -> Option<(&'a str, f64)> {
        let mut best: Option<(&str, f64)> = None;
        for vector in scores {
            if let Some(score) = cvss::score(vector)
                && best.is_none_or(|(_, highest)| score > highest)
            {
                best = Some((vector, score));
            }
        }
        best
    }
    let found = best(own.unwrap_or_default().iter().map(|item| &*item.score)).or_else(|| {
        best(affected.iter().take(64).flat_map(|item| {
            let listed = item.severity.as_deref().unwrap_or_default().iter().map(|score| &*score.score);
            listed.chain(item.database_specific.as_ref().and_then(|specific| specific.cvss.as_deref()))
        }))
    });
    let word = |specific: Option<&RawSpecific<'_>>| match specific?.severity.as_deref()?.to_ascii_uppercase().as_str() {
        "CRITICAL" => Some(Severity::Critical),
        "HIGH" | "IMPORTANT" => Some(Severity::High),
        "MODERATE" | "MEDIUM" => Some(Severity::Medium),
        "LOW" => Some(Severity::Low),
        _ => None,
    };
    let said = word(specific).or_else(|| affected.iter().take(64).find_map(|item| word(item.database_specific.as_ref())));
    match found {
        Some((vector, score)) => (Some(vector.to_owned()), Some(score), Some(cvss::rating(score))),
        None => (None, None, said),
    }
}

fn entry_of(
    ecosystem: Ecosystem,
    name: &str,
    item: &RawAffected<'_>,
    malware: bool,
    limits: &ImportLimits,
) -> Result<ParsedEntry, SkipReason> {
    let package = PackageName::new(ecosystem, name).map_err(|_| SkipReason::BadName)?;
    let ranges = item.ranges.as_deref().unwrap_or_default();
    let versions = item.versions.as_deref().unwrap_or_default();
    if versions.len() > limits.versions {
        return Err(SkipReason::TooManyVersions);
    }
    let events: usize = ranges.iter().map(|range| range.events.as_ref().map_or(0, Vec::len)).sum();
    if events > limits.events || ranges.len() > limits.events {
        return Err(SkipReason::TooManyEvents);
    }

    let long = |text: &str| text.len() > bifocal_versions::MAX_VERSION;
    let mut entry = Entry::default();
    for range in ranges.iter().filter(|range| matches!(&*range.kind, "SEMVER" | "ECOSYSTEM")) {
        let mut bounds = Vec::new();
        for event in range.events.iter().flatten() {
            let parts = [
                event.introduced.as_deref().map(Bound::Introduced),
                event.fixed.as_deref().map(Bound::Fixed),
                event.last_affected.as_deref().map(Bound::LastAffected),
                event.limit.as_deref().map(Bound::Limit),
            ];
            bounds.extend(parts.into_iter().flatten());
        }
        if bounds.iter().any(|bound| long(bound.version())) {
            return Err(SkipReason::BadVersion);
        }
        if !bounds.is_empty() {
            entry.ranges.push(bounds);
        }
    }
    let canonical: Vec<String> =
        versions.iter().filter(|text| !text.is_empty() && !long(text)).map(|text| canonical(ecosystem, text)).collect();
    entry.versions = canonical.iter().map(String::as_str).collect();
    entry.versions.sort_unstable();
    entry.versions.dedup();

    // By the schema a package with neither ranges nor versions is not affected. For malware that reading would let the
    // whole package in, so there it means every version; a record that only names commits says nothing of releases.
    if entry.ranges.is_empty() && entry.versions.is_empty() && !(malware && ranges.is_empty() && versions.is_empty()) {
        return Err(SkipReason::NoVersions);
    }
    let mut body = Vec::new();
    entry.encode(&mut body);
    Ok(ParsedEntry { ecosystem, name: package.as_str().to_owned(), body })
}

/// One spelling for versions that the registry takes as the same: exact lists are compared by it.
pub(crate) fn canonical(ecosystem: Ecosystem, version: &str) -> String {
    let normal = bifocal_versions::normalise(ecosystem, version);
    match ecosystem {
        // PEP 440: trailing zeros of a release do not count.
        Ecosystem::Pypi if normal.bytes().all(|b| b.is_ascii_digit() || b == b'.') => {
            let mut short = normal.as_str();
            while let Some(cut) = short.strip_suffix(".0") {
                short = cut;
            }
            short.to_owned()
        }
        // OSV writes Go versions without `v`, the proxy with it.
        Ecosystem::Golang => normal.trim_start_matches('v').trim_end_matches("+incompatible").to_owned(),
        _ => normal,
    }
}
