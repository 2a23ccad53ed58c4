//! Projects for a selection of releases: the lockfiles and manifests of five ecosystems, as their clients write them.

use crate::catalogue::{Catalogue, newest};
use crate::package::Package as _;
use crate::package::maven::halves;
use crate::upstream::Upstream;
use bifocal_core::{Ecosystem, PackageName, Release};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

impl Upstream {
    /// The given releases and all that they need: for each needed name that is not among them, the newest version that
    /// the catalogue has (requirements are not weighed). Needs that the catalogue has not are left out.
    pub fn closure(&self, roots: &[Release]) -> Vec<Release> {
        self.read(|catalogue| {
            let mut chosen: BTreeMap<PackageName, BTreeSet<String>> = BTreeMap::new();
            for root in roots {
                chosen.entry(root.package.clone()).or_default().insert(root.version.clone());
            }
            let mut open = roots.to_vec();
            while let Some(release) = open.pop() {
                for need in needs(catalogue, &release) {
                    if chosen.contains_key(&need) {
                        continue;
                    }
                    let versions = catalogue.versions(&need);
                    if let Some(version) = newest(versions.iter().map(String::as_str)) {
                        let found = Release::of(need.clone(), version).expect("a published version");
                        chosen.entry(need).or_default().insert(found.version.clone());
                        open.push(found);
                    }
                }
            }
            let pairs =
                chosen.into_iter().flat_map(|(package, versions)| versions.into_iter().map(move |version| (package.clone(), version)));
            pairs.map(|(package, version)| Release::of(package, &version).expect("a published version")).collect()
        })
    }

    /// Writes a project into `dir` that locks exactly these releases, for every ecosystem among them, and gives the paths
    /// of the files that name releases (lockfiles, requirements.txt, pom.xml, go.sum).
    ///
    /// # Panics
    /// When a release is not in the catalogue, or `dir` cannot be written.
    pub fn write_project(&self, dir: &Path, releases: &[Release]) -> Vec<std::path::PathBuf> {
        let mut written = Vec::new();
        fs::create_dir_all(dir).expect("a project folder");
        let mut put = |name: &str, text: String, names_releases: bool| {
            fs::write(dir.join(name), text).expect("a file of the project");
            if names_releases {
                written.push(dir.join(name));
            }
        };
        for ecosystem in Ecosystem::ALL {
            let chosen: Vec<Release> = releases.iter().filter(|one| one.ecosystem() == ecosystem).cloned().collect();
            if chosen.is_empty() {
                continue;
            }
            match ecosystem {
                Ecosystem::Npm => {
                    put("package.json", package_json(&chosen), false);
                    put("package-lock.json", self.package_lock(&chosen), true);
                }
                Ecosystem::Pypi => {
                    put("requirements.txt", self.requirements_txt(&chosen), true);
                    put("uv.lock", self.uv_lock(&chosen), true);
                }
                Ecosystem::Maven => put("pom.xml", self.pom_xml(&chosen), true),
                Ecosystem::Cargo => {
                    put("Cargo.toml", cargo_toml(&chosen), false);
                    put("Cargo.lock", self.cargo_lock(&chosen), true);
                    fs::create_dir_all(dir.join("src")).expect("a project folder");
                    put("src/lib.rs", String::new(), false);
                }
                Ecosystem::Golang => {
                    put("go.mod", go_mod(&chosen), false);
                    put("go.sum", self.go_sum(&chosen), true);
                    put("main.go", "package main\n\nfunc main() {}\n".to_owned(), false);
                }
            }
        }
        written
    }

