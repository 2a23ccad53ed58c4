//! What people read is short: one cause once, what observes in a few lines, and no note beside a verdict that it did not cause.

use crate::lab::{AT, Lab, dropper};
use bifocal_testkit::NpmPackage;
use serde_json::json;

#[test]
fn an_upstream_that_is_down_is_one_error_however_many_releases_ask_it() {
    let lab = Lab::new();
    let packages: serde_json::Map<String, serde_json::Value> =
        (0..40).map(|number| (format!("node_modules/pkg{number}"), json!({ "version": "1.0.0" }))).collect();
    lab.write("package-lock.json", json!({ "lockfileVersion": 3, "packages": packages }).to_string());
    lab.upstream.stop();
    let run = lab.run(&["check", "--no-cache"]).expect(3);
    // One connection is refused at first, the rest are not tried any more.
    let blocks = run.stdout.lines().filter(|line| line.starts_with("ERROR")).count();
    assert!(blocks <= 4, "{run}");
    let run = run.says(&["for one cause", "no connection to", "pkg:npm/pkg", "more: -v names them all", "40 not evaluated"]);
    assert!(run.stdout.lines().count() < 40, "{run}");
    let run = lab.run(&["check", "--no-cache", "-v"]).expect(3);
    for number in 0..40 {
        assert!(run.stdout.contains(&format!("pkg:npm/pkg{number}@1.0.0")), "{run}");
    }
}

#[test]
fn an_observing_policy_says_at_the_head_what_it_would_have_stopped() {
    let lab = Lab::new();
    lab.upstream.publish(dropper("bad", "1.0.0"));
    lab.upstream.publish(NpmPackage::new("inner-tool", "99.99.99"));
    lab.upstream.publish(NpmPackage::new("left-pad", "1.3.0"));
    let targets = ["pkg:npm/bad@1.0.0", "pkg:npm/inner-tool@99.99.99", "pkg:npm/left-pad@1.3.0"];
    let check = |more: &[&'static str]| lab.run(&[&["check", "--at", AT, "--policy", "observe"], more, &targets].concat()).expect(0);
    let run = check(&[]).says(&[
        "policy observe stops nothing; it would hold 2 releases:",
        "would hold pkg:npm/bad@1.0.0  its code behaves like malware",
        "would hold pkg:npm/inner-tool@99.99.99  ",
        "[version-anomaly]",
        "3 allowed",
    ]);
    let head: String = run.stdout.lines().take(8).collect();
    assert!(head.contains("stops nothing") && !run.stdout.contains("would hold pkg:npm/left-pad"), "{run}");
    check(&["--format", "markdown"]).says(&["Policy `observe` stops nothing; it would:", "> - hold `pkg:npm/bad@1.0.0`"]);
    lab.run(&["check", "--at", AT, "pkg:npm/left-pad@1.3.0"]).expect(0).keeps_quiet_about(&["stops nothing"]);
}

#[test]
fn a_held_release_does_not_repeat_what_rules_that_allow_have_noted() {
    let lab = Lab::new();
    lab.upstream.publish(NpmPackage::new("inner-tool", "99.99.99"));
    lab.load_advisories(&[json!({
        "schema_version": "1.7.0", "id": "GHSA-aaaa-bbbb-cccc", "modified": "2026-11-20T00:00:00Z", "summary": "a hole",
        "severity": [{ "type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H" }],
        "affected": [{ "package": { "ecosystem": "npm", "name": "inner-tool" }, "versions": ["99.99.99"] }],
    })]);
    let held = "pkg:npm/inner-tool@99.99.99";
    assert_eq!(lab.check_json(1, &["--at", AT, held]).rules(held), ["version-anomaly", "vulnerable"]);
    lab.run(&["check", "--at", AT, held]).expect(1).says(&["[version-anomaly]"]).keeps_quiet_about(&["[vulnerable]", "GHSA-aaaa"]);
    lab.run(&["check", "--at", AT, "-v", held]).expect(1).says(&[
        "[version-anomaly]",
        "[vulnerable]",
        "known vulnerabilities of high or critical severity (1): known vulnerability GHSA-aaaa",
    ]);
}
