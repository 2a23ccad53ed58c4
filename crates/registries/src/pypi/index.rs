//! An index page of one project, in JSON (PEP 691, 700, 708, 740) or HTML (PEP 503, 592, 658), reduced to its files.

use super::filename;
use super::html;
use crate::error::{RegistryError, shown};
use crate::http::Document;
use crate::loose::{AtMost, Members, Text};
use bifocal_core::{Algorithm, ArtifactKind, Digest, PackageName, one_line};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use url::Url;

/// The most files that one project may have.
const MAX_FILES: usize = 200_000;
/// Digests of one file.
const MAX_HASHES: usize = 64;
/// Pages that one page may track.
const MAX_TRACKS: usize = 64;
/// The page's media types in the order of preference.
pub(super) const ACCEPT: &str = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01";

/// A project's files by version.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// By version in PEP 440's normal form.
    pub(super) versions: BTreeMap<String, Vec<File>>,
    pub(super) files: usize,
    /// When the page was fetched.
    pub(super) fetched_at: Timestamp,
    pub(super) offers: Offers,
    /// PEP 708: other indexes' pages of the project that this one mirrors or extends, and that it says are the same.
    pub(super) tracks: Vec<String>,
}

/// Which fields this index serves at all for the project.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Offers {
    pub(super) upload_time: bool,
    pub(super) provenance: bool,
}

/// One file.
#[derive(Debug, Clone)]
pub(super) struct File {
    pub(super) filename: String,
    pub(super) kind: ArtifactKind,
    pub(super) url: Url,
    pub(super) digests: Vec<Digest>,
    pub(super) size: Option<u64>,
    pub(super) uploaded_at: Option<Timestamp>,
    pub(super) requires_python: Option<Arc<str>>,
    pub(super) yanked: Option<Arc<str>>,
    pub(super) provenance: Option<Box<str>>,
    pub(super) has_metadata: bool,
}

#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow, default)]
    meta: Meta<'a>,
    #[serde(borrow)]
    files: AtMost<&'a RawValue, MAX_FILES>,
}

#[derive(Deserialize, Default)]
struct Meta<'a> {
    #[serde(rename = "api-version", borrow, default)]
    api_version: Text<'a>,
    #[serde(default)]
    tracks: Option<AtMost<String, MAX_TRACKS>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct WireFile<'a> {
    #[serde(borrow)]
    filename: Cow<'a, str>,
    #[serde(borrow)]
    url: Cow<'a, str>,
    #[serde(borrow, default)]
    hashes: Members<Cow<'a, str>, Text<'a>, MAX_HASHES>,
    #[serde(borrow, default)]
    requires_python: Text<'a>,
    #[serde(borrow, default)]
    yanked: Text<'a>,
    #[serde(default)]
    size: Option<u64>,
    #[serde(borrow, default)]
    upload_time: Text<'a>,
    #[serde(borrow, default)]
    provenance: Option<&'a RawValue>,
    #[serde(borrow, default)]
    core_metadata: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "dist-info-metadata")]
    dist_info_metadata: Option<&'a RawValue>,
}

impl Index {
    /// Reads a page in the form that it says it has.
    pub(super) fn parse(document: &Document, project: &PackageName) -> Result<Index, RegistryError> {
        let malformed =
            |place: String, what: String| RegistryError::Malformed { url: shown(&document.url), place, what: one_line(&what, 200) };
        let text = std::str::from_utf8(&document.body)
            .map_err(|error| malformed(format!("byte {}", error.valid_up_to()), "it is not UTF-8".to_owned()))?;
        let kind = document.content_type.as_deref().unwrap_or_default().to_ascii_lowercase();
        let json = kind.contains("json") || (!kind.contains("html") && text.trim_start().starts_with('{'));
        let mut builder = Builder { out: Index { fetched_at: document.fetched_at, ..Index::default() }, project, texts: BTreeSet::new() };
        if json {
            let wire: Wire<'_> = serde_json::from_str(text)
                .map_err(|error| malformed(format!("line {} column {}", error.line(), error.column()), error.to_string()))?;
            let version = wire.meta.api_version.take().unwrap_or_else(|| "1.0".to_owned());
            if !version.starts_with("1.") {
                return Err(malformed("meta.api-version".to_owned(), format!("`{version}` is not 1.x")));
            }
            builder.out.tracks = wire.meta.tracks.unwrap_or_default().0;
            for (at, raw) in wire.files.0.into_iter().enumerate() {
                let file: WireFile<'_> =
                    serde_json::from_str(raw.get()).map_err(|error| malformed(format!("files[{at}]"), error.to_string()))?;
                builder.json_file(file, raw.get(), &document.url).map_err(|what| malformed(format!("files[{at}]"), what))?;
            }
        } else {
            let page = html::parse(text);
            if page.anchors.len() > MAX_FILES {
                return Err(malformed("its links".to_owned(), format!("more than {MAX_FILES} files")));
            }
            if page.anchors.is_empty() && !text.contains('<') {
                return Err(malformed("its start".to_owned(), "it is neither JSON nor HTML".to_owned()));
            }
            builder.out.tracks = page.meta.into_iter().filter(|(name, _)| name == "pypi:tracks").map(|(_, url)| url).collect();
            let base = page.base.and_then(|base| document.url.join(&base).ok()).unwrap_or_else(|| document.url.clone());
            for (at, anchor) in page.anchors.into_iter().enumerate() {
                builder.html_file(anchor, &base).map_err(|what| malformed(format!("link {}", at + 1), what))?;
            }
        }
        Ok(builder.out)
    }

