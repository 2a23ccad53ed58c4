//! Go's own settings: its checksum database vouches for a module that no go.sum names, and GOPRIVATE keeps modules from
//! every proxy.

use crate::lab::{AT, Lab};
use bifocal_core::{Ecosystem, Release};
use bifocal_testkit::{GoModule, Mutation, sumdb_key};

const NAME: &str = "sum.example";

fn lab() -> (Lab, Release) {
    let mut lab = Lab::new();
    for number in 0..300 {
        lab.upstream.publish(GoModule::new(&format!("example.com/m{number}"), "v1.0.0"));
    }
    lab.upstream.configure(|serving| serving.go_sumdb = Some(NAME.to_owned()));
    lab.environment.set("GOSUMDB", sumdb_key(NAME));
    lab.environment.unset("GONOSUMDB");
    (lab, Release::new(Ecosystem::Golang, "example.com/m7", "v1.0.0").unwrap())
}

#[test]
fn a_module_altered_by_its_proxy_is_denied_without_a_go_sum() {
    let (lab, release) = lab();
    let purl = release.purl();
    let report = lab.check_json(0, &["--at", AT, &purl]);
    assert_eq!(report.verdict(&purl), "allow");
    assert!(!lab.upstream.requests("/go/sumdb/sum.example/tile/*").is_empty(), "nothing was proved");
    lab.upstream.clear_log();
    lab.check_json(0, &["--at", AT, "--refresh", &purl]);
    let again = lab.upstream.requests("/go/sumdb/sum.example/tile/*");
    assert!(again.is_empty(), "what never changes is asked for twice: {again:?}");
    lab.upstream.mutate(5, Mutation::Byte, std::slice::from_ref(&release));
    let report = lab.check_json(1, &["--at", AT, "--no-cache", &purl]);
    assert_eq!(report.rules(&purl), ["digest-mismatch"]);
}

#[test]
fn a_key_that_is_not_that_of_the_database_is_a_configuration_error() {
    let (mut lab, release) = lab();
    // The name that is asked for, with the key of another one.
    let other = sumdb_key("other.example").replace("other.example", NAME);
    lab.environment.set("GOSUMDB", &other);
    lab.run(&["check", "--at", AT, &release.purl()]).expect(2).complains(&["GOSUMDB", "hash does not fit"]);
}

#[test]
fn a_module_that_became_private_is_an_error_whatever_the_cache_holds() {
    let (mut lab, release) = lab();
    let purl = release.purl();
    lab.check_json(0, &["--at", AT, &purl]);
    lab.environment.set("GOPRIVATE", "example.com/m7");
    lab.upstream.clear_log();
    let report = lab.check_json(3, &["--at", AT, &purl]);
    let error = report.release(&purl)["error"].as_str().unwrap().to_owned();
    assert!(error.contains("GOPRIVATE"), "{error}");
    assert!(lab.upstream.requests("/go/example.com/*").is_empty(), "a private module's name was sent");
    lab.check_json(0, &["--at", AT, "pkg:golang/example.com/m8@v1.0.0"]);
}
