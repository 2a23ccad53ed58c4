//! A distribution's own metadata (PEP 566), as an index serves it beside the file (PEP 658) or in its JSON API.

use crate::loose::{AtMost, Members, Text, clip, person};
use bifocal_core::Publisher;
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// The fields that assessments use. All are the publisher's claims.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct CoreMetadata {
    pub(super) repository: Option<String>,
    pub(super) license: Option<String>,
    pub(super) summary: Option<String>,
    /// Accounts that own the project, from the JSON API alone.
    pub(super) owners: Option<Vec<Publisher>>,
}

/// Labels of project addresses that mean the source repository, best first.
const SOURCE_LABELS: [&str; 8] = ["source", "repository", "sourcecode", "code", "github", "gitlab", "homepage", "home"];

/// Header lines that are read of one METADATA file.
const MAX_LINES: usize = 10_000;

/// Reads the header part of a METADATA file.
pub(super) fn parse_headers(text: &str) -> CoreMetadata {
    let mut urls = BTreeMap::new();
    let mut out = CoreMetadata::default();
    for line in text.lines().take(MAX_LINES).take_while(|line| !line.is_empty()) {
        let Some((key, value)) = line.split_once(':').filter(|_| !line.starts_with([' ', '\t'])) else { continue };
        let value = clip(value.trim()).to_owned();
        if value.is_empty() || value == "UNKNOWN" {
            continue;
        }
        match key.to_ascii_lowercase().as_str() {
            "home-page" => {
                urls.entry("homepage".to_owned()).or_insert(value);
            }
            "project-url" => {
                if let Some((label, url)) = value.split_once(',') {
                    urls.entry(label_key(label)).or_insert(url.trim().to_owned());
                }
            }
            "license-expression" => out.license = Some(value),
            "license" => out.license = out.license.or(Some(value)),
            "summary" => out.summary = Some(value),
            _ => {}
        }
    }
    out.repository = repository(&urls);
    out
}

#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow)]
    info: Info<'a>,
    #[serde(borrow, default)]
    ownership: Option<Ownership<'a>>,
}

#[derive(Deserialize)]
struct Info<'a> {
    #[serde(borrow, default)]
    home_page: Text<'a>,
    #[serde(borrow, default)]
    project_urls: Option<Members<Cow<'a, str>, Text<'a>, 10_000>>,
    #[serde(borrow, default)]
    license: Text<'a>,
    #[serde(borrow, default)]
    license_expression: Text<'a>,
    #[serde(borrow, default)]
    summary: Text<'a>,
    #[serde(borrow, default)]
    version: Text<'a>,
}

#[derive(Deserialize)]
struct Ownership<'a> {
    #[serde(borrow, default)]
    roles: AtMost<Role<'a>, 10_000>,
}

#[derive(Deserialize)]
struct Role<'a> {
    #[serde(borrow, default)]
    user: Text<'a>,
}

/// Reads the JSON API's document of one release; `None` when it is of another version or is no such document.
pub(super) fn parse_json(body: &[u8], version: &str) -> Option<CoreMetadata> {
    let wire: Wire<'_> = serde_json::from_slice(body).ok()?;
    let own = wire.info.version.take()?;
    if bifocal_versions::normalise(bifocal_core::Ecosystem::Pypi, &own) != version {
        return None;
    }
    let mut urls: BTreeMap<String, String> = BTreeMap::new();
    for (label, url) in wire.info.project_urls.unwrap_or_default().0.into_iter().take(100) {
        if let Some(url) = url.take() {
            urls.entry(label_key(&label)).or_insert(url);
        }
    }
    let some = |text: Text<'_>| text.take().filter(|text| !text.is_empty() && text != "UNKNOWN");
    if let Some(page) = some(wire.info.home_page) {
        urls.entry("homepage".to_owned()).or_insert(page);
    }
    Some(CoreMetadata {
        repository: repository(&urls),
        license: some(wire.info.license_expression).or_else(|| some(wire.info.license)),
        summary: some(wire.info.summary),
        owners: wire.ownership.map(|owners| owners.roles.0.into_iter().take(256).filter_map(|role| person(&role.user.0?)).collect()),
    })
}

/// Labels are compared without case, spaces and punctuation, as the well-known labels of the specification are.
fn label_key(label: &str) -> String {
    label.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).take(64).collect()
}

fn repository(urls: &BTreeMap<String, String>) -> Option<String> {
    let labelled = SOURCE_LABELS.iter().find_map(|label| urls.get(*label));
    labelled.or_else(|| urls.values().find(|url| url.contains("github.") || url.contains("gitlab."))).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_repository_is_found_under_its_many_labels() {
        let read = parse_headers(
            "Metadata-Version: 2.1\nName: x\nSummary: A thing\nLicense: MIT\nProject-URL: Documentation, https://docs.example\nProject-URL: Source Code, https://forge.example/x\nHome-page: https://x.example\n\nHome-page: https://body.example\n",
        );
        assert_eq!(read.repository.as_deref(), Some("https://forge.example/x"));
        assert_eq!((read.license.as_deref(), read.summary.as_deref()), (Some("MIT"), Some("A thing")));
        assert_eq!(parse_headers("Home-page: UNKNOWN\n").repository, None);
    }

    #[test]
    fn the_json_of_another_version_is_not_taken() {
        let body = br#"{"info":{"version":"1.0","home_page":null,"project_urls":{"Repository":"https://forge.example/x","n":null},"license":"","summary":"s"},"ownership":{"roles":[{"role":"Owner","user":"me"}]}}"#;
        let read = parse_json(body, "1.0").unwrap();
        assert_eq!(read.repository.as_deref(), Some("https://forge.example/x"));
        assert_eq!(read.owners.unwrap()[0].name, "me");
        assert_eq!(parse_json(body, "1.1"), None);
        assert_eq!(parse_json(b"[]", "1.0"), None);
    }
}
