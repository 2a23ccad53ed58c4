//! `pnpm-lock.yaml`, lockfile versions 5 to 9.
//!
//! A package key is `/name/1.0.0_peers` (5), `/name@1.0.0(peers)` (6) or `name@1.0.0` (9, peers in `snapshots`); what
//! comes from elsewhere has an address or path in its key and says more in `resolution`. Newer clients write several
//! YAML documents into one file (one for the tools, one for the project): all of them are read.

use crate::context::{ReadContext, joined};
use crate::doc::{Entry, Node, Table, yaml};
use crate::error::{Problem, ReadError, shown};
use crate::listing::Listing;
use crate::npm_spec;
use crate::pnpm_workspace;
use crate::source::Source;
use crate::unlocked::installed;
use crate::unlocked::manifest::{Section, package_json};
use crate::unlocked::pnpm::Replacing;
use bifocal_core::{Ecosystem, FileKind, Inventory};
use std::collections::{HashMap, HashSet};

const SECTIONS: [(&str, bool); 3] = [("dependencies", false), ("optionalDependencies", true), ("devDependencies", true)];

pub(crate) fn read(source: &Source<'_>, ctx: &ReadContext<'_>) -> Result<Inventory, ReadError> {
    let mut list = Listing::new(*source, FileKind::PnpmLock, ctx.limits);
    let documents: Vec<Node<'_>> = yaml::parse(source, ctx.limits.depth)?.into_iter().filter(|document| !document.is_null()).collect();
    for (at, document) in documents.iter().enumerate() {
        read_document(&mut list, document, ctx, at + 1 == documents.len())?;
    }
    pnpm_workspace::config_dependencies(&mut list, ctx)?;
    if documents.is_empty() {
        return Err(source.error(0, Problem::Missing { field: "lockfileVersion", inside: "the lockfile".to_owned() }));
    }
    Ok(list.finish())
}

