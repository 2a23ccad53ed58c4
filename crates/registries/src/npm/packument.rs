//! npm's document of a package (a *packument*), reduced in one pass to what assessments need.
//!
//! In: the JSON, up to tens of megabytes. Out: a lean [`Packument`] that keeps one copy of texts that versions share.
//! A version whose manifest cannot be read spoils that version alone.

use crate::error::RegistryError;
use crate::loose::{Member, Members, People, Text, clip};
use bifocal_core::{Ecosystem, Publisher, one_line};
use bifocal_versions::ParsedVersion;
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

/// The most versions that a package may have.
const MAX_VERSIONS: usize = 100_000;
/// Dates of one package: those of its versions, and a few more; unpublished versions keep theirs.
const MAX_DATES: usize = 2 * MAX_VERSIONS;
/// Scripts of one version.
const MAX_SCRIPTS: usize = 10_000;
/// The longest JSON of signatures or attestations that is kept.
const MAX_EVIDENCE: usize = 64 << 10;
/// The longest table of dependencies that is kept.
const MAX_WANTS: usize = 1 << 20;
/// Install-time scripts, in the order in which npm runs them.
const INSTALL_SCRIPTS: [&str; 3] = ["preinstall", "install", "postinstall"];

/// A package and all its versions.
#[derive(Debug, Default)]
pub(super) struct Packument {
    pub(super) tags: BTreeMap<String, String>,
    pub(super) versions: BTreeMap<Arc<str>, Manifest>,
    /// When the registry made the package; mirrors that build documents of their own leave it out.
    pub(super) created: Option<Timestamp>,
    /// When the document was fetched.
    pub(super) fetched_at: Timestamp,
    /// What no version has, no version had taken from it: see [`Offers`].
    pub(super) offers: Offers,
    /// Versions that the upstream names but withholds by policy, and its reason.
    pub(super) restricted: BTreeSet<String>,
    pub(super) restricted_message: Option<String>,
    /// Bytes of the tables in [`Wants`], each counted once.
    pub(super) table_bytes: usize,
}

/// Which fields this upstream serves at all for the package.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Offers {
    pub(super) publisher: bool,
    pub(super) signatures: bool,
    pub(super) time: bool,
}

/// One version.
#[derive(Debug, Default, Clone)]
pub(super) struct Manifest {
    pub(super) published_at: Option<Timestamp>,
    /// The document has a date that cannot be the publication's.
    pub(super) date_refused: bool,
    pub(super) publisher: Option<Arc<Publisher>>,
    pub(super) maintainers: Arc<[Publisher]>,
    pub(super) repository: Option<Arc<str>>,
    pub(super) license: Option<Arc<str>>,
    pub(super) description: Option<Arc<str>>,
    pub(super) deprecated: Option<Arc<str>>,
    pub(super) node: Option<Arc<str>>,
    pub(super) scripts: BTreeMap<String, String>,
    pub(super) tarball: String,
    pub(super) integrity: Option<Box<str>>,
    pub(super) shasum: Option<Box<str>>,
    pub(super) signatures: Option<Box<str>>,
    pub(super) attestations: Option<Box<str>>,
    /// What it asks for in turn.
    pub(super) wants: Wants,
    /// Why the manifest cannot be used.
    pub(super) broken: Option<Box<str>>,
}

/// The tables of a manifest that name other packages, as JSON: read only for the versions that a client would take.
#[derive(Debug, Default, Clone)]
pub(super) struct Wants {
    pub(super) dependencies: Option<Arc<str>>,
    pub(super) optional: Option<Arc<str>>,
    pub(super) peers: Option<Arc<str>>,
    pub(super) peer_meta: Option<Arc<str>>,
    pub(super) bundled: Option<Arc<str>>,
    pub(super) has_shrinkwrap: bool,
    /// One of them is longer than [`MAX_WANTS`].
    pub(super) too_large: bool,
}

