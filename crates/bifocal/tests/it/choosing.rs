//! What a client's settings have it take: a source distribution in place of a wheel, nothing newer than a date. And a range
//! that nobody can read, which is one dependency's error.

use crate::lab::{AT, Lab, Report};
use bifocal_testkit::{NpmPackage, PythonPackage};

fn lab() -> Lab {
    let lab = Lab::new();
    for (version, at) in [("1.0", "2020-01-10T00:00:00Z"), ("2.0", "2022-01-10T00:00:00Z")] {
        lab.upstream.publish(PythonPackage::wheel("good", version).published(at));
        lab.upstream.publish(PythonPackage::sdist("good", version).published(at));
    }
    for (version, at) in [("1.0.0", "2020-01-10T00:00:00Z"), ("1.1.0", "2022-01-10T00:00:00Z")] {
        lab.upstream.publish(NpmPackage::new("left-pad", version).published(at));
    }
    lab
}

fn files(report: &Report, purl: &str) -> Vec<String> {
    let all = report.release(purl)["artifacts"].as_array().unwrap();
    let mut ends: Vec<String> = all.iter().map(|one| one["filename"].as_str().unwrap().rsplit('.').next().unwrap().to_owned()).collect();
    ends.sort();
    ends
}

fn only(report: &Report) -> String {
    assert_eq!(report.releases().len(), 1, "{:#}", report.0);
    report.releases()[0]["purl"].as_str().unwrap().to_owned()
}

#[test]
fn what_a_file_has_built_from_source_is_looked_at_as_source() {
    let lab = lab();
    for (text, expected) in [
        ("good==1.0\n", vec!["whl"]),
        ("--no-binary :all:\ngood==1.0\n", vec!["gz", "whl"]),
        ("--no-binary=Good\ngood<2\n", vec!["gz", "whl"]),
        ("--no-binary other\ngood==1.0\n", vec!["whl"]),
        ("--no-binary :all: --no-binary :none:\ngood==1.0\n", vec!["whl"]),
    ] {
        lab.write("requirements.txt", text);
        let report = lab.check_json(0, &["--at", AT]);
        assert_eq!(files(&report, "pkg:pypi/good@1.0"), expected, "{text}");
    }
    lab.write("requirements.txt", "# nothing\n");
    lab.write(
        "pyproject.toml",
        "[project]\nname = \"x\"\nversion = \"1\"\ndependencies = [\"good<2\"]\n[tool.uv]\nno-binary-package = [\"good\"]\n",
    );
    let report = lab.check_json(0, &["--at", AT, "pyproject.toml"]);
    assert_eq!(files(&report, "pkg:pypi/good@1.0"), ["gz", "whl"]);
}

#[test]
fn what_a_variable_has_built_from_source_is_looked_at_as_source() {
    let mut lab = lab();
    lab.environment.set("PIP_NO_BINARY", "good");
    assert_eq!(files(&lab.check_json(0, &["--at", AT, "pkg:pypi/good@1.0"]), "pkg:pypi/good@1.0"), ["gz"]);
    lab.environment.set("PIP_NO_BINARY", "other");
    lab.environment.set("PIP_ONLY_BINARY", ":all:");
    let run = lab.run(&["check", "--format", "json", "--at", AT, "pkg:pypi/good@1.0"]).expect(0);
    let run = run.complains(&["PIP_ONLY_BINARY is not followed"]);
    assert_eq!(files(&run.report(), "pkg:pypi/good@1.0"), ["whl"]);
}

#[test]
fn an_option_that_is_not_followed_is_in_the_summary() {
    let lab = lab();
    lab.write("requirements.txt", "--only-binary :all:\n--pre\ngood==1.0\n");
    let report = lab.check_json(0, &["--at", AT]);
    let lines = report.0["left_out"].to_string();
    assert!(lines.contains("`--only-binary`") && lines.contains("`--pre`") && lines.contains("requirements.txt"), "{lines}");
}

#[test]
fn nothing_newer_than_the_client_would_see_is_taken() {
    let mut lab = lab();
    lab.write("package.json", "{\"name\":\"p\",\"version\":\"1.0.0\",\"dependencies\":{\"left-pad\":\"^1.0.0\"}}");
    assert_eq!(only(&lab.check_json(0, &["--at", AT, "package.json"])), "pkg:npm/left-pad@1.1.0");
    lab.write(".npmrc", "before=2021-01-01\n");
    assert_eq!(only(&lab.check_json(0, &["--at", AT, "package.json"])), "pkg:npm/left-pad@1.0.0");
    lab.write(".npmrc", "before=soon\n");
    lab.run(&["check", "--at", AT, "package.json"]).expect(2).complains(&["before in", "`soon` is no date"]);

    let project = |more: &str| format!("[project]\nname = \"x\"\nversion = \"1\"\ndependencies = [\"good\"]\n{more}");
    let newest = "pkg:pypi/good@2.0";
    lab.write("sub/pyproject.toml", project(""));
    assert_eq!(only(&lab.check_json(0, &["--at", AT, "sub"])), newest);
    lab.write("sub/pyproject.toml", project("[tool.uv]\nexclude-newer = \"2021-01-01T00:00:00Z\"\n"));
    assert_eq!(only(&lab.check_json(0, &["--at", AT, "sub"])), "pkg:pypi/good@1.0");
    lab.write("sub/pyproject.toml", project("[tool.uv]\nexclude-newer = \"1 week\"\n"));
    let report = lab.check_json(0, &["--at", AT, "sub"]);
    assert!(report.0["left_out"].to_string().contains("limit on the time of uploads"), "{:#}", report.0);

    lab.write("requirements.txt", "--uploaded-prior-to 2021-01-01\ngood\n");
    assert_eq!(only(&lab.check_json(0, &["--at", AT, "requirements.txt"])), "pkg:pypi/good@1.0");
    lab.write("requirements.txt", "good\n");
    assert_eq!(only(&lab.check_json(0, &["--at", AT, "requirements.txt"])), newest);
    lab.environment.set("PIP_UPLOADED_PRIOR_TO", "2021-01-01");
    assert_eq!(only(&lab.check_json(0, &["--at", AT, "requirements.txt"])), "pkg:pypi/good@1.0");
}

#[test]
fn a_range_that_nobody_can_read_is_one_dependency_s_error() {
    let lab = lab();
    lab.write("a/package.json", "{\n\"name\":\"a\",\"version\":\"1.0.0\",\n\"dependencies\":{\"left-pad\":\"not a range!!\"}}");
    lab.write("b/package.json", "{\"name\":\"b\",\"version\":\"1.0.0\",\"dependencies\":{\"left-pad\":\"^1.0.0\"}}");
    let run = lab.run(&["check", "--format", "json", "--at", AT, "."]).expect(2);
    let run = run.complains(&["a/package.json:3: `not a range!!` is not a requirement for pkg:npm/left-pad"]);
    let report = run.report();
    assert_eq!(only(&report), "pkg:npm/left-pad@1.1.0");
    let missing = &report.0["not_evaluated"][0];
    assert_eq!((missing["place"]["path"].as_str(), missing["place"]["line"].as_u64()), (Some("a/package.json"), Some(3)));
}
