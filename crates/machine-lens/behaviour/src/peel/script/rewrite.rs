//! Puts the texts of a string array where they are used.
//!
//! Accessors are found by what they do: functions of the script that give a text for literal arguments. Names that only
//! stand for one, and small functions that only call one, count as accessors too. Names are unique in such scripts, so
//! that uses are found in the text itself.

use super::machine::Machine;
use super::value::Js;
use oxc_ast::ast;
use oxc_parser::{ParseOptions, Parser};
use oxc_span::SourceType;
use std::collections::{BTreeMap, BTreeSet};

/// Most uses that are replaced.
const MAX_USES: usize = 50_000;
/// Longest use, name and arguments.
const MAX_USE: usize = 300;
/// Longest function that only calls an accessor.
const MAX_WRAPPER: usize = 400;

/// A script with its texts in place.
pub(crate) struct Rewritten {
    pub(crate) text: String,
    /// Where stretches start: in the new text, in the old one, and whether the stretch is a replaced use.
    stretches: Vec<(u32, u32, bool)>,
}

impl Rewritten {
    /// The place in the script that a place in the new text comes from.
    pub(crate) fn origin(&self, at: u32) -> u32 {
        let found = self.stretches.partition_point(|(new, ..)| *new <= at);
        match found.checked_sub(1).and_then(|index| self.stretches.get(index)) {
            Some((_, old, true)) => *old,
            Some((new, old, false)) => old + (at - new),
            None => at,
        }
    }
}

/// One use: from, to, name, the text of its arguments.
type Use<'t> = (usize, usize, &'t str, &'t str);

/// Replaces uses of the script's own accessors. `None`: it has none.
pub(super) fn rewrite(machine: &mut Machine<'_>, text: &str) -> Option<Rewritten> {
    let mut candidates: BTreeSet<String> = machine.global_functions();
    stand_ins(machine, text, &mut candidates);
    wrappers(machine, text, &mut candidates);
    let uses = uses(text);
    let mut accessors: BTreeSet<&str> = BTreeSet::new();
    let mut given: BTreeMap<&str, Option<String>> = BTreeMap::new();
    let mut tried: BTreeMap<&str, u32> = BTreeMap::new();
    for &(from, to, name, _) in &uses {
        let count = tried.entry(name).or_insert(0);
        if *count < 3 && !accessors.contains(name) && candidates.contains(name) {
            *count += 1;
            let whole = &text[from..to];
            let value = call(machine, whole);
            if value.is_some() {
                accessors.insert(name);
            }
            given.insert(whole, value);
        }
    }
    let mut out = String::with_capacity(text.len());
    let mut stretches = vec![(0, 0, false)];
    let mut copied = 0;
    for (from, to, name, _) in uses {
        if from < copied || !accessors.contains(name) {
            continue;
        }
        let whole = &text[from..to];
        if !given.contains_key(whole) {
            let value = call(machine, whole);
            given.insert(whole, value);
        }
        let Some(Some(value)) = given.get(whole) else { continue };
        let Ok(literal) = serde_json::to_string(value) else { continue };
        out.push_str(&text[copied..from]);
        stretches.push((out.len() as u32, from as u32, true));
        out.push_str(&literal);
        stretches.push((out.len() as u32, to as u32, false));
        copied = to;
    }
    if copied == 0 {
        return None;
    }
    out.push_str(&text[copied..]);
    Some(Rewritten { text: out, stretches })
}

/// Evaluates one use in the script's own scope.
fn call(machine: &mut Machine<'_>, whole: &str) -> Option<String> {
    evaluate(machine, whole)?.string()
}

