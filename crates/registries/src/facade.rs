//! The five adapters behind one door.
//!
//! Discovery runs for an ecosystem when it is first asked for: one whose configuration is broken or missing fails
//! alone, and one that is not asked for never fails.

use crate::adapter::{Adapter, Download, PackageDoc, ResolveContext, UpstreamInfo};
use crate::cargo::Cargo;
use crate::environment::{Environment, Options};
use crate::error::{RegistryError, shown, shown_text};
use crate::golang::Golang;
use crate::http::{Get, Http, TakenBytes, blocking};
use crate::maven::Maven;
use crate::needs::{Candidate, Needs};
use crate::npm::Npm;
use crate::origin;
use crate::pypi::python::Python;
use crate::pypi::{Pypi, WheelTags};
use crate::record_cache::RecordCache;
use crate::verify::verify;
use bifocal_core::{ArtifactFile, ArtifactKind, Ecosystem, Origin, PackageName, Release, ReleaseRecord};
use bytes::Bytes;
use jiff::SignedDuration;
use std::sync::{Arc, OnceLock};
use tokio::sync::OnceCell;
use url::Url;

/// What every adapter works with.
pub(crate) struct Shared {
    pub(crate) env: Environment,
    pub(crate) options: Options,
    pub(crate) http: Http,
    python: OnceLock<Python>,
    tags: OnceLock<Arc<WheelTags>>,
}

/// The registries of all five ecosystems, as the user's clients would reach them.
pub struct Registries {
    shared: Arc<Shared>,
    adapters: [OnceCell<Arc<dyn Adapter>>; 5],
    records: Option<RecordCache>,
}

/// What discovery found for one ecosystem.
#[derive(Debug, Clone)]
pub struct Discovery {
    /// The ecosystem.
    pub ecosystem: Ecosystem,
    /// Its upstreams in the order in which they are asked, or why there is none.
    pub upstreams: Result<Vec<UpstreamInfo>, RegistryError>,
    /// Things passed over or assumed, in words.
    pub notes: Vec<String>,
}

impl Registries {
    /// Registries for these surroundings. Looks at nothing yet.
    pub fn new(env: Environment, options: Options) -> Result<Self, RegistryError> {
        for own in &options.self_urls {
            Url::parse(own).map_err(|error| RegistryError::Configuration {
                place: "the gateway's own address".to_owned(),
                why: format!("`{}` is no address: {error}", shown_text(own)),
            })?;
        }
        let records = options.cache_dir.as_deref().map(RecordCache::new);
        Ok(Registries { shared: Arc::new(Shared::new(env, options)), adapters: Default::default(), records })
    }

    /// All that the upstream says of one release, with its place among the package's other versions.
    pub async fn record(&self, release: &Release) -> Result<ReleaseRecord, RegistryError> {
        let mut record = self.plain_record(release).await?;
        record.upstream_key = self.upstream_key(release.ecosystem()).await?;
        Ok(record)
    }

    /// Digest over the addresses of an ecosystem's upstreams, in hex: what [`ReleaseRecord::upstream_key`] carries.
    pub async fn upstream_key(&self, ecosystem: Ecosystem) -> Result<String, RegistryError> {
        let adapter = self.adapter(ecosystem).await?;
        let addresses: Vec<String> =
            adapter.upstreams().into_iter().map(|upstream| format!("{} {}\n", upstream.id, upstream.address)).collect();
        Ok(bifocal_core::Sha256::of(addresses.concat().as_bytes()).hex()[..16].to_owned())
    }

    async fn plain_record(&self, release: &Release) -> Result<ReleaseRecord, RegistryError> {
        let adapter = self.adapter(release.ecosystem()).await?;
        adapter.admits(&release.package)?;
        let Some(cache) = self.records.clone() else { return adapter.record(release).await };
        let now = self.shared.http.now();
        let key = record_key(adapter.as_ref(), release);
        let (probe, wanted, offline) = (cache.clone(), key.clone(), self.shared.options.offline);
        if !self.shared.options.refresh
            && let Some(record) = blocking(move || probe.load(&wanted, now, offline)).await?
        {
            return Ok(record);
        }
        let (record, as_of) = adapter.dated_record(release).await?;
        if !offline {
            let max = SignedDuration::try_from(self.shared.options.metadata_max_age).unwrap_or(SignedDuration::MAX);
            // Documents of unknown age may be almost stale already.
            let (as_of, age) = as_of.map_or((now, max / 4), |as_of| (as_of, max));
            let kept = record.clone();
            blocking(move || cache.save(key, kept, as_of, age)).await?;
        }
        Ok(record)
    }

