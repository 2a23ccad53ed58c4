//! `yarn.lock` of yarn 1: its own line format, indented by two spaces a level.
//!
//! Patterns (`"a@^1", a@~1.2:`) say what was asked, `version`, `resolved` and `integrity` what was taken. The fragment
//! of `resolved` is the SHA-1 of the tarball. The format does not tell development dependencies apart.

use crate::address;
use crate::context::{ReadContext, joined};
use crate::error::{Problem, ReadError, shown};
use crate::listing::{Listing, nameless};
use crate::npm_spec::{self, Spec};
use crate::reader::package_json;
use crate::source::Source;
use crate::unlocked::installed;
use crate::unlocked::manifest::{self, Asked, Manifest, Section};
use bifocal_core::{Algorithm, Ecosystem, FileKind, Inventory};
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

/// One block of the file.
struct Block<'t> {
    line: u32,
    patterns: Vec<Cow<'t, str>>,
    version: Option<Cow<'t, str>>,
    resolved: Option<Cow<'t, str>>,
    integrity: Option<Cow<'t, str>>,
}

pub(crate) fn read(source: &Source<'_>, ctx: &ReadContext<'_>) -> Result<Inventory, ReadError> {
    let text = source.utf8()?;
    let mut list = Listing::new(*source, FileKind::YarnLock, ctx.limits);
    let projects = Projects::load(source, ctx)?;
    let mut block: Option<Block<'_>> = None;
    let mut seen: HashSet<String> = HashSet::new();
    for (number, raw) in (1u32..).zip(text.lines()) {
        let content = raw.trim_end();
        let body = content.trim_start();
        if body.is_empty() || body.starts_with('#') {
            continue;
        }
        if body.starts_with("<<<<<<<") || body.starts_with(">>>>>>>") || body.starts_with("=======") {
            return Err(source.syntax(number, "a yarn lockfile", "a merge conflict marker"));
        }
        match content.len() - body.len() {
            0 => {
                if let Some(done) = block.take() {
                    finish(&mut list, &done, &projects)?;
                }
                let patterns = patterns(source, number, body)?;
                for pattern in &patterns {
                    if !seen.insert(pattern.to_string()) {
                        return Err(source.error(number, Problem::DuplicateKey { key: shown(pattern) }));
                    }
                }
                block = Some(Block { line: number, patterns, version: None, resolved: None, integrity: None });
            }
            2 => {
                let Some(block) = block.as_mut() else {
                    return Err(source.syntax(number, "a package pattern at the start of a line", body));
                };
                if body.ends_with(':') && !body.contains(' ') {
                    continue;
                }
                let (key, rest) = word(source, number, body)?;
                let (value, tail) = word(source, number, rest.trim_start())?;
                if !tail.trim().is_empty() {
                    return Err(source.syntax(number, "one value behind a key", tail));
                }
                let field = match key.as_ref() {
                    "version" => &mut block.version,
                    "resolved" => &mut block.resolved,
                    "integrity" => &mut block.integrity,
                    _ => continue,
                };
                if field.replace(value).is_some() {
                    return Err(source.error(number, Problem::DuplicateKey { key: shown(&key) }));
                }
            }
            4 if block.is_some() => {
                word(source, number, body)?;
            }
            indent => return Err(source.syntax(number, "an indent of 0, 2 or 4 spaces", &format!("{indent}"))),
        }
    }
    if let Some(done) = block {
        finish(&mut list, &done, &projects)?;
    }
    if seen.is_empty() && !text.contains("# yarn lockfile v1") {
        return Err(source.syntax(1, "`# yarn lockfile v1` or a package pattern", "neither"));
    }
    compare(&mut list, &seen, &projects)?;
    Ok(list.finish())
}

/// The manifests that the lockfile speaks for.
struct Projects {
    root: Option<Manifest>,
    /// Folder and manifest.
    members: Vec<(String, Manifest)>,
}

impl Projects {
    fn load(source: &Source<'_>, ctx: &ReadContext<'_>) -> Result<Projects, ReadError> {
        let root = manifest::package_json(source.path, "", ctx)?;
        let members = match &root {
            Some(root) => manifest::members(source.path, root, ctx)?,
            None => Vec::new(),
        };
        Ok(Projects { root, members })
    }

    /// A path as a pattern has it, told from the lockfile: it is relative to the manifest that asks for it.
    fn path(&self, name: &str, path: &str) -> String {
        let asks = |manifest: &Manifest| manifest.asked.iter().any(|asked| asked.name == name && asked.spec.ends_with(path));
        let member = self.members.iter().find(|(_, manifest)| asks(manifest)).filter(|_| !self.root.as_ref().is_some_and(asks));
        joined(member.map_or("", |(folder, _)| folder), path)
    }
}

/// The order in which yarn 1 prefers the sections of a manifest; it installs no peers.
const ORDER: [Section; 3] = [Section::Optional, Section::Dependencies, Section::Dev];

