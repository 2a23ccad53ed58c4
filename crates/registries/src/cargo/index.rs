//! Index files and `config.json` of a sparse registry.

use crate::loose::{AtMost, Members};
use crate::needs::{CargoDependency, CargoNeeds};
use bifocal_core::{Sha256, one_line};
use bytes::Bytes;
use jiff::Timestamp;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Versions read of one crate.
const MAX_LINES: usize = 100_000;

/// Dependencies of one version, features of one version, and what one feature turns on.
const MAX_NEEDS: usize = 20_000;

/// Place and fault of a document.
pub(super) type Fault = (String, String);

/// `config.json`.
#[derive(Debug, Deserialize)]
pub(super) struct Config {
    pub(super) dl: String,
    #[serde(default)]
    pub(super) api: Option<String>,
}

/// One version.
#[derive(Debug, Deserialize)]
pub(super) struct Line {
    pub(super) name: String,
    pub(super) vers: String,
    #[serde(deserialize_with = "checksum")]
    pub(super) cksum: Sha256,
    #[serde(default)]
    pub(super) yanked: bool,
    #[serde(default)]
    pub(super) rust_version: Option<String>,
    #[serde(default)]
    pub(super) pubtime: Option<Timestamp>,
    /// Where the line stands in the file.
    #[serde(skip)]
    pub(super) at: std::ops::Range<usize>,
}

/// The part of a line that says what the version asks for. It is read only for versions that a client would take.
#[derive(Debug, Deserialize)]
struct WireNeeds {
    #[serde(default)]
    deps: AtMost<WireDependency, MAX_NEEDS>,
    #[serde(default)]
    features: Members<String, AtMost<String, MAX_NEEDS>, MAX_NEEDS>,
    /// Features of the newer form, which old cargos do not know.
    #[serde(default)]
    features2: Option<Members<String, AtMost<String, MAX_NEEDS>, MAX_NEEDS>>,
}

#[derive(Debug, Deserialize)]
struct WireDependency {
    name: String,
    req: String,
    #[serde(default)]
    features: AtMost<String, MAX_NEEDS>,
    #[serde(default)]
    optional: bool,
    #[serde(default = "yes")]
    default_features: bool,
    #[serde(default)]
    kind: Option<String>,
    #[serde(default)]
    package: Option<String>,
}

fn yes() -> bool {
    true
}

/// All versions of a crate, in the registry's order.
#[derive(Debug)]
pub(super) struct Index {
    pub(super) lines: Vec<Line>,
    /// The first line that could not be read. cargo passes such lines over (they may be of a newer schema); whoever
    /// asks for a version that is not among the others must hear of it.
    pub(super) unread: Option<Fault>,
    body: Bytes,
}

fn checksum<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Sha256, D::Error> {
    let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
    text.parse().map_err(serde::de::Error::custom)
}

/// Where a crate's file is: `1/a`, `2/ab`, `3/a/abc`, `ab/cd/abcdef`, in lower case.
pub(super) fn path(name: &str) -> String {
    format!("{}/{}", prefix(name), name).to_lowercase()
}

/// The folders before a crate's file, in the case of the name.
fn prefix(name: &str) -> String {
    // Crate names are ASCII; anything else has no place and gets a 404.
    match (name.len(), name.get(..1), name.get(..2), name.get(2..4)) {
        (1, ..) => "1".to_owned(),
        (2, ..) => "2".to_owned(),
        (3, Some(first), ..) => format!("3/{first}"),
        (_, _, Some(first), Some(second)) => format!("{first}/{second}"),
        _ => "0".to_owned(),
    }
}

impl Index {
    /// Reads an index file; every line must be of the crate `wanted`.
    pub(super) fn parse(body: &Bytes, wanted: &str) -> Result<Index, Fault> {
        let mut lines = Vec::new();
        let mut unread = None;
        let mut next = 0;
        for (number, bytes) in body.split(|byte| *byte == b'\n').enumerate() {
            let at = next..next + bytes.len();
            next = at.end + 1;
            let place = || format!("line {}", number.saturating_add(1));
            if bytes.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            if lines.len() >= MAX_LINES {
                return Err((place(), format!("more than {MAX_LINES} versions")));
            }
            match serde_json::from_slice::<Line>(bytes) {
                Ok(line) if !line.name.eq_ignore_ascii_case(wanted) => {
                    return Err((place(), format!("it is of crate `{}`, not of `{}`", one_line(&line.name, 60), one_line(wanted, 60))));
                }
                Ok(line) => lines.push(Line { at, ..line }),
                Err(error) => {
                    unread.get_or_insert_with(|| (place(), one_line(&error.to_string(), 200)));
                }
            }
        }
        match (lines.is_empty(), unread) {
            (true, Some(fault)) => Err(fault),
            (true, None) => Err(("line 1".to_owned(), "the file is empty".to_owned())),
            (false, unread) => Ok(Index { lines, unread, body: body.clone() }),
        }
    }