    /// A package-lock.json (version 3). The project depends on every release; a second version of a name is nested
    /// under the project's first other dependency that needs that name, else under its first other dependency.
    ///
    /// # Panics
    /// When a release is not in the catalogue.
    pub fn package_lock(&self, releases: &[Release]) -> String {
        let registry = self.npm_url();
        self.read(|catalogue| {
            let mut packages = Map::new();
            let root: Value = serde_json::from_str(&package_json(releases)).expect("JSON");
            packages.insert(String::new(), root);
            let mut taken = BTreeSet::new();
            for release in releases {
                let (name, version) = (release.package.as_str(), &release.version);
                let one = catalogue.npm(name, version).unwrap_or_else(|| panic!("{release} is not in the catalogue"));
                let place = if taken.insert(name) {
                    format!("node_modules/{name}")
                } else {
                    let others = releases.iter().filter(|other| other.package != release.package);
                    let host = others
                        .clone()
                        .find(|other| needs(catalogue, other).contains(&release.package))
                        .or_else(|| others.clone().next())
                        .unwrap_or_else(|| panic!("{name} twice needs another package to nest under"));
                    format!("node_modules/{}/node_modules/{name}", host.package.as_str())
                };
                let artifact = one.artifact();
                let mut entry = json!({
                    "version": version,
                    "resolved": format!("{registry}{name}/-/{}", artifact.filename()),
                    "integrity": artifact.integrity(),
                    "license": "MIT",
                });
                for table in ["dependencies", "optionalDependencies", "peerDependencies", "bin", "engines"] {
                    if let Some(value) = one.manifest().get(table) {
                        entry[table] = value.clone();
                    }
                }
                if one.has_install_script() {
                    entry["hasInstallScript"] = true.into();
                }
                packages.insert(place, entry);
            }
            let lock = json!({"name": "project", "version": "1.0.0", "lockfileVersion": 3, "requires": true, "packages": packages});
            serde_json::to_string_pretty(&lock).expect("JSON") + "\n"
        })
    }

    /// A requirements.txt with the hashes of every file of each release.
    ///
    /// # Panics
    /// When a release is not in the catalogue.
    pub fn requirements_txt(&self, releases: &[Release]) -> String {
        self.read(|catalogue| {
            let mut out = String::new();
            for release in releases {
                out.push_str(&format!("{}=={}", release.package.as_str(), release.version));
                for artifact in files(catalogue, release) {
                    out.push_str(&format!(" \\\n    --hash=sha256:{}", artifact.sha256_hex()));
                }
                out.push('\n');
            }
            out
        })
    }

    /// A uv.lock.
    ///
    /// # Panics
    /// When a release is not in the catalogue.
    pub fn uv_lock(&self, releases: &[Release]) -> String {
        let index = self.pypi_url();
        let index = index.trim_end_matches('/');
        self.read(|catalogue| {
            let names: BTreeSet<&PackageName> = releases.iter().map(|one| &one.package).collect();
            let list = |needs: &mut dyn Iterator<Item = String>| -> String {
                let lines: String = needs.map(|name| format!("    {{ name = \"{name}\" }},\n")).collect();
                if lines.is_empty() { String::new() } else { format!("dependencies = [\n{lines}]\n") }
            };
            let mut out = String::from("version = 1\nrevision = 2\nrequires-python = \">=3.8\"\n");
            out.push_str("\n[[package]]\nname = \"project\"\nversion = \"1.0.0\"\nsource = { virtual = \".\" }\n");
            out.push_str(&list(&mut names.iter().map(|one| one.as_str().to_owned())));
            for release in releases {
                let (name, version) = (release.package.as_str(), &release.version);
                out.push_str(&format!(
                    "\n[[package]]\nname = \"{name}\"\nversion = \"{version}\"\nsource = {{ registry = \"{index}\" }}\n"
                ));
                let needed = needs(catalogue, release).into_iter().filter(|need| names.contains(need));
                out.push_str(&list(&mut needed.map(|need| need.as_str().to_owned())));
                let mut wheels = String::new();
                let all = catalogue.python(name, version);
                assert!(!all.is_empty(), "{release} is not in the catalogue");
                for one in all {
                    let artifact = one.artifact();
                    let sha256 = artifact.sha256_hex();
                    let url = format!("{}/pypi/files/{}/{}", self.url(), &sha256[..12], artifact.filename());
                    let time = one.published_at().map_or(String::new(), |at| format!(", upload-time = \"{at:.6}\""));
                    let line = format!("{{ url = \"{url}\", hash = \"sha256:{sha256}\", size = {}{time} }}", artifact.size());
                    if one.is_wheel() {
                        wheels.push_str(&format!("    {line},\n"));
                    } else {
                        out.push_str(&format!("sdist = {line}\n"));
                    }
                }
                if !wheels.is_empty() {
                    out.push_str(&format!("wheels = [\n{wheels}]\n"));
                }
            }
            out
        })
    }

