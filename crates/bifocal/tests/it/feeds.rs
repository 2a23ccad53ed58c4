//! Feeds: loaded from files, folders and addresses, replaced whole or not at all, and said when they are missing.

use crate::lab::{AT, Lab, malware, of_today};
use bifocal_testkit::{Fault, NpmPackage};
use serde_json::Value;

const PAD: &str = "pkg:npm/left-pad@1.3.0";

fn lab() -> Lab {
    let lab = Lab::new();
    lab.upstream.publish(NpmPackage::new("left-pad", "1.3.0"));
    lab
}

fn health(lab: &Lab, feed: &str) -> String {
    let status: Value = serde_json::from_str(&lab.run(&["feed", "status", "--format", "json"]).expect(0).stdout).unwrap();
    let found = status["feeds"].as_array().unwrap().iter().find(|one| one["name"] == feed).cloned();
    found.unwrap_or_else(|| panic!("{feed} is not in {status:#}"))["health"].as_str().unwrap().to_owned()
}

#[test]
fn a_feed_comes_from_an_address_without_the_users_credentials() {
    let lab = lab();
    assert_eq!(health(&lab, "osv/npm"), "missing");
    lab.check_json(3, &["--policy", "strict", "--at", AT, PAD]);
    lab.upstream.route("/feeds/osv.json", "application/json", malware("MAL-2026-7", "left-pad", "1.3.0").to_string());
    lab.upstream.publish(NpmPackage::new("other", "1.0.0"));
    let address = format!("{}/feeds/osv.json", lab.upstream.url());
    lab.run(&["feed", "update", "--as", "osv/npm", &address]).expect(0).says(&["osv/npm: 1 record, 1 of them malware"]);
    assert!(lab.upstream.requests("/feeds/*").iter().all(|access| access.header("authorization").is_none()));
    assert_eq!(lab.check_json(1, &["--at", AT, PAD]).rules(PAD), ["known-malware"]);
    // Of npm everything is known now, by the word of who loaded it.
    lab.check_json(0, &["--policy", "strict", "--at", AT, "pkg:npm/other@1.0.0"]);
    // One that cannot be had leaves the former state in force.
    lab.upstream.fault("/feeds/*", Fault::status(503));
    lab.run(&["feed", "update", "--as", "osv/npm", &address]).expect(3).complains(&["is not updated", "HTTP 503"]);
    assert_eq!(lab.check_json(1, &["--at", AT, PAD]).verdict(PAD), "deny");
}

#[test]
fn a_named_file_adds_records_and_never_answers_for_a_feed_of_the_list() {
    let lab = lab();
    lab.upstream.publish(NpmPackage::new("other", "1.0.0"));
    let folder = lab.advisories(&[of_today(malware("MAL-2026-7", "left-pad", "1.3.0"))]);
    let source = folder.to_str().unwrap();
    lab.run(&["feed", "update", source]).expect(0).says(&["named/osv: 1 record, 1 of them malware", "it adds records", "--as FEED"]);
    // It denies what it knows, and what it does not know is still unknown.
    assert_eq!(lab.check_json(1, &["--at", AT, PAD]).rules(PAD), ["known-malware"]);
    assert_eq!(health(&lab, "osv/npm"), "missing");
    lab.check_json(3, &["--policy", "strict", "--at", AT, "pkg:npm/other@1.0.0"]);
    lab.run(&["feed", "status"]).expect(0).says(&["loaded beside the list; these add records", "  named/osv", "1 record ", "about npm"]);
    let role = |feed: &str| {
        let status: Value = serde_json::from_str(&lab.run(&["feed", "status", "--format", "json"]).expect(0).stdout).unwrap();
        let loaded = status["loaded"].as_array().unwrap().iter().find(|one| one["name"] == feed).cloned();
        loaded.map(|one| (one["role"].as_str().unwrap().to_owned(), one["ecosystems"].clone()))
    };
    assert_eq!(role("named/osv"), Some(("adds".to_owned(), serde_json::json!(["npm"]))));

    // The same file, declared to be the whole dump, answers for the ecosystem of that feed and no other.
    lab.run(&["feed", "update", "--as", "osv/npm", source]).expect(0).keeps_quiet_about(&["it adds records"]);
    assert_eq!((health(&lab, "osv/npm"), health(&lab, "osv/pypi")), ("fresh".to_owned(), "missing".to_owned()));
    assert_eq!(role("osv/npm"), Some(("answers".to_owned(), serde_json::json!(["npm"]))));
    lab.check_json(0, &["--policy", "strict", "--at", AT, "pkg:npm/other@1.0.0"]);
    lab.run(&["feed", "update", "--as", "osv/pypi", source]).expect(3).complains(&["osv/pypi", "is not updated"]);
    lab.run(&["feed", "update", "--as", "osv/gem", source]).expect(2).complains(&["osv/gem", "osv/npm, osv/pypi"]);
    lab.run(&["feed", "update", "--as", "osv/npm"]).expect(2).complains(&["SOURCE"]);

    // What was added can be taken out again.
    lab.run(&["feed", "remove", "named/osv"]).expect(0).complains(&["named/osv is removed"]);
    lab.run(&["feed", "remove", "named/osv"]).expect(2).complains(&["no feed of advisories is loaded as `named/osv`"]);
    assert_eq!(role("named/osv"), None);
    assert_eq!(lab.check_json(1, &["--at", AT, PAD]).verdict(PAD), "deny");
}

