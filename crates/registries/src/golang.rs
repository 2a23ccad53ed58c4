//! The Go module proxy protocol (<https://go.dev/ref/mod#goproxy-protocol>).
//!
//! In: a module path and a version. Out: the module zip, the time of its commit, and the `h1:` digest that the checksum
//! database gives for it, to be compared with `go.sum` and with the unpacked zip. Retractions and deprecation are read
//! from the newest version's `go.mod`, as the go command reads them.

mod gomod;
#[cfg(test)]
#[path = "golang/tests.rs"]
mod protocol_tests;
pub(crate) mod sumdb;

use crate::adapter::{Adapter, PackageDoc, ResolveContext, UpstreamInfo, told};
use crate::discovery::golang::{End, GoSetup, Proxy, discover, holds};
use crate::error::{RegistryError, shown};
use crate::facade::Shared;
use crate::flight::Flights;
use crate::http::{Credentials, Document, Get, blocking};
use crate::timeline;
use async_trait::async_trait;
use bifocal_core::{
    ArtifactFile, ArtifactKind, Ecosystem, Known, PackageName, Release, ReleaseRecord, SCHEMA_VERSION, VersionPoint, counted, one_line,
};
use bifocal_versions::{ParsedVersion, PickOptions, best};
use gomod::Notices;
use jiff::Timestamp;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};
use sumdb::{Database, Sum};
use url::Url;

/// A module with at most so many versions is asked for the date of its first one.
const FEW_VERSIONS: usize = 10;
/// Versions whose date is looked up when a query is resolved as of a past time.
const MAX_DATED: usize = 50;
/// Modules remembered in memory, in versions.
const REMEMBERED: usize = 200_000;
/// Versions read of one list.
const MAX_VERSIONS: usize = 100_000;

/// The adapter.
pub(crate) struct Golang {
    shared: Arc<Shared>,
    setup: GoSetup,
    credentials: Arc<Credentials>,
    modules: Flights<Module>,
    /// The checksum database, where one is configured.
    database: Option<Database>,
    /// For each proxy: 0 not asked, 1 passes checksum database requests on, 2 does not.
    carries_sums: Vec<AtomicU8>,
    /// Why the checksum database was not asked to the end, the first time.
    unasked: OnceLock<String>,
}

/// What holds for all versions of a module.
struct Module {
    /// Ascending.
    versions: Vec<VersionPoint>,
    latest: Option<String>,
    notices: Notices,
}

/// `.info`
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Info {
    version: String,
    #[serde(default)]
    time: Option<Timestamp>,
    #[serde(default)]
    origin: Option<Origin>,
}

#[derive(Debug, Deserialize)]
struct Origin {
    #[serde(rename = "URL", default)]
    url: Option<String>,
}

impl Golang {
    /// Runs discovery.
    pub(crate) async fn new(shared: Arc<Shared>) -> Result<Self, RegistryError> {
        let setup = blocking({
            let shared = Arc::clone(&shared);
            move || discover(&shared)
        })
        .await??;
        let credentials = Arc::new(setup.credentials.clone());
        let carries_sums = setup.proxies.iter().map(|_| AtomicU8::new(0)).collect();
        let database =
            setup.sumdb.as_ref().map(|sumdb| Database::new(Arc::clone(&shared), Arc::clone(&credentials), &sumdb.name, sumdb.key.clone()));
        Ok(Golang { shared, setup, credentials, modules: Flights::new(REMEMBERED), database, carries_sums, unasked: OnceLock::new() })
    }

    async fn document(&self, url: Url) -> Result<Option<Document>, RegistryError> {
        let found = self.shared.http.metadata(&Get { url, accept: "*/*", credentials: Arc::clone(&self.credentials) }).await?;
        Ok(found.map(Document::let_go))
    }

