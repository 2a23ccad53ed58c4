//! Which secret goes to which host, and to no other.
//!
//! In: what npmrc, netrc, pip, Maven or cargo configuration binds to an address. Out: the `Authorization` header for
//! a request, or none. The attack: a registry, a redirect or a tarball address that makes the client hand a token to
//! another host (CVE-2022-29244 and its kin), to a path of another tenant, or in clear text.

use super::strangers::Strangers;
use base64::Engine as _;
use bifocal_core::percent_decode;
use reqwest::header::HeaderValue;
use std::fmt;
use url::Url;

/// The secrets of one ecosystem, each bound to a host and a path, and the addresses that its requests never go to.
#[derive(Clone, Default)]
pub struct Credentials(Vec<Credential>, Strangers);

#[derive(Clone)]
struct Credential {
    /// `https` alone, or `http` too where the user configured the host so.
    plain_too: bool,
    host: String,
    port: Option<u16>,
    /// Starts and ends with `/`.
    path: String,
    header: HeaderValue,
}

impl Credentials {
    /// Binds a bearer token to an address and all below it. An unusable token or address is passed over.
    pub fn bearer(&mut self, url: &Url, token: &str) {
        self.raw(url, &format!("Bearer {token}"));
    }

    /// Binds a user name and password to an address and all below it.
    pub fn basic(&mut self, url: &Url, user: &str, password: &str) {
        self.basic_encoded(url, &base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}")));
    }

    /// Binds `base64(user:password)` to an address and all below it.
    pub fn basic_encoded(&mut self, url: &Url, encoded: &str) {
        self.raw(url, &format!("Basic {encoded}"));
    }

    /// Binds a whole `Authorization` value to an address and all below it.
    pub fn raw(&mut self, url: &Url, value: &str) {
        let (Some(host), Ok(mut header)) = (url.host_str(), HeaderValue::from_str(value)) else { return };
        header.set_sensitive(true);
        let mut path = url.path().to_owned();
        if !path.ends_with('/') {
            path.push('/');
        }
        self.0.push(Credential {
            plain_too: url.scheme() == "http",
            host: host.to_ascii_lowercase(),
            port: url.port_or_known_default(),
            path,
            header,
        });
    }

    /// Takes the user name and password out of an address and binds them to it. Returns the bare address.
    pub fn take_from(&mut self, mut url: Url) -> Url {
        if !url.username().is_empty() || url.password().is_some() {
            let user = percent_decode(url.username());
            let password = percent_decode(url.password().unwrap_or_default());
            let _ = url.set_username("");
            let _ = url.set_password(None);
            self.basic(&url, &user, &password);
        }
        url
    }

    /// Lets each secret reach its whole host, where no other one is bound more closely: pip, uv and cargo log in to a
    /// host, and many registries keep files beside the index, not below it.
    pub fn reach_hosts(&mut self) {
        let whole: Vec<Credential> = self.0.iter().map(|held| Credential { path: "/".to_owned(), ..held.clone() }).collect();
        self.0.extend(whole);
    }

    /// The header for a request to `url`: that of the longest path bound to its host and port; the first bound wins
    /// among equals.
    pub fn for_url(&self, url: &Url) -> Option<&HeaderValue> {
        let host = url.host_str()?.to_ascii_lowercase();
        let port = url.port_or_known_default();
        let mut best: Option<&Credential> = None;
        for credential in &self.0 {
            let scheme_fits = url.scheme() == "https" || (credential.plain_too && url.scheme() == "http");
            let path_fits = url.path().starts_with(&credential.path) || url.path() == credential.path.trim_end_matches('/');
            if scheme_fits
                && path_fits
                && credential.host == host
                && credential.port == port
                && best.is_none_or(|b| credential.path.len() > b.path.len())
            {
                best = Some(credential);
            }
        }
        best.map(|credential| &credential.header)
    }

    /// Keeps every request from what only the checked project names; see [`Strangers`].
    pub(crate) fn shun(&mut self, strangers: Strangers) {
        self.1 = strangers;
    }

    /// Which file of the checked project names the place of `url`, where requests do not go there.
    pub(crate) fn stranger(&self, url: &Url) -> Option<&str> {
        self.1.named_by(url)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials({} bound)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn a_secret_that_reaches_its_host_gives_way_to_one_bound_more_closely() {
        let mut held = Credentials::default();
        held.bearer(&url("https://registry.example/ours/simple"), "ours");
        held.bearer(&url("https://registry.example/theirs/simple"), "theirs");
        held.reach_hosts();
        let value = |text: &str| held.for_url(&url(text)).map(|v| v.to_str().unwrap().to_owned());
        assert_eq!(value("https://registry.example/theirs/simple/x").as_deref(), Some("Bearer theirs"));
        assert_eq!(value("https://registry.example/files/x.whl").as_deref(), Some("Bearer ours"));
        assert_eq!(value("https://registry.example:8443/files/x.whl"), None);
        assert_eq!(value("http://registry.example/files/x.whl"), None);
    }

    #[test]
    fn a_token_goes_only_to_its_host_port_scheme_and_path() {
        let mut held = Credentials::default();
        held.bearer(&url("https://registry.example/team"), "s3cret");
        let value = |text: &str| held.for_url(&url(text)).map(|v| v.to_str().unwrap().to_owned());
        assert_eq!(value("https://registry.example/team/pkg").as_deref(), Some("Bearer s3cret"));
        assert_eq!(value("https://REGISTRY.example/team").as_deref(), Some("Bearer s3cret"));
        for other in [
            "https://registry.example/teammate/pkg",
            "https://registry.example/team/../other/pkg",
            "https://registry.example/team/%2e%2e/other/pkg",
            "https://registry.example:8443/team/pkg",
            "http://registry.example/team/pkg",
            "http://registry.example:443/team/pkg",
            "https://registry.example.evil.example/team/pkg",
            "https://evil.example/team/pkg",
        ] {
            assert_eq!(value(other), None, "{other}");
        }
    }

    #[test]
    fn the_longest_path_wins_and_nothing_is_printed() {
        let mut held = Credentials::default();
        held.bearer(&url("https://registry.example/"), "wide");
        held.bearer(&url("https://registry.example/a/"), "narrow");
        assert_eq!(held.for_url(&url("https://registry.example/a/x")).unwrap(), "Bearer narrow");
        assert_eq!(held.for_url(&url("https://registry.example/b")).unwrap(), "Bearer wide");
        assert_eq!(format!("{held:?}"), "Credentials(2 bound)");
    }

    #[test]
    fn secrets_in_an_address_are_taken_out_of_it() {
        let mut held = Credentials::default();
        let bare = held.take_from(url("https://me:p%40ss@registry.example/simple/"));
        assert_eq!(bare.as_str(), "https://registry.example/simple/");
        assert_eq!(held.for_url(&bare).unwrap(), "Basic bWU6cEBzcw==");
    }
}