#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(rename = "dist-tags", borrow, default)]
    tags: Option<Members<Cow<'a, str>, Text<'a>, MAX_VERSIONS>>,
    #[serde(default)]
    versions: Option<Versions>,
    #[serde(borrow, default)]
    time: Option<Members<Cow<'a, str>, Text<'a>, MAX_DATES>>,
    #[serde(rename = "policyRestrictions", borrow, default)]
    restrictions: Option<&'a RawValue>,
}

#[derive(Deserialize, Default)]
struct Restrictions<'a> {
    #[serde(borrow, default)]
    versions: Members<Cow<'a, str>, IgnoredAny, MAX_VERSIONS>,
    #[serde(borrow, default)]
    message: Text<'a>,
}

#[derive(Deserialize)]
struct WireManifest<'a> {
    #[serde(rename = "_npmUser", default)]
    publisher: People,
    #[serde(default)]
    maintainers: People,
    #[serde(borrow, default)]
    repository: Member<'a>,
    #[serde(borrow, default)]
    license: Member<'a>,
    #[serde(borrow, default)]
    licenses: Member<'a>,
    #[serde(borrow, default)]
    description: Text<'a>,
    #[serde(borrow, default)]
    deprecated: Text<'a>,
    #[serde(borrow, default)]
    engines: Option<&'a RawValue>,
    #[serde(borrow, default)]
    scripts: Option<&'a RawValue>,
    #[serde(rename = "hasInstallScript", borrow, default)]
    has_install_script: Option<&'a RawValue>,
    #[serde(borrow, default)]
    dist: Option<WireDist<'a>>,
    #[serde(borrow, default)]
    dependencies: Option<&'a RawValue>,
    #[serde(rename = "optionalDependencies", borrow, default)]
    optional_dependencies: Option<&'a RawValue>,
    #[serde(rename = "peerDependencies", borrow, default)]
    peer_dependencies: Option<&'a RawValue>,
    #[serde(rename = "peerDependenciesMeta", borrow, default)]
    peer_meta: Option<&'a RawValue>,
    #[serde(rename = "bundleDependencies", borrow, default)]
    bundle: Option<&'a RawValue>,
    #[serde(rename = "bundledDependencies", borrow, default)]
    bundled: Option<&'a RawValue>,
    #[serde(rename = "_hasShrinkwrap", borrow, default)]
    has_shrinkwrap: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct WireDist<'a> {
    #[serde(borrow, default)]
    tarball: Text<'a>,
    #[serde(borrow, default)]
    integrity: Text<'a>,
    #[serde(borrow, default)]
    shasum: Text<'a>,
    #[serde(borrow, default)]
    signatures: Option<&'a RawValue>,
    #[serde(borrow, default)]
    attestations: Option<&'a RawValue>,
}

#[derive(Deserialize, Default)]
struct Engines<'a> {
    #[serde(borrow, default)]
    node: Text<'a>,
}

/// The versions object, read one manifest at a time so that never more than one is held in its wire form.
#[derive(Default)]
struct Versions {
    all: BTreeMap<Arc<str>, Manifest>,
    offers: Offers,
    table_bytes: usize,
}

impl<'de> Deserialize<'de> for Versions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Walk;
        impl<'de> Visitor<'de> for Walk {
            type Value = Versions;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of versions")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Versions, A::Error> {
                let mut out = Versions::default();
                let mut shared = Interner::default();
                while let Some((version, raw)) = map.next_entry::<Cow<'de, str>, &'de RawValue>()? {
                    if out.all.len() >= MAX_VERSIONS {
                        return Err(serde::de::Error::custom("more than 100000 versions"));
                    }
                    let manifest = match serde_json::from_str::<WireManifest<'_>>(raw.get()) {
                        Ok(wire) => reduce(wire, &mut shared, &mut out.offers),
                        Err(error) => Manifest { broken: Some(one_line(&error.to_string(), 200).into()), ..Manifest::default() },
                    };
                    out.all.insert(version.as_ref().into(), manifest);
                }
                out.table_bytes = shared.table_bytes;
                Ok(out)
            }
        }
        deserializer.deserialize_map(Walk)
    }
}

