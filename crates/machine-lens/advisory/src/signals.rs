//! Matches as signals. Records of one problem (a GHSA, its CVE and its PYSEC record) are one signal with several records
//! as evidence: three databases that know of a hole are no three holes.

use crate::matching::Matched;
use crate::store::{AdvisoryMatch, FEED};
use bifocal_core::{Evidence, FeedHealth, FeedStatus, Lens, Severity, SignalDraft, SignalKind, Status, one_line, printable};
use jiff::Timestamp;
use std::collections::HashMap;

/// The release is malware by a record.
const KNOWN_MALWARE: &str = "advisory/known-malware";
/// The release has a known vulnerability.
const VULNERABILITY: &str = "advisory/vulnerability";
/// Nobody maintains the package any more.
const UNMAINTAINED: &str = "advisory/unmaintained";
/// A record that is neither a vulnerability nor about upkeep.
const NOTICE: &str = "advisory/notice";
/// The question could not be asked.
const FEED_UNAVAILABLE: &str = "advisory/feed-unavailable";

/// Every signal id of this lens.
pub const SIGNAL_IDS: [&str; 5] = [KNOWN_MALWARE, VULNERABILITY, UNMAINTAINED, NOTICE, FEED_UNAVAILABLE];

/// Records taken as evidence of one signal.
const MAX_EVIDENCE: usize = 32;

/// The signals of the records that affect one release: malware first, then by severity and id.
pub fn signals(matches: &[AdvisoryMatch]) -> Vec<SignalDraft> {
    let mut drafts: Vec<SignalDraft> = groups(matches).into_iter().map(|group| draft(&group)).collect();
    drafts.sort_by(|a, b| {
        let key = |draft: &SignalDraft| (draft.id != KNOWN_MALWARE, std::cmp::Reverse(draft.severity));
        key(a).cmp(&key(b)).then_with(|| a.message.cmp(&b.message))
    });
    drafts
}

/// Puts matches that share an id or an alias together, in the order of their first record.
fn groups(matches: &[AdvisoryMatch]) -> Vec<Vec<&AdvisoryMatch>> {
    let mut parent: Vec<usize> = (0..matches.len()).collect();
    fn root(parent: &mut [usize], mut at: usize) -> usize {
        while parent[at] != at {
            parent[at] = parent[parent[at]];
            at = parent[at];
        }
        at
    }
    let mut owner: HashMap<&str, usize> = HashMap::new();
    for (at, found) in matches.iter().enumerate() {
        for name in std::iter::once(&found.id).chain(&found.aliases) {
            let first = *owner.entry(name).or_insert(at);
            let (a, b) = (root(&mut parent, first), root(&mut parent, at));
            parent[a.max(b)] = a.min(b);
        }
    }
    let mut groups: Vec<Vec<&AdvisoryMatch>> = vec![Vec::new(); matches.len()];
    for (at, found) in matches.iter().enumerate() {
        groups[root(&mut parent, at)].push(found);
    }
    groups.retain(|group| !group.is_empty());
    for group in &mut groups {
        group.sort_by(|a, b| rank(a).cmp(&rank(b)).then_with(|| a.id.cmp(&b.id)));
    }
    groups
}

/// The record that people know a problem by comes first.
fn rank(found: &AdvisoryMatch) -> u8 {
    match found.id.split('-').next() {
        Some("MAL") => 0,
        _ if found.malware => 1,
        Some("GHSA") => 2,
        Some("RUSTSEC" | "PYSEC" | "GO") => 3,
        Some("CVE") => 4,
        _ => 5,
    }
}

