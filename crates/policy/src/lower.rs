//! The type checker: CEL syntax in, checked [`Node`]s out, mistakes collected with their places.

mod calls;

use crate::KnownSignals;
use crate::MAX_DEPTH;
use crate::check::Mistake;
use crate::ir::{Arithmetic, Comparison, Node};
use crate::problem::{nearest, shown};
use crate::schema::{ArtifactField, Domain, Field, SignalField, Type};
use cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue, SelectExpr, SourceInfo, operators};

pub(crate) struct Lowering<'a> {
    text: &'a str,
    info: &'a SourceInfo,
    known: &'a KnownSignals,
    mistakes: Vec<Mistake>,
    variables: Vec<(String, Type)>,
    depth: usize,
}

type Typed = (Node, Type);

impl<'a> Lowering<'a> {
    pub(crate) fn new(text: &'a str, info: &'a SourceInfo, known: &'a KnownSignals) -> Self {
        Lowering { text, info, known, mistakes: Vec::new(), variables: Vec::new(), depth: 0 }
    }

    pub(crate) fn into_mistakes(self) -> Vec<Mistake> {
        self.mistakes
    }

    fn offset(&self, id: u64) -> usize {
        // The parser counts characters; places in the file are bytes.
        let chars = self.info.offset_for(id).map_or(0, |(start, _)| start as usize);
        self.text.char_indices().nth(chars).map_or(self.text.len(), |(at, _)| at)
    }

    fn wrong(&mut self, at: &IdedExpr, message: impl Into<String>, hint: impl Into<String>) -> Typed {
        let offset = self.offset(at.id);
        self.mistakes.push(Mistake::at(offset, message, hint));
        (Node::Bool(false), Type::Wrong)
    }

    pub(crate) fn expression(&mut self, expr: &IdedExpr) -> Typed {
        if self.depth >= MAX_DEPTH * 8 {
            return self.wrong(expr, "the condition nests too deep", "make several rules of it");
        }
        self.depth += 1;
        let typed = match &expr.expr {
            Expr::Literal(literal) => self.literal(expr, literal),
            Expr::Ident(name) => self.identifier(expr, name),
            Expr::Select(select) => self.select(expr, select),
            Expr::Call(call) => self.call(expr, call),
            Expr::List(list) => self.list(expr, &list.elements),
            Expr::Map(_) | Expr::Struct(_) | Expr::Comprehension(_) | Expr::Unspecified => {
                self.wrong(expr, "this form is not supported in a condition", "use fields, comparisons, `in`, exists, all and filter")
            }
        };
        self.depth -= 1;
        typed
    }

    fn literal(&mut self, expr: &IdedExpr, literal: &LiteralValue) -> Typed {
        match literal {
            LiteralValue::Boolean(value) => (Node::Bool(*value.inner()), Type::Bool),
            LiteralValue::Int(value) => (Node::Int(*value.inner()), Type::Int),
            LiteralValue::Double(value) => (Node::Double(*value.inner()), Type::Double),
            LiteralValue::String(value) => (Node::Text(value.inner().to_owned()), Type::Text(Domain::Any)),
            LiteralValue::Null => (Node::Null, Type::Null),
            LiteralValue::UInt(_) => self.wrong(expr, "unsigned numbers are not used here", "leave the `u` away"),
            LiteralValue::Bytes(_) => self.wrong(expr, "bytes are not used here", "leave the `b` away"),
        }
    }

    fn identifier(&mut self, expr: &IdedExpr, name: &str) -> Typed {
        if let Some(slot) = self.variables.iter().rposition(|(variable, _)| variable == name) {
            return (Node::Var(slot, name.to_owned()), self.variables[slot].1.clone());
        }
        if let Some(field) = Field::named(name) {
            return (Node::Field(field), field.kind());
        }
        let known = Field::ALL.iter().map(|field| field.name()).chain(self.variables.iter().map(|(name, _)| name.as_str()));
        let hint = nearest(name, known);
        self.wrong(expr, format!("unknown field `{}`", shown(name)), hint)
    }

