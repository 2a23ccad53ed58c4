//! Go, lowered from tree-sitter's tree.

use super::tree::{self, Lowering, children, unescape};
use crate::ir::{Arg, Call, Expr, Module, Op, Stmt, Target};
use std::rc::Rc;
use tree_sitter::Node;

/// Parses and lowers.
pub(super) fn lower(text: &str) -> Option<Module> {
    let tree = tree::parse(text, &tree_sitter_go::LANGUAGE.into())?;
    let mut lowering = Lowering { source: text, ..Lowering::default() };
    let mut body = Vec::new();
    let l = &mut lowering;
    for child in children(tree.root_node()) {
        match child.kind() {
            "import_declaration" => imports(l, child, &mut body),
            "function_declaration" | "method_declaration" => {
                let name = l.field(child, "name").to_owned();
                let function = function(l, child);
                if name == "init" && child.kind() == "function_declaration" {
                    l.module.starts.push(function);
                }
                let name = l.name(&name);
                // Methods share their names with functions; the first one stays.
                if child.kind() == "function_declaration" {
                    body.push(Stmt::Define { name, function });
                }
            }
            "var_declaration" | "const_declaration" => variables(l, child, &mut body),
            "comment" => {}
            _ => {}
        }
    }
    lowering.module.body = body;
    Some(lowering.module)
}

fn imports(l: &mut Lowering<'_>, node: Node<'_>, out: &mut Vec<Stmt>) {
    for child in children(node) {
        match child.kind() {
            "import_spec_list" => imports(l, child, out),
            "import_spec" => {
                let path = l.field(child, "path").trim_matches(['"', '`']).to_owned();
                let alias = l.field(child, "name").to_owned();
                let last = path
                    .rsplit('/')
                    .find(|part| !(part.starts_with('v') && part[1..].chars().all(|c| c.is_ascii_digit()) && part.len() > 1))
                    .unwrap_or(&path)
                    .to_owned();
                let name = if alias.is_empty() || alias == "_" || alias == "." { last } else { alias };
                let name = l.name(&name);
                out.push(Stmt::Assign { target: Target::Name(name), value: Expr::Api(Rc::from(path)), add: false });
            }
            _ => {}
        }
    }
}

fn variables(l: &mut Lowering<'_>, node: Node<'_>, out: &mut Vec<Stmt>) {
    for child in children(node) {
        match child.kind() {
            "var_spec_list" => variables(l, child, out),
            "var_spec" | "const_spec" => {
                let mut cursor = child.walk();
                let names: Vec<Target> = child
                    .children_by_field_name("name", &mut cursor)
                    .filter(|name| name.kind() == "identifier")
                    .collect::<Vec<_>>()
                    .into_iter()
                    .map(|name| target(l, name))
                    .collect();
                let Some(value) = child.child_by_field_name("value") else { continue };
                let value = values(l, value);
                out.push(assign(names, value));
            }
            _ => {}
        }
    }
}

/// `a, b := f()`: the first name gets the value, the others what it carries.
fn assign(mut names: Vec<Target>, value: Expr) -> Stmt {
    match (&value, names.len()) {
        (_, 1) => Stmt::Assign { target: names.swap_remove(0), value, add: false },
        (Expr::List(_), _) => Stmt::Assign { target: Target::Many(names), value, add: false },
        _ => Stmt::Assign { target: if names.is_empty() { Target::Ignore } else { names.swap_remove(0) }, value, add: false },
    }
}

fn values(l: &mut Lowering<'_>, node: Node<'_>) -> Expr {
    if node.kind() != "expression_list" {
        return expr(l, node);
    }
    let mut parts: Vec<Expr> = children(node).into_iter().map(|part| expr(l, part)).collect();
    if parts.len() == 1 { parts.swap_remove(0) } else { Expr::List(parts) }
}

fn function(l: &mut Lowering<'_>, node: Node<'_>) -> u32 {
    l.function_of(|l| {
        let mut targets = Vec::new();
        for param in node.child_by_field_name("parameters").map(children).unwrap_or_default() {
            let mut cursor = param.walk();
            for name in param.children_by_field_name("name", &mut cursor).collect::<Vec<_>>() {
                targets.push(target(l, name));
            }
        }
        let mut body = Vec::new();
        if let Some(block) = node.child_by_field_name("body") {
            block_of(l, block, &mut body);
        }
        (targets, body)
    })
}

