//! How much a package says of itself: the part of its metadata that a person would look for first.
//!
//! In: the files of an artifact. Out: lengths and presence, never the texts. A hurried upload says little; that alone
//! proves nothing, so the model only weighs it beside what the code does.

use crate::layout::{Files, source_text};
use bifocal_core::Ecosystem;
use serde_json::Value;

/// Most bytes of a manifest that are read for this.
const MAX_MANIFEST: usize = 1 << 20;
/// A text shorter than this, in characters, describes nothing.
const SHORT_SUMMARY: usize = 12;
/// A read-me shorter than this, in bytes, explains nothing.
const SHORT_README: usize = 300;

/// What is there, as far as the ecosystem's manifest has a place for it. `None`: it has none, or there is no manifest.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct About {
    /// The manifest's path.
    pub(super) manifest: Option<String>,
    /// Bytes of the longest description: a README file, or the long description inside the metadata.
    pub(super) readme: Option<usize>,
    /// Characters of the one-line summary.
    pub(super) summary: Option<usize>,
    /// Whether an author or maintainer is named.
    pub(super) author: Option<bool>,
    /// Whether a home page or repository is named.
    pub(super) address: Option<bool>,
    /// Whether a licence is named or shipped.
    pub(super) licence: Option<bool>,
    /// Dependencies that the manifest asks for.
    pub(super) dependencies: usize,
    /// The version that it claims.
    pub(super) version: Option<String>,
    /// It says of itself that it is a test, a proof or a placeholder.
    pub(super) says_test: bool,
    /// It has words that templates put where a name or a description belongs.
    pub(super) template: bool,
    /// Owner and name in the repository that it calls its own.
    pub(super) repository: Option<String>,
    /// It is a source distribution, in which nothing compiled belongs, or a wheel that claims to be for every system.
    pub(super) claims_source: bool,
}

impl About {
    /// Reads it from the files.
    pub(super) fn of(ecosystem: Option<Ecosystem>, files: &Files<'_>) -> About {
        let mut about = match ecosystem {
            Some(Ecosystem::Pypi) => python(files),
            Some(Ecosystem::Npm) => node(files),
            Some(Ecosystem::Cargo) => cargo(files),
            _ => About::default(),
        };
        if about.manifest.is_some() {
            let readme = named(files, &["readme"]).map(|bytes| bytes.len()).max();
            about.readme = about.readme.max(readme).or(Some(0));
            if named(files, &["license", "licence", "copying", "unlicense"]).next().is_some() {
                about.licence = Some(true);
            }
        }
        about
    }

    /// Whether the repository's name has nothing in common with the package's.
    pub(super) fn is_other_repository(&self, name: Option<&str>) -> bool {
        let plain = |text: &str| text.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
        let (Some(repository), Some(name)) = (self.repository.as_deref(), name.map(plain).filter(|name| name.len() >= 3)) else {
            return false;
        };
        let mut parts = repository.split('/').map(plain).filter(|part| part.len() >= 2).peekable();
        parts.peek().is_some() && !parts.any(|part| part.contains(&name) || name.contains(&part))
    }

    /// How many of the five things are missing: description, summary, author, address, licence.
    pub(super) fn missing(&self) -> u32 {
        let absent = |there: Option<bool>| u32::from(there == Some(false));
        absent(self.readme.map(|bytes| bytes >= SHORT_README))
            + absent(self.summary.map(|chars| chars >= SHORT_SUMMARY))
            + absent(self.author)
            + absent(self.address)
            + absent(self.licence)
    }

    /// The missing things, in words.
    pub(super) fn missing_words(&self) -> String {
        let mut words = Vec::new();
        for (there, word) in [
            (self.readme.map(|bytes| bytes >= SHORT_README), "description"),
            (self.summary.map(|chars| chars >= SHORT_SUMMARY), "summary"),
            (self.author, "author"),
            (self.address, "home page"),
            (self.licence, "licence"),
        ] {
            if there == Some(false) {
                words.push(word);
            }
        }
        words.join(", ")
    }
}

/// Files near the root whose name without ending is one of these.
fn named<'a>(files: &'a Files<'_>, stems: &'static [&'static str]) -> impl Iterator<Item = &'a [u8]> {
    files.iter().filter(|(path, _)| path.matches('/').count() <= 3).filter_map(|(path, bytes)| {
        let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
        let stem = name.split(['.', '-', '_']).next().unwrap_or(&name);
        stems.contains(&stem).then_some(*bytes)
    })
}

/// The manifest with the fewest folders before it.
fn manifest<'a>(files: &'a Files<'_>, ends: &[&str]) -> Option<(&'a str, String)> {
    let (path, bytes) = files
        .iter()
        .filter(|(path, _)| ends.iter().any(|end| **path == *end || path.strip_suffix(end).is_some_and(|rest| rest.ends_with('/'))))
        .min_by_key(|(path, _)| (path.matches('/').count(), **path))?;
    Some((path, source_text(&bytes[..bytes.len().min(MAX_MANIFEST)]).into_owned()))
}

