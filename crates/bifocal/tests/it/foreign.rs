//! Files that name a registry which the user's own clients do not use: an error where no digest ties the bytes.

use crate::lab::{AT, Lab, Run};
use bifocal_core::{Ecosystem, Release};
use bifocal_testkit::{CratePackage, MavenPackage, NpmPackage, PythonPackage};

const EVIL: &str = "https://evil.example.com/simple";

fn lab() -> Lab {
    let mut lab = Lab::new();
    lab.upstream.publish(NpmPackage::new("left-pad", "1.3.0").file("index.js", "module.exports = 1;\n"));
    lab.upstream.publish(PythonPackage::wheel("good", "1.0"));
    lab.upstream.publish(CratePackage::new("good", "1.0.0"));
    lab.upstream.publish(MavenPackage::new("g:good", "1.0"));
    // Variables would win over the files of the project.
    for name in ["npm_config_registry", "UV_DEFAULT_INDEX"] {
        lab.environment.unset(name);
    }
    lab
}

#[track_caller]
fn refused(run: Run) {
    run.expect(3).says(&["evil.example.com", "none of the configured upstreams", "configure that registry"]);
}

#[test]
fn an_index_in_a_requirements_file_has_to_be_the_users() {
    let lab = lab();
    let own = lab.upstream.pypi_url();
    for option in ["--index-url", "--extra-index-url", "--find-links", "-i", "-f", "--no-binary :all: --extra-index-url"] {
        lab.write("requirements.txt", format!("good==1.0\n{option} {EVIL}\n"));
        refused(lab.run(&["check", "requirements.txt", "--at", AT]));
        lab.write("requirements.txt", format!("good==1.0\n{option} {own}\n"));
        lab.run(&["check", "requirements.txt", "--at", AT]).expect(0);
    }
    // A digest ties the bytes, wherever they come from.
    let release = Release::new(Ecosystem::Pypi, "good", "1.0").unwrap();
    lab.write("requirements.txt", format!("--index-url {EVIL}\n{}", lab.upstream.requirements_txt(&[release])));
    lab.run(&["check", "requirements.txt", "--at", AT]).expect(0);
}

#[test]
fn a_package_that_only_the_foreign_index_has_is_said_to_come_from_there() {
    let lab = lab();
    lab.write("requirements.txt", format!("inner-tool==1.0\n--index-url {EVIL}\n"));
    refused(lab.run(&["check", "requirements.txt", "--at", AT]));
}

#[test]
fn python_lockfiles_and_projects_name_indexes_too() {
    let lab = lab();
    let own = lab.upstream.pypi_url();
    for (file, text) in [
        (
            "uv.lock",
            "version = 1\nrequires-python = '>=3.8'\n[[package]]\nname = 'good'\nversion = '1.0'\nsource = { registry = 'INDEX' }\n",
        ),
        (
            "poetry.lock",
            "[[package]]\nname = 'good'\nversion = '1.0'\n[package.source]\ntype = 'legacy'\nurl = 'INDEX'\nreference = 'x'\n[metadata]\nlock-version = '2.0'\n",
        ),
        (
            "Pipfile.lock",
            "{\"_meta\": {\"pipfile-spec\": 6, \"sources\": [{\"name\": \"x\", \"url\": \"INDEX\"}]}, \"default\": {\"good\": {\"version\": \"==1.0\"}}}",
        ),
        ("pyproject.toml", "[project]\nname = 'p'\ndependencies = ['good==1.0']\n[[tool.poetry.source]]\nname = 'x'\nurl = 'INDEX'\n"),
    ] {
        lab.write(file, text.replace("INDEX", EVIL));
        refused(lab.run(&["check", file, "--at", AT]));
        lab.write(file, text.replace("INDEX", &own));
        lab.run(&["check", file, "--at", AT]).expect(0);
        std::fs::remove_file(lab.project().join(file)).unwrap();
    }
}

#[test]
fn a_project_that_configures_its_own_client_needs_a_digest() {
    let lab = lab();
    lab.write("web/package.json", "{\"dependencies\": {\"left-pad\": \"^1.3.0\"}}");
    lab.run(&["check", "web", "--at", AT]).expect(0);
    // npm run in that folder goes there; Bifocal, run above it, would have asked the user's registry.
    lab.write("web/.npmrc", format!("registry={EVIL}\n"));
    refused(lab.run(&["check", "web", "--at", AT]));
    lab.write("web/.npmrc", format!("registry={}\n", lab.upstream.npm_url()));
    lab.run(&["check", "web", "--at", AT]).expect(0);
    lab.write("web/.npmrc", format!("registry={EVIL}\n"));
    let release = Release::new(Ecosystem::Npm, "left-pad", "1.3.0").unwrap();
    lab.write("web/package-lock.json", lab.upstream.package_lock(std::slice::from_ref(&release)));
    lab.run(&["check", "web/package-lock.json", "--at", AT]).expect(3).says(&["package.json", "left-pad"]);
    lab.write("web/package.json", "{\"dependencies\": {\"left-pad\": \"1.3.0\"}}");
    lab.run(&["check", "web/package-lock.json", "--at", AT]).expect(0);
}