    /// Whether the user's configuration lets a package be asked of its registries. Whoever answers from records of their
    /// own asks this first: what was fetched under another configuration says nothing about what the client takes today.
    ///
    /// # Errors
    /// It does not (Go's GOPRIVATE and GONOPROXY), or discovery failed.
    pub async fn admits(&self, package: &PackageName) -> Result<(), RegistryError> {
        self.adapter(package.ecosystem()).await?.admits(package)
    }

    /// All versions of a package.
    pub async fn versions(&self, package: &PackageName) -> Result<PackageDoc, RegistryError> {
        self.adapter(package.ecosystem()).await?.package(package).await
    }

    /// The release that the ecosystem's client would take today.
    pub async fn resolve(&self, package: &PackageName, requirement: &str, context: &ResolveContext) -> Result<Release, RegistryError> {
        self.adapter(package.ecosystem()).await?.resolve(package, requirement, context).await
    }

    /// What a release asks for in turn, as its registry says (npm, PyPI and cargo).
    pub async fn needs(&self, release: &Release) -> Result<Needs, RegistryError> {
        self.adapter(release.ecosystem()).await?.needs(release).await
    }

    /// The versions that a client on this machine may choose from, rising (PyPI and cargo).
    pub async fn candidates(&self, package: &PackageName, context: &ResolveContext) -> Result<Vec<Candidate>, RegistryError> {
        self.adapter(package.ecosystem()).await?.candidates(package, context).await
    }

