//! `yarn.lock` of yarn 2 and later: YAML with a `__metadata` block.
//!
//! `resolution` names what was taken (`name@npm:1.2.3`, `name@workspace:path`, `name@patch:…`). The `checksum` is over
//! yarn's own cache archive, not over the registry's tarball, so it is no digest of an artifact and is left out.

use crate::address;
use crate::context::{ReadContext, joined};
use crate::doc::{Entry, Node, Table, yaml};
use crate::error::{Problem, ReadError, shown};
use crate::listing::Listing;
use crate::npm_spec::{self, Spec};
use crate::source::Source;
use crate::unlocked::installed;
use crate::unlocked::manifest::{Replaced, Section, package_json};
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

/// The order in which yarn prefers the sections of a manifest; it installs no peers of the project.
const ORDER: [Section; 3] = [Section::Dev, Section::Optional, Section::Dependencies];

/// Ranges by package, without `npm:`, which older files leave out.
type Ranges<'t> = HashMap<&'t str, HashSet<String>>;

/// Says what the manifests of the workspace ask for and no key stands for, and which resolutions the file was made without.
fn compare(list: &mut Listing<'_>, table: &Table<'_>, ctx: &ReadContext<'_>) -> Result<(), ReadError> {
    let source = list.source;
    let mut ranges: Ranges<'_> = HashMap::new();
    let mut folders: BTreeSet<String> = BTreeSet::from([String::new()]);
    for entry in &table.entries {
        for (name, range) in descriptors(&entry.key) {
            ranges.entry(name).or_default().insert(plain(range));
        }
        let resolution = entry.node.as_table().and_then(|package| package.get("resolution")).and_then(Node::as_text);
        folders.extend(resolution.and_then(|text| text.split_once("@workspace:")).map(|(_, folder)| joined("", folder)));
    }
    folders.remove(".");
    let root = package_json(source.path, "", ctx)?.unwrap_or_default();
    let replacing: Vec<Resolution<'_>> = root.resolutions.iter().map(Resolution::of).collect();
    compare_resolutions(list, table, &replacing, &ranges)?;
    for folder in folders {
        let Some(manifest) = package_json(source.path, &folder, ctx)? else { continue };
        for asked in manifest.taken(&ORDER) {
            let range = plain(&asked.spec);
            // What takes its place is compared for itself.
            let replaced = replacing.iter().any(|one| one.counts(&manifest.name, None, &asked.name, &range));
            if !ranges.get(asked.name.as_str()).is_some_and(|known| replaced || stands(known, &asked.name, &asked.spec)) {
                installed::unlocked(list, asked)?;
            }
        }
    }
    Ok(())
}

/// `name@range` of a key.
fn descriptors(key: &str) -> impl Iterator<Item = (&str, &str)> {
    key.split(',').map(str::trim).filter_map(npm_spec::split_name)
}

/// A range without `npm:` and with single blanks.
fn plain(range: &str) -> String {
    let range = range.trim();
    range.strip_prefix("npm:").unwrap_or(range).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether one of the ranges that the file has for a package is the one that is asked for.
fn stands(known: &HashSet<String>, name: &str, spec: &str) -> bool {
    let range = plain(spec);
    let begins = |text: &str| known.iter().any(|range| range.starts_with(text));
    // A catalog's entry is written into the key, a path gets more behind it.
    range.is_empty()
        || known.contains(&range)
        || match npm_spec::sort(name, spec) {
            Spec::Catalog(_) => true,
            Spec::Registry { .. } => false,
            Spec::Url(_) | Spec::Git(_) => begins(&range),
            Spec::Path(_) => ["workspace:", "file:", "link:", "portal:", "exec:"].iter().any(|protocol| begins(protocol)),
        }
}

/// One of the project's `resolutions`: `name`, `name@range` or `parent@range/name@range`.
struct Resolution<'m> {
    within: Option<(&'m str, Option<String>)>,
    name: &'m str,
    range: Option<String>,
    written: &'m Replaced,
}

impl<'m> Resolution<'m> {
    fn of(written: &'m Replaced) -> Self {
        let key = written.key.as_str();
        // The slash between the two: the one before the last name.
        let name_at = match key.rfind("/@").map(|at| at + 1) {
            Some(at) if key[at..].matches('/').count() == 1 => at,
            _ if key.starts_with('@') && key.matches('/').count() == 1 => 0,
            _ => key.rfind('/').map_or(0, |at| at + 1),
        };
        let part = |text: &'m str| match npm_spec::split_name(text) {
            Some((name, range)) => (name, Some(plain(range))),
            None => (text, None),
        };
        let (name, range) = part(&key[name_at..]);
        Resolution { within: name_at.checked_sub(1).map(|end| part(&key[..end])), name, range, written }
    }

    /// Whether it counts for what the package `by` at a version needs.
    fn counts(&self, by: &str, version: Option<&str>, name: &str, range: &str) -> bool {
        let within = self
            .within
            .as_ref()
            .is_none_or(|(parent, wanted)| *parent == by && wanted.as_ref().is_none_or(|wanted| version == Some(wanted)));
        within && self.name == name && self.range.as_ref().is_none_or(|wanted| wanted == range)
    }
}

/// Says which resolutions something in the file falls under and no key stands for.
fn compare_resolutions(
    list: &mut Listing<'_>,
    table: &Table<'_>,
    resolutions: &[Resolution<'_>],
    ranges: &Ranges<'_>,
) -> Result<(), ReadError> {
    let source = list.source;
    let lacking: Vec<&Resolution<'_>> =
        resolutions.iter().filter(|one| !ranges.get(one.name).is_some_and(|known| stands(known, one.name, &one.written.spec))).collect();
    if lacking.is_empty() {
        return Ok(());
    }
    let mut stale: BTreeSet<usize> = BTreeSet::new();
    for entry in &table.entries {
        let Some(package) = entry.node.as_table() else { continue };
        let Some((by, reference)) = package.get("resolution").and_then(Node::as_text).and_then(npm_spec::split_name) else { continue };
        let reference = plain(reference);
        for wanted in package.entries_of(&source, "dependencies")? {
            let range = plain(wanted.node.scalar(&source, &wanted.key)?);
            let hit = |one: &&Resolution<'_>| one.counts(by, Some(&reference), &wanted.key, &range);
            stale.extend(lacking.iter().enumerate().filter(|(_, one)| hit(one)).map(|(at, _)| at));
        }
    }
    for one in stale.into_iter().filter_map(|at| lacking.get(at)) {
        list.unlocked(&one.written.place, &shown(&format!("{} {}", one.name, one.written.spec)))?;
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
