use crate::{ArtifactFile, BehaviourSummary, Digest, Ecosystem, ReleaseRecord, Sha256, Signal};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What the manifest inside an artifact says of itself (package.json, PKG-INFO, Cargo.toml, pom.properties, go.mod).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ManifestClaims {
    /// Name claimed inside the archive.
    pub name: Option<String>,
    /// Version claimed inside the archive.
    pub version: Option<String>,
    /// Repository claimed inside the archive.
    pub repository: Option<String>,
    /// Install-time commands by name.
    #[serde(default)]
    pub scripts: BTreeMap<String, String>,
}

/// What the analyser found in one artifact. Cached by (sha256, analyser); the same two give the same bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ArtifactFacts {
    /// Version of this stored form.
    pub schema_version: u32,
    /// Name and version of the analyser and its rules.
    pub analyser: String,
    /// The artifact.
    pub sha256: Sha256,
    /// Go's `h1:` digest of the module zip, computed for Go modules only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub go_h1: Option<Digest>,
    /// The ecosystem it was read as.
    pub ecosystem: Option<Ecosystem>,
    /// Bytes of the artifact.
    pub size: u64,
    /// Files in it, nested archives not counted.
    pub files: u32,
    /// Bytes of all files unpacked.
    pub unpacked: u64,
    /// What its manifest claims.
    pub manifest: ManifestClaims,
    /// Calibrated risk of the behaviour lens in 0..1; `None` where nothing could be scored.
    #[serde(default)]
    pub risk: Option<f64>,
    /// Findings, in order of path and line.
    pub signals: Vec<Signal>,
    /// What its code does, for comparing it with another release; `None` where the analysis broke off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<BehaviourSummary>,
}

/// All that is known of a release. Deterministic; no ages and no wall-clock time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Assessment {
    /// Version of this stored form.
    pub schema_version: u32,
    /// What the upstream says.
    pub record: ReleaseRecord,
    /// The artifacts that were assessed, with their true SHA-256.
    pub artifacts: Vec<(ArtifactFile, Sha256, u64)>,
    /// Every signal of every lens, ordered by lens, id, fingerprint.
    pub signals: Vec<Signal>,
}