    /// Asks the proxies in order, by the rules of `,` and `|`. `None` when each of them has none.
    async fn ask(&self, module: &PackageName, path: &str) -> Result<Option<(usize, Document)>, RegistryError> {
        self.admits(module)?;
        let mut failed = None;
        for (at, proxy) in self.setup.proxies.iter().enumerate() {
            match self.document(address(proxy, module, path)?).await {
                Ok(Some(document)) => return Ok(Some((at, document))),
                Ok(None) => {}
                Err(error) if proxy.forgiving => {
                    failed.get_or_insert(error);
                }
                Err(error) => return Err(error),
            }
        }
        failed.map_or(Ok(None), Err)
    }

    async fn info(&self, module: &PackageName, query: &str) -> Result<Option<(usize, Info)>, RegistryError> {
        let Some((at, document)) = self.ask(module, &format!("@v/{}.info", escape(query))).await? else { return Ok(None) };
        parse_info(&document).map(|info| Some((at, info)))
    }

    /// The answer when no proxy has something.
    fn absent(&self, module: &PackageName, release: Option<&str>, known: bool) -> RegistryError {
        if self.setup.end == End::Direct && !known {
            return RegistryError::NotServed {
                package: release.map_or_else(|| module.purl(), str::to_owned),
                why: "no proxy of GOPROXY has it, and `direct` clones repositories, which is not done here".to_owned(),
            };
        }
        match release {
            Some(release) if known => RegistryError::VersionNotFound { release: release.to_owned(), upstream: self.ids() },
            _ => RegistryError::PackageNotFound { package: module.purl(), upstream: self.ids() },
        }
    }

    fn ids(&self) -> String {
        self.setup.proxies.iter().map(|proxy| proxy.upstream.id.as_str()).collect::<Vec<_>>().join("`, `")
    }

    async fn module(&self, module: &PackageName) -> Result<Arc<Module>, RegistryError> {
        let work = async {
            let list = self.ask(module, "@v/list").await?;
            let text = list.map(|(_, document)| String::from_utf8_lossy(&document.body).into_owned()).unwrap_or_default();
            let versions =
                timeline::ascending(Ecosystem::Golang, listed(&text).map(|version| timeline::bare(version.to_owned())).collect());
            // As the go command has it, `@latest` counts where nothing is tagged. A proxy need not offer it.
            let latest = if versions.is_empty() { self.ask(module, "@latest").await } else { Ok(None) };
            let named = match latest {
                Ok(Some((_, document))) => parse_info(&document).ok().map(|info| info.version),
                _ => None,
            };
            let newest = best(Ecosystem::Golang, versions.iter().map(|point| point.version.as_str()), "latest", PickOptions::default())
                .ok()
                .flatten();
            let newest = named.clone().or_else(|| newest.map(str::to_owned));
            let notices = match &newest {
                Some(newest) => match self.ask(module, &format!("@v/{}.mod", escape(newest))).await? {
                    Some((_, document)) => Notices::read(&String::from_utf8_lossy(&document.body)),
                    None => Notices::default(),
                },
                None => Notices::default(),
            };
            let retracted = |version: &str| notices.retracted(version).is_some();
            let options = PickOptions { discouraged: Some(&retracted), ..PickOptions::default() };
            let latest = best(Ecosystem::Golang, versions.iter().map(|point| point.version.as_str()), "latest", options)
                .ok()
                .flatten()
                .map(str::to_owned);
            let latest = named.filter(|named| !retracted(named)).or(latest);
            Ok(Module { latest, versions, notices })
        };
        self.modules.get(module.as_str(), |module| module.versions.len(), work).await
    }