#[test]
fn a_feed_is_as_old_as_the_moment_at_which_it_was_obtained() {
    let lab = lab();
    let day = |days: i64| jiff::Timestamp::now() - jiff::SignedDuration::from_hours(24 * days);
    let mut record = malware("MAL-2026-7", "other", "1.3.0");
    record["modified"] = day(60).to_string().into();
    // No record for 60 days, fetched just now: the ecosystem is quiet, and the feed fresh.
    lab.upstream.route("/feeds/osv.json", "application/json", record.to_string());
    let shown = |days: i64| day(days).strftime("%Y-%m-%d").to_string();
    lab.run(&["feed", "update", "--as", "osv/npm", &format!("{}/feeds/osv.json", lab.upstream.url())]).expect(0).says(&[&format!(
        "obtained {}, newest record {}",
        shown(0),
        shown(60)
    )]);
    assert_eq!(health(&lab, "osv/npm"), "fresh");
    lab.run(&["feed", "status"]).expect(0).says(&[&format!("obtained {}, newest record {}", shown(0), shown(60))]);
    lab.check_json(0, &["--policy", "strict", PAD]);
    // A file that has lain here for 30 days is no newer for being loaded again.
    let folder = lab.advisories(&[record]);
    let file = folder.join("MAL-2026-7.json");
    let then = std::time::SystemTime::now() - std::time::Duration::from_secs(30 * 24 * 3600);
    std::fs::File::options().write(true).open(&file).unwrap().set_modified(then).unwrap();
    for source in [&file, &folder] {
        lab.run(&["feed", "update", "--as", "osv/npm", source.to_str().unwrap()]).expect(0).says(&[&format!("obtained {}", shown(30))]);
        assert_eq!(health(&lab, "osv/npm"), "stale");
        lab.run(&["check", PAD]).expect(0).says(&[&format!("feed osv/npm is stale (obtained {})", shown(30))]);
        lab.check_json(3, &["--policy", "strict", PAD]);
    }
}

#[test]
fn every_feed_of_the_list_has_to_be_there() {
    let lab = lab();
    lab.load_advisories(&[malware("MAL-2026-7", "other", "1.3.0")]);
    lab.check_json(0, &["--policy", "strict", "--at", AT, PAD]);
    // The project lists a second source about npm, at a path beside the list.
    std::fs::create_dir(lab.project().join("own")).unwrap();
    lab.write("own/1.json", of_today(malware("MAL-2026-8", "left-pad", "1.3.0")).to_string());
    let own = "[[feed]]\nname = \"own\"\nkind = \"osv-dir\"\npath = \"own\"\necosystems = [\"npm\"]\n";
    lab.write("feeds.toml", own);
    lab.check_json(3, &["--policy", "strict", "--at", AT, PAD]);
    lab.write("feeds.toml", format!("{own}[[feed]]\nname = \"osv\"\nenabled = false\n"));
    lab.run(&["feed", "update"]).expect(0).says(&["own: 1 record"]);
    // Without the shipped source, their own is all that is asked for.
    assert_eq!(lab.check_json(1, &["--policy", "strict", "--at", AT, PAD]).rules(PAD), ["known-malware"]);
    assert_eq!(health(&lab, "osv/npm"), "fresh");
}

