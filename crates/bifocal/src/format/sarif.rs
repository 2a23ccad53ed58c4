//! SARIF 2.1.0 (<https://docs.oasis-open.org/sarif/sarif/v2.1.0/>): a result for each reason with the signals behind
//! it, at the place where the lockfile names the release; evidence inside artifacts as related locations.

use bifocal_core::{Evidence, FeedHealth, Place, Severity, Signal, one_line};
use bifocal_engine::{CheckReport, Outcome, ReleaseReport, ScanLine};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Renders a check.
pub(crate) fn render(report: &CheckReport) -> Value {
    let mut rules: BTreeMap<String, Value> = BTreeMap::new();
    let mut results = Vec::new();
    for release in &report.releases {
        for reason in &release.reasons {
            rules.entry(format!("policy/{}", reason.rule)).or_insert_with(|| rule(&format!("policy/{}", reason.rule), &reason.remedy));
            let signals: Vec<&Signal> = release.signals.iter().filter(|signal| reason.fingerprints.contains(&signal.fingerprint)).collect();
            results.push(json!({
                "ruleId": format!("policy/{}", reason.rule),
                "level": if release.verdict == Outcome::Allow { "note" } else { level(release.verdict) },
                "message": { "text": one_line(&format!("{}: {}", release.purl, reason.message), 1000) },
                "locations": locations(&release.places, &release.purl),
                "relatedLocations": signals.iter().flat_map(|signal| related(release, signal)).collect::<Vec<_>>(),
                "partialFingerprints": { "bifocal/v1": reason_fingerprint(release, &reason.rule, &reason.fingerprints) },
                "properties": { "purl": release.purl, "verdict": release.verdict.as_str(), "signals": reason.signals, "fingerprints": reason.fingerprints },
            }));
        }
        if let Some(error) = &release.error {
            rules.entry("bifocal/not-evaluated".to_owned()).or_insert_with(|| rule("bifocal/not-evaluated", ""));
            results.push(json!({
                "ruleId": "bifocal/not-evaluated",
                "level": "error",
                "message": { "text": one_line(&format!("{}: {error}", release.purl), 1000) },
                "locations": locations(&release.places, &release.purl),
                "partialFingerprints": { "bifocal/v1": reason_fingerprint(release, "not-evaluated", &[]) },
                "properties": { "purl": release.purl, "verdict": "error" },
            }));
        }
    }
    for missing in &report.not_evaluated {
        rules.entry("bifocal/not-evaluated".to_owned()).or_insert_with(|| rule("bifocal/not-evaluated", ""));
        results.push(json!({
            "ruleId": "bifocal/not-evaluated",
            "level": "error",
            "message": { "text": one_line(&format!("{}: {}", missing.what, missing.error), 1000) },
            "locations": locations(std::slice::from_ref(&missing.place), &missing.what),
        }));
    }
    let mut document = document(report.bifocal.as_str(), rules, results, report.summary.error == 0);
    let broken: Vec<Value> = report
        .feeds
        .iter()
        .filter(|feed| feed.health != FeedHealth::Fresh)
        .map(|feed| {
            let text = format!("feed {} is missing, stale or damaged: its questions are unknown; run `{}`", feed.name, feed.remedy);
            json!({ "level": "warning", "message": { "text": text } })
        })
        .collect();
    if !broken.is_empty() {
        document["runs"][0]["invocations"][0]["toolExecutionNotifications"] = Value::Array(broken);
    }
    document
}

/// Renders a scan.
pub(crate) fn render_scan(lines: &[ScanLine], version: &str) -> Value {
    let mut rules = BTreeMap::new();
    let mut results = Vec::new();
    for line in lines {
        for signal in &line.signals {
            rules.entry(signal.id.clone()).or_insert_with(|| rule(&signal.id, ""));
            results.push(json!({
                "ruleId": signal.id,
                "level": severity_level(signal.severity),
                "message": { "text": one_line(&signal.message, 1000) },
                "locations": signal.evidence.iter().map(|evidence| scanned_location(&line.path, evidence)).take(1).collect::<Vec<_>>(),
                "partialFingerprints": { "bifocal/v1": signal.fingerprint },
            }));
        }
    }
    document(version, rules, results, lines.iter().all(|line| line.error.is_none()))
}

fn document(version: &str, rules: BTreeMap<String, Value>, results: Vec<Value>, complete: bool) -> Value {
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "Bifocal",
                "semanticVersion": version,
                "rules": rules.into_values().collect::<Vec<_>>(),
            }},
            "invocations": [{ "executionSuccessful": complete }],
            "columnKind": "unicodeCodePoints",
            "results": results,
        }]
    })
}

fn rule(id: &str, remedy: &str) -> Value {
    let mut rule = json!({ "id": id, "shortDescription": { "text": id.replace(['/', '-'], " ") } });
    if !remedy.is_empty() {
        rule["help"] = json!({ "text": remedy });
    }
    rule
}

fn level(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Deny | Outcome::Error => "error",
        Outcome::Hold => "warning",
        Outcome::Allow => "note",
    }
}

fn severity_level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Info => "note",
    }
}

/// The first place in a file; what only a person typed is at no place but in its own name.
fn locations(places: &[Place], name: &str) -> Vec<Value> {
    match places.iter().find(|place| place.is_in_file()) {
        Some(place) => vec![physical(&place.path, place.line, 0, None)],
        None => vec![json!({ "logicalLocations": [{ "fullyQualifiedName": one_line(name, 1000) }] })],
    }
}

fn physical(path: &str, line: u32, column: u32, snippet: Option<&str>) -> Value {
    let mut location = json!({ "artifactLocation": { "uri": uri(path) } });
    if line > 0 {
        let mut region = json!({ "startLine": line });
        if column > 0 {
            region["startColumn"] = json!(column);
        }
        if let Some(snippet) = snippet.filter(|snippet| !snippet.is_empty()) {
            region["snippet"] = json!({ "text": one_line(snippet, 240) });
        }
        location["region"] = region;
    }
    json!({ "physicalLocation": location })
}

fn scanned_location(archive: &str, evidence: &Evidence) -> Value {
    match evidence {
        Evidence::File { path, line, column, snippet, .. } => physical(&format!("{archive}/{path}"), *line, *column, Some(snippet)),
        Evidence::Record { .. } => physical(archive, 0, 0, None),
    }
}

fn related(release: &ReleaseReport, signal: &Signal) -> Vec<Value> {
    signal
        .evidence
        .iter()
        .take(5)
        .map(|evidence| {
            let mut location = match evidence {
                Evidence::File { path, line, column, snippet, .. } => {
                    physical(&format!("{}/{path}", release.purl), *line, *column, Some(snippet))
                }
                Evidence::Record { feed, id, .. } => {
                    json!({ "logicalLocations": [{ "fullyQualifiedName": one_line(&format!("{feed} {id}"), 240) }] })
                }
            };
            location["message"] = json!({ "text": one_line(&format!("{}: {}", signal.id, signal.message), 1000) });
            location
        })
        .collect()
}

/// Percent-encodes what a URI reference may not contain.
fn uri(path: &str) -> String {
    let mut out = String::new();
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'.' | b'_' | b'~' | b'@' | b'+') {
            out.push(byte as char);
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

fn reason_fingerprint(release: &ReleaseReport, rule: &str, fingerprints: &[String]) -> String {
    bifocal_core::Sha256::of(format!("{}\0{rule}\0{}", release.purl, fingerprints.join("\0")).as_bytes()).hex()[..32].to_owned()
}
