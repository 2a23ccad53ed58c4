//! Rust, lowered from tree-sitter's tree: build scripts, procedural macros, code that runs before `main`.

use super::tree::{self, Lowering, children, unescape};
use crate::ir::{Arg, Call, Expr, Module, Op, Stmt, Target};
use std::rc::Rc;
use tree_sitter::Node;

/// Parses and lowers.
pub(super) fn lower(text: &str) -> Option<Module> {
    let tree = tree::parse(text, &tree_sitter_rust::LANGUAGE.into())?;
    let mut lowering = Lowering { source: text, ..Lowering::default() };
    let mut body = Vec::new();
    items(&mut lowering, tree.root_node(), &mut body);
    lowering.module.body = body;
    Some(lowering.module)
}

fn items(l: &mut Lowering<'_>, node: Node<'_>, out: &mut Vec<Stmt>) {
    let mut starts = false;
    let mut elsewhere = None;
    for child in children(node) {
        match child.kind() {
            "attribute_item" => {
                let text = l.text(child);
                elsewhere = text.split_once("path").and_then(|(_, rest)| quoted(rest).next()).or(elsewhere);
                starts |=
                    ["ctor", "proc_macro", "no_mangle", "link_section"].iter().any(|word| text.contains(word)) && !text.contains("cfg");
                continue;
            }
            "function_item" => {
                let function = function(l, child);
                let name = l.field(child, "name").to_owned();
                if starts || (name == "main" && l.function.is_none()) {
                    l.module.starts.push(function);
                }
                let name = l.name(&name);
                out.push(Stmt::Define { name, function });
            }
            "mod_item" | "impl_item" | "trait_item" => {
                if let Some(body) = child.child_by_field_name("body")
                    && l.enter()
                {
                    items(l, body, out);
                    l.depth -= 1;
                }
                if child.kind() == "mod_item" && child.child_by_field_name("body").is_none() {
                    // `#[path = "x"]` before it.
                    let name = elsewhere.unwrap_or_else(|| l.field(child, "name"));
                    out.push(Stmt::Expr(Expr::Import(Rc::from(format!("./{name}")))));
                }
            }
            "use_declaration" => {
                if let Some(argument) = child.child_by_field_name("argument") {
                    uses(l, argument, "", out, 0);
                }
            }
            "const_item" | "static_item" => {
                if let Some(value) = child.child_by_field_name("value") {
                    let value = expr(l, value);
                    let name = l.field(child, "name").to_owned();
                    let name = l.name(&name);
                    out.push(Stmt::Assign { target: Target::Name(name), value, add: false });
                }
            }
            "macro_invocation" | "expression_statement" => {
                let value = expr(l, child);
                out.push(Stmt::Expr(value));
            }
            _ => {}
        }
        starts = false;
        elsewhere = None;
    }
}

/// The plain string literals of a text.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('"').skip(1).step_by(2)
}

/// The file that `include!` puts in its place: beside this one, or below the package's folder.
fn included(text: &str) -> Option<Expr> {
    const FOLDERS: [&str; 2] = ["CARGO_MANIFEST_DIR", "OUT_DIR"];
    if text.contains(FOLDERS[1]) {
        return None;
    }
    let path: String = quoted(text).filter(|part| !FOLDERS.contains(part)).take(64).collect();
    let path = path.trim_start_matches(['.', '/']);
    (!path.is_empty() && path.len() <= 500).then(|| Expr::Import(Rc::from(format!("./{path}"))))
}

/// `a::{b as c, d::*}`.
fn uses(l: &mut Lowering<'_>, node: Node<'_>, prefix: &str, out: &mut Vec<Stmt>, depth: u32) {
    if depth > 16 {
        return;
    }
    let join = |tail: &str| if prefix.is_empty() { tail.replace("::", ".") } else { format!("{prefix}.{}", tail.replace("::", ".")) };
    match node.kind() {
        "use_as_clause" => {
            let path = join(l.field(node, "path"));
            let alias = l.field(node, "alias").to_owned();
            let name = l.name(&alias);
            out.push(Stmt::Assign { target: Target::Name(name), value: Expr::Api(Rc::from(path)), add: false });
        }
        "scoped_use_list" => {
            let path = join(l.field(node, "path"));
            if let Some(list) = node.child_by_field_name("list") {
                for child in children(list) {
                    uses(l, child, &path, out, depth + 1);
                }
            }
        }
        "use_list" => {
            for child in children(node) {
                uses(l, child, prefix, out, depth + 1);
            }
        }
        "use_wildcard" => {}
        _ => {
            let path = join(l.text(node));
            let last = path.rsplit('.').next().unwrap_or(&path).to_owned();
            let (last, path) = if last == "self" {
                let parent = path.trim_end_matches(".self").to_owned();
                (parent.rsplit('.').next().unwrap_or(&parent).to_owned(), parent)
            } else {
                (last, path)
            };
            let name = l.name(&last);
            out.push(Stmt::Assign { target: Target::Name(name), value: Expr::Api(Rc::from(path)), add: false });
        }
    }
}

