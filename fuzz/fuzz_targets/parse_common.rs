//! Analyses one file as a package would carry it: alone, and where it runs by itself.

use bifocal_behaviour::{ArtifactInput, analyse, analyse_tree};
use bifocal_core::{AnalysisLimits, ArtifactFacts, Ecosystem, Status};

/// The file alone, and the same file in a package of `ecosystem` beside a manifest that starts it.
pub fn run(name: &str, ecosystem: Ecosystem, path: &str, manifests: &[(&str, &str)], bytes: &[u8]) {
    let limits = AnalysisLimits::default();
    let alone = || analyse(&ArtifactInput { ecosystem: None, filename: name, bytes }, &limits);
    let mut files: Vec<(String, Vec<u8>)> = manifests.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect();
    files.push((path.to_owned(), bytes.to_vec()));
    let packed = || analyse_tree(Some(ecosystem), &files, &limits);
    // Half of the inputs go each way, so that a million executions are a million readings.
    let look: &dyn Fn() -> ArtifactFacts = if bytes.len() % 2 == 0 { &packed } else { &alone };
    let facts = look();
    check(&facts);
    if bytes.len() % 32 < 2 {
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
