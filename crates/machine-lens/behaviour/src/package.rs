//! From files to [`PackageFacts`]: reads every source once, then finds out what runs when.
//!
//! Reachability is a walk over (file, function) from the layout's roots, strongest trigger first: a function that an
//! install script calls through three modules runs at install, and a function that nobody calls is just a function.

use crate::analysis::Sizes;
use crate::facts::{Fact, FileFacts, Language, OtherFile, PackageFacts, Trigger};
use crate::layout::{self, Files, Layout};
use crate::parse;
use crate::place::{destinations, path_kind};
use crate::shape;
use crate::trace::{Budget, Outcome, RawFact};
use bifocal_core::{AnalysisLimits, Ecosystem};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// Most source files that are read; further ones count as other files.
const MAX_SOURCES: usize = 20_000;
/// Steps that all files of an artifact share.
const ARTIFACT_STEPS: u64 = 400_000_000;

struct Source<'a> {
    path: &'a str,
    language: Language,
    text: Cow<'a, str>,
    outcome: Outcome,
    unparsed: Option<&'static str>,
}

/// What analysis learnt beside the facts.
pub(crate) struct Built {
    pub(crate) facts: PackageFacts,
    /// Files that could not be read for want of budget.
    pub(crate) skipped: usize,
}

/// Builds the facts of an artifact.
pub(crate) fn build(ecosystem: Option<Ecosystem>, filename: &str, files: &Files<'_>, sizes: &Sizes<'_>, limits: &AnalysisLimits) -> Built {
    let ecosystem = ecosystem.or_else(|| layout::guess(filename, files));
    let mut layout = layout::read(ecosystem, filename, files);
    forget_shadowed(&mut layout);
    let mut others = Vec::new();
    let other = |path: &str, bytes: &[u8]| OtherFile {
        path: path.to_owned(),
        bytes: sizes.get(path).map_or(bytes.len(), |size| usize::try_from(*size).unwrap_or(usize::MAX)),
        executable: layout::is_executable(bytes),
    };
    let mut sources: Vec<Source<'_>> = Vec::new();
    let mut left = ARTIFACT_STEPS;
    let mut skipped = 0;
    let wanted: BTreeSet<String> = layout.roots.iter().map(|root| root.path.clone()).collect();
    for (&path, &bytes) in files {
        let language = layout::language(path, bytes).or_else(|| wanted.contains(path).then_some(Language::Shell));
        let Some(language) = language.filter(|_| sources.len() < MAX_SOURCES) else {
            others.push(other(path, bytes));
            continue;
        };
        if left == 0 {
            skipped += 1;
            continue;
        }
        if let Some(source) = read_source(path, bytes, language, &layout, ecosystem, limits, &mut left) {
            sources.push(source);
        } else {
            others.push(other(path, bytes));
        }
    }
    let manifest_files = commands(&layout, &mut sources);
    let reach = Reach::walk(&sources, &layout, files);
    let source_bytes = sources.iter().map(|source| source.text.len()).sum();
    let mut out: Vec<FileFacts> = manifest_files;
    for (index, source) in sources.into_iter().enumerate() {
        out.push(finish(source, index, &reach));
    }
    out.sort_by(|a, b| a.path.cmp(&b.path));
    let Layout { claims, own_places, .. } = layout;
    Built { facts: PackageFacts { ecosystem, manifest: claims, own_places, files: out, others, source_bytes }, skipped }
}

/// A folder that is named like a module of the standard library does not replace it.
fn forget_shadowed(layout: &mut Layout) {
    let own = layout.claims.name.clone().unwrap_or_default().to_ascii_lowercase().replace('-', "_");
    let table = crate::api::table(Language::Python);
    layout.own_modules.retain(|module| module.to_ascii_lowercase() == own || !table.leads_somewhere(module));
}