fn block_of(l: &mut Lowering<'_>, block: Node<'_>, out: &mut Vec<Stmt>) {
    if !l.enter() {
        return;
    }
    for child in children(block) {
        statement(l, child, out);
    }
    l.depth -= 1;
}

fn statement(l: &mut Lowering<'_>, node: Node<'_>, out: &mut Vec<Stmt>) {
    if !l.enter() {
        return;
    }
    match node.kind() {
        "short_var_declaration" | "assignment_statement" => {
            let names: Vec<Target> =
                node.child_by_field_name("left").map(children).unwrap_or_default().into_iter().map(|name| target(l, name)).collect();
            let value = node.child_by_field_name("right").map_or(Expr::Unknown, |right| values(l, right));
            let add = l.field(node, "operator") == "+=";
            match assign(names, value) {
                Stmt::Assign { target, value, .. } => out.push(Stmt::Assign { target, value, add }),
                other => out.push(other),
            }
        }
        "var_declaration" | "const_declaration" => variables(l, node, out),
        "return_statement" => {
            let value = children(node).into_iter().next().map_or(Expr::Unknown, |list| values(l, list));
            // The first of several results is the one that carries data.
            let value = match value {
                Expr::List(mut parts) if !parts.is_empty() => parts.swap_remove(0),
                other => other,
            };
            out.push(Stmt::Return(value));
        }
        "if_statement" | "expression_switch_statement" | "type_switch_statement" | "select_statement" => {
            for child in children(node) {
                match child.kind() {
                    "block" => {
                        let mut inner = Vec::new();
                        block_of(l, child, &mut inner);
                        out.push(Stmt::Block(inner));
                    }
                    "expression_case" | "default_case" | "communication_case" | "type_case" => {
                        let mut inner = Vec::new();
                        block_of(l, child, &mut inner);
                        out.push(Stmt::Block(inner));
                    }
                    _ => statement(l, child, out),
                }
            }
        }
        "for_statement" => {
            let mut body = Vec::new();
            let (mut iter, mut over) = (None, None);
            for child in children(node) {
                match child.kind() {
                    "range_clause" => {
                        over = child
                            .child_by_field_name("left")
                            .and_then(|left| children(left).into_iter().next_back())
                            .map(|name| target(l, name));
                        iter = child.child_by_field_name("right").map(|right| expr(l, right));
                    }
                    "block" => block_of(l, child, &mut body),
                    _ => statement(l, child, &mut body),
                }
            }
            out.push(Stmt::Loop { target: over, iter, body });
        }
        "block" | "labeled_statement" | "for_clause" | "statement_list" => block_of(l, node, out),
        "go_statement" | "defer_statement" | "expression_statement" | "send_statement" => {
            for child in children(node) {
                let value = expr(l, child);
                out.push(Stmt::Expr(value));
            }
        }
        _ => {
            let value = expr(l, node);
            out.push(Stmt::Expr(value));
        }
    }
    l.depth -= 1;
}

