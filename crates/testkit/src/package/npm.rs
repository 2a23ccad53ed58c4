//! npm packages: `package.json`, a `.tgz`, and what a packument says of them.

use super::{DEFAULT_DATE, Package, millis, person, shared_dates, shared_methods, time};
use crate::Artifact;
use crate::pack::{Files, tar_gz};
use bifocal_core::{Ecosystem, Publisher, Release};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// Builder of one npm release.
#[derive(Debug, Clone)]
pub struct NpmPackage {
    name: String,
    version: String,
    pub(crate) files: Files,
    manifest: Map<String, Value>,
    registry_fields: Map<String, Value>,
    published: Option<Timestamp>,
    publisher: Option<Publisher>,
    maintainers: Vec<Publisher>,
    pub(crate) deprecated: Option<String>,
    signatures: Vec<Value>,
    pub(crate) attestations: Option<Value>,
    pub(crate) tags: Vec<String>,
}

impl NpmPackage {
    /// A package with a package.json and an empty `index.js`.
    pub fn new(name: &str, version: &str) -> Self {
        let mut manifest = Map::new();
        manifest.insert("name".into(), name.into());
        manifest.insert("version".into(), version.into());
        manifest.insert("main".into(), "index.js".into());
        manifest.insert("license".into(), "MIT".into());
        NpmPackage {
            name: name.to_owned(),
            version: version.to_owned(),
            files: Files::from([("index.js".to_owned(), b"'use strict';\n".to_vec())]),
            manifest,
            registry_fields: Map::new(),
            published: Some(time(DEFAULT_DATE)),
            publisher: None,
            maintainers: Vec::new(),
            deprecated: None,
            signatures: Vec::new(),
            attestations: None,
            tags: Vec::new(),
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

    /// Sets a field of package.json (and so of the registry's manifest).
    pub fn field(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.manifest.insert(key.to_owned(), value.into());
        self
    }

    /// Sets a field of the registry's manifest only: what the registry says and what the tarball holds then differ.
    pub fn registry_field(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.registry_fields.insert(key.to_owned(), value.into());
        self
    }

    /// Adds a script.
    pub fn script(self, event: &str, command: &str) -> Self {
        self.entry("scripts", event, command)
    }

    /// Adds a dependency on a range.
    pub fn dependency(self, name: &str, range: &str) -> Self {
        self.entry("dependencies", name, range)
    }

    /// Adds a development dependency on a range.
    pub fn dev_dependency(self, name: &str, range: &str) -> Self {
        self.entry("devDependencies", name, range)
    }

    /// Adds an optional dependency on a range.
    pub fn optional_dependency(self, name: &str, range: &str) -> Self {
        self.entry("optionalDependencies", name, range)
    }

    /// Adds a command that the client links into `.bin`.
    pub fn bin(self, command: &str, path: &str) -> Self {
        self.entry("bin", command, path)
    }

    /// Sets the repository link.
    pub fn repository(self, url: &str) -> Self {
        self.field("repository", json!({"type": "git", "url": url}))
    }

    /// Sets who published this version.
    pub fn publisher(mut self, name: &str) -> Self {
        self.publisher = Some(person(name));
        if self.maintainers.is_empty() {
            self.maintainers.push(person(name));
        }
        self
    }

    /// Sets who owned the package when this version was published.
    pub fn maintainers(mut self, names: &[&str]) -> Self {
        self.maintainers = names.iter().map(|name| person(name)).collect();
        self
    }

    /// Deprecates this version.
    pub fn deprecated(mut self, notice: &str) -> Self {
        self.deprecated = Some(notice.to_owned());
        self
    }

    /// Adds a registry signature (`dist.signatures`).
    pub fn signature(mut self, keyid: &str, sig: &str) -> Self {
        self.signatures.push(json!({"keyid": keyid, "sig": sig}));
        self
    }

    /// Sets the document that the attestations endpoint gives for this version: `{"attestations": [...]}`.
    pub fn attestations(mut self, document: Value) -> Self {
        self.attestations = Some(document);
        self
    }

    /// Points a dist-tag at this version. `latest` is otherwise the highest version that is no pre-release.
    pub fn tag(mut self, tag: &str) -> Self {
        self.tags.push(tag.to_owned());
        self
    }

    fn entry(mut self, table: &str, key: &str, value: &str) -> Self {
        let slot = self.manifest.entry(table).or_insert_with(|| Value::Object(Map::new()));
        slot.as_object_mut().expect("a table of package.json").insert(key.to_owned(), value.into());
        self
    }

    /// The table of package.json with this name (`dependencies`, `scripts`, …), as pairs.
    pub fn table(&self, name: &str) -> Vec<(String, String)> {
        let Some(Value::Object(table)) = self.manifest.get(name) else { return Vec::new() };
        table.iter().map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned())).collect()
    }

