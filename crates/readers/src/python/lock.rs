//! What the Python lockfiles share: a list of files with their digests.

use crate::address;
use crate::doc::Node;
use crate::error::{Problem, ReadError};
use crate::listing::Listing;
use crate::source::Source;
use crate::unlocked;
use bifocal_core::DeclaredArtifact;
use std::collections::BTreeMap;

/// One `{ file | url | path, hash }` table. A table without a digest gives none.
pub(crate) fn file(list: &Listing<'_>, node: &Node<'_>) -> Result<Option<DeclaredArtifact>, ReadError> {
    let source = list.source;
    let table = node.table(&source, "a file")?;
    let filename = match table.text(&source, "file")?.or(table.text(&source, "filename")?) {
        Some(name) => name.to_owned(),
        None => {
            let written = table.text(&source, "url")?.or(table.text(&source, "path")?).unwrap_or_default();
            address::file_name(written).unwrap_or_else(|| written.rsplit(['/', '\\']).next().unwrap_or_default().to_owned())
        }
    };
    if filename.len() > 512 || filename.contains(['/', '\\']) || filename.chars().any(char::is_control) {
        return Err(source.error(node.line, Problem::Requirement { expected: "a file name", found: crate::error::shown(&filename) }));
    }
    let Some(hash) = table.text(&source, "hash")?.filter(|hash| !hash.is_empty()) else { return Ok(None) };
    Ok(Some(DeclaredArtifact { filename, digests: vec![list.named_digest(hash, node.line)?] }))
}

/// Every file of a list.
pub(crate) fn files(list: &Listing<'_>, nodes: &[Node<'_>]) -> Result<Vec<DeclaredArtifact>, ReadError> {
    let mut found = Vec::with_capacity(nodes.len());
    for node in nodes {
        found.extend(file(list, node)?);
    }
    Ok(found)
}

/// Every package of a lockfile with its versions.
pub(crate) fn versions(source: &Source<'_>, packages: &[Node<'_>]) -> Result<BTreeMap<String, Vec<String>>, ReadError> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for node in packages {
        let package = node.table(source, "package")?;
        let name = package.text(source, "name")?.unwrap_or_default();
        found.entry(unlocked::folded(name)).or_default().extend(package.text(source, "version")?.map(str::to_owned));
    }
    Ok(found)
}
