//! cargo's sparse registry protocol (<https://doc.rust-lang.org/cargo/reference/registry-index.html>).
//!
//! In: a crate. Out: its index file, one JSON line a version, with the SHA-256 of each `.crate`, yanks and (where the
//! registry writes it) the time of publication. Publisher and repository are not in the index; they are asked of the
//! registry's web API only where the index has no times and a web API is named, once for a crate, and never needed.

mod index;
#[cfg(test)]
mod tests;

use crate::adapter::{Adapter, PackageDoc, ResolveContext, UpstreamInfo, told};
use crate::discovery::Upstream;
use crate::discovery::cargo::{CargoSetup, discover};
use crate::error::{RegistryError, shown};
use crate::facade::Shared;
use crate::flight::Flights;
use crate::http::{Credentials, Document, Get, blocking, off_core};
use crate::loose::AtMost;
use crate::needs::{Candidate, Needs};
use crate::timeline;
use async_trait::async_trait;
use bifocal_core::{
    ArtifactFile, ArtifactKind, Digest, Ecosystem, Known, PackageName, Publisher, Release, ReleaseRecord, SCHEMA_VERSION, VersionPoint,
    counted, one_line,
};
use bifocal_versions::{ParsedVersion, PickOptions, best, is_prerelease};
use index::{Config, Index, Line};
use jiff::Timestamp;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use url::Url;

/// Weight of index files that are remembered in memory, in lines.
const REMEMBERED_LINES: usize = 200_000;
/// Versions in one answer of the web API.
const MAX_API_VERSIONS: usize = 100_000;

/// The adapter.
pub(crate) struct Cargo {
    shared: Arc<Shared>,
    setup: CargoSetup,
    credentials: Arc<Credentials>,
    configs: Flights<Config>,
    indexes: Flights<Option<Index>>,
    /// Upstreams whose web API did not answer; it is not asked again.
    api_silent: Vec<AtomicBool>,
}

/// What the web API says of a crate.
#[derive(Debug, Default, Deserialize)]
struct ApiAnswer {
    #[serde(rename = "crate", default)]
    about: ApiCrate,
    #[serde(default)]
    versions: AtMost<ApiVersion, MAX_API_VERSIONS>,
}

#[derive(Debug, Default, Deserialize)]
struct ApiCrate {
    repository: Option<String>,
}

#[derive(Debug, Deserialize)]
struct ApiVersion {
    num: String,
    created_at: Option<Timestamp>,
    published_by: Option<ApiUser>,
}

#[derive(Debug, Deserialize)]
struct ApiUser {
    login: String,
}

impl Cargo {
    /// Runs discovery.
    pub(crate) async fn new(shared: Arc<Shared>) -> Result<Self, RegistryError> {
        let setup = blocking({
            let shared = Arc::clone(&shared);
            move || discover(&shared)
        })
        .await??;
        let credentials = Arc::new(setup.credentials.clone());
        let api_silent = setup.upstreams.iter().map(|_| AtomicBool::new(false)).collect();
        Ok(Cargo { shared, setup, credentials, configs: Flights::new(1000), indexes: Flights::new(REMEMBERED_LINES), api_silent })
    }

    async fn document(&self, url: Url, accept: &'static str) -> Result<Option<Document>, RegistryError> {
        self.shared.http.metadata(&Get { url, accept, credentials: Arc::clone(&self.credentials) }).await
    }

    async fn config(&self, upstream: &Upstream) -> Result<Arc<Config>, RegistryError> {
        let work = async {
            let url = join(&upstream.base, "config.json")?;
            let document = self.document(url.clone(), "application/json").await?.ok_or_else(|| RegistryError::Configuration {
                place: upstream.source.clone(),
                why: format!("{} is no sparse index: it has no config.json", shown(&upstream.base)),
            })?;
            Config::parse(&document.body).map_err(|(place, what)| RegistryError::Malformed { url: shown(&url), place, what })
        };
        self.configs.get(upstream.base.as_str(), |_| 1, work).await
    }

    /// The index of a crate on one upstream; `None` when it has none.
    async fn index(&self, upstream: &Upstream, name: &str) -> Result<Arc<Option<Index>>, RegistryError> {
        let key = format!("{} {name}", upstream.base);
        let work = async {
            let url = join(&upstream.base, &index::path(name))?;
            let Some(document) = self.document(url.clone(), "text/plain").await? else { return Ok(None) };
            let wanted = name.to_owned();
            let parsed = off_core(document.body.len(), move || Index::parse(&document.body, &wanted)).await?;
            parsed.map(Some).map_err(|(place, what)| RegistryError::Malformed { url: shown(&url), place, what })
        };
        self.indexes.get(&key, |index| index.as_ref().map_or(1, Index::weight), work).await
    }

