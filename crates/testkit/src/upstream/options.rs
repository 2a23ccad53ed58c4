//! What the upstream offers: an origin gives all, a mirror leaves things out.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Switches of the server. The default is an origin registry with everything on; [`Serving::stripped_mirror`] is what
/// common mirrors leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Serving {
    /// Send `ETag` and answer `If-None-Match` with 304.
    pub etag: bool,
    /// Answer `Range` with 206.
    pub range: bool,
    /// Compress metadata for clients that accept gzip.
    pub gzip: bool,
    /// `Cache-Control` of metadata.
    pub cache_control: Option<String>,
    /// `time` in full npm packuments.
    pub npm_time: bool,
    /// `dist.signatures` in npm manifests.
    pub npm_signatures: bool,
    /// `dist.attestations` in npm manifests, and the endpoint behind it.
    pub npm_attestations: bool,
    /// The abbreviated npm packument; when off, clients that ask for it get the full one.
    pub npm_abbreviated: bool,
    /// JSON of PyPI's simple index (PEP 691); when off, HTML only.
    pub pypi_json: bool,
    /// The per-project JSON beside the index.
    pub pypi_project_json: bool,
    /// `upload-time` and `size` (PEP 700).
    pub pypi_upload_time: bool,
    /// `.metadata` files (PEP 658).
    pub pypi_metadata_files: bool,
    /// `provenance` links and documents (PEP 740).
    pub pypi_provenance: bool,
    /// `pubtime` in cargo's index lines.
    pub cargo_pubtime: bool,
    /// The crates API beside cargo's index.
    pub cargo_api: bool,
    /// `.sha256` and `.sha512` beside Maven files (`.sha1` and `.md5` are always there).
    pub maven_strong_digests: bool,
    /// `Last-Modified` of Maven files, which is where their dates come from.
    pub maven_last_modified: bool,
    /// `Time` in Go's `.info`.
    pub go_time: bool,
    /// Name of the checksum database that is proxied, which signs with [`sumdb_key`](crate::sumdb_key); `None` answers 404.
    pub go_sumdb: Option<String>,
}

impl Default for Serving {
    fn default() -> Self {
        Serving {
            etag: true,
            range: true,
            gzip: true,
            cache_control: None,
            npm_time: true,
            npm_signatures: true,
            npm_attestations: true,
            npm_abbreviated: true,
            pypi_json: true,
            pypi_project_json: true,
            pypi_upload_time: true,
            pypi_metadata_files: true,
            pypi_provenance: true,
            cargo_pubtime: true,
            cargo_api: true,
            maven_strong_digests: true,
            maven_last_modified: true,
            go_time: true,
            go_sumdb: None,
        }
    }
}

impl Serving {
    /// A mirror that keeps what installs need and drops dates, signatures, attestations and caching.
    pub fn stripped_mirror() -> Self {
        Serving {
            etag: false,
            range: false,
            npm_time: false,
            npm_signatures: false,
            npm_attestations: false,
            pypi_project_json: false,
            pypi_upload_time: false,
            pypi_provenance: false,
            cargo_pubtime: false,
            cargo_api: false,
            maven_strong_digests: false,
            maven_last_modified: false,
            go_time: false,
            ..Serving::default()
        }
    }
}

/// What a client must show. Anything else is answered with 401.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Auth {
    /// `Authorization: Bearer TOKEN` (cargo sends the bare token, which is taken too).
    Bearer(String),
    /// `Authorization: Basic …` of this user and password.
    Basic {
        /// User.
        user: String,
        /// Password.
        password: String,
    },
}

impl Auth {
    /// A user and a password.
    pub fn basic(user: &str, password: &str) -> Self {
        Auth::Basic { user: user.to_owned(), password: password.to_owned() }
    }

    /// A token.
    pub fn bearer(token: &str) -> Self {
        Auth::Bearer(token.to_owned())
    }

    /// The header value that satisfies this.
    pub fn header(&self) -> String {
        match self {
            Auth::Bearer(token) => format!("Bearer {token}"),
            Auth::Basic { user, password } => format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))),
        }
    }

    pub(crate) fn accepts(&self, header: Option<&str>) -> bool {
        let Some(header) = header else { return false };
        header == self.header() || matches!(self, Auth::Bearer(token) if token == header)
    }

    pub(crate) fn challenge(&self) -> &'static str {
        match self {
            Auth::Bearer(_) => "Bearer realm=\"testkit\"",
            Auth::Basic { .. } => "Basic realm=\"testkit\"",
        }
    }
}
