//! Each fixture folder is read whole and compared with its snapshot.

use bifocal_core::Inventory;
use bifocal_readers::{Coordinates, Folder, PomError, PomSource, PythonEnvironment, READERS, ReadContext, read};
use std::path::{Path, PathBuf};

/// POMs kept in a folder as `artifact-version.pom`.
pub(crate) struct Repository(pub(crate) PathBuf);

impl PomSource for Repository {
    fn pom(&self, coordinates: &Coordinates) -> Result<Vec<u8>, PomError> {
        std::fs::read(self.0.join(format!("{}-{}.pom", coordinates.artifact, coordinates.version))).map_err(|_| PomError::NotFound)
    }

    fn versions(&self, _group: &str, artifact: &str) -> Result<Vec<String>, PomError> {
        if artifact == "ranged" { Ok(["0.9", "1.5", "1.0", "2.0"].map(str::to_owned).to_vec()) } else { Err(PomError::NotFound) }
    }
}

pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

/// The file that a case is about.
pub(crate) fn entry(id: &str) -> &'static str {
    match id {
        "package-lock" => "package-lock.json",
        "yarn-lock-v1" | "yarn-berry" => "yarn.lock",
        "pnpm-lock" => "pnpm-lock.yaml",
        "package-json" => "package.json",
        "requirements" => "requirements.txt",
        "poetry-lock" => "poetry.lock",
        "uv-lock" => "uv.lock",
        "pipfile-lock" => "Pipfile.lock",
        "pdm-lock" => "pdm.lock",
        "pyproject" => "pyproject.toml",
        "cargo-lock" => "Cargo.lock",
        "cargo-toml" => "Cargo.toml",
        "pom" => "pom.xml",
        "gradle-lockfile" => "gradle.lockfile",
        "go-mod" => "go.mod",
        "go-sum" => "go.sum",
        "go-work" => "go.work",
        "cyclonedx" => "bom.json",
        "spdx" => "sbom.spdx.json",
        other => panic!("no entry for {other}"),
    }
}

fn read_case(id: &str, case: &Path) -> Inventory {
    let files = Folder::new(case).unwrap();
    let poms = Repository(case.join("repository"));
    let mut ctx = ReadContext::new(&files);
    ctx.poms = Some(&poms);
    ctx.python = Some(PythonEnvironment::linux("3.12.4"));
    let bytes = std::fs::read(case.join(entry(id))).unwrap();
    read(entry(id), &bytes, &ctx).unwrap_or_else(|error| panic!("{id}: {error}"))
}

#[test]
fn every_fixture_reads_as_its_snapshot() {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        for reader in READERS {
            let mut cases: Vec<PathBuf> = std::fs::read_dir(folder().join(reader.id)).unwrap().map(|entry| entry.unwrap().path()).collect();
            cases.sort();
            for case in cases {
                let name = format!("{}-{}", reader.id, case.file_name().unwrap().to_str().unwrap());
                let inventory = read_case(reader.id, &case);
                assert_eq!(inventory.kind, reader.kind, "{name}");
                insta::assert_json_snapshot!(name, inventory);
            }
        }
    });
}

#[test]
fn no_fixture_secret_reaches_an_inventory() {
    for reader in READERS {
        for case in std::fs::read_dir(folder().join(reader.id)).unwrap() {
            let text = serde_json::to_string(&read_case(reader.id, &case.unwrap().path())).unwrap();
            for secret in ["secret", "user:", ":pw", "token"] {
                assert!(!text.contains(secret), "{}: {secret}", reader.id);
            }
        }
    }
}

#[test]
fn the_same_bytes_give_the_same_inventory() {
    for reader in READERS {
        for case in std::fs::read_dir(folder().join(reader.id)).unwrap() {
            let case = case.unwrap().path();
            assert_eq!(read_case(reader.id, &case), read_case(reader.id, &case), "{}", reader.id);
        }
    }
}

#[test]
fn a_file_cut_anywhere_is_read_or_refused_and_never_panics() {
    for reader in READERS {
        for case in std::fs::read_dir(folder().join(reader.id)).unwrap() {
            let case = case.unwrap().path();
            let files = Folder::new(&case).unwrap();
            let ctx = ReadContext::new(&files);
            let bytes = std::fs::read(case.join(entry(reader.id))).unwrap();
            for cut in (0..bytes.len()).step_by(7) {
                if let Err(error) = bifocal_readers::read_as(reader.id, entry(reader.id), &bytes[..cut], &ctx) {
                    assert!(!error.to_string().is_empty());
                }
                let mut altered = bytes.clone();
                altered[cut] = altered[cut].wrapping_add(13);
                let _ = bifocal_readers::read_as(reader.id, entry(reader.id), &altered, &ctx);
            }
        }
    }
}

#[test]
fn every_range_is_one_that_versions_understand() {
    for reader in READERS {
        for case in std::fs::read_dir(folder().join(reader.id)).unwrap() {
            for dependency in read_case(reader.id, &case.unwrap().path()).dependencies {
                if let bifocal_core::Requested::Range { package, requirement } = dependency.requested {
                    // A dist-tag is no range.
                    let understood =
                        requirement == "next" || bifocal_versions::Requirement::parse(package.ecosystem(), &requirement).is_ok();
                    assert!(understood, "{}: {package} {requirement:?}", reader.id);
                }
            }
        }
    }
}
