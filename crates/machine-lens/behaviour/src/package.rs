//! From files to [`PackageFacts`]: reads every source once, then finds out what runs when ([`crate::reach`]).

use crate::analysis::Sizes;
use crate::contents::Contents;
use crate::facts::{Fact, FileFacts, HiddenText, Language, OtherFile, PackageFacts, Trigger};
use crate::layout::inner::{Unit, World};
use crate::layout::{self, Files, Layout, ManifestCommand};
use crate::nested::{Nested, Unread};
use crate::parse;
use crate::place::{destinations, path_kind};
use crate::reach::{self, Triggers};
use crate::shape;
use crate::trace::{Budget, Outcome, RawFact};
use crate::{unpacked, used};
use bifocal_core::{AnalysisLimits, Ecosystem, counted};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// Most source files that are read; further ones count as other files.
const MAX_SOURCES: usize = 20_000;
/// Steps that all files of an artifact share.
const ARTIFACT_STEPS: u64 = 400_000_000;
/// The same for all archives inside it.
const INNER_STEPS: u64 = 150_000_000;
/// Archives whose names are looked for in the code; more are taken as named.
const MAX_SOUGHT: usize = 200;

/// A source, or a command of a manifest.
pub(crate) struct Source<'a> {
    /// Empty for a command.
    pub(crate) path: &'a str,
    pub(crate) language: Language,
    pub(crate) text: Cow<'a, str>,
    pub(crate) outcome: Outcome,
    pub(crate) command: Option<ManifestCommand>,
    pub(crate) unparsed: Option<&'static str>,
    /// The encoding that it says it has, where nobody writes source in that.
    pub(crate) odd_encoding: Option<String>,
    /// What it does where it is read in another language than its name says.
    pub(crate) also: Vec<Outcome>,
}

/// What analysis learnt beside the facts.
pub(crate) struct Built {
    pub(crate) facts: PackageFacts,
    /// Files that could not be read for want of budget.
    pub(crate) skipped: usize,
    /// Archives inside that were not read.
    pub(crate) unread: Vec<Unread>,
    /// Manifests of the artifact that could not be read.
    pub(crate) unread_manifests: Vec<String>,
}

/// Builds the facts of an artifact.
pub(crate) fn build(
    ecosystem: Option<Ecosystem>,
    filename: &str,
    files: &Files<'_>,
    sizes: &Sizes<'_>,
    nested: &Nested,
    limits: &AnalysisLimits,
) -> Built {
    let ecosystem = ecosystem.or_else(|| layout::guess(filename, files));
    let mut layout = layout::read(ecosystem, filename, files);
    forget_shadowed(&mut layout);
    let mut reader = Reader { limits, sizes, sources: Vec::new(), others: Vec::new(), left: ARTIFACT_STEPS, room: MAX_SOURCES, skipped: 0 };
    reader.read(files, &layout, ecosystem);
    reader.commands(&layout);
    let skipped = reader.skipped;
    let mut unread = nested.unread.clone();
    // Inner archives have a purse of their own: what the artifact itself does is read first, and whole.
    (reader.left, reader.room, reader.skipped) = (INNER_STEPS, MAX_SOURCES, 0);
    let paths: Vec<Vec<(String, &[u8])>> = nested
        .archives
        .iter()
        .map(|archive| archive.files.iter().map(|(path, bytes)| (format!("{}{path}", archive.prefix), bytes.as_slice())).collect())
        .collect();
    let mut units: Vec<Unit> = Vec::new();
    for (archive, paths) in nested.archives.iter().zip(&paths) {
        let mut unit = Unit::of(archive);
        forget_shadowed(&mut unit.layout);
        let files: Files<'_> = paths.iter().map(|(path, bytes)| (path.as_str(), *bytes)).collect();
        reader.read(&files, &unit.layout, unit.ecosystem);
        reader.commands(&unit.layout);
        reader.others.extend(archive.others.iter().cloned());
        let skipped = std::mem::take(&mut reader.skipped);
        if skipped > 0 {
            let why = format!(
                "{} not read: the budget for inner archives was used up",
                counted(skipped as u64, "source file in it was", "source files in it were")
            );
            unread.push(Unread::new(&archive.path, why, true));
        }
        units.push(unit);
    }
    units.sort_by(|a, b| a.prefix.cmp(&b.prefix));
    let Reader { mut sources, mut others, mut left, .. } = reader;
    let mut all = files.clone();
    all.extend(paths.iter().flatten().map(|(path, bytes)| (path.as_str(), *bytes)));
    let mut world = World { ecosystem, layout, units, files: all, search: Vec::new() };
    used::read(&mut sources, &mut others, &world, limits, &mut left);
    let named = named(&world.units, &sources);
    for archive in unread.iter_mut().take(MAX_SOUGHT) {
        let name = archive.path.rsplit('/').next().unwrap_or(&archive.path);
        archive.named_in = naming(name, &sources).map(|source| source.path.to_owned()).collect();
    }
    for source in &mut sources {
        read_with_contents(source, &world.layout, &world.units, &world.files, limits);
    }
    let python = world.units.iter().zip(&named).filter(|(unit, named)| **named && unit.ecosystem != Some(Ecosystem::Maven));
    world.search = python.map(|(unit, _)| unit.layout.base.clone()).collect();
    read_again(&mut sources, &world, limits);
    for source in &mut sources {
        for also in std::mem::take(&mut source.also) {
            parse::add_piece(also, 0, &mut source.outcome);
        }
    }
    let triggers = reach::walk(&sources, &world, &named);
    unpacked::by_commands(&sources, &world, &triggers, &mut unread);
    let started = used::started(&sources, &others, &world, &triggers);
    let source_bytes = sources.iter().filter(|source| source.command.is_none()).map(|source| source.text.len()).sum();
    let mut out: Vec<FileFacts> = manifests(&sources, &triggers);
    for (index, source) in sources.into_iter().enumerate().filter(|(_, source)| source.command.is_none()) {
        out.push(finish(source, index, &triggers, &world.layout));
    }
    out.sort_by(|a, b| a.path.cmp(&b.path));
    let World { layout: Layout { claims, mut own_places, dependencies, unread: unread_manifests, .. }, units, .. } = world;
    own_places.extend(units.into_iter().zip(&named).filter(|(_, named)| **named).flat_map(|(unit, _)| unit.layout.own_places).take(64));
    Built {
        facts: PackageFacts { ecosystem, manifest: claims, own_places, dependencies, files: out, others, started, source_bytes },
        skipped,
        unread,
        unread_manifests,
    }
}

