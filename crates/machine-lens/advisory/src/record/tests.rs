use super::*;
use crate::codec::{Entries, put_entry};

fn read(json: &str) -> Result<Parsed, SkipReason> {
    parse(json.as_bytes(), &[], &ImportLimits::default())
}

fn versions(parsed: &Parsed) -> Vec<String> {
    let mut blob = Vec::new();
    put_entry(1, &parsed.entries[0].body, &mut blob);
    let mut found = Vec::new();
    let (_, body) = Entries::new(&blob).next().unwrap().unwrap();
    body.read(&mut Vec::new(), |_| (), |v| found.push(v.to_owned())).unwrap();
    found
}

#[test]
fn a_full_record_is_read() {
    let parsed = read(
        r#"{"schema_version":"1.6.0","id":"GHSA-aaaa-bbbb-cccc","modified":"2024-02-01T00:00:00Z","published":"2024-01-01T00:00:00Z",
        "aliases":["CVE-2024-1"],"summary":"a  summary\nover lines","details":"…",
        "severity":[{"type":"CVSS_V3","score":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],
        "affected":[{"package":{"ecosystem":"PyPI","name":"Some_Name"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"1.2"}]}],
          "versions":["1.0.0","1.0","v1.1-RC1"]},{"package":{"ecosystem":"Debian:12","name":"x"}}],
        "references":[{"type":"WEB","url":"https://example.com/a"},{"type":"ADVISORY","url":"https://example.com/b"}]}"#,
    )
    .unwrap();
    assert_eq!((parsed.id.as_str(), parsed.withdrawn, parsed.detail.malware), ("GHSA-aaaa-bbbb-cccc", false, false));
    assert_eq!(parsed.detail.summary, "a summary over lines");
    assert_eq!((parsed.detail.score, parsed.detail.severity), (Some(9.8), Some(Severity::Critical)));
    assert_eq!(parsed.detail.url.as_deref(), Some("https://example.com/b"));
    assert_eq!(parsed.entries.len(), 1);
    assert_eq!(parsed.entries[0].name, "some-name");
    assert_eq!(versions(&parsed), ["1", "1.1rc1"]);
}

#[test]
fn optional_fields_of_a_wrong_type_do_not_lose_the_record() {
    let parsed = read(
        r#"{"id":"X-1","summary":3,"modified":{},"aliases":["CVE-2024-2",7],"severity":"high","references":"none",
        "database_specific":{"severity":"MODERATE","informational":[1]},
        "affected":[{"package":{"ecosystem":"npm","name":"a"},"versions":["1.0.0"],"database_specific":4,"severity":[{"score":9}]}]}"#,
    )
    .unwrap();
    assert_eq!(parsed.detail.aliases, ["CVE-2024-2"]);
    assert_eq!(parsed.detail.severity, Some(Severity::Medium));
    assert_eq!(versions(&parsed), ["1.0.0"]);
}

#[test]
fn malware_without_versions_means_all_and_a_vulnerability_without_versions_means_none() {
    let affected = r#""affected":[{"package":{"ecosystem":"npm","name":"evil"}}]"#;
    assert_eq!(read(&format!(r#"{{"id":"MAL-2024-1",{affected}}}"#)).unwrap().entries.len(), 1);
    assert!(read(&format!(r#"{{"id":"GHSA-x","aliases":["MAL-2024-1"],{affected}}}"#)).unwrap().detail.malware);
    assert_eq!(read(&format!(r#"{{"id":"GHSA-x",{affected}}}"#)).err(), Some(SkipReason::NoVersions));
}

#[test]
fn withdrawn_records_are_kept_without_entries() {
    let parsed =
        read(r#"{"id":"MAL-1","withdrawn":"2024-01-01T00:00:00Z","affected":[{"package":{"ecosystem":"npm","name":"a"}}]}"#).unwrap();
    assert!(parsed.withdrawn && parsed.entries.is_empty());
}

#[test]
fn hostile_records_are_passed_over_with_their_reason() {
    let many = |n: usize, item: &str| vec![item; n].join(",");
    for (json, reason) in [
        ("{", SkipReason::BadJson),
        ("[]", SkipReason::WrongShape),
        (r#"{"id":5}"#, SkipReason::WrongShape),
        (r#"{"id":"","affected":[]}"#, SkipReason::BadId),
        ("{\"id\":\"a\u{202e}b\"}", SkipReason::BadId),
        (r#"{"id":"X"}"#, SkipReason::OtherEcosystem),
        (r#"{"id":"X","affected":{"package":1}}"#, SkipReason::WrongShape),
        (r#"{"id":"X","affected":[{"package":{"ecosystem":"npm","name":"../../etc"},"versions":["1"]}]}"#, SkipReason::BadName),
        (&"[".repeat(100_000), SkipReason::BadJson),
        (&format!("{}1{}", r#"{"id":"X","details":"#, "}"), SkipReason::OtherEcosystem),
        (
            &format!(r#"{{"id":"X","affected":[{{"package":{{"ecosystem":"npm","name":"a"}},"versions":[{}]}}]}}"#, many(300_001, "\"1\"")),
            SkipReason::TooManyVersions,
        ),
        (
            &format!(
                r#"{{"id":"X","affected":[{{"package":{{"ecosystem":"npm","name":"a"}},"ranges":[{{"type":"SEMVER","events":[{}]}}]}}]}}"#,
                many(2_001, r#"{"introduced":"0"}"#)
            ),
            SkipReason::TooManyEvents,
        ),
        (&format!(r#"{{"id":"X","affected":[{}]}}"#, many(20_001, "{}")), SkipReason::TooManyPackages),
    ] {
        assert_eq!(read(json).err(), Some(reason), "{}", &json[..json.len().min(80)]);
    }
}

#[test]
fn go_and_npm_versions_meet_in_one_spelling() {
    assert_eq!(canonical(Ecosystem::Golang, "v1.2.3"), canonical(Ecosystem::Golang, "1.2.3"));
    assert_eq!(canonical(Ecosystem::Golang, "v2.0.0+incompatible"), canonical(Ecosystem::Golang, "2.0.0"));
    assert_eq!(canonical(Ecosystem::Npm, "v1.2.3"), "1.2.3");
    assert_eq!(canonical(Ecosystem::Pypi, "0"), "0");
}
