//! `go.mod` (<https://go.dev/ref/mod>), with the digests of the `go.sum` beside it.
//!
//! From Go 1.17 on, `require` lists every module that the build takes. Older files list the direct ones only: then the
//! modules whose zip `go.sum` knows are added. A `replace` takes the place of what it replaces.

use super::go_sum::{self, Sums};
use crate::context::{ReadContext, beside};
use crate::error::{Problem, ReadError, shown};
use crate::listing::Listing;
use crate::source::Source;
use bifocal_core::{Ecosystem, FileKind, Inventory, Requested};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// A module path and, where given, a version.
pub(crate) type Module = (String, Option<String>);

#[derive(Default)]
struct Parsed {
    go: Option<(u32, u32)>,
    requires: Vec<(u32, String, String)>,
    replaces: BTreeMap<Module, (u32, Module)>,
    excludes: BTreeSet<(String, String)>,
    toolchain: Option<(u32, String)>,
    /// Whether the file says which module it is of.
    named: bool,
}

pub(crate) fn read(source: &Source<'_>, ctx: &ReadContext<'_>) -> Result<Inventory, ReadError> {
    let mut parsed = parse(source)?;
    let work = Workspace::around(source, ctx)?;
    // What go.work replaces counts over what this file says.
    for (module, replaced) in work.replaces {
        if module.1.is_none() {
            parsed.replaces.retain(|(name, _), _| *name != module.0);
        }
        parsed.replaces.insert(module, replaced);
    }
    for (module, path) in work.modules {
        parsed.replaces.retain(|(name, _), _| *name != module);
        parsed.replaces.insert((module, None), (0, (path, None)));
    }
    let mut list = Listing::new(*source, FileKind::GoMod, ctx.limits);
    let sums = sums(source, ctx)?;
    let mut listed = BTreeSet::new();
    for (line, module, version) in &parsed.requires {
        if parsed.excludes.contains(&(module.clone(), version.clone())) {
            list.note(*line, &format!("`{}` {} is excluded; go takes the next higher version", shown(module), shown(version)));
        }
        add(&mut list, &parsed, &sums, *line, module, version)?;
        listed.insert(module.clone());
    }
    if parsed.go.is_none_or(|version| version < (1, 17)) {
        let all: Vec<(String, String)> = sums.zips.keys().cloned().collect();
        for (module, version) in all {
            if !listed.contains(&module) {
                add(&mut list, &parsed, &sums, 0, &module, &version)?;
            }
        }
        if sums.path.is_none() && !parsed.requires.is_empty() {
            list.other(
                "list of indirect modules, which a go.mod before go 1.17 leaves to a go.sum (`go mod tidy` makes one)",
                "lists of indirect modules, which a go.mod before go 1.17 leaves to a go.sum (`go mod tidy` makes one)",
            );
        }
    }
    if !parsed.named {
        return Err(source.error(0, Problem::Missing { field: "module", inside: "the file".to_owned() }));
    }
    if let Some((line, toolchain)) = &parsed.toolchain {
        list.note(*line, &format!("toolchain `{}` is not part of the listing", shown(toolchain)));
    }
    Ok(list.finish())
}

/// The digests of the file beside this one that keeps them.
pub(crate) fn sums(source: &Source<'_>, ctx: &ReadContext<'_>) -> Result<Sums, ReadError> {
    let name = source.path.rsplit('/').next().unwrap_or(source.path);
    let sibling = match name {
        "go.mod" => "go.sum".to_owned(),
        "go.work" => "go.work.sum".to_owned(),
        other => format!("{}.sum", other.strip_suffix(".mod").unwrap_or(other)),
    };
    let Some((path, bytes)) = ctx.beside(source.path, &sibling, ctx.limits.file_bytes)? else { return Ok(Sums::default()) };
    let mut sums = go_sum::parse(&Source { path: &path, bytes: &bytes }, ctx.limits.dependencies)?;
    sums.path = Some(path);
    Ok(sums)
}

fn add(list: &mut Listing<'_>, parsed: &Parsed, sums: &Sums, line: u32, module: &str, version: &str) -> Result<(), ReadError> {
    let exact = (module.to_owned(), Some(version.to_owned()));
    let replacement = parsed.replaces.get(&exact).or_else(|| parsed.replaces.get(&(module.to_owned(), None)));
    let (line, requested, key) = match replacement {
        None => (line, list.exact(Ecosystem::Golang, module, version, line)?, Some((module.to_owned(), version.to_owned()))),
        // Said by go.work.
        Some((0, (path, None))) => (line, list.path(module, path), None),
        Some((0, (other, Some(version)))) => {
            (line, list.exact(Ecosystem::Golang, other, version, line)?, Some((other.clone(), version.clone())))
        }
        Some((line, (path, None))) => (*line, list.path(module, path), None),
        Some((line, (other, Some(version)))) => {
            (*line, list.exact(Ecosystem::Golang, other, version, *line)?, Some((other.clone(), version.clone())))
        }
    };
    let artifacts =
        key.and_then(|key| sums.zips.get(&key)).map(|(_, digest)| crate::listing::nameless(vec![digest.clone()])).unwrap_or_default();
    if line == 0
        && let (Requested::Exact { .. }, Some(path), Some((at, _))) =
            (&requested, &sums.path, sums.zips.get(&(module.to_owned(), version.to_owned())))
    {
        let place = bifocal_core::Place { path: path.clone(), line: *at };
        return list.push(bifocal_core::Dependency {
            requested,
            artifacts,
            place,
            optional: false,
            origins: Vec::new(),
            ask: bifocal_core::Ask::default(),
        });
    }
    list.add(line, requested, artifacts, false, Vec::new())
}

