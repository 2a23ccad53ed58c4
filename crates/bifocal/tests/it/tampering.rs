//! One byte, one date or one release altered at random at the upstream: exactly that release is named, and no other.

use crate::lab::{AT, Lab, Report, count};
use bifocal_core::{Ecosystem, Release};
use bifocal_testkit::{Altered, Mutation, NpmPackage, World};

/// Names of a world in each ecosystem, all locked at their newest version.
const NAMES: usize = 5;

fn lab(seed: u64) -> (Lab, Vec<Release>) {
    let lab = Lab::new();
    let world = World::new(seed, NAMES);
    let mut releases = Vec::new();
    for ecosystem in Ecosystem::ALL {
        lab.upstream.edit(|catalogue| world.publish(catalogue, ecosystem, 0..NAMES));
        releases.extend((0..NAMES).map(|number| world.newest(ecosystem, number)));
    }
    lab.lock(&releases);
    (lab, releases)
}

#[track_caller]
fn names_exactly(report: &Report, altered: &Altered, rules: &[&str]) {
    let purl = altered.release.purl();
    assert_eq!(report.named(), [purl.as_str()], "{}: {:#}", altered.detail, report.0);
    assert!(rules.contains(&report.rules(&purl)[0]), "{}: {:#}", altered.detail, report.release(&purl));
}

/// Every seed alters another release in another way, over all ecosystems.
#[test]
fn exactly_the_altered_release_is_named() {
    for seed in 0..count("BIFOCAL_ALTERATIONS", 6) as u64 {
        let (lab, releases) = lab(seed);
        let mutation = Mutation::ALL[seed as usize % 3];
        let pristine = lab.check_json(0, &["--at", AT, "--all-artifacts"]);
        assert!(pristine.named().is_empty());
        let altered = lab.upstream.mutate(seed, mutation, &releases);
        let report = match mutation {
            // What was never fetched again cannot be seen: the cache holds the right bytes.
            Mutation::Byte => {
                lab.check_json(0, &["--at", AT, "--all-artifacts", "--refresh"]);
                lab.check_json(1, &["--at", AT, "--all-artifacts", "--no-cache"])
            }
            // Go proxies declare no digest: their word is the bytes, which the lockfile tells.
            Mutation::Release if altered.release.ecosystem() == Ecosystem::Golang => {
                lab.check_json(0, &["--at", AT, "--all-artifacts", "--refresh"]);
                lab.check_json(1, &["--at", AT, "--all-artifacts", "--no-cache"])
            }
            Mutation::Date | Mutation::Release => {
                let report = lab.check_json(1, &["--at", AT, "--all-artifacts", "--refresh"]);
                // It is not forgotten by the next run, nor offline.
                assert_eq!(lab.check_json(1, &["--at", AT, "--all-artifacts"]).named(), report.named());
                assert_eq!(lab.check_json(1, &["--at", AT, "--all-artifacts", "--offline"]).named(), report.named());
                report
            }
        };
        names_exactly(
            &report,
            &altered,
            if mutation == Mutation::Date { &["record-changed"] } else { &["digest-mismatch", "record-changed"] },
        );
    }
}

#[test]
fn each_kind_of_change_is_named_in_each_ecosystem() {
    for mutation in Mutation::ALL {
        let (lab, releases) = lab(77);
        lab.check_json(0, &["--at", AT, "--all-artifacts"]);
        let mut altered: Vec<String> = Vec::new();
        for ecosystem in Ecosystem::ALL {
            let of_it: Vec<Release> = releases.iter().filter(|release| release.ecosystem() == ecosystem).cloned().collect();
            altered.push(lab.upstream.mutate(3, mutation, &of_it).release.purl());
        }
        altered.sort();
        let without = |ecosystem: &str| altered.iter().filter(|purl| !purl.starts_with(ecosystem)).cloned().collect::<Vec<_>>();
        let (afresh, refreshed) = match mutation {
            Mutation::Byte => (altered.clone(), Vec::new()),
            // Only who remembers the former date can tell.
            Mutation::Date => (Vec::new(), altered.clone()),
            // A pom.xml pins no digest; a Go proxy declares none.
            Mutation::Release => (without("pkg:maven/"), without("pkg:golang/")),
        };
        for (how, expected) in [("--no-cache", afresh), ("--refresh", refreshed)] {
            let report = lab.check_json(i32::from(!expected.is_empty()), &["--at", AT, "--all-artifacts", how]);
            assert_eq!(report.named(), expected, "{mutation:?} {how}");
        }
    }
}

#[test]
fn lockfiles_alone_tell_an_altered_release_without_any_memory() {
    let (lab, releases) = lab(5);
    for ecosystem in [Ecosystem::Npm, Ecosystem::Pypi, Ecosystem::Cargo, Ecosystem::Golang] {
        let of_it: Vec<Release> = releases.iter().filter(|release| release.ecosystem() == ecosystem).cloned().collect();
        let altered = lab.upstream.mutate(9, Mutation::Release, &of_it);
        let report = lab.check_json(1, &["--at", AT, "--no-cache"]);
        let purl = altered.release.purl();
        assert_eq!((report.verdict(&purl), report.rules(&purl)), ("deny", vec!["digest-mismatch"]));
    }
}

#[test]
fn fresh_metadata_is_asked_for_again_only_when_told_to() {
    let lab = Lab::new();
    lab.upstream.publish(NpmPackage::new("left-pad", "1.3.0"));
    let purl = "pkg:npm/left-pad@1.3.0";
    lab.check_json(0, &[purl]);
    lab.upstream.clear_log();
    lab.check_json(0, &[purl]);
    assert!(lab.upstream.log().is_empty(), "an hour has not passed");
    lab.check_json(0, &["--refresh", purl]);
    assert_eq!(lab.upstream.requests("/npm/left-pad").len(), 1);
    assert_eq!(lab.upstream.requests("/npm/left-pad/-/*").len(), 0, "the artifact is known by its digest");
    lab.run(&["check", "--refresh", "--offline", purl]).expect(2).complains(&["--refresh", "--offline"]);
}

#[test]
fn a_change_says_what_was_and_what_is_and_can_be_waived() {
    let lab = Lab::new();
    lab.upstream.publish(NpmPackage::new("left-pad", "1.3.0").published("2020-01-02T03:04:05Z"));
    let purl = "pkg:npm/left-pad@1.3.0";
    lab.check_json(0, &[purl]);
    let release: Release = purl.parse().unwrap();
    lab.upstream.edit(|catalogue| catalogue.set_published_at(&release, Some("2019-06-01T00:00:00Z".parse().unwrap())));
    let run = lab.run(&["check", "--refresh", purl]).expect(1);
    run.says(&["HOLD", "was 2020-01-02T03:04:05Z, is 2019-06-01T00:00:00Z", "do:"]);
    lab.write("ours.toml", "schema_version = 1\nname = \"ours\"\nextends = \"default\"\n[[waiver]]\npurl = \"pkg:npm/left-pad\"\nrules = [\"record-changed\"]\nreason = \"the mirror rebuilt its index\"\nuntil = 2199-01-01\n");
    lab.check_json(0, &["--policy", "ours.toml", purl]);
    // Back at the first value there is nothing to tell.
    lab.upstream.edit(|catalogue| catalogue.set_published_at(&release, Some("2020-01-02T03:04:05Z".parse().unwrap())));
    lab.check_json(0, &["--refresh", purl]);
}
