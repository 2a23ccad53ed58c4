//! PEP 508 requirements: `name[extras] >=1,<2 ; marker` and `name[extras] @ address ; marker`.

use super::{PythonEnvironment, marker};
use crate::address;
use crate::context::ReadContext;
use crate::error::{Problem, ReadError, shown};
use crate::listing::{Listing, nameless};
use crate::source::Source;
use bifocal_core::{Ask, DeclaredArtifact, Dependency, Digest, Ecosystem, FileKind, ReaderLimits, Requested, Role};
use pep440_rs::VersionSpecifier;
use std::str::FromStr as _;

const MAX_LENGTH: usize = 16 * 1024;

/// A requirement, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Requirement<'t> {
    pub(crate) name: &'t str,
    pub(crate) extras: Vec<&'t str>,
    /// Clauses without white space, or empty.
    pub(crate) specifier: String,
    /// The address behind `@`.
    pub(crate) address: Option<&'t str>,
    pub(crate) marker: Option<&'t str>,
}

/// Takes a requirement apart.
pub(crate) fn parse(text: &str) -> Result<Requirement<'_>, Problem> {
    let wrong = || Problem::Requirement { expected: "a requirement `name[extras] specifiers ; marker`", found: shown(text) };
    if text.len() > MAX_LENGTH {
        return Err(Problem::TooLong { what: "a requirement", limit: MAX_LENGTH });
    }
    let text_trimmed = text.trim();
    let name_end = text_trimmed.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))).unwrap_or(text_trimmed.len());
    let (name, rest) = text_trimmed.split_at(name_end);
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    if !edge(name.chars().next()) || !edge(name.chars().next_back()) {
        return Err(wrong());
    }
    let mut rest = rest.trim_start();
    let mut extras = Vec::new();
    if let Some(inner) = rest.strip_prefix('[') {
        let (list, tail) = inner.split_once(']').ok_or_else(wrong)?;
        extras = list.split(',').map(str::trim).filter(|extra| !extra.is_empty()).collect();
        rest = tail.trim_start();
    }
    if let Some(behind) = rest.strip_prefix('@') {
        // The marker of an address is set off by white space, since `;` may be part of an address.
        let behind = behind.trim_start();
        let end = behind.find(char::is_whitespace).unwrap_or(behind.len());
        let (address, tail) = behind.split_at(end);
        let tail = tail.trim();
        let marker = match tail.strip_prefix(';') {
            Some(marker) => Some(marker.trim()),
            None if tail.is_empty() => None,
            None => return Err(wrong()),
        };
        return if address.is_empty() {
            Err(wrong())
        } else {
            Ok(Requirement { name, extras, specifier: String::new(), address: Some(address), marker })
        };
    }
    let (specifier, marker) = match rest.split_once(';') {
        Some((specifier, marker)) => (specifier, Some(marker.trim())),
        None => (rest, None),
    };
    Ok(Requirement { name, extras, specifier: specifiers(specifier)?, address: None, marker })
}

/// Checks version specifiers and gives them without white space and parentheses.
pub(crate) fn specifiers(text: &str) -> Result<String, Problem> {
    let wrong = || Problem::Requirement { expected: "PEP 440 version specifiers", found: shown(text) };
    let text_trimmed = text.trim();
    let inner = match text_trimmed.strip_prefix('(') {
        Some(inner) => inner.strip_suffix(')').ok_or_else(wrong)?,
        None => text_trimmed,
    };
    let mut clauses = Vec::new();
    for clause in inner.split(',').map(str::trim).filter(|clause| !clause.is_empty()) {
        let clause: String = clause.chars().filter(|c| !c.is_whitespace()).collect();
        match clause.strip_prefix("===") {
            Some(version) if !version.is_empty() => {}
            _ => {
                VersionSpecifier::from_str(&clause).map_err(|_| wrong())?;
            }
        }
        clauses.push(clause);
    }
    Ok(clauses.join(","))
}

