//! Everything that can go wrong between a package name and its bytes.
//!
//! Addresses in these texts are shown without user names, passwords, queries and fragments; what a server said is
//! made printable and cut short before it gets here.

use bifocal_core::{Ecosystem, counted, printable};

/// Why a registry's answer could not be had.
///
/// Values are cheap to clone, since one failed fetch may answer many releases.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// Nothing is configured for an ecosystem, and its client is not there to be asked.
    #[error("no upstream for {ecosystem}: nothing is configured and {why}; set `{key}`, or `upstream.{ecosystem}` in bifocal.toml")]
    NoUpstream {
        /// The ecosystem.
        ecosystem: Ecosystem,
        /// The client's own key that names the upstream.
        key: &'static str,
        /// Why the client's built-in default is not known.
        why: String,
    },
    /// A configuration file or variable that says where the upstream is cannot be used.
    #[error("{} is not usable: {why}", printable(.place))]
    Configuration {
        /// The variable, or the file with its key.
        place: String,
        /// What is wrong.
        why: String,
    },
    /// The configured upstream is this program's own gateway: it would ask itself for ever.
    #[error(
        "the {ecosystem} upstream in {} is this gateway itself ({url}); name the registry behind it in `upstream.{ecosystem}` of bifocal.toml",
        printable(.place)
    )]
    SelfUpstream {
        /// The ecosystem.
        ecosystem: Ecosystem,
        /// The address as shown.
        url: String,
        /// Where it was configured.
        place: String,
    },
    /// A registry that only a file of the checked project names: nothing is sent there.
    #[error(
        "{url} is none of the configured upstreams: only {source_file} names it, a file of the checked project, so it is not asked; configure that registry for your own client or in bifocal.toml"
    )]
    Stranger {
        /// Address as shown.
        url: String,
        /// The file of the project.
        source_file: String,
    },
    /// A client whose word is needed is not installed, or does not answer.
    #[error("`{tool}` is needed and gave no answer: {why}")]
    ToolMissing {
        /// The program.
        tool: String,
        /// What happened.
        why: String,
    },
    /// The upstream has no such package.
    #[error("{package} is not on upstream `{upstream}`")]
    PackageNotFound {
        /// The package's purl.
        package: String,
        /// Upstream id.
        upstream: String,
    },
    /// The upstream has the package, not this version.
    #[error("{release} is not on upstream `{upstream}`, which has the package")]
    VersionNotFound {
        /// The release's purl.
        release: String,
        /// Upstream id.
        upstream: String,
    },
    /// Whether a further upstream has a package of the same name cannot be told: it gave no answer.
    #[error("whether {package} is also on upstream `{upstream}` is not known, and a name on two upstreams may be mistaken: {why}")]
    AlsoOnUnknown {
        /// The package's purl.
        package: String,
        /// Upstream id.
        upstream: String,
        /// What came instead of an answer.
        why: Box<RegistryError>,
    },
    /// The client fetches it in a way that this program does not (Go's `direct`).
    #[error("{package} is not served by a registry: {why}")]
    NotServed {
        /// The package's purl.
        package: String,
        /// How the client would get it, and what to do instead.
        why: String,
    },
    /// No version that a client would take answers the requirement.
    #[error("no version of {package} satisfies `{requirement}`: {why}")]
    NothingSatisfies {
        /// The package's purl.
        package: String,
        /// The requirement as asked.
        requirement: String,
        /// What there is instead.
        why: String,
    },
    /// The requirement cannot be read.
    #[error("`{requirement}` is not a requirement for {package}: {why}")]
    BadRequirement {
        /// The package's purl.
        package: String,
        /// The requirement as asked.
        requirement: String,
        /// What is wrong with it.
        why: String,
    },
    /// A file that the metadata names is not there.
    #[error("{url} does not exist (HTTP {status})")]
    FileNotFound {
        /// Address as shown.
        url: String,
        /// 404 or 410.
        status: u16,
    },
    /// Credentials are missing or wrong.
    #[error("{url} asks for credentials{}", if *.sent { " and refuses those that are configured" } else { ", and none are configured for it" })]
    Unauthorised {
        /// Address as shown.
        url: String,
        /// Whether credentials were sent.
        sent: bool,
    },
    /// The upstream refuses (HTTP 403 or 451).
    #[error("{url} is refused by the upstream (HTTP {status}): {reason}")]
    Refused {
        /// Address as shown.
        url: String,
        /// 403 or 451.
        status: u16,
        /// Its own words.
        reason: String,
    },
    /// Any other status that is no answer.
    #[error("{url} answered HTTP {status} after {}: {reason}", counted(u64::from(*.tries), "try", "tries"))]
    Status {
        /// Address as shown.
        url: String,
        /// The status.
        status: u16,
        /// How often it was asked.
        tries: u32,
        /// Its own words.
        reason: String,
    },
    /// The host's name has no address.
    #[error("the name of {host} cannot be resolved: {why}")]
    Dns {
        /// Host.
        host: String,
        /// What the resolver said.
        why: String,
    },
    /// No connection, or it broke.
    #[error("no connection to {url}: {why}")]
    Connect {
        /// Address as shown.
        url: String,
        /// What happened.
        why: String,
    },
    /// The TLS handshake failed.
    #[error("no trusted connection to {url}: {why}; {advice}")]
    Tls {
        /// Address as shown.
        url: String,
        /// What the handshake said.
        why: String,
        /// What to do about it.
        advice: &'static str,
    },
    /// Nothing came for too long.
    #[error("{url} timed out {during}")]
    Timeout {
        /// Address as shown.
        url: String,
        /// While doing what.
        during: &'static str,
    },
    /// The body ended early.
    #[error(
        "{url} broke off after {}{}",
        counted(*.got, "byte", "bytes"),
        .expected.map_or(": it announces no length, and what came is cut off or altered".to_owned(), |n| format!(" of {n}"))
    )]
    Truncated {
        /// Address as shown.
        url: String,
        /// Bytes that came.
        got: u64,
        /// Bytes that were announced; `None` when only a digest or the content itself shows that some are missing.
        expected: Option<u64>,
    },
    /// The body is larger than the limit, as it came or decompressed.
    #[error("{url} is larger than the limit of {limit} bytes")]
    TooLarge {
        /// Address as shown.
        url: String,
        /// The limit that it passed.
        limit: u64,
    },
    /// A redirect that is not followed.
    #[error("{url} redirects where this client does not go: {why}")]
    Redirect {
        /// Address as shown.
        url: String,
        /// Why it is not followed.
        why: String,
    },
    /// An address that metadata or configuration gives and that is not used.
    #[error("the address {url} is not used: {why}")]
    BadAddress {
        /// Address as shown.
        url: String,
        /// Why.
        why: String,
    },
    /// Metadata is not what the registry's protocol says.
    #[error("{url} is malformed at {place}: {what}")]
    Malformed {
        /// Address as shown.
        url: String,
        /// Where in the document: `line 1 column 7`, `versions.1.0.0.dist`.
        place: String,
        /// What is wrong.
        what: String,
    },
    /// Go's checksum database says something of a release that its signed tree does not bear out.
    #[error(
        "the checksum database {database} is not believed about {release}: {why}; ask again by another network or proxy, and if this stays, trust neither"
    )]
    ChecksumDatabase {
        /// The database's name.
        database: String,
        /// The release's purl.
        release: String,
        /// What does not fit.
        why: String,
    },
    /// The bytes are not those that the registry declares.
    #[error("{file} has {algorithm} {actual} where its registry declares {declared}")]
    DigestMismatch {
        /// File name.
        file: String,
        /// Algorithm.
        algorithm: &'static str,
        /// Declared digits.
        declared: String,
        /// Digits of the bytes that came.
        actual: String,
    },
    /// Offline, and the cache does not have it.
    #[error("{url} is not in the cache, and the network is off (--offline)")]
    Offline {
        /// Address as shown.
        url: String,
    },
    /// Something of this machine failed (a worker thread, a trust store).
    #[error("failed to {what}: {why}")]
    Internal {
        /// What was tried.
        what: &'static str,
        /// What happened.
        why: String,
    },
}

