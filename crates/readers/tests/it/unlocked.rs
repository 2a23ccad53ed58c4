//! What manifests ask for and the lockfile beside them does not have; path dependencies and where they lead.

use bifocal_core::{Inventory, Requested};
use bifocal_readers::{PythonEnvironment, ReadContext, ReadError, read};
use std::collections::BTreeMap;

fn try_read(path: &str, files: &[(&str, &str)]) -> Result<Inventory, ReadError> {
    let files: BTreeMap<String, Vec<u8>> = files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect();
    let mut ctx = ReadContext::new(&files);
    ctx.python = Some(PythonEnvironment::linux("3.12.4"));
    read(path, &files[path], &ctx)
}

pub(crate) fn read_with(path: &str, files: &[(&str, &str)]) -> Inventory {
    try_read(path, files).unwrap_or_else(|error| panic!("{error}"))
}

/// What is asked for and not locked.
pub(crate) fn unlocked(path: &str, files: &[(&str, &str)]) -> Vec<String> {
    read_with(path, files).unread.iter().map(|unread| format!("{} {}", unread.place, unread.what)).collect()
}

fn paths(path: &str, files: &[(&str, &str)]) -> Vec<String> {
    let one = |requested: &Requested| match requested {
        Requested::Path { name, path } => Some(format!("{name} {path}")),
        _ => None,
    };
    read_with(path, files).dependencies.iter().filter_map(|dependency| one(&dependency.requested)).collect()
}

#[test]
fn a_yarn_lockfile_without_the_projects_dependencies_says_so() {
    let manifest = "{\"dependencies\": {\n\"a\": \"^1\"},\n\"devDependencies\": {\"b\": \"~2\"}, \"optionalDependencies\": {\"c\": \"1\"}}";
    let header = "# yarn lockfile v1\n\n";
    let a = "a@^1:\n  version \"1.0.0\"\n";
    let b = "b@~2:\n  version \"2.0.0\"\n";
    let c = "c@1:\n  version \"1.0.0\"\n";
    for (lock, expected) in [
        (header.to_owned(), vec!["package.json:2 a ^1", "package.json:3 b ~2", "package.json:3 c 1"]),
        (format!("{header}{a}{c}"), vec!["package.json:3 b ~2"]),
        (format!("{header}{a}{b}{c}"), vec![]),
        (format!("{header}{a}{b}"), vec!["package.json:3 c 1"]),
        // Another range of the same package is not the one that is asked for.
        (format!("{header}a@^2:\n  version \"2.0.0\"\n{b}{c}"), vec!["package.json:2 a ^1"]),
    ] {
        assert_eq!(unlocked("yarn.lock", &[("yarn.lock", &lock), ("package.json", manifest)]), expected, "{lock}");
    }
    assert!(unlocked("yarn.lock", &[("yarn.lock", header), ("package.json", "{}")]).is_empty());
}

#[test]
fn members_and_resolutions_are_no_gap_in_a_yarn_lockfile() {
    let root = "{\"workspaces\": [\"packages/*\"], \"resolutions\": {\"r\": \"1.0.0\"}, \"dependencies\": {\"m\": \"*\", \"r\": \"^2\", \"l\": \"link:./l\"}}";
    let member = "{\"name\": \"m\", \"dependencies\": {\"a\": \"^1\"}}";
    let lock = "# yarn lockfile v1\n\nr@1.0.0:\n  version \"1.0.0\"\n";
    let files = [("yarn.lock", lock), ("package.json", root), ("packages/m/package.json", member)];
    assert_eq!(unlocked("yarn.lock", &files), ["packages/m/package.json:1 a ^1"]);
}

