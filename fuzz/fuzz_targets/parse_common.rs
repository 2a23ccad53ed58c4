//! Analyses one file as a package would carry it: alone, where it runs by itself, or as data that code beside it reads.

use bifocal_behaviour::{ArtifactInput, analyse, analyse_tree};
use bifocal_core::{AnalysisLimits, ArtifactFacts, Ecosystem, Status};

/// How the bytes come to the analyser.
#[allow(dead_code, reason = "every target uses some of them")]
pub enum Way {
    /// As a file of this name and nothing else.
    Alone(&'static str),
    /// As the file of this path in a package, beside files that start it.
    Packed(Ecosystem, &'static str, &'static [(&'static str, &'static str)]),
    /// As `data.bin` in an sdist with this `setup.py`.
    ReadBySetup(&'static str),
    /// As `data.bin` in an npm package with this install script.
    ReadByNode(&'static str),
}

impl Way {
    fn package(&self) -> Option<(Ecosystem, &'static str, Vec<(&'static str, &'static str)>)> {
        Some(match self {
            Way::Alone(_) => return None,
            Way::Packed(ecosystem, path, beside) => (*ecosystem, path, beside.to_vec()),
            Way::ReadBySetup(code) => {
                (Ecosystem::Pypi, "x-1/data.bin", vec![("x-1/PKG-INFO", "Name: x\nVersion: 1\n"), ("x-1/setup.py", code)])
            }
            Way::ReadByNode(code) => {
                let manifest = r#"{"name":"x","version":"1.0.0","scripts":{"postinstall":"node run.js"}}"#;
                (Ecosystem::Npm, "package/data.bin", vec![("package/package.json", manifest), ("package/run.js", code)])
            }
        })
    }
}

/// Goes one of the ways, by the length of the input, so that a million executions are a million readings.
#[allow(dead_code, reason = "every target uses some of them")]
pub fn run(ways: &[Way], bytes: &[u8]) {
    run_one(&ways[bytes.len() % ways.len()], bytes);
}

/// Goes the way that the first byte names, with the rest.
#[allow(dead_code, reason = "every target uses some of them")]
pub fn run_named(ways: &[Way], bytes: &[u8]) {
    if let Some((first, rest)) = bytes.split_first() {
        run_one(&ways[usize::from(*first) % ways.len()], rest);
    }
}

fn run_one(way: &Way, bytes: &[u8]) {
    let limits = AnalysisLimits::default();
    let look = || match (way, way.package()) {
        (_, Some((ecosystem, path, beside))) => {
            let mut files: Vec<(String, Vec<u8>)> =
                beside.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect();
            files.push((path.to_owned(), bytes.to_vec()));
            analyse_tree(Some(ecosystem), &files, &limits)
        }
        (Way::Alone(filename), _) => analyse(&ArtifactInput { ecosystem: None, filename, bytes }, &limits),
        _ => unreachable!("all others are packages"),
    };
    let facts = look();
    check(&facts);
    if bytes.len() / 2 % 16 == 0 {
        assert_eq!(facts, look(), "two readings of one input differ");
    }
}

fn check(facts: &ArtifactFacts) {
    for signal in &facts.signals {
        assert!(!signal.evidence.is_empty() || signal.status == Status::Failed, "{}", signal.id);
        assert!(!signal.message.chars().any(char::is_control), "{}: {:?}", signal.id, signal.message);
        assert!(signal.message.len() <= 4096, "{}: {} bytes of message", signal.id, signal.message.len());
    }
}
