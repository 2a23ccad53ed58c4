//! The table of exit codes, each code provoked, with what the message says: what failed, on what, what to do.

use crate::lab::{AT, Lab, Report, malware};
use bifocal_core::{Ecosystem, Release};
use bifocal_testkit::{Fault, NpmPackage, ReadOnly, TinyDisk, refused_url};
use serde_json::json;

pub(crate) const PAD: &str = "pkg:npm/left-pad@1.3.0";
pub(crate) const TARBALL: &str = "/npm/left-pad/-/left-pad-1.3.0.tgz";

/// An upstream with one plain package, a package that the default policy holds, and nothing else.
pub(crate) fn lab() -> Lab {
    let lab = Lab::new();
    lab.upstream.publish(NpmPackage::new("left-pad", "1.3.0").file("index.js", "module.exports = s => ' ' + s;\n"));
    // Honest projects do not begin with such a number; it is how dependency confusion wins.
    lab.upstream.publish(NpmPackage::new("inner-tool", "99.99.99"));
    lab
}

fn npm(name: &str, version: &str) -> Release {
    Release::new(Ecosystem::Npm, name, version).unwrap()
}

pub(crate) fn error_of(report: &Report, purl: &str) -> String {
    assert_eq!(report.verdict(purl), "error", "{:#}", report.0);
    report.release(purl)["error"].as_str().unwrap().to_owned()
}

#[test]
fn all_allowed_is_0() {
    let lab = lab();
    let report = lab.check_json(0, &[PAD]);
    assert_eq!(report.verdict(PAD), "allow");
    assert_eq!((report.count("releases"), report.count("allow"), report.count("artifacts")), (1, 1, 1));
    lab.run(&["check", PAD]).expect(0).says(&["1 allowed", "1 release, 1 artifact looked at"]);
}

#[test]
fn a_hold_is_1_and_says_why_and_what_to_do() {
    let lab = lab();
    let run = lab.run(&["check", "pkg:npm/inner-tool@99.99.99"]).expect(1);
    run.says(&["HOLD", "pkg:npm/inner-tool@99.99.99", "version 99.99.99", "[version-anomaly]", "do:", "1 held"]);
}

#[test]
fn a_digest_that_differs_from_the_lockfile_is_denied_with_both_digests() {
    let lab = lab();
    lab.lock(&[npm("left-pad", "1.3.0")]);
    let lockfile = std::fs::read_to_string(lab.project().join("package-lock.json")).unwrap();
    let pinned = "sha512-".to_owned() + &"A".repeat(86) + "==";
    let start = lockfile.find("sha512-").unwrap();
    let offered = &lockfile[start..start + pinned.len()];
    lab.write("package-lock.json", lockfile.replace(offered, &pinned));
    let report = lab.check_json(1, &["package-lock.json"]);
    assert_eq!((report.verdict(PAD), report.rules(PAD)), ("deny", vec!["digest-mismatch"]));
    let text = report.0.to_string();
    assert!(text.contains(&"0".repeat(128)) || text.contains(&pinned), "the pinned digest is in the evidence: {text}");
    lab.run(&["check", "package-lock.json"]).expect(1).says(&["DENY", PAD, "package-lock.json:", "renew the lockfile", "1 denied"]);
}

#[test]
fn a_malware_record_denies_even_without_the_bytes() {
    let lab = lab();
    lab.load_advisories(&[malware("MAL-2026-7", "left-pad", "1.3.0"), malware("MAL-2026-8", "gone-pad", "1.0.0")]);
    let report = lab.check_json(1, &[PAD, "pkg:npm/gone-pad@1.0.0", "pkg:npm/inner-tool@99.99.99"]);
    for purl in [PAD, "pkg:npm/gone-pad@1.0.0"] {
        assert_eq!((report.verdict(purl), report.rules(purl)), ("deny", vec!["known-malware"]));
    }
    assert_eq!(report.verdict("pkg:npm/inner-tool@99.99.99"), "hold");
    lab.run(&["check", PAD]).expect(1).says(&["DENY", "MAL-2026-7", "[known-malware]", "do:"]);
}