fn draft(group: &[&AdvisoryMatch]) -> SignalDraft {
    let malware = group.iter().any(|found| found.malware);
    let informational = group.iter().find_map(|found| found.informational.as_deref());
    let worst = group.iter().filter_map(|found| found.severity).max();
    let summary = group.iter().map(|found| found.summary.as_str()).find(|text| !text.is_empty()).unwrap_or("no summary given");
    let lead = group.first().map_or("", |found| found.id.as_str());
    let (id, severity, kind) = match (malware, informational) {
        (true, _) => (KNOWN_MALWARE, Severity::Critical, SignalKind::Malware),
        // An unsound interface is a vulnerability of whoever calls it; RustSec files it as informational.
        (_, Some("unsound")) | (_, None) => (VULNERABILITY, worst.unwrap_or(Severity::Medium), SignalKind::Other),
        (_, Some("unmaintained")) => (UNMAINTAINED, Severity::Low, SignalKind::Other),
        (_, Some(_)) => (NOTICE, Severity::Info, SignalKind::Other),
    };
    let mut fixes: Vec<&str> = Vec::new();
    for fix in group.iter().flat_map(|found| &found.fixed) {
        if !fixes.contains(&fix.as_str()) {
            fixes.push(fix);
        }
    }
    let message = match id {
        KNOWN_MALWARE => format!("known malware by {lead}: {summary}"),
        VULNERABILITY if fixes.is_empty() => format!("known vulnerability {lead}: {summary}; no fixed version is recorded"),
        VULNERABILITY => {
            format!("known vulnerability {lead}: {summary}; fixed in {}", fixes.iter().take(6).copied().collect::<Vec<_>>().join(", "))
        }
        UNMAINTAINED => format!("{lead}: {summary}"),
        _ => format!("notice {lead}: {summary}"),
    };
    SignalDraft {
        id,
        lens: Lens::Advisory,
        status: Status::Present,
        severity,
        confidence: 1.0,
        kind,
        message: one_line(&message, 400),
        evidence: group.iter().take(MAX_EVIDENCE).map(|found| evidence(found)).collect(),
    }
}

fn evidence(found: &AdvisoryMatch) -> Evidence {
    let date = found.modified.or(found.published).map(|date| date.to_string()).unwrap_or_default();
    let mut parts = vec![match found.matched {
        Matched::ExactVersion => "lists this version".to_owned(),
        Matched::Range => "its range holds this version".to_owned(),
        Matched::AllVersions => "names every version of the package".to_owned(),
    }];
    match (found.score, found.severity) {
        (Some(score), Some(severity)) => parts.push(format!("CVSS {score:.1} ({})", severity.as_str())),
        (None, Some(severity)) => parts.push(format!("rated {}", severity.as_str())),
        _ => {}
    }
    if !found.fixed.is_empty() {
        parts.push(format!("fixed in {}", found.fixed.iter().take(6).cloned().collect::<Vec<_>>().join(", ")));
    }
    if !found.aliases.is_empty() {
        parts.push(format!("also {}", found.aliases.iter().take(6).cloned().collect::<Vec<_>>().join(", ")));
    }
    if let Some(url) = &found.url {
        parts.push(url.clone());
    }
    Evidence::record(FEED, &printable(&found.id), &date, &one_line(&parts.join("; "), 500))
}