/// The version that specifiers pin: of a clause `==V` (without a wildcard) or `===V`. Of several alternatives none is one.
pub(crate) fn pinned(specifier: &str) -> Option<&str> {
    if specifier.contains("||") {
        return None;
    }
    specifier.split(',').find_map(|clause| match clause.strip_prefix("===") {
        Some(version) => Some(version),
        None => clause.strip_prefix("==").filter(|version| !version.ends_with(".*")),
    })
}

/// What a requirement asks for from the index.
pub(crate) fn from_index(list: &Listing<'_>, name: &str, specifier: &str, line: u32) -> Result<Requested, ReadError> {
    match pinned(specifier) {
        // `==1.0, ==2.0` is met by nothing, so neither is what a client would take.
        Some(version) if bifocal_versions::satisfies(Ecosystem::Pypi, version, specifier) == Ok(false) => {
            let problem = Problem::Requirement { expected: "specifiers that a version can meet", found: shown(specifier) };
            Err(list.source.error(line, problem))
        }
        Some(version) => list.exact(Ecosystem::Pypi, name, version, line),
        None => list.range(Ecosystem::Pypi, name, specifier, line),
    }
}

/// A direct reference: a git repository, an address or a path, with the digest of its fragment (`#sha256=…`).
pub(crate) fn direct(list: &Listing<'_>, name: &str, written: &str, line: u32) -> Result<(Requested, Vec<DeclaredArtifact>), ReadError> {
    let digests = address::fragment(written).map(|fragment| fragment_digests(list, fragment, line)).transpose()?.unwrap_or_default();
    let scheme = written.split_once(':').map_or("", |(scheme, _)| scheme).to_ascii_lowercase();
    let requested = match scheme.as_str() {
        "git" | "git+https" | "git+http" | "git+ssh" | "git+git" | "git+file" => list.git(name, written, None, line)?,
        "http" | "https" => list.url(name, written, line)?,
        "file" => list.path(name, without_fragment(written).trim_start_matches("file:").trim_start_matches("//")),
        // Mercurial, Subversion and Bazaar: an address that is not fetched.
        vcs if vcs.starts_with("hg+") || vcs.starts_with("svn+") || vcs.starts_with("bzr+") => {
            list.url(name, written.split_once('+').map_or(written, |(_, url)| url), line)?
        }
        _ if !written.contains("://") => list.path(name, without_fragment(written)),
        _ => {
            let problem =
                Problem::Requirement { expected: "an address with http, https, file or a version control scheme", found: shown(&scheme) };
            return Err(list.source.error(line, problem));
        }
    };
    Ok((requested, nameless(digests)))
}

pub(crate) fn without_fragment(text: &str) -> &str {
    text.split('#').next().unwrap_or(text)
}

fn fragment_digests(list: &Listing<'_>, fragment: &str, line: u32) -> Result<Vec<Digest>, ReadError> {
    let mut digests = Vec::new();
    for (key, value) in fragment.split('&').filter_map(|pair| pair.split_once('=')) {
        if let Ok(algorithm) = key.parse() {
            digests.push(list.digest(algorithm, value, line)?);
        }
    }
    Ok(digests)
}

/// Reads one requirement of a manifest and adds it, unless it is left out here.
pub(crate) fn add(list: &mut Listing<'_>, ctx: &ReadContext<'_>, text: &str, line: u32, role: Role) -> Result<(), ReadError> {
    let source = list.source;
    let requirement = parse(text).map_err(|problem| source.error(line, problem))?;
    let (requested, artifacts) = match requirement.address {
        Some(address) => direct(list, requirement.name, address, line)?,
        None => (from_index(list, requirement.name, &requirement.specifier, line)?, Vec::new()),
    };
    if let Some(note) = left_out(&source, ctx, &requested, requirement.name, requirement.marker, line)? {
        list.note(line, &note);
        return Ok(());
    }
    let ask = Ask { role, extras: requirement.extras.iter().map(|extra| shown(extra)).collect(), ..Ask::default() };
    let optional = matches!(role, Role::Optional | Role::Development);
    list.push(Dependency { requested, artifacts, place: source.place(line), optional, origins: Vec::new(), ask })
}