#[test]
fn wrong_usage_is_2_and_names_the_mistake() {
    let lab = lab();
    lab.run(&["check", "--offlin"]).expect(2).complains(&["--offlin", "--offline"]);
    lab.run(&["chekc"]).expect(2).complains(&["chekc", "check"]);
    lab.run(&["check", "--format", "yaml"]).expect(2).complains(&["yaml", "human", "sarif"]);
    lab.run(&["check", "--at", "yesterday", PAD]).expect(2).complains(&["yesterday", "--at"]);
    lab.run(&["check", "--new-only"]).expect(2).complains(&["--base"]);
    lab.run(&["check", "pkg:gem/rails@1.0"]).expect(2).complains(&["gem"]);
    lab.run(&["check", "no-such.lock"]).expect(2).complains(&["cannot read no-such.lock"]);
    lab.run(&["check"]).expect(2).complains(&["found no lockfile", "name a file, a folder or a purl"]);
    lab.run(&["check", "."]).expect(2).complains(&["found no lockfile"]).keeps_quiet_about(&["/.;"]);
    // What an unset variable of a script leaves is no folder.
    lab.run(&["check", ""]).expect(2).complains(&["a target is empty"]);
    lab.run(&["check", PAD, ""]).expect(2).complains(&["a target is empty"]);
    lab.run(&["scan"]).expect(2).complains(&["PATH"]);
    for jobs in ["0", "-1", "257", "many"] {
        lab.run(&["check", &format!("--jobs={jobs}"), PAD]).expect(2).complains(&["--jobs", jobs]);
        lab.run(&["scan", &format!("--jobs={jobs}"), "."]).expect(2).complains(&["--jobs", jobs]);
    }
    // Each command lists the forms that it takes, and no other.
    for arguments in [
        ["doctor", "--format", "sarif"].as_slice(),
        &["policy", "explain", PAD, "--format", "sarif"],
        &["feed", "status", "--format", "sarif"],
    ] {
        lab.run(arguments).expect(2).complains(&["[possible values: human, json]"]);
    }
    lab.run(&["scan", "--format", "cyclonedx", "."]).expect(2).complains(&["[possible values: human, json, jsonl, sarif]"]);
}

#[test]
fn a_range_or_tag_in_a_purl_is_2_and_says_what_a_purl_takes() {
    let lab = lab();
    for (purl, words) in [("pkg:npm/left-pad@^1.0.0", "range `^1.0.0`"), ("pkg:npm/left-pad@latest", "tag `latest`")] {
        for arguments in [["check", purl].as_slice(), &["policy", "explain", purl]] {
            let run = lab.run(arguments).expect(2);
            run.complains(&[words, "takes one exact version", "pkg:npm/left-pad@1.2.3", "leave it out (pkg:npm/left-pad)"]);
        }
    }
    assert!(lab.upstream.requests("*").is_empty(), "nothing was asked of the registry");
}

#[test]
fn an_output_that_cannot_be_written_is_2_and_names_the_folder_before_any_work() {
    let lab = lab();
    for option in ["--output", "--write-baseline"] {
        let run = lab.run(&["check", PAD, option, "no/such/out.json"]).expect(2);
        run.complains(&["cannot write no/such/out.json", "there is no folder no/such"]).keeps_quiet_about(&[".tmp"]);
        lab.run(&["check", PAD, option, "."]).expect(2).complains(&["it is a folder"]);
    }
    assert!(lab.upstream.requests("*").is_empty(), "nothing was asked of the registry");
    // What is there keeps its place: a link leads where it led, a device stays a device.
    lab.write("real.txt", "old");
    std::os::unix::fs::symlink("real.txt", lab.project().join("link.txt")).unwrap();
    lab.run(&["check", PAD, "-o", "link.txt"]).expect(0);
    assert!(std::fs::read_to_string(lab.project().join("real.txt")).unwrap().contains("1 allowed"));
    assert!(lab.project().join("link.txt").is_symlink());
    lab.run(&["check", PAD, "-o", "/dev/null"]).expect(0);
    assert!(!std::fs::metadata("/dev/null").unwrap().is_file());
    lab.run(&["check", PAD, "-o", "/dev/stdout"]).expect(0).says(&["1 allowed"]);
}

