//! A version as a file spells it, and the same one as the registry does: one release under one name, in every form.

use crate::lab::{AT, Lab};
use bifocal_testkit::{CratePackage, NpmPackage, PythonPackage};

#[test]
fn a_python_version_is_the_index_s_however_a_file_spells_it() {
    let lab = Lab::new();
    for version in ["1.0", "2.0.0", "1!3.0", "4.0+cpu", "5.0.post1", "6.0rc1"] {
        lab.upstream.publish(PythonPackage::wheel("good", version));
    }
    for (asked, listed) in [
        ("==1.0.0", "1.0"),
        ("==v1.0", "1.0"),
        ("==2.0", "2.0.0"),
        ("==2", "2.0.0"),
        ("==1!3", "1%213.0"),
        ("==4.0", "4.0%2Bcpu"),
        ("==4+CPU", "4.0%2Bcpu"),
        ("==5.0-1", "5.0.post1"),
        ("==5-post1", "5.0.post1"),
        ("==6.0.0-RC.1", "6.0rc1"),
    ] {
        lab.write("requirements.txt", format!("good{asked}\n"));
        for arguments in [&["--at", AT][..], &["--at", AT, "--offline"], &["--at", AT, "--no-cache"]] {
            let report = lab.check_json(0, arguments);
            let purls: Vec<&str> = report.releases().iter().map(|one| one["purl"].as_str().unwrap()).collect();
            assert_eq!(purls, [format!("pkg:pypi/good@{listed}")], "{asked} {arguments:?}");
        }
    }
    // An epoch is a version of its own, and a package URL names no other build than the one it says.
    lab.write("requirements.txt", "good==3.0\n");
    lab.check_json(3, &["--at", AT]);
    lab.check_json(3, &["--at", AT, "pkg:pypi/good@4.0"]);
}

#[test]
fn policy_advisories_and_the_cache_see_the_listed_spelling() {
    let lab = Lab::new();
    lab.upstream.publish(PythonPackage::wheel("good", "1.0"));
    lab.load_advisories_of(
        "pypi",
        &[serde_json::json!({
            "schema_version": "1.7.0", "id": "MAL-2026-8", "modified": "2026-11-20T00:00:00Z", "published": "2026-11-20T00:00:00Z",
            "summary": "Malicious code",
            "affected": [{ "package": { "ecosystem": "PyPI", "name": "good" }, "versions": ["1.0"] }],
        })],
    );
    // Three spellings of one release, in two files and on the command line.
    lab.write("requirements.txt", "good==1.0.0\n");
    lab.write("more/requirements.txt", "good==1.0\n");
    let report = lab.check_json(1, &["--at", AT, ".", "pkg:pypi/good@1.0.0.0"]);
    assert_eq!(report.releases().len(), 1);
    assert_eq!(report.rules("pkg:pypi/good@1.0"), ["known-malware"]);
    let places: Vec<&str> =
        report.release("pkg:pypi/good@1.0")["places"].as_array().unwrap().iter().map(|place| place["path"].as_str().unwrap()).collect();
    for path in ["requirements.txt", "more/requirements.txt", "command line"] {
        assert!(places.contains(&path), "{places:?}");
    }
    lab.upstream.clear_log();
    let again = lab.check_json(1, &["--at", AT, "--offline", "pkg:pypi/good@1.0.0"]);
    assert_eq!(again.rules("pkg:pypi/good@1.0"), ["known-malware"]);
    assert!(lab.upstream.requests("*").is_empty());
    lab.run(&["policy", "explain", "pkg:pypi/good@1.0.0", "--at", AT]).expect(1).says(&["pkg:pypi/good@1.0", "known-malware"]);
}

#[test]
fn a_pinned_digest_counts_under_every_spelling() {
    let lab = Lab::new();
    lab.upstream.publish(PythonPackage::wheel("good", "1.0").file("good/__init__.py", "A = 1\n"));
    lab.write("requirements.txt", format!("good==1.0.0 --hash=sha256:{}\n", "ab".repeat(32)));
    let report = lab.check_json(1, &["--at", AT]);
    assert_eq!(report.verdict("pkg:pypi/good@1.0"), "deny");
}

#[test]
fn npm_and_cargo_versions_are_their_registries_too() {
    let lab = Lab::new();
    lab.upstream.publish(NpmPackage::new("left-pad", "1.3.0"));
    lab.upstream.publish(CratePackage::new("good", "1.0.0+zlib.1"));
    for (asked, listed) in [
        ("pkg:npm/left-pad@v1.3.0", "pkg:npm/left-pad@1.3.0"),
        ("pkg:npm/left-pad@1.3.0%2Bbuild", "pkg:npm/left-pad@1.3.0"),
        ("pkg:cargo/good@1.0.0", "pkg:cargo/good@1.0.0%2Bzlib.1"),
    ] {
        let report = lab.check_json(0, &["--at", AT, asked]);
        assert_eq!(report.verdict(listed), "allow", "{asked}");
    }
    lab.check_json(3, &["--at", AT, "pkg:cargo/good@1.0.0%2Bother"]);
    lab.write("package.json", r#"{"dependencies": {"left-pad": "=1.3.0"}}"#);
    assert_eq!(lab.check_json(0, &["--at", AT, "package.json"]).verdict("pkg:npm/left-pad@1.3.0"), "allow");
}