#[test]
fn berry_pnpm_and_npm_lockfiles_are_compared_with_their_manifests() {
    let manifest = "{\"dependencies\": {\"a\": \"^1\", \"nick\": \"npm:real@^1\", \"w\": \"workspace:*\"}}";
    let member = "{\"name\": \"w\", \"devDependencies\": {\"b\": \"^2\"}}";
    let berry = |range: &str| {
        format!(
            "__metadata:\n  version: 8\n\"a@npm:{range}\":\n  version: 1.0.0\n  resolution: \"a@npm:1.0.0\"\n\"nick@npm:real@^1\":\n  version: 1.0.0\n  resolution: \"real@npm:1.0.0\"\n\"p@workspace:.\":\n  version: 0.0.0\n  resolution: \"p@workspace:.\"\n\"w@workspace:*, w@workspace:packages/w\":\n  version: 0.0.0\n  resolution: \"w@workspace:packages/w\"\n"
        )
    };
    let files = |lock: &'static str, text: String| {
        vec![(lock, text), ("package.json", manifest.to_owned()), ("packages/w/package.json", member.to_owned())]
    };
    let check = |lock: &'static str, text: String| {
        let files = files(lock, text);
        unlocked(lock, &files.iter().map(|(path, text)| (*path, text.as_str())).collect::<Vec<_>>())
    };
    assert_eq!(check("yarn.lock", berry("^1")), ["packages/w/package.json:1 b ^2"]);
    assert_eq!(check("yarn.lock", berry("^3")), ["package.json:1 a ^1", "packages/w/package.json:1 b ^2"]);
    let pnpm = |spec: &str| {
        format!(
            "lockfileVersion: '9.0'\nimporters:\n  .:\n    dependencies:\n      a:\n        specifier: {spec}\n        version: 1.0.0\n      nick:\n        specifier: npm:real@^1\n        version: real@1.0.0\n      w:\n        specifier: workspace:*\n        version: link:packages/w\n  packages/w: {{}}\npackages:\n  a@1.0.0:\n    resolution: {{integrity: ''}}\n  real@1.0.0:\n    resolution: {{integrity: ''}}\n"
        )
    };
    assert_eq!(check("pnpm-lock.yaml", pnpm("^1")), ["packages/w/package.json:1 b ^2"]);
    assert_eq!(check("pnpm-lock.yaml", pnpm("^3")), ["package.json:1 a ^1", "packages/w/package.json:1 b ^2"]);
    let npm = |spec: &str| {
        format!(
            "{{\"lockfileVersion\": 3, \"packages\": {{\"\": {{\"dependencies\": {{\"a\": \"{spec}\", \"nick\": \"npm:real@^1\", \"w\": \"workspace:*\"}}}}, \"packages/w\": {{\"name\": \"w\"}}, \"node_modules/a\": {{\"version\": \"1.2.0\"}}, \"node_modules/nick\": {{\"name\": \"real\", \"version\": \"1.2.0\"}}, \"node_modules/w\": {{\"resolved\": \"packages/w\", \"link\": true}}}}}}"
        )
    };
    assert_eq!(check("package-lock.json", npm("^1")), ["packages/w/package.json:1 b ^2"]);
    assert_eq!(check("package-lock.json", npm("^3")), ["package.json:1 a ^1", "packages/w/package.json:1 b ^2"]);
    assert_eq!(
        check("package-lock.json", "{\"lockfileVersion\": 1, \"dependencies\": {\"a\": {\"version\": \"1.0.0\"}}}".to_owned()),
        ["package.json:1 nick npm:real@^1", "package.json:1 w workspace:*"]
    );
}

