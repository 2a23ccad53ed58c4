use crate::{assessment, digest, load, malware, now, signal, time, with_status};
use bifocal_core::{
    Assessment, Decision, DecisionAction, Evidence, Judgement, Lens, MalwareOverride, ReasonCode, Severity, Sha256, Signal, SignalDraft,
    SignalKind, Status, Verdict, Waiver,
};
use bifocal_policy::{Context, Policy, baseline_waiver, to_answer};

const PURL: &str = "pkg:npm/left-pad@1.3.0";

fn decision(id: &str, action: DecisionAction, answered: &[&Signal]) -> Decision {
    Decision {
        schema_version: 1,
        id: id.to_owned(),
        release: PURL.parse().unwrap(),
        action,
        code: ReasonCode::FalsePositive,
        reason: "looked".to_owned(),
        actor: "ann".to_owned(),
        decided_at: time("2026-02-28T00:00:00Z"),
        until: None,
        artifacts: vec![digest()],
        answered: answered.iter().map(|signal| signal.fingerprint.clone()).collect(),
        answered_continuity: answered.iter().map(|signal| signal.continuity_key(&"pkg:npm/left-pad".parse().unwrap())).collect(),
        malware_record: None,
        revokes: None,
        minutes: None,
    }
}

fn policy() -> Policy {
    load(
        r#"
        [[rule]]
        name = "behaviour"
        when = 'has("behaviour/*", "low")'
        verdict = "hold"
        message = "{signals}"
        [[rule]]
        name = "mismatch"
        when = 'has("provenance/digest-mismatch")'
        verdict = "deny"
        message = "{signals}"
        [[rule]]
        name = "soft-deny"
        when = 'has("history/look-alike-name")'
        verdict = "deny"
        waivable = true
        message = "{signals}"
    "#,
    )
}

fn judge(subject: &Assessment, decisions: &[Decision]) -> Judgement {
    policy().evaluate(subject, &Context { decisions, ..Context::at(now()) })
}

fn risky() -> Signal {
    signal("behaviour/obfuscated-payload", Lens::Behaviour, Severity::Medium, SignalKind::RiskyHabit)
}

#[test]
fn an_approval_lifts_what_it_answers_on_the_artifacts_it_names() {
    let subject = assessment(PURL, vec![malware()]);
    let good = decision("1", DecisionAction::Approve, &[&malware()]);
    let judgement = judge(&subject, std::slice::from_ref(&good));
    assert_eq!(judgement.verdict, Verdict::Allow);
    assert_eq!((judgement.lifted[0].rule.as_str(), judgement.lifted[0].by.as_str()), ("behaviour", "approval"));

    let other_digest = Decision { artifacts: vec![Sha256::of(b"other")], ..good.clone() };
    let other_release = Decision { release: "pkg:npm/left-pad@1.3.1".parse().unwrap(), ..good.clone() };
    let nothing_answered = Decision { answered: vec![], answered_continuity: vec![], ..good.clone() };
    let ended = Decision { until: Some(now()), ..good.clone() };
    let later = Decision { decided_at: time("2026-03-02T00:00:00Z"), ..good.clone() };
    for wrong in [other_digest, other_release, nothing_answered, ended, later] {
        assert_eq!(judge(&subject, std::slice::from_ref(&wrong)).verdict, Verdict::Hold, "{wrong:?}");
    }
    let mut more = subject.clone();
    more.artifacts.push((more.artifacts[0].0.clone(), Sha256::of(b"second"), 1));
    assert_eq!(judge(&more, std::slice::from_ref(&good)).verdict, Verdict::Hold, "a second artifact is not covered");
    let none = Assessment { artifacts: vec![], ..subject };
    assert_eq!(judge(&none, &[good]).verdict, Verdict::Hold, "nothing was assessed, so nothing is approved");
}

#[test]
fn a_new_signal_on_the_same_digest_is_not_covered() {
    let mut second = malware();
    second.fingerprint = "new".to_owned();
    let subject = assessment(PURL, vec![malware(), second]);
    assert_eq!(judge(&subject, &[decision("1", DecisionAction::Approve, &[&malware()])]).verdict, Verdict::Hold);
}