    /// The first upstream that has the crate, by its place in the setup.
    async fn find(&self, package: &PackageName) -> Result<(usize, Arc<Option<Index>>), RegistryError> {
        for (at, upstream) in self.setup.upstreams.iter().enumerate() {
            let index = self.index(upstream, package.as_str()).await?;
            if index.is_some() {
                return Ok((at, index));
            }
        }
        if !self.setup.git_indexes.is_empty() {
            return Err(RegistryError::NotServed {
                package: package.purl(),
                why: format!(
                    "no sparse index has it, and the git index of registry `{}` is not read; give that registry's sparse index (`sparse+https://…`) in cargo's configuration, or set `upstream.cargo` in bifocal.toml",
                    self.setup.git_indexes.join("`, `")
                ),
            });
        }
        Err(RegistryError::PackageNotFound {
            package: package.purl(),
            upstream: self.setup.upstreams.iter().map(|u| u.id.as_str()).collect::<Vec<_>>().join("`, `"),
        })
    }

    /// The web API's answer, where there is one.
    async fn api(&self, at: usize, config: &Config, name: &str) -> Option<ApiAnswer> {
        let silent = self.api_silent.get(at)?;
        if silent.load(Ordering::Relaxed) {
            return None;
        }
        let url = Url::parse(&format!("{}/api/v1/crates/{name}", config.api.as_deref()?.trim_end_matches('/'))).ok()?;
        let answer = match self.document(url, "application/json").await {
            Ok(found) => found.and_then(|document| serde_json::from_slice(&document.body).ok()),
            // A host that cannot be reached now is not one that has no such API.
            Err(error) if error.is_transient() => return None,
            Err(_) => None,
        };
        if answer.is_none() {
            silent.store(true, Ordering::Relaxed);
        }
        answer
    }
}

#[async_trait]
impl Adapter for Cargo {
    async fn record(&self, release: &Release) -> Result<ReleaseRecord, RegistryError> {
        let name = release.package.as_str();
        let (at, index) = self.find(&release.package).await?;
        let upstream = &self.setup.upstreams[at];
        let index = index
            .as_ref()
            .as_ref()
            .ok_or_else(|| RegistryError::PackageNotFound { package: release.package.purl(), upstream: upstream.id.clone() })?;
        let Some(line) = index.line(&release.version) else {
            return Err(match &index.unread {
                Some((place, what)) => RegistryError::Malformed {
                    url: shown(&join(&upstream.base, &index::path(name))?),
                    place: place.clone(),
                    what: what.clone(),
                },
                None => RegistryError::VersionNotFound { release: release.purl(), upstream: upstream.id.clone() },
            });
        };
        let config = self.config(upstream).await?;
        let has_times = index.lines.iter().any(|line| line.pubtime.is_some());
        let api = if has_times { None } else { self.api(at, &config, name).await };
        let mut points = index.points();
        let mut published_at = if has_times { Known::from_option(line.pubtime) } else { Known::Stripped };
        let mut publisher = Known::NotOffered;
        let mut repository = Known::NotOffered;
        if let Some(api) = &api {
            let by_version: BTreeMap<&str, &ApiVersion> = api.versions.0.iter().map(|version| (version.num.as_str(), version)).collect();
            let user = |version: &ApiVersion| version.published_by.as_ref().map(|user| Publisher { name: user.login.clone(), email: None });
            for point in &mut points {
                if let Some(version) = by_version.get(point.version.as_str()) {
                    point.published_at = version.created_at;
                    point.publisher = user(version);
                }
            }
            let own = by_version.get(line.vers.as_str());
            published_at = own.and_then(|version| version.created_at).map_or(Known::Stripped, Known::Given);
            publisher = Known::from_option(own.and_then(|version| user(version)));
            repository = Known::from_option(api.about.repository.clone());
        }
        let first = points.iter().filter_map(|point| point.published_at).min();
        let first = first.map_or(Known::Stripped, Known::Given);
        let own_time = published_at.given().copied();
        let file = ArtifactFile {
            filename: format!("{}-{}.crate", line.name, line.vers),
            kind: ArtifactKind::Crate,
            url: config.download_url(line).map_err(|why| RegistryError::Malformed {
                url: shown(&upstream.base),
                place: "dl of config.json".to_owned(),
                what: why,
            })?,
            size: None,
            digests: vec![Digest::from(line.cksum)],
            uploaded_at: published_at.clone(),
            yanked: None,
            provenance: Known::NotOffered,
        };
        Ok(ReleaseRecord {
            schema_version: SCHEMA_VERSION,
            release: release.clone(),
            upstream: upstream.id.clone(),
            files: vec![file],
            published_at,
            yanked: line.yanked.then(String::new),
            deprecated: None,
            publisher,
            maintainers: Known::NotOffered,
            repository,
            license: Known::NotOffered,
            description: Known::NotOffered,
            install_scripts: BTreeMap::new(),
            signatures: Known::NotOffered,
            history: timeline::place(Ecosystem::Cargo, &points, &line.vers, own_time, index.latest(), first),
            also_on: Vec::new(),
            changed: Vec::new(),
            upstream_key: String::new(),
        })
    }

    async fn package(&self, package: &PackageName) -> Result<PackageDoc, RegistryError> {
        let (at, index) = self.find(package).await?;
        let Some(index) = index.as_ref() else { return Ok(PackageDoc::default()) };
        let withdrawn: BTreeSet<String> = index.lines.iter().filter(|line| line.yanked).map(|line| line.vers.clone()).collect();
        Ok(PackageDoc {
            upstream: self.setup.upstreams[at].id.clone(),
            latest: index.latest(),
            tags: BTreeMap::new(),
            versions: index.points(),
            withdrawn,
        })
    }

