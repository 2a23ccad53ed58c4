//! Maven artifacts: the POM, the jar with its `META-INF/maven` folder, and files with classifiers.

use super::{DEFAULT_DATE, Package, shared_dates, shared_methods, time};
use crate::Artifact;
use crate::pack::{Files, zip};
use bifocal_core::{Ecosystem, Release};
use jiff::Timestamp;

/// One `<dependency>`.
#[derive(Debug, Clone)]
pub struct MavenDependency {
    name: String,
    version: Option<String>,
    scope: Option<String>,
    kind: Option<String>,
    classifier: Option<String>,
    optional: bool,
    exclusions: Vec<String>,
}

impl MavenDependency {
    /// A dependency on `group:artifact` at a version, which may be a range or a `${property}`.
    pub fn new(name: &str, version: &str) -> Self {
        MavenDependency { version: Some(version.to_owned()), ..Self::managed(name) }
    }

    /// A dependency whose version dependencyManagement or a parent gives.
    pub fn managed(name: &str) -> Self {
        let name = name.to_owned();
        MavenDependency { name, version: None, scope: None, kind: None, classifier: None, optional: false, exclusions: Vec::new() }
    }

    /// Sets the scope.
    pub fn scope(mut self, scope: &str) -> Self {
        self.scope = Some(scope.to_owned());
        self
    }

    /// Sets the type (`pom`, `test-jar`, …).
    pub fn kind(mut self, kind: &str) -> Self {
        self.kind = Some(kind.to_owned());
        self
    }

    /// Sets the classifier.
    pub fn classifier(mut self, classifier: &str) -> Self {
        self.classifier = Some(classifier.to_owned());
        self
    }

    /// Marks it optional.
    pub fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    /// Excludes `group:artifact` (either may be `*`).
    pub fn exclude(mut self, name: &str) -> Self {
        self.exclusions.push(name.to_owned());
        self
    }

    fn xml(&self, indent: &str) -> String {
        let (group, artifact) = halves(&self.name);
        let mut inner = format!("<groupId>{group}</groupId><artifactId>{artifact}</artifactId>");
        for (tag, value) in [("version", &self.version), ("type", &self.kind), ("classifier", &self.classifier), ("scope", &self.scope)] {
            if let Some(value) = value {
                inner.push_str(&format!("<{tag}>{value}</{tag}>"));
            }
        }
        if self.optional {
            inner.push_str("<optional>true</optional>");
        }
        if !self.exclusions.is_empty() {
            inner.push_str("<exclusions>");
            for name in &self.exclusions {
                let (group, artifact) = halves(name);
                inner.push_str(&format!("<exclusion><groupId>{group}</groupId><artifactId>{artifact}</artifactId></exclusion>"));
            }
            inner.push_str("</exclusions>");
        }
        format!("{indent}<dependency>{inner}</dependency>\n")
    }
}

/// Splits `group:artifact`.
pub(crate) fn halves(name: &str) -> (&str, &str) {
    name.split_once(':').unwrap_or_else(|| panic!("`{name}` is not `group:artifact`"))
}

/// Builder of one Maven artifact at one version.
#[derive(Debug, Clone)]
pub struct MavenPackage {
    group: String,
    artifact: String,
    version: String,
    packaging: String,
    files: Files,
    properties: Vec<(String, String)>,
    dependencies: Vec<MavenDependency>,
    managed: Vec<MavenDependency>,
    parent: Option<(String, String)>,
    repository: Option<String>,
    developers: Vec<String>,
    classified: Vec<(String, String, Vec<u8>)>,
    snapshot: Option<(String, u32)>,
    pom: Option<String>,
    published: Option<Timestamp>,
}

