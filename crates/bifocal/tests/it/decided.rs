//! What reviewers decided in a server's store counts where its folder is named.

use crate::lab::{AT, Lab, Report, dropper, malware};
use bifocal_core::{Decision, DecisionAction, ReasonCode, Release, SCHEMA_VERSION};
use bifocal_store::{DecisionStore as _, SqliteStore, SystemClock};
use bifocal_testkit::NpmPackage;
use std::sync::Arc;

const HELD: &str = "pkg:npm/dropper@1.0.0";
const OTHER: &str = "pkg:npm/dropper@1.0.1";
const FINE: &str = "pkg:npm/right-pad@2.0.0";
const DENIED: &str = "pkg:npm/left-pad@1.3.0";

fn lab() -> Lab {
    let lab = Lab::new();
    lab.upstream.publish(dropper("dropper", "1.0.0")).publish(dropper("dropper", "1.0.1"));
    lab.upstream.publish(NpmPackage::new("right-pad", "2.0.0")).publish(NpmPackage::new("left-pad", "1.3.0"));
    lab.load_advisories(&[malware("MAL-2026-7", "left-pad", "1.3.0")]);
    lab
}

fn decision(lab: &Lab, id: &str, action: DecisionAction, purl: &str, actor: &str) -> Decision {
    let release: Release = purl.parse().unwrap();
    let sha256 = lab.upstream.read(|catalogue| catalogue.npm(release.package.as_str(), &release.version).unwrap().artifact().sha256_hex());
    Decision {
        schema_version: SCHEMA_VERSION,
        id: id.to_owned(),
        release,
        action,
        code: ReasonCode::FalsePositive,
        reason: "looked at it".to_owned(),
        actor: actor.to_owned(),
        decided_at: "2026-11-23T00:00:00Z".parse().unwrap(),
        until: None,
        artifacts: vec![format!("sha256:{sha256}").parse().unwrap()],
        answered: Vec::new(),
        answered_continuity: Vec::new(),
        malware_record: None,
        revokes: None,
        minutes: None,
    }
}

/// Records these decisions in the store of a server, made where there is none yet.
fn record(lab: &Lab, decisions: &[Decision]) {
    let folder = lab.beside("data");
    std::fs::create_dir_all(&folder).unwrap();
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(async {
        let store = SqliteStore::open_state(&folder.join("state.sqlite3"), Arc::new(SystemClock)).await.unwrap();
        for decision in decisions {
            store.record_decision(decision).await.unwrap();
        }
        store.close().await;
    });
}

fn check(lab: &Lab, code: i32, at: &str, purls: &[&str]) -> Report {
    let data = lab.beside("data");
    let options = ["--data", data.to_str().unwrap(), "--at", at];
    lab.check_json(code, &[&options, purls].concat())
}

fn lifted<'a>(report: &'a Report, purl: &str) -> Vec<(&'a str, &'a str, &'a str)> {
    let lifted = report.release(purl)["lifted"].as_array().unwrap().iter();
    lifted.map(|one| (one["rule"].as_str().unwrap(), one["by"].as_str().unwrap(), one["why"].as_str().unwrap())).collect()
}

#[test]
fn an_approval_in_the_store_lifts_a_hold_of_the_release_that_it_answers() {
    let lab = lab();
    record(&lab, &[]);
    let before = check(&lab, 1, AT, &[HELD, OTHER]);
    assert_eq!((before.verdict(HELD), before.verdict(OTHER)), ("hold", "hold"));
    let signals = before.release(HELD)["signals"].as_array().unwrap();
    let mut approval = decision(&lab, "1", DecisionAction::Approve, HELD, "ana@example.com");
    approval.answered = signals.iter().map(|signal| signal["fingerprint"].as_str().unwrap().to_owned()).collect();
    record(&lab, &[approval]);
    let after = check(&lab, 1, AT, &[HELD, OTHER]);
    assert_eq!((after.verdict(HELD), after.verdict(OTHER)), ("allow", "hold"));
    assert_eq!(lifted(&after, HELD), [("malware-behaviour", "approval", "ana@example.com: looked at it")]);
    assert_eq!(check(&lab, 1, "2026-11-22T00:00:00Z", &[HELD]).verdict(HELD), "hold", "before the decision");
    assert_eq!(lab.check_json(1, &["--at", AT, HELD]).verdict(HELD), "hold", "without the store");

    let revoke = Decision { revokes: Some("1".to_owned()), ..decision(&lab, "2", DecisionAction::Revoke, HELD, "bo@example.com") };
    record(&lab, &[revoke]);
    assert_eq!(check(&lab, 1, AT, &[HELD]).verdict(HELD), "hold");
}

#[test]
fn a_rejection_in_the_store_denies_what_is_allowed_otherwise() {
    let lab = lab();
    record(&lab, &[]);
    assert_eq!(check(&lab, 0, AT, &[FINE]).verdict(FINE), "allow");
    record(&lab, &[decision(&lab, "1", DecisionAction::Reject, FINE, "ana@example.com")]);
    let report = check(&lab, 1, AT, &[FINE]);
    assert_eq!((report.verdict(FINE), report.rules(FINE)), ("deny", vec!["rejected-by-decision"]));
    let message = report.release(FINE)["reasons"][0]["message"].as_str().unwrap();
    assert_eq!(message, "ana@example.com rejected it: looked at it");
}

#[test]
fn two_people_in_the_store_override_a_malware_record_and_one_does_not() {
    let lab = lab();
    let signs = |id: &str, actor: &str| Decision {
        malware_record: Some("MAL-2026-7".to_owned()),
        ..decision(&lab, id, DecisionAction::OverrideMalware, DENIED, actor)
    };
    record(&lab, &[signs("1", "ana@example.com"), signs("2", " Ana@example.com")]);
    let report = check(&lab, 1, AT, &[DENIED]);
    assert_eq!((report.verdict(DENIED), report.rules(DENIED)), ("deny", vec!["known-malware"]));
    record(&lab, &[signs("3", "bo@example.com")]);
    let report = check(&lab, 0, AT, &[DENIED]);
    assert_eq!(report.verdict(DENIED), "allow");
    let lifted = lifted(&report, DENIED);
    assert_eq!((lifted.len(), lifted[0].0, lifted[0].1), (1, "known-malware", "malware-override"));
    assert!(lifted[0].2.contains("bo@example.com"), "{lifted:?}");
    assert_eq!(check(&lab, 1, "2026-12-07T00:00:00Z", &[DENIED]).verdict(DENIED), "deny", "two weeks later");
}
