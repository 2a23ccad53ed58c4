//! What a walk over a folder finds, and what it must not.

use bifocal_core::{FileKind, ReaderLimits};
use bifocal_readers::{Problem, walk};
use std::path::Path;

fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

fn found(root: &Path) -> Vec<(String, FileKind, Vec<String>)> {
    walk(root, &ReaderLimits::default()).unwrap().into_iter().map(|file| (file.path, file.kind, file.covers)).collect()
}

#[test]
fn lockfiles_cover_the_manifests_beside_them() {
    let root = tempfile::tempdir().unwrap();
    for path in [
        "a/package.json",
        "a/yarn.lock",
        "b/package.json",
        "c/go.mod",
        "c/go.sum",
        "d/go.sum",
        "e/requirements.txt",
        "e/constraints.txt",
        "e/poetry.lock",
        "e/pyproject.toml",
        "f/sbom.spdx.json",
        "f/Cargo.toml",
    ] {
        write(root.path(), path, "");
    }
    write(root.path(), "g/package-lock.json", "");
    write(root.path(), "g/npm-shrinkwrap.json", "");
    let expected: Vec<(&str, FileKind, &[&str])> = vec![
        ("a/yarn.lock", FileKind::YarnLock, &["a/package.json"]),
        ("b/package.json", FileKind::PackageJson, &[]),
        ("c/go.mod", FileKind::GoMod, &["c/go.sum"]),
        ("d/go.sum", FileKind::GoSum, &[]),
        ("e/poetry.lock", FileKind::PoetryLock, &["e/pyproject.toml"]),
        ("e/requirements.txt", FileKind::Requirements, &[]),
        ("f/Cargo.toml", FileKind::CargoToml, &[]),
        ("f/sbom.spdx.json", FileKind::Spdx, &[]),
        ("g/npm-shrinkwrap.json", FileKind::PackageLock, &["g/package-lock.json"]),
    ];
    let expected: Vec<_> = expected
        .into_iter()
        .map(|(path, kind, covers)| (path.to_owned(), kind, covers.iter().map(|c| (*c).to_owned()).collect::<Vec<_>>()))
        .collect();
    assert_eq!(found(root.path()), expected);
}

#[test]
fn ignored_installed_and_linked_folders_are_left_out() {
    let root = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    write(outside.path(), "package.json", "{}");
    write(root.path(), ".gitignore", "build/\n*.generated/\n");
    for path in [
        "package.json",
        "node_modules/a/package.json",
        "vendor/x/go.mod",
        "target/Cargo.lock",
        ".venv/requirements.txt",
        "build/package.json",
        "x.generated/pom.xml",
        "sub/pom.xml",
    ] {
        write(root.path(), path, "");
    }
    std::os::unix::fs::symlink(outside.path(), root.path().join("link")).unwrap();
    std::os::unix::fs::symlink(outside.path().join("package.json"), root.path().join("sub/package.json")).unwrap();
    let paths: Vec<String> = found(root.path()).into_iter().map(|(path, ..)| path).collect();
    assert_eq!(paths, ["package.json", "sub/pom.xml"]);
}

#[test]
fn workspace_members_are_covered_and_strangers_are_not() {
    let root = tempfile::tempdir().unwrap();
    write(root.path(), "Cargo.lock", "version = 4\n[[package]]\nname = \"member\"\nversion = \"0.1.0\"\n");
    write(root.path(), "Cargo.toml", "[workspace]\n");
    write(root.path(), "crates/member/Cargo.toml", "[package]\nname = \"member\"\n");
    write(root.path(), "crates/stranger/Cargo.toml", "[package]\nname = \"stranger\"\n");
    write(
        root.path(),
        "web/package-lock.json",
        "{\"lockfileVersion\": 3, \"packages\": {\"\": {}, \"packages/a\": {}, \"node_modules/a\": {\"link\": true, \"resolved\": \"packages/a\"}}}",
    );
    write(root.path(), "web/package.json", "{}");
    write(root.path(), "web/packages/a/package.json", "{}");
    write(root.path(), "web/packages/b/package.json", "{}");
    write(root.path(), "old/yarn.lock", "# yarn lockfile v1\n");
    write(root.path(), "old/package.json", "{\"workspaces\": {\"packages\": [\"libs/*\"]}}");
    write(root.path(), "old/libs/c/package.json", "{}");
    let summary: Vec<(String, Vec<String>)> = found(root.path()).into_iter().map(|(path, _, covers)| (path, covers)).collect();
    let expected = [
        ("Cargo.lock", vec!["Cargo.toml", "crates/member/Cargo.toml"]),
        ("crates/stranger/Cargo.toml", vec![]),
        ("old/yarn.lock", vec!["old/package.json", "old/libs/c/package.json"]),
        ("web/package-lock.json", vec!["web/package.json", "web/packages/a/package.json"]),
        ("web/packages/b/package.json", vec![]),
    ];
    let expected: Vec<(String, Vec<String>)> =
        expected.into_iter().map(|(path, covers)| (path.to_owned(), covers.into_iter().map(str::to_owned).collect())).collect();
    assert_eq!(summary, expected);
}

#[test]
fn a_folder_that_is_none_and_one_with_too_many_files_are_errors() {
    let root = tempfile::tempdir().unwrap();
    write(root.path(), "file", "");
    assert!(matches!(walk(&root.path().join("file"), &ReaderLimits::default()).unwrap_err().problem, Problem::Io(_)));
    assert!(matches!(walk(&root.path().join("absent"), &ReaderLimits::default()).unwrap_err().problem, Problem::Io(_)));
    for n in 0..5 {
        write(root.path(), &format!("{n}/go.sum"), "");
    }
    let limits = ReaderLimits { files: 4, ..ReaderLimits::default() };
    assert_eq!(walk(root.path(), &limits).unwrap_err().problem, Problem::TooMany { what: "files", limit: 4 });
}
