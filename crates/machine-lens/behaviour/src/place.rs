//! What hosts and paths named in code are for: the *destination* and *target* part of a finding.
//!
//! In: folded texts (parts that are not known are `…`). Out: hosts with their kind, and kinds of path. The lists name
//! classes of service, never single addresses of known campaigns.

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

const CALLBACK: &[&str] = &[
    "oast.fun",
    "oast.live",
    "oast.me",
    "oast.online",
    "oast.pro",
    "oast.site",
    "interact.sh",
    "interactsh.com",
    "burpcollaborator.net",
    "oastify.com",
    "webhook.site",
    "requestbin.net",
    "requestbin.com",
    "pipedream.net",
    "requestcatcher.com",
    "beeceptor.com",
    "hookbin.com",
    "dnslog.cn",
    "ceye.io",
    "canarytokens.com",
    "canarytokens.org",
    "requestrepo.com",
    "dnshook.site",
    "bxss.me",
    "xss.ht",
    "xss.report",
    "ez.pe",
    "typedwebhook.tools",
    "postb.in",
    "mockbin.org",
    "dig.pm",
    "eyes.sh",
    "bc.exploit.host",
    "requestinspector.com",
    "webhook-test.com",
    "webhookinbox.com",
];
const TUNNEL: &[&str] = &[
    "ngrok.io",
    "ngrok.app",
    "ngrok-free.app",
    "ngrok.dev",
    "ngrok-free.dev",
    "serveo.net",
    "trycloudflare.com",
    "loca.lt",
    "localtunnel.me",
    "localhost.run",
    "lhr.life",
    "pagekite.me",
    "telebit.io",
    "portmap.io",
    "portmap.host",
    "playit.gg",
    "duckdns.org",
    "no-ip.org",
    "no-ip.biz",
    "ddns.net",
    "hopto.org",
    "zapto.org",
];
const PASTE: &[&str] = &[
    "pastebin.com",
    "paste.ee",
    "hastebin.com",
    "ghostbin.com",
    "ghostbin.co",
    "controlc.com",
    "rentry.co",
    "rentry.org",
    "dpaste.com",
    "dpaste.org",
    "paste.rs",
    "pastie.io",
    "pastes.io",
    "ix.io",
    "sprunge.us",
    "termbin.com",
    "p.ip.fi",
    "paste.fo",
    "pastebin.pl",
    "nekobin.com",
    "justpaste.it",
    "bpa.st",
    "cl1p.net",
    "textbin.net",
    "snippet.host",
    "paste.bingner.com",
    "paste.website",
    "pastefy.app",
    "telegra.ph",
];
const FILE_DROP: &[&str] = &[
    "transfer.sh",
    "file.io",
    "gofile.io",
    "anonfiles.com",
    "anonfile.com",
    "bayfiles.com",
    "0x0.st",
    "catbox.moe",
    "litterbox.catbox.moe",
    "tmpfiles.org",
    "oshi.at",
    "bashupload.com",
    "filebin.net",
    "ufile.io",
    "uguu.se",
    "pixeldrain.com",
    "mediafire.com",
    "temp.sh",
    "sendspace.com",
    "zippyshare.com",
    "filetransfer.io",
    "dosya.co",
    "store1.gofile.io",
    "wetransfer.com",
    "krakenfiles.com",
    "workupload.com",
    "files.catbox.moe",
    "keep.sh",
    "fileditch.com",
    "dropmefiles.com",
];
const SHORTENER: &[&str] = &[
    "bit.ly",
    "tinyurl.com",
    "is.gd",
    "t.ly",
    "cutt.ly",
    "rb.gy",
    "shorturl.at",
    "v.gd",
    "ow.ly",
    "rebrand.ly",
    "grabify.link",
    "iplogger.org",
    "iplogger.com",
    "2no.co",
    "yip.su",
    "goo.gl",
    "tiny.cc",
    "soo.gd",
    "bit.do",
    "u.to",
    "clck.ru",
];
const FREE_HOST: &[&str] = &[
    "dropbox.com",
    "dropboxusercontent.com",
    "drive.google.com",
    "mega.nz",
    "onedrive.live.com",
    "repl.co",
    "replit.dev",
    "replit.app",
    "glitch.me",
    "herokuapp.com",
    "vercel.app",
    "netlify.app",
    "pythonanywhere.com",
    "000webhostapp.com",
    "workers.dev",
    "onrender.com",
    "railway.app",
    "deta.dev",
    "deta.app",
    "fly.dev",
    "web.app",
    "firebaseapp.com",
    "surge.sh",
    "infinityfreeapp.com",
    "rf.gd",
    "cyclic.app",
    "koyeb.app",
    "pages.dev",
    "github.io",
    "blogspot.com",
    "wixsite.com",
    "weebly.com",
    "appspot.com",
    "azurewebsites.net",
    "up.railway.app",
    "ngrok.pizza",
    "mooo.com",
    "serv00.net",
    "alwaysdata.net",
];
const ECHO: &[&str] = &[
    "ipify.org",
    "ipinfo.io",
    "ip-api.com",
    "ifconfig.me",
    "ifconfig.co",
    "icanhazip.com",
    "ipecho.net",
    "ident.me",
    "myip.com",
    "ipapi.co",
    "checkip.amazonaws.com",
    "wtfismyip.com",
    "freegeoip.app",
    "geolocation-db.com",
    "ipgeolocation.io",
    "ip.me",
    "ip.sb",
    "myexternalip.com",
    "ipwho.is",
    "ipwhois.app",
    "geojs.io",
    "ifconfig.io",
    "extreme-ip-lookup.com",
    "ip-adresim.app",
];
const CODE_HOST: &[&str] = &[
    "github.com",
    "githubusercontent.com",
    "gitlab.com",
    "bitbucket.org",
    "codeberg.org",
    "gitee.com",
    "sourceforge.net",
    "gist.github.com",
    "sr.ht",
];

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

