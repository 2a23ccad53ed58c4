//! Maven 2 repositories.
//!
//! In: `group:artifact` and a version. Out: the POM and the file that its packaging stands for, with every checksum
//! that the repository offers; the time of publication is the POM's `Last-Modified`, since the layout has no other.
//! Repositories are asked in Maven's order, through their mirrors; the first that has the POM answers.

mod layout;
mod pom;
#[cfg(test)]
mod tests;

use crate::adapter::{Adapter, PackageDoc, ResolveContext, UpstreamInfo, told};
use crate::discovery::Upstream;
use crate::discovery::maven::{MavenSetup, discover};
use crate::error::{RegistryError, shown};
use crate::facade::Shared;
use crate::flight::Flights;
use crate::http::{Credentials, Document, Get, blocking, off_core};
use crate::{timeline, xml};
use async_trait::async_trait;
use bifocal_core::{
    Algorithm, ArtifactFile, Digest, Ecosystem, Known, Origin, PackageName, Release, ReleaseRecord, SCHEMA_VERSION, VersionPoint, counted,
    one_line,
};
use bifocal_versions::{PickOptions, best, is_prerelease};
use bytes::Bytes;
use jiff::Timestamp;
use layout::{Metadata, Snapshots, address};
use pom::{Coordinates, Pom};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use url::Url;

/// Parents followed for an inherited repository link.
const MAX_PARENTS: usize = 8;
/// A package with at most so many versions is asked for the date of its first one: the layout gives no dates, and for
/// a package of many versions the answer is not worth a request.
const FEW_VERSIONS: usize = 10;
/// Versions whose date is looked up when a range is resolved as of a past time.
const MAX_DATED: usize = 50;
/// Package metadata remembered in memory, in versions.
const REMEMBERED: usize = 500_000;

/// The adapter.
pub(crate) struct Maven {
    shared: Arc<Shared>,
    setup: MavenSetup,
    credentials: Arc<Credentials>,
    metadata: Flights<Option<Metadata>>,
}

/// A release found on an upstream.
struct Located {
    upstream: Upstream,
    document: Document,
    pom: Pom,
    /// For a `-SNAPSHOT`: which build its files are of.
    snapshots: Option<Snapshots>,
}

impl Maven {
    /// Runs discovery.
    pub(crate) async fn new(shared: Arc<Shared>) -> Result<Self, RegistryError> {
        let mut setup = blocking({
            let shared = Arc::clone(&shared);
            move || discover(&shared)
        })
        .await??;
        let credentials = Arc::new(std::mem::take(&mut setup.credentials));
        Ok(Maven { shared, setup, credentials, metadata: Flights::new(REMEMBERED) })
    }

    async fn document(&self, url: Url, accept: &'static str) -> Result<Option<Document>, RegistryError> {
        let found = self.shared.http.metadata(&Get { url, accept, credentials: Arc::clone(&self.credentials) }).await?;
        Ok(found.map(Document::let_go))
    }

    async fn xml(&self, url: Url) -> Result<Option<(Document, xml::Element)>, RegistryError> {
        let Some(document) = self.document(url, "application/xml, text/xml, */*").await? else { return Ok(None) };
        let body = document.body.clone();
        let root = off_core(body.len(), move || xml::parse(&body)).await?;
        let root = root.map_err(|(place, what)| RegistryError::Malformed { url: shown(&document.url), place, what })?;
        Ok(Some((document, root)))
    }

    /// The package's version list on one upstream.
    async fn metadata(&self, upstream: &Upstream, package: &PackageName) -> Result<Arc<Option<Metadata>>, RegistryError> {
        let (group, artifact) = halves(package);
        let url = address(&upstream.base, group, artifact, None, "maven-metadata.xml");
        let key = url.to_string();
        let work = async { Ok(self.xml(url).await?.map(|(_, root)| Metadata::read(&root))) };
        self.metadata.get(&key, |found| found.as_ref().map_or(1, |found| found.versions.len()), work).await
    }

    /// Asks one upstream for a POM.
    async fn locate_on(&self, upstream: &Upstream, package: &PackageName, version: &str) -> Result<Option<Located>, RegistryError> {
        let (group, artifact) = halves(package);
        let mut snapshots = None;
        let mut file_version = version.to_owned();
        if version.ends_with("-SNAPSHOT") {
            let url = address(&upstream.base, group, artifact, Some(version), "maven-metadata.xml");
            if let Some((_, root)) = self.xml(url).await? {
                let found = Snapshots::read(&root);
                file_version = found.file_version(version, "pom").0;
                snapshots = Some(found);
            }
        }
        let url = address(&upstream.base, group, artifact, Some(version), &format!("{artifact}-{file_version}.pom"));
        let Some((document, root)) = self.xml(url).await? else { return Ok(None) };
        Ok(Some(Located { upstream: upstream.clone(), document, pom: Pom::read(&root), snapshots }))
    }

