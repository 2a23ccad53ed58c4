use crate::{assessment, malware, now, signal};
use bifocal_core::{FeedHealth, FeedStatus, Lens, Severity, SignalKind, Verdict};
use bifocal_policy::{Context, KnownSignals, PACKS, Policy};

fn pack(name: &str) -> Policy {
    Policy::pack(name, &KnownSignals::unchecked()).unwrap()
}

#[test]
fn every_pack_loads_without_a_warning_and_under_its_own_name() {
    for (name, text) in PACKS {
        let loaded = Policy::load(text, name, &KnownSignals::unchecked(), Some(now())).unwrap();
        assert_eq!(loaded.policy.name(), *name);
        assert!(loaded.warnings.is_empty());
    }
    let error = Policy::pack("strikt", &KnownSignals::unchecked()).unwrap_err();
    assert!(error.to_string().contains("did you mean `strict`?"));
}

#[test]
fn the_packs_differ_as_their_descriptions_say() {
    let quiet = assessment("pkg:npm/x@1.0.0", vec![]);
    let mut yanked = quiet.clone();
    yanked.record.yanked = Some(String::new());
    let evil = assessment("pkg:npm/x@1.0.0", vec![malware()]);
    let mut unsure = evil.clone();
    unsure.signals[0].confidence = 0.7;
    let wrong =
        assessment("pkg:npm/x@1.0.0", vec![signal("provenance/digest-mismatch", Lens::Provenance, Severity::Critical, SignalKind::Other)]);
    let verdict = |name: &str, subject| pack(name).evaluate(subject, &Context::at(now())).verdict;
    for (subject, default, strict) in [
        (&quiet, Verdict::Allow, Verdict::Hold),
        (&yanked, Verdict::Allow, Verdict::Hold),
        (&evil, Verdict::Hold, Verdict::Hold),
        (&unsure, Verdict::Allow, Verdict::Hold),
        (&wrong, Verdict::Deny, Verdict::Deny),
    ] {
        assert_eq!(verdict("default", subject), default);
        assert_eq!(verdict("strict", subject), strict);
        assert_eq!(verdict("observe", subject), Verdict::Allow);
    }
    assert_eq!(pack("observe").evaluate(&wrong, &Context::at(now())).reasons[0].verdict, Verdict::Deny);
}

#[test]
fn strict_holds_a_hole_with_a_fix_and_asks_for_the_feed() {
    let mut hole = signal("advisory/vulnerability", Lens::Advisory, Severity::High, SignalKind::Other);
    hole.message = "known vulnerability GHSA-a: bad; fixed in 1.2.3".to_owned();
    let mut subject = assessment("pkg:npm/x@1.0.0", vec![hole]);
    subject.record.published_at = bifocal_core::Known::Given(crate::time("2025-01-01T00:00:00Z"));
    let feeds = [FeedStatus {
        name: "osv".to_owned(),
        health: FeedHealth::Fresh,
        digest: String::new(),
        as_of: Some(now()),
        records: 1,
        remedy: String::new(),
    }];
    let judged = pack("strict").evaluate(&subject, &Context { feeds: &feeds, ..Context::at(now()) });
    assert_eq!((judged.verdict, judged.reasons[0].rule.as_str(), judged.unanswered.len()), (Verdict::Hold, "vulnerable-with-fix", 0));
    assert_eq!(pack("strict").evaluate(&subject, &Context::at(now())).unanswered, ["feed `osv` is missing"]);
    let note = pack("default").evaluate(&subject, &Context::at(now()));
    assert_eq!((note.verdict, note.reasons[0].rule.as_str(), note.unanswered.len()), (Verdict::Allow, "vulnerable", 0));
    subject.signals[0].message = "known vulnerability GHSA-a: bad; no fixed version is recorded".to_owned();
    assert_eq!(pack("strict").evaluate(&subject, &Context::at(now())).verdict, Verdict::Allow);
}

#[test]
fn the_score_is_noted_held_and_denied_by_its_level_alone() {
    let scored = |severity, kind| {
        let mut risk = signal("behaviour/risk-score", Lens::Behaviour, severity, kind);
        // The levels of an ecosystem may lie below 0.9.
        risk.confidence = 0.7;
        assessment("pkg:npm/x@1.0.0", vec![risk])
    };
    for (severity, kind, default, strict) in [
        (Severity::Medium, SignalKind::RiskyHabit, Verdict::Allow, Verdict::Hold),
        (Severity::High, SignalKind::Malware, Verdict::Hold, Verdict::Hold),
        (Severity::Critical, SignalKind::Malware, Verdict::Hold, Verdict::Deny),
    ] {
        let subject = scored(severity, kind);
        let judged = pack("default").evaluate(&subject, &Context::at(now()));
        assert_eq!(judged.verdict, default);
        assert_eq!(
            judged.reasons.iter().map(|reason| reason.rule.as_str()).collect::<Vec<_>>(),
            match default {
                Verdict::Allow => vec![],
                _ => vec!["risk-score"],
            }
        );
        assert_eq!(pack("strict").evaluate(&subject, &Context::at(now())).verdict, strict);
    }
}
