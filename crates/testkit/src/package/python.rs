//! Python files: wheels and source distributions, and what a simple index says of them.

use super::{DEFAULT_DATE, Package, shared_dates, shared_methods, time};
use crate::Artifact;
use crate::pack::{Files, tar_gz, zip};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bifocal_core::{Ecosystem, Release, Sha256};
use jiff::Timestamp;
use serde_json::Value;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Form {
    Wheel { tag: String },
    Sdist,
}

/// Builder of one file of a Python release. Publish several of the same name and version to make a release of many.
#[derive(Debug, Clone)]
pub struct PythonPackage {
    name: String,
    version: String,
    form: Form,
    files: Files,
    requires: Vec<String>,
    extras: Vec<String>,
    requires_python: Option<String>,
    summary: String,
    repository: Option<String>,
    author: Option<String>,
    published: Option<Timestamp>,
    pub(crate) yanked: Option<String>,
    pub(crate) provenance: Option<Value>,
    pub(crate) owners: Vec<String>,
    metadata: Option<String>,
}

impl PythonPackage {
    /// A `py3-none-any` wheel with one empty module.
    pub fn wheel(name: &str, version: &str) -> Self {
        let module = format!("{}/__init__.py", underscored(name));
        Self::new(name, version, Form::Wheel { tag: "py3-none-any".to_owned() }).file(&module, "")
    }

    /// A `.tar.gz` with one empty module, and a plain `setup.py` unless it is given one or a `pyproject.toml`.
    pub fn sdist(name: &str, version: &str) -> Self {
        let module = format!("{}/__init__.py", underscored(name));
        Self::new(name, version, Form::Sdist).file(&module, "")
    }

    fn new(name: &str, version: &str, form: Form) -> Self {
        PythonPackage {
            name: name.to_owned(),
            version: version.to_owned(),
            form,
            files: Files::new(),
            requires: Vec::new(),
            extras: Vec::new(),
            requires_python: None,
            summary: String::new(),
            repository: None,
            author: None,
            published: Some(time(DEFAULT_DATE)),
            yanked: None,
            provenance: None,
            owners: Vec::new(),
            metadata: None,
        }
    }

    shared_methods!();

    /// The name as given.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The normalised name (PEP 503).
    pub fn project(&self) -> String {
        self.release().package.as_str().to_owned()
    }

    /// The version.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Whether this is a wheel.
    pub fn is_wheel(&self) -> bool {
        matches!(self.form, Form::Wheel { .. })
    }

    /// Sets a wheel's compatibility tag, such as `cp311-cp311-manylinux_2_17_x86_64`.
    pub fn tag(mut self, tag: &str) -> Self {
        self.form = Form::Wheel { tag: tag.to_owned() };
        self
    }

    /// Adds a requirement in PEP 508 form (`urllib3>=1; python_version < "3.9"`).
    pub fn requires(mut self, requirement: &str) -> Self {
        self.requires.push(requirement.to_owned());
        self
    }

    /// The requirements.
    pub fn requirements(&self) -> &[String] {
        &self.requires
    }

    /// Declares an extra.
    pub fn extra(mut self, name: &str) -> Self {
        self.extras.push(name.to_owned());
        self
    }

    /// Sets `Requires-Python`.
    pub fn requires_python(mut self, specifier: &str) -> Self {
        self.requires_python = Some(specifier.to_owned());
        self
    }

    /// Sets the one-line description.
    pub fn summary(mut self, text: &str) -> Self {
        text.clone_into(&mut self.summary);
        self
    }

    /// Sets the repository link.
    pub fn repository(mut self, url: &str) -> Self {
        self.repository = Some(url.to_owned());
        self
    }

    /// Sets the author field, which the publisher fills as they like.
    pub fn author(mut self, name: &str) -> Self {
        self.author = Some(name.to_owned());
        self
    }

    /// Sets the accounts that own the project (the `ownership` roles of the project JSON).
    pub fn owners(mut self, names: &[&str]) -> Self {
        self.owners = names.iter().map(|name| (*name).to_owned()).collect();
        self
    }

    /// The same as one owner: Python's index names no publisher of a file.
    pub fn publisher(self, name: &str) -> Self {
        self.owners(&[name])
    }

