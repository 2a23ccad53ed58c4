//! How deep a text nests, measured without recursion before a recursive parser sees it.
//!
//! Two things make a recursive descent deep: brackets, and operators that bind to the right. Strings and comments are
//! skipped as far as a small lexer can; where it errs, brackets count that should not, and the text is read by words.
//! A text that fools it still meets the large stack of the analysing thread, and after that the child process.

use crate::facts::Language;

/// Deepest nesting of brackets.
pub(super) const BRACKETS: usize = 1_500;
/// Brackets that stay where there are more, and the most in a piece of a text.
pub(super) const KEPT: usize = 250;
/// Longest run of operators that nest to the right, between two separators.
const RIGHT_NESTED: u32 = 3_000;

/// Where a text becomes too deep.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Deep {
    /// Brackets in brackets: the place of the one from which on it is left out.
    Brackets(usize),
    /// Operators that bind to the right: where the chain's expression starts, and an operator in it.
    Run { from: usize, at: usize, bracketed: bool },
    /// Blocks in blocks, by indents.
    Indents,
}

/// Whether a recursive parser should not be given this text.
pub(super) fn is_too_deep(text: &str, language: Language) -> bool {
    first(text, language, BRACKETS).is_some()
}

/// The first place at which a text is too deep for a recursive parser, or for reading a piece of it.
pub(super) fn first(text: &str, language: Language, brackets: usize) -> Option<Deep> {
    let bytes = text.as_bytes();
    let is_python = language == Language::Python;
    let (mut run, mut run_from, mut at) = (0u32, 0usize, 0usize);
    let mut open: Vec<usize> = Vec::new();
    let mut line_start = true;
    while at < bytes.len() {
        let byte = bytes[at];
        if line_start && language == Language::Python {
            let width = bytes[at..].iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
            at += width;
            line_start = false;
            if width > BRACKETS
                && bytes.get(at).is_some_and(|byte| !matches!(byte, b'\n' | b'\r'))
                && open.is_empty()
                && has_deep_indent(bytes)
            {
                return Some(Deep::Indents);
            }
            continue;
        }
        if let Some(after) = skipped(bytes, at, language) {
            at = after;
            continue;
        }
        match byte {
            b'(' | b'[' | b'{' => {
                open.push(at);
                if open.len() > brackets {
                    return open.get(KEPT - 1).copied().map(Deep::Brackets);
                }
            }
            b')' | b']' | b'}' => {
                open.pop();
                (run, run_from) = (0, at + 1);
            }
            b';' | b',' => (run, run_from) = (0, at + 1),
            b'\n' => {
                line_start = true;
                if ends_expression(&bytes[..at]) {
                    (run, run_from) = (0, at + 1);
                }
            }
            // Comparisons are flat in Python.
            b'!' | b'?' | b'<' | b'&' if is_python => {}
            b'-' | b'~' | b'!' | b'+' | b'?' | b'=' | b'*' | b'<' | b'&' => run += 1,
            b'a' | b'd' | b'e' | b'l' | b'n' | b't' | b'v' | b'y'
                if at == 0 || !(bytes[at - 1].is_ascii_alphanumeric() || bytes[at - 1] == b'_') =>
            {
                run += u32::from(nests_to_the_right(&bytes[at..]));
            }
            _ => {}
        }
        if run > RIGHT_NESTED {
            if nests_right(bytes, at) {
                let inside = open.last().map_or(0, |open| open + 1);
                return Some(Deep::Run { from: run_from.max(inside), at, bracketed: !open.is_empty() });
            }
            // Asked again only after as many operators more: each answer looks back over kilobytes.
            run /= 2;
        }
        at += 1;
    }
    None
}

/// The bracket that closes the one at `open`. `None`: the text ends before it.
pub(super) fn closing(text: &str, open: usize, language: Language) -> Option<usize> {
    let bytes = text.as_bytes();
    let (mut depth, mut at) = (0usize, open);
    while at < bytes.len() {
        if let Some(after) = skipped(bytes, at, language) {
            at = after;
            continue;
        }
        match bytes[at] {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' if depth <= 1 => return Some(at),
            b')' | b']' | b'}' => depth -= 1,
            _ => {}
        }
        at += 1;
    }
    None
}

/// What follows the string or comment that starts here.
fn skipped(bytes: &[u8], at: usize, language: Language) -> Option<usize> {
    let is_python = language == Language::Python;
    let after = match bytes[at] {
        b'"' | b'\'' | b'`' => skip_string(bytes, at, language),
        b'#' if is_python => memchr::memchr(b'\n', &bytes[at..]).map_or(bytes.len(), |i| at + i),
        b'/' if !is_python && bytes.get(at + 1) == Some(&b'/') => memchr::memchr(b'\n', &bytes[at..]).map_or(bytes.len(), |i| at + i),
        b'/' if !is_python && bytes.get(at + 1) == Some(&b'*') => {
            memchr::memmem::find(&bytes[at + 2..], b"*/").map_or(bytes.len(), |i| at + 4 + i)
        }
        _ => return None,
    };
    Some(after)
}

