//! Only what a change adds or updates: `--new-only --base REV`.

use crate::lab::{AT, Lab};
use bifocal_core::{Ecosystem, Release};
use bifocal_testkit::NpmPackage;

fn npm(name: &str, version: &str) -> Release {
    Release::new(Ecosystem::Npm, name, version).unwrap()
}

fn git(lab: &Lab, arguments: &[&str]) {
    let mut command = lab.environment.command("git");
    command.args(["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "init.defaultBranch=main", "-c", "commit.gpgsign=false"]);
    let output = command.args(arguments).current_dir(lab.project()).output().unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A project whose first commit locks a plain package and one that is held.
fn lab() -> Lab {
    let lab = Lab::new();
    for (name, version) in [("left-pad", "1.3.0"), ("left-pad", "1.4.0"), ("inner-tool", "99.99.99"), ("inner-other", "99.99.99")] {
        lab.upstream.publish(NpmPackage::new(name, version));
    }
    lab.lock(&[npm("left-pad", "1.3.0"), npm("inner-tool", "99.99.99")]);
    git(&lab, &["init", "-q"]);
    git(&lab, &["add", "."]);
    git(&lab, &["commit", "-q", "-m", "base"]);
    lab
}

#[test]
fn only_what_the_change_adds_or_updates_is_checked() {
    let lab = lab();
    let unchanged = lab.check_json(0, &["--at", AT, "--new-only", "--base", "HEAD"]);
    assert!(unchanged.releases().is_empty());
    lab.lock(&[npm("left-pad", "1.4.0"), npm("inner-tool", "99.99.99"), npm("inner-other", "99.99.99")]);
    let report = lab.check_json(1, &["--at", AT, "--new-only", "--base", "HEAD"]);
    let purls: Vec<&str> = report.releases().iter().map(|release| release["purl"].as_str().unwrap()).collect();
    assert_eq!(purls, ["pkg:npm/inner-other@99.99.99", "pkg:npm/left-pad@1.4.0"]);
    let run = lab.run(&["check", "--at", AT, "--new-only", "--base", "HEAD", "--format", "markdown"]).expect(1);
    run.says(&["### Bifocal: 1 held", "| **hold** | `pkg:npm/inner-other@99.99.99` |", "2 releases, 1 allowed"])
        .keeps_quiet_about(&["inner-tool"]);
    // Without it everything is checked.
    assert_eq!(lab.check_json(1, &["--at", AT]).count("releases"), 3);
}

#[test]
fn a_tracked_lockfile_is_read_although_it_is_ignored() {
    let lab = lab();
    lab.write("hidden/package.json", "{\"dependencies\": {\"inner-other\": \"99.99.99\"}}");
    lab.write("hidden/.gitignore", "*\n");
    assert_eq!(lab.check_json(1, &["--at", AT]).releases().len(), 2);
    git(&lab, &["add", "-f", "hidden/package.json"]);
    assert_eq!(lab.check_json(1, &["--at", AT]).verdict("pkg:npm/inner-other@99.99.99"), "hold");
}

#[test]
fn a_release_that_is_taken_from_elsewhere_is_new() {
    let lab = lab();
    let lock = std::fs::read_to_string(lab.project().join("package-lock.json")).unwrap();
    let start = lock.find("\"integrity\": \"").unwrap();
    let end = start + lock[start..].find(',').unwrap() + 1;
    let moved = format!("{}{}", &lock[..start], &lock[end..]).replace(&lab.upstream.npm_url(), "https://evil.example.com/");
    lab.write("package-lock.json", moved);
    lab.run(&["check", "--at", AT, "--new-only", "--base", "HEAD"]).expect(3).says(&["evil.example.com"]);
}

#[test]
fn a_lockfile_that_the_base_does_not_have_is_new_as_a_whole() {
    let lab = lab();
    std::fs::create_dir(lab.project().join("web")).unwrap();
    lab.upstream.write_project(&lab.project().join("web"), &[npm("left-pad", "1.4.0")]);
    let report = lab.check_json(0, &["--at", AT, "--new-only", "--base", "HEAD", "web"]);
    assert_eq!(report.releases().len(), 1);
}

#[test]
fn a_base_that_git_does_not_know_is_2() {
    let lab = lab();
    lab.run(&["check", "--new-only", "--base", "no-such-branch"])
        .expect(2)
        .complains(&["cannot read the base revision no-such-branch", "no such commit"]);
    lab.run(&["check", "--new-only", "--base=--upload-pack=x"]).expect(2).complains(&["cannot read the base revision"]);
    let elsewhere = Lab::new();
    elsewhere.write("package-lock.json", "{\"lockfileVersion\": 3, \"packages\": {}}");
    elsewhere.run(&["check", "--new-only", "--base", "HEAD"]).expect(2).complains(&["cannot read the base revision HEAD"]);
}