/// A value that says something: tools of old wrote `UNKNOWN` where nothing was given.
fn says(value: &str) -> bool {
    !value.is_empty() && !value.eq_ignore_ascii_case("unknown") && !value.eq_ignore_ascii_case("none")
}

/// What a package says of itself that is not meant to be used.
fn says_test(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    [
        "dependency confusion",
        "proof of concept",
        "proof-of-concept",
        "security research",
        "bug bounty",
        "bugbounty",
        "pentest",
        "placeholder",
        "dummy package",
        "name reservation",
        "reserved name",
        "typosquat",
        "malicious package",
        "for testing purposes only",
        "security test",
    ]
    .iter()
    .any(|words| text.contains(words))
}

/// Words that templates leave where somebody should have written their own.
fn is_template(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    ["your name", "you@example.com", "your.email@", "youremail@", "author@example.com", "a small example package", "your_email", "yourname"]
        .iter()
        .any(|words| text.contains(words))
}

/// `owner/name` of a forge's address.
fn slug(url: &str) -> Option<String> {
    let rest =
        ["github.com", "gitlab.com", "bitbucket.org", "codeberg.org"].iter().find_map(|host| url.split_once(host)).map(|(_, rest)| rest)?;
    let mut parts = rest.trim_start_matches(['/', ':']).split(['/', '#', '?']).filter(|part| !part.is_empty());
    let (owner, name) = (parts.next()?, parts.next()?);
    Some(format!("{owner}/{}", name.trim_end_matches(".git")))
}

fn python(files: &Files<'_>) -> About {
    let found = files
        .keys()
        .find(|path| path.ends_with(".dist-info/METADATA"))
        .and_then(|path| files.get(path).map(|bytes| (*path, source_text(&bytes[..bytes.len().min(MAX_MANIFEST)]).into_owned())))
        .or_else(|| manifest(files, &["PKG-INFO"]));
    let Some((path, text)) = found else { return About::default() };
    let mut about = About {
        manifest: Some(path.to_owned()),
        summary: Some(0),
        author: Some(false),
        address: Some(false),
        licence: Some(false),
        ..About::default()
    };
    about.claims_source = if path.ends_with("PKG-INFO") {
        true
    } else {
        let wheel = path.replace("METADATA", "WHEEL");
        files.get(wheel.as_str()).is_some_and(|bytes| source_text(&bytes[..bytes.len().min(4_096)]).contains("-none-any"))
    };
    let (head, body) = text.split_once("\n\n").or_else(|| text.split_once("\r\n\r\n")).unwrap_or((&text, ""));
    let mut described = body.trim().len();
    let mut in_description = false;
    for line in head.lines().take(5_000) {
        if line.starts_with([' ', '\t']) {
            if in_description {
                described += line.trim().len();
            }
            continue;
        }
        in_description = false;
        let Some((key, value)) = line.split_once(':') else { continue };
        let value = value.trim();
        match key {
            "Summary" if says(value) => {
                about.summary = Some(value.chars().count());
                about.template |= is_template(value);
            }
            "Author" | "Author-email" | "Maintainer" | "Maintainer-email" if says(value) => {
                about.author = Some(true);
                about.template |= is_template(value);
            }
            "Home-page" | "Project-URL" | "Download-URL" if says(value) => {
                about.address = Some(true);
                about.template |= is_template(value);
                if about.repository.is_none() {
                    about.repository = slug(value);
                }
            }
            "License" | "License-Expression" | "License-File" if says(value) => about.licence = Some(true),
            "Classifier" if value.starts_with("License ::") => about.licence = Some(true),
            "Requires-Dist" if !value.contains("extra ==") => about.dependencies += 1,
            "Version" if about.version.is_none() => about.version = Some(value.to_owned()),
            "Description" if says(value) => {
                described += value.len();
                in_description = true;
            }
            _ => {}
        }
    }
    about.says_test = says_test(&text);
    about.readme = Some(if says(body.trim()) { described } else { described.saturating_sub(body.trim().len()) });
    about
}