impl MavenPackage {
    /// A jar of `group:artifact` with nothing but its manifest and POM.
    pub fn new(name: &str, version: &str) -> Self {
        let (group, artifact) = halves(name);
        MavenPackage {
            group: group.to_owned(),
            artifact: artifact.to_owned(),
            version: version.to_owned(),
            packaging: "jar".to_owned(),
            files: Files::new(),
            properties: Vec::new(),
            dependencies: Vec::new(),
            managed: Vec::new(),
            parent: None,
            repository: None,
            developers: Vec::new(),
            classified: Vec::new(),
            snapshot: None,
            pom: None,
            published: Some(time(DEFAULT_DATE)),
        }
    }

    shared_methods!();

    /// `group:artifact`.
    pub fn name(&self) -> String {
        format!("{}:{}", self.group, self.artifact)
    }

    /// The version.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Sets the packaging; with `pom` there is no jar.
    pub fn packaging(mut self, packaging: &str) -> Self {
        packaging.clone_into(&mut self.packaging);
        self
    }

    /// Adds a dependency in compile scope.
    pub fn dependency(self, name: &str, version: &str) -> Self {
        self.dependency_with(MavenDependency::new(name, version))
    }

    /// Adds a dependency of any kind.
    pub fn dependency_with(mut self, dependency: MavenDependency) -> Self {
        self.dependencies.push(dependency);
        self
    }

    /// Manages the version of a dependency.
    pub fn manage(mut self, name: &str, version: &str) -> Self {
        self.managed.push(MavenDependency::new(name, version));
        self
    }

    /// Imports a bill of materials into dependencyManagement.
    pub fn import(mut self, name: &str, version: &str) -> Self {
        self.managed.push(MavenDependency::new(name, version).kind("pom").scope("import"));
        self
    }