/// `of_project`: the last document is the project's, those before it are the tools'.
fn read_document(list: &mut Listing<'_>, document: &Node<'_>, ctx: &ReadContext<'_>, of_project: bool) -> Result<(), ReadError> {
    let source = list.source;
    let table = document.table(&source, "the lockfile")?;
    let Some(version) = table.get("lockfileVersion") else {
        return Err(source.error(document.line, Problem::Missing { field: "lockfileVersion", inside: "the lockfile".to_owned() }));
    };
    let text = version.scalar(&source, "lockfileVersion")?;
    let major = text.split(['.', '-']).next().and_then(|major| major.parse::<u32>().ok());
    let Some(major) = major.filter(|major| (5..=9).contains(major)) else {
        let problem = Problem::FormatVersion { what: "lockfileVersion", supported: "5 to 9", found: shown(text) };
        return Err(source.error(version.line, problem));
    };
    let production = (major >= 9).then(|| reachable(&source, table)).transpose()?;
    let packages = table.entries_of(&source, "packages")?;
    let keys: HashSet<&str> = packages.iter().map(|entry| without_peers(&entry.key)).collect();
    let importers = table.entries_of(&source, "importers")?;
    let mut projects: Vec<(&str, &Table<'_>)> = Vec::new();
    for entry in importers {
        projects.push((&entry.key, entry.node.table(&source, &entry.key)?));
    }
    if importers.is_empty() {
        projects.push(("", table));
    }
    let replacing = Replacing::of(&source, table)?;
    if of_project {
        replacing.compare(list, ctx)?;
    }
    for (folder, project) in projects {
        importer(list, project, folder, major, &keys)?;
        if of_project {
            compare(list, &replacing, folder, project, ctx)?;
        }
    }
    for entry in packages {
        package(list, entry, major, production.as_ref())?;
    }
    let snapshots = table.entries_of(&source, "snapshots")?;
    if let Some(lost) = snapshots.iter().find(|entry| !keys.contains(without_peers(&entry.key))) {
        return Err(source.error(lost.line, Problem::Undefined { what: format!("`{}`", shown(&lost.key)), inside: "packages".to_owned() }));
    }
    // Links below a package are written relative to the lockfile.
    for entry in packages.iter().chain(snapshots) {
        if let Some(below) = entry.node.as_table() {
            for (section, _) in SECTIONS {
                for wanted in below.entries_of(&source, section)? {
                    link(list, wanted, "", true)?;
                }
            }
        }
    }
    Ok(())
}

/// What one project asks for: its links are relative to its folder; everything else has to be under `packages`.
fn importer(list: &mut Listing<'_>, importer: &Table<'_>, folder: &str, major: u32, keys: &HashSet<&str>) -> Result<(), ReadError> {
    let source = list.source;
    for (section, optional) in SECTIONS {
        for wanted in importer.entries_of(&source, section)? {
            if link(list, wanted, folder, optional)? {
                continue;
            }
            let Some(taken) = taken(&source, wanted)? else {
                return Err(source.error(wanted.line, Problem::Missing { field: "version", inside: shown(&wanted.key) }));
            };
            if !forms(&wanted.key, taken, major).iter().any(|form| keys.contains(without_peers(form))) {
                let what = format!("`{}` {}", shown(&wanted.key), shown(taken));
                return Err(source.error(wanted.line, Problem::Undefined { what, inside: "packages".to_owned() }));
            }
        }
    }
    Ok(())
}

/// The order in which pnpm prefers the sections of a manifest.
const ORDER: [Section; 4] = [Section::Optional, Section::Dependencies, Section::Dev, Section::Peer];

/// Compares what the lockfile keeps of a project's manifest with what that says.
fn compare(
    list: &mut Listing<'_>,
    replacing: &Replacing<'_>,
    folder: &str,
    project: &Table<'_>,
    ctx: &ReadContext<'_>,
) -> Result<(), ReadError> {
    let source = list.source;
    let Some(manifest) = package_json(source.path, folder, ctx)? else { return Ok(()) };
    let mut specs: HashMap<&str, &str> = HashMap::new();
    for (section, _) in SECTIONS {
        for wanted in project.entries_of(&source, section)? {
            let kept = wanted.node.as_table().and_then(|wanted| wanted.get("specifier")).and_then(Node::as_text);
            specs.insert(&wanted.key, kept.unwrap_or_default());
        }
    }
    for kept in project.entries_of(&source, "specifiers")? {
        specs.insert(&kept.key, kept.node.as_text().unwrap_or_default());
    }
    for asked in manifest.taken(&ORDER) {
        let kept = specs.get(asked.name.as_str());
        if kept.is_none() && asked.section == Section::Peer && !replacing.installs_peers {
            if !asked.optional_peer {
                list.other("peer dependency that the lockfile leaves out", "peer dependencies that the lockfile leaves out");
            }
        } else if !replacing.accounts_for(&manifest.name, &asked.name, &asked.spec, kept.copied()) {
            installed::unlocked(list, asked)?;
        }
    }
    Ok(())
}

/// Lists a `link:` dependency, told from the lockfile's folder; `false` when it is none.
fn link(list: &mut Listing<'_>, wanted: &Entry<'_>, folder: &str, optional: bool) -> Result<bool, ReadError> {
    let source = list.source;
    let Some(path) = taken(&source, wanted)?.and_then(|taken| taken.strip_prefix("link:")) else { return Ok(false) };
    let requested = list.path(&wanted.key, &joined(folder, path));
    list.add(wanted.line, requested, Vec::new(), optional, Vec::new())?;
    Ok(true)
}

/// The keys under which `packages` may have what a dependency was resolved to.
fn forms(name: &str, taken: &str, major: u32) -> Vec<String> {
    let own = match major {
        5 => format!("/{name}/{}", taken.split('_').next().unwrap_or(taken)),
        6 | 7 => format!("/{name}@{taken}"),
        _ => format!("{name}@{taken}"),
    };
    vec![own, format!("/{name}/{taken}"), taken.to_owned(), format!("/{taken}")]
}

/// What an importer's dependency was resolved to: the text itself (5), or its `version` (6 and later).
fn taken<'n>(source: &Source<'_>, wanted: &'n Entry<'_>) -> Result<Option<&'n str>, ReadError> {
    match wanted.node.as_table() {
        Some(table) => table.get("version").map(|version| version.scalar(source, "version")).transpose(),
        None => wanted.node.scalar(source, &wanted.key).map(Some),
    }
}