    fn select(&mut self, expr: &IdedExpr, select: &SelectExpr) -> Typed {
        let (operand, kind) = self.expression(&select.operand);
        match kind {
            Type::Signal => match SignalField::named(&select.field) {
                Some(field) => (Node::SignalField(Box::new(operand), field), field.kind()),
                None => {
                    let hint = nearest(&select.field, SignalField::ALL.iter().map(|field| field.name()));
                    self.wrong(expr, format!("a signal has no field `{}`", shown(&select.field)), hint)
                }
            },
            Type::Artifact => match ArtifactField::named(&select.field) {
                Some(field) => (Node::ArtifactField(Box::new(operand), field), field.kind()),
                None => {
                    let hint = nearest(&select.field, ArtifactField::ALL.iter().map(|field| field.name()));
                    self.wrong(expr, format!("an artifact has no field `{}`", shown(&select.field)), hint)
                }
            },
            Type::Map(domain) => {
                let key = Node::Text(select.field.clone());
                (Node::Index(Box::new(operand), Box::new(key)), Type::Text(domain))
            }
            Type::Wrong => (Node::Bool(false), Type::Wrong),
            other => self.wrong(expr, format!("a {} has no field `{}`", other.name(), shown(&select.field)), ""),
        }
    }

    fn list(&mut self, expr: &IdedExpr, elements: &[IdedExpr]) -> Typed {
        let mut nodes = Vec::with_capacity(elements.len());
        let mut kind: Option<Type> = None;
        for element in elements {
            let (node, element_kind) = self.expression(element);
            match &kind {
                None => kind = Some(element_kind),
                Some(first) if agree(first, &element_kind) => {}
                Some(first) => {
                    let message = format!("the list mixes {} and {}", first.name(), element_kind.name());
                    return self.wrong(element, message, "");
                }
            }
            nodes.push(node);
        }
        match kind {
            Some(kind) => (Node::List(nodes), Type::List(Box::new(kind))),
            None => self.wrong(expr, "the list is empty", "an empty list has nothing to compare with"),
        }
    }

    fn call(&mut self, expr: &IdedExpr, call: &CallExpr) -> Typed {
        let name = call.func_name.as_str();
        if let Some(target) = &call.target {
            return self.method(expr, name, target, &call.args);
        }
        match (name, call.args.as_slice()) {
            (operators::LOGICAL_AND, args) => self.logic(args, true),
            (operators::LOGICAL_OR, args) => self.logic(args, false),
            (operators::LOGICAL_NOT, [arg]) => {
                let node = self.boolean(arg, "`!`");
                (Node::Not(Box::new(node)), Type::Bool)
            }
            (operators::CONDITIONAL, [condition, yes, no]) => self.choose(expr, condition, yes, no),
            (operators::NEGATE, [arg]) => match self.expression(arg) {
                (node, kind @ (Type::Int | Type::Double | Type::Wrong)) => (Node::Negate(Box::new(node)), kind),
                (_, kind) => self.wrong(expr, format!("`-` needs a number, this is a {}", kind.name()), ""),
            },
            (operators::EQUALS, [left, right]) => self.compare(expr, Comparison::Equal, left, right),
            (operators::NOT_EQUALS, [left, right]) => self.compare(expr, Comparison::NotEqual, left, right),
            (operators::LESS, [left, right]) => self.compare(expr, Comparison::Less, left, right),
            (operators::LESS_EQUALS, [left, right]) => self.compare(expr, Comparison::LessOrEqual, left, right),
            (operators::GREATER, [left, right]) => self.compare(expr, Comparison::Greater, left, right),
            (operators::GREATER_EQUALS, [left, right]) => self.compare(expr, Comparison::GreaterOrEqual, left, right),
            (operators::ADD, [left, right]) => self.arithmetic(expr, Arithmetic::Add, left, right),
            (operators::SUBSTRACT, [left, right]) => self.arithmetic(expr, Arithmetic::Subtract, left, right),
            (operators::MULTIPLY, [left, right]) => self.arithmetic(expr, Arithmetic::Multiply, left, right),
            (operators::DIVIDE, [left, right]) => self.arithmetic(expr, Arithmetic::Divide, left, right),
            (operators::MODULO, [left, right]) => self.arithmetic(expr, Arithmetic::Modulo, left, right),
            (operators::IN, [left, right]) => self.membership(expr, left, right),
            (operators::INDEX, [left, right]) => self.index(expr, left, right),
            _ => self.function(expr, name, &call.args),
        }
    }

    fn logic(&mut self, args: &[IdedExpr], and: bool) -> Typed {
        let mut nodes = Vec::new();
        for arg in args {
            match self.boolean(arg, if and { "`&&`" } else { "`||`" }) {
                Node::And(inner) if and => nodes.extend(inner),
                Node::Or(inner) if !and => nodes.extend(inner),
                node => nodes.push(node),
            }
        }
        (if and { Node::And(nodes) } else { Node::Or(nodes) }, Type::Bool)
    }

