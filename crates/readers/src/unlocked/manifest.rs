//! What is needed of a package.json to compare it with a lockfile.

use super::MAX_MANIFESTS;
use crate::context::ReadContext;
use crate::doc::{DuplicateKeys, Entry, Table, Value, json};
use crate::error::{Problem, ReadError};
use crate::npm_spec;
use crate::source::Source;
use crate::workspace::expand;
use bifocal_core::Place;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// A list of dependencies of a package.json.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Section {
    Dependencies,
    Dev,
    Optional,
    Peer,
}

const SECTIONS: [(Section, &str); 4] = [
    (Section::Dependencies, "dependencies"),
    (Section::Dev, "devDependencies"),
    (Section::Optional, "optionalDependencies"),
    (Section::Peer, "peerDependencies"),
];

/// One dependency of a package.json.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) name: String,
    pub(crate) spec: String,
    pub(crate) place: Place,
    pub(crate) section: Section,
    /// A peer that npm does not install by itself.
    pub(crate) optional_peer: bool,
}

/// One of npm's `overrides`, taken out of its nesting.
#[derive(Debug, Clone)]
pub(crate) struct Override {
    /// Packages below which it counts, outermost first; none where it counts everywhere.
    pub(crate) within: Vec<Target>,
    pub(crate) target: Target,
    pub(crate) spec: String,
    pub(crate) place: Place,
}

/// A package that a key of `overrides` names, with the range behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) name: String,
    pub(crate) range: Option<String>,
}

impl Target {
    fn of(key: &str) -> Target {
        match npm_spec::split_name(key) {
            Some((name, range)) => Target { name: name.to_owned(), range: Some(range.to_owned()) },
            None => Target { name: key.to_owned(), range: None },
        }
    }
}

/// A key and what is written behind it.
#[derive(Debug, Clone)]
pub(crate) struct Replaced {
    pub(crate) key: String,
    pub(crate) spec: String,
    pub(crate) place: Place,
}

/// What is needed of a package.json.
#[derive(Debug, Default)]
pub(crate) struct Manifest {
    pub(crate) name: String,
    pub(crate) version: String,
    /// Every dependency of every section.
    pub(crate) asked: Vec<Asked>,
    pub(crate) overrides: Vec<Override>,
    pub(crate) resolutions: Vec<Replaced>,
    pub(crate) pnpm_overrides: Vec<Replaced>,
    /// Patterns of the members' folders.
    workspaces: Vec<String>,
}

impl Manifest {
    /// What a client takes that prefers the sections in this order: each name once, in the order of the file. Sections that
    /// are not named are not taken.
    pub(crate) fn taken(&self, order: &[Section]) -> Vec<&Asked> {
        let mut best: HashMap<&str, usize> = HashMap::new();
        let rank = |asked: &Asked| order.iter().position(|section| *section == asked.section);
        for asked in &self.asked {
            if let Some(rank) = rank(asked) {
                let best = best.entry(&asked.name).or_insert(rank);
                *best = rank.min(*best);
            }
        }
        self.asked.iter().filter(|asked| rank(asked).is_some_and(|rank| best.get(asked.name.as_str()) == Some(&rank))).collect()
    }

    /// What `$name` stands for in an override.
    pub(crate) fn own(&self, spec: &str) -> Option<String> {
        match spec.strip_prefix('$') {
            Some(name) => self.asked.iter().find(|asked| asked.name == name).map(|asked| asked.spec.clone()),
            None => Some(spec.to_owned()),
        }
    }
}

/// Reads the package.json in a folder that is told relative to a lockfile's; `None` where there is none.
pub(crate) fn package_json(lock: &str, folder: &str, ctx: &ReadContext<'_>) -> Result<Option<Manifest>, ReadError> {
    let Some((path, bytes)) = ctx.beside(lock, &format!("./{folder}/package.json"), ctx.limits.file_bytes)? else { return Ok(None) };
    let source = Source { path: &path, bytes: &bytes };
    let root = json::parse(&source, ctx.limits.depth, DuplicateKeys::LastWins)?;
    let table = root.table(&source, "the manifest")?;
    let text = |key: &str| Ok(table.text(&source, key)?.unwrap_or_default().to_owned());
    let mut manifest = Manifest { name: text("name")?, version: text("version")?, ..Manifest::default() };
    let maybe: HashSet<&str> = match table.get("peerDependenciesMeta").and_then(|meta| meta.as_table()) {
        Some(meta) => meta
            .entries
            .iter()
            .filter(|entry| entry.node.as_table().is_some_and(|one| one.flag("optional")))
            .map(|entry| entry.key.as_ref())
            .collect(),
        None => HashSet::new(),
    };
    for (section, key) in SECTIONS {
        for entry in table.entries_of(&source, key)? {
            let spec = entry.node.text(&source, &entry.key)?.trim().to_owned();
            let optional_peer = section == Section::Peer && maybe.contains(entry.key.as_ref());
            manifest.asked.push(Asked { name: entry.key.to_string(), spec, place: source.place(entry.line), section, optional_peer });
        }
    }
    overrides(&source, table.entries_of(&source, "overrides")?, &mut Vec::new(), &mut manifest.overrides);
    manifest.resolutions = replaced(&source, table, "resolutions");
    manifest.pnpm_overrides =
        table.get("pnpm").and_then(|pnpm| pnpm.as_table()).map(|pnpm| replaced(&source, pnpm, "overrides")).unwrap_or_default();
    if let Some(workspaces) = table.get("workspaces") {
        let list = match workspaces.as_table() {
            Some(table) => table.list_of(&source, "packages")?,
            None => workspaces.list(&source, "workspaces")?,
        };
        manifest.workspaces = list.iter().filter_map(|node| node.as_text()).map(str::to_owned).collect();
    }
    Ok(Some(manifest))
}

/// The entries of a table under `key`, without what is no text.
pub(crate) fn replaced(source: &Source<'_>, table: &Table<'_>, key: &str) -> Vec<Replaced> {
    let entries = table.get(key).and_then(|node| node.as_table()).map(|table| table.entries.as_slice()).unwrap_or_default();
    let one = |entry: &Entry<'_>| {
        let spec = entry.node.scalar(source, key).ok()?.trim().to_owned();
        Some(Replaced { key: entry.key.to_string(), spec, place: source.place(entry.line) })
    };
    entries.iter().filter_map(one).collect()
}

/// Takes `overrides` out of their nesting; the depth of the document bounds the recursion.
fn overrides(source: &Source<'_>, entries: &[Entry<'_>], within: &mut Vec<Target>, found: &mut Vec<Override>) {
    for entry in entries {
        match &entry.node.value {
            Value::Table(table) => {
                within.push(Target::of(&entry.key));
                overrides(source, &table.entries, within, found);
                within.pop();
            }
            Value::Text(spec) => {
                let (mut within, mut target) = (within.clone(), Target::of(&entry.key));
                if entry.key == "." {
                    let Some(parent) = within.pop() else { continue };
                    target = parent;
                }
                found.push(Override { within, target, spec: spec.trim().to_owned(), place: source.place(entry.line) });
            }
            _ => {}
        }
    }
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

/// Whether two specifications are the same text but for white space.
pub(crate) fn same(one: &str, other: &str) -> bool {
    one.split_whitespace().eq(other.split_whitespace())
}

/// Replacements by key, the last of a key counts.
pub(crate) fn by_key<'r>(lists: &[&'r [Replaced]]) -> BTreeMap<&'r str, &'r Replaced> {
    lists.iter().flat_map(|list| list.iter()).map(|one| (one.key.as_str(), one)).collect()
}
