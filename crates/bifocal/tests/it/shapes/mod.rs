//! Thirty attack shapes over five ecosystems, each with a benign twin that does the honest thing that looks like it.
//!
//! All are written by hand and harmless: addresses are reserved (`example.com`, 192.0.2.0/24), nothing is ever run. One
//! run, one policy: every shape is held or denied, no twin is. With `BIFOCAL_SHAPES_REPORT` the verdicts are written there
//! as JSON: `lab/projects/check_projects.py` prints them beside those of real projects.

mod cargo;
mod golang;
mod maven;
mod npm;
mod pypi;

use crate::lab::{AT, Lab};
use bifocal_core::{Ecosystem, Release};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// An attack and its twin.
pub(crate) struct Shape {
    /// What the attack does, in a few words.
    pub(crate) name: &'static str,
    pub(crate) bad: Release,
    pub(crate) twin: Release,
}

/// Shapes of one ecosystem, published, and what has to change after the project was locked.
#[derive(Default)]
pub(crate) struct Shapes {
    pub(crate) all: Vec<Shape>,
    /// Releases that a malware record names.
    pub(crate) malware: Vec<Release>,
    /// Releases whose bytes the upstream replaces after they were locked.
    pub(crate) replaced: Vec<Release>,
    /// Names that are popular.
    pub(crate) popular: Vec<&'static str>,
}

impl Shapes {
    pub(crate) fn add(&mut self, name: &'static str, bad: Release, twin: Release) {
        self.all.push(Shape { name, bad, twin });
    }
}

pub(crate) fn release(ecosystem: Ecosystem, name: &str, version: &str) -> Release {
    Release::new(ecosystem, name, version).unwrap()
}

fn malware_records(releases: &[Release]) -> String {
    let mut text = String::new();
    for (number, release) in releases.iter().enumerate() {
        let record = serde_json::json!({
            "schema_version": "1.6.0",
            "id": format!("MAL-2026-{}", number + 1),
            "published": "2026-11-20T00:00:00Z",
            "modified": "2026-11-23T00:00:00Z",
            "summary": "written for a test",
            "affected": [{
                "package": { "ecosystem": release.ecosystem().osv_name(), "name": release.package.as_str() },
                "versions": [release.version.trim_start_matches('v')],
            }],
        });
        let _ = writeln!(text, "{record}");
    }
    text
}

#[test]
fn every_attack_shape_is_held_or_denied_and_no_twin_is() {
    let lab = Lab::new();
    let groups: [(Ecosystem, Shapes); 5] = [
        (Ecosystem::Npm, npm::publish(&lab.upstream)),
        (Ecosystem::Pypi, pypi::publish(&lab.upstream)),
        (Ecosystem::Cargo, cargo::publish(&lab.upstream)),
        (Ecosystem::Maven, maven::publish(&lab.upstream)),
        (Ecosystem::Golang, golang::publish(&lab.upstream)),
    ];
    let shapes: Vec<&Shape> = groups.iter().flat_map(|(_, shapes)| &shapes.all).collect();
    assert!(shapes.len() >= 30, "{} shapes", shapes.len());

    let releases: Vec<Release> = shapes.iter().flat_map(|shape| [shape.bad.clone(), shape.twin.clone()]).collect();
    lab.lock(&releases);
    let malware: Vec<Release> = groups.iter().flat_map(|(_, shapes)| shapes.malware.clone()).collect();
    let records = lab.beside("records.jsonl");
    std::fs::write(&records, malware_records(&malware)).unwrap();
    lab.run(&["feed", "update", records.to_str().unwrap()]).expect(0);
    for (ecosystem, shapes) in &groups {
        if !shapes.popular.is_empty() {
            let list = lab.beside(&format!("popular-{ecosystem}.txt"));
            std::fs::write(&list, shapes.popular.join("\n")).unwrap();
            lab.run(&["feed", "update", "--popularity", ecosystem.as_str(), list.to_str().unwrap()]).expect(0);
        }
        for release in &shapes.replaced {
            replace_bytes(&lab, release);
        }
    }

    let report: Value = serde_json::from_str(&lab.run(&["check", "--format", "json", "--at", AT]).stdout).unwrap();
    let found: BTreeMap<&str, &Value> =
        report["releases"].as_array().unwrap().iter().map(|release| (release["purl"].as_str().unwrap(), release)).collect();
    let verdict_of = |release: &Release| found.get(release.purl().as_str()).map_or("missing", |one| one["verdict"].as_str().unwrap());
    if let Some(path) = std::env::var_os("BIFOCAL_SHAPES_REPORT") {
        let rows: Vec<Value> = shapes.iter().map(|shape| row(shape, &verdict_of)).collect();
        let written = serde_json::json!({ "policy": report["policy"], "summary": report["summary"], "shapes": rows });
        std::fs::write(path, written.to_string()).unwrap();
    }
    let mut wrong = String::new();
    for shape in &shapes {
        for (release, bad) in [(&shape.bad, true), (&shape.twin, false)] {
            let purl = release.purl();
            let verdict = verdict_of(release);
            let right = if bad { matches!(verdict, "hold" | "deny") } else { verdict == "allow" };
            if !right {
                let details =
                    found.get(purl.as_str()).map(|release| format!("{} {} {}", release["reasons"], release["signals"], release["error"]));
                let _ = writeln!(
                    wrong,
                    "{} ({}): {purl} is {verdict}: {}",
                    shape.name,
                    if bad { "attack" } else { "twin" },
                    details.unwrap_or_default()
                );
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    // All of them were looked at: a release without an artifact is one whose bytes were refused.
    for (purl, release) in &found {
        let looked_at = !release["artifacts"].as_array().unwrap().is_empty();
        assert!(looked_at || release["signals"].to_string().contains("provenance/digest-mismatch"), "{purl} has no artifact");
    }
}

/// A shape as the report of the lab prints it.
fn row<'r>(shape: &Shape, verdict_of: &impl Fn(&Release) -> &'r str) -> Value {
    serde_json::json!({
        "name": shape.name,
        "attack": { "purl": shape.bad.purl(), "verdict": verdict_of(&shape.bad) },
        "twin": { "purl": shape.twin.purl(), "verdict": verdict_of(&shape.twin) },
    })
}

/// Serves other bytes than those that were locked.
fn replace_bytes(lab: &Lab, release: &Release) {
    lab.upstream.mutate(7, bifocal_testkit::Mutation::Byte, std::slice::from_ref(release));
}
