//! npm's `package-lock.json` and `npm-shrinkwrap.json`, lockfile versions 1, 2 and 3.
//!
//! Versions 2 and 3 list every installed folder under `packages`; version 1 nests `dependencies`. A version 2 file has
//! both: npm from version 7 on reads `packages`, older ones read `dependencies`; what only these have is listed too.

use crate::context::ReadContext;
use crate::doc::{DuplicateKeys, Entry, Table, json};
use crate::error::{Problem, ReadError, shown};
use crate::listing::Listing;
use crate::npm_spec::{self, Spec};
use crate::source::Source;
use crate::unlocked::installed::{self, Installed, Tree};
use crate::unlocked::manifest::package_json;
use bifocal_core::{DeclaredArtifact, Ecosystem, FileKind, Inventory, Requested};
use std::collections::{BTreeSet, HashSet};

const SECTIONS: [&str; 4] = ["dependencies", "devDependencies", "optionalDependencies", "peerDependencies"];

pub(crate) fn read(source: &Source<'_>, ctx: &ReadContext<'_>) -> Result<Inventory, ReadError> {
    let root = json::parse(source, ctx.limits.depth, DuplicateKeys::Refuse)?;
    let table = root.table(source, "the lockfile")?;
    let version = table.get("lockfileVersion");
    // npm up to version 4 wrote shrinkwraps of what became version 1, without a number.
    let number = match version {
        Some(version) => version.scalar(source, "lockfileVersion")?,
        None if table.get("dependencies").is_some() && table.get("packages").is_none() => "1",
        None => return Err(source.error(root.line, Problem::Missing { field: "lockfileVersion", inside: "the lockfile".to_owned() })),
    };
    let mut list = Listing::new(*source, FileKind::PackageLock, ctx.limits);
    match number {
        "1" => {
            let entries = table.entries_of(source, "dependencies")?;
            nested(&mut list, entries)?;
            if let Some(manifest) = package_json(source.path, "", ctx)? {
                let mut tree = Tree::default();
                nested_tree(source, entries, "", &mut tree)?;
                installed::compare(&mut list, &tree, ("", &manifest), &manifest, None)?;
                installed::compare_overrides(&mut list, &tree, &manifest)?;
            }
        }
        "2" | "3" => match table.get("packages") {
            Some(packages) => {
                let packages = packages.table(source, "packages")?;
                flat(&mut list, packages)?;
                for_old_clients(&mut list, table.entries_of(source, "dependencies")?)?;
                compare(&mut list, packages, ctx)?;
            }
            None => return Err(source.error(root.line, Problem::Missing { field: "packages", inside: "the lockfile".to_owned() })),
        },
        other => {
            let problem = Problem::FormatVersion { what: "lockfileVersion", supported: "1, 2 or 3", found: shown(other) };
            return Err(source.error(version.map_or(root.line, |version| version.line), problem));
        }
    }
    Ok(list.finish())
}

/// `packages`: folder to what is in it.
fn flat(list: &mut Listing<'_>, packages: &Table<'_>) -> Result<(), ReadError> {
    let source = list.source;
    let mut targets = HashSet::new();
    let mut addresses = HashSet::new();
    for entry in &packages.entries {
        let Some(package) = entry.node.as_table() else { continue };
        if package.flag("link") {
            targets.extend(package.text(&source, "resolved")?.map(str::to_owned));
        }
        for section in SECTIONS {
            for wanted in package.entries_of(&source, section)? {
                if let Some(spec) = wanted.node.as_text()
                    && matches!(npm_spec::sort(&wanted.key, spec), Spec::Url(_))
                {
                    addresses.insert((wanted.key.to_string(), without_fragment(spec).to_owned()));
                }
            }
        }
    }
    for entry in &packages.entries {
        flat_entry(list, entry, &targets, &addresses)?;
    }
    Ok(())
}

/// What a version 2 file has for npm 6 alone.
fn for_old_clients(list: &mut Listing<'_>, entries: &[Entry<'_>]) -> Result<(), ReadError> {
    if entries.is_empty() {
        return Ok(());
    }
    let mut old = Listing::new(list.source, FileKind::PackageLock, list.limits);
    nested(&mut old, entries)?;
    let known: BTreeSet<(Requested, Vec<DeclaredArtifact>)> =
        list.dependencies().iter().map(|one| (one.requested.clone(), one.artifacts.clone())).collect();
    for dependency in old.finish().dependencies {
        let local = matches!(dependency.requested, Requested::Path { .. });
        if !local && !known.contains(&(dependency.requested.clone(), dependency.artifacts.clone())) {
            list.push(dependency)?;
        }
    }
    Ok(())
}