fn read_source<'a>(
    path: &'a str,
    bytes: &'a [u8],
    language: Language,
    layout: &Layout,
    ecosystem: Option<Ecosystem>,
    limits: &AnalysisLimits,
    left: &mut u64,
) -> Option<Source<'a>> {
    if language == Language::Jvm {
        let mut budget = Budget::for_file(bytes.len());
        let outcome = parse::class(bytes, &layout.own_modules, &mut budget)?;
        *left = left.saturating_sub(20_000);
        return Some(Source { path, language, text: Cow::Borrowed(""), outcome, unparsed: None });
    }
    let mut text = layout::source_text(bytes);
    if path.ends_with(".pth") {
        // Only lines that start with `import` run.
        text = text
            .lines()
            .map(|line| if line.starts_with("import ") || line.starts_with("import\t") { line } else { "" })
            .collect::<Vec<_>>()
            .join("\n")
            .into();
    }
    if !worth_reading(&text, language, path, layout, ecosystem) {
        return Some(Source { path, language, text, outcome: Outcome::default(), unparsed: None });
    }
    let mut budget = Budget::for_file(text.len());
    budget.steps = budget.steps.min(*left);
    let before = budget.steps;
    let parsed = parse::file(&text, path, language, &layout.own_modules, limits.parsed_file, &mut budget);
    *left -= before - budget.steps;
    Some(Source { path, language, text, outcome: parsed.outcome, unparsed: parsed.unparsed })
}

