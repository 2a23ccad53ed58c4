//! From the text of a condition to a checked [`Node`], or every mistake in it at its place.
//!
//! The parser is that of the `cel` crate with its macros off, so that `exists`, `all` and `filter` stay calls that are
//! checked and evaluated here. Its recursion is bounded before it starts: a condition is short, and brackets in it nest
//! only so deep (the attack: a policy file from a pull request that overflows the stack of the job that lints it).

use crate::ir::Node;
use crate::lower::Lowering;
use crate::schema::Type;
use crate::{KnownSignals, MAX_CONDITION, MAX_DEPTH};

/// A mistake at a byte offset of the condition's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mistake {
    pub(crate) offset: usize,
    pub(crate) message: String,
    pub(crate) hint: String,
}

impl Mistake {
    pub(crate) fn at(offset: usize, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Mistake { offset, message: message.into(), hint: hint.into() }
    }
}

/// Parses and checks a condition.
pub(crate) fn compile(text: &str, known: &KnownSignals) -> Result<Node, Vec<Mistake>> {
    bounds(text).map_err(|mistake| vec![mistake])?;
    let parser = cel::Env::default().parser().enable_optional_syntax(false).max_recursion_depth(MAX_DEPTH as u16).error_recovery_limit(8);
    let (expression, info) = parser.parse_with_source_info(text).map_err(|errors| {
        let mut mistakes: Vec<Mistake> = errors.errors.iter().map(|error| syntax(text, error)).collect();
        mistakes.truncate(3);
        mistakes
    })?;
    let mut lowering = Lowering::new(text, &info, known);
    let (node, kind) = lowering.expression(&expression);
    let mut mistakes = lowering.into_mistakes();
    if mistakes.is_empty() && kind != Type::Bool {
        mistakes.push(Mistake::at(0, format!("the condition is a {}, not a bool", kind.name()), "compare it with something"));
    }
    if mistakes.is_empty() { Ok(node) } else { Err(mistakes) }
}

fn syntax(text: &str, error: &cel::ParseError) -> Mistake {
    let (line, column) = error.pos;
    let line = usize::try_from(line).unwrap_or(1).max(1);
    let column = usize::try_from(column).unwrap_or(1).max(1);
    let start: usize = text.split_inclusive('\n').take(line - 1).map(str::len).sum();
    let offset = text[start..].char_indices().nth(column - 1).map_or(text.len(), |(at, _)| start + at);
    Mistake::at(offset, format!("not a CEL expression: {}", bifocal_core::one_line(&error.msg, 160)), "")
}

/// Refuses texts on which the parser could recurse too deep.
fn bounds(text: &str) -> Result<(), Mistake> {
    if text.len() > MAX_CONDITION {
        let message = format!("the condition has {} bytes, more than {MAX_CONDITION}", text.len());
        return Err(Mistake::at(0, message, "make several rules of it"));
    }
    if text.trim().is_empty() {
        return Err(Mistake::at(0, "the condition is empty", "write `true` for a rule that always matches"));
    }
    let mut depth = 0_usize;
    let mut run = 0_usize;
    let mut quote: Option<char> = None;
    let mut escaped = false;
    for (offset, c) in text.char_indices() {
        if let Some(open) = quote {
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                c if c == open => quote = None,
                _ => {}
            }
            continue;
        }
        run = if matches!(c, '!' | '-' | '?') || c.is_whitespace() { run + usize::from(!c.is_whitespace()) } else { 0 };
        match c {
            '"' | '\'' => quote = Some(c),
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH || run > MAX_DEPTH {
            return Err(Mistake::at(offset, format!("the condition nests deeper than {MAX_DEPTH}"), "make several rules of it"));
        }
    }
    let chained = ["?", "+", "-", "*", "/", "%", "."].iter().map(|op| text.matches(op).count()).max().unwrap_or(0);
    if chained > 256 {
        return Err(Mistake::at(0, "the condition chains more than 256 operators", "make several rules of it"));
    }
    Ok(())
}