    fn boolean(&mut self, expr: &IdedExpr, what: &str) -> Node {
        match self.expression(expr) {
            (node, Type::Bool | Type::Wrong) => node,
            (_, kind) => self.wrong(expr, format!("{what} needs a bool, this is a {}", kind.name()), "compare it with something").0,
        }
    }

    fn choose(&mut self, expr: &IdedExpr, condition: &IdedExpr, yes: &IdedExpr, no: &IdedExpr) -> Typed {
        let condition = self.boolean(condition, "`? :`");
        let (yes, yes_kind) = self.expression(yes);
        let (no, no_kind) = self.expression(no);
        if !agree(&yes_kind, &no_kind) {
            let message = format!("the branches of `? :` are a {} and a {}", yes_kind.name(), no_kind.name());
            return self.wrong(expr, message, "");
        }
        (Node::Choose(Box::new(condition), Box::new(yes), Box::new(no)), yes_kind)
    }

    fn compare(&mut self, expr: &IdedExpr, op: Comparison, left: &IdedExpr, right: &IdedExpr) -> Typed {
        let (left_node, left_kind) = self.expression(left);
        let (right_node, right_kind) = self.expression(right);
        if left_kind == Type::Wrong || right_kind == Type::Wrong {
            return (Node::Bool(false), Type::Bool);
        }
        let nullable = |kind: &Type| matches!(kind, Type::Timestamp | Type::NullableTimestamp);
        let fits = numeric(&left_kind) && numeric(&right_kind)
            || nullable(&left_kind) && nullable(&right_kind)
            || agree(&left_kind, &right_kind)
            || !op.is_order()
                && matches!((&left_kind, &right_kind), (Type::NullableTimestamp, Type::Null) | (Type::Null, Type::NullableTimestamp));
        if !fits {
            let hint = if left_kind == Type::Null || right_kind == Type::Null {
                "only published_at can be null; a missing text is \"\""
            } else {
                ""
            };
            let message = format!("`{}` compares a {} with a {}", op.symbol(), left_kind.name(), right_kind.name());
            return self.wrong(expr, message, hint);
        }
        let comparable = !matches!(left_kind, Type::List(_) | Type::Map(_) | Type::Signal | Type::Artifact);
        if !comparable {
            let message = format!("a {} cannot be compared", left_kind.name());
            return self.wrong(expr, message, "use `in`, size(), exists or all");
        }
        if op.is_order() {
            if let (Type::Bool | Type::Null, _) = (&left_kind, &right_kind) {
                return self.wrong(expr, format!("a {} has no order", left_kind.name()), "use `==` or `!=`");
            }
            if matches!(left_kind, Type::Text(Domain::Severity)) || matches!(right_kind, Type::Text(Domain::Severity)) {
                let hint = "write `s.severity_rank >= rank(\"high\")`";
                return self.wrong(expr, "severities would be compared by their letters", hint);
            }
        }
        self.word(right, &left_kind, &right_node);
        self.word(left, &right_kind, &left_node);
        (Node::Compare(op, Box::new(left_node), Box::new(right_node)), Type::Bool)
    }

    /// Reports a literal that the field it is compared with can never hold.
    fn word(&mut self, at: &IdedExpr, other: &Type, node: &Node) {
        let (Type::Text(domain), Node::Text(text)) = (other, node) else { return };
        if *domain == Domain::SignalId {
            if text.contains('*') {
                self.wrong(at, "`==` takes no pattern", "write has(\"…\") or glob(s.id, \"…\")");
            } else {
                self.pattern(at, text);
            }
        } else if let Some(words) = domain.words()
            && !words.contains(&text.as_str())
        {
            let hint = nearest(text, words.iter().copied());
            self.wrong(at, format!("no {} is called `{}`", domain.what(), shown(text)), hint);
        }
    }

    fn pattern(&mut self, at: &IdedExpr, pattern: &str) {
        let lens = pattern.split('/').next().unwrap_or_default();
        let lenses = Domain::Lens.words().unwrap_or_default();
        if !lens.contains('*') && !lenses.contains(&lens) {
            let hint = nearest(lens, lenses.iter().copied());
            self.wrong(at, format!("signal id `{}` names no lens", shown(pattern)), hint);
        } else if !self.known.matches(pattern) {
            let hint = nearest(pattern, self.known.ids());
            self.wrong(at, format!("no signal is called `{}`", shown(pattern)), hint);
        }
    }

