//! The five adapters behind one door.
//!
//! Discovery runs for an ecosystem when it is first asked for: one whose configuration is broken or missing fails
//! alone, and one that is not asked for never fails.

use crate::adapter::{Adapter, Download, PackageDoc, ResolveContext, UpstreamInfo};
use crate::environment::{Environment, Options};
use crate::error::{RegistryError, shown, shown_text};
use crate::http::{Get, Http, blocking};
use crate::verify::verify;
use bifocal_core::{ArtifactFile, ArtifactKind, Ecosystem, PackageName, Release, ReleaseRecord};
use std::sync::Arc;
use tokio::sync::OnceCell;
use url::Url;

/// What every adapter works with.
pub(crate) struct Shared {
    pub(crate) env: Environment,
    pub(crate) options: Options,
    pub(crate) http: Http,
}

/// The registries of all five ecosystems, as the user's clients would reach them.
pub struct Registries {
    shared: Arc<Shared>,
    adapters: [OnceCell<Arc<dyn Adapter>>; 5],
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
        let http = Http::new(env.clone(), options.clone());
        Ok(Registries { shared: Arc::new(Shared { env, options, http }), adapters: Default::default() })
    }

    /// All that the upstream says of one release, with its place among the package's other versions.
    pub async fn record(&self, release: &Release) -> Result<ReleaseRecord, RegistryError> {
        self.adapter(release.ecosystem()).await?.record(release).await
    }

    /// All versions of a package.
    pub async fn versions(&self, package: &PackageName) -> Result<PackageDoc, RegistryError> {
        self.adapter(package.ecosystem()).await?.package(package).await
    }

    /// The release that the ecosystem's client would take today.
    pub async fn resolve(&self, package: &PackageName, requirement: &str, context: &ResolveContext) -> Result<Release, RegistryError> {
        self.adapter(package.ecosystem()).await?.resolve(package, requirement, context).await
    }

    /// The files of a release that the client on this machine would take.
    pub fn client_files<'a>(&self, record: &'a ReleaseRecord) -> Vec<&'a ArtifactFile> {
        match record.release.ecosystem() {
            Ecosystem::Npm => of_kind(record, ArtifactKind::NpmTarball),
            Ecosystem::Pypi => of_kind(record, ArtifactKind::Wheel),
            Ecosystem::Maven => of_kind(record, ArtifactKind::Jar),
            Ecosystem::Cargo => of_kind(record, ArtifactKind::Crate),
            Ecosystem::Golang => of_kind(record, ArtifactKind::GoModule),
        }
    }

    /// Fetches a file and checks it against every digest that its registry declares.
    pub async fn download(&self, release: &Release, file: &ArtifactFile) -> Result<Download, RegistryError> {
        let adapter = self.adapter(release.ecosystem()).await?;
        let url = Url::parse(&file.url).map_err(|error| RegistryError::BadAddress { url: shown_text(&file.url), why: error.to_string() })?;
        let get = Get { url, accept: "*/*", credentials: adapter.credentials() };
        let strong = file.digests.iter().any(|digest| digest.algorithm().is_strong() && digest.algorithm() != bifocal_core::Algorithm::GoH1);
        let bytes = self.shared.http.download(&get, file.size, strong).await?;
        if let Some(size) = file.size
            && u64::try_from(bytes.len()).ok() != Some(size)
            && file.digests.is_empty()
        {
            let got = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            return Err(RegistryError::Truncated { url: shown(&get.url), got, expected: Some(size) });
        }
        let (release, file) = (release.clone(), file.clone());
        blocking(move || {
            let sha256 = verify(&file.filename, &file.digests, &bytes)?;
            adapter.verify_content(&release, &file, &bytes)?;
            Ok(Download { bytes, sha256 })
        })
        .await?
    }

    /// Ids of all configured upstreams that have a package of this name; empty when only one is configured or has it.
    ///
    /// Two entries mean that a private name is also public (dependency confusion). This asks every upstream that the
    /// user configured for the ecosystem, so each of them learns the name.
    pub async fn elsewhere(&self, package: &PackageName) -> Vec<String> {
        match self.adapter(package.ecosystem()).await {
            Ok(adapter) if adapter.upstreams().len() > 1 => {
                let found = adapter.elsewhere(package).await;
                if found.len() > 1 { found } else { Vec::new() }
            }
            _ => Vec::new(),
        }
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
        self.shared.http.warnings()
    }

    async fn adapter(&self, ecosystem: Ecosystem) -> Result<Arc<dyn Adapter>, RegistryError> {
        let shared = Arc::clone(&self.shared);
        let build = || async move {
            let adapter: Arc<dyn Adapter> = match ecosystem {
                _ => return Err(RegistryError::NoUpstream { ecosystem, key: "upstream", why: shared.env.cwd.display().to_string() }),
            };
            Ok(adapter)
        };
        self.adapters[ecosystem as usize].get_or_try_init(build).await.map(Arc::clone)
    }
}

impl Shared {
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
fn host_class(url: &Url) -> String {
    match url.host() {
        Some(url::Host::Ipv4(ip)) if ip.is_loopback() || ip.is_unspecified() => "loopback".to_owned(),
        Some(url::Host::Ipv6(ip)) if ip.is_loopback() || ip.is_unspecified() => "loopback".to_owned(),
        Some(url::Host::Domain(name)) if name.eq_ignore_ascii_case("localhost") => "loopback".to_owned(),
        other => other.map(|host| host.to_string()).unwrap_or_default(),
    }
}

/// The files of one kind.
fn of_kind(record: &ReleaseRecord, kind: ArtifactKind) -> Vec<&ArtifactFile> {
    record.files.iter().filter(|file| file.kind == kind).collect()
}