#[test]
fn a_malformed_lockfile_is_2_with_file_line_and_what_was_expected() {
    let lab = lab();
    lab.write("package-lock.json", "{\n  \"lockfileVersion\": 3,\n  \"packages\": { \"node_modules/x\": { \"version\": \n");
    lab.run(&["check"]).expect(2).complains(&["package-lock.json:4", "expected"]);
    lab.write("Cargo.lock", "version = 4\n\n[[package]]\nname = \"x\"\nversion = 3\n");
    lab.run(&["check", "Cargo.lock"]).expect(2).complains(&["Cargo.lock:5", "expected", "version"]);
    lab.write("requirements.txt", "good==1.0\nbad ==\n");
    lab.run(&["check", "requirements.txt"]).expect(2).complains(&["requirements.txt:2"]);
    lab.write("pom.xml", "<project>\n  <dependencies>\n    <dependency>\n  </dependencies>\n</project>\n");
    lab.run(&["check", "pom.xml"]).expect(2).complains(&["pom.xml:4"]);
    lab.write("go.mod", "module example.com/x\n\nrequire (\n\texample.com/y\n)\n");
    lab.run(&["check", "go.mod"]).expect(2).complains(&["go.mod:4"]);
}

#[test]
fn a_malformed_file_that_a_walk_came_upon_is_2_and_hides_no_verdict() {
    let lab = lab();
    lab.lock(&[npm("inner-tool", "99.99.99")]);
    lab.write("tests/fixtures/broken/Cargo.lock", "version = 4\n\n[[package]]\nname = \"x\"\nversion = 3\n");
    lab.write("tests/fixtures/cut/package-lock.json", "{");
    let held = "pkg:npm/inner-tool@99.99.99";
    let report = lab.check_json(2, &[]);
    assert_eq!((report.verdict(held), report.count("error")), ("hold", 2));
    let broken = "tests/fixtures/broken/Cargo.lock";
    lab.run(&["check"]).expect(2).says(&["HOLD", held, "ERROR tests/fixtures/broken/Cargo.lock", "1 held, 2 not evaluated"]).complains(&[
        "tests/fixtures/broken/Cargo.lock:5",
        "tests/fixtures/cut/package-lock.json:1",
        "--exclude",
    ]);
    // What a person named stops the run.
    lab.run(&["check", "package-lock.json", broken]).expect(2).keeps_quiet_about(&["HOLD"]);
    // Passed over, by option or configuration, and said.
    let line = "not looked at: excluded by --exclude or check.exclude: tests/fixtures/broken/Cargo.lock, tests/fixtures/cut";
    lab.run(&["check", "--exclude", "fixtures/"]).expect(1).says(&["1 held, 0 allowed", line]);
    let two = ["check", "--exclude", "tests/fixtures/broken", "--exclude", "cut/package-lock.json"];
    lab.run(&two).expect(2);
    lab.run(&["check", "--exclude", "tests/fixtures/broken", "--exclude", "**/cut/package-lock.json"]).expect(1).says(&[line]);
    lab.write("bifocal.toml", "[check]\nexclude = [\"/tests/fixtures/\"]\n");
    lab.run(&["check"]).expect(1).says(&[line]);
    lab.run(&["check", "tests"]).expect(2).complains(&["found no lockfile", "excluded by"]);
    lab.run(&["check", "--exclude", "# x"]).expect(2).complains(&["--exclude `# x` is no pattern"]);
}

#[test]
fn a_malformed_lockfile_beats_a_denied_release() {
    let lab = lab();
    lab.load_advisories(&[malware("MAL-2026-7", "left-pad", "1.3.0")]);
    lab.write("package-lock.json", "{");
    lab.run(&["check", PAD, "package-lock.json"]).expect(2).complains(&["package-lock.json:1"]);
}

#[test]
fn a_malformed_policy_is_2_with_every_mistake_and_its_line() {
    let lab = lab();
    let policy = "schema_version = 1\nname = \"ours\"\n\n[[rule]]\nname = \"one\"\nwhen = 'age_hour < 3.0'\nverdict = \"hold\"\nmessage = \"m\"\n\n[[rule]]\nname = \"two\"\nwhen = 'yanked &&'\nverdict = \"hodl\"\nmessage = \"m\"\n";
    lab.write("ours.toml", policy);
    let run = lab.run(&["check", "--policy", "ours.toml", PAD]).expect(2);
    let run = run.complains(&["ours.toml:6", "age_hour", "age_hours"]);
    assert!(run.stderr.contains("ours.toml:12") || run.stderr.contains("ours.toml:13"), "{run}");
    lab.run(&["check", "--policy", "stritc", PAD]).expect(2).complains(&["stritc", "default, strict, observe"]);
}

