//! What the upstream has: every package of five ecosystems, and the changes that a registry makes after publication.

use crate::Artifact;
use crate::order;
use crate::package::crates::CratePackage;
use crate::package::golang::GoModule;
use crate::package::maven::MavenPackage;
use crate::package::npm::NpmPackage;
use crate::package::python::PythonPackage;
use crate::package::{Built, Package};
use crate::sumdb::SumLog;
use crate::world::World;
use bifocal_core::{Ecosystem, PackageName, Release};
use jiff::Timestamp;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Releases of one ecosystem by package name, in the order published.
pub(crate) type Shelf<P> = BTreeMap<String, Vec<Built<P>>>;

/// The packages of an [`crate::Upstream`].
#[derive(Debug, Default)]
pub struct Catalogue {
    pub(crate) npm: Shelf<NpmPackage>,
    pub(crate) python: Shelf<PythonPackage>,
    pub(crate) maven: Shelf<MavenPackage>,
    pub(crate) crates: Shelf<CratePackage>,
    pub(crate) go: Shelf<GoModule>,
    pub(crate) npm_tags: BTreeMap<String, BTreeMap<String, String>>,
    /// Answer of npm's `keys` endpoint.
    pub npm_keys: Option<Value>,
    /// Answer of npm's bulk advisory endpoint, by package name.
    pub npm_advisories: BTreeMap<String, Value>,
    /// What the checksum database saw, in the order in which it was first published; nothing leaves it.
    pub(crate) go_log: SumLog,
    world: Option<Arc<World>>,
    made: BTreeSet<(Ecosystem, String)>,
}

/// What can be put up: a builder, or what its `build()` gave.
pub trait Publish {
    /// Adds it, or replaces the same version (for Python, the same file; for a Maven snapshot, the same build).
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

impl Publish for Built<PythonPackage> {
    fn publish_into(self, catalogue: &mut Catalogue) {
        shelve(&mut catalogue.python, self.project(), self, |a, b| a.filename() == b.filename());
    }
}

impl Publish for Built<MavenPackage> {
    fn publish_into(self, catalogue: &mut Catalogue) {
        shelve(&mut catalogue.maven, self.package.name(), self, |a, b| a.version() == b.version() && a.file_version() == b.file_version());
    }
}

impl Publish for Built<CratePackage> {
    fn publish_into(self, catalogue: &mut Catalogue) {
        shelve(&mut catalogue.crates, self.name().to_owned(), self, |a, b| a.version() == b.version());
    }
}

impl Publish for Built<GoModule> {
    fn publish_into(self, catalogue: &mut Catalogue) {
        catalogue.go_log.add(self.module(), self.version());
        shelve(&mut catalogue.go, self.module().to_owned(), self, |a, b| a.version() == b.version());
    }
}

macro_rules! publish_builders {
    ($($builder:ty),+) => {$(
        impl Publish for $builder {
            fn publish_into(self, catalogue: &mut Catalogue) {
                Built::lazy(self).publish_into(catalogue);
            }
        }
    )+};
}
publish_builders!(NpmPackage, PythonPackage, MavenPackage, CratePackage, GoModule);

/// Runs an expression for the shelf of an ecosystem, whatever its type.
macro_rules! each_shelf {
    ($catalogue:expr, $ecosystem:expr, $shelf:ident => $body:expr) => {
        match $ecosystem {
            Ecosystem::Npm => {
                let $shelf = &$catalogue.npm;
                $body
            }
            Ecosystem::Pypi => {
                let $shelf = &$catalogue.python;
                $body
            }
            Ecosystem::Maven => {
                let $shelf = &$catalogue.maven;
                $body
            }
            Ecosystem::Cargo => {
                let $shelf = &$catalogue.crates;
                $body
            }
            Ecosystem::Golang => {
                let $shelf = &$catalogue.go;
                $body
            }
        }
    };
}

/// Runs a statement for every published item of a release, whatever its type.
macro_rules! each_of_release {
    ($catalogue:expr, $release:expr, $item:ident => $body:expr) => {
        match $release.ecosystem() {
            Ecosystem::Npm => items(&mut $catalogue.npm, $release).for_each(|$item| $body),
            Ecosystem::Pypi => items(&mut $catalogue.python, $release).for_each(|$item| $body),
            Ecosystem::Maven => items(&mut $catalogue.maven, $release).for_each(|$item| $body),
            Ecosystem::Cargo => items(&mut $catalogue.crates, $release).for_each(|$item| $body),
            Ecosystem::Golang => items(&mut $catalogue.go, $release).for_each(|$item| $body),
        }
    };
}

fn items<'a, P: Package>(shelf: &'a mut Shelf<P>, release: &'a Release) -> impl Iterator<Item = &'a mut Built<P>> {
    let found = shelf.get_mut(release.package.as_str()).map(Vec::as_mut_slice).unwrap_or_default();
    found.iter_mut().filter(move |one| one.release() == *release)
}

impl Catalogue {
    /// Adds a package, or replaces the same version of it.
    pub fn publish(&mut self, package: impl Publish) {
        package.publish_into(self);
    }