/// Which archives the code of the artifact, or of another archive, names.
fn named(units: &[Unit], sources: &[Source<'_>]) -> Vec<bool> {
    if units.len() > MAX_SOUGHT {
        return vec![true; units.len()];
    }
    // Data of tests is named by tests.
    let sought = |unit: &Unit| !layout::is_test_path(&unit.path);
    units.iter().map(|unit| sought(unit) && naming(unit.name(), sources).any(|source| !source.path.starts_with(&unit.prefix))).collect()
}

/// The sources whose text names a file, tests left out.
fn naming<'s>(name: &'s str, sources: &'s [Source<'_>]) -> impl Iterator<Item = &'s Source<'s>> {
    let finder = memchr::memmem::Finder::new(name);
    sources.iter().filter(move |source| {
        let text = source.command.as_ref().map_or(&*source.text, |command| command.command.as_str());
        name.len() >= 4 && finder.find(text.as_bytes()).is_some() && !layout::is_test_path(source.path)
    })
}

struct Reader<'a, 'l> {
    limits: &'l AnalysisLimits,
    sizes: &'l Sizes<'l>,
    sources: Vec<Source<'a>>,
    others: Vec<OtherFile>,
    left: u64,
    room: usize,
    skipped: usize,
}

impl<'a> Reader<'a, '_> {
    /// Reads the sources of one package.
    fn read(&mut self, files: &Files<'a>, layout: &Layout, ecosystem: Option<Ecosystem>) {
        let wanted: BTreeSet<&str> = layout.roots.iter().map(|root| root.path.as_str()).collect();
        let package = Around { layout, ecosystem, acting: layout::golang::acting_folders(files) };
        for (&path, &bytes) in files {
            let is_script = || wanted.contains(path) && is_text(bytes) && !is_data(path) && !used::has_one_language(ecosystem);
            let language = layout::language(path, bytes).or_else(|| is_script().then_some(Language::Shell));
            let Some(language) = language.filter(|_| self.room > 0) else {
                self.other(path, bytes);
                continue;
            };
            if self.left == 0 {
                self.skipped += 1;
                continue;
            }
            if let Some(source) = read_source(path, bytes, language, &package, self.limits, &mut self.left) {
                self.room -= 1;
                self.sources.push(source);
            } else {
                self.other(path, bytes);
            }
        }
    }

    fn other(&mut self, path: &str, bytes: &[u8]) {
        // Of some only the head was kept.
        let size = self.sizes.get(path).map_or(bytes.len(), |size| usize::try_from(*size).unwrap_or(usize::MAX));
        self.others.push(OtherFile { path: path.to_owned(), bytes: size, executable: layout::is_executable(bytes) });
    }

    /// Reads the commands of its manifests.
    fn commands(&mut self, layout: &Layout) {
        for command in &layout.commands {
            let mut budget = Budget::for_file(command.command.len());
            let outcome = parse::command(&command.command, &mut budget);
            let command = Some(command.clone());
            self.sources.push(Source {
                path: "",
                language: Language::Shell,
                text: Cow::Borrowed(""),
                outcome,
                command,
                unparsed: None,
                odd_encoding: None,
                also: Vec::new(),
            });
        }
    }
}

