//! npm: packuments in, release records out.
//!
//! The protocol is that of <https://github.com/npm/registry/blob/main/docs/REGISTRY-API.md>: one JSON document per
//! package with every version's manifest. The full form is asked for, since the abbreviated one has neither dates nor
//! people. Versions are chosen as npm-pick-manifest does.

mod needs;
mod packument;

use crate::adapter::{Adapter, PackageDoc, ResolveContext, UpstreamInfo, told};
use crate::discovery::npm::{NpmConfig, ReplaceHost, built_in, discover};
use crate::discovery::{Upstream, ask};
use crate::error::{RegistryError, shown};
use crate::facade::Shared;
use crate::flight::Flights;
use crate::http::{Credentials, Get, off_core};
use crate::needs::Needs;
use crate::tool::Question;
use async_trait::async_trait;
use bifocal_core::{
    ArtifactFile, ArtifactKind, Digest, Ecosystem, Known, PackageHistory, PackageName, Release, ReleaseRecord, SCHEMA_VERSION,
    VersionPoint, printable,
};
use bifocal_versions::{ParsedVersion, PickOptions, Requirement, best};
use jiff::Timestamp;
use packument::{Manifest, Packument};
use std::cmp::Ordering;
use std::sync::Arc;
use tokio::sync::OnceCell;
use url::Url;

/// Bytes of reduced packuments that are remembered.
const MEMORY: usize = 48 << 20;

/// The npm adapter.
pub(crate) struct Npm {
    shared: Arc<Shared>,
    config: NpmConfig,
    packuments: Flights<Packument>,
    node: OnceCell<Option<String>>,
}

impl Npm {
    /// Finds the upstreams.
    pub(crate) async fn discover(shared: Arc<Shared>) -> Result<Self, RegistryError> {
        let config = discover(&shared).await?;
        Ok(Npm { shared, config, packuments: Flights::new(MEMORY), node: OnceCell::new() })
    }

    /// The upstream that npm asks for a package: its scope's, else the default.
    fn upstream(&self, package: &PackageName) -> Result<&Upstream, RegistryError> {
        let scoped = package.namespace().and_then(|scope| self.config.scopes.get(&scope.to_ascii_lowercase()));
        match scoped {
            Some(upstream) => Ok(upstream),
            None => self.config.default.as_ref().map_err(Clone::clone),
        }
    }

    async fn packument(&self, package: &PackageName) -> Result<(Arc<Packument>, &Upstream), RegistryError> {
        let upstream = self.upstream(package)?;
        Ok((self.packument_on(package, upstream).await?, upstream))
    }

    async fn packument_on(&self, package: &PackageName, upstream: &Upstream) -> Result<Arc<Packument>, RegistryError> {
        let get = Get {
            url: packument_url(&upstream.base, package)?,
            accept: "application/json",
            credentials: Arc::clone(&self.config.credentials),
        };
        let missing = || RegistryError::PackageNotFound { package: package.purl(), upstream: upstream.id.clone() };
        let key = get.url.to_string();
        let work = async {
            let document = self.shared.http.metadata(&get).await?.ok_or_else(missing)?;
            let place = shown(&document.url);
            let fetched_at = document.fetched_at;
            let parsed = off_core(document.body.len(), move || Packument::parse(&document.body, &place)).await??;
            let parsed = Packument { fetched_at, ..parsed };
            if parsed.versions.is_empty() && parsed.restricted.is_empty() { Err(missing()) } else { Ok(parsed) }
        };
        self.packuments.get(&key, Packument::weight, work).await
    }

