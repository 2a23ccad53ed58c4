//! Properties that hold for every text, hostile or not.

use bifocal_core::Ecosystem;
use bifocal_versions::{Event, ParsedVersion, PickOptions, Requirement, best, compare, in_events, is_prerelease, normalise, sort};
use proptest::prelude::*;
use std::cmp::Ordering;

fn ecosystem() -> impl Strategy<Value = Ecosystem> {
    prop::sample::select(Ecosystem::ALL.to_vec())
}

/// Texts built from the pieces that version grammars give a meaning to.
fn version_like() -> impl Strategy<Value = String> {
    let pieces = vec![
        "0",
        "1",
        "2",
        "10",
        "007",
        "18446744073709551616",
        ".",
        ".",
        ".",
        "-",
        "-",
        "+",
        "!",
        "v",
        "=",
        "x",
        "*",
        "alpha",
        "a",
        "beta",
        "rc",
        "final",
        "sp",
        "snapshot",
        "SNAPSHOT",
        "dev",
        "post",
        "local",
        "_",
        " ",
        "\u{e9}",
        "\u{130}",
        "20230102150405-0123456789ab",
    ];
    prop::collection::vec(prop::sample::select(pieces), 0..12).prop_map(|parts| parts.concat())
}

fn requirement_like() -> impl Strategy<Value = String> {
    let operator = prop::sample::select(vec!["", "^", "~", ">=", "<", "==", "===", "!=", "~=", "[", "(", ",", "||", " - ", "]", ")", " "]);
    prop::collection::vec((operator, version_like()), 0..4)
        .prop_map(|parts| parts.into_iter().map(|(op, version)| format!("{op}{version}")).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn nothing_panics(eco in ecosystem(), a in version_like(), b in "\\PC{0,40}", wanted in requirement_like(), other in "\\PC{0,40}") {
        for version in [&a, &b] {
            let _ = is_prerelease(eco, version);
            let _ = normalise(eco, version);
            let _ = in_events(eco, version, &[Event::Introduced(a.clone()), Event::Fixed(b.clone()), Event::Limit(other.clone())]);
            for text in [&wanted, &other] {
                let _ = bifocal_versions::satisfies(eco, version, text);
                let _ = best(eco, [a.as_str(), b.as_str()], text, PickOptions { latest: Some(&a), ..PickOptions::default() });
            }
        }
    }

    #[test]
    fn the_order_is_reflexive_and_antisymmetric(eco in ecosystem(), a in version_like(), b in version_like()) {
        if compare(eco, &a, &a).is_some() {
            prop_assert_eq!(compare(eco, &a, &a), Some(Ordering::Equal));
        }
        prop_assert_eq!(compare(eco, &a, &b), compare(eco, &b, &a).map(Ordering::reverse));
    }

    /// Maven's own order has cycles; the four others have none.
    #[test]
    fn the_order_is_transitive_outside_maven(
        eco in prop::sample::select(vec![Ecosystem::Npm, Ecosystem::Pypi, Ecosystem::Cargo, Ecosystem::Golang]),
        texts in [version_like(), version_like(), version_like()],
    ) {
        assert_transitive(eco, &texts)?;
    }

    /// Maven versions as people write them: numbers joined by dots, then qualifiers joined by hyphens.
    #[test]
    fn the_order_is_transitive_for_usual_maven_versions(texts in [usual_maven(), usual_maven(), usual_maven()]) {
        assert_transitive(Ecosystem::Maven, &texts)?;
    }

    #[test]
    fn sorting_keeps_every_version_and_does_not_depend_on_the_input_order(eco in ecosystem(), mut texts in prop::collection::vec(version_like(), 0..60)) {
        let mut turned: Vec<String> = texts.iter().rev().cloned().collect();
        sort(eco, &mut texts);
        sort(eco, &mut turned);
        prop_assert_eq!(texts, turned);
    }

    #[test]
    fn a_normal_form_is_its_own_and_equal_to_what_it_came_from(eco in ecosystem(), text in version_like()) {
        let normal = normalise(eco, &text);
        prop_assert_eq!(normalise(eco, &normal), normal.clone());
        if ParsedVersion::parse(eco, &text).is_some() {
            prop_assert_eq!(compare(eco, &text, &normal), Some(Ordering::Equal));
        }
    }

    #[test]
    fn a_choice_satisfies_its_requirement(eco in ecosystem(), versions in prop::collection::vec("[0-3]\\.[0-3]\\.[0-3](-(alpha|beta)\\.[0-2])?", 1..20), wanted in "(\\^|>=|~|=|<)?[0-3]\\.[0-3]\\.[0-3]") {
        if let Ok(Some(picked)) = best(eco, versions.iter().map(String::as_str), &wanted, PickOptions::default()) {
            let requirement = Requirement::parse(eco, &wanted).unwrap();
            prop_assert!(requirement.matches(&ParsedVersion::parse(eco, picked).unwrap()), "{} {} {}", eco, picked, wanted);
        }
    }
}

fn usual_maven() -> impl Strategy<Value = String> {
    "[0-2](\\.[0-2]){0,2}(-(alpha|beta|rc|SNAPSHOT|jre|sp|M)-?[0-2]?)?"
}

fn assert_transitive(eco: Ecosystem, texts: &[String; 3]) -> Result<(), TestCaseError> {
    let [a, b, c] = texts;
    for [a, b, c] in [[a, b, c], [a, c, b], [b, a, c], [b, c, a], [c, a, b], [c, b, a]] {
        let at_most = |x: &str, y: &str| matches!(compare(eco, x, y), Some(Ordering::Less | Ordering::Equal));
        if at_most(a, b) && at_most(b, c) {
            prop_assert!(at_most(a, c), "{} <= {} <= {} in {}", a, b, c, eco);
        }
    }
    Ok(())
}
