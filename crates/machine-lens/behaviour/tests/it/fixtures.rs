//! Every bad fixture is found by its own detector, and no benign one would be held.

use bifocal_behaviour::analyse_tree;
use bifocal_core::{AnalysisLimits, ArtifactFacts, Ecosystem, Signal, SignalKind};
use bifocal_testkit::hostile::compress::gzip;
use bifocal_testkit::hostile::tar::TarBuilder;
use bifocal_testkit::hostile::zip;
use std::path::{Path, PathBuf};

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

/// Folder names in order.
pub(crate) fn folders(path: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> =
        std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect();
    found.sort();
    found
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_str().unwrap().to_owned()
}

/// A folder of this ending stands for the archive of its name, so that fixtures stay readable.
const PACKED: &str = ".packed";

/// The archive that a name asks for.
pub(crate) fn pack(name: &str, files: &[(String, Vec<u8>)]) -> Vec<u8> {
    if name.ends_with(".tgz") || name.ends_with(".tar.gz") {
        return gzip(&files.iter().fold(TarBuilder::new(), |tar, (path, bytes)| tar.file(path, bytes)).finish());
    }
    if name.ends_with(".gz") {
        return gzip(&files[0].1);
    }
    zip::write(&files.iter().map(|(path, bytes)| zip::ZipEntry::deflated(path, bytes)).collect::<Vec<_>>())
}

fn read_tree(path: &Path, prefix: &str, out: &mut Vec<(String, Vec<u8>)>) {
    for entry in std::fs::read_dir(path).unwrap() {
        let entry = entry.unwrap();
        let inner = format!("{prefix}{}", entry.file_name().to_str().unwrap());
        if let Some(archive) = inner.strip_suffix(PACKED) {
            let mut files = Vec::new();
            read_tree(&entry.path(), "", &mut files);
            files.sort();
            out.push((archive.to_owned(), pack(archive, &files)));
        } else if entry.path().is_dir() {
            read_tree(&entry.path(), &format!("{inner}/"), out);
        } else {
            out.push((inner, std::fs::read(entry.path()).unwrap()));
        }
    }
}

fn analyse(case: &Path) -> ArtifactFacts {
    let mut files = Vec::new();
    read_tree(case, "", &mut files);
    let ecosystem: Ecosystem = name(case).split('-').next().unwrap().parse().unwrap();
    analyse_tree(Some(ecosystem), &files, &AnalysisLimits::default())
}

/// What the default policy holds on.
fn holds(signal: &Signal) -> bool {
    signal.is_malware_class() && signal.confidence >= 0.9
}

fn shown(facts: &ArtifactFacts) -> Vec<String> {
    facts
        .signals
        .iter()
        .map(|signal| format!("{} {:?} {:?} {} {}", signal.id, signal.kind, signal.severity, signal.confidence, signal.message))
        .collect()
}

#[test]
fn every_bad_fixture_is_found_by_its_detector_and_held() {
    let mut wrong = Vec::new();
    for detector in folders(&root()) {
        let id = format!("behaviour/{}", name(&detector));
        for case in folders(&detector.join("bad")) {
            let facts = analyse(&case);
            let found = facts.signals.iter().find(|signal| signal.id == id);
            let is_beacon = found.is_some_and(|signal| signal.kind == SignalKind::Beacon);
            if found.is_none() || !(is_beacon || facts.signals.iter().any(holds)) {
                wrong.push(format!("{}/{}: {:#?}", name(&detector), name(&case), shown(&facts)));
            }
        }
    }
    assert!(wrong.is_empty(), "not found or not held:\n{}", wrong.join("\n"));
}

#[test]
fn no_benign_fixture_would_be_held() {
    let mut wrong = Vec::new();
    for detector in folders(&root()) {
        for case in folders(&detector.join("benign")) {
            let facts = analyse(&case);
            if facts.signals.iter().any(holds) {
                wrong.push(format!("{}/{}: {:#?}", name(&detector), name(&case), shown(&facts)));
            }
        }
    }
    assert!(wrong.is_empty(), "held:\n{}", wrong.join("\n"));
}

#[test]
fn every_finding_has_a_place_and_the_same_bytes_give_the_same_facts() {
    for detector in folders(&root()) {
        for case in folders(&detector.join("bad")) {
            let facts = analyse(&case);
            assert_eq!(facts, analyse(&case));
            for signal in &facts.signals {
                assert!(!signal.evidence.is_empty(), "{} has no evidence", signal.id);
            }
        }
    }
}