#[test]
fn a_registry_that_the_project_alone_names_is_said_to_be() {
    let mut lab = lab();
    // The same upstream, but nobody except the project says so.
    let own = lab.upstream.npm_url();
    lab.environment.write("home/.npmrc", "audit=false\n");
    lab.write("package.json", "{\"dependencies\": {\"left-pad\": \"^1.3.0\"}}");
    lab.write(".npmrc", format!("registry={own}\n"));
    lab.write(".npmrc", format!("registry={own}\n//{}:_authToken=${{TOK}}\n", own.trim_start_matches("http://")));
    lab.environment.set("TOK", "s3cret");
    lab.run(&["check", "package.json", "--at", AT]).expect(3).says(&["none of the configured upstreams", "it is not asked"]);
    lab.run(&["check", "pkg:npm/left-pad@1.3.0", "--at", AT]).expect(3).says(&["it is not asked"]);
    assert_eq!(lab.upstream.log().len(), 0, "a project's file had a host contacted");
    lab.environment.write("home/.npmrc", &format!("//{}:_authToken=mine\n", own.trim_start_matches("http://")));
    lab.run(&["check", "package.json", "--at", AT]).expect(0);
    lab.environment.write("home/.npmrc", "audit=false\n");
    lab.environment.set("npm_config_registry", &own);
    lab.run(&["check", "package.json", "--at", AT]).expect(0);
}

#[test]
fn cargo_registries_of_the_project_have_to_be_the_users() {
    let lab = lab();
    let manifest =
        |more: &str| format!("[package]\nname = 'p'\nversion = '1.0.0'\n[dependencies]\ngood = {{ version = '=1.0.0'{more} }}\n");
    lab.write("Cargo.toml", manifest(""));
    lab.run(&["check", "Cargo.toml", "--at", AT]).expect(0);
    lab.write("Cargo.toml", manifest(", registry-index = 'sparse+https://evil.example.com/'"));
    refused(lab.run(&["check", "Cargo.toml", "--at", AT]));
    lab.write("Cargo.toml", manifest(", registry = 'elsewhere'"));
    lab.run(&["check", "Cargo.toml", "--at", AT]).expect(3).says(&["registry `elsewhere`"]);
    let lock = |source: &str| format!("version = 4\n[[package]]\nname = 'good'\nversion = '1.0.0'\nsource = '{source}'\n");
    lab.write("Cargo.lock", lock("sparse+https://evil.example.com/"));
    std::fs::remove_file(lab.project().join("Cargo.toml")).unwrap();
    refused(lab.run(&["check", "Cargo.lock", "--at", AT]));
    let release = Release::new(Ecosystem::Cargo, "good", "1.0.0").unwrap();
    let whole = lab.upstream.cargo_lock(std::slice::from_ref(&release));
    let default: String = whole.lines().filter(|line| !line.starts_with("checksum")).map(|line| format!("{line}\n")).collect();
    lab.write("Cargo.lock", default);
    lab.run(&["check", "Cargo.lock", "--at", AT]).expect(0);
}

#[test]
fn repositories_of_a_pom_have_to_be_the_users_or_mirrored() {
    let lab = lab();
    let pom = |url: &str| {
        format!(
            "<project><modelVersion>4.0.0</modelVersion><groupId>x</groupId><artifactId>p</artifactId><version>1</version><repositories><repository><id>theirs</id><url>{url}</url></repository></repositories><dependencies><dependency><groupId>g</groupId><artifactId>good</artifactId><version>1.0</version></dependency></dependencies></project>"
        )
    };
    lab.write("pom.xml", pom(EVIL));
    // A mirror over everything decides where Maven goes.
    lab.run(&["check", "pom.xml", "--at", AT]).expect(0);
    let own = lab.upstream.maven_url();
    let settings = format!(
        "<settings><profiles><profile><id>p</id><activation><activeByDefault>true</activeByDefault></activation><repositories><repository><id>central</id><url>{own}</url></repository></repositories></profile></profiles></settings>"
    );
    lab.environment.write("home/.m2/settings.xml", &settings);
    refused(lab.run(&["check", "pom.xml", "--at", AT]));
    lab.write("pom.xml", pom(&own));
    lab.run(&["check", "pom.xml", "--at", AT]).expect(0);
}

#[test]
fn a_tarball_of_another_package_is_not_taken_for_this_one() {
    let lab = lab();
    let own = lab.upstream.npm_url();
    let lock = |resolved: &str| {
        format!(
            "{{\"lockfileVersion\":3,\"packages\":{{\"node_modules/left-pad\":{{\"version\":\"1.3.0\",\"resolved\":\"{resolved}\"}}}}}}"
        )
    };
    lab.write("package-lock.json", lock(&format!("{own}left-pad/-/left-pad-1.3.0.tgz")));
    lab.run(&["check", "package-lock.json", "--at", AT]).expect(0);
    lab.write("package-lock.json", lock(&format!("{own}evil/-/evil-1.0.0.tgz")));
    lab.run(&["check", "package-lock.json", "--at", AT]).expect(3).says(&["evil/-/evil-1.0.0.tgz"]);
}

#[test]
fn wrong_hashes_in_one_file_are_not_excused_by_right_ones_in_another() {
    let lab = lab();
    let release = Release::new(Ecosystem::Pypi, "good", "1.0").unwrap();
    lab.write("requirements.txt", lab.upstream.requirements_txt(&[release]));
    lab.write("sub/requirements.txt", format!("--index-url {EVIL}\ngood==1.0 --hash=sha256:{}\n", "0".repeat(64)));
    let report = lab.check_json(1, &["--at", AT]);
    assert_eq!(report.rules("pkg:pypi/good@1.0"), ["digest-mismatch"]);
}