/// Compares what the lockfile keeps of the manifests of the project and of its members, and what it has installed, with
/// what they say.
fn compare(list: &mut Listing<'_>, packages: &Table<'_>, ctx: &ReadContext<'_>) -> Result<(), ReadError> {
    let source = list.source;
    let tree = flat_tree(&source, packages)?;
    let root = package_json(source.path, "", ctx)?.unwrap_or_default();
    let folders = packages.entries.iter().filter(|entry| !entry.key.contains("node_modules"));
    for entry in folders {
        let Some(manifest) = package_json(source.path, &entry.key, ctx)? else { continue };
        let kept = entry.node.table(&source, &entry.key)?;
        let mut specs: HashSet<(&str, &str)> = HashSet::new();
        for section in SECTIONS {
            for wanted in kept.entries_of(&source, section)? {
                specs.insert((wanted.key.as_ref(), wanted.node.as_text().unwrap_or_default().trim()));
            }
        }
        installed::compare(list, &tree, (&entry.key, &manifest), &root, Some(&specs))?;
    }
    installed::compare_overrides(list, &tree, &root)
}

/// What `packages` has installed.
fn flat_tree<'t>(source: &Source<'_>, packages: &'t Table<'_>) -> Result<Tree<'t>, ReadError> {
    let mut tree = Tree::default();
    let mut wrapped: HashSet<&str> = HashSet::new();
    for entry in packages.entries.iter().filter(|entry| entry.key.contains("node_modules/")) {
        let package = entry.node.table(source, &entry.key)?;
        let called = entry.key.rsplit_once("node_modules/").map_or("", |(_, name)| name);
        if package.flag("hasShrinkwrap") {
            wrapped.insert(&entry.key);
        }
        let mut needs = Vec::new();
        for section in SECTIONS {
            needs.extend(package.entries_of(source, section)?.iter().map(|wanted| wanted.key.as_ref()));
        }
        let installed = Installed {
            name: package.text(source, "name")?.unwrap_or(called),
            version: package.text(source, "version")?.unwrap_or_default(),
            resolved: package.text(source, "resolved")?,
            link: package.flag("link"),
            foreign: package.flag("inBundle"),
            peer: package.flag("peer"),
            needs,
        };
        tree.0.insert(entry.key.to_string(), installed);
    }
    for (folder, installed) in &mut tree.0 {
        installed.foreign |= folder.match_indices("/node_modules/").any(|(at, _)| wrapped.contains(&folder[..at]));
    }
    Ok(tree)
}

/// What a version 1 file has installed, in the folders where npm puts it.
fn nested_tree<'t>(source: &Source<'_>, entries: &'t [Entry<'_>], above: &str, tree: &mut Tree<'t>) -> Result<(), ReadError> {
    for entry in entries {
        let package = entry.node.table(source, &entry.key)?;
        let written = package.text(source, "version")?.unwrap_or_default();
        let (name, version, resolved) = match npm_spec::sort(&entry.key, written) {
            Spec::Registry { name, requirement } => (name, requirement, package.text(source, "resolved")?),
            _ => (entry.key.as_ref(), "", Some(written)),
        };
        let needs = match package.get("requires").and_then(|requires| requires.as_table()) {
            Some(requires) => requires.entries.iter().map(|wanted| wanted.key.as_ref()).collect(),
            None => Vec::new(),
        };
        let (foreign, peer) = (package.flag("bundled"), package.flag("peer"));
        let folder = format!("{above}node_modules/{}", entry.key);
        nested_tree(source, package.entries_of(source, "dependencies")?, &format!("{folder}/"), tree)?;
        tree.0.insert(folder, Installed { name, version, resolved, link: false, foreign, peer, needs });
    }
    Ok(())
}

fn without_fragment(text: &str) -> &str {
    text.split('#').next().unwrap_or(text)
}