#[test]
fn a_malformed_configuration_is_2_and_an_unknown_key_names_the_nearest() {
    let lab = lab();
    lab.write("bifocal.toml", "[cache]\nartifact_mib = \n");
    lab.run(&["check", PAD]).expect(2).complains(&["bifocal.toml", "2"]);
    lab.write("bifocal.toml", "[cache]\nartifact_mb = 3\n");
    lab.run(&["check", PAD]).expect(2).complains(&["unknown key `cache.artifact_mb`; did you mean `cache.artifact_mib`?"]);
    lab.write("bifocal.toml", "[network]\ntries = \"many\"\n");
    lab.run(&["check", PAD]).expect(2).complains(&["network.tries", "whole number"]);
    std::fs::remove_file(lab.project().join("bifocal.toml")).unwrap();
    let mut command = lab.command(&["check", PAD]);
    command.env("BIFOCAL_FEEDS_DIRECTORY", "x");
    crate::lab::Run::of(command).expect(2).complains(&["BIFOCAL_FEEDS_DIRECTORY", "did you mean `BIFOCAL_FEEDS_DIR`?"]);
    lab.run(&["check", "--config", "no-such.toml", PAD]).expect(2).complains(&["no-such.toml"]);
}

#[test]
fn no_upstream_and_no_client_to_ask_is_2_and_says_what_to_set() {
    let lab = lab();
    let user = lab.beside("nobody");
    let mut environment = bifocal_testkit::ClientEnvironment::empty(&user);
    environment.set("PATH", "/nonexistent");
    // Nothing leaves this machine, whatever a client's default would be.
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"] {
        environment.set(name, refused_url());
    }
    for (purl, words) in [
        ("pkg:npm/x@1.0.0", "npm"),
        ("pkg:pypi/x@1.0", "pypi"),
        ("pkg:maven/org.example/x@1.0", "maven"),
        ("pkg:golang/example.com/x@v1.0.0", "golang"),
    ] {
        let mut command = environment.command(env!("CARGO_BIN_EXE_bifocal"));
        command.args(["check", purl]).current_dir(lab.project());
        crate::lab::Run::of(command).expect(2).complains(&[&format!("upstream.{words}"), "bifocal.toml"]);
    }
}

#[test]
fn offline_and_not_in_the_cache_is_3_and_offline_with_a_cache_is_0() {
    let lab = lab();
    let error = error_of(&lab.check_json(3, &["--offline", PAD]), PAD);
    assert!(error.contains("--offline"), "{error}");
    assert!(lab.upstream.requests("*").is_empty(), "nothing is asked offline");
    lab.check_json(0, &[PAD]);
    lab.upstream.stop();
    lab.check_json(0, &["--offline", PAD]);
}

#[test]
fn a_git_and_a_url_dependency_are_3_and_named() {
    let lab = lab();
    let lock = json!({
        "name": "p", "version": "1.0.0", "lockfileVersion": 3, "packages": {
            "": { "name": "p", "dependencies": { "forked": "git+ssh://git@git.example/forked.git", "tarred": "https://files.example/tarred.tgz" } },
            "node_modules/forked": { "version": "1.0.0", "resolved": "git+ssh://git@git.example/forked.git#0123456789abcdef0123456789abcdef01234567" },
            "node_modules/tarred": { "version": "1.0.0", "resolved": "https://files.example/tarred.tgz" },
        },
    });
    lab.write("package-lock.json", serde_json::to_string_pretty(&lock).unwrap());
    let report = lab.check_json(3, &["package-lock.json"]);
    let missing = report.0["not_evaluated"].as_array().unwrap();
    assert_eq!((missing.len(), report.count("error")), (2, 2));
    lab.run(&["check"]).expect(3).says(&["forked", "git dependencies are not fetched", "tarred", "package-lock.json:", "2 not evaluated"]);
}

#[test]
fn what_is_held_beats_what_could_not_be_evaluated() {
    let lab = lab();
    let report = lab.check_json(1, &["pkg:npm/inner-tool@99.99.99", "pkg:npm/absent@1.0.0"]);
    assert_eq!((report.count("hold"), report.count("error")), (1, 1));
}

#[test]
fn a_pom_whose_parents_cannot_be_had_is_3_and_hides_no_verdict_of_other_files() {
    let lab = lab();
    lab.lock(&[npm("left-pad", "1.3.0")]);
    lab.write("service/pom.xml", "<project>\n  <modelVersion>4.0.0</modelVersion>\n  <parent><groupId>org.example</groupId><artifactId>parent</artifactId><version>1</version></parent>\n  <artifactId>service</artifactId>\n</project>\n");
    lab.upstream.fault("/maven/*", Fault::status(500));
    let run = lab.run(&["check"]).expect(3);
    run.says(&["ERROR service/pom.xml", "org.example:parent", "HTTP 500", "1 not evaluated, 1 allowed"]);
    lab.load_advisories(&[malware("MAL-2026-7", "left-pad", "1.3.0")]);
    assert_eq!(lab.check_json(1, &[]).verdict(PAD), "deny");
    // Nor does one that the upstream does not have.
    lab.upstream.clear_faults();
    lab.run(&["check"]).expect(1).says(&["ERROR service/pom.xml", "the upstream has none"]);
}

