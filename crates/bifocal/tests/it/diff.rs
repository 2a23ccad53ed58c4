//! `diff`: what a release gained over an earlier one, for archives without network and for purls like `check`.

use crate::lab::{Lab, dropper};
use bifocal_testkit::NpmPackage;
use serde_json::Value;

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
    lab.run(&["diff", "--format", "sarif", "old.tgz", "bad.tgz"]).expect(2).complains(&["human or json"]);
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
    let mut report: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(report["schema_version"], 1);
    // Digests of archives and the analyser's name change with what is beside this test.
    report["analyser"] = "…".into();
    report["bifocal"] = "…".into();
    let artifact = &mut report["artifacts"][0];
    for side in ["old", "new"] {
        artifact[side]["sha256"] = "…".into();
        artifact[side]["size"] = 0.into();
    }
    let words = |artifact: &Value| -> Vec<String> {
        artifact["changes"].as_array().unwrap().iter().map(|change| format!("{} {}", change["kind"], change["subject"])).collect()
    };
    let words = words(artifact);
    assert!(words.contains(&"\"gained\" \"install-script\"".to_owned()) && words.contains(&"\"gained\" \"host\"".to_owned()), "{words:?}");
    // Which detectors find it, and how they say it, is theirs; the changes are this command's own.
    artifact["signals"] = Value::Null;
    artifact["changes"].as_array_mut().unwrap().retain(|change| change["subject"] != "finding");
    report["reasons"] = Value::Null;
    insta::with_settings!({snapshot_path => "../snapshots", prepend_module_to_snapshot => false, omit_expression => true}, {
        insta::assert_snapshot!("diff_json", serde_json::to_string_pretty(&report).unwrap());
    });
}

#[test]
fn two_purls_are_fetched_verified_and_compared() {
    let lab = Lab::new();
    lab.upstream.publish(NpmPackage::new("x", "1.0.0"));
    lab.upstream.publish(dropper("x", "1.0.1"));
    lab.run(&["diff", "pkg:npm/x@1.0.0", "pkg:npm/x@1.0.1"]).expect(1).says(&["HOLD pkg:npm/x@1.0.1", "compared with pkg:npm/x@1.0.0"]);
    lab.run(&["diff", "--offline", "pkg:npm/x@1.0.0", "pkg:npm/x@1.0.1"]).expect(1);
    lab.run(&["diff", "pkg:npm/x@1.0.0", "pkg:npm/x@9.9.9"]).expect(3).complains(&["cannot compare pkg:npm/x@9.9.9"]);
}