    /// Serves a synthetic world: its packages are made when a client first asks for their name.
    pub fn serve_world(&mut self, world: World) {
        self.world = Some(Arc::new(world));
    }

    /// The npm release of this name and version.
    pub fn npm(&self, name: &str, version: &str) -> Option<&Built<NpmPackage>> {
        self.npm.get(name)?.iter().find(|one| one.version() == version)
    }

    /// The files of a Python release, by normalised name.
    pub fn python(&self, project: &str, version: &str) -> Vec<&Built<PythonPackage>> {
        self.python.get(project).into_iter().flatten().filter(|one| one.version() == version).collect()
    }

    /// The Maven release of this `group:artifact` and version (for a snapshot, its newest build).
    pub fn maven(&self, name: &str, version: &str) -> Option<&Built<MavenPackage>> {
        self.maven.get(name)?.iter().rfind(|one| one.version() == version)
    }

    /// The crate of this name and version.
    pub fn krate(&self, name: &str, version: &str) -> Option<&Built<CratePackage>> {
        self.crates.get(name)?.iter().find(|one| one.version() == version)
    }

    /// The module of this path and version.
    pub fn go(&self, module: &str, version: &str) -> Option<&Built<GoModule>> {
        self.go.get(module)?.iter().find(|one| one.version() == version)
    }

    /// Every release of an ecosystem, each once, by name, then in version order.
    pub fn releases(&self, ecosystem: Ecosystem) -> Vec<Release> {
        let mut out: Vec<Release> =
            each_shelf!(self, ecosystem, shelf => shelf.values().flatten().map(|one| one.release()).collect::<BTreeSet<_>>())
                .into_iter()
                .collect();
        out.sort_by(|a, b| a.package.cmp(&b.package).then_with(|| order::compare(&a.version, &b.version)));
        out
    }

    /// Every file of a release, the main one of each published item first.
    pub fn artifacts(&self, release: &Release) -> Vec<&Artifact> {
        let name = release.package.as_str();
        each_shelf!(self, release.ecosystem(), shelf => shelf
            .get(name)
            .into_iter()
            .flatten()
            .filter(|one| one.release() == *release)
            .flat_map(|one| one.artifacts())
            .collect())
    }

    /// The versions of a package, in version order.
    pub fn versions(&self, package: &PackageName) -> Vec<String> {
        let mut out: Vec<String> = each_shelf!(self, package.ecosystem(), shelf => shelf
            .get(package.as_str())
            .into_iter()
            .flatten()
            .map(|one| one.release().version)
            .collect::<BTreeSet<_>>())
        .into_iter()
        .collect();
        out.sort_by(|a, b| order::compare(a, b));
        out
    }

    /// When a release was published.
    pub fn published_at(&self, release: &Release) -> Option<Timestamp> {
        let name = release.package.as_str();
        each_shelf!(self, release.ecosystem(), shelf => shelf
            .get(name)
            .into_iter()
            .flatten()
            .find(|one| one.release() == *release)
            .and_then(|one| one.published_at()))
    }

    /// Unpublishes a release.
    pub fn remove(&mut self, release: &Release) {
        fn take<P: Package>(shelf: &mut Shelf<P>, release: &Release) {
            if let Some(all) = shelf.get_mut(release.package.as_str()) {
                all.retain(|one| one.release() != *release);
                if all.is_empty() {
                    shelf.remove(release.package.as_str());
                }
            }
        }
        match release.ecosystem() {
            Ecosystem::Npm => take(&mut self.npm, release),
            Ecosystem::Pypi => take(&mut self.python, release),
            Ecosystem::Maven => take(&mut self.maven, release),
            Ecosystem::Cargo => take(&mut self.crates, release),
            Ecosystem::Golang => take(&mut self.go, release),
        }
    }