fn node(files: &Files<'_>) -> About {
    let Some((path, text)) = manifest(files, &["package.json"]) else { return About::default() };
    let Some(json) = crate::layout::json::value(&text) else { return About::default() };
    let filled = |key: &str| match json.get(key) {
        Some(Value::String(text)) => says(text.trim()),
        Some(Value::Object(map)) => !map.is_empty(),
        Some(Value::Array(list)) => !list.is_empty(),
        _ => false,
    };
    let repository = json.get("repository").and_then(|value| value.as_str().or_else(|| value.get("url").and_then(Value::as_str)));
    let summary = json.get("description").and_then(Value::as_str).unwrap_or_default();
    let author = json.get("author").map(Value::to_string).unwrap_or_default();
    About {
        says_test: says_test(summary),
        template: is_template(summary) || is_template(&author),
        repository: repository.and_then(slug),
        claims_source: false,
        manifest: Some(path.to_owned()),
        readme: None,
        summary: Some(summary.trim().chars().count()),
        author: Some(["author", "contributors", "maintainers"].into_iter().any(filled)),
        address: Some(["homepage", "repository", "bugs"].into_iter().any(filled)),
        licence: Some(["license", "licenses"].into_iter().any(filled)),
        dependencies: json.get("dependencies").and_then(Value::as_object).map_or(0, serde_json::Map::len),
        version: json.get("version").and_then(Value::as_str).map(str::to_owned),
    }
}

fn cargo(files: &Files<'_>) -> About {
    let Some((path, text)) = manifest(files, &["Cargo.toml"]) else { return About::default() };
    let Ok(document) = text.parse::<toml::Table>() else { return About::default() };
    let package = document.get("package").and_then(toml::Value::as_table).cloned().unwrap_or_default();
    let filled = |key: &str| match package.get(key) {
        Some(toml::Value::String(text)) => says(text.trim()),
        Some(toml::Value::Array(list)) => !list.is_empty(),
        Some(toml::Value::Table(table)) => !table.is_empty(),
        _ => false,
    };
    let text = |key: &str| package.get(key).and_then(toml::Value::as_str).unwrap_or_default();
    About {
        says_test: says_test(text("description")),
        template: is_template(text("description")),
        repository: slug(text("repository")),
        claims_source: true,
        manifest: Some(path.to_owned()),
        readme: None,
        summary: Some(text("description").trim().chars().count()),
        // cargo stopped asking for authors.
        author: None,
        address: Some(["homepage", "repository", "documentation"].into_iter().any(filled)),
        licence: Some(["license", "license-file"].into_iter().any(filled)),
        dependencies: document.get("dependencies").and_then(toml::Value::as_table).map_or(0, toml::Table::len),
        version: package.get("version").and_then(toml::Value::as_str).map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files<'a>(list: &[(&'a str, &'a str)]) -> Files<'a> {
        list.iter().map(|(path, text)| (*path, text.as_bytes())).collect()
    }

    #[test]
    fn a_full_description_misses_nothing_and_an_empty_one_everything() {
        let long = "word ".repeat(100);
        let metadata = format!(
            "Metadata-Version: 2.1\nName: x\nVersion: 1.0\nSummary: counts words in texts\nHome-page: https://example.com\nAuthor: A\nLicense: MIT\nRequires-Dist: y\nRequires-Dist: z; extra == 'all'\n\n{long}"
        );
        let full = About::of(Some(Ecosystem::Pypi), &files(&[("x-1.0.dist-info/METADATA", &metadata)]));
        assert_eq!((full.missing(), full.dependencies), (0, 1));
        let bare = "Metadata-Version: 1.0\nName: x\nVersion: 1.0\nSummary: UNKNOWN\nHome-page: UNKNOWN\nAuthor: UNKNOWN\nLicense: UNKNOWN\nDescription: UNKNOWN\n";
        let bare = About::of(Some(Ecosystem::Pypi), &files(&[("x-1.0/PKG-INFO", bare)]));
        assert_eq!(bare.missing(), 5);
        assert_eq!(bare.missing_words(), "description, summary, author, home page, licence");
    }

    #[test]
    fn files_count_where_the_manifest_is_silent() {
        let readme = "word ".repeat(100);
        let about = About::of(
            Some(Ecosystem::Npm),
            &files(&[
                ("package/package.json", r#"{"name":"x","version":"1.0.0"}"#),
                ("package/README.md", &readme),
                ("package/LICENSE", "MIT"),
            ]),
        );
        assert_eq!(about.missing_words(), "summary, author, home page");
    }

    #[test]
    fn what_it_says_of_itself_is_seen() {
        let about = |text: &str| About::of(Some(Ecosystem::Pypi), &files(&[("x-1.0/PKG-INFO", text)]));
        assert!(about("Name: x\nSummary: Dependency confusion test\n").says_test);
        assert!(about("Name: x\nAuthor: Your Name\n").template);
        let own = about("Name: x\nHome-page: https://github.com/owner/words.git\n");
        assert_eq!(own.repository.as_deref(), Some("owner/words"));
        assert!(own.is_other_repository(Some("requests")) && !own.is_other_repository(Some("py-words")));
        assert!(own.claims_source && !own.says_test && !own.template);
    }

    #[test]
    fn without_a_manifest_nothing_is_called_missing() {
        assert_eq!(About::of(Some(Ecosystem::Golang), &files(&[("m@v1/a.go", "package a")])).missing(), 0);
        assert_eq!(About::of(Some(Ecosystem::Npm), &files(&[("package/package.json", "{")])).missing(), 0);
    }
}
