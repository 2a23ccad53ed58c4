//! Starting in an old code base: today's findings are known until a date, what is new is reported.

use crate::lab::{AT, Lab, dropper};
use bifocal_testkit::{Artifact, NpmPackage};
use serde_json::json;

const HELD: &str = "pkg:npm/inner-tool@99.99.99";
const FILE: &str = "bifocal-baseline.toml";

fn lab() -> Lab {
    let lab = Lab::new();
    lab.upstream.publish(NpmPackage::new("inner-tool", "99.99.99"));
    lab.upstream.publish(NpmPackage::new("inner-other", "99.99.99"));
    lab.upstream.publish(dropper("dropper", "1.0.0"));
    lab
}

#[test]
fn what_was_written_down_is_not_reported_again_and_what_is_new_is() {
    let lab = lab();
    lab.run(&["check", "--at", AT, HELD]).expect(1);
    lab.run(&["check", "--at", AT, "--write-baseline", "--", HELD])
        .expect(0)
        .complains(&["1 known finding written to bifocal-baseline.toml"]);
    let report = lab.check_json(0, &["--at", AT, HELD]);
    let lifted = &report.release(HELD)["lifted"][0];
    assert_eq!((lifted["rule"].as_str(), lifted["by"].as_str()), (Some("version-anomaly"), Some("baseline")));
    lab.run(&["check", "--at", AT, HELD]).expect(0).says(&["1 release with findings lifted by waivers, approvals or the baseline"]);
    let report = lab.check_json(1, &["--at", AT, HELD, "pkg:npm/inner-other@99.99.99"]);
    assert_eq!(report.named(), ["pkg:npm/inner-other@99.99.99"]);
    lab.check_json(1, &["--at", AT, "--no-baseline", HELD]);
}

#[test]
fn an_explanation_hears_the_baseline_as_a_check_does() {
    let lab = lab();
    lab.run(&["policy", "explain", HELD, "--at", AT]).expect(1).says(&["is hold by policy"]);
    lab.run(&["check", "--at", AT, "--write-baseline", "--", HELD]).expect(0);
    lab.run(&["policy", "explain", HELD, "--at", AT])
        .expect(0)
        .says(&["is allow by policy", "version-anomaly lifted by baseline: in the baseline"]);
    lab.run(&["policy", "explain", HELD, "--at", AT, "--no-baseline"]).expect(1).says(&["is hold by policy"]);
    std::fs::rename(lab.project().join(FILE), lab.project().join("known.toml")).unwrap();
    lab.run(&["policy", "explain", HELD, "--at", AT]).expect(1);
    lab.run(&["policy", "explain", HELD, "--at", AT, "--baseline", "known.toml"]).expect(0);
    lab.run(&["policy", "explain", HELD, "--baseline", "none.toml"]).expect(2).complains(&["none.toml"]);
}

#[test]
fn a_baseline_ends_on_its_date() {
    let lab = lab();
    lab.run(&["check", "--at", AT, "--write-baseline", FILE, "--baseline-until", "2026-12-24", HELD]).expect(0);
    lab.check_json(0, &["--at", "2026-12-23T23:59:59Z", HELD]);
    lab.check_json(1, &["--at", "2026-12-25T00:00:00Z", HELD]);
    for (until, word) in [("2026-11-01", "is not after"), ("soon", "neither a date")] {
        lab.run(&["check", "--at", AT, "--write-baseline", FILE, "--baseline-until", until, HELD])
            .expect(2)
            .complains(&["--baseline-until", word]);
    }
    // Without a date it ends after 90 days.
    lab.run(&["check", "--at", AT, "--write-baseline", FILE, HELD]).expect(0);
    lab.check_json(0, &["--at", "2027-02-22T06:00:00Z", HELD]);
    lab.check_json(1, &["--at", "2027-02-22T08:00:00Z", HELD]);
}