fn flat_entry(
    list: &mut Listing<'_>,
    entry: &Entry<'_>,
    targets: &HashSet<String>,
    addresses: &HashSet<(String, String)>,
) -> Result<(), ReadError> {
    let source = list.source;
    let line = entry.line;
    let package = entry.node.table(&source, &entry.key)?;
    let folder = entry.key.as_ref();
    let Some(at) = folder.rfind("node_modules/").filter(|at| *at == 0 || folder.as_bytes()[at - 1] == b'/') else {
        // `node_modules/x-node_modules/y` is neither a package's folder nor one of the project.
        if folder.contains("node_modules") {
            let problem = Problem::Requirement { expected: "a folder of the project, or `node_modules/` and a name", found: shown(folder) };
            return Err(source.error(line, problem));
        }
        // The project itself, or a workspace folder; one that no link leads to is listed for itself.
        if !folder.is_empty() && !targets.contains(folder) {
            let name = package.text(&source, "name")?.unwrap_or(folder);
            let requested = list.path(name, folder);
            list.add(line, requested, Vec::new(), false, Vec::new())?;
        }
        return Ok(());
    };
    let folder_name = &folder[at + "node_modules/".len()..];
    let name = package.text(&source, "name")?.unwrap_or(folder_name);
    let optional = package.flag("dev") || package.flag("optional") || package.flag("devOptional");
    let resolved = package.text(&source, "resolved")?;
    if package.flag("link") {
        let requested = list.path(name, resolved.unwrap_or(folder));
        return list.add(line, requested, Vec::new(), optional, Vec::new());
    }
    let artifacts = list.integrity(package.text(&source, "integrity")?, line)?;
    if let Some(resolved) = resolved {
        match npm_spec::sort(name, resolved) {
            Spec::Git(written) => {
                let requested = list.git(name, written, None, line)?;
                return list.add(line, requested, Vec::new(), optional, Vec::new());
            }
            Spec::Path(path) => {
                let requested = list.path(name, path);
                return list.add(line, requested, artifacts, optional, Vec::new());
            }
            // A dependency by address has a version too: only the specification that asked for it tells it apart.
            Spec::Url(url) if addresses.contains(&(folder_name.to_owned(), without_fragment(url).to_owned())) => {
                let requested = list.url(name, url, line)?;
                return list.add(line, requested, artifacts, optional, Vec::new());
            }
            Spec::Url(_) => {}
            Spec::Registry { .. } | Spec::Catalog(_) => {
                return Err(source.error(line, Problem::Requirement { expected: "`resolved` to be an address", found: shown(resolved) }));
            }
        }
    }
    let Some(version) = package.text(&source, "version")? else {
        return Err(source.error(line, Problem::Missing { field: "version", inside: shown(folder) }));
    };
    let requested = list.exact(Ecosystem::Npm, name, version, line)?;
    if package.flag("inBundle") {
        list.note(line, &format!("`{}` is bundled inside the package that contains it", shown(folder_name)));
    }
    list.add(line, requested, artifacts, optional, npm_spec::origins(resolved))
}

/// Version 1: `dependencies` inside `dependencies`. The syntax tree's depth limit bounds the recursion.
fn nested(list: &mut Listing<'_>, entries: &[Entry<'_>]) -> Result<(), ReadError> {
    let source = list.source;
    for entry in entries {
        let line = entry.line;
        let package = entry.node.table(&source, &entry.key)?;
        let version = package.required_text(&source, line, "version", &entry.key)?;
        let optional = package.flag("dev") || package.flag("optional");
        let resolved = package.text(&source, "resolved")?;
        let artifacts = list.integrity(package.text(&source, "integrity")?, line)?;
        let (requested, origins) = match npm_spec::sort(&entry.key, version) {
            Spec::Registry { name, requirement } => (list.exact(Ecosystem::Npm, name, requirement, line)?, npm_spec::origins(resolved)),
            Spec::Git(written) => (list.git(&entry.key, written, None, line)?, Vec::new()),
            Spec::Url(written) => (list.url(&entry.key, written, line)?, Vec::new()),
            Spec::Path(path) => (list.path(&entry.key, path), Vec::new()),
            Spec::Catalog(_) => return Err(source.error(line, Problem::Requirement { expected: "a version", found: shown(version) })),
        };
        if package.flag("bundled") {
            list.note(line, &format!("`{}` is bundled inside the package that contains it", shown(&entry.key)));
        }
        list.add(line, requested, artifacts, optional, origins)?;
        nested(list, package.entries_of(&source, "dependencies")?)?;
    }
    Ok(())
}
