//! CycloneDX JSON, specification versions 1.2 to 1.7 (<https://cyclonedx.org/docs/1.6/json/>).
//!
//! Every component, nested ones too, is taken by its purl. Digests are those of the component and of its
//! `distribution` references.

use crate::address;
use crate::context::ReadContext;
use crate::doc::{DuplicateKeys, Node, Table, json};
use crate::error::{Problem, ReadError, shown};
use crate::listing::{Listing, nameless};
use crate::purl;
use crate::source::Source;
use bifocal_core::{Algorithm, DeclaredArtifact, Digest, FileKind, Inventory};

pub(crate) fn read(source: &Source<'_>, ctx: &ReadContext<'_>) -> Result<Inventory, ReadError> {
    let root = json::parse(source, ctx.limits.depth, DuplicateKeys::Refuse)?;
    let table = root.table(source, "the SBOM")?;
    let mut list = Listing::new(*source, FileKind::CycloneDx, ctx.limits);
    let format = table.required_text(source, root.line, "bomFormat", "the SBOM")?;
    if format != "CycloneDX" {
        return Err(source.error(root.line, Problem::FormatVersion { what: "bomFormat", supported: "CycloneDX", found: shown(format) }));
    }
    let Some(version) = table.get("specVersion") else {
        return Err(source.error(root.line, Problem::Missing { field: "specVersion", inside: "the SBOM".to_owned() }));
    };
    let text = version.text(source, "specVersion")?;
    if !matches!(text, "1.2" | "1.3" | "1.4" | "1.5" | "1.6" | "1.7") {
        return Err(source.error(version.line, Problem::FormatVersion { what: "specVersion", supported: "1.2 to 1.7", found: shown(text) }));
    }
    for component in table.list_of(source, "components")? {
        add(&mut list, component)?;
    }
    Ok(list.finish())
}

/// A component and those inside it; the document's depth limit bounds the recursion.
fn add(list: &mut Listing<'_>, node: &Node<'_>) -> Result<(), ReadError> {
    let source = list.source;
    let component = node.table(&source, "a component")?;
    let name = component.required_text(&source, node.line, "name", "a component")?;
    match component.text(&source, "purl")? {
        Some(purl) => {
            let line = component.get("purl").map_or(node.line, |node| node.line);
            let optional = component.text(&source, "scope")?.is_some_and(|scope| scope != "required");
            let artifacts = if purl::digests_are_of_files(purl) { artifacts(list, component)? } else { Vec::new() };
            purl::add(list, purl, artifacts, line, optional)?;
        }
        None => {
            list.note(node.line, &format!("component `{}` has no package URL and is not looked at", shown(name)));
            let kind = component.text(&source, "type")?.map_or(String::new(), |kind| format!("{} ", shown(kind)));
            list.other(&format!("{kind}component without a package URL"), &format!("{kind}components without a package URL"));
        }
    }
    for inner in component.list_of(&source, "components")? {
        add(list, inner)?;
    }
    Ok(())
}

fn artifacts(list: &Listing<'_>, component: &Table<'_>) -> Result<Vec<DeclaredArtifact>, ReadError> {
    let source = list.source;
    let mut found = nameless(hashes(list, component)?);
    for reference in component.list_of(&source, "externalReferences")? {
        let reference = reference.table(&source, "externalReferences")?;
        if reference.text(&source, "type")? != Some("distribution") {
            continue;
        }
        let digests = hashes(list, reference)?;
        if !digests.is_empty() {
            let filename = reference.text(&source, "url")?.and_then(address::file_name).unwrap_or_default();
            found.push(DeclaredArtifact { filename, digests });
        }
    }
    Ok(found)
}

fn hashes(list: &Listing<'_>, table: &Table<'_>) -> Result<Vec<Digest>, ReadError> {
    let source = list.source;
    let mut digests = Vec::new();
    for node in table.list_of(&source, "hashes")? {
        let hash = node.table(&source, "hashes")?;
        let algorithm = hash.required_text(&source, node.line, "alg", "hashes")?;
        let content = hash.required_text(&source, node.line, "content", "hashes")?;
        // SHA-3, BLAKE and Streebog are no digests that registries give.
        if let Ok(algorithm) = algorithm.parse::<Algorithm>() {
            digests.push(list.digest(algorithm, content, node.line)?);
        }
    }
    Ok(digests)
}
