//! Go modules: the module zip, go.mod, `.info`, and the `h1:` digests that go.sum has.

use super::{DEFAULT_DATE, Package, shared_dates, shared_methods, time};
use crate::Artifact;
use crate::pack::{Files, zip};
use bifocal_core::{Algorithm, Digest, Ecosystem, Release, Sha256};
use jiff::Timestamp;
use serde_json::{Value, json};

/// Builder of one module version.
#[derive(Debug, Clone)]
pub struct GoModule {
    module: String,
    version: String,
    files: Files,
    pub(crate) requires: Vec<(String, String)>,
    go: String,
    retractions: Vec<(String, String)>,
    deprecated: Option<String>,
    origin: Option<Value>,
    published: Option<Timestamp>,
}

impl GoModule {
    /// A module with one empty package at its root. The version keeps its `v`.
    pub fn new(module: &str, version: &str) -> Self {
        let package = package_of(module);
        GoModule {
            module: module.to_owned(),
            version: version.to_owned(),
            files: Files::from([("doc.go".to_owned(), format!("package {package}\n").into_bytes())]),
            requires: Vec::new(),
            go: "1.20".to_owned(),
            retractions: Vec::new(),
            deprecated: None,
            origin: None,
            published: Some(time(DEFAULT_DATE)),
        }
    }

    shared_methods!();

    /// The module path.
    pub fn module(&self) -> &str {
        &self.module
    }

    /// The version, with its `v`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Requires another module at least at this version.
    pub fn require(mut self, module: &str, version: &str) -> Self {
        self.requires.push((module.to_owned(), version.to_owned()));
        self
    }

    /// Sets the `go` line.
    pub fn go_version(mut self, version: &str) -> Self {
        version.clone_into(&mut self.go);
        self
    }

    /// Retracts earlier versions (`v1.0.0` or `[v1.0.0, v1.1.0]`) with a reason; it counts in the highest version.
    pub fn retract(mut self, versions: &str, reason: &str) -> Self {
        self.retractions.push((versions.to_owned(), reason.to_owned()));
        self
    }

    /// Marks the module deprecated; it counts in the highest version.
    pub fn deprecated(mut self, notice: &str) -> Self {
        self.deprecated = Some(notice.to_owned());
        self
    }

    /// Names the repository and commit that the proxy took it from.
    pub fn origin(mut self, url: &str, commit: &str) -> Self {
        self.origin = Some(json!({"VCS": "git", "URL": url, "Hash": commit, "Ref": format!("refs/tags/{}", self.version)}));
        self
    }

    /// The text of go.mod.
    pub fn go_mod(&self) -> String {
        if let Some(text) = self.files.get("go.mod") {
            return String::from_utf8_lossy(text).into_owned();
        }
        let mut out = String::new();
        if let Some(notice) = &self.deprecated {
            out.push_str(&format!("// Deprecated: {notice}\n"));
        }
        out.push_str(&format!("module {}\n\ngo {}\n", self.module, self.go));
        if !self.requires.is_empty() {
            out.push_str("\nrequire (\n");
            for (module, version) in &self.requires {
                out.push_str(&format!("\t{module} {version}\n"));
            }
            out.push_str(")\n");
        }
        for (versions, reason) in &self.retractions {
            out.push_str(&format!("\nretract {versions} // {reason}\n"));
        }
        out
    }

    /// The `.info` document.
    pub(crate) fn info(&self, with_time: bool) -> Value {
        let mut out = json!({"Version": self.version});
        if let Some(at) = self.published.filter(|_| with_time) {
            out["Time"] = at.to_string().into();
        }
        if let Some(origin) = &self.origin {
            out["Origin"] = origin.clone();
        }
        out
    }
}

/// The package name that the last element of a module path suggests.
fn package_of(module: &str) -> String {
    let mut elements = module.rsplit('/');
    let mut last = elements.next().unwrap_or(module);
    if last.strip_prefix('v').is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.is_empty()) {
        last = elements.next().unwrap_or(last);
    }
    let name: String = last.chars().filter(char::is_ascii_alphanumeric).collect();
    if name.starts_with(|c: char| c.is_ascii_alphabetic()) { name.to_ascii_lowercase() } else { format!("p{name}") }
}

/// Go's `h1:` (golang.org/x/mod/sumdb/dirhash, Hash1): SHA-256 over the lines `hex  name`, sorted by name.
pub(crate) fn h1<'a>(files: impl Iterator<Item = (String, &'a [u8])>) -> Digest {
    let mut files: Vec<(String, &[u8])> = files.collect();
    files.sort();
    let mut lines = String::new();
    for (name, content) in files {
        lines.push_str(&format!("{}  {name}\n", Sha256::of(content).hex()));
    }
    Digest::new(Algorithm::GoH1, Sha256::of(lines.as_bytes()).as_bytes()).expect("32 bytes")
}

/// Escapes capitals as `!` and the small letter, as the proxy protocol wants.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii_uppercase() {
            out.push('!');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

impl Package for GoModule {
    fn release(&self) -> Release {
        Release::new(Ecosystem::Golang, &self.module, &self.version).expect("a usable module path and version")
    }

    fn republished(&self) -> Self {
        let mut other = self.clone();
        let path = self.files.keys().find(|path| path.ends_with(".go")).cloned().unwrap_or_else(|| "changed.txt".to_owned());
        other.files.entry(path).or_default().extend_from_slice(b"// changed\n");
        other
    }

    /// The zip, go.mod, `.info`.
    fn artifacts(&self) -> Vec<Artifact> {
        let go_mod = self.go_mod().into_bytes();
        let mut files = self.files.clone();
        files.insert("go.mod".to_owned(), go_mod.clone());
        let root = format!("{}@{}", self.module, self.version);
        let files: Files = files.into_iter().map(|(path, content)| (format!("{root}/{path}"), content)).collect();
        let zip_h1 = h1(files.iter().map(|(path, content)| (path.clone(), content.as_slice())));
        let mod_h1 = h1([("go.mod".to_owned(), go_mod.as_slice())].into_iter());
        let info = serde_json::to_vec(&self.info(true)).expect("JSON in memory");
        vec![
            Artifact::new(format!("{}.zip", self.version), zip(&files)).with_go_h1(zip_h1),
            Artifact::new(format!("{}.mod", self.version), go_mod).with_go_h1(mod_h1),
            Artifact::new(format!("{}.info", self.version), info),
        ]
    }

    shared_dates!();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn h1_is_that_of_the_go_command() {
        // The go.mod of a real, long-published module and the line that every go.sum has for it.
        let text = b"module golang.org/x/text\n";
        let digest = h1([("go.mod".to_owned(), text.as_slice())].into_iter());
        assert_eq!(digest.to_string(), "h1:NqM8EUOU14njkJ3fqMW+pc6Ldnwhi/IjpwHt7yyuwOQ=");
    }

    #[test]
    fn capitals_are_escaped_and_package_names_are_plain() {
        assert_eq!(escape("example.com/BurntSushi/x"), "example.com/!burnt!sushi/x");
        assert_eq!(package_of("example.com/go-yaml/v3"), "goyaml");
    }
}