    async fn resolve(&self, package: &PackageName, requirement: &str, context: &ResolveContext) -> Result<Release, RegistryError> {
        let (_, index) = self.find(package).await?;
        let lines: &[Line] = index.as_ref().as_ref().map(|index| &*index.lines).unwrap_or_default();
        let in_time = |line: &&Line| context.before.is_none_or(|before| line.pubtime.is_some_and(|at| at <= before));
        let candidates: Vec<&Line> = lines.iter().filter(in_time).collect();
        let options = PickOptions { prereleases: context.prereleases, ..PickOptions::default() };
        let pick = |lines: &[&Line]| -> Result<Option<String>, RegistryError> {
            let open = lines.iter().filter(|line| !line.yanked).map(|line| line.vers.as_str());
            best(Ecosystem::Cargo, open, requirement, options).map(|found| found.map(str::to_owned)).map_err(|error| {
                RegistryError::BadRequirement { package: package.purl(), requirement: one_line(requirement, 120), why: error.to_string() }
            })
        };
        // As the resolver does with a `rust-version`: the highest that this Rust can build, else the highest.
        let buildable: Vec<&Line> = candidates.iter().copied().filter(|line| line.builds_with(context.rust.as_deref())).collect();
        let found = match pick(&buildable)? {
            Some(found) => Some(found),
            None => pick(&candidates)?,
        };
        let version = found.ok_or_else(|| RegistryError::NothingSatisfies {
            package: package.purl(),
            requirement: one_line(requirement, 120),
            why: format!(
                "{} listed, {} yanked",
                counted(lines.len() as u64, "version is", "versions are"),
                lines.iter().filter(|line| line.yanked).count()
            ),
        })?;
        Release::of(package.clone(), &version).map_err(|error| RegistryError::BadRequirement {
            package: package.purl(),
            requirement: one_line(requirement, 120),
            why: error.to_string(),
        })
    }

    async fn needs(&self, release: &Release) -> Result<Needs, RegistryError> {
        let (at, index) = self.find(&release.package).await?;
        let upstream = &self.setup.upstreams[at];
        let found = index.as_ref().as_ref().and_then(|index| Some((index, index.line(&release.version)?)));
        let Some((index, line)) = found else {
            return Err(RegistryError::VersionNotFound { release: release.purl(), upstream: upstream.id.clone() });
        };
        index.needs(line).map(Needs::Cargo).map_err(|what| RegistryError::Malformed {
            url: shown(&upstream.base),
            place: format!("the index's line of {}", release.purl()),
            what,
        })
    }

    async fn candidates(&self, package: &PackageName, _context: &ResolveContext) -> Result<Vec<Candidate>, RegistryError> {
        let (_, index) = self.find(package).await?;
        let Some(index) = index.as_ref() else { return Ok(Vec::new()) };
        let mut lines: Vec<(ParsedVersion, &Line)> =
            index.lines.iter().filter_map(|line| Some((ParsedVersion::parse(Ecosystem::Cargo, &line.vers)?, line))).collect();
        lines.sort_by(|(a, one), (b, other)| a.order(b).then_with(|| one.vers.cmp(&other.vers)));
        Ok(lines.into_iter().map(|(_, line)| Candidate { version: line.vers.clone(), withdrawn: line.yanked }).collect())
    }

    fn credentials(&self) -> Arc<Credentials> {
        Arc::clone(&self.credentials)
    }

    async fn elsewhere(&self, package: &PackageName) -> Result<Vec<String>, RegistryError> {
        let mut found = Vec::new();
        for upstream in &self.setup.upstreams {
            let index = self.index(upstream, package.as_str()).await;
            if told(package, upstream, index.map(|index| index.is_some().then_some(())))?.is_some() {
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
}

impl Index {
    fn points(&self) -> Vec<VersionPoint> {
        let point = |line: &Line| VersionPoint { published_at: line.pubtime, ..timeline::bare(line.vers.clone()) };
        timeline::ascending(Ecosystem::Cargo, self.lines.iter().map(point).collect())
    }

    /// The highest release that is not yanked, else the highest version that is not.
    fn latest(&self) -> Option<String> {
        let highest = |keep: &dyn Fn(&Line) -> bool| {
            let open = self.lines.iter().filter(|line| !line.yanked && keep(line));
            let parsed = open.filter_map(|line| Some((ParsedVersion::parse(Ecosystem::Cargo, &line.vers)?, line)));
            parsed.max_by(|(a, _), (b, _)| a.order(b)).map(|(_, line)| line.vers.clone())
        };
        highest(&|line| !is_prerelease(Ecosystem::Cargo, &line.vers)).or_else(|| highest(&|_| true))
    }
}

fn join(base: &Url, path: &str) -> Result<Url, RegistryError> {
    base.join(path).map_err(|error| RegistryError::BadAddress { url: shown(base), why: error.to_string() })
}