/// The malware-class finding of [`malware`], as if it stood at another place or in other code of the same artifact.
fn malware_at(path: &str, line: u32, code: &str) -> Signal {
    SignalDraft {
        id: "behaviour/install-time-download",
        lens: Lens::Behaviour,
        status: Status::Present,
        severity: Severity::High,
        confidence: 0.95,
        kind: SignalKind::Malware,
        message: "moved".to_owned(),
        evidence: vec![Evidence::file(path, line, 1, code)],
    }
    .finish(Some(digest()))
}

#[test]
fn an_approval_survives_a_moved_line_on_the_same_digest_but_covers_nothing_new() {
    let moved = malware_at("package/setup.js", 99, "run(x)");
    assert_ne!(moved.fingerprint, malware().fingerprint);
    let good = decision("1", DecisionAction::Approve, &[&malware()]);
    let verdict = |signals: Vec<Signal>, approval: &Decision| judge(&assessment(PURL, signals), std::slice::from_ref(approval)).verdict;
    let judged = judge(&assessment(PURL, vec![moved.clone()]), std::slice::from_ref(&good));
    assert_eq!((judged.verdict, judged.lifted[0].by.as_str()), (Verdict::Allow, "approval"), "{judged:?}");

    // A decision that keeps fingerprints only answers just these.
    let bare = Decision { answered_continuity: vec![], ..good.clone() };
    assert_eq!((verdict(vec![malware()], &bare), verdict(vec![moved.clone()], &bare)), (Verdict::Allow, Verdict::Hold));
    // Other bytes, other code and other files were not looked at.
    assert_eq!(verdict(vec![moved.clone()], &Decision { artifacts: vec![Sha256::of(b"other")], ..good.clone() }), Verdict::Hold);
    for other in [malware_at("package/setup.js", 98, "run(y)"), malware_at("package/other.js", 3, "run(x)")] {
        assert_eq!(verdict(vec![other.clone()], &good), Verdict::Hold);
        assert_eq!(verdict(vec![moved.clone(), other], &good), Verdict::Hold, "one is answered, the other is new");
    }
    // The same code at a second place is a second finding, whether the first has moved or not.
    let second = malware_at("package/setup.js", 120, "run(x)");
    assert_eq!(verdict(vec![malware(), second.clone()], &good), Verdict::Hold);
    assert_eq!(verdict(vec![moved.clone(), second.clone()], &good), Verdict::Hold);
    let both = decision("1", DecisionAction::Approve, &[&malware(), &malware_at("package/setup.js", 4, "run(x)")]);
    assert_eq!(verdict(vec![moved, second], &both), Verdict::Allow);
}

#[test]
fn a_moved_malware_class_signal_does_not_reopen_and_a_new_one_does() {
    let unseen = |line, code: &str| {
        let mut unseen = malware_at("package/setup.js", line, code);
        unseen.confidence = 0.2;
        unseen.id = "advisory/vulnerability".to_owned();
        unseen
    };
    let approval = [decision("1", DecisionAction::Approve, &[&risky(), &unseen(3, "run(x)")])];
    assert_eq!(judge(&assessment(PURL, vec![risky(), unseen(50, "run(x)")]), &approval).verdict, Verdict::Allow);
    let judged = judge(&assessment(PURL, vec![risky(), unseen(50, "run(z)")]), &approval);
    assert_eq!((judged.verdict, judged.reasons[0].rule.as_str()), (Verdict::Hold, "new-malware-signal"));
}

#[test]
fn a_new_malware_class_signal_reopens_even_where_no_rule_holds_it() {
    let mut unseen = signal("advisory/vulnerability", Lens::Advisory, Severity::High, SignalKind::Malware);
    unseen.confidence = 0.2;
    let subject = assessment(PURL, vec![unseen.clone(), risky()]);
    let judgement = judge(&subject, &[decision("1", DecisionAction::Approve, &[&risky()])]);
    assert_eq!((judgement.verdict, judgement.reasons[0].rule.as_str()), (Verdict::Hold, "new-malware-signal"));
    let answers = to_answer(&subject, &judge(&subject, &[]));
    let mut expected = decision("1", DecisionAction::Approve, &[&risky(), &unseen]);
    expected.answered.sort();
    expected.answered_continuity.sort();
    assert_eq!((answers.fingerprints, answers.continuity), (expected.answered, expected.answered_continuity));
    assert_eq!(judge(&subject, &[decision("1", DecisionAction::Approve, &[&risky(), &unseen])]).verdict, Verdict::Allow);
}

