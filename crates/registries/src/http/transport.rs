//! The connection layer: trust roots, proxies and time-outs from the user's environment, and what its errors mean.
//!
//! Private authorities are added to the system's roots from the variables and keys that the five clients know.

use super::resolver::Resolver;
use crate::discovery::shown_path;
use crate::environment::Environment;
use crate::error::{RegistryError, shown};
use bifocal_core::{HttpLimits, one_line};
use reqwest::{Certificate, NoProxy, Proxy};
use rustls::CertificateError;
use std::error::Error as _;
use std::path::{Path, PathBuf};
use url::Url;

/// Variables that name a PEM bundle of further authorities.
const CA_VARIABLES: [&str; 9] = [
    "NODE_EXTRA_CA_CERTS",
    "npm_config_cafile",
    "NPM_CONFIG_CAFILE",
    "PIP_CERT",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "SSL_CERT_FILE",
    "CARGO_HTTP_CAINFO",
    "UV_SSL_CERT_FILE",
];
/// The largest bundle that is read.
const MAX_BUNDLE: u64 = 16 << 20;

/// Builds the client that every request goes through.
pub(super) fn client(env: &Environment, extra_authorities: &[PathBuf], limits: &HttpLimits) -> Result<reqwest::Client, RegistryError> {
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("bifocal/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .no_gzip()
        .no_proxy()
        .dns_resolver(std::sync::Arc::new(Resolver::default()))
        .connect_timeout(limits.connect_time)
        .read_timeout(limits.read_time)
        .pool_max_idle_per_host(limits.per_host)
        // One connection carries all requests to a host: the default windows of 64 KiB would starve it.
        .http2_initial_stream_window_size(4 << 20)
        .http2_initial_connection_window_size(32 << 20)
        // HTTP/1 heads are bounded at 400 KiB already; endless ones must not fill the memory here either.
        .http2_max_header_list_size(256 << 10);
    let certificates = authorities(env, extra_authorities)?;
    if !certificates.is_empty() {
        builder = builder.tls_certs_merge(certificates);
    }
    for proxy in proxies(env)? {
        builder = builder.proxy(proxy);
    }
    builder.build().map_err(|error| RegistryError::Internal { what: "set up TLS", why: chain(&error) })
}

fn authorities(env: &Environment, extra: &[PathBuf]) -> Result<Vec<Certificate>, RegistryError> {
    let named = CA_VARIABLES.iter().filter_map(|name| env.var(name).map(|path| ((*name).to_owned(), PathBuf::from(path))));
    let extra = extra.iter().map(|path| (format!("the bundle {}", shown_path(path)), path.clone()));
    let mut seen: Vec<PathBuf> = Vec::new();
    let mut out = Vec::new();
    for (place, path) in named.chain(extra) {
        // requests takes a folder too; the system's folder is among the system's roots already.
        if seen.contains(&path) || path.is_dir() {
            continue;
        }
        let why = |why: String| RegistryError::Configuration { place: place.clone(), why };
        let pem = read_bounded(&path).map_err(|error| why(format!("{} cannot be read: {error}", shown_path(&path))))?;
        let bundle = Certificate::from_pem_bundle(&pem)
            .map_err(|error| why(format!("{} is no PEM bundle: {}", shown_path(&path), chain(&error))))?;
        if bundle.is_empty() {
            return Err(why(format!("{} holds no certificate in PEM form", shown_path(&path))));
        }
        out.extend(bundle);
        seen.push(path);
    }
    Ok(out)
}

fn read_bounded(path: &Path) -> std::io::Result<Vec<u8>> {
    use std::io::Read as _;
    let mut out = Vec::new();
    std::fs::File::open(path)?.take(MAX_BUNDLE).read_to_end(&mut out)?;
    Ok(out)
}

/// Proxies by the common variables; lower case wins, as curl has it. `HTTP_PROXY` in capitals is not read where a web
/// server set it from a request header (CVE-2016-5385).
fn proxies(env: &Environment) -> Result<Vec<Proxy>, RegistryError> {
    let bypass = env.first_var(&["no_proxy", "NO_PROXY"]).and_then(|(_, list)| NoProxy::from_string(list));
    let plain: &[&str] = if env.var("REQUEST_METHOD").is_some() { &["http_proxy"] } else { &["http_proxy", "HTTP_PROXY"] };
    type Make = fn(Url) -> reqwest::Result<Proxy>;
    let kinds: [(&[&str], Make); 3] = [
        (&["https_proxy", "HTTPS_PROXY"], |url| Proxy::https(url)),
        (plain, |url| Proxy::http(url)),
        (&["all_proxy", "ALL_PROXY"], |url| Proxy::all(url)),
    ];
    let mut out = Vec::new();
    for (names, make) in kinds {
        let Some((name, text)) = env.first_var(names) else { continue };
        let unusable = || RegistryError::Configuration { place: name.to_owned(), why: "it is no proxy address".to_owned() };
        let with_scheme = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        let url = Url::parse(&with_scheme).map_err(|_| unusable())?;
        out.push(make(url).map_err(|_| unusable())?.no_proxy(bypass.clone()));
    }
    Ok(out)
}

/// What an error of the connection layer means for the request to `url`.
pub(super) fn meaning(url: &Url, error: &reqwest::Error, during: &'static str) -> RegistryError {
    let why = chain(error);
    let shown = shown(url);
    if let Some(refused) = source_of::<rustls::Error>(error) {
        return RegistryError::Tls { url: shown, why, advice: advice(refused) };
    }
    if error.is_dns() {
        return RegistryError::Dns { host: bifocal_core::printable(url.host_str().unwrap_or_default()), why };
    }
    if error.is_timeout() {
        return RegistryError::Timeout { url: shown, during: if error.is_connect() { "while connecting" } else { during } };
    }
    RegistryError::Connect { url: shown, why }
}

/// What to do about a refused handshake.
fn advice(error: &rustls::Error) -> &'static str {
    match error {
        // Node's and Python's TLS take such a certificate once it is trusted; here a server's is never an authority's.
        rustls::Error::InvalidCertificate(CertificateError::Other(other)) if other.to_string().contains("CaUsedAsEndEntity") => {
            "the server shows the certificate of an authority (CA:TRUE) as its own, which is not taken even where it is trusted: give the server one with CA:FALSE, or one that the authority signed"
        }
        rustls::Error::InvalidCertificate(CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. }) => {
            "its certificate is made out for another name: ask by that name"
        }
        rustls::Error::InvalidCertificate(
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. },
        ) => "its certificate is not valid at this machine's time: renew it, or set the clock",
        _ => "a private authority goes into NODE_EXTRA_CA_CERTS, PIP_CERT or SSL_CERT_FILE",
    }
}