/// The signal that the advisory questions have no answer, for a feed that is missing or stale; `None` for a fresh one.
/// A stale feed's records still count, so its matches are reported beside this.
pub fn feed_unknown(status: &FeedStatus) -> Option<SignalDraft> {
    let date = status.as_of.map(|date: Timestamp| date.to_string()).unwrap_or_default();
    let said = match status.health {
        FeedHealth::Fresh => return None,
        FeedHealth::Missing => format!("the advisory feed `{}` has not been loaded", status.name),
        FeedHealth::Damaged => format!("the advisory feed `{}` is damaged", status.name),
        FeedHealth::Stale if date.is_empty() => format!("the advisory feed `{}` carries no date", status.name),
        FeedHealth::Stale => format!("the advisory feed `{}` was obtained on {date}, too long ago", status.name),
    };
    Some(SignalDraft {
        id: FEED_UNAVAILABLE,
        lens: Lens::Advisory,
        status: Status::Unknown,
        severity: Severity::Info,
        confidence: 1.0,
        kind: SignalKind::Other,
        message: one_line(&format!("{said}; run `{}`", status.remedy), 400),
        evidence: vec![Evidence::record(FEED, &printable(&status.name), &date, &said)],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(id: &str, aliases: &[&str]) -> AdvisoryMatch {
        AdvisoryMatch {
            id: id.to_owned(),
            aliases: aliases.iter().map(|alias| (*alias).to_owned()).collect(),
            summary: format!("summary of {id}"),
            severity: None,
            score: None,
            vector: None,
            informational: None,
            published: None,
            modified: Some("2024-01-02T00:00:00Z".parse().unwrap()),
            fixed: vec!["1.2.3".to_owned()],
            malware: id.starts_with("MAL-"),
            matched: Matched::Range,
            url: Some("https://example.com/advisory".to_owned()),
        }
    }

    #[test]
    fn three_databases_that_know_one_hole_are_one_signal() {
        let mut matches =
            vec![found("CVE-2024-1", &[]), found("GHSA-a", &["CVE-2024-1"]), found("PYSEC-1", &["CVE-2024-1"]), found("GHSA-b", &[])];
        matches[1].severity = Some(Severity::High);
        let drafts = signals(&matches);
        assert_eq!(drafts.len(), 2);
        assert_eq!(drafts[0].severity, Severity::High);
        assert_eq!(drafts[0].message, "known vulnerability GHSA-a: summary of GHSA-a; fixed in 1.2.3");
        let ids: Vec<_> = drafts[0]
            .evidence
            .iter()
            .map(|e| match e {
                Evidence::Record { feed, id, .. } => (feed.as_str(), id.as_str()),
                _ => ("", ""),
            })
            .collect();
        assert_eq!(ids, [("osv", "GHSA-a"), ("osv", "PYSEC-1"), ("osv", "CVE-2024-1")]);
        assert_eq!(drafts[1].severity, Severity::Medium);
    }

    #[test]
    fn malware_is_critical_and_comes_first_and_names_its_record_first() {
        let mut alias = found("GHSA-m", &["MAL-2024-9"]);
        alias.malware = true;
        let drafts = signals(&[found("GHSA-z", &[]), alias, found("MAL-2024-9", &[])]);
        assert_eq!((drafts[0].id, drafts[0].severity, drafts[0].kind), (KNOWN_MALWARE, Severity::Critical, SignalKind::Malware));
        assert!(drafts[0].message.starts_with("known malware by MAL-2024-9"));
        assert_eq!(drafts.len(), 2);
    }

    #[test]
    fn informational_records_are_no_vulnerabilities() {
        let of = |kind: &str| {
            let mut item = found("RUSTSEC-1", &[]);
            item.informational = Some(kind.to_owned());
            signals(&[item]).remove(0).id
        };
        assert_eq!((of("unmaintained"), of("unsound"), of("notice")), (UNMAINTAINED, VULNERABILITY, NOTICE));
    }

    #[test]
    fn a_missing_or_stale_feed_is_said_and_a_fresh_one_is_not() {
        let mut status = crate::missing_status();
        let draft = feed_unknown(&status).unwrap();
        assert_eq!((draft.id, draft.status), (FEED_UNAVAILABLE, Status::Unknown));
        assert_eq!(draft.message, "the advisory feed `osv` has not been loaded; run `bifocal feed update`");
        status.health = FeedHealth::Stale;
        status.as_of = Some("2024-01-02T00:00:00Z".parse().unwrap());
        assert!(feed_unknown(&status).unwrap().message.contains("2024-01-02T00:00:00Z"));
        assert!(feed_unknown(&crate::damaged_status()).unwrap().message.starts_with("the advisory feed `osv` is damaged; run"));
        status.health = FeedHealth::Fresh;
        assert_eq!(feed_unknown(&status), None);
    }
}
