//! Lockfiles as the real clients write them. Each client resolves a small tree of ranges against the loopback upstream;
//! the check of what it wrote names every release that it chose, with the right verdict, and notices a byte altered
//! since. A client that this machine lacks is skipped by name.

use crate::lab::{AT, Lab};
use bifocal_core::{Ecosystem, Release};
use bifocal_testkit::{CratePackage, GoModule, Mutation, NpmPackage, PythonPackage, client_or_notice};
use serde_json::json;

/// What a client is asked to do.
struct Client {
    program: &'static str,
    ecosystem: Ecosystem,
    /// The project before it runs.
    files: &'static [(&'static str, &'static str)],
    /// What is run, one after the other.
    runs: &'static [&'static [&'static str]],
    /// What it writes, which alone is checked.
    lockfile: &'static str,
}

const MANIFEST: (&str, &str) =
    ("package.json", r#"{"name":"project","version":"1.0.0","private":true,"dependencies":{"acme-root":"^1.0.0"}}"#);

const CLIENTS: [Client; 5] = [
    Client {
        program: "npm",
        ecosystem: Ecosystem::Npm,
        files: &[MANIFEST],
        runs: &[&["install", "--package-lock-only", "--no-progress"]],
        lockfile: "package-lock.json",
    },
    Client {
        program: "pnpm",
        ecosystem: Ecosystem::Npm,
        files: &[MANIFEST],
        runs: &[&["install", "--lockfile-only"]],
        lockfile: "pnpm-lock.yaml",
    },
    Client {
        program: "uv",
        ecosystem: Ecosystem::Pypi,
        files: &[(
            "pyproject.toml",
            "[project]\nname = \"project\"\nversion = \"1.0.0\"\nrequires-python = \">=3.9\"\ndependencies = [\"acme-root>=1,<2\"]\n",
        )],
        runs: &[&["lock", "--no-python-downloads"]],
        lockfile: "uv.lock",
    },
    Client {
        program: "cargo",
        ecosystem: Ecosystem::Cargo,
        files: &[
            (
                "Cargo.toml",
                "[package]\nname = \"project\"\nversion = \"1.0.0\"\nedition = \"2021\"\n\n[workspace]\n\n[dependencies]\nacme-root = \"1\"\n",
            ),
            ("src/lib.rs", ""),
        ],
        runs: &[&["generate-lockfile"]],
        lockfile: "Cargo.lock",
    },
    Client {
        program: "go",
        ecosystem: Ecosystem::Golang,
        files: &[("go.mod", "module example.com/project\n\ngo 1.20\n"), ("main.go", "package main\n\nfunc main() {}\n")],
        runs: &[&["get", "example.com/acme-root@latest"], &["mod", "download", "all"]],
        lockfile: "go.sum",
    },
];

/// A release of the tree, by the name that it has in an ecosystem.
fn release(ecosystem: Ecosystem, name: &str, version: &str) -> Release {
    match ecosystem {
        Ecosystem::Golang => Release::new(ecosystem, &format!("example.com/{name}"), &format!("v{version}")).unwrap(),
        _ => Release::new(ecosystem, name, version).unwrap(),
    }
}

/// `acme-root` needs a version of `acme-good` below 2 and one of `acme-bad`.
fn publish(lab: &Lab, ecosystem: Ecosystem) {
    let upstream = &lab.upstream;
    match ecosystem {
        Ecosystem::Npm => {
            for version in ["1.0.0", "1.2.0", "2.0.0"] {
                upstream.publish(NpmPackage::new("acme-good", version));
            }
            upstream.publish(NpmPackage::new("acme-bad", "1.0.1"));
            upstream.publish(NpmPackage::new("acme-root", "1.0.0").dependency("acme-good", "^1.0.0").dependency("acme-bad", "1.0.1"));
        }
        Ecosystem::Pypi => {
            for version in ["1.0.0", "1.2.0", "2.0.0"] {
                upstream.publish(PythonPackage::wheel("acme-good", version));
            }
            upstream.publish(PythonPackage::wheel("acme-bad", "1.0.1"));
            upstream.publish(PythonPackage::wheel("acme-root", "1.0.0").requires("acme-good>=1,<2").requires("acme-bad==1.0.1"));
        }
        Ecosystem::Cargo => {
            for version in ["1.0.0", "1.2.0", "2.0.0"] {
                upstream.publish(CratePackage::new("acme-good", version));
            }
            upstream.publish(CratePackage::new("acme-bad", "1.0.1"));
            upstream.publish(CratePackage::new("acme-root", "1.0.0").dependency("acme-good", "^1.0").dependency("acme-bad", "=1.0.1"));
        }
        Ecosystem::Golang => {
            for version in ["v1.0.0", "v1.2.0"] {
                upstream.publish(GoModule::new("example.com/acme-good", version));
            }
            upstream.publish(GoModule::new("example.com/acme-bad", "v1.0.1"));
            let root = GoModule::new("example.com/acme-root", "v1.0.0");
            upstream.publish(root.require("example.com/acme-good", "v1.2.0").require("example.com/acme-bad", "v1.0.1"));
        }
        Ecosystem::Maven => unreachable!("Maven writes no lockfile"),
    }
}

#[test]
fn what_a_real_client_locks_gets_its_verdicts() {
    for client in CLIENTS {
        let Some(program) = client_or_notice(client.program, "what_a_real_client_locks_gets_its_verdicts") else { continue };
        let lab = Lab::new();
        publish(&lab, client.ecosystem);
        for (name, text) in client.files {
            lab.write(name, text);
        }
        for arguments in client.runs {
            let output = lab.environment.command(&program).args(*arguments).current_dir(lab.project()).output().unwrap();
            let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
            assert!(output.status.success(), "{} {arguments:?}: {said}", client.program);
        }
        let [root, good, bad] = [("acme-root", "1.0.0"), ("acme-good", "1.2.0"), ("acme-bad", "1.0.1")]
            .map(|(name, version)| release(client.ecosystem, name, version));
        lab.load_advisories_of(client.ecosystem.as_str(), &[json!({
            "schema_version": "1.7.0", "id": "MAL-2026-9", "modified": "2026-11-20T00:00:00Z", "published": "2026-11-20T00:00:00Z",
            "summary": "Malicious code",
            "affected": [{ "package": { "ecosystem": client.ecosystem.osv_name(), "name": bad.package.as_str() }, "versions": [bad.version.trim_start_matches('v')] }],
        })]);
        let report = lab.check_json(1, &["--at", AT, client.lockfile]);
        let mut found: Vec<&str> = report.releases().iter().map(|one| one["purl"].as_str().unwrap()).collect();
        found.sort_unstable();
        let mut wanted = [root.purl(), good.purl(), bad.purl()];
        wanted.sort_unstable();
        assert_eq!(found, wanted, "{}", client.program);
        assert_eq!(report.named(), [bad.purl()], "{}", client.program);
        assert_eq!(report.verdict(&bad.purl()), "deny");
        for one in report.releases() {
            assert!(!one["artifacts"].as_array().unwrap().is_empty(), "{}: nothing was looked at: {one:#}", client.program);
        }
        // Since then one byte changed in what the upstream serves.
        let altered = lab.upstream.mutate(7, Mutation::Byte, std::slice::from_ref(&good));
        assert_eq!(altered.release, good);
        let report = lab.check_json(1, &["--at", AT, "--no-cache", client.lockfile]);
        assert_eq!(report.rules(&good.purl()), ["digest-mismatch"], "{}", client.program);
        assert_eq!(report.verdict(&root.purl()), "allow", "{}", client.program);
    }
}