    /// Where a tarball is fetched: as the document says, save that hosts named by `replace-registry-host` become the
    /// upstream's own.
    async fn tarball(&self, manifest: &Manifest, package: &PackageName, upstream: &Upstream) -> Result<Url, RegistryError> {
        let place = packument_url(&upstream.base, package)?;
        let url = upstream.base.join(&manifest.tarball).map_err(|error| RegistryError::Malformed {
            url: shown(&place),
            place: "dist.tarball".to_owned(),
            what: error.to_string(),
        })?;
        let url = match (upstream.base.scheme(), url.scheme()) {
            // Old documents name their own host by http; npm goes by https all the same.
            ("https", "http") if url.host() == upstream.base.host() && url.port().is_none() => {
                let mut safe = upstream.base.clone();
                safe.set_path(url.path());
                safe.set_query(url.query());
                safe
            }
            ("https", "https") | ("http", "http" | "https") => url,
            _ => {
                return Err(RegistryError::BadAddress {
                    url: shown(&url),
                    why: "the registry is reached by https, the tarball is not".to_owned(),
                });
            }
        };
        if url.origin() == upstream.base.origin() {
            return Ok(url);
        }
        let host = url.host_str().unwrap_or_default();
        let replace = match &self.config.replace_host {
            ReplaceHost::Never => false,
            ReplaceHost::Always => true,
            ReplaceHost::Host(named) => named == host,
            // Without npm its default is not known, and nothing is replaced.
            ReplaceHost::BuiltIn => {
                built_in(&self.shared).await.ok().and_then(|text| Url::parse(&text).ok()).is_some_and(|own| own.host_str() == Some(host))
            }
        };
        if !replace {
            return Ok(url);
        }
        let mut moved = upstream.base.clone();
        moved.set_path(&format!("{}{}", upstream.base.path().trim_end_matches('/'), url.path()));
        moved.set_query(url.query());
        Ok(moved)
    }

    /// The installed node's version, which npm holds against `engines`; not asked for when no version names any.
    async fn node(&self, packument: &Packument) -> Option<String> {
        packument.versions.values().find(|manifest| manifest.node.is_some())?;
        let question = Question { programs: &["node"], arguments: &["--version"], variables: &[], depends_on: &[] };
        let told = self.node.get_or_init(|| async { ask(&self.shared, question).await.ok() }).await;
        told.as_deref().map(|text| text.trim_start_matches('v').to_owned())
    }

    async fn file(
        &self,
        manifest: &Manifest,
        release: &Release,
        upstream: &Upstream,
        dates: &Dates<'_>,
    ) -> Result<ArtifactFile, RegistryError> {
        let url = self.tarball(manifest, &release.package, upstream).await?;
        let malformed = |place: &str, what: String| RegistryError::Malformed {
            url: shown(&url),
            place: format!("versions.{}.dist.{place}", printable(&release.version)),
            what,
        };
        let mut digests = Vec::new();
        if let Some(integrity) = manifest.integrity.as_deref() {
            digests.extend(Digest::parse_integrity(integrity).map_err(|error| malformed("integrity", error.to_string()))?);
        }
        if let Some(shasum) = manifest.shasum.as_deref().filter(|text| !text.is_empty()) {
            digests.push(Digest::decode(bifocal_core::Algorithm::Sha1, shasum).map_err(|error| malformed("shasum", error.to_string()))?);
        }
        let filename = url.path_segments().and_then(|mut parts| parts.next_back()).map(bifocal_core::percent_decode).unwrap_or_default();
        let safe = !filename.is_empty() && !filename.contains(['/', '\\']) && !filename.starts_with('.');
        Ok(ArtifactFile {
            filename: if safe { printable(&filename) } else { format!("{}-{}.tgz", release.package.base_name(), release.version) },
            kind: ArtifactKind::NpmTarball,
            size: None,
            digests,
            uploaded_at: dates.published(&release.version),
            yanked: None,
            provenance: match (&manifest.attestations, dates.packument.offers.signatures) {
                (Some(found), _) => Known::Given(found.to_string()),
                (None, true) => Known::NotGiven,
                (None, false) => Known::Stripped,
            },
            url: url.into(),
        })
    }
}

#[async_trait]
impl Adapter for Npm {
    async fn record(&self, release: &Release) -> Result<ReleaseRecord, RegistryError> {
        self.dated_record(release).await.map(|(record, _)| record)
    }