    /// A Cargo.lock (version 4) that names cargo's default index, as source replacement leaves it.
    ///
    /// # Panics
    /// When a release is not in the catalogue.
    pub fn cargo_lock(&self, releases: &[Release]) -> String {
        let source = default_cargo_source();
        self.read(|catalogue| {
            let mut count: BTreeMap<&str, usize> = BTreeMap::new();
            for release in releases {
                *count.entry(release.package.as_str()).or_default() += 1;
            }
            let spelled =
                |name: &str, version: &str| if count.get(name) == Some(&1) { name.to_owned() } else { format!("{name} {version}") };
            let mut blocks: BTreeMap<(String, String), String> = BTreeMap::new();
            let list = |mut needs: Vec<String>| -> String {
                needs.sort();
                let lines: String = needs.iter().map(|need| format!(" \"{need}\",\n")).collect();
                if lines.is_empty() { String::new() } else { format!("dependencies = [\n{lines}]\n") }
            };
            let all = list(releases.iter().map(|one| spelled(one.package.as_str(), &one.version)).collect());
            blocks.insert(("project".to_owned(), "1.0.0".to_owned()), format!("name = \"project\"\nversion = \"1.0.0\"\n{all}"));
            for release in releases {
                let (name, version) = (release.package.as_str(), &release.version);
                let one = catalogue.krate(name, version).unwrap_or_else(|| panic!("{release} is not in the catalogue"));
                let needed = needs(catalogue, release).into_iter().filter_map(|need| {
                    // Where several versions were chosen, the highest is taken.
                    releases.iter().filter(|other| other.package == need).max_by(|a, b| crate::order::compare(&a.version, &b.version))
                });
                let needed = list(needed.map(|need| spelled(need.package.as_str(), &need.version)).collect());
                let checksum = one.artifact().sha256_hex();
                let block =
                    format!("name = \"{name}\"\nversion = \"{version}\"\nsource = \"{source}\"\nchecksum = \"{checksum}\"\n{needed}");
                blocks.insert((name.to_owned(), version.clone()), block);
            }
            let mut out =
                String::from("# This file is automatically @generated by Cargo.\n# It is not intended for manual editing.\nversion = 4\n");
            for block in blocks.values() {
                out.push_str(&format!("\n[[package]]\n{block}"));
            }
            out
        })
    }

    /// A pom.xml that depends on every release at its exact version.
    ///
    /// # Panics
    /// When a release is not in the catalogue.
    pub fn pom_xml(&self, releases: &[Release]) -> String {
        self.read(|catalogue| {
            let mut out = String::from(
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<project>\n  <modelVersion>4.0.0</modelVersion>\n  <groupId>org.example</groupId>\n  <artifactId>project</artifactId>\n  <version>1.0.0</version>\n  <dependencies>\n",
            );
            for release in releases {
                let (group, artifact) = halves(release.package.as_str());
                let is_pom = files(catalogue, release)[0].filename().ends_with(".pom");
                let kind = if is_pom { "<type>pom</type>" } else { "" };
                out.push_str(&format!(
                    "    <dependency><groupId>{group}</groupId><artifactId>{artifact}</artifactId><version>{}</version>{kind}</dependency>\n",
                    release.version
                ));
            }
            out.push_str("  </dependencies>\n</project>\n");
            out
        })
    }

