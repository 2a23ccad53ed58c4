//! Crates: a `.crate` with its Cargo.toml, and the line that the sparse index has for it.

use super::{DEFAULT_DATE, Package, shared_dates, shared_methods, time};
use crate::Artifact;
use crate::pack::{Files, tar_gz};
use bifocal_core::{Ecosystem, Release};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// One dependency of a crate.
#[derive(Debug, Clone)]
pub struct CrateDependency {
    name: String,
    package: Option<String>,
    requirement: String,
    kind: &'static str,
    optional: bool,
    default_features: bool,
    features: Vec<String>,
    target: Option<String>,
}

impl CrateDependency {
    /// A normal dependency on a requirement (`^1.2`).
    pub fn new(name: &str, requirement: &str) -> Self {
        CrateDependency {
            name: name.to_owned(),
            package: None,
            requirement: requirement.to_owned(),
            kind: "normal",
            optional: false,
            default_features: true,
            features: Vec::new(),
            target: None,
        }
    }

    /// For the build script.
    pub fn build(mut self) -> Self {
        self.kind = "build";
        self
    }

    /// For tests.
    pub fn dev(mut self) -> Self {
        self.kind = "dev";
        self
    }

    /// Only with a feature.
    pub fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    /// Without default features.
    pub fn no_default_features(mut self) -> Self {
        self.default_features = false;
        self
    }

    /// With a feature.
    pub fn feature(mut self, name: &str) -> Self {
        self.features.push(name.to_owned());
        self
    }

    /// For one target only (`cfg(windows)`).
    pub fn target(mut self, target: &str) -> Self {
        self.target = Some(target.to_owned());
        self
    }

    /// Under another name in the code: `name` stays the alias, `package` is the crate.
    pub fn package(mut self, package: &str) -> Self {
        self.package = Some(package.to_owned());
        self
    }

    /// The crate that is meant, and the requirement on it.
    pub(crate) fn wanted(&self) -> (&str, &str) {
        (self.package.as_deref().unwrap_or(&self.name), &self.requirement)
    }

    /// Whether every build of the crate needs it.
    pub(crate) fn is_always(&self) -> bool {
        self.kind != "dev" && !self.optional
    }

    fn index(&self) -> Value {
        let mut out = json!({
            "name": self.name, "req": self.requirement, "features": self.features, "optional": self.optional,
            "default_features": self.default_features, "target": self.target, "kind": self.kind,
        });
        if let Some(package) = &self.package {
            out["package"] = package.as_str().into();
        }
        out
    }

    fn toml(&self) -> String {
        let table = match self.kind {
            "build" => "build-dependencies",
            "dev" => "dev-dependencies",
            _ => "dependencies",
        };
        let prefix = self.target.as_ref().map_or(String::new(), |target| format!("target.'{target}'."));
        let mut out = format!("[{prefix}{table}.{}]\nversion = \"{}\"\n", self.name, self.requirement);
        if let Some(package) = &self.package {
            out.push_str(&format!("package = \"{package}\"\n"));
        }
        if self.optional {
            out.push_str("optional = true\n");
        }
        if !self.default_features {
            out.push_str("default-features = false\n");
        }
        if !self.features.is_empty() {
            out.push_str(&format!("features = {:?}\n", self.features));
        }
        out.push('\n');
        out
    }
}

/// Builder of one crate release.
#[derive(Debug, Clone)]
pub struct CratePackage {
    name: String,
    version: String,
    files: Files,
    pub(crate) dependencies: Vec<CrateDependency>,
    features: BTreeMap<String, Vec<String>>,
    repository: Option<String>,
    description: String,
    published: Option<Timestamp>,
    pub(crate) yanked: bool,
    pub(crate) publisher: Option<String>,
    pub(crate) owners: Vec<String>,
}