    async fn dated_record(&self, release: &Release) -> Result<(ReleaseRecord, Option<Timestamp>), RegistryError> {
        let (packument, upstream) = self.packument(&release.package).await?;
        let Some((version, manifest)) = packument.versions.get_key_value(release.version.as_str()) else {
            if packument.restricted.contains(&release.version) {
                return Err(RegistryError::Refused {
                    url: shown(&packument_url(&upstream.base, &release.package)?),
                    status: 403,
                    reason: packument
                        .restricted_message
                        .as_deref()
                        .map_or("restricted by policy".to_owned(), |text| bifocal_core::one_line(text, 300)),
                });
            }
            return Err(RegistryError::VersionNotFound { release: release.purl(), upstream: upstream.id.clone() });
        };
        if let Some(why) = &manifest.broken {
            return Err(RegistryError::Malformed {
                url: shown(&packument_url(&upstream.base, &release.package)?),
                place: format!("versions.{}", printable(version)),
                what: why.to_string(),
            });
        }
        let dates = Dates { packument: &packument };
        let offers = packument.offers;
        let known = |value: &Option<Arc<str>>| Known::from_option(value.as_deref().map(str::to_owned));
        let record = ReleaseRecord {
            schema_version: SCHEMA_VERSION,
            release: release.clone(),
            upstream: upstream.id.clone(),
            files: vec![self.file(manifest, release, upstream, &dates).await?],
            published_at: dates.published(version),
            yanked: None,
            deprecated: manifest.deprecated.as_deref().map(str::to_owned),
            publisher: match &manifest.publisher {
                Some(person) => Known::Given(person.as_ref().clone()),
                None if offers.publisher => Known::NotGiven,
                None => Known::Stripped,
            },
            // Without the registry's own account fields, `maintainers` is what the publisher wrote into package.json.
            maintainers: if !offers.publisher {
                Known::Stripped
            } else if manifest.maintainers.is_empty() {
                Known::NotGiven
            } else {
                Known::Given(manifest.maintainers.to_vec())
            },
            repository: known(&manifest.repository),
            license: known(&manifest.license),
            description: known(&manifest.description),
            install_scripts: manifest.scripts.clone(),
            signatures: match &manifest.signatures {
                Some(found) => Known::Given(found.to_string()),
                None if offers.signatures => Known::NotGiven,
                None => Known::Stripped,
            },
            history: dates.history(version),
            also_on: Vec::new(),
            changed: Vec::new(),
            upstream_key: String::new(),
        };
        Ok((record, Some(packument.fetched_at)))
    }

    async fn package(&self, package: &PackageName) -> Result<PackageDoc, RegistryError> {
        let (packument, upstream) = self.packument(package).await?;
        let dates = Dates { packument: &packument };
        let mut order: Vec<&str> = packument.versions.keys().map(AsRef::as_ref).collect();
        bifocal_versions::sort(Ecosystem::Npm, &mut order);
        Ok(PackageDoc {
            upstream: upstream.id.clone(),
            latest: packument.tags.get("latest").cloned(),
            tags: packument.tags.clone(),
            versions: order.into_iter().filter_map(|version| dates.point(version)).collect(),
            withdrawn: packument.restricted.clone(),
        })
    }

    async fn resolve(&self, package: &PackageName, requirement: &str, context: &ResolveContext) -> Result<Release, RegistryError> {
        let (packument, _) = self.packument(package).await?;
        let node = self.node(&packument).await;
        let before = context.before.into_iter().chain(self.config.before).min();
        let context = ResolveContext { before, ..context.clone() };
        let picked = pick(&packument, requirement, &context, node.as_deref()).map_err(|why| match why {
            Unpicked::None(why) => RegistryError::NothingSatisfies { package: package.purl(), requirement: printable(requirement), why },
            Unpicked::Unreadable(why) => {
                RegistryError::BadRequirement { package: package.purl(), requirement: printable(requirement), why }
            }
        })?;
        Release::of(package.clone(), &picked).map_err(|error| RegistryError::Malformed {
            url: package.purl(),
            place: "versions".to_owned(),
            what: error.to_string(),
        })
    }

