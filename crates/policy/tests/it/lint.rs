use crate::{known, mistake, problems};

#[test]
fn wrong_conditions_are_named_with_what_is_near() {
    for (when, expected) in [
        ("age_hour < 3", "error: unknown field `age_hour`; did you mean `age_hours`?"),
        ("name < 3", "error: `<` compares a string with a int"),
        (r#"ecosystem == "pipy""#, "error: no ecosystem is called `pipy`; did you mean `pypi`?"),
        (r#"ecosystem in ["npm", "pipy"]"#, "error: no ecosystem is called `pipy`; did you mean `pypi`?"),
        (
            r#"has("behaviour/install-time-downlod")"#,
            "error: no signal is called `behaviour/install-time-downlod`; did you mean `behaviour/install-time-download`?",
        ),
        (r#"has("behavior/*")"#, "error: signal id `behavior/*` names no lens; did you mean `behaviour`?"),
        (r#"signals.exists(s, s.lens == "behavior")"#, "error: no lens is called `behavior`; did you mean `behaviour`?"),
        (r#"signals.exists(s, s.severety == "high")"#, "error: a signal has no field `severety`; did you mean `severity`?"),
        (r#"signals.exists(s, s.kind == "malwere")"#, "error: no kind of signal is called `malwere`; did you mean `malware`?"),
        (
            r#"signals.exists(s, s.severity >= "high")"#,
            "error: severities would be compared by their letters; write `s.severity_rank >= rank(\"high\")`",
        ),
        (
            r#"maintainers.startsWith("a")"#,
            "error: startsWith() needs a string, this is a list of string; for a list write `x in list` or list.exists(x, …)",
        ),
        (
            r#"signals.contains("a")"#,
            "error: contains() needs a string, this is a list of signal; for a list write `x in list` or list.exists(x, …)",
        ),
        ("version_count", "error: the condition is a int, not a bool; compare it with something"),
        ("yanked && version", "error: `&&` needs a bool, this is a string; compare it with something"),
        ("age_hours * 7 > 1.0", "error: `*` does not take a double and a int; write the whole number with a decimal point (`7.0`)"),
        ("repository == null", "error: `==` compares a string with a null; only published_at can be null; a missing text is \"\""),
        ("has(signals.x)", "error: has() takes a signal id in quotes; every field always exists here"),
        (r#"name.matches("(")"#, "error: not a regular expression: unclosed group"),
        ("false && yanked", "error: rule `r` can never match: it is false"),
        ("version_count < 3 && version_count > 5", "error: rule `r` can never match: `version_count` cannot be at least 5 and at most 3"),
        (r#"name == "a" && name == "b""#, "error: rule `r` can never match: `name` cannot be both \"a\" and \"b\""),
        (r#"startswith(name, "a")"#, "error: unknown function `startswith`; did you mean `startsWith`?"),
        (
            r#"signals[0].id == "x""#,
            "error: a list of signal is not indexed; the order of a list has no meaning; use exists, all or filter",
        ),
        ("size(signals.map(s, s.id)) > 0", "error: `map` is not supported in a condition; use exists, all or filter"),
        (r#"name == "a" ||"#, "error: not a CEL expression"),
        ("timestamp(\"yesterday\") < evaluated_at", "error: timestamp() takes a time in quotes; as in timestamp(\"2026-01-31T00:00:00Z\")"),
        ("[1, \"a\"].size() == 2", "error: the list mixes int and string"),
        ("signals.exists(name, true)", "error: `name` is the name of a field; choose another word"),
    ] {
        let found = mistake(when);
        assert!(found.starts_with(expected), "{when}\n  got  {found}\n  want {expected}");
    }
}

#[test]
fn every_mistake_is_reported_at_once_with_its_place() {
    let found = problems(
        r#"
extnds = "default"
[[rule]]
name = "Not Kebab"
when = "age_hour < 3 && nam == 'x'"
verdict = "dny"
message = "{nme}"
colour = "red"
[[rule]]
name = "second"
when = """
yanked &&
  versoin == "1"
"""
verdict = "hold"
[[waiver]]
purl = "npm/x"
rules = ["secnd"]
reason = "r"
"#,
    );
    let expected = [
        "p.toml:4:1: error: unknown key `extnds` in the policy; did you mean `extends`?",
        "p.toml:6:8: error: rule name `Not Kebab` is not in kebab-case; use lower-case letters, digits and single hyphens",
        "p.toml:7:9: error: unknown field `age_hour`; did you mean `age_hours`?",
        "p.toml:7:25: error: unknown field `nam`; did you mean `name`?",
        "p.toml:8:11: error: unknown verdict `dny`; did you mean `deny`?",
        "p.toml:9:12: error: unknown placeholder `{nme}`; did you mean `name`?",
        "p.toml:10:1: error: unknown key `colour` in [[rule]]; known are name, when, verdict, message, remedy, waivable",
        "p.toml:11:1: error: [[rule]] has no `message`; say in one sentence what is wrong, for the person whose build stops",
        "p.toml:15:3: error: unknown field `versoin`; did you mean `version`?",
        "p.toml:18:1: error: [[waiver]] has no `until`; a waiver has an end date",
        "p.toml:20:10: error: the waiver names an unknown rule `secnd`; known are analysis-failed",
    ];
    assert_eq!(found, expected);
}

#[test]
fn unreachable_and_doubled_rules_are_errors_and_old_waivers_warnings() {
    let found = problems(
        r#"
[[group]]
name = "g"
first_match = true
[[group.rule]]
name = "all"
when = "yanked || true"
verdict = "allow"
[[group.rule]]
name = "later"
when = "yanked"
verdict = "deny"
message = "m"
[[rule]]
name = "known-malware"
when = "yanked"
verdict = "allow"
"#,
    );
    assert_eq!(
        found,
        [
            "p.toml:12:8: error: rule `later` is never reached: `all` before it always matches; in a first_match group the first rule that matches ends the group",
            "p.toml:17:8: error: `known-malware` is the name of a built-in rule; built-in rules always apply; choose another name",
        ]
    );
    let twice = "[[rule]]\nname = \"a\"\nwhen = \"yanked\"\nverdict = \"allow\"\n";
    assert!(problems(&format!("{twice}{twice}"))[0].ends_with("two rules are called `a`"));
    let old = format!("{twice}[[waiver]]\npurl = \"pkg:npm/x\"\nreason = \"r\"\nuntil = 2026-02-28\n");
    assert_eq!(problems(&old), ["p.toml:10:9: warning: the waiver has ended; renew it or take it out"]);
    let today = old.replace("2026-02-28", "2026-03-01");
    assert!(problems(&today).is_empty(), "a date means the end of that day");
}

#[test]
fn overrides_need_two_people_and_end_soon() {
    let text = |by: &str, until: &str| {
        format!(
            "[[rule]]\nname = \"a\"\nwhen = \"yanked\"\nverdict = \"allow\"\n[[malware_override]]\nrecord = \"MAL-2026-1\"\nsha256 = \"{}\"\npackage = \"pkg:npm/x\"\nby = {by}\nreason = \"r\"\nsince = 2026-02-28T00:00:00Z\nuntil = {until}\n",
            "a".repeat(64)
        )
    };
    assert!(problems(&text(r#"["ann", "bob"]"#, "2026-03-10T00:00:00Z")).is_empty());
    // One person in two spellings is one, and what is no name is nobody.
    for by in [
        r#"["ann"]"#,
        r#"["ann", " Ann"]"#,
        "[\"ann\", \"a\u{200b}nn\"]",
        r#"["ann", "@ann"]"#,
        r#"["ann@example.com", "ann+two@example.com"]"#,
    ] {
        assert!(problems(&text(by, "2026-03-10T00:00:00Z"))[0].contains("two different people"), "{by}");
    }
    for (by, words) in [
        (r#"["ann", "Bob Builder"]"#, "`Bob Builder` is neither a handle (`ana`) nor an address"),
        ("[\"ann\", \"\u{430}nn\"]", "mixes letters of several scripts"),
    ] {
        assert!(problems(&text(by, "2026-03-10T00:00:00Z"))[0].contains(words), "{by}");
    }
    assert!(problems(&text(r#"["ann", "bob"]"#, "2026-04-10T00:00:00Z"))[0].contains("longer than 14 days"));
}

#[test]
fn a_required_feed_that_is_none_is_an_error_that_names_the_nearest() {
    let text = "schema_version = 1\nname = \"x\"\n[feeds]\nrequire = [\"osvv\", \"osv/pypi\", \"popularity/gem\"]\n[[rule]]\nname = \"x\"\nwhen = \"yanked\"\nverdict = \"allow\"\n";
    let error = bifocal_policy::Policy::load(text, "p.toml", &known(), None).unwrap_err().to_string();
    assert!(error.contains("p.toml:4:12: error: no feed is called `osvv`; did you mean `osv`?"), "{error}");
    assert!(error.contains("no feed is called `popularity/gem`") && !error.contains("`osv/pypi`;"), "{error}");
}
