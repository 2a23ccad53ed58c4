//! What the cache may hold: bounded in bytes and days, whoever is killed when, and never at the cost of a verdict.

use crate::lab::{AT, Lab, Run};
use bifocal_core::{Ecosystem, Release};
use bifocal_testkit::World;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, SystemTime};

const RELEASES: usize = 60;

fn lab() -> (Lab, Vec<Release>) {
    let lab = Lab::new();
    let world = World::new(7, RELEASES);
    lab.upstream.edit(|catalogue| world.publish(catalogue, Ecosystem::Npm, 0..RELEASES));
    let releases: Vec<Release> = (0..RELEASES).map(|number| world.newest(Ecosystem::Npm, number)).collect();
    lab.lock(&releases);
    (lab, releases)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            if entry.path().is_dir() { folders.push(entry.path()) } else { found.push(entry.path()) }
        }
    }
    found
}

/// Entries of the metadata cache.
fn metadata(lab: &Lab) -> Vec<PathBuf> {
    ["http-1", "records-1"].iter().flat_map(|name| files(&lab.cache().join(name))).collect()
}

/// As if nobody had used these, nor looked after the cache, for so many days.
fn age(lab: &Lab, files: &[PathBuf], days: u64) {
    let then = SystemTime::now() - Duration::from_secs(days * 24 * 3600);
    for path in files.iter().chain([&lab.cache().join("tidied")]) {
        std::fs::File::options().append(true).open(path).unwrap().set_modified(then).unwrap();
    }
}

#[test]
fn what_was_not_used_for_long_leaves_the_cache() {
    let (lab, releases) = lab();
    lab.check_json(0, &["--at", AT]);
    let old = metadata(&lab);
    assert!(old.len() >= RELEASES, "{}", old.len());
    age(&lab, &old, 100);
    // Daily, though this run writes next to nothing; the release that it asks for is fresh in the database.
    lab.check_json(0, &["--at", AT, &releases[0].purl()]);
    assert!(metadata(&lab).is_empty(), "{:?}", metadata(&lab));
    lab.check_json(0, &["--at", AT, "--offline"]);
    lab.check_json(0, &["--at", AT, "--refresh"]);
    assert!(metadata(&lab).len() >= RELEASES);
    let days = metadata(&lab);
    age(&lab, &days, 5);
    lab.check_json(0, &["--at", AT]);
    assert_eq!(metadata(&lab).len(), days.len(), "five days are not long");
    let mut command = lab.command(&["check", "--at", AT]);
    command.env("BIFOCAL_CACHE_UNUSED_DAYS", "3");
    Run::of(command).expect(0);
    assert!(metadata(&lab).is_empty());
}

#[test]
fn a_small_cache_stays_small_and_answers_the_same() {
    let (mut lab, _) = lab();
    let whole = lab.check_json(0, &["--at", AT, "--no-cache"]).0;
    for (key, value) in [("METADATA_MIB", "1"), ("ASSESSMENT_MIB", "1"), ("ARTIFACT_MIB", "1")] {
        lab.environment.set(&format!("BIFOCAL_CACHE_{key}"), value);
    }
    // Much more than may be kept, of other days and other forms.
    let stale = lab.cache().join("http-0/aa");
    std::fs::create_dir_all(&stale).unwrap();
    for number in 0..40 {
        std::fs::write(stale.join(format!("{number:062x}")), vec![0; 100_000]).unwrap();
    }
    assert_eq!(lab.check_json(0, &["--at", AT]).0, whole);
    assert_eq!(lab.check_json(0, &["--at", AT]).0, whole);
    let bytes: u64 = files(&lab.cache().join("http-0")).iter().chain(&metadata(&lab)).map(|path| path.metadata().unwrap().len()).sum();
    assert!(bytes <= 1 << 20, "{bytes}");
    // What was used last is what stayed.
    assert!(metadata(&lab).len() >= RELEASES);
    let database = lab.cache().join("assessments.sqlite3").metadata().unwrap().len();
    assert!(database <= 1 << 20, "{database}");
}

