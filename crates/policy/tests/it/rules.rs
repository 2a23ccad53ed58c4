use crate::{assessment, load, malware, now, rule, signal, with_status};
use bifocal_core::{FeedHealth, FeedStatus, Known, Lens, Severity, Signal, SignalKind, Status, Verdict};
use bifocal_policy::{Context, Outcome, simulate};

const PURL: &str = "pkg:npm/%40acme/left-pad@1.3.0";

fn matches(when: &str) -> bool {
    let policy = rule(when);
    let mut subject = assessment(PURL, vec![malware()]);
    subject.record.also_on = vec!["default".to_owned(), "@acme".to_owned()];
    !policy.evaluate(&subject, &Context::at(now())).reasons.is_empty()
}

#[test]
fn conditions_read_the_release() {
    for when in [
        r#"ecosystem == "npm" && name == "@acme/left-pad" && scope == "@acme" && version == "1.3.0""#,
        r#"purl.startsWith("pkg:npm/") && purl.endsWith("@1.3.0") && purl.contains("left")"#,
        "has_date && age_hours == 48 && age_hours > 47.5 && package_age_hours == -1.0",
        r#"published_at < timestamp("2026-02-28T00:00:00Z") && evaluated_at - published_at == duration("48h")"#,
        "published_at != null && version_count + 1 == 6 && version_count % 2 == 1 && 7 / 2 == 3",
        r#"repository_state == "given" && publisher == "" && publisher_state == "not_given""#,
        r#""postinstall" in install_scripts && install_scripts["postinstall"].matches("^node [a-z]+[.]js$")"#,
        r#"install_scripts.postinstall == "node x.js" && size(install_scripts) == 1 && !("install" in install_scripts)"#,
        r#"also_on.exists(id, id.startsWith("@")) && also_on.size() == 2 && also_on[0] == "default" && "@acme" in also_on"#,
        r#"artifacts.all(a, a.kind == "npm-tarball" && a.size == 10 && size(a.sha256) == 64)"#,
        r#"signals.exists_one(s, s.path == "package/setup.js") && size(signals.filter(s, s.confidence >= 0.9)) == 1"#,
        r#"signals.exists(s, s.lens == "behaviour" && s.kind in ["malware", "beacon"] && s.severity_rank >= rank("high"))"#,
        r#"has("behaviour/*", "high", 0.9) && !has("behaviour/*", "critical") && !failed("*/*")"#,
        r#"glob(purl, "pkg:npm/%40acme/*") && !glob(name, "x*")"#,
        r#"yanked ? false : ecosystem in ["npm", "pypi"]"#,
        r#"double(version_count) * 2.0 == 10.0 && string(version_count) + "x" == "5x" && int(4.9) == 4"#,
    ] {
        assert!(matches(when), "{when}");
    }
}

