//! What `pnpm-workspace.yaml` asks for beside catalogs: configuration dependencies, which pnpm installs before all others
//! and no lockfile of its versions up to 10 has.

use crate::context::ReadContext;
use crate::doc::{Entry, Node, yaml};
use crate::error::{Problem, ReadError, shown};
use crate::listing::Listing;
use crate::npm_spec;
use crate::source::Source;
use bifocal_core::{DeclaredArtifact, Dependency, Ecosystem, FileKind};

/// Lists the configuration dependencies of the workspace file beside `list`'s file.
pub(crate) fn config_dependencies(list: &mut Listing<'_>, ctx: &ReadContext<'_>) -> Result<(), ReadError> {
    let Some((path, bytes)) = ctx.beside(list.source.path, "pnpm-workspace.yaml", ctx.limits.file_bytes)? else { return Ok(()) };
    let source = Source { path: &path, bytes: &bytes };
    for document in yaml::parse(&source, ctx.limits.depth)?.iter().filter(|document| !document.is_null()) {
        for entry in document.table(&source, "the workspace file")?.entries_of(&source, "configDependencies")? {
            let dependency = config_dependency(&source, entry, ctx)?;
            list.push(dependency)?;
        }
    }
    Ok(())
}

/// `1.0.0+sha512-…`, or a table with the same as `integrity` and the address of the file.
fn config_dependency(source: &Source<'_>, entry: &Entry<'_>, ctx: &ReadContext<'_>) -> Result<Dependency, ReadError> {
    let list = Listing::new(*source, FileKind::PnpmLock, ctx.limits);
    let (text, tarball) = match entry.node.as_table() {
        Some(table) => {
            let integrity = table.required_text(source, entry.line, "integrity", &entry.key)?;
            (integrity, table.get("tarball").and_then(Node::as_text))
        }
        None => (entry.node.text(source, &entry.key)?, None),
    };
    let (version, integrity) = text.split_once('+').unwrap_or((text, ""));
    let Some(version) = npm_spec::exact_version(version) else {
        let problem = Problem::Requirement { expected: "a version and its integrity, `1.0.0+sha512-…`", found: shown(text) };
        return Err(source.error(entry.line, problem));
    };
    let artifacts: Vec<DeclaredArtifact> = list.integrity(Some(integrity), entry.line)?;
    Ok(Dependency {
        requested: list.exact(Ecosystem::Npm, &entry.key, version, entry.line)?,
        artifacts,
        place: source.place(entry.line),
        optional: false,
        origins: npm_spec::origins(tarball),
        ask: bifocal_core::Ask::default(),
    })
}
