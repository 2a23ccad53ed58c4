//! Facts by words, for text that no parser takes or may be given.
//!
//! Names of interfaces are looked up where a bracket follows, lines that parse by themselves are traced as if they
//! stood alone. What is found so says `lexical`, and no detector holds on it alone.

use crate::api::{Effect, table};
use crate::facts::{Capability, Language, Taint};
use crate::trace::{Budget, Outcome, RawFact, trace};
use std::collections::BTreeSet;
use std::rc::Rc;

/// Words near which a line is worth a parser of its own.
const TELLING: &[&str] = &[
    "exec(",
    "eval(",
    "child_process",
    "subprocess",
    "os.system",
    "urlopen",
    "requests.",
    "b64decode",
    "fromCharCode",
    "atob(",
    "Function(",
    "http.get",
    "https.",
    "fetch(",
    "socket",
    "popen",
    "Popen",
    "process.env",
    "environ",
    "XMLHttpRequest",
];
/// Most lines that are parsed by themselves.
const MAX_LINES: usize = 400;

/// Reads a text by its words.
pub(super) fn read(text: &str, language: Language, own_modules: &BTreeSet<String>, budget: &mut Budget) -> Outcome {
    let mut outcome = Outcome { cut_short: true, ..Outcome::default() };
    lines(text, language, own_modules, budget, &mut outcome);
    calls(text, language, &mut outcome);
    outcome
}

fn lines(text: &str, language: Language, own_modules: &BTreeSet<String>, budget: &mut Budget, outcome: &mut Outcome) {
    let mut at = 0usize;
    let mut imports = String::new();
    let mut done = 0;
    for line in text.split_inclusive('\n') {
        let start = at;
        at += line.len();
        let trimmed = line.trim();
        if language == Language::Python && (trimmed.starts_with("import ") || trimmed.starts_with("from ")) && imports.len() < 4_000 {
            imports.push_str(trimmed);
            imports.push('\n');
        }
        if language == Language::JavaScript
            && trimmed.contains("require(")
            && trimmed.len() < 300
            && imports.len() < 4_000
            && !super::depth::is_too_deep(trimmed, language)
            && super::lower(trimmed, "", language).is_some()
        {
            imports.push_str(trimmed);
            imports.push('\n');
        }
        if done >= MAX_LINES || trimmed.len() < 8 || trimmed.len() > 64 << 10 || !TELLING.iter().any(|word| trimmed.contains(word)) {
            continue;
        }
        done += 1;
        let alone = format!("{imports}{trimmed}");
        if super::depth::is_too_deep(&alone, language) {
            continue;
        }
        let Some(module) = super::lower(&alone, "", language) else { continue };
        let inner = trace(&module, language, own_modules, 1, budget);
        let end = (start + line.len()) as u32;
        for fact in inner.facts.into_iter().filter(|fact| fact.at as usize >= imports.len()) {
            let shown = fact.inner.clone().unwrap_or_else(|| Rc::from(crate::trace::snippet(&alone, fact.at, fact.end)));
            outcome.facts.push(RawFact { at: start as u32, end, inner: Some(shown), scope: 0, ..fact });
        }
    }
}

/// Interface names followed by a bracket.
fn calls(text: &str, language: Language, outcome: &mut Outcome) {
    let table = table(language);
    let bytes = text.as_bytes();
    let mut found = 0;
    for open in memchr::memchr_iter(b'(', bytes) {
        let mut start = open;
        while start > 0 && (bytes[start - 1].is_ascii_alphanumeric() || matches!(bytes[start - 1], b'_' | b'.' | b'$')) && open - start < 80
        {
            start -= 1;
        }
        let Some(path) = text.get(start..open) else { continue };
        let capability = match table.effect(path) {
            Some(Effect::Spawn) => Capability::Spawn,
            Some(Effect::Eval | Effect::EvalLast) => Capability::Eval,
            Some(Effect::Network | Effect::Download) => Capability::Network,
            _ => continue,
        };
        let tail = crate::trace::value::cut(text.get(open + 1..).unwrap_or(""), 400);
        let argument = tail.split(['\n', ';']).next().unwrap_or("").to_owned();
        let taint = if argument.contains("b64decode(") || argument.contains("atob(") { Taint::DECODED } else { Taint::NONE };
        outcome.facts.push(RawFact {
            capability,
            api: Rc::from(path),
            taint,
            args: vec![argument.clone()],
            at: start as u32,
            end: (open + 1 + argument.len()) as u32,
            inner: None,
            chain: Vec::new(),
            line: 0,
            scope: 0,
            dormant: false,
            gate: Taint::NONE,
        });
        found += 1;
        if found >= 2_000 {
            break;
        }
    }
}