/// The package keys (without peers) that projects need outside development, over `snapshots` (version 9 keeps no flag).
fn reachable(source: &Source<'_>, table: &Table<'_>) -> Result<HashSet<String>, ReadError> {
    let mut edges: HashMap<&str, &Table<'_>> = HashMap::new();
    for entry in table.entries_of(source, "snapshots")? {
        if let Some(snapshot) = entry.node.as_table() {
            edges.insert(&entry.key, snapshot);
        }
    }
    let key = |name: &str, taken: &str| {
        if npm_spec::split_name(taken).is_some_and(|(_, rest)| !rest.is_empty() && !taken.starts_with(|c: char| c.is_ascii_digit())) {
            taken.to_owned()
        } else {
            format!("{name}@{taken}")
        }
    };
    let mut queue: Vec<String> = Vec::new();
    for importer in table.entries_of(source, "importers")? {
        for wanted in importer.node.table(source, &importer.key)?.entries_of(source, "dependencies")? {
            queue.extend(taken(source, wanted)?.map(|taken| key(&wanted.key, taken)));
        }
    }
    for section in ["configDependencies", "packageManagerDependencies"] {
        for wanted in table.entries_of(source, section)? {
            queue.extend(taken(source, wanted)?.map(|taken| key(&wanted.key, taken)));
        }
    }
    let mut seen: HashSet<String> = HashSet::new();
    while let Some(next) = queue.pop() {
        if !seen.insert(next.clone()) {
            continue;
        }
        if let Some(snapshot) = edges.get(next.as_str()) {
            for wanted in snapshot.entries_of(source, "dependencies")? {
                queue.extend(taken(source, wanted)?.map(|taken| key(&wanted.key, taken)));
            }
        }
    }
    Ok(seen.into_iter().map(|key| without_peers(&key).to_owned()).collect())
}

fn without_peers(key: &str) -> &str {
    key.split('(').next().unwrap_or(key)
}

/// Name and version (or address) in a package key.
fn split_key(key: &str, major: u32) -> Option<(&str, &str)> {
    let key = without_peers(key);
    if major >= 6 {
        return npm_spec::split_name(key.strip_prefix('/').unwrap_or(key));
    }
    // `/name/1.0.0_peer@2`, `/@scope/name/1.0.0/peer@2` (the oldest), `host/name/1.0.0`.
    let path = key
        .strip_prefix('/')
        .or_else(|| key.split_once('/').filter(|(host, _)| host.contains('.') && !host.starts_with('@')).map(|(_, path)| path))?;
    let name_end = if path.starts_with('@') { path.match_indices('/').nth(1)?.0 } else { path.find('/')? };
    let version = path[name_end + 1..].split(['/', '_']).next()?;
    Some((&path[..name_end], version))
}

fn package(list: &mut Listing<'_>, entry: &Entry<'_>, major: u32, production: Option<&HashSet<String>>) -> Result<(), ReadError> {
    let source = list.source;
    let line = entry.line;
    let key = entry.key.as_ref();
    let table = entry.node.table(&source, key)?;
    let Some(resolution) = table.get("resolution") else {
        return Err(source.error(line, Problem::Missing { field: "resolution", inside: shown(key) }));
    };
    let resolution = resolution.table(&source, "resolution")?;
    let optional = table.flag("dev") || table.flag("optional") || production.is_some_and(|keys| !keys.contains(without_peers(key)));
    let split = split_key(key, major);
    let name = match table.text(&source, "name")? {
        Some(name) => name,
        None => split.map_or(key, |(name, _)| name),
    };
    if resolution.get("variants").is_some() || resolution.get("url").is_some() {
        let why = "it is a runtime or program that pnpm takes from its maker, not from the registry, so nothing looked at it";
        return list.unread(line, shown(key), why.to_owned());
    }
    let tarball = resolution.text(&source, "tarball")?;
    let artifacts = list.integrity(resolution.text(&source, "integrity")?, line)?;
    if let Some(repository) = resolution.text(&source, "repo")? {
        let requested = list.git(name, repository, resolution.text(&source, "commit")?, line)?;
        return list.add(line, requested, Vec::new(), optional, Vec::new());
    }
    if let Some(path) = resolution.text(&source, "directory")? {
        let requested = list.path(name, path);
        return list.add(line, requested, Vec::new(), optional, Vec::new());
    }
    // The key names a version, as pnpm writes it for registry packages; for others it names the address.
    let from_registry = (key.starts_with('/') || major >= 9 || tarball.is_none())
        && split.is_some_and(|(_, version)| npm_spec::exact_version(version).is_some());
    if from_registry && let Some((name, version)) = split {
        let requested = list.exact(Ecosystem::Npm, name, version, line)?;
        return list.add(line, requested, artifacts, optional, npm_spec::origins(tarball));
    }
    match tarball {
        Some(path) if path.starts_with("file:") => {
            let requested = list.path(name, &path["file:".len()..]);
            list.add(line, requested, artifacts, optional, Vec::new())
        }
        Some(url) => {
            let requested = list.url(name, url, line)?;
            list.add(line, requested, artifacts, optional, Vec::new())
        }
        None => {
            Err(source.error(line, Problem::Requirement { expected: "a package key `name@version` or a `tarball`", found: shown(key) }))
        }
    }
}