    /// The first upstream that has the POM. One that fails does not hide another; it is the answer when none has it.
    async fn locate(&self, package: &PackageName, version: &str) -> Result<Located, RegistryError> {
        let mut failed = None;
        for upstream in &self.setup.upstreams {
            match self.locate_on(upstream, package, version).await {
                Ok(Some(found)) => return Ok(found),
                Ok(None) => {}
                Err(error) => {
                    failed.get_or_insert(error);
                }
            }
        }
        if let Some(error) = failed {
            return Err(error);
        }
        for upstream in &self.setup.upstreams {
            if self.metadata(upstream, package).await.is_ok_and(|found| found.is_some()) {
                return Err(RegistryError::VersionNotFound {
                    release: format!("{}@{}", package.purl(), bifocal_core::printable(version)),
                    upstream: upstream.id.clone(),
                });
            }
        }
        Err(RegistryError::PackageNotFound { package: package.purl(), upstream: ids(&self.setup.upstreams) })
    }

    /// The checksums beside a file. What the repository does not have is left out; when it has none because it failed,
    /// the failure is the answer.
    async fn digests(&self, file: &Url, algorithms: &[Algorithm]) -> Result<Vec<Digest>, RegistryError> {
        let one = |algorithm: Algorithm| async move {
            let mut url = file.clone();
            url.set_path(&format!("{}.{}", file.path(), algorithm.as_str()));
            let found = self.document(url, "text/plain, */*").await?;
            Ok::<_, RegistryError>(found.and_then(|document| layout::checksum(algorithm, &document.body)))
        };
        let answers = futures::future::join_all(algorithms.iter().map(|algorithm| one(*algorithm))).await;
        let mut failed = None;
        let mut found = Vec::new();
        for answer in answers {
            match answer {
                Ok(digest) => found.extend(digest),
                Err(error) => {
                    failed.get_or_insert(error);
                }
            }
        }
        match failed {
            Some(error) if found.is_empty() => Err(error),
            _ => Ok(found),
        }
    }

    /// A file of a located release with its checksums, the strongest first.
    async fn file(&self, located: &Located, release: &Release, extension: &str, suffix: &str) -> Result<ArtifactFile, RegistryError> {
        let (group, artifact) = halves(&release.package);
        let (file_version, snapshot_time) = match &located.snapshots {
            Some(snapshots) => snapshots.file_version(&release.version, extension),
            None => (release.version.clone(), None),
        };
        let filename = format!("{artifact}-{file_version}{suffix}.{extension}");
        let url = address(&located.upstream.base, group, artifact, Some(&release.version), &filename);
        let strong: &[Algorithm] = if extension == "pom" && located.pom.packaging.as_deref() != Some("pom") {
            &[Algorithm::Sha1]
        } else {
            &[Algorithm::Sha512, Algorithm::Sha256, Algorithm::Sha1]
        };
        let mut digests = self.digests(&url, strong).await?;
        if digests.is_empty() {
            digests = self.digests(&url, &[Algorithm::Md5]).await?;
        }
        let time = snapshot_time.or(located.document.last_modified);
        Ok(ArtifactFile {
            kind: layout::kind(extension),
            filename,
            url: url.to_string(),
            size: None,
            digests,
            uploaded_at: time.map_or(Known::Stripped, Known::Given),
            yanked: None,
            provenance: Known::NotOffered,
        })
    }

    /// The POM's parents, nearest first, as far as they are needed and can be had.
    async fn parents(&self, located: &Located) -> Vec<Pom> {
        let mut parents: Vec<Pom> = Vec::new();
        let needed = |pom: &Pom| pom.scm.is_none() || pom.licenses.is_empty();
        let mut current = located.pom.clone();
        while parents.len() < MAX_PARENTS
            && (needed(&current) || located.pom.scm.as_deref().is_some_and(|scm| scm.contains("${")))
            && let Some(Coordinates { group, artifact, version }) = current.parent.clone()
        {
            let Ok(package) = PackageName::new(Ecosystem::Maven, &format!("{group}:{artifact}")) else { break };
            if Release::of(package.clone(), &version).is_err() {
                break;
            }
            let Ok(found) = self.locate(&package, &version).await else { break };
            parents.push(found.pom.clone());
            current = found.pom;
        }
        parents
    }

