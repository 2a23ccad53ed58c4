//! `yarn.lock` of yarn 2 and later: YAML with a `__metadata` block.
//!
//! `resolution` names what was taken (`name@npm:1.2.3`, `name@workspace:path`, `name@patch:…`). The `checksum` is over
//! yarn's own cache archive, not over the registry's tarball, so it is no digest of an artifact and is left out.

use crate::address;
use crate::context::ReadContext;
use crate::doc::{Entry, yaml};
use crate::error::{Problem, ReadError, shown};
use crate::listing::Listing;
use crate::npm_spec;
use crate::source::Source;
use bifocal_core::{Ecosystem, FileKind, Inventory};

pub(crate) fn read(source: &Source<'_>, ctx: &ReadContext<'_>) -> Result<Inventory, ReadError> {
    let documents = yaml::parse(source, ctx.limits.depth)?;
    let mut list = Listing::new(*source, FileKind::YarnLock, ctx.limits);
    let [document] = documents.as_slice() else {
        return Err(source.syntax(1, "one YAML document", &format!("{}", documents.len())));
    };
    let table = document.table(source, "the lockfile")?;
    let Some(metadata) = table.get("__metadata") else {
        return Err(source.error(document.line, Problem::Missing { field: "__metadata", inside: "the lockfile".to_owned() }));
    };
    let metadata_table = metadata.table(source, "__metadata")?;
    let version = match metadata_table.get("version") {
        Some(version) => version.scalar(source, "version")?,
        None => return Err(source.error(metadata.line, Problem::Missing { field: "version", inside: "__metadata".to_owned() })),
    };
    if !version.parse::<u32>().is_ok_and(|version| (3..=99).contains(&version)) {
        let problem = Problem::FormatVersion { what: "lockfile version", supported: "3 or later", found: shown(version) };
        return Err(source.error(metadata.line, problem));
    }
    for entry in &table.entries {
        if entry.key != "__metadata" {
            package(&mut list, entry)?;
        }
    }
    Ok(list.finish())
}

fn package(list: &mut Listing<'_>, entry: &Entry<'_>) -> Result<(), ReadError> {
    let source = list.source;
    let line = entry.line;
    let table = entry.node.table(&source, &entry.key)?;
    let resolution = table.required_text(&source, line, "resolution", &entry.key)?;
    let optional = table.get("conditions").is_some();
    let refuse = || source.error(line, Problem::Requirement { expected: "a resolution `name@protocol:…`", found: shown(resolution) });
    let (name, reference) = npm_spec::split_name(resolution).ok_or_else(refuse)?;
    let plain = |reference: &str| reference.split("::").next().unwrap_or(reference).to_owned();
    if let Some(version) = reference.strip_prefix("npm:") {
        let host = reference.split("__archiveUrl=").nth(1).map(address::percent_decode).and_then(|url| address::host(&url));
        let requested = list.exact(Ecosystem::Npm, name, &plain(version), line)?;
        return list.add(line, requested, Vec::new(), optional, host);
    }
    if let Some(patched) = reference.strip_prefix("patch:") {
        // `patch:name@npm%3A1.2.3#patch-file::version=…`: what is patched is a release of its own.
        let inner = address::percent_decode(patched.split('#').next().unwrap_or(patched));
        let (inner_name, inner_reference) = npm_spec::split_name(&inner).ok_or_else(refuse)?;
        let version = table.text(&source, "version")?;
        if let Some(range) = inner_reference.strip_prefix("npm:") {
            let version = npm_spec::exact_version(range).or(version).ok_or_else(refuse)?;
            let requested = list.exact(Ecosystem::Npm, inner_name, version, line)?;
            if !resolution.contains("builtin<") {
                list.note(line, &format!("`{}` is patched by a file of the project", shown(inner_name)));
            }
            return list.add(line, requested, Vec::new(), optional, None);
        }
        let requested = list.path(name, patched);
        return list.add(line, requested, Vec::new(), optional, None);
    }
    for protocol in ["workspace:", "file:", "link:", "portal:", "exec:"] {
        if let Some(path) = reference.strip_prefix(protocol) {
            let requested = list.path(name, &plain(path));
            return list.add(line, requested, Vec::new(), optional, None);
        }
    }
    let is_git = reference.contains("#commit=")
        || reference.starts_with("git@")
        || reference.starts_with("git+")
        || reference.starts_with("ssh://")
        || without_fragment(reference).ends_with(".git");
    let requested = if is_git { list.git(name, reference, None, line)? } else { list.url(name, reference, line)? };
    list.add(line, requested, Vec::new(), optional, None)
}

fn without_fragment(text: &str) -> &str {
    text.split('#').next().unwrap_or(text)
}
