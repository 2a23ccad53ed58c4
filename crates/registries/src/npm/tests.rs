use super::*;

fn packument(text: &str) -> Packument {
    Packument::parse(text.as_bytes(), "u").unwrap()
}

const LIB: &str = r#"{"dist-tags":{"latest":"2.0.0","next":"3.0.0-rc.1","lost":"9.9.9"},"versions":{
    "1.0.0":{},"1.1.0":{},"1.2.0":{"deprecated":"broken"},"2.0.0":{},"2.1.0":{},"3.0.0-rc.1":{}},
    "time":{"created":"2020-01-01T00:00:00Z","1.0.0":"2020-01-01T00:00:00Z","1.1.0":"2020-03-01T00:00:00Z","1.2.0":"2020-02-01T00:00:00Z",
    "2.0.0":"2021-01-01T00:00:00Z","2.1.0":"2022-01-01T00:00:00Z","3.0.0-rc.1":"2023-01-01T00:00:00Z"}}"#;

fn picked(requirement: &str, context: &ResolveContext) -> Option<String> {
    pick(&packument(LIB), requirement, context, None).ok()
}

#[test]
fn npm_takes_what_its_client_takes() {
    let plain = ResolveContext::default();
    for (requirement, wanted) in [
        ("", Some("2.0.0")),
        ("latest", Some("2.0.0")),
        ("next", Some("3.0.0-rc.1")),
        ("^1.0.0", Some("1.1.0")),
        ("1.2.0", Some("1.2.0")),
        ("=v1.0.0", Some("1.0.0")),
        ("~1.2.0", Some("1.2.0")),
        (">=2", Some("2.0.0")),
        (">2.0.0", Some("2.1.0")),
        ("*", Some("2.0.0")),
        ("lost", None),
        ("nope", None),
        ("1.5.0", None),
        ("^9", None),
    ] {
        assert_eq!(picked(requirement, &plain).as_deref(), wanted, "{requirement}");
    }
    let before = ResolveContext { before: Some("2020-02-15T00:00:00Z".parse().unwrap()), ..ResolveContext::default() };
    assert_eq!(picked("^1", &before).as_deref(), Some("1.0.0"));
    assert_eq!(picked("2.0.0", &before), None);
}

#[test]
fn versions_that_the_installed_node_cannot_run_come_last() {
    let packument = packument(
        r#"{"dist-tags":{"latest":"3.0.0"},"versions":{"1.0.0":{"engines":{"node":">=14"}},"2.0.0":{"engines":{"node":">=18"},"deprecated":"x"},
            "3.0.0":{"engines":{"node":">=22"}}}}"#,
    );
    let picked = |range: &str, node: &str| pick(&packument, range, &ResolveContext::default(), Some(node)).ok().unwrap();
    assert_eq!(picked("*", "22.1.0"), "3.0.0");
    assert_eq!(picked("*", "20.0.0"), "1.0.0");
    assert_eq!(picked(">=2", "20.0.0"), "2.0.0");
    assert_eq!(picked(">=2", "10.0.0"), "3.0.0");
}

#[test]
fn history_goes_by_date_and_by_order() {
    let packument = packument(LIB);
    let history = Dates { packument: &packument }.history("1.1.0");
    assert_eq!(history.version_count, 6);
    assert_eq!(history.previous.unwrap().version, "1.2.0");
    assert_eq!(history.next_lower.as_deref(), Some("1.0.0"));
    assert_eq!(history.latest.as_deref(), Some("2.0.0"));
    assert_eq!(history.first_published_at, Known::Given("2020-01-01T00:00:00Z".parse().unwrap()));
}

#[test]
fn dates_of_a_mirror_that_contradict_the_order_are_not_given() {
    let packument = packument(
        r#"{"versions":{"1.0.0":{},"1.0.1":{},"1.0.2":{},"2.0.0":{}},
            "time":{"1.0.0":"2026-01-01T00:00:00Z","1.0.1":"2024-01-01T00:00:00Z","1.0.2":"2025-01-01T00:00:00Z","2.0.0":"2023-01-01T00:00:00Z"}}"#,
    );
    let dates = Dates { packument: &packument };
    assert_eq!(dates.published("1.0.0"), Known::Stripped);
    assert_eq!(dates.published("1.0.1"), Known::Given("2024-01-01T00:00:00Z".parse().unwrap()));
    assert_eq!(dates.published("2.0.0"), Known::Given("2023-01-01T00:00:00Z".parse().unwrap()));
    assert_eq!(dates.history("1.0.2").previous.unwrap().version, "1.0.1");
}

#[test]
fn names_stay_in_their_segment() {
    let base = Url::parse("https://registry.example/npm/").unwrap();
    let url = |name: &str| packument_url(&base, &PackageName::new(Ecosystem::Npm, name).unwrap()).unwrap().to_string();
    assert_eq!(url("@scope/name"), "https://registry.example/npm/@scope%2fname");
    assert_eq!(url("left-pad"), "https://registry.example/npm/left-pad");
    assert_eq!(url("é&="), "https://registry.example/npm/%c3%a9%26%3d");
    assert_eq!(url("..."), "https://registry.example/npm/...");
}