impl RegistryError {
    /// Whether the user's configuration is to blame (exit code 2), rather than an upstream (exit code 3).
    pub fn is_configuration(&self) -> bool {
        match self {
            RegistryError::NoUpstream { .. }
            | RegistryError::Configuration { .. }
            | RegistryError::SelfUpstream { .. }
            | RegistryError::ToolMissing { .. } => true,
            RegistryError::AlsoOnUnknown { why, .. } => why.is_configuration(),
            _ => false,
        }
    }

    /// Whether the upstream answered and has no such thing.
    pub fn is_not_found(&self) -> bool {
        matches!(
            self,
            RegistryError::PackageNotFound { .. }
                | RegistryError::VersionNotFound { .. }
                | RegistryError::NothingSatisfies { .. }
                | RegistryError::FileNotFound { .. }
        )
    }

    /// Whether a later run may well succeed without anyone changing anything.
    pub fn is_transient(&self) -> bool {
        match self {
            RegistryError::Dns { .. } | RegistryError::Connect { .. } | RegistryError::Timeout { .. } | RegistryError::Truncated { .. } => {
                true
            }
            RegistryError::Status { status, .. } => *status == 429 || *status == 408 || *status >= 500,
            RegistryError::AlsoOnUnknown { why, .. } => why.is_transient(),
            _ => false,
        }
    }
}

/// An address as it may be shown: no user name, password, query or fragment, and printable.
pub fn shown(url: &url::Url) -> String {
    let mut bare = bifocal_readers::without_login(url.clone());
    bare.set_query(None);
    bifocal_core::one_line(bare.as_str(), 300)
}

/// [`shown`] for text that may not even be an address.
pub fn shown_text(text: &str) -> String {
    match url::Url::parse(text) {
        Ok(url) if url.has_host() => shown(&url),
        _ => {
            let bare = text.split(['?', '#']).next().unwrap_or_default();
            let bare = bare.rsplit('@').next().unwrap_or_default();
            bifocal_core::one_line(bare, 300)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_shown_without_secrets() {
        let url = url::Url::parse("https://me:pass@registry.example/a/b?token=x#frag").unwrap();
        assert_eq!(shown(&url), "https://registry.example/a/b");
        assert_eq!(shown_text("me:pass@registry.example/a?x=1"), "registry.example/a");
    }

    #[test]
    fn blame_is_told_apart() {
        let missing =
            RegistryError::NoUpstream { ecosystem: Ecosystem::Npm, key: "npm_config_registry", why: "npm is not installed".to_owned() };
        assert!(missing.is_configuration());
        assert!(missing.to_string().contains("set `npm_config_registry`"), "{missing}");
        let gone = RegistryError::FileNotFound { url: String::new(), status: 404 };
        assert!(gone.is_not_found() && !gone.is_configuration() && !gone.is_transient());
        let busy = RegistryError::Status { url: String::new(), status: 503, tries: 4, reason: String::new() };
        assert!(busy.is_transient());
        let also_on = |why| RegistryError::AlsoOnUnknown { package: String::new(), upstream: String::new(), why: Box::new(why) };
        let (open, refused) = (also_on(busy), also_on(RegistryError::FileNotFound { url: String::new(), status: 404 }));
        assert!(open.is_transient() && !open.is_configuration() && !refused.is_transient() && !refused.is_not_found());
    }
}
