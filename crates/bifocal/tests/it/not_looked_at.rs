//! What was asked for and not looked at is never allowed: edited lockfiles, paths outside, cut-off files, pipes.

use crate::lab::{AT, Lab, dropper};
use bifocal_testkit::NpmPackage;

fn lab() -> Lab {
    let lab = Lab::new();
    lab.upstream.publish(NpmPackage::new("left-pad", "1.3.0").file("index.js", "module.exports = 1;\n"));
    lab
}

fn lockfile(entry: &str) -> String {
    format!(
        "{{\"name\":\"p\",\"version\":\"1.0.0\",\"lockfileVersion\":3,\"packages\":{{\"\":{{\"name\":\"p\",\"version\":\"1.0.0\"}},{entry}}}}}"
    )
}

#[test]
fn a_lockfile_that_fetches_a_known_name_from_elsewhere_is_an_error() {
    let lab = lab();
    lab.write(
        "package-lock.json",
        lockfile("\"node_modules/left-pad\":{\"version\":\"1.3.0\",\"resolved\":\"https://evil.example.com/other.tgz\"}"),
    );
    lab.run(&["check", "--at", AT]).expect(3).says(&["evil.example.com", "none of the configured upstreams"]);
    // The same name from the upstream's own host is what was looked at.
    let own = lab.upstream.npm_url();
    lab.write(
        "package-lock.json",
        lockfile(&format!("\"node_modules/left-pad\":{{\"version\":\"1.3.0\",\"resolved\":\"{own}left-pad/-/left-pad-1.3.0.tgz\"}}")),
    );
    lab.run(&["check", "--at", AT]).expect(0);
}

#[test]
fn paths_that_lead_outside_or_to_archives_are_errors() {
    for path in ["/etc/other", "../outside", "packed.tgz"] {
        let lab = lab();
        lab.write("requirements.txt", "");
        lab.write("package.json", format!("{{\"name\":\"p\",\"version\":\"1.0.0\",\"dependencies\":{{\"a\":\"file:{path}\"}}}}"));
        lab.run(&["check", "package.json", "--at", AT]).expect(3).says(&["nothing looked at it"]);
    }
}

#[test]
fn a_lockfile_that_was_cut_off_to_nothing_is_malformed() {
    for name in ["Cargo.lock", "pnpm-lock.yaml", "gradle.lockfile", "go.mod"] {
        let lab = lab();
        lab.write(name, "\n");
        lab.run(&["check", name]).expect(2).complains(&[name, "empty"]);
    }
}

#[cfg(unix)]
#[test]
fn a_pipe_is_no_lockfile() {
    let lab = lab();
    let made = std::process::Command::new("mkfifo").arg(lab.project().join("package-lock.json")).status().unwrap();
    assert!(made.success());
    lab.run(&["check", "package-lock.json"]).expect(2).complains(&["no regular file"]);
}

#[test]
fn a_store_that_is_not_there_is_a_mistake() {
    let lab = lab();
    lab.run(&["check", "--data", ".", "pkg:npm/left-pad@1.3.0"]).expect(2).complains(&["state.sqlite3"]);
}

#[test]
fn a_folder_of_archives_is_each_of_them_and_an_empty_one_an_error() {
    let lab = lab();
    let bad = dropper("bad-tool", "1.0.0").build();
    lab.write("dist/bad-tool-1.0.0.tgz", bad.artifact().bytes());
    lab.write("dist/good-1.0.0.tgz", NpmPackage::new("good", "1.0.0").file("index.js", "module.exports = 1;\n").build().artifact().bytes());
    lab.run(&["scan", "dist"]).expect(1).says(&["bad-tool-1.0.0.tgz", "1 held, 1 clean"]);
    std::fs::create_dir(lab.project().join("empty")).unwrap();
    lab.run(&["scan", "empty"]).expect(3).says(&["holds no file"]);
}