/// Whether an operator that is a word stands here.
fn nests_to_the_right(rest: &[u8]) -> bool {
    let word: &[u8] = match rest.first() {
        Some(b'a') => b"await ",
        Some(b'd') => b"delete",
        Some(b'e') => b"else ",
        Some(b'l') => b"lambda",
        Some(b'n') => return rest.starts_with(b"not ") || rest.starts_with(b"new "),
        Some(b't') => b"typeof",
        Some(b'v') => b"void ",
        Some(b'y') => b"yield",
        _ => return false,
    };
    rest.starts_with(word)
}

/// A long run counts only where few operands stand between its operators: `a+b+c` is flat, `- - - -` and `a=b=c` nest.
fn nests_right(bytes: &[u8], at: usize) -> bool {
    let window = &bytes[at.saturating_sub(6_000)..at];
    let plus = window.iter().filter(|byte| **byte == b'+').count();
    let operators = window.iter().filter(|byte| matches!(byte, b'-' | b'~' | b'!' | b'?' | b'=' | b'*' | b'+' | b'<' | b'&')).count();
    plus == 0 || plus * 2 < operators
}

/// Whether a line so ended does not go on in the next one.
fn ends_expression(before: &[u8]) -> bool {
    let last = before.iter().rev().find(|byte| !byte.is_ascii_whitespace());
    last.is_some_and(|byte| !matches!(byte, b'-' | b'~' | b'!' | b'+' | b'?' | b'=' | b'*' | b'<' | b'&' | b':' | b'|' | b'(' | b'\\'))
        && !before.ends_with(b"not")
}

fn has_deep_indent(bytes: &[u8]) -> bool {
    // Nested blocks need growing indents on successive lines; one pushed-right line is no nesting.
    let mut levels = 0u32;
    let mut last = 0usize;
    for line in bytes.split(|byte| *byte == b'\n') {
        let width = line.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        if width == line.len() {
            continue;
        }
        levels = if width > last { levels + 1 } else { levels.min(width as u32) };
        last = width;
        if levels > 400 {
            return true;
        }
    }
    false
}

pub(super) fn skip_string(bytes: &[u8], at: usize, language: Language) -> usize {
    let quote = bytes[at];
    if language == Language::Rust && quote == b'\'' {
        // A lifetime or a character.
        let closes = (bytes.get(at + 2) == Some(&b'\'')) || bytes.get(at + 1) == Some(&b'\\');
        if !closes {
            return at + 1;
        }
    }
    if language == Language::Python && bytes[at..].starts_with(&[quote; 3]) {
        let mut from = at + 3;
        while let Some(found) = memchr::memchr(quote, &bytes[from..]) {
            let here = from + found;
            if bytes[here..].starts_with(&[quote; 3]) && bytes[here - 1] != b'\\' {
                return here + 3;
            }
            from = here + 1;
        }
        return bytes.len();
    }
    let many_lines = quote == b'`' || language == Language::Rust;
    let mut here = at + 1;
    while here < bytes.len() {
        match bytes[here] {
            b'\\' if !(language == Language::Go && quote == b'`') => here += 2,
            b'\n' if !many_lines => return here,
            byte if byte == quote => return here + 1,
            _ => here += 1,
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deep_text_is_refused_and_long_text_is_not() {
        for language in [Language::JavaScript, Language::Python, Language::Rust, Language::Go] {
            assert!(is_too_deep(&"(".repeat(20_000), language));
            assert!(!is_too_deep(&"f(1);\n".repeat(20_000), language));
            assert!(!is_too_deep(&format!("x = \"{}\"", "(".repeat(20_000)), language));
        }
        assert!(is_too_deep(&"-".repeat(20_000), Language::Python));
        assert!(is_too_deep(&"not ".repeat(20_000), Language::Python));
        assert!(is_too_deep(&"a=".repeat(20_000), Language::JavaScript));
        assert!(!is_too_deep(&format!("x={}1", "'a'+".repeat(50_000)), Language::JavaScript));
        assert!(!is_too_deep(&format!("x = 1{}exec(y)", " ".repeat(5_000)), Language::Python));
        assert!(is_too_deep(&(0..2_000).map(|n| format!("{}if x:\n", " ".repeat(n))).collect::<String>(), Language::Python));
    }

    #[test]
    fn unclosed_strings_end() {
        for text in ["\"", "'''", "`", "/*", "\\", "'\\", "\"\\"] {
            for language in [Language::JavaScript, Language::Python, Language::Rust, Language::Go] {
                let _ = is_too_deep(text, language);
            }
        }
    }
}
