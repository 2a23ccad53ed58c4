//! CycloneDX 1.6 (<https://cyclonedx.org/docs/1.6/json/>): a component for each release with its assessed artifacts'
//! digests, the verdict and its rules as properties, and known vulnerabilities as such.

use bifocal_core::{Evidence, Severity, Sha256, Signal, Status, one_line};
use bifocal_engine::{CheckReport, ReleaseReport};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Renders a check. The serial number is derived from the content, so that the same report gives the same bytes.
pub(crate) fn render(report: &CheckReport) -> Value {
    let mut components: Vec<Value> = report.releases.iter().map(component).collect();
    components.extend(report.not_evaluated.iter().enumerate().map(|(number, missing)| {
        json!({
            "type": "library",
            "bom-ref": format!("not-evaluated-{}", number + 1),
            "name": one_line(&missing.what, 240),
            "properties": [
                { "name": "bifocal:verdict", "value": "error" },
                { "name": "bifocal:error", "value": one_line(&missing.error, 1000) },
            ],
        })
    }));
    let mut vulnerabilities: BTreeMap<String, Value> = BTreeMap::new();
    for release in &report.releases {
        for signal in release.signals.iter().filter(|signal| signal.status == Status::Present && signal.id.starts_with("advisory/")) {
            add_vulnerability(&mut vulnerabilities, release, signal);
        }
    }
    let seed = Sha256::of(serde_json::to_string(&components).unwrap_or_default().as_bytes()).hex();
    json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": format!("urn:uuid:{}-{}-5{}-8{}-{}", &seed[..8], &seed[8..12], &seed[13..16], &seed[17..20], &seed[20..32]),
        "version": 1,
        "metadata": {
            "timestamp": report.evaluated_at.to_string(),
            "tools": { "components": [{ "type": "application", "name": "bifocal", "version": report.bifocal }] },
            "properties": [
                { "name": "bifocal:policy", "value": report.policy.name },
                { "name": "bifocal:policy-digest", "value": report.policy.digest },
            ],
        },
        "components": components,
        "vulnerabilities": vulnerabilities.into_values().collect::<Vec<_>>(),
    })
}

fn component(release: &ReleaseReport) -> Value {
    let parsed: Option<bifocal_core::Release> = release.purl.parse().ok();
    let mut properties = vec![json!({ "name": "bifocal:verdict", "value": release.verdict.as_str() })];
    for reason in &release.reasons {
        properties.push(json!({ "name": format!("bifocal:reason:{}", reason.rule), "value": one_line(&reason.message, 1000) }));
    }
    if let Some(error) = &release.error {
        properties.push(json!({ "name": "bifocal:error", "value": one_line(error, 1000) }));
    }
    for signal in &release.signals {
        properties.push(json!({ "name": format!("bifocal:signal:{}", signal.id), "value": one_line(&signal.message, 1000) }));
    }
    let mut value = json!({
        "type": "library",
        "bom-ref": release.purl,
        "name": parsed.as_ref().map_or("", |parsed| parsed.package.base_name()),
        "version": parsed.as_ref().map_or("", |parsed| &parsed.version),
        "purl": release.purl,
        "properties": properties,
    });
    if let Some(group) = parsed.as_ref().and_then(|parsed| parsed.package.namespace()) {
        value["group"] = json!(group);
    }
    if let [only] = release.artifacts.as_slice() {
        value["hashes"] = json!([{ "alg": "SHA-256", "content": only.sha256.hex() }]);
    } else if !release.artifacts.is_empty() {
        value["components"] = release
            .artifacts
            .iter()
            .map(|artifact| {
                json!({
                    "type": "file",
                    "bom-ref": format!("{}#{}", release.purl, artifact.sha256.hex()),
                    "name": artifact.filename,
                    "hashes": [{ "alg": "SHA-256", "content": artifact.sha256.hex() }],
                })
            })
            .collect();
    }
    value
}

fn add_vulnerability(all: &mut BTreeMap<String, Value>, release: &ReleaseReport, signal: &Signal) {
    let Some(id) = signal.evidence.iter().find_map(|evidence| match evidence {
        Evidence::Record { id, .. } => Some(id.as_str()),
        Evidence::File { .. } => None,
    }) else {
        return;
    };
    let entry = all.entry(id.to_owned()).or_insert_with(|| {
        json!({
            "bom-ref": format!("vulnerability:{id}"),
            "id": id,
            "ratings": [{ "severity": severity(signal.severity) }],
            "description": one_line(&signal.message, 1000),
            "affects": [],
        })
    });
    if let Some(affects) = entry["affects"].as_array_mut() {
        affects.push(json!({ "ref": release.purl }));
    }
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        other => other.as_str(),
    }
}