#[test]
fn fail_on_deny_lets_holds_pass_and_errors_not() {
    let lab = lab();
    let held = "pkg:npm/inner-tool@99.99.99";
    lab.run(&["check", "--fail-on", "deny", held]).expect(0).says(&["HOLD", "1 held"]);
    lab.run(&["check", "--fail-on", "deny", held, "pkg:npm/absent@1.0.0"]).expect(3);
    // A hold does not answer what the policy requires and nothing could answer: a feed that is missing, a signal.
    lab.write(
        "ours.toml",
        "schema_version = 1\nname = \"ours\"\nextends = \"default\"\n[require]\nsignals = [\"history/look-alike-name\"]\n",
    );
    for policy in ["strict", "ours.toml"] {
        let report = lab.check_json(1, &["--policy", policy, held]);
        assert_eq!((report.verdict(held), report.count("hold"), report.count("error")), ("hold", 1, 1), "{policy}");
        lab.run(&["check", "--fail-on", "deny", "--policy", policy, held])
            .expect(3)
            .says(&["asks what cannot be answered", "1 held, 1 not"]);
    }
    lab.load_advisories(&[malware("MAL-2026-7", "left-pad", "1.3.0")]);
    lab.run(&["check", "--fail-on", "deny", held, PAD]).expect(1);
}

#[test]
fn a_variable_for_an_option_that_is_on_or_off_is_read_as_people_write_it() {
    let lab = lab();
    let run = |value: &str| {
        let mut command = lab.command(&["check", "--no-cache", PAD]);
        command.env("BIFOCAL_OFFLINE", value);
        crate::lab::Run::of(command)
    };
    for value in ["1", "true", "yes", "YES", "on"] {
        run(value).expect(3).says(&["offline"]);
    }
    for value in ["0", "false", "no", "off", ""] {
        run(value).expect(0);
    }
    run("maybe").expect(2).complains(&["maybe", "expected 1 or 0"]);
}

#[test]
fn a_read_only_cache_warns_and_changes_no_verdict() {
    let lab = lab();
    lab.check_json(0, &[PAD]);
    let guard = match ReadOnly::of(&lab.cache()) {
        Ok(guard) => guard,
        Err(skipped) => return eprintln!("{skipped}"),
    };
    lab.run(&["check", "--offline", PAD]).expect(0).says(&["1 allowed"]);
    let run = lab.run(&["check", PAD, "pkg:npm/inner-tool@99.99.99"]).expect(1).says(&["1 held, 1 allowed"]);
    run.complains(&["warning:", "read-only"]);
    drop(guard);
    lab.check_json(1, &[PAD, "pkg:npm/inner-tool@99.99.99"]);
}

#[test]
fn a_cache_folder_that_cannot_be_made_warns_and_changes_no_verdict() {
    let mut lab = lab();
    let folder = lab.beside("sealed");
    std::fs::create_dir(&folder).unwrap();
    let _guard = match ReadOnly::of(&folder) {
        Ok(guard) => guard,
        Err(skipped) => return eprintln!("{skipped}"),
    };
    lab.environment.set("BIFOCAL_CACHE_DIR", folder.join("cache").to_str().unwrap());
    lab.run(&["check", PAD]).expect(0).says(&["1 allowed"]).complains(&["warning:", "sealed"]);
}

#[test]
fn a_full_disk_warns_and_changes_no_verdict() {
    let mut lab = lab();
    for kib in [4, 64, 160] {
        let disk = match TinyDisk::mount(kib << 10) {
            Ok(disk) => disk,
            Err(skipped) => return eprintln!("{skipped}"),
        };
        if kib == 4 {
            disk.fill();
        }
        lab.environment.set("BIFOCAL_CACHE_DIR", disk.path().join("cache").to_str().unwrap());
        let run = lab.run(&["check", PAD, "pkg:npm/inner-tool@99.99.99", "pkg:npm/absent@1.0.0"]).expect(1);
        let run = run.says(&["1 held, 1 not evaluated, 1 allowed"]);
        if kib < 160 {
            run.complains(&["warning:"]);
        }
    }
}