    /// Yanks every file of a Python release or a crate; `None` takes the yank back. cargo keeps no reason.
    ///
    /// # Panics
    /// For other ecosystems: npm deprecates ([`Catalogue::deprecate`]), Go retracts in a later go.mod, Maven does neither.
    pub fn yank(&mut self, release: &Release, reason: Option<&str>) {
        match release.ecosystem() {
            Ecosystem::Pypi => {
                items(&mut self.python, release).for_each(|one| one.package.yanked = reason.map(str::to_owned));
            }
            Ecosystem::Cargo => items(&mut self.crates, release).for_each(|one| one.package.yanked = reason.is_some()),
            other => panic!("{other} has no yank"),
        }
    }

    /// Deprecates an npm release; `None` takes it back.
    ///
    /// # Panics
    /// For other ecosystems.
    pub fn deprecate(&mut self, release: &Release, notice: Option<&str>) {
        assert_eq!(release.ecosystem(), Ecosystem::Npm, "only npm deprecates a version");
        items(&mut self.npm, release).for_each(|one| one.package.deprecated = notice.map(str::to_owned));
    }

    /// Changes the date that the upstream gives for a release.
    pub fn set_published_at(&mut self, release: &Release, at: Option<Timestamp>) {
        each_of_release!(self, release, item => item.package.set_published_at(at));
    }

    /// Changes who published an npm release or a crate, as the metadata says. Artifacts stay as they are.
    ///
    /// # Panics
    /// For other ecosystems, whose metadata names no publisher of a version.
    pub fn set_publisher(&mut self, release: &Release, name: &str) {
        match release.ecosystem() {
            Ecosystem::Npm => items(&mut self.npm, release).for_each(|one| one.package.set_publisher(name)),
            Ecosystem::Cargo => items(&mut self.crates, release).for_each(|one| one.package.publisher = Some(name.to_owned())),
            other => panic!("{other} names no publisher of a version"),
        }
    }

    /// Replaces the attestations of an npm release, or the provenance of every file of a Python release.
    ///
    /// # Panics
    /// For other ecosystems.
    pub fn set_attestations(&mut self, release: &Release, document: Option<Value>) {
        match release.ecosystem() {
            Ecosystem::Npm => items(&mut self.npm, release).for_each(|one| one.package.attestations.clone_from(&document)),
            Ecosystem::Pypi => items(&mut self.python, release).for_each(|one| one.package.provenance.clone_from(&document)),
            other => panic!("{other} serves no attestations"),
        }
    }

    /// Makes the upstream send other bytes for one file than its metadata describes.
    ///
    /// # Panics
    /// When the release has no such file.
    pub fn alter_file(&mut self, release: &Release, filename: &str, change: impl FnOnce(&[u8]) -> Vec<u8>) {
        let mut change = Some(change);
        each_of_release!(self, release, item => {
            for artifact in item.artifacts_mut() {
                if artifact.filename() == filename && let Some(change) = change.take() {
                    let bytes = change(&artifact.served());
                    artifact.alter(bytes);
                }
            }
        });
        assert!(change.is_none(), "{release} has no file {filename}");
    }

    /// Replaces the content of a release and every digest that the upstream gives for it, as an upstream does that lets
    /// versions be published twice. Dates and other metadata stay.
    pub fn republish(&mut self, release: &Release) {
        each_of_release!(self, release, item => *item = Built::lazy(item.package.republished()));
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

    /// The packages of the synthetic world that a request is about and that are not made so far.
    pub(crate) fn missing(&self, ecosystem: Ecosystem, path: &str) -> Option<String> {
        let name = self.world.as_ref()?.named_in(ecosystem, path)?;
        (!self.made.contains(&(ecosystem, name.clone()))).then_some(name)
    }

    /// Makes one package of the synthetic world, with all its versions.
    pub(crate) fn materialise(&mut self, ecosystem: Ecosystem, name: &str) {
        if let Some(world) = self.world.clone()
            && self.made.insert((ecosystem, name.to_owned()))
        {
            world.publish_named(self, ecosystem, name);
        }
    }
}

/// The highest version that is no pre-release; the highest of all where there is no other.
pub(crate) fn newest<'a>(versions: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    versions.max_by(|a, b| order::is_prerelease(b).cmp(&order::is_prerelease(a)).then_with(|| order::compare(a, b)))
}