    /// What the checksum database says of a module zip. An answer that is not to be believed is an error; a database
    /// that cannot be asked gives nothing, which the record says.
    async fn sum(&self, at: usize, release: &Release) -> Result<Known<Sum>, RegistryError> {
        let Some(database) = self.database.as_ref().filter(|_| !holds(&self.setup.no_sumdb, release.package.as_str())) else {
            return Ok(Known::NotOffered);
        };
        let asked = match self.sums_at(at).await {
            Some(base) => database.lookup(&base, release).await,
            None => return Ok(Known::NotOffered),
        };
        match asked {
            Ok(Some(sum)) => Ok(Known::Given(sum)),
            Ok(None) => Ok(Known::NotGiven),
            Err(error @ (RegistryError::ChecksumDatabase { .. } | RegistryError::Malformed { .. })) => Err(error),
            Err(error) => {
                let _ = self.unasked.set(format!("the checksum database was not asked for every module: {error}"));
                Ok(Known::Stripped)
            }
        }
    }

    /// Where the checksum database is asked: at the address that GOSUMDB gives, else through the proxy where it passes
    /// such requests on, else at its own.
    async fn sums_at(&self, at: usize) -> Option<Url> {
        let sumdb = self.setup.sumdb.as_ref()?;
        let (Some(held), false) = (self.carries_sums.get(at), sumdb.explicit) else { return Some(sumdb.base.clone()) };
        let through = self.setup.proxies.get(at)?.upstream.base.join(&format!("sumdb/{}/", sumdb.name)).ok()?;
        let carries = match held.load(Ordering::Relaxed) {
            0 => {
                let carries = match through.join("supported") {
                    Ok(url) => self.document(url).await.is_ok_and(|found| found.is_some()),
                    Err(_) => false,
                };
                held.store(if carries { 1 } else { 2 }, Ordering::Relaxed);
                carries
            }
            known => known == 1,
        };
        Some(if carries { through } else { sumdb.base.clone() })
    }

    /// What a record says of the checksum database's word: which record of which database it is.
    fn vouched(&self, sum: &Known<Sum>) -> Known<String> {
        match (sum, &self.setup.sumdb) {
            (Known::Given(Sum { record: Some(record), .. }), Some(sumdb)) => {
                Known::Given(serde_json::json!({ "database": sumdb.name, "record": record }).to_string())
            }
            (Known::NotGiven, _) => Known::NotGiven,
            (Known::Stripped, _) => Known::Stripped,
            _ => Known::NotOffered,
        }
    }

    async fn first_published(&self, module: &Module, release: &Release, own: Option<Timestamp>) -> Known<Timestamp> {
        match module.versions.first() {
            Some(first) if first.version == release.version => own.map_or(Known::NotGiven, Known::Given),
            Some(first) if module.versions.len() <= FEW_VERSIONS => match self.info(&release.package, &first.version).await {
                Ok(Some((_, info))) => Known::from_option(info.time),
                _ => Known::NotOffered,
            },
            _ => Known::NotOffered,
        }
    }
}

#[async_trait]
impl Adapter for Golang {
    fn admits(&self, module: &PackageName) -> Result<(), RegistryError> {
        if !holds(&self.setup.no_proxy, module.as_str()) {
            return Ok(());
        }
        Err(RegistryError::NotServed {
            package: module.purl(),
            why: "GOPRIVATE or GONOPROXY keeps it from proxies, and cloning repositories directly is not done here; serve it through a private proxy in GOPROXY".to_owned(),
        })
    }