#[test]
fn cargo_lockfiles_are_compared_with_every_member() {
    let root = "[workspace]\nmembers = ['crates/*']\n[workspace.dependencies]\nunused = '1'\nb = { path = 'crates/b' }\n";
    let a = "[package]\nname = 'a'\n[dependencies]\nb = { workspace = true }\nlocked = '1'\n[dev-dependencies]\nother_name = { package = 'gone', version = '^2' }\n";
    let b = "[package]\nname = 'b'\n";
    let package = |name: &str, more: &str| format!("[[package]]\nname = '{name}'\nversion = '1.2.0'\n{more}");
    let registry = "source = 'registry+https://registry.example/index'\n";
    let lock =
        format!("version = 4\n{}{}{}", package("a", "dependencies = ['b', 'locked']\n"), package("b", ""), package("locked", registry));
    let files = [("Cargo.lock", &*lock), ("Cargo.toml", root), ("crates/a/Cargo.toml", a), ("crates/b/Cargo.toml", b)];
    assert_eq!(unlocked("Cargo.lock", &files), ["crates/a/Cargo.toml:7 gone ^2"]);
    // `a` is the project itself; `b` is a path dependency of it.
    assert_eq!(paths("Cargo.lock", &files), ["b crates/b"]);
    let newer = a.replace("locked = '1'", "locked = '2'");
    let files = [("Cargo.lock", &*lock), ("Cargo.toml", root), ("crates/a/Cargo.toml", &newer), ("crates/b/Cargo.toml", b)];
    assert_eq!(unlocked("Cargo.lock", &files), ["crates/a/Cargo.toml:5 locked 2", "crates/a/Cargo.toml:7 gone ^2"]);
}

#[test]
fn a_path_dependency_of_cargo_is_listed_where_it_lies() {
    let lock =
        "version = 4\n[[package]]\nname = 'p'\nversion = '1.0.0'\ndependencies = ['x']\n[[package]]\nname = 'x'\nversion = '1.0.0'\n";
    let manifest = |path: &str| format!("[package]\nname = 'p'\n[dependencies]\nx = {{ path = '{path}' }}\n");
    for (path, listed) in [("../../x", "x ../../x"), ("/abs/x", "x /abs/x"), ("sub/./x", "x sub/x")] {
        assert_eq!(paths("Cargo.lock", &[("Cargo.lock", lock), ("Cargo.toml", &manifest(path))]), [listed]);
    }
    // No manifest says where it is: it cannot be taken for a part of the project.
    let silent = "[package]\nname = 'p'\n";
    assert_eq!(unlocked("Cargo.lock", &[("Cargo.lock", lock), ("Cargo.toml", silent)]), ["Cargo.lock:6 x"]);
}

#[test]
fn python_lockfiles_are_compared_and_build_requirements_listed() {
    let project = "[build-system]\nrequires = ['builder>=1']\n[project]\nname = 'p'\ndependencies = ['a>=2', \"other; sys_platform == 'win32'\", \"old==1.0; python_version < '3.0'\"]\n[dependency-groups]\ndev = ['g']\n";
    let package = |name: &str, version: &str, source: &str| format!("[[package]]\nname = '{name}'\nversion = '{version}'\n{source}");
    let uv = |version: &str| {
        let registry = "source = { registry = 'https://registry.example/simple' }\n";
        format!(
            "version = 1\nrequires-python = '>=3.9'\n{}{}",
            package("p", "1", "source = { editable = '.' }\n"),
            package("A", version, registry)
        )
    };
    let check = |lock: &str, text: &str| {
        let inventory = read_with(lock, &[(lock, text), ("pyproject.toml", project)]);
        let built = inventory.dependencies.iter().any(|one| one.place.to_string() == "pyproject.toml:2" && one.origins.is_empty());
        assert!(built, "{inventory:?}");
        assert!(!inventory.dependencies.iter().any(|one| matches!(&one.requested, Requested::Path { .. })), "{inventory:?}");
        inventory.unread.iter().map(|unread| format!("{} {}", unread.place, unread.what)).collect::<Vec<_>>()
    };
    assert_eq!(check("uv.lock", &uv("2.1")), ["pyproject.toml:7 g"]);
    assert_eq!(check("uv.lock", &uv("1.0")), ["pyproject.toml:5 a>=2", "pyproject.toml:7 g"]);
    let poetry = |version: &str| format!("{}[metadata]\nlock-version = '2.1'\n", package("a", version, ""));
    assert!(check("poetry.lock", &poetry("2.0")).is_empty());
    assert_eq!(check("poetry.lock", &poetry("1.0")), ["pyproject.toml:5 a>=2"]);
    let pdm = |version: &str| format!("[metadata]\nlock_version = '4.5'\n{}", package("a", version, ""));
    assert!(check("pdm.lock", &pdm("2.0")).is_empty());
    assert_eq!(check("pdm.lock", &pdm("1.0")), ["pyproject.toml:5 a>=2"]);
}