impl CratePackage {
    /// A library crate with an empty `src/lib.rs`.
    pub fn new(name: &str, version: &str) -> Self {
        CratePackage {
            name: name.to_owned(),
            version: version.to_owned(),
            files: Files::from([("src/lib.rs".to_owned(), Vec::new())]),
            dependencies: Vec::new(),
            features: BTreeMap::new(),
            repository: None,
            description: format!("The {name} crate"),
            published: Some(time(DEFAULT_DATE)),
            yanked: false,
            publisher: None,
            owners: Vec::new(),
        }
    }

    shared_methods!();

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The version.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Adds a normal dependency.
    pub fn dependency(self, name: &str, requirement: &str) -> Self {
        self.dependency_with(CrateDependency::new(name, requirement))
    }

    /// Adds a dependency of any kind.
    pub fn dependency_with(mut self, dependency: CrateDependency) -> Self {
        self.dependencies.push(dependency);
        self
    }

    /// Declares a feature.
    pub fn feature(mut self, name: &str, enables: &[&str]) -> Self {
        self.features.insert(name.to_owned(), enables.iter().map(|one| (*one).to_owned()).collect());
        self
    }

    /// Adds a build script.
    pub fn build_script(self, code: &str) -> Self {
        self.file("build.rs", code)
    }

    /// Sets the repository link.
    pub fn repository(mut self, url: &str) -> Self {
        self.repository = Some(url.to_owned());
        self
    }

    /// Sets the description.
    pub fn description(mut self, text: &str) -> Self {
        text.clone_into(&mut self.description);
        self
    }

    /// Sets who published this version.
    pub fn publisher(mut self, name: &str) -> Self {
        self.publisher = Some(name.to_owned());
        self
    }

    /// Sets who owns the crate.
    pub fn owners(mut self, names: &[&str]) -> Self {
        self.owners = names.iter().map(|name| (*name).to_owned()).collect();
        self
    }

    /// Yanks this version.
    pub fn yanked(mut self) -> Self {
        self.yanked = true;
        self
    }

    pub(crate) fn claims(&self) -> (Option<&str>, &str) {
        (self.repository.as_deref(), &self.description)
    }

    /// The line of the sparse index.
    pub(crate) fn index_line(&self, cksum: &str, pubtime: bool) -> Value {
        let mut out = json!({
            "name": self.name, "vers": self.version, "cksum": cksum, "yanked": self.yanked, "features": self.features,
            "deps": self.dependencies.iter().map(CrateDependency::index).collect::<Vec<_>>(), "links": null,
        });
        if let Some(at) = self.published.filter(|_| pubtime) {
            out["pubtime"] = format!("{at:.0}").into();
        }
        out
    }

    fn manifest(&self) -> String {
        let mut out = format!(
            "[package]\nname = \"{}\"\nversion = \"{}\"\nedition = \"2021\"\nlicense = \"MIT\"\ndescription = {:?}\n",
            self.name, self.version, self.description
        );
        if let Some(url) = &self.repository {
            out.push_str(&format!("repository = \"{url}\"\n"));
        }
        out.push('\n');
        for dependency in &self.dependencies {
            out.push_str(&dependency.toml());
        }
        if !self.features.is_empty() {
            out.push_str("[features]\n");
            for (name, enables) in &self.features {
                out.push_str(&format!("{name} = {enables:?}\n"));
            }
        }
        out
    }
}

impl Package for CratePackage {
    fn release(&self) -> Release {
        Release::new(Ecosystem::Cargo, &self.name, &self.version).expect("a usable crate name and version")
    }

    fn republished(&self) -> Self {
        let mut other = self.clone();
        other.files.entry("src/lib.rs".to_owned()).or_default().extend_from_slice(b"// changed\n");
        other
    }

    fn artifacts(&self) -> Vec<Artifact> {
        let mut files = self.files.clone();
        files.entry("Cargo.toml".to_owned()).or_insert_with(|| self.manifest().into_bytes());
        let root = format!("{}-{}", self.name, self.version);
        vec![Artifact::new(format!("{root}.crate"), tar_gz(&root, &files))]
    }

    shared_dates!();
}