/// One copy of each text and list of people, since versions of a package mostly repeat them.
#[derive(Default)]
struct Interner {
    texts: BTreeSet<Arc<str>>,
    people: BTreeSet<Arc<[Publisher]>>,
    persons: BTreeSet<Arc<Publisher>>,
    tables: BTreeSet<Arc<str>>,
    table_bytes: usize,
}

impl Interner {
    fn text(&mut self, text: Option<Cow<'_, str>>) -> Option<Arc<str>> {
        let text = text?;
        let text = clip(&text);
        if let Some(held) = self.texts.get(text) {
            return Some(Arc::clone(held));
        }
        let fresh: Arc<str> = text.into();
        self.texts.insert(Arc::clone(&fresh));
        Some(fresh)
    }

    /// A table of dependencies; nothing of an empty one.
    fn table(&mut self, raw: Option<&RawValue>, too_large: &mut bool) -> Option<Arc<str>> {
        let text = raw.map(RawValue::get).filter(|text| !matches!(*text, "{}" | "[]" | "null" | "false"))?;
        if text.len() > MAX_WANTS {
            *too_large = true;
            return None;
        }
        if let Some(held) = self.tables.get(text) {
            return Some(Arc::clone(held));
        }
        let fresh: Arc<str> = text.into();
        self.table_bytes = self.table_bytes.saturating_add(text.len());
        self.tables.insert(Arc::clone(&fresh));
        Some(fresh)
    }

    fn people(&mut self, people: Vec<Publisher>) -> Arc<[Publisher]> {
        if let Some(held) = self.people.get(people.as_slice()) {
            return Arc::clone(held);
        }
        let fresh: Arc<[Publisher]> = people.into();
        self.people.insert(Arc::clone(&fresh));
        fresh
    }

    fn person(&mut self, person: Publisher) -> Arc<Publisher> {
        if let Some(held) = self.persons.get(&person) {
            return Arc::clone(held);
        }
        let fresh = Arc::new(person);
        self.persons.insert(Arc::clone(&fresh));
        fresh
    }
}

fn reduce(wire: WireManifest<'_>, shared: &mut Interner, offers: &mut Offers) -> Manifest {
    let evidence = |raw: Option<&RawValue>| {
        raw.map(RawValue::get).filter(|text| text.len() <= MAX_EVIDENCE && !matches!(*text, "null" | "[]" | "{}")).map(Box::from)
    };
    let (mut tarball, mut integrity, mut shasum, mut signatures, mut attestations) = (String::new(), None, None, None, None);
    if let Some(dist) = wire.dist {
        tarball = dist.tarball.take().unwrap_or_default();
        integrity = dist.integrity.take().map(String::into_boxed_str);
        shasum = dist.shasum.take().map(String::into_boxed_str);
        signatures = evidence(dist.signatures);
        attestations = evidence(dist.attestations);
    }
    let publisher = wire.publisher.0.into_iter().next().map(|person| shared.person(person));
    offers.publisher |= publisher.is_some();
    offers.signatures |= signatures.is_some();
    let announced = wire.has_install_script.is_some_and(|raw| raw.get() == "true");
    let mut too_large = false;
    let wants = Wants {
        dependencies: shared.table(wire.dependencies, &mut too_large),
        optional: shared.table(wire.optional_dependencies, &mut too_large),
        peers: shared.table(wire.peer_dependencies, &mut too_large),
        peer_meta: shared.table(wire.peer_meta, &mut too_large),
        bundled: shared.table(wire.bundle.or(wire.bundled), &mut too_large),
        has_shrinkwrap: wire.has_shrinkwrap.is_some_and(|raw| raw.get() == "true"),
        too_large,
    };
    let engines: Engines<'_> = wire.engines.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default();
    Manifest {
        published_at: None,
        date_refused: false,
        publisher,
        maintainers: shared.people(wire.maintainers.0),
        repository: shared.text(wire.repository.0.filter(|text| !text.is_empty())),
        license: shared.text(wire.license.0.or(wire.licenses.0).filter(|text| !text.is_empty())),
        description: shared.text(wire.description.0.filter(|text| !text.is_empty())),
        deprecated: shared.text(wire.deprecated.0),
        node: shared.text(engines.node.0),
        scripts: install_scripts(wire.scripts, announced),
        integrity,
        shasum,
        signatures,
        attestations,
        wants,
        broken: tarball.is_empty().then(|| "dist.tarball is missing".into()),
        tarball,
    }
}

