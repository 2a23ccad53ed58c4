//! The same question gives the same bytes, whatever was killed on the way and whoever else was at work.

use crate::lab::{AT, Lab, Run, count};
use bifocal_core::Ecosystem;
use bifocal_testkit::{Fault, Random, World};
use std::process::{Child, Stdio};
use std::time::Duration;

const FORMATS: [&str; 6] = ["human", "json", "jsonl", "sarif", "markdown", "cyclonedx"];
/// Longer than any request takes to come; running out of it fails the test.
const PATIENCE: Duration = Duration::from_secs(30);

/// A project of five ecosystems, with a release that is held among them.
fn lab(names: usize) -> Lab {
    let lab = Lab::new();
    let world = World::new(11, names);
    let mut releases = Vec::new();
    for ecosystem in Ecosystem::ALL {
        lab.upstream.edit(|catalogue| world.publish(catalogue, ecosystem, 0..names));
        releases.extend((0..names).map(|number| world.newest(ecosystem, number)));
    }
    lab.upstream.publish(bifocal_testkit::NpmPackage::new("inner-tool", "99.99.99"));
    releases.push(bifocal_core::Release::new(Ecosystem::Npm, "inner-tool", "99.99.99").unwrap());
    lab.lock(&releases);
    lab
}

fn start(lab: &Lab) -> Child {
    lab.command(&["check", "--at", AT, "--format", "json"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn forget(lab: &Lab) {
    let _ = std::fs::remove_dir_all(lab.cache());
}

#[test]
fn a_filled_cache_gives_the_same_bytes_twice_in_every_form() {
    let lab = lab(3);
    let online = lab.run(&["check", "--at", AT, "--format", "json"]).expect(1);
    lab.upstream.stop();
    for format in FORMATS {
        let arguments = ["check", "--offline", "--at", AT, "--format", format];
        let (one, two) = (lab.run(&arguments).expect(1), lab.run(&arguments).expect(1));
        assert_eq!(one.stdout, two.stdout, "{format}");
        if format == "json" {
            assert_eq!(one.stdout, online.stdout);
        }
    }
}

#[test]
fn killed_runs_leave_a_cache_from_which_the_next_run_goes_on() {
    let lab = lab(8);
    let whole = lab.run(&["check", "--at", AT, "--format", "json"]).expect(1);
    let requests = lab.upstream.log().len();
    forget(&lab);
    let mut random = Random::new(2026);
    let mut left = count("BIFOCAL_KILLS", 8);
    while left > 0 {
        lab.upstream.clear_log();
        // Into a file: a pipe that nobody reads would stop a run that has nothing left to ask.
        let printed = lab.beside("printed.json");
        let mut command = lab.command(&["check", "--at", AT, "--format", "json"]);
        let mut child = command.stdout(std::fs::File::create(&printed).unwrap()).stderr(Stdio::null()).spawn().unwrap();
        let at = 1 + random.below(requests.div_ceil(4));
        // Ends with the request at which it is killed, or because there was less left to do.
        let ended = loop {
            if lab.upstream.wait_for("*", at, Duration::from_millis(20)) {
                // SIGKILL on Unix.
                child.kill().unwrap();
                break child.wait().unwrap();
            }
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
        };
        if ended.code().is_none() {
            left -= 1;
        } else {
            assert_eq!(std::fs::read_to_string(&printed).unwrap(), whole.stdout, "an uninterrupted resumption");
            forget(&lab);
        }
    }
    let resumed = lab.run(&["check", "--at", AT, "--format", "json"]).expect(1);
    assert_eq!(resumed.stdout, whole.stdout);
    let offline = lab.run(&["check", "--offline", "--at", AT, "--format", "json"]).expect(1);
    assert_eq!(offline.stdout, whole.stdout);
}

#[test]
fn two_processes_at_once_on_one_cache_both_give_the_whole_report() {
    let lab = lab(6);
    let alone = lab.run(&["check", "--at", AT, "--format", "json"]).expect(1);
    forget(&lab);
    lab.upstream.clear_log();
    // Both are under way before either gets an answer.
    let (fault, gate) = Fault::gate();
    lab.upstream.fault("*", fault.times(2));
    let children = [start(&lab), start(&lab)];
    assert!(lab.upstream.wait_for("*", 2, PATIENCE));
    gate.open();
    for child in children {
        let run = Run::from(child.wait_with_output().unwrap()).expect(1).keeps_quiet_about(&["warning"]);
        assert_eq!(run.stdout, alone.stdout);
    }
    lab.upstream.stop();
    assert_eq!(lab.run(&["check", "--offline", "--at", AT, "--format", "json"]).expect(1).stdout, alone.stdout);
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_with_130_and_a_cache_that_can_be_used() {
    let lab = lab(4);
    let whole = lab.run(&["check", "--at", AT, "--format", "json"]).expect(1);
    for (signal, after) in [("INT", 1), ("TERM", 25)] {
        forget(&lab);
        lab.upstream.clear_log();
        let (fault, gate) = Fault::gate();
        lab.upstream.fault("*", fault.after(after));
        let child = start(&lab);
        assert!(lab.upstream.wait_for("*", after as usize + 1, PATIENCE));
        let sent = std::process::Command::new("kill").args([format!("-{signal}"), child.id().to_string()]).status().unwrap();
        assert!(sent.success());
        let run = Run::from(child.wait_with_output().unwrap()).expect(130).complains(&["stopped", "the next run goes on from there"]);
        assert!(run.stdout.is_empty(), "{run}");
        gate.open();
        lab.upstream.clear_faults();
        assert_eq!(lab.run(&["check", "--at", AT, "--format", "json"]).expect(1).stdout, whole.stdout);
    }
}

#[test]
fn time_is_an_input_and_not_looked_up() {
    let lab = lab(1);
    let policy = "schema_version = 1\nname = \"young\"\n[[rule]]\nname = \"young\"\nwhen = 'has_date && age_hours < 24.0'\nverdict = \"hold\"\nmessage = \"{age} old\"\n";
    lab.write("young.toml", policy);
    lab.upstream.publish(bifocal_testkit::NpmPackage::new("fresh", "1.0.0").published("2020-05-01T00:00:00Z"));
    let purl = "pkg:npm/fresh@1.0.0";
    assert_eq!(lab.check_json(1, &["--policy", "young.toml", "--at", "2020-05-01T23:00:00Z", purl]).rules(purl), ["young"]);
    lab.check_json(0, &["--policy", "young.toml", "--at", "2020-05-02T01:00:00Z", purl]);
    let report = lab.check_json(0, &["--policy", "young.toml", "--at", AT, purl]);
    assert_eq!(report.0["evaluated_at"], AT);
}