#[test]
fn a_damaged_cache_is_begun_anew() {
    let lab = lab();
    lab.check_json(0, &[PAD]);
    for entry in std::fs::read_dir(lab.cache()).unwrap().flatten().filter(|entry| entry.path().is_file()) {
        std::fs::write(entry.path(), b"this is no database, and nothing else either".repeat(200)).unwrap();
    }
    lab.check_json(0, &[PAD]);
    lab.check_json(0, &["--offline", PAD]);
}

#[test]
fn a_cache_that_is_damaged_in_part_is_begun_anew_by_the_next_run() {
    use std::io::{Seek as _, Write as _};
    let lab = lab();
    let packages: Vec<String> = (0..60).map(|number| format!("part-{number}")).collect();
    for name in &packages {
        lab.upstream.publish(NpmPackage::new(name, "1.0.0"));
    }
    let purls: Vec<String> = packages.iter().map(|name| format!("pkg:npm/{name}@1.0.0")).collect();
    let purls: Vec<&str> = purls.iter().map(String::as_str).collect();
    let whole = lab.check_json(0, &purls);
    let database = lab.cache().join("assessments.sqlite3");
    let mut file = std::fs::File::options().write(true).open(&database).unwrap();
    let length = file.metadata().unwrap().len();
    assert!(length > 60_000, "{length}");
    file.seek(std::io::SeekFrom::Start(16_384)).unwrap();
    file.write_all(&vec![0xa5; usize::try_from(length).unwrap() - 16_384]).unwrap();
    let run = lab.run(&[&["check", "--at", AT], purls.as_slice()].concat()).expect(0);
    run.complains(&["the cache is not used by this run, and begun anew by the next", "malformed"]);
    let run = lab.run(&[&["check", "--at", AT], purls.as_slice()].concat()).expect(0);
    run.keeps_quiet_about(&["cache"]);
    assert_eq!(lab.check_json(0, &[&["--offline"], purls.as_slice()].concat()).verdict(purls[0]), whole.verdict(purls[0]));
    assert!(lab.cache().join("assessments.damaged").is_file());
}

#[test]
fn the_strict_policy_without_its_feed_is_3_and_says_what_to_run() {
    let lab = lab();
    let error = error_of(&lab.check_json(3, &["--policy", "strict", PAD]), PAD);
    assert!(
        error.contains("policy strict asks what cannot be answered: feed `osv/npm` is missing") && error.contains("bifocal feed update"),
        "{error}"
    );
    lab.run(&["check", PAD]).expect(0).says(&["note  feed osv/npm is missing", "run `bifocal feed update`"]);
    lab.load_advisories(&[malware("MAL-2026-7", "other", "1.3.0")]);
    lab.check_json(0, &["--policy", "strict", "--at", AT, PAD]);
    // Long after, the feed is stale.
    let stale = "2126-11-24T07:00:00Z";
    let error = error_of(&lab.check_json(3, &["--policy", "strict", "--at", stale, PAD]), PAD);
    assert!(error.contains("is stale; run `bifocal feed update`"), "{error}");
    lab.run(&["check", "--at", stale, PAD]).expect(0).says(&["is stale"]);
}

#[test]
fn the_observing_policy_stops_nothing_and_says_what_it_would() {
    let lab = lab();
    lab.load_advisories(&[malware("MAL-2026-7", "left-pad", "1.3.0")]);
    let report = lab.check_json(0, &["--policy", "observe", "--at", AT, PAD, "pkg:npm/inner-tool@99.99.99"]);
    assert_eq!(report.rules(PAD), ["known-malware"]);
    assert_eq!(report.rules("pkg:npm/inner-tool@99.99.99"), ["version-anomaly"]);
}

#[test]
fn a_feed_that_cannot_be_loaded_is_3_and_stays_as_it_was() {
    let lab = lab();
    lab.load_advisories(&[malware("MAL-2026-7", "left-pad", "1.3.0")]);
    let file = lab.write("feed.json", malware("MAL-2026-9", "x", "1.0.0").to_string());
    let wrong = "0".repeat(64);
    lab.run(&["feed", "update", "--sha256", &wrong, file.to_str().unwrap()]).expect(3).complains(&["is not updated"]);
    assert_eq!(lab.check_json(1, &[PAD]).verdict(PAD), "deny");
}