/// Whether a file's name says that it is data: what `exports` lists is not all code, `./package.json` least of all.
fn is_data(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
    let data =
        ["json", "css", "scss", "less", "html", "htm", "md", "txt", "map", "svg", "xml", "yml", "yaml", "toml", "csv", "proto", "graphql"];
    name.rsplit_once('.').is_some_and(|(_, ending)| data.contains(&ending))
}

/// Whether bytes may be a script: a compiled entry point is no source, whatever names it.
pub(crate) fn is_text(bytes: &[u8]) -> bool {
    !layout::is_executable(bytes) && memchr::memchr(0, &bytes[..bytes.len().min(8 << 10)]).is_none()
}

/// A folder that is named like a module of the standard library does not replace it.
fn forget_shadowed(layout: &mut Layout) {
    let own = layout.claims.name.clone().unwrap_or_default().to_ascii_lowercase().replace('-', "_");
    let tables = [crate::api::table(Language::Python), crate::api::table(Language::JavaScript)];
    layout.own_modules.retain(|module| module.to_ascii_lowercase() == own || !tables.iter().any(|table| table.leads_somewhere(module)));
}

/// What is known of the package before its sources are read.
struct Around<'l> {
    layout: &'l Layout,
    ecosystem: Option<Ecosystem>,
    /// Of Go: [`layout::golang::acting_folders`].
    acting: BTreeSet<&'l str>,
}

fn read_source<'a>(
    path: &'a str,
    bytes: &'a [u8],
    language: Language,
    package: &Around<'_>,
    limits: &AnalysisLimits,
    left: &mut u64,
) -> Option<Source<'a>> {
    let layout = package.layout;
    if language == Language::Jvm {
        let mut budget = Budget::for_file(bytes.len());
        let outcome = parse::class(bytes, &layout.own_modules, &mut budget)?;
        *left = left.saturating_sub(20_000);
        return Some(Source {
            path,
            language,
            text: Cow::Borrowed(""),
            outcome,
            command: None,
            unparsed: None,
            odd_encoding: None,
            also: Vec::new(),
        });
    }
    if layout::is_bytecode(path) {
        let mut budget = Budget::for_file(bytes.len());
        budget.steps = budget.steps.min(*left);
        let before = budget.steps;
        let outcome = parse::bytecode(bytes, &layout.own_modules, &mut budget);
        *left -= before - budget.steps;
        let unparsed = outcome.is_none().then_some(parse::BYTECODE);
        return Some(Source {
            path,
            language,
            text: Cow::Borrowed(""),
            outcome: outcome.unwrap_or_default(),
            command: None,
            unparsed,
            odd_encoding: None,
            also: Vec::new(),
        });
    }
    let (mut text, odd_encoding) = if language == Language::Python && !path.ends_with(".pth") {
        layout::encoding::python_text(bytes)
    } else {
        (layout::source_text(bytes), None)
    };
    if path.ends_with(".pth") {
        // Only lines that start with `import` run.
        text = text
            .lines()
            .map(|line| if line.starts_with("import ") || line.starts_with("import\t") { line } else { "" })
            .collect::<Vec<_>>()
            .join("\n")
            .into();
    }
    if !worth_reading(&text, language, path, package) {
        return Some(Source {
            path,
            language,
            text,
            outcome: Outcome::default(),
            command: None,
            unparsed: None,
            odd_encoding: None,
            also: Vec::new(),
        });
    }
    let mut budget = Budget::for_file(text.len());
    budget.steps = budget.steps.min(*left);
    let before = budget.steps;
    let parsed = parse::file(&text, path, language, &layout.own_modules, limits.parsed_file, None, &mut budget);
    *left -= before - budget.steps;
    Some(Source { path, language, text, outcome: parsed.outcome, command: None, unparsed: parsed.unparsed, odd_encoding, also: Vec::new() })
}