    /// What a version asks for.
    pub(super) fn needs(&self, line: &Line) -> Result<CargoNeeds, String> {
        let bytes = self.body.get(line.at.clone()).unwrap_or_default();
        let wire: WireNeeds = serde_json::from_slice(bytes).map_err(|error| one_line(&error.to_string(), 200))?;
        let dependencies = wire.deps.0.into_iter().map(|one| CargoDependency {
            name: one.name,
            package: one.package,
            requirement: one.req,
            features: one.features.0,
            optional: one.optional,
            default_features: one.default_features,
            development: one.kind.as_deref() == Some("dev"),
        });
        let mut features: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (feature, turned_on) in wire.features.0.into_iter().chain(wire.features2.unwrap_or_default().0) {
            features.entry(feature).or_default().extend(turned_on.0);
        }
        Ok(CargoNeeds { dependencies: dependencies.collect(), features })
    }

    /// What it weighs in memory, in lines.
    pub(super) fn weight(&self) -> usize {
        self.lines.len().saturating_add(self.body.len() / 400)
    }

    /// The line of a version; build metadata counts, as it is part of the file's name.
    pub(super) fn line(&self, version: &str) -> Option<&Line> {
        self.lines.iter().find(|line| line.vers == version)
    }
}

impl Line {
    /// Whether a Rust of this version meets the crate's `rust-version`. Unknown on either side counts as yes.
    pub(super) fn builds_with(&self, rust: Option<&str>) -> bool {
        let numbers = |text: &str| -> Option<Vec<u64>> { text.trim().split('.').map(|part| part.parse().ok()).collect() };
        match (self.rust_version.as_deref().and_then(numbers), rust.and_then(numbers)) {
            (Some(needed), Some(have)) => {
                let at = |list: &[u64], place: usize| list.get(place).copied().unwrap_or(0);
                (0..3).map(|place| at(&needed, place)).le((0..3).map(|place| at(&have, place)))
            }
            _ => true,
        }
    }
}

impl Config {
    pub(super) fn parse(body: &[u8]) -> Result<Config, Fault> {
        serde_json::from_slice(body)
            .map_err(|error| (format!("line {} column {}", error.line(), error.column()), one_line(&error.to_string(), 200)))
    }

    /// The address of a `.crate`: the template's markers filled in, or `/{crate}/{version}/download` behind it.
    pub(super) fn download_url(&self, line: &Line) -> Result<String, String> {
        const MARKERS: [&str; 5] = ["{crate}", "{version}", "{prefix}", "{lowerprefix}", "{sha256-checksum}"];
        if self.dl.len() > 2048 {
            return Err("the template is longer than 2048 bytes".to_owned());
        }
        if !MARKERS.iter().any(|marker| self.dl.contains(marker)) {
            return Ok(format!("{}/{}/{}/download", self.dl.trim_end_matches('/'), line.name, line.vers));
        }
        let prefix = prefix(&line.name);
        Ok(self
            .dl
            .replace("{crate}", &line.name)
            .replace("{version}", &line.vers)
            .replace("{prefix}", &prefix)
            .replace("{lowerprefix}", &prefix.to_lowercase())
            .replace("{sha256-checksum}", &line.cksum.hex()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(name: &str, version: &str) -> String {
        format!(
            r#"{{"name":"{name}","vers":"{version}","deps":[],"cksum":"{}","features":{{}},"yanked":false,"rust_version":"1.70"}}"#,
            "ab".repeat(32)
        )
    }

    #[test]
    fn names_have_their_folders() {
        for (name, expected) in
            [("a", "1/a"), ("ab", "2/ab"), ("abc", "3/a/abc"), ("Serde_Json", "se/rd/serde_json"), ("\u{20ac}", "0/\u{20ac}")]
        {
            assert_eq!(path(name), expected);
        }
    }

    #[test]
    fn download_templates_are_filled_in() {
        let line: Line = serde_json::from_str(&line("MyCrate", "1.0.0")).unwrap();
        let url = |dl: &str| Config { dl: dl.to_owned(), api: None }.download_url(&line).unwrap();
        assert_eq!(url("https://dl.example/api/"), "https://dl.example/api/MyCrate/1.0.0/download");
        assert_eq!(url("https://dl.example/{lowerprefix}/{prefix}/{crate}-{version}"), "https://dl.example/my/cr/My/Cr/MyCrate-1.0.0");
        assert_eq!(url("https://dl.example/{sha256-checksum}"), format!("https://dl.example/{}", "ab".repeat(32)));
    }

    #[test]
    fn an_index_of_another_crate_or_of_nothing_is_refused() {
        assert_eq!(Index::parse(&line("other", "1.0.0").into(), "mine").unwrap_err().1, "it is of crate `other`, not of `mine`");
        assert!(Index::parse(&Bytes::new(), "mine").is_err());
        assert!(Index::parse(&Bytes::from_static(b"<html>"), "mine").is_err());
    }

    #[test]
    fn a_line_that_cannot_be_read_is_remembered() {
        let text = format!("{}\n{{\"v\":9}}\n\n{}\n", line("mine", "1.0.0"), line("Mine", "1.1.0"));
        let index = Index::parse(&text.into(), "mine").unwrap();
        assert_eq!(index.lines.len(), 2);
        assert_eq!(index.unread.unwrap().0, "line 2");
    }

    #[test]
    fn rust_versions_are_compared_by_number() {
        let line: Line = serde_json::from_str(&line("mine", "1.0.0")).unwrap();
        assert!(line.builds_with(Some("1.70.0")) && line.builds_with(Some("1.100")) && line.builds_with(None));
        assert!(!line.builds_with(Some("1.69.9")));
    }
}
