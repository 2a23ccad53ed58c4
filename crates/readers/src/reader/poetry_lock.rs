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
use bifocal_core::{DeclaredArtifact, Ecosystem, FileKind, Inventory};
use std::collections::HashMap;

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
    for node in table.list_of(source, "package")? {
        package(&mut list, ctx, node, &old_files)?;
    }
    Ok(list.finish())
}

fn package(
    list: &mut Listing<'_>,
    ctx: &ReadContext<'_>,
    node: &Node<'_>,
    old_files: &HashMap<String, &Node<'_>>,
) -> Result<(), ReadError> {
    let source = list.source;
    let line = node.line;
    let package = node.table(&source, "package")?;
    let name = package.required_text(&source, line, "name", "[[package]]")?;
    let version = package.required_text(&source, line, "version", name)?;
    if !marker_holds(list, ctx, package, name, line)? {
        return Ok(());
    }
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
            return list.add(line, requested, artifacts, optional, None);
        }
    };
    let url = origin.required_text(&source, line, "url", "source")?;
    let (requested, artifacts, host) = match origin.required_text(&source, line, "type", "source")? {
        "legacy" => (list.exact(Ecosystem::Pypi, name, version, line)?, artifacts, address::host(url)),
        "git" => {
            let revision = origin.text(&source, "resolved_reference")?.or(origin.text(&source, "reference")?);
            (list.git(name, url, Some(revision.unwrap_or("")), line)?, Vec::new(), None)
        }
        "url" => (list.url(name, url, line)?, artifacts, None),
        "file" | "directory" => (list.path(name, url), artifacts, None),
        other => {
            let problem = Problem::Requirement { expected: "a source type legacy, git, url, file or directory", found: shown(other) };
            return Err(source.error(line, problem));
        }
    };
    list.add(line, requested, artifacts, optional, host)
}

/// `markers` is one marker, or one for each group; the package applies where any of them does.
fn marker_holds(list: &mut Listing<'_>, ctx: &ReadContext<'_>, package: &Table<'_>, name: &str, line: u32) -> Result<bool, ReadError> {
    match package.get("markers").map(|node| &node.value) {
        Some(Value::Text(marker)) => requirement::applies(list, ctx, name, Some(marker), line),
        Some(Value::Table(groups)) => {
            for entry in &groups.entries {
                let marker = entry.node.text(&list.source, "markers")?;
                let holds =
                    crate::python::marker::holds(marker, ctx.python.as_ref(), &[]).map_err(|problem| list.source.error(line, problem))?;
                if holds {
                    return Ok(true);
                }
            }
            list.note(line, &format!("`{}` does not apply here", shown(name)));
            Ok(groups.entries.is_empty())
        }
        _ => Ok(true),
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