#[test]
fn several_processes_and_kills_leave_every_run_its_answer() {
    let (mut lab, _) = lab();
    let whole = lab.check_json(0, &["--at", AT, "--no-cache"]).0;
    for (key, value) in [("METADATA_MIB", "1"), ("ASSESSMENT_MIB", "1"), ("ARTIFACT_MIB", "1")] {
        lab.environment.set(&format!("BIFOCAL_CACHE_{key}"), value);
    }
    for round in 0..6_u64 {
        // Every run finds that the cache is to be looked after.
        let _ = std::fs::remove_file(lab.cache().join("tidied"));
        let mut victim = lab.command(&["check", "--at", AT]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let running: Vec<_> = (0..2)
            .map(|_| lab.command(&["check", "--at", AT, "--format", "json"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
            .collect();
        std::thread::sleep(Duration::from_millis(40 * round));
        victim.kill().unwrap();
        victim.wait().unwrap();
        for child in running {
            let run = Run::from(child.wait_with_output().unwrap()).expect(0);
            assert_eq!(run.report().0, whole, "{run}");
        }
    }
    let _ = std::fs::remove_file(lab.cache().join("tidied"));
    assert_eq!(lab.check_json(0, &["--at", AT]).0, whole);
    assert_eq!(lab.check_json(0, &["--at", AT, "--offline"]).0, whole);
}

#[test]
fn what_another_run_is_at_work_with_stays() {
    let (mut lab, _) = lab();
    lab.check_json(0, &["--at", AT]);
    let before = metadata(&lab);
    lab.environment.set("BIFOCAL_CACHE_UNUSED_DAYS", "1");
    // Another process uses the cache, as its lock says.
    let lock = std::fs::File::open(lab.cache().join("in-use.lock")).unwrap();
    lock.lock_shared().unwrap();
    lab.environment.set("BIFOCAL_CACHE_METADATA_MIB", "1");
    let crowd = lab.cache().join("http-1/aa");
    std::fs::create_dir_all(&crowd).unwrap();
    let large: Vec<PathBuf> = (0..20).map(|number| crowd.join(format!("{number:062x}"))).collect();
    for path in &large {
        std::fs::write(path, vec![0; 100_000]).unwrap();
    }
    let _ = std::fs::remove_file(lab.cache().join("tidied"));
    lab.check_json(0, &["--at", AT]);
    assert!(large.iter().chain(&before).all(|path| path.exists()), "all of it was used just now");
    drop(lock);
    let _ = std::fs::remove_file(lab.cache().join("tidied"));
    lab.check_json(0, &["--at", AT]);
    assert!(!large.iter().all(|path| path.exists()));
}

#[test]
fn the_doctor_says_what_the_cache_holds() {
    let (mut lab, _) = lab();
    lab.run(&["doctor"]).expect(0).says(&["artifacts", "0.0 MiB of at most 4096.0 MiB in 0 files"]);
    assert!(!lab.cache().join("assessments.sqlite3").exists(), "looking makes nothing");
    lab.check_json(0, &["--at", AT]);
    lab.environment.set("BIFOCAL_CACHE_METADATA_MIB", "7");
    let report: serde_json::Value = serde_json::from_str(&lab.run(&["doctor", "--format", "json"]).expect(0).stdout).unwrap();
    let holds = &report["cache_holds"];
    assert_eq!(holds["metadata"]["files"].as_u64(), Some(metadata(&lab).len() as u64));
    assert_eq!(holds["artifacts"]["files"].as_u64(), Some(RELEASES as u64));
    assert_eq!((holds["metadata"]["most_bytes"].as_u64(), holds["unused_days"].as_u64()), (Some(7 << 20), Some(90)));
    assert!(holds["assessments"]["bytes"].as_u64().unwrap() > 10_000);
    lab.run(&["doctor"]).expect(0).says(&["what was not used for 90 days leaves it", "of at most 7.0 MiB in"]);
}
