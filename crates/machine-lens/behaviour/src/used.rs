//! Files that are code by how they are used, whatever they are called.
//!
//! In: the sources read so far, and all files. Out: more sources. The attack: `node README.md`, `sh lib/run.txt`,
//! `"main": "data"`, `require('./logo.dat')`, `include!("notes.txt")`: every interpreter takes the file that it is told
//! to take, and only people go by its name. What is found so may name further files; that is followed to a bound.

use crate::facts::{Language, OtherFile, StartedProgram, Trigger};
use crate::layout;
use crate::layout::inner::World;
use crate::package::{Source, is_text};
use crate::parse;
use crate::reach::Triggers;
use crate::trace::Budget;
use bifocal_core::{AnalysisLimits, Ecosystem};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// How long a chain of files that are found only by their use is followed.
const ROUNDS: usize = 16;
/// Most files that are read for their use.
const MAX_FILES: usize = 2_000;
/// Most programs of a package of which it is said who starts them.
const MAX_STARTED: usize = 100;

/// Whether what requires or builds a package of this ecosystem reads one language only.
pub(crate) fn has_one_language(ecosystem: Option<Ecosystem>) -> bool {
    matches!(ecosystem, Some(Ecosystem::Npm | Ecosystem::Cargo))
}

/// The language in which a root is read, where its use says it.
fn of_root(ecosystem: Option<Ecosystem>, trigger: Trigger) -> Option<Language> {
    match (ecosystem, trigger) {
        (Some(Ecosystem::Npm), Trigger::Import) => Some(Language::JavaScript),
        (Some(Ecosystem::Cargo), _) => Some(Language::Rust),
        _ => None,
    }
}

/// Reads the files that the layout, commands and other sources use as code, and were not read as such.
pub(crate) fn read<'a>(
    sources: &mut Vec<Source<'a>>,
    others: &mut Vec<OtherFile>,
    world: &World<'a>,
    limits: &AnalysisLimits,
    left: &mut u64,
) {
    let mut by_path: BTreeMap<&str, usize> =
        sources.iter().enumerate().filter(|(_, source)| !source.path.is_empty()).map(|(at, source)| (source.path, at)).collect();
    let layouts = std::iter::once((world.ecosystem, &world.layout)).chain(world.units.iter().map(|unit| (unit.ecosystem, &unit.layout)));
    let mut wanted: Vec<(String, Language)> = layouts
        .flat_map(|(ecosystem, layout)| layout.roots.iter().map(move |root| (ecosystem, root)))
        .filter_map(|(ecosystem, root)| Some((root.path.clone(), of_root(ecosystem, root.trigger)?)))
        .collect();
    let mut fresh: Vec<usize> = (0..sources.len()).collect();
    let mut done: BTreeSet<(&str, Language)> = BTreeSet::new();
    let mut found: BTreeSet<&str> = BTreeSet::new();
    for _ in 0..ROUNDS {
        for source in fresh.iter().filter_map(|at| sources.get(*at)) {
            uses(source, &by_path, sources, world, &mut wanted);
        }
        fresh.clear();
        for (path, language) in std::mem::take(&mut wanted) {
            let Some((&path, &bytes)) = world.files.get_key_value(path.as_str()) else { continue };
            let have = by_path.get(path).copied();
            if done.len() >= MAX_FILES
                || is_no_code(path, bytes)
                || have.and_then(|at| sources.get(at)).is_some_and(|source| source.language == language)
            {
                continue;
            }
            if !done.insert((path, language)) {
                continue;
            }
            let Some(source) = read_as(path, bytes, language, world, limits, left) else { continue };
            match have.and_then(|at| sources.get_mut(at)) {
                Some(first) => first.also.push(source.outcome),
                None => {
                    by_path.insert(path, sources.len());
                    found.insert(path);
                    sources.push(source);
                }
            }
            fresh.extend(by_path.get(path));
        }
        if fresh.is_empty() {
            break;
        }
    }
    if !found.is_empty() {
        others.retain(|other| !found.contains(other.path.as_str()));
    }
}

