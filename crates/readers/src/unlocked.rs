//! What manifests ask for and the lockfile that speaks for them does not have.
//!
//! A client that is not told to keep to the lockfile takes such a thing from the registry, and nothing looked at it. The
//! attacks: a manifest changed without its lockfile, and a lockfile emptied or cut.

use crate::context::ReadContext;
use crate::doc::{DuplicateKeys, Table, json};
use crate::error::{Problem, ReadError, shown};
use crate::listing::Listing;
use crate::npm_spec::{self, Spec};
use crate::reader::{package_json, pyproject};
use crate::source::Source;
use crate::workspace::expand;
use bifocal_core::{Ecosystem, PackageName, Place, Requested};
use std::collections::{BTreeMap, BTreeSet};

/// Manifests that one lockfile may speak for.
const MAX_MANIFESTS: usize = 2_000;

/// One dependency of a package.json.
pub(crate) struct Asked {
    pub(crate) name: String,
    pub(crate) spec: String,
    pub(crate) place: Place,
}

/// What is needed of a package.json.
#[derive(Default)]
pub(crate) struct Manifest {
    pub(crate) name: String,
    pub(crate) asked: Vec<Asked>,
    /// Packages whose specifications other parts of it replace.
    pub(crate) replaced: BTreeSet<String>,
    /// Patterns of the members' folders.
    pub(crate) workspaces: Vec<String>,
}

/// Reads the package.json in a folder that is told relative to a lockfile's; `None` where there is none.
pub(crate) fn package_json(lock: &str, folder: &str, ctx: &ReadContext<'_>) -> Result<Option<Manifest>, ReadError> {
    let Some((path, bytes)) = ctx.beside(lock, &format!("./{folder}/package.json"), ctx.limits.file_bytes)? else { return Ok(None) };
    let source = Source { path: &path, bytes: &bytes };
    let root = json::parse(&source, ctx.limits.depth, DuplicateKeys::LastWins)?;
    let table = root.table(&source, "the manifest")?;
    let mut manifest = Manifest { name: table.text(&source, "name")?.unwrap_or_default().to_owned(), ..Manifest::default() };
    // What cannot be installed here may be missing from the lockfile.
    let maybe: BTreeSet<&str> = table.entries_of(&source, "optionalDependencies")?.iter().map(|entry| entry.key.as_ref()).collect();
    for section in ["dependencies", "devDependencies"] {
        for entry in table.entries_of(&source, section)?.iter().filter(|entry| !maybe.contains(entry.key.as_ref())) {
            let spec = entry.node.text(&source, &entry.key)?.trim().to_owned();
            manifest.asked.push(Asked { name: entry.key.to_string(), spec, place: source.place(entry.line) });
        }
    }
    let pnpm = table.get("pnpm").and_then(|pnpm| pnpm.as_table());
    let tables: [(Option<&Table<'_>>, &str); 3] = [(Some(table), "overrides"), (Some(table), "resolutions"), (pnpm, "overrides")];
    for (table, key) in tables {
        let replaced = table.and_then(|table| table.get(key)).and_then(|node| node.as_table());
        let names = replaced.into_iter().flat_map(|table| &table.entries).map(|entry| package_json::target(&entry.key).to_owned());
        manifest.replaced.extend(names);
    }
    if let Some(workspaces) = table.get("workspaces") {
        let list = match workspaces.as_table() {
            Some(table) => table.list_of(&source, "packages")?,
            None => workspaces.list(&source, "workspaces")?,
        };
        manifest.workspaces = list.iter().filter_map(|node| node.as_text()).map(str::to_owned).collect();
    }
    Ok(Some(manifest))
}

/// The members of a workspace whose patterns a package.json lists: folder and manifest.
pub(crate) fn members(lock: &str, root: &Manifest, ctx: &ReadContext<'_>) -> Result<Vec<(String, Manifest)>, ReadError> {
    let mut found = Vec::new();
    let folders: BTreeSet<String> = root.workspaces.iter().flat_map(|pattern| expand(lock, pattern, ctx.files)).collect();
    if folders.len() > MAX_MANIFESTS {
        return Err(ReadError::new(lock, 0, Problem::TooMany { what: "workspace members", limit: MAX_MANIFESTS }));
    }
    for folder in folders {
        if let Some(manifest) = package_json(lock, &folder, ctx)? {
            found.push((folder, manifest));
        }
    }
    Ok(found)
}

/// Says which dependencies of a manifest are not locked; `locked` is asked for each.
pub(crate) fn npm(list: &mut Listing<'_>, manifest: &Manifest, locked: impl Fn(&Asked) -> bool) -> Result<(), ReadError> {
    for asked in manifest.asked.iter().filter(|asked| !locked(asked)) {
        list.unlocked(&asked.place, &shown(&format!("{} {}", asked.name, asked.spec)))?;
    }
    Ok(())
}

/// Whether a specification is a plain range of the registry, which every client writes into its lockfile as it is.
pub(crate) fn is_plain(asked: &Asked, replaced: &BTreeSet<String>) -> bool {
    let registry = matches!(npm_spec::sort(&asked.name, &asked.spec), Spec::Registry { .. });
    registry && !asked.spec.is_empty() && !asked.spec.contains(char::is_whitespace) && !replaced.contains(&asked.name)
}

/// Says which requirements of the projects in `folders` a Python lockfile does not have, and lists what is needed to build
/// them, which such a lockfile never has. `locked` maps packages to versions.
pub(crate) fn python(
    list: &mut Listing<'_>,
    folders: &BTreeSet<String>,
    locked: &BTreeMap<String, Vec<String>>,
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
        for asked in pyproject::asked(&source, kind, ctx)?.dependencies {
            let (name, requirement) = match &asked.requested {
                Requested::Exact { release } => (release.package.as_str().to_owned(), format!("=={}", release.version)),
                Requested::Range { package, requirement } => (package.as_str().to_owned(), requirement.clone()),
                Requested::Path { name, .. } | Requested::Git { name, .. } | Requested::Url { name, .. } => (folded(name), String::new()),
            };
            // A requirement that cannot be compared is one that the lockfile may well meet.
            let fits = |version: &String| {
                requirement.is_empty() || bifocal_versions::satisfies(Ecosystem::Pypi, version, &requirement).unwrap_or(true)
            };
            if !locked.get(&name).is_some_and(|versions| versions.is_empty() || versions.iter().any(fits)) {
                list.unlocked(&asked.place, &shown(&format!("{name}{requirement}")))?;
            }
        }
    }
    Ok(())
}

/// A Python package's name as lockfiles are searched for it.
pub(crate) fn folded(name: &str) -> String {
    PackageName::new(Ecosystem::Pypi, name).map_or_else(|_| name.to_owned(), |package| package.as_str().to_owned())
}
