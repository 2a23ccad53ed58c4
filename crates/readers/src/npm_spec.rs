//! What npm, yarn and pnpm understand by the text behind a dependency's name.
//!
//! Forms as in the clients' own documentation of package.json `dependencies`: ranges and tags, `npm:` aliases,
//! `workspace:`, `file:`, `link:`, `portal:`, `patch:`, git in many spellings, and addresses of tarballs.

use crate::address;
use crate::error::{Problem, ReadError};
use crate::listing::Listing;
use crate::source::Source;
use bifocal_core::{Ecosystem, FileKind, Origin, ReaderLimits, Requested};

/// A dependency specification, sorted by where the package would come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spec<'t> {
    /// A range, exact version or tag of the registry package `name` (the real one where an alias is used).
    Registry {
        name: &'t str,
        requirement: &'t str,
    },
    Git(&'t str),
    Url(&'t str),
    Path(&'t str),
    /// `catalog:` or `catalog:NAME`, to be looked up in the workspace.
    Catalog(&'t str),
}

/// Sorts `spec`, written for a dependency called `name`.
pub(crate) fn sort<'t>(name: &'t str, spec: &'t str) -> Spec<'t> {
    let spec = spec.trim();
    if let Some(target) = spec.strip_prefix("npm:") {
        // `npm:@scope/real@^1`, `npm:real`, and berry's plain `npm:^1`.
        let at = target.get(1..).and_then(|rest| rest.find('@')).map(|at| at + 1);
        return match at {
            Some(at) => Spec::Registry { name: &target[..at], requirement: &target[at + 1..] },
            None if target.starts_with('@') || !looks_like_range(target) => Spec::Registry { name: target, requirement: "*" },
            None => Spec::Registry { name, requirement: target },
        };
    }
    if let Some(entry) = spec.strip_prefix("catalog:") {
        return Spec::Catalog(entry);
    }
    if let Some(path) = ["file:", "link:", "portal:", "workspace:", "exec:"].iter().find_map(|prefix| spec.strip_prefix(prefix)) {
        return Spec::Path(if spec.starts_with("workspace:") { spec } else { path });
    }
    if spec.starts_with("./") || spec.starts_with("../") || spec.starts_with("~/") || spec.starts_with('/') || spec == "." || spec == ".." {
        return Spec::Path(spec);
    }
    if is_git(spec) {
        return Spec::Git(spec);
    }
    match spec.split_once(':').map_or("", |(scheme, _)| scheme) {
        "" => {}
        drive if drive.len() == 1 => return Spec::Path(spec),
        // A protocol, known or not (`jsr:`), is none of the registry's.
        scheme if scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+.-".contains(&b)) => return Spec::Url(spec),
        _ => {}
    }
    Spec::Registry { name, requirement: if spec.is_empty() { "*" } else { spec } }
}

/// A range, as against a package name: begins like one.
fn looks_like_range(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit() || "^~<>=*v".contains(c)) && !text.contains('/')
}

fn is_git(spec: &str) -> bool {
    let schemes = ["git+", "git://", "git@", "ssh://", "github:", "gitlab:", "bitbucket:", "gist:"];
    if schemes.iter().any(|scheme| spec.starts_with(scheme)) {
        return true;
    }
    let location = spec.split('#').next().unwrap_or(spec);
    if let Some(rest) = location.strip_prefix("https://").or_else(|| location.strip_prefix("http://")) {
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
        let forge = matches!(host, "github.com" | "gitlab.com" | "bitbucket.org");
        let segments = path.split('/').filter(|segment| !segment.is_empty()).count();
        return path.ends_with(".git") || (forge && segments == 2);
    }
    // `owner/repo`: not a scope, not a path, not a range.
    !spec.starts_with(['@', '.', '~', '/'])
        && !location.contains(':')
        && location.split('/').count() == 2
        && !location.contains(' ')
        && !location.split('/').any(str::is_empty)
}

/// A full semantic version with nothing around it but `=` or `v`.
pub(crate) fn exact_version(requirement: &str) -> Option<&str> {
    let text = requirement.trim();
    let text = text.strip_prefix('=').map_or(text, str::trim_start);
    let text = text.strip_prefix('v').unwrap_or(text);
    let core = text.split(['-', '+']).next().unwrap_or(text);
    let mut parts = core.split('.');
    let digits =
        |part: Option<&str>| part.is_some_and(|part| !part.is_empty() && part.len() <= 16 && part.bytes().all(|b| b.is_ascii_digit()));
    let full = digits(parts.next()) && digits(parts.next()) && digits(parts.next()) && parts.next().is_none();
    let clean = text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'+'));
    (full && clean).then_some(text)
}