/// What the go.work around a module says of it: no proxy is asked for a module that the workspace itself supplies, and so
/// learns no private name.
#[derive(Default)]
struct Workspace {
    /// Module to its folder, as written from the folder of the go.mod.
    modules: BTreeMap<String, String>,
    replaces: BTreeMap<Module, (u32, Module)>,
}

impl Workspace {
    /// Folders climbed in search of it.
    const CLIMB: usize = 32;

    /// That of the nearest go.work, where it uses the module of this file.
    fn around(source: &Source<'_>, ctx: &ReadContext<'_>) -> Result<Workspace, ReadError> {
        let mut found = Workspace::default();
        if ctx.variables.get("GOWORK").is_some_and(|value| value == "off") {
            return Ok(found);
        }
        let mut climb = String::new();
        for _ in 0..Self::CLIMB {
            let written = format!("{climb}go.work");
            if beside(source.path, &written).is_none() {
                return Ok(found);
            }
            if let Some((path, bytes)) = ctx.beside(source.path, &written, ctx.limits.file_bytes)? {
                let uses_this = found.read(&Source { path: &path, bytes: &bytes }, source.path, &climb, ctx)?;
                return Ok(if uses_this { found } else { Workspace::default() });
            }
            climb.push_str("../");
        }
        Ok(found)
    }

    /// Gives whether the workspace uses the module of the go.mod at `of`.
    fn read(&mut self, work: &Source<'_>, of: &str, climb: &str, ctx: &ReadContext<'_>) -> Result<bool, ReadError> {
        let own = beside(of, of.rsplit('/').next().unwrap_or(of));
        let mut uses_this = false;
        for (line, verb, words) in statements(work)? {
            let words: Vec<&str> = words.iter().map(Cow::as_ref).collect();
            match (verb.as_ref(), words.as_slice()) {
                ("use", [folder]) => {
                    let written = format!("{folder}/go.mod");
                    if beside(work.path, &written) == own {
                        uses_this = true;
                        continue;
                    }
                    let Some((path, bytes)) = ctx.beside(work.path, &written, ctx.limits.file_bytes)? else { continue };
                    let named = statements(&Source { path: &path, bytes: &bytes })?;
                    let module = named.iter().find(|(_, verb, words)| verb == "module" && words.len() == 1);
                    if let Some((_, _, words)) = module {
                        self.modules.insert(words[0].to_string(), format!("{climb}{folder}"));
                    }
                }
                ("replace", _) => {
                    let (old, (new, version)) = replacement(work, line, &words)?;
                    let new = if version.is_none() && !new.starts_with('/') { format!("{climb}{new}") } else { new };
                    self.replaces.insert(old, (0, (new, version)));
                }
                _ => {}
            }
        }
        Ok(uses_this)
    }
}

fn parse(source: &Source<'_>) -> Result<Parsed, ReadError> {
    let mut parsed = Parsed::default();
    for (line, verb, words) in statements(source)? {
        let words: Vec<&str> = words.iter().map(Cow::as_ref).collect();
        directive(source, &mut parsed, line, &verb, &words)?;
    }
    Ok(parsed)
}

/// Line, verb and words of each statement; those of a block have the block's verb.
pub(crate) type Statement<'t> = (u32, Cow<'t, str>, Vec<Cow<'t, str>>);

/// The statements of a file in the syntax of `go.mod`.
pub(crate) fn statements<'t>(source: &Source<'t>) -> Result<Vec<Statement<'t>>, ReadError> {
    let mut found = Vec::new();
    let mut block: Option<(u32, Cow<'_, str>)> = None;
    for (line, raw) in (1u32..).zip(source.utf8()?.lines()) {
        let mut words = words(source, line, raw)?;
        match (words.first().map(Cow::as_ref), &block) {
            (None, _) => {}
            (Some(")"), Some(_)) if words.len() == 1 => block = None,
            (Some(")"), _) => return Err(source.syntax(line, "a directive", ")")),
            (Some(_), Some((_, verb))) => found.push((line, verb.clone(), words)),
            (Some(_), None) => {
                let verb = words.remove(0);
                if words.len() == 1 && words[0] == "(" {
                    block = Some((line, verb));
                } else {
                    found.push((line, verb, words));
                }
            }
        }
    }
    match block {
        Some((line, verb)) => Err(source.syntax(line, &format!("`)` that closes `{}`", shown(&verb)), "the end of the file")),
        None => Ok(found),
    }
}

