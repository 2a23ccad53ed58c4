//! Addresses: without credentials, and the host or the revision that they name.
//!
//! Lockfiles and requirements carry tokens (`https://user:token@host`, `?access_token=…`); an inventory is printed and
//! stored, so they end here.

use crate::error::shown;
use bifocal_core::{Origin, percent_decode};
use url::Url;

/// Longest address taken, in bytes.
const MAX_ADDRESS: usize = 8192;

/// Query parameters that hold a secret, by a part of their name.
const SECRET_PARTS: [&str; 9] = ["token", "secret", "passw", "pwd", "auth", "sig", "credential", "apikey", "api_key"];

/// An address without user, password, secret query parameters and fragment. `None` when it is no absolute URL.
pub(crate) fn clean(written: &str) -> Option<String> {
    let url = parse(written)?;
    Some(shown_long(&strip(url, false)))
}

/// Where a file says that a package comes from: an address without credentials, or the text itself (a folder of files).
pub(crate) fn origin(written: &str) -> Origin {
    let address = clean(written).unwrap_or_else(|| shown(written));
    Origin { id: String::new(), address }
}

/// Whether a text is an address with a host, rather than a path.
pub(crate) fn is_remote(written: &str) -> bool {
    parse(written).is_some_and(|url| url.scheme() != "file" && url.has_host())
}

/// The last path segment of an address, decoded, where it is a plain file name.
pub(crate) fn file_name(written: &str) -> Option<String> {
    let url = parse(written)?;
    let last = url.path_segments()?.next_back()?;
    let name = percent_decode(last);
    let plain = !name.is_empty()
        && name.len() <= 512
        && !name.contains(['/', '\\'])
        && !name.chars().any(char::is_control)
        && name != "."
        && name != "..";
    plain.then_some(name)
}

/// The fragment of an address (`#sha256=…`, `#egg=…`).
pub(crate) fn fragment(written: &str) -> Option<&str> {
    written.split_once('#').map(|(_, fragment)| fragment)
}

fn parse(written: &str) -> Option<Url> {
    if written.len() > MAX_ADDRESS {
        return None;
    }
    Url::parse(written.trim()).ok()
}

/// An address without user, password and fragment.
pub fn without_login(mut url: Url) -> Url {
    // Both fail only for addresses that cannot have them.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_fragment(None);
    url
}

fn strip(url: Url, keep_user: bool) -> String {
    // `git` is the account of every forge's SSH door, no secret.
    let is_door = keep_user && url.username() == "git";
    let mut url = without_login(url);
    if is_door {
        let _ = url.set_username("git");
    }
    if let Some(query) = url.query() {
        let kept: Vec<&str> = query
            .split('&')
            .filter(|pair| {
                let name = pair.split('=').next().unwrap_or(pair).to_ascii_lowercase();
                name != "key" && !SECRET_PARTS.iter().any(|part| name.contains(part))
            })
            .collect();
        let kept = kept.join("&");
        url.set_query((!kept.is_empty()).then_some(&*kept));
    }
    url.into()
}

fn shown_long(text: &str) -> String {
    bifocal_core::printable(text)
}

/// A git repository in any of the spellings of npm, yarn, pnpm, pip, cargo and poetry: `git+https://…#rev`,
/// `git+ssh://git@host/path@rev`, `git@host:owner/repo.git#rev`, `github:owner/repo#rev`, `owner/repo#rev`.
/// Gives the address without credentials and the revision (empty when none is named).
pub(crate) fn git(written: &str) -> Option<(String, String)> {
    let written = written.trim();
    if written.is_empty() || written.len() > MAX_ADDRESS || written.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return None;
    }
    let (location, fragment) = written.split_once('#').unwrap_or((written, ""));
    let mut revision = revision_of(fragment);
    for (prefix, base) in [
        ("github:", "https://github.com/"),
        ("gitlab:", "https://gitlab.com/"),
        ("bitbucket:", "https://bitbucket.org/"),
        ("gist:", "https://gist.github.com/"),
    ] {
        if let Some(path) = location.strip_prefix(prefix) {
            let path = path.rsplit_once('@').map_or(path, |(_, path)| path);
            return clean(&format!("{base}{path}")).map(|url| (url, revision));
        }
    }
    let location = location.strip_prefix("git+").unwrap_or(location);
    if !location.contains("://") {
        // `user@host:path` (scp), or `owner/repo`.
        if let Some((host, path)) = location.split_once(':') {
            let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
            return clean_git(&format!("ssh://git@{host}/{}", path.trim_start_matches('/'))).map(|url| (url, revision));
        }
        let (owner, repo) = location.split_once('/')?;
        if owner.is_empty() || repo.is_empty() || repo.contains('/') || owner.starts_with(['.', '@', '~']) {
            return None;
        }
        return clean(&format!("https://github.com/{location}")).map(|url| (url, revision));
    }
    // pip writes the revision behind the path; an `@` before the path is an account.
    let (scheme, rest) = location.split_once("://")?;
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (path, tail) = match path.rsplit_once('@') {
        Some((path, tail)) => (path, tail),
        None => (path, ""),
    };
    if revision.is_empty() {
        revision = tail.to_owned();
    }
    // `ssh://git@host:owner/repo` is an scp path that was given a scheme.
    let authority = match authority.rsplit_once(':') {
        Some((host, owner)) if scheme.ends_with("ssh") && owner.parse::<u16>().is_err() && !owner.is_empty() && !owner.contains('@') => {
            format!("{host}/{owner}")
        }
        _ => authority.to_owned(),
    };
    clean_git(&format!("{scheme}://{authority}/{path}")).map(|url| (url, shown(&revision)))
}