fn function(l: &mut Lowering<'_>, node: Node<'_>) -> u32 {
    l.function_of(|l| {
        let params = node.child_by_field_name("parameters").map(children).unwrap_or_default();
        let targets = params
            .into_iter()
            .map(|param| param.child_by_field_name("pattern").map_or(Target::Ignore, |pattern| target(l, pattern)))
            .collect();
        let mut body = Vec::new();
        if let Some(block) = node.child_by_field_name("body") {
            statements(l, block, &mut body, true);
        }
        (targets, body)
    })
}

fn statements(l: &mut Lowering<'_>, block: Node<'_>, out: &mut Vec<Stmt>, returns: bool) {
    if !l.enter() {
        return;
    }
    items(l, block, out);
    let parts = children(block);
    let last = parts.len().saturating_sub(1);
    for (index, child) in parts.into_iter().enumerate() {
        match child.kind() {
            "let_declaration" => {
                let value = child.child_by_field_name("value").map_or(Expr::Unknown, |value| expr(l, value));
                let target = child.child_by_field_name("pattern").map_or(Target::Ignore, |pattern| target(l, pattern));
                out.push(Stmt::Assign { target, value, add: false });
            }
            "function_item"
            | "use_declaration"
            | "const_item"
            | "static_item"
            | "mod_item"
            | "impl_item"
            | "attribute_item"
            | "macro_invocation"
            | "expression_statement" => {
                // `items` has read these already; a tail macro is a value.
            }
            _ => {
                let value = expr(l, child);
                out.push(if index == last && returns { Stmt::Return(value) } else { Stmt::Expr(value) });
            }
        }
    }
    l.depth -= 1;
}

fn target(l: &mut Lowering<'_>, node: Node<'_>) -> Target {
    match node.kind() {
        "identifier" => {
            let text = l.text(node).to_owned();
            Target::Name(l.name(&text))
        }
        "tuple_struct_pattern" | "reference_pattern" | "mut_pattern" | "captured_pattern" => match children(node).into_iter().next_back() {
            Some(inner) if l.enter() => {
                let found = target(l, inner);
                l.depth -= 1;
                found
            }
            _ => Target::Ignore,
        },
        "tuple_pattern" => {
            if !l.enter() {
                return Target::Ignore;
            }
            let parts = children(node).into_iter().map(|part| target(l, part)).collect();
            l.depth -= 1;
            Target::Many(parts)
        }
        _ => Target::Ignore,
    }
}

fn expr(l: &mut Lowering<'_>, node: Node<'_>) -> Expr {
    if !l.enter() {
        return Expr::Unknown;
    }
    let value = expr_inner(l, node);
    l.depth -= 1;
    value
}

fn call(node: Node<'_>, callee: Expr, args: Vec<Arg>) -> Expr {
    Expr::Call(Box::new(Call { callee, args, at: node.start_byte() as u32, end: node.end_byte() as u32 }))
}

