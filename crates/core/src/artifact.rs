use crate::{Digest, Known, Sha256};
use serde::{Deserialize, Serialize};

/// What form an artifact has, as its registry declares it. The bytes may lie; the archive crate sniffs them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ArtifactKind {
    /// npm `.tgz`.
    NpmTarball,
    /// Python wheel.
    Wheel,
    /// Python source distribution (`.tar.gz`, `.zip`, …).
    Sdist,
    /// Python egg and other files that no current installer takes.
    LegacyPython,
    /// Maven `.jar`, `.war`, `.aar`.
    Jar,
    /// Maven `.pom`.
    Pom,
    /// cargo `.crate`.
    Crate,
    /// Go module zip.
    GoModule,
    /// Anything else.
    Other,
}

/// One file of a release, as the registry's metadata describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArtifactFile {
    /// File name without a folder.
    pub filename: String,
    /// Declared form.
    pub kind: ArtifactKind,
    /// Where to fetch it. Never printed in reports (it may carry a token); empty in offline records that never had one.
    pub url: String,
    /// Bytes, where the registry says so.
    pub size: Option<u64>,
    /// Every digest that the registry gives.
    pub digests: Vec<Digest>,
    /// When this file was uploaded, RFC 3339.
    pub uploaded_at: Known<jiff::Timestamp>,
    /// Set when this file alone is yanked (PyPI yanks files), with the reason given (may be empty).
    pub yanked: Option<String>,
    /// Attestations offered for the file: an address relative to the upstream, or the inline document.
    pub provenance: Known<String>,
}

impl ArtifactFile {
    /// The SHA-256 that the registry declares, where it does.
    pub fn declared_sha256(&self) -> Option<Sha256> {
        self.digests.iter().find_map(Digest::as_sha256)
    }
}
