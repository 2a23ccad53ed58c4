//! What stands around a mistake: a script that the parser refuses is read without the statement that it refuses.
//!
//! Engines run what a parser may call an error (`f() = 1` fails only when it is reached), and one such statement must
//! not hide the others. Every byte that stays keeps its place.

use crate::facts::Language;
use crate::parse::depth;
use crate::parse::shallow::blank;
use oxc_allocator::Allocator;
use oxc_parser::{ParseOptions, Parser};
use oxc_span::SourceType;
use std::ops::Range;

/// Most statements that are left out.
const MAX_ROUNDS: usize = 512;
/// Bytes that all rounds may parse.
const MAX_BYTES: usize = 24 << 20;
/// Longest statement that is looked for.
const LONGEST: usize = 64 << 10;
/// How often more is left out around one place before the text is given up.
const MAX_WIDER: usize = 4;

/// The text without what the parser refuses, in the mode that gets on furthest. `None`: that is too much of it.
pub(super) fn recover(text: &str, modes: &[SourceType]) -> Option<(String, SourceType)> {
    // Said to be Flow, the parser tells no place.
    let mut text = text.replace("@flow", "     ");
    let (_, mut mode) = modes.iter().filter_map(|mode| Some((refusal(&text, *mode)?.start, *mode))).max_by_key(|(at, _)| *at)?;
    if mode == SourceType::unambiguous() {
        mode = SourceType::cjs();
    }
    let (mut last, mut wider) = (usize::MAX, 0);
    for _ in 0..MAX_ROUNDS.min(MAX_BYTES / text.len().max(1)).max(4) {
        let Some(at) = refusal(&text, mode) else { return Some((text, mode)) };
        let near = last != usize::MAX && at.start.abs_diff(last) < 2;
        wider = if near { wider + 1 } else { 0 };
        last = at.start;
        if wider > MAX_WIDER {
            return None;
        }
        text = without(text, &at, wider)?;
    }
    None
}

/// Where the parser stops for good.
fn refusal(text: &str, mode: SourceType) -> Option<Range<usize>> {
    let allocator = Allocator::default();
    let options = ParseOptions { allow_return_outside_function: true, ..ParseOptions::default() };
    let parsed = Parser::new(&allocator, text, mode).with_options(options).parse();
    if !parsed.panicked {
        return None;
    }
    let label = parsed.diagnostics.iter().rev().find_map(|diagnostic| diagnostic.labels.first().map(|label| (label.offset(), label.len())));
    let (at, len) = label.unwrap_or((0, 0));
    let at = (at as usize).min(text.len());
    Some(at..(at + len as usize).min(text.len()))
}

/// Leaves out the target of an assignment, else the statement, else what stands in the brackets around.
fn without(text: String, at: &Range<usize>, wider: usize) -> Option<String> {
    let mut bytes = text.into_bytes();
    let is_target = wider == 0 && at.len() > 1 && matches!(bytes.get(at.end - 1), Some(b')' | b']' | b'}'));
    if is_target {
        let part = bytes.get_mut(at.clone())?;
        blank(part);
        *part.first_mut()? = b'_';
        return String::from_utf8(bytes).ok();
    }
    let (mut range, mut filler) = (statement(&bytes, at), None);
    for _ in 0..MAX_WIDER {
        let something = bytes.get(range.clone())?.iter().any(|byte| !byte.is_ascii_whitespace());
        if something && wider < 2 {
            break;
        }
        let open = opening(&bytes, range.start)?;
        let close = depth::closing(std::str::from_utf8(&bytes).ok()?, open, Language::JavaScript).unwrap_or(bytes.len());
        let inside = bytes.get(open + 1..close)?;
        let has_more = inside.iter().filter(|byte| !byte.is_ascii_whitespace()).count() > 1;
        filler = (bytes.get(open) != Some(&b'{')).then_some(open + 1);
        range = if has_more { open + 1..close } else { statement(&bytes, &(open..close + 1)) };
        if has_more {
            break;
        }
        filler = None;
    }
    let part = bytes.get_mut(range.clone())?;
    if part.iter().all(u8::is_ascii_whitespace) {
        return None;
    }
    blank(part);
    if let Some(byte) = filler.filter(|at| *at < range.end).and_then(|at| bytes.get_mut(at)) {
        *byte = b'0';
    }
    String::from_utf8(bytes).ok()
}

/// The statement around a place, as far as brackets and line ends tell.
fn statement(bytes: &[u8], at: &Range<usize>) -> Range<usize> {
    let before = bytes.get(at.start.saturating_sub(LONGEST)..at.start).unwrap_or(&[]);
    let back = before.iter().rev().take_while(|byte| !matches!(byte, b';' | b'{' | b'}' | b'(' | b'[' | b'\n' | b'\r')).count();
    let (mut depth, mut end) = (0u32, at.end);
    let limit = bytes.len().min(at.end + LONGEST);
    while end < limit {
        match bytes[end] {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' if depth == 0 => break,
            b')' | b']' | b'}' => depth -= 1,
            b';' if depth == 0 => {
                end += 1;
                break;
            }
            b'\n' | b'\r' if depth == 0 => break,
            _ => {}
        }
        end += 1;
    }
    at.start - back..end
}

/// The bracket that is open at a place.
fn opening(bytes: &[u8], at: usize) -> Option<usize> {
    let mut depth = 0u32;
    for (place, byte) in bytes.get(..at)?.iter().enumerate().rev() {
        match byte {
            b')' | b']' | b'}' => depth += 1,
            b'(' | b'[' | b'{' if depth == 0 => return Some(place),
            b'(' | b'[' | b'{' => depth -= 1,
            _ => {}
        }
    }
    None
}
