//! SARIF and CycloneDX: consistent in themselves, and written to a folder where `scripts/validate_formats.sh` validates
//! them against the official schemas.

use crate::lab::{AT, Lab, dropper, malware};
use bifocal_core::{Ecosystem, Release};
use bifocal_testkit::{NpmPackage, World};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Where the documents are put.
fn folder() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("formats");
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// Everything that a document can hold: allowed, held, denied, vulnerable, not to be had, git, five ecosystems, scopes.
fn lab() -> Lab {
    let lab = Lab::new();
    let world = World::new(21, 4);
    let mut releases = Vec::new();
    for ecosystem in Ecosystem::ALL {
        lab.upstream.edit(|catalogue| world.publish(catalogue, ecosystem, 0..4));
        releases.extend((0..4).map(|number| world.newest(ecosystem, number)));
    }
    lab.upstream.publish(dropper("dropper", "1.0.0"));
    lab.upstream.publish(dropper("@hostile\u{2d}scope/dropper", "1.0.0-rc.1+build.5").file("b\u{202e}ad \"name\".js", "1"));
    lab.upstream.publish(NpmPackage::new("left-pad", "1.3.0"));
    lab.upstream.publish(NpmPackage::new("holey", "1.0.0"));
    for (name, version) in
        [("dropper", "1.0.0"), ("@hostile-scope/dropper", "1.0.0-rc.1+build.5"), ("left-pad", "1.3.0"), ("holey", "1.0.0")]
    {
        releases.push(Release::new(Ecosystem::Npm, name, version).unwrap());
    }
    lab.lock(&releases);
    let hole = json!({
        "schema_version": "1.7.0", "id": "GHSA-xxxx-yyyy-zzzz", "aliases": ["CVE-2026-1"], "modified": "2026-11-20T00:00:00Z",
        "published": "2026-11-20T00:00:00Z", "summary": "A hole \u{1b}[31m<script>",
        "severity": [{ "type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H" }],
        "affected": [{ "package": { "ecosystem": "npm", "name": "holey" }, "ranges": [{ "type": "SEMVER", "events": [{ "introduced": "0" }, { "fixed": "1.0.1" }] }] }],
    });
    lab.load_advisories(&[malware("MAL-2026-7", "left-pad", "1.3.0"), hole]);
    lab
}

fn written(lab: &Lab, name: &str, arguments: &[&str]) -> Value {
    let run = lab.run(arguments).expect(1);
    std::fs::write(folder().join(name), &run.stdout).unwrap();
    serde_json::from_str(&run.stdout).unwrap()
}

#[test]
fn sarif_names_only_rules_that_it_lists_and_places_that_exist() {
    let lab = lab();
    let check = written(&lab, "check.sarif", &["check", "--at", AT, "--format", "sarif", ".", "pkg:npm/absent@1.0.0"]);
    lab.write("bad.tgz", dropper("bad", "1.0.0").build().artifact().bytes());
    lab.write("broken.zip", b"PK\x03\x04 and nothing else");
    let scan = written(&lab, "scan.sarif", &["scan", "--format", "sarif", "bad.tgz", "broken.zip"]);
    lab.run(&["check", "--at", AT, "--format", "sarif", "pkg:npm/holey@1.0.0"]).expect(0);
    for document in [&check, &scan] {
        let run = &document["runs"][0];
        let rules: BTreeSet<&str> =
            run["tool"]["driver"]["rules"].as_array().unwrap().iter().map(|rule| rule["id"].as_str().unwrap()).collect();
        let results = run["results"].as_array().unwrap();
        assert!(!results.is_empty());
        let mut fingerprints = BTreeSet::new();
        for result in results {
            assert!(rules.contains(result["ruleId"].as_str().unwrap()), "{result}");
            assert!(fingerprints.insert(result["partialFingerprints"].to_string() + &result["message"].to_string()), "twice: {result}");
            assert_eq!(result["locations"].as_array().unwrap().len(), 1, "{result}");
        }
    }
    // What was only typed is in no file, and named.
    let absent =
        check["runs"][0]["results"].as_array().unwrap().iter().find(|result| result["properties"]["purl"] == "pkg:npm/absent@1.0.0");
    assert_eq!(absent.unwrap()["locations"], json!([{ "logicalLocations": [{ "fullyQualifiedName": "pkg:npm/absent@1.0.0" }] }]));
    assert!(!check.to_string().contains("command%20line"));
    // Lockfile and line of the release that is held.
    let held = check["runs"][0]["results"]
        .as_array()
        .unwrap()
        .iter()
        .find(|result| result["properties"]["purl"] == "pkg:npm/dropper@1.0.0")
        .unwrap();
    let place = &held["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "package-lock.json");
    let lockfile = std::fs::read_to_string(lab.project().join("package-lock.json")).unwrap();
    let line = lockfile.lines().nth(place["region"]["startLine"].as_u64().unwrap() as usize - 1).unwrap();
    assert!(line.contains("dropper") || line.contains("1.0.0"), "{line}");
}

#[test]
fn cyclonedx_lists_every_release_once_with_digests_and_vulnerabilities() {
    let lab = lab();
    let bom =
        written(&lab, "check.cdx.json", &["check", "--at", AT, "--format", "cyclonedx", "--all-artifacts", ".", "pkg:npm/absent@1.0.0"]);
    let again = lab.run(&["check", "--at", AT, "--format", "cyclonedx", "--all-artifacts", ".", "pkg:npm/absent@1.0.0"]).expect(1);
    assert_eq!(bom, serde_json::from_str::<Value>(&again.stdout).unwrap(), "no random serial number");
    let components = bom["components"].as_array().unwrap();
    assert_eq!(components.len(), 25);
    let references: BTreeSet<&str> = components.iter().map(|component| component["bom-ref"].as_str().unwrap()).collect();
    assert_eq!(references.len(), 25);
    let vulnerabilities = bom["vulnerabilities"].as_array().unwrap();
    let ids: BTreeSet<&str> = vulnerabilities.iter().map(|one| one["id"].as_str().unwrap()).collect();
    assert_eq!(ids, BTreeSet::from(["GHSA-xxxx-yyyy-zzzz", "MAL-2026-7"]));
    for one in vulnerabilities {
        assert!(references.contains(one["affects"][0]["ref"].as_str().unwrap()), "{one}");
    }
    let python = components.iter().find(|component| component["purl"].as_str().unwrap().starts_with("pkg:pypi/")).unwrap();
    assert_eq!(python["components"].as_array().unwrap().len(), 2, "wheel and sdist: {python}");
}

/// A BOM that was written is one that can be read: the same releases come out.
#[test]
fn a_written_cyclonedx_document_can_be_checked_again() {
    let lab = lab();
    let run = lab.run(&["check", "--at", AT, "--format", "cyclonedx", "."]).expect(1);
    lab.write("bom/bom.json", &run.stdout);
    let (first, again) = (lab.check_json(1, &["--at", AT, "."]), lab.check_json(1, &["--at", AT, "bom/bom.json"]));
    let verdicts = |report: &crate::lab::Report| {
        report.releases().iter().map(|release| (release["purl"].to_string(), release["verdict"].to_string())).collect::<Vec<_>>()
    };
    assert_eq!(verdicts(&first), verdicts(&again));
}