/// What a published distribution asks for in turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Needed {
    /// What.
    pub requested: Requested,
    /// The extras of it that are asked for.
    pub extras: Vec<String>,
}

/// Reads one `Requires-Dist` of a distribution, of which `extras` are asked for; `None` where its marker does not hold in
/// that environment.
///
/// # Errors
/// It is no requirement.
pub fn python_dependency(text: &str, environment: &PythonEnvironment, extras: &[&str]) -> Result<Option<Needed>, Problem> {
    let list = Listing::new(Source { path: "METADATA", bytes: &[] }, FileKind::Requirements, ReaderLimits::default());
    let requirement = parse(text)?;
    // Without an extra asked for, `extra` is the empty text, which no comparison with a name meets.
    if let Some(marker) = requirement.marker
        && !marker::holds(marker, Some(environment), extras)?
    {
        return Ok(None);
    }
    let requested = match requirement.address {
        Some(address) => direct(&list, requirement.name, address, 0).map(|(requested, _)| requested),
        None => from_index(&list, requirement.name, &requirement.specifier, 0),
    };
    let requested = requested.map_err(|error| error.problem)?;
    Ok(Some(Needed { requested, extras: requirement.extras.iter().map(|extra| shown(extra)).collect() }))
}

/// The note about a range whose marker does not hold here: resolved for this environment it would be what nobody takes.
/// What is exact is looked at for every environment: the next machine may be one where it is taken.
pub(crate) fn left_out(
    source: &Source<'_>,
    ctx: &ReadContext<'_>,
    requested: &Requested,
    name: &str,
    marker: Option<&str>,
    line: u32,
) -> Result<Option<String>, ReadError> {
    let note = not_here(source, ctx, name, marker, line)?;
    Ok(note.filter(|_| matches!(requested, Requested::Range { .. })))
}

/// The note that a marker does not hold here.
pub(crate) fn not_here(
    source: &Source<'_>,
    ctx: &ReadContext<'_>,
    name: &str,
    marker: Option<&str>,
    line: u32,
) -> Result<Option<String>, ReadError> {
    let Some(marker) = marker else { return Ok(None) };
    let holds = marker::holds(marker, ctx.python.as_ref(), &[]).map_err(|problem| source.error(line, problem))?;
    Ok((!holds).then(|| format!("`{}` does not apply here: {}", shown(name), shown(marker))))
}

/// Refuses a marker of a lockfile that is none. What is locked is looked at for every environment.
pub(crate) fn check(source: &Source<'_>, marker: Option<&str>, line: u32) -> Result<(), ReadError> {
    match marker.map(|marker| marker::holds(marker, None, &[])) {
        Some(Err(problem)) => Err(source.error(line, problem)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requirements_are_taken_apart() {
        let read = parse("Flask[async, dotenv] >= 2.0 , < 3 ; python_version >= '3.8'").unwrap();
        assert_eq!((read.name, read.extras.as_slice(), read.specifier.as_str()), ("Flask", ["async", "dotenv"].as_slice(), ">=2.0,<3"));
        assert_eq!(read.marker, Some("python_version >= '3.8'"));
        let read = parse("pip @ https://example.com/pip-1.zip;x ; os_name == 'nt'").unwrap();
        assert_eq!((read.address, read.marker), (Some("https://example.com/pip-1.zip;x"), Some("os_name == 'nt'")));
        assert_eq!(parse("a(>=1)").unwrap().specifier, ">=1");
        assert_eq!(parse("a==1.*").map(|r| pinned(&r.specifier).map(str::to_owned)).unwrap(), None);
        assert_eq!(parse("a === 1-weird").map(|r| pinned(&r.specifier).map(str::to_owned)).unwrap().as_deref(), Some("1-weird"));
    }

    #[test]
    fn what_is_no_requirement_is_refused() {
        for text in ["", "-a", "a-", "a[b", "a >> 1", "a @", "a @ b c", "a (>=1", "a >=1.0.*", "a b", "é"] {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }
}
