//! One built file and its digests in every spelling that registries and lockfiles use.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bifocal_core::{Algorithm, Digest, Sha256};
use sha2::Digest as _;
use std::sync::Arc;

/// A file of a release. Its digests are those of the bytes that were built; what the upstream serves may have been
/// altered since (see [`Artifact::alter`]), which is how a tampered download is made.
#[derive(Debug, Clone)]
pub struct Artifact {
    filename: String,
    bytes: Arc<[u8]>,
    served: Option<Arc<[u8]>>,
    go_h1: Option<Digest>,
}

impl Artifact {
    /// A file of this name (no folder) and content.
    pub fn new(filename: impl Into<String>, bytes: Vec<u8>) -> Self {
        Artifact { filename: filename.into(), bytes: bytes.into(), served: None, go_h1: None }
    }

    pub(crate) fn with_go_h1(mut self, h1: Digest) -> Self {
        self.go_h1 = Some(h1);
        self
    }

    /// File name without a folder.
    pub fn filename(&self) -> &str {
        &self.filename
    }

    /// The bytes as built; every digest is over these.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes that an upstream sends.
    pub fn served(&self) -> Arc<[u8]> {
        self.served.clone().unwrap_or_else(|| self.bytes.clone())
    }

    /// Makes the upstream send other bytes than those that its metadata describes.
    pub fn alter(&mut self, served: Vec<u8>) {
        self.served = Some(served.into());
    }

    /// Bytes as built.
    pub fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// SHA-256, the name under which Bifocal stores the artifact.
    pub fn sha256(&self) -> Sha256 {
        Sha256::of(&self.bytes)
    }

    /// SHA-256 in hex (PyPI, cargo, Maven).
    pub fn sha256_hex(&self) -> String {
        self.sha256().hex()
    }

    /// SHA-1 in hex (npm `shasum`, Maven).
    pub fn sha1_hex(&self) -> String {
        hex::encode(sha1::Sha1::digest(&self.bytes))
    }

    /// SHA-512 in hex (Maven).
    pub fn sha512_hex(&self) -> String {
        hex::encode(sha2::Sha512::digest(&self.bytes))
    }

    /// MD5 in hex (Maven, PyPI's project JSON).
    pub fn md5_hex(&self) -> String {
        hex::encode(md5::Md5::digest(&self.bytes))
    }

    /// `sha512-<base64>` (npm `integrity`).
    pub fn integrity(&self) -> String {
        format!("sha512-{}", STANDARD.encode(sha2::Sha512::digest(&self.bytes)))
    }

    /// Go's `h1:` digest; `None` for files that are neither a module zip nor a go.mod.
    pub fn go_h1(&self) -> Option<&Digest> {
        self.go_h1.as_ref()
    }

    /// The digest of this algorithm; `None` for `h1` where there is none, and for SHA-384.
    pub fn digest(&self, algorithm: Algorithm) -> Option<Digest> {
        match algorithm {
            Algorithm::Md5 => Digest::new(algorithm, &md5::Md5::digest(&self.bytes)),
            Algorithm::Sha1 => Digest::new(algorithm, &sha1::Sha1::digest(&self.bytes)),
            Algorithm::Sha256 => Some(self.sha256().into()),
            Algorithm::Sha384 => None,
            Algorithm::Sha512 => Digest::new(algorithm, &sha2::Sha512::digest(&self.bytes)),
            Algorithm::GoH1 => self.go_h1.clone(),
        }
    }
}