    /// The files of a release that the client on this machine would take.
    pub fn client_files<'a>(&self, record: &'a ReleaseRecord) -> Vec<&'a ArtifactFile> {
        match record.release.ecosystem() {
            Ecosystem::Npm => of_kind(record, ArtifactKind::NpmTarball),
            Ecosystem::Pypi => self.python_files(record),
            Ecosystem::Maven => maven_files(record),
            Ecosystem::Cargo => of_kind(record, ArtifactKind::Crate),
            Ecosystem::Golang => of_kind(record, ArtifactKind::GoModule),
        }
    }

    /// The wheel or the source distribution, by the user's `--no-binary` settings and this Python's tags.
    fn python_files<'a>(&self, record: &'a ReleaseRecord) -> Vec<&'a ArtifactFile> {
        let adapter = self.adapters[Ecosystem::Pypi as usize].get();
        let built = adapter.and_then(|adapter| adapter.choosing()).is_some_and(|own| own.is_from_source(&record.release.package));
        let source = Self::source_file(record).filter(|_| built);
        source.map_or_else(|| crate::pypi::client_files(record, &self.shared.tags()), |file| vec![file])
    }

    /// The source distribution that a Python client builds where it takes no wheel.
    pub fn source_file(record: &ReleaseRecord) -> Option<&ArtifactFile> {
        crate::pypi::source_file(record)
    }

    /// The bytes of a POM: of a parent or a bill of materials that a POM reader needs.
    pub async fn pom(&self, package: &PackageName, version: &str) -> Result<Bytes, RegistryError> {
        self.adapter(Ecosystem::Maven).await?.pom(package, version).await
    }

    /// A Maven file beside the main one, by classifier (may be empty) and extension: `linux-x86_64` and `jar`.
    pub async fn maven_file(&self, release: &Release, classifier: &str, extension: &str) -> Result<ArtifactFile, RegistryError> {
        self.adapter(release.ecosystem()).await?.further_file(release, classifier, extension).await
    }

    /// Fetches a file and checks it against every digest that its registry declares.
    pub async fn download(&self, release: &Release, file: &ArtifactFile) -> Result<Download, RegistryError> {
        let adapter = self.adapter(release.ecosystem()).await?;
        let url =
            Url::parse(&file.url).map_err(|error| RegistryError::BadAddress { url: shown_text(&file.url), why: error.to_string() })?;
        let get = Get { url, accept: "*/*", credentials: adapter.credentials() };
        let strong =
            file.digests.iter().any(|digest| digest.algorithm().is_strong() && digest.algorithm() != bifocal_core::Algorithm::GoH1);
        let mut tried: u32 = 0;
        loop {
            tried = tried.saturating_add(1);
            let taken = self.shared.http.take_all(&get, file.size, strong).await?;
            let (got, open_ended) = (taken.bytes.len() as u64, taken.open_ended);
            match self.checked(&adapter, release, file, &get, taken).await {
                // Nothing but its digest says that such a body is not whole. An alteration shows in one that is measured.
                Err(RegistryError::DigestMismatch { .. }) if open_ended => {
                    if tried >= self.shared.http.tries() {
                        return Err(RegistryError::Truncated { url: shown(&get.url), got, expected: None });
                    }
                    self.shared.http.wait(&get.url, tried).await;
                }
                other => return other,
            }
        }
    }

    /// Compares what came with all that is declared of the file.
    async fn checked(
        &self,
        adapter: &Arc<dyn Adapter>,
        release: &Release,
        file: &ArtifactFile,
        get: &Get,
        taken: TakenBytes,
    ) -> Result<Download, RegistryError> {
        let TakenBytes { bytes, open_ended } = taken;
        if let Some(size) = file.size
            && u64::try_from(bytes.len()).ok() != Some(size)
            && file.digests.is_empty()
        {
            let got = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            return Err(RegistryError::Truncated { url: shown(&get.url), got, expected: Some(size) });
        }
        let (adapter, release, file) = (Arc::clone(adapter), release.clone(), file.clone());
        blocking(move || {
            let sha256 = verify(&file.filename, &file.digests, &bytes)?;
            adapter.verify_content(&release, &file, &bytes)?;
            let verified = file.digests.iter().any(|digest| digest.algorithm() != bifocal_core::Algorithm::GoH1);
            Ok(Download { bytes, sha256, maybe_cut: open_ended && !verified })
        })
        .await?
    }

    /// Whether a registry or file that a checked file names is where the user's own configuration takes a package from.
    /// `record` is that of the release, where there is one.
    pub async fn knows_origin(&self, ecosystem: Ecosystem, origin: &Origin, record: Option<&ReleaseRecord>) -> bool {
        let Ok(adapter) = self.adapter(ecosystem).await else { return false };
        let gateway = self.shared.options.self_urls.iter().any(|own| origin::is_below(&origin.address, own));
        gateway || adapter.stands_in(origin) || origin::known(ecosystem, &adapter.upstreams(), origin, record)
    }

    /// The upstream that a record came from, where only a file of the checked project names it.
    pub async fn project_upstream(&self, record: &ReleaseRecord) -> Option<UpstreamInfo> {
        let upstreams = self.adapter(record.release.ecosystem()).await.ok()?.upstreams();
        upstreams.into_iter().find(|upstream| upstream.of_project && upstream.id == record.upstream)
    }

    /// The Python version that releases are chosen for, such as `3.11.7`: the installed one's, or the one assumed.
    pub async fn python_version(&self) -> String {
        let shared = Arc::clone(&self.shared);
        blocking(move || shared.python().version.clone()).await.unwrap_or_else(|_| "3.12.0".to_owned())
    }

    /// Fetches a file that is no package (a feed), without any credentials.
    pub async fn fetch(&self, url: &str) -> Result<bytes::Bytes, RegistryError> {
        let url = Url::parse(url).map_err(|error| RegistryError::BadAddress { url: shown_text(url), why: error.to_string() })?;
        self.shared.http.download(&Get { url, accept: "*/*", credentials: Arc::default() }, None, false).await
    }

    /// Ids of all configured upstreams that have a package of this name; empty when only one is configured or has it.
    ///
    /// Two entries mean that a private name is also public (dependency confusion). This asks every upstream that the
    /// user configured for the ecosystem, so each of them learns the name.
    ///
    /// # Errors
    /// One of them answers neither that it has the package nor that it has none.
    pub async fn elsewhere(&self, package: &PackageName) -> Result<Vec<String>, RegistryError> {
        let adapter = self.adapter(package.ecosystem()).await?;
        if adapter.upstreams().len() < 2 {
            return Ok(Vec::new());
        }
        let found = adapter.elsewhere(package).await?;
        Ok(if found.len() > 1 { found } else { Vec::new() })
    }

    /// What discovery finds for each ecosystem, for `doctor`.
    pub async fn describe(&self) -> Vec<Discovery> {
        let mut out = Vec::new();
        for ecosystem in Ecosystem::ALL {
            out.push(match self.adapter(ecosystem).await {
                Ok(adapter) => Discovery { ecosystem, upstreams: Ok(adapter.upstreams()), notes: adapter.notes() },
                Err(error) => Discovery { ecosystem, upstreams: Err(error), notes: Vec::new() },
            });
        }
        out
    }

    /// Things that went wrong without stopping anything (a cache that cannot be written), for one warning each.
    pub fn warnings(&self) -> Vec<String> {
        let mut all = self.shared.http.warnings();
        all.extend(self.adapters.iter().filter_map(OnceCell::get).flat_map(|adapter| adapter.warnings()));
        all
    }

    async fn adapter(&self, ecosystem: Ecosystem) -> Result<Arc<dyn Adapter>, RegistryError> {
        let shared = Arc::clone(&self.shared);
        let build = || async move {
            let adapter: Arc<dyn Adapter> = match ecosystem {
                Ecosystem::Npm => Arc::new(Npm::discover(shared).await?),
                Ecosystem::Pypi => Arc::new(Pypi::discover(shared).await?),
                Ecosystem::Maven => Arc::new(Maven::new(shared).await?),
                Ecosystem::Cargo => Arc::new(Cargo::new(shared).await?),
                Ecosystem::Golang => Arc::new(Golang::new(shared).await?),
            };
            Ok(adapter)
        };
        self.adapters[ecosystem as usize].get_or_try_init(build).await.map(Arc::clone)
    }
}

