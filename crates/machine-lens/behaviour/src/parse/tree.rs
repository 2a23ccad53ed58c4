//! What Rust and Go lowering share: walking a tree-sitter tree.

use crate::ir::{Function, MAX_DEPTH, Module, Stmt, Sym};
use tree_sitter::{Language, Node, Parser, Tree};

/// Parses with a grammar.
pub(super) fn parse(text: &str, grammar: &Language) -> Option<Tree> {
    let mut parser = Parser::new();
    parser.set_language(grammar).ok()?;
    parser.parse(text, None)
}

/// The named children of a node, comments left out.
pub(super) fn children<'t>(node: Node<'t>) -> Vec<Node<'t>> {
    let mut cursor = node.walk();
    node.named_children(&mut cursor).filter(|child| !child.kind().contains("comment")).collect()
}

/// The state of a lowering.
#[derive(Default)]
pub(super) struct Lowering<'s> {
    pub(super) source: &'s str,
    pub(super) module: Module,
    pub(super) function: Option<u32>,
    pub(super) depth: u32,
    pub(super) nodes: u32,
}

impl<'s> Lowering<'s> {
    pub(super) fn name(&mut self, text: &str) -> Sym {
        self.module.names.intern(text)
    }

    pub(super) fn text(&self, node: Node<'_>) -> &'s str {
        self.source.get(node.byte_range()).unwrap_or("")
    }

    pub(super) fn field(&self, node: Node<'_>, name: &str) -> &'s str {
        node.child_by_field_name(name).map_or("", |child| self.text(child))
    }

    /// Goes one level down; false when that is too deep.
    pub(super) fn enter(&mut self) -> bool {
        self.nodes = self.nodes.saturating_add(1);
        if self.depth >= MAX_DEPTH {
            self.module.truncated = true;
            return false;
        }
        self.depth += 1;
        true
    }

    /// Makes a function whose body `read` lowers.
    pub(super) fn function_of(&mut self, read: impl FnOnce(&mut Self) -> (Vec<crate::ir::Target>, Vec<Stmt>)) -> u32 {
        let index = self.module.functions.len() as u32;
        self.module.functions.push(Function { parent: self.function, ..Function::default() });
        let (outer, before) = (self.function.replace(index), self.nodes);
        let (params, body) = read(self);
        self.function = outer;
        let size = self.nodes - before;
        if let Some(function) = self.module.functions.get_mut(index as usize) {
            function.params = params;
            function.body = body;
            function.size = size;
        }
        index
    }
}

/// A string literal without its quotes, the common escapes undone.
pub(super) fn unescape(literal: &str) -> String {
    let mut out = String::with_capacity(literal.len());
    let mut chars = literal.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('r') => out.push('\r'),
            Some('0') => out.push('\0'),
            Some('x') => {
                let digits: String = chars.by_ref().take(2).collect();
                out.push(u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32).unwrap_or('\u{fffd}'));
            }
            Some('u') => {
                let rest = chars.as_str();
                let (digits, width) = match rest.strip_prefix('{').and_then(|inner| inner.split_once('}')) {
                    Some((digits, _)) => (digits.to_owned(), digits.chars().count() + 2),
                    None => (rest.chars().take(4).collect::<String>(), 4),
                };
                for _ in 0..width {
                    chars.next();
                }
                out.push(u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32).unwrap_or('\u{fffd}'));
            }
            Some('\n') => {
                let trimmed = chars.as_str().trim_start();
                chars = trimmed.chars();
            }
            Some(other) => out.push(other),
            None => {}
        }
    }
    out
}