/// Whether a compiled language's file can do anything at all: its imports have to say so in plain text.
fn worth_reading(text: &str, language: Language, path: &str, layout: &Layout, ecosystem: Option<Ecosystem>) -> bool {
    let has = |words: &[&str]| words.iter().any(|word| memchr::memmem::find(text.as_bytes(), word.as_bytes()).is_some());
    match language {
        Language::Rust => {
            let is_root = layout.roots.iter().any(|root| root.path == path && root.trigger.at_install());
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
        // Imports stand first. A small file without any may still call what another file of its package imports for.
        Language::Go => {
            let end = ["\nfunc ", "\ntype ", "\nvar ", "\nconst "].iter().filter_map(|word| text.find(word)).min().unwrap_or(text.len());
            let imports = &text[..end];
            let starts = text.len() < 256 << 10 && (text.contains("func init()") || text.contains("\nvar "));
            !path.ends_with("_test.go")
                && (starts
                    || ["\"os/exec\"", "\"net/http\"", "\"net\"", "\"syscall\"", "\"plugin\"", "\"os\"", "golang.org/x/sys", "clipboard"]
                        .iter()
                        .any(|word| imports.contains(word)))
        }
        // Source files of other ecosystems inside an artifact are data there.
        Language::Python if ecosystem == Some(Ecosystem::Maven) => false,
        _ => true,
    }
}

/// Commands of manifests as a file of facts each; scripts they start are added to the sources' loads.
fn commands(layout: &Layout, sources: &mut Vec<Source<'_>>) -> Vec<FileFacts> {
    let mut files: BTreeMap<String, FileFacts> = BTreeMap::new();
    for command in &layout.commands {
        let mut budget = Budget::for_file(command.command.len());
        let outcome = parse::command(&command.command, &mut budget);
        let entry = files.entry(command.path.clone()).or_insert_with(|| FileFacts {
            path: command.path.clone(),
            language: Language::Shell,
            trigger: command.trigger,
            facts: Vec::new(),
            hidden: Vec::new(),
            shape: crate::facts::Shape::default(),
            unparsed: None,
            cut_short: false,
        });
        for raw in &outcome.facts {
            let snippet = raw.inner.as_deref().unwrap_or(&command.command).to_owned();
            entry.facts.push(fact_of(raw, command.trigger, command.line, 1, snippet));
        }
        // A source without text that only starts the scripts.
        let starter = Source { path: "", language: Language::Shell, text: Cow::Owned(command.path.clone()), outcome, unparsed: None };
        sources.push(starter);
    }
    files.into_values().collect()
}

/// The strongest trigger of each function of each file.
struct Reach {
    triggers: BTreeMap<(usize, u32), Trigger>,
    /// Files that run as programs, with the strongest trigger by which they do.
    mains: BTreeMap<usize, Trigger>,
}

impl Reach {
    fn walk(sources: &[Source<'_>], layout: &Layout, files: &Files<'_>) -> Reach {
        let by_path: BTreeMap<&str, usize> =
            sources.iter().enumerate().filter(|(_, source)| !source.path.is_empty()).map(|(index, source)| (source.path, index)).collect();
        let mut reach = Reach { triggers: BTreeMap::new(), mains: BTreeMap::new() };
        let mut starts: Vec<(Trigger, usize, u32)> = Vec::new();
        for root in &layout.roots {
            if let Some(&index) = by_path.get(root.path.as_str()) {
                starts.push((root.trigger, index, 0));
                if root.as_main {
                    reach.main(index, root.trigger);
                }
            }
        }
        for (path, names, trigger) in &layout.hooks {
            let Some(&index) = by_path.get(path.as_str()) else { continue };
            let outcome = &sources[index].outcome;
            for (name, scopes) in &outcome.exports {
                let plain = name.strip_prefix("m:").map_or(name.as_str(), |own| own.split('(').next().unwrap_or(own));
                if names.iter().any(|hook| hook == plain) {
                    starts.extend(scopes.iter().map(|scope| (*trigger, index, *scope)));
                }
            }
            for (_, methods) in &outcome.class_methods {
                starts.extend(methods.iter().map(|scope| (*trigger, index, *scope)));
            }
        }
        // Manifest commands start scripts as programs.
        for source in sources.iter().filter(|source| source.path.is_empty()) {
            let trigger =
                layout.commands.iter().find(|command| command.path == source.text).map_or(Trigger::InstallHook, |command| command.trigger);
            for (_, load) in &source.outcome.loads {
                if let Some(path) = layout::resolve::file(load, &source.text, Language::JavaScript, &layout.base, files)
                    && let Some(&index) = by_path.get(path.as_str())
                {
                    starts.push((trigger, index, 0));
                    reach.main(index, trigger);
                }
            }
        }
        starts.sort();
        for (trigger, index, scope) in starts {
            reach.spread(trigger, index, scope, sources, &by_path, layout, files);
        }
        reach
    }

    fn main(&mut self, index: usize, trigger: Trigger) {
        let entry = self.mains.entry(index).or_insert(trigger);
        *entry = (*entry).min(trigger);
    }

    #[expect(clippy::too_many_arguments, reason = "one walk over one package, called from one place")]
    fn spread(
        &mut self,
        trigger: Trigger,
        index: usize,
        scope: u32,
        sources: &[Source<'_>],
        by_path: &BTreeMap<&str, usize>,
        layout: &Layout,
        files: &Files<'_>,
    ) {
        let mut open = vec![(index, scope)];
        while let Some((index, scope)) = open.pop() {
            if self.triggers.get(&(index, scope)).is_some_and(|have| *have <= trigger) {
                continue;
            }
            self.triggers.insert((index, scope), trigger);
            let Some(source) = sources.get(index) else { continue };
            let outcome = &source.outcome;
            if scope == 0 {
                open.extend(outcome.starts.iter().map(|start| (index, *start)));
                if trigger == Trigger::SetupScript {
                    open.extend(build_commands(outcome).map(|method| (index, method)));
                }
            }
            open.extend(outcome.edges.range((scope, 0)..=(scope, u32::MAX)).map(|(_, to)| (index, *to)));
            let first = (scope, String::new());
            for (_, load) in outcome.loads.range(first.clone()..).take_while(|(from, _)| *from == scope) {
                if let Some(path) = layout::resolve::file(load, source.path, source.language, &layout.base, files)
                    && let Some(&to) = by_path.get(path.as_str())
                {
                    // A load runs a module's top level at most as eagerly as the loader runs.
                    open.push((to, 0));
                    if source.language == Language::Shell {
                        self.main(to, trigger);
                    }
                }
            }
            for (_, call) in outcome.foreign_calls.range(first..).take_while(|(from, _)| *from == scope) {
                open.extend(foreign(call, source, sources, by_path, layout, files));
            }
        }
    }

    fn of(&self, index: usize, scope: u32) -> Option<Trigger> {
        self.triggers.get(&(index, scope)).copied()
    }
}

/// The scopes that a call into another file of the package means.
fn foreign(
    call: &str,
    source: &Source<'_>,
    sources: &[Source<'_>],
    by_path: &BTreeMap<&str, usize>,
    layout: &Layout,
    files: &Files<'_>,
) -> Vec<(usize, u32)> {
    if source.language == Language::Go {
        // A function of the same package, in whichever file.
        let name = call.trim_start_matches("./.");
        let folder = source.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        return by_path
            .iter()
            .filter(|(path, _)| path.rsplit_once('/').map_or("", |(folder, _)| folder) == folder)
            .filter_map(|(_, index)| sources[*index].outcome.exports.get(name).map(|scopes| (*index, scopes)))
            .flat_map(|(index, scopes)| scopes.iter().map(move |scope| (index, *scope)))
            .collect();
    }
    let Some((path, name)) = layout::resolve::called(call, source.path, source.language, &layout.base, files) else { return Vec::new() };
    let Some(&to) = by_path.get(path.as_str()) else { return Vec::new() };
    let exports = &sources[to].outcome.exports;
    let first = name.split('.').next().unwrap_or(&name);
    let names: Vec<&Vec<u32>> = if source.language == Language::Jvm {
        exports
            .iter()
            .filter(|(have, _)| have.strip_prefix("m:").and_then(|own| own.split('(').next()) == Some(first))
            .map(|(_, scopes)| scopes)
            .collect()
    } else {
        exports.get(first).into_iter().collect()
    };
    names.into_iter().flatten().map(|scope| (to, *scope)).collect()
}

/// Methods of classes that setuptools runs as commands.
fn build_commands(outcome: &Outcome) -> impl Iterator<Item = u32> + '_ {
    outcome
        .class_methods
        .iter()
        .filter(|(bases, _)| {
            bases.iter().any(|base| {
                base.starts_with("setuptools.command")
                    || base.starts_with("distutils.command")
                    || matches!(
                        base.as_str(),
                        "setuptools.Command"
                            | "distutils.core.Command"
                            | "distutils.cmd.Command"
                            | "setuptools.Distribution"
                            | "setuptools.dist.Distribution"
                    )
                    || base.contains("bdist_wheel")
            })
        })
        .flat_map(|(_, methods)| methods.iter().copied())
}

fn finish(source: Source<'_>, index: usize, reach: &Reach) -> FileFacts {
    let Source { path, language, text, outcome, unparsed } = source;
    let is_test = layout::is_test_path(path);
    let default = |scope: u32| match (is_test, scope) {
        (true, _) => Trigger::Test,
        // Nothing loads a script file that nobody starts.
        (false, 0) if language == Language::Shell => Trigger::Command,
        (false, 0) => Trigger::LooseModule,
        (false, _) => Trigger::Function,
    };
    let trigger_of = |scope: u32| reach.of(index, scope).unwrap_or_else(|| default(scope));
    let main = reach.mains.get(&index).copied();
    let lines = LineIndex::new(&text);
    let mut facts: Vec<Fact> = Vec::with_capacity(outcome.facts.len());
    for raw in &outcome.facts {
        let trigger = trigger_of(raw.scope);
        let trigger = match (raw.dormant, main) {
            (true, Some(main)) => trigger.max(main),
            (true, None) => trigger.max(if is_test { Trigger::Test } else { Trigger::Command }),
            (false, _) => trigger,
        };
        let (line, column) = if language == Language::Jvm { (raw.at, 1) } else { lines.place(&text, raw.at) };
        let snippet = match &raw.inner {
            Some(inner) => inner.to_string(),
            None if language == Language::Jvm => format!("{}({})", raw.api, raw.args.join(", ")),
            None => crate::trace::snippet(&text, raw.at, raw.end),
        };
        let mut fact = fact_of(raw, trigger, line, column, snippet);
        fact.lexical = unparsed.is_some();
        facts.push(fact);
    }
    facts.sort_by_key(|fact| (fact.line, fact.column));
    let shape = shape::of(&text, language);
    let hidden = if language == Language::Jvm { Vec::new() } else { shape::hidden(&text, language) };
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
        path: raw.args.iter().find_map(|arg| path_kind(arg)),
        args: raw.args.clone(),
        destinations: found,
        line,
        column,
        snippet,
        chain: raw.chain.iter().map(|layer| (*layer).to_owned()).collect(),
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
