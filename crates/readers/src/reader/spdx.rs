//! SPDX in JSON: 2.2 and 2.3 (<https://spdx.github.io/spdx-spec/v2.3/>), and the JSON-LD of 3.0.
//!
//! Packages are taken by their purl. The one package that a document describes (the project itself) is noted and left
//! out where the document lists others.

use crate::context::ReadContext;
use crate::doc::{DuplicateKeys, Node, Table, json};
use crate::error::{Problem, ReadError, shown};
use crate::listing::{Listing, nameless};
use crate::purl;
use crate::source::Source;
use bifocal_core::{Algorithm, Digest, FileKind, Inventory};
use std::collections::BTreeSet;

pub(crate) fn read(source: &Source<'_>, ctx: &ReadContext<'_>) -> Result<Inventory, ReadError> {
    let root = json::parse(source, ctx.limits.depth, DuplicateKeys::Refuse)?;
    let table = root.table(source, "the SBOM")?;
    let mut list = Listing::new(*source, FileKind::Spdx, ctx.limits);
    if table.get("@graph").is_some() {
        graph(&mut list, table)?;
        return Ok(list.finish());
    }
    let Some(version) = table.get("spdxVersion") else {
        return Err(source.error(root.line, Problem::Missing { field: "spdxVersion", inside: "the SBOM".to_owned() }));
    };
    let text = version.text(source, "spdxVersion")?;
    if !matches!(text, "SPDX-2.2" | "SPDX-2.3") {
        return Err(source.error(
            version.line,
            Problem::FormatVersion { what: "spdxVersion", supported: "SPDX-2.2, SPDX-2.3 or 3.0", found: shown(text) },
        ));
    }
    let packages = table.list_of(source, "packages")?;
    let described = described(source, table)?;
    for node in packages {
        let package = node.table(source, "a package")?;
        let name = package.required_text(source, node.line, "name", "a package")?;
        let id = package.text(source, "SPDXID")?.unwrap_or_default();
        if packages.len() > 1 && described.len() == 1 && described.contains(id) {
            let refs = package.list_of(source, "externalRefs")?.iter().filter_map(Node::as_table);
            let has_purl = refs.into_iter().any(|one| one.get("referenceType").and_then(Node::as_text) == Some("purl"));
            subject(&mut list, node.line, name, has_purl);
            continue;
        }
        package_2(&mut list, node.line, package, name)?;
    }
    Ok(list.finish())
}

fn described<'n>(source: &Source<'_>, table: &'n Table<'_>) -> Result<BTreeSet<&'n str>, ReadError> {
    let mut ids: BTreeSet<&str> = table.list_of(source, "documentDescribes")?.iter().filter_map(Node::as_text).collect();
    for node in table.list_of(source, "relationships")? {
        let relation = node.table(source, "a relationship")?;
        let text = |key: &str| relation.get(key).and_then(Node::as_text).unwrap_or_default();
        match text("relationshipType") {
            "DESCRIBES" => ids.insert(text("relatedSpdxElement")),
            "DESCRIBED_BY" => ids.insert(text("spdxElementId")),
            _ => false,
        };
    }
    Ok(ids)
}

/// The package that the document describes: the project itself, unless somebody made the document for a release of a
/// registry, which its package URL would name. So every summary says that it was not looked at.
fn subject(list: &mut Listing<'_>, line: u32, name: &str, has_purl: bool) {
    list.note(line, &format!("`{}` is what the document describes", shown(name)));
    if has_purl {
        list.other("package that the document describes", "packages that the document describes");
    }
}

fn package_2(list: &mut Listing<'_>, line: u32, package: &Table<'_>, name: &str) -> Result<(), ReadError> {
    let source = list.source;
    let mut purls = Vec::new();
    for node in package.list_of(&source, "externalRefs")? {
        let reference = node.table(&source, "externalRefs")?;
        if reference.text(&source, "referenceType")? == Some("purl") {
            purls.push((node.line, reference.required_text(&source, node.line, "referenceLocator", "externalRefs")?));
        }
    }
    let mut digests = Vec::new();
    for node in package.list_of(&source, "checksums")? {
        let checksum = node.table(&source, "checksums")?;
        let algorithm = checksum.required_text(&source, node.line, "algorithm", "checksums")?;
        let value = checksum.required_text(&source, node.line, "checksumValue", "checksums")?;
        digests.extend(digest(list, algorithm, value, node.line)?);
    }
    if purls.is_empty() {
        list.note(line, &format!("package `{}` has no package URL and is not looked at", shown(name)));
        list.other("package without a package URL", "packages without a package URL");
    }
    for (line, purl) in purls {
        let artifacts = if purl::digests_are_of_files(purl) { nameless(digests.clone()) } else { Vec::new() };
        purl::add(list, purl, artifacts, line, false)?;
    }
    Ok(())
}

fn digest(list: &Listing<'_>, algorithm: &str, value: &str, line: u32) -> Result<Option<Digest>, ReadError> {
    match algorithm.parse::<Algorithm>() {
        Ok(algorithm) => list.digest(algorithm, value, line).map(Some),
        Err(_) => Ok(None),
    }
}

/// SPDX 3: every `software_Package` of the graph.
fn graph(list: &mut Listing<'_>, table: &Table<'_>) -> Result<(), ReadError> {
    let source = list.source;
    let elements = table.list_of(&source, "@graph")?;
    let mut roots = BTreeSet::new();
    let mut packages = 0usize;
    for node in elements {
        let element = node.table(&source, "an element")?;
        match element.text(&source, "type")? {
            Some("SpdxDocument" | "software_Sbom") => {
                roots.extend(element.list_of(&source, "rootElement")?.iter().filter_map(Node::as_text))
            }
            Some("software_Package") => packages += 1,
            _ => {}
        }
    }
    for node in elements {
        let element = node.table(&source, "an element")?;
        if element.text(&source, "type")? != Some("software_Package") {
            continue;
        }
        let name = element.text(&source, "name")?.unwrap_or_default();
        let id = element.text(&source, "spdxId")?.unwrap_or_default();
        if packages > 1 && roots.contains(id) {
            let identifiers = element.list_of(&source, "externalIdentifier")?.iter().filter_map(Node::as_table);
            let mut types = identifiers.into_iter().map(|one| one.get("externalIdentifierType").and_then(Node::as_text));
            let has_purl = element.get("software_packageUrl").is_some() || types.any(|kind| kind == Some("packageUrl"));
            subject(list, node.line, name, has_purl);
            continue;
        }
        let mut purl = element.text(&source, "software_packageUrl")?;
        for identifier in element.list_of(&source, "externalIdentifier")? {
            let identifier = identifier.table(&source, "externalIdentifier")?;
            if identifier.text(&source, "externalIdentifierType")? == Some("packageUrl") {
                purl = purl.or(identifier.text(&source, "identifier")?);
            }
        }
        let mut digests = Vec::new();
        for hash in element.list_of(&source, "verifiedUsing")? {
            let table = hash.table(&source, "verifiedUsing")?;
            if let (Some(algorithm), Some(value)) = (table.text(&source, "algorithm")?, table.text(&source, "hashValue")?) {
                digests.extend(digest(list, algorithm, value, hash.line)?);
            }
        }
        match purl {
            Some(purl) => {
                let artifacts = if purl::digests_are_of_files(purl) { nameless(digests) } else { Vec::new() };
                purl::add(list, purl, artifacts, node.line, false)?;
            }
            None => {
                list.note(node.line, &format!("package `{}` has no package URL and is not looked at", shown(name)));
                list.other("package without a package URL", "packages without a package URL");
            }
        }
    }
    Ok(())
}