/// Looks for a cause of type `E`, into the errors that `std::io::Error` carries as well.
fn source_of<E: std::error::Error + 'static>(error: &reqwest::Error) -> Option<&E> {
    let mut next = error.source();
    for _ in 0..32 {
        let source = next?;
        if let Some(found) = source.downcast_ref::<E>() {
            return Some(found);
        }
        // `source` of such an error passes over what it carries.
        let carried = source.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        next = carried.map(|inner| inner as &(dyn std::error::Error + 'static)).or_else(|| source.source());
    }
    None
}

/// An error and its causes in one line, without addresses (they may carry secrets).
pub(super) fn chain(error: &reqwest::Error) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut next = error.source();
    while let Some(source) = next.filter(|_| parts.len() < 6) {
        let text = source.to_string();
        if !parts.contains(&text) {
            parts.push(text);
        }
        next = source.source();
    }
    match parts.last() {
        Some(last) => one_line(last, 300),
        None if error.is_builder() => "the request cannot be built".to_owned(),
        None => "the connection failed".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(vars: &[(&str, &str)]) -> Environment {
        Environment { vars: vars.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(), home: None, cwd: "/".into() }
    }

    #[test]
    fn a_bundle_that_is_missing_is_a_configuration_error_that_names_the_variable() {
        let error = authorities(&env(&[("PIP_CERT", "/nonexistent/ca.pem")]), &[]).unwrap_err();
        assert!(error.is_configuration());
        assert!(error.to_string().starts_with("PIP_CERT is not usable"), "{error}");
    }

    #[test]
    fn a_bundle_without_any_certificate_is_a_configuration_error() {
        let folder = tempfile::tempdir().unwrap();
        for text in ["", "nothing of the kind\n", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"] {
            let path = folder.path().join("ca.pem");
            std::fs::write(&path, text).unwrap();
            let error = authorities(&env(&[("SSL_CERT_FILE", path.to_str().unwrap())]), &[]).unwrap_err();
            assert!(error.is_configuration(), "{error}");
            assert!(error.to_string().contains("ca.pem holds no certificate"), "{error}");
        }
        std::fs::write(folder.path().join("ca.pem"), OWN_AUTHORITY).unwrap();
        assert_eq!(authorities(&Environment::default(), &[folder.path().join("ca.pem")]).unwrap().len(), 1);
    }

    #[test]
    fn what_to_do_about_a_certificate_depends_on_what_is_wrong_with_it() {
        use rustls::client::WebPkiServerVerifier;
        use rustls::client::danger::ServerCertVerifier as _;
        use rustls::pki_types::pem::PemObject as _;
        use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
        let own = CertificateDer::from_pem_slice(OWN_AUTHORITY.as_bytes()).unwrap();
        let mut roots = rustls::RootCertStore::empty();
        roots.add(own.clone()).unwrap();
        let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let verifier = WebPkiServerVerifier::builder_with_provider(roots.into(), provider).build().unwrap();
        let now = UnixTime::since_unix_epoch(std::time::Duration::from_secs(2_000_000_000));
        let name = ServerName::try_from("registry.example").unwrap();
        // The server's certificate is the very one that is trusted, and an authority's.
        let refused = verifier.verify_server_cert(&own, &[], &name, &[], now).unwrap_err();
        assert!(advice(&refused).contains("CA:TRUE"), "{refused}");
        let unknown = rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
        assert!(advice(&unknown).contains("SSL_CERT_FILE"));
        assert!(advice(&rustls::Error::InvalidCertificate(CertificateError::NotValidForName)).contains("another name"));
        assert!(advice(&rustls::Error::InvalidCertificate(CertificateError::Expired)).contains("clock"));
    }

    /// A certificate for registry.example, signed by itself, that says of itself that it is an authority's.
    const OWN_AUTHORITY: &str = "-----BEGIN CERTIFICATE-----
MIIBqzCCAVCgAwIBAgIUB5AkeoXCnoWvR8ikH5bdEK3+ATcwCgYIKoZIzj0EAwIw
GzEZMBcGA1UEAwwQcmVnaXN0cnkuZXhhbXBsZTAgFw0yNjExMjgyMTI1MDFaGA8y
MTI2MTEwNDIxMjUwMVowGzEZMBcGA1UEAwwQcmVnaXN0cnkuZXhhbXBsZTBZMBMG
ByqGSM49AgEGCCqGSM49AwEHA0IABN83zg3ODnCHQZJEkiMKLSCs60zv1ODL7WR9
HPMcbrJwG+YyzFXl+LLiyydehpfsgl0rb/qkV3CK4ZcU7whVSGqjcDBuMB0GA1Ud
DgQWBBQKkI4pdK8tkFQ//K2kiEDIV6A9zzAfBgNVHSMEGDAWgBQKkI4pdK8tkFQ/
/K2kiEDIV6A9zzAbBgNVHREEFDASghByZWdpc3RyeS5leGFtcGxlMA8GA1UdEwEB
/wQFMAMBAf8wCgYIKoZIzj0EAwIDSQAwRgIhAMbzzzSEBAsjHJD1FmXeW2IUOtqA
VOkcNs5uOunHqQ5aAiEAiGyJXbDPkNkwQaVxY/+XLO/LqP0XNxRx0oiBmJ3LsAU=
-----END CERTIFICATE-----
";

    #[test]
    fn proxies_come_from_the_variables_but_not_from_a_request_header() {
        assert_eq!(proxies(&env(&[("HTTPS_PROXY", "proxy.example:3128"), ("all_proxy", "socks5://proxy.example")])).unwrap().len(), 2);
        assert_eq!(proxies(&env(&[("HTTP_PROXY", "http://evil.example"), ("REQUEST_METHOD", "GET")])).unwrap().len(), 0);
        assert!(proxies(&env(&[("HTTPS_PROXY", "http://")])).unwrap_err().is_configuration());
    }
}