    /// A go.sum with the digests of the zip and the go.mod of every release.
    ///
    /// # Panics
    /// When a release is not in the catalogue.
    pub fn go_sum(&self, releases: &[Release]) -> String {
        self.read(|catalogue| {
            let mut lines = BTreeSet::new();
            for release in releases {
                let artifacts = files(catalogue, release);
                let name = format!("{} {}", release.package.as_str(), release.version);
                for (artifact, suffix) in artifacts.iter().zip(["", "/go.mod"]) {
                    lines.insert(format!("{name}{suffix} {}\n", artifact.go_h1().expect("a digest of a module")));
                }
            }
            lines.into_iter().collect()
        })
    }
}

/// The source that a Cargo.lock names for cargo's default index. The name is that of the ecosystem in advisories.
fn default_cargo_source() -> String {
    format!("registry+https://github.com/rust-lang/{}-index", Ecosystem::Cargo.osv_name())
}

fn files<'a>(catalogue: &'a Catalogue, release: &Release) -> Vec<&'a crate::Artifact> {
    let found = catalogue.artifacts(release);
    assert!(!found.is_empty(), "{release} is not in the catalogue");
    found
}

fn package_json(releases: &[Release]) -> String {
    let mut dependencies = Map::new();
    for release in releases {
        dependencies.entry(release.package.as_str()).or_insert_with(|| release.version.as_str().into());
    }
    let document = json!({"name": "project", "version": "1.0.0", "private": true, "dependencies": dependencies});
    serde_json::to_string_pretty(&document).expect("JSON") + "\n"
}

fn cargo_toml(releases: &[Release]) -> String {
    let mut out = String::from("[package]\nname = \"project\"\nversion = \"1.0.0\"\nedition = \"2021\"\n\n[workspace]\n\n[dependencies]\n");
    let mut seen = BTreeMap::new();
    for release in releases {
        let number = seen.entry(release.package.as_str()).or_insert(0_u32);
        let (name, version) = (release.package.as_str(), &release.version);
        if *number == 0 {
            out.push_str(&format!("{name} = \"={version}\"\n"));
        } else {
            out.push_str(&format!("{name}-{number} = {{ package = \"{name}\", version = \"={version}\" }}\n"));
        }
        *number += 1;
    }
    out
}

fn go_mod(releases: &[Release]) -> String {
    let lines: String = releases.iter().map(|one| format!("\t{} {}\n", one.package.as_str(), one.version)).collect();
    format!("module example.com/project\n\ngo 1.20\n\nrequire (\n{lines})\n")
}

/// The names that a release needs at run time.
fn needs(catalogue: &Catalogue, release: &Release) -> BTreeSet<PackageName> {
    let (name, version) = (release.package.as_str(), release.version.as_str());
    let names: Vec<String> = match release.ecosystem() {
        Ecosystem::Npm => {
            catalogue.npm(name, version).map(|one| one.table("dependencies")).unwrap_or_default().into_iter().map(|(key, _)| key).collect()
        }
        Ecosystem::Pypi => {
            let requirements = catalogue.python(name, version).into_iter().flat_map(|one| one.requirements());
            let plain = requirements.filter(|text| !text.contains("extra =="));
            plain.map(|text| text.chars().take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')).collect()).collect()
        }
        Ecosystem::Maven => catalogue.maven(name, version).map(|one| one.needs()).unwrap_or_default(),
        Ecosystem::Cargo => {
            let all = catalogue.krate(name, version).map(|one| one.dependencies.as_slice()).unwrap_or_default();
            all.iter().filter(|one| one.is_always()).map(|one| one.wanted().0.to_owned()).collect()
        }
        Ecosystem::Golang => {
            let all = catalogue.go(name, version).map(|one| one.requires.as_slice()).unwrap_or_default();
            all.iter().map(|(module, _)| module.clone()).collect()
        }
    };
    names.iter().map(|name| PackageName::new(release.ecosystem(), name).expect("a usable dependency name")).collect()
}