    /// Yanks this file with a reason (which may be empty).
    pub fn yanked(mut self, reason: &str) -> Self {
        self.yanked = Some(reason.to_owned());
        self
    }

    /// Sets the provenance document of this file (PEP 740).
    pub fn provenance(mut self, document: Value) -> Self {
        self.provenance = Some(document);
        self
    }

    /// Replaces the core metadata (METADATA, PKG-INFO) with this text.
    pub fn metadata(mut self, text: &str) -> Self {
        self.metadata = Some(text.to_owned());
        self
    }

    /// The core metadata (PEP 566), which is also the `.metadata` file.
    pub fn core_metadata(&self) -> String {
        if let Some(text) = &self.metadata {
            return text.clone();
        }
        let mut out = format!("Metadata-Version: 2.1\nName: {}\nVersion: {}\n", self.name, self.version);
        let mut line = |key: &str, value: &str| out.push_str(&format!("{key}: {value}\n"));
        line("Summary", &self.summary);
        if let Some(author) = &self.author {
            line("Author", author);
        }
        line("License", "MIT");
        if let Some(url) = &self.repository {
            line("Project-URL", &format!("Source, {url}"));
        }
        if let Some(specifier) = &self.requires_python {
            line("Requires-Python", specifier);
        }
        for extra in &self.extras {
            line("Provides-Extra", extra);
        }
        for requirement in &self.requires {
            line("Requires-Dist", requirement);
        }
        out
    }

    pub(crate) fn claims(&self) -> (&str, Option<&str>, Option<&str>, Option<&str>) {
        (&self.summary, self.author.as_deref(), self.repository.as_deref(), self.requires_python.as_deref())
    }

    /// File name of the wheel or source distribution.
    pub fn filename(&self) -> String {
        let base = format!("{}-{}", underscored(&self.name), self.version);
        match &self.form {
            Form::Wheel { tag } => format!("{base}-{tag}.whl"),
            Form::Sdist => format!("{base}.tar.gz"),
        }
    }

    fn wheel_files(&self, tag: &str) -> Files {
        let mut files = self.files.clone();
        let info = format!("{}-{}.dist-info", underscored(&self.name), self.version);
        files.entry(format!("{info}/METADATA")).or_insert_with(|| self.core_metadata().into_bytes());
        files
            .entry(format!("{info}/WHEEL"))
            .or_insert_with(|| format!("Wheel-Version: 1.0\nGenerator: testkit\nRoot-Is-Purelib: true\nTag: {tag}\n").into_bytes());
        let mut record = String::new();
        for (path, content) in &files {
            let digest = URL_SAFE_NO_PAD.encode(Sha256::of(content).as_bytes());
            record.push_str(&format!("{path},sha256={digest},{}\n", content.len()));
        }
        record.push_str(&format!("{info}/RECORD,,\n"));
        files.entry(format!("{info}/RECORD")).or_insert_with(|| record.into_bytes());
        files
    }

    fn sdist_files(&self) -> Files {
        let mut files = self.files.clone();
        files.entry("PKG-INFO".to_owned()).or_insert_with(|| self.core_metadata().into_bytes());
        if !files.contains_key("setup.py") && !files.contains_key("pyproject.toml") {
            let setup = format!("from setuptools import setup\n\nsetup(name=\"{}\", version=\"{}\")\n", self.name, self.version);
            files.insert("setup.py".to_owned(), setup.into_bytes());
        }
        files
    }
}

fn underscored(name: &str) -> String {
    name.to_ascii_lowercase().replace(['-', '.'], "_")
}

impl Package for PythonPackage {
    fn release(&self) -> Release {
        Release::new(Ecosystem::Pypi, &self.name, &self.version).expect("a usable Python name and version")
    }

    fn republished(&self) -> Self {
        let mut other = self.clone();
        other.files.entry(format!("{}/__init__.py", underscored(&self.name))).or_default().extend_from_slice(b"# changed\n");
        other
    }

    fn artifacts(&self) -> Vec<Artifact> {
        let bytes = match &self.form {
            Form::Wheel { tag } => zip(&self.wheel_files(tag)),
            Form::Sdist => tar_gz(&format!("{}-{}", underscored(&self.name), self.version), &self.sdist_files()),
        };
        vec![Artifact::new(self.filename(), bytes)]
    }

    shared_dates!();
}
