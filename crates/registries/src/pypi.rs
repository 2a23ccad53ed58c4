//! PyPI and its kin: index pages in, release records out.
//!
//! The protocol is the Simple Repository API (<https://packaging.python.org/en/latest/specifications/simple-repository-api/>).
//! A version is what its files' names say. pip's and uv's ways of searching several indexes are both followed.

mod core_metadata;
mod filename;
mod html;
mod index;
pub(crate) mod python;
mod requires;
mod tags;

use crate::adapter::{Adapter, PackageDoc, ResolveContext, UpstreamInfo, told};
use crate::discovery::Upstream;
use crate::discovery::pypi::{PypiConfig, Strategy, discover};
use crate::error::{RegistryError, shown};
use crate::facade::Shared;
use crate::flight::Flights;
use crate::http::{Credentials, Document, Get, blocking, off_core};
use crate::needs::{Candidate, Needs, PypiNeeds};
use async_trait::async_trait;
use bifocal_core::{
    ArtifactFile, ArtifactKind, Choosing, Ecosystem, Known, PackageHistory, PackageName, Release, ReleaseRecord, SCHEMA_VERSION,
    VersionPoint, counted, printable,
};
use bifocal_versions::{ParsedVersion, PickOptions, best, normalise};
use core_metadata::CoreMetadata;
use index::{ACCEPT, File, Index};
use jiff::Timestamp;
use python::Python;
use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tags::Tags;
use tokio::sync::OnceCell;
use url::Url;

/// Bytes of reduced index pages that are remembered.
const MEMORY: usize = 64 << 20;

/// The PyPI adapter.
pub(crate) struct Pypi {
    shared: Arc<Shared>,
    config: PypiConfig,
    pages: Flights<Index>,
    /// By index address: whether it has the JSON API beside it.
    json_api: BTreeMap<Url, OnceCell<bool>>,
}

/// A project's pages on the indexes that were asked, in order.
type Pages<'a> = Vec<(&'a Upstream, Arc<Index>)>;

impl Pypi {
    /// Finds the indexes.
    pub(crate) async fn discover(shared: Arc<Shared>) -> Result<Self, RegistryError> {
        let config = discover(&shared).await?;
        let json_api = config.indexes.iter().chain(&config.explicit).map(|index| (index.base.clone(), OnceCell::new())).collect();
        Ok(Pypi { shared, config, pages: Flights::new(MEMORY), json_api })
    }

    /// The indexes that the client asks for a project.
    fn indexes(&self, package: &PackageName) -> Vec<&Upstream> {
        let sent = self.config.sources.get(package);
        let all = self.config.explicit.iter().chain(&self.config.indexes);
        let pinned: Vec<&Upstream> = all.filter(|index| sent == Some(&index.id)).collect();
        if pinned.is_empty() { self.config.indexes.iter().collect() } else { pinned }
    }