#[test]
fn a_rejection_beats_everything_until_it_is_revoked() {
    let subject = assessment(PURL, vec![]);
    let reject = decision("1", DecisionAction::Reject, &[]);
    let mut approve = decision("2", DecisionAction::Approve, &[]);
    approve.decided_at = time("2026-02-28T12:00:00Z");
    let judgement = judge(&subject, &[reject.clone(), approve.clone()]);
    assert_eq!((judgement.verdict, judgement.reasons[0].rule.as_str()), (Verdict::Deny, "rejected-by-decision"));
    let mut revoke = decision("3", DecisionAction::Revoke, &[]);
    revoke.revokes = Some("1".to_owned());
    assert_eq!(judge(&subject, &[reject.clone(), approve.clone(), revoke.clone()]).verdict, Verdict::Allow);
    let mut again = decision("4", DecisionAction::Revoke, &[]);
    again.revokes = Some("3".to_owned());
    again.decided_at = time("2026-02-28T13:00:00Z");
    assert_eq!(judge(&subject, &[reject, approve, revoke, again]).verdict, Verdict::Deny, "the revocation was revoked");
}

#[test]
fn a_deny_of_the_policy_is_lifted_only_where_the_rule_is_waivable() {
    let hard = signal("provenance/digest-mismatch", Lens::Provenance, Severity::Critical, SignalKind::Other);
    let soft = signal("history/look-alike-name", Lens::History, Severity::High, SignalKind::Other);
    let subject = assessment(PURL, vec![hard.clone()]);
    assert_eq!(judge(&subject, &[decision("1", DecisionAction::Approve, &[&hard])]).verdict, Verdict::Deny);
    let subject = assessment(PURL, vec![soft.clone()]);
    assert_eq!(judge(&subject, &[]).verdict, Verdict::Deny);
    assert_eq!(judge(&subject, &[decision("1", DecisionAction::Approve, &[&soft])]).verdict, Verdict::Allow);
}

fn known_malware() -> Signal {
    let mut found = signal("advisory/known-malware", Lens::Advisory, Severity::Critical, SignalKind::Malware);
    found.artifact = None;
    found.evidence = vec![Evidence::record("osv", "MAL-2026-1", "", ""), Evidence::record("osv", "GHSA-x", "", "")];
    found
}

fn lifted() -> MalwareOverride {
    MalwareOverride {
        record: "MAL-2026-1".to_owned(),
        sha256: digest(),
        package: "pkg:npm/left-pad".parse().unwrap(),
        by: vec!["ann".to_owned(), "bob".to_owned()],
        reason: "wrong name in the record".to_owned(),
        since: time("2026-02-28T00:00:00Z"),
        until: time("2026-03-10T00:00:00Z"),
    }
}

#[test]
fn known_malware_is_lifted_by_two_people_for_one_digest_and_nothing_else() {
    let subject = assessment(PURL, vec![known_malware()]);
    let approval = [decision("1", DecisionAction::Approve, &[&known_malware()])];
    let waiver = [Waiver {
        purl: "*".to_owned(),
        rules: vec!["known-malware".to_owned()],
        findings: vec![],
        reason: "r".to_owned(),
        until: time("2027-01-01T00:00:00Z"),
    }];
    let judged = |overrides: &[MalwareOverride]| {
        policy().evaluate(&subject, &Context { decisions: &approval, waivers: &waiver, overrides, ..Context::at(now()) })
    };
    let denied = judged(&[]);
    assert_eq!((denied.verdict, denied.reasons[0].rule.as_str()), (Verdict::Deny, "known-malware"));
    let allowed = judged(&[lifted()]);
    assert_eq!(allowed.verdict, Verdict::Allow, "{allowed:?}");
    assert_eq!(allowed.lifted[0].by, "malware-override");
    for wrong in [
        MalwareOverride { by: vec!["ann".to_owned(), "ANN ".to_owned()], ..lifted() },
        MalwareOverride { by: vec!["ann".to_owned(), "a\u{200b}nn".to_owned()], ..lifted() },
        MalwareOverride { by: vec!["ann".to_owned(), "\u{ff41}nn".to_owned()], ..lifted() },
        MalwareOverride { by: vec!["ann".to_owned(), "\u{430}nn".to_owned()], ..lifted() },
        MalwareOverride { by: vec!["ann".to_owned(), "the other ann".to_owned()], ..lifted() },
        MalwareOverride { sha256: Sha256::of(b"other"), ..lifted() },
        MalwareOverride { record: "MAL-2026-2".to_owned(), ..lifted() },
        MalwareOverride { package: "pkg:npm/right-pad".parse().unwrap(), ..lifted() },
        MalwareOverride { until: now(), ..lifted() },
        MalwareOverride { until: time("2026-04-10T00:00:00Z"), ..lifted() },
        MalwareOverride { since: time("2026-03-02T00:00:00Z"), ..lifted() },
    ] {
        assert_eq!(judged(std::slice::from_ref(&wrong)).verdict, Verdict::Deny, "{wrong:?}");
    }
}