/// Says what the manifests ask for and no pattern stands for.
fn compare(list: &mut Listing<'_>, patterns: &HashSet<String>, projects: &Projects) -> Result<(), ReadError> {
    let Some(root) = &projects.root else { return Ok(()) };
    let mut known: HashMap<&str, HashSet<String>> = HashMap::new();
    for (name, spec) in patterns.iter().filter_map(|pattern| npm_spec::split_name(pattern)) {
        known.entry(name).or_default().insert(one_line(spec));
    }
    // A member of the workspace counts where its version is in the range.
    let sibling = |asked: &Asked| {
        let mut members = projects.members.iter().filter(|(_, manifest)| manifest.name == asked.name);
        members.any(|(_, manifest)| installed::fits(&manifest.version, &asked.spec))
    };
    // A resolution for everywhere takes the place of what is asked for.
    let everywhere = |key: &str| key.strip_prefix("**/").unwrap_or(key).matches('/').count() == usize::from(key.contains('@'));
    let replaced: HashSet<&str> =
        root.resolutions.iter().filter(|one| everywhere(&one.key)).map(|one| package_json::target(&one.key)).collect();
    for manifest in std::iter::once(root).chain(projects.members.iter().map(|(_, manifest)| manifest)) {
        for asked in manifest.taken(&ORDER) {
            let local = matches!(npm_spec::sort(&asked.name, &asked.spec), Spec::Path(_)) || sibling(asked);
            let found = known.get(asked.name.as_str());
            let any = asked.spec.is_empty() || replaced.contains(asked.name.as_str());
            if !local && !found.is_some_and(|specs| any || specs.contains(&one_line(&asked.spec))) {
                installed::unlocked(list, asked)?;
            }
        }
    }
    // yarn asks for every resolution, whether anything needs it or not.
    for one in &root.resolutions {
        let name = package_json::target(&one.key);
        let local = matches!(npm_spec::sort(name, &one.spec), Spec::Path(_));
        if !local && !known.get(name).is_some_and(|specs| specs.contains(&one_line(&one.spec))) {
            list.unlocked(&one.place, &shown(&format!("{name} {}", one.spec)))?;
        }
    }
    Ok(())
}

fn one_line(spec: &str) -> String {
    spec.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// One word, quoted (with JSON escapes) or bare, and what is behind it.
fn word<'t>(source: &Source<'_>, line: u32, text: &'t str) -> Result<(Cow<'t, str>, &'t str), ReadError> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([' ', ',', ':']).filter(|_| !text.is_empty());
        // A colon is part of a bare word (`npm:`) unless it ends the line.
        let end = match end {
            Some(at) if text.as_bytes()[at] == b':' => {
                text.find([' ', ',']).unwrap_or_else(|| text.strip_suffix(':').map_or(text.len(), str::len))
            }
            Some(at) => at,
            None => text.len(),
        };
        if end == 0 {
            return Err(source.syntax(line, "a word", if text.is_empty() { "the end of the line" } else { text }));
        }
        return Ok((Cow::Borrowed(&text[..end]), &text[end..]));
    };
    let mut escaped = false;
    let mut has_escapes = false;
    for (at, byte) in quoted.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => {
                escaped = true;
                has_escapes = true;
            }
            b'"' => {
                let inner = &quoted[..at];
                let value = if has_escapes {
                    let json: String = serde_json::from_str(&text[..at + 2]).map_err(|_| source.syntax(line, "a quoted word", text))?;
                    Cow::Owned(json)
                } else {
                    Cow::Borrowed(inner)
                };
                return Ok((value, &quoted[at + 1..]));
            }
            _ => {}
        }
    }
    Err(source.syntax(line, "the closing `\"` of a word", text))
}

fn patterns<'t>(source: &Source<'_>, line: u32, body: &'t str) -> Result<Vec<Cow<'t, str>>, ReadError> {
    let Some(mut rest) = body.strip_suffix(':') else {
        return Err(source.syntax(line, "package patterns that end with `:`", body));
    };
    let mut found = Vec::new();
    loop {
        let (pattern, tail) = word(source, line, rest)?;
        found.push(pattern);
        let tail = tail.trim_start();
        if tail.is_empty() {
            return Ok(found);
        }
        rest = tail.strip_prefix(',').map(str::trim_start).ok_or_else(|| source.syntax(line, "`,` between package patterns", tail))?;
    }
}

fn finish(list: &mut Listing<'_>, block: &Block<'_>, projects: &Projects) -> Result<(), ReadError> {
    let source = list.source;
    let line = block.line;
    let pattern = block.patterns.first().map(Cow::as_ref).unwrap_or_default();
    let (asked, spec) = npm_spec::split_name(pattern).unwrap_or((pattern, ""));
    let resolved = block.resolved.as_deref();
    let mut artifacts = list.integrity(block.integrity.as_deref(), line)?;
    let fragment = resolved.and_then(address::fragment);
    if artifacts.is_empty()
        && let Some(sha1) = fragment.filter(|text| text.len() == 40 && text.bytes().all(|b| b.is_ascii_hexdigit()))
    {
        artifacts = nameless(vec![list.digest(Algorithm::Sha1, sha1, line)?]);
    }
    let (requested, origins) = match npm_spec::sort(asked, spec) {
        Spec::Registry { name, .. } => {
            let Some(version) = block.version.as_deref() else {
                return Err(source.error(line, Problem::Missing { field: "version", inside: shown(pattern) }));
            };
            (list.exact(Ecosystem::Npm, name, version, line)?, npm_spec::origins(resolved))
        }
        Spec::Git(written) => {
            // Forge tarballs (`…/tar.gz/<commit>`) and `git+…#<commit>` both name the commit.
            let commit = resolved.and_then(|text| fragment.or_else(|| text.rsplit('/').next())).filter(|text| text.len() == 40);
            artifacts.clear();
            (list.git(asked, written, commit, line)?, Vec::new())
        }
        Spec::Url(written) => (list.url(asked, written, line)?, Vec::new()),
        Spec::Path(path) => (list.path(asked, &projects.path(asked, path)), Vec::new()),
        Spec::Catalog(_) => return Err(source.error(line, Problem::Requirement { expected: "a package pattern", found: shown(pattern) })),
    };
    list.add(line, requested, artifacts, false, origins)
}