    /// Rough bytes in memory.
    pub(super) fn weight(&self) -> usize {
        self.files.saturating_mul(640).saturating_add(1024)
    }

    /// The first upload of a version.
    pub(super) fn published(&self, version: &str) -> Option<Timestamp> {
        self.versions.get(version)?.iter().filter_map(|file| file.uploaded_at).min()
    }
}

struct Builder<'p> {
    out: Index,
    project: &'p PackageName,
    texts: BTreeSet<Arc<str>>,
}

impl Builder<'_> {
    fn shared(&mut self, text: Option<String>) -> Option<Arc<str>> {
        let text = text?;
        if let Some(held) = self.texts.get(text.as_str()) {
            return Some(Arc::clone(held));
        }
        let fresh: Arc<str> = text.into();
        self.texts.insert(Arc::clone(&fresh));
        Some(fresh)
    }

    fn json_file(&mut self, wire: WireFile<'_>, raw: &str, base: &Url) -> Result<(), String> {
        let Some((kind, version)) = filename::read(self.project, &wire.filename) else { return Ok(()) };
        let url = base.join(&wire.url).map_err(|error| format!("its url is no address: {error}"))?;
        let mut digests = Vec::new();
        for (name, digits) in wire.hashes.0 {
            if let (Ok(algorithm), Some(digits)) = (name.parse::<Algorithm>(), digits.0) {
                digests.push(Digest::decode(algorithm, &digits).map_err(|error| error.to_string())?);
            }
        }
        let offered = |raw: Option<&RawValue>| raw.is_some_and(|raw| !matches!(raw.get(), "null" | "false"));
        // The key is there in every file of an index that knows attestations, as null where there are none (PEP 740).
        self.out.offers.provenance |= wire.provenance.is_some() || raw.contains("\"provenance\"");
        let uploaded_at = wire.upload_time.0.and_then(|text| text.parse::<Timestamp>().ok());
        self.out.offers.upload_time |= uploaded_at.is_some();
        let file = File {
            kind,
            url,
            digests,
            size: wire.size,
            uploaded_at,
            requires_python: self.shared(wire.requires_python.take()),
            yanked: self.shared(wire.yanked.take()),
            provenance: wire
                .provenance
                .map(RawValue::get)
                .filter(|text| text.len() <= 4096)
                .and_then(|text| serde_json::from_str::<Box<str>>(text).ok()),
            has_metadata: offered(wire.core_metadata) || offered(wire.dist_info_metadata),
            filename: wire.filename.into_owned(),
        };
        self.add(version, file);
        Ok(())
    }

    fn html_file(&mut self, mut anchor: html::Anchor, base: &Url) -> Result<(), String> {
        let Some(href) = anchor.attributes.get("href") else { return Ok(()) };
        let mut url = base.join(href).map_err(|error| format!("its href is no address: {error}"))?;
        let last = url.path_segments().and_then(|mut parts| parts.next_back()).map(bifocal_core::percent_decode).unwrap_or_default();
        let Some((filename, (kind, version))) =
            [last, anchor.text.clone()].into_iter().find_map(|name| filename::read(self.project, &name).map(|read| (name, read)))
        else {
            return Ok(());
        };
        let mut digests = Vec::new();
        for part in url.fragment().unwrap_or_default().split('&') {
            let Some((name, digits)) = part.split_once('=') else { continue };
            if let Ok(algorithm) = name.parse::<Algorithm>() {
                digests.push(Digest::decode(algorithm, digits).map_err(|error| error.to_string())?);
            }
        }
        url.set_fragment(None);
        let provenance = anchor.attributes.remove("data-provenance");
        self.out.offers.provenance |= provenance.is_some();
        let offered = |value: Option<&String>| value.is_some_and(|value| value != "false");
        let file = File {
            filename,
            kind,
            url,
            digests,
            size: None,
            uploaded_at: None,
            has_metadata: offered(anchor.attributes.get("data-core-metadata")) || offered(anchor.attributes.get("data-dist-info-metadata")),
            requires_python: self.shared(anchor.attributes.remove("data-requires-python")),
            yanked: self.shared(anchor.attributes.remove("data-yanked")),
            provenance: provenance.map(String::into_boxed_str),
        };
        self.add(version, file);
        Ok(())
    }

    fn add(&mut self, version: String, file: File) {
        self.out.files += 1;
        self.out.versions.entry(version).or_default().push(file);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bifocal_core::Ecosystem;
    use bytes::Bytes;

    fn read(kind: &str, body: &str) -> Result<Index, RegistryError> {
        let document = Document {
            body: Bytes::copy_from_slice(body.as_bytes()),
            content_type: Some(kind.to_owned()),
            last_modified: None,
            url: Url::parse("https://index.example/simple/x/").unwrap(),
            fetched_at: Timestamp::UNIX_EPOCH,
            turn: None,
        };
        Index::parse(&document, &PackageName::new(Ecosystem::Pypi, "x").unwrap())
    }

    const SHA: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn json_and_html_say_the_same() {
        let json = format!(
            r#"{{"meta":{{"api-version":"1.3","tracks":["https://other.example/simple/x/"]}},"name":"x","files":[
                {{"filename":"x-1.0.tar.gz","url":"../../f/x-1.0.tar.gz","hashes":{{"sha256":"{SHA}","odd":"1"}},"requires-python":">=3.8","yanked":"broken",
                  "size":12,"upload-time":"2024-01-02T03:04:05.678901Z","provenance":null,"core-metadata":{{"sha256":"{SHA}"}}}},
                {{"filename":"y-1.0.tar.gz","url":"y","hashes":{{}}}}]}}"#
        );
        let json = read("application/vnd.pypi.simple.v1+json", &json).unwrap();
        let html = read(
            "text/html",
            &format!("<meta name=\"pypi:tracks\" content=\"https://other.example/simple/x/\"><a href=\"../../f/x-1.0.tar.gz#sha256={SHA}\" data-requires-python=\"&gt;=3.8\" data-yanked=\"broken\" data-core-metadata=\"true\">x-1.0.tar.gz</a>"),
        )
        .unwrap();
        for index in [&json, &html] {
            let file = &index.versions["1.0"][0];
            assert_eq!(file.url.as_str(), "https://index.example/f/x-1.0.tar.gz");
            assert_eq!(file.digests[0].hex(), SHA);
            assert_eq!(file.requires_python.as_deref(), Some(">=3.8"));
            assert_eq!(file.yanked.as_deref(), Some("broken"));
            assert!(file.has_metadata);
            assert_eq!(index.files, 1);
            assert_eq!(index.tracks, ["https://other.example/simple/x/"]);
        }
        assert_eq!(json.offers, Offers { upload_time: true, provenance: true });
        assert_eq!(html.offers, Offers::default());
        assert_eq!(json.published("1.0").unwrap().to_string(), "2024-01-02T03:04:05.678901Z");
    }

    #[test]
    fn pages_that_are_none_say_where() {
        let error = read("application/json", "{\"files\":[{\"filename\":1}]}").unwrap_err().to_string();
        assert!(error.contains("malformed at files[0]"), "{error}");
        assert!(
            read("application/json", "{\"meta\":{\"api-version\":\"2.0\"},\"files\":[]}").unwrap_err().to_string().contains("api-version")
        );
        assert!(read("text/plain", "hello").is_err());
        let wrong = "{\"files\":[{\"filename\":\"x-1.tar.gz\",\"url\":\"u\",\"hashes\":{\"sha256\":\"zz\"}}]}";
        assert!(read("application/json", wrong).is_err());
    }
}