/// What takes the place of what: `MODULE [VERSION] => MODULE VERSION` or a path.
pub(crate) fn replacement(source: &Source<'_>, line: u32, words: &[&str]) -> Result<(Module, Module), ReadError> {
    let wrong = || source.syntax(line, "`replace MODULE => MODULE VERSION` or a path", &words.join(" "));
    let arrow = words.iter().position(|word| *word == "=>").ok_or_else(wrong)?;
    let old = match &words[..arrow] {
        [module] => ((*module).to_owned(), None),
        [module, version] => ((*module).to_owned(), Some(version_of(source, line, version)?)),
        _ => return Err(wrong()),
    };
    let new = match &words[arrow + 1..] {
        [path] if is_path(path) => ((*path).to_owned(), None),
        [module, version] if !is_path(module) => ((*module).to_owned(), Some(version_of(source, line, version)?)),
        _ => return Err(wrong()),
    };
    Ok((old, new))
}

fn directive(source: &Source<'_>, parsed: &mut Parsed, line: u32, verb: &str, words: &[&str]) -> Result<(), ReadError> {
    let wrong = |expected: &str| source.syntax(line, expected, &words.join(" "));
    match (verb, words) {
        ("require", [module, version]) => parsed.requires.push((line, (*module).to_owned(), version_of(source, line, version)?)),
        ("require", _) => return Err(wrong("`require MODULE VERSION`")),
        ("exclude", [module, version]) => {
            parsed.excludes.insert(((*module).to_owned(), version_of(source, line, version)?));
        }
        ("exclude", _) => return Err(wrong("`exclude MODULE VERSION`")),
        ("replace", _) => {
            let (old, new) = replacement(source, line, words)?;
            if parsed.replaces.insert(old.clone(), (line, new)).is_some() {
                return Err(source.error(line, Problem::DuplicateKey { key: shown(&old.0) }));
            }
        }
        ("go", [version]) => {
            let mut parts = version.split(['.', 'r', 'b']);
            let number = |part: Option<&str>| part.and_then(|part| part.parse::<u32>().ok());
            match (number(parts.next()), number(parts.next())) {
                (Some(major), Some(minor)) => parsed.go = Some((major, minor)),
                _ => return Err(wrong("`go MAJOR.MINOR`")),
            }
        }
        ("toolchain", [name]) if *name != "default" => parsed.toolchain = Some((line, (*name).to_owned())),
        ("module", [_]) => parsed.named = true,
        ("toolchain" | "retract" | "tool" | "godebug" | "ignore", [_, ..]) => {}
        _ => return Err(source.syntax(line, "a go.mod directive", verb)),
    }
    Ok(())
}

fn version_of(source: &Source<'_>, line: u32, text: &str) -> Result<String, ReadError> {
    // A branch or commit is allowed until the next `go` command; it names no release.
    let numbered = text.strip_prefix('v').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    if numbered { Ok(text.to_owned()) } else { Err(source.syntax(line, "a version such as v1.2.3", text)) }
}

fn is_path(text: &str) -> bool {
    text.starts_with("./")
        || text.starts_with("../")
        || text.starts_with('/')
        || text == "."
        || text == ".."
        || text.get(1..3).is_some_and(|drive| drive == ":\\" || drive == ":/")
}

/// The words of a line: bare, in double quotes or in backquotes; `//` begins a comment.
fn words<'t>(source: &Source<'_>, line: u32, text: &'t str) -> Result<Vec<Cow<'t, str>>, ReadError> {
    let mut found = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() && !rest.starts_with("//") {
        let quote = rest.chars().next().filter(|c| matches!(c, '"' | '`'));
        let end = match quote {
            Some(quote) => {
                rest[1..].find(quote).map(|at| at + 1).ok_or_else(|| source.syntax(line, "the closing quote of a word", rest))?
            }
            None => rest.find(|c: char| c.is_whitespace()).unwrap_or(rest.len()),
        };
        match quote {
            Some(_) => {
                found.push(Cow::Borrowed(&rest[1..end]));
                rest = rest[end + 1..].trim_start();
            }
            None => {
                let word = &rest[..end];
                // `require(` and `)` may touch their neighbours.
                match word.strip_suffix('(').filter(|word| !word.is_empty()) {
                    Some(word) => found.extend([Cow::Borrowed(word), Cow::Borrowed("(")]),
                    None => found.push(Cow::Borrowed(word)),
                }
                rest = rest[end..].trim_start();
            }
        }
    }
    Ok(found)
}