fn waiver(purl: &str, rules: &[&str]) -> Waiver {
    Waiver {
        purl: purl.to_owned(),
        rules: rules.iter().map(|rule| (*rule).to_owned()).collect(),
        findings: vec![],
        reason: "known".to_owned(),
        until: time("2026-03-02T00:00:00Z"),
    }
}

#[test]
fn waivers_lift_by_pattern_until_they_end() {
    let verdict = |signals: Vec<Signal>, waiver: Waiver| {
        policy().evaluate(&assessment(PURL, signals), &Context { waivers: &[waiver], ..Context::at(now()) }).verdict
    };
    for purl in ["pkg:npm/left-pad", "pkg:npm/left-pad@*", "pkg:npm/*", PURL] {
        assert_eq!(verdict(vec![risky()], waiver(purl, &[])), Verdict::Allow, "{purl}");
    }
    for purl in ["pkg:npm/left", "pkg:npm/left-pad@1.3.1", "pkg:pypi/left-pad"] {
        assert_eq!(verdict(vec![risky()], waiver(purl, &[])), Verdict::Hold, "{purl}");
    }
    assert_eq!(verdict(vec![risky()], waiver(PURL, &["mismatch"])), Verdict::Hold, "another rule");
    let ended = Waiver { until: now(), ..waiver(PURL, &[]) };
    assert_eq!(verdict(vec![risky()], ended), Verdict::Hold);

    assert_eq!(verdict(vec![malware()], waiver("pkg:npm/*", &["behaviour"])), Verdict::Hold, "malware is not waived by pattern");
    assert_eq!(verdict(vec![malware()], waiver(PURL, &["behaviour"])), Verdict::Allow, "one release, the rule named");
    let failed = || vec![with_status(risky(), Status::Failed)];
    assert_eq!(verdict(failed(), waiver("pkg:npm/*", &[])), Verdict::Hold, "a failed analysis is not waived by the way");
    assert_eq!(verdict(failed(), waiver("pkg:npm/*", &["analysis-failed"])), Verdict::Allow);
}

#[test]
fn a_baseline_survives_moved_lines_and_new_versions_but_covers_nothing_new() {
    let subject = assessment(PURL, vec![risky(), malware()]);
    let judgement = judge(&subject, &[]);
    let until = time("2026-06-01T00:00:00Z");
    assert!(baseline_waiver(&policy(), &subject, &judgement, "start", until).is_empty(), "the reason has a malware-class signal");

    let subject = assessment(PURL, vec![risky()]);
    let baseline = baseline_waiver(&policy(), &subject, &judge(&subject, &[]), "start", until);
    assert_eq!((baseline.len(), baseline[0].purl.as_str()), (1, "pkg:npm/left-pad@*"));
    let mut moved = signal("behaviour/obfuscated-payload", Lens::Behaviour, Severity::Medium, SignalKind::RiskyHabit);
    moved.evidence = vec![Evidence::file("package/setup.js", 99, 7, "run(x)")];
    let context = Context { waivers: &baseline, ..Context::at(now()) };
    let next = assessment("pkg:npm/left-pad@1.4.0", vec![moved.clone()]);
    let judged = policy().evaluate(&next, &context);
    assert_eq!((judged.verdict, judged.lifted[0].by.as_str()), (Verdict::Allow, "baseline"));
    let mut other = moved.clone();
    other.evidence = vec![Evidence::file("package/other.js", 1, 1, "run(y)")];
    let more = assessment("pkg:npm/left-pad@1.4.0", vec![moved, other]);
    assert_eq!(policy().evaluate(&more, &context).verdict, Verdict::Hold);
}

#[test]
fn what_failed_is_never_in_a_baseline() {
    let until = time("2026-06-01T00:00:00Z");
    let subject = assessment(PURL, vec![with_status(risky(), Status::Failed)]);
    assert!(baseline_waiver(&policy(), &subject, &judge(&subject, &[]), "start", until).is_empty());
}