fn expr_inner(l: &mut Lowering<'_>, node: Node<'_>) -> Expr {
    match node.kind() {
        "string_literal" => {
            let text = l.text(node);
            if text.starts_with('b') {
                return Expr::Bytes(unescape(trimmed(text)).into_bytes().into());
            }
            Expr::Text(Rc::from(unescape(trimmed(text))))
        }
        "raw_string_literal" => Expr::Text(Rc::from(trimmed(l.text(node)))),
        "integer_literal" | "float_literal" => number(l.text(node)),
        "char_literal" => Expr::Text(Rc::from(unescape(l.text(node).trim_matches('\'')))),
        "identifier" | "self" => {
            let text = l.text(node).to_owned();
            Expr::Name(l.name(&text))
        }
        "scoped_identifier" => {
            let path = l.text(node).to_owned();
            scoped(l, &path)
        }
        "generic_function" => node.child_by_field_name("function").map_or(Expr::Unknown, |inner| expr(l, inner)),
        "field_expression" => {
            let object = node.child_by_field_name("value").map_or(Expr::Unknown, |inner| expr(l, inner));
            Expr::Member(Box::new(object), Rc::from(l.field(node, "field")))
        }
        "call_expression" => {
            let callee = node.child_by_field_name("function").map_or(Expr::Unknown, |inner| expr(l, inner));
            let args: Vec<Arg> = node
                .child_by_field_name("arguments")
                .map(children)
                .unwrap_or_default()
                .into_iter()
                .map(|arg| Arg::plain(expr(l, arg)))
                .collect();
            // What only unwraps a value is not a call.
            if let Expr::Member(object, name) = &callee
                && matches!(
                    &**name,
                    "unwrap"
                        | "expect"
                        | "unwrap_or_default"
                        | "unwrap_or"
                        | "ok"
                        | "into"
                        | "clone"
                        | "as_ref"
                        | "as_str"
                        | "to_string"
                        | "to_owned"
                        | "unwrap_or_else"
                        | "into_string"
                        | "as_bytes"
                        | "display"
                        | "trim"
                        | "call"
                        | "send"
                        | "text"
                        | "into_reader"
                        | "bytes"
                        | "borrow"
                        | "as_deref"
                        | "map_err"
                )
                && args.iter().all(|arg| matches!(arg.value, Expr::Lambda(_) | Expr::Text(_)))
            {
                return (**object).clone();
            }
            call(node, callee, args)
        }
        "macro_invocation" => {
            let name = format!("{}!", l.field(node, "macro").rsplit("::").next().unwrap_or(""));
            if name == "include!"
                && let Some(import) = included(l.text(node))
            {
                return import;
            }
            let args = token_args(l, node);
            call(node, Expr::Api(Rc::from(name)), args)
        }
        "binary_expression" => {
            let op = match l.field(node, "operator") {
                "+" => Op::Add,
                "-" => Op::Sub,
                "*" => Op::Mul,
                "^" => Op::Xor,
                "%" => Op::Rem,
                _ => Op::Other,
            };
            let left = node.child_by_field_name("left").map_or(Expr::Unknown, |side| expr(l, side));
            let right = node.child_by_field_name("right").map_or(Expr::Unknown, |side| expr(l, side));
            Expr::Binary(op, Box::new(left), Box::new(right))
        }
        "assignment_expression" | "compound_assignment_expr" => {
            let value = node.child_by_field_name("right").map_or(Expr::Unknown, |side| expr(l, side));
            match node.child_by_field_name("left") {
                Some(left) if left.kind() == "identifier" => Expr::Assign(Box::new((target(l, left), value))),
                _ => value,
            }
        }
        "closure_expression" => {
            let index = l.function_of(|l| {
                let params = node.child_by_field_name("parameters").map(children).unwrap_or_default();
                let targets = params.into_iter().map(|param| target(l, param.child_by_field_name("pattern").unwrap_or(param))).collect();
                let mut body = Vec::new();
                if let Some(inner) = node.child_by_field_name("body") {
                    let value = expr(l, inner);
                    body.push(Stmt::Return(value));
                }
                (targets, body)
            });
            Expr::Lambda(index)
        }
        "array_expression" | "tuple_expression" => Expr::List(children(node).into_iter().map(|item| expr(l, item)).collect()),
        "if_expression" | "match_expression" | "while_expression" | "for_expression" | "loop_expression" | "block" | "unsafe_block"
        | "async_block" | "else_clause" | "match_block" | "match_arm" | "let_condition" | "let_chain" => blocks(l, node),
        "struct_expression" => {
            let parts = node.child_by_field_name("body").map(children).unwrap_or_default();
            Expr::Sequence(
                parts.into_iter().map(|part| expr(l, part.child_by_field_name("value").unwrap_or(part))).chain([Expr::Unknown]).collect(),
            )
        }
        "type_cast_expression"
        | "index_expression"
        | "reference_expression"
        | "await_expression"
        | "try_expression"
        | "parenthesized_expression"
        | "expression_statement"
        | "return_expression"
        | "unary_expression"
        | "field_initializer" => children(node).into_iter().next().map_or(Expr::Unknown, |inner| {
            if inner.kind() == "mutable_specifier" {
                children(node).into_iter().nth(1).map_or(Expr::Unknown, |inner| expr(l, inner))
            } else {
                expr(l, inner)
            }
        }),
        _ => Expr::Unknown,
    }
}

