//! What people may lift, and what they may not.

use crate::lab::{AT, Lab, dropper, malware};
use bifocal_testkit::NpmPackage;

const HELD: &str = "pkg:npm/inner-tool@99.99.99";
const DENIED: &str = "pkg:npm/left-pad@1.3.0";

fn lab() -> Lab {
    let lab = Lab::new();
    lab.upstream.publish(NpmPackage::new("inner-tool", "99.99.99"));
    lab.upstream.publish(NpmPackage::new("left-pad", "1.3.0"));
    lab
}

fn policy(lab: &Lab, rest: &str) {
    lab.write("ours.toml", format!("schema_version = 1\nname = \"ours\"\nextends = \"default\"\n\n{rest}"));
}

fn waiver(purl: &str, rules: &str, until: &str) -> String {
    format!("[[waiver]]\npurl = \"{purl}\"\nrules = [{rules}]\nreason = \"our own tool\"\nuntil = {until}\n")
}

#[test]
fn a_waiver_lifts_the_rule_that_it_names_until_it_ends() {
    let lab = lab();
    policy(&lab, &waiver("pkg:npm/inner-*", "\"version-anomaly\"", "2026-12-31"));
    let report = lab.check_json(0, &["--policy", "ours.toml", "--at", AT, HELD]);
    let lifted = &report.release(HELD)["lifted"][0];
    assert_eq!((lifted["rule"].as_str(), lifted["by"].as_str()), (Some("version-anomaly"), Some("waiver")));
    assert!(lifted["why"].as_str().unwrap().starts_with("our own tool (until "), "{lifted}");
    lab.check_json(0, &["--policy", "ours.toml", "--at", "2026-12-31T23:00:00Z", HELD]);
    lab.check_json(1, &["--policy", "ours.toml", "--at", "2027-01-01T00:00:01Z", HELD]);
    lab.run(&["check", "--policy", "ours.toml", "--at", AT, "-v", HELD])
        .expect(0)
        .says(&["version-anomaly lifted by waiver: our own tool"]);
}

#[test]
fn a_waiver_for_another_package_or_rule_lifts_nothing() {
    let lab = lab();
    for text in
        [waiver("pkg:npm/other-*", "\"version-anomaly\"", "2026-12-31"), waiver("pkg:npm/inner-tool", "\"look-alike-name\"", "2026-12-31")]
    {
        policy(&lab, &text);
        assert_eq!(lab.check_json(1, &["--policy", "ours.toml", "--at", AT, HELD]).verdict(HELD), "hold");
    }
    policy(&lab, &waiver("pkg:npm/inner-tool", "\"no-such-rule\"", "2026-12-31"));
    lab.run(&["check", "--policy", "ours.toml", "--at", AT, HELD]).expect(2).complains(&["ours.toml:", "no-such-rule"]);
}

#[test]
fn a_waiver_that_has_ended_is_told_when_the_policy_is_checked() {
    let lab = lab();
    policy(&lab, &waiver("pkg:npm/inner-tool", "\"version-anomaly\"", "2020-01-01"));
    lab.run(&["policy", "check", "ours.toml"]).expect(0).says(&["ours.toml:9:", "the waiver has ended"]);
    lab.check_json(1, &["--policy", "ours.toml", "--at", AT, HELD]);
}

#[test]
fn malware_behaviour_is_waived_for_one_exact_release_only() {
    let lab = lab();
    lab.upstream.publish(dropper("dropper", "1.0.0")).publish(dropper("dropper", "1.0.1"));
    policy(&lab, &waiver("pkg:npm/dropper", "\"malware-behaviour\"", "2026-12-31"));
    lab.check_json(1, &["--policy", "ours.toml", "--at", AT, "pkg:npm/dropper@1.0.0"]);
    policy(&lab, &waiver("pkg:npm/dropper@1.0.0", "\"malware-behaviour\"", "2026-12-31"));
    let report = lab.check_json(1, &["--policy", "ours.toml", "--at", AT, "pkg:npm/dropper@1.0.0", "pkg:npm/dropper@1.0.1"]);
    assert_eq!(report.named(), ["pkg:npm/dropper@1.0.1"]);
}