/// What a kept record depends on beside its documents: which upstreams are asked, in which order.
fn record_key(adapter: &dyn Adapter, release: &Release) -> String {
    let upstreams: Vec<String> = adapter.upstreams().into_iter().map(|one| format!("{}={}", one.id, one.address)).collect();
    format!("{} {}", release.purl(), upstreams.join(" "))
}

impl Shared {
    pub(crate) fn new(env: Environment, options: Options) -> Self {
        let http = Http::new(env.clone(), options.clone());
        Shared { env, options, http, python: OnceLock::new(), tags: OnceLock::new() }
    }

    /// The installed Python. Blocking the first time, unless its answer is remembered.
    pub(crate) fn python(&self) -> &Python {
        self.python.get_or_init(|| Python::ask(&self.env, self.options.cache_dir.as_deref()))
    }

    /// The wheels that the installed Python takes.
    pub(crate) fn tags(&self) -> Arc<WheelTags> {
        Arc::clone(self.tags.get_or_init(|| Arc::new(WheelTags::of(self.python()))))
    }

    /// Refuses an upstream that is this program's own gateway: it would ask itself for ever.
    pub(crate) fn refuse_self(&self, ecosystem: Ecosystem, url: &Url, place: &str) -> Result<(), RegistryError> {
        for own in &self.options.self_urls {
            let Ok(own) = Url::parse(own) else { continue };
            let same_host = host_class(&own) == host_class(url) && own.port_or_known_default() == url.port_or_known_default();
            let prefix = own.path().trim_end_matches('/');
            let below = url.path().strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
            if same_host && below {
                return Err(RegistryError::SelfUpstream { ecosystem, url: shown(url), place: place.to_owned() });
            }
        }
        Ok(())
    }
}

/// A host for comparison: all names of this machine are one.
pub(crate) fn host_class(url: &Url) -> String {
    match url.host() {
        Some(url::Host::Ipv4(ip)) if ip.is_loopback() || ip.is_unspecified() => "loopback".to_owned(),
        Some(url::Host::Ipv6(ip)) if ip.is_loopback() || ip.is_unspecified() => "loopback".to_owned(),
        Some(url::Host::Domain(name)) if name.eq_ignore_ascii_case("localhost") => "loopback".to_owned(),
        other => other.map(|host| host.to_string()).unwrap_or_default(),
    }
}

/// The main file, or the POM where it is all there is.
fn maven_files(record: &ReleaseRecord) -> Vec<&ArtifactFile> {
    let main: Vec<&ArtifactFile> = record.files.iter().filter(|file| file.kind != ArtifactKind::Pom).collect();
    if main.is_empty() { of_kind(record, ArtifactKind::Pom) } else { main }
}

/// The files of one kind.
fn of_kind(record: &ReleaseRecord, kind: ArtifactKind) -> Vec<&ArtifactFile> {
    record.files.iter().filter(|file| file.kind == kind).collect()
}