fn evaluate(machine: &mut Machine<'_>, text: &str) -> Option<Js> {
    machine.spend(text.len() as u64).ok()?;
    let source = machine.allocator.alloc_str(text);
    let options = ParseOptions::default();
    let parsed = Parser::new(machine.allocator, source, SourceType::cjs()).with_options(options).parse();
    if parsed.panicked || !parsed.diagnostics.is_empty() {
        return None;
    }
    let program: &ast::Program<'_> = machine.allocator.alloc(parsed.program);
    let before = std::mem::replace(&mut machine.source, source);
    let result = machine.block(&program.body, 0).ok();
    machine.source = before;
    result
}

/// Calls of a name with nothing but literals.
fn uses(text: &str) -> Vec<Use<'_>> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    for open in memchr::memchr_iter(b'(', bytes) {
        let start = name_before(bytes, open);
        if start == open || found.len() >= MAX_USES {
            continue;
        }
        if let Some(length) = literals(&bytes[open + 1..bytes.len().min(open + MAX_USE)]) {
            let inside = open + 1..open + 1 + length;
            // `function name()` and `object.name()` are something else.
            let is_plain = !matches!(start.checked_sub(1).and_then(|at| bytes.get(at)), Some(b'.')) && !is_declared(text, start);
            if is_plain && !inside.is_empty() {
                found.push((start, inside.end + 1, &text[start..open], &text[inside]));
            }
        }
    }
    found
}

fn name_before(bytes: &[u8], end: usize) -> usize {
    let mut start = end;
    while start > 0 && (bytes[start - 1].is_ascii_alphanumeric() || matches!(bytes[start - 1], b'_' | b'$')) && end - start < 80 {
        start -= 1;
    }
    if bytes.get(start).is_some_and(u8::is_ascii_digit) { end } else { start }
}

fn is_declared(text: &str, start: usize) -> bool {
    text.get(..start).is_some_and(|before| before.trim_end().ends_with("function"))
}

/// How long the arguments are, where they are literals up to the closing bracket.
fn literals(rest: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        match *rest.get(at)? {
            b')' => return Some(at),
            quote @ (b'"' | b'\'') => {
                at += 1;
                loop {
                    match *rest.get(at)? {
                        b'\\' => at += 2,
                        b'\n' => return None,
                        byte if byte == quote => break,
                        _ => at += 1,
                    }
                }
                at += 1;
            }
            byte if byte.is_ascii_hexdigit() || matches!(byte, b'x' | b'X' | b',' | b' ' | b'-' | b'+' | b'.' | b'*') => at += 1,
            _ => return None,
        }
    }
}