    /// The project's pages: of every index for pip, of the first that has it for uv.
    async fn pages(&self, package: &PackageName) -> Result<Pages<'_>, RegistryError> {
        let indexes = self.indexes(package);
        let mut out = Vec::new();
        match self.config.strategy {
            Strategy::Best => {
                let all = futures::future::join_all(indexes.iter().map(|index| self.page(package, index))).await;
                for (index, page) in indexes.iter().copied().zip(all) {
                    out.extend(page?.map(|page| (index, page)));
                }
            }
            Strategy::First => {
                for index in &indexes {
                    if let Some(page) = self.page(package, index).await? {
                        out.push((*index, page));
                        break;
                    }
                }
            }
        }
        if out.is_empty() {
            let ids: Vec<&str> = indexes.iter().map(|index| index.id.as_str()).collect();
            return Err(RegistryError::PackageNotFound { package: package.purl(), upstream: ids.join(", ") });
        }
        Ok(out)
    }

    async fn page(&self, package: &PackageName, index: &Upstream) -> Result<Option<Arc<Index>>, RegistryError> {
        let url = index
            .base
            .join(&format!("{}/", package.as_str()))
            .map_err(|error| RegistryError::BadAddress { url: shown(&index.base), why: error.to_string() })?;
        let get = Get { url, accept: ACCEPT, credentials: self.credentials() };
        let key = get.url.to_string();
        let absent = RegistryError::PackageNotFound { package: package.purl(), upstream: index.id.clone() };
        let work = async {
            let document = self.shared.http.metadata(&get).await?.ok_or_else(|| absent.clone())?;
            let project = package.clone();
            off_core(document.body.len(), move || Index::parse(&document, &project)).await?
        };
        match self.pages.get(&key, Index::weight, work).await {
            Ok(page) => Ok(Some(page)),
            Err(RegistryError::PackageNotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What the distribution says of itself, where the index serves that apart from the file.
    async fn claims(
        &self,
        release: &Release,
        version: &str,
        index: &Upstream,
        files: &[&File],
    ) -> Result<Option<CoreMetadata>, RegistryError> {
        if let Some(found) = self.json_claims(release, version, index).await? {
            return Ok(Some(found));
        }
        let Some(file) = files.iter().find(|file| file.has_metadata && file.kind == ArtifactKind::Wheel) else { return Ok(None) };
        let mut url = file.url.clone();
        url.set_path(&format!("{}.metadata", file.url.path()));
        let get = Get { url, accept: "*/*", credentials: self.credentials() };
        let document = optional(self.shared.http.metadata(&get).await)?;
        Ok(document.map(|document| core_metadata::parse_headers(&String::from_utf8_lossy(&document.body))))
    }

    async fn json_claims(&self, release: &Release, version: &str, index: &Upstream) -> Result<Option<CoreMetadata>, RegistryError> {
        let Some(document) = self.json_document(release, version, index).await? else { return Ok(None) };
        let version = version.to_owned();
        off_core(document.body.len(), move || core_metadata::parse_json(&document.body, &version)).await
    }

    /// The JSON API's document of a release, where the index has that API beside it.
    async fn json_document(&self, release: &Release, version: &str, index: &Upstream) -> Result<Option<Document>, RegistryError> {
        let (Some(url), Some(cell)) = (json_url(&index.base, &release.package, version), self.json_api.get(&index.base)) else {
            return Ok(None);
        };
        let get = Get { url, accept: "application/json", credentials: self.credentials() };
        let fetch = || async { optional(self.shared.http.metadata(&get).await) };
        let mut first = None;
        // The index lists the release, so an absent document means that there is no such API here.
        let offered = *cell
            .get_or_try_init(|| async {
                first = fetch().await?;
                Ok::<bool, RegistryError>(first.is_some())
            })
            .await?;
        if !offered {
            return Ok(None);
        }
        match first {
            Some(document) => Ok(Some(document)),
            None => fetch().await,
        }
    }

    /// The time after which uploads are not seen: the earlier of what is asked for and what the client is configured for.
    fn seen_until(&self, context: &ResolveContext) -> Option<Timestamp> {
        context.before.into_iter().chain(self.config.choosing.before).min()
    }

    /// The interpreter that files are chosen for, and the wheels that it takes.
    async fn interpreter(&self, wanted: Option<String>) -> Result<(Python, Arc<Tags>), RegistryError> {
        let shared = Arc::clone(&self.shared);
        blocking(move || {
            let own = shared.python();
            match wanted {
                Some(version) => {
                    let other = own.at(&version);
                    let tags = Tags::of(&other);
                    (other, Arc::new(tags))
                }
                None => (own.clone(), shared.tags()),
            }
        })
        .await
    }
}

/// Whether a file is seen by a client that sees only what was uploaded until then; one without a date is not.
fn in_time(file: &File, before: Option<Timestamp>) -> bool {
    before.is_none_or(|before| file.uploaded_at.is_some_and(|at| at <= before))
}

/// Versions with a file that the client takes, and whether all such files of the version are yanked.
fn usable<'p>(pages: &'p Pages<'_>, takes: impl Fn(&File) -> bool) -> BTreeMap<&'p str, bool> {
    pages
        .iter()
        .flat_map(|(_, page)| &page.versions)
        .filter_map(|(version, files)| {
            let taken: Vec<&File> = files.iter().filter(|file| takes(file)).collect();
            (!taken.is_empty()).then(|| (version.as_str(), taken.iter().all(|file| file.yanked.is_some())))
        })
        .fold(BTreeMap::new(), |mut all, (version, yanked)| {
            all.entry(version).and_modify(|held| *held &= yanked).or_insert(yanked);
            all
        })
}

/// An optional document: absent, refused and malformed are all "not offered"; an upstream that fails is an error.
fn optional(outcome: Result<Option<crate::http::Document>, RegistryError>) -> Result<Option<crate::http::Document>, RegistryError> {
    match outcome {
        Err(
            RegistryError::Refused { .. }
            | RegistryError::Unauthorised { .. }
            | RegistryError::Malformed { .. }
            | RegistryError::Offline { .. },
        ) => Ok(None),
        Err(RegistryError::Status { status, .. }) if status < 500 && status != 429 => Ok(None),
        other => other,
    }
}

#[async_trait]
impl Adapter for Pypi {
    async fn record(&self, release: &Release) -> Result<ReleaseRecord, RegistryError> {
        self.dated_record(release).await.map(|(record, _)| record)
    }

    async fn dated_record(&self, release: &Release) -> Result<(ReleaseRecord, Option<Timestamp>), RegistryError> {
        let pages = self.pages(&release.package).await?;
        let version = normalise(Ecosystem::Pypi, &release.version);
        let holding: Pages<'_> = pages.iter().filter(|(_, page)| page.versions.contains_key(&version)).cloned().collect();
        let Some((index, page)) = holding.first() else {
            let ids: Vec<&str> = pages.iter().map(|(index, _)| index.id.as_str()).collect();
            return Err(RegistryError::VersionNotFound { release: release.purl(), upstream: ids.join(", ") });
        };
        let mut files: Vec<(&File, &Index)> = Vec::new();
        let mut seen = BTreeSet::new();
        for (_, page) in &holding {
            for file in page.versions.get(&version).into_iter().flatten() {
                if seen.insert((file.filename.clone(), file.digests.clone())) {
                    files.push((file, page));
                }
            }
        }
        let bare: Vec<&File> = files.iter().map(|(file, _)| *file).collect();
        let claims = self.claims(release, &version, index, &bare).await?;
        let known = |field: fn(&CoreMetadata) -> Option<String>| {
            claims.as_ref().map_or(Known::Stripped, |claims| Known::from_option(field(claims)))
        };
        let yanked: Vec<&str> = bare.iter().filter_map(|file| file.yanked.as_deref()).collect();
        let all_yanked = yanked.len() == bare.len();
        let record = ReleaseRecord {
            schema_version: SCHEMA_VERSION,
            release: release.clone(),
            upstream: index.id.clone(),
            files: files.iter().map(|(file, page)| artifact(file, page)).collect(),
            published_at: date(page.published(&version), page),
            yanked: yanked.first().filter(|_| all_yanked).map(|reason| (*reason).to_owned()),
            deprecated: None,
            publisher: Known::NotOffered,
            maintainers: match claims.as_ref().and_then(|claims| claims.owners.clone()) {
                Some(owners) if !owners.is_empty() => Known::Given(owners),
                _ => Known::NotOffered,
            },
            repository: known(|claims| claims.repository.clone()),
            license: known(|claims| claims.license.clone()),
            description: known(|claims| claims.summary.clone()),
            install_scripts: BTreeMap::new(),
            signatures: Known::NotOffered,
            history: history(&pages, &version),
            also_on: Vec::new(),
            changed: Vec::new(),
            upstream_key: String::new(),
        };
        Ok((record, pages.iter().map(|(_, page)| page.fetched_at).min()))
    }

    async fn package(&self, package: &PackageName) -> Result<PackageDoc, RegistryError> {
        let pages = self.pages(package).await?;
        let mut order: Vec<String> = versions(&pages).into_iter().map(str::to_owned).collect();
        bifocal_versions::sort(Ecosystem::Pypi, &mut order);
        let withdrawn = order.iter().filter(|version| is_yanked(&pages, version)).cloned().collect();
        Ok(PackageDoc {
            upstream: pages.first().map(|(index, _)| index.id.clone()).unwrap_or_default(),
            latest: latest(&pages),
            tags: BTreeMap::new(),
            versions: order.into_iter().map(|version| point(&pages, &version)).collect(),
            withdrawn,
        })
    }

    async fn resolve(&self, package: &PackageName, requirement: &str, context: &ResolveContext) -> Result<Release, RegistryError> {
        let pages = self.pages(package).await?;
        let (python, tags) = self.interpreter(context.python.clone()).await?;
        let before = self.seen_until(context);
        let usable = usable(&pages, |file: &File| installable(file, &python, &tags) && in_time(file, before));
        let yanked = |version: &str| usable.get(version).copied().unwrap_or(false);
        let options = PickOptions { latest: None, prereleases: context.prereleases, discouraged: Some(&yanked) };
        let picked = best(Ecosystem::Pypi, usable.keys().copied(), requirement, options).map_err(|error| {
            RegistryError::BadRequirement { package: package.purl(), requirement: printable(requirement), why: error.to_string() }
        })?;
        let Some(version) = picked else {
            let all = versions(&pages).len();
            return Err(RegistryError::NothingSatisfies {
                package: package.purl(),
                requirement: printable(requirement),
                why: format!(
                    "of {}, {} a file for Python {} on {}",
                    counted(all as u64, "version", "versions"),
                    counted(usable.len() as u64, "has", "have"),
                    python.version,
                    python.platform
                ),
            });
        };
        Release::of(package.clone(), version).map_err(|error| RegistryError::Malformed {
            url: package.purl(),
            place: "versions".to_owned(),
            what: error.to_string(),
        })
    }

    async fn candidates(&self, package: &PackageName, context: &ResolveContext) -> Result<Vec<Candidate>, RegistryError> {
        let pages = self.pages(package).await?;
        let (python, tags) = self.interpreter(None).await?;
        let before = self.seen_until(context);
        let usable = usable(&pages, |file: &File| installable(file, &python, &tags) && in_time(file, before));
        let mut order: Vec<&str> = usable.keys().copied().collect();
        bifocal_versions::sort(Ecosystem::Pypi, &mut order);
        let candidate = |version: &str| Candidate { version: version.to_owned(), withdrawn: usable.get(version).copied().unwrap_or(false) };
        Ok(order.into_iter().map(candidate).collect())
    }

    async fn needs(&self, release: &Release) -> Result<Needs, RegistryError> {
        let pages = self.pages(&release.package).await?;
        let version = normalise(Ecosystem::Pypi, &release.version);
        let (_, tags) = self.interpreter(None).await?;
        let files: Vec<&File> = pages.iter().filter_map(|(_, page)| page.versions.get(&version)).flatten().collect();
        if files.is_empty() {
            let ids: Vec<&str> = pages.iter().map(|(index, _)| index.id.as_str()).collect();
            return Err(RegistryError::VersionNotFound { release: release.purl(), upstream: ids.join(", ") });
        }
        let wheels = files.into_iter().filter(|file| file.kind == ArtifactKind::Wheel);
        let ranked = wheels.filter_map(|file| Some((wheel_order(&file.filename, file.yanked.is_some(), &tags)?, file)));
        // Only the wheel that is taken here speaks: what another one asks for, or one of an older Python, is another matter.
        let Some((_, file)) = ranked.min_by(|a, b| a.0.cmp(&b.0)) else {
            return Ok(unknown("its index does not say what the source distribution needs"));
        };
        let mut url = file.url.clone();
        url.set_path(&format!("{}.metadata", file.url.path()));
        let get = Get { url, accept: "*/*", credentials: self.credentials() };
        // Mirrors that do not announce PEP 658's files may well have them.
        let Some(document) = optional(self.shared.http.metadata(&get).await)? else {
            return Ok(unknown("its index does not say what the wheel needs"));
        };
        Ok(match requires::python_requires(&String::from_utf8_lossy(&document.body), release, false) {
            Ok(requires) => Needs::Pypi(PypiNeeds { requires, unknown: None }),
            Err(why) => unknown(&format!("{}.metadata {why}", printable(&file.filename))),
        })
    }

    fn credentials(&self) -> Arc<Credentials> {
        Arc::clone(&self.config.credentials)
    }

    fn choosing(&self) -> Option<&Choosing> {
        Some(&self.config.choosing)
    }

    fn warnings(&self) -> Vec<String> {
        self.config.unfollowed.clone()
    }

    async fn elsewhere(&self, package: &PackageName) -> Result<Vec<String>, RegistryError> {
        let all: Vec<&Upstream> = self.config.indexes.iter().chain(&self.config.explicit).collect();
        let pages = futures::future::join_all(all.iter().map(|index| self.page(package, index))).await;
        let mut found: Vec<(&Upstream, Arc<Index>)> = Vec::new();
        for (index, page) in all.into_iter().zip(pages) {
            found.extend(told(package, index, page)?.map(|page| (index, page)));
        }
        // PEP 708: an index that says it tracks another one's project is the same project, not another of its name.
        let tracked = |index: &Upstream, page: &Index| {
            found.iter().any(|(other, _)| other.base != index.base && page.tracks.iter().any(|text| same_page(text, &other.base, package)))
        };
        Ok(found.iter().filter(|(index, page)| !tracked(index, page)).map(|(index, _)| index.id.clone()).collect())
    }

    fn upstreams(&self) -> Vec<UpstreamInfo> {
        self.config.indexes.iter().chain(&self.config.explicit).map(|index| index.info(&self.config.credentials)).collect()
    }

    fn notes(&self) -> Vec<String> {
        let python = self.shared.python();
        let assumed = python
            .missing
            .as_ref()
            .map(|why| format!("wheels are chosen for an assumed CPython {} on {}: {why}", python.version, python.platform));
        self.config.notes.iter().cloned().chain(assumed).collect()
    }
}

fn same_page(text: &str, base: &Url, package: &PackageName) -> bool {
    Url::parse(text).is_ok_and(|url| {
        base.join(&format!("{}/", package.as_str()))
            .is_ok_and(|page| page.as_str().trim_end_matches('/') == url.as_str().trim_end_matches('/'))
    })
}

/// `<root>/pypi/<name>/<version>/json` for an index at `<root>/simple/`.
fn json_url(base: &Url, package: &PackageName, version: &str) -> Option<Url> {
    let root = base.path().strip_suffix("simple/")?;
    let mut url = base.clone();
    url.set_path(root);
    url.path_segments_mut().ok()?.pop_if_empty().extend(["pypi", package.as_str(), version, "json"]);
    Some(url)
}

fn artifact(file: &File, page: &Index) -> ArtifactFile {
    ArtifactFile {
        filename: file.filename.clone(),
        kind: file.kind,
        url: file.url.to_string(),
        size: file.size,
        digests: file.digests.clone(),
        uploaded_at: date(file.uploaded_at, page),
        yanked: file.yanked.as_deref().map(str::to_owned),
        provenance: match &file.provenance {
            Some(url) => Known::Given(url.to_string()),
            None if page.offers.provenance => Known::NotGiven,
            None => Known::Stripped,
        },
    }
}

fn date(at: Option<Timestamp>, page: &Index) -> Known<Timestamp> {
    match at {
        Some(at) => Known::Given(at),
        None if page.offers.upload_time => Known::NotGiven,
        None => Known::Stripped,
    }
}

fn versions<'a>(pages: &'a Pages<'_>) -> BTreeSet<&'a str> {
    pages.iter().flat_map(|(_, page)| page.versions.keys().map(String::as_str)).collect()
}

fn is_yanked(pages: &Pages<'_>, version: &str) -> bool {
    pages.iter().flat_map(|(_, page)| page.versions.get(version).into_iter().flatten()).all(|file| file.yanked.is_some())
}

/// What pip takes when nothing is asked for, on any platform.
fn latest(pages: &Pages<'_>) -> Option<String> {
    let yanked = |version: &str| is_yanked(pages, version);
    let options = PickOptions { latest: None, prereleases: false, discouraged: Some(&yanked) };
    best(Ecosystem::Pypi, versions(pages), "", options).ok().flatten().map(str::to_owned)
}

fn point(pages: &Pages<'_>, version: &str) -> VersionPoint {
    VersionPoint {
        version: version.to_owned(),
        published_at: pages.iter().filter_map(|(_, page)| page.published(version)).min(),
        publisher: None,
        maintainers: Vec::new(),
        repository: None,
    }
}

fn history(pages: &Pages<'_>, version: &str) -> PackageHistory {
    let all = versions(pages);
    let own = ParsedVersion::parse(Ecosystem::Pypi, version);
    let lower = own.as_ref().and_then(|own| {
        let parsed = all.iter().filter_map(|text| ParsedVersion::parse(Ecosystem::Pypi, text));
        parsed.filter(|other| other.order(own) == Ordering::Less).reduce(|a, b| if a.order(&b) == Ordering::Less { b } else { a })
    });
    let next_lower = lower.map(|parsed| parsed.as_str().to_owned());
    let dated: BTreeMap<&str, Timestamp> =
        all.iter().filter_map(|text| Some((*text, pages.iter().filter_map(|(_, page)| page.published(text)).min()?))).collect();
    let earlier = match dated.get(version) {
        Some(at) => dated
            .iter()
            .filter(|(text, date)| (**date, **text) < (*at, version))
            .max_by_key(|(text, date)| (**date, **text))
            .map(|(text, _)| (*text).to_owned()),
        None => next_lower.clone(),
    };
    PackageHistory {
        version_count: u32::try_from(all.len()).unwrap_or(u32::MAX),
        first_published_at: dated.values().min().map_or(Known::Stripped, |at| Known::Given(*at)),
        previous: earlier.map(|text| point(pages, &text)),
        next_lower,
        latest: latest(pages),
    }
}

fn installable(file: &File, python: &Python, tags: &Tags) -> bool {
    let form = match file.kind {
        ArtifactKind::Wheel => tags.rank(&file.filename).is_some(),
        ArtifactKind::Sdist => true,
        _ => false,
    };
    // pip ignores a requirement that it cannot read.
    form && file
        .requires_python
        .as_deref()
        .is_none_or(|spec| bifocal_versions::satisfies(Ecosystem::Pypi, &python.version, spec).unwrap_or(true))
}

/// What the client takes first sorts first; `None` for a wheel that it does not take.
fn wheel_order<'f>(filename: &'f str, yanked: bool, tags: &Tags) -> Option<impl Ord + use<'f>> {
    Some((yanked, tags.rank(filename)?, Reverse(tags::build_number(filename)), filename))
}