#[test]
fn a_source_that_is_not_there_is_wrong_usage() {
    let lab = lab();
    for arguments in [["feed", "update", "no-such-file.zip"].as_slice(), &["feed", "update", "--popularity", "npm", "no-such-file.zip"]] {
        lab.run(arguments).expect(2).complains(&["cannot read", "no-such-file.zip"]);
    }
}

#[test]
fn a_feed_that_lost_most_of_its_records_is_refused_until_told_otherwise() {
    let lab = lab();
    let folder = lab.beside("feed");
    std::fs::create_dir(&folder).unwrap();
    for number in 0..40 {
        let record = malware(&format!("MAL-2026-{number}"), &format!("bad-{number}"), "1.0.0");
        std::fs::write(folder.join(format!("{number}.json")), record.to_string()).unwrap();
    }
    let source = folder.to_str().unwrap();
    lab.run(&["feed", "update", source]).expect(0).says(&["40 records, 40 of them malware"]);
    for number in 5..40 {
        std::fs::remove_file(folder.join(format!("{number}.json"))).unwrap();
    }
    lab.run(&["feed", "update", source]).expect(3).complains(&["is not updated", "--allow-shrinkage"]);
    lab.run(&["feed", "update", "--allow-shrinkage", source]).expect(0).says(&["5 records"]);
}

#[test]
fn a_list_of_popular_names_makes_look_alikes_known() {
    let lab = lab();
    lab.upstream.publish(NpmPackage::new("lodahs", "1.0.0").published("2026-11-20T00:00:00Z"));
    let purl = "pkg:npm/lodahs@1.0.0";
    let signal = |report: &crate::lab::Report| {
        let signals = report.release(purl)["signals"].as_array().unwrap();
        signals.iter().find(|signal| signal["id"] == "history/look-alike-name").map(|signal| signal["status"].as_str().unwrap().to_owned())
    };
    assert_eq!(signal(&lab.check_json(0, &["--at", AT, purl])).as_deref(), Some("unknown"));
    let list = lab.write("popular.txt", "lodash\nreact\nexpress\n");
    lab.run(&["feed", "update", "--popularity", "npm", list.to_str().unwrap()]).expect(0).says(&["popularity/npm: 3 names"]);
    assert_eq!(health(&lab, "popularity/npm"), "fresh");
    let report = lab.check_json(1, &["--at", AT, purl]);
    assert_eq!((signal(&report).as_deref(), report.rules(purl)), (Some("present"), vec!["look-alike-name"]));
    lab.run(&["feed", "update", "--popularity", "npm"]).expect(2).complains(&["--popularity", "SOURCE"]);
    lab.run(&["feed", "update", "--popularity", "gem", "popular.txt"]).expect(2).complains(&["gem"]);
}

#[test]
fn a_damaged_feed_is_unknown_and_never_silence() {
    let lab = lab();
    lab.load_advisories(&[malware("MAL-2026-7", "left-pad", "1.3.0")]);
    let feeds = std::path::Path::new(&lab.environment.vars()["XDG_DATA_HOME"]).join("bifocal/feeds");
    for entry in std::fs::read_dir(&feeds).unwrap().flatten() {
        std::fs::write(entry.path(), "this is no database".repeat(500)).unwrap();
    }
    let run = lab.run(&["check", "--at", AT, PAD]).expect(0);
    run.says(&["note  feed osv/npm is damaged"]);
    let error = lab.check_json(3, &["--policy", "strict", "--at", AT, PAD]).release(PAD)["error"].as_str().unwrap().to_owned();
    assert!(error.contains("bifocal feed update"), "{error}");
}

