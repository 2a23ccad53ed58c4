//! Policies as a user writes them, judged over hand-made assessments.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on may stop")]

mod docs;
mod hostile;
mod lint;
mod packs;
mod people;
mod rules;
mod same_as_cel;

use bifocal_core::{
    ArtifactFile, ArtifactKind, Assessment, Evidence, Known, Lens, PackageHistory, Release, ReleaseRecord, SCHEMA_VERSION, Severity,
    Sha256, Signal, SignalDraft, SignalKind, Status,
};
use bifocal_policy::{KnownSignals, Policy};
use jiff::Timestamp;
use std::collections::BTreeMap;

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The time for which most tests evaluate.
fn now() -> Timestamp {
    time("2026-03-01T00:00:00Z")
}

fn digest() -> Sha256 {
    Sha256::of(b"artifact")
}

/// A release with one artifact, published on 2026-02-27, two days before [`now`].
fn assessment(purl: &str, signals: Vec<Signal>) -> Assessment {
    let release: Release = purl.parse().unwrap();
    let file = ArtifactFile {
        filename: "x.tgz".to_owned(),
        kind: ArtifactKind::NpmTarball,
        url: String::new(),
        size: Some(10),
        digests: vec![digest().into()],
        uploaded_at: Known::NotGiven,
        yanked: None,
        provenance: Known::NotGiven,
    };
    let record = ReleaseRecord {
        schema_version: SCHEMA_VERSION,
        release,
        upstream: "default".to_owned(),
        files: vec![file.clone()],
        published_at: Known::Given(time("2026-02-27T00:00:00Z")),
        yanked: None,
        deprecated: None,
        publisher: Known::NotGiven,
        maintainers: Known::NotGiven,
        repository: Known::Given("https://forge.example.com/x".to_owned()),
        license: Known::NotGiven,
        description: Known::NotGiven,
        install_scripts: BTreeMap::from([("postinstall".to_owned(), "node x.js".to_owned())]),
        signatures: Known::NotGiven,
        history: PackageHistory { version_count: 5, ..PackageHistory::default() },
        also_on: Vec::new(),
        changed: Default::default(),
        upstream_key: String::new(),
    };
    Assessment { schema_version: SCHEMA_VERSION, record, artifacts: vec![(file, digest(), 10)], signals }
}

fn signal(id: &'static str, lens: Lens, severity: Severity, kind: SignalKind) -> Signal {
    SignalDraft {
        id,
        lens,
        status: Status::Present,
        severity,
        confidence: 0.95,
        kind,
        message: format!("saw {id}"),
        evidence: vec![Evidence::file("package/setup.js", 3, 1, "run(x)")],
    }
    .finish(Some(digest()))
}

fn malware() -> Signal {
    signal("behaviour/install-time-download", Lens::Behaviour, Severity::High, SignalKind::Malware)
}

fn with_status(mut signal: Signal, status: Status) -> Signal {
    signal.status = status;
    signal
}

fn known() -> KnownSignals {
    KnownSignals::new([
        "behaviour/install-time-download",
        "behaviour/obfuscated-payload",
        "advisory/known-malware",
        "advisory/vulnerability",
        "provenance/attestation",
        "provenance/digest-mismatch",
        "history/look-alike-name",
    ])
}

fn load(text: &str) -> Policy {
    let text = format!("schema_version = 1\nname = \"test\"\n{text}");
    Policy::load(&text, "policy.toml", &known(), Some(now())).unwrap().policy
}

/// A policy of one rule with the condition.
fn rule(when: &str) -> Policy {
    load(&format!("[[rule]]\nname = \"r\"\nverdict = \"hold\"\nmessage = \"m\"\nwhen = '''{when}'''\n"))
}

fn problems(text: &str) -> Vec<String> {
    let text = format!("schema_version = 1\nname = \"test\"\n{text}");
    match Policy::load(&text, "p.toml", &known(), Some(now())) {
        Ok(loaded) => loaded.warnings.iter().map(ToString::to_string).collect(),
        Err(error) => error.0.iter().map(ToString::to_string).collect(),
    }
}

/// The only problem of a policy of one rule with the condition, without its place.
fn mistake(when: &str) -> String {
    let text = format!("[[rule]]\nname = \"r\"\nverdict = \"hold\"\nmessage = \"m\"\nwhen = '{when}'\n");
    let found = problems(&text);
    assert_eq!(found.len(), 1, "{when}: {found:#?}");
    found[0].splitn(4, ':').nth(3).unwrap().trim().to_owned()
}