    /// Sets a property.
    pub fn property(mut self, name: &str, value: &str) -> Self {
        self.properties.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sets the parent POM.
    pub fn parent(mut self, name: &str, version: &str) -> Self {
        self.parent = Some((name.to_owned(), version.to_owned()));
        self
    }

    /// Sets the repository link (`<scm>`).
    pub fn repository(mut self, url: &str) -> Self {
        self.repository = Some(url.to_owned());
        self
    }

    /// Names a developer: the only person that Maven metadata knows.
    pub fn publisher(mut self, name: &str) -> Self {
        self.developers.push(name.to_owned());
        self
    }

    /// Adds a file with a classifier (`sources`, `jar`).
    pub fn classified(mut self, classifier: &str, extension: &str, content: impl AsRef<[u8]>) -> Self {
        self.classified.push((classifier.to_owned(), extension.to_owned(), content.as_ref().to_vec()));
        self
    }

    /// For a `-SNAPSHOT` version: the timestamp (`20240101.010203`) and number of this build.
    pub fn snapshot(mut self, timestamp: &str, build: u32) -> Self {
        self.snapshot = Some((timestamp.to_owned(), build));
        self
    }

    /// Replaces the whole POM.
    pub fn pom(mut self, text: &str) -> Self {
        self.pom = Some(text.to_owned());
        self
    }

    /// `group:artifact` of all dependencies that are needed at run time.
    pub(crate) fn needs(&self) -> Vec<String> {
        let wanted =
            self.dependencies.iter().filter(|one| !one.optional && !matches!(one.scope.as_deref(), Some("test" | "provided" | "import")));
        wanted.map(|one| one.name.clone()).collect()
    }

    /// The build of a snapshot.
    pub(crate) fn build_of_snapshot(&self) -> Option<(&str, u32)> {
        self.snapshot.as_ref().map(|(timestamp, build)| (timestamp.as_str(), *build))
    }

    /// The version as file names have it: a snapshot's is its timestamp and build number.
    pub(crate) fn file_version(&self) -> String {
        match &self.snapshot {
            Some((timestamp, build)) => self.version.replace("SNAPSHOT", &format!("{timestamp}-{build}")),
            None => self.version.clone(),
        }
    }

    /// The POM.
    pub fn pom_text(&self) -> String {
        if let Some(text) = &self.pom {
            return text.clone();
        }
        let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<project>\n  <modelVersion>4.0.0</modelVersion>\n");
        if let Some((name, version)) = &self.parent {
            let (group, artifact) = halves(name);
            out.push_str(&format!(
                "  <parent><groupId>{group}</groupId><artifactId>{artifact}</artifactId><version>{version}</version></parent>\n"
            ));
        }
        for (tag, value) in
            [("groupId", &self.group), ("artifactId", &self.artifact), ("version", &self.version), ("packaging", &self.packaging)]
        {
            out.push_str(&format!("  <{tag}>{value}</{tag}>\n"));
        }
        out.push_str("  <licenses><license><name>MIT</name></license></licenses>\n");
        if let Some(url) = &self.repository {
            out.push_str(&format!("  <scm><url>{url}</url></scm>\n"));
        }
        if !self.developers.is_empty() {
            out.push_str("  <developers>\n");
            for name in &self.developers {
                out.push_str(&format!("    <developer><id>{name}</id></developer>\n"));
            }
            out.push_str("  </developers>\n");
        }
        if !self.properties.is_empty() {
            out.push_str("  <properties>\n");
            for (name, value) in &self.properties {
                out.push_str(&format!("    <{name}>{value}</{name}>\n"));
            }
            out.push_str("  </properties>\n");
        }
        if !self.managed.is_empty() {
            out.push_str("  <dependencyManagement>\n    <dependencies>\n");
            self.managed.iter().for_each(|one| out.push_str(&one.xml("      ")));
            out.push_str("    </dependencies>\n  </dependencyManagement>\n");
        }
        if !self.dependencies.is_empty() {
            out.push_str("  <dependencies>\n");
            self.dependencies.iter().for_each(|one| out.push_str(&one.xml("    ")));
            out.push_str("  </dependencies>\n");
        }
        out.push_str("</project>\n");
        out
    }

    fn jar(&self) -> Vec<u8> {
        let mut files = self.files.clone();
        let folder = format!("META-INF/maven/{}/{}", self.group, self.artifact);
        files.entry("META-INF/MANIFEST.MF".to_owned()).or_insert_with(|| b"Manifest-Version: 1.0\r\n\r\n".to_vec());
        files.entry(format!("{folder}/pom.xml")).or_insert_with(|| self.pom_text().into_bytes());
        files
            .entry(format!("{folder}/pom.properties"))
            .or_insert_with(|| format!("artifactId={}\ngroupId={}\nversion={}\n", self.artifact, self.group, self.version).into_bytes());
        zip(&files)
    }
}

impl Package for MavenPackage {
    fn release(&self) -> Release {
        Release::new(Ecosystem::Maven, &self.name(), &self.version).expect("a usable Maven name and version")
    }

    fn republished(&self) -> Self {
        let mut other = self.clone();
        if self.packaging == "pom" {
            other.pom = Some(format!("{}<!-- changed -->\n", self.pom_text()));
        } else {
            other.files.entry("changed.txt".to_owned()).or_default().extend_from_slice(b"changed\n");
        }
        other
    }

    /// The jar where there is one, the POM, then files with classifiers.
    fn artifacts(&self) -> Vec<Artifact> {
        let base = format!("{}-{}", self.artifact, self.file_version());
        let mut out = Vec::new();
        if self.packaging != "pom" {
            let extension = if matches!(self.packaging.as_str(), "war" | "aar" | "ear") { self.packaging.as_str() } else { "jar" };
            out.push(Artifact::new(format!("{base}.{extension}"), self.jar()));
        }
        out.push(Artifact::new(format!("{base}.pom"), self.pom_text().into_bytes()));
        for (classifier, extension, content) in &self.classified {
            out.push(Artifact::new(format!("{base}-{classifier}.{extension}"), content.clone()));
        }
        out
    }

    shared_dates!();
}