    async fn first_published(&self, located: &Located, package: &PackageName, points: &[VersionPoint], current: &str) -> Known<Timestamp> {
        let Some(own) = located.document.last_modified else { return Known::Stripped };
        match points.first() {
            Some(first) if points.len() > FEW_VERSIONS || first.version == current => {
                if first.version == current {
                    Known::Given(own)
                } else {
                    Known::NotOffered
                }
            }
            Some(first) => match self.locate_on(&located.upstream, package, &first.version).await {
                Ok(Some(found)) => found.document.last_modified.map_or(Known::Stripped, Known::Given),
                _ => Known::NotOffered,
            },
            None => Known::NotOffered,
        }
    }

    /// All versions over all upstreams, as Maven merges them.
    async fn merged(&self, package: &PackageName) -> Result<(String, Metadata), RegistryError> {
        let mut merged: Option<(String, Metadata)> = None;
        for upstream in &self.setup.upstreams {
            let found = self.metadata(upstream, package).await?;
            let Some(found) = found.as_ref() else { continue };
            let (_, all) = merged.get_or_insert_with(|| (upstream.id.clone(), Metadata::default()));
            all.versions.extend(found.versions.iter().cloned());
            all.latest = all.latest.take().or_else(|| found.latest.clone());
            all.release = all.release.take().or_else(|| found.release.clone());
        }
        merged.ok_or_else(|| RegistryError::PackageNotFound { package: package.purl(), upstream: ids(&self.setup.upstreams) })
    }
}

#[async_trait]
impl Adapter for Maven {
    async fn record(&self, release: &Release) -> Result<ReleaseRecord, RegistryError> {
        let package = &release.package;
        let located = self.locate(package, &release.version).await?;
        let extension = layout::extension(located.pom.packaging.as_deref().unwrap_or("jar"));
        let main = async {
            match extension {
                Some(extension) => self.file(&located, release, extension, "").await.map(Some),
                None => Ok(None),
            }
        };
        let (metadata, main, pom_file, parents) = futures::join!(
            self.metadata(&located.upstream, package),
            main,
            self.file(&located, release, "pom", ""),
            self.parents(&located)
        );
        let metadata = metadata?;
        let metadata = metadata.as_ref().as_ref();
        let points = timeline::ascending(
            Ecosystem::Maven,
            metadata.into_iter().flat_map(|found| found.versions.iter().cloned()).map(timeline::bare).collect(),
        );
        let first = self.first_published(&located, package, &points, &release.version).await;
        let pom_file = pom_file?;
        let published_at = pom_file.uploaded_at.clone();
        // What moved is a POM alone; Maven goes on to the new place and never asks for a jar here.
        let moved = located.pom.relocation.is_some();
        let mut files: Vec<ArtifactFile> = main?.into_iter().filter(|file| !moved || !file.digests.is_empty()).collect();
        files.push(pom_file);
        let inherited = |own: Option<&String>, of: fn(&Pom) -> Option<&String>| own.or_else(|| parents.iter().find_map(of)).cloned();
        let scm = inherited(located.pom.scm.as_ref(), |pom| pom.scm.as_ref());
        let repository = scm.and_then(|scm| located.pom.interpolate(pom::bare_scm(&scm), &parents));
        let licenses = if located.pom.licenses.is_empty() {
            parents.iter().map(|pom| &pom.licenses).find(|list| !list.is_empty())
        } else {
            Some(&located.pom.licenses)
        };
        let license = licenses.map(|list| list.join(" OR "));
        Ok(ReleaseRecord {
            schema_version: SCHEMA_VERSION,
            release: release.clone(),
            upstream: located.upstream.id.clone(),
            files,
            history: timeline::place(
                Ecosystem::Maven,
                &points,
                &release.version,
                published_at.given().copied(),
                metadata.and_then(|found| newest(found, &points)),
                first,
            ),
            published_at,
            yanked: None,
            deprecated: located.pom.relocation.clone(),
            publisher: Known::NotOffered,
            maintainers: Known::NotOffered,
            repository: Known::from_option(repository),
            license: Known::from_option(license),
            description: Known::from_option(located.pom.description.as_deref().map(|text| one_line(text, 500))),
            install_scripts: BTreeMap::new(),
            signatures: Known::NotOffered,
            also_on: Vec::new(),
            changed: Vec::new(),
            upstream_key: String::new(),
        })
    }

    async fn package(&self, package: &PackageName) -> Result<PackageDoc, RegistryError> {
        let (upstream, metadata) = self.merged(package).await?;
        let points = timeline::ascending(Ecosystem::Maven, metadata.versions.iter().cloned().map(timeline::bare).collect());
        Ok(PackageDoc { upstream, latest: newest(&metadata, &points), tags: BTreeMap::new(), versions: points, withdrawn: BTreeSet::new() })
    }

