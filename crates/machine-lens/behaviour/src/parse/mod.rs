//! Source text in, facts out: picks the parser, keeps it from harm, falls back to words.
//!
//! The attack: text that makes a parser overflow its stack or run for ever. Nesting is measured before any recursive
//! parser sees the text, and what is too deep is left out ([`shallow`]). What no parser takes even so, or what is too
//! long, is read by words ([`lexical`]).

mod depth;
mod golang;
mod javascript;
mod jvm;
mod lexical;
mod python;
mod rust;
mod shallow;
pub(crate) mod shell;
mod tree;
mod unfold;

use crate::facts::Language;
use crate::ir::Module;
use crate::trace::across::Links;
use crate::trace::value::Value;
use crate::trace::{Budget, Outcome, RawFact, lift, trace, trace_within};
use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

/// Why a text was not parsed.
pub(crate) const TOO_DEEP: &str = "nested deeper than the parser may go";
/// Why a text was not parsed.
pub(crate) const TOO_LONG: &str = "longer than the largest file that is parsed";
/// Why a text was not parsed.
pub(crate) const BROKEN: &str = "not of the language's syntax";
/// Why a part of a text was not parsed.
const DEEP_IN_PART: &str = "a part nests deeper than the parser may go";
/// Why a part of a text was not parsed.
const BROKEN_IN_PART: &str = "a part is not of the language's syntax";
/// Why compiled code was not read.
pub(crate) const BYTECODE: &str = "bytecode of a release that is not read, or damaged";

/// A file's outcome, and why it was read by words if it was.
#[derive(Debug)]
pub(crate) struct Parsed {
    pub(crate) outcome: Outcome,
    pub(crate) unparsed: Option<&'static str>,
}

/// Reads a whole file.
pub(crate) fn file(
    text: &str,
    path: &str,
    language: Language,
    own_modules: &BTreeSet<String>,
    largest: u64,
    links: Option<&Links>,
    budget: &mut Budget,
) -> Parsed {
    let words = |why: &'static str, budget: &mut Budget| Parsed {
        outcome: lexical::read(text, language, own_modules, budget),
        unparsed: Some(why),
    };
    if text.len() as u64 > largest {
        return words(TOO_LONG, budget);
    }
    if language == Language::Shell {
        return Parsed { outcome: shell_file(text, budget), unparsed: None };
    }
    match source(text, path, language, own_modules, 0, links, budget, HashMap::new()) {
        Ok(outcome) => Parsed { unparsed: outcome.in_part, outcome },
        Err(why) => words(why, budget),
    }
}

/// Whether a text was read by words, as against in part.
pub(crate) fn by_words(why: &str) -> bool {
    !matches!(why, DEEP_IN_PART | BROKEN_IN_PART)
}

/// Whether depth is why something was not read.
pub(crate) fn by_depth(why: &str) -> bool {
    matches!(why, TOO_DEEP | DEEP_IN_PART)
}

/// Whether nothing of a text was taken by its parser, however much was left out.
pub(crate) fn by_syntax(why: &str) -> bool {
    why == BROKEN
}

/// Whether a text is too long to be parsed.
pub(crate) fn by_length(why: &str) -> bool {
    why == TOO_LONG
}

/// Why a part of a module is missing.
pub(crate) fn in_part(module: &Module) -> Option<&'static str> {
    if module.truncated { Some(DEEP_IN_PART) } else { module.in_part.then_some(BROKEN_IN_PART) }
}

/// Pieces of one text that are read by themselves.
const MAX_PIECES: usize = 128;

/// Reads a source without what nests too deep in it, and the pieces that were left out after it.
#[expect(clippy::too_many_arguments, reason = "what a source is read with")]
fn source(
    text: &str,
    path: &str,
    language: Language,
    own_modules: &BTreeSet<String>,
    nesting: u32,
    links: Option<&Links>,
    budget: &mut Budget,
    outer: HashMap<Rc<str>, Value>,
) -> Result<Outcome, &'static str> {
    let cuts = if nesting == 0 { shallow::CUTS } else { shallow::INNER_CUTS };
    let made = shallow::shallow(text, language, depth::BRACKETS, cuts).ok_or(TOO_DEEP)?;
    let mut outcome = flat(&made.text, path, language, own_modules, nesting, links, budget, outer).ok_or(BROKEN)?;
    if matches!(made.text, Cow::Owned(_)) {
        outcome.in_part = Some(DEEP_IN_PART);
    }
    let mut pieces = made.pieces;
    for _ in 0..(if nesting == 0 { MAX_PIECES } else { 4 }) {
        let Some(range) = pieces.pop() else { break };
        let (start, piece) = (range.start, text.get(range).unwrap_or(""));
        let Some(made) = shallow::shallow(piece, language, depth::KEPT, cuts) else { continue };
        pieces.extend(made.pieces.iter().map(|inner| start + inner.start..start + inner.end));
        if let Some(read) = flat(&made.text, path, language, own_modules, nesting, None, budget, HashMap::new()) {
            add_piece(read, start as u32, &mut outcome);
        }
    }
    Ok(outcome)
}