/// Adds the files that a source uses as code and that are not read in that language.
fn uses(
    source: &Source<'_>,
    by_path: &BTreeMap<&str, usize>,
    sources: &[Source<'_>],
    world: &World<'_>,
    wanted: &mut Vec<(String, Language)>,
) {
    let from = source.command.as_ref().map_or(source.path, |command| command.path.as_str());
    let outcomes = || std::iter::once(&source.outcome).chain(&source.also);
    let started: BTreeSet<&str> = outcomes().flat_map(|outcome| &outcome.runs).map(|(path, _)| path.as_str()).collect();
    for (specifier, by) in outcomes().flat_map(|outcome| &outcome.runs) {
        let Some(path) = layout::resolve::started(specifier, from, world) else { continue };
        let Some(bytes) = world.files.get(path.as_str()) else { continue };
        let own = || layout::language(&path, bytes).or_else(|| is_text(bytes).then_some(Language::Shell));
        if let Some(language) = by.or_else(own) {
            wanted.push((path, language));
        }
    }
    if !matches!(source.language, Language::JavaScript | Language::Rust) {
        return;
    }
    for load in outcomes().flat_map(|outcome| &outcome.loads).map(|(_, load)| load.as_str()).filter(|load| !started.contains(load)) {
        let Some(path) = layout::resolve::file(load, from, source.language, world) else { continue };
        let have = by_path.get(path.as_str()).and_then(|at| sources.get(*at));
        // `./run` may stand for `run.py` that is started; `./run.py` that is loaded is meant.
        let names_it = || load.rsplit('/').next().is_some_and(|name| path.ends_with(name));
        if have.is_none_or(|have| have.language != source.language && names_it()) {
            wanted.push((path, source.language));
        }
    }
}

/// Files that interpreters do not read as text of their language.
fn is_no_code(path: &str, bytes: &[u8]) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    matches!(ending, "json" | "node" | "wasm") || layout::is_machine_code(path, bytes)
}

/// A file read in a language. `None`: it is not of that language, so that nobody can run it.
fn read_as<'a>(
    path: &'a str,
    bytes: &'a [u8],
    language: Language,
    world: &World<'_>,
    limits: &AnalysisLimits,
    left: &mut u64,
) -> Option<Source<'a>> {
    if matches!(language, Language::Jvm | Language::Go) {
        return None;
    }
    let (text, odd_encoding): (Cow<'a, str>, _) =
        if language == Language::Python { layout::encoding::python_text(bytes) } else { (layout::source_text(bytes), None) };
    let own = &world.unit_of(path).and_then(|at| world.units.get(at)).map_or(&world.layout, |unit| &unit.layout).own_modules;
    let mut budget = Budget::for_file(text.len());
    budget.steps = budget.steps.min(*left);
    let before = budget.steps;
    // The parser takes what has no known name for plain script.
    let parsed = parse::file(&text, path, language, own, limits.parsed_file, None, &mut budget);
    *left -= before - budget.steps;
    let is_other = match parsed.unparsed {
        Some(parse::BROKEN) => true,
        Some(why) => !parse::by_depth(why) && why != parse::TOO_LONG && parsed.outcome.facts.is_empty(),
        None => false,
    };
    (!is_other).then_some(Source {
        path,
        language,
        text,
        outcome: parsed.outcome,
        command: None,
        unparsed: parsed.unparsed,
        odd_encoding,
        also: Vec::new(),
    })
}

/// The programs among the other files that commands of manifests and scripts start.
pub(crate) fn started(sources: &[Source<'_>], others: &[OtherFile], world: &World<'_>, triggers: &Triggers) -> Vec<StartedProgram> {
    let programs: BTreeSet<&str> = others.iter().filter(|other| other.executable).map(|other| other.path.as_str()).collect();
    let mut found = Vec::new();
    if programs.is_empty() {
        return found;
    }
    for (index, source) in sources.iter().enumerate() {
        let Some(trigger) = triggers.of(index, 0).filter(|_| source.language == Language::Shell) else { continue };
        let (by, text) = match &source.command {
            Some(command) => (command.path.as_str(), command.command.as_str()),
            None => (source.path, &*source.text),
        };
        for (specifier, _) in &source.outcome.runs {
            let program = layout::resolve::started(specifier, by, world).filter(|path| programs.contains(path.as_str()));
            let Some(program) = program.filter(|_| found.len() < MAX_STARTED) else { continue };
            let name = specifier.rsplit('/').next().unwrap_or(specifier);
            let (line, command) = match &source.command {
                Some(command) => (command.line, text),
                None => {
                    let line = layout::line_of(text, name);
                    (line, text.lines().nth((line as usize).saturating_sub(1)).unwrap_or_default())
                }
            };
            found.push(StartedProgram { program, trigger, by: by.to_owned(), line, command: bifocal_core::one_line(command, 400) });
        }
    }
    found
}
