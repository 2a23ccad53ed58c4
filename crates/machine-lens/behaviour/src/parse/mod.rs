//! Source text in, facts out: picks the parser, keeps it from harm, falls back to words.
//!
//! The attack: text that makes a parser overflow its stack or run for ever. Nesting is measured before any recursive
//! parser sees the text, and what is too deep or too long is read by words ([`lexical`]).

mod depth;
mod golang;
mod javascript;
mod jvm;
mod lexical;
mod python;
mod rust;
pub(crate) mod shell;
mod tree;
mod unfold;

use crate::facts::Language;
use crate::ir::Module;
use crate::trace::across::Links;
use crate::trace::value::Value;
use crate::trace::{Budget, Outcome, trace, trace_within};
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

/// Why a text was not parsed.
pub(crate) const TOO_DEEP: &str = "nested deeper than the parser may go";
/// Why a text was not parsed.
pub(crate) const TOO_LONG: &str = "longer than the largest file that is parsed";
/// Why a text was not parsed.
pub(crate) const BROKEN: &str = "not of the language's syntax";
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
    if depth::is_too_deep(text, language) {
        return words(TOO_DEEP, budget);
    }
    if language == Language::JavaScript {
        return match unfold::read(text, path, own_modules, 0, links, budget, HashMap::new()) {
            Some(outcome) => Parsed { outcome, unparsed: None },
            None => words(BROKEN, budget),
        };
    }
    match lower(text, path, language) {
        Some(module) => Parsed { outcome: trace_within(&module, language, own_modules, 0, links, budget, HashMap::new()), unparsed: None },
        None => words(BROKEN, budget),
    }
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
    if text.len() > 8 << 20 || depth::is_too_deep(text, language) {
        return None;
    }
    if language == Language::JavaScript {
        return unfold::read(text, "", own_modules, nesting, None, budget, outer);
    }
    let module = lower(text, "", language)?;
    Some(trace_within(&module, language, own_modules, nesting, None, budget, outer))
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
            for mut fact in inner.facts {
                fact.inner = Some(fact.inner.unwrap_or_else(|| std::rc::Rc::from(crate::trace::snippet(&code, fact.at, fact.end))));
                fact.chain = layer.into_iter().chain([crate::peel::SHELL]).chain(fact.chain).collect();
                (fact.at, fact.end, fact.scope) = (0, 0, 0);
                outcome.facts.push(fact);
            }
        }
    }
    outcome.loads = reading.scripts.into_iter().map(|script| (0, script)).collect();
    outcome
}
