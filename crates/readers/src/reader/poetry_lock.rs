//! `poetry.lock`, formats 1 and 2.
//!
//! Digests are with the package (`files`), in `[metadata.files]` (before 1.3) or in `[metadata.hashes]` (the oldest).
//! What is for development is told by `category` (1) or `groups` (2).

use crate::address;
use crate::context::ReadContext;
use crate::doc::{Node, Table, Value, toml};
use crate::error::{Problem, ReadError, shown};
use crate::listing::Listing;
use crate::python::{lock, requirement};
use crate::source::Source;
use crate::unlocked;
use bifocal_core::{DeclaredArtifact, Ecosystem, FileKind, Inventory};
use std::collections::{BTreeSet, HashMap};

pub(crate) fn read(source: &Source<'_>, ctx: &ReadContext<'_>) -> Result<Inventory, ReadError> {
    let root = toml::parse(source, ctx.limits.depth)?;
    let table = root.table(source, "the lockfile")?;
    let mut list = Listing::new(*source, FileKind::PoetryLock, ctx.limits);
    let Some(metadata) = table.get("metadata") else {
        return Err(source.error(root.line, Problem::Missing { field: "metadata", inside: "the lockfile".to_owned() }));
    };
    let metadata_table = metadata.table(source, "metadata")?;
    if let Some(version) = metadata_table.get("lock-version") {
        let text = version.text(source, "lock-version")?;
        if !text.starts_with("1.") && !text.starts_with("2.") {
            let problem = Problem::FormatVersion { what: "lock-version", supported: "1 or 2", found: shown(text) };
            return Err(source.error(version.line, problem));
        }
    }
    let mut old_files: HashMap<String, &Node<'_>> = HashMap::new();
    for section in ["files", "hashes"] {
        for entry in metadata_table.entries_of(source, section)? {
            old_files.insert(entry.key.to_ascii_lowercase(), &entry.node);
        }
    }
    let packages = table.list_of(source, "package")?;
    for node in packages {
        package(&mut list, node, &old_files)?;
    }
    if packages.is_empty() && !["lock-version", "content-hash"].iter().any(|key| metadata_table.get(key).is_some()) {
        return Err(source.error(metadata.line, Problem::Missing { field: "lock-version", inside: "metadata".to_owned() }));
    }
    unlocked::python(&mut list, &BTreeSet::from([String::new()]), &lock::versions(source, packages)?, None, ctx)?;
    Ok(list.finish())
}

fn package(list: &mut Listing<'_>, node: &Node<'_>, old_files: &HashMap<String, &Node<'_>>) -> Result<(), ReadError> {
    let source = list.source;
    let line = node.line;
    let package = node.table(&source, "package")?;
    let name = package.required_text(&source, line, "name", "[[package]]")?;
    let version = package.required_text(&source, line, "version", name)?;
    check_markers(&source, package, line)?;
    let groups = package.list_of(&source, "groups")?;
    let outside_main = !groups.is_empty() && !groups.iter().any(|group| group.as_text() == Some("main"));
    let category = package.text(&source, "category")?;
    let optional = package.flag("optional") || outside_main || category.is_some_and(|category| category != "main");
    let artifacts = match package.get("files").or(old_files.get(&name.to_ascii_lowercase()).copied()) {
        Some(files) => files_of(list, files)?,
        None => Vec::new(),
    };
    let origin = match package.get("source") {
        Some(origin) => origin.table(&source, "source")?,
        None => {
            let requested = list.exact(Ecosystem::Pypi, name, version, line)?;
            return list.add(line, requested, artifacts, optional, Vec::new());
        }
    };
    let url = origin.required_text(&source, line, "url", "source")?;
    let (requested, artifacts, origins) = match origin.required_text(&source, line, "type", "source")? {
        "legacy" => (list.exact(Ecosystem::Pypi, name, version, line)?, artifacts, vec![address::origin(url)]),
        "git" => {
            let revision = origin.text(&source, "resolved_reference")?.or(origin.text(&source, "reference")?);
            (list.git(name, url, Some(revision.unwrap_or("")), line)?, Vec::new(), Vec::new())
        }
        "url" => (list.url(name, url, line)?, artifacts, Vec::new()),
        "file" | "directory" => (list.path(name, url), artifacts, Vec::new()),
        other => {
            let problem = Problem::Requirement { expected: "a source type legacy, git, url, file or directory", found: shown(other) };
            return Err(source.error(line, problem));
        }
    };
    list.add(line, requested, artifacts, optional, origins)
}

/// `markers` is one marker, or one for each group.
fn check_markers(source: &Source<'_>, package: &Table<'_>, line: u32) -> Result<(), ReadError> {
    match package.get("markers").map(|node| &node.value) {
        Some(Value::Text(marker)) => requirement::check(source, Some(marker), line),
        Some(Value::Table(groups)) => {
            groups.entries.iter().try_for_each(|entry| requirement::check(source, Some(entry.node.text(source, "markers")?), line))
        }
        _ => Ok(()),
    }
}

/// Tables with file and hash, or bare hashes.
fn files_of(list: &Listing<'_>, node: &Node<'_>) -> Result<Vec<DeclaredArtifact>, ReadError> {
    let mut found = Vec::new();
    for item in node.list(&list.source, "files")? {
        match item.as_text() {
            // The oldest files keep bare SHA-256 digits.
            Some(hash) => {
                let digest = if hash.contains(':') {
                    list.named_digest(hash, item.line)?
                } else {
                    list.digest(bifocal_core::Algorithm::Sha256, hash, item.line)?
                };
                found.push(DeclaredArtifact { filename: String::new(), digests: vec![digest] });
            }
            None => found.extend(lock::file(list, item)?),
        }
    }
    Ok(found)
}
