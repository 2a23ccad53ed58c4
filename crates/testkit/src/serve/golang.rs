//! The Go module proxy protocol, and a checksum database behind it.

use super::{Site, file};
use crate::catalogue::newest;
use crate::package::Built;
use crate::package::golang::{GoModule, escape};
use crate::upstream::http::{Request, Response};

pub(super) fn route(site: &Site<'_>, request: &Request, segments: &[&str]) -> Response {
    if !matches!(request.method.as_str(), "GET" | "HEAD") {
        return Response::text(405, "read only\n");
    }
    if let ["sumdb", name, rest @ ..] = segments {
        return sumdb(site, name, &rest.join("/"));
    }
    match segments {
        [module @ .., "@v", file] => version_file(site, &module.join("/"), file),
        [module @ .., "@latest"] => match latest(site, &module.join("/")) {
            Some(one) => Response::json(200, &one.info(site.serving.go_time)),
            None => missing(),
        },
        _ => missing(),
    }
}

fn missing() -> Response {
    Response::text(404, "not found: no such module or version\n")
}

/// The versions of an escaped module path; a capital in it is never an escaped one.
fn versions<'a>(site: &'a Site<'_>, escaped: &str) -> &'a [Built<GoModule>] {
    if escaped.contains(|c: char| c.is_ascii_uppercase()) {
        return &[];
    }
    site.catalogue.go.get(&unescape(escaped)).map(Vec::as_slice).unwrap_or_default()
}

fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut raise = false;
    for c in text.chars() {
        if c == '!' {
            raise = true;
        } else {
            out.push(if raise { c.to_ascii_uppercase() } else { c });
            raise = false;
        }
    }
    out
}

fn latest<'a>(site: &'a Site<'_>, module: &str) -> Option<&'a Built<GoModule>> {
    let all = versions(site, module);
    let version = newest(all.iter().map(|one| one.version()))?;
    all.iter().find(|one| one.version() == version)
}

fn version_file(site: &Site<'_>, module: &str, name: &str) -> Response {
    let all = versions(site, module);
    if name == "list" {
        if all.is_empty() {
            return missing();
        }
        // Pseudo-versions are not listed.
        let listed: String =
            all.iter().map(|one| one.version()).filter(|version| !is_pseudo(version)).map(|one| format!("{one}\n")).collect();
        return Response::text(200, &listed);
    }
    let Some((version, kind)) = name.rsplit_once('.') else { return missing() };
    let Some(one) = all.iter().find(|one| escape(one.version()) == version) else { return missing() };
    match kind {
        "info" => Response::json(200, &one.info(site.serving.go_time)),
        "mod" => Response::text(200, &String::from_utf8_lossy(&one.artifacts()[1].served())),
        "zip" => file(one.artifact().served()),
        _ => missing(),
    }
}

/// Whether a version names a commit: it ends in a 14-digit time and 12 hex digits.
fn is_pseudo(version: &str) -> bool {
    let mut parts = version.rsplit('-');
    let commit = parts.next().unwrap_or("");
    let time = parts.next().unwrap_or("").rsplit('.').next().unwrap_or("");
    commit.len() == 12
        && commit.bytes().all(|byte| byte.is_ascii_hexdigit())
        && time.len() == 14
        && time.bytes().all(|byte| byte.is_ascii_digit())
}

fn sumdb(site: &Site<'_>, name: &str, rest: &str) -> Response {
    if site.serving.go_sumdb.as_deref() != Some(name) {
        return missing();
    }
    if rest == "supported" {
        return Response::text(200, "");
    }
    let digests = |module: &str, version: &str| {
        let one = site.catalogue.go(module, version)?;
        Some([one.artifacts()[0].go_h1()?.to_string(), one.artifacts()[1].go_h1()?.to_string()])
    };
    let log = site.catalogue.go_log.records(digests);
    if rest == "latest" {
        return Response::text(200, &log.signed_tree(name));
    }
    if let Some(path) = rest.strip_prefix("tile/8/") {
        return log.tile(path).map_or_else(missing, |bytes| Response::new(200, crate::upstream::FILE, bytes));
    }
    let Some((module, version)) = rest.strip_prefix("lookup/").and_then(|spec| spec.rsplit_once('@')) else { return missing() };
    let Some(one) = versions(site, module).iter().find(|one| escape(one.version()) == version) else { return missing() };
    log.answer(name, one.module(), one.version()).map_or_else(missing, |text| Response::text(200, &text))
}

#[cfg(test)]
mod tests {
    use super::{is_pseudo, unescape};

    #[test]
    fn escapes_and_pseudo_versions_are_understood() {
        assert_eq!(unescape("example.com/!burnt!sushi"), "example.com/BurntSushi");
        assert!(is_pseudo("v0.0.0-20240102030405-0123456789ab") && is_pseudo("v1.2.4-0.20240102030405-0123456789ab"));
        assert!(!is_pseudo("v1.0.0-rc.1"));
    }
}