    async fn record(&self, release: &Release) -> Result<ReleaseRecord, RegistryError> {
        let package = &release.package;
        let (info, module) = futures::join!(self.info(package, &release.version), self.module(package));
        let Some((at, info)) = info? else {
            let known = module.is_ok_and(|module| !module.versions.is_empty());
            return Err(self.absent(package, Some(&release.purl()), known));
        };
        let proxy = self.setup.proxies.get(at).ok_or_else(|| self.absent(package, None, false))?;
        if info.version != release.version {
            return Err(RegistryError::Malformed {
                url: shown(&address(proxy, package, &format!("@v/{}.info", escape(&release.version)))?),
                place: "Version".to_owned(),
                what: format!("it is `{}`, not the version asked for", one_line(&info.version, 80)),
            });
        }
        let module = module?;
        let (sum, first) = futures::join!(self.sum(at, release), self.first_published(&module, release, info.time));
        let sum = sum?;
        let url = address(proxy, package, &format!("@v/{}.zip", escape(&release.version)))?;
        let published_at = Known::from_option(info.time);
        let repository = info.origin.and_then(|origin| origin.url).or_else(|| repository_of(package.as_str()));
        let file = ArtifactFile {
            filename: format!("{}@{}.zip", package.base_name(), release.version),
            kind: ArtifactKind::GoModule,
            url: url.to_string(),
            size: None,
            digests: sum.given().map(|sum| sum.digest.clone()).into_iter().collect(),
            uploaded_at: published_at.clone(),
            yanked: None,
            provenance: Known::NotOffered,
        };
        let history = timeline::place(Ecosystem::Golang, &module.versions, &release.version, info.time, module.latest.clone(), first);
        Ok(ReleaseRecord {
            schema_version: SCHEMA_VERSION,
            release: release.clone(),
            upstream: proxy.upstream.id.clone(),
            files: vec![file],
            published_at,
            yanked: module.notices.retracted(&release.version).map(str::to_owned),
            deprecated: module.notices.deprecated.clone(),
            publisher: Known::NotOffered,
            maintainers: Known::NotOffered,
            repository: repository.map_or(Known::NotOffered, Known::Given),
            license: Known::NotOffered,
            description: Known::NotOffered,
            install_scripts: BTreeMap::new(),
            signatures: self.vouched(&sum),
            history,
            also_on: Vec::new(),
            changed: Vec::new(),
            upstream_key: String::new(),
        })
    }

    async fn package(&self, package: &PackageName) -> Result<PackageDoc, RegistryError> {
        let module = self.module(package).await?;
        if module.versions.is_empty() && module.latest.is_none() {
            return Err(self.absent(package, None, false));
        }
        let withdrawn: BTreeSet<String> = module
            .versions
            .iter()
            .filter(|point| module.notices.retracted(&point.version).is_some())
            .map(|point| point.version.clone())
            .collect();
        Ok(PackageDoc {
            upstream: self.ids(),
            latest: module.latest.clone(),
            tags: BTreeMap::new(),
            versions: module.versions.clone(),
            withdrawn,
        })
    }

    async fn resolve(&self, package: &PackageName, requirement: &str, context: &ResolveContext) -> Result<Release, RegistryError> {
        let wanted = requirement.trim();
        let bad = |why: String| RegistryError::BadRequirement { package: package.purl(), requirement: one_line(requirement, 120), why };
        let release = |version: &str| Release::of(package.clone(), version).map_err(|error| bad(error.to_string()));
        if bifocal_versions::Requirement::parse(Ecosystem::Golang, wanted).is_err() {
            // A branch, a tag or a commit: the proxy turns it into a version.
            release(wanted)?;
            return match self.info(package, wanted).await? {
                Some((_, info)) => release(&info.version),
                None => Err(bad("no proxy knows such a version, branch or commit".to_owned())),
            };
        }
        // An exact version is taken as it is, listed or not (pseudo-versions never are).
        if ParsedVersion::parse(Ecosystem::Golang, wanted).is_some() && wanted.starts_with('v') && wanted.split('.').count() >= 3 {
            return release(wanted);
        }
        let module = self.module(package).await?;
        if module.versions.is_empty() && module.latest.is_none() {
            return Err(self.absent(package, None, false));
        }
        let mut passed_over: BTreeSet<String> = BTreeSet::new();
        loop {
            let retracted = |version: &str| module.notices.retracted(version).is_some();
            let options = PickOptions { prereleases: context.prereleases, discouraged: Some(&retracted), ..PickOptions::default() };
            let open = module.versions.iter().map(|point| point.version.as_str()).filter(|version| !passed_over.contains(*version));
            let found = best(Ecosystem::Golang, open, wanted, options).map_err(|error| bad(error.to_string()))?;
            let untagged = || module.latest.as_deref().filter(|latest| module.versions.is_empty() && !passed_over.contains(*latest));
            let Some(version) = found.or_else(untagged).filter(|_| passed_over.len() < MAX_DATED) else {
                let why = format!(
                    "{} listed, {} passed over for the date",
                    counted(module.versions.len() as u64, "version is", "versions are"),
                    passed_over.len()
                );
                return Err(RegistryError::NothingSatisfies { package: package.purl(), requirement: one_line(requirement, 120), why });
            };
            if let Some(before) = context.before
                && self.info(package, version).await?.and_then(|(_, info)| info.time).is_none_or(|time| time > before)
            {
                passed_over.insert(version.to_owned());
                continue;
            }
            return release(version);
        }
    }

