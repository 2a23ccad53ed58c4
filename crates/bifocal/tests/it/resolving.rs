//! Manifests without a lockfile: everything that the client would bring is looked at, and what cannot be had is named with
//! the chain that leads to it.

use crate::lab::{AT, Lab, dropper, malware};
use bifocal_testkit::{CrateDependency, CratePackage, NpmPackage, PythonPackage};
use std::collections::BTreeSet;

/// What a report names, without the ecosystem.
fn named(lab: &Lab, code: i32, arguments: &[&str]) -> BTreeSet<String> {
    let report = lab.check_json(code, arguments);
    let bare = |purl: &str| purl.split_once('/').unwrap().1.replace("%40", "@");
    report.releases().iter().map(|release| bare(release["purl"].as_str().unwrap())).collect()
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// `a` and `b` meet in `shared`; `old` needs an older one beside it.
fn npm_lab() -> Lab {
    let lab = Lab::new();
    for package in [
        NpmPackage::new("a", "1.0.0").dependency("shared", "^2.0.0"),
        NpmPackage::new("b", "1.0.0").dependency("shared", ">=1"),
        NpmPackage::new("old", "1.0.0").dependency("shared", "^1.0.0").dependency("other-name", "npm:leaf@^1"),
        NpmPackage::new("shared", "1.0.0"),
        NpmPackage::new("shared", "1.1.0"),
        NpmPackage::new("shared", "2.0.0").dependency("leaf", "*"),
        NpmPackage::new("leaf", "1.0.0"),
        NpmPackage::new("leaf", "1.0.1"),
    ] {
        lab.upstream.publish(package);
    }
    lab
}

#[test]
fn npm_versions_stand_beside_each_other_only_where_one_does_not_do() {
    let lab = npm_lab();
    lab.write("package.json", "{\"dependencies\": {\"a\": \"^1\", \"b\": \"^1\", \"old\": \"^1\"}}");
    let all = ["a@1.0.0", "b@1.0.0", "old@1.0.0", "shared@1.1.0", "shared@2.0.0", "leaf@1.0.1"];
    assert_eq!(named(&lab, 0, &["--at", AT]), set(&all));
    lab.run(&["check", "--at", AT])
        .expect(0)
        .says(&["package.json has no lockfile: 6 releases were chosen as npm would take them today; pin them with `npm install --package-lock-only`"])
        .keeps_quiet_about(&["not looked at"]);
    lab.run(&["check", "--at", AT, "--format", "markdown"]).expect(0).says(&["6 releases were chosen as npm would take them today"]);
}

#[test]
fn npm_packages_that_ask_for_each_others_other_version_have_an_end() {
    let lab = npm_lab();
    for package in [
        NpmPackage::new("x", "1.0.0").dependency("y", "1.0.0"),
        NpmPackage::new("x", "2.0.0").dependency("y", "2.0.0"),
        NpmPackage::new("y", "1.0.0").dependency("x", "2.0.0"),
        NpmPackage::new("y", "2.0.0").dependency("x", "1.0.0"),
    ] {
        lab.upstream.publish(package);
    }
    lab.write("package.json", "{\"dependencies\": {\"x\": \"1.0.0\"}}");
    assert_eq!(named(&lab, 0, &["--at", AT]), set(&["x@1.0.0", "x@2.0.0", "y@1.0.0", "y@2.0.0"]));
}

#[test]
fn what_only_a_dependency_of_a_dependency_brings_is_judged() {
    let lab = npm_lab();
    lab.upstream.publish(dropper("leaf", "1.0.2"));
    lab.write("package.json", "{\"dependencies\": {\"a\": \"^1\"}}");
    let report = lab.check_json(1, &["--at", AT]);
    assert_eq!(report.verdict("pkg:npm/leaf@1.0.2"), "hold");
    assert_eq!(report.release("pkg:npm/leaf@1.0.2")["places"][0]["path"], "package.json");
    lab.load_advisories(&[malware("MAL-2026-1", "leaf", "1.0.2")]);
    lab.run(&["check", "--at", AT]).expect(1).says(&["DENY", "leaf"]);
}

#[test]
fn npm_overrides_peers_and_optional_dependencies_are_followed() {
    let lab = npm_lab();
    lab.upstream.publish(
        NpmPackage::new("plugin", "1.0.0")
            .field("peerDependencies", serde_json::json!({"host": "^1", "maybe": "*"}))
            .field("peerDependenciesMeta", serde_json::json!({"maybe": {"optional": true}}))
            .dev_dependency("never", "*")
            .optional_dependency("elsewhere-only", "^1")
            .optional_dependency("gone", "^1"),
    );
    lab.upstream.publish(NpmPackage::new("host", "1.2.0"));
    lab.upstream.publish(NpmPackage::new("elsewhere-only", "1.0.0").field("os", serde_json::json!(["aix"])));
    lab.write("package.json", "{\"dependencies\": {\"plugin\": \"*\", \"old\": \"*\"}, \"overrides\": {\"old\": {\"shared\": \"2.0.0\"}}}");
    let expected = ["plugin@1.0.0", "host@1.2.0", "elsewhere-only@1.0.0", "old@1.0.0", "shared@2.0.0", "leaf@1.0.1"];
    assert_eq!(named(&lab, 0, &["--at", AT]), set(&expected));
}

#[test]
fn a_range_that_nothing_satisfies_is_named_with_the_chain_that_leads_to_it() {
    let lab = npm_lab();
    lab.upstream.publish(NpmPackage::new("c", "1.0.0").dependency("d", "*"));
    lab.upstream.publish(NpmPackage::new("d", "1.0.0").dependency("shared", "^9"));
    lab.write("package.json", "{\n\"dependencies\": {\n\"c\": \"*\"}}");
    lab.run(&["check", "--at", AT]).expect(3).says(&["package.json:3", "pkg:npm/shared ^9", "asked for by c@1.0.0 → d@1.0.0"]);
    // A git repository that a published package asks for is an error as everywhere else.
    lab.upstream.publish(NpmPackage::new("d", "1.0.1").dependency("forked", "git+https://git.example/forked.git"));
    lab.run(&["check", "--at", AT, "--no-cache"])
        .expect(3)
        .says(&["git https://git.example/forked.git", "git dependencies are not fetched"]);
}

#[test]
fn offline_the_cache_answers_and_what_it_does_not_have_is_an_error() {
    let lab = npm_lab();
    lab.write("package.json", "{\"dependencies\": {\"a\": \"^1\"}}");
    lab.run(&["check", "--at", AT, "--offline"]).expect(3).says(&["not in the cache"]);
    let online = lab.check_json(0, &["--at", AT]);
    lab.upstream.clear_log();
    let offline = lab.check_json(0, &["--at", AT, "--offline"]);
    assert!(lab.upstream.requests("*").is_empty(), "--offline asks nobody");
    assert_eq!(online.0, offline.0);
}

#[test]
fn a_lockfile_beside_a_manifest_is_what_counts() {
    let lab = npm_lab();
    lab.write("package.json", "{\"dependencies\": {\"a\": \"^1\"}}");
    lab.write("package-lock.json", "{\"lockfileVersion\": 3, \"packages\": {}}");
    assert_eq!(named(&lab, 0, &["package.json", "--at", AT]), set(&["a@1.0.0"]));
    lab.run(&["check", "package.json", "--at", AT]).expect(0).says(&["not looked at: what the dependencies in package.json need in turn"]);
}

#[test]
fn crates_share_one_version_of_each_compatible_range_and_bring_what_features_turn_on() {
    let lab = Lab::new();
    for package in [
        CratePackage::new("top", "1.0.0")
            .dependency("shared", "1")
            .dependency_with(CrateDependency::new("extra", "1").optional())
            .dependency_with(CrateDependency::new("off", "1").optional())
            .dependency_with(CrateDependency::new("testing", "1").dev())
            .dependency_with(CrateDependency::new("win", "1").target("cfg(windows)"))
            .feature("default", &["std"])
            .feature("std", &["dep:extra"]),
        CratePackage::new("other", "2.0.0").dependency("shared", ">=1.0, <1.2").dependency("shared-old", "0.1"),
        CratePackage::new("shared", "1.0.0"),
        CratePackage::new("shared", "1.1.0"),
        CratePackage::new("shared", "1.2.0"),
        CratePackage::new("shared", "1.3.0").yanked(),
        CratePackage::new("shared", "2.0.0"),
        CratePackage::new("shared-old", "0.1.4").dependency("shared", "2"),
        CratePackage::new("extra", "1.0.0"),
        CratePackage::new("off", "1.0.0"),
        CratePackage::new("win", "1.0.0"),
        CratePackage::new("bench", "1.0.0"),
    ] {
        lab.upstream.publish(package);
    }
    let manifest = |rest: &str| format!("[package]\nname = \"p\"\nversion = \"0.0.0\"\n[dependencies]\n{rest}");
    lab.write("Cargo.toml", manifest("top = \"1\"\n[dev-dependencies]\nbench = \"1\"\n"));
    assert_eq!(named(&lab, 0, &["--at", AT]), set(&["top@1.0.0", "shared@1.2.0", "extra@1.0.0", "win@1.0.0", "bench@1.0.0"]));
    lab.write("Cargo.toml", manifest("top = { version = \"1\", default-features = false, features = [\"off\"] }\nother = \"2\"\n"));
    let expected = ["top@1.0.0", "off@1.0.0", "win@1.0.0", "other@2.0.0", "shared@1.1.0", "shared-old@0.1.4", "shared@2.0.0"];
    assert_eq!(named(&lab, 0, &["--at", AT]), set(&expected));
    lab.upstream.publish(CratePackage::new("strict", "1.0.0").dependency("shared", "=1.2.0"));
    lab.write("Cargo.toml", manifest("strict = \"1\"\nother = \"2\"\n"));
    lab.run(&["check", "--at", AT]).expect(3).says(&["pkg:cargo/shared", "cargo generate-lockfile", "2.0.0"]);
}

#[test]
fn an_exact_crate_that_clashes_with_what_another_asks_for_is_an_error() {
    let lab = Lab::new();
    lab.upstream.publish(CratePackage::new("base", "1.0.100"));
    lab.upstream.publish(CratePackage::new("base", "1.0.200"));
    lab.upstream.publish(CratePackage::new("upper", "1.0.0").dependency("base", "^1.0.150"));
    lab.write("Cargo.toml", "[package]\nname = \"p\"\nversion = \"0.1.0\"\n\n[dependencies]\nbase = \"=1.0.100\"\nupper = \"1\"\n");
    lab.run(&["check", "--at", AT]).expect(3).says(&["base", "cargo generate-lockfile"]);
}

fn python_lab() -> Lab {
    let lab = Lab::new();
    for package in [
        PythonPackage::wheel("web", "2.0")
            .requires("core>=1")
            .requires("speed ; extra == 'fast'")
            .requires("winonly ; sys_platform == 'win32'"),
        PythonPackage::wheel("web", "3.0rc1"),
        PythonPackage::wheel("plugin", "1.0").requires("core<2"),
        PythonPackage::wheel("plugin", "1.1").requires("core<2").requires("nowhere"),
        PythonPackage::wheel("core", "1.0"),
        PythonPackage::wheel("core", "1.5"),
        PythonPackage::wheel("core", "1.6").yanked("broken"),
        PythonPackage::wheel("core", "2.0"),
        PythonPackage::wheel("speed", "1.0"),
        PythonPackage::wheel("winonly", "1.0"),
    ] {
        lab.upstream.publish(package);
    }
    lab
}

#[test]
fn python_distributions_meet_in_one_version_with_their_extras_and_markers() {
    let lab = python_lab();
    lab.write("requirements.txt", "web[fast]\n");
    assert_eq!(named(&lab, 0, &["--at", AT]), set(&["web@2.0", "core@2.0", "speed@1.0"]));
    // One that cannot be had is passed over for an older one that does without it; the constraint of the other holds for all.
    lab.write("requirements.txt", "web\nplugin\n");
    assert_eq!(named(&lab, 0, &["--at", AT]), set(&["web@2.0", "core@1.5", "plugin@1.0"]));
    lab.write(
        "pyproject.toml",
        "[project]\nname = \"p\"\nversion = \"1\"\ndependencies = [\"web\"]\n[tool.uv]\nconstraint-dependencies = [\"core<1.5\"]\n",
    );
    assert_eq!(named(&lab, 0, &["pyproject.toml", "--at", AT]), set(&["web@2.0", "core@1.0"]));
    lab.run(&["check", "pyproject.toml", "--at", AT])
        .expect(0)
        .says(&["2 releases were chosen as pip or uv would take them today", "`uv lock`"]);
}

#[test]
fn python_requirements_that_clash_are_an_error_that_says_which() {
    let lab = python_lab();
    lab.write("requirements.txt", "plugin\ncore>=2\n");
    lab.run(&["check", "--at", AT]).expect(3).says(&[
        "no set of releases meets them",
        "the manifest asks for core>=2",
        "asks for core<2",
        "uv pip compile",
    ]);
}

/// An index that serves files and nothing beside them.
fn bare_index(lab: &Lab) {
    lab.upstream.configure(|serving| {
        serving.pypi_metadata_files = false;
        serving.pypi_project_json = false;
    });
}

/// How often the file itself was fetched.
fn fetched(lab: &Lab, filename: &str) -> usize {
    lab.upstream.requests(&format!("*{filename}")).iter().filter(|access| access.method == "GET").count()
}

#[test]
fn what_a_wheel_needs_is_read_from_the_wheel_where_the_index_does_not_tell_and_offline_from_the_cache() {
    let lab = python_lab();
    bare_index(&lab);
    lab.write("requirements.txt", "web[fast]\nplugin\n");
    let online = lab.check_json(0, &["--at", AT]);
    let names: BTreeSet<&str> = online.releases().iter().map(|release| release["purl"].as_str().unwrap()).collect();
    let expected = ["pkg:pypi/core@1.5", "pkg:pypi/plugin@1.0", "pkg:pypi/speed@1.0", "pkg:pypi/web@2.0"];
    assert_eq!(names, BTreeSet::from(expected));
    assert!(online.0["resolved"][0].as_str().unwrap().contains("4 releases were chosen as pip or uv would take them today"));
    assert_eq!(fetched(&lab, "web-2.0-py3-none-any.whl"), 1, "once for what it needs and for the assessment");
    assert_eq!(fetched(&lab, "plugin-1.1-py3-none-any.whl"), 1, "considered, and not chosen");
    lab.upstream.clear_log();
    let offline = lab.check_json(0, &["--at", AT, "--offline"]);
    assert!(lab.upstream.requests("*").is_empty(), "--offline asks nobody");
    assert_eq!(online.0, offline.0);
    // Without the bytes of a wheel that nobody looked at, its needs are not known.
    lab.upstream.publish(PythonPackage::wheel("late", "1.0"));
    lab.write("requirements.txt", "web\nlate\n");
    lab.run(&["check", "--at", AT, "--offline"]).expect(3).says(&["pkg:pypi/late"]);
}

#[test]
fn a_source_distribution_tells_what_it_needs_only_where_its_metadata_is_static() {
    let lab = python_lab();
    bare_index(&lab);
    let fields = |version: &str, rest: &str| format!("Metadata-Version: {version}\nName: src\nVersion: 1.0\n{rest}");
    let source = |text: String| PythonPackage::sdist("src", "1.0").metadata(&text);
    lab.upstream.publish(source(fields("2.2", "Requires-Dist: core<2\n")));
    lab.write("requirements.txt", "src\n");
    assert_eq!(named(&lab, 0, &["--at", AT]), set(&["src@1.0", "core@1.5"]));
    assert_eq!(fetched(&lab, "src-1.0.tar.gz"), 1);
    assert_eq!(named(&lab, 0, &["--at", AT, "--offline"]), set(&["src@1.0", "core@1.5"]));
    for (text, why) in [
        (fields("2.1", "Requires-Dist: core<2\n"), "leaves to the build what it needs"),
        (fields("2.2", "Dynamic: Requires-Dist\n"), "declares what it needs as known only when it is built"),
    ] {
        let lab = python_lab();
        bare_index(&lab);
        lab.upstream.publish(source(text));
        // What is pinned is no less unknown.
        for line in ["src\n", "src==1.0\n"] {
            lab.write("requirements.txt", line);
            let report = lab.check_json(3, &["--at", AT]);
            assert_eq!(report.verdict("pkg:pypi/src@1.0"), "allow", "the release itself is looked at");
            let missing = &report.0["not_evaluated"][0];
            assert_eq!(missing["what"], "what pkg:pypi/src@1.0 needs in turn");
            let error = missing["error"].as_str().unwrap();
            for part in ["src-1.0.tar.gz is a source distribution", why, "nothing is built", "pip-compile"] {
                assert!(error.contains(part), "{part} in {error}");
            }
            lab.run(&["check", "--at", AT])
                .expect(3)
                .says(&["1 release was chosen, and what else comes along is not known"])
                .keeps_quiet_about(&["would take them today"]);
        }
    }
}

#[test]
fn metadata_of_something_else_never_stands_for_needing_nothing() {
    for text in ["Metadata-Version: 2.1\nName: other\nVersion: 1.0\n", "<html>no such page</html>\n"] {
        for announced in [true, false] {
            let lab = python_lab();
            lab.upstream.configure(|serving| serving.pypi_metadata_files = announced);
            lab.upstream.publish(PythonPackage::wheel("odd", "1.0").metadata(text));
            lab.write("pyproject.toml", "[project]\nname = \"p\"\nversion = \"1\"\ndependencies = [\"odd\"]\n");
            let run = lab.run(&["check", "--at", AT, "--offline"]);
            assert_eq!(run.code, Some(3));
            lab.run(&["check", "--at", AT]).expect(3).says(&[
                "what pkg:pypi/odd@1.0 needs in turn",
                "odd-1.0-py3-none-any.whl has",
                "`uv lock`",
            ]);
        }
    }
}