fn classify(host: &str, path: &str) -> HostKind {
    if let Some([a, b, ..]) = ipv4(host) {
        return match (a, b) {
            (127 | 10 | 0 | 255, _) | (192, 168) | (169, 254) => HostKind::Local,
            (172, 16..=31) => HostKind::Local,
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
        if !matches!(scheme.as_str(), "http" | "https" | "ws" | "wss" | "ftp" | "ftps" | "tcp" | "udp" | "socket") {
            continue;
        }
        push(&mut found, authority(rest));
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

/// What a path is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PathKind {
    /// SSH keys.
    SshKey,
    /// Cloud, cluster and container credentials.
    CloudCredential,
    /// Tokens of package managers and forges.
    PackageToken,
    /// Password database of the system.
    SystemAccounts,
    /// Saved passwords and cookies of a browser, tokens of a chat client.
    Browser,
    /// A wallet.
    Wallet,
    /// Runs at login or start (shell rc, cron, autostart, service).
    Autostart,
    /// Shell start-up files, which completions and installers edit too.
    ShellRc,
    /// SSH keys that may log in.
    AuthorizedKeys,
    /// The whole of a user's home or the file system's root.
    HomeRoot,
}

/// What kind of path `text` names, the most telling first.
pub(crate) fn path_kind(text: &str) -> Option<PathKind> {
    if text.len() > 4096 || text.is_empty() {
        return None;
    }
    let path = text.replace("\\\\", "/").replace('\\', "/").to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| path.contains(word));
    let ends =
        |words: &[&str]| words.iter().any(|word| path.split_whitespace().any(|piece| piece.trim_matches(['"', '\'']).ends_with(word)));
    if has(&["authorized_keys"]) {
        return Some(PathKind::AuthorizedKeys);
    }
    if has(&[".ssh/id_", "/.ssh/…", "id_rsa", "id_ed25519", "id_ecdsa"]) || ends(&["/.ssh", "/.ssh/"]) {
        return Some(PathKind::SshKey);
    }
    if has(&[
        "exodus/exodus.wallet",
        "electrum/wallets",
        "ethereum/keystore",
        "wallet.dat",
        "atomic/local storage",
        "com.liberty.jaxx",
        "solana/id.json",
        "coinomi/wallets",
        "guarda/local storage",
        "bytecoin",
        "zcash/",
        "armory/",
        "nkbihfbeogaeaoehlefnkodbefgpgknn",
        "/metamask",
        "exodus.wallet",
        "bfnaelmomeimhlpmgjnjophhpkkoljpa",
        "fhbohimaelbohpjbbldcngcnapndodjp",
    ]) {
        return Some(PathKind::Wallet);
    }
    if ends(&[
        "/login data",
        "/logins.json",
        "/key4.db",
        "/key3.db",
        "/cookies.sqlite",
        "/web data",
        "/local state",
        "/network/cookies",
        "/signons.sqlite",
        "/default/cookies",
    ]) || (path.contains("login data") && path.len() < 300)
        || has(&[
            "/local storage/leveldb",
            "discord/local storage",
            "discordcanary",
            "discordptb",
            "lightcord",
            "telegram desktop/tdata",
            "user data/default",
            "google/chrome/user data",
            "bravesoftware/brave-browser",
            "opera software/opera",
            "mozilla/firefox/profiles",
            "google-chrome/default",
            "yandexbrowser/user data",
            "microsoft/edge/user data",
        ])
    {
        return Some(PathKind::Browser);
    }
    if has(&[
        ".aws/credentials",
        ".aws/config",
        ".config/gcloud",
        "/gcloud/",
        ".azure/",
        ".kube/config",
        ".docker/config.json",
        ".oci/config",
        "application_default_credentials",
        ".terraform.d/credentials",
        ".vault-token",
        "var/run/secrets/kubernetes.io",
    ]) || ends(&["/.aws", "/.azure", "/.kube"])
    {
        return Some(PathKind::CloudCredential);
    }
    if has(&[".git-credentials", ".cargo/credentials", "gh/hosts.yml", ".m2/settings.xml", ".config/gh"])
        || ends(&[".npmrc", ".pypirc", ".netrc", "_netrc", ".yarnrc"])
    {
        return Some(PathKind::PackageToken);
    }
    if ends(&["/etc/shadow", "/etc/passwd", "/etc/sudoers"]) || has(&["/windows/system32/config/sam"]) {
        return Some(PathKind::SystemAccounts);
    }
    if has(&[
        "/etc/cron",
        "/var/spool/cron",
        "/etc/systemd/system",
        ".config/systemd/user",
        "/lib/systemd/system",
        ".config/autostart",
        "library/launchagents",
        "library/launchdaemons",
        "start menu/programs/startup",
        "programs/startup",
        "currentversion/run",
        "/etc/rc.local",
        "/etc/init.d/",
        "/etc/profile.d/",
        "/etc/ld.so.preload",
    ]) || ends(&["sitecustomize.py", "usercustomize.py"])
    {
        return Some(PathKind::Autostart);
    }
    if ends(&[
        ".bashrc",
        ".zshrc",
        ".profile",
        ".bash_profile",
        ".zprofile",
        ".zshenv",
        ".bash_login",
        "config.fish",
        "/etc/profile",
        "/etc/bash.bashrc",
        "/etc/environment",
    ]) {
        return Some(PathKind::ShellRc);
    }
    let trimmed = path.trim().trim_matches(['"', '\'']).trim_end_matches('*').trim_end_matches('/');
    if matches!(trimmed, "~" | "$home" | "${home}" | "c:" | "/home" | "/users" | "%userprofile%")
        || path.trim() == "/"
        || path.trim() == "/*"
    {
        return Some(PathKind::HomeRoot);
    }
    None
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

    #[test]
    fn paths_are_told_apart_whatever_their_slashes() {
        assert_eq!(path_kind("…\\Google\\Chrome\\User Data\\Default\\Login Data"), Some(PathKind::Browser));
        assert_eq!(path_kind("…/.ssh/id_rsa"), Some(PathKind::SshKey));
        assert_eq!(path_kind("…/.npmrc"), Some(PathKind::PackageToken));
        assert_eq!(path_kind("src/login.js"), None);
        assert_eq!(path_kind("/"), Some(PathKind::HomeRoot));
        assert_eq!(path_kind("/home/x/build"), None);
    }
}
