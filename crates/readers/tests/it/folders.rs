//! What a walk over a folder finds, and what it must not.

use bifocal_core::{FileKind, ReaderLimits};
use bifocal_readers::{Problem, Walked, is_looked_for, walk};
use std::path::Path;

fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

fn found(root: &Path) -> Vec<(String, FileKind, Vec<String>)> {
    walk(root, &ReaderLimits::default()).unwrap().files.into_iter().map(|file| (file.path, file.kind, file.covers)).collect()
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
    let paths: Vec<String> = found(root.path()).into_iter().map(|(path, ..)| path).collect();
    assert_eq!(paths, ["package.json", "sub/pom.xml"]);
    // What is not ignored and not looked into is told.
    assert_eq!(
        walk(root.path(), &ReaderLimits::default()).unwrap().left_out,
        [
            "installed packages: .venv, node_modules",
            "copies of others' code and what was built: target (1 lockfile or manifest), vendor (1 lockfile or manifest)"
        ]
    );
}

#[test]
fn links_are_read_while_they_stay_inside() {
    let root = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    write(outside.path(), "package.json", "{}");
    write(root.path(), "real/package.json", "{}");
    write(root.path(), "vendor/x/package.json", "{}");
    let link = |to: &Path, at: &str| {
        std::fs::create_dir_all(root.path().join(at).parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(to, root.path().join(at)).unwrap();
    };
    link(Path::new("../real/package.json"), "inside/package.json");
    link(&outside.path().join("package.json"), "leaves/package.json");
    link(Path::new("nowhere"), "broken/Cargo.lock");
    link(Path::new("real"), "yarn.lock");
    link(Path::new("real"), "again");
    link(Path::new("vendor/x"), "app");
    link(outside.path(), "shared");
    link(Path::new("nowhere"), "README");
    let Walked { files, unread, left_out } = walk(root.path(), &ReaderLimits::default()).unwrap();
    assert_eq!(files.into_iter().map(|file| file.path).collect::<Vec<_>>(), ["inside/package.json", "real/package.json"]);
    let unread: Vec<String> = unread.into_iter().map(|unread| format!("{}: {}", unread.place, unread.why)).collect();
    assert_eq!(
        unread,
        [
            "broken/Cargo.lock: it is a link that leads nowhere",
            "leaves/package.json: it is a link that leads outside the checked folder; check what it leads to, or copy it here",
            "yarn.lock: it is a link to a folder with the name of a file that is read",
        ]
    );
    assert_eq!(left_out[1], "links to folders: app (to vendor/x), shared (to outside)");
}

#[test]
fn odd_files_are_named() {
    use std::os::unix::ffi::OsStrExt as _;
    let root = tempfile::tempdir().unwrap();
    write(root.path(), "go.mod/x", "");
    write(root.path(), "x.pom/y", "");
    let odd = root.path().join(std::ffi::OsStr::from_bytes(b"w\xffeb"));
    std::fs::create_dir(&odd).unwrap();
    std::fs::write(odd.join("package.json"), "{}").unwrap();
    std::fs::write(odd.join("README"), "").unwrap();
    let deep = root.path().join("d/".repeat(64));
    std::fs::create_dir_all(&deep).unwrap();
    let socket = std::os::unix::net::UnixListener::bind(root.path().join("Cargo.lock")).unwrap();
    let Walked { files, unread, .. } = walk(root.path(), &ReaderLimits::default()).unwrap();
    drop(socket);
    assert!(files.is_empty(), "{files:?}");
    let unread: Vec<String> = unread.into_iter().map(|unread| unread.why.split(' ').take(5).collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(unread, ["it is no regular file", "it is more than 64", "it is a folder with", "its path is no UTF-8,"]);
}

#[test]
fn files_that_name_dependencies_and_are_not_read_are_told() {
    let root = tempfile::tempdir().unwrap();
    for path in [
        "a/bun.lock",
        "b/bun.lockb",
        "c/Pipfile",
        "d/Pipfile",
        "d/Pipfile.lock",
        "e/setup.py",
        "f/build.gradle",
        "g/build.gradle",
        "g/gradle.lockfile",
        "h/cargo.toml",
        "i/Package.json",
        "j/README.md",
    ] {
        write(root.path(), path, "");
    }
    write(root.path(), "k/vendor/modules.txt", "");
    assert_eq!(
        walk(root.path(), &ReaderLimits::default()).unwrap().left_out,
        [
            "copies of others' code and what was built: k/vendor (go builds from it, not from the modules that were looked at)",
            "a Pipfile is read only through its Pipfile.lock: c/Pipfile",
            "lockfiles of a form that is not read: a/bun.lock, b/bun.lockb",
            "names that are read only where the system does not tell upper and lower case apart: h/cargo.toml, i/Package.json",
            "of Gradle only what a gradle.lockfile pins is read: f/build.gradle",
            "requirements in setup.py and setup.cfg are not read: e/setup.py",
        ]
    );
}

#[test]
fn hidden_folders_are_part_of_the_project() {
    let root = tempfile::tempdir().unwrap();
    for path in [".devcontainer/requirements.txt", ".git/package.json", ".cargo/registry/src/x/Cargo.toml", ".cargo/x/Cargo.toml"] {
        write(root.path(), path, "");
    }
    let paths: Vec<String> = found(root.path()).into_iter().map(|(path, ..)| path).collect();
    assert_eq!(paths, [".cargo/x/Cargo.toml", ".devcontainer/requirements.txt"]);
    assert!(is_looked_for("a/package.json") && !is_looked_for("node_modules/a/package.json") && !is_looked_for("a/README"));
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

#[test]
fn files_of_forms_that_are_not_read_are_named() {
    let root = tempfile::tempdir().unwrap();
    for name in ["environment.yml", "requirements.in", "dev-requirements.in", "dev-requirements.txt", "bom.xml", "app.cdx.xml"] {
        std::fs::write(root.path().join(name), "").unwrap();
    }
    let left_out = walk(root.path(), &ReaderLimits::default()).unwrap().left_out;
    assert_eq!(
        left_out,
        [
            "CycloneDX is read as JSON only: app.cdx.xml, bom.xml",
            "a requirements.in is read only through the requirements.txt that is made of it: requirements.in",
            "conda environments are not read: environment.yml",
        ]
    );
}

#[test]
fn what_lists_no_indirect_modules_and_what_an_sbom_describes_is_said() {
    let counted = |path: &str, text: &str| {
        let files: std::collections::BTreeMap<String, Vec<u8>> = std::collections::BTreeMap::new();
        let inventory = bifocal_readers::read(path, text.as_bytes(), &bifocal_readers::ReadContext::new(&files)).unwrap();
        inventory.notes.into_iter().filter(|note| note.starts_with(bifocal_readers::NOT_LOOKED_AT)).collect::<Vec<_>>()
    };
    let requires = "require example.com/a v1.0.0\n";
    for (go, said) in [("", true), ("go 1.16\n", true), ("go 1.17\n", false)] {
        let notes = counted("go.mod", &format!("module example.com/m\n{go}{requires}"));
        assert_eq!(notes.len(), usize::from(said), "{go}: {notes:?}");
        assert!(notes.iter().all(|note| note.contains("list of indirect modules")), "{notes:?}");
    }
    assert!(counted("go.mod", "module example.com/m\n").is_empty());
    let spdx = |purl: &str| {
        format!(
            "{{\"spdxVersion\": \"SPDX-2.3\", \"documentDescribes\": [\"r\"], \"packages\": [{{\"name\": \"a\", \"SPDXID\": \"r\"{purl}}}, {{\"name\": \"b\", \"SPDXID\": \"b\", \"externalRefs\": [{{\"referenceType\": \"purl\", \"referenceLocator\": \"pkg:npm/b@1.0.0\"}}]}}]}}"
        )
    };
    assert!(counted("x.spdx.json", &spdx("")).is_empty());
    let with = spdx(", \"externalRefs\": [{\"referenceType\": \"purl\", \"referenceLocator\": \"pkg:npm/a@1.0.0\"}]");
    assert_eq!(counted("x.spdx.json", &with), ["not looked at: 1 package that the document describes"]);
}