/// The commands that run at install time. A registry that announces some without naming them gets an unnamed one.
fn install_scripts(raw: Option<&RawValue>, announced: bool) -> BTreeMap<String, String> {
    let all: Members<Cow<'_, str>, Text<'_>, MAX_SCRIPTS> = raw
        .filter(|raw| INSTALL_SCRIPTS.iter().any(|name| raw.get().contains(name)))
        .and_then(|raw| serde_json::from_str(raw.get()).ok())
        .unwrap_or_default();
    let mut found: BTreeMap<String, String> = all
        .0
        .into_iter()
        .filter(|(name, _)| INSTALL_SCRIPTS.contains(&name.as_ref()))
        .filter_map(|(name, text)| Some((name.into_owned(), text.take()?)))
        .collect();
    if found.is_empty() && announced {
        found.insert("install".to_owned(), String::new());
    }
    found
}

/// Takes out dates that are not of the publication.
///
/// A registry's own document has `time.created`. A mirror that builds documents itself leaves it out, and may date a
/// version by when it was copied: such a date is refused where a higher version of the same minor line is older.
fn refuse_copy_dates(versions: &mut BTreeMap<Arc<str>, Manifest>) {
    type Dated = (ParsedVersion, Arc<str>, Timestamp);
    let mut lines: BTreeMap<[u64; 2], Vec<Dated>> = BTreeMap::new();
    for (text, manifest) in versions.iter() {
        let Some(at) = manifest.published_at else { continue };
        let Some(parsed) = ParsedVersion::parse(Ecosystem::Npm, text) else { continue };
        if let [major, minor, ..] = parsed.release_numbers()[..] {
            lines.entry([major, minor]).or_default().push((parsed, Arc::clone(text), at));
        }
    }
    for line in lines.values_mut() {
        line.sort_by(|a, b| b.0.order(&a.0));
        let mut oldest = Timestamp::MAX;
        for (_, text, at) in line {
            if *at > oldest
                && let Some(manifest) = versions.get_mut(text)
            {
                manifest.published_at = None;
                manifest.date_refused = true;
            }
            oldest = oldest.min(*at);
        }
    }
}

impl Packument {
    /// Reads the document.
    pub(super) fn parse(body: &[u8], url: &str) -> Result<Packument, RegistryError> {
        let malformed = |place: String, what: String| RegistryError::Malformed { url: url.to_owned(), place, what: one_line(&what, 200) };
        let text =
            std::str::from_utf8(body).map_err(|error| malformed(format!("byte {}", error.valid_up_to()), "it is not UTF-8".to_owned()))?;
        let wire: Wire<'_> = serde_json::from_str(text)
            .map_err(|error| malformed(format!("line {} column {}", error.line(), error.column()), error.to_string()))?;
        let Some(Versions { all: mut versions, mut offers, table_bytes }) = wire.versions else {
            // A package whose versions were all removed keeps its document, without this key.
            return Ok(Packument::default());
        };
        let mut created = None;
        for (version, at) in wire.time.unwrap_or_default().0 {
            let at = at.0.and_then(|text| text.parse::<Timestamp>().ok());
            if version == "created" {
                created = at;
            } else if let Some(manifest) = versions.get_mut(version.as_ref()) {
                manifest.published_at = at;
                offers.time |= at.is_some();
            }
        }
        if created.is_none() {
            refuse_copy_dates(&mut versions);
        }
        let restrictions: Restrictions<'_> = wire.restrictions.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default();
        let tags = wire.tags.unwrap_or_default().0;
        let tags = tags.into_iter().filter_map(|(tag, version)| Some((tag.into_owned(), version.take()?))).collect();
        Ok(Packument {
            tags,
            versions,
            created,
            fetched_at: Timestamp::UNIX_EPOCH,
            offers,
            restricted: restrictions.versions.0.into_iter().map(|(version, _)| version.into_owned()).collect(),
            restricted_message: restrictions.message.take(),
            table_bytes,
        })
    }