#[test]
fn links_of_members_are_told_from_the_lockfile() {
    let pnpm = "lockfileVersion: '9.0'\nimporters:\n  packages/a:\n    dependencies:\n      b:\n        specifier: workspace:*\n        version: link:../b\n      x:\n        specifier: link:../../../x\n        version: link:../../../x\n";
    assert_eq!(paths("pnpm-lock.yaml", &[("pnpm-lock.yaml", pnpm)]), ["b packages/b", "x ../x"]);
    let inner = "lockfileVersion: '9.0'\npackages:\n  a@1.0.0:\n    resolution: {integrity: ''}\nsnapshots:\n  a@1.0.0:\n    dependencies:\n      x: link:../x\n";
    assert_eq!(paths("pnpm-lock.yaml", &[("pnpm-lock.yaml", inner)]), ["x ../x"]);
    let berry = |reference: &str| format!("__metadata:\n  version: 8\n\"x@x\":\n  version: 0.0.0\n  resolution: \"x@{reference}\"\n");
    for (reference, listed) in [
        ("portal:../b::locator=a%40workspace%3Apackages%2Fa", "x packages/b"),
        ("portal:../../../b::locator=a%40workspace%3Apackages%2Fa", "x ../b"),
        ("link:../../../b::locator=a%40workspace%3Apackages%2Fa", "x ../b"),
        ("file:./b#./b::hash=abc&locator=a%40workspace%3Apackages%2Fa", "x packages/a/b"),
        ("portal:./b::locator=a%40npm%3A1.0.0", "x ../a@npm:1.0.0/b"),
        ("workspace:../b", "x ../b"),
        ("patch:x@portal%3A..%2Fb#./p.patch", "x ../b"),
    ] {
        assert_eq!(paths("yarn.lock", &[("yarn.lock", &berry(reference))]), [listed], "{reference}");
    }
    let patched = berry("patch:x@https%3A%2F%2Fe.example%2Fx.tgz#./p.patch::version=1.0.0");
    assert!(
        matches!(&read_with("yarn.lock", &[("yarn.lock", &patched)]).dependencies[0].requested, Requested::Url { url, .. } if url == "https://e.example/x.tgz")
    );
    let root = "{\"workspaces\": [\"packages/*\"]}";
    let member = "{\"dependencies\": {\"x\": \"file:../x\", \"y\": \"file:../../../y\"}}";
    let lock = "# yarn lockfile v1\n\n\"x@file:../x\":\n  version \"0.0.0\"\n\n\"y@file:../../../y\":\n  version \"0.0.0\"\n";
    assert_eq!(
        paths("yarn.lock", &[("yarn.lock", lock), ("package.json", root), ("packages/a/package.json", member)]),
        ["x packages/x", "y ../y"]
    );
    assert_eq!(paths("yarn.lock", &[("yarn.lock", lock)]), ["x ../x", "y ../../../y"]);
}

#[test]
fn a_lockfile_that_lacks_what_it_says_itself_is_refused() {
    let pnpm = "lockfileVersion: '9.0'\nimporters:\n  .:\n    dependencies:\n      a:\n        specifier: ^1\n        version: 1.0.0\n";
    assert_eq!(
        try_read("pnpm-lock.yaml", &[("pnpm-lock.yaml", pnpm)]).unwrap_err().to_string(),
        "pnpm-lock.yaml:5: `a` 1.0.0 is not defined in packages"
    );
}

