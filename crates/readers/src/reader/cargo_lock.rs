//! `Cargo.lock`, versions 1 to 4.
//!
//! A package without a source is a member of the workspace or a path dependency. Version 1 keeps checksums in
//! `[metadata]`, later ones with the package. The format does not tell development dependencies apart.

use crate::address;
use crate::context::ReadContext;
use crate::doc::{Node, toml};
use crate::error::{Problem, ReadError, shown};
use crate::listing::{Listing, nameless};
use crate::source::Source;
use bifocal_core::{Algorithm, Ecosystem, FileKind, Inventory};
use std::collections::HashMap;

pub(crate) fn read(source: &Source<'_>, ctx: &ReadContext<'_>) -> Result<Inventory, ReadError> {
    let root = toml::parse(source, ctx.limits.depth)?;
    let table = root.table(source, "the lockfile")?;
    let mut list = Listing::new(*source, FileKind::CargoLock, ctx.limits);
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
    for node in table.get("root").into_iter().chain(packages) {
        package(&mut list, node, &checksums)?;
    }
    if let Some(patch) = table.get("patch") {
        let unused = patch.table(source, "patch")?.list_of(source, "unused")?.len();
        if unused > 0 {
            list.note(patch.line, &format!("{unused} unused patches are left out"));
        }
    }
    Ok(list.finish())
}

fn package(list: &mut Listing<'_>, node: &Node<'_>, checksums: &HashMap<&str, &Node<'_>>) -> Result<(), ReadError> {
    let source = list.source;
    let line = node.line;
    let package = node.table(&source, "package")?;
    let name = package.required_text(&source, line, "name", "[[package]]")?;
    let version = package.required_text(&source, line, "version", name)?;
    let Some(origin) = package.text(&source, "source")? else {
        let requested = list.path(name, "");
        return list.add(line, requested, Vec::new(), false, None);
    };
    let (kind, location) = origin.split_once('+').unwrap_or((origin, ""));
    match kind {
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
            list.add(line, requested, nameless(digests.into_iter().collect()), false, address::host(location))
        }
        "git" => {
            let (address, commit) = location.split_once('#').unwrap_or((location, ""));
            let (address, query) = address.split_once('?').unwrap_or((address, ""));
            let named = query.split('&').find_map(|pair| pair.split_once('=').filter(|(key, _)| matches!(*key, "rev" | "tag" | "branch")));
            let revision = if commit.is_empty() { named.map_or("", |(_, value)| value) } else { commit };
            let requested = list.git(name, address, Some(revision), line)?;
            list.add(line, requested, Vec::new(), false, None)
        }
        "path" | "directory" | "local-registry" => {
            let requested = list.path(name, location.strip_prefix("file://").unwrap_or(location));
            list.add(line, requested, Vec::new(), false, None)
        }
        _ => Err(source
            .error(line, Problem::Requirement { expected: "a source `registry+`, `sparse+`, `git+` or `path+`", found: shown(origin) })),
    }
}
