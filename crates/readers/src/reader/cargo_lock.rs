//! `Cargo.lock`, versions 1 to 4.
//!
//! A package without a source is a member of the workspace or a path dependency. Version 1 keeps checksums in
//! `[metadata]`, later ones with the package. The format does not tell development dependencies apart.

use crate::address;
use crate::cargo_workspace::{self, Workspace};
use crate::context::ReadContext;
use crate::doc::{Node, toml};
use crate::error::{Problem, ReadError, shown};
use crate::listing::{Listing, nameless};
use crate::source::Source;
use bifocal_core::{Algorithm, Ecosystem, FileKind, Inventory, Requested, counted};
use std::collections::{BTreeSet, HashMap};

/// What cargo writes at the top of the file.
const KEYS: [&str; 5] = ["version", "package", "root", "metadata", "patch"];

pub(crate) fn read(source: &Source<'_>, ctx: &ReadContext<'_>) -> Result<Inventory, ReadError> {
    let root = toml::parse(source, ctx.limits.depth)?;
    let table = root.table(source, "the lockfile")?;
    let mut list = Listing::new(*source, FileKind::CargoLock, ctx.limits);
    if let Some(entry) = table.entries.iter().find(|entry| !KEYS.contains(&entry.key.as_ref())) {
        return Err(source.syntax(entry.line, "a key of a Cargo.lock", &format!("`{}`", entry.key)));
    }
    if let Some(version) = table.get("version") {
        let text = version.scalar(source, "version")?;
        if !matches!(text, "1" | "2" | "3" | "4") {
            let problem = Problem::FormatVersion { what: "version", supported: "1 to 4", found: shown(text) };
            return Err(source.error(version.line, problem));
        }
    }
    let mut checksums: HashMap<&str, &Node<'_>> = HashMap::new();
    for entry in table.entries_of(source, "metadata")? {
        if let Some(rest) = entry.key.strip_prefix("checksum ") {
            checksums.insert(rest, &entry.node);
        }
    }
    let packages = table.list_of(source, "package")?;
    if packages.is_empty() && table.get("version").is_none() && table.get("root").is_none() {
        return Err(source.syntax(root.line, "`[[package]]` or `version`, as cargo writes them", "neither"));
    }
    let all: Vec<&Node<'_>> = table.get("root").into_iter().chain(packages).collect();
    let workspace = cargo_workspace::load(source.path, ctx)?;
    let mut without_source = BTreeSet::new();
    for node in &all {
        if let Some(name) = package(&mut list, node, &checksums)? {
            without_source.insert((name, node.line));
        }
    }
    paths(&mut list, &all, &without_source, workspace.as_ref())?;
    if let Some(workspace) = &workspace {
        unlocked(&mut list, &all, workspace)?;
    }
    if let Some(patch) = table.get("patch") {
        let unused = patch.table(source, "patch")?.list_of(source, "unused")?.len();
        if unused > 0 {
            list.note(patch.line, &format!("{} left out", counted(unused as u64, "unused patch is", "unused patches are")));
        }
    }
    Ok(list.finish())
}