fn overriding(lab: &Lab, by: &str, since: &str, until: &str, sha256: &str) {
    policy(
        lab,
        &format!(
            "[[malware_override]]\nrecord = \"MAL-2026-7\"\npackage = \"pkg:npm/left-pad\"\nsha256 = \"sha256:{sha256}\"\nby = [{by}]\nreason = \"the record names the wrong package\"\nsince = \"{since}\"\nuntil = \"{until}\"\n"
        ),
    );
}

#[test]
fn two_people_can_override_a_wrong_malware_record_for_one_digest_and_two_weeks() {
    let lab = lab();
    lab.load_advisories(&[malware("MAL-2026-7", "left-pad", "1.3.0")]);
    let sha256 = lab.upstream.read(|catalogue| catalogue.npm("left-pad", "1.3.0").unwrap().artifact().sha256_hex());
    let (ana, both) = ("\"ana@example.com\"", "\"ana@example.com\", \"bo@example.com\"");
    let (since, until) = ("2026-11-20T00:00:00Z", "2026-12-04T00:00:00Z");
    let check = |code: i32, at: &str| lab.check_json(code, &["--policy", "ours.toml", "--at", at, DENIED]);

    overriding(&lab, both, since, until, &sha256);
    let report = check(0, AT);
    let lifted = &report.release(DENIED)["lifted"][0];
    assert_eq!((lifted["rule"].as_str(), lifted["by"].as_str()), (Some("known-malware"), Some("malware-override")));
    assert!(lifted["why"].as_str().unwrap().contains("ana@example.com and bo@example.com"), "{lifted}");
    check(1, "2026-11-19T23:59:59Z");
    check(1, "2026-12-04T00:00:00Z");
    // The same bytes only.
    overriding(&lab, both, since, until, &"0".repeat(64));
    assert_eq!(check(1, AT).verdict(DENIED), "deny");
    // One person is not two, under another spelling neither, and two weeks are not three.
    for (by, until, word) in [
        (ana, until, "two different people"),
        ("\"ana@example.com\", \" Ana@example.com\"", until, "two different people"),
        ("\"ana@example.com\", \"ana@exam\\u200bple.com\"", until, "two different people"),
        ("\"ana@example.com\", \"ana\"", until, "two different people"),
        ("\"ana@example.com\", \"\\u0430na@example.com\"", until, "several scripts"),
        ("\"ana@example.com\", \"Bo the Builder\"", until, "neither a handle"),
        (both, "2026-12-12T00:00:00Z", "14"),
    ] {
        overriding(&lab, by, since, until, &sha256);
        lab.run(&["check", "--policy", "ours.toml", "--at", AT, DENIED]).expect(2).complains(&["ours.toml:", word]);
    }
}

#[test]
fn a_record_that_is_withdrawn_stops_counting_with_the_next_update() {
    let lab = lab();
    let mut record = malware("MAL-2026-7", "left-pad", "1.3.0");
    lab.load_advisories(&[record.clone()]);
    assert_eq!(lab.check_json(1, &[DENIED]).verdict(DENIED), "deny");
    record["withdrawn"] = "2026-11-21T00:00:00Z".into();
    lab.load_advisories(&[record]);
    assert_eq!(lab.check_json(0, &[DENIED]).verdict(DENIED), "allow");
}

#[test]
fn an_explanation_shows_each_rule_with_what_it_saw() {
    let lab = lab();
    let run = lab.run(&["policy", "explain", HELD, "--at", AT]).expect(1);
    run.says(&[
        "pkg:npm/inner-tool@99.99.99 is hold by policy default",
        "hold because",
        "[version-anomaly]",
        "version-anomaly (hold): matched",
        "malware-behaviour (hold): no",
        "version_count = 1",
    ]);
    let run = lab.run(&["policy", "explain", DENIED, "--format", "json"]).expect(0);
    let json: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(json["judgement"]["verdict"], "allow");
    lab.run(&["policy", "explain", "pkg:npm/absent@1.0.0"]).expect(3).complains(&["pkg:npm/absent is not on upstream"]);
    lab.run(&["policy", "explain", "pkg:npm/left-pad"]).expect(2).complains(&["left-pad"]);
}