fn target(l: &mut Lowering<'_>, node: Node<'_>) -> Target {
    match node.kind() {
        "identifier" => match l.text(node) {
            "_" => Target::Ignore,
            text => {
                let text = text.to_owned();
                Target::Name(l.name(&text))
            }
        },
        "selector_expression" => {
            let object = node.child_by_field_name("operand").map_or(Expr::Unknown, |inner| expr(l, inner));
            Target::Member(Box::new(object), Rc::from(l.field(node, "field")))
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

fn expr_inner(l: &mut Lowering<'_>, node: Node<'_>) -> Expr {
    match node.kind() {
        "interpreted_string_literal" => Expr::Text(Rc::from(unescape(l.text(node).trim_matches('"')))),
        "raw_string_literal" => Expr::Text(Rc::from(l.text(node).trim_matches('`'))),
        "int_literal" => {
            let text = l.text(node).replace('_', "");
            let parsed = text.strip_prefix("0x").map_or_else(|| text.parse::<i64>().ok(), |hex| i64::from_str_radix(hex, 16).ok());
            parsed.map_or(Expr::Unknown, |number| Expr::Num(number as f64))
        }
        "rune_literal" => {
            unescape(l.text(node).trim_matches('\'')).chars().next().map_or(Expr::Unknown, |c| Expr::Num(f64::from(u32::from(c))))
        }
        "identifier" | "package_identifier" | "field_identifier" | "type_identifier" => {
            let text = l.text(node).to_owned();
            Expr::Name(l.name(&text))
        }
        "selector_expression" | "qualified_type" => {
            let object = node
                .child_by_field_name("operand")
                .or_else(|| node.child_by_field_name("package"))
                .map_or(Expr::Unknown, |inner| expr(l, inner));
            let field = if node.kind() == "qualified_type" { l.field(node, "name") } else { l.field(node, "field") };
            Expr::Member(Box::new(object), Rc::from(field))
        }
        "call_expression" => {
            let callee = node.child_by_field_name("function").map_or(Expr::Unknown, |inner| expr(l, inner));
            let args = node
                .child_by_field_name("arguments")
                .map(children)
                .unwrap_or_default()
                .into_iter()
                .map(|arg| {
                    let spread = arg.kind() == "variadic_argument";
                    let inner = if spread { children(arg).into_iter().next().unwrap_or(arg) } else { arg };
                    Arg { name: None, value: expr(l, inner), spread }
                })
                .collect();
            Expr::Call(Box::new(Call { callee, args, at: node.start_byte() as u32, end: node.end_byte() as u32 }))
        }
        "type_conversion_expression" => {
            let inner = node.child_by_field_name("operand").map_or(Expr::Unknown, |inner| expr(l, inner));
            Expr::Call(Box::new(Call {
                callee: Expr::Api(Rc::from("[]byte")),
                args: vec![Arg::plain(inner)],
                at: node.start_byte() as u32,
                end: node.end_byte() as u32,
            }))
        }
        "composite_literal" => {
            let parts: Vec<Expr> =
                node.child_by_field_name("body").map(children).unwrap_or_default().into_iter().map(|part| element(l, part)).collect();
            match node.child_by_field_name("type") {
                Some(kind) if matches!(kind.kind(), "slice_type" | "array_type" | "map_type" | "implicit_length_array_type") => {
                    Expr::List(parts)
                }
                Some(kind) => {
                    let callee = expr(l, kind);
                    Expr::Call(Box::new(Call {
                        callee,
                        args: parts.into_iter().map(Arg::plain).collect(),
                        at: node.start_byte() as u32,
                        end: node.end_byte() as u32,
                    }))
                }
                None => Expr::List(parts),
            }
        }
        "func_literal" => Expr::Lambda(function(l, node)),
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
        "index_expression" | "slice_expression" => {
            let object = node.child_by_field_name("operand").map_or(Expr::Unknown, |inner| expr(l, inner));
            match node.child_by_field_name("index") {
                Some(index) => Expr::Index(Box::new(object), Box::new(expr(l, index))),
                None => object,
            }
        }
        "unary_expression" | "parenthesized_expression" | "type_assertion_expression" => {
            node.child_by_field_name("operand").or_else(|| children(node).into_iter().next()).map_or(Expr::Unknown, |inner| expr(l, inner))
        }
        "expression_list" => values(l, node),
        _ => Expr::Unknown,
    }
}

fn element(l: &mut Lowering<'_>, node: Node<'_>) -> Expr {
    match node.kind() {
        "keyed_element" => {
            let parts = children(node);
            match parts.into_iter().next_back() {
                Some(value) => element(l, value),
                None => Expr::Unknown,
            }
        }
        "literal_element" => children(node).into_iter().next().map_or(Expr::Unknown, |inner| expr(l, inner)),
        "literal_value" => Expr::List(
            children(node)
                .into_iter()
                .map(|part| if l.depth < crate::ir::MAX_DEPTH / 2 { element(l, part) } else { Expr::Unknown })
                .collect(),
        ),
        _ => expr(l, node),
    }
}
