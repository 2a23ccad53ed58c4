//! `Pipfile.lock` (pipfile-spec 6): JSON with `default`, `develop` and further categories.

use crate::address;
use crate::context::ReadContext;
use crate::doc::{DuplicateKeys, Entry, json};
use crate::error::{Problem, ReadError, shown};
use crate::listing::Listing;
use crate::python::requirement;
use crate::source::Source;
use crate::unlocked;
use bifocal_core::{DeclaredArtifact, FileKind, Inventory, Origin};
use std::collections::BTreeMap;

pub(crate) fn read(source: &Source<'_>, ctx: &ReadContext<'_>) -> Result<Inventory, ReadError> {
    let root = json::parse(source, ctx.limits.depth, DuplicateKeys::Refuse)?;
    let table = root.table(source, "the lockfile")?;
    let mut list = Listing::new(*source, FileKind::PipfileLock, ctx.limits);
    let Some(meta) = table.get("_meta") else {
        return Err(source.error(root.line, Problem::Missing { field: "_meta", inside: "the lockfile".to_owned() }));
    };
    let meta = meta.table(source, "_meta")?;
    if let Some(spec) = meta.get("pipfile-spec")
        && spec.scalar(source, "pipfile-spec")? != "6"
    {
        let problem = Problem::FormatVersion { what: "pipfile-spec", supported: "6", found: shown(spec.scalar(source, "pipfile-spec")?) };
        return Err(source.error(spec.line, problem));
    }
    if !["pipfile-spec", "hash"].iter().any(|key| meta.get(key).is_some()) && table.entries.len() == 1 {
        return Err(source.error(root.line, Problem::Missing { field: "pipfile-spec", inside: "_meta".to_owned() }));
    }
    let mut indexes: BTreeMap<String, Origin> = BTreeMap::new();
    let sources = meta.list_of(source, "sources")?;
    for node in sources {
        let index = node.table(source, "sources")?;
        let url = index.required_text(source, node.line, "url", "sources")?;
        // pipenv takes the text of the address where a source has no name.
        indexes.insert(index.text(source, "name")?.unwrap_or(url).to_owned(), address::origin(url));
    }
    let mut locked: BTreeMap<String, BTreeMap<String, Vec<String>>> = BTreeMap::new();
    for category in &table.entries {
        if category.key == "_meta" {
            continue;
        }
        let versions = locked.entry(category.key.to_string()).or_default();
        for entry in &category.node.table(source, &category.key)?.entries {
            package(&mut list, entry, category.key != "default", &indexes)?;
            let version = entry.node.as_table().and_then(|package| package.get("version")?.as_text());
            let version = version.and_then(|version| requirement::pinned(version.trim()));
            versions.entry(unlocked::folded(&entry.key)).or_default().extend(version.map(str::to_owned));
        }
    }
    unlocked::pipfile(&mut list, &locked, ctx)?;
    Ok(list.finish())
}

fn package(list: &mut Listing<'_>, entry: &Entry<'_>, optional: bool, indexes: &BTreeMap<String, Origin>) -> Result<(), ReadError> {
    let source = list.source;
    let line = entry.line;
    let name = entry.key.as_ref();
    let package = entry.node.table(&source, name)?;
    requirement::check(&source, package.text(&source, "markers")?, line)?;
    let mut artifacts = Vec::new();
    for hash in package.list_of(&source, "hashes")? {
        let digest = list.named_digest(hash.text(&source, "hashes")?, hash.line)?;
        artifacts.push(DeclaredArtifact { filename: String::new(), digests: vec![digest] });
    }
    if let Some(git) = package.text(&source, "git")? {
        let requested = list.git(name, git, package.text(&source, "ref")?, line)?;
        return list.add(line, requested, Vec::new(), optional, Vec::new());
    }
    for other in ["hg", "svn", "bzr"] {
        if let Some(url) = package.text(&source, other)? {
            let requested = list.url(name, url, line)?;
            return list.add(line, requested, Vec::new(), optional, Vec::new());
        }
    }
    if let Some(path) = package.text(&source, "path")? {
        let requested = list.path(name, path);
        return list.add(line, requested, artifacts, optional, Vec::new());
    }
    if let Some(file) = package.text(&source, "file")?.or(package.text(&source, "uri")?) {
        let requested =
            if file.contains("://") && !file.starts_with("file:") { list.url(name, file, line)? } else { list.path(name, file) };
        return list.add(line, requested, artifacts, optional, Vec::new());
    }
    let Some(version) = package.text(&source, "version")? else {
        return Err(source.error(line, Problem::Missing { field: "version", inside: shown(name) }));
    };
    let specifier =
        if version == "*" { String::new() } else { requirement::specifiers(version).map_err(|problem| source.error(line, problem))? };
    let origins = match package.text(&source, "index")? {
        Some(index) => match indexes.get(index) {
            Some(origin) => vec![origin.clone()],
            None => {
                let problem = Problem::Undefined { what: format!("index `{}`", shown(index)), inside: "_meta.sources".to_owned() };
                return Err(source.error(line, problem));
            }
        },
        // Without an index of its own it may come from any of them.
        None => indexes.values().cloned().collect(),
    };
    let requested = requirement::from_index(list, name, &specifier, line)?;
    list.add(line, requested, artifacts, optional, origins)
}
