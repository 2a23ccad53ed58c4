//! What manifests ask for and the lockfile that speaks for them does not have.
//!
//! A client that is not told to keep to the lockfile takes such a thing from the registry, and nothing looked at it. The
//! attacks: a manifest changed without its lockfile, and a lockfile emptied or cut.

pub(crate) mod installed;
pub(crate) mod manifest;
mod pipfile;
pub(crate) mod pnpm;

use crate::context::ReadContext;
use crate::error::{Problem, ReadError, shown};
use crate::listing::Listing;
use crate::reader::pyproject;
use crate::source::Source;
use bifocal_core::{Dependency, Ecosystem, PackageName, Requested};
use std::collections::{BTreeMap, BTreeSet};

/// Manifests that one lockfile may speak for.
const MAX_MANIFESTS: usize = 2_000;

/// Says which requirements of the projects in `folders` a Python lockfile does not have, and lists what is needed to build
/// them, which such a lockfile never has. `locked` maps packages to versions; `groups` are those that the lockfile was made
/// for, where it does not have all of them.
pub(crate) fn python(
    list: &mut Listing<'_>,
    folders: &BTreeSet<String>,
    locked: &BTreeMap<String, Vec<String>>,
    groups: Option<&BTreeSet<String>>,
    ctx: &ReadContext<'_>,
) -> Result<(), ReadError> {
    if folders.len() > MAX_MANIFESTS {
        return Err(list.source.error(0, Problem::TooMany { what: "workspace members", limit: MAX_MANIFESTS }));
    }
    let kind = list.kind();
    let lock = list.source.path.to_owned();
    for folder in folders {
        let Some((path, bytes)) = ctx.beside(&lock, &format!("./{folder}/pyproject.toml"), ctx.limits.file_bytes)? else { continue };
        let source = Source { path: &path, bytes: &bytes };
        for dependency in pyproject::build(&source, ctx)?.dependencies {
            list.push(dependency)?;
        }
        for asked in pyproject::asked(&source, kind, groups, ctx)?.dependencies {
            compare(list, &asked, locked)?;
        }
    }
    Ok(())
}

/// What a Pipfile asks for, by the category of the lockfile, which has the packages of `locked` in it.
pub(crate) fn pipfile(
    list: &mut Listing<'_>,
    locked: &BTreeMap<String, BTreeMap<String, Vec<String>>>,
    ctx: &ReadContext<'_>,
) -> Result<(), ReadError> {
    let lock = list.source.path.to_owned();
    let Some((path, bytes)) = ctx.beside(&lock, "./Pipfile", ctx.limits.file_bytes)? else { return Ok(()) };
    let source = Source { path: &path, bytes: &bytes };
    let nothing = BTreeMap::new();
    for (category, asked) in pipfile::asked(&source, ctx)? {
        compare(list, &asked, locked.get(&category).unwrap_or(&nothing))?;
    }
    Ok(())
}

/// Says whether one requirement is not locked.
fn compare(list: &mut Listing<'_>, asked: &Dependency, locked: &BTreeMap<String, Vec<String>>) -> Result<(), ReadError> {
    let (name, requirement) = match &asked.requested {
        Requested::Exact { release } => (release.package.as_str().to_owned(), format!("=={}", release.version)),
        Requested::Range { package, requirement } => (package.as_str().to_owned(), requirement.clone()),
        Requested::Path { name, .. } | Requested::Git { name, .. } | Requested::Url { name, .. } => (folded(name), String::new()),
    };
    // A requirement that cannot be compared is one that the lockfile may well meet.
    let fits =
        |version: &String| requirement.is_empty() || bifocal_versions::satisfies(Ecosystem::Pypi, version, &requirement).unwrap_or(true);
    if !locked.get(&name).is_some_and(|versions| versions.is_empty() || versions.iter().any(fits)) {
        list.unlocked(&asked.place, &shown(&format!("{name}{requirement}")))?;
    }
    Ok(())
}

/// A Python package's name as lockfiles are searched for it.
pub(crate) fn folded(name: &str) -> String {
    PackageName::new(Ecosystem::Pypi, name).map_or_else(|_| name.to_owned(), |package| package.as_str().to_owned())
}
