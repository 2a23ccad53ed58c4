//! `package.json`: what a project asks for, in ranges. Used where there is no lockfile.
//!
//! npm installs `dependencies`, `devDependencies`, `optionalDependencies` and (since version 7) `peerDependencies`;
//! `overrides`, yarn's `resolutions` and pnpm's overrides name releases that take the place of others anywhere in the
//! tree, so they are listed too.

use crate::context::ReadContext;
use crate::doc::{DuplicateKeys, Entry, Node, Table, Value, json, yaml};
use crate::error::{Problem, ReadError, shown};
use crate::listing::Listing;
use crate::npm_spec;
use crate::pnpm_workspace;
use crate::source::Source;
use bifocal_core::{Ask, FileKind, Inventory, Requested, Role};
use std::collections::{BTreeMap, HashMap, HashSet};

/// Folders climbed in search of the workspace's catalog.
const MAX_CLIMB: usize = 16;

pub(crate) fn read(source: &Source<'_>, ctx: &ReadContext<'_>) -> Result<Inventory, ReadError> {
    let root = json::parse(source, ctx.limits.depth, DuplicateKeys::LastWins)?;
    let table = root.table(source, "the manifest")?;
    let mut list = Listing::new(*source, FileKind::PackageJson, ctx.limits);
    let mut catalog = Catalog { source, ctx, loaded: None };
    let (maybe_peers, own) = (optional_peers(table), own_names(table));
    for (section, role) in [
        ("dependencies", Role::Normal),
        ("devDependencies", Role::Development),
        ("optionalDependencies", Role::Optional),
        ("peerDependencies", Role::Peer),
    ] {
        for entry in table.entries_of(source, section)? {
            let role = if role == Role::Peer && maybe_peers.contains(entry.key.as_ref()) { Role::OptionalPeer } else { role };
            add(&mut list, &entry.key, entry, Ask { role, ..Ask::default() }, &mut catalog)?;
        }
    }
    overrides(&mut list, &own, table.entries_of(source, "overrides")?, &[], &mut catalog)?;
    for entry in table.entries_of(source, "resolutions")? {
        add(&mut list, target(&entry.key), entry, replacing(&[], &entry.key), &mut catalog)?;
    }
    if let Some(pnpm) = table.get("pnpm") {
        overrides(&mut list, &own, pnpm.table(source, "pnpm")?.entries_of(source, "overrides")?, &[], &mut catalog)?;
    }
    pnpm_workspace::config_dependencies(&mut list, ctx)?;
    if table.get("workspaces").is_some() {
        list.note(root.line, "workspaces are listed by their own manifests or by the lockfile");
    }
    Ok(list.finish())
}

const SECTIONS: [&str; 4] = ["dependencies", "devDependencies", "optionalDependencies", "peerDependencies"];

fn optional_peers<'t>(manifest: &'t Table<'_>) -> HashSet<&'t str> {
    let meta = manifest.get("peerDependenciesMeta").and_then(|meta| meta.as_table());
    let entries = meta.map(|meta| meta.entries.as_slice()).unwrap_or_default();
    entries.iter().filter(|entry| entry.node.as_table().is_some_and(|meta| meta.flag("optional"))).map(|entry| entry.key.as_ref()).collect()
}

/// What the project itself asks for, with how.
fn own_names<'t>(manifest: &'t Table<'_>) -> HashMap<&'t str, &'t Entry<'t>> {
    let sections = SECTIONS.iter().rev().filter_map(|section| manifest.get(section)).filter_map(|node| node.as_table());
    sections.flat_map(|table| &table.entries).map(|entry| (entry.key.as_ref(), entry)).collect()
}

fn add(list: &mut Listing<'_>, name: &str, entry: &Entry<'_>, mut ask: Ask, catalog: &mut Catalog<'_, '_>) -> Result<(), ReadError> {
    let spec = entry.node.text(&list.source, &entry.key)?;
    let requested = npm_spec::request(list, name, spec, entry.line, &mut |entry, name| catalog.look_up(entry, name))?;
    let real = match &requested {
        Requested::Exact { release } => release.package.as_str(),
        Requested::Range { package, .. } => package.as_str(),
        _ => name,
    };
    if real != name {
        name.clone_into(&mut ask.alias);
    }
    let optional = matches!(ask.role, Role::Development | Role::Optional | Role::OptionalPeer);
    list.add_asked(entry.line, requested, optional, Vec::new(), ask)
}

/// How an override is asked for, below the keys that enclose it. `a>b` encloses too.
fn replacing(above: &[String], key: &str) -> Ask {
    let own = key.split('>').map(str::trim).filter(|key| !key.is_empty()).map(shown);
    Ask { role: Role::Override, path: above.iter().cloned().chain(own).collect(), ..Ask::default() }
}

