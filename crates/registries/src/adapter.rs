//! What every ecosystem's adapter offers, and the values that pass through.

use crate::discovery::Upstream;
use crate::error::RegistryError;
use crate::http::Credentials;
use crate::needs::{Candidate, Needs};
use async_trait::async_trait;
use bifocal_core::{ArtifactFile, Choosing, Origin, PackageName, Release, ReleaseRecord, Sha256, VersionPoint};
use bytes::Bytes;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// One ecosystem's registry as the user's own client sees it. Built by discovery; shared by every request.
#[async_trait]
pub(crate) trait Adapter: Send + Sync {
    /// All that the upstream says of one release, in the form common to all ecosystems.
    async fn record(&self, release: &Release) -> Result<ReleaseRecord, RegistryError>;

    /// [`Adapter::record`], and when the oldest document behind it was fetched, where the adapter keeps that.
    async fn dated_record(&self, release: &Release) -> Result<(ReleaseRecord, Option<Timestamp>), RegistryError> {
        Ok((self.record(release).await?, None))
    }

    /// Whether the user's configuration lets this package be asked of a registry at all (GOPRIVATE). A cached record does
    /// not change that answer, so it is asked for before any cache is.
    ///
    /// # Errors
    /// The configuration keeps the package from every registry.
    fn admits(&self, _package: &PackageName) -> Result<(), RegistryError> {
        Ok(())
    }

    /// All versions of a package.
    async fn package(&self, package: &PackageName) -> Result<PackageDoc, RegistryError>;

    /// The release that the ecosystem's client would take today for a requirement.
    async fn resolve(&self, package: &PackageName, requirement: &str, context: &ResolveContext) -> Result<Release, RegistryError>;

    /// What a release asks for in turn (npm, PyPI and cargo).
    async fn needs(&self, release: &Release) -> Result<Needs, RegistryError> {
        Err(RegistryError::NotServed { package: release.purl(), why: "its ecosystem's registries do not say what it asks for".to_owned() })
    }

    /// The versions that a client on this machine may choose from, rising (PyPI and cargo).
    async fn candidates(&self, package: &PackageName, _context: &ResolveContext) -> Result<Vec<Candidate>, RegistryError> {
        Err(RegistryError::NotServed { package: package.purl(), why: "its versions are chosen one by one".to_owned() })
    }

    /// What the user's own configuration says of how the client chooses (Python alone).
    fn choosing(&self) -> Option<&Choosing> {
        None
    }

    /// The secrets that downloads may use; each goes only where it is bound to.
    fn credentials(&self) -> Arc<Credentials>;

    /// Checks what is not a digest over the file's plain bytes (Go's `h1:`). Runs on a thread for blocking work.
    fn verify_content(&self, _release: &Release, _file: &ArtifactFile, _bytes: &Bytes) -> Result<(), RegistryError> {
        Ok(())
    }

    /// Ids of all configured upstreams that have the package. Asked only when there is more than one.
    ///
    /// # Errors
    /// One of them gives no answer ([`told`]): only "no such package" is a no.
    async fn elsewhere(&self, package: &PackageName) -> Result<Vec<String>, RegistryError>;

    /// The upstreams in the order in which they are asked, and where each was configured.
    fn upstreams(&self) -> Vec<UpstreamInfo>;

    /// Whether another configured registry stands in for one that a checked file names (Maven's mirrors).
    fn stands_in(&self, _origin: &Origin) -> bool {
        false
    }

    /// Things that discovery passed over or assumed, in words.
    fn notes(&self) -> Vec<String> {
        Vec::new()
    }

    /// Things that went wrong since then without stopping anything, for one warning each.
    fn warnings(&self) -> Vec<String> {
        Vec::new()
    }

    /// A POM's bytes (Maven alone).
    async fn pom(&self, package: &PackageName, version: &str) -> Result<Bytes, RegistryError> {
        let purl = format!("{}@{}", package.purl(), bifocal_core::printable(version));
        Err(RegistryError::NotServed { package: purl, why: "its ecosystem has no POMs".to_owned() })
    }

    /// A file that a classifier and an extension name, beside those of the record (Maven alone).
    async fn further_file(&self, release: &Release, _classifier: &str, _extension: &str) -> Result<ArtifactFile, RegistryError> {
        Err(RegistryError::NotServed { package: release.purl(), why: "its ecosystem has no classifiers".to_owned() })
    }
}

/// What one upstream says of whether it has a package: its answer, or `None` when it says that it has none.
///
/// An upstream that only a file of the checked project names is never asked, so it counts as none of the configured ones.
///
/// # Errors
/// It failed. The attack: a registry that is down, or kept from answering, must not hide that a private name is public.
pub(crate) fn told<T>(
    package: &PackageName,
    upstream: &Upstream,
    answer: Result<Option<T>, RegistryError>,
) -> Result<Option<T>, RegistryError> {
    match answer {
        Err(RegistryError::PackageNotFound { .. }) => Ok(None),
        Err(RegistryError::Stranger { .. }) if upstream.of_project => Ok(None),
        Err(why) => Err(RegistryError::AlsoOnUnknown { package: package.purl(), upstream: upstream.id.clone(), why: Box::new(why) }),
        found => found,
    }
}

/// One upstream, as `bifocal doctor` shows it. Holds no secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamInfo {
    /// `default`, `@scope`, an index or repository id: what [`ReleaseRecord::upstream`] names.
    pub id: String,
    /// Its address without user name, password and query.
    pub address: String,
    /// Where that was read: a variable, a file, or the client's built-in default.
    pub source: String,
    /// Whether credentials are bound to it.
    pub authenticated: bool,
    /// Only a file of the checked project names it.
    pub of_project: bool,
}

/// All versions of one package on one upstream.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PackageDoc {
    /// Which upstream answered.
    pub upstream: String,
    /// The version that a client takes when none is asked for.
    pub latest: Option<String>,
    /// Named versions (npm dist-tags).
    pub tags: BTreeMap<String, String>,
    /// Every version, in the ecosystem's ascending order.
    pub versions: Vec<VersionPoint>,
    /// Those that are yanked or retracted.
    pub withdrawn: BTreeSet<String>,
}

/// What a client would take into account when it resolves a requirement.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ResolveContext {
    /// Take prereleases even where the requirement does not ask for one.
    pub prereleases: bool,
    /// Leave out versions published after this time (and those without a date).
    pub before: Option<Timestamp>,
    /// The Python version to resolve for (`3.11`), where it is not the installed one.
    pub python: Option<String>,
    /// The oldest Rust version to resolve for, where the project names one.
    pub rust: Option<String>,
}

/// A downloaded artifact whose declared digests all match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Download {
    /// The bytes.
    pub bytes: Bytes,
    /// Their name.
    pub sha256: Sha256,
    /// Whether neither a length nor a digest says that they are all: only the end of the connection ended them.
    pub maybe_cut: bool,
}
