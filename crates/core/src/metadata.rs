//! What a registry says of a release, in one form for five ecosystems.

use crate::{ArtifactFile, Digest, Release, Sha256};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A metadata field that may be missing for different reasons, which must not be mistaken for each other.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "state", content = "value", rename_all = "snake_case")]
pub enum Known<T> {
    /// The upstream gave it.
    Given(T),
    /// The upstream serves such fields, and this release has none: the publisher never gave it.
    #[default]
    NotGiven,
    /// The origin has such fields for every release, this upstream serves none: a mirror removed them.
    Stripped,
    /// This ecosystem has no such field.
    NotOffered,
}

impl<T> Known<T> {
    /// The value, where given.
    pub fn given(&self) -> Option<&T> {
        match self {
            Known::Given(value) => Some(value),
            _ => None,
        }
    }

    /// `Given` for `Some`, `NotGiven` for `None`.
    pub fn from_option(value: Option<T>) -> Self {
        value.map_or(Known::NotGiven, Known::Given)
    }
}

/// Who uploaded or owns something, in the registry's terms.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Publisher {
    /// Account name.
    pub name: String,
    /// Mail address, where the registry shows one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
}

/// One earlier or later version of the same package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionPoint {
    /// The version.
    pub version: String,
    /// When it was published.
    pub published_at: Option<Timestamp>,
    /// Who published it.
    pub publisher: Option<Publisher>,
    /// Who owned the package then (npm keeps this for each version).
    #[serde(default)]
    pub maintainers: Vec<Publisher>,
    /// Repository link it claimed.
    #[serde(default)]
    pub repository: Option<String>,
}

/// What the package's other versions say about this one. Facts only; ages are the policy's business.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PackageHistory {
    /// Number of versions that the upstream lists, yanked ones included.
    pub version_count: u32,
    /// When the first version of the package was published.
    pub first_published_at: Known<Timestamp>,
    /// The release published last before this one, by date (by version order where dates are missing).
    pub previous: Option<VersionPoint>,
    /// The highest version below this one in the ecosystem's order.
    pub next_lower: Option<String>,
    /// The version that a client takes when none is asked for.
    pub latest: Option<String>,
}

/// All that one upstream says of one release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseRecord {
    /// Version of this stored form.
    pub schema_version: u32,
    /// The release.
    pub release: Release,
    /// Which configured upstream answered: `default`, `@scope`, an index or repository id. Never an address.
    pub upstream: String,
    /// Every file of the release.
    pub files: Vec<ArtifactFile>,
    /// When the release was published.
    pub published_at: Known<Timestamp>,
    /// Set when the whole release is yanked or retracted, with the reason given (may be empty).
    pub yanked: Option<String>,
    /// The deprecation notice (npm), where there is one.
    pub deprecated: Option<String>,
    /// Who published this version.
    pub publisher: Known<Publisher>,
    /// Who owns the package, as of this version.
    pub maintainers: Known<Vec<Publisher>>,
    /// The repository link that the publisher claims.
    pub repository: Known<String>,
    /// Licence expression claimed.
    pub license: Known<String>,
    /// One-line description.
    pub description: Known<String>,
    /// Install-time commands that the registry's metadata announces (npm `scripts`), by name.
    pub install_scripts: BTreeMap<String, String>,
    /// Registry signatures over the release (npm `dist.signatures`), as the JSON given.
    pub signatures: Known<String>,
    /// Other versions of the package.
    pub history: PackageHistory,
    /// Public and private upstreams of the user that both have a package of this name, by upstream id.
    #[serde(default)]
    pub also_on: Vec<String>,
    /// What this upstream said differently when the release was first seen here: released files and their dates are
    /// immutable in all five ecosystems. Filled by the engine, never by an adapter.
    #[serde(default)]
    pub changed: Vec<RecordChange>,
    /// Digest over the addresses of the upstreams that were asked, so that a record of one registry never answers for
    /// another one that is also called `default`. Filled by the registries' facade.
    #[serde(default)]
    pub upstream_key: String,
}

/// A field of a record that is not what it was.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RecordChange {
    /// `published_at`, or `digest of <file>`.
    pub field: String,
    /// The value first seen.
    pub was: String,
    /// The value now.
    pub is: String,
}

impl ReleaseRecord {
    /// A record that says nothing of the release but its name, without files: what a test builds on.
    pub fn bare(release: Release, upstream: &str) -> Self {
        ReleaseRecord {
            schema_version: crate::SCHEMA_VERSION,
            release,
            upstream: upstream.to_owned(),
            files: Vec::new(),
            published_at: Known::NotGiven,
            yanked: None,
            deprecated: None,
            publisher: Known::NotGiven,
            maintainers: Known::NotGiven,
            repository: Known::NotGiven,
            license: Known::NotGiven,
            description: Known::NotGiven,
            install_scripts: BTreeMap::new(),
            signatures: Known::NotGiven,
            history: PackageHistory::default(),
            also_on: Vec::new(),
            changed: Vec::new(),
            upstream_key: String::new(),
        }
    }

    /// SHA-256 over the canonical JSON of this record without transport addresses: the *metadata digest*.
    pub fn digest(&self) -> Sha256 {
        let mut bare = self.clone();
        bare.upstream_key.clear();
        for file in &mut bare.files {
            file.url.clear();
        }
        Sha256::of(&serde_json::to_vec(&bare).unwrap_or_default())
    }

    /// Finds the file with one of these digests.
    pub fn file_with(&self, digest: &Digest) -> Option<&ArtifactFile> {
        self.files.iter().find(|file| file.digests.contains(digest))
    }
}