    async fn needs(&self, release: &Release) -> Result<Needs, RegistryError> {
        let (packument, upstream) = self.packument(&release.package).await?;
        let Some(manifest) = packument.versions.get(release.version.as_str()) else {
            return Err(RegistryError::VersionNotFound { release: release.purl(), upstream: upstream.id.clone() });
        };
        let place = || packument_url(&upstream.base, &release.package).map(|url| shown(&url));
        needs::npm(&manifest.wants).map(Needs::Npm).map_err(|what| match place() {
            Ok(url) => RegistryError::Malformed { url, place: format!("versions.{}", printable(&release.version)), what },
            Err(error) => error,
        })
    }

    fn credentials(&self) -> Arc<Credentials> {
        Arc::clone(&self.config.credentials)
    }

    async fn elsewhere(&self, package: &PackageName) -> Result<Vec<String>, RegistryError> {
        let own = self.upstream(package)?;
        let mut found = Vec::new();
        // Only a scope's package can come from two places: names without one are never asked of a scope's registry.
        let others = self.config.default.iter().filter(|other| other.base != own.base);
        for upstream in std::iter::once(own).chain(others) {
            if told(package, upstream, self.packument_on(package, upstream).await.map(Some))?.is_some() {
                found.push(upstream.id.clone());
            }
        }
        Ok(found)
    }

    fn upstreams(&self) -> Vec<UpstreamInfo> {
        self.config.default.iter().chain(self.config.scopes.values()).map(|upstream| upstream.info(&self.config.credentials)).collect()
    }

    fn notes(&self) -> Vec<String> {
        let missing = self.config.default.as_ref().err().map(ToString::to_string);
        self.config.notes.iter().cloned().chain(missing).collect()
    }
}

/// `<base>/@scope%2fname`; nothing in a name can leave its segment.
fn packument_url(base: &Url, package: &PackageName) -> Result<Url, RegistryError> {
    let mut out = String::with_capacity(package.as_str().len() + 8);
    for byte in package.as_str().bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'@' | b'!' | b'*' | b'\'' | b'(' | b')' => {
                out.push(char::from(byte))
            }
            other => out.push_str(&format!("%{other:02x}")),
        }
    }
    base.join(&format!("./{out}")).map_err(|error| RegistryError::BadAddress { url: shown(base), why: error.to_string() })
}

enum Unpicked {
    None(String),
    Unreadable(String),
}

/// npm-pick-manifest: a dist-tag by name; an exact version; else the `latest` tag where it satisfies and is not
/// deprecated; else the highest that satisfies, deprecated ones last.
fn pick(packument: &Packument, requirement: &str, context: &ResolveContext, node: Option<&str>) -> Result<String, Unpicked> {
    let wanted = match requirement.trim() {
        "" => "latest",
        text => text,
    };
    let early = |version: &str| match (context.before, packument.versions.get(version).and_then(|manifest| manifest.published_at)) {
        (None, _) => true,
        (Some(before), Some(at)) => at <= before,
        (Some(_), None) => false,
    };
    let nothing = |why: &str| {
        let hint = packument.restricted_message.as_deref().filter(|_| !packument.restricted.is_empty());
        Unpicked::None(
            hint.map_or(why.to_owned(), |hint| format!("{why}; the upstream restricts some: {}", bifocal_core::one_line(hint, 200))),
        )
    };
    if let Some(exact) = ParsedVersion::parse(Ecosystem::Npm, wanted) {
        let exact = bifocal_versions::normalise(Ecosystem::Npm, exact.as_str());
        let listed = packument.versions.keys().find(|version| version.as_ref() == exact && early(version));
        return listed.map(|version| version.to_string()).ok_or_else(|| nothing("the upstream does not list it"));
    }
    let mut range = wanted.to_owned();
    if let Some(tagged) = packument.tags.get(wanted) {
        if packument.versions.contains_key(tagged.as_str()) && early(tagged) {
            return Ok(tagged.clone());
        }
        if context.before.is_none() {
            return Err(nothing("its tag names a version that is not listed"));
        }
        range = format!("<={tagged}");
    } else if Requirement::parse(Ecosystem::Npm, wanted).is_err() {
        let is_tag = wanted.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
        return Err(if is_tag {
            nothing("the package has no such tag")
        } else {
            Unpicked::Unreadable("it is neither a range nor a tag".to_owned())
        });
    }
    let manifest = |version: &str| packument.versions.get(version);
    let deprecated = |version: &str| manifest(version).is_some_and(|found| found.deprecated.is_some());
    let unfit = |version: &str| {
        let engines = manifest(version).and_then(|found| found.node.as_deref());
        engines.zip(node).is_some_and(|(range, node)| bifocal_versions::satisfies(Ecosystem::Npm, node, range).is_ok_and(|fits| !fits))
    };
    let either = |version: &str| deprecated(version) || unfit(version);
    // npm's order of preference: neither deprecated nor unfit for this node; fit; not deprecated; any.
    let mut found = None;
    for passed_over in [&either as &dyn Fn(&str) -> bool, &unfit, &deprecated] {
        let options = PickOptions {
            latest: packument.tags.get("latest").map(String::as_str).filter(|version| early(version)),
            prereleases: context.prereleases,
            discouraged: Some(passed_over),
        };
        let listed = packument.versions.keys().map(AsRef::as_ref).filter(|version| early(version));
        found = best(Ecosystem::Npm, listed, &range, options).map_err(|error| Unpicked::Unreadable(error.to_string()))?;
        if found.is_none_or(|version| !passed_over(version)) {
            break;
        }
    }
    found.map(str::to_owned).ok_or_else(|| nothing("no listed version is in that range"))
}