    pub(crate) fn manifest(&self) -> &Map<String, Value> {
        &self.manifest
    }

    /// The file name of the tarball, without a scope.
    pub(crate) fn tarball_name(name: &str, version: &str) -> String {
        format!("{}-{version}.tgz", name.rsplit('/').next().unwrap_or(name))
    }

    pub(crate) fn people(&self) -> (Option<&Publisher>, &[Publisher]) {
        (self.publisher.as_ref(), &self.maintainers)
    }

    pub(crate) fn set_publisher(&mut self, name: &str) {
        self.publisher = Some(person(name));
    }

    pub(crate) fn time_entry(&self) -> Option<String> {
        self.published.map(millis)
    }

    /// What the registry says of this version. `url` is the tarball's address.
    pub(crate) fn registry_manifest(&self, artifact: &Artifact, url: &str, attestations_url: &str, signed: bool, attested: bool) -> Value {
        let mut out = self.manifest.clone();
        out.insert("_id".into(), format!("{}@{}", self.name, self.version).into());
        let mut dist = json!({
            "tarball": url,
            "shasum": artifact.sha1_hex(),
            "integrity": artifact.integrity(),
            "fileCount": self.tree().len(),
            "unpackedSize": self.tree().values().map(Vec::len).sum::<usize>(),
        });
        if signed && !self.signatures.is_empty() {
            dist["signatures"] = Value::Array(self.signatures.clone());
        }
        if attested && self.attestations.is_some() {
            dist["attestations"] = json!({"url": attestations_url, "provenance": {"predicateType": "https://slsa.dev/provenance/v1"}});
        }
        out.insert("dist".into(), dist);
        if let Some(publisher) = &self.publisher {
            out.insert("_npmUser".into(), json!({"name": publisher.name, "email": publisher.email}));
        }
        if !self.maintainers.is_empty() {
            out.insert("maintainers".into(), people_json(&self.maintainers));
        }
        if let Some(notice) = &self.deprecated {
            out.insert("deprecated".into(), notice.as_str().into());
        }
        if self.has_install_script() {
            out.insert("hasInstallScript".into(), true.into());
        }
        for (key, value) in &self.registry_fields {
            out.insert(key.clone(), value.clone());
        }
        Value::Object(out)
    }

    /// Whether the client would run something on install.
    pub fn has_install_script(&self) -> bool {
        self.table("scripts").iter().any(|(event, _)| matches!(event.as_str(), "preinstall" | "install" | "postinstall"))
            || self.files.contains_key("binding.gyp")
    }

    fn tree(&self) -> Files {
        let mut tree = self.files.clone();
        tree.entry("package.json".to_owned()).or_insert_with(|| {
            let mut text = serde_json::to_string_pretty(&self.manifest).expect("JSON in memory");
            text.push('\n');
            text.into_bytes()
        });
        tree
    }
}

pub(crate) fn people_json(people: &[Publisher]) -> Value {
    people.iter().map(|one| json!({"name": one.name, "email": one.email})).collect()
}

impl Package for NpmPackage {
    fn release(&self) -> Release {
        Release::new(Ecosystem::Npm, &self.name, &self.version).expect("a usable npm name and version")
    }

    fn republished(&self) -> Self {
        let mut other = self.clone();
        other.files.entry("index.js".to_owned()).or_default().extend_from_slice(b"// changed\n");
        other
    }

    fn artifacts(&self) -> Vec<Artifact> {
        vec![Artifact::new(Self::tarball_name(&self.name, &self.version), tar_gz("package", &self.tree()))]
    }

    shared_dates!();
}
