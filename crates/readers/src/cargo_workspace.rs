//! The manifests behind a `Cargo.lock`: the root's, those of its workspace's members, and those that path dependencies
//! lead to.
//!
//! In: the path of a lockfile. Out: where packages without a source lie, and what the manifests ask for. The lockfile
//! itself says neither. The attack: a path dependency that leads out of the checked folder and looks like a member.

use crate::context::{ReadContext, joined};
use crate::doc::{Node, Table, toml};
use crate::error::{Problem, ReadError};
use crate::reader::cargo_toml;
use crate::source::Source;
use crate::workspace::expand;
use bifocal_core::{Dependency, Requested};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Manifests that one lockfile may speak for.
const MAX_MANIFESTS: usize = 2_000;

/// What the manifests say.
#[derive(Default)]
pub(crate) struct Workspace {
    /// Package to the folders where a manifest says that it lies, relative to the lockfile's.
    pub(crate) paths: BTreeMap<String, BTreeSet<String>>,
    /// What members ask for; cargo locks all of it.
    pub(crate) asked: Vec<Dependency>,
}

/// Reads the manifests; `None` where there is none beside the lockfile.
pub(crate) fn load(lock: &str, ctx: &ReadContext<'_>) -> Result<Option<Workspace>, ReadError> {
    let mut found = Workspace::default();
    let mut queue = VecDeque::from([String::new()]);
    let mut seen: BTreeSet<String> = queue.iter().cloned().collect();
    let mut is_workspace = false;
    let mut excluded: Vec<String> = Vec::new();
    let mut count = 0usize;
    while let Some(folder) = queue.pop_front() {
        let Some((path, bytes)) = ctx.beside(lock, &format!("./{folder}/Cargo.toml"), ctx.limits.file_bytes)? else {
            if folder.is_empty() {
                return Ok(None);
            }
            continue;
        };
        count += 1;
        if count > MAX_MANIFESTS {
            return Err(ReadError::new(&path, 0, Problem::TooMany { what: "workspace members", limit: MAX_MANIFESTS }));
        }
        let source = Source { path: &path, bytes: &bytes };
        let root = toml::parse(&source, ctx.limits.depth)?;
        let table = root.table(&source, "the manifest")?;
        if let Some(name) = table.get("package").and_then(Node::as_table).and_then(|package| package.get("name")).and_then(Node::as_text) {
            found.paths.entry(name.to_owned()).or_default().insert(joined(&folder, ""));
        }
        let mut next = Vec::new();
        if folder.is_empty()
            && let Some(workspace) = table.get("workspace")
        {
            let workspace = workspace.table(&source, "workspace")?;
            is_workspace = true;
            excluded = texts(&source, workspace, "exclude")?.iter().map(|path| joined("", path)).collect();
            for pattern in texts(&source, workspace, "members")? {
                next.extend(expand(lock, &pattern, ctx.files));
            }
        }
        let own = cargo_toml::own(&source, ctx)?.dependencies;
        let other = cargo_toml::others(&source, ctx)?.dependencies;
        for dependency in own.iter().chain(&other) {
            if let Requested::Path { name, path } = &dependency.requested {
                let place = joined(&folder, path);
                found.paths.entry(name.clone()).or_default().insert(place.clone());
                next.push(place);
            }
        }
        // Of a package that is no member cargo takes only what is needed.
        let apart = folder.starts_with("..")
            || table.get("workspace").is_some()
            || excluded.iter().any(|path| folder == *path || folder.starts_with(&format!("{path}/")));
        let member = folder.is_empty() || (is_workspace && !apart);
        found.asked.extend(own.into_iter().filter(|dependency| member || !dependency.optional));
        for place in next {
            // What lies outside the checked folder is not given.
            let relative = place != "." && !place.starts_with(['/', '~']) && !place.contains(':');
            if relative && seen.insert(place.clone()) {
                queue.push_back(place);
            }
        }
    }
    Ok(Some(found))
}

fn texts(source: &Source<'_>, table: &Table<'_>, key: &str) -> Result<Vec<String>, ReadError> {
    table.list_of(source, key)?.iter().map(|node| node.text(source, key).map(str::to_owned)).collect()
}
