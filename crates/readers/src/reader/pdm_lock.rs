//! `pdm.lock`, lock versions 3 and 4.
//!
//! A package that is locked with extras is there once for itself and once for each set of extras: the same release.

use crate::address;
use crate::context::ReadContext;
use crate::doc::{Node, toml};
use crate::error::{Problem, ReadError, shown};
use crate::listing::Listing;
use crate::python::{lock, requirement};
use crate::source::Source;
use crate::unlocked;
use bifocal_core::{Ecosystem, FileKind, Inventory, Origin};
use std::collections::{BTreeSet, HashMap};

pub(crate) fn read(source: &Source<'_>, ctx: &ReadContext<'_>) -> Result<Inventory, ReadError> {
    let root = toml::parse(source, ctx.limits.depth)?;
    let table = root.table(source, "the lockfile")?;
    let mut list = Listing::new(*source, FileKind::PdmLock, ctx.limits);
    let Some(metadata) = table.get("metadata") else {
        return Err(source.error(root.line, Problem::Missing { field: "metadata", inside: "the lockfile".to_owned() }));
    };
    let metadata_table = metadata.table(source, "metadata")?;
    if let Some(version) = metadata_table.get("lock_version") {
        let text = version.scalar(source, "lock_version")?;
        let major = text.split('.').next().unwrap_or(text);
        if !matches!(major, "2" | "3" | "4") {
            let problem = Problem::FormatVersion { what: "lock_version", supported: "2 to 4", found: shown(text) };
            return Err(source.error(version.line, problem));
        }
    }
    // Before 4.3 the files are apart, under `"name version"`.
    let mut old_files: HashMap<&str, &Node<'_>> = HashMap::new();
    for entry in metadata_table.entries_of(source, "files")? {
        old_files.insert(&entry.key, &entry.node);
    }
    let packages = table.list_of(source, "package")?;
    for node in packages {
        package(&mut list, node, &old_files)?;
    }
    if packages.is_empty() && !["lock_version", "content_hash"].iter().any(|key| metadata_table.get(key).is_some()) {
        return Err(source.error(metadata.line, Problem::Missing { field: "lock_version", inside: "metadata".to_owned() }));
    }
    // pdm locks the groups that it was told of; a lockfile that names none has only what the project itself needs.
    let groups = metadata_table.list_of(source, "groups")?.iter().filter_map(Node::as_text).map(str::to_owned).collect();
    unlocked::python(&mut list, &BTreeSet::from([String::new()]), &lock::versions(source, packages)?, Some(&groups), ctx)?;
    Ok(list.finish())
}

fn package(list: &mut Listing<'_>, node: &Node<'_>, old_files: &HashMap<&str, &Node<'_>>) -> Result<(), ReadError> {
    let source = list.source;
    let line = node.line;
    let package = node.table(&source, "package")?;
    let name = package.required_text(&source, line, "name", "[[package]]")?;
    requirement::check(&source, package.text(&source, "marker")?, line)?;
    let groups = package.list_of(&source, "groups")?;
    let optional = !groups.is_empty() && !groups.iter().any(|group| group.as_text() == Some("default"));
    let version = package.text(&source, "version")?;
    let files = match package.get("files").or(version.and_then(|version| old_files.get(format!("{name} {version}").as_str()).copied())) {
        Some(files) => files.list(&source, "files")?,
        None => &[],
    };
    let artifacts = lock::files(list, files)?;
    // Without a digest it is the address that counts.
    let addresses = files.iter().filter(|_| artifacts.is_empty()).filter_map(|file| file.as_table()?.get("url")?.as_text());
    let mut origins: Vec<Origin> = addresses.map(address::origin).collect();
    origins.sort();
    origins.dedup();
    let requested = if let Some(git) = package.text(&source, "git")? {
        list.git(name, git, Some(package.text(&source, "revision")?.or(package.text(&source, "ref")?).unwrap_or("")), line)?
    } else if let Some(url) = package.text(&source, "url")? {
        if url.starts_with("file:") {
            list.path(name, url.trim_start_matches("file:").trim_start_matches("//"))
        } else {
            list.url(name, url, line)?
        }
    } else if let Some(path) = package.text(&source, "path")? {
        list.path(name, path)
    } else if let Some(url) = ["hg", "svn", "bzr"].iter().find_map(|key| package.get(key)) {
        list.url(name, url.text(&source, "an address")?, line)?
    } else {
        let Some(version) = version else {
            return Err(source.error(line, Problem::Missing { field: "version", inside: shown(name) }));
        };
        list.exact(Ecosystem::Pypi, name, version, line)?
    };
    list.add(line, requested, artifacts, optional, origins)
}