#[test]
fn the_shipped_list_of_sources_can_be_printed_and_edited() {
    let lab = lab();
    let shipped = lab.run(&["feed", "sources"]).expect(0).stdout;
    lab.write("feeds.toml", &shipped);
    lab.write("feeds.toml", format!("{shipped}\n[[feed\n"));
    lab.run(&["feed", "update"]).expect(2).complains(&["feeds.toml"]);
}

/// The loaded feeds, with bytes of their database overwritten from `at` on.
fn damage(lab: &Lab, at: u64, bytes: usize) {
    use std::io::{Seek as _, Write as _};
    let path = std::path::Path::new(&lab.environment.vars()["XDG_DATA_HOME"]).join("bifocal/feeds/osv.sqlite3");
    let mut file = std::fs::File::options().write(true).open(path).unwrap();
    let length = file.metadata().unwrap().len();
    assert!(at < length, "{length}");
    file.seek(std::io::SeekFrom::Start(at)).unwrap();
    file.write_all(&vec![0xa5; bytes.min((length - at) as usize)]).unwrap();
}

#[test]
fn damaged_feeds_are_called_so_until_an_update_begins_them_anew() {
    let lab = lab();
    let many: Vec<Value> = (0..400).map(|number| malware(&format!("MAL-2026-{number}"), &format!("bad-{number}"), "1.0.0")).collect();
    let mut records = many;
    records.push(malware("MAL-2026-7000", "left-pad", "1.3.0"));
    let source = lab.advisories(&records.into_iter().map(of_today).collect::<Vec<_>>());
    let update = ["feed", "update", "--as", "osv/npm", source.to_str().unwrap()];
    lab.run(&update).expect(0).keeps_quiet_about(&["damaged"]);
    // From within the first page, where the tables are listed; and behind the first pages, which are enough to open it.
    for at in [4096, 6 * 8192] {
        assert_eq!(lab.check_json(1, &["--at", AT, PAD]).rules(PAD), ["known-malware"]);
        damage(&lab, at, 300_000);
        lab.check_json(3, &["--policy", "strict", "--at", AT, PAD]);
        let run = lab.run(&["check", "--at", AT, PAD]).expect(0);
        run.says(&["feed osv/npm is damaged: its questions are unknown; run `bifocal feed update`"]).complains(&["loads them anew"]);
        lab.run(&update).expect(0).says(&["osv/npm: 401 records"]).complains(&["osv.damaged", "has to be loaded again"]);
        lab.run(&update).expect(0).keeps_quiet_about(&["damaged"]);
    }
    assert_eq!((health(&lab, "osv/npm"), health(&lab, "osv/pypi")), ("fresh".to_owned(), "missing".to_owned()));
    assert_eq!(lab.check_json(1, &["--at", AT, PAD]).rules(PAD), ["known-malware"]);
}

#[test]
fn malware_records_do_not_vanish_unsaid() {
    let lab = lab();
    let folder = lab.beside("feed");
    std::fs::create_dir(&folder).unwrap();
    let put = |name: &str, record: Value| std::fs::write(folder.join(name), record.to_string()).unwrap();
    for number in 0..60 {
        let mut record = malware(&format!("GHSA-{number}"), &format!("weak-{number}"), "1.0.0");
        record["aliases"] = serde_json::json!([]);
        put(&format!("{number}.json"), record);
    }
    put("mal.json", malware("MAL-2026-7", "left-pad", "1.3.0"));
    let source = folder.to_str().unwrap();
    lab.run(&["feed", "update", "--as", "osv/npm", source]).expect(0).says(&["61 records, 1 of them malware"]);
    std::fs::remove_file(folder.join("mal.json")).unwrap();
    let parts = ["1 of 1 malware records", "without being withdrawn", "MAL-2026-7", "--allow-shrinkage"];
    lab.run(&["feed", "update", "--as", "osv/npm", source]).expect(3).complains(&parts);
    assert_eq!(lab.check_json(1, &["--at", AT, PAD]).rules(PAD), ["known-malware"]);
    let run = lab.run(&["feed", "update", "--as", "osv/npm", "--allow-shrinkage", source]).expect(0);
    run.says(&["1 malware record is gone without being withdrawn: MAL-2026-7"]);
    lab.check_json(0, &["--at", AT, PAD]);
}