/// Lists the packages without a source on which others depend: the rest are the project itself.
fn paths(
    list: &mut Listing<'_>,
    packages: &[&Node<'_>],
    without_source: &BTreeSet<(&str, u32)>,
    workspace: Option<&Workspace>,
) -> Result<(), ReadError> {
    let source = list.source;
    let mut needed = BTreeSet::new();
    for node in packages {
        for dependency in node.table(&source, "package")?.list_of(&source, "dependencies")? {
            let text = dependency.text(&source, "dependencies")?;
            needed.insert(text.split(' ').next().unwrap_or(text));
        }
    }
    for (name, line) in without_source.iter().filter(|(name, _)| needed.contains(name)) {
        let Some(workspace) = workspace else {
            let requested = list.path(name, "");
            list.add(*line, requested, Vec::new(), false, Vec::new())?;
            continue;
        };
        match workspace.paths.get(*name) {
            Some(folders) => {
                for folder in folders {
                    let requested = list.path(name, folder);
                    list.add(*line, requested, Vec::new(), false, Vec::new())?;
                }
            }
            None => list.unread(
                *line,
                shown(name),
                "it has no source, and no manifest here says in which folder it lies, so nothing shows that it is part of the project; make the lockfile anew".to_owned(),
            )?,
        }
    }
    Ok(())
}

/// Says what manifests ask for and the lockfile does not have: cargo would take it from the registry today.
fn unlocked(list: &mut Listing<'_>, packages: &[&Node<'_>], workspace: &Workspace) -> Result<(), ReadError> {
    let source = list.source;
    let folded = |name: &str| name.replace('_', "-");
    let mut locked: HashMap<String, Vec<&str>> = HashMap::new();
    for node in packages {
        let package = node.table(&source, "package")?;
        if let (Some(name), Some(version)) = (package.text(&source, "name")?, package.text(&source, "version")?) {
            locked.entry(folded(name)).or_default().push(version);
        }
    }
    for asked in &workspace.asked {
        let (name, requirement) = match &asked.requested {
            Requested::Exact { release } => (release.package.as_str(), format!("={}", release.version)),
            Requested::Range { package, requirement } => (package.as_str(), requirement.clone()),
            Requested::Path { name, .. } | Requested::Git { name, .. } | Requested::Url { name, .. } => (name.as_str(), "*".to_owned()),
        };
        // A requirement that cannot be compared is one that the lockfile may well meet.
        let fits =
            |version: &&str| bifocal_versions::satisfies(Ecosystem::Cargo, version, &requirement).unwrap_or(true) || requirement == "*";
        if !locked.get(&folded(name)).is_some_and(|versions| versions.iter().any(fits)) {
            list.unlocked(&asked.place, &format!("{} {requirement}", shown(name)))?;
        }
    }
    Ok(())
}

/// Lists one package; gives the name of one without a source.
fn package<'n>(list: &mut Listing<'_>, node: &'n Node<'_>, checksums: &HashMap<&str, &Node<'_>>) -> Result<Option<&'n str>, ReadError> {
    let source = list.source;
    let line = node.line;
    let package = node.table(&source, "package")?;
    let name = package.required_text(&source, line, "name", "[[package]]")?;
    let version = package.required_text(&source, line, "version", name)?;
    let Some(origin) = package.text(&source, "source")? else { return Ok(Some(name)) };
    let (kind, location) = origin.split_once('+').unwrap_or((origin, ""));
    let added = match kind {
        "registry" | "sparse" => {
            let old_place = checksums.get(format!("{name} {version} ({origin})").as_str()).copied();
            let checksum = match package.get("checksum").or(old_place) {
                // cargo writes `<none>` where the registry gave none.
                Some(node) if node.as_text() == Some("<none>") => None,
                Some(node) => Some((node.text(&source, "checksum")?, node.line)),
                None => None,
            };
            let digests = checksum.map(|(digits, at)| list.digest(Algorithm::Sha256, digits, at)).transpose()?;
            let requested = list.exact(Ecosystem::Cargo, name, version, line)?;
            list.add(line, requested, nameless(digests.into_iter().collect()), false, vec![address::origin(location)])
        }
        "git" => {
            let (address, commit) = location.split_once('#').unwrap_or((location, ""));
            let (address, query) = address.split_once('?').unwrap_or((address, ""));
            let named = query.split('&').find_map(|pair| pair.split_once('=').filter(|(key, _)| matches!(*key, "rev" | "tag" | "branch")));
            let revision = if commit.is_empty() { named.map_or("", |(_, value)| value) } else { commit };
            let requested = list.git(name, address, Some(revision), line)?;
            list.add(line, requested, Vec::new(), false, Vec::new())
        }
        "path" | "directory" | "local-registry" => {
            let requested = list.path(name, location.strip_prefix("file://").unwrap_or(location));
            list.add(line, requested, Vec::new(), false, Vec::new())
        }
        _ => Err(source
            .error(line, Problem::Requirement { expected: "a source `registry+`, `sparse+`, `git+` or `path+`", found: shown(origin) })),
    };
    added.map(|()| None)
}
