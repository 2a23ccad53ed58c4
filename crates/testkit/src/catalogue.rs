//! What the upstream has: every package of five ecosystems, and the changes that a registry makes after publication.

use crate::order;
use crate::package::npm::NpmPackage;
use crate::package::{Built, Package};
use bifocal_core::{Ecosystem, Release};
use serde_json::Value;
use std::collections::BTreeMap;

/// Releases of one ecosystem by package name, in the order published.
pub(crate) type Shelf<P> = BTreeMap<String, Vec<Built<P>>>;

/// The packages of an [`crate::Upstream`].
#[derive(Debug, Default)]
pub struct Catalogue {
    pub(crate) npm: Shelf<NpmPackage>,
    pub(crate) npm_tags: BTreeMap<String, BTreeMap<String, String>>,
    /// Answer of npm's `keys` endpoint.
    pub npm_keys: Option<Value>,
    /// Answer of npm's bulk advisory endpoint, by package name.
    pub npm_advisories: BTreeMap<String, Value>,
}

/// What can be put up: a builder, or what its `build()` gave.
pub trait Publish {
    /// Adds it, or replaces the same version (for Python, the same file).
    fn publish_into(self, catalogue: &mut Catalogue);
}

fn shelve<P: Package>(shelf: &mut Shelf<P>, name: String, built: Built<P>, same: impl Fn(&P, &P) -> bool) {
    let releases = shelf.entry(name).or_default();
    match releases.iter_mut().find(|one| same(&one.package, &built.package)) {
        Some(old) => *old = built,
        None => releases.push(built),
    }
}

impl Publish for Built<NpmPackage> {
    fn publish_into(self, catalogue: &mut Catalogue) {
        let name = self.name().to_owned();
        for tag in &self.tags {
            catalogue.set_tag(&name, tag, self.version());
        }
        shelve(&mut catalogue.npm, name, self, |a, b| a.version() == b.version());
    }
}

impl Publish for NpmPackage {
    fn publish_into(self, catalogue: &mut Catalogue) {
        Built::lazy(self).publish_into(catalogue);
    }
}

impl Catalogue {
    /// Adds a package, or replaces the same version of it.
    pub fn publish(&mut self, package: impl Publish) {
        package.publish_into(self);
    }

    /// The npm release of this name and version.
    pub fn npm(&self, name: &str, version: &str) -> Option<&Built<NpmPackage>> {
        self.npm.get(name)?.iter().find(|one| one.version() == version)
    }

    /// Every release of an ecosystem, by name, then in the order published.
    pub fn releases(&self, ecosystem: Ecosystem) -> Vec<Release> {
        match ecosystem {
            Ecosystem::Npm => self.npm.values().flatten().map(|one| one.release()).collect(),
            _ => Vec::new(),
        }
    }

    /// Points an npm dist-tag at a version.
    pub fn set_tag(&mut self, name: &str, tag: &str, version: &str) {
        self.npm_tags.entry(name.to_owned()).or_default().insert(tag.to_owned(), version.to_owned());
    }

    /// The dist-tags of an npm package.
    pub fn tags(&self, name: &str) -> BTreeMap<String, String> {
        let mut tags = self.npm_tags.get(name).cloned().unwrap_or_default();
        if !tags.contains_key("latest")
            && let Some(latest) = self.npm.get(name).and_then(|releases| newest(releases.iter().map(|one| one.version())))
        {
            tags.insert("latest".to_owned(), latest.to_owned());
        }
        tags
    }

    pub(crate) fn missing(&self, _ecosystem: Ecosystem, _path: &str) -> Vec<String> {
        Vec::new()
    }

    pub(crate) fn materialise(&mut self, _ecosystem: Ecosystem, _name: &str) {}
}

/// The highest version that is no pre-release; the highest of all where there is no other.
pub(crate) fn newest<'a>(versions: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    versions.max_by(|a, b| order::is_prerelease(b).cmp(&order::is_prerelease(a)).then_with(|| order::compare(a, b)))
}