    fn arithmetic(&mut self, expr: &IdedExpr, op: Arithmetic, left: &IdedExpr, right: &IdedExpr) -> Typed {
        let (left_node, left_kind) = self.expression(left);
        let (right_node, right_kind) = self.expression(right);
        let time = |kind: &Type| matches!(kind, Type::Timestamp | Type::NullableTimestamp);
        let kind = match (op, &left_kind, &right_kind) {
            (_, Type::Wrong, _) | (_, _, Type::Wrong) => Type::Wrong,
            (_, Type::Int, Type::Int) => Type::Int,
            (Arithmetic::Modulo, ..) => return self.mismatch(expr, op.symbol(), &left_kind, &right_kind),
            (_, Type::Double, Type::Double) => Type::Double,
            (Arithmetic::Add, Type::Text(_), Type::Text(_)) => Type::Text(Domain::Any),
            (Arithmetic::Subtract, one, two) if time(one) && time(two) => Type::Duration,
            (Arithmetic::Add | Arithmetic::Subtract, one, Type::Duration) if time(one) => Type::Timestamp,
            (Arithmetic::Add, Type::Duration, two) if time(two) => Type::Timestamp,
            (Arithmetic::Add | Arithmetic::Subtract, Type::Duration, Type::Duration) => Type::Duration,
            _ => return self.mismatch(expr, op.symbol(), &left_kind, &right_kind),
        };
        (Node::Arithmetic(op, Box::new(left_node), Box::new(right_node)), kind)
    }

    fn mismatch(&mut self, expr: &IdedExpr, symbol: &str, left: &Type, right: &Type) -> Typed {
        let hint = if numeric(left) && numeric(right) { "write the whole number with a decimal point (`7.0`)" } else { "" };
        self.wrong(expr, format!("`{symbol}` does not take a {} and a {}", left.name(), right.name()), hint)
    }

    fn membership(&mut self, expr: &IdedExpr, left: &IdedExpr, right: &IdedExpr) -> Typed {
        let (left_node, left_kind) = self.expression(left);
        let (right_node, right_kind) = self.expression(right);
        match &right_kind {
            Type::Wrong => return (Node::Bool(false), Type::Bool),
            Type::List(element) if agree(element, &left_kind) && !matches!(**element, Type::Signal | Type::Artifact | Type::List(_)) => {
                self.word(left, element, &left_node);
                if let (Node::List(nodes), Expr::List(list)) = (&right_node, &right.expr) {
                    for (node, at) in nodes.iter().zip(&list.elements) {
                        self.word(at, &left_kind, node);
                    }
                }
            }
            Type::Map(_) if matches!(left_kind, Type::Text(_) | Type::Wrong) => {}
            _ => return self.wrong(expr, format!("a {} cannot be in a {}", left_kind.name(), right_kind.name()), ""),
        }
        (Node::In(Box::new(left_node), Box::new(right_node)), Type::Bool)
    }

    fn index(&mut self, expr: &IdedExpr, left: &IdedExpr, right: &IdedExpr) -> Typed {
        let (left_node, left_kind) = self.expression(left);
        let (right_node, right_kind) = self.expression(right);
        let kind = match (left_kind, &right_kind) {
            (Type::Wrong, _) | (_, Type::Wrong) => Type::Wrong,
            (Type::Map(domain), Type::Text(_)) => Type::Text(domain),
            (Type::List(element), Type::Int) if matches!(*element, Type::Text(_)) => *element,
            (Type::List(element), Type::Int) => {
                let hint = "the order of a list has no meaning; use exists, all or filter";
                return self.wrong(expr, format!("a list of {} is not indexed", element.name()), hint);
            }
            (other, _) => {
                return self.wrong(expr, format!("a {} is not indexed by a {}", other.name(), right_kind.name()), "");
            }
        };
        (Node::Index(Box::new(left_node), Box::new(right_node)), kind)
    }
}

fn numeric(kind: &Type) -> bool {
    matches!(kind, Type::Int | Type::Double)
}

/// Whether two types are one, whatever words their texts may hold.
fn agree(one: &Type, two: &Type) -> bool {
    match (one, two) {
        (Type::Wrong, _) | (_, Type::Wrong) | (Type::Text(_), Type::Text(_)) => true,
        (Type::List(one), Type::List(two)) => agree(one, two),
        _ => one == two,
    }
}
