//! One code object being read: its stack of expressions, what it made so far, and the lines of its instructions.

use super::super::marshal::Code;
use super::super::opcodes::Release;
use crate::ir::{Expr, Stmt};
use std::collections::BTreeMap;
use std::rc::Rc;

/// Deepest stack kept.
pub(super) const MAX_STACK: usize = 2_048;

/// What a loop makes: an expression, and whether it goes into a list on the stack.
pub(super) struct Given {
    pub(super) value: Expr,
    pub(super) listed: bool,
}

#[derive(Clone)]
pub(super) enum Item {
    /// An expression and its depth.
    Value(Expr, u32),
    Slice(Box<[Option<Expr>; 3]>),
    /// What stands beside a function that is no method.
    Null,
    Code(Rc<Code>),
    BuildClass,
}

/// One code object being read.
pub(super) struct Frame<'c> {
    pub(super) code: &'c Code,
    pub(super) function: Option<u32>,
    pub(super) stack: Vec<Item>,
    pub(super) out: Vec<Stmt>,
    /// What the stack was where a jump to this offset left: its height and top.
    pub(super) pending: BTreeMap<usize, (usize, Option<Item>)>,
    /// After an instruction that never goes on.
    pub(super) dead: bool,
    pub(super) keywords: Vec<Rc<str>>,
    pub(super) lines: Vec<(usize, u32)>,
    pub(super) line: u32,
    /// Expressions that a generator gives, or a comprehension adds to its list.
    pub(super) yields: Vec<Given>,
}

impl<'c> Frame<'c> {
    /// A frame before its first instruction.
    pub(super) fn of(code: &'c Code, function: Option<u32>, release: Release) -> Self {
        Frame {
            code,
            function,
            stack: Vec::new(),
            out: Vec::new(),
            pending: BTreeMap::new(),
            dead: false,
            keywords: Vec::new(),
            lines: lines(code, release),
            line: code.first_line,
            yields: Vec::new(),
        }
    }

    pub(super) fn push(&mut self, item: Item) {
        if self.stack.len() < MAX_STACK {
            self.stack.push(item);
        }
    }

    pub(super) fn pop(&mut self) -> Expr {
        self.pop_deep().0
    }

    pub(super) fn pop_deep(&mut self) -> (Expr, u32) {
        match self.stack.pop() {
            Some(Item::Value(expr, depth)) => (expr, depth),
            _ => (Expr::Unknown, 0),
        }
    }

    /// The top `count` values, the deepest first.
    pub(super) fn take(&mut self, count: usize) -> Vec<Expr> {
        self.take_deep(count).0
    }

    pub(super) fn take_deep(&mut self, count: usize) -> (Vec<Expr>, u32) {
        let from = self.stack.len().saturating_sub(count);
        let mut deepest = 0;
        let items = self.stack.drain(from..).map(|item| match item {
            Item::Value(expr, depth) => {
                deepest = deepest.max(depth);
                expr
            }
            _ => Expr::Unknown,
        });
        let items = items.collect();
        (items, deepest)
    }

    pub(super) fn line_at(&self, at: usize) -> u32 {
        let found = self.lines.partition_point(|(offset, _)| *offset <= at);
        found.checked_sub(1).and_then(|index| self.lines.get(index)).map_or(self.code.first_line, |(_, line)| *line)
    }
}

/// Offset and line, in order of offset.
fn lines(code: &Code, release: Release) -> Vec<(usize, u32)> {
    let mut out = vec![(0, code.first_line)];
    let (mut at, mut line) = (0usize, i64::from(code.first_line));
    let put = |out: &mut Vec<(usize, u32)>, at: usize, line: i64| {
        if let Ok(line) = u32::try_from(line)
            && out.last().is_none_or(|(_, last)| *last != line)
        {
            out.push((at, line));
        }
    };
    if release.since(11) {
        let mut bytes = code.lines.iter().copied();
        while let Some(head) = bytes.next() {
            let length = usize::from(head & 7) + 1;
            match (head >> 3) & 15 {
                0..=9 => drop(bytes.next()),
                kind @ 10..=12 => {
                    line += i64::from(kind - 10);
                    bytes.next();
                    bytes.next();
                }
                13 => line += signed(&mut bytes),
                14 => {
                    line += signed(&mut bytes);
                    for _ in 0..3 {
                        unsigned(&mut bytes);
                    }
                }
                _ => {}
            }
            put(&mut out, at, line);
            at += length * 2;
        }
        return out;
    }
    for pair in code.lines.chunks_exact(2) {
        let (step, change) = (usize::from(pair[0]), pair[1]);
        let change = if release.is_two() { i64::from(change) } else { i64::from(change as i8) };
        if release.since(10) {
            // The line of what follows, then how far that goes.
            if change != -128 {
                line += change;
                put(&mut out, at, line);
            }
            at += step;
        } else {
            at += step;
            line += change;
            put(&mut out, at, line);
        }
    }
    out
}

fn unsigned(bytes: &mut impl Iterator<Item = u8>) -> u64 {
    let mut value = 0u64;
    for shift in (0..48).step_by(6) {
        let Some(byte) = bytes.next() else { break };
        value |= u64::from(byte & 63) << shift;
        if byte & 64 == 0 {
            break;
        }
    }
    value
}

fn signed(bytes: &mut impl Iterator<Item = u8>) -> i64 {
    let value = unsigned(bytes) as i64;
    if value & 1 == 1 { -(value >> 1) } else { value >> 1 }
}