/// Reads a source that is not too deep.
#[expect(clippy::too_many_arguments, reason = "what a source is read with")]
fn flat(
    text: &str,
    path: &str,
    language: Language,
    own_modules: &BTreeSet<String>,
    nesting: u32,
    links: Option<&Links>,
    budget: &mut Budget,
    outer: HashMap<Rc<str>, Value>,
) -> Option<Outcome> {
    if language == Language::JavaScript {
        return unfold::read(text, path, own_modules, nesting, links, budget, outer);
    }
    let module = lower(text, path, language)?;
    Some(trace_within(&module, language, own_modules, nesting, links, budget, outer))
}

/// Adds what a piece of a text does, as if the text did it at its top.
pub(crate) fn add_piece(piece: Outcome, start: u32, outcome: &mut Outcome) {
    let kept: Vec<(Option<Rc<str>>, u32)> = piece.facts.iter().map(|fact| (fact.inner.clone(), fact.line)).collect();
    outcome.runs.extend(piece.runs.iter().cloned());
    let (facts, loads, reads) = lift(piece, None, &[]);
    outcome.facts.extend(facts.into_iter().zip(kept).map(|(fact, (inner, line))| RawFact {
        at: fact.at.saturating_add(start),
        end: fact.end.saturating_add(start),
        scope: 0,
        inner,
        line,
        ..fact
    }));
    outcome.loads.extend(loads.into_iter().map(|load| (0, load)));
    outcome.reads.extend(reads);
}

/// Reads a class file.
pub(crate) fn class(bytes: &[u8], own_modules: &BTreeSet<String>, budget: &mut Budget) -> Option<Outcome> {
    let module = jvm::lower(bytes)?;
    Some(trace(&module, Language::Jvm, own_modules, 0, budget))
}

/// Reads compiled Python. `None`: it is none, or of a release that is not read. Places in what comes out are lines.
pub(crate) fn bytecode(bytes: &[u8], own_modules: &BTreeSet<String>, budget: &mut Budget) -> Option<Outcome> {
    let module = crate::peel::pyc::file(bytes)?;
    Some(trace(&module, Language::Python, own_modules, 0, budget))
}

/// Reads a command of a manifest.
pub(crate) fn command(text: &str, budget: &mut Budget) -> Outcome {
    shell_file(text, budget)
}

/// Reads text that came out of a value, with the names that it sees. `None`: it is not source.
pub(crate) fn trace_text(
    text: &str,
    language: Language,
    own_modules: &BTreeSet<String>,
    nesting: u32,
    budget: &mut Budget,
    outer: HashMap<Rc<str>, Value>,
) -> Option<Outcome> {
    if text.len() > 8 << 20 {
        return None;
    }
    source(text, "", language, own_modules, nesting, None, budget, outer).ok()
}

/// Where the text of a Python string that starts here ends.
pub(crate) fn python_string_end(bytes: &[u8], at: usize) -> usize {
    depth::skip_string(bytes, at, Language::Python)
}

/// Whether a text that Python evaluates holds nothing but data.
pub(crate) fn is_python_data(text: &str) -> bool {
    const MOST: usize = 1 << 20;
    text.len() <= MOST && !depth::is_too_deep(text, Language::Python) && python::is_data(text)
}

/// Whether JavaScript nests deeper than a parser may go.
pub(crate) fn is_too_deep(text: &str) -> bool {
    depth::is_too_deep(text, Language::JavaScript)
}

fn lower(text: &str, path: &str, language: Language) -> Option<Module> {
    match language {
        Language::JavaScript => javascript::lower(text, path),
        Language::Python => Some(python::lower(text)),
        Language::Rust => rust::lower(text),
        Language::Go => golang::lower(text),
        Language::Jvm | Language::Shell => None,
    }
}

/// A script file is one long command text.
fn shell_file(text: &str, budget: &mut Budget) -> Outcome {
    let reading = shell::read(text, crate::facts::Taint::NONE, budget);
    let mut outcome = Outcome::default();
    for fact in reading.facts {
        let at = fact.at.min(text.len()) as u32;
        let end = text.get(at as usize..).and_then(|rest| rest.find('\n')).map_or(text.len(), |i| at as usize + i) as u32;
        outcome.facts.push(crate::trace::RawFact {
            capability: fact.capability,
            api: fact.api,
            taint: fact.taint,
            args: fact.args,
            at,
            end,
            inner: None,
            chain: fact.chain,
            line: 0,
            scope: 0,
            dormant: false,
            gate: crate::facts::Taint::NONE,
        });
    }
    for (language, code, layer) in reading.inline {
        if let Some(inner) = trace_text(&code, language, &BTreeSet::new(), 1, budget, HashMap::new()) {
            outcome.runs.extend(inner.runs);
            let loads = inner.loads.into_iter().map(|(_, load)| load).filter(|load| load.starts_with('.'));
            outcome.runs.extend(loads.filter(|_| language == Language::JavaScript).map(|load| (load, Some(language))));
            for mut fact in inner.facts {
                fact.inner = Some(fact.inner.unwrap_or_else(|| std::rc::Rc::from(crate::trace::snippet(&code, fact.at, fact.end))));
                fact.chain = layer.into_iter().chain([crate::peel::SHELL]).chain(fact.chain).collect();
                (fact.at, fact.end, fact.scope) = (0, 0, 0);
                outcome.facts.push(fact);
            }
        }
    }
    outcome.runs.extend(reading.scripts);
    outcome.loads = outcome.runs.iter().map(|(script, _)| (0, script.clone())).collect();
    outcome
}
