//! A name that two upstreams have, and an upstream that does not say whether it has it.

use crate::exit_codes::error_of;
use crate::lab::{AT, Lab};
use bifocal_testkit::{CratePackage, Fault, GoModule, MavenPackage, NpmPackage, Upstream};

const NPM: &str = "pkg:npm/%40acme/lib@1.0.0";
const CARGO: &str = "pkg:cargo/lib@1.0.0";
const MAVEN: &str = "pkg:maven/org.example/lib@1.0.0";
const GO: &str = "pkg:golang/example.com/lib@v1.0.0";
const ALL: [&str; 4] = [CARGO, GO, MAVEN, NPM];

fn publish(upstream: &Upstream) {
    upstream.publish(NpmPackage::new("@acme/lib", "1.0.0"));
    upstream.publish(CratePackage::new("lib", "1.0.0"));
    upstream.publish(MavenPackage::new("org.example:lib", "1.0.0"));
    upstream.publish(GoModule::new("example.com/lib", "v1.0.0"));
}

/// A lab whose clients have two upstreams each: the first has the package, and the second is the other one.
fn two() -> (Lab, Upstream) {
    let mut lab = Lab::new();
    let other = Upstream::start();
    publish(&lab.upstream);
    // A scope's registry is asked first, so the default one is the other.
    lab.environment.write("home/.npmrc", &format!("registry={}\n@acme:registry={}\n", other.npm_url(), lab.upstream.npm_url()));
    lab.environment.unset("npm_config_registry");
    lab.environment.set("CARGO_REGISTRIES_OTHER_INDEX", other.cargo_index_url());
    lab.environment.set("GOPROXY", format!("{},{}", lab.upstream.go_url(), other.go_url()));
    let repository = |id: &str, url: String| format!("<repository><id>{id}</id><url>{url}</url></repository>");
    let repositories = repository("own", lab.upstream.maven_url()) + &repository("central", other.maven_url());
    lab.environment.write("home/.m2/settings.xml", &format!(
        "<settings><profiles><profile><id>p</id><activation><activeByDefault>true</activeByDefault></activation><repositories>{repositories}</repositories></profile></profiles></settings>"
    ));
    (lab, other)
}

fn arguments() -> Vec<&'static str> {
    ["--at", AT].into_iter().chain(ALL).collect()
}

#[test]
fn a_name_on_two_upstreams_is_held_and_one_on_a_single_one_is_not() {
    let (lab, other) = two();
    let report = lab.check_json(0, &arguments());
    assert!(!report.0.to_string().contains("history/public-and-private"), "{:#}", report.0);
    for status in [404, 410] {
        other.fault("*", Fault::status(status));
        lab.check_json(0, &[&["--no-cache"], arguments().as_slice()].concat());
        other.clear_faults();
    }
    publish(&other);
    let report = lab.check_json(1, &[&["--no-cache"], arguments().as_slice()].concat());
    for purl in ALL {
        assert_eq!(report.verdict(purl), "hold", "{purl}: {:#}", report.0);
        let signals = report.release(purl)["signals"].as_array().unwrap();
        assert!(signals.iter().any(|one| one["id"] == "history/public-and-private" && one["status"] == "present"), "{purl}: {signals:#?}");
    }
}

#[test]
fn an_upstream_that_does_not_say_whether_it_has_a_name_is_3_and_not_remembered() {
    let (lab, other) = two();
    publish(&other);
    for (fault, words) in
        [(Some(500), "answered HTTP 500"), (Some(401), "asks for credentials"), (Some(403), "refused"), (None, "no connection to")]
    {
        match fault {
            Some(status) => _ = other.fault("*", Fault::status(status)),
            None => _ = other.stop(),
        }
        let report = lab.check_json(3, &arguments());
        for purl in ALL {
            let error = error_of(&report, purl);
            assert!(error.contains("is also on upstream `") && error.contains(words), "{purl}: {error}");
        }
        other.clear_faults();
    }
    other.restart();
    // Nothing was kept of the runs that could not tell.
    let report = lab.check_json(1, &arguments());
    assert_eq!(report.named(), ALL);
    assert_eq!(report.count("hold"), 4, "{:#}", report.0);
}