/// `overrides`: package to specification, or to a table with `.` and further packages. The depth of the document bounds
/// the recursion.
fn overrides(
    list: &mut Listing<'_>,
    own: &HashMap<&str, &Entry<'_>>,
    entries: &[Entry<'_>],
    above: &[String],
    catalog: &mut Catalog<'_, '_>,
) -> Result<(), ReadError> {
    for entry in entries {
        let ask = if entry.key == "." {
            Ask { role: Role::Override, path: above.to_vec(), ..Ask::default() }
        } else {
            replacing(above, &entry.key)
        };
        let last = ask.path.last().cloned().unwrap_or_default();
        let name = target(&last);
        match &entry.node.value {
            Value::Table(table) => overrides(list, own, &table.entries, &ask.path, catalog)?,
            Value::Text(spec) if spec.is_empty() || spec == "-" => {
                list.note(entry.line, &format!("`{}` is removed from the tree", shown(name)))
            }
            // `$name` repeats what the project itself asks for.
            Value::Text(spec) if spec.starts_with('$') => {
                let Some(meant) = own.get(&spec[1..]) else {
                    let problem = Problem::Undefined { what: shown(spec), inside: "the dependencies of the project".to_owned() };
                    return Err(list.source.error(entry.line, problem));
                };
                add(list, name, meant, ask, catalog)?;
            }
            _ => add(list, name, entry, ask, catalog)?,
        }
    }
    Ok(())
}

/// The package that a key of `overrides` or `resolutions` is about: `a`, `a@^1`, `**/a`, `b/**/@s/a`, `b>a`.
pub(crate) fn target(key: &str) -> &str {
    let key = key.rsplit('>').next().unwrap_or(key);
    let name_at = match key.rfind("/@").map(|at| at + 1).or_else(|| key.starts_with('@').then_some(0)) {
        Some(scope) if key[scope..].matches('/').count() == 1 => scope,
        _ => key.rfind('/').map_or(0, |at| at + 1),
    };
    let name = &key[name_at..];
    npm_spec::split_name(name).map_or(name, |(name, _)| name)
}

/// The catalogs of the workspace (pnpm's, yarn's and bun's), read when first asked for.
struct Catalog<'c, 'x> {
    source: &'c Source<'c>,
    ctx: &'c ReadContext<'x>,
    loaded: Option<BTreeMap<(String, String), String>>,
}

impl Catalog<'_, '_> {
    fn look_up(&mut self, catalog: &str, name: &str) -> Result<Option<String>, ReadError> {
        if self.loaded.is_none() {
            self.loaded = Some(self.load()?);
        }
        let catalog = if catalog.is_empty() { "default" } else { catalog };
        Ok(self.loaded.as_ref().and_then(|loaded| loaded.get(&(catalog.to_owned(), name.to_owned())).cloned()))
    }

    /// Of one name the nearest file counts.
    fn load(&self) -> Result<BTreeMap<(String, String), String>, ReadError> {
        let mut found = BTreeMap::new();
        let mut climb = String::new();
        for _ in 0..MAX_CLIMB {
            for name in ["pnpm-workspace.yaml", ".yarnrc.yml"] {
                let Some((path, bytes)) = self.ctx.beside(self.source.path, &format!("{climb}{name}"), self.ctx.limits.file_bytes)? else {
                    continue;
                };
                let source = Source { path: &path, bytes: &bytes };
                for document in yaml::parse(&source, self.ctx.limits.depth)?.iter().filter(|document| !document.is_null()) {
                    catalogs(&source, document.table(&source, "the workspace file")?, &mut found)?;
                }
            }
            // bun keeps them with the workspaces.
            if let Some((path, bytes)) = self.ctx.beside(self.source.path, &format!("{climb}package.json"), self.ctx.limits.file_bytes)? {
                let source = Source { path: &path, bytes: &bytes };
                let root = json::parse(&source, self.ctx.limits.depth, DuplicateKeys::LastWins)?;
                if let Some(workspaces) = root.as_table().and_then(|table| table.get("workspaces")).and_then(Node::as_table) {
                    catalogs(&source, workspaces, &mut found)?;
                }
            }
            climb.push_str("../");
        }
        Ok(found)
    }
}

/// `catalog` (the default one) and `catalogs` (by name).
fn catalogs(source: &Source<'_>, table: &Table<'_>, found: &mut BTreeMap<(String, String), String>) -> Result<(), ReadError> {
    let mut add = |catalog: &str, entry: &Entry<'_>| -> Result<(), ReadError> {
        let spec = entry.node.scalar(source, &entry.key)?.to_owned();
        found.entry((catalog.to_owned(), entry.key.to_string())).or_insert(spec);
        Ok(())
    };
    for entry in table.entries_of(source, "catalog")? {
        add("default", entry)?;
    }
    for catalog in table.entries_of(source, "catalogs")? {
        for entry in &catalog.node.table(source, &catalog.key)?.entries {
            add(&catalog.key, entry)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::target;

    #[test]
    fn override_keys_name_their_last_package() {
        for (key, name) in [
            ("a", "a"),
            ("a@^1", "a"),
            ("**/a", "a"),
            ("b/**/@s/a", "@s/a"),
            ("@s/a", "@s/a"),
            ("@s/b/a", "a"),
            ("b>a", "a"),
            ("@s/a@npm:1", "@s/a"),
        ] {
            assert_eq!(target(key), name, "{key}");
        }
    }
}