#[test]
fn malware_is_never_written_down() {
    let lab = lab();
    let purl = "pkg:npm/dropper@1.0.0";
    let report = lab.check_json(1, &["--at", AT, purl]);
    assert_eq!((report.verdict(purl), report.rules(purl)), ("hold", vec!["malware-behaviour"]));
    lab.run(&["check", "--at", AT, "--write-baseline", FILE, purl, HELD]).expect(1);
    let text = std::fs::read_to_string(lab.project().join(FILE)).unwrap();
    assert!(text.contains("inner-tool") && !text.contains("dropper"), "{text}");
    assert_eq!(lab.check_json(1, &["--at", AT, purl, HELD]).named(), [purl]);
}

#[test]
fn what_failed_is_never_written_down_and_the_run_says_so() {
    let lab = lab();
    let purl = "pkg:npm/bomb@1.0.0";
    let broken = Artifact::new("bomb-1.0.0.tgz", b"this is no archive".to_vec());
    let tarball = format!("{}/npm/bomb/-/bomb-1.0.0.tgz", lab.upstream.url());
    let version = json!({ "name": "bomb", "version": "1.0.0", "dist": { "tarball": tarball, "integrity": broken.integrity(), "shasum": broken.sha1_hex() } });
    let document = json!({ "name": "bomb", "dist-tags": { "latest": "1.0.0" }, "versions": { "1.0.0": version } });
    lab.upstream.route("/npm/bomb", "application/json", document.to_string());
    lab.upstream.route("/npm/bomb/-/bomb-1.0.0.tgz", "application/octet-stream", broken.bytes());
    assert_eq!(lab.check_json(1, &["--at", AT, purl]).rules(purl), ["analysis-failed"]);
    lab.run(&["check", "--write-baseline", FILE, purl, HELD])
        .expect(1)
        .complains(&["1 known finding written", "1 release whose analysis failed stays held"]);
    let text = std::fs::read_to_string(lab.project().join(FILE)).unwrap();
    assert!(text.contains("inner-tool") && !text.contains("bomb") && !text.contains("analysis-failed"), "{text}");
    let until = text.lines().find_map(|line| line.strip_prefix("until = \"")).unwrap();
    assert!(until.len() == "2027-02-22T07:00:00Z\"".len(), "no fractions of a second: {until}");
    assert_eq!(lab.check_json(1, &[purl, HELD]).named(), [purl]);
}

#[test]
fn findings_survive_moved_lines_and_not_other_code() {
    let lab = lab();
    // A habit, not an attack: our own policy holds it, the default one does not.
    lab.write("ours.toml", "schema_version = 1\nname = \"ours\"\n[[rule]]\nname = \"runs-what-it-fetches\"\nwhen = 'has(\"behaviour/remote-code-execution\")'\nverdict = \"hold\"\nmessage = \"{signals}\"\n");
    let code = "exports.install = () => require('child_process').exec('curl -s https://files.example.com/i.sh | sh');\n";
    let other = code.replace("i.sh", "other.sh");
    lab.upstream.publish(NpmPackage::new("helper", "1.0.0").file("index.js", code));
    lab.upstream.publish(NpmPackage::new("helper", "1.0.1").file("index.js", format!("'use strict';\n\n\n// moved down\n{code}")));
    lab.upstream.publish(NpmPackage::new("helper", "1.0.2").file("index.js", other));
    let check =
        |code: i32, version: &str| lab.check_json(code, &["--at", AT, "--policy", "ours.toml", &format!("pkg:npm/helper@{version}")]);
    check(1, "1.0.0");
    lab.run(&["check", "--at", AT, "--policy", "ours.toml", "--write-baseline", FILE, "pkg:npm/helper@1.0.0"]).expect(0);
    check(0, "1.0.0");
    check(0, "1.0.1");
    check(1, "1.0.2");
}

#[test]
fn a_baseline_that_cannot_be_read_is_2_and_names_the_file() {
    let lab = lab();
    lab.write(FILE, "schema_version = 1\nwritten = 3\n");
    lab.run(&["check", HELD]).expect(2).complains(&[FILE, "not valid"]);
    lab.write(FILE, "schema_version = 99\nwritten_at = \"2026-11-24T00:00:00Z\"\nuntil = \"2026-11-25T00:00:00Z\"\n");
    lab.run(&["check", HELD]).expect(2).complains(&["schema version 99", "update bifocal"]);
    lab.run(&["check", "--baseline", "none.toml", HELD]).expect(2).complains(&["none.toml"]);
}