/// Gives the specification that a catalog (first) has for a package (second).
pub(crate) type CatalogLookup<'c> = dyn FnMut(&str, &str) -> Result<Option<String>, ReadError> + 'c;

/// The request that a manifest makes. `catalog` gives the specification behind `catalog:` entries.
pub(crate) fn request(
    list: &Listing<'_>,
    name: &str,
    spec: &str,
    line: u32,
    catalog: &mut CatalogLookup<'_>,
) -> Result<Requested, ReadError> {
    match sort(name, spec) {
        Spec::Registry { name, requirement } => match exact_version(requirement) {
            Some(version) => list.exact(Ecosystem::Npm, name, version, line),
            None => list.range(Ecosystem::Npm, name, requirement, line),
        },
        Spec::Git(written) => list.git(name, written, None, line),
        Spec::Url(written) => list.url(name, written, line),
        Spec::Path(path) => Ok(list.path(name, path)),
        Spec::Catalog(entry) => match catalog(entry, name)? {
            Some(spec) if !spec.starts_with("catalog:") => request(list, name, &spec, line, catalog),
            _ => {
                let what = format!("`{}` of catalog `{}`", crate::error::shown(name), if entry.is_empty() { "default" } else { entry });
                Err(list.source.error(line, Problem::Undefined { what: crate::error::shown(&what), inside: "the workspace".to_owned() }))
            }
        },
    }
}

/// What a published package's manifest asks for under `name`, as npm understands `spec`. What only its author's machine has
/// (a path, a workspace, a catalog) comes out as a path.
///
/// # Errors
/// The specification is of no form that npm knows.
pub fn npm_dependency(name: &str, spec: &str) -> Result<Requested, Problem> {
    let list = Listing::new(Source { path: "package.json", bytes: &[] }, FileKind::PackageJson, ReaderLimits::default());
    let mut none = |_: &str, _: &str| Ok(None);
    match sort(name, spec) {
        Spec::Catalog(entry) => Ok(list.path(name, &format!("catalog:{entry}"))),
        _ => request(&list, name, spec, 0, &mut none).map_err(|error| error.problem),
    }
}

/// `name@rest`, where the name may be scoped.
pub fn split_name(text: &str) -> Option<(&str, &str)> {
    let at = text.get(1..)?.find('@')? + 1;
    Some((&text[..at], &text[at + 1..]))
}

/// The tarball that a lockfile names.
pub(crate) fn origins(resolved: Option<&str>) -> Vec<Origin> {
    resolved.map(address::origin).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn specifications_are_sorted_by_where_the_package_comes_from() {
        use Spec::{Catalog, Git, Path, Registry, Url};
        let range = |name, requirement| Registry { name, requirement };
        for (spec, sorted) in [
            ("^1.2.3", range("n", "^1.2.3")),
            ("", range("n", "*")),
            ("latest", range("n", "latest")),
            (">=1 <2", range("n", ">=1 <2")),
            ("npm:@s/real@^2", range("@s/real", "^2")),
            ("npm:real@1.0.0", range("real", "1.0.0")),
            ("npm:real", range("real", "*")),
            ("npm:^1.0.0", range("n", "^1.0.0")),
            ("workspace:^", Path("workspace:^")),
            ("file:../x", Path("../x")),
            ("link:x", Path("x")),
            ("./x", Path("./x")),
            ("o/r", Git("o/r")),
            ("o/r#v1", Git("o/r#v1")),
            ("github:o/r", Git("github:o/r")),
            ("git+ssh://git@example.com/o/r.git#1", Git("git+ssh://git@example.com/o/r.git#1")),
            ("https://example.com/o/r.git", Git("https://example.com/o/r.git")),
            ("https://github.com/o/r", Git("https://github.com/o/r")),
            ("https://example.com/x.tgz", Url("https://example.com/x.tgz")),
            ("HTTPS://example.com/x.tgz", Url("HTTPS://example.com/x.tgz")),
            ("jsr:@s/n@^1", Url("jsr:@s/n@^1")),
            ("C:\\x", Path("C:\\x")),
            ("catalog:react18", Catalog("react18")),
        ] {
            assert_eq!(sort("n", spec), sorted, "{spec}");
        }
    }

    #[test]
    fn only_full_versions_are_exact() {
        assert_eq!(exact_version("=v1.2.3-rc.1+b"), Some("1.2.3-rc.1+b"));
        for range in ["1.2", "1.2.x", "^1.2.3", "1.2.3 || 2", "latest", "1.2.3.4", ""] {
            assert_eq!(exact_version(range), None, "{range}");
        }
    }
}