/// The file that the client on this machine takes: the wheel whose tags it likes best, else the source distribution.
pub(crate) fn client_files<'a>(record: &'a ReleaseRecord, tags: &Tags) -> Vec<&'a ArtifactFile> {
    let wheels = record.files.iter().filter(|file| file.kind == ArtifactKind::Wheel);
    let ranked = wheels.filter_map(|file| Some((wheel_order(&file.filename, file.yanked.is_some(), tags)?, file)));
    let wheel = ranked.min_by(|a, b| a.0.cmp(&b.0)).map(|(_, file)| file);
    wheel.or_else(|| source_file(record)).into_iter().collect()
}

/// The source distribution that the client takes where it takes no wheel.
pub(crate) fn source_file(record: &ReleaseRecord) -> Option<&ArtifactFile> {
    let sdists = record.files.iter().filter(|file| file.kind == ArtifactKind::Sdist);
    sdists.min_by_key(|file| (file.yanked.is_some(), !file.filename.ends_with(".tar.gz"), file.filename.as_str()))
}

fn unknown(why: &str) -> Needs {
    Needs::Pypi(PypiNeeds { requires: Vec::new(), unknown: Some(why.to_owned()) })
}

pub use requires::python_requires;
pub(crate) use tags::Tags as WheelTags;