    async fn resolve(&self, package: &PackageName, requirement: &str, context: &ResolveContext) -> Result<Release, RegistryError> {
        let bad = |why: String| RegistryError::BadRequirement { package: package.purl(), requirement: one_line(requirement, 120), why };
        let wanted = requirement.trim();
        bifocal_versions::Requirement::parse(Ecosystem::Maven, wanted).map_err(|error| bad(error.to_string()))?;
        if !wanted.starts_with(['[', '(']) && !matches!(wanted, "RELEASE" | "LATEST") {
            return Release::of(package.clone(), wanted).map_err(|error| bad(error.to_string()));
        }
        let (_, metadata) = self.merged(package).await?;
        let mut passed_over: BTreeSet<String> = BTreeSet::new();
        loop {
            let open = metadata.versions.iter().map(String::as_str).filter(|version| !passed_over.contains(*version));
            let found = best(Ecosystem::Maven, open, wanted, PickOptions::default()).map_err(|error| bad(error.to_string()))?;
            let Some(version) = found.filter(|_| passed_over.len() < MAX_DATED) else {
                let why = match context.before {
                    Some(before) if !passed_over.is_empty() => {
                        let fit = counted(passed_over.len() as u64, "version fits", "versions fit");
                        format!("{fit}, none dated before {before}")
                    }
                    _ => format!("{} listed", counted(metadata.versions.len() as u64, "version is", "versions are")),
                };
                return Err(RegistryError::NothingSatisfies { package: package.purl(), requirement: one_line(requirement, 120), why });
            };
            if let Some(before) = context.before {
                let dated = self.locate(package, version).await?.document.last_modified;
                if dated.is_none_or(|at| at > before) {
                    passed_over.insert(version.to_owned());
                    continue;
                }
            }
            return Release::of(package.clone(), version).map_err(|error| bad(error.to_string()));
        }
    }

    fn credentials(&self) -> Arc<Credentials> {
        Arc::clone(&self.credentials)
    }

    async fn elsewhere(&self, package: &PackageName) -> Result<Vec<String>, RegistryError> {
        let mut found = Vec::new();
        for upstream in &self.setup.upstreams {
            let metadata = self.metadata(upstream, package).await;
            if told(package, upstream, metadata.map(|metadata| metadata.is_some().then_some(())))?.is_some() {
                found.push(upstream.id.clone());
            }
        }
        Ok(found)
    }

    fn upstreams(&self) -> Vec<UpstreamInfo> {
        self.setup.upstreams.iter().map(|upstream| upstream.info(&self.credentials)).collect()
    }

    fn notes(&self) -> Vec<String> {
        self.setup.notes.clone()
    }

    async fn pom(&self, package: &PackageName, version: &str) -> Result<Bytes, RegistryError> {
        // The version goes into an address: it must be one that a release may have.
        let release = Release::of(package.clone(), version).map_err(|error| RegistryError::BadRequirement {
            package: package.purl(),
            requirement: one_line(version, 120),
            why: error.to_string(),
        })?;
        Ok(self.locate(&release.package, &release.version).await?.document.body)
    }

    async fn further_file(&self, release: &Release, classifier: &str, extension: &str) -> Result<ArtifactFile, RegistryError> {
        let plain = |text: &str| {
            text.len() <= 100 && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.')) && !text.contains("..")
        };
        if !plain(classifier) || !plain(extension) || extension.is_empty() {
            return Err(RegistryError::BadRequirement {
                package: release.purl(),
                requirement: one_line(&format!("{classifier}.{extension}"), 120),
                why: "it is no classifier and file extension".to_owned(),
            });
        }
        let located = self.locate(&release.package, &release.version).await?;
        let suffix = if classifier.is_empty() { String::new() } else { format!("-{classifier}") };
        self.file(&located, release, extension, &suffix).await
    }

    fn stands_in(&self, origin: &Origin) -> bool {
        self.setup.decides(&origin.id, &origin.address)
    }
}

/// Group and artifact of a checked name.
fn halves(package: &PackageName) -> (&str, &str) {
    (package.namespace().unwrap_or_default(), package.base_name())
}

fn ids(upstreams: &[Upstream]) -> String {
    upstreams.iter().map(|upstream| upstream.id.as_str()).collect::<Vec<_>>().join("`, `")
}

/// The version that is taken for `RELEASE`: as stated, else the highest that is no preview, else the highest.
fn newest(metadata: &Metadata, points: &[VersionPoint]) -> Option<String> {
    let listed = |version: &&String| points.iter().any(|point| point.version == **version);
    let stated = metadata.release.as_ref().or(metadata.latest.as_ref()).filter(listed).cloned();
    let highest = || points.iter().rev().find(|point| !is_prerelease(Ecosystem::Maven, &point.version)).or(points.last());
    stated.or_else(|| highest().map(|point| point.version.clone()))
}