/// What a packument's dates and order say about its versions.
struct Dates<'a> {
    packument: &'a Packument,
}

impl Dates<'_> {
    fn published(&self, version: &str) -> Known<Timestamp> {
        match self.packument.versions.get(version) {
            Some(Manifest { published_at: Some(at), .. }) => Known::Given(*at),
            Some(Manifest { date_refused: false, .. }) | None if self.packument.offers.time => Known::NotGiven,
            _ => Known::Stripped,
        }
    }

    fn point(&self, version: &str) -> Option<VersionPoint> {
        let manifest = self.packument.versions.get(version)?;
        let registry_people = self.packument.offers.publisher;
        Some(VersionPoint {
            version: version.to_owned(),
            published_at: manifest.published_at,
            publisher: manifest.publisher.as_deref().cloned(),
            maintainers: if registry_people { manifest.maintainers.to_vec() } else { Vec::new() },
            repository: manifest.repository.as_deref().map(str::to_owned),
        })
    }

    fn history(&self, version: &str) -> PackageHistory {
        let packument = self.packument;
        let own = ParsedVersion::parse(Ecosystem::Npm, version);
        let lower = own.as_ref().and_then(|own| {
            let all = packument.versions.keys().filter_map(|text| ParsedVersion::parse(Ecosystem::Npm, text));
            all.filter(|other| other.order(own) == Ordering::Less).reduce(|a, b| if a.order(&b) == Ordering::Less { b } else { a })
        });
        let next_lower = lower.map(|parsed| parsed.as_str().to_owned());
        let at = packument.versions.get(version).and_then(|manifest| manifest.published_at);
        let earlier = match at {
            Some(at) if packument.created.is_some() => packument
                .versions
                .iter()
                .filter_map(|(text, manifest)| Some((manifest.published_at?, text)))
                .filter(|(date, text)| (*date, *text) < (at, &Arc::from(version)))
                .max()
                .map(|(_, text)| text.to_string()),
            _ => next_lower.clone(),
        };
        let first = packument.versions.values().filter_map(|manifest| manifest.published_at).chain(packument.created).min();
        PackageHistory {
            version_count: u32::try_from(packument.versions.len()).unwrap_or(u32::MAX),
            first_published_at: first.map_or(Known::Stripped, Known::Given),
            previous: earlier.and_then(|text| self.point(&text)),
            next_lower,
            latest: packument.tags.get("latest").cloned(),
        }
    }
}

#[cfg(test)]
mod tests;
