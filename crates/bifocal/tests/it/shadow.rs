//! A policy or an analyser in shadow: what it would change is printed and does not count.

use crate::lab::{AT, Lab, dropper};
use bifocal_core::Sha256;
use bifocal_store::{AssessmentStore as _, SqliteStore};
use bifocal_testkit::NpmPackage;

const PAD: &str = "pkg:npm/left-pad@1.3.0";

#[test]
fn a_policy_in_shadow_prints_what_it_would_change_and_does_not_count() {
    let lab = Lab::new();
    lab.upstream.publish(NpmPackage::new("left-pad", "1.3.0"));
    lab.upstream.publish(NpmPackage::new("inner-tool", "99.99.99"));
    let held = "pkg:npm/inner-tool@99.99.99";
    lab.write("next.toml", "schema_version = 1\nname = \"next\"\n[[rule]]\nname = \"no-padding\"\nwhen = 'name == \"left-pad\"'\nverdict = \"deny\"\nmessage = \"no padding\"\n");
    let report = lab.check_json(1, &["--at", AT, "--shadow-policy", "next.toml", PAD, held]);
    assert_eq!((report.verdict(PAD), report.verdict(held)), ("allow", "hold"));
    let changes = report.0["shadow"].as_array().unwrap();
    let told: Vec<(&str, &str, &str)> = changes
        .iter()
        .map(|change| (change["purl"].as_str().unwrap(), change["now"].as_str().unwrap(), change["then"].as_str().unwrap()))
        .collect();
    assert_eq!(told, [(held, "hold", "allow"), (PAD, "allow", "deny")]);
    let run = lab.run(&["check", "--at", AT, "--shadow-policy", "next.toml", PAD]).expect(0);
    run.says(&["in shadow, these verdicts would change:", "pkg:npm/left-pad@1.3.0  allow -> deny  (policy next; no-padding)", "1 allowed"]);
    lab.run(&["check", "--shadow-policy", "absent.toml", PAD]).expect(2).complains(&["absent.toml"]);
}

/// Stores facts as an earlier analyser would have found them: none of today's signals.
fn store_earlier_facts(lab: &Lab, artifact: Sha256, analyser: &str) {
    let path = lab.cache().join("assessments.sqlite3");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let store = SqliteStore::open_cache(&path).await.unwrap();
        let mut facts = store.artifact_facts(&[artifact], bifocal_engine::ANALYSER).await.unwrap().remove(&artifact).unwrap();
        facts.analyser = analyser.to_owned();
        facts.signals.clear();
        store.put_artifact_facts(&[facts]).await.unwrap();
    });
}

#[test]
fn an_earlier_analyser_can_go_on_counting_while_the_current_one_is_compared() {
    let lab = Lab::new();
    let built = dropper("dropper", "1.0.0").build();
    let artifact = built.artifact().sha256();
    lab.upstream.publish(built);
    let purl = "pkg:npm/dropper@1.0.0";
    lab.check_json(1, &["--at", AT, purl]);
    let earlier = "bifocal-behaviour/0.0.1+rules-0";
    let error = lab.check_json(3, &["--at", AT, "--analyser", earlier, purl]).release(purl)["error"].as_str().unwrap().to_owned();
    assert!(error.contains(earlier) && error.contains("leave --analyser out"), "{error}");
    store_earlier_facts(&lab, artifact, earlier);
    let report = lab.check_json(0, &["--at", AT, "--analyser", earlier, purl]);
    assert_eq!((report.verdict(purl), report.0["analyser"].as_str().unwrap()), ("allow", earlier));
    let change = &report.0["shadow"][0];
    assert_eq!((change["now"].as_str(), change["then"].as_str()), (Some("allow"), Some("hold")));
    assert_eq!(change["under"], format!("analyser {}", bifocal_engine::ANALYSER));
    assert_eq!(change["rules"][0], "malware-behaviour");
    // The current analyser in its own name is no shadow.
    assert!(lab.check_json(1, &["--at", AT, "--analyser", bifocal_engine::ANALYSER, purl]).0.get("shadow").is_none());
}
