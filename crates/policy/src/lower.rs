//! The type checker: CEL syntax in, checked [`Node`]s out, mistakes collected with their places.

use crate::KnownSignals;
use crate::MAX_DEPTH;
use crate::check::Mistake;
use crate::ir::{Arithmetic, Comparison, Function, Node, Quantifier, Query, Regex};
use crate::problem::{nearest, shown};
use crate::schema::{ArtifactField, Domain, FUNCTIONS, Field, SignalField, Type};
use bifocal_core::{Severity, Status};
use cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue, SelectExpr, SourceInfo, operators};

/// Names that are calls on a value.
const METHODS: [&str; 9] = ["contains", "startsWith", "endsWith", "matches", "size", "exists", "all", "exists_one", "filter"];
/// Quantifiers in quantifiers: two levels compare signals with signals, more only cost time.
const MAX_QUANTIFIERS: usize = 2;

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

    fn function(&mut self, expr: &IdedExpr, name: &str, args: &[IdedExpr]) -> Typed {
        let status = match name {
            "has" => Some(Status::Present),
            "failed" => Some(Status::Failed),
            "unknown" => Some(Status::Unknown),
            "stripped" => Some(Status::Stripped),
            _ => None,
        };
        if let Some(status) = status {
            return self.query(expr, name, status, args);
        }
        match (name, args) {
            ("rank", [arg]) => match literal_text(arg).map(severity_named) {
                Some(Some(severity)) => (Node::Int(severity as i64), Type::Int),
                Some(None) => {
                    let hint = nearest(literal_text(arg).unwrap_or_default(), severities());
                    self.wrong(arg, "rank() takes the name of a severity", hint)
                }
                None => self.wrong(arg, "rank() takes a severity in quotes", "of a signal read s.severity_rank"),
            },
            ("timestamp", [arg]) => match literal_text(arg).map(str::parse::<jiff::Timestamp>) {
                Some(Ok(time)) => (Node::Time(time), Type::Timestamp),
                _ => self.wrong(arg, "timestamp() takes a time in quotes", "as in timestamp(\"2026-01-31T00:00:00Z\")"),
            },
            ("duration", [arg]) => match literal_text(arg).and_then(crate::fold::parse_duration) {
                Some(span) => (Node::Span(span), Type::Duration),
                None => self.wrong(arg, "duration() takes a span in quotes", "as in duration(\"36h\") or duration(\"1h30m\")"),
            },
            ("glob", [text, pattern]) => {
                let text_node = self.text(text, "glob()");
                if literal_text(pattern).is_none() {
                    return self.wrong(pattern, "the pattern of glob() is a text in quotes", "");
                }
                let pattern = self.text(pattern, "glob()");
                (Node::Call(Function::Glob, vec![text_node, pattern]), Type::Bool)
            }
            ("size", [arg]) => self.size(expr, arg),
            ("matches", [text, pattern]) => self.matches(text, pattern),
            ("double", [arg]) => self.convert(expr, name, arg, Function::ToDouble, Type::Double),
            ("int", [arg]) => self.convert(expr, name, arg, Function::ToInt, Type::Int),
            ("string", [arg]) => self.convert(expr, name, arg, Function::ToText, Type::Text(Domain::Any)),
            _ => self.unknown_function(expr, name, args.len()),
        }
    }

    fn unknown_function(&mut self, expr: &IdedExpr, name: &str, count: usize) -> Typed {
        let own: Vec<&str> = FUNCTIONS.iter().map(|(form, _)| form.split('(').next().unwrap_or(form)).collect();
        let standard = ["timestamp", "duration", "size", "matches", "double", "int", "string"];
        if own.contains(&name) || standard.contains(&name) {
            let forms: Vec<&str> = FUNCTIONS.iter().map(|(form, _)| *form).filter(|form| form.split('(').next() == Some(name)).collect();
            return self.wrong(expr, format!("{name}() does not take {count} arguments"), forms.join(" or "));
        }
        let hint = if METHODS.contains(&name) {
            format!("write it as value.{name}(…)")
        } else {
            nearest(name, own.into_iter().chain(standard).chain(METHODS))
        };
        self.wrong(expr, format!("unknown function `{}`", shown(name)), hint)
    }

    fn convert(&mut self, expr: &IdedExpr, name: &str, arg: &IdedExpr, function: Function, to: Type) -> Typed {
        match self.expression(arg) {
            (node, Type::Int | Type::Double | Type::Wrong) => (Node::Call(function, vec![node]), to),
            (_, kind) => self.wrong(expr, format!("{name}() takes a number, this is a {}", kind.name()), ""),
        }
    }

    fn query(&mut self, expr: &IdedExpr, name: &str, status: Status, args: &[IdedExpr]) -> Typed {
        let (Some(first), true) = (args.first(), args.len() <= if status == Status::Present { 3 } else { 1 }) else {
            return self.unknown_function(expr, name, args.len());
        };
        let Some(pattern) = literal_text(first) else {
            let hint = if matches!(first.expr, Expr::Select(_)) { "every field always exists here" } else { "as in has(\"behaviour/*\")" };
            return self.wrong(first, format!("{name}() takes a signal id in quotes"), hint);
        };
        let pattern = pattern.to_owned();
        self.pattern(first, &pattern);
        let mut query = Query { status, pattern, severity: None, confidence: None };
        if let Some(arg) = args.get(1) {
            let text = literal_text(arg).unwrap_or_default();
            query.severity = severity_named(text);
            if query.severity.is_none() {
                let hint = nearest(text, severities());
                return self.wrong(arg, format!("the second argument of {name}() is a severity"), hint);
            }
        }
        if let Some(arg) = args.get(2) {
            query.confidence = match &arg.expr {
                Expr::Literal(LiteralValue::Double(value)) => Some(*value.inner()),
                Expr::Literal(LiteralValue::Int(value)) => Some(*value.inner() as f64),
                _ => None,
            };
            if !query.confidence.is_some_and(|value| (0.0..=1.0).contains(&value)) {
                return self.wrong(arg, format!("the third argument of {name}() is a confidence from 0.0 to 1.0"), "");
            }
        }
        (Node::Has(query), Type::Bool)
    }

    fn method(&mut self, expr: &IdedExpr, name: &str, target: &IdedExpr, args: &[IdedExpr]) -> Typed {
        if let Some(quantifier) = Quantifier::named(name) {
            return self.quantify(expr, quantifier, target, args);
        }
        let function = match (name, args) {
            ("contains", [_]) => Function::Contains,
            ("startsWith", [_]) => Function::StartsWith,
            ("endsWith", [_]) => Function::EndsWith,
            ("matches", [pattern]) => return self.matches(target, pattern),
            ("size", []) => return self.size(expr, target),
            ("map", _) => return self.wrong(expr, "`map` is not supported in a condition", "use exists, all or filter"),
            _ if METHODS.contains(&name) => {
                return self.wrong(expr, format!("{name}() does not take {} arguments", args.len()), "");
            }
            _ => {
                let hint = nearest(name, METHODS.into_iter());
                return self.wrong(expr, format!("unknown method `{}`", shown(name)), hint);
            }
        };
        let target_node = self.text(target, &format!("{name}()"));
        let arg_node = args.first().map(|arg| self.text(arg, &format!("{name}()"))).unwrap_or(Node::Null);
        (Node::Call(function, vec![target_node, arg_node]), Type::Bool)
    }

    fn text(&mut self, expr: &IdedExpr, what: &str) -> Node {
        match self.expression(expr) {
            (node, Type::Text(_) | Type::Wrong) => node,
            (_, kind) => {
                let hint = if matches!(kind, Type::List(_)) { "for a list write `x in list` or list.exists(x, …)" } else { "" };
                self.wrong(expr, format!("{what} needs a string, this is a {}", kind.name()), hint).0
            }
        }
    }

    fn size(&mut self, expr: &IdedExpr, arg: &IdedExpr) -> Typed {
        match self.expression(arg) {
            (node, Type::Text(_) | Type::List(_) | Type::Map(_) | Type::Wrong) => (Node::Call(Function::Size, vec![node]), Type::Int),
            (_, kind) => self.wrong(expr, format!("size() does not take a {}", kind.name()), ""),
        }
    }

    fn matches(&mut self, target: &IdedExpr, pattern: &IdedExpr) -> Typed {
        let node = self.text(target, "matches()");
        let Some(text) = literal_text(pattern) else {
            return self.wrong(pattern, "the pattern of matches() is a text in quotes", "it is compiled when the policy is loaded");
        };
        match regex::RegexBuilder::new(text).size_limit(256 << 10).build() {
            Ok(regex) => (Node::Matches(Box::new(node), Box::new(Regex(regex))), Type::Bool),
            Err(error) => {
                let text = error.to_string();
                let last = text.lines().last().unwrap_or_default().trim_start_matches("error: ");
                self.wrong(pattern, format!("not a regular expression: {}", bifocal_core::one_line(last, 160)), "")
            }
        }
    }

    fn quantify(&mut self, expr: &IdedExpr, quantifier: Quantifier, target: &IdedExpr, args: &[IdedExpr]) -> Typed {
        let name = quantifier.name();
        let (over, kind) = self.expression(target);
        let [variable, body] = args else {
            return self.wrong(
                expr,
                format!("{name} takes a name and a condition"),
                format!("as in signals.{name}(s, s.lens == \"behaviour\")"),
            );
        };
        let Expr::Ident(variable_name) = &variable.expr else {
            return self.wrong(variable, format!("{name} takes a name first"), "a plain word such as `s`");
        };
        let element = match kind {
            Type::List(element) => *element,
            Type::Map(_) => Type::Text(Domain::Any),
            Type::Wrong => Type::Wrong,
            other => return self.wrong(expr, format!("{name} needs a list, this is a {}", other.name()), ""),
        };
        if Field::named(variable_name).is_some() {
            return self.wrong(variable, format!("`{}` is the name of a field", shown(variable_name)), "choose another word");
        }
        if self.variables.len() >= MAX_QUANTIFIERS {
            return self.wrong(expr, format!("{name} is nested deeper than {MAX_QUANTIFIERS}"), "make several rules of it");
        }
        self.variables.push((variable_name.clone(), element.clone()));
        let body = self.boolean(body, name);
        self.variables.pop();
        let kind = if quantifier == Quantifier::Filter { Type::List(Box::new(element)) } else { Type::Bool };
        (Node::Quantify(quantifier, Box::new(over), variable_name.clone(), Box::new(body)), kind)
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

fn literal_text(expr: &IdedExpr) -> Option<&str> {
    match &expr.expr {
        Expr::Literal(LiteralValue::String(text)) => Some(text.inner()),
        _ => None,
    }
}

fn severities() -> impl Iterator<Item = &'static str> {
    Domain::Severity.words().unwrap_or_default().iter().copied()
}

fn severity_named(text: &str) -> Option<Severity> {
    [Severity::Info, Severity::Low, Severity::Medium, Severity::High, Severity::Critical]
        .into_iter()
        .find(|severity| severity.as_str() == text)
}