#[test]
fn a_reason_carries_exactly_the_signals_that_decided() {
    let other = signal("behaviour/obfuscated-payload", Lens::Behaviour, Severity::Low, SignalKind::Obfuscation);
    let absent = with_status(signal("provenance/attestation", Lens::Provenance, Severity::Info, SignalKind::Other), Status::Stripped);
    let subject = assessment(PURL, vec![malware(), other, absent]);
    for (when, expected) in [
        (r#"has("behaviour/*", "high")"#, vec!["behaviour/install-time-download"]),
        (r#"has("behaviour/*")"#, vec!["behaviour/install-time-download", "behaviour/obfuscated-payload"]),
        (
            r#"(has("behaviour/obfuscated-payload") && yanked) || has("behaviour/install-time-download")"#,
            vec!["behaviour/install-time-download"],
        ),
        (r#"signals.exists(s, s.kind == "obfuscation")"#, vec!["behaviour/obfuscated-payload"]),
        (r#"size(signals.filter(s, s.lens == "behaviour")) >= 2"#, vec!["behaviour/install-time-download", "behaviour/obfuscated-payload"]),
        (r#"!signals.all(s, s.severity != "low")"#, vec!["behaviour/obfuscated-payload"]),
        (r#"!has("provenance/attestation")"#, vec!["provenance/attestation"]),
        (r#"!signals.exists(s, s.severity == "critical")"#, vec![]),
        ("age_hours < 72", vec![]),
    ] {
        let judgement = rule(when).evaluate(&subject, &Context::at(now()));
        assert_eq!(judgement.reasons.len(), 1, "{when}");
        assert_eq!(judgement.reasons[0].signals, expected, "{when}");
        assert_eq!(judgement.reasons[0].fingerprints.len(), expected.len(), "{when}");
    }
}

#[test]
fn every_rule_is_evaluated_and_the_worst_wins() {
    let policy = load(
        r#"
        [[rule]]
        name = "note"
        when = "true"
        verdict = "allow"
        message = "{name} is {age} old"
        [[rule]]
        name = "hold-it"
        when = "true"
        verdict = "hold"
        message = "h"
        [[rule]]
        name = "deny-it"
        when = "true"
        verdict = "deny"
        message = "d {{x}} {count} {signals}"
    "#,
    );
    let judgement = policy.evaluate(&assessment(PURL, vec![]), &Context::at(now()));
    assert_eq!(judgement.verdict, Verdict::Deny);
    let seen: Vec<(&str, &str)> = judgement.reasons.iter().map(|r| (r.rule.as_str(), r.message.as_str())).collect();
    assert_eq!(seen, [("deny-it", "d {x} 0 no signal"), ("hold-it", "h"), ("note", "@acme/left-pad is 48 hours old")]);
}

#[test]
fn an_allow_shields_later_rules_of_its_first_match_group_only() {
    let text = r#"
        [[rule]]
        name = "outside"
        when = 'has("behaviour/*")'
        verdict = "hold"
        message = "outside"
        [[group]]
        name = "ours"
        first_match = FIRST
        [[group.rule]]
        name = "our-scope"
        when = 'scope == "@acme"'
        verdict = "allow"
        [[group.rule]]
        name = "inside"
        when = 'has("behaviour/*")'
        verdict = "deny"
        message = "inside"
    "#;
    let subject = assessment(PURL, vec![malware()]);
    let first = load(&text.replace("FIRST", "true"));
    assert_eq!(first.evaluate(&subject, &Context::at(now())).verdict, Verdict::Hold);
    let all = load(&text.replace("FIRST", "false"));
    assert_eq!(all.evaluate(&subject, &Context::at(now())).verdict, Verdict::Deny);
    let outcomes: Vec<Outcome> = first.explain(&subject, &Context::at(now())).rules.into_iter().map(|rule| rule.outcome).collect();
    assert_eq!(outcomes, [Outcome::Matched, Outcome::Matched, Outcome::Shielded { by: "our-scope".to_owned() }]);
    let changes = simulate(&first, &all, [(&subject, Context::at(now()))]);
    assert_eq!((changes[0].before, changes[0].after), (Verdict::Hold, Verdict::Deny));
    assert_eq!(changes[0].new[0].rule, "inside");
    assert!(simulate(&first, &first, [(&subject, Context::at(now()))]).is_empty());
}

#[test]
fn a_condition_that_cannot_be_evaluated_holds() {
    let mut subject = assessment(PURL, vec![]);
    subject.record.published_at = Known::Stripped;
    for (when, why) in [
        (r#"published_at < timestamp("2026-01-01T00:00:00Z")"#, "test has_date first"),
        (r#"feeds["osv"] == "fresh""#, "has no key"),
        ("version_count / 0 == 1", "division by zero"),
        ("also_on[3] == \"x\"", "has 0 items"),
        ("version_count * 9223372036854775807 > 0", "overflows"),
    ] {
        let judgement = rule(when).evaluate(&subject, &Context::at(now()));
        assert_eq!(judgement.verdict, Verdict::Hold, "{when}");
        assert_eq!(judgement.reasons[0].rule, bifocal_policy::RULE_ERROR, "{when}");
        assert!(judgement.reasons[0].message.contains(why), "{}", judgement.reasons[0].message);
    }
    // The other side decides, as in CEL.
    assert!(rule(r#"feeds["osv"] == "fresh" && false == true || yanked"#).evaluate(&subject, &Context::at(now())).reasons.is_empty());
}

#[test]
fn a_failed_analysis_holds_whatever_the_rules_say() {
    let policy = load("[[rule]]\nname = \"x\"\nwhen = \"yanked\"\nverdict = \"allow\"\n");
    let subject = assessment(PURL, vec![with_status(malware(), Status::Failed)]);
    let judgement = policy.evaluate(&subject, &Context::at(now()));
    assert_eq!((judgement.verdict, judgement.reasons[0].rule.as_str()), (Verdict::Hold, "analysis-failed"));
    assert_eq!(judgement.reasons[0].signals, ["behaviour/install-time-download"]);
}

fn feed(name: &str, health: FeedHealth, as_of: &str) -> FeedStatus {
    FeedStatus {
        name: name.to_owned(),
        health,
        digest: String::new(),
        as_of: as_of.parse().ok(),
        records: 1,
        remedy: "run `bifocal feed update`".to_owned(),
    }
}

#[test]
fn a_feed_counts_only_where_the_policy_requires_it() {
    let strict =
        load("[feeds]\nrequire = [\"osv\"]\nstale_after_days = 3\n[[rule]]\nname = \"x\"\nwhen = \"yanked\"\nverdict = \"allow\"\n");
    let lax = load("[[rule]]\nname = \"x\"\nwhen = \"yanked\"\nverdict = \"allow\"\n");
    let subject = assessment(PURL, vec![]);
    for (feeds, open) in [
        (vec![], 1),
        (vec![feed("osv", FeedHealth::Missing, "")], 1),
        (vec![feed("osv", FeedHealth::Fresh, "2026-02-27T12:00:00Z")], 0),
        (vec![feed("osv", FeedHealth::Fresh, "2026-02-20T12:00:00Z")], 1),
        (vec![feed("osv/npm", FeedHealth::Fresh, "2026-02-28T12:00:00Z"), feed("osv/pypi", FeedHealth::Missing, "")], 0),
    ] {
        let context = Context { feeds: &feeds, ..Context::at(now()) };
        let judgement = strict.evaluate(&subject, &context);
        assert_eq!((judgement.verdict, judgement.unanswered.len()), (Verdict::Allow, open), "{feeds:?}");
        assert!(lax.evaluate(&subject, &context).unanswered.is_empty());
    }
}

#[test]
fn observing_allows_everything_and_says_what_would_have_been() {
    let policy = load("extends = \"observe\"\n");
    let subject = assessment(PURL, vec![malware()]);
    let judgement = policy.evaluate(&subject, &Context::at(now()));
    assert_eq!(judgement.verdict, Verdict::Allow);
    assert!(!policy.enforces());
}

#[test]
fn signals_of_one_lens_are_judged_without_a_release() {
    let policy = load(
        r#"
        [[rule]]
        name = "b"
        when = 'has("behaviour/*", "high")'
        verdict = "hold"
        message = "{signals}"
        [[rule]]
        name = "age"
        when = "age_hours < 1000"
        verdict = "deny"
        message = "young"
        [[rule]]
        name = "other-lens"
        when = '!has("provenance/attestation") || has("behaviour/*")'
        verdict = "deny"
        message = "no attestation"
    "#,
    );
    let judgement = policy.evaluate_signals(Lens::Behaviour, &[malware()], now());
    assert_eq!(judgement.verdict, Verdict::Hold);
    assert_eq!(judgement.reasons[0].message, "saw behaviour/install-time-download");
}

#[test]
fn a_lone_signal_is_shown_whole_and_a_list_shortened() {
    let policy =
        load("[[rule]]\nname = \"b\"\nwhen = 'has(\"behaviour/*\")'\nverdict = \"hold\"\nmessage = \"{signals}\"\nremedy = \"r\"\n");
    let long = |first: &str| Signal {
        message: format!("{first} {}end", "a long sentence ".repeat(20)),
        fingerprint: first.to_owned(),
        ..malware()
    };
    let said = |signals: &[Signal]| policy.evaluate_signals(Lens::Behaviour, signals, now()).reasons[0].message.clone();
    assert_eq!(said(&[long("one")]), long("one").message);
    // The same sentence twice is one sentence.
    assert_eq!(said(&[long("one"), Signal { fingerprint: "two".to_owned(), ..long("one") }]), long("one").message);
    let list = said(&[long("one"), long("two"), long("three"), long("four")]);
    assert!(list.ends_with("… (and 1 more)") && list.contains("; two a long"), "{list}");
    assert!(list.chars().count() < 3 * 100 + 30, "{list}");
    // A hostile length ends somewhere.
    assert!(said(&[Signal { message: "x".repeat(100_000), ..malware() }]).chars().count() <= 1000);
}

#[test]
fn explanations_show_parts_and_values() {
    let policy = rule(r#"age_hours < 72 && (yanked || has("behaviour/*")) && name == "other""#);
    let explanation = policy.explain(&assessment(PURL, vec![malware()]), &Context::at(now()));
    let explained = &explanation.rules[0];
    assert_eq!(explained.outcome, Outcome::NotMatched);
    let parts: Vec<(&str, Option<bool>)> = explained.parts.iter().map(|part| (part.condition.as_str(), part.holds)).collect();
    assert_eq!(parts, [("age_hours < 72", Some(true)), ("yanked || has(\"behaviour/*\")", Some(true)), ("name == \"other\"", Some(false))]);
    assert_eq!(explained.fields["age_hours"], "48.00");
    assert_eq!(explained.fields["name"], "\"@acme/left-pad\"");
}

#[test]
fn hostile_text_in_a_message_stays_text() {
    let policy = load("[[rule]]\nname = \"r\"\nwhen = \"yanked\"\nverdict = \"hold\"\nmessage = \"{yanked_reason}\"\n");
    let mut subject = assessment(PURL, vec![]);
    subject.record.yanked = Some(format!("{{name}}\u{1b}[2J\n{}", "x".repeat(5000)));
    let judgement = policy.evaluate(&subject, &Context::at(now()));
    assert!(judgement.reasons[0].message.starts_with("{name}\\u{1b}[2J xxx"));
    assert!(judgement.reasons[0].message.chars().count() <= 300);
}

#[test]
fn the_digest_follows_meaning_and_not_layout() {
    let one = rule("yanked  &&   has_date");
    let two = rule("\n yanked\n && has_date");
    let three = rule("yanked && !has_date");
    assert_eq!(one.digest(), two.digest());
    assert_ne!(one.digest(), three.digest());
}

#[test]
fn extending_replaces_rules_by_name_and_disables_others() {
    let policy = load(
        r#"
        extends = "default"
        disable = ["yanked"]
        [[rule]]
        name = "malware-behaviour"
        when = 'has("behaviour/*", "high")'
        verdict = "deny"
        message = "no"
    "#,
    );
    let names: Vec<&str> = policy.rule_names().collect();
    assert!(!names.contains(&"yanked"));
    assert_eq!(names.iter().filter(|name| **name == "malware-behaviour").count(), 1);
    let judgement = policy.evaluate(&assessment(PURL, vec![malware()]), &Context::at(now()));
    assert_eq!(judgement.verdict, Verdict::Deny);
}