#[test]
fn each_alternative_of_poetry_counts() {
    let project = "[tool.poetry]\nname = 'p'\n[tool.poetry.dependencies]\nsix = '^1 || ^0.9'\n";
    let lock = |version: &str| format!("[[package]]\nname = 'six'\nversion = '{version}'\n[metadata]\nlock-version = '2.1'\n");
    for (version, expected) in [("1.16.0", vec![]), ("0.9.1", vec![]), ("0.8", vec!["pyproject.toml:4 six>=1,<2 || >=0.9,<0.10"])] {
        assert_eq!(unlocked("poetry.lock", &[("poetry.lock", &lock(version)), ("pyproject.toml", project)]), expected, "{version}");
    }
    let files = [("pyproject.toml", project)];
    let asked = &read_with("pyproject.toml", &files).dependencies[0].requested;
    assert!(matches!(asked, Requested::Range { requirement, .. } if requirement == ">=1,<2 || >=0.9,<0.10"), "{asked:?}");
    let pins = project.replace("^1 || ^0.9", "1.0 || 2.0");
    let asked = &read_with("pyproject.toml", &[("pyproject.toml", &pins)]).dependencies[0].requested;
    assert!(matches!(asked, Requested::Range { requirement, .. } if requirement == "==1.0 || ==2.0"), "{asked:?}");
}

#[test]
fn a_pipfile_is_compared_with_its_lockfile() {
    let project = "[[source]]\nname = 'i'\nurl = 'https://registry.example/simple'\n[packages]\nsix = '*'\nother = '*'\nranged = {version = '>=2', extras = ['x']}\nwin = {version = '*', sys_platform = \"== 'win32'\"}\n[dev-packages]\nsix = '>=1.17'\n[docs]\nDoc_Tool = '==1.0'\n[scripts]\nrun = 'x'\n[requires]\npython_version = '3.12'\n";
    let lock = |default: &str, develop: &str| {
        format!(
            "{{\"_meta\": {{\"hash\": {{\"sha256\": \"0\"}}, \"pipfile-spec\": 6}}, \"default\": {{{default}}}, \"develop\": {{{develop}}}, \"docs\": {{\"doc-tool\": {{\"version\": \"==1.0\"}}}}}}"
        )
    };
    let one = |name: &str, version: &str| format!("\"{name}\": {{\"version\": \"=={version}\"}}");
    let check = |lock: &str| unlocked("Pipfile.lock", &[("Pipfile.lock", lock), ("Pipfile", project)]);
    let right = format!("{}, {}, {}", one("six", "1.16.0"), one("other", "1.0"), one("ranged", "2.1"));
    assert!(check(&lock(&right, &one("six", "1.17.0"))).is_empty());
    assert_eq!(
        check(&lock(&one("six", "1.16.0"), &one("six", "1.16.0"))),
        ["Pipfile:6 other", "Pipfile:7 ranged>=2", "Pipfile:10 six>=1.17"]
    );
    assert_eq!(check(&lock(&right.replace("2.1", "1.9"), "")), ["Pipfile:7 ranged>=2", "Pipfile:10 six>=1.17"]);
}

#[test]
fn pdm_lockfiles_are_compared_in_the_groups_that_they_have() {
    let project = "[project]\nname = 'x'\nversion = '1'\ndependencies = ['six']\n[project.optional-dependencies]\nz = ['click==8.1.0']\n[dependency-groups]\nq = ['flask==2.0', { include-group = 'In_Ner' }]\nin-ner = ['inner']\n[tool.pdm.dev-dependencies]\nw = ['attrs==22.1.0']\n";
    let lock =
        |groups: &str| format!("[metadata]\ngroups = [{groups}]\nlock_version = '4.5.0'\n[[package]]\nname = 'six'\nversion = '1.16.0'\n");
    for (groups, expected) in [
        ("'default'", vec![]),
        ("'default', 'w'", vec!["pyproject.toml:11 attrs==22.1.0"]),
        ("'default', 'Z'", vec!["pyproject.toml:6 click==8.1.0"]),
        ("'default', 'q'", vec!["pyproject.toml:8 flask==2.0", "pyproject.toml:9 inner"]),
    ] {
        assert_eq!(unlocked("pdm.lock", &[("pdm.lock", &lock(groups)), ("pyproject.toml", project)]), expected, "{groups}");
    }
}
