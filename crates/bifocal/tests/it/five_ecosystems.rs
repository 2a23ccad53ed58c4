//! One run over the lockfiles of five ecosystems: every release that they name is in the report, with what was looked
//! at, in every printed form.

use crate::lab::{AT, Lab};
use bifocal_core::{Ecosystem, Release};
use bifocal_testkit::World;
use std::collections::BTreeSet;

/// A world of a few packages an ecosystem, locked in one project.
fn locked(seed: u64, names: usize, roots: usize) -> (Lab, Vec<Release>) {
    let lab = Lab::named();
    let world = World::new(seed, names);
    let mut releases = Vec::new();
    for ecosystem in Ecosystem::ALL {
        releases.extend(world.closure(ecosystem, names - roots..names));
        lab.upstream.edit(|catalogue| world.publish(catalogue, ecosystem, 0..names));
    }
    lab.lock(&releases);
    (lab, releases)
}

#[test]
fn every_release_that_five_lockfiles_name_is_looked_at() {
    let (lab, releases) = locked(5, 40, 6);
    let report = lab.check_json(0, &["--at", AT]);
    let wanted: BTreeSet<String> = releases.iter().map(Release::purl).collect();
    let found: BTreeSet<String> = report.releases().iter().map(|release| release["purl"].as_str().unwrap().to_owned()).collect();
    assert_eq!(found, wanted);
    for ecosystem in Ecosystem::ALL {
        assert!(releases.iter().filter(|release| release.ecosystem() == ecosystem).count() >= 6);
    }
    for release in report.releases() {
        assert!(!release["artifacts"].as_array().unwrap().is_empty(), "nothing was looked at: {release:#}");
        assert!(!release["places"].as_array().unwrap().is_empty(), "no place: {release:#}");
    }
    assert_eq!(report.count("releases"), wanted.len() as u64);
    assert_eq!(report.count("error"), 0);
    assert!(report.count("artifacts") >= wanted.len() as u64);
}

#[test]
fn the_same_lockfiles_offline_and_afresh_give_the_same_report() {
    let (lab, _) = locked(6, 12, 2);
    let first = lab.check_json(0, &["--at", AT]);
    lab.upstream.clear_log();
    let afresh = lab.check_json(0, &["--at", AT, "--no-cache"]);
    assert!(!lab.upstream.requests("*").is_empty(), "--no-cache asks the upstream");
    lab.upstream.clear_log();
    let offline = lab.check_json(0, &["--at", AT, "--offline"]);
    assert!(lab.upstream.requests("*").is_empty(), "--offline asks nobody");
    assert_eq!(first.0, afresh.0);
    assert_eq!(first.0, offline.0);
}

#[test]
fn without_a_cache_nothing_is_kept() {
    let (lab, _) = locked(7, 3, 1);
    lab.check_json(0, &["--at", AT, "--no-cache"]);
    assert!(!lab.cache().exists() || std::fs::read_dir(lab.cache()).unwrap().next().is_none(), "--no-cache wrote");
    let report = lab.check_json(3, &["--at", AT, "--offline"]);
    assert_eq!(report.count("allow"), 0);
}

/// What differs between builds: digests of the policy, versions of program and analyser.
fn settings(lab: &Lab) -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.add_filter(r#""digest": ?"sha256:[0-9a-f]{64}""#, r#""digest": "sha256:[policy]""#);
    settings.add_filter(r#""as_of": ?"[^"]*""#, r#""as_of": "[obtained]""#);
    settings.add_filter(r#""analyser": ?"[^"]*""#, r#""analyser": "[analyser]""#);
    settings.add_filter(r#""bifocal": ?"[^"]*""#, r#""bifocal": "[version]""#);
    settings.add_filter(&lab.project().display().to_string(), "[project]");
    settings
}

#[test]
fn the_printed_forms_are_those_that_were_agreed() {
    // Two releases an ecosystem at most, one of them held, one denied, one not to be had, one a git dependency.
    let lab = Lab::named();
    let world = World::new(8, 4);
    let mut releases = Vec::new();
    for ecosystem in Ecosystem::ALL {
        lab.upstream.edit(|catalogue| world.publish(catalogue, ecosystem, 0..4));
        releases.push(world.newest(ecosystem, 0));
    }
    lab.upstream.publish(bifocal_testkit::NpmPackage::new("inner-tool", "99.99.99").publisher("mallory"));
    let odd = Release::new(Ecosystem::Npm, "inner-tool", "99.99.99").unwrap();
    releases.push(odd);
    lab.lock(&releases);
    let denied = world.newest(Ecosystem::Cargo, 0);
    lab.load_advisories_of("cargo", &[serde_json::json!({
        "schema_version": "1.7.0", "id": "MAL-2026-7", "modified": "2026-11-20T00:00:00Z", "published": "2026-11-20T00:00:00Z",
        "summary": "Malicious code",
        "affected": [{ "package": { "ecosystem": Ecosystem::Cargo.osv_name(), "name": denied.package.as_str() }, "versions": [denied.version] }],
    })]);
    lab.write(
        "requirements.txt",
        std::fs::read_to_string(lab.project().join("requirements.txt")).unwrap() + "forked @ git+https://git.example/forked\n",
    );
    settings(&lab).bind(|| {
        for format in ["human", "json", "jsonl", "markdown", "sarif", "cyclonedx"] {
            let run = lab.run(&["check", "--at", AT, "--format", format, "pkg:npm/absent@1.0.0", "."]).expect(1);
            insta::assert_snapshot!(format!("check_{format}"), run.stdout);
        }
    });
}