    /// Rough bytes in memory.
    pub(super) fn weight(&self) -> usize {
        self.versions.len().saturating_mul(736).saturating_add(1024).saturating_add(self.table_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Packument {
        Packument::parse(text.as_bytes(), "u").unwrap()
    }

    #[test]
    fn one_odd_version_does_not_spoil_the_others() {
        let found = parse(
            r#"{"dist-tags":{"latest":"1.0.0","odd":3},"versions":{
                "1.0.0":{"repository":{"url":"git+https://example.com/r.git"},"license":{"type":"MIT"},"deprecated":false,"dist":{"tarball":"t","shasum":"s"}},
                "1.0.1":"gone","1.0.2":{"dist":[]},"1.0.3":{"maintainers":7,"scripts":[],"deprecated":"no","dist":{"tarball":5}}},
                "time":{"created":"2020-01-01T00:00:00.000Z","1.0.0":"2020-01-02T00:00:00.000Z","1.0.1":null,"unpublished":{"x":1}}}"#,
        );
        assert_eq!(found.versions.len(), 4);
        assert_eq!(found.versions["1.0.0"].repository.as_deref(), Some("git+https://example.com/r.git"));
        assert_eq!(found.versions["1.0.0"].deprecated, None);
        assert_eq!(found.versions["1.0.3"].deprecated.as_deref(), Some("no"));
        assert!(found.versions["1.0.1"].broken.is_some() && found.versions["1.0.2"].broken.is_some());
        assert_eq!(found.tags.len(), 1);
        assert_eq!(found.offers, Offers { publisher: false, signatures: false, time: true });
    }

    #[test]
    fn install_scripts_are_those_that_run_at_install_time() {
        let found = parse(
            r#"{"versions":{"1.0.0":{"scripts":{"postinstall":"node x.js","test":"t","preinstall":3}},
                "1.0.1":{"hasInstallScript":true},"1.0.2":{"hasInstallScript":"yes","scripts":{"prepare":"p"}}}}"#,
        );
        let scripts = |version: &str| &found.versions[version].scripts;
        assert_eq!(*scripts("1.0.0"), [("postinstall".to_owned(), "node x.js".to_owned())].into());
        assert_eq!(*scripts("1.0.1"), [("install".to_owned(), String::new())].into());
        assert!(scripts("1.0.2").is_empty());
    }

    #[test]
    fn documents_that_are_none_say_where() {
        let error = Packument::parse(b"{\"versions\":[]}", "https://registry.example/x").unwrap_err();
        assert!(error.to_string().starts_with("https://registry.example/x is malformed at line 1 column"), "{error}");
        assert!(Packument::parse(b"\xff", "u").is_err());
        assert!(Packument::parse(b"<html>", "u").is_err());
        let deep = format!("{{\"versions\":{{\"1.0.0\":{}", "[".repeat(200_000));
        assert!(Packument::parse(deep.as_bytes(), "u").is_err());
        assert!(parse("{\"name\":\"x\",\"time\":{\"unpublished\":{}}}").versions.is_empty());
    }
}
