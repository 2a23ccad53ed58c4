//! `yarn.lock` of yarn 2 and later: YAML with a `__metadata` block.
//!
//! `resolution` names what was taken (`name@npm:1.2.3`, `name@workspace:path`, `name@patch:…`). The `checksum` is over
//! yarn's own cache archive, not over the registry's tarball, so it is no digest of an artifact and is left out.

use crate::address;
use crate::context::{ReadContext, joined};
use crate::doc::{Entry, Node, Table, yaml};
use crate::error::{Problem, ReadError, shown};
use crate::listing::Listing;
use crate::npm_spec;
use crate::source::Source;
use crate::unlocked;
use bifocal_core::{Ecosystem, FileKind, Inventory, Origin, Requested, percent_decode};
use std::collections::{BTreeSet, HashMap, HashSet};

/// Patches of patches.
const MAX_PATCHES: usize = 8;

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
    for entry in table.entries.iter().filter(|entry| entry.key != "__metadata") {
        package(&mut list, entry)?;
    }
    compare(&mut list, table, ctx)?;
    Ok(list.finish())
}

/// Says what the manifests of the workspace ask for and no key stands for.
fn compare(list: &mut Listing<'_>, table: &Table<'_>, ctx: &ReadContext<'_>) -> Result<(), ReadError> {
    let source = list.source;
    let mut ranges: HashMap<&str, HashSet<&str>> = HashMap::new();
    let mut folders: BTreeSet<String> = BTreeSet::from([String::new()]);
    for entry in &table.entries {
        for descriptor in entry.key.split(',').map(str::trim) {
            if let Some((name, range)) = npm_spec::split_name(descriptor) {
                ranges.entry(name).or_default().insert(range);
            }
        }
        let resolution = entry.node.as_table().and_then(|package| package.get("resolution")).and_then(Node::as_text);
        folders.extend(resolution.and_then(|text| text.split_once("@workspace:")).map(|(_, folder)| joined("", folder)));
    }
    folders.remove(".");
    let mut replaced = BTreeSet::new();
    for folder in folders {
        let Some(manifest) = unlocked::package_json(source.path, &folder, ctx)? else { continue };
        if folder.is_empty() {
            replaced.clone_from(&manifest.replaced);
        }
        unlocked::npm(list, &manifest, |asked| {
            let Some(known) = ranges.get(asked.name.as_str()) else { return false };
            let range = asked.spec.strip_prefix("npm:").unwrap_or(&asked.spec);
            let of_workspace = known.iter().any(|range| range.starts_with("workspace:"));
            of_workspace
                || !unlocked::is_plain(asked, &replaced)
                || known.contains(range)
                || known.contains(format!("npm:{range}").as_str())
        })?;
    }
    Ok(())
}

fn package(list: &mut Listing<'_>, entry: &Entry<'_>) -> Result<(), ReadError> {
    let source = list.source;
    let line = entry.line;
    let table = entry.node.table(&source, &entry.key)?;
    let resolution = table.required_text(&source, line, "resolution", &entry.key)?;
    // The project itself.
    if resolution.ends_with("@workspace:.") {
        return Ok(());
    }
    let optional = table.get("conditions").is_some();
    let (requested, origins) = taken(list, resolution, table.text(&source, "version")?, line, MAX_PATCHES)?;
    list.add(line, requested, Vec::new(), optional, origins)
}

/// What a resolution `name@protocol:…` stands for. `version` is that of the entry, for what names only a range.
fn taken(
    list: &mut Listing<'_>,
    resolution: &str,
    version: Option<&str>,
    line: u32,
    patches: usize,
) -> Result<(Requested, Vec<Origin>), ReadError> {
    let source = list.source;
    let refuse = || source.error(line, Problem::Requirement { expected: "a resolution `name@protocol:…`", found: shown(resolution) });
    let (name, reference) = npm_spec::split_name(resolution).ok_or_else(refuse)?;
    let (plain, parameters) = reference.split_once("::").unwrap_or((reference, ""));
    let parameter = |key: &str| {
        let value = parameters.split('&').find_map(|pair| pair.strip_prefix(key)?.strip_prefix('='));
        value.map(percent_decode)
    };
    if let Some(range) = plain.strip_prefix("npm:") {
        let version = npm_spec::exact_version(range).or(version).ok_or_else(refuse)?;
        let archive = parameter("__archiveUrl").map(|url| address::origin(&url));
        return Ok((list.exact(Ecosystem::Npm, name, version, line)?, archive.into_iter().collect()));
    }
    if let Some(patched) = plain.strip_prefix("patch:") {
        // `patch:name@npm%3A1.2.3#patch-file::version=…`: what is patched is a release, an address or a path of its own.
        let Some(patches) = patches.checked_sub(1) else { return Err(refuse()) };
        let inner = percent_decode(without_fragment(patched));
        let found = taken(list, &inner, version, line, patches)?;
        if !resolution.contains("builtin<") {
            list.note(line, &format!("`{}` is patched by a file of the project", shown(name)));
        }
        return Ok(found);
    }
    if let Some(path) = plain.strip_prefix("workspace:") {
        return Ok((list.path(name, path), Vec::new()));
    }
    for protocol in ["file:", "link:", "portal:", "exec:"] {
        let Some(path) = plain.strip_prefix(protocol) else { continue };
        // Relative to whoever asks for it: a member of the workspace, or another package, whose files are no part of it.
        let folder = match parameter("locator") {
            None => String::new(),
            Some(locator) => match locator.split_once("@workspace:") {
                Some((_, folder)) => folder.to_owned(),
                None => format!("../{}", shown(&locator)),
            },
        };
        return Ok((list.path(name, &joined(&folder, without_fragment(path))), Vec::new()));
    }
    let is_git = reference.contains("#commit=")
        || reference.starts_with("git@")
        || reference.starts_with("git+")
        || reference.starts_with("ssh://")
        || without_fragment(reference).ends_with(".git");
    let requested = if is_git { list.git(name, reference, None, line)? } else { list.url(name, plain, line)? };
    Ok((requested, Vec::new()))
}

fn without_fragment(text: &str) -> &str {
    text.split('#').next().unwrap_or(text)
}