fn clean_git(written: &str) -> Option<String> {
    let url = parse(written)?;
    let keep = url.scheme() == "ssh";
    let has_place = url.host_str().is_some() || url.scheme() == "file";
    has_place.then(|| shown_long(&strip(url, keep)))
}

/// The revision in a fragment: `<rev>`, `commit=<rev>`, `semver:^1`, with other `&`-joined keys (`egg`, `path`) left out.
fn revision_of(fragment: &str) -> String {
    let mut revision = "";
    for part in fragment.split('&') {
        match part.split_once('=') {
            None if !part.starts_with("path:") => revision = part,
            Some(("commit" | "tag" | "head" | "branch" | "rev" | "semver", value)) => revision = value,
            _ => {}
        }
    }
    shown(&percent_decode(revision))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_never_leave() {
        for (written, clean_form) in [
            ("https://user:tok@registry.example/a/-/a-1.tgz#abc", "https://registry.example/a/-/a-1.tgz"),
            ("https://registry.example/a.tgz?access_token=t&x=1&X-Amz-Signature=s", "https://registry.example/a.tgz?x=1"),
            ("https://registry.example/a.tgz?private_token=t", "https://registry.example/a.tgz"),
        ] {
            assert_eq!(clean(written).as_deref(), Some(clean_form));
        }
        assert_eq!(clean("not an address"), None);
    }

    #[test]
    fn every_spelling_of_a_git_repository_is_understood() {
        for (written, url, revision) in [
            ("git+https://tok@example.com/o/r.git#abc", "https://example.com/o/r.git", "abc"),
            ("git+ssh://git@example.com/o/r.git@v1", "ssh://git@example.com/o/r.git", "v1"),
            ("git+ssh://git@example.com:o/r.git#c", "ssh://git@example.com/o/r.git", "c"),
            ("ssh://git@example.com:2222/o/r.git", "ssh://git@example.com:2222/o/r.git", ""),
            ("git@example.com:o/r.git#v2", "ssh://git@example.com/o/r.git", "v2"),
            ("github:o/r#semver:^1", "https://github.com/o/r", "semver:^1"),
            ("o/r", "https://github.com/o/r", ""),
            ("https://example.com/o/r.git#commit=abc", "https://example.com/o/r.git", "abc"),
            ("git+https://example.com/o/r@main#egg=r&subdirectory=x", "https://example.com/o/r", "main"),
            ("git://example.com/o/r.git", "git://example.com/o/r.git", ""),
        ] {
            assert_eq!(git(written), Some((url.to_owned(), revision.to_owned())), "{written}");
        }
        for bad in ["", "a b", "../x", "@s/p", "a/b/c", "://"] {
            assert_eq!(git(bad), None, "{bad}");
        }
    }

    #[test]
    fn origins_and_file_names() {
        assert_eq!(origin("https://u:p@Registry.Example:8443/x").address, "https://registry.example:8443/x");
        assert_eq!(origin("./wheels").address, "./wheels");
        assert!(is_remote("https://registry.example/simple") && !is_remote("file:///x") && !is_remote("../x"));
        assert_eq!(file_name("https://registry.example/p/a%2Bb-1.whl#sha256=0").as_deref(), Some("a+b-1.whl"));
        assert_eq!(file_name("https://registry.example/p/..%2fx"), None);
    }
}
