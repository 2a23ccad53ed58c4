//! What a `Pipfile` asks for, to compare it with the `Pipfile.lock` beside it.
//!
//! `[packages]` is locked as `default`, `[dev-packages]` as `develop`, every further table of packages by its own name.

use crate::context::ReadContext;
use crate::doc::{Entry, toml};
use crate::error::ReadError;
use crate::listing::Listing;
use crate::python::requirement;
use crate::source::Source;
use bifocal_core::{Dependency, FileKind};

/// Tables that are no packages.
const OTHERS: [&str; 5] = ["source", "requires", "scripts", "pipenv", "pipfile"];

/// Keys of a package by which pipenv takes it on some machines only; each holds the end of a marker.
const MARKERS: [&str; 11] = [
    "os_name",
    "sys_platform",
    "platform_machine",
    "platform_python_implementation",
    "platform_release",
    "platform_system",
    "platform_version",
    "python_version",
    "python_full_version",
    "implementation_name",
    "implementation_version",
];

/// Each dependency that this machine would take, with the category in which the lockfile has it.
pub(super) fn asked(source: &Source<'_>, ctx: &ReadContext<'_>) -> Result<Vec<(String, Dependency)>, ReadError> {
    let root = toml::parse(source, ctx.limits.depth)?;
    let mut found = Vec::new();
    for section in &root.table(source, "the Pipfile")?.entries {
        let category = match section.key.as_ref() {
            "packages" => "default",
            "dev-packages" => "develop",
            other if OTHERS.contains(&other) => continue,
            other => other,
        };
        for entry in &section.node.table(source, &section.key)?.entries {
            let mut list = Listing::new(*source, FileKind::PipfileLock, ctx.limits);
            package(&mut list, entry, ctx)?;
            found.extend(list.finish().dependencies.into_iter().map(|dependency| (category.to_owned(), dependency)));
        }
    }
    Ok(found)
}

fn package(list: &mut Listing<'_>, entry: &Entry<'_>, ctx: &ReadContext<'_>) -> Result<(), ReadError> {
    let source = list.source;
    let line = entry.line;
    let mut version = "*";
    if let Some(table) = entry.node.as_table() {
        for key in MARKERS {
            if let Some(end) = table.text(&source, key)?
                && requirement::not_here(&source, ctx, &entry.key, Some(&format!("{key} {end}")), line)?.is_some()
            {
                return Ok(());
            }
        }
        if requirement::not_here(&source, ctx, &entry.key, table.text(&source, "markers")?, line)?.is_some() {
            return Ok(());
        }
        let elsewhere = ["git", "hg", "svn", "bzr", "path", "file", "uri"].iter().any(|key| table.get(key).is_some());
        version = if elsewhere { "*" } else { table.text(&source, "version")?.unwrap_or("*") };
    } else if let Some(text) = entry.node.as_text() {
        version = text;
    }
    let specifier = match version {
        "*" | "" => String::new(),
        version => requirement::specifiers(version).map_err(|problem| source.error(line, problem))?,
    };
    let requested = requirement::from_index(list, &entry.key, &specifier, line)?;
    list.add(line, requested, Vec::new(), false, Vec::new())
}