/// Blocks as expressions: their statements become a function that is called where it stands.
fn blocks(l: &mut Lowering<'_>, node: Node<'_>) -> Expr {
    match node.kind() {
        "block" | "unsafe_block" | "async_block" => {
            let inner = if node.kind() == "block" { Some(node) } else { children(node).into_iter().find(|child| child.kind() == "block") };
            let Some(inner) = inner else { return Expr::Unknown };
            let mut out = Vec::new();
            statements(l, inner, &mut out, false);
            sequence(out)
        }
        "let_condition" => {
            let value = node.child_by_field_name("value").map_or(Expr::Unknown, |value| expr(l, value));
            let target = node.child_by_field_name("pattern").map_or(Target::Ignore, |pattern| target(l, pattern));
            Expr::Assign(Box::new((target, value)))
        }
        "match_arm" => node.child_by_field_name("value").map_or(Expr::Unknown, |value| expr(l, value)),
        "for_expression" => {
            let iter = node.child_by_field_name("value").map_or(Expr::Unknown, |value| expr(l, value));
            let target = node.child_by_field_name("pattern").map_or(Target::Ignore, |pattern| target(l, pattern));
            let body = node.child_by_field_name("body").map_or(Expr::Unknown, |body| expr(l, body));
            Expr::Each(Box::new((target, iter, body)))
        }
        _ => Expr::Sequence(children(node).into_iter().map(|child| expr(l, child)).collect()),
    }
}

fn sequence(stmts: Vec<Stmt>) -> Expr {
    let parts = stmts
        .into_iter()
        .map(|stmt| match stmt {
            Stmt::Expr(value) | Stmt::Return(value) => value,
            Stmt::Assign { target, value, .. } => Expr::Assign(Box::new((target, value))),
            Stmt::Define { name, function } => Expr::Assign(Box::new((Target::Name(name), Expr::Lambda(function)))),
            _ => Expr::Unknown,
        })
        .collect();
    Expr::Sequence(parts)
}

fn scoped(l: &mut Lowering<'_>, path: &str) -> Expr {
    let mut parts = path.split("::").map(|part| part.split('<').next().unwrap_or(part).trim());
    let first = parts.next().unwrap_or("").to_owned();
    let root = if matches!(first.as_str(), "std" | "crate" | "core" | "alloc" | "self" | "super") {
        Expr::Api(Rc::from(if first == "core" || first == "alloc" { "std" } else { first.as_str() }))
    } else {
        Expr::Name(l.name(&first))
    };
    parts.filter(|part| !part.is_empty()).fold(root, |object, part| Expr::Member(Box::new(object), Rc::from(part)))
}

/// A macro's arguments are only tokens: texts and names are taken, calls among them are parsed again as expressions.
fn token_args(l: &mut Lowering<'_>, node: Node<'_>) -> Vec<Arg> {
    let Some(tokens) = children(node).into_iter().find(|child| child.kind() == "token_tree") else { return Vec::new() };
    let mut args = Vec::new();
    for child in children(tokens) {
        match child.kind() {
            "string_literal" | "raw_string_literal" | "integer_literal" | "identifier" => {
                let value = expr(l, child);
                args.push(Arg::plain(value));
            }
            _ => {}
        }
        if args.len() >= 4_096 {
            break;
        }
    }
    args
}

fn trimmed(text: &str) -> &str {
    let text = text.trim_start_matches(['b', 'c', 'r']).trim_matches('#');
    text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(text)
}

fn number(text: &str) -> Expr {
    let clean: String = text.chars().filter(|c| *c != '_').collect();
    let clean = clean.trim_end_matches(|c: char| c.is_ascii_alphabetic() && !clean.starts_with("0x"));
    let parsed = match clean.strip_prefix("0x") {
        Some(hex) => i64::from_str_radix(hex.trim_end_matches("u8").trim_end_matches("u32"), 16).ok().map(|number| number as f64),
        None => clean.trim_end_matches(char::is_alphabetic).parse().ok(),
    };
    parsed.map_or(Expr::Unknown, Expr::Num)
}