    fn credentials(&self) -> Arc<Credentials> {
        Arc::clone(&self.credentials)
    }

    async fn elsewhere(&self, package: &PackageName) -> Result<Vec<String>, RegistryError> {
        let mut found = Vec::new();
        for proxy in &self.setup.proxies {
            let document = self.document(address(proxy, package, "@v/list")?).await;
            if let Some(document) = told(package, &proxy.upstream, document)?
                && !document.body.trim_ascii().is_empty()
            {
                found.push(proxy.upstream.id.clone());
            }
        }
        Ok(found)
    }

    fn upstreams(&self) -> Vec<UpstreamInfo> {
        self.setup.proxies.iter().map(|proxy| proxy.upstream.info(&self.credentials)).collect()
    }

    fn notes(&self) -> Vec<String> {
        self.setup.notes.clone()
    }

    fn warnings(&self) -> Vec<String> {
        self.unasked.get().cloned().into_iter().collect()
    }
}

/// Module paths and versions in addresses: a capital is `!` and its small letter, so that file systems without case
/// can hold them.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii_uppercase() {
            out.push('!');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

fn address(proxy: &Proxy, module: &PackageName, path: &str) -> Result<Url, RegistryError> {
    let mut url = proxy.upstream.base.clone();
    let module = escape(module.as_str());
    {
        let mut segments = url
            .path_segments_mut()
            .map_err(|()| RegistryError::BadAddress { url: shown(&proxy.upstream.base), why: "it has no path".to_owned() })?;
        segments.pop_if_empty().extend(module.split('/')).extend(path.split('/'));
    }
    Ok(url)
}

/// The tagged versions of a `@v/list`.
fn listed(text: &str) -> impl Iterator<Item = &str> {
    let words = text.lines().take(MAX_VERSIONS).filter_map(|line| line.split_whitespace().next());
    words.filter(|version| ParsedVersion::parse(Ecosystem::Golang, version).is_some_and(|parsed| !parsed.is_pseudo()))
}

fn parse_info(document: &Document) -> Result<Info, RegistryError> {
    serde_json::from_slice(&document.body).map_err(|error| RegistryError::Malformed {
        url: shown(&document.url),
        place: format!("line {} column {}", error.line(), error.column()),
        what: one_line(&error.to_string(), 200),
    })
}

/// The repository that a module path on a well-known forge names by itself.
fn repository_of(module: &str) -> Option<String> {
    let mut parts = module.split('/');
    let host = parts.next().filter(|host| matches!(*host, "github.com" | "gitlab.com" | "bitbucket.org" | "codeberg.org"))?;
    Some(format!("https://{host}/{}/{}", parts.next()?, parts.next()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capitals_are_escaped() {
        assert_eq!(escape("github.com/BurntSushi/toml"), "github.com/!burnt!sushi/toml");
        assert_eq!(escape("v1.0.0-RC1"), "v1.0.0-!r!c1");
    }

    #[test]
    fn forges_are_read_from_the_path() {
        assert_eq!(repository_of("github.com/a/b/v2").as_deref(), Some("https://github.com/a/b"));
        assert_eq!(repository_of("example.com/a/b"), None);
        assert_eq!(repository_of("github.com/a"), None);
    }
}
