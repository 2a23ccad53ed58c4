//! Code, documentation and fixtures list the same ids.

use crate::fixtures::{folders, root};
use bifocal_behaviour::{detectors, signal_ids};
use std::collections::BTreeSet;
use std::path::Path;

#[test]
fn every_detector_has_a_bad_and_a_benign_fixture() {
    let ids: BTreeSet<String> = detectors().iter().map(|detector| detector.id().trim_start_matches("behaviour/").to_owned()).collect();
    let fixtures: BTreeSet<String> = folders(&root()).iter().map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect();
    assert_eq!(ids, fixtures);
    for folder in folders(&root()) {
        for side in ["bad", "benign"] {
            assert!(!folders(&folder.join(side)).is_empty(), "{} has no {side} case", folder.display());
        }
    }
}

#[test]
fn every_id_has_a_section_of_the_documentation_and_no_section_is_left_over() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../docs/src/reference/signals/behaviour.md");
    let text = std::fs::read_to_string(page).unwrap();
    let sections: BTreeSet<&str> = text.lines().filter_map(|line| line.strip_prefix("### ")).collect();
    let ids: BTreeSet<&str> = signal_ids().into_iter().collect();
    // An analysis that the engine sees break off is documented here and made there.
    let sections: BTreeSet<&str> = sections.into_iter().filter(|id| *id != "behaviour/analysis-failed").collect();
    assert_eq!(ids, sections);
    for section in text.split("### ").skip(1) {
        for part in ["**Example.**", "**Benign.**", "**Remedy.**"] {
            assert!(section.contains(part), "a section lacks {part}: {}", section.lines().next().unwrap());
        }
    }
}

/// A kind or a severity as it is printed.
fn printed(value: impl serde::Serialize) -> String {
    serde_json::to_value(value).unwrap().as_str().unwrap().to_owned()
}

#[test]
fn the_documentation_names_the_kind_and_the_harm_that_the_code_declares() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../docs/src/reference/signals/behaviour.md");
    let text = std::fs::read_to_string(page).unwrap();
    for detector in detectors() {
        let section = text.split("### ").find(|section| section.lines().next() == Some(detector.id())).unwrap();
        let line = format!("**Kind.** {}, up to {}.", printed(detector.kind()), printed(detector.severity()));
        assert!(section.contains(&line), "{} lacks `{line}`", detector.id());
    }
}

#[test]
fn ids_are_unique_and_say_what_they_look_for() {
    let mut seen = BTreeSet::new();
    for detector in detectors() {
        assert!(seen.insert(detector.id()), "{} is registered twice", detector.id());
        assert!(detector.id().starts_with("behaviour/"));
        assert!(detector.describe().len() > 20);
    }
}
