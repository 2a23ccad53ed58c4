//! What an upstream can do wrong, and the exit code and words that each of it has.

use crate::exit_codes::{PAD, TARBALL, error_of, lab};
use bifocal_core::Ecosystem;
use bifocal_testkit::{Auth, Fault, GoModule, refused_url, unresolvable_url};

#[test]
fn an_upstream_that_is_down_is_3() {
    let lab = lab();
    lab.upstream.stop();
    let error = error_of(&lab.check_json(3, &[PAD]), PAD);
    assert!(error.contains("no connection to http://127.0.0.1:"), "{error}");
    lab.run(&["check", PAD]).expect(3).says(&["ERROR", PAD, "no connection to", "1 not evaluated"]);
}

#[test]
fn a_name_that_cannot_be_resolved_is_3() {
    let mut lab = lab();
    lab.environment.set("BIFOCAL_UPSTREAM_NPM", format!("{}/npm/", unresolvable_url()));
    let error = error_of(&lab.check_json(3, &[PAD]), PAD);
    assert!(error.contains("the name of no-such-host.invalid cannot be resolved"), "{error}");
}

#[test]
fn a_refused_connection_is_3_in_every_ecosystem() {
    let mut lab = lab();
    for ecosystem in Ecosystem::ALL {
        lab.environment.set(&format!("BIFOCAL_UPSTREAM_{}", ecosystem.as_str().to_uppercase()), format!("{}/x/", refused_url()));
    }
    let purls =
        ["pkg:cargo/x@1.0.0", "pkg:golang/example.com/x@v1.0.0", "pkg:maven/org.example/x@1.0", "pkg:npm/x@1.0.0", "pkg:pypi/x@1.0"];
    let report = lab.check_json(3, &purls);
    assert_eq!(report.named(), purls);
    for purl in purls {
        assert!(error_of(&report, purl).contains("no connection to"), "{:#}", report.0);
    }
}

#[test]
fn a_package_or_version_that_is_not_there_is_3() {
    let lab = lab();
    let report = lab.check_json(3, &[PAD, "pkg:npm/left-pad@9.9.9", "pkg:npm/absent@1.0.0"]);
    assert_eq!(report.verdict(PAD), "allow");
    assert!(
        error_of(&report, "pkg:npm/left-pad@9.9.9").contains("pkg:npm/left-pad@9.9.9 is not on upstream `default`, which has the package")
    );
    assert!(error_of(&report, "pkg:npm/absent@1.0.0").contains("pkg:npm/absent is not on upstream `default`"));
}

#[test]
fn an_artifact_that_is_not_there_is_3() {
    let lab = lab();
    lab.upstream.fault("/npm/left-pad/-/*", Fault::status(404));
    let error = error_of(&lab.check_json(3, &[PAD]), PAD);
    assert!(error.contains("left-pad-1.3.0.tgz does not exist (HTTP 404)"), "{error}");
}

#[test]
fn an_upstream_that_answers_500_is_3() {
    let lab = lab();
    lab.upstream.fault("/npm/left-pad", Fault::status(500));
    let error = error_of(&lab.check_json(3, &[PAD]), PAD);
    assert!(error.contains("/npm/left-pad answered HTTP 500 after 2 tries"), "{error}");
}

#[test]
fn one_failure_among_several_tries_is_no_failure() {
    let lab = lab();
    lab.upstream.fault("/npm/left-pad", Fault::status(500).once());
    lab.upstream.fault(TARBALL, Fault::truncate(40).once());
    lab.check_json(0, &[PAD]);
    assert!(lab.upstream.requests("/npm/left-pad").len() >= 2);
}

#[test]
fn an_upstream_that_asks_for_credentials_is_3() {
    let lab = lab();
    lab.upstream.require_auth(Ecosystem::Npm, Auth::bearer("none-of-your-business"));
    let error = error_of(&lab.check_json(3, &[PAD]), PAD);
    assert!(error.contains("asks for credentials, and none are configured for it"), "{error}");
}

#[test]
fn a_body_that_stays_truncated_is_3() {
    let lab = lab();
    lab.upstream.configure(|serving| serving.range = false);
    lab.upstream.fault(TARBALL, Fault::truncate(40));
    let error = error_of(&lab.check_json(3, &[PAD]), PAD);
    assert!(error.contains("broke off after 40 bytes of "), "{error}");
}

#[test]
fn a_body_that_ends_early_without_an_announced_length_is_3_and_no_deny() {
    const MODULE: &str = "pkg:golang/example.com/m@v1.0.0";
    let lab = lab();
    lab.upstream.publish(GoModule::new("example.com/m", "v1.0.0"));
    let cut = || Fault::unannounced().and(Fault::truncate(40));
    lab.upstream.fault("/npm/*.tgz", cut());
    lab.upstream.fault("/go/*.zip", cut());
    let report = lab.check_json(3, &[PAD, MODULE]);
    for purl in [PAD, MODULE] {
        let error = error_of(&report, purl);
        assert!(error.contains("broke off after 40 bytes: it announces no length"), "{error}");
    }
    // Tried again, and nothing of the part is kept.
    assert!(lab.upstream.requests(TARBALL).len() >= 2);
    lab.upstream.clear_faults();
    lab.upstream.fault(TARBALL, cut().once());
    lab.check_json(0, &[PAD, MODULE]);
    // One that announces its length and is altered is what it was.
    lab.upstream.fault(TARBALL, Fault::flip_byte(40));
    assert_eq!(lab.check_json(1, &["--no-cache", PAD]).verdict(PAD), "deny");
}

#[test]
fn metadata_that_is_no_metadata_is_3() {
    let lab = lab();
    lab.upstream.fault("/npm/left-pad", Fault::invalid_json());
    let error = error_of(&lab.check_json(3, &[PAD]), PAD);
    assert!(error.contains("/npm/left-pad is malformed at"), "{error}");
}

#[test]
fn bytes_that_the_registry_itself_does_not_declare_are_denied() {
    let lab = lab();
    lab.upstream.fault(TARBALL, Fault::flip_byte(60));
    let report = lab.check_json(1, &[PAD]);
    assert_eq!((report.verdict(PAD), report.rules(PAD)), ("deny", vec!["digest-mismatch"]));
    lab.run(&["check", PAD]).expect(1).says(&["DENY", "declared left-pad-1.3.0.tgz: sha512 ", "served left-pad-1.3.0.tgz: sha512 "]);
}