/// `const b = a`, where `a` is an accessor: `b` is one too.
fn stand_ins(machine: &mut Machine<'_>, text: &str, accessors: &mut BTreeSet<String>) {
    let bytes = text.as_bytes();
    for _ in 0..4 {
        let mut new: BTreeMap<&str, &str> = BTreeMap::new();
        for equals in memchr::memchr_iter(b'=', bytes) {
            let left_end = bytes[..equals].iter().rposition(|byte| !byte.is_ascii_whitespace()).map_or(0, |at| at + 1);
            let right = text[equals + 1..].trim_start_matches(' ');
            let right_end =
                right.bytes().position(|byte| !(byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$'))).unwrap_or(right.len());
            let right = &right[..right_end];
            let ends = matches!(
                bytes.get(equals + 1..).map(|rest| rest.trim_ascii_start()).and_then(|rest| rest.get(right_end)),
                Some(b',' | b';' | b'\n' | b'}' | b')') | None
            );
            let start = name_before(bytes, left_end);
            if ends
                && start < left_end
                && accessors.contains(right)
                && !matches!(start.checked_sub(1).and_then(|at| bytes.get(at)), Some(b'.'))
            {
                new.insert(&text[start..left_end], right);
            }
        }
        let before = accessors.len();
        for (name, stands_for) in new {
            if machine.lookup(name, 0).is_none() && machine.spend(8).is_ok() {
                let Some(value) = machine.lookup(stands_for, 0).cloned() else { continue };
                let name = machine.allocator.alloc_str(name);
                machine.declare(name, value, 0, false);
            }
            accessors.insert(name.to_owned());
        }
        if accessors.len() == before {
            return;
        }
    }
}

/// `function b(x, y) { return a(y - 3, x) }`, where `a` is an accessor: `b` is one too.
fn wrappers(machine: &mut Machine<'_>, text: &str, accessors: &mut BTreeSet<String>) {
    let mut found: Vec<(&str, &str)> = Vec::new();
    for (at, _) in text.match_indices("function ") {
        let rest = &text[at + 9..];
        let name_end = rest.bytes().position(|byte| !(byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$'))).unwrap_or(0);
        let (Some(open), Some(close)) = (rest.find('{'), rest.find('}')) else { continue };
        if name_end == 0
            || close > MAX_WRAPPER
            || open > close
            || !rest[open..close].trim_start_matches('{').trim_start().starts_with("return")
        {
            continue;
        }
        found.push((&rest[..name_end], &text[at..at + 9 + close + 1]));
        if found.len() >= 20_000 {
            break;
        }
    }
    // One may call another.
    for _ in 0..4 {
        let before = accessors.len();
        for (name, whole) in &found {
            let body = whole.split_once('{').map_or("", |(_, body)| body);
            let called = body.trim_start().trim_start_matches("return").trim_start();
            let callee = called.split('(').next().unwrap_or("").trim();
            if !accessors.contains(*name)
                && accessors.contains(callee)
                && machine.lookup(name, 0).is_none()
                && evaluate(machine, whole).is_some()
            {
                accessors.insert((*name).to_owned());
            }
        }
        if accessors.len() == before {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::unfold;

    /// An array that is turned until a sum fits, read through an offset: the shape of a common obfuscator, by hand.
    const SCRIPT: &str = r#"
function _0x1a2b(){const _0x5c=['aGVsbG8=','log','d29ybGQ=','7up','3x'];_0x1a2b=function(){return _0x5c;};return _0x1a2b();}
function _0x3c4d(_0x6e,_0x7f){const _0x8a=_0x1a2b();return _0x3c4d=function(_0x9b,_0xac){_0x9b=_0x9b-0x10;let _0xbd=_0x8a[_0x9b];return _0xbd;},_0x3c4d(_0x6e,_0x7f);}
(function(_0xce,_0xdf){const _0xe0=_0x3c4d,_0xf1=_0xce();while(!![]){try{const _0x02=parseInt(_0xe0(0x10))/1+parseInt(_0xe0(0x11))*2;if(_0x02===_0xdf)break;else _0xf1['push'](_0xf1['shift']());}catch(_0x13){_0xf1['push'](_0xf1['shift']());}}}(_0x1a2b,0xd));
function _0xother(){const _0x24=_0x3c4d;function _0x35(_0x46,_0x57){return _0x3c4d(_0x57-0x20,_0x46);}console[_0x24(0x13)](_0x35('k',0x32));}
"#;

    #[test]
    fn accessors_stand_ins_and_wrappers_give_way_to_their_texts() {
        let unfolded = unfold(SCRIPT).unwrap();
        let rewritten = unfolded.rewritten.unwrap();
        assert!(rewritten.text.contains(r#"console["log"]("aGVsbG8=")"#), "{}", rewritten.text);
        let at = rewritten.text.find(r#""aGVsbG8=")"#).unwrap();
        let origin = rewritten.origin(at as u32) as usize;
        assert!(SCRIPT[origin..].starts_with("_0x35('k',0x32)"));
        let end = rewritten.origin(rewritten.text.len() as u32) as usize;
        assert_eq!(end, SCRIPT.len());
    }

    #[test]
    fn plain_scripts_are_left_alone() {
        assert!(
            unfold("const a = require('a');\nfunction f(x) { return a(x - 1); }\nmodule.exports = f;\n// long enough to be looked at")
                .is_none()
        );
    }
}