/// Reads a source again where it runs what it read from files of the artifact, this time with their contents.
fn read_with_contents(source: &mut Source<'_>, layout: &Layout, units: &[Unit], files: &Files<'_>, limits: &AnalysisLimits) {
    if source.command.is_some() || source.text.is_empty() {
        return;
    }
    let Some(contents) = Contents::of(&source.outcome, source.path, files) else { return };
    let unit = units.iter().filter(|unit| source.path.starts_with(&unit.prefix)).max_by_key(|unit| unit.prefix.len());
    let own = &unit.map_or(layout, |unit| &unit.layout).own_modules;
    let mut budget = Budget { contents: Some(Rc::new(contents)), ..Budget::for_file(source.text.len()) };
    let parsed = parse::file(&source.text, source.path, source.language, own, limits.parsed_file, None, &mut budget);
    (source.outcome, source.unparsed) = (parsed.outcome, parsed.unparsed);
}

/// How often what files say of each other is joined: a chain of that many files is followed.
const LINK_ROUNDS: usize = 3;
/// Steps that all second readings of an artifact share.
const LINK_STEPS: u64 = 100_000_000;

/// Reads those files again of which other files of the package tell something new.
fn read_again(sources: &mut [Source<'_>], world: &World<'_>, limits: &AnalysisLimits) {
    let by_path: BTreeMap<String, usize> = sources
        .iter()
        .enumerate()
        .filter(|(_, source)| source.command.is_none())
        .map(|(index, source)| (source.path.to_owned(), index))
        .collect();
    let mut left = LINK_STEPS;
    for _ in 0..LINK_ROUNDS {
        let outcomes: Vec<&Outcome> = sources.iter().map(|source| &source.outcome).collect();
        let links = crate::link::plan(&outcomes, |index, path| {
            let source = &sources[index];
            let (file, name) = layout::resolve::called(path, source.path, source.language, world)?;
            Some((*by_path.get(&file)?, name))
        });
        for (index, links) in &links {
            let source = &mut sources[*index];
            if source.text.is_empty()
                || source.unparsed.is_some_and(parse::by_words)
                || matches!(source.language, Language::Jvm | Language::Shell)
            {
                continue;
            }
            let own = &world.unit_of(source.path).and_then(|at| world.units.get(at)).map_or(&world.layout, |unit| &unit.layout).own_modules;
            let contents = Contents::of(&source.outcome, source.path, &world.files).map(Rc::new);
            let mut budget = Budget { contents, ..Budget::for_file(source.text.len()) };
            budget.steps = budget.steps.min(left);
            let before = budget.steps;
            let parsed = parse::file(&source.text, source.path, source.language, own, limits.parsed_file, Some(links), &mut budget);
            left -= before - budget.steps;
            crate::link::renew(&mut source.outcome, parsed.outcome);
        }
        if links.is_empty() || left == 0 {
            break;
        }
    }
}

/// Whether a compiled language's file can do anything at all: its imports have to say so in plain text.
fn worth_reading(text: &str, language: Language, path: &str, package: &Around<'_>) -> bool {
    let has = |words: &[&str]| words.iter().any(|word| memchr::memmem::find(text.as_bytes(), word.as_bytes()).is_some());
    match language {
        Language::Rust => {
            let is_root = package.layout.roots.iter().any(|root| root.path == path && root.trigger.at_install());
            is_root
                || path.ends_with("build.rs")
                || path.contains("/build/")
                || has(&[
                    "process::Command",
                    "Command::new",
                    "TcpStream",
                    "reqwest",
                    "ureq",
                    "minreq",
                    "attohttpc",
                    "isahc",
                    "[ctor",
                    "curl",
                    "libc::",
                    "env::vars",
                    "hyper::",
                ])
        }
        // Imports stand first. A small file without any may still call what another file of its folder imports for.
        Language::Go => {
            let end = ["\nfunc ", "\ntype ", "\nvar ", "\nconst "].iter().filter_map(|word| text.find(word)).min().unwrap_or(text.len());
            let is_small = text.len() < 256 << 10 && package.acting.contains(layout::golang::folder_of(path));
            let starts = || is_small && (text.contains("func init()") || text.contains("\nvar "));
            !path.ends_with("_test.go") && (layout::golang::imports_action(&text[..end]) || starts())
        }
        // Source files of other ecosystems inside an artifact are data there.
        Language::Python if package.ecosystem == Some(Ecosystem::Maven) => false,
        _ => true,
    }
}

/// The commands of each manifest as a file of facts.
fn manifests(sources: &[Source<'_>], triggers: &Triggers) -> Vec<FileFacts> {
    let mut files: BTreeMap<&str, FileFacts> = BTreeMap::new();
    for (index, source) in sources.iter().enumerate() {
        let Some(command) = &source.command else { continue };
        // The manifest of an archive that nobody installs runs nothing.
        let idle = if layout::is_test_path(&command.path) { Trigger::Test } else { Trigger::Function };
        let trigger = triggers.of(index, 0).unwrap_or(idle);
        let entry = files.entry(&command.path).or_insert_with(|| FileFacts {
            path: command.path.clone(),
            language: Language::Shell,
            trigger,
            facts: Vec::new(),
            hidden: Vec::new(),
            shape: crate::facts::Shape::default(),
            unparsed: None,
            cut_short: false,
        });
        for raw in &source.outcome.facts {
            let snippet = raw.inner.as_deref().unwrap_or(&command.command).to_owned();
            entry.facts.push(fact_of(raw, trigger, command.line, 1, snippet));
        }
    }
    files.into_values().collect()
}

fn finish(source: Source<'_>, index: usize, triggers: &Triggers, layout: &Layout) -> FileFacts {
    let Source { path, language, text, outcome, unparsed, odd_encoding, .. } = source;
    let is_test = layout::is_test_path(path) || layout.beside.contains(path);
    let default = |scope: u32| match (is_test, scope) {
        (true, _) => Trigger::Test,
        // Nothing loads a script file that nobody starts.
        (false, 0) if language == Language::Shell => Trigger::Command,
        (false, 0) => Trigger::LooseModule,
        (false, _) => Trigger::Function,
    };
    let trigger_of = |scope: u32| triggers.of(index, scope).unwrap_or_else(|| default(scope));
    let main = triggers.as_program(index);
    // Compiled code has lines instead of offsets, and no text.
    let compiled = language == Language::Jvm || layout::is_bytecode(path);
    let lines = LineIndex::new(&text);
    let mut facts: Vec<Fact> = Vec::with_capacity(outcome.facts.len());
    for raw in &outcome.facts {
        let trigger = trigger_of(raw.scope);
        let trigger = match (raw.dormant, main) {
            (true, Some(main)) => trigger.max(main),
            (true, None) => trigger.max(if is_test { Trigger::Test } else { Trigger::Command }),
            (false, _) => trigger,
        };
        let (line, column) = if compiled { (raw.at, 1) } else { lines.place(&text, raw.at) };
        let snippet = match &raw.inner {
            Some(inner) => inner.to_string(),
            None if compiled => format!("{}({})", raw.api, raw.args.join(", ")),
            None => crate::trace::snippet(&text, raw.at, raw.end),
        };
        let mut fact = fact_of(raw, trigger, line, column, snippet);
        fact.lexical = unparsed.is_some_and(parse::by_words);
        facts.push(fact);
    }
    facts.sort_by_key(|fact| (fact.line, fact.column));
    let shape = shape::of(&text, language);
    let mut hidden = if language == Language::Jvm { Vec::new() } else { shape::hidden(&text, language) };
    hidden.extend(odd_encoding.map(|snippet| HiddenText { what: "encoding", line: 1, column: 1, snippet, count: 1 }));
    FileFacts { path: path.to_owned(), language, trigger: trigger_of(0), facts, hidden, shape, unparsed, cut_short: outcome.cut_short }
}

fn fact_of(raw: &RawFact, trigger: Trigger, line: u32, column: u32, snippet: String) -> Fact {
    let mut found = Vec::new();
    for arg in &raw.args {
        for destination in destinations(arg) {
            if !found.contains(&destination) && found.len() < 8 {
                found.push(destination);
            }
        }
    }
    Fact {
        capability: raw.capability,
        api: raw.api.to_string(),
        trigger,
        taint: raw.taint,
        gate: raw.gate,
        path: raw.args.iter().find_map(|arg| path_kind(arg)),
        args: raw.args.clone(),
        destinations: found,
        line,
        column,
        snippet,
        chain: raw.chain.iter().map(|layer| (*layer).to_owned()).collect(),
        inner_line: raw.line,
        scope: raw.scope,
        lexical: false,
    }
}

/// Where lines start.
struct LineIndex {
    starts: Vec<u32>,
}

impl LineIndex {
    fn new(text: &str) -> LineIndex {
        let mut starts = vec![0];
        starts.extend(memchr::memchr_iter(b'\n', text.as_bytes()).map(|at| at as u32 + 1));
        LineIndex { starts }
    }

    fn place(&self, text: &str, at: u32) -> (u32, u32) {
        let line = self.starts.partition_point(|start| *start <= at).max(1);
        let start = self.starts[line - 1] as usize;
        // A column in a megabyte-long line is counted no further than it helps.
        let column = text
            .get(start..at as usize)
            .map_or(1, |before| if before.len() > 1 << 16 { before.len() } else { before.chars().count() } as u32 + 1);
        (line as u32, column)
    }
}
